/*
 * check_lmtp.c - lda-lmtp as spawn(8) starts it: who gets the mail, what is
 * put on top of it, and that each recipient is told his own fate.
 *
 * Source: lda-lmtp(8), lda.conf(5) lmtp_*; RFC 2033 section 4.2.
 */
#define _XOPEN_SOURCE 700 /* regcomp(3) */
#include "base/sys.h"
#include "support/lmtp_talk.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* The whole of a session with one message to one address. */
static void
deliver_to(const char *address, const char *text)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, address, NULL);
	lmtp_data(&service, text);
	service_hear(&service, "250 2.0.0");
	lmtp_quit(&service);
}

/* Recipients. */

START_TEST(message_arrives_and_nothing_else_is_said)
{
	/* Postfix's spawn(8), or inetd. */
	world.command.agent = _i == 0 ? HOST_PIPE : HOST_PERSON;
	service_start(&service, &world);
	service_hear(&service, "220 ");
	service_say(&service, "LHLO client.example\r\n");
	ck_assert_str_eq(strchr(service_hear(&service, "250-"), '\n') + 1,
	    "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n250 SIZE\r\n");
	lmtp_envelope(&service, "bob@b", NULL);
	lmtp_data(&service, TEXT);
	ck_assert_str_eq(
	    service_hear(&service, "250"), "250 2.0.0 <bob@b> delivered\r\n");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, ""), 1);
	expect_log(&world, "lda-lmtp(bob@b): ");
	expect_log(&world, "saved mail to INBOX from=<a@b>");
	expect_printable_log(&world);
}
END_TEST

START_TEST(each_recipient_gets_his_copy_and_his_reply)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "joe@b", "amy@b", "bob@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <joe@b> ");
	service_hear(&service, "250 2.0.0 <amy@b> ");
	service_hear(&service, "250 2.0.0 <bob@b> ");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), TEXT);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), TEXT);
}
END_TEST

/* More than are delivered to at a time. */
START_TEST(replies_come_in_the_order_of_the_recipients)
{
	char line[64];

	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<>\r\n");
	service_hear(&service, "250 ");
	for (int i = 0; i < 60; i++) {
		(void)snprintf(line, sizeof(line), "RCPT TO:<%s+%d@b>\r\n",
		    i % 2 == 0 ? "bob" : "amy", i);
		service_say(&service, line);
		service_hear(&service, "250 2.1.5");
	}
	lmtp_data(&service, TEXT);
	for (int i = 0; i < 60; i++) {
		(void)snprintf(line, sizeof(line), "250 2.0.0 <%s+%d@b> ",
		    i % 2 == 0 ? "bob" : "amy", i);
		service_hear(&service, line);
	}
	lmtp_quit(&service);
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), 30);
	ck_assert_uint_eq(maildir_count(&world.scratch, "amy/Maildir/new"), 30);
}
END_TEST

START_TEST(unknown_recipient_is_refused_before_the_message)
{
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\nRCPT TO:<otto@b>\r\n");
	service_hear(&service, "250 2.1.0");
	service_hear(&service, "550 5.1.1 <otto@b> ");
	service_say(&service, "DATA\r\n");
	service_hear(&service, "503 5.5.1");
	service_say(&service, "RCPT TO:<bob@b>\r\n");
	service_hear(&service, "250 2.1.5");
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <bob@b>");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_log(&world, "otto@b");
}
END_TEST

START_TEST(list_of_users_that_is_gone_is_no_verdict)
{
	scratch_remove(&world.scratch, "users");
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\nRCPT TO:<bob@b>\r\n");
	service_hear(&service, "250 2.1.0");
	service_hear(&service, "451 4.4.3 <bob@b>");
	lmtp_quit(&service);
	expect_log(&world, "users");
}
END_TEST

START_TEST(address_named_twice_gets_one_copy_and_two_replies)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", "BOB@b", "bob@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	service_hear(&service, "250 2.0.0 <BOB@b>");
	service_hear(&service, "250 2.0.0 <bob@b>");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
}
END_TEST

START_TEST(one_recipients_trouble_is_his_alone)
{
	scratch_mkdir(&world.scratch, "amy", 0500);
	scratch_chown(&world.scratch, "amy", world.scratch.uid + 1, 0);
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", "joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "450 4.2.1 <amy@b>");
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	expect_copy(&world, "joe/Maildir", FOR("joe@b"), TEXT);
}
END_TEST

