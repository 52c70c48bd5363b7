/*
 * check_message.c - every octet comes out as it went in, one leading From_
 * line and CRLF apart, and S= and W= say how many.
 *
 * Source: DESIGN 2.1 (standard input), 3 (names); reliability I9.
 */
#define _DEFAULT_SOURCE /* setgroups(2) */
#include "support/world.h"

#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What lda keeps in memory before it opens a file. */
#define MEMORY ((size_t)128 * 1024)

/* What one pipe holds. */
#define PIPE ((size_t)64 * 1024)

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", "-f", "a@b.example", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
deliver_and_compare(const char *given, size_t given_length, const char *want,
    size_t want_length)
{
	world_deliver_octets(&world, given, given_length);
	expect_sent(&world);
	maildir_expect(&world.scratch, "home/Maildir", want, want_length);
	expect_log(
	    &world, scratch_print(&world.scratch, " size=%zu ", want_length));
}

static void
deliver_unchanged(const char *given, size_t length)
{
	deliver_and_compare(given, length, given, length);
}

#define OCTETS(text) text, sizeof(text) - 1

#define FROM_LINE "From a@b.example  Wed Jan  1 00:00:00 2025\n"

/* want NULL: as given. */
static const struct {
	const char *given;
	size_t given_length;
	const char *want;
	size_t want_length;
} messages[] = {
	{ OCTETS("Subject: x\n\nbody\n"), NULL, 0 },
	{ OCTETS("Subject: x\n\nno final newline"), NULL, 0 },
	{ OCTETS("Subject: x\n"), NULL, 0 },
	{ OCTETS("no header at all\n"), NULL, 0 },
	{ OCTETS("\nonly a body\n"), NULL, 0 },
	{ OCTETS("x"), NULL, 0 },
	{ OCTETS("\n"), NULL, 0 },
	{ OCTETS("\r"), NULL, 0 },
	{ OCTETS("\0"), NULL, 0 },
	{ OCTETS("\r\n"), OCTETS("\n") },
	{ OCTETS("F"), NULL, 0 },
	{ OCTETS("From "), NULL, 0 },
	{ OCTETS("From a@b  no line end"), NULL, 0 },
	{ OCTETS("Subject: \0x\0\n\n\0\0\n\0"), NULL, 0 },
	{ OCTETS("Subject: \xff\xfe\x80\n\n\xc3\xbc\xc3\n\x1b[2J\x07\n"), NULL,
	    0 },
	{ OCTETS("a: b\r\rc\rd\n\n\re\r"), NULL, 0 },
	{ OCTETS("a: b\r\n\r\nc\r\n"), OCTETS("a: b\n\nc\n") },
	{ OCTETS("a: b\r\n\nmixed\n\r\n"), OCTETS("a: b\n\nmixed\n\n") },
	{ OCTETS("a: b\n\nc\r\r\nd\r\r\r\n"), OCTETS("a: b\n\nc\r\nd\r\r\n") },
	{ OCTETS("a: b\n\n\n\rc\n\r\n"), OCTETS("a: b\n\n\n\rc\n\n") },
	{ OCTETS("a: b\n\n.\n..\n.\r\nrest\n"),
	    OCTETS("a: b\n\n.\n..\n.\nrest\n") },
	{ OCTETS(FROM_LINE "a: b\n\nc\n"), OCTETS("a: b\n\nc\n") },
	{ OCTETS("From a@b.example  Wed Jan  1 00:00:00 2025\r\na: b\r\n"),
	    OCTETS("a: b\n") },
	{ OCTETS("From MAILER-DAEMON  Wed Jan  1 00:00:00 2025\na: b\n"),
	    OCTETS("a: b\n") },
	{ OCTETS("From \na: b\n"), OCTETS("a: b\n") },
	{ OCTETS(FROM_LINE FROM_LINE "a: b\n"), OCTETS(FROM_LINE "a: b\n") },
	{ OCTETS(FROM_LINE "a: b\n\n" FROM_LINE "c\n"),
	    OCTETS("a: b\n\n" FROM_LINE "c\n") },
	{ OCTETS("a: b\n\n\n" FROM_LINE "c: d\n\ne\n"), NULL, 0 },
	{ OCTETS("a: b\n" FROM_LINE "c: d\n\ne\n"), NULL, 0 },
	{ OCTETS("\n" FROM_LINE "c: d\n"), NULL, 0 },
	{ OCTETS(">" FROM_LINE "a: b\n\n>From me\n"), NULL, 0 },
	{ OCTETS("From: a@b.example\n\nc\n"), NULL, 0 },
	{ OCTETS("from a@b.example  Wed Jan  1 00:00:00 2025\na: b\n"), NULL,
	    0 },
	{ OCTETS(" folded from the first line on\n\nx\n"), NULL, 0 },
	{ OCTETS(": no name\n:\n\nx\n"), NULL, 0 },
};

