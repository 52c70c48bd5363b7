/*
 * sweep.c - one disturbance after the other, each in a delivery of its own.
 *
 * The rows of a scenario are shared out to a few workers, each with its own
 * stage; what they find they write into shared memory.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "sweep.h"

#include "../base/expect.h"
#include "base/attribute.h"
#include "calls.h"
#include "judge.h"
#include "ledger.h"
#include "scenarios.h"
#include "support/machine.h"
#include "support/tally.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One for each processor of a small machine, and one that waits. */
#define WORKERS 3

/* Rows of one scenario: some hundred calls in a dozen ways, twice. */
#define ROWS 8192

/* A larger message would make more calls than the ledger has room for. */
#define TRICKLED_OCTETS 8192

/* Broken rows that are printed; the rest is counted. */
#define SHOWN 12

/* Deliveries that hang at the same time; what ends them; and how long that
 * may take on a slow machine. */
#define HANGING STAGES
#define HANGING_UNPRIVILEGED 96 /* fs.pipe-user-pages-soft */
#define HANG_SETTING "delivery_timeout=1s"
#define DEADLINE_MS 4000

static struct progress {
	atomic_uint deliveries;
	atomic_uint scenarios;
	atomic_uint shown;
	struct timespec began;
} * progress;

struct rows {
	const struct scenario *scenario; /* of the rows that are added */
	size_t count;
	struct row {
		const struct scenario *scenario;
		struct fault_rule rule;
	} row[ROWS];
};

static const struct {
	enum fault_action action;
	const char *name;
} modes[] = {
	{ ACT_NOT, "clean" },
	{ ACT_FAIL, "once" },
	{ ACT_FAIL_ON, "always" },
	{ ACT_DONE_FAIL, "answer-lost" },
	{ ACT_SAVE, "save" },
	{ ACT_HALF, "half" },
	{ ACT_ONE, "one-octet" },
	{ ACT_TRICKLE, "trickle" },
	{ ACT_INTERRUPT_EACH, "interrupt-each" },
	{ ACT_KILL, "kill" },
	{ ACT_TEAR, "tear" },
	{ ACT_TERM, "term" },
	{ ACT_HUP, "hup" },
	{ ACT_INT, "int" },
	{ ACT_CRASH, "crash" },
	{ ACT_HANG, "hang" },
	{ ACT_HANG_TERM, "hang-term" },
	{ ACT_LATE_HANG, "late-hang" },
	{ ACT_PRETEND, "pretend" },
	{ ACT_ORPHAN, "orphan" },
};

static const char *
mode_name(enum fault_action action)
{
	for (size_t i = 0; i < COUNT(modes); i++)
		if (modes[i].action == action)
			return modes[i].name;
	return "?";
}

/* What FAULT_ONLY is compared with. */
static void
row_name(const struct scenario *scenario, const struct fault_rule *rule,
    char *into, size_t size)
{
	char process[16] = "";

	if (rule->process > 0)
		(void)snprintf(process, sizeof(process), "%u.", rule->process);
	(void)snprintf(into, size, "%s:%s%u:%s:%s", scenario->name, process,
	    rule->ordinal, error_name(rule->error), mode_name(rule->action));
}

void
sweep_begin(const char *program)
{
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		abort();
	tally_begin();
	(void)clock_gettime(CLOCK_MONOTONIC, &progress->began);
	stages_begin(program);
}

void
sweep_end(void)
{
	struct timespec now;

	stages_end();
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	tally_print();
	(void)printf("%u scenarios, %u deliveries, %.1f s\n",
	    progress->scenarios, progress->deliveries,
	    (double)(now.tv_sec - progress->began.tv_sec) +
		(double)(now.tv_nsec - progress->began.tv_nsec) / 1e9);
}

bool
sweep_can_play(const struct scenario *scenario)
{
	if (MACHINE_IS_SANITIZED && (scenario->flags & START_SETGID) != 0)
		return false;
	return (scenario->flags & (START_AS_ROOT | START_SETGID)) == 0 ||
	    getuid() == 0;
}

