/*
 * spool_keeper.h - the one process that keeps the spool's group.
 *
 * Locks and new mailboxes in /var/mail need a group that no local user has.
 * The keeper has it, and knows nothing but one mailbox: it parses no
 * argument, no file of a user and no mail.  The process that does all that
 * has given the group up and sends requests of one octet.
 */
#ifndef STORE_SPOOL_KEEPER_H
#define STORE_SPOOL_KEEPER_H

#include "mail/status.h"

/* Who the keeper keeps: one file in one directory. */
struct spool_keeper {
	const char *directory; /* the spool, an absolute path */
	const char *name;      /* of the mailbox in it */
};

/*
 * In the keeper: answers requests on fd until its end, then unlocks.  keeper
 * is NULL where it could not be found out what to keep; then why is the
 * answer to everything.
 */
void spool_keeper_serve(
    int fd, const struct spool_keeper *keeper, const struct status *why);

/*
 * In the process that delivers, through the other end.  Each fails with what
 * the keeper met, or with STATUS_TROUBLE when it has died.
 */
int spool_keeper_make(int fd, struct status *why) MUST_CHECK;
/* Whether path is the mailbox that it keeps: it says so from what root wrote,
 * while our settings may be the caller's. */
int spool_keeper_keeps(
    int fd, const char *path, bool *keeps, struct status *why) MUST_CHECK;
int spool_keeper_lock(
    int fd, bool may_break, bool *stale, struct status *why) MUST_CHECK;
void spool_keeper_unlock(int fd);

#endif
