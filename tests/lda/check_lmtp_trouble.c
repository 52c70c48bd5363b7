/*
 * check_lmtp_trouble.c - what goes wrong in lda-lmtp is temporary, and one
 * recipient's alone; and how it ends.
 *
 * Source: lda-lmtp(8), DESIGN 2.2, 3 "LMTP".
 */
#define _XOPEN_SOURCE 700
#include "support/lmtp_talk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEXT "Subject: hello\n\nHello.\n"
#define FOR(address) "Return-Path: <a@b>\nDelivered-To: " address "\n"

static struct world world;
static struct service service;

static void
set_up(void)
{
	lmtp_world(&world);
	service_init(&service, &world);
}

static void
tear_down(void)
{
	service_close(&service);
	world_close(&world);
}

/* A user whose mailbox is locked by somebody who lives, this test. */
static void
lock_a_mailbox(void)
{
	char host[256];

	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	lmtp_users(&world,
	    lmtp_users_line(
		&world, "old", "old", "userdb_mail=mbox:~/mail:INBOX=~/inbox"));
	scratch_mkdir(&world.scratch, "old", 0700);
	scratch_write(&world.scratch, "old/inbox", "");
	scratch_chmod(&world.scratch, "old/inbox", 0600);
	scratch_write(&world.scratch, "old/inbox.lock",
	    scratch_print(&world.scratch, "%jd:%s", (intmax_t)getpid(), host));
}

/* What hangs while the others are delivered to. */
static pid_t hanging;

/* Its answer goes there: it is a worker of one delivery, as those are whose
 * user has settings of his own. */
static bool
writes_to_a_pipe(pid_t pid)
{
	for (int fd = 3; fd < 20; fd++) {
		char path[64], target[64] = "";
		struct stat link;

		(void)snprintf(
		    path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		if (lstat(path, &link) == 0 && (link.st_mode & S_IWUSR) != 0 &&
		    readlink(path, target, sizeof(target) - 1) > 0 &&
		    strncmp(target, "pipe:", 5) == 0)
			return true;
	}
	return false;
}

static bool
is_one_that_hangs(void *context)
{
	pid_t children[8];
	size_t count = process_children(service.pid, children, COUNT(children));

	(void)context;
	hanging = 0;
	/* The others are idle. */
	for (size_t i = 0; i < count; i++)
		if (writes_to_a_pipe(children[i]))
			hanging = children[i];
	return hanging != 0;
}

static void
deliver_with_one_that_hangs(void)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "old@b", "joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <bob@b>");
}

START_TEST(delivery_that_is_killed_is_tried_again)
{
	static const int signals[] = { SIGKILL, SIGSEGV, SIGABRT };

	lock_a_mailbox();
	deliver_with_one_that_hangs();
	service_await(&service, is_one_that_hangs, NULL, "a lock to wait for");
	ck_assert_int_eq(kill(hanging, signals[_i]), 0);
	service_hear(&service, "451 4.3.0 <old@b>");
	service_hear(&service, "250 2.0.0 <joe@b>");
	/* And then goes on as before. */
	lmtp_envelope(&service, "amy@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_quit(&service);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), TEXT);
	ck_assert(scratch_has(&world.scratch, "old/inbox.lock"));
}
END_TEST

START_TEST(delivery_that_waits_too_long_is_tried_again)
{
	lock_a_mailbox();
	lmtp_config(&world,
	    _i == 0 ? "mbox_lock_timeout = 1s\n" : "delivery_timeout = 1s\n");
	deliver_with_one_that_hangs();
	service_hear(
	    &service, _i == 0 ? "450 4.2.0 <old@b>" : "451 4.3.0 <old@b>");
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), TEXT);
}
END_TEST

/* A supervisor may ask all processes of a service. */
START_TEST(delivery_that_is_asked_to_end_is_finished)
{
	lock_a_mailbox();
	deliver_with_one_that_hangs();
	service_await(&service, is_one_that_hangs, NULL, "a lock to wait for");
	ck_assert_int_eq(kill(hanging, SIGTERM), 0);
	scratch_remove(&world.scratch, "old/inbox.lock");
	service_hear(&service, "250 2.0.0 <old@b>");
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
}
END_TEST

/* Nobody hears of it: Postfix tries again, and there is a duplicate at
 * worst. */
START_TEST(delivery_outlives_the_server)
{
	lock_a_mailbox();
	deliver_with_one_that_hangs();
	service_await(&service, is_one_that_hangs, NULL, "a lock to wait for");
	ck_assert_int_eq(kill(service.pid, SIGKILL), 0);
	ck_assert(WIFSIGNALED(service_wait(&service)));
	scratch_remove(&world.scratch, "old/inbox.lock");
	service_await_log(
	    &service, "lda-lmtp(old@b): msgid=unspecified: saved mail");
}
END_TEST

