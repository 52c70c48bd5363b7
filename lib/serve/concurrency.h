/*
 * concurrency.h - how many deliveries one user has at a time, counted over all
 * processes of a server.
 *
 * One user's slow mailbox must not hold all of them.  A process that dies
 * without leaving is noticed, because each place is held by a pid.
 */
#ifndef SERVE_CONCURRENCY_H
#define SERVE_CONCURRENCY_H

#include "mail/status.h"

#include <stdint.h>

struct concurrency;

/* In the first process, before it forks; NULL: no memory, nothing is limited.
 */
struct concurrency *concurrency_make(void) MUST_CHECK;

/*
 * Takes a place for user, of which there are most; waits for one for at most
 * wait_ms, and then fails with STATUS_LOCKED.  The place is given back by
 * concurrency_leave or the end of the process.  table NULL or most 0: no limit.
 */
int concurrency_enter(struct concurrency *table, struct str user, uint64_t most,
    int wait_ms, struct status *why) MUST_CHECK;

/* Gives back the place that this process has for user, if it has one. */
void concurrency_leave(struct concurrency *table, struct str user);

#endif
