/*
 * check_quota.c - nobody fills the disk, and nobody is refused or charged by
 * mistake.
 *
 * Source: DESIGN 2.2, 2.3 (quota); Maildir++; Dovecot quota=maildir; Courier
 * quotawarn.
 */
#define _XOPEN_SOURCE 700 /* utimensat(2) */
#include "support/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HOUR ((time_t)3600)

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
configure(const char *more)
{
	world_config(&world,
	    scratch_print(
		&world.scratch, "mail_location = maildir:~/Maildir\n%s", more));
}

static void
set_age(const char *name, time_t seconds)
{
	struct timespec times[2];

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	ck_assert_int_eq(
	    utimensat(AT_FDCWD, scratch_path(&world.scratch, name), times, 0),
	    0);
	world.scratch.note_count--;
}

/* Directories that nobody has changed for an hour: a count of them is sure. */
static void
age(const char *maildir)
{
	static const char *const parts[] = { "cur", "new" };

	for (size_t i = 0; i < COUNT(parts); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", maildir, parts[i]);
		set_age(path, HOUR);
	}
}

static void
make_maildir(const char *name)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };
	char path[128];

	for (size_t i = 0; i < COUNT(parts); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", name, parts[i]);
		scratch_mkdir(&world.scratch, path, 0700);
	}
	age(name);
}

/* A mail of so many octets. */
static void
deliver(size_t octets)
{
	static const char head[] = "Subject: x\n\n";
	char *text = malloc(octets);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_gt(octets, sizeof(head));
	memset(text, 'x', octets);
	memcpy(text, head, sizeof(head) - 1);
	text[octets - 1] = '\n';
	log_sink_forget(&world.log);
	world_deliver_octets(&world, text, octets);
	free(text);
}

static const char *
read_text(const char *name)
{
	static char text[8192];
	char path[SCRATCH_ROOT + 256];
	FILE *file;
	size_t got = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", world.scratch.root, name);
	file = fopen(path, "r");
	if (file != NULL) {
		got = fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
	}
	text[got] = '\0';
	return text;
}

#define SIZE_FILE "home/Maildir/maildirsize"

#define expect_size(want)                                                      \
	ck_assert_msg(strcmp(read_text(SIZE_FILE), (want)) == 0,               \
	    "maildirsize is \"%s\", not \"%s\":%s", read_text(SIZE_FILE),      \
	    (want), world_tell(&world))

static void
expect_counts(size_t new, size_t tmp)
{
	ck_assert_msg(maildir_count(&world.scratch, "home/Maildir/new") ==
		new &&maildir_count(&world.scratch, "home/Maildir/tmp") == tmp,
	    "%zu mails and %zu in tmp instead of %zu and %zu:%s",
	    maildir_count(&world.scratch, "home/Maildir/new"),
	    maildir_count(&world.scratch, "home/Maildir/tmp"), new, tmp,
	    world_tell(&world));
}

/* Refused, with what was there still there. */
static void
expect_full(int status, const char *dsn)
{
	ck_assert_msg(host_exit_status(&world.got) == status &&
		strncmp(world.got.output, dsn, strlen(dsn)) == 0,
	    "not %d %s:%s", status, dsn, world_tell(&world));
	expect_log(&world, "over quota");
}

/* One mail of new/ is gone, as a user's program does it. */
static void
delete_one(const char *maildir)
{
	char path[SCRATCH_ROOT + 512];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(
	    path, sizeof(path), "%s/%s/new", world.scratch.root, maildir);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			ck_assert_int_eq(
			    unlinkat(dirfd(dir), entry->d_name, 0), 0);
			break;
		}
	(void)closedir(dir);
}

static const struct {
	const char *settings;
	int status;
	const char *dsn;
} refusals[] = {
	{ "quota_rule = *:bytes=1000\n", 75, "4.2.2" },
	{ "quota_rule = *:bytes=1000\nquota_full_tempfail = yes\n", 75,
	    "4.2.2" },
	{ "quota_rule = *:bytes=1000\nquota_full_tempfail = no\n", 69,
	    "5.2.2" },
	{ "quota_storage_size = 1000\nquota_full_tempfail = no\n", 69,
	    "5.2.2" },
	/* The file's own limit. */
	{ "", 75, "4.2.2" },
	{ "quota_full_tempfail = no\n", 69, "5.2.2" },
};

