/*
 * check_maildir_kills.c - a delivery, into a Maildir or an mbox, is killed
 * before each of its calls, or in the middle of a write.
 *
 * Or is asked to end.  The next delivery finds nothing but whole messages.
 */
#include "scenarios.h"
#include "sweep.h"

#include <check.h>
#include <stdlib.h>

/* Far beyond what a scenario takes on a slow machine. */
#define PATIENCE_SECONDS 300

START_TEST(no_kill_tears_a_message)
{
	unsigned broken;

	if (!sweep_can_play(&scenarios[_i]))
		return;
	broken = sweep_kills(&scenarios[_i]);
	ck_assert_msg(broken == 0, "%s: %u rows broken, named above",
	    scenarios[_i].name, broken);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kill sweep");
	TCase *sweep = tcase_create("sweep");
	SRunner *runner;
	int failed;

	sweep_begin(STAGE_FAULT);
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(
	    sweep, no_kill_tears_a_message, 0, (int)scenario_count);
	suite_add_tcase(suite, sweep);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	sweep_end();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