/* Whether FAULT_ONLY asks for just one row. */
static const char *
only_row(void)
{
	return getenv("FAULT_ONLY");
}

/* Whether it asks for a row and not for a whole scenario, and this is no
 * rehearsal for it. */
static bool
is_only_row(const struct fault_rule *rule)
{
	return rule->action != ACT_NOT && only_row() != NULL &&
	    strchr(only_row(), ':') != NULL;
}

static bool
is_wanted(const struct scenario *scenario)
{
	const char *only = only_row();
	size_t length = strlen(scenario->name);

	return only == NULL ||
	    (strncmp(only, scenario->name, length) == 0 &&
		(only[length] == ':' || only[length] == '\0'));
}

static bool
is_kill(enum fault_action action)
{
	return action == ACT_KILL || action == ACT_TEAR;
}

static size_t
ledger_length(const struct fault_plan *plan)
{
	return plan->records < LEDGER_RECORDS ? plan->records : LEDGER_RECORDS;
}

static void
take_evidence(const struct stage *stage, const struct ending *ending,
    const struct tree_count *tree, struct evidence *into)
{
	into->scenario = stage->scenario;
	into->folder = stage_folder(stage);
	into->rule = &stage->plan->rule;
	into->second = NULL;
	if (stage->plan->second.action == ACT_NOT)
		;
	else if (is_kill(stage->plan->second.action)) {
		into->rule = &stage->plan->second;
		into->second = &stage->plan->rule;
	} else
		into->second = &stage->plan->second;
	into->records = stage->plan->ledger;
	into->record_count = ledger_length(stage->plan);
	into->ledger_overflowed = stage->plan->records > LEDGER_RECORDS;
	into->ran_away = stage->plan->ran_away;
	into->ending = ending;
	into->tree = tree;
}

/* The call that the rule met, for people. */
static void
describe_call(const struct stage *stage, const struct fault_rule *rule,
    char *line, size_t size)
{
	(void)snprintf(line, size, "(no such call)");
	for (size_t i = 0; i < ledger_length(stage->plan); i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if (record->process == rule->process &&
		    record->ordinal == rule->ordinal)
			ledger_line(record, line, size);
	}
}

static void
show(const struct stage *stage, const char *complaint,
    const struct ending *ending)
{
	char name[96], line[3 * LEDGER_PATH];

	row_name(stage->scenario, &stage->plan->rule, name, sizeof(name));
	(void)fprintf(stderr, "FAULT_ONLY=%s\n", name);
	if (stage->plan->second.action != ACT_NOT) {
		row_name(
		    stage->scenario, &stage->plan->second, name, sizeof(name));
		describe_call(stage, &stage->plan->second, line, sizeof(line));
		(void)fprintf(
		    stderr, "\tand: FAULT_SECOND=%s\n\tat: %s\n", name, line);
	}
	describe_call(stage, &stage->plan->rule, line, sizeof(line));
	(void)fprintf(stderr,
	    "\tbroken: %s\n\tat: %s\n"
	    "\twait status %#x, reply \"%s\", log \"%s\"\n",
	    complaint, line, (unsigned)ending->wait_status, ending->reply,
	    ending->log);
}

static bool
is_signal(enum fault_action action)
{
	return action == ACT_TERM || action == ACT_HUP || action == ACT_INT ||
	    action == ACT_CRASH;
}

static enum tally_kind
kind_of(const struct fault_rule *rule)
{
	if (is_kill(rule->action))
		return TALLY_KILLS;
	if (is_signal(rule->action))
		return TALLY_SIGNALS;
	if (rule->action == ACT_HANG || rule->action == ACT_HANG_TERM ||
	    rule->action == ACT_LATE_HANG)
		return TALLY_HANGS;
	return stages_are_short_of_memory() ? TALLY_MEMORY : TALLY_FAULTS;
}