START_TEST(a_message_comes_out_as_it_went_in)
{
	if (messages[_i].want == NULL)
		deliver_unchanged(
		    messages[_i].given, messages[_i].given_length);
	else
		deliver_and_compare(messages[_i].given,
		    messages[_i].given_length, messages[_i].want,
		    messages[_i].want_length);
}
END_TEST

START_TEST(all_octets_pass)
{
	char given[256 * 4];
	size_t length = 0;

	/* No CR before LF: that is the only pair that changes. */
	for (int octet = 0; octet < 256; octet++) {
		given[length++] = (char)octet;
		given[length++] = (char)(255 - octet);
		given[length++] = 'x';
	}
	deliver_unchanged(given, length);
}
END_TEST

START_TEST(empty_input_is_a_broken_caller)
{
	world_deliver(&world, "");
	expect_deferred(&world, "4.3.0");
	expect_log(&world, "exit=75");
}
END_TEST

/* Text that differs from line to line, so that a lost or doubled piece does
 * not go unnoticed; nothing in it is a CR. */
static char *
make_text(size_t length)
{
	char *text = malloc(length + 32);
	size_t used = 0;

	ck_assert_ptr_nonnull(text);
	while (used < length)
		used += (size_t)snprintf(
		    text + used, 32, "%s%zu\n", used == 0 ? "a: " : "", used);
	text[length] = '\0';
	return text;
}

static const size_t borders[] = { MEMORY, PIPE, 4096, 8192, 2 * MEMORY,
	MEMORY + PIPE };

enum {
	AROUND = 5
};

/* -2 to +2 around each border. */
START_TEST(a_border_of_a_buffer_loses_nothing)
{
	size_t length = borders[_i / AROUND] + (size_t)(_i % AROUND) - 2;
	char *given = make_text(length);

	deliver_unchanged(given, length);
	free(given);
}
END_TEST

/* The same with a From_ line in front, so that what is kept is less than what
 * is read. */
START_TEST(a_border_behind_a_from_line_loses_nothing)
{
	size_t length = borders[_i / AROUND] + (size_t)(_i % AROUND) - 2;
	size_t skip = strlen(FROM_LINE);
	char *text = make_text(length), *given = malloc(skip + length);

	ck_assert_ptr_nonnull(given);
	memcpy(given, FROM_LINE, skip);
	memcpy(given + skip, text, length);
	deliver_and_compare(given, skip + length, text, length);
	free(given);
	free(text);
}
END_TEST

/* A CRLF whose CR is the last octet of a border, or the one before it, ... */
START_TEST(a_line_end_across_a_border_is_one)
{
	size_t at = borders[_i / AROUND] + (size_t)(_i % AROUND) - 3;
	size_t length = at + 1000;
	char *given = make_text(length), *want = malloc(length);

	ck_assert_ptr_nonnull(want);
	given[at] = '\r';
	given[at + 1] = '\n';
	memcpy(want, given, at);
	memcpy(want + at, given + at + 1, length - at - 1);
	deliver_and_compare(given, length, want, length - 1);
	free(given);
	free(want);
}
END_TEST

static const struct {
	size_t pause_after;
	const char *given;
	const char *want;
} pauses[] = {
	{ 5, "a: b\r\n\nc\n", "a: b\n\nc\n" }, /* behind the CR */
	{ 5, "a: b\rc\n\n", "a: b\rc\n\n" },
	{ 5, "a: b\r\r\n\n", "a: b\r\n\n" },
	{ 1, FROM_LINE "a: b\n", "a: b\n" },
	{ 4, FROM_LINE "a: b\n", "a: b\n" },
	{ 4, "From: b\n", "From: b\n" },
	{ 5, FROM_LINE "a: b\n", "a: b\n" },
	{ 43, FROM_LINE "a: b\n", "a: b\n" },
	{ 44, FROM_LINE "a: b\n", "a: b\n" },
	{ 44, FROM_LINE FROM_LINE, FROM_LINE },
};

static void
go_on(pid_t pid, void *context)
{
	(void)pid;
	(void)context;
}

START_TEST(a_pause_of_the_sender_changes_nothing)
{
	world.command.meanwhile = go_on;
	world.command.pause_after = pauses[_i].pause_after;
	deliver_and_compare(pauses[_i].given, strlen(pauses[_i].given),
	    pauses[_i].want, strlen(pauses[_i].want));
}
END_TEST

