/*
 * check_lmtp_faults.c - every call of lda-lmtp fails, is interrupted, comes
 * short, or is the last of its process, in a session with three recipients.
 *
 * What must hold (reliability I16): a 250 after the final dot is a whole
 * message in that mailbox, once, synced before it was published and its name
 * after; any other answer leaves nothing that a reader sees; only the unknown
 * recipient hears 5xx; what happens in one recipient's process changes nothing
 * for the others; a connection that ends before the dot has delivered nothing.
 *
 * FAULT_ONLY=three:1:30:EIO:once (scenario, process, ordinal, errno, mode)
 * plays that row alone; FAULT_TRACE=1 prints the calls of each clean session.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "calls.h"
#include "lmtp_stage.h"

#include "support/machine.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 300
#define SMALL 2000
#define LARGE ((size_t)200 * 1024)

static const struct lmtp_scenario scenarios[] = {
	{ "three", SMALL, false, true, { 0 }, { NULL } },
	/* In a file beside the mailboxes that all three give a name. */
	{ "shared", LARGE, true, false, { 0 },
	    { "lmtp_hdr_delivery_address=none", NULL } },
	/* The same where there are no files without a name: copies. */
	{ "unshared", LARGE, false, false,
	    { ACT_FAIL_EVERY, CALL_UNNAMED_FILE, 0, 0, EOPNOTSUPP },
	    { "lmtp_hdr_delivery_address=none", NULL } },
	/* Or where none can be given. */
	{ "unlinked", LARGE, false, false,
	    { ACT_FAIL_EVERY, CALL_LINK_OPEN, 0, 0, EXDEV },
	    { "lmtp_hdr_delivery_address=none", NULL } },
};

static struct {
	unsigned faults, kills, broken;
} * done;

/* One disturbance, and how it is called. */
struct row {
	const struct lmtp_scenario *scenario;
	struct fault_rule rule;
	const char *mode;
};

static bool
is_killing(const struct fault_rule *rule)
{
	return rule->action == ACT_KILL;
}

/* The processes are numbered as they are forked: the speaker is 0, and where
 * a file beside the mailboxes is looked for that is 1. */
static unsigned
first_worker(const struct lmtp_scenario *scenario)
{
	for (size_t i = 0; scenario->settings[i] != NULL; i++)
		if (strstr(scenario->settings[i], "=none") != NULL)
			return 2;
	return 1;
}

static int
box_of(const struct row *row)
{
	unsigned first = first_worker(row->scenario);

	return row->rule.process < first ? -1 :
					   (int)(row->rule.process - first);
}

/* Whether the message of this box was synced before it was published, and the
 * directory after. */
static bool
is_durable(const struct lmtp_stage *stage, int box)
{
	unsigned count = stage->plan->records;
	const char *new = lmtp_stage_new(stage, box);
	const struct fault_record *published = NULL;
	bool synced_file = false, synced_name = false;

	if (count > LEDGER_RECORDS)
		count = LEDGER_RECORDS;
	for (unsigned i = 0; i < count; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if ((record->call == CALL_RENAMEAT_NEW ||
			record->call == CALL_LINKAT ||
			record->call == CALL_RENAMEAT) &&
		    record->happened &&
		    strncmp(record->other, new, strlen(new)) == 0)
			published = record;
	}
	for (unsigned i = 0; published != NULL && i < count; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if (record->call != CALL_FSYNC || !record->happened ||
		    record->process != published->process)
			continue;
		if (record < published &&
		    strcmp(record->path, published->path) == 0)
			synced_file = true;
		if (record > published && strcmp(record->path, new) == 0)
			synced_name = true;
	}
	return synced_file && synced_name;
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

/* The call that was disturbed, as this session made it; NULL: it never came
 * to it. */
static const struct fault_record *
disturbed(const struct lmtp_stage *stage)
{
	unsigned count = stage->plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++)
		if (stage->plan->ledger[i].injected)
			return &stage->plan->ledger[i];
	return NULL;
}

/* A worker whose answer is lost on the way has delivered, and the mail comes
 * again: that is a duplicate, never a loss. */
static bool
answer_was_lost(const struct lmtp_stage *stage)
{
	const struct fault_record *record = disturbed(stage);

	return record != NULL &&
	    (record->call == CALL_WRITE || record->call == CALL_READ) &&
	    strcmp(record->path, "(pipe)") == 0;
}

/* A directory that cannot be synced (EINVAL) has a file system that keeps the
 * order by itself, or cannot be helped. */
