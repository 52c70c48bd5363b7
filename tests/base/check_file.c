/*
 * check_file.c - whole files read, lines of any length, whole writes.
 */
#include "base/file.h"

#include "base/buf.h"
#include "base/stop.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM 8

static struct arena arena;
static struct scratch scratch;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static const struct {
	struct str given;
	size_t most;
	int want; /* errno */
} wholes[] = {
	{ TEXT(""), 0, 0 },
	{ TEXT(""), 100, 0 },
	{ TEXT("abc"), 100, 0 },
	{ TEXT("abc"), 3, 0 },
	{ TEXT("abc"), 2, EFBIG },
	{ TEXT("abc"), 0, EFBIG },
	{ TEXT("a\0b\n"), 4, 0 },
};

START_TEST(file_is_read_up_to_the_most)
{
	struct str given = wholes[_i].given, got = { NULL, 0 };
	int rc;

	scratch_write_octets(&scratch, "f", given.at, given.length);
	errno = 0;
	rc = file_read(
	    scratch_path(&scratch, "f"), wholes[_i].most, &arena, &got, NULL);
	if (wholes[_i].want != 0) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(errno, wholes[_i].want);
		return;
	}
	ck_assert_int_eq(rc, 0);
	expect_str(given, got, given);
}
END_TEST

