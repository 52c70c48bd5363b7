/*
 * check_mbox.c - appended and undone: the mailbox is as it was, and what
 * somebody else has put there is his.
 */
#include "store/store.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_MAIL "From old  Wed Jan  1 00:00:00 2025\nSubject: old\n\nold\n\n"
#define OTHER_MAIL "From x  Wed Jan  1 00:00:00 2025\nSubject: x\n\nx\n\n"

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct store_options options;
static struct mailbox mailbox;
static struct folder inbox;
static struct delivery delivery;
static struct message message;
static const char *box;

static void
set(const char *name, const char *value)
{
	for (size_t i = 0; i < store_settings.count; i++)
		if (strcmp(store_settings.rows[i].name, name) == 0)
			ck_assert_int_eq(
			    setting_parse(&store_settings.rows[i],
				str_from(value), &options, &arena, &why),
			    0);
}

static void
open_all(void)
{
	(void)umask(077); /* as lda/main.c sets it */
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	for (size_t i = 0; i < store_settings.count; i++)
		set(store_settings.rows[i].name,
		    store_settings.rows[i].fallback);
	set("mbox_lock_timeout", "0");
	memset(&inbox, 0, sizeof(inbox));
	memset(&mailbox, 0, sizeof(mailbox));
	box = scratch_path(&scratch, "box");
	mailbox.store = &store_mbox;
	mailbox.root = scratch_path(&scratch, "mail");
	mailbox.inbox = box;
	message_init(&message);
	message.memory = STR("Subject: new\n\nFrom here\n");
	message.size_octets = message.memory.length;
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static int
stage(void)
{
	delivery_init(&delivery, &mailbox, &options, &inbox, &arena);
	return store_mbox.open(&delivery, &why) < 0 ?
	    -1 :
	    store_mbox.stage(&delivery, &message, &why);
}

static void
take_back(void)
{
	status_init(&why);
	store_mbox.abort(&delivery, &why);
	ck_assert_int_eq((int)delivery.state, (int)DELIVERY_ABORTED);
	ck_assert(!scratch_has(&scratch, "box.lock"));
}

/* The whole of it as a string. */
static const char *
contents(void)
{
	static char text[4096];
	int fd = open(box, O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	ck_assert_int_ge(got, 0);
	text[got] = '\0';
	(void)close(fd);
	return text;
}

START_TEST(aborted_mail_leaves_octets_and_times)
{
	struct timespec times[2] = { { 1000000, 1 }, { 2000000, 2 } };
	struct stat facts;

	scratch_write(&scratch, "box", OLD_MAIL);
	ck_assert_int_eq(utimensat(AT_FDCWD, box, times, 0), 0);
	ck_assert_msg(stage() == 0, "%s", why.cause);
	ck_assert_uint_gt(strlen(contents()), sizeof(OLD_MAIL));
	take_back();
	ck_assert_str_eq(why.cause, "");
	ck_assert_int_eq(stat(box, &facts), 0);
	ck_assert_int_eq(facts.st_mtim.tv_sec, 2000000);
	ck_assert_int_eq(facts.st_mtim.tv_nsec, 2);
	ck_assert_str_eq(contents(), OLD_MAIL);
}
END_TEST

/* By a program that knows none of our locks: his mail is worth more than a
 * tidy end, and somebody has to hear of it. */
START_TEST(what_another_appends_is_not_cut_away)
{
	const char *after;
	int fd;

	scratch_write(&scratch, "box", OLD_MAIL);
	ck_assert_msg(stage() == 0, "%s", why.cause);
	fd = open(box, O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, OTHER_MAIL, strlen(OTHER_MAIL)),
	    (ssize_t)strlen(OTHER_MAIL));
	(void)close(fd);
	take_back();
	expect_holds(why.cause, "has grown under our locks");
	after = contents();
	ck_assert(strncmp(after, OLD_MAIL, strlen(OLD_MAIL)) == 0);
	ck_assert_str_eq(
	    after + strlen(after) - strlen(OTHER_MAIL), OTHER_MAIL);
}
END_TEST

START_TEST(committed_mail_stays)
{
	scratch_write(&scratch, "box", OLD_MAIL);
	ck_assert_msg(stage() == 0, "%s", why.cause);
	ck_assert_int_eq(store_mbox.commit(&delivery, &why), 0);
	store_mbox.abort(&delivery, &why);
	expect_holds(contents(), "\nSubject: new\n\n>From here\n\n");
}
END_TEST

/* What is written into a FIFO is gone with its last reader; without a sync,
 * which it refuses, nothing would tell. */
START_TEST(FIFO_is_no_mailbox)
{
	int reader;

	set("mail_fsync", _i == 0 ? "always" : "never");
	ck_assert_int_eq(mkfifo(box, 0600), 0);
	reader = open(box, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(stage(), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_UNREACHABLE);
	expect_holds(why.cause, "is not a regular file");
	take_back();
	(void)close(reader);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mbox");
	TCase *all = tcase_create("delivery");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_test(all, aborted_mail_leaves_octets_and_times);
	tcase_add_test(all, what_another_appends_is_not_cut_away);
	tcase_add_test(all, committed_mail_stays);
	tcase_add_loop_test(all, FIFO_is_no_mailbox, 0, 2);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
