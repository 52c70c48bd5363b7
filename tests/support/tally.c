/*
 * tally.c - what a test program did to lda, and what got away with it.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "tally.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static const char *const names[TALLY_KINDS] = { "faults injected",
	"pairs of faults", "kills", "signals", "hangs", "out-of-memory points",
	"crash states", "odd starts", "attack cases" };

static struct sums {
	atomic_ulong count[TALLY_KINDS];
	atomic_ulong survivors[TALLY_KINDS];
} * sums;

void
tally_begin(void)
{
	sums = mmap(NULL, sizeof(*sums), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sums == MAP_FAILED)
		abort();
}

void
tally_add(enum tally_kind kind, unsigned long count)
{
	(void)atomic_fetch_add(&sums->count[kind], count);
}

void
tally_survivor(enum tally_kind kind, unsigned long count)
{
	(void)atomic_fetch_add(&sums->survivors[kind], count);
}

unsigned long
tally_count(enum tally_kind kind)
{
	return sums->count[kind];
}

unsigned long
tally_survivors(void)
{
	unsigned long survivors = 0;

	for (int kind = 0; kind < TALLY_KINDS; kind++)
		survivors += sums->survivors[kind];
	return survivors;
}

void
tally_print(void)
{
	for (int kind = 0; kind < TALLY_KINDS; kind++)
		if (sums->count[kind] + sums->survivors[kind] > 0)
			(void)printf("summary: %lu %s, %lu survivors\n",
			    sums->count[kind], names[kind],
			    sums->survivors[kind]);
}
