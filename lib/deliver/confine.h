/*
 * confine.h - which process gives up what, and when.
 *
 * Never one that may start a program later: quota_warning's command, or the
 * helper lda-getpw with whatever NSS modules do.
 *
 * Source: lda.conf(5) sandbox.
 */
#ifndef DELIVER_CONFINE_H
#define DELIVER_CONFINE_H

#include "deliver/deliver.h"

/* When the recipient is known, and nothing of the message has been read: his
 * mail, mail_temp_dir and the log are what is left.  For a process that ends
 * with this delivery: the next may be another's. */
void confine_delivery(const struct deliver_run *run);

/* lda-lmtp's speaker with a monitor: reads and makes no file but those in
 * mail_temp_dir. */
void confine_speaker(const struct settings *settings);

/* lda-verify: reads files, asks servers, forks; changes nothing. */
void confine_verifier(const struct settings *settings, struct arena *arena);

#endif
