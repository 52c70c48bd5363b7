/*
 * check_folders.c - -m names a folder below the mail root, or it is INBOX.
 *
 * Source: DESIGN 2.1 (-m); Maildir++; RFC 3501 5.1.3.
 */
#include "support/world.h"

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

/* Folders.  The name, the folder that is there, where mail goes. */
static const struct {
	const char *name;
	const char *there;
	const char *want;
} folders[] = {
	{ "Work", ".Work", ".Work" },
	{ "Work/Sub", ".Work.Sub", ".Work.Sub" },
	{ "Work.Sub", ".Work.Sub", ".Work.Sub" },
	{ "INBOX/Work", ".Work", ".Work" },
	{ "INBOX.Work", ".Work", ".Work" },
	{ "INBOX", ".INBOX", "" },
	{ "inbox", ".inbox", "" },
	{ "INBOX/", ".Work", "" },
	{ "INBOX.", ".Work", "" },
	{ "b\xc3\xa4r", ".b&AOQ-r", ".b&AOQ-r" },
	{ "a&b", ".a&-b", ".a&-b" },
	{ "with blank", ".with blank", ".with blank" },
	{ "Work", ".Other", "" },
	{ "work", ".Work", "" },
	{ "Work/", ".Work", "" },
	{ "/Work", ".Work", "" },
	{ "Work//Sub", ".Work.Sub", "" },
	{ "../Work", ".Work", "" },
	{ "~/Work", ".Work", "" },
	{ "W\xff", ".W\xff", "" },
	{ "Work\n", ".Work", "" },
	{ "cur", ".Work", "" },
};

START_TEST(m_names_a_folder_or_falls_back_to_INBOX)
{
	make_maildir("home/Maildir", 0700);
	make_maildir(
	    scratch_print(&world.scratch, "home/Maildir/%s", folders[_i].there),
	    0700);
	world_argument(&world, "-m");
	world_argument(&world, folders[_i].name);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(&world.scratch, "home/Maildir/%s", folders[_i].want),
	    world_mail);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 1);
	expect_log(&world,
	    folders[_i].want[0] == '\0' ? "saved mail to INBOX" :
					  "saved mail to ");
}
END_TEST

START_TEST(a_fallback_is_one_line_in_the_log)
{
	world_argument(&world, "-m");
	world_argument(&world, "nosuch");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, "nosuch");
	expect_log(&world, "saved mail to INBOX");
	ck_assert_uint_le(world.log.count, 2);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir"), 3);
}
END_TEST

START_TEST(autocreate_makes_the_folder)
{
	world_argument(&world, "-m");
	world_argument(&world, "Work/b\xc3\xa4r");
	world_argument(&world, "-o");
	world_argument(&world, "lda_mailbox_autocreate=yes");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Maildir/.Work.b&AOQ-r", world_mail);
	ck_assert(scratch_has(
	    &world.scratch, "home/Maildir/.Work.b&AOQ-r/maildirfolder"));
	expect_log(&world, "saved mail to Work/b");
}
END_TEST

START_TEST(a_linked_folder_is_not_followed)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("victim", 0700);
	scratch_symlink(&world.scratch, "../../victim", "home/Maildir/.Work");
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "victim"), 0);
}
END_TEST

static const mode_t closed[] = { 0, 0600 };

START_TEST(a_folder_that_may_not_be_opened_falls_back)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/.Work", 0700);
	scratch_chmod(&world.scratch, "home/Maildir/.Work", closed[_i]);
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, ".Work");
}
END_TEST

START_TEST(LAYOUT_fs_uses_directories)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/Work", 0700);
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_argument(&world, "-o");
	world_argument(&world, "mail_location=maildir:~/Maildir:LAYOUT=fs");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Maildir/Work", world_mail);
}
END_TEST

START_TEST(INBOX_may_be_elsewhere)
{
	world_argument(&world, "-o");
	world_argument(&world, "mail_location=maildir:~/Maildir:INBOX=~/Inbox");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Inbox", world_mail);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("folders");
	TCase *names = tcase_create("folders");

	tcase_add_checked_fixture(names, set_up, tear_down);
	tcase_add_loop_test(
	    names, m_names_a_folder_or_falls_back_to_INBOX, 0, COUNT(folders));
	tcase_add_test(names, a_fallback_is_one_line_in_the_log);
	tcase_add_test(names, autocreate_makes_the_folder);
	tcase_add_test(names, a_linked_folder_is_not_followed);
	tcase_add_loop_test(names, a_folder_that_may_not_be_opened_falls_back,
	    0, COUNT(closed));
	tcase_add_test(names, LAYOUT_fs_uses_directories);
	tcase_add_test(names, INBOX_may_be_elsewhere);
	suite_add_tcase(suite, names);
	return world_main(suite);
}
