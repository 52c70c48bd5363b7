/*
 * check_settings.c - lda.conf as an administrator writes it, rightly or not.
 *
 * Source: DESIGN 2.3; postconf(5) for the grammar of main.cf.
 */
#include "support/world.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", "-o",
	    scratch_print(&world.scratch, "mail_spool_directory=%s/spool",
		world.scratch.root),
	    NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

/* Files that put bob's mail into ~/right. */
static const char *const spellings[] = {
	"mail_location = maildir:~/right\n",
	"mail_location=maildir:~/right\n",
	"mail_location   =\tmaildir:~/right  \n",
	"mail_location = maildir:~/right", /* no line end */
	"# a comment\n\n  # another\nmail_location = maildir:~/right\n",
	"mail_location =\n maildir:~/right\n",
	"mail_location =\n# between\n\tmaildir:~/right\n",
	"mail_location = maildir:~/wrong\nmail_location = maildir:~/right\n",
	"mail_location = maildir:%h/right\n",
	"mail_location = maildir:~/right/\n",
	"mail_location = maildir:~/right:INDEX=MEMORY\n",
	"mail_location = maildir:~/right:LAYOUT=maildir++:UTF-8\n",
	"mail_driver = maildir\nmail_path = ~/right\n",
	"mail_driver = maildir\nmail_path = %{home}/right\n",
	"mail_location = maildir:~/right\r\n",
	/* Dovecot's and Postfix's, of no meaning here. */
	"mail_location = maildir:~/right\nmail_plugins = sieve quota\n"
	"log_path = /var/log/x\nmail_debug = yes\n"
	"plugin/sieve = ~/.dovecot.sieve\n",
};

START_TEST(a_file_is_read)
{
	world_config(&world, spellings[_i]);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/right", world_mail);
}
END_TEST

/* Files with an error; the line that the log must name, the word in it. */
static const struct {
	const char *text;
	const char *line;
	const char *word;
} errors[] = {
	{ "mail_fsinc = always\n", ":1", "mail_fsinc" },
	{ "\n# x\n\nmail_fsinc = always\n", ":4", "mail_fsinc" },
	{ "mail_fsync = sometimes\n", ":1", "sometimes" },
	{ "mail_fsync = never\nmail_fsync\n", ":2", "mail_fsync" },
	{ "= x\n", ":1", "" },
	{ " goes on with nothing\n", ":1", "" },
	{ "message_size_limit = lots\n", ":1", "lots" },
	{ "message_size_limit = 10X\n", ":1", "10X" },
	{ "message_size_limit = -1\n", ":1", "-1" },
	{ "message_size_limit = 99999999999999999999\n", ":1",
	    "99999999999999999999" },
	{ "message_size_limit =\n", ":1", "message_size_limit" },
	{ "delivery_timeout = soon\n", ":1", "soon" },
	{ "delivery_timeout = 5 parsecs\n", ":1", "parsecs" },
	{ "lda_mailbox_autocreate = maybe\n", ":1", "maybe" },
	{ "first_valid_uid = x\n", ":1", "x" },
	{ "nss_notfound = certain\n", ":1", "certain" },
	{ "userdb =\n passwd,\n ldap\nmail_fsync = never\n", ":1", "ldap" },
	{ "userdb = passwd-file\n", ":1", "passwd-file" },
	{ "userdb =\n", ":1", "userdb" },
	{ "syslog_facility = post\n", ":1", "post" },
	{ "mail_location = maildor:~/Maildir\n", ":1", "maildor" },
	{ "mail_location = maildir:~/Maildir:LAYUOT=fs\n", ":1", "LAYUOT" },
	{ "mail_location = maildir:%x/Maildir\n", ":1", "%" },
	{ "mail_location = maildir:%Qu/Maildir\n", ":1", "%" },
	{ "mail_location = maildir:~/%{user | rot13}\n", ":1", "rot13" },
	{ "auth_username_format = %Zu\n", ":1", "auth_username_format" },
	{ "protocol lda {\n}\n", ":1", "protocol" },
};

START_TEST(an_error_defers_and_names_file_and_line)
{
	world_config(&world, errors[_i].text);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world,
	    scratch_print(&world.scratch, "%s%s", machine_path("etc/lda.conf"),
		errors[_i].line));
	expect_log(&world, errors[_i].word);
	expect_log(&world, "exit=75");
}
END_TEST

START_TEST(the_same_error_in_a_c_file_names_that_file)
{
	const char *file = scratch_path(&world.scratch, "own.conf");

	scratch_write(&world.scratch, "own.conf", "\nmail_fsinc = x\n");
	world_argument(&world, "-c");
	world_argument(&world, file);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, scratch_print(&world.scratch, "%s:2", file));
}
END_TEST

/* Values that -o may have, and how many octets of mail then fit. */
static const struct {
	const char *value;
	unsigned most;
} sizes[] = {
	{ "10", 10 },
	{ "10B", 10 },
	{ "1K", 1024 },
	{ "1k", 1024 },
	{ "2 K", 2048 },
	{ "1KB", 1024 },
};

