/*
 * check_lmtp_root.c - lda-lmtp for many uids: root starts others, who speaks
 * has no rights, and each mailbox is written by its user.
 *
 * Source: lda-lmtp(8) "With many uids", DESIGN 3 "LMTP".
 */
#include "support/lmtp_talk.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEXT "Subject: hello\n\nHello.\n"
#define FOR(address) "Return-Path: <a@b>\nDelivered-To: " address "\n"

/* Nobody of these is on the machine. */
#define SPEAKER 60009
#define AMY 60002
#define JOE 60003

static struct world world;
static struct service service;

static void
set_up(void)
{
	lmtp_world(&world);
	service_init(&service, &world);
	world.command.uid = world.command.gid = 0;
	scratch_mkdir(&world.scratch, "amy", 0700);
	scratch_chown(&world.scratch, "amy", AMY, AMY);
	scratch_mkdir(&world.scratch, "joe", 0700);
	scratch_chown(&world.scratch, "joe", JOE, JOE);
	scratch_write(&world.scratch, "users",
	    scratch_print(&world.scratch,
		"bob@b:x:%ju:%ju::%s/home::\n"
		"amy@b:x:%d:%d::%s/amy::\n"
		"joe@b:x:%d:%d::%s/joe::\n"
		"root@b:x:0:0::%s/root::\n",
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root, AMY, AMY, world.scratch.root, JOE, JOE,
		world.scratch.root, world.scratch.root));
	scratch_chmod(&world.scratch, "users", 0644);
	scratch_chmod(&world.scratch, "", 0711);
	world_passwd(&world, "speaker:x:60009:60009::/:/bin/false\n");
	lmtp_config(&world, "lmtp_user = speaker\n");
}

static void
tear_down(void)
{
	service_close(&service);
	world_close(&world);
}

static pid_t
speaker(void)
{
	pid_t children[8];
	size_t count = process_children(service.pid, children, COUNT(children));

	for (size_t i = 0; i < count; i++)
		if (strtol(process_fact(children[i], "Uid:"), NULL, 10) ==
		    SPEAKER)
			return children[i];
	ck_abort_msg("nobody speaks%s", world_tell(&world));
	return 0;
}

static void
expect_owner(const char *name, uid_t uid)
{
	struct stat facts;

	ck_assert_int_eq(stat(scratch_path(&world.scratch, name), &facts), 0);
	ck_assert_uint_eq(facts.st_uid, uid);
	ck_assert_uint_eq(facts.st_gid, uid);
}

static void
expect_mail_of(const char *maildir, uid_t uid)
{
	struct mail mail;

	maildir_read_one(&world.scratch, maildir, &mail);
	free(mail.octets);
	ck_assert_uint_eq(mail.mode, 0600);
	expect_owner(maildir, uid);
	expect_owner(
	    scratch_print(&world.scratch, "%s/new/%s", maildir, mail.name),
	    uid);
}

START_TEST(each_mailbox_is_written_by_its_user)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy+x@b", "Joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy+x@b>");
	service_hear(&service, "250 2.0.0 <Joe@b>");
	lmtp_quit(&service);
	expect_mail_of("home/Maildir", world.scratch.uid);
	expect_mail_of("amy/Maildir", AMY);
	expect_mail_of("joe/Maildir", JOE);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy+x@b"), TEXT);
	expect_log(&world, "lda-lmtp(amy@b): ");
}
END_TEST

START_TEST(who_speaks_has_no_rights)
{
	static const struct {
		const char *name;
		const char *want;
	} facts[] = {
		{ "Uid:", "\t60009\t60009\t60009\t60009\n" },
		{ "Gid:", "\t60009\t60009\t60009\t60009\n" },
		{ "CapInh:\t", "0000000000000000\n" },
		{ "CapPrm:\t", "0000000000000000\n" },
		{ "CapEff:\t", "0000000000000000\n" },
		{ "CapAmb:\t", "0000000000000000\n" },
	};
	const char *groups;
	pid_t pid;

	service_start(&service, &world);
	service_hear(&service, "220 ");
	pid = speaker();
	for (size_t i = 0; i < COUNT(facts); i++)
		ck_assert_str_eq(
		    process_fact(pid, facts[i].name), facts[i].want);
	groups = process_fact(pid, "Groups:\t");
	ck_assert_msg(strcmp(groups, "60009 \n") == 0 ||
		strcmp(groups, " \n") == 0 || strcmp(groups, "\n") == 0,
	    "groups: %s", groups);
	service_say(&service, "QUIT\r\n");
	service_hear(&service, "221 ");
	expect_end(&service, 0);
}
END_TEST

