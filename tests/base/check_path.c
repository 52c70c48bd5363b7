/*
 * check_path.c - names of directories, and which of them is in the way.
 */
#include "base/path.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <errno.h>
#include <unistd.h>

static struct arena arena;
static struct scratch scratch;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, machine_uid(), machine_gid());
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static const struct {
	const char *given, *want;
} parents[] = {
	{ "/a/b", "/a" },
	{ "/a", "/" },
	{ "/a/", "/" },
	{ "/a//b", "/a" },
	{ "/a/b//", "/a" },
	{ "//a", "/" },
	{ "a/b", "a" },
	{ "a", "." },
	{ "/", "/" },
};

START_TEST(parent_holds_the_path)
{
	ck_assert_str_eq(
	    path_parent(&arena, parents[_i].given), parents[_i].want);
}
END_TEST

static const struct {
	const char *inner, *outer;
	bool want;
} nestings[] = {
	{ "/home/bob", "/home/bob", true },
	{ "/home/bob/Maildir", "/home/bob", true },
	{ "/home/bob/", "/home/bob", true },
	{ "/home/bob", "/home/bob/", true },
	{ "/home/bob/x", "/home/bob//", true },
	{ "/home/bobby", "/home/bob", false },
	{ "/home/bo", "/home/bob", false },
	{ "/home", "/home/bob", false },
	{ "/var/mail", "/home", false },
	{ "/home", "/", true },
	{ "/", "/", true },
	{ "/", "/home", false },
};

START_TEST(what_is_within_is_told_by_whole_names)
{
	ck_assert_msg(path_is_within(nestings[_i].inner, nestings[_i].outer) ==
		nestings[_i].want,
	    "%s within %s", nestings[_i].inner, nestings[_i].outer);
}
END_TEST

/* Permissions mean nothing to root. */
static void
be_an_ordinary_user(void)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(setgid(machine_gid()), 0);
	ck_assert_int_eq(setuid(machine_uid()), 0);
}

static const char *
explain(const char *path, int wanted)
{
	static char room[1024];
	struct buf why;

	buf_init(&why, room, sizeof(room));
	errno = EACCES;
	path_explain(&why, path, wanted);
	ck_assert_int_eq(errno, EACCES);
	return room;
}

START_TEST(directory_without_x_is_named_with_mode_and_owner)
{
	const char *want;

	scratch_mkdir(&scratch, "a", 0755);
	scratch_mkdir(&scratch, "a/b", 0755);
	scratch_chmod(&scratch, "a", 0600);
	be_an_ordinary_user();
	want = scratch_print(&scratch,
	    "uid %jd (gid %jd) lacks x on %s/a (mode 0600, owner %jd:%jd)",
	    (intmax_t)getuid(), (intmax_t)getgid(), scratch.root,
	    (intmax_t)getuid(), (intmax_t)getgid());
	ck_assert_str_eq(explain(scratch_path(&scratch, "a/b/c"), R_OK), want);
	scratch_chmod(&scratch, "a", 0700);
}
END_TEST

START_TEST(missing_bits_of_the_last_name_are_listed)
{
	scratch_mkdir(&scratch, "a", 0500);
	be_an_ordinary_user();
	expect_holds(explain(scratch_path(&scratch, "a"), R_OK | W_OK | X_OK),
	    "lacks w on ");
	scratch_chmod(&scratch, "a", 0100);
	expect_holds(explain(scratch_path(&scratch, "a"), R_OK | W_OK | X_OK),
	    "lacks rw on ");
	expect_holds(
	    explain(scratch_path(&scratch, "a"), R_OK | X_OK), "lacks r on ");
	scratch_chmod(&scratch, "a", 0000);
	expect_holds(explain(scratch_path(&scratch, "a"), R_OK | W_OK | X_OK),
	    "lacks rwx on ");
}
END_TEST

START_TEST(directory_that_something_would_be_made_in_is_named)
{
	const char *want;

	scratch_mkdir(&scratch, "a", 0500);
	be_an_ordinary_user();
	want = scratch_print(&scratch, "lacks w on %s/a (", scratch.root);
	expect_holds(explain(scratch_path(&scratch, "a/b"), W_OK | X_OK), want);
	expect_holds(
	    explain(scratch_path(&scratch, "a/b/c/d"), W_OK | X_OK), want);
}
END_TEST

START_TEST(root_directory_can_be_the_one)
{
	be_an_ordinary_user();
	if (access("/", W_OK) == 0)
		return;
	expect_holds(explain("/no-such-directory-here", W_OK | X_OK),
	    "lacks w on / (mode ");
}
END_TEST

START_TEST(nothing_is_added_where_nothing_refuses)
{
	scratch_mkdir(&scratch, "a", 0700);
	be_an_ordinary_user();
	ck_assert_str_eq(explain(scratch_path(&scratch, "a"), W_OK), "");
	ck_assert_str_eq(explain("standard input", R_OK), "");
	ck_assert_str_eq(explain("", R_OK), "");
}
END_TEST

START_TEST(endless_path_is_no_harm)
{
	char path[10000];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	(void)explain(path, R_OK);
	for (size_t i = 0; i < sizeof(path) - 1; i += 2)
		path[i] = '/';
	(void)explain(path, R_OK);
	path[4095] = '\0'; /* as long as one may be */
	(void)explain(path, R_OK);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("path");
	TCase *names = tcase_create("names");
	TCase *rights = tcase_create("rights");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(names, open_all, close_all);
	tcase_add_loop_test(
	    names, parent_holds_the_path, 0, (int)COUNT(parents));
	tcase_add_loop_test(names, what_is_within_is_told_by_whole_names, 0,
	    (int)COUNT(nestings));
	tcase_add_test(names, endless_path_is_no_harm);
	suite_add_tcase(suite, names);
	if (getuid() != 0 || expect_forks()) {
		tcase_add_checked_fixture(rights, open_all, close_all);
		tcase_add_test(
		    rights, directory_without_x_is_named_with_mode_and_owner);
		tcase_add_test(
		    rights, missing_bits_of_the_last_name_are_listed);
		tcase_add_test(
		    rights, directory_that_something_would_be_made_in_is_named);
		tcase_add_test(rights, root_directory_can_be_the_one);
		tcase_add_test(rights, nothing_is_added_where_nothing_refuses);
		suite_add_tcase(suite, rights);
	}
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