START_TEST(a_line_of_3_MB_passes)
{
	size_t length = (size_t)3 * 1024 * 1024;
	char *given = malloc(length);

	ck_assert_ptr_nonnull(given);
	memset(given, 'x', length);
	deliver_unchanged(given, length);
	free(given);
}
END_TEST

START_TEST(a_header_of_3_MB_passes)
{
	size_t length = (size_t)3 * 1024 * 1024;
	char *given = malloc(length);

	ck_assert_ptr_nonnull(given);
	memset(given, 'x', length);
	memcpy(given, "Message-ID: <", 13);
	memcpy(given + length - 3, "\n\nb", 3);
	deliver_unchanged(given, length);
	free(given);
}
END_TEST

START_TEST(a_from_line_of_2000_octets_is_one)
{
	char given[2100];

	memset(given, 'x', sizeof(given));
	memcpy(given, "From ", 5);
	memcpy(given + 2000, "\na: b\n", 6);
	deliver_and_compare(given, 2006, "a: b\n", 5);
}
END_TEST

START_TEST(forty_thousand_headers_pass)
{
	size_t count = 40000, size = count * 32, length = 0;
	char *given = malloc(size);

	ck_assert_ptr_nonnull(given);
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(
		    given + length, 32, "X-Header-%zu: value\n", i);
	length += (size_t)snprintf(given + length, 32, "\nbody\n");
	deliver_unchanged(given, length);
	free(given);
}
END_TEST

START_TEST(only_line_ends_pass)
{
	size_t length = MEMORY * 2;
	char *given = malloc(length);

	ck_assert_ptr_nonnull(given);
	memset(given, '\n', length);
	deliver_unchanged(given, length);
	free(given);
}
END_TEST

START_TEST(only_carriage_returns_pass)
{
	size_t length = MEMORY + 7;
	char *given = malloc(length);

	ck_assert_ptr_nonnull(given);
	memset(given, '\r', length);
	deliver_unchanged(given, length);
	free(given);
}
END_TEST

START_TEST(only_NULs_pass)
{
	size_t length = MEMORY + 7;
	char *given = calloc(1, length);

	ck_assert_ptr_nonnull(given);
	deliver_unchanged(given, length);
	free(given);
}
END_TEST

START_TEST(many_CRLF_become_LF)
{
	size_t count = MEMORY;
	char *given = malloc(count * 2), *want = malloc(count);

	ck_assert_ptr_nonnull(given);
	ck_assert_ptr_nonnull(want);
	for (size_t i = 0; i < count; i++)
		memcpy(given + i * 2, "\r\n", 2);
	memset(want, '\n', count);
	deliver_and_compare(given, count * 2, want, count);
	free(given);
	free(want);
}
END_TEST

/* message_size_limit counts the octets of the mail as it is stored. */
static const struct {
	const char *limit;
	bool fits;
} limits[] = {
	{ "message_size_limit=5", false },
	{ "message_size_limit=11", false },
	{ "message_size_limit=12", true },
	{ "message_size_limit=1K", true },
	{ "message_size_limit=0", true },
};

START_TEST(a_message_over_the_limit_is_refused)
{
	world_argument(&world, "-o");
	world_argument(&world, limits[_i].limit);
	world_deliver(&world, FROM_LINE "a: b\r\n\r\nbody\r\n\n");
	if (!limits[_i].fits) {
		expect_refused(&world, 65, "5.2.3");
		expect_log(&world, "message_size_limit");
		return;
	}
	expect_sent(&world);
	expect_inbox(&world, "a: b\n\nbody\n\n");
}
END_TEST

START_TEST(a_file_over_mailbox_size_limit_is_deferred)
{
	size_t length = MEMORY * 2;
	char *given = make_text(length);

	world_argument(&world, "-o");
	world_argument(&world, "mailbox_size_limit=200K");
	world_deliver_octets(&world, given, length);
	expect_deferred(&world, "4.2.2");
	expect_log(&world, "mailbox_size_limit");
	free(given);
}
END_TEST

