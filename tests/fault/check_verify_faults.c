/*
 * check_verify_faults.c - every call of lda-verify fails, is interrupted,
 * comes short, hangs, or is the last of its process; and there is no memory.
 *
 * What must hold: about a user that there is Postfix hears OK, or TEMP, or
 * nothing and the connection's end, after which it asks again and then says
 * 451; never NOTFOUND, which would bounce his mail.  Nobody else is found.  A
 * mailbox is only called full if it is.  An interruption or a short count
 * changes nothing.
 *
 * FAULT_ONLY=file:0:30:EIO:once (scenario, process, ordinal, errno, mode)
 * plays that row alone; FAULT_TRACE=1 prints the calls of clean sessions.
 */
#define _GNU_SOURCE /* setgroups(2), subreaper */
#include "calls.h"
#include "ledger.h"
#include "plan.h"
#include "sources.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"
#include "support/tally.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_SECONDS 300
#define PATIENCE_MS 4000
#define CALL_LIMIT 20000
#define PATH 256

/* Of a trickled session; what a fork does is counted for itself. */
#define ORDERLY 14 /* by then TERM is no sudden death any more */

/* What is asked, and what is said when nothing is wrong. */
enum question {
	KNOWN,
	UNKNOWN, /* not of a source that knows everybody */
	FULL,
	ROOMY,
	QUESTIONS
};

static const struct {
	const char *wire, *want;
} questions[QUESTIONS] = {
	{ "10:rcpt bob@b,", "OK bob@b" },
	{ "11:rcpt otto@b,", "NOTFOUND " },
	{ "11:quota bob@b,", "OK 452 4.2.2 mailbox is full" },
	{ "11:quota amy@b,", "NOTFOUND " },
};

static const struct scenario {
	const char *name;
	const char *program;
	const char *source; /* '#' is the scratch directory */
	bool knows_everybody;
} scenarios[] = {
	{ "file", "lda-verify-fault", "passwd-file:#/users", false },
	{ "cdb", "lda-verify-fault", "cdb:#/users.cdb", false },
	{ "socketmap", "lda-verify-fault", "socketmap:unix:#/socketmap:bobs",
	    true },
	{ "auth", "lda-verify-fault", "dovecot-auth:#/auth", true },
	{ "memory", "lda-verify-memory", "passwd-file:#/users", false },
};

static struct scratch scratch;
static const char *root; /* its */
static struct fault_plan *plan;

struct outcome {
	bool timed_out;
	int wait_status;
	char answers[QUESTIONS][128]; /* "": none */
};

static const char *
below(const char *name)
{
	static char path[PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

/* The world: users, one of them with a full mailbox. */

static void
make(const char *name, const char *text)
{
	int fd = open(below(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchown(fd, machine_uid(), machine_gid()), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void
make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(below(name), 0755), 0);
	ck_assert_int_eq(chown(below(name), machine_uid(), machine_gid()), 0);
}

static void
make_maildir(const char *home)
{
	static const char *const parts[] = { "", "/Maildir", "/Maildir/cur",
		"/Maildir/new", "/Maildir/tmp" };
	char name[64];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", home, parts[i]);
		make_directory(name);
	}
}

static void
make_world(void)
{
	struct source_user bob = { "bob@b", machine_uid(), machine_gid(), "" };
	char text[512], home[PATH];
	int fd;

	scratch_open(&scratch, machine_uid(), machine_gid());
	root = scratch.root;
	scratch_chmod(&scratch, "", 0755);
	make_maildir("bob");
	make_maildir("amy");
	make("bob/Maildir/maildirsize", "1000S\n5000 1\n");
	make("bob/Maildir/cur/1.M1P1Q1R1.x,S=5000:2,S", "");
	(void)snprintf(text, sizeof(text),
	    "amy@b:::::%s/amy::\nbob@b:::::%s/bob::\n", root, root);
	make("users", text);
	(void)snprintf(home, sizeof(home), "%s/bob", root);
	bob.home = home;
	ck_assert_int_eq(source_write_cdb(below("users.cdb"), &bob), 0);
	ck_assert_int_gt(
	    source_serve(below("socketmap"), SOURCE_SOCKETMAP, &bob), 0);
	ck_assert_int_gt(
	    source_serve(below("auth"), SOURCE_DOVECOT_AUTH, &bob), 0);
	fd = open(below("plan"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0666), 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)sizeof(*plan)), 0);
	plan = mmap(
	    NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(plan, MAP_FAILED);
	(void)close(fd);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L), 0);
}

