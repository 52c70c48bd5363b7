/*
 * check_users.c - where users come from, and that "not found" and "could not
 * ask" are never confused.
 *
 * Source: DESIGN 2.3; Dovecot passwd-file; nsswitch.conf(5); getpwnam_r(3).
 */
#include "support/world.h"

#include <stdio.h>
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

/* A passwd-file; '#' in text stands for the scratch directory, '!' for
 * "uid:gid" of ours. */
static void
write_users(const char *text)
{
	char users[4096];
	size_t used = 0;

	for (; *text != '\0'; text++) {
		if (*text == '#')
			used += (size_t)snprintf(users + used,
			    sizeof(users) - used, "%s", world.scratch.root);
		else if (*text == '!')
			used +=
			    (size_t)snprintf(users + used, sizeof(users) - used,
				"%ju:%ju", (uintmax_t)world.scratch.uid,
				(uintmax_t)world.scratch.gid);
		else
			users[used++] = *text;
		ck_assert_uint_lt(used, sizeof(users) - SCRATCH_ROOT);
	}
	scratch_write_octets(&world.scratch, "users", users, used);
}

static void
use_users_file(void)
{
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = passwd-file:%s/users\n"
		"mail_location = maildir:~/Maildir\n",
		world.scratch.root));
}

static void
deliver_to(const char *user)
{
	world_arguments(&world, "-d", user, NULL);
	world_deliver(&world, world_mail);
}

#define ANNA "anna@a.example:{PLAIN}x:!::#/anna::"

/* Files in which anna is found; where her mail goes then. */
static const struct {
	const char *text;
	const char *want;
} found[] = {
	{ ANNA "\n", "anna/Maildir" },
	{ "# a comment\n\nother@a.example:x:!::#/o::\n" ANNA "\n",
	    "anna/Maildir" },
	{ ANNA "\n"
	       "anna@a.example:x:!::#/second::\n",
	    "anna/Maildir" },
	{ "anna@a.example::!::#/anna\n", "anna/Maildir" },
	{ ANNA "userdb_mail=maildir:~/box\n", "anna/box" },
	{ ANNA "userdb_mail=maildir:%h/box userdb_quota_rule=*:storage=1G\n",
	    "anna/box" },
	{ ANNA "nologin=y allow_nets=10.0.0.0/8 userdb_mail=maildir:~/box\n",
	    "anna/box" },
	{ ANNA "userdb_mail=maildir:#/boxes/%d/%n\n", "boxes/a.example/anna" },
	{ ANNA "userdb_mail_location=maildir:~/box\n", "anna/box" },
	{ ANNA "userdb_nonsense=1 userdb_mail_fsync=never\n", "anna/Maildir" },
	{ ANNA "mail=maildir:~/box\n", "anna/Maildir" },
	{ "anna@a.example:x:!::/nonexistent::userdb_home=#/anna\n",
	    "anna/Maildir" },
};

START_TEST(a_line_of_the_file_says_where_mail_goes)
{
	scratch_mkdir(&world.scratch, "boxes", 0700);
	write_users(found[_i].text);
	use_users_file();
	deliver_to("anna@a.example");
	expect_sent(&world);
	expect_maildir(&world, found[_i].want, world_mail);
	expect_log(&world, "lda(anna@a.example): ");
}
END_TEST

/* Whom the list has is not unknown because his name suits no path. */
START_TEST(a_listed_name_that_suits_no_path_is_deferred)
{
	write_users("a/b@a.example:x:!::#/anna::\n");
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = passwd-file:%s/users\n"
		"mail_location = maildir:/no/such/%%u\n",
		world.scratch.root));
	deliver_to("a/b@a.example");
	expect_deferred(&world, "4.3.5");
}
END_TEST

START_TEST(uid_and_gid_may_be_names)
{
	write_users("anna@a.example:x:bob:bob::#/anna::\n");
	use_users_file();
	deliver_to("anna@a.example");
	expect_sent(&world);
	expect_maildir(&world, "anna/Maildir", world_mail);
}
END_TEST

START_TEST(mail_uid_mail_gid_and_mail_home_fill_in)
{
	write_users("anna@a.example:x\n");
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = passwd-file:%s/users\n"
		"mail_uid = bob\nmail_gid = bob\nmail_home = %s/of-%%n\n"
		"mail_location = maildir:~/Maildir\n",
		world.scratch.root, world.scratch.root));
	deliver_to("anna@a.example");
	expect_sent(&world);
	expect_maildir(&world, "of-anna/Maildir", world_mail);
}
END_TEST

