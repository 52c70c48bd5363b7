/*
 * lmtp_sweep.c - many sessions, each disturbed in one way.
 */
#define _DEFAULT_SOURCE
#include "lmtp_sweep.h"

#include "calls.h"

#include "../base/expect.h"
#include "support/tally.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 3

/* How long a call that is to hang may be waited for, in milliseconds. */
#define HANG_MS 4000

void
lmtp_rows_begin(struct lmtp_rows *rows, const struct lmtp_scenario *scenario,
    const char *program)
{
	rows->scenario = scenario;
	rows->program = program;
	rows->setting = NULL;
	rows->workers = WORKERS;
	rows->count = 0;
}

static void
set_up(struct lmtp_stage *stage, const struct lmtp_rows *rows)
{
	lmtp_stage_set_up(stage, rows->scenario);
	stage->program = rows->program;
	stage->setting = rows->setting;
}

/* Whether the speaker has synced the file before the first recipient's process
 * gave it a name: a failure of the disk is told to one of those who have a file
 * open, and the others would say "delivered". */
static bool
is_synced_for_all(const struct lmtp_stage *stage)
{
	unsigned count = stage->plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if (record->call == CALL_FSYNC && record->happened &&
		    record->process == 0)
			return true;
		if (record->call == CALL_LINK_OPEN)
			return false;
	}
	return false;
}

struct fault_record *
lmtp_rehearse(const struct lmtp_rows *rows, unsigned *count)
{
	const struct lmtp_scenario *scenario = rows->scenario;
	struct lmtp_outcome outcome;
	struct lmtp_stage stage;
	struct fault_record *copy;

	set_up(&stage, rows);
	lmtp_stage_reset(&stage);
	lmtp_stage_run(&stage, &outcome);
	for (int box = 0; box < LMTP_BOXES; box++)
		ck_assert_msg(outcome.answer[box] == 250 &&
			outcome.copies[box] == 1 &&
			lmtp_is_durable(&stage, box),
		    "%s: undisturbed, box %d: %d, %d copies\n%s",
		    scenario->name, box, outcome.answer[box],
		    outcome.copies[box], outcome.said);
	if (scenario->has_unknown)
		ck_assert_int_eq(outcome.unknown, 550);
	ck_assert(!scenario->shared || is_synced_for_all(&stage));
	ck_assert_int_eq(
	    outcome.shared_links, scenario->shared ? LMTP_BOXES : 1);
	*count = stage.plan->records;
	ck_assert_uint_le(*count, LEDGER_RECORDS);
	copy = malloc(*count * sizeof(*copy));
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, stage.plan->ledger, *count * sizeof(*copy));
	if (getenv("FAULT_TRACE") != NULL)
		lmtp_print_calls(&stage);
	lmtp_stage_tear_down(&stage);
	return copy;
}

void
lmtp_rows_add(struct lmtp_rows *rows, const struct fault_record *at,
    enum fault_action action, int error, const char *mode)
{
	struct lmtp_row *row = &rows->row[rows->count];

	ck_assert_uint_lt(
	    rows->count, sizeof(rows->row) / sizeof(rows->row[0]));
	memset(row, 0, sizeof(*row));
	row->scenario = rows->scenario;
	row->rule.action = action;
	row->rule.error = error;
	row->mode = mode;
	if (at != NULL) {
		row->rule.call = at->call;
		row->rule.process = at->process;
		row->rule.ordinal = at->ordinal;
	}
	if (lmtp_is_wanted(row))
		rows->count++;
}

static enum tally_kind
kind_of(const struct lmtp_stage *stage, enum fault_action action)
{
	switch (action) {
	case ACT_KILL:
		return TALLY_KILLS;
	case ACT_TERM:
	case ACT_HUP:
	case ACT_INT:
	case ACT_CRASH:
		return TALLY_SIGNALS;
	case ACT_HANG:
	case ACT_HANG_TERM:
		return TALLY_HANGS;
	default:
		return strcmp(stage->program, LMTP_PROGRAM_MEMORY) == 0 ?
		    TALLY_MEMORY :
		    TALLY_FAULTS;
	}
}

/* Sends TERM to the process that hangs, once it does. */
static void
end_what_hangs(const struct fault_plan *plan)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	for (int i = 0; i < HANG_MS; i++) {
		unsigned count = plan->records;

		for (unsigned k = 0; k < count && k < LEDGER_RECORDS; k++)
			if (plan->ledger[k].injected && !plan->ledger[k].done) {
				(void)kill(plan->ledger[k].pid, SIGTERM);
				_exit(0);
			}
		(void)nanosleep(&moment, NULL);
	}
	_exit(0);
}

