/*
 * check_maildir.c - opened, staged, committed; or aborted, and nothing is
 * there.
 */
#include "store/store.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/maildir_view.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct store_options options;
static struct mailbox mailbox;
static struct folder folder;
static struct delivery delivery;
static struct message message;

static void
open_all(void)
{
	(void)umask(077); /* as lda/main.c sets it */
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	for (size_t i = 0; i < store_settings.count; i++) {
		const struct setting *row = &store_settings.rows[i];

		ck_assert_int_eq(setting_parse(row, str_from(row->fallback),
				     &options, &arena, &why),
		    0);
	}
	memset(&folder, 0, sizeof(folder));
	memset(&mailbox, 0, sizeof(mailbox));
	memset(&message, 0, sizeof(message));
	mailbox.store = &store_maildir;
	mailbox.root = scratch_path(&scratch, "home/Maildir");
	mailbox.inbox = mailbox.root;
	message_init(&message);
	message.memory = STR("a: b\n\nc\r\n");
	message.size_octets = 9;
	message.crlf_octets = 11;
	scratch_mkdir(&scratch, "home", 0700);
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static int
open_folder(const char *name)
{
	ck_assert_int_eq(
	    folder_parse(str_from(name), &arena, &folder, &why), 0);
	delivery_init(&delivery, &mailbox, &options, &folder, &arena);
	return store_maildir.open(&delivery, &why);
}

static void
deliver_into(const char *name)
{
	ck_assert_msg(open_folder(name) == 0, "%s", why.cause);
	ck_assert_msg(store_maildir.stage(&delivery, &message, &why) == 0, "%s",
	    why.cause);
	ck_assert_int_eq((int)delivery.state, (int)DELIVERY_STAGED);
	ck_assert_msg(
	    store_maildir.commit(&delivery, &why) == 0, "%s", why.cause);
	ck_assert_int_eq((int)delivery.state, (int)DELIVERY_COMMITTED);
	store_maildir.finish(&delivery);
}

START_TEST(message_arrives_whole_in_a_mailbox_that_was_not_there)
{
	deliver_into("");
	maildir_expect(
	    &scratch, "home/Maildir", message.memory.at, message.memory.length);
	ck_assert(scratch_has(&scratch, "home/Maildir/cur"));
	ck_assert_int_eq(
	    (int)(scratch_mode(&scratch, "home/Maildir/new") & 07777), 0700);
}
END_TEST

START_TEST(long_message_is_the_file_that_was_spooled)
{
	int fd;

	ck_assert_int_eq(open_folder(""), 0);
	fd = store_maildir.spool(&delivery, &why);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "spooled\n", 8), 8);
	message.file = fd;
	message.size_octets = 8;
	message.crlf_octets = 9;
	ck_assert_int_eq(store_maildir.stage(&delivery, &message, &why), 0);
	ck_assert_int_eq(store_maildir.commit(&delivery, &why), 0);
	store_maildir.finish(&delivery);
	maildir_expect(&scratch, "home/Maildir", "spooled\n", 8);
}
END_TEST

/* Nobody sees a message before the commit, nor after an abort. */
START_TEST(aborted_delivery_leaves_nothing)
{
	ck_assert_int_eq(open_folder(""), 0);
	if (_i >= 1)
		ck_assert_int_eq(
		    store_maildir.stage(&delivery, &message, &why), 0);
	ck_assert_uint_eq(maildir_count(&scratch, "home/Maildir/new"), 0);
	if (_i >= 2) {
		ck_assert_int_eq(store_maildir.commit(&delivery, &why), 0);
		ck_assert_uint_eq(
		    maildir_count(&scratch, "home/Maildir/new"), 1);
	}
	status_init(&why);
	store_maildir.abort(&delivery, &why);
	ck_assert_int_eq((int)delivery.state, (int)DELIVERY_ABORTED);
	ck_assert_uint_eq(maildir_count_below(&scratch, "home"), 0);
	ck_assert_str_eq(why.cause, "");
}
END_TEST