/* A session. */

static void
become_server(const struct scenario *scenario, int socket)
{
	char program[PATH], source[PATH], variable[PATH];
	char place[] = "PATH=/usr/bin:/bin";
	char config[] = "MAIL_CONFIG=/etc/postfix";
	char name[] = "lda-verify", flag[] = "-o";
	char store[] = "mail_location=maildir:~/Maildir";
	char rule[] = "quota_rule=*:storage=1000B", grace[] = "quota_grace=0";
	char *argv[] = { name, flag, source, flag, store, flag, rule, flag,
		grace, NULL };
	char *environment[] = { variable, config, place, NULL };
	const char *hash = strchr(scenario->source, '#');
	gid_t gid = machine_gid();

	(void)snprintf(
	    program, sizeof(program), "%s/%s", CHECK_DIR, scenario->program);
	(void)snprintf(source, sizeof(source), "userdb=%.*s%s%s",
	    (int)(hash - scenario->source), scenario->source, root, hash + 1);
	(void)snprintf(variable, sizeof(variable), "%s=%s/plan",
	    FAULT_PLAN_VARIABLE, root);
	(void)setsid();
	if (getuid() == 0 &&
	    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
		setuid(machine_uid()) < 0))
		_exit(99);
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(socket, fd) < 0)
			_exit(99);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	(void)execve(program, argv, environment);
	_exit(99);
}

/* TERM for a call that hangs, once it does. */
static void
end_what_hangs(void)
{
	unsigned count = plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++)
		if (plan->ledger[i].injected && !plan->ledger[i].done)
			(void)kill(plan->ledger[i].pid, SIGTERM);
}

/* One more octet; false at the end. */
static bool
hear_octet(int fd, char *octet, struct outcome *outcome)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		int ready = poll(&wanted, 1, 10);

		if (ready > 0)
			return recv(fd, octet, 1, 0) == 1;
		if (plan->rule.action == ACT_HANG_TERM)
			end_what_hangs();
	}
	outcome->timed_out = true;
	return false;
}

static bool
hear_answer(int fd, char *into, size_t size, struct outcome *outcome)
{
	size_t length = 0;
	char octet;

	while (hear_octet(fd, &octet, outcome) && octet != ':') {
		if (octet < '0' || octet > '9')
			return false;
		length = length * 10 + (size_t)(octet - '0');
	}
	if (outcome->timed_out || length == 0 || length >= size)
		return false;
	for (size_t i = 0; i <= length; i++) {
		if (!hear_octet(fd, &octet, outcome))
			return false;
		into[i] = octet;
	}
	into[length] = '\0';
	return true;
}

static void
wait_for(pid_t pid, struct outcome *outcome)
{
	int status;

	for (int i = 0; waitpid(pid, &outcome->wait_status, WNOHANG) == 0;
	     i++) {
		(void)poll(NULL, 0, 1);
		if (plan->rule.action == ACT_HANG_TERM)
			end_what_hangs();
		if (i == PATIENCE_MS) {
			outcome->timed_out = true;
			(void)kill(-pid, SIGKILL);
		}
	}
	(void)kill(-pid, SIGKILL); /* forks that were made to hang */
	while (waitpid(-pid, &status, 0) > 0)
		;
}

static void
converse(const struct scenario *scenario, const struct fault_rule *rule,
    struct outcome *outcome)
{
	int ends[2];
	pid_t pid;

	memset(outcome, 0, sizeof(*outcome));
	memset(plan, 0, offsetof(struct fault_plan, ledger));
	plan->no_sync = true;
	plan->call_limit = CALL_LIMIT;
	plan->rule = *rule;
	for (enum fault_call call = CALL_NONE + 1; call < CALL_COUNT; call++)
		plan->interrupts[call] =
		    (call_row(call)->flags & CALL_WAITS) != 0 &&
		    call != CALL_FSYNC && call != CALL_CLOSE;
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become_server(scenario, ends[1]);
	(void)close(ends[1]);
	for (int i = 0; i < QUESTIONS; i++) {
		if (send(ends[0], questions[i].wire, strlen(questions[i].wire),
			MSG_NOSIGNAL) < 0 ||
		    !hear_answer(ends[0], outcome->answers[i],
			sizeof(outcome->answers[i]), outcome))
			break;
	}
	(void)close(ends[0]);
	wait_for(pid, outcome);
}

