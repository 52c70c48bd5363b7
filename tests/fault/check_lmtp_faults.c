/*
 * check_lmtp_faults.c - every call of lda-lmtp fails, is interrupted, comes
 * short, or is the last of its process, in a session with three recipients.
 *
 * What must hold is in lmtp_judge.h (reliability I16).  After a kill, or a
 * signal that asks to end, another session adds one message to each mailbox.
 *
 * FAULT_ONLY=three:1:30:EIO:once (scenario, process, ordinal, errno, mode)
 * plays that row alone; FAULT_TRACE=1 prints the calls of each clean session.
 */
#include "calls.h"
#include "lmtp_judge.h"
#include "lmtp_stage.h"

#include "support/machine.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_SECONDS 300

/* A longer message would make more calls than the ledger has room for. */
#define TRICKLED_OCTETS 8192
static enum lmtp_kind
kind_of(enum fault_action action)
{
	switch (action) {
	case ACT_KILL:
		return LMTP_KILLS;
	case ACT_TERM:
	case ACT_HUP:
	case ACT_INT:
		return LMTP_SIGNALS;
	default:
		return LMTP_FAULTS;
	}
}

static void
play(struct lmtp_stage *stage, const struct lmtp_row *row)
{
	enum lmtp_kind kind = kind_of(row->rule.action);
	struct lmtp_outcome outcome, next;
	const char *complaint;

	lmtp_stage_reset(stage);
	stage->plan->rule = row->rule;
	for (enum fault_call call = CALL_NONE + 1; call < CALL_COUNT; call++)
		stage->plan->interrupts[call] =
		    (call_row(call)->flags & CALL_WAITS) != 0 &&
		    call != CALL_FSYNC && call != CALL_CLOSE;
	lmtp_stage_run(stage, &outcome);
	complaint = lmtp_judge(stage, row, &outcome);
	if (complaint == NULL && kind != LMTP_FAULTS) {
		lmtp_stage_forget(stage);
		lmtp_stage_run(stage, &next);
		complaint = lmtp_judge_next(&outcome, &next);
	}
	lmtp_tally(kind, complaint != NULL);
	if (complaint != NULL)
		lmtp_print_row(stage, row, &outcome, complaint);
}

static void
try(struct lmtp_stage *stage, struct lmtp_row row, enum fault_action action,
    int error, const char *mode)
{
	row.rule.action = action;
	row.rule.error = error;
	row.mode = mode;
	if (lmtp_is_wanted(&row))
		play(stage, &row);
}

/* A worker's answer goes into the pipe whole, or not at all. */
static bool
is_answer(const struct fault_record *record)
{
	return record->call == CALL_WRITE && record->process > 0 &&
	    record->result < PIPE_BUF &&
	    (strcmp(record->path, "(pipe)") == 0 ||
		strcmp(record->path, "(received)") == 0);
}

/* What can happen at one call; the errnos in full for the workers of the
 * first scenario, a choice elsewhere. */
static void
try_call(struct lmtp_stage *stage, const struct fault_record *record)
{
	const struct call_row *call = call_row(record->call);
	struct lmtp_row row = { .scenario = stage->scenario };

	row.rule.call = record->call;
	row.rule.process = record->process;
	row.rule.ordinal = record->ordinal;
	for (int i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++) {
		if (!call_can_fail(record, call->errors[i]))
			continue;
		if (i > 0 && stage->scenario != &lmtp_scenarios[0] &&
		    call->errors[i] != EIO && call->errors[i] != ENOSPC)
			continue;
		try(stage, row, ACT_FAIL, call->errors[i], "once");
		/* Nothing says "not now" for ever while it says "now". */
		if (i == 0 && call->errors[i] != EAGAIN)
			try(stage, row, ACT_FAIL_ON, call->errors[i], "on");
	}
	if ((call->flags & CALL_MOVES) != 0 && record->result > 1 &&
	    !is_answer(record)) {
		try(stage, row, ACT_HALF, 0, "half");
		try(stage, row, ACT_ONE, 0, "one");
	}
	if ((call->flags & CALL_WAITS) != 0)
		try(stage, row, ACT_FAIL, EINTR, "once");
	try(stage, row, ACT_KILL, 0, "kill");
	try(stage, row, ACT_TERM, 0, "term");
	if (stage->scenario != &lmtp_scenarios[0])
		return;
	try(stage, row, ACT_HUP, 0, "hup");
	try(stage, row, ACT_INT, 0, "int");
}

static struct fault_record *
clean_session(struct lmtp_stage *stage, unsigned *count)
{
	struct lmtp_outcome outcome;
	struct fault_record *copy;

	lmtp_stage_reset(stage);
	lmtp_stage_run(stage, &outcome);
	for (int box = 0; box < LMTP_BOXES; box++)
		ck_assert_msg(outcome.answer[box] == 250 &&
			outcome.copies[box] == 1 && lmtp_is_durable(stage, box),
		    "%s: undisturbed, box %d: %d, %d copies\n%s",
		    stage->scenario->name, box, outcome.answer[box],
		    outcome.copies[box], outcome.said);
	if (stage->scenario->has_unknown)
		ck_assert_int_eq(outcome.unknown, 550);
	ck_assert_int_eq(
	    outcome.shared_links, stage->scenario->shared ? LMTP_BOXES : 1);
	*count = stage->plan->records;
	ck_assert_uint_le(*count, LEDGER_RECORDS);
	copy = malloc(*count * sizeof(*copy));
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, stage->plan->ledger, *count * sizeof(*copy));
	if (getenv("FAULT_TRACE") != NULL)
		lmtp_print_calls(stage);
	return copy;
}

/* Whether this call is played: of three workers that do the same, one; of the
 * speaker's many calls for a long message, some.  A clock that has worked does
 * not cease to. */
static bool
is_played(const struct lmtp_stage *stage, const struct fault_record *record)
{
	unsigned first = lmtp_first_worker(stage->scenario);

	if (record->process > first || record->call == CALL_CLOCK)
		return false;
	return stage->scenario == &lmtp_scenarios[0] || record->process == first ||
	    (record->ordinal + record->process) % 11 == 0;
}

START_TEST(every_answer_is_true)
{
	struct lmtp_stage stage;
	struct fault_record *calls;
	unsigned count, before = lmtp_tally_survivors();
	struct lmtp_row all = { .scenario = &lmtp_scenarios[_i] };

	if (!lmtp_can_play(all.scenario))
		return;

	lmtp_stage_set_up(&stage, &lmtp_scenarios[_i]);
	calls = clean_session(&stage, &count);
	for (unsigned i = 0; i < count; i++)
		if (is_played(&stage, &calls[i]))
			try_call(&stage, &calls[i]);
	try(&stage, all, ACT_INTERRUPT_EACH, EINTR, "interrupt-each");
	if (all.scenario->octets < TRICKLED_OCTETS)
		try(&stage, all, ACT_TRICKLE, 0, "trickle");
	free(calls);
	lmtp_stage_tear_down(&stage);
	ck_assert_msg(lmtp_tally_survivors() == before,
	    "%s: %u rows broken, named above", all.scenario->name,
	    lmtp_tally_survivors() - before);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP sweep");
	TCase *sweep = tcase_create("sweep");
	SRunner *runner;
	int failed;

	machine_begin();
	lmtp_tally_begin();
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(sweep, every_answer_is_true, 0,
	    (int)lmtp_scenario_count);
	suite_add_tcase(suite, sweep);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	lmtp_tally_print();
	machine_end();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
