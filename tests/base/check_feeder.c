/*
 * check_feeder.c - whether the process that feeds us is still there, also in
 * the moment in which it ends.
 *
 * Source: base/feeder.h; proc(5) stat.
 */
#define _GNU_SOURCE /* syscall(2) */
#include "base/feeder.h"

#include "../base/expect.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the fed process says, and what it waits for. */
static int said[2], go[2];

static void
be_fed(void)
{
	pid_t feeder_pid = getppid();
	struct feeder feeder;
	char answer, octet;

	feeder_note(&feeder, feeder_pid);
	do {
		answer = feeder_is_there(&feeder) ? 'y' : 'n';
		if (write(said[1], &answer, 1) != 1)
			break;
	} while (read(go[0], &octet, 1) == 1);
	_exit(0);
}

static void *
stay(void *nothing)
{
	(void)pause();
	return nothing;
}

/* A process of two threads, of which the first has ended: it has left neither
 * its children nor its number, as any process in the middle of its end. */
static void
be_the_feeder(bool with_shell)
{
	pthread_t thread;
	char octet;

	/* So that whoever is left ends with the test. */
	(void)close(go[1]);
	(void)close(said[0]);
	/* As pipe(8) starts it: in a session of its own, or in a shell's. */
	if (fork() == 0) {
		(void)setsid();
		if (!with_shell || fork() == 0)
			be_fed();
		(void)waitpid(-1, NULL, 0);
		_exit(0);
	}
	if (pthread_create(&thread, NULL, stay, NULL) != 0 ||
	    read(go[0], &octet, 1) != 1)
		_exit(1);
	(void)syscall(SYS_exit, 0);
}

static char
hear(void)
{
	char answer = '-';

	ck_assert_int_eq(read(said[0], &answer, 1), 1);
	return answer;
}

/* Its state, from what the system tells of it. */
static char
state_of(pid_t pid)
{
	char path[64], state = '-';
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return '-';
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '-';
	(void)fclose(file);
	return state;
}

START_TEST(feeder_that_is_ending_is_gone)
{
	pid_t feeder;

	if (state_of(getpid()) == '-')
		return; /* a system without proc(5): there the pid must do */
	ck_assert_int_eq(pipe(said), 0);
	ck_assert_int_eq(pipe(go), 0);
	feeder = fork();
	if (feeder == 0)
		be_the_feeder(_i == 1);
	ck_assert_int_eq(hear(), 'y');
	/* Whichever of the two takes it, the other gets the next. */
	while (state_of(feeder) != 'Z') {
		ck_assert_int_eq(write(go[1], "x", 1), 1);
		(void)usleep(1000);
	}
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	/* What was said before it had ended, then the truth for ever. */
	while (hear() != 'n')
		ck_assert_int_eq(write(go[1], "x", 1), 1);
	ck_assert_int_eq(kill(feeder, SIGKILL), 0);
	ck_assert_int_eq(waitpid(feeder, NULL, 0), feeder);
	(void)close(go[1]);
}
END_TEST

START_TEST(nobody_noted_is_nobody_missed)
{
	const struct feeder nobody = { .noted = false };
	struct feeder somebody_else;

	ck_assert(feeder_is_there(&nobody));
	feeder_note(&somebody_else, getppid() + 1);
	ck_assert(!feeder_is_there(&somebody_else));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("feeder");
	TCase *all = tcase_create("all");

	tcase_add_test(all, nobody_noted_is_nobody_missed);
	if (expect_forks())
		tcase_add_loop_test(all, feeder_that_is_ending_is_gone, 0, 2);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