/* What was said. */

static bool
is_asked(const struct scenario *scenario, int question)
{
	return !scenario->knows_everybody || question == KNOWN;
}

static const struct fault_record *
disturbed(void)
{
	unsigned count = plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++)
		if (plan->ledger[i].injected)
			return &plan->ledger[i];
	return NULL;
}

static bool
must_not_matter(void)
{
	const struct fault_record *record = disturbed();

	switch (plan->rule.action) {
	case ACT_FAIL:
		return plan->rule.error == EINTR && record != NULL &&
		    (call_row(record->call)->flags & CALL_WAITS) != 0 &&
		    record->call != CALL_FSYNC && record->call != CALL_CLOSE;
	case ACT_NOT:
	case ACT_HALF:
	case ACT_ONE:
	case ACT_TRICKLE:
	case ACT_INTERRUPT_EACH:
		return true;
	default:
		return false;
	}
}

static const char *
judge_answer(int question, const char *got)
{
	const char *want = questions[question].want;

	if (strcmp(got, want) == 0)
		return NULL;
	if (must_not_matter())
		return "another answer, for what changes nothing";
	if (got[0] == '\0' || strncmp(got, "TEMP 4.", 7) == 0)
		return NULL;
	/* No opinion, where the mailbox cannot be looked at. */
	if (question == FULL && strcmp(got, "NOTFOUND ") == 0)
		return NULL;
	return "a wrong answer";
}

static bool
asks_to_end(enum fault_action action)
{
	return action == ACT_TERM || action == ACT_HUP || action == ACT_INT ||
	    action == ACT_HANG_TERM;
}

static const char *
judge(const struct scenario *scenario, const struct outcome *outcome)
{
	const struct fault_rule *rule = &plan->rule;
	int status = outcome->wait_status;

	if (outcome->timed_out)
		return "it hangs";
	if (plan->ran_away)
		return "a process goes round in circles";
	for (int i = 0; i < QUESTIONS; i++) {
		const char *what = judge_answer(i, outcome->answers[i]);

		if (is_asked(scenario, i) && what != NULL)
			return what;
	}
	if (WIFSIGNALED(status))
		return rule->process == 0 &&
			(rule->action == ACT_KILL ||
			    (asks_to_end(rule->action) &&
				rule->ordinal < ORDERLY)) ?
		    NULL :
		    "it was killed";
	return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 75 ?
	    NULL :
	    "the exit status is neither 0 nor 75";
}

static enum tally_kind
kind_of(const struct scenario *scenario, enum fault_action action)
{
	if (action == ACT_KILL)
		return TALLY_KILLS;
	if (action == ACT_HANG_TERM)
		return TALLY_HANGS;
	if (asks_to_end(action))
		return TALLY_SIGNALS;
	return strstr(scenario->program, "memory") != NULL ? TALLY_MEMORY :
							     TALLY_FAULTS;
}

static void
play(const struct scenario *scenario, const struct fault_record *at,
    enum fault_action action, int error, const char *mode)
{
	struct fault_rule rule = { .action = action, .error = error };
	const char *complaint, *only = getenv("FAULT_ONLY");
	struct outcome outcome;
	char name[128];

	if (at != NULL) {
		rule.process = at->process;
		rule.ordinal = at->ordinal;
	}
	(void)snprintf(name, sizeof(name), "%s:%u:%u:%s:%s", scenario->name,
	    rule.process, rule.ordinal, error_name(error), mode);
	if (only != NULL && strncmp(name, only, strlen(only)) != 0)
		return;
	converse(scenario, &rule, &outcome);
	complaint = judge(scenario, &outcome);
	tally_add(kind_of(scenario, action), 1);
	if (complaint == NULL)
		return;
	tally_survivor(kind_of(scenario, action), 1);
	(void)fprintf(stderr,
	    "FAULT_ONLY=%s\n\tbroken: %s\n\twait status %#x, answers \"%s\" "
	    "\"%s\" \"%s\" \"%s\"\n",
	    name, complaint, (unsigned)outcome.wait_status,
	    outcome.answers[KNOWN], outcome.answers[UNKNOWN],
	    outcome.answers[FULL], outcome.answers[ROOMY]);
	if (only != NULL)
		ledger_print(plan->ledger, plan->records, stderr);
}

