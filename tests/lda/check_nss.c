/*
 * check_nss.c - the system's users: the passwd file, and NSS through
 * lda-getpw, which may answer, fail, lie or hang.
 *
 * Source: DESIGN 2.3; nsswitch.conf(5); getpwnam_r(3).
 */
#include "support/world.h"

#include <signal.h>
#include <stdlib.h>

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

static void
deliver_to(const char *user)
{
	world_arguments(&world, "-d", user, NULL);
	world_deliver(&world, world_mail);
}

START_TEST(an_unknown_system_user_is_unknown)
{
	deliver_to("nosuch");
	expect_unknown(&world);
	expect_log(&world, "exit=67");
}
END_TEST

/* Names that a passwd file cannot hold, or that its other fields do. */
static const char *const no_names[] = { "bob:x", "x", "60001", "/bin/sh", "bo",
	"bobb", ":", "b\303\266b", "*", "bob,root", "bob root" };

START_TEST(what_only_looks_like_a_name_is_unknown)
{
	deliver_to(no_names[_i]);
	expect_unknown(&world);
}
END_TEST

static const char *const bad_passwd[] = {
	"",
	"root:x:0:0:root:/root:/bin/sh",
	"root:x:0:0:root:/root:/bin/sh\nbob:x:",
	"bob:x:abc:1::/home/bob:/bin/sh\n",
	"bob:x:1\n",
	"bob:x:60001:60001:::\n",
};

START_TEST(a_doubtful_passwd_file_is_deferred)
{
	machine_write("etc/passwd", bad_passwd[_i], 0644);
	deliver_to("bob");
	expect_deferred(&world, "4.4.3");
}
END_TEST

START_TEST(a_missing_passwd_file_is_deferred)
{
	machine_remove("etc/passwd");
	deliver_to("bob");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, machine_path("etc/passwd"));
}
END_TEST

/* What lda-getpw may do when it is asked for otto. */
static const struct {
	const char *script;
	const char *nsswitch;
	const char *setting;
	int want;
} helpers[] = {
	{ "echo \"otto:x:$U:$G::$R/otto:/bin/sh\"", "files ldap", "", 0 },
	{ "echo \"otto:x:$U:$G::$R/otto:/bin/sh\"", "files sss", "", 0 },
	{ "exit 67", "files ldap", "", 75 },
	{ "exit 67", "files sss", "", 75 },
	{ "exit 67", "files winbind [NOTFOUND=return] nis", "", 75 },
	{ "exit 67", "files ldap", "nss_notfound = doubtful\n", 75 },
	{ "exit 67", "files ldap", "nss_notfound = unknown\n", 67 },
	{ "exit 67", "files systemd", "", 67 },
	{ "exit 67", "compat", "", 67 },
	{ "exit 67", "files systemd # ldap", "", 67 },
	{ "exit 75", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "exit 75", "files systemd", "", 75 },
	{ "exit 1", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "exit 126", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "exit 255", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "exit 0", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "kill -SEGV $$", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "kill -KILL $$", "files ldap", "nss_notfound = unknown\n", 75 },
	{ "echo otto", "files ldap", "", 75 },
	{ "printf \"otto:x:$U:$G::$R/otto:/bin/sh\"", "files ldap", "", 75 },
	{ "echo otto:x:abc:1::/x:/bin/sh", "files ldap", "", 75 },
	{ "echo otto:x:0:0::/root:/bin/sh", "files ldap", "", 75 },
	{ "echo \"otto:x:$U:$G::$R/otto:/bin/sh\"; exit 67", "files ldap", "",
	    75 },
	{ "echo 5.1.1 no; echo 5.1.1 no >&2; exit 75", "files ldap", "", 75 },
};

static void
write_helper(const char *script)
{
	machine_write("libexec/lda-getpw",
	    scratch_print(&world.scratch, "#!/bin/sh\nU=%ju G=%ju R=%s\n%s\n",
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root, script),
	    0755);
}

static void
use_helper(const char *script, const char *nsswitch, const char *setting)
{
	write_helper(script);
	machine_write("etc/nsswitch.conf",
	    scratch_print(
		&world.scratch, "# passwd: files\npasswd: %s\n", nsswitch),
	    0644);
	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_location = maildir:~/Maildir\n%s", setting));
}

