/*
 * check_crash_states.c - the power goes at any moment of a delivery.
 *
 * After exit 0 the message is there, whole, in every state that the disk can
 * be in.  Before, and for good when the delivery was refused, a Maildir shows
 * all of it or nothing, and an mbox begins with the octets that it had; when
 * it was refused none of it comes back.  The model (crash.h) is fed with the
 * calls of each delivery of scenarios.c, and of those where one call fails;
 * and each fsync is passed over once, which has to be noticed: a model that
 * forgives everything proves nothing.  Into each mbox that a crash may leave
 * the next message is delivered in earnest.
 *
 * FAULT_ONLY=fresh plays one scenario; FAULT_TRACE=1 prints the calls.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "calls.h"
#include "crash.h"
#include "ledger.h"
#include "scenarios.h"
#include "stage.h"
#include "sweep.h"

#include "base/attribute.h"

#include "../base/expect.h"
#include "support/tally.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 300
#define COMPLAINT 2048
#define SHORT 8192

/* An mbox that a crash has left, in so many ways. */
#define FOUND_MOST 64
#define MBOX_MOST ((size_t)1024 * 1024)

static struct {
	unsigned deliveries;
	unsigned left_out; /* fsyncs that were passed over */
	unsigned found;    /* mboxes that the next delivery found */
} * done;

/* What the judge knows of a delivery. */
struct view {
	const struct stage *stage;
	struct crash *crash;
	char folder[PATH_MAX];
	char inbox[PATH_MAX]; /* where mail for a bad folder goes */
	bool is_answered;     /* exit 0 */
	bool is_refused;      /* any other, and whatever it did is undone */
	bool is_mbox;
	bool may_warn; /* a notice of quota_warning is no trace */
	size_t records;
	unsigned old_files;
	/* Contents of an mbox after a crash. */
	bool collects;
	size_t found_count;
	struct found {
		char *octets;
		size_t length;
	} found[FOUND_MOST];
};

/* fsyncs that no message hangs on: of such a file, or right behind a call on
 * it. */
static const struct {
	const char *path;
	const char *reason;
} spare[] = {
	{ "/subscriptions.new", "a list that can be made again" },
	{ "/maildirfolder", "what it says the folder's name says, too" },
};

static bool
is_in(const char *path, const char *directory)
{
	const char *slash = strrchr(path, '/');
	size_t length = strlen(directory);

	return slash != NULL && (size_t)(slash - path) > length &&
	    strncmp(slash - length, directory, length) == 0 &&
	    slash[-(ptrdiff_t)length - 1] == '/';
}

static bool
watches(void *context, const char *path)
{
	const struct view *view = context;

	if (view->is_mbox)
		return strcmp(path, view->folder) == 0 ||
		    strcmp(path, view->inbox) == 0;
	return is_in(path, "new") || is_in(path, "cur") ||
	    strcmp(strrchr(path, '/'), "/subscriptions") == 0;
}

static bool
is_message(void *context, const char *octets, size_t length)
{
	const struct view *view = context;
	size_t size = view->stage->scenario->message_octets;

	return length == size && memcmp(octets, stage_message(size), size) == 0;
}

static const char *
complain_of_mbox(const struct view *view, const struct crash_sight *sights,
    size_t count, bool at_end)
{
	unsigned old = 0, grown = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned content = sights[i].content;

		if (sights[i].was_there && (content & CRASH_GROWN) == 0)
			return "old mail in the mbox is damaged";
		if (at_end && view->is_refused &&
		    (content & (CRASH_OLD | CRASH_FINAL)) == 0)
			return "refused, and a part of the message comes back";
		old += sights[i].was_there;
		grown +=
		    (content & CRASH_FINAL) != 0 && (content & CRASH_OLD) == 0;
	}
	if (old < view->old_files)
		return "the mbox is gone";
	if (at_end && view->is_answered && grown != 1)
		return "exit 0, and the mbox has lost the message";
	return NULL;
}

