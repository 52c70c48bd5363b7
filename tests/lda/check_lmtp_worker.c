/*
 * check_lmtp_worker.c - a worker of lda-lmtp that has delivered well takes the
 * next message of its connection, and nothing of one is left in the other.
 *
 * Source: serve/job.h; DESIGN 3 "LMTP".
 */
#define _XOPEN_SOURCE 700
#include "support/lmtp_talk.h"
#include "support/maildir_view.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEXT "Subject: hello\n\nHello.\n"
#define OTHER "Subject: a longer one\n\nHello again,\nand again.\n"
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

static void
deliver(const char *address, const char *text, const char *want)
{
	lmtp_envelope(&service, address, NULL);
	lmtp_data(&service, text);
	service_hear(&service, want);
}

/* The children of the server that live. */
static size_t
workers(pid_t *alive, size_t most)
{
	pid_t children[32];
	size_t count = process_children(service.pid, children, COUNT(children));
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		if (process_fact(children[i], "State:\t")[0] != 'Z' &&
		    found < most)
			alive[found++] = children[i];
	return found;
}

static pid_t
only_worker(void)
{
	pid_t alive[32];

	ck_assert_uint_eq(workers(alive, COUNT(alive)), 1);
	return alive[0];
}

static size_t
descriptors(pid_t pid)
{
	char path[64];
	size_t count = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static bool
has_gone(void *context)
{
	const pid_t *pid = context;

	return kill(*pid, 0) < 0 && errno == ESRCH;
}

START_TEST(each_message_goes_to_its_own_recipient)
{
	pid_t worker;

	lmtp_open(&service, &world);
	deliver("bob@b", TEXT, "250 2.0.0 <bob@b>");
	worker = only_worker();
	deliver("amy@b", OTHER, "250 2.0.0 <amy@b>");
	deliver("joe@b", TEXT, "250 2.0.0 <joe@b>");
	ck_assert_int_eq(only_worker(), worker);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), OTHER);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), TEXT);
	lmtp_quit(&service);
	service_await(&service, has_gone, &worker, "the worker's end");
}
END_TEST

/* Every kind of mailbox gives back what it has opened. */
START_TEST(many_messages_leave_nothing_behind)
{
	static const char *const settings[] = { "",
		"mail_location = mbox:~/mail:INBOX=~/inbox\n",
		"detail_folder = create\n",
		"quota_rule = *:bytes=20000\n"
		"quota_warning = 1% exec:/bin/true\n",
		"lmtp_user_concurrency_limit = 1\n" };
	size_t before;
	pid_t worker;

	lmtp_config(&world, settings[_i]);
	lmtp_open(&service, &world);
	deliver("bob+work@b", TEXT, "250 2.0.0");
	deliver("amy@b", TEXT, "250 2.0.0");
	worker = only_worker();
	before = descriptors(worker);
	for (int i = 0; i < 50; i++)
		deliver(i % 2 == 0 ? "bob+work@b" : "amy@b", TEXT, "250 2.0.0");
	ck_assert_int_eq(only_worker(), worker);
	ck_assert_uint_eq(descriptors(worker), before);
	lmtp_quit(&service);
}
END_TEST

START_TEST(worker_that_has_failed_is_not_used_again)
{
	pid_t worker;

	lmtp_users(&world, lmtp_users_line(&world, "eve", "eve", ""));
	scratch_mkdir(&world.scratch, "eve", 0700);
	scratch_write(&world.scratch, "eve/Maildir", "no directory");
	lmtp_open(&service, &world);
	deliver("bob@b", TEXT, "250 2.0.0");
	worker = only_worker();
	deliver("eve@b", TEXT, "450 4.2.1 <eve@b>");
	deliver("amy@b", OTHER, "250 2.0.0");
	ck_assert_int_ne(only_worker(), worker);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), OTHER);
	lmtp_quit(&service);
}
END_TEST

/* Each idle one is killed; whoever comes next does not hear of it. */
START_TEST(idle_worker_that_is_killed_is_replaced)
{
	static const int signals[] = { SIGKILL, SIGSEGV };
	pid_t worker;

	lmtp_open(&service, &world);
	deliver("bob@b", TEXT, "250 2.0.0");
	worker = only_worker();
	ck_assert_int_eq(kill(worker, signals[_i]), 0);
	while (process_fact(worker, "State:\t")[0] != 'Z')
		(void)poll(NULL, 0, 1);
	deliver("amy@b", OTHER, "250 2.0.0");
	ck_assert_int_ne(only_worker(), worker);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), OTHER);
	lmtp_quit(&service);
}
END_TEST