START_TEST(many_transactions_on_one_connection)
{
	lmtp_open(&service, &world);
	for (int i = 0; i < 30; i++) {
		lmtp_envelope(
		    &service, i % 2 == 0 ? "bob@b" : "amy@b", "joe@b", NULL);
		if (i % 3 == 0) {
			service_say(&service, "RSET\r\n");
			service_hear(&service, "250 ");
			continue;
		}
		lmtp_data(&service, TEXT);
		service_hear(&service, "250 ");
		service_hear(&service, "250 2.0.0 <joe@b>");
	}
	lmtp_quit(&service);
	ck_assert_uint_eq(maildir_count(&world.scratch, "joe/Maildir/new"), 20);
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), 10);
}
END_TEST

START_TEST(pipelined_session_is_answered_in_order)
{
	service_start(&service, &world);
	service_say(&service,
	    "LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@b>\r\n"
	    "RCPT TO:<otto@b>\r\nRCPT TO:<amy@b>\r\nDATA\r\n"
	    "Subject: hello\r\n\r\nHello.\r\n.\r\nQUIT\r\n");
	service_hear(&service, "220 ");
	service_hear(&service, "250-");
	service_hear(&service, "250 2.1.0");
	service_hear(&service, "250 2.1.5");
	service_hear(&service, "550 5.1.1 <otto@b>");
	service_hear(&service, "250 2.1.5");
	service_hear(&service, "354 ");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	service_hear(&service, "221 ");
	service_hear_end(&service);
	expect_end(&service, 0);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy@b"), TEXT);
}
END_TEST

/* What is put on top. */

static const struct {
	const char *given, *want;
} return_paths[] = {
	/* Ours takes the place of one at the very top, and of that alone. */
	{ "Return-Path: <x@y>\nSubject: a\n\n", "Subject: a\n\n" },
	{ "return-path: <x@y>\nSubject: a\n\n", "Subject: a\n\n" },
	{ "Subject: a\nReturn-Path: <x@y>\n\n",
	    "Subject: a\nReturn-Path: <x@y>\n\n" },
	{ "Subject: a\n\nReturn-Path: <x@y>\n",
	    "Subject: a\n\nReturn-Path: <x@y>\n" },
	/* A line that only begins like an mbox's is a line. */
	{ "From x@y Sat Jan  3 01:05:34 1996\n\n",
	    "From x@y Sat Jan  3 01:05:34 1996\n\n" },
	{ "..\n.x\n", ".\nx\n" },
};

START_TEST(return_path_is_the_senders)
{
	deliver_to("bob@b", return_paths[_i].given);
	expect_copy(
	    &world, "home/Maildir", FOR("bob@b"), return_paths[_i].want);
}
END_TEST

START_TEST(null_sender_is_empty_brackets)
{
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<>\r\nRCPT TO:<bob@b>\r\n");
	service_hear(&service, "250 ");
	service_hear(&service, "250 ");
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir",
	    "Return-Path: <>\nDelivered-To: bob@b\n", TEXT);
	expect_log(&world, "from=<>");
}
END_TEST

static const struct {
	const char *choice, *parameter, *text, *want;
} addresses[] = {
	{ "final", "", TEXT, FOR("bob+x@b") },
	{ "none", "", TEXT, "Return-Path: <a@b>\n" },
	{ "original", "", TEXT, FOR("bob+x@b") },
	{ "original", " ORCPT=rfc822;info+2Bx@b", TEXT, FOR("info+x@b") },
	{ "final", " ORCPT=rfc822;info+2Bx@b", TEXT, FOR("bob+x@b") },
	{ "original", "", "X-Original-To: old@b\n" TEXT, FOR("old@b") },
	{ "final", "", "X-Original-To: old@b\n" TEXT, FOR("bob+x@b") },
};

START_TEST(delivered_to_is_what_is_chosen)
{
	lmtp_config(&world,
	    scratch_print(&world.scratch, "lmtp_hdr_delivery_address = %s\n",
		addresses[_i].choice));
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\nRCPT TO:<bob+x@b>");
	service_say(&service, addresses[_i].parameter);
	service_say(&service, "\r\n");
	service_hear(&service, "250 ");
	service_hear(&service, "250 ");
	lmtp_data(&service, addresses[_i].text);
	service_hear(&service, "250 2.0.0 <bob+x@b>");
	lmtp_quit(&service);
	expect_copy(
	    &world, "home/Maildir", addresses[_i].want, addresses[_i].text);
}
END_TEST