START_TEST(missing_file_is_enoent)
{
	struct str got;

	ck_assert_int_eq(
	    file_read(scratch_path(&scratch, "f"), 100, &arena, &got, NULL),
	    -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(link_to_a_file_is_followed)
{
	struct str got = { NULL, 0 };

	scratch_write(&scratch, "f", "abc");
	scratch_symlink(&scratch, "f", "link");
	ck_assert_int_eq(
	    file_read(scratch_path(&scratch, "link"), 100, &arena, &got, NULL),
	    0);
	expect_str(STR("link"), got, STR("abc"));
}
END_TEST

START_TEST(fifo_without_a_writer_holds_nobody_up)
{
	struct stat facts;

	ck_assert_int_eq(mkfifo(scratch_path(&scratch, "fifo"), 0600), 0);
	ck_assert_int_eq(file_open(scratch_path(&scratch, "fifo"), &facts), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(directory_is_no_file)
{
	struct stat facts;

	ck_assert_int_eq(file_open(scratch.root, &facts), -1);
	/* The header has both: EINVAL, and what read(2) says. */
	ck_assert(errno == EINVAL || errno == EISDIR);
}
END_TEST

START_TEST(device_is_no_file)
{
	struct str got;

	ck_assert_int_eq(file_read("/dev/zero", 100, &arena, &got, NULL), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(failed_open_leaves_no_descriptor)
{
	struct stat facts;
	int before = open("/dev/null", O_RDONLY), after;

	ck_assert_int_eq(close(before), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(file_open(scratch.root, &facts), -1);
	after = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(after, before);
	(void)close(after);
}
END_TEST

/* A descriptor from which each read(2) gives one piece; a piece must fit
 * where it is read to. */
static int
pieces_of(struct str given, unsigned cuts)
{
	int ends[2];
	size_t begin = 0;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	for (size_t i = 1; i <= given.length; i++) {
		if (i < given.length && i <= 32 && (cuts & 1U << (i - 1)) == 0)
			continue;
		ck_assert_int_eq(send(ends[1], given.at + begin, i - begin, 0),
		    (ssize_t)(i - begin));
		begin = i;
	}
	ck_assert_int_eq(close(ends[1]), 0);
	return ends[0];
}

/* All lines in one text: "line|" for a whole one, "part~" for a part. */
static struct str
join_lines(int fd, size_t size, struct file_lines *lines, struct buf *got)
{
	struct str line;
	bool whole;
	int rc;

	file_lines_init(lines, fd, size, &arena);
	while ((rc = file_lines_next(lines, &line, &whole)) == 1) {
		buf_add(got, line);
		buf_add_octet(got, whole ? '|' : '~');
	}
	ck_assert_int_eq(rc, 0);
	/* The end stays the end. */
	ck_assert_int_eq(file_lines_next(lines, &line, &whole), 0);
	return buf_str(got);
}

static const struct {
	struct str given, want;
	bool saw_nul, ends_whole;
} texts[] = {
	{ TEXT(""), TEXT(""), false, true },
	{ TEXT("\n"), TEXT("|"), false, true },
	{ TEXT("\n\n\n"), TEXT("|||"), false, true },
	{ TEXT("a\nb\n"), TEXT("a|b|"), false, true },
	{ TEXT("a\nb"), TEXT("a|b~"), false, false },
	{ TEXT("a\r\nb\n"), TEXT("a\r|b|"), false, true },
	{ TEXT("a\0b\nc\n"), TEXT("a\0b|c|"), true, true },
	{ TEXT("1234567\nb\n"), TEXT("1234567|b|"), false, true },
	{ TEXT("123456789\nb\n"), TEXT("12345678~b|"), false, true },
	{ TEXT("123456789abcdefghijk\nb\n"), TEXT("12345678~b|"), false, true },
	{ TEXT("123456789"), TEXT("12345678~"), false, false },
	{ TEXT("a\n123456789abcdef\nb"), TEXT("a|12345678~b~"), false, false },
	{ TEXT("123456789\n\n123456789\n"), TEXT("12345678~|12345678~"), false,
	    true },
};

START_TEST(lines_are_given_one_by_one)
{
	struct str given = texts[_i].given, got;
	struct file_lines lines;
	char room[256];
	struct buf all;
	int fd;

	scratch_write_octets(&scratch, "f", given.at, given.length);
	fd = open(scratch_path(&scratch, "f"), O_RDONLY);
	ck_assert_int_ge(fd, 0);
	buf_init(&all, room, sizeof(room));
	got = join_lines(fd, ROOM, &lines, &all);
	expect_str(given, got, texts[_i].want);
	expect_bool(given, lines.saw_nul, texts[_i].saw_nul);
	expect_bool(given, lines.ends_whole, texts[_i].ends_whole);
	ck_assert_int_eq(lines.octets, (off_t)given.length);
	/* It stays the caller's. */
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* The struct says that size octets is the longest line that is whole. */
START_TEST(line_as_long_as_the_room_is_whole)
{
	static const struct str given = TEXT("12345678\nb\n");
	struct file_lines lines;
	char room[256];
	struct buf all;
	int fd = pieces_of(given, ~0U);

	buf_init(&all, room, sizeof(room));
	expect_str(
	    given, join_lines(fd, ROOM, &lines, &all), STR("12345678|b|"));
	(void)close(fd);
}
END_TEST

START_TEST(octet_by_octet_makes_the_same_lines)
{
	struct file_lines lines;
	char room[256];
	struct buf all;
	int fd = pieces_of(texts[_i].given, ~0U);

	buf_init(&all, room, sizeof(room));
	expect_str(texts[_i].given, join_lines(fd, ROOM, &lines, &all),
	    texts[_i].want);
	expect_bool(texts[_i].given, lines.saw_nul, texts[_i].saw_nul);
	(void)close(fd);
}
END_TEST

/* However the reads fall. */
START_TEST(pieces_make_the_same_lines)
{
	static const struct str given = TEXT("a\n\nbcd\r\ne\0f"),
				want = TEXT("a||bcd\r|e\0f~");

	for (unsigned cuts = 0; cuts < 1U << (given.length - 1); cuts += 7) {
		struct file_lines lines;
		char room[256];
		struct buf all;
		int fd = pieces_of(given, cuts);
		struct str got;

		arena_init(&arena, expect_memory);
		buf_init(&all, room, sizeof(room));
		got = join_lines(fd, 2 * ROOM, &lines, &all);
		ck_assert_msg(expect_same(got, want),
		    "cuts %#x: got \"%s\", want \"%s\"", cuts, expect_show(got),
		    expect_show(want));
		(void)close(fd);
	}
}
END_TEST

START_TEST(unreadable_descriptor_is_an_error)
{
	struct file_lines lines;
	struct str line;
	bool whole;

	file_lines_init(&lines, -1, ROOM, &arena);
	ck_assert_int_eq(file_lines_next(&lines, &line, &whole), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(everything_is_written)
{
	struct str given = STR("a\0b\n"), got = { NULL, 0 };
	int fd = open(
	    scratch_path(&scratch, "f"), O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_eq(file_write_all(fd, given), 0);
	ck_assert_int_eq(file_write_all(fd, STR("")), 0);
	ck_assert_int_eq(file_write_all(fd, str_of(NULL, 0)), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(
	    file_read(scratch_path(&scratch, "f"), 100, &arena, &got, NULL), 0);
	expect_str(given, got, given);
}
END_TEST

/* A disk that is slow but answers is not interrupted by anything. */
START_TEST(nothing_more_is_written_when_the_time_is_over)
{
	struct stop_words words = { .fd = -1, .words = "", .exit_code = 75 };
	int signals[] = { SIGALRM, SIGTERM };
	int errors[] = { ETIMEDOUT, ECANCELED };
	int fd = open(
	    scratch_path(&scratch, "f"), O_WRONLY | O_CREAT | O_EXCL, 0600);

	stop_prepare_signals(words);
	ck_assert_int_eq(file_write_all(fd, STR("a")), 0);
	ck_assert_int_eq(raise(signals[_i]), 0);
	ck_assert_int_eq(file_write_all(fd, STR("b")), -1);
	ck_assert_int_eq(errno, errors[_i]);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 1);
	stop_keep_on();
	(void)close(fd);
}
END_TEST

START_TEST(full_disk_is_enospc)
{
	int fd = open("/dev/full", O_WRONLY);

	if (fd < 0)
		return; /* only Linux has it */
	ck_assert_int_eq(file_write_all(fd, STR("a")), -1);
	ck_assert_int_eq(errno, ENOSPC);
	(void)close(fd);
}
END_TEST

/* A file of its own for reading and writing, with these octets. */
static int
make_file(const char *name, const char *octets, size_t length)
{
	scratch_write_octets(&scratch, name, octets, length);
	return open(scratch_path(&scratch, name), O_RDWR | O_APPEND);
}

static const size_t copies[] = { 0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1,
	300000 };

START_TEST(copy_is_whole_wherever_the_descriptor_stands)
{
	size_t length = copies[_i];
	char *given = arena_take(&arena, length + 1);
	struct str got = { NULL, 0 };
	bool reading = true;
	int from, to;

	for (size_t i = 0; i < length; i++)
		given[i] = (char)(i * 7 + i / 251);
	from = make_file("from", given, length);
	to = make_file("to", "before", 6);
	ck_assert_int_eq((int)lseek(from, 3, SEEK_SET), 3);
	ck_assert_int_eq(file_copy(from, to, &reading), 0);
	ck_assert(!reading);
	/* Several processes may share it. */
	ck_assert_int_eq((int)lseek(from, 0, SEEK_CUR), 3);
	ck_assert_int_eq(file_read(scratch_path(&scratch, "to"), 1000000,
			     &arena, &got, NULL),
	    0);
	ck_assert_uint_eq(got.length, 6 + length);
	ck_assert_int_eq(memcmp(got.at, "before", 6), 0);
	ck_assert_int_eq(memcmp(got.at + 6, given, length), 0);
	(void)close(from);
	(void)close(to);
}
END_TEST

START_TEST(failed_copy_tells_which_side_it_was)
{
	int file = make_file("f", "abc", 3), ends[2];
	bool reading = false;

	/* A pipe has no offsets. */
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(file_copy(ends[0], file, &reading), -1);
	ck_assert_int_eq(errno, ESPIPE);
	ck_assert(reading);
	/* This end cannot be written to. */
	ck_assert_int_eq(file_copy(file, ends[0], &reading), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert(!reading);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(file);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("file");
	TCase *whole = tcase_create("whole");
	TCase *lines = tcase_create("lines");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(whole, open_all, close_all);
	tcase_add_loop_test(
	    whole, file_is_read_up_to_the_most, 0, (int)COUNT(wholes));
	tcase_add_test(whole, missing_file_is_enoent);
	tcase_add_test(whole, link_to_a_file_is_followed);
	tcase_add_test(whole, fifo_without_a_writer_holds_nobody_up);
	tcase_add_test(whole, directory_is_no_file);
	tcase_add_test(whole, device_is_no_file);
	tcase_add_test(whole, failed_open_leaves_no_descriptor);
	tcase_add_test(whole, everything_is_written);
	if (expect_forks())
		tcase_add_loop_test(
		    whole, nothing_more_is_written_when_the_time_is_over, 0, 2);
	tcase_add_test(whole, full_disk_is_enospc);
	tcase_add_loop_test(whole, copy_is_whole_wherever_the_descriptor_stands,
	    0, (int)COUNT(copies));
	tcase_add_test(whole, failed_copy_tells_which_side_it_was);
	suite_add_tcase(suite, whole);
	tcase_add_checked_fixture(lines, open_all, close_all);
	tcase_add_loop_test(
	    lines, lines_are_given_one_by_one, 0, (int)COUNT(texts));
	tcase_add_loop_test(
	    lines, octet_by_octet_makes_the_same_lines, 0, (int)COUNT(texts));
	tcase_add_test(lines, line_as_long_as_the_room_is_whole);
	tcase_add_test(lines, pieces_make_the_same_lines);
	tcase_add_test(lines, unreadable_descriptor_is_an_error);
	suite_add_tcase(suite, lines);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
