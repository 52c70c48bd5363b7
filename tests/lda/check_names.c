/*
 * check_names.c - what becomes of a name on its way to a user: folded, with
 * and without its detail, in a domain of ours or not.
 *
 * Source: DESIGN 2.1; postconf(5) recipient_delimiter, mydestination.
 */
#include "support/world.h"

#include <stdio.h>
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

/* What a name becomes.  Each is looked up in passwd, which has bob, Bobby
 * and bob+file, all with our uid. */

static const struct {
	const char *given;
	const char *settings;
	const char *want; /* the home, or NULL: unknown */
} names[] = {
	{ "bob", "", "home" },
	{ "BOB", "", "home" },
	{ "Bob@ours.example", "", "home" },
	{ "bob@OURS.Example", "", "home" },
	{ "bob@localhost", "", NULL }, /* mydestination says otherwise */
	{ "bob@elsewhere.example", "", NULL },
	{ "bob@sub.ours.example", "", NULL },
	{ "bob@ours.example@elsewhere.example", "", NULL },
	{ "bob@elsewhere.example@ours.example", "", NULL },
	{ "nosuch", "", NULL },
	{ "nosuch@ours.example", "", NULL },
	{ "Bobby", "", NULL }, /* folded, and there is no bobby */
	{ "Bobby", "auth_username_format = %u\n", "home2" },
	{ "BOB", "auth_username_format = %u\n", NULL },
	{ "bob@elsewhere.example", "auth_username_format = %Ln\n", "home" },
	{ "BOB@elsewhere.example", "auth_username_format = %n\n", NULL },
	{ "BOB@elsewhere.example",
	    "auth_username_format = %{user | username | lower}\n", "home" },
	{ "BOB@elsewhere.example", "userdb = passwd:%Ln\n", "home" },
	{ "bob+work", "", "home" },
	{ "bob+work@ours.example", "", "home" },
	{ "bob+work+more", "", "home" },
	{ "bob+", "", "home" },
	{ "bob+file", "", "home3" },     /* as given, before the detail goes */
	{ "bob+file+more", "", "home" }, /* the leftmost delimiter */
	{ "+bob", "", NULL },
	{ "bob-work", "", NULL },
	{ "bob-work", "recipient_delimiter = +-\n", "home" },
	{ "bob-work+more", "recipient_delimiter = +-\n", "home" },
	{ "bob+work", "recipient_delimiter = -\n", NULL },
	{ "bob+work", "recipient_delimiter =\n", NULL },
	{ "nosuch+bob", "", NULL },
};

START_TEST(a_name_becomes_a_user_or_is_unknown)
{
	char lines[1024];

	(void)snprintf(lines, sizeof(lines), "%s%s",
	    world_passwd_line(&world, "Bobby", "home2"),
	    world_passwd_line(&world, "bob+file", "home3"));
	world_passwd(&world, lines);
	scratch_mkdir(&world.scratch, "home2", 0700);
	scratch_mkdir(&world.scratch, "home3", 0700);
	world_config(&world,
	    scratch_print(&world.scratch,
		"mydestination = other.example, ours.example\n"
		"mail_location = maildir:~/Maildir\n%s%s",
		strstr(names[_i].settings, "userdb") == NULL ?
		    "userdb = passwd\n" :
		    "",
		names[_i].settings));
	world_arguments(&world, "-d", names[_i].given, NULL);
	world_deliver(&world, world_mail);
	if (names[_i].want == NULL) {
		expect_unknown(&world);
		return;
	}
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(&world.scratch, "%s/Maildir", names[_i].want),
	    world_mail);
}
END_TEST

/* static finds everybody; what is asked, shows in the path. */
static const struct {
	const char *given;
	const char *want; /* below vhosts, or NULL: unknown */
} everybody[] = {
	{ "anna@a.example", "a.example/anna" },
	{ "ANNA@A.Example", "a.example/anna" },
	{ "anna+work@a.example", "a.example/anna" },
	{ "anna+work+more@a.example", "a.example/anna" },
	{ "an@na@a.example", "a.example/an@na" },
	{ "+work@a.example", "a.example/+work" },
	{ "../anna@a.example", NULL },
	{ "a/b@a.example", NULL },
	{ "..@a.example", NULL },
	{ ".@a.example", NULL },
	{ ".hidden@a.example", NULL },
	{ "anna@..", NULL },
	{ "anna@../x", NULL },
	{ "anna@/etc", NULL },
	{ "@a.example", NULL },
	{ "a\nb@a.example", NULL },
	{ "a\x7f@a.example", NULL },
};

START_TEST(static_is_asked_without_the_detail)
{
	scratch_mkdir(&world.scratch, "vhosts", 0700);
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = static\n"
		"mail_home = %s/vhosts/%%d/%%n\n"
		"mail_location = maildir:~/Maildir\n",
		world.scratch.root));
	world_arguments(&world, "-d", everybody[_i].given, NULL);
	world_deliver(&world, world_mail);
	if (everybody[_i].want == NULL) {
		expect_unknown(&world);
		ck_assert_uint_eq(maildir_count(&world.scratch, "vhosts"), 0);
		return;
	}
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(
		&world.scratch, "vhosts/%s/Maildir", everybody[_i].want),
	    world_mail);
}
END_TEST

START_TEST(a_path_with_a_domain_needs_one)
{
	scratch_mkdir(&world.scratch, "vhosts", 0700);
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = static\nmail_home = %s/vhosts/%%d/%%n\n",
		world.scratch.root));
	world_arguments(&world, "-d", "anna", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, world.got.dsn);
	ck_assert_uint_eq(maildir_count(&world.scratch, "vhosts"), 0);
}
END_TEST

/* Our settings are no fact about the recipient. */
static const char *const emptying[] = { "auth_username_format =\n",
	"auth_username_format = %9.1u\n", "userdb = passwd:%9.1n\n" };

START_TEST(a_format_that_leaves_nothing_of_bob_is_never_bounced)
{
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = passwd\nmail_location = maildir:~/Maildir\n%s",
		emptying[_i]));
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_msg(
	    host_exit_status(&world.got) != 67, "%s", world_tell(&world));
}
END_TEST

START_TEST(this_machine_is_a_destination_by_default)
{
	world_arguments(&world, "-d", "bob@localhost", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(a_domain_is_doubtful_while_userdb_was_never_set)
{
	world_arguments(&world, "-d", "bob@elsewhere.example", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.4.3");
	expect_log(&world, "userdb");
}
END_TEST

START_TEST(a_missing_lda_conf_defers_a_domain)
{
	machine_remove("etc/lda.conf");
	world_arguments(&world, "-d", "anna@a.example", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.4.3");
	expect_log(&world, "anna@a.example");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("names");
	TCase *lookup = tcase_create("names");

	tcase_add_checked_fixture(lookup, set_up, tear_down);
	tcase_add_loop_test(
	    lookup, a_name_becomes_a_user_or_is_unknown, 0, COUNT(names));
	tcase_add_loop_test(
	    lookup, static_is_asked_without_the_detail, 0, COUNT(everybody));
	tcase_add_test(lookup, a_path_with_a_domain_needs_one);
	tcase_add_loop_test(lookup,
	    a_format_that_leaves_nothing_of_bob_is_never_bounced, 0,
	    COUNT(emptying));
	tcase_add_test(lookup, this_machine_is_a_destination_by_default);
	tcase_add_test(lookup, a_domain_is_doubtful_while_userdb_was_never_set);
	tcase_add_test(lookup, a_missing_lda_conf_defers_a_domain);
	suite_add_tcase(suite, lookup);
	return world_main(suite);
}