START_TEST(a_setting_of_the_user_holds_for_him_alone)
{
	write_users(ANNA "userdb_mailbox_size_limit=10\n"
			 "otto@a.example:x:!::#/otto::\n");
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.2.2");
	deliver_to("otto@a.example");
	expect_sent(&world);
}
END_TEST

START_TEST(o_beats_a_setting_of_the_user)
{
	write_users(ANNA "userdb_mail=maildir:~/box\n");
	use_users_file();
	world_arguments(&world, "-d", "anna@a.example", "-o",
	    "mail_location=maildir:~/flag", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "anna/flag", world_mail);
}
END_TEST

START_TEST(a_bad_setting_of_the_user_is_deferred)
{
	write_users(ANNA "userdb_mailbox_size_limit=lots\n");
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, world.got.dsn);
	expect_log(&world, "mailbox_size_limit");
}
END_TEST

/* Files that are whole and do not know anna. */
static const char *const not_found[] = {
	"otto@a.example:x:!::#/o::\n",
	"anna@b.example:x:!::#/o::\nanna:x:!::#/o::\n",
	"anna@a.example.org:x:!::#/o::\n", " anna@a.example:x:!::#/o::\n",
	"xanna@a.example:x:!::#/o::\n",
	"Anna@a.example:x:!::#/o::\n", /* the file's name is not folded */
};

START_TEST(who_is_not_in_the_file_is_unknown)
{
	write_users(not_found[_i]);
	use_users_file();
	deliver_to("anna@a.example");
	expect_unknown(&world);
	expect_log(&world, "exit=67");
}
END_TEST

/* Files that do not tell whether there is an anna. */
static const char *const doubtful[] = {
	"",
	"otto@a.example:x:!::#/o::", /* half a line */
	"otto@a.example:x:!::#/o::\nan",
	"otto@a.example:x:!::#/o::\nanna@a.example:x:!::#/an",
	ANNA,
	"anna@a.example:x:0:0::#/anna::\n", /* lines of no use */
	"anna@a.example:x:-1:-1::#/anna::\n",
	"anna@a.example:x:nosuch:bob::#/anna::\n",
	"anna@a.example:x:bob:nosuch::#/anna::\n",
	"anna@a.example:x:4294967295:4294967295::#/anna::\n",
	"anna@a.example:x:99999999999:1::#/anna::\n",
	"anna@a.example:x:12three:1::#/anna::\n",
	ANNA "userdb_uid=0\n",
};

START_TEST(a_doubtful_file_is_deferred_and_named)
{
	write_users(doubtful[_i]);
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, scratch_path(&world.scratch, "users"));
}
END_TEST

START_TEST(NUL_in_the_file_is_doubtful)
{
	scratch_write_octets(
	    &world.scratch, "users", "otto@a.example:x\n\0\0\0\0\0\0\n", 24);
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.4.3");
}
END_TEST

START_TEST(a_missing_file_is_deferred)
{
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, scratch_path(&world.scratch, "users"));
}
END_TEST

START_TEST(an_unreadable_file_is_deferred)
{
	write_users(ANNA "\n");
	scratch_chmod(&world.scratch, "users", 0);
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, scratch_path(&world.scratch, "users"));
}
END_TEST

START_TEST(a_directory_for_a_file_is_deferred)
{
	scratch_mkdir(&world.scratch, "users", 0700);
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.4.3");
}
END_TEST

START_TEST(the_path_may_hold_the_domain)
{
	write_users("anna:x:!::#/anna::\n");
	scratch_mkdir(&world.scratch, "a.example", 0700);
	ck_assert_int_eq(rename(scratch_path(&world.scratch, "users"),
			     scratch_path(&world.scratch, "a.example/users")),
	    0);
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = passwd-file:%s/%%d/users\n"
		"auth_username_format = %%Lu\n"
		"mail_location = maildir:~/Maildir\n",
		world.scratch.root));
	deliver_to("anna@a.example");
	/* The line is anna's, the question was for anna@a.example. */
	expect_unknown(&world);
	deliver_to("anna@../etc");
	expect_unknown(&world);
	deliver_to("anna@b.example");
	expect_deferred(&world, "4.4.3");
	deliver_to("anna");
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
}
END_TEST

START_TEST(a_line_without_uid_for_a_root_caller_is_deferred)
{
	world.command.uid = world.command.gid = 0;
	write_users("anna@a.example:x:::::\n");
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, world.got.dsn);
}
END_TEST