START_TEST(full_is_deferred_or_refused_and_leaves_nothing)
{
	char *before, *after;

	make_maildir("home/Maildir");
	scratch_write(&world.scratch, SIZE_FILE, "1000S\n1000 5\n");
	configure(refusals[_i].settings);
	before = scratch_list(&world.scratch, "home", NULL);
	/* tmp/ may have been touched: compared by its contents below. */
	deliver(200);
	expect_refused(&world, refusals[_i].status, refusals[_i].dsn);
	expect_log(&world, "over quota");
	expect_size("1000S\n1000 5\n");
	after = scratch_list(&world.scratch, "home", NULL);
	ck_assert_msg(strcmp(before, after) == 0,
	    "the home has changed:\n%s\n%s", before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(mail_longer_than_memory_over_quota_leaves_nothing)
{
	make_maildir("home/Maildir");
	scratch_write(&world.scratch, SIZE_FILE, "100000S\n90000 5\n");
	configure("quota_rule = *:bytes=100000\n");
	deliver(300 * 1024);
	expect_refused(&world, 75, "4.2.2");
	expect_log(&world, "over quota");
	expect_size("100000S\n90000 5\n");
}
END_TEST

START_TEST(mail_longer_than_memory_is_charged_when_it_fits)
{
	make_maildir("home/Maildir");
	scratch_write(&world.scratch, SIZE_FILE, "1000000S\n90000 5\n");
	configure("quota_rule = *:bytes=1000000\n");
	deliver(300 * 1024);
	expect_sent(&world);
	expect_size("1000000S\n90000 5\n307200 1\n");
}
END_TEST

START_TEST(mails_are_charged_until_full_and_again_after_a_delete)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=3000\nquota_grace = 0\n");
	for (int i = 0; i < 3; i++) {
		deliver(1000);
		expect_sent(&world);
		age("home/Maildir");
	}
	expect_log(&world, "quota=100%");
	expect_counts(3, 0);
	delete_one("home/Maildir");
	deliver(1000);
	expect_sent(&world);
	expect_counts(3, 0);
	age("home/Maildir");
	deliver(20);
	expect_full(75, "4.2.2");
	expect_counts(3, 0);
	/* That was counted just now: Maildir++ believes it for 15 minutes, as
	 * nobody has recorded a delete. */
	delete_one("home/Maildir");
	set_age(SIZE_FILE, 16 * 60);
	deliver(1000);
	expect_sent(&world);
	expect_counts(3, 0);
}
END_TEST

/* Dovecot and Courier record what they delete. */
START_TEST(room_that_another_program_made_is_used_at_once)
{
	FILE *file;

	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=3000\nquota_grace = 0\n");
	scratch_write(&world.scratch, SIZE_FILE, "3000S\n3000 3\n");
	deliver(1000);
	expect_refused(&world, 75, "4.2.2");
	file = fopen(scratch_path(&world.scratch, SIZE_FILE), "a");
	ck_assert_ptr_nonnull(file);
	(void)fputs("-1000 -1\n", file);
	(void)fclose(file);
	deliver(1000);
	expect_sent(&world);
	expect_size("3000S\n3000 3\n-1000 -1\n1000 1\n");
}
END_TEST

START_TEST(grace_is_for_the_mail_that_crosses)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=10000\nquota_grace = 10%\n");
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n9500 5\n");
	deliver(1501);
	expect_refused(&world, 75, "4.2.2");
	deliver(1500);
	expect_sent(&world);
	expect_size("10000S\n9500 5\n1500 1\n");
	expect_log(&world, "quota=110%");
}
END_TEST

START_TEST(grace_is_not_for_who_is_full)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=10000\nquota_grace = 10M\n");
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n10000 5\n");
	deliver(20);
	expect_refused(&world, 75, "4.2.2");
}
END_TEST