START_TEST(aborted_spool_leaves_nothing)
{
	ck_assert_int_eq(open_folder(""), 0);
	ck_assert_int_ge(store_maildir.spool(&delivery, &why), 0);
	store_maildir.abort(&delivery, &why);
	ck_assert_uint_eq(maildir_count_below(&scratch, "home"), 0);
}
END_TEST

START_TEST(abort_before_the_open_is_no_harm)
{
	delivery_init(&delivery, &mailbox, &options, &folder, &arena);
	store_maildir.abort(&delivery, &why);
	ck_assert_int_eq((int)delivery.state, (int)DELIVERY_ABORTED);
}
END_TEST

START_TEST(home_that_is_never_made_is_not_made)
{
	mailbox.never_made = scratch_path(&scratch, "gone");
	mailbox.root = mailbox.inbox = scratch_path(&scratch, "gone/Maildir");
	ck_assert_int_eq(open_folder(""), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_UNREACHABLE);
	ck_assert(!scratch_has(&scratch, "gone"));
	/* Below it everything may be. */
	scratch_mkdir(&scratch, "gone", 0700);
	deliver_into("");
}
END_TEST

START_TEST(missing_folder_is_refused_or_made)
{
	ck_assert_int_eq(open_folder("Work/b\xc3\xa4r"), -1);
	ck_assert(delivery.folder_refused);
	ck_assert(!scratch_has(&scratch, "home/Maildir/.Work.b&AOQ-r"));
	options.lda_mailbox_autocreate = true;
	deliver_into("Work/b\xc3\xa4r");
	maildir_expect(&scratch, "home/Maildir/.Work.b&AOQ-r",
	    message.memory.at, message.memory.length);
	ck_assert(
	    scratch_has(&scratch, "home/Maildir/.Work.b&AOQ-r/maildirfolder"));
}
END_TEST

START_TEST(folders_of_layout_fs_are_directories)
{
	mailbox.layout_fs = true;
	options.lda_mailbox_autocreate = true;
	deliver_into("Work/deep");
	maildir_expect(&scratch, "home/Maildir/Work/deep", message.memory.at,
	    message.memory.length);
}
END_TEST

/* The home may be behind a link, but nothing below the mail root. */
START_TEST(link_to_the_mail_root_is_followed)
{
	scratch_mkdir(&scratch, "real", 0700);
	scratch_symlink(&scratch, "../real", "home/Maildir");
	deliver_into("");
	maildir_expect(
	    &scratch, "real", message.memory.at, message.memory.length);
}
END_TEST

static const char *const links[] = { "home/Maildir/new", "home/Maildir/tmp",
	"home/Maildir/.Work" };

START_TEST(link_below_the_mail_root_is_not_followed)
{
	scratch_mkdir(&scratch, "home/Maildir", 0700);
	scratch_mkdir(&scratch, "elsewhere", 0700);
	scratch_mkdir(&scratch, "elsewhere/new", 0700);
	scratch_mkdir(&scratch, "elsewhere/tmp", 0700);
	scratch_symlink(
	    &scratch, scratch_path(&scratch, "elsewhere"), links[_i]);
	options.lda_mailbox_autocreate = true;
	ck_assert_int_eq(open_folder(_i == 2 ? "Work" : ""), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_UNREACHABLE);
	ck_assert_int_eq(delivery.folder_refused, _i == 2);
	store_maildir.abort(&delivery, &why);
	ck_assert_uint_eq(maildir_count_below(&scratch, "elsewhere"), 0);
}
END_TEST

START_TEST(file_where_a_directory_should_be_is_answered)
{
	static const char *const names[] = { "home/Maildir", "home/Maildir/new",
		"home/Maildir/tmp" };

	if (_i > 0)
		scratch_mkdir(&scratch, "home/Maildir", 0700);
	scratch_write(&scratch, names[_i], "precious");
	ck_assert_int_eq(open_folder(""), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_UNREACHABLE);
	expect_holds(why.cause, "home/Maildir");
}
END_TEST