START_TEST(mailbox_that_is_none_is_temporary)
{
	static const char *const mails[] = { "maildir:~/fifo", "maildir:~/file",
		"maildir:/nonexistent/x", "mbox:~/mail:INBOX=~/fifo",
		"mbox:~/mail:INBOX=~/directory",
		"mbox:~/mail:INBOX=/dev/null" };

	scratch_mkdir(&world.scratch, "odd", 0700);
	scratch_mkdir(&world.scratch, "odd/directory", 0700);
	scratch_write(&world.scratch, "odd/file", "");
	ck_assert_int_eq(
	    mkfifo(scratch_path(&world.scratch, "odd/fifo"), 0666), 0);
	ck_assert_int_eq(
	    chmod(scratch_path(&world.scratch, "odd/fifo"), 0666), 0);
	lmtp_users(&world,
	    lmtp_users_line(&world, "odd", "odd",
		scratch_print(&world.scratch, "userdb_mail=%s", mails[_i])));
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "odd@b", "joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "450 4.2.1 <odd@b>");
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), TEXT);
}
END_TEST

/* A message that does not stay in memory, and has nowhere to go. */
START_TEST(spool_that_is_not_there_is_everybodys_trouble)
{
	char line[] = "0123456789012345678901234567890123456789"
		      "012345678901234567890123456789012345678901234567\r\n";

	lmtp_config(&world, "mail_temp_dir = /nonexistent\n");
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "joe@b", NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	for (int i = 0; i < 3000; i++)
		service_say(&service, line);
	service_say(&service, ".\r\n");
	service_hear(&service, "451 4.3.5 <bob@b>");
	service_hear(&service, "451 4.3.5 <joe@b>");
	expect_nothing(&world);
	/* A short one needs none. */
	lmtp_envelope(&service, "joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	expect_log(&world,
	    "refused message: mail_temp_dir: cannot create /nonexistent/");
}
END_TEST

/* Signals. */

START_TEST(idle_server_ends_when_it_is_asked)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT };

	if (_i % 2 == 0)
		lmtp_open(&service, &world);
	else {
		service_start(&service, &world);
		service_hear(&service, "220 ");
	}
	ck_assert_int_eq(kill(service.pid, signals[_i / 2]), 0);
	service_hear(&service, "421 4.3.2");
	service_hear_end(&service);
	expect_end(&service, 0);
}
END_TEST

/* After so many steps of a transaction. */
START_TEST(transaction_is_finished_before_the_end)
{
	int step = 0;

	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\n");
	service_hear(&service, "250 ");
	if (_i == step++)
		ck_assert_int_eq(kill(service.pid, SIGTERM), 0);
	service_say(&service, "RCPT TO:<bob@b>\r\n");
	service_hear(&service, "250 ");
	if (_i == step++)
		ck_assert_int_eq(kill(service.pid, SIGTERM), 0);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	if (_i == step++)
		ck_assert_int_eq(kill(service.pid, SIGTERM), 0);
	service_say(&service, "Subject: hello\r\n\r\n");
	if (_i == step++)
		ck_assert_int_eq(kill(service.pid, SIGTERM), 0);
	service_say(&service, "Hello.\r\n.\r\n");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "421 4.3.2");
	service_hear_end(&service);
	expect_end(&service, 0);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
}
END_TEST

START_TEST(crash_says_421_and_nothing_is_delivered)
{
	static const int signals[] = { SIGSEGV, SIGABRT, SIGBUS };

	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	service_say(&service, "Subject: half\r\n");
	ck_assert_int_eq(kill(service.pid, signals[_i]), 0);
	service_hear(&service, "421 4.3.0");
	service_hear_end(&service);
	expect_end(&service, 75);
	expect_nothing(&world);
}
END_TEST

/* Mistakes. */