START_TEST(messages_are_counted)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:messages=2\n");
	for (int i = 0; i < 2; i++) {
		deliver(1000);
		expect_sent(&world);
		age("home/Maildir");
	}
	deliver(20);
	expect_full(75, "4.2.2");
	expect_counts(2, 0);
	expect_size("0S,2C\n2000 2\n");
}
END_TEST

/* Everybody has the general rule, otto his own. */
START_TEST(user_has_a_rule_of_his_own)
{
	scratch_write(&world.scratch, "users",
	    scratch_print(&world.scratch,
		"anna:x:%ju:%ju::%s/anna::\n"
		"otto:x:%ju:%ju::%s/otto::userdb_quota_rule=*:bytes=100\n"
		"olga:x:%ju:%ju::%s/olga::userdb_quota_rule=nonsense\n"
		"emil:x:%ju:%ju::%s/emil::userdb_quota_storage_size=100\n",
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root, (uintmax_t)world.scratch.uid,
		(uintmax_t)world.scratch.gid, world.scratch.root,
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root, (uintmax_t)world.scratch.uid,
		(uintmax_t)world.scratch.gid, world.scratch.root));
	configure(scratch_print(&world.scratch,
	    "userdb = passwd-file:%s/users\n%s", world.scratch.root,
	    _i < 2 ? "quota_rule = *:bytes=1000\n" : ""));
	world_arguments(&world, "-d", _i < 3 ? "otto" : "emil", NULL);
	deliver(500);
	expect_refused(&world, 75, "4.2.2");
	/* One who has spoilt his own rule is deferred, not without quota. */
	world_arguments(&world, "-d", "olga", NULL);
	deliver(50);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	world_arguments(&world, "-d", "anna", NULL);
	deliver(500);
	expect_sent(&world);
}
END_TEST

START_TEST(bad_rule_is_deferred)
{
	static const char *const rules[] = { "quota_rule = nonsense\n",
		"quota_rule = *:storage=lots\n", "quota_grace = much\n",
		"quota_warning = 90% mail the user\n",
		"quota_rule3 = Trash:bogus=1\n", "quota_storage_size = -1\n",
		"quota_message_count = 1K\n" };

	configure(rules[_i]);
	deliver(50);
	expect_refused(&world, 75, "4.3.5");
}
END_TEST

START_TEST(rule_of_a_folder_is_for_mail_into_it)
{
	make_maildir("home/Maildir");
	make_maildir("home/Maildir/.Trash");
	make_maildir("home/Maildir/.Spam");
	configure("quota_rule = *:bytes=1000\n"
		  "quota_rule2 = Trash:bytes=+500\n"
		  "quota_rule3 = Spam:ignore\nquota_grace = 0\n");
	scratch_write(&world.scratch, SIZE_FILE, "1000S\n1000 5\n");
	deliver(200);
	expect_refused(&world, 75, "4.2.2");
	world_arguments(&world, "-d", "bob", "-m", "Trash", NULL);
	deliver(200);
	expect_sent(&world);
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/.Trash/new"), 1);
	expect_size("1000S\n1000 5\n200 1\n");
	/* What is ignored fits always and costs nothing. */
	world_arguments(&world, "-d", "bob", "-m", "Spam", NULL);
	deliver(5000);
	expect_sent(&world);
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/.Spam/new"), 1);
	expect_size("1000S\n1000 5\n200 1\n");
	/* And is not counted. */
	scratch_remove(&world.scratch, SIZE_FILE);
	age("home/Maildir");
	age("home/Maildir/.Trash");
	age("home/Maildir/.Spam");
	world_arguments(&world, "-d", "bob", NULL);
	deliver(100);
	expect_sent(&world);
	expect_size("1000S\n200 1\n100 1\n");
}
END_TEST

START_TEST(excluded_folders_are_not_counted)
{
	make_maildir("home/Maildir");
	make_maildir("home/Maildir/.Trash");
	configure("quota_rule = *:bytes=1000\nquota_exclude = Spam Trash\n");
	world_arguments(&world, "-d", "bob", "-m", "Trash", NULL);
	deliver(5000);
	expect_sent(&world);
	age("home/Maildir/.Trash");
	world_arguments(&world, "-d", "bob", NULL);
	deliver(100);
	expect_sent(&world);
	expect_size("1000S\n0 0\n100 1\n");
}
END_TEST