static void
report(const struct stage *stage, const char *complaint,
    const struct ending *ending)
{
	tally_survivor(stage->plan->second.action != ACT_NOT ?
		TALLY_PAIRS :
		kind_of(&stage->plan->rule),
	    1);
	if (atomic_fetch_add(&progress->shown, 1) < SHOWN || only_row() != NULL)
		show(stage, complaint, ending);
}

static void
count_disturbance(const struct stage *stage)
{
	(void)atomic_fetch_add(&progress->deliveries, 1);
	for (size_t i = 0; i < ledger_length(stage->plan); i++)
		if (stage->plan->ledger[i].injected) {
			tally_add(kind_of(&stage->plan->rule), 1);
			return;
		}
}

/* The whole messages that a disturbed delivery left are readable after the
 * next one, beside its own. */
static bool
recovers(struct stage *stage, const struct tree_count *before, char *complaint,
    size_t size)
{
	struct fault_rule rule = stage->plan->rule;
	struct fault_rule second = stage->plan->second;
	struct ending ending;
	struct tree_count tree;
	bool sound;

	stage_forget_plan(stage);
	/* Names of its own, as everywhere but in a sweep. */
	if (stage->plan->random_octet != 0)
		stage->plan->random_octet++;
	stage_run(stage, &ending);
	(void)atomic_fetch_add(&progress->deliveries, 1);
	stage_count(stage, &tree);
	sound = judge_recovery(&ending, &tree, before, complaint, size);
	stage->plan->rule = rule; /* names the row */
	stage->plan->second = second;
	return sound;
}

/* Whoever does not know the name of his host leaves a dotlock that nobody here
 * can tell to be a dead process's, until it is old. */
static bool
forgot_host(const struct stage *stage)
{
	for (size_t i = 0; i < ledger_length(stage->plan); i++)
		if (stage->plan->ledger[i].call == CALL_HOSTNAME &&
		    stage->plan->ledger[i].injected)
			return true;
	return false;
}

static bool
judge_stage(struct stage *stage, const struct ending *ending)
{
	char complaint[4 * LEDGER_PATH];
	struct tree_count tree;
	struct evidence evidence;
	bool sound;

	stage_count(stage, &tree);
	take_evidence(stage, ending, &tree, &evidence);
	count_disturbance(stage);
	if (is_only_row(&stage->plan->rule))
		ledger_print(
		    stage->plan->ledger, evidence.record_count, stderr);
	sound = judge_delivery(&evidence, complaint, sizeof(complaint));
	if (sound && stage->scenario->want_exit == 0 &&
	    (is_kill(evidence.rule->action) ||
		is_signal(evidence.rule->action)) &&
	    !forgot_host(stage))
		sound = recovers(stage, &tree, complaint, sizeof(complaint));
	if (!sound)
		report(stage, complaint, ending);
	return sound;
}

static void
set_rule(struct stage *stage, const struct fault_rule *rule)
{
	stage->plan->rule = *rule;
	for (enum fault_call call = CALL_NONE + 1; call < CALL_COUNT; call++)
		stage->plan->interrupts[call] =
		    (call_row(call)->flags & CALL_WAITS) != 0 &&
		    call != CALL_FSYNC && call != CALL_CLOSE;
}

static bool
play(struct stage *stage, const struct fault_rule *rule)
{
	struct ending ending;

	stage_reset(stage);
	set_rule(stage, rule);
	stage_run(stage, &ending);
	return judge_stage(stage, &ending);
}

static void
add_row(struct rows *rows, enum fault_action action,
    const struct fault_record *at, int error)
{
	struct fault_rule *rule = &rows->row[rows->count].rule;
	char name[96];

	rows->row[rows->count].scenario = rows->scenario;
	memset(rule, 0, sizeof(*rule));
	rule->action = action;
	rule->error = error;
	if (at != NULL) {
		rule->process = at->process;
		rule->ordinal = at->ordinal;
	}
	row_name(rows->scenario, rule, name, sizeof(name));
	if (only_row() != NULL && strchr(only_row(), ':') != NULL &&
	    strcmp(only_row(), name) != 0)
		return;
	if (rows->count == ROWS - 1) {
		(void)fprintf(stderr, "fault sweep: more than %d rows\n", ROWS);
		abort();
	}
	rows->count++;
}