static const char *
complain_of_maildir(const struct view *view, const struct crash_sight *sights,
    size_t count, bool at_end)
{
	unsigned old = 0, copies = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned content = sights[i].content;

		if (strstr(sights[i].path, "/subscriptions") != NULL) {
			if ((content & (CRASH_OLD | CRASH_FINAL)) == 0)
				return "the subscriptions are damaged";
			old++;
		} else if (sights[i].was_there) {
			if ((content & CRASH_OLD) == 0)
				return "an old message is damaged";
			old++;
		} else if ((content & CRASH_MESSAGE) != 0) {
			copies++;
		} else if (!view->may_warn || (content & CRASH_FINAL) == 0)
			return "a part of a message is to be seen";
	}
	if (old < view->old_files)
		return "an old file is gone";
	if (copies > 1)
		return "the message is to be seen twice";
	if (at_end && view->is_refused && copies > 0)
		return "refused, and the message comes back";
	if (at_end && view->is_answered && copies != 1)
		return "exit 0, and the message is lost";
	return NULL;
}

static const char *
complain(void *context, const struct crash_sight *sights, size_t count,
    size_t records)
{
	const struct view *view = context;
	bool at_end = records >= view->records;

	return view->is_mbox ? complain_of_mbox(view, sights, count, at_end) :
			       complain_of_maildir(view, sights, count, at_end);
}

/* The delivery, with the disk before it known to the model. */
static void
deliver(struct stage *stage, const struct fault_rule *rule, struct view *view,
    struct ending *ending)
{
	const struct scenario *scenario = stage->scenario;
	char top[PATH_MAX];

	stage_reset(stage);
	stage->plan->rule = *rule;
	stage->plan->keeps_octets = true;
	view->stage = stage;
	(void)snprintf(
	    view->folder, sizeof(view->folder), "%s", stage_folder(stage));
	(void)snprintf(view->inbox, sizeof(view->inbox), "%s/world/home/mbox",
	    stage->root);
	view->is_mbox = (scenario->flags & STORE_MBOX) != 0;
	view->may_warn = strcmp(scenario->name, "quotawarn") == 0;
	crash_forget(view->crash);
	(void)snprintf(top, sizeof(top), "%s/world", stage->root);
	ck_assert(crash_look(view->crash, top));
	if (strncmp(view->folder, stage->root, strlen(stage->root)) != 0) {
		(void)snprintf(top, sizeof(top), "%s", view->folder);
		*strrchr(top, '/') = '\0';
		ck_assert(crash_look(view->crash, top));
	}
	stage_run(stage, ending);
	done->deliveries++;
	view->records = stage->plan->records;
	view->is_answered = ending->wait_status == 0;
	/* Where nothing can be undone a duplicate is told of in the log. */
	view->is_refused = !view->is_answered &&
	    scenario->weather.call != CALL_UNLINKAT &&
	    scenario->weather.call != CALL_FTRUNCATE;
	view->old_files = 0;
	if ((scenario->flags & (WORLD_OLD_MAIL | WORLD_HALF_MAIL)) != 0 &&
	    view->is_mbox)
		view->old_files = 1;
	if ((scenario->flags & (HAS_QUOTA | WORLD_SUBSCRIBED)) != 0)
		view->old_files = 1;
}

/* What an mbox may be found as by the next delivery. */
static void
meet(void *context, const char *octets, size_t length)
{
	struct view *view = context;
	struct found *found = &view->found[view->found_count];

	if (!view->collects || view->found_count == FOUND_MOST)
		return;
	for (size_t i = 0; i < view->found_count; i++)
		if (view->found[i].length == length &&
		    memcmp(view->found[i].octets, octets, length) == 0)
			return;
	found->octets = malloc(length + 1);
	ck_assert_ptr_nonnull(found->octets);
	memcpy(found->octets, octets, length);
	found->length = length;
	view->found_count++;
}

