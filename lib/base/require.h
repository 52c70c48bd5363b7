/*
 * require.h - invariants that hold in production too.
 *
 * Not assert(3): that writes to stderr, where Postfix would take its text for
 * our answer.
 */
#ifndef BASE_REQUIRE_H
#define BASE_REQUIRE_H

#include <stdbool.h>
#include <stdlib.h>

/* Aborts where holds is false; the crash handler (stop.h) speaks for us.
 * Inline, so that compilers and analyzers know what holds from there on. */
static inline void
require(bool holds)
{
	if (!holds)
		abort();
}

#endif