/* Full is full in every folder: no way round it through INBOX. */
START_TEST(full_folder_is_not_INBOX)
{
	make_maildir("home/Maildir");
	make_maildir("home/Maildir/.Work");
	configure("quota_rule = *:bytes=1000\nquota_rule2 = Work:bytes=-900\n");
	scratch_write(&world.scratch, SIZE_FILE, "1000S\n500 5\n");
	world_arguments(&world, "-d", "bob", "-m", "Work", NULL);
	deliver(100);
	expect_full(75, "4.2.2");
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 0);
	world_arguments(&world, "-d", "bob", NULL);
	deliver(100);
	expect_sent(&world);
}
END_TEST

/* Whatever stands in the file, a user with room gets his mail. */
static const char *const damaged[] = { "", "\n", "x", "1000S", "1000S\n",
	"1000S\n5000 1", "1000S\n5000\n", "1000S\n-5000 -1\n",
	"1000S\n5000 1\n\n", "9999999S\n999999999 1\n", "1000S,5C\n99 99\n",
	"1000S\n99999999999999999999 1\n", "1000S\n5000 1\n1 1\n",
	"0S\n5000 1\n" };

START_TEST(damaged_file_never_refuses_mail)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=1000\n");
	scratch_write(&world.scratch, SIZE_FILE, damaged[_i]);
	deliver(100);
	expect_sent(&world);
	expect_size("1000S\n0 0\n100 1\n");
	/* Nothing half made is left. */
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir"), 4);
}
END_TEST

START_TEST(file_that_cannot_be_written_never_refuses_mail)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=1000\n");
	if (_i == 0) {
		scratch_write(&world.scratch, SIZE_FILE, "1000S\n500 1\n");
		scratch_chmod(&world.scratch, SIZE_FILE, 0400);
	} else if (_i == 1) {
		scratch_write(&world.scratch, SIZE_FILE, "1000S\n500 1\n");
		scratch_chmod(&world.scratch, SIZE_FILE, 0);
	} else if (_i == 2) {
		scratch_mkdir(&world.scratch, SIZE_FILE, 0700);
	} else {
		scratch_chmod(&world.scratch, "home/Maildir", 0500);
	}
	deliver(100);
	expect_sent(&world);
	expect_counts(1, 0);
	scratch_chmod(&world.scratch, "home/Maildir", 0700);
}
END_TEST

static void
close_new(void)
{
	scratch_chmod(&world.scratch, "home/Maildir/new", 0500);
}

/* Failures after the quota was judged: nothing is charged. */
START_TEST(mail_that_was_not_delivered_is_not_charged)
{
	make_maildir("home/Maildir");
	configure("quota_rule = *:bytes=1000000\n");
	scratch_write(&world.scratch, SIZE_FILE, "1000000S\n500 1\n");
	if (_i == 0) {
		close_new();
	} else if (_i == 1) {
		world.command.limits[0].resource = RLIMIT_FSIZE;
		world.command.limits[0].most = 4096;
		world.command.limit_count = 1;
	} else if (_i == 2) {
		scratch_chmod(&world.scratch, "home/Maildir/tmp", 0500);
	} else {
		configure("quota_rule = *:bytes=1000000\n"
			  "message_size_limit = 5000\n");
	}
	deliver(_i == 1 ? 200000 : 8000);
	ck_assert_int_ne(host_exit_status(&world.got), 0);
	expect_size("1000000S\n500 1\n");
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 0);
	scratch_chmod(&world.scratch, "home/Maildir/new", 0700);
	scratch_chmod(&world.scratch, "home/Maildir/tmp", 0700);
}
END_TEST

/* All folders and INBOX are one account, wherever INBOX is: the file is in
 * the mail root, where Dovecot has it. */