static void
run(struct lmtp_stage *stage, const struct lmtp_row *row,
    struct lmtp_outcome *outcome)
{
	pid_t ender = -1;

	stage->plan->rule = row->rule;
	for (enum fault_call call = CALL_NONE + 1; call < CALL_COUNT; call++)
		stage->plan->interrupts[call] =
		    (call_row(call)->flags & CALL_WAITS) != 0 &&
		    call != CALL_FSYNC && call != CALL_CLOSE;
	if (row->rule.action == ACT_HANG_TERM)
		ender = fork();
	if (ender == 0)
		end_what_hangs(stage->plan);
	lmtp_stage_run(stage, outcome);
	if (ender > 0) {
		(void)kill(ender, SIGKILL);
		(void)waitpid(ender, NULL, 0);
	}
}

static void
play(struct lmtp_stage *stage, const struct lmtp_row *row)
{
	enum tally_kind kind = kind_of(stage, row->rule.action);
	struct lmtp_outcome outcome, next;
	const char *complaint;

	lmtp_stage_reset(stage);
	run(stage, row, &outcome);
	complaint = lmtp_judge(stage, row, &outcome);
	if (complaint == NULL &&
	    (kind == TALLY_KILLS || kind == TALLY_SIGNALS)) {
		lmtp_stage_forget(stage);
		lmtp_stage_run(stage, &next);
		complaint = lmtp_judge_next(&outcome, &next);
	}
	tally_add(kind, 1);
	if (complaint == NULL)
		return;
	tally_survivor(kind, 1);
	lmtp_print_row(stage, row, &outcome, complaint);
}

static void
work(const struct lmtp_rows *rows, unsigned worker)
{
	struct lmtp_stage stage;

	set_up(&stage, rows);
	for (size_t i = worker; i < rows->count; i += rows->workers)
		play(&stage, &rows->row[i]);
	lmtp_stage_tear_down(&stage);
	_exit(0);
}

void
lmtp_rows_play(const struct lmtp_rows *rows)
{
	pid_t workers[64];
	int status;

	ck_assert_uint_le(rows->workers, sizeof(workers) / sizeof(workers[0]));
	(void)fflush(NULL);
	for (unsigned i = 0; i < rows->workers; i++) {
		workers[i] = fork();
		ck_assert_int_ge(workers[i], 0);
		if (workers[i] == 0)
			work(rows, i);
	}
	for (unsigned i = 0; i < rows->workers; i++) {
		ck_assert_int_eq(waitpid(workers[i], &status, 0), workers[i]);
		ck_assert_int_eq(status, 0);
	}
}

/* Far beyond what a scenario takes on a slow machine. */
#define PATIENCE_SECONDS 300

static const struct lmtp_sweep *sweep_of_main;

START_TEST(every_answer_is_true)
{
	static struct lmtp_rows rows;
	const struct lmtp_scenario *scenario = &lmtp_scenarios[_i];
	unsigned long before = tally_survivors();
	unsigned count;
	struct fault_record *calls;

	if (!lmtp_can_play(scenario))
		return;
	lmtp_rows_begin(&rows, scenario, sweep_of_main->program);
	rows.setting = sweep_of_main->setting;
	if (sweep_of_main->workers > 0)
		rows.workers = sweep_of_main->workers;
	calls = lmtp_rehearse(&rows, &count);
	sweep_of_main->fill(&rows, calls, count);
	free(calls);
	lmtp_rows_play(&rows);
	ck_assert_msg(tally_survivors() == before,
	    "%s: %lu rows broken, named above", scenario->name,
	    tally_survivors() - before);
}
END_TEST

int
lmtp_sweep_main(const struct lmtp_sweep *sweep)
{
	Suite *suite = suite_create(sweep->name);
	TCase *tests = tcase_create("sweep");
	int failed;

	sweep_of_main = sweep;
	lmtp_stages_begin();
	tally_begin();
	tcase_set_timeout(tests, PATIENCE_SECONDS);
	tcase_add_loop_test(
	    tests, every_answer_is_true, 0, (int)lmtp_scenario_count);
	suite_add_tcase(suite, tests);
	failed = expect_run(suite);
	tally_print();
	lmtp_stages_end();
	return failed;
}