START_TEST(a_size_has_a_unit)
{
	static char given[4096];

	memset(given, 'x', sizeof(given));
	world_argument(&world, "-o");
	world_argument(&world,
	    scratch_print(
		&world.scratch, "message_size_limit=%s", sizes[_i].value));
	world_deliver_octets(&world, given, sizes[_i].most + 1);
	expect_refused(&world, 65, "5.2.3");
	world_deliver_octets(&world, given, sizes[_i].most);
	expect_sent(&world);
}
END_TEST

static const char *const durations[] = { "300", "300s", "5m", "5 mins", "5min",
	"1h", "1 hour", "1d" };

START_TEST(a_duration_has_a_unit)
{
	world_argument(&world, "-o");
	world_argument(&world,
	    scratch_print(
		&world.scratch, "delivery_timeout=%s", durations[_i]));
	world_deliver(&world, world_mail);
	expect_sent(&world);
}
END_TEST

START_TEST(a_missing_file_means_the_defaults)
{
	machine_remove("etc/lda.conf");
	scratch_mkdir(&world.scratch, "home/Maildir", 0700);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail); /* auto: it exists */
}
END_TEST

START_TEST(auto_never_makes_a_Maildir_for_a_system_user)
{
	machine_remove("etc/lda.conf");
	world_deliver(&world, world_mail); /* there is no spool */
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home"), 0);
}
END_TEST

START_TEST(a_missing_c_file_is_deferred)
{
	world_argument(&world, "-c");
	world_argument(&world, "/nonexistent/lda.conf");
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "/nonexistent/lda.conf");
}
END_TEST

START_TEST(an_unreadable_file_is_deferred)
{
	machine_write("etc/lda.conf", "", 0);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, machine_path("etc/lda.conf"));
}
END_TEST

START_TEST(a_directory_for_a_file_is_deferred)
{
	world_argument(&world, "-c");
	world_argument(&world, world.scratch.root);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, world.scratch.root);
}
END_TEST

START_TEST(NUL_in_a_file_is_deferred)
{
	scratch_write_octets(
	    &world.scratch, "own.conf", "mail_fsync = ne\0ver\n", 20);
	world_argument(&world, "-c");
	world_argument(&world, scratch_path(&world.scratch, "own.conf"));
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
}
END_TEST

START_TEST(ignored_settings_are_logged)
{
	world_config(&world,
	    "mail_location = maildir:~/Maildir\n"
	    "mail_plugins = quota\n");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, "mail_plugins");
}
END_TEST

START_TEST(without_ignored_settings_nothing_is_said_of_them)
{
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_no_log(&world, "ignored");
	ck_assert_uint_eq(world.log.count, 1);
}
END_TEST

START_TEST(an_error_is_repaired_and_the_mail_comes)
{
	world_config(&world, "mail_fsinc = always\n");
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	world_config(&world, "mail_location = maildir:~/Maildir\n");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

/* -n prints what can be read back. */
START_TEST(n_quotes_nothing_and_loses_nothing)
{
	world.command.agent = HOST_PERSON;
	world_config(&world,
	    "userdb = passwd,\n  static\n"
	    "mail_location = maildir:~/right\n"
	    "message_size_limit = 10M\n");
	world_arguments(&world, "-n", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	scratch_write(&world.scratch, "own.conf", world.got.output);
	world_arguments(&world, "-d", "bob", "-c",
	    scratch_path(&world.scratch, "own.conf"), NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/right", world_mail);
}
END_TEST

START_TEST(n_of_a_wrong_file_is_75_and_says_why_in_the_log)
{
	world.command.agent = HOST_PERSON;
	world_config(&world, "mail_fsinc = always\n");
	world_arguments(&world, "-n", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	expect_log(&world, "mail_fsinc");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings");
	TCase *file = tcase_create("file");
	TCase *values = tcase_create("values");

	tcase_add_checked_fixture(file, set_up, tear_down);
	tcase_add_checked_fixture(values, set_up, tear_down);
	tcase_add_loop_test(file, a_file_is_read, 0, COUNT(spellings));
	tcase_add_loop_test(
	    file, an_error_defers_and_names_file_and_line, 0, COUNT(errors));
	tcase_add_test(file, the_same_error_in_a_c_file_names_that_file);
	tcase_add_test(file, a_missing_file_means_the_defaults);
	tcase_add_test(file, auto_never_makes_a_Maildir_for_a_system_user);
	tcase_add_test(file, a_missing_c_file_is_deferred);
	tcase_add_test(file, an_unreadable_file_is_deferred);
	tcase_add_test(file, a_directory_for_a_file_is_deferred);
	tcase_add_test(file, NUL_in_a_file_is_deferred);
	tcase_add_test(file, ignored_settings_are_logged);
	tcase_add_test(file, without_ignored_settings_nothing_is_said_of_them);
	tcase_add_test(file, an_error_is_repaired_and_the_mail_comes);
	tcase_add_loop_test(values, a_size_has_a_unit, 0, COUNT(sizes));
	tcase_add_loop_test(values, a_duration_has_a_unit, 0, COUNT(durations));
	tcase_add_test(values, n_quotes_nothing_and_loses_nothing);
	tcase_add_test(values, n_of_a_wrong_file_is_75_and_says_why_in_the_log);
	suite_add_tcase(suite, file);
	suite_add_tcase(suite, values);
	return world_main(suite);
}
