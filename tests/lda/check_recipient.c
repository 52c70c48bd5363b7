/*
 * check_recipient.c - who is the recipient: -d, the environment of local(8),
 * the addresses of pipe(8), our own uid; then what the name becomes on its
 * way to a user.
 *
 * Source: DESIGN 2.1 "Who is the recipient"; postfix local(8), pipe(8).
 */
#include "support/world.h"

#include <stdio.h>
#include <string.h>

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

/* A second account with bob's uid and a home of its own. */
static void
add_twin(const char *name, const char *home)
{
	char lines[1024];

	(void)snprintf(
	    lines, sizeof(lines), "%s", world_passwd_line(&world, name, home));
	scratch_mkdir(&world.scratch, home, 0700);
	world_passwd(&world, lines);
}

/* local(8) */

START_TEST(without_arguments_local_delivers_to_USER)
{
	world_local(&world);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, "lda(bob): ");
}
END_TEST

START_TEST(the_senders_address_comes_from_SENDER)
{
	world_local(&world);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, "from=<a@example.org>");
	expect_log(&world, "orig_to=<bob@localhost>");
}
END_TEST

START_TEST(an_empty_SENDER_is_the_null_sender)
{
	world_local(&world);
	world.command.recipient.sender = "";
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, "from=<>");
}
END_TEST

START_TEST(the_top_of_the_message_wins_over_a_mangled_SENDER)
{
	static const char given[] =
	    "From o'neil@example.org  Wed Jan  1 00:00:00 2025\n"
	    "Return-Path: <o'neil@example.org>\n"
	    "X-Original-To: b\303\266b@localhost\n"
	    "Delivered-To: bob@localhost\n"
	    "Subject: hello\n\n";

	world_local(&world);
	world.command.recipient.sender = "o'neil@example.org";
	world.command.recipient.original = "b\303\266b@localhost";
	world_deliver(&world, given);
	expect_sent(&world);
	expect_inbox(&world, strchr(given, '\n') + 1);
	expect_log(&world, "from=<o'neil@example.org>");
	expect_no_log(&world, "b__b@localhost");
}
END_TEST

START_TEST(the_same_behind_a_shell)
{
	static const char given[] = "From o'neil@example.org  Wed Jan  1 "
				    "00:00:00 2025\n"
				    "Return-Path: <o'neil@example.org>\n"
				    "Subject: hello\n\n";

	world_local(&world);
	world.command.recipient.sender = "o'neil@example.org";
	world.command.shell_line = scratch_print(&world.scratch,
	    "%s -f \"$SENDER\" -a \"$RECIPIENT\"", machine_program());
	world_deliver(&world, given);
	expect_sent(&world);
	expect_inbox(&world, strchr(given, '\n') + 1);
	expect_log(&world, "from=<o'neil@example.org>");
	expect_log(&world, "orig_to=<bob@localhost>");
}
END_TEST

START_TEST(two_accounts_of_one_uid_are_told_apart_by_USER)
{
	add_twin("bobby", "home2");
	world_local(&world);
	world.command.recipient.user = "bobby";
	world.command.recipient.home = scratch_path(&world.scratch, "home2");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home2/Maildir", world_mail);
}
END_TEST

START_TEST(HOME_is_believed_together_with_USER)
{
	world_local(&world);
	scratch_mkdir(&world.scratch, "elsewhere", 0700);
	world.command.recipient.home =
	    scratch_path(&world.scratch, "elsewhere");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "elsewhere/Maildir", world_mail);
}
END_TEST

START_TEST(HOME_without_USER_is_not_believed)
{
	scratch_mkdir(&world.scratch, "elsewhere", 0700);
	world_variable(&world,
	    scratch_print(&world.scratch, "HOME=%s",
		scratch_path(&world.scratch, "elsewhere")));
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(roots_mail_under_another_uid_is_deferred_with_advice)
{
	world_local(&world);
	world.command.recipient.user = "root";
	world.command.recipient.home = "/root";
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "alias root to a person");
}
END_TEST

START_TEST(USER_of_another_uid_is_deferred)
{
	world_passwd(&world, "carol:x:54321:54321::/home/carol:/bin/sh\n");
	world_local(&world);
	world.command.recipient.user = "carol";
	world_deliver(&world, world_mail);
	expect_deferred(&world, world.got.dsn);
	expect_log(&world, "carol");
}
END_TEST