static const struct {
	const char *parameter, *with, *for_whom;
	bool several;
} hops[] = {
	{ "", "LMTP", "\tfor <bob@b>; ", false },
	{ " SMTPUTF8", "UTF8LMTP", "\tfor <bob@b>; ", false },
	/* The others are not told who else it was for. */
	{ "", "LMTP", "; ", true },
};

START_TEST(received_says_how_it_came)
{
	static const char date[] =
	    "[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} 20[0-9]{2} "
	    "[0-9]{2}:[0-9]{2}:[0-9]{2} [+]0000";
	char pattern[1024];
	struct mail mail;
	regex_t compiled;

	(void)snprintf(pattern, sizeof(pattern),
	    "^Return-Path: <a@b>\nDelivered-To: bob@b\n"
	    "Received: from client\\.example\n"
	    "\tby [^ ]+ [(]lda[)] with %s\n"
	    "\tid [0-9a-f]{16}%s%s%s\n" TEXT "$",
	    hops[_i].with, hops[_i].several ? "" : "\n", hops[_i].for_whom,
	    date);
	lmtp_config(&world, "lmtp_add_received_header = yes\n");
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>");
	service_say(&service, hops[_i].parameter);
	service_say(&service, "\r\nRCPT TO:<bob@b>\r\n");
	service_hear(&service, "250 ");
	service_hear(&service, "250 ");
	if (hops[_i].several) {
		service_say(&service, "RCPT TO:<amy@b>\r\n");
		service_hear(&service, "250 ");
	}
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0");
	if (hops[_i].several)
		service_hear(&service, "250 2.0.0");
	lmtp_quit(&service);
	maildir_read_one(&world.scratch, "home/Maildir", &mail);
	ck_assert_int_eq(regcomp(&compiled, pattern, REG_EXTENDED), 0);
	ck_assert_msg(regexec(&compiled, mail.octets, 0, NULL, 0) == 0,
	    "\"%s\" is not of the form \"%s\"", mail.octets, pattern);
	regfree(&compiled);
	free(mail.octets);
}
END_TEST

/* Loops. */

static const struct {
	const char *text;
	bool loops;
} loops[] = {
	{ "Received: by x\nDelivered-To: bob@b\n\n", true },
	{ "Received: by x\nDelivered-To: BOB@b\n\n", true },
	{ "Received: by x\nX: y\nDelivered-To: amy@b\nDelivered-To: bob@b\n\n",
	    true },
	/* The one at the top was written on the way to us. */
	{ "Delivered-To: bob@b\nReceived: by x\n\n", false },
	{ "Received: by x\nDelivered-To: amy@b\n\n", false },
	{ "Received: by x\n\nDelivered-To: bob@b\n", false },
};

START_TEST(message_that_has_been_here_is_a_loop)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "joe@b", NULL);
	lmtp_data(&service, loops[_i].text);
	service_hear(&service,
	    loops[_i].loops ? "554 5.4.6 <bob@b>" : "250 2.0.0 <bob@b>");
	/* It was never his. */
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir/new"),
	    loops[_i].loops ? 0 : 1);
}
END_TEST

START_TEST(message_that_has_come_far_is_a_loop)
{
	char text[4096] = "";
	size_t length = 0;

	for (int i = 0; i < 49 + _i; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
		    "Received: by host%d\n", i);
	(void)snprintf(text + length, sizeof(text) - length, "\n");
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", NULL);
	lmtp_data(&service, text);
	service_hear(&service, _i == 0 ? "250 2.0.0" : "554 5.4.6 <bob@b>");
	lmtp_quit(&service);
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), _i == 0 ? 1 : 0);
}
END_TEST

/* Settings. */

START_TEST(detail_is_a_folder_where_that_is_asked_for)
{
	const char *boxes[] = { "home/Maildir", "home/Maildir/.Work" };

	lmtp_config(&world, _i == 0 ? "" : "detail_folder = create\n");
	deliver_to("Bob+Work@b", TEXT);
	expect_copy(&world, boxes[_i], FOR("Bob+Work@b"), TEXT);
}
END_TEST

/* As lda and lda-verify find him: what was accepted at RCPT is not bounced. */
START_TEST(name_with_a_delimiter_is_found_as_it_is)
{
	lmtp_users(&world,
	    scratch_print(&world.scratch, "%s%s",
		lmtp_users_line(&world, "jo-ann", "joann", ""),
		lmtp_users_line(&world, "amy-lee", "amylee", "")));
	lmtp_config(&world, "recipient_delimiter = -\n");
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "jo-ann@b", "amy-lee@b", "amy-list@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <jo-ann@b>");
	service_hear(&service, "250 2.0.0 <amy-lee@b>");
	service_hear(&service, "250 2.0.0 <amy-list@b>");
	lmtp_quit(&service);
	expect_copy(&world, "joann/Maildir", FOR("jo-ann@b"), TEXT);
	expect_copy(&world, "amylee/Maildir", FOR("amy-lee@b"), TEXT);
	expect_copy(&world, "amy/Maildir", FOR("amy-list@b"), TEXT);
}
END_TEST

