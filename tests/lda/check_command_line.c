/*
 * check_command_line.c - the flags of dovecot-lda, and what lda makes of
 * wrong ones.
 *
 * Source: DESIGN 2.1; dovecot-lda(1); an exit status of 64, dovecot-lda's for
 * bad usage, bounces mail.
 */
#include "support/world.h"

#include <string.h>

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

START_TEST(d_names_the_user)
{
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, "lda(bob): ");
}
END_TEST

START_TEST(an_argument_may_stick_to_its_flag)
{
	world_arguments(&world, "-ekdbob", "-fa@b", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, "from=<a@b>");
}
END_TEST

START_TEST(e_k_and_two_hyphens_change_nothing)
{
	world_arguments(&world, "-e", "-k", "-d", "bob", "--", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(i_L_and_O_are_accepted_and_logged)
{
	world_arguments(&world, "-i", "mail", "-L", "-O", "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, "-i");
	expect_log(&world, "-L");
	expect_log(&world, "-O");
}
END_TEST

/* How -f spells a sender, and what the log says of it. */
static const struct {
	const char *given;
	const char *want;
} senders[] = {
	{ "a@b.example", " from=<a@b.example>" },
	{ "<a@b.example>", " from=<a@b.example>" },
	{ "", " from=<>" },
	{ "<>", " from=<>" },
	{ "MAILER-DAEMON", " from=<>" },
	{ "MAILER-DAEMON@b.example", " from=<MAILER-DAEMON@b.example>" },
	{ "local", " from=<local>" },
	{ "a+b=c@d.example", " from=<a+b=c@d.example>" },
};

START_TEST(f_is_the_envelope_sender)
{
	world_arguments(&world, "-d", "bob", "-f", senders[_i].given, NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, senders[_i].want);
}
END_TEST

START_TEST(a_is_the_original_recipient)
{
	world_arguments(
	    &world, "-d", "bob", "-a", "bob+work@example.com", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, "orig_to=<bob+work@example.com>");
}
END_TEST

START_TEST(r_does_not_replace_d)
{
	world_arguments(&world, "-d", "bob", "-r", "carol@example.com", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(an_empty_m_is_ignored)
{
	world_arguments(&world, "-d", "bob", "-m", "", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(p_is_the_message_and_keeps_its_from_line)
{
	static const char given[] = "From x  Wed Jan  1 00:00:00 2025\n"
				    "Subject: file\n\nbody\n";

	scratch_write(&world.scratch, "message", given);
	world_arguments(&world, "-d", "bob", "-p",
	    scratch_path(&world.scratch, "message"), NULL);
	world_deliver(&world, "Subject: standard input\n\n");
	expect_sent(&world);
	expect_inbox(&world, given);
}
END_TEST

START_TEST(p_may_be_relative)
{
	scratch_write(&world.scratch, "message", world_mail);
	world.command.directory = world.scratch.root;
	world_arguments(&world, "-d", "bob", "-p", "message", NULL);
	world_deliver(&world, "");
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

/* What -p may be and cannot be delivered. */
static const char *const no_messages[] = {
	"/nonexistent/message",
	"home",
	"unreadable",
	"empty",
	"",
};

START_TEST(p_that_cannot_be_read_is_deferred)
{
	const char *given = no_messages[_i];

	scratch_write(&world.scratch, "unreadable", world_mail);
	scratch_chmod(&world.scratch, "unreadable", 0);
	scratch_write(&world.scratch, "empty", "");
	if (given[0] != '/' && given[0] != '\0')
		given = scratch_path(&world.scratch, given);
	world_arguments(&world, "-d", "bob", "-p", given, NULL);
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 0);
	expect_log(&world, "exit=75");
	/* The mailbox is fine. */
	ck_assert_msg(
	    strncmp(world.got.output, "4.3.", 4) == 0, "%s", world.got.output);
}
END_TEST

START_TEST(o_beats_the_file)
{
	scratch_mkdir(&world.scratch, "home/other", 0700);
	world_arguments(
	    &world, "-d", "bob", "-o", "mail_location=maildir:~/other", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/other", world_mail);
}
END_TEST

START_TEST(o_may_have_blanks_around_the_equals_sign)
{
	world_arguments(
	    &world, "-d", "bob", "-o", "mail_location = maildir:~/other", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/other", world_mail);
}
END_TEST

START_TEST(c_replaces_the_file)
{
	scratch_write(
	    &world.scratch, "lda.conf", "mail_location = maildir:~/other\n");
	world_arguments(&world, "-d", "bob", "-c",
	    scratch_path(&world.scratch, "lda.conf"), NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/other", world_mail);
}
END_TEST

/* Command lines that somebody wrote wrongly; a part of the cause. */
static const struct {
	const char *arguments[6];
	const char *want;
} wrong[] = {
	{ { "-x", "-d", "bob" }, "-x" },
	{ { "-d", "bob", "-Z" }, "-Z" },
	{ { "--help" }, "--" },
	{ { "-d" }, "-d" },
	{ { "-d", "bob", "-f" }, "-f" },
	{ { "-d", "bob", "-o" }, "-o" },
	{ { "-d", "bob", "-o", "mail_fsync" }, "mail_fsync" },
	{ { "-d", "bob", "-o", "=x" }, "-o" },
	{ { "-d", "bob", "-o", "mail_fsinc=always" }, "mail_fsinc" },
	{ { "-d", "bob", "-o", "mail_fsync=sometimes" }, "mail_fsync" },
	{ { "-d", "bob", "carol" }, "_destination_recipient_limit = 1" },
	{ { "-d", "bob", "-f", "a@b", "x", "y" },
	    "_destination_recipient_limit = 1" },
	{ { "bob" }, "_destination_recipient_limit = 1" },
	{ { "bob", "-d", "bob" }, "_destination_recipient_limit = 1" },
	{ { "-d", "bob", "--", "-x" }, "_destination_recipient_limit = 1" },
	{ { "-d", "bob", "-" }, "_destination_recipient_limit = 1" },
	{ { "-d", "bob", "" }, "_destination_recipient_limit = 1" },
};

START_TEST(wrong_usage_is_deferred_and_named_in_the_log)
{
	for (size_t i = 0; i < COUNT(wrong[_i].arguments); i++)
		if (wrong[_i].arguments[i] != NULL)
			world_argument(&world, wrong[_i].arguments[i]);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, wrong[_i].want);
	expect_log(&world, "exit=75");
}
END_TEST

START_TEST(the_reply_goes_to_stderr_where_stdout_is_closed)
{
	world.command.closed = 1U << 1;
	world_arguments(&world, "-x", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
}
END_TEST

/* -n, -t, -V. */

static const char *const questions[] = { "-n", "-t", "-V" };

START_TEST(a_question_in_a_delivery_command_is_deferred)
{
	world_arguments(&world, questions[_i], "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, questions[_i]);
}
END_TEST

START_TEST(a_question_in_mailbox_command_is_deferred)
{
	world_local(&world);
	world_arguments(&world, questions[_i], NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
}
END_TEST

START_TEST(a_question_delivers_nothing)
{
	world.command.agent = HOST_PERSON;
	world_arguments(&world, questions[_i], "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	ck_assert_msg(
	    host_exit_status(&world.got) == 0, "%s", world_tell(&world));
	ck_assert_uint_gt(world.got.output_length, 0);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home"), 0);
}
END_TEST

START_TEST(V_tells_the_version)
{
	world.command.agent = HOST_PERSON;
	world_arguments(&world, "-V", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	ck_assert_msg(strncmp(world.got.output, "lda ", 4) == 0, "%s",
	    world_tell(&world));
	ck_assert_int_eq(world.got.output[world.got.output_length - 1], '\n');
}
END_TEST

START_TEST(n_prints_what_differs_from_the_defaults)
{
	world.command.agent = HOST_PERSON;
	world_arguments(&world, "-n", "-o", "mail_fsync=never", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	ck_assert_str_eq(world.got.output,
	    "mail_location = maildir:~/Maildir\nmail_fsync = never\n");
}
END_TEST

/* What -t must tell of bob (issue 2, item 2). */
static const char *const told[] = {
	"mail_location = maildir:~/Maildir", /* a setting in force */
	"root/etc/lda.conf:1",               /* where it comes from */
	"-o",
	"bob",
	"passwd",        /* which source answered */
	"/home/Maildir", /* the mailbox */
	"maildir",
	"RLIMIT_FSIZE",
	"ieve",
};

START_TEST(t_tells_what_would_happen)
{
	world.command.agent = HOST_PERSON;
	world_arguments(
	    &world, "-t", "-d", "bob", "-o", "mail_fsync=never", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	ck_assert_msg(strstr(world.got.output, told[_i]) != NULL,
	    "\"%s\" is missing in:\n%s", told[_i], world.got.output);
	ck_assert_ptr_nonnull(strstr(world.got.output,
	    scratch_print(
		&world.scratch, "%ju", (uintmax_t)world.scratch.uid)));
}
END_TEST

START_TEST(t_tells_which_permission_is_missing)
{
	world.command.agent = HOST_PERSON;
	scratch_mkdir(&world.scratch, "home/Maildir", 0500);
	world_arguments(&world, "-t", "-d", "bob", NULL);
	world_deliver(&world, "");
	ck_assert_msg(
	    host_exit_status(&world.got) == 75, "%s", world_tell(&world));
	ck_assert_ptr_nonnull(strstr(world.got.output, "4.2.1"));
	ck_assert_ptr_nonnull(strstr(world.got.output, "home/Maildir"));
}
END_TEST

START_TEST(t_of_an_unknown_user_ends_as_the_delivery_would)
{
	world.command.agent = HOST_PERSON;
	world_arguments(&world, "-t", "-d", "nosuch", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 67);
	ck_assert_ptr_nonnull(strstr(world.got.output, "5.1.1"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("command line");
	TCase *flags = tcase_create("flags");
	TCase *usage = tcase_create("wrong usage");
	TCase *modes = tcase_create("-n -t -V");

	tcase_add_checked_fixture(flags, set_up, tear_down);
	tcase_add_checked_fixture(usage, set_up, tear_down);
	tcase_add_checked_fixture(modes, set_up, tear_down);
	tcase_add_test(flags, d_names_the_user);
	tcase_add_test(flags, an_argument_may_stick_to_its_flag);
	tcase_add_test(flags, e_k_and_two_hyphens_change_nothing);
	tcase_add_test(flags, i_L_and_O_are_accepted_and_logged);
	tcase_add_loop_test(flags, f_is_the_envelope_sender, 0, COUNT(senders));
	tcase_add_test(flags, a_is_the_original_recipient);
	tcase_add_test(flags, r_does_not_replace_d);
	tcase_add_test(flags, an_empty_m_is_ignored);
	tcase_add_test(flags, p_is_the_message_and_keeps_its_from_line);
	tcase_add_test(flags, p_may_be_relative);
	tcase_add_loop_test(
	    flags, p_that_cannot_be_read_is_deferred, 0, COUNT(no_messages));
	tcase_add_test(flags, o_beats_the_file);
	tcase_add_test(flags, o_may_have_blanks_around_the_equals_sign);
	tcase_add_test(flags, c_replaces_the_file);
	tcase_add_loop_test(usage, wrong_usage_is_deferred_and_named_in_the_log,
	    0, COUNT(wrong));
	tcase_add_test(usage, the_reply_goes_to_stderr_where_stdout_is_closed);
	tcase_add_loop_test(modes, a_question_in_a_delivery_command_is_deferred,
	    0, COUNT(questions));
	tcase_add_loop_test(modes, a_question_in_mailbox_command_is_deferred, 0,
	    COUNT(questions));
	tcase_add_loop_test(
	    modes, a_question_delivers_nothing, 0, COUNT(questions));
	tcase_add_test(modes, V_tells_the_version);
	tcase_add_test(modes, n_prints_what_differs_from_the_defaults);
	tcase_add_loop_test(modes, t_tells_what_would_happen, 0, COUNT(told));
	tcase_add_test(modes, t_tells_which_permission_is_missing);
	tcase_add_test(modes, t_of_an_unknown_user_ends_as_the_delivery_would);
	suite_add_tcase(suite, flags);
	suite_add_tcase(suite, usage);
	suite_add_tcase(suite, modes);
	return world_main(suite);
}
