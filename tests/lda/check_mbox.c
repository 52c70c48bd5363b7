/*
 * check_mbox.c - the mbox that mail is appended to: what stands there
 * afterwards, and that a delivery that fails has changed nothing.
 *
 * Source: DESIGN 2.2, 3 (mbox); reference/mdas.md 4; reliability.md A1, A3,
 * I2, I8, I9.
 */
#define _GNU_SOURCE /* mknod(2), memmem(3) */
#include "support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	scratch_mkdir(&world.scratch, "spool", 0700);
	scratch_mkdir(&world.scratch, "spare", 0700);
	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_location = mbox:~/mail:INBOX=%s/spool/%%n\n"
		"mail_temp_dir = %s/spare\n",
		world.scratch.root, world.scratch.root));
	world_arguments(&world, "-d", "bob", "-f", "a@example.org", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
add_setting(const char *setting)
{
	world_argument(&world, "-o");
	world_argument(&world, setting);
}

/* A file as a whole. */

struct octets {
	char *at;
	size_t length;
};

static struct octets
read_all(const char *name)
{
	char path[512];
	struct octets got = { NULL, 0 };
	struct stat facts;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", world.scratch.root, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s: %s:%s", name, strerror(errno),
	    world_tell(&world));
	ck_assert_int_eq(fstat(fileno(file), &facts), 0);
	got.at = malloc((size_t)facts.st_size + 1);
	ck_assert_ptr_nonnull(got.at);
	got.length = fread(got.at, 1, (size_t)facts.st_size, file);
	ck_assert_int_eq((off_t)got.length, facts.st_size);
	got.at[got.length] = '\0';
	(void)fclose(file);
	return got;
}

static void
expect_octets(const char *name, struct octets want)
{
	struct octets got = read_all(name);
	size_t at = 0;

	while (at < got.length && at < want.length && got.at[at] == want.at[at])
		at++;
	ck_assert_msg(got.length == want.length && at == want.length,
	    "%s: %zu octets instead of %zu, from %zu on \"%.60s\":%s", name,
	    got.length, want.length, at, got.at + at, world_tell(&world));
	free(got.at);
}

/* An mbox as a reader sees it. */

#define MOST 300

struct reading {
	struct octets all;
	size_t count;
	struct {
		const char *from; /* up to "\n" */
		size_t from_length;
		char *octets; /* unquoted, without the empty line */
		size_t length;
	} mails[MOST];
};

static bool
begins_like_from(const char *line, const char *end)
{
	while (line < end && *line == '>')
		line++;
	return end - line >= 5 && memcmp(line, "From ", 5) == 0;
}

static const char *
line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return newline == NULL ? end : newline + 1;
}

static void
read_mbox(const char *name, struct reading *into)
{
	const char *at, *end;

	into->all = read_all(name);
	into->count = 0;
	end = into->all.at + into->all.length;
	for (at = into->all.at; at < end;) {
		const char *next = line_end(at, end);

		if (next - at >= 5 && memcmp(at, "From ", 5) == 0) {
			ck_assert_uint_lt(into->count, MOST);
			into->mails[into->count].from = at;
			into->mails[into->count].from_length =
			    (size_t)(next - at);
			into->mails[into->count].length = 0;
			into->mails[into->count].octets =
			    malloc(into->all.length + 1);
			into->count++;
		} else {
			size_t i = into->count - 1;

			ck_assert_msg(into->count > 0, "no From_ line first");
			if (begins_like_from(at, next))
				at++;
			memcpy(into->mails[i].octets + into->mails[i].length,
			    at, (size_t)(next - at));
			into->mails[i].length += (size_t)(next - at);
		}
		at = next;
	}
	for (size_t i = 0; i < into->count; i++) {
		size_t length = into->mails[i].length;

		ck_assert_msg(length >= 1 &&
			into->mails[i].octets[length - 1] == '\n' &&
			(length == 1 ||
			    into->mails[i].octets[length - 2] == '\n'),
		    "mail %zu does not end with an empty line", i);
		into->mails[i].length--;
	}
}

static void
forget(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++)
		free(reading->mails[i].octets);
	free(reading->all.at);
}