/* Whether a failure makes sense for good: EAGAIN passes, and a world where no
 * name is found is another world. */
static bool
can_last(const struct fault_record *at, int error)
{
	return error != EAGAIN &&
	    (at->call != CALL_FSTATAT || (error != ENOENT && error != ENOTDIR));
}

/* The errnos of one call.  A scenario that shares most of its calls with
 * another has them all once, and the first two for good, or none. */
static void
add_errors(struct rows *rows, const struct fault_record *at)
{
	const struct call_row *call = call_row(at->call);
	bool all = (rows->scenario->flags & SWEEP_ALL) != 0;
	bool some = (rows->scenario->flags & SHARES_CALLS) == 0;

	for (size_t i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++) {
		if (!call_can_fail(at, call->errors[i]))
			continue;
		if (at->result >= 0 || at->error != call->errors[i])
			add_row(rows, ACT_FAIL, at, call->errors[i]);
		if (can_last(at, call->errors[i]) && (all || (some && i < 2)))
			add_row(rows, ACT_FAIL_ON, at, call->errors[i]);
	}
}

static void
add_fault_rows(struct rows *rows, const struct fault_record *at)
{
	unsigned flags = call_row(at->call)->flags;

	add_errors(rows, at);
	/* ACT_INTERRUPT_EACH does nearly as well. */
	if ((flags & CALL_WAITS) != 0 &&
	    (rows->scenario->flags & SHARES_CALLS) == 0)
		add_row(rows, ACT_FAIL, at, EINTR);
	if ((flags & CALL_MOVES) != 0 &&
	    strcmp(at->path, "(socketpair)") != 0) {
		add_row(rows, ACT_HALF, at, 0);
		add_row(rows, ACT_ONE, at, 0);
	}
	if (at->call == CALL_LINKAT) {
		add_row(rows, ACT_DONE_FAIL, at, EIO);
		add_row(rows, ACT_DONE_FAIL, at, EEXIST);
		add_row(rows, ACT_DONE_FAIL, at, ESTALE);
	}
	if (at->call == CALL_MKDIRAT)
		add_row(rows, ACT_DONE_FAIL, at, EEXIST);
	if (at->call == CALL_SETUID || at->call == CALL_SETGID ||
	    at->call == CALL_SETEUID)
		add_row(rows, ACT_PRETEND, at, 0);
	if (at->call == CALL_SETUID || at->call == CALL_SETGID)
		add_row(rows, ACT_SAVE, at, 0);
}

static void
add_kill_rows(struct rows *rows, const struct fault_record *at)
{
	add_row(rows, ACT_KILL, at, 0);
	add_row(rows, ACT_TERM, at, 0);
	add_row(rows, ACT_CRASH, at, 0);
	if ((rows->scenario->flags & SHARES_CALLS) == 0) {
		add_row(rows, ACT_HUP, at, 0);
		add_row(rows, ACT_INT, at, 0);
	}
	if (at->call == CALL_WRITE && at->path[0] == '/' && at->result > 1)
		add_row(rows, ACT_TEAR, at, 0);
}

/* Under Postfix: its process is there when we begin, and no more when its pipe
 * has ended or the message is synced.  Whoever does not look delivers. */
static void
add_orphan_rows(
    struct rows *rows, const struct fault_record *clean, size_t count)
{
	if ((rows->scenario->flags & START_UNDER_POSTFIX) == 0)
		return;
	/* As soon as we have begun: he is noted with the first call. */
	if (count > 1)
		add_row(rows, ACT_ORPHAN, &clean[1], 0);
	for (size_t i = 0; i < count; i++)
		if ((clean[i].call == CALL_READ &&
			strcmp(clean[i].path, "(stdin)") == 0) ||
		    (clean[i].call == CALL_FSYNC &&
			strstr(clean[i].path, "/tmp/") != NULL))
			add_row(rows, ACT_ORPHAN, &clean[i], 0);
}