static bool
has_no_sync(const struct lmtp_stage *stage)
{
	const struct fault_record *record = disturbed(stage);

	return record != NULL && record->call == CALL_FSYNC &&
	    record->error == EINVAL;
}

/* What is wrong with one box, or NULL. */
static const char *
judge_box(const struct lmtp_stage *stage, const struct row *row,
    const struct lmtp_outcome *outcome, int box)
{
	int answer = outcome->answer[box];
	bool speaker_was_hit = box_of(row) < 0;
	bool worker_was_killed = is_killing(&row->rule) && box_of(row) == box;

	if (outcome->torn[box] > 0)
		return "a message that is not whole is in new/";
	if (outcome->copies[box] > 1)
		return "the message is there twice";
	if (outcome->rcpt[box] / 100 == 5 || answer / 100 == 5)
		return "a permanent answer for trouble of the machine";
	if (answer == 250 && outcome->copies[box] != 1)
		return "250, and the message is not there";
	if (answer == 250 && !is_durable(stage, box) && !has_no_sync(stage))
		return "250, and it would not survive a power cut";
	if (answer / 100 == 4 && outcome->copies[box] != 0 &&
	    !worker_was_killed && !answer_was_lost(stage))
		return "4xx, and the message is there";
	if (!outcome->told_354 && outcome->copies[box] != 0)
		return "delivered before there was a message";
	if (!speaker_was_hit && box_of(row) != box && answer != 250)
		return "another recipient's trouble has become his";
	if (!speaker_was_hit && answer == 0)
		return "the connection was lost for one recipient's trouble";
	if (outcome->debris[box] > 0 && !is_killing(&row->rule) &&
	    row->rule.action != ACT_FAIL_ON)
		return "something was left in tmp/";
	return NULL;
}

/* By the signal that was sent, or, before signals are put in order, by TERM. */
static bool
has_ended_well(const struct row *row, int status)
{
	if (WIFSIGNALED(status))
		return row->rule.process == 0 &&
		    (is_killing(&row->rule) ||
			(row->rule.action == ACT_TERM &&
			    row->rule.ordinal < 12));
	return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 75;
}

static const char *
judge(const struct lmtp_stage *stage, const struct row *row,
    const struct lmtp_outcome *outcome)
{
	int status = outcome->wait_status;

	if (outcome->timed_out)
		return "it hangs";
	if (stage->plan->ran_away)
		return "a process goes round in circles";
	if (outcome->bad_reply)
		return "something was said that is no reply";
	if (outcome->unknown / 100 == 2)
		return "the unknown recipient was accepted";
	if (!has_ended_well(row, status))
		return "the exit status is neither 0 nor 75";
	for (int box = 0; box < LMTP_BOXES; box++) {
		const char *complaint = judge_box(stage, row, outcome, box);

		if (complaint != NULL)
			return complaint;
		if (outcome->answer[box] / 100 == 4 && outcome->log_lines == 0)
			return "not a line in the log";
	}
	return NULL;
}

static void
print_calls(const struct lmtp_stage *stage)
{
	unsigned count = stage->plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		(void)printf("  %u.%u %s %s %s = %jd %s\n", record->process,
		    record->ordinal, call_row(record->call)->name, record->path,
		    record->other, record->result, error_name(record->error));
	}
}

static void
print_row(const struct lmtp_stage *stage, const struct row *row,
    const struct lmtp_outcome *outcome, const char *complaint)
{
	(void)printf(
	    "FAULT_ONLY=%s:%u:%u:%s:%s\n    broken: %s\n    wait status "
	    "%d, copies %d %d %d, answers %d %d %d\n    said:\n%s\n",
	    row->scenario->name, row->rule.process, row->rule.ordinal,
	    error_name(row->rule.error), row->mode, complaint,
	    outcome->wait_status, outcome->copies[0], outcome->copies[1],
	    outcome->copies[2], outcome->answer[0], outcome->answer[1],
	    outcome->answer[2], outcome->said);
	if (getenv("FAULT_ONLY") != NULL)
		print_calls(stage);
	(void)fflush(stdout);
}

static void
play(struct lmtp_stage *stage, const struct row *row)
{
	struct lmtp_outcome outcome;
	const char *complaint;

	lmtp_stage_reset(stage);
	stage->plan->rule = row->rule;
	lmtp_stage_run(stage, &outcome);
	complaint = judge(stage, row, &outcome);
	if (is_killing(&row->rule))
		done->kills++;
	else
		done->faults++;
	if (complaint == NULL)
		return;
	done->broken++;
	print_row(stage, row, &outcome, complaint);
}