/* A fork's answer goes into the pipe whole, or not at all. */
static bool
comes_short(const struct fault_record *record)
{
	return (call_row(record->call)->flags & CALL_MOVES) != 0 &&
	    record->result > 1 &&
	    (record->call != CALL_WRITE || strcmp(record->path, "(pipe)") != 0);
}

static void
play_call(const struct scenario *scenario, const struct fault_record *at)
{
	const struct call_row *call = call_row(at->call);

	for (int i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++) {
		if (!call_can_fail(at, call->errors[i]))
			continue;
		play(scenario, at, ACT_FAIL, call->errors[i], "once");
		if (i == 0 && call->errors[i] != EAGAIN)
			play(scenario, at, ACT_FAIL_ON, call->errors[i], "on");
	}
	if (comes_short(at)) {
		play(scenario, at, ACT_HALF, 0, "half");
		play(scenario, at, ACT_ONE, 0, "one");
	}
	if ((call->flags & CALL_WAITS) != 0) {
		play(scenario, at, ACT_FAIL, EINTR, "once");
		play(scenario, at, ACT_HANG_TERM, 0, "hang-term");
	}
	play(scenario, at, ACT_KILL, 0, "kill");
	play(scenario, at, ACT_TERM, 0, "term");
	if (scenario != &scenarios[0])
		return;
	play(scenario, at, ACT_HUP, 0, "hup");
	play(scenario, at, ACT_INT, 0, "int");
}

static void
play_memory(const struct scenario *scenario, const struct fault_record *at)
{
	if (at->call != CALL_MAP && at->call != CALL_MAP_SHARED)
		return;
	play(scenario, at, ACT_FAIL, ENOMEM, "once");
	play(scenario, at, ACT_FAIL_ON, ENOMEM, "on");
}

/* The second fork does what the first one did, and they do it for every source
 * alike. */
static bool
is_played(const struct scenario *scenario, const struct fault_record *record)
{
	return record->process < (scenario == &scenarios[0] ? 2U : 1U);
}

START_TEST(no_fault_is_a_verdict)
{
	static struct fault_record clean[LEDGER_RECORDS];
	const struct scenario *scenario = &scenarios[_i];
	const struct fault_rule none = { .action = ACT_NOT };
	struct outcome outcome;
	const char *complaint;
	size_t count;

	make_world();
	converse(scenario, &none, &outcome);
	complaint = judge(scenario, &outcome);
	ck_assert_msg(complaint == NULL, "%s, undisturbed: %s; \"%s\"",
	    scenario->name, complaint, outcome.answers[KNOWN]);
	count = plan->records;
	ck_assert_uint_le(count, LEDGER_RECORDS);
	memcpy(clean, plan->ledger, count * sizeof(clean[0]));
	if (getenv("FAULT_TRACE") != NULL)
		ledger_print(clean, count, stderr);
	if (kind_of(scenario, ACT_FAIL) == TALLY_MEMORY) {
		for (size_t i = 0; i < count; i++)
			play_memory(scenario, &clean[i]);
	} else {
		for (size_t i = 0; i < count; i++)
			if (is_played(scenario, &clean[i]))
				play_call(scenario, &clean[i]);
		play(scenario, NULL, ACT_INTERRUPT_EACH, EINTR,
		    "interrupt-each");
		play(scenario, NULL, ACT_TRICKLE, 0, "trickle");
	}
	ck_assert_msg(tally_survivors() == 0,
	    "%s: %lu rows broken, named above", scenario->name,
	    tally_survivors());
	scratch_close(&scratch);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lda-verify sweep");
	TCase *sweep = tcase_create("sweep");
	int failed;

	machine_begin();
	scratch_begin();
	tally_begin();
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(sweep, no_fault_is_a_verdict, 0,
	    (int)(sizeof(scenarios) / sizeof(scenarios[0])));
	suite_add_tcase(suite, sweep);
	failed = expect_run(suite);
	tally_print();
	scratch_end();
	machine_end();
	return failed;
}
