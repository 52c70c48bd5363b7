/*
 * check_maildir.c - the Maildir that mail arrives in: made, found, refused.
 *
 * Source: DESIGN 2.3 (homes), 3 (Maildir, links); Maildir++; Dovecot's modes.
 */
#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
make_maildir(const char *name, mode_t mode)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < COUNT(parts); i++)
		scratch_mkdir(&world.scratch,
		    scratch_print(&world.scratch, "%s%s", name, parts[i]),
		    mode);
}

static void
expect_mode(const char *name, mode_t want)
{
	mode_t got = scratch_mode(&world.scratch, name) & 07777;

	ck_assert_msg(got == want, "%s has mode %o instead of %o", name,
	    (unsigned)got, (unsigned)want);
}

START_TEST(a_Maildir_is_made_for_its_owner_alone)
{
	struct mail got;

	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_mode("home/Maildir", 0700);
	expect_mode("home/Maildir/cur", 0700);
	expect_mode("home/Maildir/new", 0700);
	expect_mode("home/Maildir/tmp", 0700);
	maildir_read_one(&world.scratch, "home/Maildir", &got);
	ck_assert_uint_eq(got.mode, 0600);
	free(got.octets);
	/* maildirfolder marks folders; in the root it breaks quota. */
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir"), 3);
}
END_TEST

/* The mode of the Maildir, of what is made in it, of a message. */
static const struct {
	mode_t given, directory, message;
} modes[] = {
	{ 0700, 0700, 0600 },
	{ 0750, 0750, 0640 },
	{ 0755, 0755, 0644 },
	{ 0770, 0770, 0660 },
	{ 0777, 0777, 0666 },
	{ 02770, 02770, 0660 },
};

START_TEST(modes_follow_the_mailbox_directory)
{
	struct mail got;

	scratch_mkdir(&world.scratch, "home/Maildir", modes[_i].given);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_mode("home/Maildir", modes[_i].given);
	expect_mode("home/Maildir/new", modes[_i].directory);
	expect_mode("home/Maildir/tmp", modes[_i].directory);
	maildir_read_one(&world.scratch, "home/Maildir", &got);
	ck_assert_msg(got.mode == modes[_i].message, "%o", (unsigned)got.mode);
	free(got.octets);
}
END_TEST

START_TEST(what_is_missing_in_a_Maildir_is_made)
{
	static const char *const missing[] = { "cur", "new", "tmp" };

	make_maildir("home/Maildir", 0700);
	ck_assert_int_eq(
	    remove(scratch_path(&world.scratch,
		scratch_print(&world.scratch, "home/Maildir/%s", missing[_i]))),
	    0);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir"), 3);
}
END_TEST

START_TEST(a_missing_home_of_a_system_user_is_not_made)
{
	ck_assert_int_eq(remove(scratch_path(&world.scratch, "home")), 0);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.2.1");
	expect_log(&world, scratch_path(&world.scratch, "home"));
	ck_assert(!scratch_has(&world.scratch, "home"));
}
END_TEST

START_TEST(others_homes_are_made)
{
	world_arguments(&world, "-d", "anna@a.example", "-o", "userdb=static",
	    "-o",
	    scratch_print(&world.scratch, "mail_home=%s/home/v/%%d/%%n",
		world.scratch.root),
	    NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/v/a.example/anna/Maildir", world_mail);
	expect_mode("home/v/a.example/anna", 0700);
}
END_TEST

START_TEST(other_mail_is_left_alone)
{
	char *before, *after;

	make_maildir("home/Maildir", 0700);
	scratch_write(&world.scratch, "home/Maildir/cur/1.x:2,S", "old\n");
	scratch_write(&world.scratch, "home/Maildir/dovecot-uidlist", "3\n");
	scratch_mkdir(&world.scratch, "home/Maildir/.Work", 0700);
	before = scratch_list(&world.scratch, "home", "home/Maildir/new");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	/* tmp has changed, though it is empty again. */
	after = scratch_list(&world.scratch, "home", "home/Maildir/new");
	ck_assert_uint_eq(strlen(before), strlen(after));
	ck_assert_ptr_nonnull(strstr(after, "dovecot-uidlist"));
	free(before);
	free(after);
	scratch_write(&world.scratch, "home/Maildir/new/2.y", "new\n");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir/new"), 3);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir/cur"), 1);
}
END_TEST

START_TEST(the_name_tells_the_time)
{
	struct mail got;
	time_t before = time(NULL), named;

	world_deliver(&world, world_mail);
	maildir_read_one(&world.scratch, "home/Maildir", &got);
	named = (time_t)strtoll(got.name, NULL, 10);
	ck_assert_int_ge(named, before);
	ck_assert_int_le(named, time(NULL));
	free(got.octets);
}
END_TEST

START_TEST(many_deliveries_have_many_names)
{
	for (int i = 0; i < 20; i++) {
		world_deliver(&world, world_mail);
		expect_sent(&world);
	}
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), 20);
}
END_TEST

enum {
	CROWD = 12
};

START_TEST(deliveries_at_the_same_time_do_not_meet)
{
	struct host_run runs[CROWD];

	for (size_t i = 0; i < CROWD; i++) {
		host_start(&world.command, &runs[i]);
		host_feed(&runs[i], world_mail, strlen(world_mail));
	}
	for (size_t i = 0; i < CROWD; i++) {
		host_finish(&runs[i], &world.got);
		expect_sent(&world);
	}
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), CROWD);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir/tmp"), 0);
}
END_TEST

/* Links: the way to the root may have some, below it none is followed. */

START_TEST(a_linked_home_is_followed)
{
	scratch_mkdir(&world.scratch, "real", 0700);
	ck_assert_int_eq(remove(scratch_path(&world.scratch, "home")), 0);
	scratch_symlink(&world.scratch, "real", "home");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "real/Maildir", world_mail);
}
END_TEST

