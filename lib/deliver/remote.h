/*
 * remote.h - mail for a server that has users of its own (mail_location =
 * lmtp:): whom it is told, and with whose rights lda talks to it.
 *
 * No userdb is asked: the server knows better, and what it answers is passed
 * on.
 */
#ifndef DELIVER_REMOTE_H
#define DELIVER_REMOTE_H

#include "deliver/deliver.h"

/* Whether all mail goes to such a server; a user's own mail_location may still
 * do so when he has been found. */
bool remote_is_meant(const struct deliver_run *run);

/*
 * The recipient, as told by -d, RECIPIENT, -r or -a; and, started as root,
 * takes on the rights of mail_uid for good.  Fails with STATUS_MISCONFIGURED
 * where nobody tells, or there is no mail_uid.
 */
int remote_resolve(struct deliver_run *run) MUST_CHECK;

/* Puts whom the server is told, with the folder of -m as his detail, into the
 * delivery. */
void remote_plan(struct deliver_run *run);

#endif
