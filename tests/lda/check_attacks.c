/*
 * check_attacks.c - what reviewers found, kept found: each test is a way in
 * that was open once.
 *
 * Source: DESIGN 1 (the four promises); reference list of attacks.
 */
#define _XOPEN_SOURCE 700 /* setitimer(2) */
#include "support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void
set_up(void)
{
	world_open(&world);
}

static void
tear_down(void)
{
	world_close(&world);
}

/* The caller's timer survives exec(2), and would fire while we read. */
static void
leave_an_alarm(void *context)
{
	(void)context;
	(void)alarm(1);
}

START_TEST(an_inherited_alarm_does_not_choose_our_end)
{
	world_arguments(&world, "-d", "bob", "-o", "delivery_timeout=2s", NULL);
	world.command.before_exec = leave_an_alarm;
	world.command.input_kind = HOST_HELD_OPEN;
	world_run(&world);
	expect_deferred(&world, "4.3.0");
}
END_TEST

/* Those of CPU time, too, which a long message takes some of. */
static void
leave_timers(void *context)
{
	/* Later than main begins, and sooner than the message has come. */
	const struct itimerval soon = {
		.it_value = { .tv_usec = MACHINE_IS_SANITIZED ? 40000 : 4000 }
	};

	(void)context;
	(void)setitimer(ITIMER_VIRTUAL, &soon, NULL);
	(void)setitimer(ITIMER_PROF, &soon, NULL);
}

START_TEST(inherited_timers_do_not_choose_our_end)
{
	static char mail[16 * 1024 * 1024];

	for (size_t i = 0; i < sizeof(mail); i++)
		mail[i] = "x: \r\n\rx\n"[i % 8];
	world_arguments(&world, "-d", "bob", NULL);
	world.command.before_exec = leave_timers;
	world_deliver_octets(&world, mail, sizeof(mail));
	expect_sent(&world);
}
END_TEST

/* A FIFO that somebody holds open can be opened and never says anything. */
START_TEST(a_FIFO_as_dotlock_holds_nobody_up)
{
	const char *fifo = scratch_path(&world.scratch, "home/inbox.lock");
	int held;

	world_config(&world,
	    "mail_location = mbox:~/mail:INBOX=~/inbox\n"
	    "mbox_lock_timeout = 1s\n");
	ck_assert_int_eq(mkfifo(fifo, 0666), 0);
	held = open(fifo, O_RDWR | O_NONBLOCK);
	ck_assert_int_ge(held, 0);
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	(void)close(held);
	expect_deferred(&world, "4.2.0");
	ck_assert_msg(world.got.elapsed_ms < 10000, "%s", world_tell(&world));
}
END_TEST

START_TEST(a_message_id_cannot_forge_keys)
{
	world_arguments(&world, "-d", "bob", "-f", "a> queue_id=4FAKE@x", NULL);
	world_deliver(&world,
	    "Message-ID: <x>: saved mail to INBOX queue_id=4FAKE\n\nbody\n");
	expect_sent(&world);
	expect_no_log(&world, " queue_id=4FAKE");
}
END_TEST

START_TEST(a_flood_of_controls_does_not_push_keys_off_the_line)
{
	char given[4096];
	size_t length = 0;

	length += (size_t)snprintf(given, sizeof(given), "Message-ID: <");
	memset(given + length, '\001', 900);
	length += 900;
	length += (size_t)snprintf(
	    given + length, sizeof(given) - length, "@x>\n\nbody\n");
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver_octets(&world, given, length);
	expect_sent(&world);
	expect_log(&world, " size=");
	expect_log(&world, " ms=");
}
END_TEST