START_TEST(a_linked_Maildir_is_followed)
{
	make_maildir("real", 0700);
	scratch_symlink(&world.scratch, "../real", "home/Maildir");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "real", world_mail);
}
END_TEST

START_TEST(a_linked_directory_inside_is_refused)
{
	static const char *const inside[] = { "new", "tmp" };
	const char *path =
	    scratch_print(&world.scratch, "home/Maildir/%s", inside[_i]);
	char *before, *after;

	make_maildir("home/Maildir", 0700);
	scratch_mkdir(&world.scratch, "victim", 0777);
	ck_assert_int_eq(remove(scratch_path(&world.scratch, path)), 0);
	scratch_symlink(&world.scratch, "../../victim", path);
	before = scratch_list(&world.scratch, "victim", NULL);
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	expect_log(&world, inside[_i]);
	after = scratch_list(&world.scratch, "victim", NULL);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(a_dangling_link_inside_is_refused)
{
	static const char *const inside[] = { "new", "tmp" };
	const char *path =
	    scratch_print(&world.scratch, "home/Maildir/%s", inside[_i]);

	make_maildir("home/Maildir", 0700);
	ck_assert_int_eq(remove(scratch_path(&world.scratch, path)), 0);
	scratch_symlink(&world.scratch, "../../victim", path);
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert(!scratch_has(&world.scratch, "victim"));
}
END_TEST

/* What stands in the way, and the outcome. */

static void
expect_nothing_done(const char *directory, const char *missing)
{
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.2.1");
	expect_log(&world,
	    scratch_print(&world.scratch, "lacks %s on %s", missing,
		scratch_path(&world.scratch, directory)));
}

static const struct {
	const char *directory;
	mode_t mode;
	const char *missing;
} locked[] = {
	{ "home/Maildir/tmp", 0500, "w" },
	{ "home/Maildir/tmp", 0600, "x" },
	{ "home/Maildir/new", 0500, "w" },
	{ "home/Maildir/new", 0600, "x" },
	{ "home/Maildir", 0600, "x" },
	{ "home", 0600, "x" },
};

START_TEST(a_missing_permission_is_named_in_the_log)
{
	make_maildir("home/Maildir", 0700);
	scratch_chmod(&world.scratch, locked[_i].directory, locked[_i].mode);
	expect_nothing_done(locked[_i].directory, locked[_i].missing);
	/* It can be undone, so the mail comes with the next try. */
	scratch_chmod(&world.scratch, locked[_i].directory, 0700);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(a_home_that_cannot_be_written_is_named_in_the_log)
{
	scratch_chmod(&world.scratch, "home", 0500);
	expect_nothing_done("home", "w");
	ck_assert(!scratch_has(&world.scratch, "home/Maildir"));
}
END_TEST

static const char *const blocked[] = { "home/Maildir", "home/Maildir/new",
	"home/Maildir/tmp" };

START_TEST(a_file_in_the_place_of_a_directory_is_deferred)
{
	char *after;

	if (_i > 0) {
		make_maildir("home/Maildir", 0700);
		ck_assert_int_eq(
		    remove(scratch_path(&world.scratch, blocked[_i])), 0);
	}
	scratch_write(&world.scratch, blocked[_i], "in the way\n");
	world_deliver(&world, world_mail);
	expect_contract(&world);
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	expect_log(&world, blocked[_i] + strlen("home/"));
	after = scratch_list(&world.scratch, "home", NULL);
	ck_assert_ptr_nonnull(strstr(after, " 11 ")); /* as it was */
	free(after);
}
END_TEST

START_TEST(fsync_never_delivers_too)
{
	world_argument(&world, "-o");
	world_argument(&world, "mail_fsync=never");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("Maildir");
	TCase *making = tcase_create("making");
	TCase *links = tcase_create("links");
	TCase *ways = tcase_create("in the way");

	tcase_add_checked_fixture(making, set_up, tear_down);
	tcase_add_checked_fixture(links, set_up, tear_down);
	tcase_add_checked_fixture(ways, set_up, tear_down);
	tcase_add_test(making, a_Maildir_is_made_for_its_owner_alone);
	tcase_add_loop_test(
	    making, modes_follow_the_mailbox_directory, 0, COUNT(modes));
	tcase_add_loop_test(making, what_is_missing_in_a_Maildir_is_made, 0, 3);
	tcase_add_test(making, a_missing_home_of_a_system_user_is_not_made);
	tcase_add_test(making, others_homes_are_made);
	tcase_add_test(making, other_mail_is_left_alone);
	tcase_add_test(making, the_name_tells_the_time);
	tcase_add_test(making, many_deliveries_have_many_names);
	tcase_add_test(making, deliveries_at_the_same_time_do_not_meet);
	tcase_add_test(making, fsync_never_delivers_too);
	tcase_add_test(links, a_linked_home_is_followed);
	tcase_add_test(links, a_linked_Maildir_is_followed);
	tcase_add_loop_test(links, a_linked_directory_inside_is_refused, 0, 2);
	tcase_add_loop_test(links, a_dangling_link_inside_is_refused, 0, 2);
	tcase_add_loop_test(
	    ways, a_missing_permission_is_named_in_the_log, 0, COUNT(locked));
	tcase_add_test(ways, a_home_that_cannot_be_written_is_named_in_the_log);
	tcase_add_loop_test(ways,
	    a_file_in_the_place_of_a_directory_is_deferred, 0, COUNT(blocked));
	suite_add_tcase(suite, making);
	suite_add_tcase(suite, links);
	suite_add_tcase(suite, ways);
	return world_main(suite);
}
