/*
 * check_maildir_faults.c - every call of a delivery fails, into a Maildir or
 * an mbox.
 *
 * Each in every way it can, once and from there on, in a delivery of its own.
 */
#include "scenarios.h"
#include "sweep.h"

#include <check.h>
#include <stdlib.h>

/* Far beyond what a scenario takes on a slow machine. */
#define PATIENCE_SECONDS 300

START_TEST(no_fault_loses_or_bounces)
{
	unsigned broken;

	if (!sweep_can_play(&scenarios[_i]))
		return;
	broken = sweep_faults(&scenarios[_i]);
	ck_assert_msg(broken == 0, "%s: %u rows broken, named above",
	    scenarios[_i].name, broken);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fault sweep");
	TCase *sweep = tcase_create("sweep");
	SRunner *runner;
	int failed;

	sweep_begin(STAGE_FAULT);
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(
	    sweep, no_fault_loses_or_bounces, 0, (int)scenario_count);
	suite_add_tcase(suite, sweep);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	sweep_end();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