START_TEST(USER_that_passwd_does_not_know_is_never_bounced)
{
	world_local(&world);
	world.command.recipient.user = "nosuch";
	world_deliver(&world, world_mail);
	expect_deferred(&world, world.got.dsn);
	expect_log(&world, "nosuch");
}
END_TEST

START_TEST(d_wins_over_USER)
{
	add_twin("bobby", "home2");
	world_local(&world);
	world_arguments(&world, "-d", "bobby", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home2/Maildir", world_mail);
}
END_TEST

START_TEST(USER_wins_over_a_and_r)
{
	add_twin("bobby", "home2");
	world_local(&world);
	world_arguments(&world, "-a", "bobby", "-r", "bobby", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

/* pipe(8) without -d */

START_TEST(a_is_looked_up_where_there_is_no_USER)
{
	world_arguments(&world, "-a", "bob@localhost", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(r_is_looked_up_before_a)
{
	add_twin("bobby", "home2");
	world_arguments(&world, "-a", "bob", "-r", "bobby", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home2/Maildir", world_mail);
}
END_TEST

START_TEST(an_empty_r_leaves_it_to_a)
{
	world_arguments(&world, "-a", "bob", "-r", "", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(an_address_that_is_no_user_is_deferred_unlike_d)
{
	static const char *const flags[] = { "-a", "-r" };

	world_config(&world,
	    "userdb = passwd\n"
	    "mail_location = maildir:~/Maildir\n");
	world_arguments(&world, flags[_i], "nosuch@localhost", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, world.got.dsn);
	expect_log(&world, "nosuch");
}
END_TEST

START_TEST(without_any_recipient_pipe_is_deferred)
{
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "-d is missing");
}
END_TEST

START_TEST(without_Postfix_it_is_the_name_of_our_uid)
{
	world.command.agent = HOST_PERSON;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(a_uid_without_a_name_is_deferred)
{
	world.command.agent = HOST_PERSON;
	machine_write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0644);
	world_deliver(&world, world_mail);
	expect_deferred(&world, world.got.dsn);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("recipient");
	TCase *local = tcase_create("local(8)");
	TCase *pipe = tcase_create("pipe(8)");

	tcase_add_checked_fixture(local, set_up, tear_down);
	tcase_add_checked_fixture(pipe, set_up, tear_down);
	tcase_add_test(local, without_arguments_local_delivers_to_USER);
	tcase_add_test(local, the_senders_address_comes_from_SENDER);
	tcase_add_test(local, an_empty_SENDER_is_the_null_sender);
	tcase_add_test(
	    local, the_top_of_the_message_wins_over_a_mangled_SENDER);
	tcase_add_test(local, the_same_behind_a_shell);
	tcase_add_test(local, two_accounts_of_one_uid_are_told_apart_by_USER);
	tcase_add_test(local, HOME_is_believed_together_with_USER);
	tcase_add_test(local, HOME_without_USER_is_not_believed);
	tcase_add_test(
	    local, roots_mail_under_another_uid_is_deferred_with_advice);
	tcase_add_test(local, USER_of_another_uid_is_deferred);
	tcase_add_test(local, USER_that_passwd_does_not_know_is_never_bounced);
	tcase_add_test(local, d_wins_over_USER);
	tcase_add_test(local, USER_wins_over_a_and_r);
	tcase_add_test(pipe, a_is_looked_up_where_there_is_no_USER);
	tcase_add_test(pipe, r_is_looked_up_before_a);
	tcase_add_test(pipe, an_empty_r_leaves_it_to_a);
	tcase_add_loop_test(
	    pipe, an_address_that_is_no_user_is_deferred_unlike_d, 0, 2);
	tcase_add_test(pipe, without_any_recipient_pipe_is_deferred);
	tcase_add_test(pipe, without_Postfix_it_is_the_name_of_our_uid);
	tcase_add_test(pipe, a_uid_without_a_name_is_deferred);
	suite_add_tcase(suite, local);
	suite_add_tcase(suite, pipe);
	return world_main(suite);
}
