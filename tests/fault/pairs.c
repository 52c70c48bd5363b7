/*
 * pairs.c - a second fault while the first is handled, for make proof.
 *
 * usage: pairs [-a] [scenario ...]
 *
 * All scenarios that end in a delivery if none is named; -a takes every errno
 * for the first fault.  Exit status 1 if a row broke the contract.
 */
#include "scenarios.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

static bool
is_named(int argc, char *argv[], const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

int
main(int argc, char *argv[])
{
	bool all = is_named(argc, argv, "-a");
	bool chosen = argc > (all ? 2 : 1);
	unsigned broken = 0;

	sweep_begin(STAGE_FAULT);
	for (size_t i = 0; i < scenario_count; i++) {
		if (!sweep_can_play(&scenarios[i]) ||
		    scenarios[i].want_exit != 0 ||
		    (chosen && !is_named(argc, argv, scenarios[i].name)))
			continue;
		broken += sweep_pairs(&scenarios[i], all);
	}
	sweep_end();
	return broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
