/*
 * check_maildirsize.c - what is used: read, judged, counted anew, recorded.
 *
 * Source: Courier README.maildirquota; Dovecot quota=maildir; store/
 * maildirsize.h.
 */
#define _XOPEN_SOURCE 700 /* futimens(2) on a path */
#include "store/maildirsize.h"

#include "../base/expect.h"
#include "support/maildir_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MINUTE 60
#define HOUR ((time_t)3600)

static struct scratch scratch;
static struct quota_options options;
static struct quota quota;
static struct maildirsize size;

static const char *const parts[] = { "cur", "new", "tmp" };

static void
set_age(const char *name, time_t seconds)
{
	struct timespec times[2];

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	ck_assert_msg(
	    utimensat(AT_FDCWD, scratch_path(&scratch, name), times, 0) == 0,
	    "cannot change the time of %s", name);
	scratch.note_count--;
}

/* "" is the root. */
static void
make_maildir(const char *name)
{
	if (name[0] != '\0')
		scratch_mkdir(&scratch, name, 0700);
	for (size_t i = 0; i < COUNT(parts); i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "%s%s%s", name,
		    name[0] == '\0' ? "" : "/", parts[i]);
		scratch_mkdir(&scratch, path, 0700);
	}
}

/* Everything below was last changed an hour ago, so that a count is sure. */
static void
age_all(const char *maildir)
{
	for (size_t i = 0; i < COUNT(parts); i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "%s%s%s", maildir,
		    maildir[0] == '\0' ? "" : "/", parts[i]);
		set_age(path, HOUR);
	}
}

