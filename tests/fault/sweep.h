/*
 * sweep.h - one disturbance after the other, each in a delivery of its own.
 *
 * A clean delivery tells which calls there are; then each of them fails in
 * every way it can, in one delivery each.  A row that breaks the contract is
 * printed with the name that repeats it:
 *
 *	FAULT_ONLY=existing:37:ENOSPC:once build/check/tests/fault/check_...
 *
 * is scenario, ordinal of the call ("1.5" is the fifth of the first child),
 * errno and mode; it prints the calls of that delivery, too.  A scenario's
 * name alone plays all its rows.  FAULT_TRACE=1 prints the calls of every
 * clean delivery.
 */
#ifndef FAULT_SWEEP_H
#define FAULT_SWEEP_H

#include "stage.h"

/* Before the tests fork, and after them; program is STAGE_FAULT or
 * STAGE_MEMORY.  The latter prints what was done, "summary: 2130 kills, 0
 * survivors", a line for each kind, which run_checks adds up. */
void sweep_begin(const char *program);
void sweep_end(void);

/* Whether this scenario can be played by whoever runs the test. */
bool sweep_can_play(const struct scenario *scenario);

/*
 * A test program that plays one sweep over each scenario, a test for each,
 * which fails if a row breaks the contract; program is as of sweep_begin.
 * What main returns.
 */
int sweep_main(const char *name, const char *program,
    unsigned (*sweep_one)(const struct scenario *scenario));

/* Each returns the number of rows that broke the contract. */

/* Every errno, once and from there on; interruptions; short counts. */
unsigned sweep_faults(const struct scenario *scenario);

/* KILL, TERM, HUP, INT and a crash (SEGV) before every call, and another
 * delivery after it. */
unsigned sweep_kills(const struct scenario *scenario);

/*
 * One fault, or a TERM, at every call, and another fault, or a kill, at every
 * call that the delivery makes after it: while it undoes, tells, and goes on.
 * Shorter than all errnos twice: with all one for each call, else a hard one.
 */
unsigned sweep_pairs(const struct scenario *scenario, bool all);

/* No memory, each time that some is taken: of STAGE_MEMORY. */
unsigned sweep_memory(const struct scenario *scenario);

/* RLIMIT_FSIZE from nothing to what the delivery needs and some more: until
 * then it is refused with 4.2.2, from there on it is delivered. */
unsigned sweep_file_limits(const struct scenario *scenario);

/*
 * Every call of every scenario that can hang does, side by side: the deadline
 * ends it once the settings are known, a TERM at any time.
 */
unsigned sweep_hangs(void);

#endif