START_TEST(INBOX_elsewhere_is_counted_with_the_folders)
{
	make_maildir("home/Maildir");
	make_maildir("home/Maildir/.Work");
	make_maildir("home/Inbox");
	world_config(&world,
	    "mail_location = maildir:~/Maildir:INBOX=~/Inbox\n"
	    "quota_rule = *:bytes=1000\nquota_grace = 0\n");
	deliver(600);
	expect_sent(&world);
	age("home/Inbox");
	ck_assert(!scratch_has(&world.scratch, "home/Inbox/maildirsize"));
	expect_size("1000S\n0 0\n600 1\n");
	world_arguments(&world, "-d", "bob", "-m", "Work", NULL);
	deliver(600);
	expect_full(75, "4.2.2");
	scratch_remove(&world.scratch, SIZE_FILE);
	deliver(600);
	expect_full(75, "4.2.2");
}
END_TEST

/* Dovecot keeps the file where its control files are. */
START_TEST(file_is_among_the_control_files)
{
	make_maildir("home/Maildir");
	scratch_mkdir(&world.scratch, "home/control", 0700);
	world_config(&world,
	    "mail_location = maildir:~/Maildir:CONTROL=~/control\n"
	    "quota_rule = *:bytes=1000\n");
	scratch_write(
	    &world.scratch, "home/control/maildirsize", "1000S\n300 1\n");
	deliver(100);
	expect_sent(&world);
	ck_assert_str_eq(
	    read_text("home/control/maildirsize"), "1000S\n300 1\n100 1\n");
	ck_assert(!scratch_has(&world.scratch, SIZE_FILE));
}
END_TEST

START_TEST(LAYOUT_fs_is_counted)
{
	make_maildir("home/Maildir");
	make_maildir("home/Maildir/Work");
	world_config(&world,
	    "mail_location = maildir:~/Maildir:LAYOUT=fs\n"
	    "quota_rule = *:bytes=1000\nquota_grace = 0\n");
	world_arguments(&world, "-d", "bob", "-m", "Work", NULL);
	deliver(600);
	expect_sent(&world);
	expect_size("1000S\n0 0\n600 1\n");
	age("home/Maildir/Work");
	scratch_remove(&world.scratch, SIZE_FILE);
	world_arguments(&world, "-d", "bob", NULL);
	deliver(600);
	expect_full(75, "4.2.2");
}
END_TEST

START_TEST(no_quota_makes_no_file)
{
	deliver(100);
	expect_sent(&world);
	ck_assert(!scratch_has(&world.scratch, SIZE_FILE));
	expect_no_log(&world, "quota=");
}
END_TEST

START_TEST(mbox_has_no_quota)
{
	world_config(&world,
	    "mail_location = mbox:~/mail:INBOX=~/mail/inbox\n"
	    "quota_rule = *:bytes=10\n");
	scratch_mkdir(&world.scratch, "home/mail", 0700);
	deliver(100);
	expect_sent(&world);
}
END_TEST

/* Warnings. */

#define TEMPLATE "From: postmaster\nSubject: nearly full\n\nDelete some.\n"

static void
use_warning(const char *setting)
{
	make_maildir("home/Maildir");
	configure(scratch_print(&world.scratch,
	    "quota_rule = *:bytes=10000\nquota_warning = %s\n", setting));
}

/* The text of the only mail that has this word, in room. */
static bool
find_mail(const char *word, char *room, size_t size, char *name, size_t most)
{
	char path[SCRATCH_ROOT + 512];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(
	    path, sizeof(path), "%s/home/Maildir/new", world.scratch.root);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (!found && (entry = readdir(dir)) != NULL) {
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY);
		ssize_t got = fd < 0 ? -1 : read(fd, room, size - 1);

		if (fd >= 0)
			(void)close(fd);
		if (got <= 0)
			continue;
		room[got] = '\0';
		(void)snprintf(name, most, "%s", entry->d_name);
		found = strstr(room, word) != NULL;
	}
	(void)closedir(dir);
	return found;
}

