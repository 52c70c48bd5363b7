/*
 * check_child.c - a helper gives its answer, or is ended.
 */
#define _GNU_SOURCE /* setresgid(2) */
#include "base/child.h"

#include "../base/expect.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* Far more than any of these needs. */
#define PATIENCE_MS 3000

static struct arena arena;

static void
open_arena(void)
{
	arena_init(&arena, expect_memory);
}

static struct str
run(const char *script, int timeout_ms, size_t most, struct child_end *end)
{
	char name[] = "sh", flag[] = "-c";
	char *argv[] = { name, flag, arena_print(&arena, "%s", script), NULL };
	struct str output = { NULL, 0 };

	ck_assert_int_eq(
	    child_run("/bin/sh", argv, timeout_ms, most, &arena, end, &output),
	    0);
	return output;
}

static const struct {
	const char *script;
	int exit_code, signal_number;
	struct str output;
} helpers[] = {
	{ "exit 0", 0, 0, TEXT("") },
	{ "exit 67", 67, 0, TEXT("") },
	{ "exit 255", 255, 0, TEXT("") },
	{ "echo bob", 0, 0, TEXT("bob\n") },
	{ "printf 'a\\000b'; exit 3", 3, 0, TEXT("a\0b") },
	{ "printf half; kill -KILL $$", -1, SIGKILL, TEXT("half") },
	{ "kill -TERM $$; echo lives", -1, SIGTERM, TEXT("") },
	{ "echo lost >&2; echo kept", 0, 0, TEXT("kept\n") },
	/* Nothing of ours gets in. */
	{ "cat", 0, 0, TEXT("") },
	{ "echo ${SECRET-none}", 0, 0, TEXT("none\n") },
	{ "echo $PATH", 0, 0, TEXT("/usr/bin:/bin\n") },
	{ "echo \"$0\"", 0, 0, TEXT("sh\n") },
};

START_TEST(end_and_output_are_told)
{
	struct child_end end;
	struct str given = str_from(helpers[_i].script), got;

	ck_assert_int_eq(setenv("SECRET", "told", 1), 0);
	got = run(helpers[_i].script, PATIENCE_MS, 1000, &end);
	expect_str(given, got, helpers[_i].output);
	ck_assert_int_eq(end.exit_code, helpers[_i].exit_code);
	ck_assert_int_eq(end.signal_number, helpers[_i].signal_number);
	ck_assert(!end.timed_out);
}
END_TEST

START_TEST(output_is_cut_and_the_helper_goes_on)
{
	struct child_end end;
	/* More than a pipe holds: who stopped reading would hang it. */
	struct str got = run("head -c 200000 /dev/zero | tr '\\0' a; exit 7",
	    PATIENCE_MS, 10, &end);

	expect_str(STR("200000 a"), got, STR("aaaaaaaaaa"));
	ck_assert_int_eq(end.exit_code, 7);
}
END_TEST

START_TEST(what_cannot_be_executed_is_127)
{
	static const char *const paths[] = { "/no/such/helper", "/dev/null",
		"/" };
	char name[] = "helper";
	char *argv[] = { name, NULL };
	struct child_end end;
	struct str output;

	ck_assert_int_eq(
	    child_run(paths[_i], argv, PATIENCE_MS, 10, &arena, &end, &output),
	    0);
	ck_assert_int_eq(end.exit_code, 127);
}
END_TEST

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *const slow[] = {
	"exec sleep 2",
	"trap '' TERM HUP INT; exec sleep 2",
	/* Its output is closed, but it has not ended. */
	"exec >&-; exec sleep 1",
};

START_TEST(slow_helper_is_killed_in_time)
{
	int64_t begin = now_ms(), took;
	struct child_end end;

	(void)run(slow[_i], 50, 10, &end);
	took = now_ms() - begin;
	ck_assert_msg(took < 800, "\"%s\" took %d ms", slow[_i], (int)took);
	ck_assert(end.timed_out);
	ck_assert_int_eq(end.signal_number, SIGKILL);
	ck_assert_int_eq(end.exit_code, -1);
}
END_TEST

START_TEST(no_descriptor_of_ours_is_handed_on)
{
	struct child_end end;
	int fd = open("/dev/null", O_RDONLY);
	int high = fcntl(fd, F_DUPFD, 77);
	struct str got;

	ck_assert_int_eq(high, 77);
	got = run("ls /proc/self/fd 2>/dev/null | grep -x 77; test -e "
		  "/proc/self/fd/77 && echo open; exit 0",
	    PATIENCE_MS, 100, &end);
	expect_str(STR("fd 77"), got, STR(""));
	(void)close(high);
	(void)close(fd);
}
END_TEST

START_TEST(no_descriptor_is_left_behind)
{
	struct child_end end;
	int before = open("/dev/null", O_RDONLY), after;

	ck_assert_int_eq(close(before), 0);
	(void)run("exit 0", PATIENCE_MS, 10, &end);
	after = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(after, before);
	(void)close(after);
}
END_TEST

START_TEST(ignored_signals_are_default_again)
{
	struct child_end end;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)run("kill -PIPE $$; exit 9", PATIENCE_MS, 10, &end);
	(void)signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(end.signal_number, SIGPIPE);
}
END_TEST

/* The spool's, which a set-group-ID start has brought: a helper that an NSS
 * module runs in must not get it. */
START_TEST(group_of_our_file_is_not_handed_on)
{
	/* Not through a shell: that gives the group up by itself. */
	char name[] = "grep", word[] = "^Gid", file[] = "/proc/self/status";
	char *argv[] = { name, word, file, NULL };
	struct child_end end;
	struct str got;

	if (setresgid(4001, 60777, 60777) < 0)
		return; /* not root */
	ck_assert_int_eq(
	    child_run("/bin/grep", argv, PATIENCE_MS, 100, &arena, &end, &got),
	    0);
	ck_assert_int_eq(end.exit_code, 0);
	expect_str(STR("Gid"), got, STR("Gid:\t4001\t4001\t4001\t4001\n"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("child");
	TCase *helper = tcase_create("helper");

	tcase_add_checked_fixture(helper, open_arena, NULL);
	tcase_add_loop_test(
	    helper, end_and_output_are_told, 0, (int)COUNT(helpers));
	tcase_add_test(helper, output_is_cut_and_the_helper_goes_on);
	tcase_add_loop_test(helper, what_cannot_be_executed_is_127, 0, 3);
	tcase_add_loop_test(
	    helper, slow_helper_is_killed_in_time, 0, (int)COUNT(slow));
	tcase_add_test(helper, no_descriptor_of_ours_is_handed_on);
	tcase_add_test(helper, no_descriptor_is_left_behind);
	tcase_add_test(helper, ignored_signals_are_default_again);
	if (expect_forks())
		tcase_add_test(helper, group_of_our_file_is_not_handed_on);
	suite_add_tcase(suite, helper);
	return expect_run(suite);
}
