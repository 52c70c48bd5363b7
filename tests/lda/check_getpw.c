/*
 * check_getpw.c - what lda-getpw makes of the answers of the C library: only
 * "there is none" is 67.
 *
 * The helper's source stands in here, with a library of ours before it: no
 * machine's name services fail when a test wants it.
 *
 * Source: getpwnam_r(3), getgrnam_r(3).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>

static int told_error;

static int
no_user(const char *name, struct passwd *into, char *room, size_t size,
    struct passwd **found)
{
	(void)name, (void)into, (void)room, (void)size;
	*found = NULL;
	return told_error;
}

static int
no_uid(uid_t uid, struct passwd *into, char *room, size_t size,
    struct passwd **found)
{
	(void)uid, (void)into, (void)room, (void)size;
	*found = NULL;
	return told_error;
}

static int
no_group(const char *name, struct group *into, char *room, size_t size,
    struct group **found)
{
	(void)name, (void)into, (void)room, (void)size;
	*found = NULL;
	return told_error;
}

int getpw_main(int argc, char *argv[]);

#define getpwnam_r no_user
#define getpwuid_r no_uid
#define getgrnam_r no_group
#define main getpw_main
#include "../../lda/getpw_main.c"
#undef main

#include "../base/expect.h"
#include "base/attribute.h"

static const struct {
	int number;
	int want;
} answers[] = {
	{ 0, 67 }, { ENOENT, 67 }, { ESRCH, 67 }, { EIO, 75 }, { EINTR, 75 },
	{ EAGAIN, 75 }, { EMFILE, 75 }, { ENFILE, 75 }, { ENOMEM, 75 },
	{ ETIMEDOUT, 75 }, { ECONNREFUSED, 75 },
	{ ERANGE, 75 }, /* whatever room it is given */
};

START_TEST(only_there_is_none_is_not_found)
{
	static const char *const kinds[] = { "user", "uid", "group" };

	for (size_t i = 0; i < 3; i++) {
		char program[] = "lda-getpw", kind[8], key[] = "4711";
		char *argv[] = { program, kind, key, NULL };

		(void)snprintf(kind, sizeof(kind), "%s", kinds[i]);
		told_error = answers[_i].number;
		ck_assert_msg(getpw_main(3, argv) == answers[_i].want, "%s: %s",
		    kind, strerror(told_error));
	}
}
END_TEST

START_TEST(question_that_is_none_is_no_answer)
{
	char program[] = "lda-getpw", kind[] = "host", key[] = "x";
	char *argv[] = { program, kind, key, NULL };

	told_error = 0;
	ck_assert_int_eq(getpw_main(3, argv), 75);
	ck_assert_int_eq(getpw_main(2, argv), 75);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lda-getpw");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(
	    all, only_there_is_none_is_not_found, 0, (int)COUNT(answers));
	tcase_add_test(all, question_that_is_none_is_no_answer);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