static const struct {
	mode_t given, file;
} modes[] = {
	{ 0700, 0600 },
	{ 0750, 0640 },
	{ 0770, 0660 },
	{ 0755, 0644 },
};

START_TEST(modes_follow_the_directory)
{
	struct mail got;

	scratch_mkdir(&scratch, "home/Maildir", modes[_i].given);
	deliver_into("");
	maildir_read_one(&scratch, "home/Maildir", &got);
	ck_assert_msg(got.mode == modes[_i].file,
	    "a directory of mode %04o, a file of mode %04o",
	    (unsigned)modes[_i].given, (unsigned)got.mode);
	ck_assert_int_eq(
	    (int)(scratch_mode(&scratch, "home/Maildir/new") & 07777),
	    (int)modes[_i].given);
	free(got.octets);
}
END_TEST

/* Where the group has rights that the world has not. */
static const struct {
	mode_t given;
	gid_t want;
} groups[] = {
	{ 0770, 4243 },
	{ 0750, 4243 },
	{ 0777, 0 },
};

START_TEST(group_follows_the_directory)
{
	struct stat facts;

	scratch_mkdir(&scratch, "home/Maildir", groups[_i].given);
	scratch_chown(&scratch, "home/Maildir", 0, 4243);
	deliver_into("");
	ck_assert_int_eq(
	    stat(scratch_path(&scratch, "home/Maildir/new"), &facts), 0);
	ck_assert_uint_eq(facts.st_gid, groups[_i].want);
}
END_TEST

START_TEST(many_messages_never_meet)
{
	for (size_t i = 0; i < 20; i++) {
		deliver_into("");
		scratch.note_count = 1;
		ck_assert_uint_eq(
		    maildir_count(&scratch, "home/Maildir/new"), i + 1);
	}
	ck_assert_uint_eq(maildir_count(&scratch, "home/Maildir/tmp"), 0);
}
END_TEST

START_TEST(strange_paths_are_made)
{
	static const char *const names[] = { "x/y/z", "x//y", "x/y/", "x/y//",
		"a b/\xc3\xa4" };

	mailbox.root = mailbox.inbox = scratch_path(&scratch, names[_i]);
	deliver_into("");
	maildir_expect(
	    &scratch, names[_i], message.memory.at, message.memory.length);
}
END_TEST

START_TEST(endless_path_is_answered)
{
	char *path = arena_take(&arena, 10000);

	memset(path, 'a', 9999);
	memcpy(path, "/tmp/", 5);
	for (size_t i = 100; i < 9999; i += 100)
		path[i] = '/';
	mailbox.root = mailbox.inbox = path;
	ck_assert_int_eq(open_folder(""), -1);
	ck_assert(status_row(why.id)->exit_code == 75);
}
END_TEST

