/*
 * check_lmtp_memory.c - lda-lmtp finds no memory, at each place that takes
 * some, in a session with three recipients.
 *
 * lda-lmtp-memory asks the system each time (Makefile).  Who is not delivered
 * hears 4xx, the others have their mail.
 */
#include "lmtp_sweep.h"

#include "support/tally.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define PATIENCE_SECONDS 300

START_TEST(every_answer_is_true_without_memory)
{
	static struct lmtp_rows rows;
	const struct lmtp_scenario *scenario = &lmtp_scenarios[_i];
	unsigned long before = tally_survivors();
	unsigned count;
	struct fault_record *calls;

	if (!lmtp_can_play(scenario))
		return;
	lmtp_rows_begin(&rows, scenario, LMTP_PROGRAM_MEMORY);
	calls = lmtp_rehearse(&rows, &count);
	for (unsigned i = 0; i < count; i++) {
		if ((calls[i].call != CALL_MAP &&
			calls[i].call != CALL_MAP_SHARED) ||
		    calls[i].process > lmtp_first_worker(scenario))
			continue;
		lmtp_rows_add(&rows, &calls[i], ACT_FAIL, ENOMEM, "once");
		lmtp_rows_add(&rows, &calls[i], ACT_FAIL_ON, ENOMEM, "on");
	}
	free(calls);
	lmtp_rows_play(&rows);
	ck_assert_msg(tally_survivors() == before,
	    "%s: %lu rows broken, named above", scenario->name,
	    tally_survivors() - before);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP memory sweep");
	TCase *sweep = tcase_create("sweep");
	SRunner *runner;
	int failed;

	lmtp_stages_begin();
	tally_begin();
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(sweep, every_answer_is_true_without_memory, 0,
	    (int)lmtp_scenario_count);
	suite_add_tcase(suite, sweep);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	tally_print();
	lmtp_stages_end();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
