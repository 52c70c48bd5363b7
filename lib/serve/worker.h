/*
 * worker.h - one piece of work in a process of its own, and its answer.
 *
 * A recipient whose home hangs, whose file is hostile or whose delivery
 * crashes must not touch the next one, nor the connection.  So each is dealt
 * with by a forked child, which says one line, "D.S.N text", as lda does to
 * Postfix; a child that ends without a line has crashed.
 */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include "mail/status.h"

#include <stdint.h>
#include <sys/types.h>

struct worker {
	pid_t pid;   /* 0: it is somebody else's child */
	int answers; /* what it says comes here; -1: not running */
	char said[STATUS_REPLY_OCTETS + 1];
	size_t length;
	int64_t until_us; /* sys_ticks_us(): then it is given up */
};

/* Not running. */
void worker_init(struct worker *worker);

/* The pipe for an answer: the worker's end lands in speaks.  0, or -1 with
 * why. */
int worker_open(
    struct worker *worker, int *speaks, struct status *why) MUST_CHECK;

/*
 * As fork(2).  In the child neither the connection nor stderr is left, crashes
 * and lack of memory answer through speaks, and the deadline runs: seconds
 * from now softly, a while later for good.
 */
pid_t worker_split(int speaks, unsigned seconds) MUST_CHECK;

/* The same after worker_open, for a worker that is our own child.  speaks is
 * closed in the parent. */
int worker_fork(struct worker *worker, int speaks, unsigned seconds,
    bool *is_child, struct status *why) MUST_CHECK;

/* The worker is somebody else's child; seconds as above. */
void worker_expect(struct worker *worker, unsigned seconds);

/* stdin, stdout and stderr become /dev/null: whoever waits for the end of the
 * connection must not wait for this process. */
int worker_leave_connection(void) MUST_CHECK;

/* In the child: says what why comes to, and ends the process. */
void worker_answer(int speaks, const struct status *why) NORETURN;

/*
 * Reads what poll(2) says is there.  True: it has answered or ended, why is
 * what it said, and it is not listened to any more.
 */
bool worker_hear(struct worker *worker, struct status *why);

/* Whether its time is over; then it is given up, with why. */
bool worker_is_late(struct worker *worker, struct status *why);

/* Kills it, if it runs: nobody waits for its answer. */
void worker_drop(struct worker *worker);

#endif