START_TEST(warning_comes_once_when_the_percentage_is_crossed)
{
	char text[4096], name[256];
	struct mail mail;

	scratch_write(&world.scratch, "template", TEMPLATE);
	use_warning(scratch_print(
	    &world.scratch, "90%% file:%s/template", world.scratch.root));
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(500);
	expect_sent(&world);
	expect_counts(1, 0);
	deliver(600);
	expect_sent(&world);
	expect_counts(3, 0);
	ck_assert(
	    find_mail("nearly full", text, sizeof(text), name, sizeof(name)));
	ck_assert_ptr_nonnull(strstr(text, "Delete some.\n"));
	ck_assert_ptr_nonnull(strstr(text, "Date: "));
	ck_assert_ptr_nonnull(strstr(text, "Message-ID: <"));
	ck_assert_ptr_nonnull(strstr(text, "\n\nDelete some."));
	memset(&mail, 0, sizeof(mail));
	(void)snprintf(mail.name, sizeof(mail.name), "%s", name);
	mail.octets = text;
	mail.length = strlen(text);
	ck_assert_msg(maildir_complaint(&mail) == NULL, "%s %s", name,
	    maildir_complaint(&mail));
	/* Above it already: quiet. */
	deliver(100);
	expect_sent(&world);
	expect_counts(4, 0);
	/* Down and up again on the same day: quiet. */
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	expect_counts(5, 0);
	/* Another day. */
	set_age("home/Maildir/quotawarn", 25 * HOUR);
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	expect_counts(7, 0);
}
END_TEST

/* The warning is a mail of his, too: what stands in the file is what a count
 * would find. */
START_TEST(warning_is_charged_like_any_mail)
{
	char text[4096], name[256], want[512];

	scratch_write(&world.scratch, "template", TEMPLATE);
	use_warning(scratch_print(
	    &world.scratch, "90%% file:%s/template", world.scratch.root));
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	expect_counts(2, 0);
	ck_assert(
	    find_mail("nearly full", text, sizeof(text), name, sizeof(name)));
	(void)snprintf(want, sizeof(want), "10000S\n8000 5\n1500 1\n%zu 1\n",
	    strlen(text));
	expect_size(want);
}
END_TEST

/* Somebody's first mail may be the one that crosses, with a Maildir that was
 * just made. */
START_TEST(warning_comes_with_a_fresh_Maildir)
{
	scratch_write(&world.scratch, "template", TEMPLATE);
	configure(scratch_print(&world.scratch,
	    "quota_rule = *:bytes=10000\nquota_warning = 90%% "
	    "file:%s/template\n",
	    world.scratch.root));
	deliver(9500);
	expect_sent(&world);
	expect_counts(2, 0);
}
END_TEST

static void
write_program(const char *text)
{
	scratch_write(&world.scratch, "warn", text);
	scratch_chmod(&world.scratch, "warn", 0755);
}

START_TEST(command_runs_once_with_the_percentage)
{
	write_program(scratch_print(&world.scratch,
	    "#!/bin/sh\necho said; echo complained >&2\n"
	    "echo \"$#:$1 $(id -u)\" >> %s/home/ran\ncat >> %s/home/input\n",
	    world.scratch.root, world.scratch.root));
	use_warning(scratch_print(
	    &world.scratch, "90%% exec:%s/warn", world.scratch.root));
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	/* Its output is not the reply. */
	expect_sent(&world);
	ck_assert_str_eq(read_text("home/ran"),
	    scratch_print(
		&world.scratch, "1:95 %ju\n", (uintmax_t)world.scratch.uid));
	ck_assert_str_eq(read_text("home/input"), "");
	deliver(100);
	expect_sent(&world);
	ck_assert_str_eq(read_text("home/ran"),
	    scratch_print(
		&world.scratch, "1:95 %ju\n", (uintmax_t)world.scratch.uid));
	expect_counts(2, 0);
}
END_TEST

/* The mail is delivered: whatever the warning does, that is what is said. */
static const char *const bad_warnings[] = {
	"90% file:/nonexistent/template",
	"90% exec:/nonexistent/program",
	"90% file:/dev/zero",
	"90% file:/",
	"90% exec:/dev/null",
	"90% exec:/bin/false",
};

START_TEST(warning_that_fails_is_no_failure)
{
	use_warning(bad_warnings[_i]);
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	expect_counts(1, 0);
	expect_size("10000S\n8000 5\n1500 1\n");
	expect_log(&world, "saved mail to INBOX");
}
END_TEST