/* Maildir's own quota, of which nobody but the file knows. */
START_TEST(a_racy_count_keeps_a_quota_that_only_the_file_knows)
{
	static const char full[] = "100S\n99 1\n90 1\n";

	scratch_mkdir(&world.scratch, "home/Maildir", 0700);
	scratch_mkdir(&world.scratch, "home/Maildir/cur", 0700);
	scratch_mkdir(&world.scratch, "home/Maildir/new", 0700);
	scratch_mkdir(&world.scratch, "home/Maildir/tmp", 0700);
	scratch_write(&world.scratch, "home/Maildir/maildirsize", full);
	/* Written now, so that the count is racy. */
	scratch_write(&world.scratch, "home/Maildir/new/x,S=99", "x");
	world_arguments(&world, "-d", "bob", NULL);
	for (int i = 0; i < 3; i++) {
		world_deliver(&world, world_mail);
		ck_assert_msg(world.got.action == HOST_DEFERRED &&
			strcmp(world.got.dsn, "4.2.2") == 0,
		    "%s", world_tell(&world));
		ck_assert(
		    scratch_has(&world.scratch, "home/Maildir/maildirsize"));
	}
}
END_TEST

/* Names that Dovecot expects to be files. */
static const char *const reserved[] = { "dovecot-uidlist", "Dovecot-keywords",
	"subscriptions", "MailDirSize", "maildirfolder", "courierimapuiddb" };

START_TEST(a_detail_makes_no_directory_where_a_store_wants_a_file)
{
	char folder[64];

	world_config(&world,
	    "mail_location = maildir:~/Maildir:LAYOUT=fs\n"
	    "detail_folder = create\n");
	(void)snprintf(folder, sizeof(folder), "bob+%s", reserved[_i]);
	world_arguments(&world, "-d", folder, NULL);
	world_deliver(&world, world_mail);
	expect_inbox(&world, world_mail);
	(void)snprintf(folder, sizeof(folder), "home/Maildir/%s", reserved[_i]);
	ck_assert_msg(!scratch_has(&world.scratch, folder), "%s", reserved[_i]);
}
END_TEST

/* Not mounted, perhaps: the defaults could send mail elsewhere. */
START_TEST(a_link_to_a_settings_file_that_is_gone_defers)
{
	machine_remove("etc/lda.conf");
	ck_assert_int_eq(
	    symlink("/nonexistent/lda.conf", CHECK_DIR "/root/etc/lda.conf"),
	    0);
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	(void)unlink(CHECK_DIR "/root/etc/lda.conf");
	expect_deferred(&world, "4.3.5");
}
END_TEST

/* A facility that is none must not become a priority that is none. */
START_TEST(a_users_bad_facility_is_told_with_a_good_one)
{
	world_config(&world,
	    scratch_print(&world.scratch, "userdb = passwd-file:%s/users\n",
		world.scratch.root));
	scratch_write(&world.scratch, "users",
	    scratch_print(&world.scratch,
		"bob:x:%ju:%ju::%s/home::userdb_syslog_facility=nonsense\n",
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root));
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "<19>lda[");
	expect_log(&world, "syslog_facility");
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("attacks");
	TCase *tests = tcase_create("found");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, an_inherited_alarm_does_not_choose_our_end);
	tcase_add_test(tests, inherited_timers_do_not_choose_our_end);
	tcase_add_test(tests, a_FIFO_as_dotlock_holds_nobody_up);
	tcase_add_test(tests, a_message_id_cannot_forge_keys);
	tcase_add_test(
	    tests, a_flood_of_controls_does_not_push_keys_off_the_line);
	tcase_add_test(
	    tests, a_racy_count_keeps_a_quota_that_only_the_file_knows);
	tcase_add_loop_test(tests,
	    a_detail_makes_no_directory_where_a_store_wants_a_file, 0,
	    COUNT(reserved));
	tcase_add_test(tests, a_link_to_a_settings_file_that_is_gone_defers);
	tcase_add_test(tests, a_users_bad_facility_is_told_with_a_good_one);
	suite_add_tcase(made, tests);
	return made;
}

int
main(void)
{
	return world_main_tally(suite(), TALLY_ATTACKS);
}