START_TEST(letters_of_an_address_count_where_that_is_asked_for)
{
	lmtp_users(&world, lmtp_users_line(&world, "Eve", "eve", ""));
	lmtp_config(&world,
	    _i == 0 ? "auth_username_format = %u\n" :
		      "auth_username_format = %u\nlmtp_downcase_rcpt = no\n");
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b>\r\nRCPT TO:<Eve@b>\r\n");
	service_hear(&service, "250 ");
	service_hear(&service, _i == 0 ? "550 5.1.1" : "250 2.1.5");
	lmtp_quit(&service);
}
END_TEST

START_TEST(recipients_beyond_the_limit_are_for_another_transaction)
{
	lmtp_config(&world, "lmtp_recipient_limit = 2\n");
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", NULL);
	service_say(&service, "RCPT TO:<joe@b>\r\n");
	service_hear(&service, "452 4.5.3");
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_envelope(&service, "joe@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_quit(&service);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, ""), 3);
}
END_TEST

static const struct {
	const char *more, *at_rcpt, *at_end;
} quotas[] = {
	{ "", "250 2.1.5", "452 4.2.2 <bob@b>" },
	{ "quota_full_tempfail = no\n", "250 2.1.5", "552 5.2.2 <bob@b>" },
	{ "lmtp_rcpt_check_quota = yes\n", "452 4.2.2 <bob@b>", NULL },
	{ "lmtp_rcpt_check_quota = yes\nquota_full_tempfail = no\n",
	    "552 5.2.2 <bob@b>", NULL },
};

START_TEST(full_mailbox_is_told_when_it_is_asked_for)
{
	scratch_mkdir(&world.scratch, "home/Maildir", 0700);
	for (int i = 0; i < 3; i++) {
		const char *parts[] = { "cur", "new", "tmp" };

		scratch_mkdir(&world.scratch,
		    scratch_print(&world.scratch, "home/Maildir/%s", parts[i]),
		    0700);
	}
	scratch_write(
	    &world.scratch, "home/Maildir/maildirsize", "1000S\n5000 1\n");
	scratch_write(
	    &world.scratch, "home/Maildir/cur/1.M1P1Q1R1.x,S=5000:2,S", "");
	lmtp_config(&world,
	    scratch_print(&world.scratch,
		"quota_rule = *:storage=1000B\nquota_grace = 0\n%s",
		quotas[_i].more));
	lmtp_open(&service, &world);
	service_say(&service,
	    "MAIL FROM:<a@b>\r\nRCPT TO:<amy@b>\r\n"
	    "RCPT TO:<bob@b>\r\n");
	service_hear(&service, "250 ");
	service_hear(&service, "250 2.1.5");
	service_hear(&service, quotas[_i].at_rcpt);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <amy@b>");
	if (quotas[_i].at_end != NULL)
		service_hear(&service, quotas[_i].at_end);
	lmtp_quit(&service);
}
END_TEST

/* The names in a Maildir's new/, by the number of names that the file has. */
static nlink_t
names_of_only_mail(const char *maildir)
{
	struct mail mail;
	struct stat facts;

	maildir_read_one(&world.scratch, maildir, &mail);
	free(mail.octets);
	ck_assert_int_eq(stat(scratch_path(&world.scratch,
				  scratch_print(&world.scratch, "%s/new/%s",
				      maildir, mail.name)),
			     &facts),
	    0);
	return facts.st_nlink;
}

static const struct {
	const char *more;
	nlink_t want;
} shares[] = {
	{ "lmtp_hdr_delivery_address = none\n", 3 },
	/* A link into another user's mailbox is in nobody's way. */
	{ "lmtp_hdr_delivery_address = none\nsandbox = all\n", 3 },
	{ "lmtp_hdr_delivery_address = none\nlmtp_share_message = no\n", 1 },
	/* The copies differ. */
	{ "", 1 },
};

/* Where the file system and the build know files without a name. */
static bool
can_share(void)
{
	int fd = sys_unnamed_file(world.scratch.root);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

START_TEST(copies_that_are_the_same_are_one_file)
{
	nlink_t want = can_share() ? shares[_i].want : 1;

	lmtp_config(&world, shares[_i].more);
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", "joe@b", NULL);
	lmtp_data(&service, TEXT);
	for (int i = 0; i < 3; i++)
		service_hear(&service, "250 2.0.0");
	lmtp_quit(&service);
	ck_assert_uint_eq(names_of_only_mail("home/Maildir"), want);
	ck_assert_uint_eq(names_of_only_mail("amy/Maildir"), want);
	ck_assert_uint_eq(names_of_only_mail("joe/Maildir"), want);
}
END_TEST

START_TEST(user_has_his_own_kind_of_mailbox)
{
	lmtp_users(&world,
	    lmtp_users_line(
		&world, "old", "old", "userdb_mail=mbox:~/mail:INBOX=~/inbox"));
	scratch_mkdir(&world.scratch, "old", 0700);
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "old@b", "bob@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "250 2.0.0 <old@b>");
	service_hear(&service, "250 2.0.0 <bob@b>");
	lmtp_quit(&service);
	ck_assert(scratch_has(&world.scratch, "old/inbox"));
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
}
END_TEST

/* Two that hand on to each other would hand on for ever. */
START_TEST(what_came_by_LMTP_is_not_handed_on_by_LMTP)
{
	lmtp_users(&world,
	    lmtp_users_line(
		&world, "old", "old", "userdb_mail=lmtp:unix:/no/such/server"));
	scratch_mkdir(&world.scratch, "old", 0700);
	lmtp_open(&service, &world);
	/* Named twice, he has one delivery, and two answers that say so. */
	lmtp_envelope(&service, "old@b", "old@b", NULL);
	lmtp_data(&service, TEXT);
	service_hear(&service, "451 4.3.5 <old@b>");
	service_hear(&service, "451 4.3.5 <old@b>");
	lmtp_quit(&service);
	expect_log(&world, "not handed on by LMTP");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP server");
	TCase *recipients = tcase_create("recipients");
	TCase *fields = tcase_create("fields");
	TCase *loop = tcase_create("loops");
	TCase *settings = tcase_create("settings");
	TCase *all[] = { recipients, fields, loop, settings };

	for (size_t i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		tcase_set_timeout(all[i], 30);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(
	    recipients, message_arrives_and_nothing_else_is_said, 0, 2);
	tcase_add_test(recipients, each_recipient_gets_his_copy_and_his_reply);
	tcase_add_test(recipients, replies_come_in_the_order_of_the_recipients);
	tcase_add_test(
	    recipients, unknown_recipient_is_refused_before_the_message);
	tcase_add_test(recipients, list_of_users_that_is_gone_is_no_verdict);
	tcase_add_test(
	    recipients, address_named_twice_gets_one_copy_and_two_replies);
	if (getuid() == 0)
		tcase_add_test(recipients, one_recipients_trouble_is_his_alone);
	tcase_add_test(recipients, many_transactions_on_one_connection);
	tcase_add_test(recipients, pipelined_session_is_answered_in_order);
	tcase_add_loop_test(
	    fields, return_path_is_the_senders, 0, COUNT(return_paths));
	tcase_add_test(fields, null_sender_is_empty_brackets);
	tcase_add_loop_test(
	    fields, delivered_to_is_what_is_chosen, 0, COUNT(addresses));
	tcase_add_loop_test(fields, received_says_how_it_came, 0, COUNT(hops));
	tcase_add_loop_test(
	    loop, message_that_has_been_here_is_a_loop, 0, COUNT(loops));
	tcase_add_loop_test(loop, message_that_has_come_far_is_a_loop, 0, 2);
	tcase_add_loop_test(
	    settings, detail_is_a_folder_where_that_is_asked_for, 0, 2);
	tcase_add_loop_test(settings,
	    letters_of_an_address_count_where_that_is_asked_for, 0, 2);
	tcase_add_test(settings, name_with_a_delimiter_is_found_as_it_is);
	tcase_add_test(
	    settings, recipients_beyond_the_limit_are_for_another_transaction);
	tcase_add_loop_test(settings, full_mailbox_is_told_when_it_is_asked_for,
	    0, COUNT(quotas));
	tcase_add_loop_test(
	    settings, copies_that_are_the_same_are_one_file, 0, COUNT(shares));
	tcase_add_test(settings, user_has_his_own_kind_of_mailbox);
	tcase_add_test(settings, what_came_by_LMTP_is_not_handed_on_by_LMTP);
	return world_main(suite);
}