static const struct crash_judge judge = { NULL, watches, is_message, meet,
	complain };

static unsigned long
count_broken(struct view *view, char *complaint, unsigned long *states)
{
	struct crash_judge one = judge;
	unsigned long broken;

	one.context = view;
	*states =
	    crash_enumerate(view->crash, &one, &broken, complaint, COMPLAINT);
	return broken;
}

static void
tell(const struct view *view, const char *what)
{
	const struct fault_plan *plan = view->stage->plan;

	tally_survivor(TALLY_STATES, 1);
	(void)fprintf(stderr, "%s, process %u, call %u, %s: %s\n",
	    view->stage->scenario->name, plan->rule.process, plan->rule.ordinal,
	    error_name(plan->rule.error), what);
	ledger_print(plan->ledger, plan->records, stderr);
}

/* All states of the delivery that has just been made. */
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

static bool
is_spare(const struct fault_record *record)
{
	for (size_t i = 0; i < COUNT(spare); i++)
		if (strstr(record[0].path, spare[i].path) != NULL ||
		    strstr(record[-1].path, spare[i].path) != NULL)
			return true;
	return false;
}

/* Without one of its fsyncs the delivery is not safe, and the model says so. */
static void
leave_out_each(struct view *view)
{
	const struct fault_plan *plan = view->stage->plan;
	struct crash_omission omission = { 0, false };
	char complaint[COMPLAINT];
	unsigned long states;
	const char *note;

	for (size_t i = 0; i < view->records; i++) {
		if (plan->ledger[i].call != CALL_FSYNC ||
		    !plan->ledger[i].happened || is_spare(&plan->ledger[i]))
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

static void
fail_one(struct view *view, struct stage *stage, const struct fault_record *at,
    int error)
{
	struct fault_rule rule = { .action = ACT_FAIL, .error = error };
	struct ending ending;

	rule.process = at->process;
	rule.ordinal = at->ordinal;
	if (error == 0 || !call_can_fail(at, error))
		return;
	deliver(stage, &rule, view, &ending);
	judge_states(view);
}

static bool
can_be(const struct call_row *row, int error)
{
	for (size_t i = 0; i < CALL_ERRORS; i++)
		if (row->errors[i] == error)
			return true;
	return false;
}

/* A directory that may be written and not be read cannot be synced. */
static bool
is_unreadable(const struct fault_record *at, int error)
{
	return at->call == CALL_OPENAT && error == EACCES &&
	    (at->flags & O_DIRECTORY) != 0;
}

/* Each call fails once: with EIO if it can, and in the first way it can, which
 * for a folder may mean that INBOX is taken. */
static void
fail_each(struct view *view, struct stage *stage)
{
	static struct fault_record clean[LEDGER_RECORDS];
	bool falls_back = strstr(view->folder, "Work") != NULL;
	size_t count = view->records;

	memcpy(clean, stage->plan->ledger, count * sizeof(clean[0]));
	for (size_t i = 0; i < count; i++) {
		const struct call_row *row = call_row(clean[i].call);
		bool has_eio = can_be(row, EIO);
		int first = row->errors[0];

		if (has_eio)
			fail_one(view, stage, &clean[i], EIO);
		if ((!has_eio || (falls_back && first != EIO)) &&
		    !is_unreadable(&clean[i], first))
			fail_one(view, stage, &clean[i], first);
	}
}

static void
leave_mbox(const struct view *view, const struct found *found)
{
	int fd = open(view->folder, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	    write(fd, found->octets, found->length), (ssize_t)found->length);
	ck_assert_int_eq(close(fd), 0);
}

/* Behind what the crash has left, whatever that is, an empty line and then a
 * message: the next From_ line is seen as one. */
static const char *
complain_of_next(const struct view *view, const struct found *found)
{
	static char now[MBOX_MOST];
	int fd = open(view->folder, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, now, sizeof(now));
	size_t at = found->length;

	if (fd >= 0)
		(void)close(fd);
	if (length < (ssize_t)at || memcmp(now, found->octets, at) != 0)
		return "what was there is gone";
	while (at < (size_t)length && now[at] == '\n')
		at++;
	if (at > found->length + 2 || (size_t)length < at + 5 ||
	    memcmp(now + at, "From ", 5) != 0)
		return "no message begins there";
	if (at > 0 && (at < 2 || memcmp(now + at - 2, "\n\n", 2) != 0))
		return "there is no empty line before it";
	return memcmp(now + length - 2, "\n\n", 2) == 0 ?
	    NULL :
	    "it does not end in an empty line";
}

/* The next delivery finds each mbox that a crash of this one may have left. */
static void
deliver_after_each(struct view *view, struct stage *stage)
{
	struct ending ending;
	const char *what;

	for (size_t i = 0; i < view->found_count; i++) {
		leave_mbox(view, &view->found[i]);
		stage_forget_plan(stage);
		stage_run(stage, &ending);
		done->deliveries++;
		what = ending.wait_status != 0 ?
		    "the next delivery fails" :
		    complain_of_next(view, &view->found[i]);
		if (what != NULL) {
			(void)fprintf(stderr, "mbox \"%.*s\"\n",
			    (int)view->found[i].length, view->found[i].octets);
			tell(view, what);
		}
		free(view->found[i].octets);
	}
	done->found += (unsigned)view->found_count;
	view->found_count = 0;
}

static bool
is_wanted(const struct scenario *scenario)
{
	const char *only = getenv("FAULT_ONLY");

	/* What a server keeps is the server's to save. */
	return sweep_can_play(scenario) &&
	    (scenario->flags & SERVE_LMTP) == 0 &&
	    (only == NULL || strcmp(only, scenario->name) == 0);
}

START_TEST(no_power_cut_loses_or_tears_a_message)
{
	const struct scenario *scenario = &scenarios[_i];
	const struct fault_rule none = { .action = ACT_NOT };
	struct view view = { 0 };
	struct ending ending;
	struct stage stage;
	unsigned long before = tally_survivors();

	if (!is_wanted(scenario))
		return;
	stages_prepare(scenario);
	stage_set_up(&stage, scenario, 0);
	view.crash = crash_new();
	deliver(&stage, &none, &view, &ending);
	ck_assert_int_eq(WEXITSTATUS(ending.wait_status), scenario->want_exit);
	if (getenv("FAULT_TRACE") != NULL)
		ledger_print(stage.plan->ledger, stage.plan->records, stderr);
	view.collects = view.is_mbox;
	judge_states(&view);
	view.collects = false;
	if (scenario->want_exit == 0)
		leave_out_each(&view);
	/* A long mbox has thousands of contents, and does the same. */
	if ((scenario->flags & SHARES_CALLS) == 0 &&
	    (!view.is_mbox || scenario->message_octets <= SHORT))
		fail_each(&view, &stage);
	deliver_after_each(&view, &stage);
	crash_free(view.crash);
	stage_tear_down(&stage);
	ck_assert_msg(tally_survivors() == before, "%s: %lu, named above",
	    scenario->name, tally_survivors() - before);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash states");
	TCase *states = tcase_create("states");
	int failed;

	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED)
		return EXIT_FAILURE;
	tally_begin();
	stages_begin(STAGE_FAULT);
	tcase_set_timeout(states, PATIENCE_SECONDS);
	tcase_add_loop_test(states, no_power_cut_loses_or_tears_a_message, 0,
	    (int)scenario_count);
	suite_add_tcase(suite, states);
	failed = expect_run(suite);
	stages_end();
	tally_print();
	(void)printf("%u deliveries, %u missing fsyncs noticed, %u mboxes "
		     "found by the next\n",
	    done->deliveries, done->left_out, done->found);
	return failed;
}