START_TEST(a_user_of_another_uid_is_deferred)
{
	write_users("anna@a.example:x:54321:54321::#/anna::\n");
	use_users_file();
	deliver_to("anna@a.example");
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "54321");
	ck_assert(!scratch_has(&world.scratch, "anna"));
}
END_TEST

/* Several sources: bob is in passwd, anna and bob in the file. */
static const struct {
	const char *userdb;
	const char *user;
	const char *want; /* NULL: unknown */
} lists[] = {
	{ "passwd passwd-file:#/users", "bob", "home" },
	{ "passwd-file:#/users passwd", "bob", "other" },
	{ "passwd-file:#/users,passwd", "bob", "other" },
	{ "passwd, passwd-file:#/users", "anna", "anna" },
	{ "passwd passwd-file:#/users", "anna+x", "anna" },
	{ "passwd passwd-file:#/users", "otto", NULL },
	{ "passwd passwd-file:#/users static", "otto", "of-otto" },
	{ "passwd passwd-file:#/users static", "anna+x", "anna" },
	{ "static passwd", "bob", "of-bob" },
	/* Listing sources are asked for "anna+y" before static sees "anna". */
	{ "static passwd-file:#/users", "anna+y", "anna-y" },
};

static void
use_list(const char *list)
{
	char userdb[512];
	size_t used = 0;

	for (; *list != '\0'; list++)
		if (*list == '#')
			used += (size_t)snprintf(userdb + used,
			    sizeof(userdb) - used, "%s", world.scratch.root);
		else
			userdb[used++] = *list;
	userdb[used] = '\0';
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = %s\nmail_home = %s/of-%%n\n"
		"mail_location = maildir:~/Maildir\n",
		userdb, world.scratch.root));
}

START_TEST(sources_are_asked_in_turn)
{
	write_users("bob:x:!::#/other::\nanna:x:!::#/anna::\n"
		    "anna+y:x:!::#/anna-y::\n");
	use_list(lists[_i].userdb);
	deliver_to(lists[_i].user);
	if (lists[_i].want == NULL) {
		expect_unknown(&world);
		return;
	}
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(&world.scratch, "%s/Maildir", lists[_i].want),
	    world_mail);
}
END_TEST

START_TEST(a_source_that_cannot_be_asked_makes_all_doubtful)
{
	static const char *const userdbs[] = {
		"passwd-file:#/missing passwd",
		"passwd passwd-file:#/missing",
	};

	use_list(userdbs[_i]);
	deliver_to("otto");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, "missing");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("users");
	TCase *file = tcase_create("passwd-file");
	TCase *several = tcase_create("several sources");

	tcase_add_checked_fixture(file, set_up, tear_down);
	tcase_add_checked_fixture(several, set_up, tear_down);
	tcase_add_loop_test(
	    file, a_line_of_the_file_says_where_mail_goes, 0, COUNT(found));
	tcase_add_test(file, a_listed_name_that_suits_no_path_is_deferred);
	tcase_add_test(file, uid_and_gid_may_be_names);
	tcase_add_test(file, mail_uid_mail_gid_and_mail_home_fill_in);
	tcase_add_test(file, a_setting_of_the_user_holds_for_him_alone);
	tcase_add_test(file, o_beats_a_setting_of_the_user);
	tcase_add_test(file, a_bad_setting_of_the_user_is_deferred);
	tcase_add_loop_test(
	    file, who_is_not_in_the_file_is_unknown, 0, COUNT(not_found));
	tcase_add_loop_test(
	    file, a_doubtful_file_is_deferred_and_named, 0, COUNT(doubtful));
	tcase_add_test(file, NUL_in_the_file_is_doubtful);
	tcase_add_test(file, a_missing_file_is_deferred);
	tcase_add_test(file, an_unreadable_file_is_deferred);
	tcase_add_test(file, a_directory_for_a_file_is_deferred);
	tcase_add_test(file, the_path_may_hold_the_domain);
	if (getuid() == 0)
		tcase_add_test(
		    file, a_line_without_uid_for_a_root_caller_is_deferred);
	tcase_add_test(file, a_user_of_another_uid_is_deferred);
	tcase_add_loop_test(
	    several, sources_are_asked_in_turn, 0, COUNT(lists));
	tcase_add_loop_test(
	    several, a_source_that_cannot_be_asked_makes_all_doubtful, 0, 2);
	suite_add_tcase(suite, file);
	suite_add_tcase(suite, several);
	return world_main(suite);
}