/* Becomes lda, under Postfix, when whoever forked us has gone. */
static void
begin_as_an_orphan(pid_t parent, int input, int output)
{
	static const char heir[] = "another heir";
	char config[] = "MAIL_CONFIG=/etc/postfix", path[] = "PATH=/bin";
	char *environment[] = { config, path, NULL };
	gid_t gid = world.command.gid;
	char *argv[HOST_ARGUMENTS + 1];

	while (getppid() == parent)
		(void)poll(NULL, 0, 1);
	if (setsid() < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 ||
	    dup2(output, 2) < 0)
		_exit(1);
	/* A container may have one of its own. */
	if (getppid() != 1) {
		(void)!write(1, heir, strlen(heir));
		_exit(1);
	}
	if (getuid() == 0 &&
	    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
		setuid(world.command.uid) < 0))
		_exit(1);
	memcpy(argv, world.command.argv, sizeof(argv));
	(void)execve(argv[0], argv, environment);
	_exit(1);
}

/* Postfix ends every line that it hands over, and when it waits for us the pipe
 * is full. */
static const struct {
	const char *mail, *want;
	bool fills_pipe; /* with the last octet again and again */
} orphans[] = {
	{ "Subject: cut\n\nhalf a li", "4.3.0", false },
	{ "Subject: cut\n\nlines\n\n", "4.3.0", true },
	{ "Subject: whole\n\na line\n", "", false },
};

START_TEST(what_its_feeder_left_behind_may_be_cut_short)
{
	static char mail[PIPE];
	size_t length = strlen(orphans[_i].mail);
	int in[2], out[2];
	char said[512];
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	memset(mail, '\n', sizeof(mail));
	memcpy(mail, orphans[_i].mail, length);
	if (orphans[_i].fills_pipe)
		length = sizeof(mail);
	ck_assert_int_eq(write(in[1], mail, length), (ssize_t)length);
	(void)close(in[1]);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		pid = getpid();
		if (fork() == 0)
			begin_as_an_orphan(pid, in[0], out[1]);
		_exit(0);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	while ((got = read(out[0], said + used, sizeof(said) - 1 - used)) > 0)
		used += (size_t)got;
	(void)close(out[0]);
	said[used] = '\0';
	if (strcmp(said, "another heir") == 0)
		return;
	ck_assert_msg(
	    strncmp(said, orphans[_i].want, strlen(orphans[_i].want)) == 0 &&
		(used > 0) == (orphans[_i].want[0] != '\0'),
	    "\"%s\" instead of \"%s\"", said, orphans[_i].want);
	log_sink_drain(&world.log);
	if (used > 0) {
		expect_log(&world, "has gone");
		ck_assert_uint_eq(maildir_count_below(&world.scratch, ""), 0);
	} else
		maildir_expect(&world.scratch, "home/Maildir", mail, length);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("message");
	TCase *octets = tcase_create("octets");
	TCase *sizes = tcase_create("sizes");

	tcase_set_timeout(octets, 30);
	tcase_set_timeout(sizes, 30);
	tcase_add_checked_fixture(octets, set_up, tear_down);
	tcase_add_checked_fixture(sizes, set_up, tear_down);
	tcase_add_loop_test(
	    octets, a_message_comes_out_as_it_went_in, 0, COUNT(messages));
	tcase_add_test(octets, all_octets_pass);
	tcase_add_test(octets, empty_input_is_a_broken_caller);
	tcase_add_loop_test(
	    octets, a_pause_of_the_sender_changes_nothing, 0, COUNT(pauses));
	tcase_add_loop_test(octets,
	    what_its_feeder_left_behind_may_be_cut_short, 0, COUNT(orphans));
	tcase_add_loop_test(sizes, a_border_of_a_buffer_loses_nothing, 0,
	    COUNT(borders) * AROUND);
	tcase_add_loop_test(sizes, a_border_behind_a_from_line_loses_nothing, 0,
	    COUNT(borders) * AROUND);
	tcase_add_loop_test(sizes, a_line_end_across_a_border_is_one, 0,
	    COUNT(borders) * AROUND);
	tcase_add_test(sizes, a_line_of_3_MB_passes);
	tcase_add_test(sizes, a_header_of_3_MB_passes);
	tcase_add_test(sizes, a_from_line_of_2000_octets_is_one);
	tcase_add_test(sizes, forty_thousand_headers_pass);
	tcase_add_test(sizes, only_line_ends_pass);
	tcase_add_test(sizes, only_carriage_returns_pass);
	tcase_add_test(sizes, only_NULs_pass);
	tcase_add_test(sizes, many_CRLF_become_LF);
	tcase_add_loop_test(
	    sizes, a_message_over_the_limit_is_refused, 0, COUNT(limits));
	tcase_add_test(sizes, a_file_over_mailbox_size_limit_is_deferred);
	suite_add_tcase(suite, octets);
	suite_add_tcase(suite, sizes);
	return world_main(suite);
}