/* The rows that one worker plays; its exit status is only "I finished". */
static void
work(const struct rows *rows, unsigned worker)
{
	struct stage stage;

	stage_set_up(&stage, rows->scenario, worker);
	for (size_t i = worker; i < rows->count; i += WORKERS)
		(void)play(&stage, &rows->row[i].rule);
	stage_tear_down(&stage);
	_exit(0);
}

static void
share_out(const struct rows *rows,
    void (*work_on)(const struct rows *rows, unsigned worker))
{
	pid_t workers[WORKERS];
	int status;

	(void)fflush(NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0)
			work_on(rows, i);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		if (workers[i] < 0 || waitpid(workers[i], &status, 0) < 0 ||
		    status != 0) {
			(void)fprintf(stderr, "fault sweep: a worker died\n");
			tally_survivor(TALLY_FAULTS, 1);
		}
}

/*
 * One clean delivery, judged as strictly as all others; its calls are what
 * is swept.  NULL if it is not sound: then there is nothing to sweep.
 */
static struct fault_record *
rehearse(const struct scenario *scenario, size_t *count)
{
	static struct fault_record calls[LEDGER_RECORDS];
	struct fault_rule none = { .action = ACT_NOT };
	struct stage stage;
	bool sound;

	(void)atomic_fetch_add(&progress->scenarios, 1);
	stages_prepare(scenario);
	stage_set_up(&stage, scenario, 0);
	sound = play(&stage, &none);
	*count = ledger_length(stage.plan);
	memcpy(calls, stage.plan->ledger, *count * sizeof(calls[0]));
	if (!sound || getenv("FAULT_TRACE") != NULL) {
		(void)fprintf(
		    stderr, "clean delivery of %s:\n", scenario->name);
		ledger_print(calls, *count, stderr);
	}
	stage_tear_down(&stage);
	return sound ? calls : NULL;
}

/* What a clean delivery's calls give rows for is played, by workers side by
 * side; the number of survivors. */
static unsigned
sweep(const struct scenario *scenario,
    void (*add_rows)(
	struct rows *rows, const struct fault_record *clean, size_t count),
    void (*work_on)(const struct rows *rows, unsigned worker))
{
	static struct rows rows;
	struct fault_record *clean;
	unsigned long before = tally_survivors();
	size_t count;

	if (!is_wanted(scenario))
		return 0;
	clean = rehearse(scenario, &count);
	if (clean == NULL)
		return 1;
	rows.scenario = scenario;
	rows.count = 0;
	add_rows(&rows, clean, count);
	share_out(&rows, work_on);
	return (unsigned)(tally_survivors() - before);
}

static void
add_faults(struct rows *rows, const struct fault_record *clean, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_fault_rows(rows, &clean[i]);
	add_orphan_rows(rows, clean, count);
	if (rows->scenario->message_octets <= TRICKLED_OCTETS)
		add_row(rows, ACT_TRICKLE, NULL, 0);
	add_row(rows, ACT_INTERRUPT_EACH, NULL, EINTR);
}

unsigned
sweep_faults(const struct scenario *scenario)
{
	return sweep(scenario, add_faults, work);
}

static void
add_kills(struct rows *rows, const struct fault_record *clean, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_kill_rows(rows, &clean[i]);
}

unsigned
sweep_kills(const struct scenario *scenario)
{
	return sweep(scenario, add_kills, work);
}

/* Pairs. */

/* Whether the call is one that has been disturbed. */
static bool
was_met(const struct stage *stage, const struct fault_rule *rule)
{
	for (size_t i = 0; i < ledger_length(stage->plan); i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if (record->process == rule->process &&
		    record->ordinal == rule->ordinal)
			return true;
	}
	return false;
}

