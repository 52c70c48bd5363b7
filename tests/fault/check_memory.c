/*
 * check_memory.c - there is no memory, at each place that takes some.
 *
 * lda takes memory in large blocks and seldom; lda-memory is built so that it
 * asks the system each time (Makefile).  Whatever it was about to do is not
 * done then: 75, and nothing to be seen.
 */
#include "sweep.h"

int
main(void)
{
	return sweep_main("memory sweep", STAGE_MEMORY, sweep_memory);
}
