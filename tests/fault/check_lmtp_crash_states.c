/*
 * check_lmtp_crash_states.c - the power goes at any moment of a session with
 * lda-lmtp and three recipients.
 *
 * Who has heard 250 for a recipient has the message in that mailbox, whole, in
 * every state that the disk can be in (crash.h); nobody ever sees a part of
 * it, or two, and what was answered with 4xx does not come back.  Each fsync
 * is passed over once, which has to be noticed.
 *
 * FAULT_ONLY=shared plays one scenario.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "calls.h"
#include "crash.h"
#include "ledger.h"
#include "lmtp_stage.h"

#include "../base/expect.h"
#include "support/tally.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PATIENCE_SECONDS 300
#define COMPLAINT 2048

static struct {
	unsigned deliveries;
	unsigned left_out; /* fsyncs that were passed over */
} * done;

/* What the judge knows of a session. */
struct view {
	const struct lmtp_stage *stage;
	struct crash *crash;
	char new[LMTP_BOXES][PATH_MAX];
	/* The record in which the client heard 250 for this box; SIZE_MAX: he
	 * never did. */
	size_t heard[LMTP_BOXES];
	bool is_refused[LMTP_BOXES];
	size_t records;
};

static int
box_of(const struct view *view, const char *path)
{
	for (int box = 0; box < LMTP_BOXES; box++) {
		size_t length = strlen(view->new[box]);

		if (strncmp(path, view->new[box], length) == 0 &&
		    path[length] == '/')
			return box;
	}
	return -1;
}

static bool
watches(void *context, const char *path)
{
	return box_of(context, path) >= 0;
}

static bool
is_message(void *context, const char *octets, size_t length)
{
	const struct view *view = context;

	return lmtp_is_whole(octets, length, view->stage->scenario->octets);
}

static const char *
complain(void *context, const struct crash_sight *sights, size_t count,
    size_t records)
{
	const unsigned whole = CRASH_MESSAGE | CRASH_FINAL;
	const struct view *view = context;
	unsigned copies[LMTP_BOXES] = { 0 };

	for (size_t i = 0; i < count; i++) {
		if ((sights[i].content & whole) != whole)
			return "a part of a message is to be seen";
		copies[box_of(view, sights[i].path)]++;
	}
	for (int box = 0; box < LMTP_BOXES; box++) {
		if (copies[box] > 1)
			return "the message is to be seen twice";
		if (copies[box] == 0 && records > view->heard[box])
			return "250, and the message is lost";
		if (copies[box] > 0 && view->is_refused[box] &&
		    records >= view->records)
			return "4xx, and the message comes back";
	}
	return NULL;
}

/* When the client hears what: the answers come behind 354, in order. */
static void
find_answers(struct view *view, const struct lmtp_outcome *outcome)
{
	const struct fault_plan *plan = view->stage->plan;
	bool begins_line = true, is_after_354 = false;
	int box = 0;

	for (int i = 0; i < LMTP_BOXES; i++) {
		view->heard[i] = SIZE_MAX;
		view->is_refused[i] = outcome->answer[i] / 100 == 4;
	}
	for (size_t i = 0; i < view->records; i++) {
		const struct fault_record *record = &plan->ledger[i];

		if (record->process != 0 || record->result <= 0 ||
		    strncmp(record->path, "(std", 4) != 0 ||
		    (record->call != CALL_SEND && record->call != CALL_WRITE))
			continue;
		for (intmax_t at = 0; at < record->result; at++) {
			const char *text = plan->octets + record->kept + at;

			if (begins_line && is_after_354) {
				while (box < LMTP_BOXES &&
				    outcome->rcpt[box] != 250)
					box++;
				if (box < LMTP_BOXES && text[0] == '2')
					view->heard[box] = i;
				box++;
			}
			if (begins_line && strncmp(text, "354 ", 4) == 0)
				is_after_354 = true;
			begins_line = text[0] == '\n';
		}
	}
}

static void
converse(struct lmtp_stage *stage, const struct fault_rule *rule,
    struct view *view, struct lmtp_outcome *outcome)
{
	char top[PATH_MAX];

	lmtp_stage_reset(stage);
	stage->plan->rule = *rule;
	stage->plan->keeps_octets = true;
	view->stage = stage;
	for (int box = 0; box < LMTP_BOXES; box++)
		(void)snprintf(view->new[box], sizeof(view->new[box]), "%s",
		    lmtp_stage_new(stage, box));
	crash_forget(view->crash);
	(void)snprintf(top, sizeof(top), "%s/mail", stage->root);
	ck_assert(crash_look(view->crash, top));
	lmtp_stage_run(stage, outcome);
	done->deliveries++;
	view->records = stage->plan->records;
	ck_assert_uint_le(view->records, LEDGER_RECORDS);
	find_answers(view, outcome);
}

static void
tell(const struct view *view, const char *what)
{
	const struct fault_plan *plan = view->stage->plan;

	tally_survivor(TALLY_STATES, 1);
	(void)fprintf(stderr, "%s, process %u, call %u, %s: %s\n",
	    view->stage->scenario->name, plan->rule.process, plan->rule.ordinal,
	    error_name(plan->rule.error), what);
	ledger_print(plan->ledger, view->records, stderr);
}

static unsigned long
count_broken(struct view *view, char *complaint, unsigned long *states)
{
	struct crash_judge judge = { view, watches, is_message, NULL,
		complain };
	unsigned long broken;

	*states =
	    crash_enumerate(view->crash, &judge, &broken, complaint, COMPLAINT);
	return broken;
}