START_TEST(an_end_of_lda_getpw_has_one_meaning)
{
	scratch_mkdir(&world.scratch, "otto", 0700);
	use_helper(
	    helpers[_i].script, helpers[_i].nsswitch, helpers[_i].setting);
	deliver_to("otto");
	switch (helpers[_i].want) {
	case 0:
		expect_sent(&world);
		expect_maildir(&world, "otto/Maildir", world_mail);
		break;
	case 67:
		expect_unknown(&world);
		break;
	default:
		expect_contract(&world);
		ck_assert_msg(host_exit_status(&world.got) == 75, "%s",
		    world_tell(&world));
	}
}
END_TEST

START_TEST(lda_getpw_that_hangs_is_not_waited_for)
{
	use_helper("sleep 60", "files ldap", "delivery_timeout = 1s\n");
	deliver_to("otto");
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert_int_lt(world.got.elapsed_ms, 5000);
}
END_TEST

START_TEST(lda_getpw_that_talks_too_much_is_not_believed)
{
	use_helper(
	    "head -c 5000000 /dev/zero | tr '\\0' x; exit 0", "files ldap", "");
	deliver_to("otto");
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
}
END_TEST

START_TEST(lda_getpw_sees_no_descriptor_and_no_environment)
{
	use_helper("{ readlink /dev/fd/0 /dev/fd/1 /dev/fd/2; env; } "
		   ">\"$R/seen\"; ls /dev/fd | wc -l >>\"$R/seen\"; "
		   "echo 5.1.1 heard; echo 5.1.1 heard >&2; exit 75",
	    "files ldap", "");
	world_variable(&world, "SECRET=leaked");
	deliver_to("otto");
	expect_deferred(&world, "4.4.3");
	ck_assert(scratch_has(&world.scratch, "seen"));
	ck_assert_int_eq(system(scratch_print(&world.scratch,
			     "grep -q leaked %s/seen", world.scratch.root)),
	    1 << 8);
}
END_TEST

START_TEST(lda_getpw_is_not_asked_for_whom_passwd_knows)
{
	use_helper("exit 75", "files ldap", "");
	deliver_to("bob");
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(a_missing_nsswitch_means_files_alone)
{
	use_helper("exit 67", "files", "");
	machine_remove("etc/nsswitch.conf");
	deliver_to("otto");
	expect_unknown(&world);
}
END_TEST

START_TEST(an_unreadable_nsswitch_is_deferred)
{
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0);
	deliver_to("otto");
	expect_deferred(&world, "4.4.3");
}
END_TEST

START_TEST(lda_getpw_that_is_missing_is_deferred)
{
	use_helper("exit 67", "files ldap", "nss_notfound = unknown\n");
	machine_write("libexec/lda-getpw", "#!/nonexistent/sh\n", 0755);
	deliver_to("otto");
	expect_contract(&world);
	ck_assert_int_ne(host_exit_status(&world.got), 0);
}
END_TEST

static void
ignore_children(void *context)
{
	(void)context;
	(void)signal(SIGCHLD, SIG_IGN);
}

START_TEST(lda_getpw_is_heard_when_children_are_ignored)
{
	scratch_mkdir(&world.scratch, "otto", 0700);
	use_helper("echo \"otto:x:$U:$G::$R/otto:/bin/sh\"", "files ldap", "");
	world.command.before_exec = ignore_children;
	deliver_to("otto");
	expect_sent(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("passwd and NSS");
	TCase *nss = tcase_create("passwd and NSS");

	tcase_set_timeout(nss, 30);
	tcase_add_checked_fixture(nss, set_up, tear_down);
	tcase_add_test(nss, an_unknown_system_user_is_unknown);
	tcase_add_loop_test(
	    nss, what_only_looks_like_a_name_is_unknown, 0, COUNT(no_names));
	tcase_add_loop_test(
	    nss, a_doubtful_passwd_file_is_deferred, 0, COUNT(bad_passwd));
	tcase_add_test(nss, a_missing_passwd_file_is_deferred);
	tcase_add_loop_test(
	    nss, an_end_of_lda_getpw_has_one_meaning, 0, COUNT(helpers));
	tcase_add_test(nss, lda_getpw_that_hangs_is_not_waited_for);
	tcase_add_test(nss, lda_getpw_that_talks_too_much_is_not_believed);
	tcase_add_test(nss, lda_getpw_sees_no_descriptor_and_no_environment);
	tcase_add_test(nss, lda_getpw_is_not_asked_for_whom_passwd_knows);
	tcase_add_test(nss, a_missing_nsswitch_means_files_alone);
	tcase_add_test(nss, an_unreadable_nsswitch_is_deferred);
	tcase_add_test(nss, lda_getpw_that_is_missing_is_deferred);
	tcase_add_test(nss, lda_getpw_is_heard_when_children_are_ignored);
	suite_add_tcase(suite, nss);
	return world_main(suite);
}