static void
expect_mail(
    const struct reading *got, size_t i, const char *want, size_t length)
{
	ck_assert_msg(
	    i < got->count, "%zu mails:%s", got->count, world_tell(&world));
	ck_assert_msg(got->mails[i].length == length &&
		memcmp(got->mails[i].octets, want, length) == 0,
	    "mail %zu has %zu octets \"%.*s\" instead of %zu \"%.80s\":%s", i,
	    got->mails[i].length,
	    (int)(got->mails[i].length < 80 ? got->mails[i].length : 80),
	    got->mails[i].octets, length, want, world_tell(&world));
}

static void
expect_only_octets(const char *name, const char *want, size_t length)
{
	struct reading got;

	read_mbox(name, &got);
	ck_assert_msg(got.count == 1, "%zu mails in %s:%s", got.count, name,
	    world_tell(&world));
	expect_mail(&got, 0, want, length);
	forget(&got);
}

static void
expect_only(const char *name, const char *want)
{
	expect_only_octets(name, want, strlen(want));
}

/* Neither a lock, nor a hitching post, nor a spooled message. */
static void
expect_tidy(void)
{
	size_t boxes = scratch_has(&world.scratch, "spool/bob") ? 1 : 0;

	ck_assert_msg(maildir_count(&world.scratch, "spool") == boxes,
	    "something is left in the spool:%s", world_tell(&world));
	ck_assert_uint_eq(maildir_count(&world.scratch, "spare"), 0);
}