static void
judge_states(struct view *view)
{
	const struct crash_omission none = { SIZE_MAX, false };
	char complaint[COMPLAINT];
	unsigned long states;
	const char *note;

	if (!crash_replay(view->crash, view->stage->plan, none, &note)) {
		tell(view, note);
		return;
	}
	if (!crash_is_faithful(view->crash, &note)) {
		(void)snprintf(complaint, sizeof(complaint),
		    "the model is wrong about %s", note);
		tell(view, complaint);
		return;
	}
	if (count_broken(view, complaint, &states) > 0)
		tell(view, complaint);
	tally_add(TALLY_STATES, states);
}

/* A file that gets several names is synced by the process that received it,
 * and before each name by the one that gives it: all or none are left out. */
static bool
is_synced_again(const struct fault_plan *plan, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (plan->ledger[i].call == CALL_FSYNC &&
		    plan->ledger[i].inode == plan->ledger[at].inode)
			return true;
	return false;
}

/* The same file, where no name can be given to it. */
static bool
is_spare(const struct view *view, size_t at)
{
	return view->stage->scenario->weather.call == CALL_LINK_OPEN &&
	    view->stage->plan->ledger[at].process == 0;
}

static void
leave_out_each(struct view *view)
{
	const struct fault_plan *plan = view->stage->plan;
	struct crash_omission omission = { 0, true };
	char complaint[COMPLAINT];
	unsigned long states;
	const char *note;

	for (size_t i = 0; i < view->records; i++) {
		if (plan->ledger[i].call != CALL_FSYNC ||
		    !plan->ledger[i].happened || is_synced_again(plan, i) ||
		    is_spare(view, i))
			continue;
		omission.first = i;
		ck_assert(crash_replay(view->crash, plan, omission, &note));
		done->left_out++;
		if (count_broken(view, complaint, &states) > 0)
			continue;
		(void)snprintf(complaint, sizeof(complaint),
		    "nothing hangs on the fsync of record %zu", i);
		tell(view, complaint);
	}
}

/* How much one read takes from the socket is chance, and with it which call
 * has an ordinal.  An answer that gets lost, say, is another matter: its
 * message is delivered, and comes again. */
static bool
has_met(const struct view *view, enum fault_call call)
{
	for (size_t i = 0; i < view->records; i++)
		if (view->stage->plan->ledger[i].injected)
			return view->stage->plan->ledger[i].call == call;
	return false;
}

/* What can leave the disk otherwise: the calls on files of one worker, and of
 * the one who speaks. */
static void
fail_each(struct view *view, struct lmtp_stage *stage)
{
	static struct fault_record clean[LEDGER_RECORDS];
	unsigned worker = lmtp_first_worker(stage->scenario);
	size_t count = view->records;
	struct lmtp_outcome outcome;

	memcpy(clean, stage->plan->ledger, count * sizeof(clean[0]));
	for (size_t i = 0; i < count; i++) {
		struct fault_rule rule = { .action = ACT_FAIL };

		rule.process = clean[i].process;
		rule.ordinal = clean[i].ordinal;
		rule.error = call_row(clean[i].call)->errors[0];
		if (clean[i].process > worker || rule.error == 0 ||
		    (strstr(clean[i].path, "/mail/") == NULL &&
			strcmp(clean[i].path, "(unnamed)") != 0))
			continue;
		converse(stage, &rule, view, &outcome);
		if (has_met(view, clean[i].call))
			judge_states(view);
	}
}

START_TEST(no_power_cut_makes_an_answer_untrue)
{
	const struct lmtp_scenario *scenario = &lmtp_scenarios[_i];
	const struct fault_rule none = { .action = ACT_NOT };
	const char *only = getenv("FAULT_ONLY");
	unsigned long before = tally_survivors();
	struct lmtp_outcome outcome;
	struct view view = { 0 };
	struct lmtp_stage stage;

	/* When a reply was heard is told from its place among all. */
	if (!lmtp_can_play(scenario) || scenario->as_root ||
	    scenario->is_second ||
	    (only != NULL && strcmp(only, scenario->name) != 0))
		return;
	lmtp_stage_set_up(&stage, scenario);
	view.crash = crash_new();
	converse(&stage, &none, &view, &outcome);
	for (int box = 0; box < LMTP_BOXES; box++)
		ck_assert(view.heard[box] < view.records);
	judge_states(&view);
	leave_out_each(&view);
	fail_each(&view, &stage);
	crash_free(view.crash);
	lmtp_stage_tear_down(&stage);
	ck_assert_msg(tally_survivors() == before, "%s: %lu, named above",
	    scenario->name, tally_survivors() - before);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash states of LMTP");
	TCase *states = tcase_create("states");
	int failed;

	lmtp_stages_begin();
	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED)
		return EXIT_FAILURE;
	tally_begin();
	tcase_set_timeout(states, PATIENCE_SECONDS);
	tcase_add_loop_test(states, no_power_cut_makes_an_answer_untrue, 0,
	    (int)lmtp_scenario_count);
	suite_add_tcase(suite, states);
	failed = expect_run(suite);
	tally_print();
	(void)printf("%u sessions, %u missing fsyncs noticed\n",
	    done->deliveries, done->left_out);
	lmtp_stages_end();
	return failed;
}