static const struct {
	const char *config;
	const char *arguments[3];
	const char *word;
} mistakes[] = {
	{ "no_such_setting = 1\n", { NULL }, "no_such_setting" },
	{ "lmtp_recipient_limit = 0\n", { NULL }, "lmtp_recipient_limit" },
	{ "lmtp_recipient_limit = many\n", { NULL }, "lmtp_recipient_limit" },
	{ "lmtp_hdr_delivery_address = both\n", { NULL },
	    "lmtp_hdr_delivery_address" },
	{ "mynetworks = everywhere\n", { NULL }, "mynetworks" },
	{ "lmtp_sasl = secret\n", { NULL }, "lmtp_sasl" },
	{ "mail_location = lmtp:unix:/run/lmtp\n", { NULL }, "mail_location" },
	{ "", { "-c", "/nonexistent/lda.conf", NULL }, "/nonexistent" },
	{ "", { "-o", "no_such_setting=1", NULL }, "no_such_setting" },
	{ "", { "-o", "nothing", NULL }, "-o" },
	{ "", { "-d", "bob", NULL }, "-d" },
	{ "", { "bob", NULL }, "bob" },
	{ "", { "-t", "bob@b", NULL }, "-t" },
	{ "", { "-c", NULL }, "-c" },
};

START_TEST(mistake_of_the_administrator_says_421)
{
	lmtp_config(&world, mistakes[_i].config);
	for (size_t i = 0; mistakes[_i].arguments[i] != NULL; i++)
		world_argument(&world, mistakes[_i].arguments[i]);
	service_start(&service, &world);
	service_hear(&service, "421 4.3.0");
	service_hear_end(&service);
	expect_end(&service, 75);
	expect_log(&world, mistakes[_i].word);
}
END_TEST

START_TEST(version_and_settings_are_for_people)
{
	world_argument(&world, _i < 2 ? "-V" : "-n");
	/* On a socket they say nothing at all. */
	if (_i % 2 == 0) {
		service_start(&service, &world);
		service_hear_end(&service);
		expect_end(&service, 0);
		return;
	}
	world.command.agent = HOST_PERSON;
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	ck_assert_ptr_nonnull(strstr(world.got.output,
	    _i < 2 ? "lda-lmtp " : "lmtp_add_received_header = no"));
}
END_TEST

/* A copy of the program that is set-user-ID or set-group-ID. */
START_TEST(server_with_somebody_elses_rights_is_refused)
{
	const char *copy = scratch_path(&world.scratch, "lda-lmtp");
	char room[65536];
	struct statvfs facts;
	ssize_t got;
	int from, to;

	ck_assert_int_eq(statvfs(world.scratch.root, &facts), 0);
	/* A leak sanitizer cannot look into a program that is set-group-ID, and
	 * ends it. */
	if ((facts.f_flag & ST_NOSUID) != 0 || MACHINE_IS_SANITIZED)
		return;
	from = open(world.command.argv[0], O_RDONLY);
	to = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0755);
	ck_assert_int_ge(from, 0);
	ck_assert_int_ge(to, 0);
	while ((got = read(from, room, sizeof(room))) > 0)
		ck_assert_int_eq(write(to, room, (size_t)got), got);
	ck_assert_int_eq(fchmod(to, _i == 0 ? 04755 : 02755), 0);
	(void)close(from);
	(void)close(to);
	world.command.argv[0] = copy;
	service_start(&service, &world);
	service_hear(&service, "421 4.3.0");
	service_hear_end(&service);
	expect_end(&service, 75);
	expect_log(&world, "set-user-ID");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP trouble");
	TCase *trouble = tcase_create("trouble");
	TCase *signals = tcase_create("signals");
	TCase *wrong = tcase_create("mistakes");
	TCase *all[] = { trouble, signals, wrong };

	for (size_t i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		tcase_set_timeout(all[i], 30);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(
	    trouble, delivery_that_is_killed_is_tried_again, 0, 3);
	tcase_add_test(trouble, delivery_that_is_asked_to_end_is_finished);
	tcase_add_loop_test(
	    trouble, delivery_that_waits_too_long_is_tried_again, 0, 2);
	tcase_add_test(trouble, delivery_outlives_the_server);
	tcase_add_loop_test(trouble, mailbox_that_is_none_is_temporary, 0, 6);
	tcase_add_test(trouble, spool_that_is_not_there_is_everybodys_trouble);
	tcase_add_loop_test(signals, idle_server_ends_when_it_is_asked, 0, 6);
	tcase_add_loop_test(
	    signals, transaction_is_finished_before_the_end, 0, 4);
	tcase_add_loop_test(
	    signals, crash_says_421_and_nothing_is_delivered, 0, 3);
	tcase_add_loop_test(
	    wrong, mistake_of_the_administrator_says_421, 0, COUNT(mistakes));
	tcase_add_loop_test(wrong, version_and_settings_are_for_people, 0, 4);
	if (getuid() == 0)
		tcase_add_loop_test(
		    wrong, server_with_somebody_elses_rights_is_refused, 0, 2);
	return world_main(suite);
}