static void
expect_From_line(const struct reading *got, size_t i, const char *sender)
{
	static const char date[] =
	    "^  (Mon|Tue|Wed|Thu|Fri|Sat|Sun) "
	    "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
	    "[ 1-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9] 2[0-9][0-9][0-9]$";
	char line[512];
	regex_t shape;

	ck_assert_uint_lt(got->mails[i].from_length, sizeof(line));
	(void)snprintf(line, sizeof(line), "%.*s",
	    (int)got->mails[i].from_length - 1, got->mails[i].from);
	ck_assert_msg(
	    strncmp(line + 5, sender, strlen(sender)) == 0, "%s", line);
	ck_assert_int_eq(regcomp(&shape, date, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(
	    regexec(&shape, line + 5 + strlen(sender), 0, NULL, 0) == 0,
	    "\"%s\"", line);
	regfree(&shape);
}

START_TEST(the_first_mail_makes_the_mailbox)
{
	struct reading got;

	world_deliver(&world, world_mail);
	expect_sent(&world);
	read_mbox("spool/bob", &got);
	ck_assert_uint_eq(got.count, 1);
	expect_mail(&got, 0, world_mail, strlen(world_mail));
	expect_From_line(&got, 0, "a@example.org");
	forget(&got);
	ck_assert_int_eq(
	    (int)scratch_mode(&world.scratch, "spool/bob"), S_IFREG | 0600);
	expect_tidy();
	expect_log(&world, "saved mail to INBOX");
}
END_TEST

START_TEST(mail_is_appended_to_mail)
{
	struct reading got;
	struct octets before;

	world_deliver(&world, world_mail);
	before = read_all("spool/bob");
	for (int i = 2; i <= 5; i++) {
		world_deliver(&world, "Subject: more\n\nmore");
		expect_sent(&world);
		read_mbox("spool/bob", &got);
		ck_assert_uint_eq(got.count, (size_t)i);
		ck_assert(memcmp(got.all.at, before.at, before.length) == 0);
		expect_mail(&got, 0, world_mail, strlen(world_mail));
		expect_mail(&got, got.count - 1, "Subject: more\n\nmore\n", 20);
		forget(&got);
	}
	free(before.at);
	expect_tidy();
}
END_TEST

START_TEST(the_mode_of_a_mailbox_is_its_owners_business)
{
	scratch_write(&world.scratch, "spool/bob", "");
	scratch_chmod(&world.scratch, "spool/bob", 0660);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	ck_assert_int_eq(
	    (int)scratch_mode(&world.scratch, "spool/bob"), S_IFREG | 0660);
}
END_TEST

/* Where the sender of the From_ line comes from. */
static const struct {
	const char *argument; /* of -f; NULL: none */
	const char *message, *want;
} senders[] = {
	{ "x@y.example", "A: b\n\nc\n", "x@y.example" },
	{ "x@y.example", "From z@z.example  Thu Jan  1 00:00:00 1970\nA: b\n",
	    "x@y.example" },
	{ "", "A: b\n\nc\n", "MAILER-DAEMON" },
	{ "<>", "A: b\n\nc\n", "MAILER-DAEMON" },
	{ "MAILER-DAEMON", "A: b\n\nc\n", "MAILER-DAEMON" },
	{ NULL, "A: b\n\nc\n", "MAILER-DAEMON" },
	{ NULL, "From z@z.example  Thu Jan  1 00:00:00 1970\nA: b\n",
	    "z@z.example" },
	{ "a b\nFrom c", "A: b\n\nc\n", NULL },
	{ "x\033[2J@y", "A: b\n\nc\n", NULL },
};

START_TEST(the_From_line_has_the_sender)
{
	struct reading got;

	world_arguments(&world, "-d", "bob", NULL);
	if (senders[_i].argument != NULL) {
		world_argument(&world, "-f");
		world_argument(&world, senders[_i].argument);
	}
	world_deliver(&world, senders[_i].message);
	expect_sent(&world);
	read_mbox("spool/bob", &got);
	ck_assert_uint_eq(got.count, 1);
	if (senders[_i].want != NULL)
		expect_From_line(&got, 0, senders[_i].want);
	for (size_t i = 0; i + 1 < got.mails[0].from_length; i++)
		ck_assert((unsigned char)got.mails[0].from[i] >= ' ');
	ck_assert_uint_lt(got.mails[0].from_length, 500);
	forget(&got);
}
END_TEST

START_TEST(every_octet_comes_back)
{
	char given[3000], want[3000];
	size_t length = 0, kept = 0;

	length += (size_t)sprintf(given, "A: b\n\n");
	for (int c = 0; c < 256; c++)
		given[length++] = (char)c;
	length += (size_t)sprintf(given + length,
	    "\nFrom x\n>From x\n>>>From \nFrom\n\n\n\r\rFrom \n\n.\n..\nend");
	for (size_t i = 0; i < length; i++)
		want[kept++] = given[i];
	want[kept++] = '\n';
	world_deliver_octets(&world, given, length);
	expect_sent(&world);
	expect_only_octets("spool/bob", want, kept);
}
END_TEST

START_TEST(fields_of_the_store_are_left_out)
{
	world_deliver(&world,
	    "Return-Path: <a@b>\nX-UID: 77\nStatus: RO\nX-IMAPbase: 1 2\n"
	    " 3\nContent-Length: 100000\nX-Status : D\nSubject: x\n\n"
	    "Status: RO\n");
	expect_sent(&world);
	expect_only(
	    "spool/bob", "Return-Path: <a@b>\nSubject: x\n\nStatus: RO\n");
}
END_TEST

/* Longer than what is held in memory, and across every border of pieces. */
START_TEST(long_messages_go_through_a_file)
{
	static const size_t sizes[] = { 128 * 1024 - 1, 128 * 1024,
		128 * 1024 + 1, 300 * 1000, 5 * 1000 * 1000 };
	size_t length = sizes[_i], used = 0, n = 0;
	char *given = malloc(length + 64);

	ck_assert_ptr_nonnull(given);
	used = (size_t)sprintf(given, "Subject: x\n\n");
	while (used < length) {
		used += (size_t)snprintf(given + used, 64, "%sFrom %zu %s\n",
		    n % 3 == 0 ? ">" : "", n,
		    n % 7 == 0 ? "xxxxxxxxxxxxxxxxxxx" : "");
		n++;
	}
	given[length - 1] = '\n';
	world.command.patience_ms = 20000;
	world_deliver_octets(&world, given, length);
	expect_sent(&world);
	expect_only_octets("spool/bob", given, length);
	expect_tidy();
	free(given);
}
END_TEST

START_TEST(without_room_for_a_long_message_the_mailbox_is_untouched)
{
	char *given = malloc(300000);
	struct octets before;

	world_deliver(&world, world_mail);
	before = read_all("spool/bob");
	memset(given, 'x', 300000);
	scratch_chmod(&world.scratch, "spare", 0500);
	world_deliver_octets(&world, given, 300000);
	ck_assert_msg(
	    host_exit_status(&world.got) == 75, "%s", world_tell(&world));
	expect_log(&world, "spare");
	expect_octets("spool/bob", before);
	scratch_chmod(&world.scratch, "spare", 0700);
	expect_tidy();
	free(given);
	free(before.at);
}
END_TEST

/* New mail is seen where it was read last before it was changed last. */

static void
set_times(time_t read, time_t changed)
{
	const struct timespec times[2] = { { read, 5 }, { changed, 7 } };
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/spool/bob", world.scratch.root);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct stat
box_facts(void)
{
	char path[512];
	struct stat facts;

	(void)snprintf(path, sizeof(path), "%s/spool/bob", world.scratch.root);
	ck_assert_int_eq(lstat(path, &facts), 0);
	return facts;
}

START_TEST(readers_see_that_there_is_new_mail)
{
	time_t now = time(NULL);
	const time_t reads[] = { now - 1000, now - 3000, now, now + 3600 };
	struct stat facts;

	world_deliver(&world, world_mail);
	set_times(reads[_i], now - 2000);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	facts = box_facts();
	ck_assert_msg(facts.st_atim.tv_sec < facts.st_mtim.tv_sec,
	    "read %jd, changed %jd", (intmax_t)facts.st_atim.tv_sec,
	    (intmax_t)facts.st_mtim.tv_sec);
	ck_assert_int_ge(facts.st_mtim.tv_sec, now - 2);
	ck_assert_int_le(facts.st_mtim.tv_sec, time(NULL) + 2);
	/* When it was read last is not forgotten. */
	if (reads[_i] < now)
		ck_assert_int_eq(facts.st_atim.tv_sec, reads[_i]);
}
END_TEST

START_TEST(the_first_mail_is_seen_too)
{
	struct stat facts;

	world_deliver(&world, world_mail);
	facts = box_facts();
	ck_assert_int_lt(facts.st_atim.tv_sec, facts.st_mtim.tv_sec);
}
END_TEST

/* What a crash has left. */

START_TEST(half_a_message_is_closed_off_wherever_it_ends)
{
	static const char second[] = "Subject: second\n"
				     "X: y\n\n"
				     "One.\n\nFrom here\n>From there\n\nEnd\n";
	static const char third[] = "Subject: third\n\nThird.\n";
	struct octets whole;
	struct stat facts;

	world_deliver(&world, world_mail);
	facts = box_facts();
	world_deliver(&world, second);
	whole = read_all("spool/bob");
	world.command.log = NULL; /* hundreds of lines */
	for (size_t cut = (size_t)facts.st_size; cut <= whole.length; cut++) {
		struct reading got;

		scratch_write_octets(
		    &world.scratch, "spool/bob", whole.at, cut);
		log_sink_drain(&world.log);
		world.log.count = 0;
		world_deliver(&world, third);
		expect_sent(&world);
		read_mbox("spool/bob", &got);
		ck_assert_msg(memcmp(got.all.at, whole.at, cut) == 0,
		    "cut at %zu: what was there has changed", cut);
		expect_mail(&got, got.count - 1, third, strlen(third));
		/* Of half a "From " no reader makes a message: it looks like
		 * the end of the one before. */
		if (cut == (size_t)facts.st_size ||
		    cut >= (size_t)facts.st_size + 5)
			expect_mail(&got, 0, world_mail, strlen(world_mail));
		ck_assert_msg(
		    got.count == (cut < (size_t)facts.st_size + 5 ? 2 : 3),
		    "cut at %zu: %zu mails", cut, got.count);
		if (cut >= whole.length - 1)
			expect_mail(&got, 1, second, strlen(second));
		forget(&got);
	}
	free(whole.at);
	expect_tidy();
}
END_TEST

/* Beginnings that are no mailbox at all. */
START_TEST(whatever_stands_there_a_message_begins_on_its_own_line)
{
	static const char *const tails[] = { "x", "x\n", "x\n\n", "\n", "\n\n",
		"\n\n\n", "From ", "From \n", "x\n\n\n\n", "\r\n\r\n", "\r" };
	struct octets got;
	char want[64];
	size_t length = strlen(tails[_i]);

	scratch_write(&world.scratch, "spool/bob", tails[_i]);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	got = read_all("spool/bob");
	ck_assert(memcmp(got.at, tails[_i], length) == 0);
	(void)snprintf(want, sizeof(want), "\n\nFrom a@example.org  ");
	ck_assert_msg(strstr(got.at, want) != NULL, "%s", got.at);
	ck_assert(
	    memmem(got.at, got.length, world_mail, strlen(world_mail)) != NULL);
	free(got.at);
}
END_TEST

/* Limits. */

START_TEST(RLIMIT_FSIZE_at_every_octet_leaves_the_mailbox_as_it_was)
{
	struct octets before;
	struct stat old, after;
	size_t whole, sent = 0;

	world_deliver(&world, world_mail);
	whole = (size_t)box_facts().st_size;
	set_times(1000000000, 1000000001);
	old = box_facts();
	before = read_all("spool/bob");
	set_times(1000000000, 1000000001);
	world.command.log = NULL;
	world.command.limit_count = 1;
	world.command.limits[0].resource = RLIMIT_FSIZE;
	for (size_t limit = 0; limit <= 2 * whole + 1;
	     limit += limit < whole - 20 ? 16 : 1) {
		world.command.limits[0].most = limit;
		world.log.count = 0;
		world_deliver(&world, world_mail);
		log_sink_drain(&world.log);
		if (host_exit_status(&world.got) == 0) {
			ck_assert_msg(limit >= 2 * whole, "limit %zu", limit);
			sent++;
			scratch_write_octets(&world.scratch, "spool/bob",
			    before.at, before.length);
			scratch_chmod(&world.scratch, "spool/bob", 0600);
			set_times(1000000000, 1000000001);
			continue;
		}
		expect_deferred(&world, "4.2.2");
		expect_log(&world, "mailbox_size_limit");
		expect_octets("spool/bob", before);
		after = box_facts();
		ck_assert_msg(after.st_mtim.tv_sec == old.st_mtim.tv_sec,
		    "limit %zu: it looks changed", limit);
	}
	ck_assert_uint_eq(sent, 2);
	free(before.at);
	expect_tidy();
}
END_TEST

/* The mailbox is not to blame. */
START_TEST(missing_mail_temp_dir_is_said_to_be_that)
{
	char *given = malloc(300000);

	memset(given, 'x', 300000);
	add_setting("mail_temp_dir=/nonexistent");
	world_deliver_octets(&world, given, 300000);
	free(given);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "mail_temp_dir: cannot create /nonexistent/");
	ck_assert(!scratch_has(&world.scratch, "spool/bob"));
}
END_TEST

START_TEST(RLIMIT_FSIZE_stops_a_long_message_too)
{
	static const size_t limits[] = { 1000, 131072, 200000, 300000 };
	char *given = malloc(300000);
	struct octets before;

	world_deliver(&world, world_mail);
	before = read_all("spool/bob");
	memset(given, 'x', 300000);
	world.command.limit_count = 1;
	world.command.limits[0].resource = RLIMIT_FSIZE;
	world.command.limits[0].most = limits[_i];
	world_deliver_octets(&world, given, 300000);
	expect_deferred(&world, "4.2.2");
	expect_octets("spool/bob", before);
	expect_tidy();
	free(before.at);
	free(given);
}
END_TEST

START_TEST(mailbox_size_limit_is_for_the_mailbox_as_a_whole)
{
	struct octets before;
	size_t whole;

	world_deliver(&world, world_mail);
	whole = (size_t)box_facts().st_size;
	before = read_all("spool/bob");
	add_setting(scratch_print(
	    &world.scratch, "mailbox_size_limit=%zu", 2 * whole - 1));
	if (_i == 1)
		add_setting("quota_full_tempfail=no");
	world_deliver(&world, world_mail);
	if (_i == 1)
		expect_refused(&world, 69, "5.2.2");
	else
		expect_deferred(&world, "4.2.2");
	expect_octets("spool/bob", before);
	expect_log(&world, "mailbox_size_limit");
	expect_tidy();
	world_arguments(&world, "-d", "bob", "-f", "a@example.org", "-o", NULL);
	world_argument(&world,
	    scratch_print(&world.scratch, "mailbox_size_limit=%zu", 2 * whole));
	world_deliver(&world, world_mail);
	expect_sent(&world);
	free(before.at);
}
END_TEST

START_TEST(a_limit_counts_what_quoting_adds)
{
	static const char given[] = "A: b\n\nFrom\nFrom x\nFrom y\n";
	size_t whole;

	world_deliver(&world, given);
	whole = (size_t)box_facts().st_size;
	ck_assert_int_eq(unlink(scratch_path(&world.scratch, "spool/bob")), 0);
	add_setting(
	    scratch_print(&world.scratch, "mailbox_size_limit=%zu", whole - 1));
	world_deliver(&world, given);
	expect_deferred(&world, "4.2.2");
	if (scratch_has(&world.scratch, "spool/bob"))
		ck_assert_int_eq(box_facts().st_size, 0);
}
END_TEST

START_TEST(message_size_limit_is_for_the_message)
{
	struct octets before;

	world_deliver(&world, world_mail);
	before = read_all("spool/bob");
	add_setting(scratch_print(
	    &world.scratch, "message_size_limit=%zu", strlen(world_mail) - 1));
	world_deliver(&world, world_mail);
	expect_refused(&world, 65, "5.2.3");
	expect_octets("spool/bob", before);
	expect_tidy();
	free(before.at);
	world_arguments(&world, "-d", "bob", "-o", NULL);
	world_argument(&world,
	    scratch_print(
		&world.scratch, "message_size_limit=%zu", strlen(world_mail)));
	world_deliver(&world, world_mail);
	expect_sent(&world);
}
END_TEST

/* Folders. */

static const struct {
	const char *folder, *file;
	bool autocreate;
} folders[] = {
	{ "Work", "home/mail/Work", true },
	{ "INBOX/Work", "home/mail/Work", true },
	{ "A/B/C", "home/mail/A/B/C", true },
	{ "INBOX", "spool/bob", true },
	{ "inbox", "spool/bob", true },
	{ "", "spool/bob", true },
	{ "Work", "spool/bob", false },
	{ "A/B", "spool/bob", false },
	/* Nothing leaves the mail root. */
	{ "../evil", "spool/bob", true },
	{ "A/../../evil", "spool/bob", true },
	{ "/evil", "spool/bob", true },
	{ "~/evil", "spool/bob", true },
	{ "~eve", "spool/bob", true },
	{ "..", "spool/bob", true },
	{ ".", "spool/bob", true },
	{ "A//B", "spool/bob", true },
	{ "A\nB", "spool/bob", true },
};

START_TEST(m_names_a_folder_or_falls_back_to_INBOX)
{
	world_argument(&world, "-m");
	world_argument(&world, folders[_i].folder);
	add_setting(folders[_i].autocreate ? "lda_mailbox_autocreate=yes" :
					     "lda_mailbox_autocreate=no");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_only(folders[_i].file, world_mail);
	ck_assert(!scratch_has(&world.scratch, "home/evil"));
	ck_assert(!scratch_has(&world.scratch, "evil"));
	if (!folders[_i].autocreate)
		ck_assert_uint_eq(
		    maildir_count(&world.scratch, "home/mail"), 0);
	expect_tidy();
}
END_TEST

START_TEST(folders_are_their_owners_alone)
{
	world_argument(&world, "-m");
	world_argument(&world, "A/B");
	add_setting("lda_mailbox_autocreate=yes");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	ck_assert_int_eq(
	    (int)scratch_mode(&world.scratch, "home/mail"), S_IFDIR | 0700);
	ck_assert_int_eq(
	    (int)scratch_mode(&world.scratch, "home/mail/A"), S_IFDIR | 0700);
	ck_assert_int_eq(
	    (int)scratch_mode(&world.scratch, "home/mail/A/B"), S_IFREG | 0600);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/mail/A"), 1);
}
END_TEST

START_TEST(a_folder_that_exists_needs_no_permission)
{
	scratch_mkdir(&world.scratch, "home/mail", 0700);
	scratch_write(&world.scratch, "home/mail/Work", "");
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_only("home/mail/Work", world_mail);
	ck_assert(!scratch_has(&world.scratch, "spool/bob"));
	expect_log(&world, "saved mail to Work");
}
END_TEST

START_TEST(no_link_below_the_mail_root_is_followed)
{
	scratch_mkdir(&world.scratch, "home/mail", 0700);
	scratch_mkdir(&world.scratch, "other", 0700);
	scratch_write(&world.scratch, "victim", "precious\n");
	scratch_symlink(&world.scratch, "../../victim", "home/mail/file");
	scratch_symlink(&world.scratch, "../../other", "home/mail/dir");
	world_argument(&world, "-m");
	world_argument(&world, _i == 0 ? "file" : "dir/box");
	add_setting("lda_mailbox_autocreate=yes");
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_uint_eq(maildir_count(&world.scratch, "other"), 0);
	expect_octets("victim", (struct octets){ (char[]){ "precious\n" }, 9 });
}
END_TEST

START_TEST(a_linked_mail_root_is_followed)
{
	scratch_mkdir(&world.scratch, "other", 0700);
	scratch_symlink(&world.scratch, "../other", "home/mail");
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	add_setting("lda_mailbox_autocreate=yes");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_only("other/Work", world_mail);
}
END_TEST

/* Entries of the spool that somebody has planted. */

enum planted {
	SYMLINK,
	DANGLING,
	SYMLINK_TO_A_LOCK,
	HARD_LINK,
	FIFO,
	DIRECTORY,
	SOCKET,
	DEVICE,
	FOREIGN,
	FOREIGN_WRITABLE,
	FORBIDDEN,
	READ_ONLY,
	PLANTED
};

static const char precious[] = "precious\n";

static void
plant(enum planted what)
{
	const char *path = scratch_path(&world.scratch, "spool/bob");
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	if ((what == DEVICE || what == FOREIGN || what == FOREIGN_WRITABLE) &&
	    getuid() != 0)
		return;
	switch (what) {
	case SYMLINK:
		scratch_symlink(&world.scratch, "../victim", "spool/bob");
		break;
	case DANGLING:
		scratch_symlink(&world.scratch, "../nowhere", "spool/bob");
		break;
	case SYMLINK_TO_A_LOCK:
		scratch_symlink(&world.scratch, "bob.lock", "spool/bob");
		break;
	case HARD_LINK:
		ck_assert_int_eq(
		    link(scratch_path(&world.scratch, "victim"), path), 0);
		break;
	case FIFO:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		scratch_chown(&world.scratch, "spool/bob", world.scratch.uid,
		    world.scratch.gid);
		break;
	case DIRECTORY:
		scratch_mkdir(&world.scratch, "spool/bob", 0700);
		break;
	case SOCKET:
		(void)snprintf(
		    name.sun_path, sizeof(name.sun_path), "%s", path);
		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		ck_assert_int_eq(
		    bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
		(void)close(fd);
		scratch_chown(&world.scratch, "spool/bob", world.scratch.uid,
		    world.scratch.gid);
		break;
	case DEVICE:
		ck_assert_int_eq(mknod(path, S_IFCHR | 0666, makedev(1, 3)), 0);
		scratch_chown(&world.scratch, "spool/bob", world.scratch.uid,
		    world.scratch.gid);
		break;
	default:
		scratch_write(&world.scratch, "spool/bob", precious);
		if (what == FOREIGN || what == FOREIGN_WRITABLE)
			scratch_chown(&world.scratch, "spool/bob",
			    world.scratch.uid + 1, world.scratch.gid);
		scratch_chmod(&world.scratch, "spool/bob",
		    what == FOREIGN_WRITABLE ? 0666 :
			what == FORBIDDEN    ? 0 :
			what == READ_ONLY    ? 0400 :
					       0600);
		break;
	}
}

START_TEST(what_is_no_mailbox_of_the_recipient_is_refused)
{
	struct stat before, after;

	scratch_write(&world.scratch, "victim", precious);
	plant((enum planted)_i);
	if (!scratch_has(&world.scratch, "spool/bob"))
		return; /* only root can plant that */
	before = box_facts();
	add_setting("mbox_lock_timeout=2s");
	world_deliver(&world, world_mail);
	ck_assert_int_eq(world.got.dsn[0], '4');
	expect_deferred(&world, world.got.dsn);
	ck_assert_int_lt(world.got.elapsed_ms, 2000);
	expect_log(&world, scratch_path(&world.scratch, "spool/bob"));
	after = box_facts();
	ck_assert(before.st_ino == after.st_ino &&
	    before.st_mode == after.st_mode && before.st_uid == after.st_uid &&
	    before.st_size == after.st_size);
	expect_octets("victim", (struct octets){ (char[]){ "precious\n" }, 9 });
	ck_assert(!scratch_has(&world.scratch, "nowhere"));
	expect_tidy();
}
END_TEST

/* Where the mailbox is. */

START_TEST(auto_is_the_spool_for_a_system_user_without_Maildir)
{
	world_config(&world,
	    scratch_print(&world.scratch, "mail_spool_directory = %s/spool\n",
		world.scratch.root));
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_only("spool/bob", world_mail);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home"), 0);
}
END_TEST

START_TEST(the_spool_is_never_made)
{
	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_spool_directory = %s/unmounted\n", world.scratch.root));
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.2.1");
	ck_assert(!scratch_has(&world.scratch, "unmounted"));
	expect_log(&world, "unmounted");
}
END_TEST

START_TEST(an_INBOX_in_the_home_needs_no_spool)
{
	world_config(&world, "mail_location = mbox:~/mail\n");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_only("home/mail/inbox", world_mail);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/mail"), 1);
}
END_TEST

/* A trial changes nothing and says where the mail would go. */
START_TEST(a_trial_makes_nothing)
{
	char *before = scratch_list(&world.scratch, "spool", NULL), *after;

	world.command.agent = HOST_PERSON;
	world_argument(&world, "-t");
	world_deliver(&world, world_mail);
	ck_assert_msg(
	    host_exit_status(&world.got) == 0, "%s", world_tell(&world));
	ck_assert_ptr_nonnull(strstr(world.got.output, "spool/bob"));
	after = scratch_list(&world.scratch, "spool", NULL);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mbox");
	TCase *adding = tcase_create("appending");
	TCase *limits = tcase_create("limits");
	TCase *tails = tcase_create("tails");
	TCase *names = tcase_create("folders");
	TCase *planted = tcase_create("planted");

	tcase_add_checked_fixture(adding, set_up, tear_down);
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_add_checked_fixture(tails, set_up, tear_down);
	tcase_add_checked_fixture(names, set_up, tear_down);
	tcase_add_checked_fixture(planted, set_up, tear_down);
	tcase_set_timeout(adding, 30);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(tails, 60);
	tcase_add_test(adding, the_first_mail_makes_the_mailbox);
	tcase_add_test(adding, mail_is_appended_to_mail);
	tcase_add_test(adding, the_mode_of_a_mailbox_is_its_owners_business);
	tcase_add_loop_test(
	    adding, the_From_line_has_the_sender, 0, COUNT(senders));
	tcase_add_test(adding, every_octet_comes_back);
	tcase_add_test(adding, fields_of_the_store_are_left_out);
	tcase_add_loop_test(adding, long_messages_go_through_a_file, 0, 5);
	tcase_add_test(
	    adding, without_room_for_a_long_message_the_mailbox_is_untouched);
	tcase_add_loop_test(adding, readers_see_that_there_is_new_mail, 0, 4);
	tcase_add_test(adding, the_first_mail_is_seen_too);
	tcase_add_test(
	    adding, auto_is_the_spool_for_a_system_user_without_Maildir);
	tcase_add_test(adding, the_spool_is_never_made);
	tcase_add_test(adding, an_INBOX_in_the_home_needs_no_spool);
	tcase_add_test(adding, a_trial_makes_nothing);
	tcase_add_test(tails, half_a_message_is_closed_off_wherever_it_ends);
	tcase_add_loop_test(tails,
	    whatever_stands_there_a_message_begins_on_its_own_line, 0, 11);
	tcase_add_test(
	    limits, RLIMIT_FSIZE_at_every_octet_leaves_the_mailbox_as_it_was);
	tcase_add_loop_test(
	    limits, RLIMIT_FSIZE_stops_a_long_message_too, 0, 4);
	tcase_add_test(limits, missing_mail_temp_dir_is_said_to_be_that);
	tcase_add_loop_test(
	    limits, mailbox_size_limit_is_for_the_mailbox_as_a_whole, 0, 2);
	tcase_add_test(limits, a_limit_counts_what_quoting_adds);
	tcase_add_test(limits, message_size_limit_is_for_the_message);
	tcase_add_loop_test(
	    names, m_names_a_folder_or_falls_back_to_INBOX, 0, COUNT(folders));
	tcase_add_test(names, folders_are_their_owners_alone);
	tcase_add_test(names, a_folder_that_exists_needs_no_permission);
	tcase_add_loop_test(
	    names, no_link_below_the_mail_root_is_followed, 0, 2);
	tcase_add_test(names, a_linked_mail_root_is_followed);
	tcase_add_loop_test(planted,
	    what_is_no_mailbox_of_the_recipient_is_refused, 0, PLANTED);
	suite_add_tcase(suite, adding);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, tails);
	suite_add_tcase(suite, names);
	suite_add_tcase(suite, planted);
	return world_main(suite);
}
