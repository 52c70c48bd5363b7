/*
 * feed.h - a command that is fed one message, as an MTA does it.
 */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FEED_WORDS 64

/* One way to deliver; the lines of a plan say what it is (plan.c). */
struct subject {
	const char *name;
	const char *argv[FEED_WORDS];
	size_t argc;
	const char *envp[FEED_WORDS];
	size_t envc;
	const char *directory; /* where it starts */
	const char *empty;     /* directory whose files go after each run */
	const char *cut;       /* file that is cut to cut_octets after it */
	off_t cut_octets;
	const char *without; /* file that is removed */
	/* What was measured, one each run. */
	double *wall_us;
	double *cpu_us;
	double *faults;
	size_t runs;
	size_t failures;
};

struct message {
	const char *at;
	size_t length;
	size_t piece; /* octets that the feeder writes at once */
};

/* What one delivery asks of the system (trace.c). */
struct cost {
	long calls;
	long syncs;
	long long written; /* octets, by all write calls */
	long peak_kib;     /* VmHWM of its biggest process */
	int processes;
	int status; /* of wait(2) */
};

/*
 * Reads a plan:
 *
 *	subject NAME	what follows is this one's
 *	arg WORD	of its command; the first is the program's path
 *	env NAME=VALUE
 *	cd DIRECTORY
 *	empty DIRECTORY
 *	cut FILE OCTETS
 *	without FILE
 *
 * Returns how many there are; ends the program if it cannot be read.
 */
size_t plan_read(const char *path, struct subject **subjects);

/* Puts back what the last run has left behind, as the plan says. */
void plan_tidy(const struct subject *subject);

/* One delivery, watched; the rights of uid and gid are taken on first if we
 * are root, set-ID programs keep theirs.  Without counts_calls only its end is
 * looked at, which takes no time: no calls, no syncs. */
bool trace_delivery(const struct subject *subject,
    const struct message *message, uid_t uid, gid_t gid, bool counts_calls,
    struct cost *cost);

/* Writes a message and closes fd; false if nobody reads it. */
bool feed_message(int fd, const struct message *message);

#endif