static void
set_up(void)
{
	scratch_open(&scratch, getuid(), getgid());
	make_maildir("");
	memset(&options, 0, sizeof(options));
	for (size_t i = 0; i < QUOTA_RULES; i++)
		options.quota_rules[i] = "";
	options.quota_grace = "0";
	memset(&quota, 0, sizeof(quota));
	memset(&size, 0, sizeof(size));
	size.options = &options;
	size.root = size.control = open(scratch.root, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(size.root, 0);
}

static void
tear_down(void)
{
	(void)close(size.root);
	scratch_close(&scratch);
}

static void
limit_to(uint64_t octets, uint64_t messages)
{
	quota.limit.octets = quota.folder.octets = octets;
	quota.limit.messages = quota.folder.messages = messages;
	quota.is_set = size.limit_is_ours = true;
	size.limit = quota.limit;
}

static void
add_mail(const char *name, size_t octets)
{
	char *text = malloc(octets + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', octets + 1);
	scratch_write_octets(&scratch, name, text, octets);
	free(text);
}

static void
read_size(uint64_t need_octets)
{
	size.known = size.exists = false;
	maildirsize_read(&size, &quota, need_octets);
}

static void
expect_used(uint64_t octets, uint64_t messages)
{
	ck_assert_msg(size.known, "what is used is not known");
	ck_assert_msg(
	    size.used.octets == octets && size.used.messages == messages,
	    "%ju octets and %ju messages instead of %ju and %ju",
	    (uintmax_t)size.used.octets, (uintmax_t)size.used.messages,
	    (uintmax_t)octets, (uintmax_t)messages);
}

/* The file's text, or "" for none. */
static const char *
read_text(void)
{
	static char text[8192];
	int fd = openat(size.root, "maildirsize", O_RDONLY | O_NOFOLLOW);
	ssize_t got = 0;

	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		ck_assert_int_ge(got, 0);
		(void)close(fd);
	}
	text[got] = '\0';
	return text;
}

static void
expect_text(const char *want)
{
	ck_assert_str_eq(read_text(), want);
}

/* Nothing but what belongs there: no new file that a failure left. */
static void
expect_no_debris(void)
{
	ck_assert_uint_eq(
	    maildir_count(&scratch, "."), (size_t)3 + (read_text()[0] != '\0'));
}

/* Files.  FINE with limit and sum, or damaged. */
static const struct {
	struct str given;
	bool fine;
	uint64_t limit_octets, limit_messages, octets, messages;
	size_t lines;
} texts[] = {
	{ TEXT("1000S\n5 1\n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("1000S,10C\n5 1\n"), true, 1000, 10, 5, 1, 1 },
	{ TEXT("10C,1000S\n5 1\n"), true, 1000, 10, 5, 1, 1 },
	{ TEXT("10C\n5 1\n"), true, 0, 10, 5, 1, 1 },
	{ TEXT("0S\n5 1\n"), true, 0, 0, 5, 1, 1 },
	{ TEXT("0S,0C\n5 1\n"), true, 0, 0, 5, 1, 1 },
	/* Letters of the future are skipped (Courier). */
	{ TEXT("1000S,7X\n5 1\n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("7X,1000S,3Y,10C\n5 1\n"), true, 1000, 10, 5, 1, 1 },
	{ TEXT("1000S\n0 0\n"), true, 1000, 0, 0, 0, 1 },
	{ TEXT("1000S\n5 1\n7 1\n"), true, 1000, 0, 12, 2, 2 },
	{ TEXT("1000S\n5 1\n7 1\n-5 -1\n"), true, 1000, 0, 7, 1, 3 },
	{ TEXT("1000S\n-5 -1\n5 1\n"), true, 1000, 0, 0, 0, 2 },
	/* Courier pads to 12 and 12, the specification to 14 octets. */
	{ TEXT("1000S\n           5            1\n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("1000S\n5 1         \n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("1000S\n\t5\t1\t\n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("1000S\n         -5           -1\n          10            2\n"),
	    true, 1000, 0, 5, 1, 2 },
	{ TEXT("3000000000000S\n2999999999999 1\n"), true, 3000000000000, 0,
	    2999999999999, 1, 1 },
	/* Damaged: counted anew, never believed. */
	{ TEXT(""), false, 0, 0, 0, 0, 0 },
	{ TEXT("\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\n7"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\n7 1"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 \n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 x\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\nx\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n+5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n- 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n--5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\r\n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("1000S\n5 1\n\0\0\0\0\0\0\0"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\n\0\0\0\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\0\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5\0 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("\0\0\0\0\0\0\n5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000\0S\n5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n-5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 -1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\n-6 -1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 1\n\n7 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("garbage\n5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("S\n5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("-1000S\n5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S,\n5 1\n"), true, 1000, 0, 5, 1, 1 },
	{ TEXT("99999999999999999999S\n5 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n99999999999999999999 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n-99999999999999999999 1\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n5 99999999999999999999\n"), false, 0, 0, 0, 0, 0 },
	{ TEXT("1000S\n9223372036854775807 1\n9223372036854775807 1\n"), false,
	    0, 0, 0, 0, 0 },
	{ TEXT("1000S\n-9223372036854775808 -1\n"), false, 0, 0, 0, 0, 0 },
};

START_TEST(text_is_a_limit_and_a_sum_or_damaged)
{
	struct maildirsize_text got;
	bool fine = maildirsize_parse(texts[_i].given, &got);

	expect_bool(texts[_i].given, fine, texts[_i].fine);
	if (!fine)
		return;
	ck_assert_uint_eq(got.limit.octets, texts[_i].limit_octets);
	ck_assert_uint_eq(got.limit.messages, texts[_i].limit_messages);
	ck_assert_uint_eq(got.used.octets, texts[_i].octets);
	ck_assert_uint_eq(got.used.messages, texts[_i].messages);
	ck_assert_uint_eq(got.lines, texts[_i].lines);
}
END_TEST

/* As many lines of the largest numbers as the file may have. */
START_TEST(sum_of_huge_numbers_never_wraps)
{
	static const char *const lines[] = {
		"0 1152921504606846976\n",
		"0 -1152921504606846976\n",
		"1152921504606846976 1\n",
		"9007199254740991 1\n",
		"-9007199254740991 1\n",
		"9007199254740991 9007199254740991\n",
	};
	struct maildirsize_text got;
	char room[5120];
	struct buf text;

	buf_init(&text, room, sizeof(room));
	buf_add_string(&text, "1000S\n");
	while (text.length + strlen(lines[_i]) < sizeof(room))
		buf_add_string(&text, lines[_i]);
	if (maildirsize_parse(buf_str(&text), &got)) {
		ck_assert_uint_lt(got.used.octets, UINT64_MAX / 2);
		ck_assert_uint_lt(got.used.messages, UINT64_MAX / 2);
	}
}
END_TEST

/* Every prefix of a good file is damaged or has the sum of whole lines. */
START_TEST(cut_file_is_damaged_or_a_whole_number_of_lines)
{
	static const char whole[] = "1000S,10C\n100 2\n-30 -1\n5 1\n";

	for (size_t i = 0; i < sizeof(whole); i++) {
		struct maildirsize_text got;
		bool fine = maildirsize_parse(str_of(whole, i), &got);

		ck_assert_msg(
		    fine == (i > 10 && whole[i - 1] == '\n'), "%zu octets", i);
	}
}
END_TEST

START_TEST(messages_are_counted_by_name_else_by_size)
{
	limit_to(100000, 0);
	add_mail("new/1.M1P1.host,S=100,W=110", 7); /* S= is believed */
	add_mail("cur/2.M2P2.host,S=200:2,S", 9);
	add_mail("cur/3.M3P3.host:2,ST", 30);  /* stat; T counts */
	add_mail("cur/4.M4P4.host:2,S=5", 40); /* flags, no S= */
	add_mail("cur/5.M5P5.host,S=99999999999999999999:2,", 50);
	add_mail("cur/6.M6P6.host,S=:2,", 60);
	add_mail("cur/7.M7P7.host,W=1,S=70:2,", 1);
	add_mail("cur/8.M8P8.host,S=-5:2,", 80);
	add_mail("cur/9.M9P9.host,S=9x:2,", 90);
	add_mail("new/.hidden,S=1000", 1000);
	add_mail("cur/.nfs000000,S=1000", 1000);
	add_mail("tmp/1.M1P1.host", 5000);
	add_mail("elsewhere,S=1000", 1000);
	age_all("");
	read_size(1);
	expect_used(100 + 200 + 30 + 40 + 50 + 60 + 70 + 80 + 90, 9);
	expect_text("100000S\n720 9\n");
	ck_assert(size.exists);
}
END_TEST

START_TEST(folders_are_counted_with_INBOX)
{
	limit_to(100000, 7);
	make_maildir(".Work");
	make_maildir(".Work.Sub");
	make_maildir("Work"); /* no folder in Maildir++ */
	add_mail("new/a,S=1", 1);
	add_mail(".Work/new/a,S=10", 1);
	add_mail(".Work.Sub/cur/a,S=100:2,", 1);
	add_mail("Work/new/a,S=1000", 1);
	scratch_write(&scratch, ".Afile", "x");
	age_all("");
	age_all(".Work");
	age_all(".Work.Sub");
	read_size(1);
	expect_used(111, 3);
	expect_text("100000S,7C\n111 3\n");
}
END_TEST

START_TEST(directories_are_folders_with_LAYOUT_fs)
{
	limit_to(100000, 0);
	size.layout_fs = true;
	make_maildir("Work");
	make_maildir("Work/Sub");
	make_maildir(".Hidden");
	add_mail("new/a,S=1", 1);
	add_mail("Work/new/a,S=10", 1);
	add_mail("Work/Sub/cur/a,S=100:2,", 1);
	add_mail(".Hidden/new/a,S=1000", 1);
	age_all("");
	age_all("Work");
	age_all("Work/Sub");
	age_all(".Hidden");
	read_size(1);
	expect_used(111, 3);
}
END_TEST

START_TEST(links_are_not_followed)
{
	limit_to(100000, 0);
	make_maildir("victim");
	add_mail("victim/new/a,S=1000", 1);
	add_mail("new/a,S=1", 1);
	scratch_symlink(&scratch, "victim", ".Linked");
	scratch_symlink(&scratch, "..", ".Loop");
	age_all("");
	age_all("victim");
	read_size(1);
	expect_used(1, 1);
}
END_TEST

/* Whose mail lies behind it is not to be told from what is used. */
START_TEST(linked_new_is_not_counted)
{
	limit_to(100000, 0);
	make_maildir("victim");
	add_mail("victim/new/a,S=1000", 1);
	scratch_remove(&scratch, "new");
	scratch_symlink(&scratch, "victim/new", "new");
	age_all("victim");
	read_size(1);
	ck_assert(!size.known);
	ck_assert_uint_lt(size.used.octets, 1000);
}
END_TEST

START_TEST(maildirsize_that_is_a_link_is_neither_read_nor_followed)
{
	limit_to(100000, 0);
	scratch_write(&scratch, "victim", "100000S\n77 7\n");
	scratch_symlink(&scratch, "victim", "maildirsize");
	add_mail("new/a,S=1", 1);
	age_all("");
	read_size(1);
	expect_used(1, 1);
	maildirsize_add(&size, 5);
	scratch_remove(&scratch, "maildirsize");
	scratch_symlink(&scratch, "victim", "maildirsize");
	size.exists = true;
	maildirsize_add(&size, 5);
	scratch_remove(&scratch, "maildirsize");
	ck_assert_int_eq(
	    renameat(size.root, "victim", size.root, "maildirsize"), 0);
	expect_text("100000S\n77 7\n");
}
END_TEST

/* What opens and never answers. */
START_TEST(maildirsize_that_is_no_file_does_no_harm)
{
	limit_to(100000, 0);
	if (_i == 0)
		ck_assert_int_eq(
		    mkfifo(scratch_path(&scratch, "maildirsize"), 0600), 0);
	else
		scratch_mkdir(&scratch, "maildirsize", 0700);
	add_mail("new/a,S=1", 1);
	age_all("");
	read_size(1);
	expect_used(1, 1);
	maildirsize_add(&size, 5);
}
END_TEST

/* Put there between the look and the line; a writer of it waits for a reader.
 */
START_TEST(FIFO_in_the_place_of_the_file_is_not_waited_for)
{
	limit_to(100000, 0);
	scratch_write(&scratch, "maildirsize", "100000S\n0 0\n");
	read_size(1);
	ck_assert(size.known);
	scratch_remove(&scratch, "maildirsize");
	ck_assert_int_eq(
	    mkfifo(scratch_path(&scratch, "maildirsize"), 0600), 0);
	maildirsize_add(&size, 5);
	ck_assert(!scratch_has(&scratch, "maildirsize"));
}
END_TEST

START_TEST(ignored_folders_are_not_counted)
{
	struct str words[] = { STR("Spam") };

	limit_to(100000, 0);
	options.quota_rules[0] = "*:bytes=100000";
	options.quota_rules[1] = "Trash:ignore";
	options.quota_rules[2] = "Old/*:ignore";
	options.quota_exclude.words = words;
	options.quota_exclude.count = COUNT(words);
	make_maildir(".Trash");
	make_maildir(".Spam");
	make_maildir(".Old.2020");
	make_maildir(".Old");
	add_mail("new/a,S=1", 1);
	add_mail(".Trash/new/a,S=10", 1);
	add_mail(".Spam/new/a,S=100", 1);
	add_mail(".Old.2020/new/a,S=1000", 1);
	add_mail(".Old/new/a,S=10000", 1);
	age_all("");
	age_all(".Trash");
	age_all(".Spam");
	age_all(".Old");
	age_all(".Old.2020");
	read_size(1);
	expect_used(10001, 2);
}
END_TEST

/* Rules name folders as people do (UTF-8), directories are modified UTF-7. */
START_TEST(ignored_folder_outside_ASCII_is_not_counted)
{
	limit_to(100000, 0);
	options.quota_rules[0] = "Entw\xc3\xbcrfe:ignore";
	make_maildir(".Entw&APw-rfe");
	add_mail("new/a,S=1", 1);
	add_mail(".Entw&APw-rfe/new/a,S=10", 1);
	age_all("");
	age_all(".Entw&APw-rfe");
	read_size(1);
	expect_used(1, 1);
}
END_TEST

START_TEST(missing_parts_are_empty)
{
	limit_to(1000, 0);
	scratch_mkdir(&scratch, ".Broken", 0700);
	scratch_remove(&scratch, "cur");
	add_mail("new/a,S=1", 1);
	set_age("new", HOUR);
	read_size(1);
	expect_used(1, 1);
}
END_TEST

START_TEST(folder_that_cannot_be_read_leaves_it_unknown)
{
	if (getuid() == 0)
		return; /* root reads all */
	limit_to(1000, 0);
	make_maildir(".Closed");
	scratch_chmod(&scratch, ".Closed/new", 0);
	read_size(1);
	scratch_chmod(&scratch, ".Closed/new", 0700);
	ck_assert(!size.known);
}
END_TEST

/* The file, its age in seconds, the mail's size; limit 1000, 500 there. */
static const struct {
	const char *text;
	time_t age;
	uint64_t need;
	bool counted; /* anew */
	uint64_t want;
} judged[] = {
	/* Fits: believed, however old or long. */
	{ "1000S\n300 3\n", 0, 100, false, 300 },
	{ "1000S\n300 3\n", 30 * 24 * HOUR, 100, false, 300 },
	{ "1000S\n300 3\n10 1\n", 0, 690, false, 310 },
	/* Another limit than ours. */
	{ "2000S\n300 3\n", 0, 100, true, 500 },
	{ "1000S,5C\n300 3\n", 0, 100, true, 500 },
	{ "0S\n300 3\n", 0, 100, true, 500 },
	/* The same limit, said otherwise. */
	{ "1000S,0C\n300 3\n", 0, 100, false, 300 },
	/* Over: one line and young is believed, all else is counted. */
	{ "1000S\n999 3\n", 0, 100, false, 999 },
	{ "1000S\n999 3\n", 14 * MINUTE, 100, false, 999 },
	{ "1000S\n999 3\n", 16 * MINUTE, 100, true, 500 },
	{ "1000S\n990 3\n9 1\n", 0, 100, true, 500 },
	{ "1000S\n999 3\n-5 -1\n", 0, 100, true, 500 },
	/* A clock that was wrong does not make it young for ever. */
	{ "1000S\n999 3\n", -24 * HOUR, 100, true, 500 },
	/* Damaged. */
	{ "", 0, 100, true, 500 },
	{ "1000S\n", 0, 100, true, 500 },
	{ "1000S\n300 3", 0, 100, true, 500 },
	{ "1000S\n-300 3\n", 0, 100, true, 500 },
	{ "x\n", 0, 100, true, 500 },
};

START_TEST(file_is_believed_or_counted_anew)
{
	limit_to(1000, 0);
	add_mail("cur/a,S=200:2,", 1);
	add_mail("cur/b,S=300:2,", 1);
	age_all("");
	scratch_write(&scratch, "maildirsize", judged[_i].text);
	set_age("maildirsize", judged[_i].age);
	read_size(judged[_i].need);
	ck_assert_msg(size.known && size.used.octets == judged[_i].want,
	    "row %d, \"%s\": %ju octets", _i, judged[_i].text,
	    (uintmax_t)size.used.octets);
	expect_text(judged[_i].counted ? "1000S\n500 2\n" : judged[_i].text);
	expect_no_debris();
}
END_TEST

/* 5120 octets: one less is read, as many are counted anew. */
START_TEST(long_file_is_counted_anew)
{
	char text[5200];
	size_t want = 5119 + (size_t)_i, length;

	limit_to(1000000, 0);
	add_mail("cur/a,S=200:2,", 1);
	age_all("");
	length = (size_t)snprintf(text, sizeof(text), "1000000S\n");
	while (length + 4 <= want - 4) {
		memcpy(text + length, "1 1\n", 4);
		length += 4;
	}
	while (length < want - 3)
		text[length++] = ' ';
	memcpy(text + length, "0 0", 3);
	length += 3;
	text[length - 1] = '\n';
	text[length - 2] = '0';
	text[length - 3] = ' ';
	text[length - 4] = '0';
	ck_assert_uint_eq(length, want);
	scratch_write_octets(&scratch, "maildirsize", text, length);
	read_size(1);
	if (want >= 5120) {
		expect_used(200, 1);
		expect_text("1000000S\n200 1\n");
	} else {
		ck_assert(size.known);
		ck_assert_uint_eq(strlen(read_text()), want);
	}
}
END_TEST

/* Somebody delivers or deletes while we count: the number is good for this
 * mail, but not kept for others. */
START_TEST(count_beside_a_change_is_not_kept)
{
	limit_to(1000, 0);
	add_mail("cur/a,S=200:2,", 1);
	age_all("");
	set_age(_i == 0 ? "new" : "cur", 0);
	scratch_write(&scratch, "maildirsize", "2000S\n1 1\n");
	read_size(1);
	expect_used(200, 1);
	expect_text("");
	ck_assert(!size.exists);
	maildirsize_add(&size, 5);
	expect_text("");
	expect_no_debris();
}
END_TEST

START_TEST(message_is_recorded_in_one_line)
{
	limit_to(1000, 0);
	scratch_write(&scratch, "maildirsize", "1000S\n300 3\n");
	read_size(10);
	maildirsize_add(&size, 10);
	expect_text("1000S\n300 3\n10 1\n");
	maildirsize_add(&size, 0);
	expect_text("1000S\n300 3\n10 1\n0 1\n");
	read_size(10);
	expect_used(310, 5);
}
END_TEST

START_TEST(mode_follows_the_mailbox)
{
	limit_to(1000, 0);
	add_mail("new/a,S=1", 1);
	age_all("");
	size.mode = _i == 0 ? 0 : 0660;
	read_size(1);
	ck_assert_uint_eq(scratch_mode(&scratch, "maildirsize") & 07777,
	    _i == 0 ? 0600 : 0660);
}
END_TEST

/* Without a limit of ours the file's is the limit (Courier: the first line is
 * the configuration). */
START_TEST(limit_of_the_file_holds_where_we_have_none)
{
	scratch_write(&scratch, "maildirsize", "1000S,7C\n300 3\n");
	read_size(10);
	expect_used(300, 3);
	ck_assert_uint_eq(size.limit.octets, 1000);
	ck_assert_uint_eq(size.limit.messages, 7);
	expect_text("1000S,7C\n300 3\n");
}
END_TEST

START_TEST(no_file_and_no_limit_is_no_quota)
{
	add_mail("new/a,S=200", 1);
	age_all("");
	read_size(10);
	ck_assert(!size.known);
	expect_text("");
	maildirsize_add(&size, 10);
	expect_text("");
}
END_TEST

/* The first line of these can be read, so there is a limit still: they are
 * counted anew with it, or a user whose file grew to 5120 octets would have no
 * quota from then on. */
START_TEST(limit_of_a_damaged_file_is_kept)
{
	static const char *const damaged[] = { "1000S\n", "1000S\n300 3",
		"1000S\n300 3\nx\n", "1000S\n-300 3\n", NULL };
	char text[6000];
	size_t length;

	if (damaged[_i] != NULL)
		length =
		    (size_t)snprintf(text, sizeof(text), "%s", damaged[_i]);
	else
		for (length = (size_t)snprintf(text, sizeof(text), "1000S\n");
		     length < 5200; length += 4)
			memcpy(text + length, "1 1\n", 4);
	scratch_write_octets(&scratch, "maildirsize", text, length);
	add_mail("cur/a,S=200:2,", 1);
	age_all("");
	read_size(10);
	expect_used(200, 1);
	ck_assert_uint_eq(size.limit.octets, 1000);
	expect_text("1000S\n200 1\n");
}
END_TEST

/* Looking (lda -t) changes nothing. */
START_TEST(look_changes_nothing)
{
	static const char *const looked_at[] = { "1000S\n300 3\n", "2000S\n1",
		"", "1000S\n2000 3\n7 7\n" };

	limit_to(1000, 0);
	scratch_write(&scratch, "maildirsize", looked_at[_i]);
	maildirsize_look(&size);
	ck_assert_int_eq(size.known, _i == 0 || _i == 3);
	expect_text(looked_at[_i]);
}
END_TEST

START_TEST(directory_that_cannot_be_written_is_no_harm)
{
	if (getuid() == 0)
		return;
	limit_to(1000, 0);
	add_mail("new/a,S=200", 1);
	age_all("");
	scratch_chmod(&scratch, ".", 0500);
	read_size(10);
	scratch_chmod(&scratch, ".", 0700);
	expect_used(200, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maildirsize");
	TCase *text = tcase_create("text");
	TCase *counting = tcase_create("counting");
	TCase *judging = tcase_create("judging");
	int failed;

	scratch_begin();
	tcase_add_loop_test(
	    text, text_is_a_limit_and_a_sum_or_damaged, 0, (int)COUNT(texts));
	tcase_add_loop_test(text, sum_of_huge_numbers_never_wraps, 0, 6);
	tcase_add_test(text, cut_file_is_damaged_or_a_whole_number_of_lines);
	tcase_add_checked_fixture(counting, set_up, tear_down);
	tcase_add_test(counting, messages_are_counted_by_name_else_by_size);
	tcase_add_test(counting, folders_are_counted_with_INBOX);
	tcase_add_test(counting, directories_are_folders_with_LAYOUT_fs);
	tcase_add_test(counting, links_are_not_followed);
	tcase_add_test(counting, linked_new_is_not_counted);
	tcase_add_test(
	    counting, FIFO_in_the_place_of_the_file_is_not_waited_for);
	tcase_add_test(
	    counting, maildirsize_that_is_a_link_is_neither_read_nor_followed);
	tcase_add_loop_test(
	    counting, maildirsize_that_is_no_file_does_no_harm, 0, 2);
	tcase_add_test(counting, ignored_folders_are_not_counted);
	tcase_add_test(counting, ignored_folder_outside_ASCII_is_not_counted);
	tcase_add_test(counting, missing_parts_are_empty);
	tcase_add_test(counting, folder_that_cannot_be_read_leaves_it_unknown);
	tcase_add_checked_fixture(judging, set_up, tear_down);
	tcase_add_loop_test(
	    judging, file_is_believed_or_counted_anew, 0, (int)COUNT(judged));
	tcase_add_loop_test(judging, long_file_is_counted_anew, 0, 2);
	tcase_add_loop_test(judging, count_beside_a_change_is_not_kept, 0, 2);
	tcase_add_test(judging, message_is_recorded_in_one_line);
	tcase_add_loop_test(judging, mode_follows_the_mailbox, 0, 2);
	tcase_add_test(judging, limit_of_the_file_holds_where_we_have_none);
	tcase_add_test(judging, no_file_and_no_limit_is_no_quota);
	tcase_add_loop_test(judging, limit_of_a_damaged_file_is_kept, 0, 5);
	tcase_add_loop_test(judging, look_changes_nothing, 0, 4);
	tcase_add_test(judging, directory_that_cannot_be_written_is_no_harm);
	suite_add_tcase(suite, text);
	suite_add_tcase(suite, counting);
	suite_add_tcase(suite, judging);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
