/*
 * check_spool.c - where a message waits for its recipients: beside their
 * mailboxes if they can share it, else where nobody finds it.
 *
 * Source: DESIGN 3 "LMTP"; open(2) O_TMPFILE.
 */
#include "serve/spool.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena, scratch_arena;
static struct scratch scratch;
static struct status why;
static struct settings settings;
static struct log quiet;
static struct job_office office;
static struct recipient bob, amy;
static struct spool spool;
static struct message message;

static void
set(const char *name, const char *value)
{
	ck_assert_msg(config_set(&settings.config, str_from(name),
			  str_from(value), CONFIG_FLAG, "test", &why) == 0,
	    "%s", why.cause);
}

static void
find(struct recipient *recipient, const char *name, const char *home)
{
	memset(recipient, 0, sizeof(*recipient));
	worker_init(&recipient->worker);
	recipient->has_user = true;
	recipient->user.name = str_from(name);
	recipient->user.home = scratch_path(&scratch, home);
	recipient->user.uid = getuid();
	recipient->user.gid = getgid();
}

static void
open_all(void)
{
	(void)umask(077);
	arena_init(&arena, expect_memory);
	arena_init(&scratch_arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
	log_init(&quiet, "test", scratch_path(&scratch, "nowhere"));
	scratch_mkdir(&scratch, "bob", 0700);
	scratch_mkdir(&scratch, "tmp", 0700);
	set("mail_location", "maildir:~/Maildir");
	set("mail_temp_dir", scratch_path(&scratch, "tmp"));
	memset(&office, 0, sizeof(office));
	office.settings = &settings;
	office.log = &quiet;
	office.arena = &arena;
	office.scratch = &scratch_arena;
	office.monitor = -1;
	find(&bob, "bob@d", "bob");
	find(&amy, "amy@d", "amy");
	bob.next = &amy;
	spool_init(&spool, &office);
	spool.recipients = &bob;
	message_init(&message);
	message.prefix = STR("X: y\n");
	message.memory = STR("Subject: z\n\n\0\n");
}

static void
close_all(void)
{
	spool_close(&spool);
	ck_assert_int_eq(spool.fd, -1);
	scratch_close(&scratch);
}

/* Nothing but directories: what is spooled has no name. */
static void
expect_no_names(void)
{
	char *list = scratch_list(&scratch, "", NULL);

	ck_assert_msg(
	    strstr(list, "lda.") == NULL && strstr(list, "Maildir") == NULL,
	    "%s", list);
	free(list);
}

static bool
has_unnamed_files(void)
{
	int fd = sys_unnamed_file(scratch.root);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
expect_file(int fd, struct str want)
{
	char room[256];
	ssize_t got = pread(fd, room, sizeof(room), 0);
	struct stat facts;

	ck_assert_int_ge(got, 0);
	expect_str(STR("file"), str_of(room, (size_t)got), want);
	ck_assert_int_eq(fstat(fd, &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 07777, 0600);
	ck_assert_uint_eq(facts.st_nlink, 0);
}

START_TEST(message_in_memory_stays_there)
{
	ck_assert_int_eq(spool_settle(&spool, &message, false, &why), 0);
	ck_assert_int_eq(spool.fd, -1);
	ck_assert_int_eq(message.shared, -1);
	ck_assert_uint_eq(message.prefix.length, 5);
}
END_TEST

START_TEST(message_for_several_processes_is_a_file)
{
	ck_assert_int_eq(spool_settle(&spool, &message, true, &why), 0);
	ck_assert_int_eq(message.shared, spool.fd);
	ck_assert_int_eq(message.file, -1);
	ck_assert_uint_eq(message.prefix.length + message.memory.length, 0);
	ck_assert(!message.may_link);
	expect_file(message.shared, STR("X: y\nSubject: z\n\n\0\n"));
	expect_no_names();
}
END_TEST

/* Received beyond what memory takes: the file holds all of it already. */
START_TEST(message_in_its_file_is_shared)
{
	message.file = spool_open(&spool, &why);
	ck_assert_int_ge(message.file, 0);
	ck_assert_int_eq(write(message.file, "whole", 5), 5);
	message.prefix = message.memory = STR("");
	ck_assert_int_eq(spool_settle(&spool, &message, false, &why), 0);
	ck_assert_int_eq(message.shared, spool.fd);
	ck_assert_int_eq(message.file, -1);
	expect_file(message.shared, STR("whole"));
}
END_TEST

/* On whose file system it is, is seen by giving it a name there. */
START_TEST(file_beside_a_mailbox_can_have_a_name_there)
{
	char path[64];

	if (!has_unnamed_files())
		return;
	if (_i == 1)
		scratch_mkdir(&scratch, "bob/Maildir", 0700);
	spool.wants_link = true;
	ck_assert_int_eq(spool_settle(&spool, &message, true, &why), 0);
	ck_assert(spool.can_link && message.may_link);
	expect_file(message.shared, STR("X: y\nSubject: z\n\n\0\n"));
	/* Looking made no mailbox. */
	if (_i == 0)
		expect_no_names();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", message.shared);
	ck_assert_int_eq(
	    linkat(AT_FDCWD, path, AT_FDCWD, scratch_path(&scratch, "bob/name"),
		AT_SYMLINK_FOLLOW),
	    0);
}
END_TEST

START_TEST(next_recipient_may_have_a_mailbox)
{
	if (!has_unnamed_files())
		return;
	scratch_write(&scratch, "file", "");
	if (_i == 0)
		bob.has_user = false;
	else
		bob.user.home = scratch_path(&scratch, "file");
	spool.wants_link = true;
	ck_assert_int_ge(spool_open(&spool, &why), 0);
	ck_assert(spool.can_link);
}
END_TEST

START_TEST(without_a_maildir_it_is_in_mail_temp_dir)
{
	bool monitored = _i == 2;

	spool.wants_link = true;
	if (_i == 0)
		set("mail_location", "mbox:~/mail:INBOX=~/inbox");
	if (_i == 1)
		bob.has_user = amy.has_user = false;
	if (monitored)
		office.monitor = 99; /* who looks may not get there */
	ck_assert_int_eq(spool_settle(&spool, &message, true, &why), 0);
	ck_assert(!spool.can_link && !message.may_link);
	ck_assert_str_eq(spool.name, scratch_path(&scratch, "tmp"));
	expect_file(message.shared, STR("X: y\nSubject: z\n\n\0\n"));
}
END_TEST

/* What was true of the first file is not of the second. */
START_TEST(second_file_is_judged_by_itself)
{
	int first;

	if (!has_unnamed_files())
		return;
	spool.wants_link = true;
	first = spool_open(&spool, &why);
	ck_assert(first >= 0 && spool.can_link);
	spool.wants_link = false;
	ck_assert_int_ge(spool_open(&spool, &why), 0);
	ck_assert(!spool.can_link);
	ck_assert_str_eq(spool.name, scratch_path(&scratch, "tmp"));
	/* The first one is closed; its number may be the second's. */
	ck_assert(spool.fd == first || fcntl(first, F_GETFD) < 0);
}
END_TEST

START_TEST(nowhere_to_put_it_is_told)
{
	set("mail_temp_dir", "/nonexistent/tmp");
	spool_init(&spool, &office);
	spool.recipients = &bob;
	ck_assert_int_eq(spool_settle(&spool, &message, true, &why), -1);
	ck_assert_int_eq(status_row(why.id)->exit_code, 75);
	expect_holds(why.cause, "/nonexistent/tmp");
	ck_assert_int_eq(spool.fd, -1);
	/* What is there need not be. */
	ck_assert_int_eq(spool_settle(&spool, &message, false, &why), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool");
	TCase *all = tcase_create("all");
	int failed;

	scratch_begin();
	tcase_set_timeout(all, 30);
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_test(all, message_in_memory_stays_there);
	tcase_add_test(all, message_for_several_processes_is_a_file);
	tcase_add_test(all, message_in_its_file_is_shared);
	tcase_add_loop_test(
	    all, file_beside_a_mailbox_can_have_a_name_there, 0, 2);
	tcase_add_loop_test(all, next_recipient_may_have_a_mailbox, 0, 2);
	tcase_add_loop_test(
	    all, without_a_maildir_it_is_in_mail_temp_dir, 0, 3);
	tcase_add_test(all, second_file_is_judged_by_itself);
	tcase_add_test(all, nowhere_to_put_it_is_told);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