static void
play_pair(struct stage *stage, const struct fault_rule *first,
    const struct fault_rule *second)
{
	const char *only = getenv("FAULT_SECOND");
	struct ending ending;
	char name[96];

	row_name(stage->scenario, second, name, sizeof(name));
	if (only != NULL && strcmp(only, name) != 0)
		return;
	stage_reset(stage);
	set_rule(stage, first);
	stage->plan->second = *second;
	stage_run(stage, &ending);
	/* Else it was another child's turn. */
	if (was_met(stage, second))
		tally_add(TALLY_PAIRS, 1);
	else
		memset(&stage->plan->second, 0, sizeof(stage->plan->second));
	(void)judge_stage(stage, &ending);
	memset(&stage->plan->second, 0, sizeof(stage->plan->second));
}

/* EIO where the call knows it: a disk that dies. */
static int
hard_error(const struct fault_record *at)
{
	const struct call_row *call = call_row(at->call);
	int found = 0;

	for (size_t i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++)
		if (call_can_fail(at, call->errors[i]) &&
		    (found == 0 || call->errors[i] == EIO))
			found = call->errors[i];
	return found;
}

static void
play_seconds(struct stage *stage, const struct fault_rule *first,
    const struct fault_record *at)
{
	struct fault_rule second = { .action = ACT_FAIL,
		.process = at->process,
		.ordinal = at->ordinal,
		.error = hard_error(at) };

	if (second.error != 0)
		play_pair(stage, first, &second);
	second.error = 0;
	second.action = ACT_KILL;
	/* The keeper's end is another story: it only unlocks. */
	if (at->process == 0)
		play_pair(stage, first, &second);
	second.action = ACT_TEAR;
	if (at->process == 0 && at->call == CALL_WRITE && at->path[0] == '/' &&
	    at->result > 1)
		play_pair(stage, first, &second);
}

/* One first fault alone, which shows what calls its handling makes; and then
 * with each of these disturbed. */
static void
play_first(struct stage *stage, const struct fault_rule *first)
{
	static struct fault_record calls[LEDGER_RECORDS];
	struct ending ending;
	bool is_after = false;
	size_t count;

	stage_reset(stage);
	set_rule(stage, first);
	stage_run(stage, &ending);
	count = ledger_length(stage->plan);
	memcpy(calls, stage->plan->ledger, count * sizeof(calls[0]));
	if (!judge_stage(stage, &ending))
		return;
	for (size_t i = 0; i < count; i++) {
		if (is_after)
			play_seconds(stage, first, &calls[i]);
		if (calls[i].process == first->process &&
		    calls[i].ordinal == first->ordinal)
			is_after = true;
	}
}

static void
work_on_pairs(const struct rows *rows, unsigned worker)
{
	struct stage stage;

	stage_set_up(&stage, rows->scenario, worker);
	for (size_t i = worker; i < rows->count; i += WORKERS)
		play_first(&stage, &rows->row[i].rule);
	stage_tear_down(&stage);
	_exit(0);
}

static void
add_firsts(struct rows *rows, const struct fault_record *clean, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (hard_error(&clean[i]) != 0)
			add_row(
			    rows, ACT_FAIL, &clean[i], hard_error(&clean[i]));
		if (clean[i].process == 0)
			add_row(rows, ACT_TERM, &clean[i], 0);
	}
}

static void
add_all_firsts(
    struct rows *rows, const struct fault_record *clean, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_errors(rows, &clean[i]);
		if (clean[i].process == 0)
			add_row(rows, ACT_TERM, &clean[i], 0);
	}
}

unsigned
sweep_pairs(const struct scenario *scenario, bool all)
{
	return sweep(
	    scenario, all ? add_all_firsts : add_firsts, work_on_pairs);
}

/* Memory. */

/* Each taking of it fails, for the first time or, for those who would go on,
 * from there on. */
static void
add_memory_rows(
    struct rows *rows, const struct fault_record *clean, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (clean[i].call == CALL_MAP) {
			add_row(rows, ACT_FAIL, &clean[i], ENOMEM);
			add_row(rows, ACT_FAIL_ON, &clean[i], ENOMEM);
		}
}

unsigned
sweep_memory(const struct scenario *scenario)
{
	return sweep(scenario, add_memory_rows, work);
}