START_TEST(command_that_kills_itself_or_us_is_no_failure)
{
	/* Orderly or not, what is delivered stays so. */
	static const char *const signals[] = { "TERM", "SEGV", "ABRT" };

	write_program(scratch_print(&world.scratch,
	    "#!/bin/sh\nkill -%s $PPID\nkill -9 $$\n", signals[_i]));
	use_warning(scratch_print(
	    &world.scratch, "90%% exec:%s/warn", world.scratch.root));
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	expect_counts(1, 0);
}
END_TEST

/* Old, so that a notice is due and the stamp would be set. */
START_TEST(stamp_that_is_no_file_is_not_touched)
{
	struct timespec times[2] = { { .tv_sec = 1000000 },
		{ .tv_sec = 1000000 } };
	struct stat facts;
	const char *stamp;

	scratch_write(&world.scratch, "template", TEMPLATE);
	scratch_write(&world.scratch, "victim", "x");
	set_age("victim", 48 * HOUR);
	use_warning(scratch_print(
	    &world.scratch, "90%% file:%s/template", world.scratch.root));
	stamp = scratch_path(&world.scratch, "home/Maildir/quotawarn");
	if (_i == 0)
		scratch_symlink(
		    &world.scratch, "../../victim", "home/Maildir/quotawarn");
	else {
		ck_assert_int_eq(mkfifo(stamp, 0600), 0);
		scratch_chown(&world.scratch, "home/Maildir/quotawarn",
		    world.scratch.uid, world.scratch.gid);
	}
	ck_assert_int_eq(
	    utimensat(AT_FDCWD, stamp, times, AT_SYMLINK_NOFOLLOW), 0);
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	ck_assert_str_eq(read_text("victim"), "x");
	ck_assert_int_eq(
	    stat(scratch_path(&world.scratch, "victim"), &facts), 0);
	ck_assert_int_lt(facts.st_mtime, time(NULL) - 47 * HOUR);
	ck_assert_int_lt(world.got.elapsed_ms, 5000);
}
END_TEST

/* Whoever can make names in the Maildir has no say in what else the user
 * owns; a backup may be made of links, too. */
static void
link_victim(const char *name)
{
	ck_assert_int_eq(link(scratch_path(&world.scratch, "victim"),
			     scratch_path(&world.scratch, name)),
	    0);
}

START_TEST(stamp_with_another_name_is_not_touched)
{
	struct stat facts;
	time_t age;

	scratch_write(&world.scratch, "template", TEMPLATE);
	scratch_write(&world.scratch, "victim", "x");
	set_age("victim", 48 * HOUR);
	use_warning(scratch_print(
	    &world.scratch, "90%% file:%s/template", world.scratch.root));
	link_victim("home/Maildir/quotawarn");
	scratch_write(&world.scratch, SIZE_FILE, "10000S\n8000 5\n");
	deliver(1500);
	expect_sent(&world);
	ck_assert_int_eq(
	    stat(scratch_path(&world.scratch, "victim"), &facts), 0);
	age = time(NULL) - facts.st_mtime;
	ck_assert_msg(age > 47 * HOUR, "%jd seconds old", (intmax_t)age);
}
END_TEST

START_TEST(sum_with_another_name_is_made_anew)
{
	struct stat facts;

	make_maildir("home/Maildir");
	world_config(&world, "quota_rule = *:bytes=10000\n");
	scratch_write(&world.scratch, "victim", "10000S\n0 0\n");
	scratch_chown(
	    &world.scratch, "victim", world.scratch.uid, world.scratch.gid);
	link_victim(SIZE_FILE);
	deliver(100);
	expect_sent(&world);
	ck_assert_str_eq(read_text("victim"), "10000S\n0 0\n");
	ck_assert_int_eq(
	    stat(scratch_path(&world.scratch, "victim"), &facts), 0);
	ck_assert_uint_eq(facts.st_nlink, 1);
}
END_TEST

