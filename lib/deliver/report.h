/*
 * report.h - the one line that says what became of a message.
 */
#ifndef DELIVER_REPORT_H
#define DELIVER_REPORT_H

#include "deliver/deliver.h"

/* A line of its own for a message that does not go where -m said. */
void report_folder(struct deliver_run *run);

/* Takes no memory.  The last line: "lda(bob): msgid=<x@y>: saved mail to INBOX
 * from=<a@b> ...", or "save failed to INBOX: cause ... reply=\"4.2.1 ...\"
 * exit=75". */
void report_outcome(struct deliver_run *run);

/* A recipient whom lda-lmtp or lda-verify refuses, and why. */
void report_refusal(struct log *log, struct str address, struct str sender,
    const struct status *why);

/* The same for a failure before there was a delivery. */
void report_early(struct log *log, const struct status *why);

#endif