/* Killed in its second delivery: that one is tried again, and no other. */
START_TEST(delivery_that_is_killed_in_a_used_worker_is_tried_again)
{
	char host[256];
	pid_t worker;

	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	lmtp_config(&world, "mail_location = mbox:~/mail:INBOX=~/inbox\n");
	scratch_mkdir(&world.scratch, "amy", 0700);
	scratch_write(&world.scratch, "amy/inbox", "");
	scratch_chmod(&world.scratch, "amy/inbox", 0600);
	scratch_write(&world.scratch, "amy/inbox.lock",
	    scratch_print(&world.scratch, "%jd:%s", (intmax_t)getpid(), host));
	lmtp_open(&service, &world);
	deliver("bob@b", TEXT, "250 2.0.0");
	worker = only_worker();
	lmtp_envelope(&service, "amy@b", NULL);
	lmtp_data(&service, TEXT);
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	service_hear(&service, "451 4.3.0 <amy@b>");
	deliver("joe@b", TEXT, "250 2.0.0");
	lmtp_quit(&service);
}
END_TEST

/* A user's own settings are nobody else's, before or after. */
START_TEST(settings_of_one_user_are_not_those_of_the_next)
{
	lmtp_users(&world,
	    lmtp_users_line(
		&world, "old", "old", "userdb_mail=mbox:~/mail:INBOX=~/inbox"));
	scratch_mkdir(&world.scratch, "old", 0700);
	lmtp_open(&service, &world);
	deliver("old@b", TEXT, "250 2.0.0");
	deliver("bob@b", TEXT, "250 2.0.0");
	deliver("old@b", TEXT, "250 2.0.0");
	deliver("amy@b", TEXT, "250 2.0.0");
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), TEXT);
	ck_assert(scratch_has(&world.scratch, "old/inbox"));
	ck_assert(!scratch_has(&world.scratch, "old/Maildir"));
	lmtp_quit(&service);
}
END_TEST

/* A delivery that gave up all files but bob's takes no mail for amy. */
START_TEST(confined_worker_is_not_used_again)
{
	lmtp_config(&world, _i == 0 ? "sandbox = files\n" : "sandbox = all\n");
	lmtp_open(&service, &world);
	deliver("bob@b", TEXT, "250 2.0.0 <bob@b>");
	deliver("amy@b", OTHER, "250 2.0.0 <amy@b>");
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), OTHER);
	lmtp_quit(&service);
}
END_TEST

/* Long messages lie in a file that a worker of before cannot see. */
START_TEST(long_message_between_short_ones)
{
	static char text[300 * 1024];
	size_t length = 0;

	length += (size_t)snprintf(text, sizeof(text), "Subject: long\n\n");
	while (length < sizeof(text) - 80)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
		    "line at %zu\n", length);
	lmtp_open(&service, &world);
	deliver("bob@b", TEXT, "250 2.0.0");
	deliver("amy@b", text, "250 2.0.0");
	deliver("joe@b", OTHER, "250 2.0.0");
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), text);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), OTHER);
	lmtp_quit(&service);
}
END_TEST

/* More recipients at a time than workers are kept; then one again. */
START_TEST(many_recipients_and_then_one)
{
	lmtp_open(&service, &world);
	for (int i = 0; i < 3; i++) {
		lmtp_envelope(&service, "bob+1@b", "bob+2@b", "bob+3@b",
		    "bob+4@b", "bob+5@b", "bob+6@b", "bob+7@b", "amy+1@b",
		    "amy+2@b", "amy+3@b", "amy+4@b", "amy+5@b", "amy+6@b",
		    "joe+1@b", "joe+2@b", "joe+3@b", "joe+4@b", "joe+5@b",
		    NULL);
		lmtp_data(&service, TEXT);
		for (int n = 0; n < 18; n++)
			service_hear(&service, "250 2.0.0");
	}
	deliver("joe@b", OTHER, "250 2.0.0");
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), 21);
	ck_assert_uint_eq(maildir_count(&world.scratch, "amy/Maildir/new"), 18);
	ck_assert_uint_eq(maildir_count(&world.scratch, "joe/Maildir/new"), 16);
	lmtp_quit(&service);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP workers");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, each_message_goes_to_its_own_recipient);
	tcase_add_loop_test(all, many_messages_leave_nothing_behind, 0, 5);
	tcase_add_test(all, worker_that_has_failed_is_not_used_again);
	tcase_add_loop_test(all, idle_worker_that_is_killed_is_replaced, 0, 2);
	tcase_add_test(
	    all, delivery_that_is_killed_in_a_used_worker_is_tried_again);
	tcase_add_test(all, settings_of_one_user_are_not_those_of_the_next);
	tcase_add_loop_test(all, confined_worker_is_not_used_again, 0, 2);
	tcase_add_test(all, long_message_between_short_ones);
	tcase_add_test(all, many_recipients_and_then_one);
	suite_add_tcase(suite, all);
	return world_main(suite);
}
