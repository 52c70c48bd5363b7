/*
 * check_lmtp_hangs.c - every call of lda-lmtp that can hang does, in a session
 * with three recipients.
 *
 * What hangs in one recipient's process is ended by its deadline, and is his
 * trouble alone.  Whoever speaks, and root's monitor, end when they are asked.
 */
#include "calls.h"
#include "lmtp_sweep.h"

#include "support/tally.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_SECONDS 300

/* Sessions that hang side by side: each for a second. */
#define HANGING 48

START_TEST(every_answer_is_true_when_a_call_hangs)
{
	static struct lmtp_rows rows;
	const struct lmtp_scenario *scenario = &lmtp_scenarios[_i];
	unsigned first = lmtp_first_worker(scenario);
	unsigned long before = tally_survivors();
	unsigned count;
	struct fault_record *calls;

	if (!lmtp_can_play(scenario))
		return;
	lmtp_rows_begin(&rows, scenario, LMTP_PROGRAM_FAULT);
	rows.setting = "delivery_timeout=1s";
	rows.workers = HANGING;
	calls = lmtp_rehearse(&rows, &count);
	for (unsigned i = 0; i < count; i++) {
		/* No server can make a dup2 wait. */
		if ((call_row(calls[i].call)->flags & CALL_WAITS) == 0 ||
		    calls[i].call == CALL_DUP2 || calls[i].process > first)
			continue;
		/* A worker that waits for more to do waits for its own. */
		if (calls[i].process == first &&
		    strcmp(calls[i].path, "(socketpair)") != 0)
			lmtp_rows_add(&rows, &calls[i], ACT_HANG, 0, "hang");
		lmtp_rows_add(&rows, &calls[i], ACT_HANG_TERM, 0, "hang-term");
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
	Suite *suite = suite_create("LMTP hang sweep");
	TCase *sweep = tcase_create("sweep");
	SRunner *runner;
	int failed;

	lmtp_stages_begin();
	tally_begin();
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(sweep, every_answer_is_true_when_a_call_hangs, 0,
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
