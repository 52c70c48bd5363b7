/*
 * check_deadline.c - time over, signals and crashes undo everything and are
 * answered so that Postfix tries again.
 *
 * Source: DESIGN 2.2; postfix bounces what runs longer than its time limit,
 * and what a shell reports as 128 and a signal.
 */
#include "support/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* More than lda keeps in memory: the message is in a file by then. */
#define LONG_MAIL ((size_t)200 * 1024)

static struct world world;
static char long_mail[LONG_MAIL];

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", "-o", "delivery_timeout=1s", NULL);
	memset(long_mail, 'x', sizeof(long_mail));
}

static void
tear_down(void)
{
	world_close(&world);
}

START_TEST(a_caller_that_never_ends_is_given_up)
{
	world.command.input_kind = HOST_HELD_OPEN;
	if (_i == 0)
		world_deliver(&world, world_mail);
	else
		world_deliver_octets(&world, long_mail, sizeof(long_mail));
	expect_deferred(&world, "4.3.0");
	ck_assert_int_ge(world.got.elapsed_ms, 900);
	ck_assert_int_lt(world.got.elapsed_ms, 4000);
	expect_log(&world, "delivery_timeout");
	expect_log(&world, "exit=75");
}
END_TEST

static void
block_and_ignore(void *context)
{
	sigset_t all;

	(void)context;
	(void)signal(SIGALRM, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
}

START_TEST(the_deadline_holds_whatever_signals_were_inherited)
{
	world.command.input_kind = HOST_HELD_OPEN;
	world.command.before_exec = block_and_ignore;
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.0");
	ck_assert_int_lt(world.got.elapsed_ms, 4000);
}
END_TEST

/* Signals while the message is read. */

static int signal_number;

static void
send_signal(pid_t pid, void *context)
{
	(void)context;
	(void)kill(pid, signal_number);
}

static const int ends[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGXCPU };

static void
signal_while_reading(int number, size_t after)
{
	world_arguments(&world, "-d", "bob", NULL);
	signal_number = number;
	world.command.input_kind = HOST_HELD_OPEN;
	world.command.meanwhile = send_signal;
	world.command.pause_after = after;
	world_deliver_octets(&world, long_mail, after);
}

START_TEST(a_request_to_end_is_orderly)
{
	size_t after = (size_t)_i < COUNT(ends) ? 10 : LONG_MAIL;

	signal_while_reading(ends[(size_t)_i % COUNT(ends)], after);
	expect_deferred(&world, "4.3.0");
	expect_log(&world, "signal");
	expect_log(&world, "exit=75");
}
END_TEST

static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

START_TEST(a_crash_has_last_words)
{
	signal_while_reading(crashes[_i], 10);
	expect_deferred(&world, "4.3.0");
}
END_TEST

/* Debris in tmp/ is nothing a reader sees, and is reaped later; the mail must
 * not be in new/. */
START_TEST(a_crash_with_a_file_publishes_nothing)
{
	signal_while_reading(crashes[_i], LONG_MAIL);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert_str_eq(world.got.dsn, "4.3.0");
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir/new"), 0);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir/cur"), 0);
}
END_TEST

/* Behind a shell: it writes down the number of the process that becomes lda,
 * so that the signal meets lda and not the shell. */

static void
signal_noted_process(pid_t pid, void *context)
{
	FILE *note = fopen(context, "r");
	char number[32] = "";

	(void)pid;
	ck_assert_ptr_nonnull(note);
	ck_assert_ptr_nonnull(fgets(number, sizeof(number), note));
	(void)fclose(note);
	ck_assert_int_eq(
	    kill((pid_t)strtol(number, NULL, 10), signal_number), 0);
}

START_TEST(a_crash_behind_a_shell_is_75)
{
	const char *note = scratch_path(&world.scratch, "pid");

	world_local(&world);
	world.command.shell_line = scratch_print(&world.scratch,
	    "/bin/sh -c 'echo $$ >%s; exec %s -f \"$SENDER\"'; exit $?", note,
	    machine_program());
	world.command.input_kind = HOST_HELD_OPEN;
	world.command.meanwhile = signal_noted_process;
	world.command.context = (void *)(uintptr_t)note;
	world.command.pause_after = 10;
	signal_number = crashes[_i];
	world_deliver_octets(&world, long_mail, 10);
	expect_deferred(&world, "4.3.0");
}
END_TEST

START_TEST(a_death_without_words_is_deferred_by_postfix)
{
	signal_while_reading(SIGKILL, 10);
	ck_assert_int_eq(host_exit_status(&world.got), -1);
	ck_assert_int_eq(world.got.action, HOST_DEFERRED);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("deadline");
	TCase *time_over = tcase_create("time over");
	TCase *ending = tcase_create("signals");

	tcase_set_timeout(time_over, 30);
	tcase_set_timeout(ending, 30);
	tcase_add_checked_fixture(time_over, set_up, tear_down);
	tcase_add_checked_fixture(ending, set_up, tear_down);
	tcase_add_loop_test(
	    time_over, a_caller_that_never_ends_is_given_up, 0, 2);
	tcase_add_test(
	    time_over, the_deadline_holds_whatever_signals_were_inherited);
	tcase_add_loop_test(
	    ending, a_request_to_end_is_orderly, 0, 2 * COUNT(ends));
	tcase_add_loop_test(ending, a_crash_has_last_words, 0, COUNT(crashes));
	tcase_add_loop_test(
	    ending, a_crash_with_a_file_publishes_nothing, 0, COUNT(crashes));
	tcase_add_loop_test(
	    ending, a_crash_behind_a_shell_is_75, 0, COUNT(crashes));
	tcase_add_test(ending, a_death_without_words_is_deferred_by_postfix);
	suite_add_tcase(suite, time_over);
	suite_add_tcase(suite, ending);
	return world_main(suite);
}