/* Whether FAULT_ONLY, if it is set, names this row. */
static bool
is_wanted(const struct row *row)
{
	const char *only = getenv("FAULT_ONLY");
	char name[128];

	if (only == NULL)
		return true;
	(void)snprintf(name, sizeof(name), "%s:%u:%u:%s:%s",
	    row->scenario->name, row->rule.process, row->rule.ordinal,
	    error_name(row->rule.error), row->mode);
	return strncmp(name, only, strlen(only)) == 0;
}

static void
try(struct lmtp_stage *stage, struct row row, enum fault_action action,
    int error, const char *mode)
{
	row.rule.action = action;
	row.rule.error = error;
	row.mode = mode;
	if (is_wanted(&row))
		play(stage, &row);
}

/* What can happen at one call; the errnos in full for the workers of the
 * first scenario, a choice elsewhere. */
static void
try_call(struct lmtp_stage *stage, const struct fault_record *record)
{
	const struct call_row *call = call_row(record->call);
	struct row row = { .scenario = stage->scenario };

	row.rule.call = record->call;
	row.rule.process = record->process;
	row.rule.ordinal = record->ordinal;
	for (int i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++) {
		if (!call_can_fail(record, call->errors[i]))
			continue;
		if (i > 0 && stage->scenario != &scenarios[0] &&
		    call->errors[i] != EIO && call->errors[i] != ENOSPC)
			continue;
		try(stage, row, ACT_FAIL, call->errors[i], "once");
		/* Nothing says "not now" for ever while it says "now". */
		if (i == 0 && call->errors[i] != EAGAIN)
			try(stage, row, ACT_FAIL_ON, call->errors[i], "on");
	}
	if ((call->flags & CALL_MOVES) != 0 && record->result > 1) {
		try(stage, row, ACT_HALF, 0, "half");
		try(stage, row, ACT_ONE, 0, "one");
	}
	if ((call->flags & CALL_WAITS) != 0)
		try(stage, row, ACT_FAIL, EINTR, "once");
	try(stage, row, ACT_KILL, 0, "kill");
	try(stage, row, ACT_TERM, 0, "term");
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
			outcome.copies[box] == 1 && is_durable(stage, box),
		    "%s: undisturbed, box %d: %d, %d copies\n%s",
		    stage->scenario->name, box, outcome.answer[box],
		    outcome.copies[box], outcome.said);
	if (stage->scenario->has_unknown)
		ck_assert_int_eq(outcome.unknown, 550);
	ck_assert(!stage->scenario->shared || is_synced_for_all(stage));
	ck_assert_int_eq(
	    outcome.shared_links, stage->scenario->shared ? LMTP_BOXES : 1);
	*count = stage->plan->records;
	ck_assert_uint_le(*count, LEDGER_RECORDS);
	copy = malloc(*count * sizeof(*copy));
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, stage->plan->ledger, *count * sizeof(*copy));
	if (getenv("FAULT_TRACE") != NULL)
		print_calls(stage);
	return copy;
}

/* Whether this call is played: of three workers that do the same, one; of the
 * speaker's many calls for a long message, some.  A clock that has worked does
 * not cease to. */
static bool
is_played(const struct lmtp_stage *stage, const struct fault_record *record)
{
	unsigned first = first_worker(stage->scenario);

	if (record->process > first || record->call == CALL_CLOCK)
		return false;
	return stage->scenario == &scenarios[0] || record->process == first ||
	    (record->ordinal + record->process) % 11 == 0;
}

START_TEST(every_answer_is_true)
{
	struct lmtp_stage stage;
	struct fault_record *calls;
	unsigned count, before = done->broken;

	lmtp_stage_set_up(&stage, &scenarios[_i]);
	calls = clean_session(&stage, &count);
	for (unsigned i = 0; i < count; i++)
		if (is_played(&stage, &calls[i]))
			try_call(&stage, &calls[i]);
	free(calls);
	lmtp_stage_tear_down(&stage);
	ck_assert_msg(done->broken == before, "%s: %u rows broken, named above",
	    scenarios[_i].name, done->broken - before);
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
	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED)
		return EXIT_FAILURE;
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(sweep, every_answer_is_true, 0,
	    (int)(sizeof(scenarios) / sizeof(scenarios[0])));
	suite_add_tcase(suite, sweep);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void)printf(
	    "summary: %u faults, %u kills of lda-lmtp, %u rows broken\n",
	    done->faults, done->kills, done->broken);
	machine_end();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
