/*
 * check_root.c - started by root, lda becomes the recipient before it reads a
 * byte of mail.
 *
 * Source: DESIGN 3 (Privileges), 2.3 (first_valid_uid, HOME).
 */
#include "support/world.h"

#include <sys/stat.h>
#include <unistd.h>

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
become_root(void)
{
	world.command.uid = world.command.gid = 0;
}

START_TEST(root_becomes_the_recipient_for_good)
{
	struct stat facts;

	become_root();
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert_int_eq(
	    stat(scratch_path(&world.scratch, "home/Maildir"), &facts), 0);
	ck_assert_uint_eq(facts.st_uid, world.scratch.uid);
	ck_assert_uint_eq(facts.st_gid, world.scratch.gid);
}
END_TEST

START_TEST(root_without_d_is_deferred)
{
	become_root();
	world_local(&world);
	world.command.argv[1] = NULL;
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "-d is missing");
}
END_TEST

START_TEST(root_never_delivers_as_root)
{
	become_root();
	world_arguments(&world, "-d", "root", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "uid 0");
}
END_TEST

START_TEST(first_valid_uid_is_judged)
{
	become_root();
	world_argument(&world, "-o");
	world_argument(&world,
	    scratch_print(
		&world.scratch, "first_valid_uid=%d", MACHINE_UID + 1));
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "first_valid_uid");
}
END_TEST

START_TEST(root_cannot_write_what_the_recipient_cannot)
{
	become_root();
	scratch_chown(&world.scratch, "home", 0, 0);
	scratch_chmod(&world.scratch, "home", 0755);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.2.1");
	ck_assert_uint_eq(maildir_count(&world.scratch, "home"), 0);
}
END_TEST

START_TEST(root_does_not_believe_HOME)
{
	become_root();
	scratch_mkdir(&world.scratch, "other", 0700);
	world_local(&world);
	world.command.recipient.home = scratch_path(&world.scratch, "other");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(p_is_opened_with_the_recipients_rights)
{
	become_root();
	scratch_write(&world.scratch, "secret", world_mail);
	scratch_chown(&world.scratch, "secret", 0, 0);
	scratch_chmod(&world.scratch, "secret", 0600);
	world_argument(&world, "-p");
	world_argument(&world, scratch_path(&world.scratch, "secret"));
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("root");
	TCase *root = tcase_create("root");

	tcase_add_checked_fixture(root, set_up, tear_down);
	tcase_add_test(root, root_becomes_the_recipient_for_good);
	tcase_add_test(root, root_without_d_is_deferred);
	tcase_add_test(root, root_never_delivers_as_root);
	tcase_add_test(root, first_valid_uid_is_judged);
	tcase_add_test(root, root_cannot_write_what_the_recipient_cannot);
	tcase_add_test(root, root_does_not_believe_HOME);
	tcase_add_test(root, p_is_opened_with_the_recipients_rights);
	if (getuid() == 0)
		suite_add_tcase(suite, root);
	return world_main(suite);
}
