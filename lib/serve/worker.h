/*
 * worker.h - one piece of work in a process of its own, and its answer.
 *
 * A recipient whose home hangs, whose file is hostile or whose delivery
 * crashes must not touch the next one, nor the connection.  So each is dealt
 * with by a forked child, which says one line, "D.S.N text", as lda does to
 * Postfix; a child that ends without a line has crashed.  One that stays takes
 * the next piece of work when it has done one well: after anything else its
 * memory is not trusted, and it ends.
 */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include "mail/status.h"

#include <stdint.h>
#include <sys/types.h>

struct worker {
	pid_t pid;   /* 0: it is somebody else's child */
	int answers; /* what it says comes here; -1: not running */
	bool stays;  /* and more work can be sent there */
	char said[STATUS_REPLY_OCTETS + 1];
	size_t length;
	int64_t until_us; /* sys_ticks_us(): then it is given up */
};

/* Not running. */
void worker_init(struct worker *worker);

/* The way for an answer, and where it stays for more work: the worker's end
 * lands in speaks.  0, or -1 with why. */
int worker_open(struct worker *worker, bool stays, int *speaks,
    struct status *why) MUST_CHECK;

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

/*
 * More work for one that stays and has answered "delivered": it finds it at
 * work, which must be in memory that both have in common and stay as it is
 * until the answer.  False: it has gone, and nothing was begun; then it is not
 * listened to any more.
 */
bool worker_hand(
    struct worker *worker, const void *work, unsigned seconds) MUST_CHECK;

/* In the child that stays: says that it is done, and waits for more work with
 * no deadline running.  NULL: there is none. */
const void *worker_wait(int speaks);

/* And the deadline runs again, as after worker_split. */
void worker_resume(unsigned seconds);

/* stdin, stdout and stderr become /dev/null: whoever waits for the end of the
 * connection must not wait for this process. */
int worker_leave_connection(void) MUST_CHECK;

/* In the child: says what why comes to, and ends the process. */
void worker_answer(int speaks, const struct status *why) NORETURN;

/*
 * Reads what poll(2) says is there.  True: it has answered or ended, and why is
 * what it said.  It is listened to further only if it stays and has delivered:
 * worker_hand, or worker_leave.
 */
bool worker_hear(struct worker *worker, struct status *why);

/* Whether its time is over; then it is given up, with why. */
bool worker_is_late(struct worker *worker, struct status *why);

/* Nothing more to do for one that stays: it ends by itself. */
void worker_leave(struct worker *worker);

/* Kills it, if it runs: nobody waits for its answer. */
void worker_drop(struct worker *worker);

#endif
