/*
 * check_signals.c - a server hears the signal that comes just before it waits.
 *
 * Between the look at what a signal has changed and the wait there is a moment
 * in which a signal would be heard only when the wait ends by itself, which for
 * a server without work is never.  The seam sends TERM in exactly that moment;
 * the wait must then be interrupted at once.
 *
 * Source: ppoll(2), lda-lmtp(8) "Signals".
 */
#define _GNU_SOURCE /* setgroups(2) */
#include "lmtp_stage.h"

#include "../base/expect.h"
#include "support/machine.h"

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM CHECK_DIR "/lda-lmtp-fault"
#define PATIENCE_MS 20000

static const struct lmtp_scenario scenario = { .name = "signals" };
static struct lmtp_stage stage;

/* How a server waits without work. */
enum manner {
	FOR_A_COMMAND, /* on the connection that it was given */
	FOR_A_CLIENT,  /* on a socket of its own */
	FOR_A_RECORD   /* root's part, for the process that speaks */
};
static const char *const names[] = { "for a command", "for a client",
	"for a record" };

static void
set_up(void)
{
	lmtp_stage_set_up(&stage, &scenario);
	lmtp_stage_reset(&stage);
	machine_write(
	    "etc/passwd", "speaker:x:60009:60009::/:/bin/false\n", 0644);
}

static void
tear_down(void)
{
	lmtp_stage_tear_down(&stage);
}

static void
become_nobody(void)
{
	gid_t gid = machine_gid();

	if (getuid() == 0 &&
	    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
		setuid(machine_uid()) < 0))
		_exit(99);
}

static void
exec_server(enum manner manner, int connection)
{
	char plan[256], log[256], listens[256];
	char name[] = "lda-lmtp", o[] = "-o", l[] = "-l";
	char speaker[] = "lmtp_user=speaker";
	char *environment[] = { plan, NULL };
	char *argv[] = { name, o, log, o, speaker,
		manner == FOR_A_CLIENT ? l : NULL, listens, NULL };

	(void)snprintf(
	    plan, sizeof(plan), "%s=%s/plan", FAULT_PLAN_VARIABLE, stage.root);
	(void)snprintf(log, sizeof(log), "syslog_socket=%s/log", stage.root);
	(void)snprintf(
	    listens, sizeof(listens), "unix:%s/temp/socket", stage.root);
	if (manner != FOR_A_RECORD)
		become_nobody();
	if (dup2(connection, 0) < 0 || dup2(connection, 1) < 0 ||
	    dup2(connection, 2) < 0)
		_exit(99);
	(void)execve(PROGRAM, argv, environment);
	_exit(99);
}

/* The first wait of the process that was started; NULL: not come to it. */
static const struct fault_record *
first_wait(void)
{
	unsigned count = stage.plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++) {
		const struct fault_record *record = &stage.plan->ledger[i];

		if (record->process == 0 && record->call == CALL_POLL_OPEN)
			return record;
	}
	return NULL;
}

/* Waits until the server has come to its first wait, or has ended; the client
 * never says a word. */
static const struct fault_record *
wait_for_wait(pid_t pid)
{
	siginfo_t ended = { .si_pid = 0 };

	for (int i = 0; i < PATIENCE_MS; i++) {
		if (first_wait() != NULL)
			return first_wait();
		ck_assert_int_eq(waitid(P_PID, (id_t)pid, &ended,
				     WEXITED | WNOHANG | WNOWAIT),
		    0);
		if (ended.si_pid != 0)
			break;
		(void)poll(NULL, 0, 1);
	}
	return NULL;
}

/* Its wait status; -1: it did not end by itself. */
static int
wait_for_end(pid_t pid)
{
	int status;

	for (int i = 0; i < PATIENCE_MS; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)poll(NULL, 0, 1);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

static pid_t
start(enum manner manner, int ends[2])
{
	pid_t pid;

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		exec_server(manner, ends[1]);
	(void)close(ends[1]);
	return pid;
}

START_TEST(signal_just_before_the_wait_interrupts_it)
{
	enum manner manner = (enum manner)_i;
	const struct fault_record *wait;
	struct fault_rule rule = { .action = ACT_TERM };
	int ends[2], status;
	pid_t pid;

	if (manner == FOR_A_RECORD && getuid() != 0)
		return;
	pid = start(manner, ends);
	wait = wait_for_wait(pid);
	(void)kill(pid, SIGTERM);
	status = wait_for_end(pid);
	(void)close(ends[0]);
	ck_assert_msg(wait != NULL && status == 0,
	    "undisturbed, %s: it never waited, or ended with %d", names[_i],
	    status);
	rule.ordinal = wait->ordinal;

	lmtp_stage_reset(&stage);
	stage.plan->rule = rule;
	pid = start(manner, ends);
	status = wait_for_end(pid);
	(void)close(ends[0]);
	wait = first_wait();
	ck_assert_msg(status == 0, "%s: wait status %d", names[_i], status);
	ck_assert_msg(wait != NULL && wait->injected && wait->result == -1 &&
		wait->error == EINTR,
	    "%s: the wait was not interrupted", names[_i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("signals");
	TCase *cases = tcase_create("before a wait");
	int failed;

	machine_begin();
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_set_timeout(cases, 90);
	tcase_add_loop_test(cases, signal_just_before_the_wait_interrupts_it, 0,
	    (int)(sizeof(names) / sizeof(names[0])));
	suite_add_tcase(suite, cases);
	failed = expect_run(suite);
	machine_end();
	return failed;
}
