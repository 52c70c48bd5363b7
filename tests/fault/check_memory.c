/*
 * check_memory.c - there is no memory, at each place that takes some.
 *
 * lda takes memory in large blocks and seldom; lda-memory is built so that it
 * asks the system each time (Makefile).  Whatever it was about to do is not
 * done then: 75, and nothing to be seen.
 */
#include "scenarios.h"
#include "sweep.h"

#include <check.h>
#include <stdlib.h>

/* Far beyond what a scenario takes on a slow machine. */
#define PATIENCE_SECONDS 300

START_TEST(no_lack_of_memory_loses_or_bounces)
{
	unsigned broken;

	if (!sweep_can_play(&scenarios[_i]))
		return;
	broken = sweep_memory(&scenarios[_i]);
	ck_assert_msg(broken == 0, "%s: %u rows broken, named above",
	    scenarios[_i].name, broken);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory sweep");
	TCase *sweep = tcase_create("sweep");
	SRunner *runner;
	int failed;

	sweep_begin(STAGE_MEMORY);
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(
	    sweep, no_lack_of_memory_loses_or_bounces, 0, (int)scenario_count);
	suite_add_tcase(suite, sweep);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	sweep_end();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
