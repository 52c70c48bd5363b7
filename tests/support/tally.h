/*
 * tally.h - what a test program did to lda, and what got away with it.
 *
 * run_checks adds up the lines that tally_print prints, over all programs.
 */
#ifndef SUPPORT_TALLY_H
#define SUPPORT_TALLY_H

enum tally_kind {
	TALLY_FAULTS,
	TALLY_PAIRS,
	TALLY_KILLS,
	TALLY_SIGNALS,
	TALLY_HANGS,
	TALLY_MEMORY,
	TALLY_STATES,
	TALLY_STARTS,
	TALLY_ATTACKS,
	TALLY_KINDS
};

/* Before the tests fork: the sums are in memory that forks share. */
void tally_begin(void);

/* count more of them took place; count more of them broke the contract. */
void tally_add(enum tally_kind kind, unsigned long count);
void tally_survivor(enum tally_kind kind, unsigned long count);

unsigned long tally_count(enum tally_kind kind);

/* Of all kinds. */
unsigned long tally_survivors(void);

/* "summary: 1350 faults injected, 0 survivors", a line for each kind. */
void tally_print(void);

#endif
