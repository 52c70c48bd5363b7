/*
 * trace.h - what a delivery would do and why, without doing it (lda -t).
 */
#ifndef DELIVER_TRACE_H
#define DELIVER_TRACE_H

#include "deliver/deliver.h"

/*
 * Resolves the recipient, takes on his rights (for good: the process is only
 * good for this), looks at the mailbox and writes what it found.  Reads no
 * message, makes nothing.  Returns 0 when a delivery would be tried, -1 with
 * run->why when it would fail before that.
 */
int trace(struct deliver_run *run, struct buf *out) MUST_CHECK;

/* The first part of it alone: the settings in force. */
void trace_settings(const struct deliver_run *run, struct buf *out);

#endif
