/*
 * check_concurrency.c - a user's deliveries are counted, the dead are not.
 */
#include "serve/concurrency.h"

#include "../base/expect.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct concurrency *table;
static struct status why;

static void
open_table(void)
{
	table = concurrency_make();
	ck_assert_ptr_nonnull(table);
	status_init(&why);
}

/* A process that has a place and stays. */
static pid_t
occupy(struct str user)
{
	int ends[2];
	char octet;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		if (concurrency_enter(table, user, 100, 0, &why) == 0 &&
		    write(ends[1], "x", 1) == 1)
			for (;;)
				(void)pause();
		_exit(1);
	}
	ck_assert_int_eq(read(ends[0], &octet, 1), 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return pid;
}

static void
end(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(no_more_than_so_many)
{
	pid_t one = occupy(STR("bob@x")), other = occupy(STR("bob@x"));

	ck_assert_int_eq(
	    concurrency_enter(table, STR("Bob@X"), 2, 0, &why), -1);
	ck_assert_int_eq(why.id, STATUS_LOCKED);
	/* Another user is none of his. */
	ck_assert_int_eq(concurrency_enter(table, STR("eve@x"), 1, 0, &why), 0);
	/* Killed without a word, he is not counted any more. */
	end(one);
	ck_assert_int_eq(concurrency_enter(table, STR("bob@x"), 2, 0, &why), 0);
	end(other);
}
END_TEST

START_TEST(refused_one_leaves_no_trace)
{
	pid_t one = occupy(STR("bob"));

	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(
		    concurrency_enter(table, STR("bob"), 1, 0, &why), -1);
	end(one);
	ck_assert_int_eq(concurrency_enter(table, STR("bob"), 1, 0, &why), 0);
}
END_TEST

START_TEST(without_table_or_limit_all_may)
{
	ck_assert_int_eq(concurrency_enter(NULL, STR("bob"), 1, 0, &why), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(
		    concurrency_enter(table, STR("bob"), 0, 0, &why), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("concurrency");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, open_table, NULL);
	tcase_add_test(all, no_more_than_so_many);
	tcase_add_test(all, refused_one_leaves_no_trace);
	tcase_add_test(all, without_table_or_limit_all_may);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