/* Limits of a file's size. */

/* Of the largest file that a delivery makes longer. */
static off_t
octets_needed(const struct stage *stage)
{
	struct stat facts;

	if ((stage->scenario->flags & STORE_MBOX) == 0)
		return (off_t)stage->scenario->message_octets;
	return stat(stage_folder(stage), &facts) < 0 ? -1 : facts.st_size;
}

/* Known beforehand, a limit is no reason to begin. */
static bool
ran_into_the_limit(const struct stage *stage)
{
	for (size_t i = 0; i < ledger_length(stage->plan); i++)
		if (stage->plan->ledger[i].call == CALL_WRITE &&
		    stage->plan->ledger[i].error == EFBIG)
			return true;
	return false;
}

static bool
play_limit(struct stage *stage, rlim_t limit, bool fits)
{
	struct ending ending;
	bool sound;

	stage->limits_files = true;
	stage->file_limit = limit;
	stage_reset(stage);
	stage_run(stage, &ending);
	sound = judge_stage(stage, &ending);
	tally_add(TALLY_FAULTS, 1);
	if (sound && !fits && strncmp(ending.reply, "4.2.2 ", 6) != 0) {
		report(stage, "too small a limit is not 4.2.2", &ending);
		sound = false;
	}
	if (sound && stage->scenario->weather.call != CALL_GETRLIMIT &&
	    ran_into_the_limit(stage)) {
		report(stage, "written into a limit that it knows", &ending);
		sound = false;
	}
	if (sound && fits && ending.wait_status != 0) {
		report(stage, "refused though it fits", &ending);
		sound = false;
	}
	if (!sound)
		(void)fprintf(
		    stderr, "\tat RLIMIT_FSIZE %ju\n", (uintmax_t)limit);
	return sound;
}

unsigned
sweep_file_limits(const struct scenario *scenario)
{
	struct fault_rule none = { .action = ACT_NOT };
	unsigned long before = tally_survivors();
	struct stage stage;
	off_t needed;

	(void)atomic_fetch_add(&progress->scenarios, 1);
	stages_prepare(scenario);
	stage_set_up(&stage, scenario, 0);
	if (play(&stage, &none)) {
		needed = octets_needed(&stage);
		for (off_t limit = 0; limit < needed + 3; limit++)
			(void)play_limit(
			    &stage, (rlim_t)limit, limit >= needed);
	}
	stage_tear_down(&stage);
	return (unsigned)(tally_survivors() - before);
}

/* Hangs. */

static void
start_hanging(
    struct stage *stages, const struct rows *rows, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows->row[first + i];

		stage_set_up(&stages[i], row->scenario, (unsigned)i);
		set_rule(&stages[i], &row->rule);
		stage_start(&stages[i],
		    row->rule.action == ACT_HANG ? HANG_SETTING : NULL);
	}
}

static void
end_by_deadline(struct stage *stage)
{
	struct ending ending;

	memset(&ending, 0, sizeof(ending));
	if (stage_wait(stage, DEADLINE_MS, &ending)) {
		(void)judge_stage(stage, &ending);
		return;
	}
	report(stage, "delivery_timeout did not end it", &ending);
	(void)kill(-stage->pid, SIGKILL);
	(void)stage_wait(stage, DEADLINE_MS, &ending);
}

static void
end_by_term(struct stage *stage)
{
	struct ending ending;

	memset(&ending, 0, sizeof(ending));
	(void)kill(stage->pid, SIGTERM);
	if (!stage_wait(stage, DEADLINE_MS, &ending)) {
		ending.timed_out = true;
		(void)kill(-stage->pid, SIGKILL);
		(void)stage_wait(stage, DEADLINE_MS, &ending);
	}
	(void)judge_stage(stage, &ending);
}

/* Those with a deadline of a second have it side by side; by then the others
 * sleep in the call that is meant. */
