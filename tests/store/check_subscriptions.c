/*
 * check_subscriptions.c - a folder is added to Dovecot's list, and nothing
 * that stands in the list is lost.
 *
 * Source: store/subscriptions.h; Dovecot 2.3 subscriptions, observed.
 */
#include "store/subscriptions.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/maildir_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static int root;

static void
set_up(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	root = open(scratch.root, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(root, 0);
}

static void
tear_down(void)
{
	(void)close(root);
	scratch_close(&scratch);
}

static void
add(const char *name, bool layout_fs, bool utf8)
{
	struct folder folder;
	struct status why;

	ck_assert_int_eq(
	    folder_parse(str_from(name), &arena, &folder, &why), 0);
	subscriptions_add(
	    root, scratch.root, "subscriptions", &folder, layout_fs, utf8);
}

static struct str
read_text(void)
{
	static char text[400 * 1024];
	int fd = openat(root, "subscriptions", O_RDONLY | O_NOFOLLOW);
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return str_from("(none)");
	while ((got = read(fd, text + length, sizeof(text) - length)) > 0)
		length += (size_t)got;
	(void)close(fd);
	return str_of(text, length);
}

/* No lock and no half-made file is left. */
static void
expect_alone(size_t entries)
{
	ck_assert_uint_eq(maildir_count(&scratch, "."), entries);
}

#define V2 "V\t2\n\n"

/* What stands there (NULL: no file), what is added, what stands there then. */
static const struct {
	const char *before;
	const char *folder;
	bool layout_fs, utf8;
	struct str after;
} files[] = {
	/* A new file. */
	{ NULL, "Work", false, false, TEXT(V2 "Work\n") },
	{ NULL, "Work/Sub", false, false, TEXT(V2 "Work\tSub\n") },
	{ NULL, "b\xc3\xa4r/x y", false, false, TEXT(V2 "b&AOQ-r\tx y\n") },
	{ NULL, "a&b", false, false, TEXT(V2 "a&-b\n") },
	{ NULL, "b\xc3\xa4r", false, true, TEXT(V2 "b\xc3\xa4r\n") },
	{ NULL, "Work/Sub", true, false, TEXT(V2 "Work\tSub\n") },
	{ "", "Work", false, false, TEXT(V2 "Work\n") },
	/* Version 2. */
	{ V2, "Work", false, false, TEXT(V2 "Work\n") },
	{ V2 "A\n", "Work", false, false, TEXT(V2 "A\nWork\n") },
	{ V2 "A\nWork\n", "Work", false, false, TEXT(V2 "A\nWork\n") },
	{ V2 "Work\tSub\n", "Work", false, false,
	    TEXT(V2 "Work\tSub\nWork\n") },
	{ V2 "Work\n", "Work/Sub", false, false, TEXT(V2 "Work\nWork\tSub\n") },
	{ V2 "Work\tSub\n", "Work/Sub", false, false, TEXT(V2 "Work\tSub\n") },
	{ V2 "Working\n", "Work", false, false, TEXT(V2 "Working\nWork\n") },
	{ V2 "work\n", "Work", false, false, TEXT(V2 "work\nWork\n") },
	/* A version 2 file of V has two more lines than folders. */
	{ V2, "V", false, false, TEXT(V2 "V\n") },
	/* No line end at the end. */
	{ V2 "A", "Work", false, false, TEXT(V2 "A\nWork\n") },
	{ V2 "Work", "Work", false, false, TEXT(V2 "Work") },
	{ "A", "Work", false, false, TEXT("A\nWork\n") },
	/* Version 1: the layout's separator. */
	{ "A\n", "Work", false, false, TEXT("A\nWork\n") },
	{ "A\n", "Work/Sub", false, false, TEXT("A\nWork.Sub\n") },
	{ "A\n", "Work/Sub", true, false, TEXT("A\nWork/Sub\n") },
	{ "Work.Sub\n", "Work/Sub", false, false, TEXT("Work.Sub\n") },
	{ "Work/Sub\n", "Work/Sub", true, false, TEXT("Work/Sub\n") },
	{ "A\n", "b\xc3\xa4r", false, false, TEXT("A\nb&AOQ-r\n") },
	{ "\n", "Work", false, false, TEXT("\nWork\n") },
};

START_TEST(folder_is_added_once_in_the_version_of_the_file)
{
	if (files[_i].before != NULL)
		scratch_write(&scratch, "subscriptions", files[_i].before);
	add(files[_i].folder, files[_i].layout_fs, files[_i].utf8);
	expect_str(str_from(files[_i].before), read_text(), files[_i].after);
	expect_alone(1);
	/* Again changes nothing. */
	add(files[_i].folder, files[_i].layout_fs, files[_i].utf8);
	expect_str(str_from(files[_i].before), read_text(), files[_i].after);
	expect_alone(1);
}
END_TEST

START_TEST(octets_of_others_are_kept)
{
	static const char text[] = "V\t2\n\nA\001tB\tC\nD\xff\nE\0F\n";

	scratch_write_octets(&scratch, "subscriptions", text, sizeof(text) - 1);
	add("Work", false, false);
	expect_str(STR("octets"), read_text(),
	    STR("V\t2\n\nA\001tB\tC\nD\xff\nE\0F\nWork\n"));
}
END_TEST

START_TEST(long_list_is_kept_or_left_alone)
{
	static const size_t lengths[] = { 100000, 262000, 262143, 262144,
		300000 };
	size_t length = lengths[_i];
	char *text = malloc(length);
	struct str got;

	ck_assert_ptr_nonnull(text);
	memcpy(text, "V\t2\n\n", 5);
	for (size_t i = 5; i < length; i++)
		text[i] = i % 20 == 0 || i == length - 1 ? '\n' : 'x';
	scratch_write_octets(&scratch, "subscriptions", text, length);
	add("Work", false, false);
	got = read_text();
	ck_assert(got.length == length || got.length == length + 5);
	ck_assert(memcmp(got.at, text, length) == 0);
	if (got.length > length)
		ck_assert(memcmp(got.at + length, "Work\n", 5) == 0);
	expect_alone(1);
	free(text);
}
END_TEST

START_TEST(held_lock_is_waited_for_and_then_respected)
{
	char host[256];
	int64_t before_us = sys_ticks_us(), took_us;

	sys_hostname(host, sizeof(host));
	scratch_write(&scratch, "subscriptions", V2 "A\n");
	scratch_write(&scratch, "subscriptions.lock",
	    scratch_print(&scratch, "%jd:%s", (intmax_t)getppid(), host));
	add("Work", false, false);
	took_us = sys_ticks_us() - before_us;
	expect_str(STR("held"), read_text(), STR(V2 "A\n"));
	ck_assert(scratch_has(&scratch, "subscriptions.lock"));
	ck_assert_msg(took_us > 1000000 && took_us < 3500000,
	    "waited for %jd us", (intmax_t)took_us);
	expect_alone(2);
}
END_TEST

START_TEST(lock_that_is_given_up_meanwhile_is_taken)
{
	pid_t holder;
	int state;

	scratch_write(&scratch, "subscriptions", V2 "A\n");
	scratch_write(&scratch, "subscriptions.lock",
	    scratch_print(&scratch, "%jd:elsewhere", (intmax_t)getppid()));
	holder = fork();
	ck_assert_int_ge(holder, 0);
	if (holder == 0) {
		sys_sleep_ms(200);
		(void)unlinkat(root, "subscriptions.lock", 0);
		_exit(0);
	}
	add("Work", false, false);
	ck_assert_int_eq(waitpid(holder, &state, 0), holder);
	expect_str(STR("given up"), read_text(), STR(V2 "A\nWork\n"));
	expect_alone(1);
}
END_TEST

/* What a killed Dovecot leaves. */
START_TEST(lock_of_the_dead_is_broken)
{
	char host[256];
	pid_t dead = fork();
	int state;

	ck_assert_int_ge(dead, 0);
	if (dead == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(dead, &state, 0), dead);
	sys_hostname(host, sizeof(host));
	scratch_write(&scratch, "subscriptions.lock",
	    scratch_print(&scratch, "%jd:%s", (intmax_t)dead, host));
	add("Work", false, false);
	expect_str(STR("dead"), read_text(), STR(V2 "Work\n"));
	expect_alone(1);
}
END_TEST

START_TEST(half_made_file_of_a_crash_is_replaced)
{
	scratch_write(&scratch, "subscriptions", V2 "A\n");
	scratch_write(&scratch, "subscriptions.lda-new", "V\t2\n\nha");
	add("Work", false, false);
	expect_str(STR("crash"), read_text(), STR(V2 "A\nWork\n"));
	expect_alone(1);
}
END_TEST

START_TEST(link_is_neither_followed_nor_replaced_by_a_shorter_list)
{
	scratch_mkdir(&scratch, "control", 0700);
	scratch_write(&scratch, "control/victim", V2 "A\n");
	scratch_symlink(&scratch, "control/victim", "subscriptions");
	add("Work", false, false);
	ck_assert(S_ISLNK(scratch_mode(&scratch, "subscriptions")));
	expect_alone(2);
}
END_TEST

START_TEST(FIFO_is_neither_waited_for_nor_replaced)
{
	ck_assert_int_eq(
	    mkfifo(scratch_path(&scratch, "subscriptions"), 0600), 0);
	add("Work", false, false);
	ck_assert(S_ISFIFO(scratch_mode(&scratch, "subscriptions")));
	expect_alone(1);
}
END_TEST

/* A list that others may read stays one that they may read. */
START_TEST(mode_of_the_list_is_kept)
{
	scratch_write(&scratch, "subscriptions", V2 "A\n");
	scratch_chmod(&scratch, "subscriptions", 0640);
	add("Work", false, false);
	expect_str(STR("mode"), read_text(), STR(V2 "A\nWork\n"));
	ck_assert_uint_eq(
	    scratch_mode(&scratch, "subscriptions") & 07777, 0640);
}
END_TEST

START_TEST(unreadable_list_is_not_replaced)
{
	if (getuid() == 0)
		return; /* root reads all */
	scratch_write(&scratch, "subscriptions", V2 "A\n");
	scratch_chmod(&scratch, "subscriptions", 0);
	add("Work", false, false);
	scratch_chmod(&scratch, "subscriptions", 0600);
	expect_str(STR("unreadable"), read_text(), STR(V2 "A\n"));
}
END_TEST

#define WRITERS 4
#define FOLDERS 6

/* Nobody's line is lost when many write at once. */
START_TEST(many_writers_lose_nothing)
{
	pid_t writers[WRITERS];
	struct str text;

	for (int i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		ck_assert_int_ge(writers[i], 0);
		if (writers[i] != 0)
			continue;
		for (int j = 0; j < FOLDERS; j++)
			add(scratch_print(&scratch, "w%df%d", i, j), false,
			    false);
		_exit(0);
	}
	for (int i = 0; i < WRITERS; i++) {
		int state;

		ck_assert_int_eq(waitpid(writers[i], &state, 0), writers[i]);
		ck_assert_int_eq(state, 0);
	}
	text = read_text();
	/* Each line is "wNfN" and its end. */
	ck_assert_uint_eq(text.length, strlen(V2) + WRITERS * FOLDERS * 5);
	for (int i = 0; i < WRITERS; i++)
		for (int j = 0; j < FOLDERS; j++) {
			char line[32];

			(void)snprintf(line, sizeof(line), "\nw%df%d\n", i, j);
			ck_assert_ptr_nonnull(strstr(text.at, line));
		}
	expect_alone(1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("subscriptions");
	TCase *all = tcase_create("subscriptions");
	int failed;

	scratch_begin();
	tcase_set_timeout(all, 15);
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all,
	    folder_is_added_once_in_the_version_of_the_file, 0,
	    (int)COUNT(files));
	tcase_add_test(all, octets_of_others_are_kept);
	tcase_add_loop_test(all, long_list_is_kept_or_left_alone, 0, 5);
	tcase_add_test(all, held_lock_is_waited_for_and_then_respected);
	tcase_add_test(all, lock_that_is_given_up_meanwhile_is_taken);
	tcase_add_test(all, lock_of_the_dead_is_broken);
	tcase_add_test(all, half_made_file_of_a_crash_is_replaced);
	tcase_add_test(
	    all, link_is_neither_followed_nor_replaced_by_a_shorter_list);
	tcase_add_test(all, FIFO_is_neither_waited_for_nor_replaced);
	tcase_add_test(all, mode_of_the_list_is_kept);
	tcase_add_test(all, unreadable_list_is_not_replaced);
	tcase_add_test(all, many_writers_lose_nothing);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