START_TEST(trial_shows_the_quota_and_changes_nothing)
{
	static const struct {
		const char *settings, *file, *want;
	} rows[] = {
		{ "quota_rule = *:bytes=10000\n", "10000S\n8000 5\n",
		    "10000 octets" },
		{ "quota_rule = *:bytes=10000\n", "10000S\n8000 5\n", "8000" },
		{ "", "20000S,7C\n8000 5\n", "20000 octets" },
		{ "", "20000S,7C\n8000 5\n", "7 messages" },
		{ "quota_rule = *:bytes=10000\n", "damaged", "maildirsize" },
		{ "quota_rule = *:bytes=10000\nquota_exclude = INBOX\n",
		    "10000S\n8000 5\n", "not counted" },
	};

	make_maildir("home/Maildir");
	configure(rows[_i].settings);
	scratch_write(&world.scratch, SIZE_FILE, rows[_i].file);
	world.command.agent = HOST_PERSON;
	world_arguments(&world, "-t", "-d", "bob", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	ck_assert_msg(strstr(world.got.output, rows[_i].want) != NULL,
	    "\"%s\" is not in\n%s", rows[_i].want, world.got.output);
	expect_size(rows[_i].file);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("quota");
	TCase *limits = tcase_create("limits");
	TCase *warning = tcase_create("warning");

	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_set_timeout(limits, 20);
	tcase_add_loop_test(limits,
	    full_is_deferred_or_refused_and_leaves_nothing, 0, COUNT(refusals));
	tcase_add_test(
	    limits, mail_longer_than_memory_over_quota_leaves_nothing);
	tcase_add_test(limits, mail_longer_than_memory_is_charged_when_it_fits);
	tcase_add_test(
	    limits, mails_are_charged_until_full_and_again_after_a_delete);
	tcase_add_test(limits, room_that_another_program_made_is_used_at_once);
	tcase_add_test(limits, grace_is_for_the_mail_that_crosses);
	tcase_add_test(limits, grace_is_not_for_who_is_full);
	tcase_add_test(limits, messages_are_counted);
	tcase_add_loop_test(limits, user_has_a_rule_of_his_own, 0, 4);
	tcase_add_loop_test(limits, bad_rule_is_deferred, 0, 7);
	tcase_add_test(limits, rule_of_a_folder_is_for_mail_into_it);
	tcase_add_test(limits, excluded_folders_are_not_counted);
	tcase_add_test(limits, full_folder_is_not_INBOX);
	tcase_add_loop_test(
	    limits, damaged_file_never_refuses_mail, 0, COUNT(damaged));
	tcase_add_loop_test(
	    limits, file_that_cannot_be_written_never_refuses_mail, 0, 4);
	tcase_add_loop_test(
	    limits, mail_that_was_not_delivered_is_not_charged, 0, 4);
	tcase_add_test(limits, INBOX_elsewhere_is_counted_with_the_folders);
	tcase_add_test(limits, file_is_among_the_control_files);
	tcase_add_test(limits, LAYOUT_fs_is_counted);
	tcase_add_test(limits, no_quota_makes_no_file);
	tcase_add_test(limits, mbox_has_no_quota);
	tcase_add_checked_fixture(warning, set_up, tear_down);
	tcase_set_timeout(warning, 20);
	tcase_add_test(
	    warning, warning_comes_once_when_the_percentage_is_crossed);
	tcase_add_test(warning, warning_is_charged_like_any_mail);
	tcase_add_test(warning, warning_comes_with_a_fresh_Maildir);
	tcase_add_test(warning, command_runs_once_with_the_percentage);
	tcase_add_loop_test(
	    warning, warning_that_fails_is_no_failure, 0, COUNT(bad_warnings));
	tcase_add_loop_test(
	    warning, command_that_kills_itself_or_us_is_no_failure, 0, 3);
	tcase_add_loop_test(
	    warning, stamp_that_is_no_file_is_not_touched, 0, 2);
	tcase_add_test(warning, stamp_with_another_name_is_not_touched);
	tcase_add_test(warning, sum_with_another_name_is_made_anew);
	tcase_add_loop_test(
	    warning, trial_shows_the_quota_and_changes_nothing, 0, 6);
	suite_add_tcase(suite, limits);
	suite_add_tcase(suite, warning);
	return world_main(suite);
}