START_TEST(unknown_recipient_is_found_out_by_asking_root)
{
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\nRCPT TO:<otto@b>\r\n");
	service_hear(&service, "250 2.1.0");
	service_hear(&service, "550 5.1.1 <otto@b>");
	scratch_remove(&world.scratch, "users");
	service_say(&service, "RCPT TO:<bob@b>\r\n");
	service_hear(&service, "451 4.4.3 <bob@b>");
	lmtp_quit(&service);
}
END_TEST

START_TEST(mail_for_root_is_never_delivered)
{
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\nRCPT TO:<root@b>\r\n");
	service_hear(&service, "250 2.1.0");
	service_hear(&service, "4");
	lmtp_quit(&service);
	expect_nothing(&world);
	expect_log(&world, "root@b");
}
END_TEST

START_TEST(long_message_for_many_uids)
{
	char line[] = "0123456789012345678901234567890123456789"
		      "01234567890123456789012345678901234567\r\n";
	struct mail one, other;

	lmtp_config(
	    &world, "lmtp_user = speaker\nlmtp_hdr_delivery_address = none\n");
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	for (int i = 0; i < 5000; i++)
		service_say(&service, line);
	service_say(&service, ".\r\n");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_quit(&service);
	expect_mail_of("home/Maildir", world.scratch.uid);
	expect_mail_of("amy/Maildir", AMY);
	maildir_read_one(&world.scratch, "home/Maildir", &one);
	maildir_read_one(&world.scratch, "amy/Maildir", &other);
	ck_assert_uint_eq(one.length,
	    strlen("Return-Path: <a@b>\n") + 5000 * (sizeof(line) - 2));
	ck_assert_uint_eq(one.length, other.length);
	ck_assert_int_eq(memcmp(one.octets, other.octets, one.length), 0);
	free(one.octets);
	free(other.octets);
}
END_TEST

START_TEST(home_that_is_somebody_elses_is_his_trouble)
{
	scratch_chown(&world.scratch, "amy", JOE, JOE);
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "amy@b", "joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "450 4.2.1 <amy@b>");
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "amy"), 0);
}
END_TEST

static const struct {
	const char *user;
	const char *word;
} speakers[] = {
	{ "otto", "lmtp_user" },
	{ "root", "must not be root" },
	{ "wheel", "must not be root" },
	{ "", "lmtp_user" },
};

START_TEST(speaker_must_be_somebody)
{
	world_passwd(&world, "wheel:x:60009:0::/:/bin/false\n");
	lmtp_config(&world,
	    scratch_print(
		&world.scratch, "lmtp_user = %s\n", speakers[_i].user));
	service_start(&service, &world);
	service_hear(&service, "421 4.3.0");
	service_hear_end(&service);
	expect_end(&service, 75);
	expect_log(&world, speakers[_i].word);
}
END_TEST

/* Whoever starts us knows the monitor alone. */
START_TEST(signal_to_root_ends_the_one_who_speaks)
{
	lmtp_open(&service, &world);
	ck_assert_int_eq(kill(service.pid, SIGTERM), 0);
	service_hear(&service, "421 4.3.2");
	service_hear_end(&service);
	expect_end(&service, 0);
}
END_TEST

START_TEST(speaker_that_dies_takes_root_along)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", NULL);
	ck_assert_int_eq(kill(speaker(), SIGKILL), 0);
	service_hear_end(&service);
	expect_end(&service, 0);
	expect_nothing(&world);
}
END_TEST

START_TEST(without_root_nothing_is_delivered)
{
	pid_t pid;

	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", NULL);
	pid = speaker();
	ck_assert_int_eq(kill(service.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(service.pid, NULL, 0), service.pid);
	service.pid = pid; /* to be ended, if this fails */
	lmtp_data(&service, TEXT);
	service_hear(&service, "451 4.3.0 <bob@b>");
	service.pid = 0;
	service_say(&service, "QUIT\r\n");
	service_hear(&service, "221 ");
	service_hear_end(&service);
	expect_nothing(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP for many uids");
	TCase *rights = tcase_create("rights");

	tcase_add_checked_fixture(rights, set_up, tear_down);
	tcase_set_timeout(rights, 30);
	tcase_add_test(rights, each_mailbox_is_written_by_its_user);
	tcase_add_test(rights, who_speaks_has_no_rights);
	tcase_add_test(rights, unknown_recipient_is_found_out_by_asking_root);
	tcase_add_test(rights, mail_for_root_is_never_delivered);
	tcase_add_test(rights, long_message_for_many_uids);
	tcase_add_test(rights, home_that_is_somebody_elses_is_his_trouble);
	tcase_add_loop_test(
	    rights, speaker_must_be_somebody, 0, COUNT(speakers));
	tcase_add_test(rights, signal_to_root_ends_the_one_who_speaks);
	tcase_add_test(rights, speaker_that_dies_takes_root_along);
	tcase_add_test(rights, without_root_nothing_is_delivered);
	if (getuid() == 0)
		suite_add_tcase(suite, rights);
	return world_main(suite);
}
