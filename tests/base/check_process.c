/*
 * check_process.c - what the system tells of another process.
 *
 * Source: proc(5).
 */
#define _GNU_SOURCE /* waitid(2) */
#include "base/process.h"

#include "../base/expect.h"
#include "support/machine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The calendar and the time since boot are both cut to seconds. */
#define ROUNDING_SECONDS 2

static int facts_fd = -1;

static bool
look(struct process_facts *facts)
{
	ck_assert_int_ge(facts_fd, 0);
	errno = 0;
	return process_read(facts_fd, facts);
}

START_TEST(a_process_has_a_parent_and_lives)
{
	struct process_facts facts;

	facts_fd = process_open(getpid());
	ck_assert(look(&facts));
	ck_assert_int_eq(facts.parent, getppid());
	ck_assert(!facts.exiting);
}
END_TEST

/* The name stands in front of the numbers, and may look like them. */
START_TEST(a_name_is_no_number)
{
	struct process_facts facts;

	ck_assert_int_eq(prctl(PR_SET_NAME, "a) S 7 (4 ) 5 6"), 0);
	facts_fd = process_open(getpid());
	ck_assert(look(&facts));
	ck_assert_int_eq(facts.parent, getppid());
	ck_assert(MACHINE_IS_PORTABLE ||
	    process_started(getpid()) >= time(NULL) - 60);
}
END_TEST

START_TEST(who_has_ended_is_told_from_who_lives)
{
	struct process_facts facts;
	pid_t pid = fork();
	siginfo_t info;
	int pages_fd;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			(void)pause();
	facts_fd = process_open(pid);
	pages_fd = process_open_pages(pid);
	ck_assert_int_ge(pages_fd, 0);
	ck_assert(!process_has_no_pages(pages_fd));
	ck_assert(look(&facts));
	ck_assert(!facts.exiting);
	ck_assert_int_eq(facts.parent, getpid());
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert(look(&facts));
	ck_assert(facts.exiting);
	ck_assert(process_has_no_pages(pages_fd));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(!look(&facts));
	ck_assert_int_eq(errno, ESRCH);
	ck_assert(process_has_no_pages(pages_fd));
}
END_TEST

START_TEST(a_start_is_told_in_seconds_of_the_calendar)
{
	time_t before = time(NULL);
	int64_t started;
	pid_t pid;

	if (MACHINE_IS_PORTABLE)
		return; /* it does not know when the machine was */
	pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			(void)pause();
	started = process_started(pid);
	ck_assert_int_ge(started, before - ROUNDING_SECONDS);
	ck_assert_int_le(started, time(NULL) + ROUNDING_SECONDS);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_le(process_started(1), started);
}
END_TEST

START_TEST(of_nobody_nothing_is_known)
{
	ck_assert_int_eq(process_open(MACHINE_NO_PID), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(process_started(MACHINE_NO_PID), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("process");
	TCase *tests = tcase_create("process");

	tcase_add_test(tests, a_process_has_a_parent_and_lives);
	tcase_add_test(tests, a_name_is_no_number);
	tcase_add_test(tests, who_has_ended_is_told_from_who_lives);
	tcase_add_test(tests, a_start_is_told_in_seconds_of_the_calendar);
	tcase_add_test(tests, of_nobody_nothing_is_known);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