START_TEST(probe_makes_nothing)
{
	char *before, *after;

	before = scratch_list(&scratch, "", NULL);
	delivery_init(&delivery, &mailbox, &options, &folder, &arena);
	ck_assert_int_eq(store_maildir.probe(&delivery, &why), 0);
	after = scratch_list(&scratch, "", NULL);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

/* A file without a name, as lda-lmtp spools a message for several. */
static int
open_spool(const char *directory)
{
	int fd = sys_unnamed_file(directory);

	if (fd < 0)
		return -1; /* a file system that has none */
	ck_assert_int_eq(write(fd, "spooled\n", 8), 8);
	message.memory = STR("");
	message.shared = fd;
	message.may_link = true;
	message.size_octets = 8;
	message.crlf_octets = 9;
	return fd;
}

static nlink_t
names_of(int fd)
{
	struct stat facts;

	ck_assert_int_eq(fstat(fd, &facts), 0);
	return facts.st_nlink;
}

START_TEST(spooled_message_is_one_file_for_all)
{
	int fd = open_spool(scratch.root);

	if (fd < 0)
		return;
	deliver_into("");
	mailbox.root = mailbox.inbox = scratch_path(&scratch, "home/other");
	deliver_into("");
	ck_assert_uint_eq(names_of(fd), 2);
	maildir_expect(&scratch, "home/Maildir", "spooled\n", 8);
	maildir_expect(&scratch, "home/other", "spooled\n", 8);
	/* It is still there for the next. */
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	(void)close(fd);
}
END_TEST

START_TEST(aborted_link_leaves_nothing)
{
	int fd = open_spool(scratch.root);

	if (fd < 0)
		return;
	ck_assert_int_eq(open_folder(""), 0);
	ck_assert_int_eq(store_maildir.stage(&delivery, &message, &why), 0);
	ck_assert_uint_eq(maildir_count(&scratch, "home/Maildir/new"), 0);
	store_maildir.abort(&delivery, &why);
	ck_assert_uint_eq(names_of(fd), 0);
	ck_assert_uint_eq(maildir_count_below(&scratch, ""), 0);
	(void)close(fd);
}
END_TEST

/* Each is a reason to copy. */
START_TEST(file_that_would_not_be_the_same_is_copied)
{
	static const char *const whats[] = { "not allowed", "prefix",
		"mode of the group", "other file system" };
	int fd = open_spool(_i == 3 ? "/dev/shm" : scratch.root);
	const char *want = _i == 1 ? "X: y\nspooled\n" : "spooled\n";
	struct stat ours, theirs;

	if (fd < 0)
		return;
	ck_assert_int_eq(fstat(fd, &theirs), 0);
	ck_assert_int_eq(stat(scratch.root, &ours), 0);
	if (_i == 3 && ours.st_dev == theirs.st_dev)
		return;
	if (_i == 0)
		message.may_link = false;
	if (_i == 1)
		message_put_before(&message, STR("X: y\n"));
	if (_i == 2)
		scratch_mkdir(&scratch, "home/Maildir", 0750);
	deliver_into("");
	ck_assert_msg(names_of(fd) == 0, "%s: it is linked", whats[_i]);
	maildir_expect(&scratch, "home/Maildir", want, strlen(want));
	(void)close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maildir");
	TCase *all = tcase_create("delivery");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_test(
	    all, message_arrives_whole_in_a_mailbox_that_was_not_there);
	tcase_add_test(all, long_message_is_the_file_that_was_spooled);
	tcase_add_loop_test(all, aborted_delivery_leaves_nothing, 0, 3);
	tcase_add_test(all, aborted_spool_leaves_nothing);
	tcase_add_test(all, abort_before_the_open_is_no_harm);
	tcase_add_test(all, home_that_is_never_made_is_not_made);
	tcase_add_test(all, missing_folder_is_refused_or_made);
	tcase_add_test(all, folders_of_layout_fs_are_directories);
	tcase_add_test(all, link_to_the_mail_root_is_followed);
	tcase_add_loop_test(all, link_below_the_mail_root_is_not_followed, 0,
	    (int)COUNT(links));
	tcase_add_loop_test(
	    all, file_where_a_directory_should_be_is_answered, 0, 3);
	tcase_add_loop_test(
	    all, modes_follow_the_directory, 0, (int)COUNT(modes));
	if (getuid() == 0)
		tcase_add_loop_test(
		    all, group_follows_the_directory, 0, (int)COUNT(groups));
	tcase_add_test(all, many_messages_never_meet);
	tcase_add_loop_test(all, strange_paths_are_made, 0, 5);
	tcase_add_test(all, endless_path_is_answered);
	tcase_add_test(all, probe_makes_nothing);
	tcase_add_test(all, spooled_message_is_one_file_for_all);
	tcase_add_test(all, aborted_link_leaves_nothing);
	tcase_add_loop_test(
	    all, file_that_would_not_be_the_same_is_copied, 0, 4);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