static void
play_hanging(const struct rows *rows)
{
	static struct stage stages[HANGING];
	size_t most = getuid() == 0 ? HANGING : HANGING_UNPRIVILEGED;
	size_t count;

	for (size_t first = 0; first < rows->count; first += most) {
		count = rows->count - first;
		if (count > most)
			count = most;
		start_hanging(stages, rows, first, count);
		for (size_t i = 0; i < count; i++)
			if (stages[i].plan->rule.action != ACT_HANG_TERM)
				end_by_deadline(&stages[i]);
		for (size_t i = 0; i < count; i++)
			if (stages[i].plan->rule.action == ACT_HANG_TERM)
				end_by_term(&stages[i]);
		for (size_t i = 0; i < count; i++)
			stage_tear_down(&stages[i]);
	}
}

/*
 * From here on the settings are known: lda.conf has been read.  Before, the
 * default of five minutes holds, which no test waits for.
 */
static size_t
settings_are_known(const struct fault_record *calls, size_t count)
{
	size_t last = 0;

	for (size_t i = 0; i < count; i++)
		if (strstr(calls[i].path, "lda.conf") != NULL)
			last = i + 1;
	return last;
}

/* The keeper still has our caller's pipe then, who would wait for it; but no
 * server can make these calls wait. */
static bool
begins_keeper(const struct fault_record *at)
{
	return at->process != 0 &&
	    (strcmp(at->path, "(socketpair)") == 0 ||
		strcmp(at->path, "/dev/null") == 0);
}

static void
add_hang_rows(struct rows *rows, const struct scenario *scenario)
{
	size_t count, known;
	struct fault_record *clean = rehearse(scenario, &count);

	if (clean == NULL)
		return;
	rows->scenario = scenario;
	known = settings_are_known(clean, count);
	for (size_t i = 0; i < count; i++) {
		if ((call_row(clean[i].call)->flags & CALL_WAITS) == 0 ||
		    begins_keeper(&clean[i]))
			continue;
		add_row(rows, ACT_HANG_TERM, &clean[i], 0);
		if (i >= known)
			add_row(rows, ACT_HANG, &clean[i], 0);
		if (i >= known && clean[i].process == 0 &&
		    (scenario->flags & SWEEP_ALL) != 0)
			add_row(rows, ACT_LATE_HANG, &clean[i], 0);
	}
}

/* All scenarios that the machine's files let play side by side. */
static void
hang_those(unsigned flag)
{
	static struct rows rows;

	rows.count = 0;
	for (size_t i = 0; i < scenario_count; i++)
		if ((scenarios[i].flags & START_SETGID) == flag &&
		    (scenarios[i].flags & SHARES_CALLS) == 0 &&
		    is_wanted(&scenarios[i]) && sweep_can_play(&scenarios[i]))
			add_hang_rows(&rows, &scenarios[i]);
	play_hanging(&rows);
}

unsigned
sweep_hangs(void)
{
	unsigned long before = tally_survivors();

	hang_those(0);
	hang_those(START_SETGID);
	return (unsigned)(tally_survivors() - before);
}

/* Far beyond what a scenario takes on a slow machine. */
#define PATIENCE_SECONDS 300

static unsigned (*sweep_of_main)(const struct scenario *scenario);

START_TEST(no_row_breaks_the_contract)
{
	unsigned broken;

	if (!sweep_can_play(&scenarios[_i]))
		return;
	broken = sweep_of_main(&scenarios[_i]);
	ck_assert_msg(broken == 0, "%s: %u rows broken, named above",
	    scenarios[_i].name, broken);
}
END_TEST

int
sweep_main(const char *name, const char *program,
    unsigned (*sweep_one)(const struct scenario *scenario))
{
	Suite *suite = suite_create(name);
	TCase *tests = tcase_create("sweep");
	int failed;

	sweep_of_main = sweep_one;
	sweep_begin(program);
	tcase_set_timeout(tests, PATIENCE_SECONDS);
	tcase_add_loop_test(
	    tests, no_row_breaks_the_contract, 0, (int)scenario_count);
	suite_add_tcase(suite, tests);
	failed = expect_run(suite);
	sweep_end();
	return failed;
}
