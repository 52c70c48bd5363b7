/*
 * check_mbox_locks.c - lda and whoever else holds the mailbox: how long it
 * waits, what it leaves, and what it makes of a mailbox that became another
 * one meanwhile.
 *
 * Source: DESIGN 2.2, 3 (mbox); reference/mdas.md 4; reliability.md A2, A5,
 * I5, I6, I7.
 */
#define _GNU_SOURCE /* memmem(3), flock(2) */
#include "support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;
static char box[512], lock[512];
static char host[256];

static const char old_mail[] = "From x@y  Thu Jan  1 00:00:00 1970\n"
			       "Subject: old\n\nOld.\n\n";

static void
set_up(void)
{
	world_open(&world);
	scratch_mkdir(&world.scratch, "spool", 0700);
	(void)snprintf(box, sizeof(box), "%s/spool/bob", world.scratch.root);
	(void)snprintf(
	    lock, sizeof(lock), "%s/spool/bob.lock", world.scratch.root);
	(void)gethostname(host, sizeof(host) - 1);
	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_location = mbox:~/mail:INBOX=%s/spool/%%n\n"
		"mbox_lock_timeout = 1s\n",
		world.scratch.root));
	scratch_write(&world.scratch, "spool/bob", old_mail);
	world_arguments(&world, "-d", "bob", "-f", "a@example.org", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
add_setting(const char *setting)
{
	world_argument(&world, "-o");
	world_argument(&world, setting);
}

static void
nap(int milliseconds)
{
	(void)poll(NULL, 0, milliseconds);
}

static size_t
count_in(const char *path, const char *text)
{
	FILE *file = fopen(path, "rb");
	char *all = malloc(1 << 22), *at;
	size_t length, count = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(all);
	length = fread(all, 1, 1 << 22, file);
	(void)fclose(file);
	for (at = all; (at = memmem(at, length - (size_t)(at - all), text,
			    strlen(text))) != NULL;
	     at++)
		count++;
	free(all);
	return count;
}

static void
expect_untouched(void)
{
	char got[256];
	FILE *file = fopen(box, "rb");
	size_t length;

	ck_assert_ptr_nonnull(file);
	length = fread(got, 1, sizeof(got), file);
	(void)fclose(file);
	ck_assert_msg(
	    length == strlen(old_mail) && memcmp(got, old_mail, length) == 0,
	    "the mailbox has changed:%s", world_tell(&world));
}

/* Both mails are there, and the new one once. */
static void
expect_appended(void)
{
	expect_sent(&world);
	ck_assert_uint_eq(count_in(box, old_mail), 1);
	ck_assert_msg(count_in(box, world_mail) == 1, "%s", world_tell(&world));
}

static void
expect_only_the_mailbox(void)
{
	ck_assert_msg(maildir_count(&world.scratch, "spool") == 1,
	    "%zu entries in the spool:%s",
	    maildir_count(&world.scratch, "spool"), world_tell(&world));
}

static void
expect_gave_up_in_time(int64_t least_ms, int64_t most_ms)
{
	expect_deferred(&world, "4.2.0");
	ck_assert_msg(
	    world.got.elapsed_ms >= least_ms && world.got.elapsed_ms <= most_ms,
	    "after %jd ms:%s", (intmax_t)world.got.elapsed_ms,
	    world_tell(&world));
}

/* Locks of the test's own. */

static int
take_fcntl(short type)
{
	struct flock all = { .l_type = type, .l_whence = SEEK_SET };
	int fd = open(box, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETLK, &all), 0);
	return fd;
}

static void
put_dotlock(const char *text, time_t age)
{
	const struct timespec times[2] = { { time(NULL) - age, 0 },
		{ time(NULL) - age, 0 } };

	scratch_write(&world.scratch, "spool/bob.lock", text);
	ck_assert_int_eq(utimensat(AT_FDCWD, lock, times, 0), 0);
}

static const char *
pid_and_host(pid_t pid)
{
	return scratch_print(&world.scratch, "%d:%s", (int)pid, host);
}

/* The holder reads or writes; both keep us out. */
START_TEST(a_held_fcntl_lock_defers)
{
	int fd = take_fcntl(_i == 0 ? F_WRLCK : F_RDLCK);

	world_deliver(&world, world_mail);
	expect_gave_up_in_time(1000, 2500);
	expect_untouched();
	expect_only_the_mailbox();
	expect_log(&world, "mbox_lock_timeout = 1s");
	expect_log(&world, "fcntl");
	(void)close(fd);
	world_deliver(&world, world_mail);
	expect_appended();
}
END_TEST

START_TEST(a_held_flock_defers_where_it_is_asked)
{
	int fd = open(box, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	add_setting("mbox_write_locks=dotlock flock");
	world_deliver(&world, world_mail);
	expect_gave_up_in_time(1000, 2500);
	expect_untouched();
	expect_only_the_mailbox();
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_appended();
	(void)close(fd);
}
END_TEST

static const struct {
	const char *locks;
} dotlocking[] = { { "fcntl dotlock" }, { "dotlock_try" } };

START_TEST(a_held_dotlock_defers)
{
	struct stat before, after;

	add_setting(scratch_print(
	    &world.scratch, "mbox_write_locks=%s", dotlocking[_i].locks));
	put_dotlock(pid_and_host(getpid()), 0);
	ck_assert_int_eq(lstat(lock, &before), 0);
	world_deliver(&world, world_mail);
	expect_gave_up_in_time(1000, 2500);
	expect_untouched();
	ck_assert_int_eq(lstat(lock, &after), 0);
	ck_assert(before.st_ino == after.st_ino &&
	    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	ck_assert_uint_eq(maildir_count(&world.scratch, "spool"), 2);
	/* Who it is, for the administrator. */
	expect_log(&world, lock);
	expect_log(
	    &world, scratch_print(&world.scratch, "pid %d", (int)getpid()));
	ck_assert_int_eq(unlink(lock), 0);
	world_deliver(&world, world_mail);
	expect_appended();
}
END_TEST

/* Children that do something while lda waits. */

static pid_t
meanwhile(void (*what)(void))
{
	int ready[2];
	char octet;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int held = take_fcntl(F_WRLCK);

		(void)!write(ready[1], "r", 1);
		what();
		(void)close(held);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &octet, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void
wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void
refresh_for_ever(void)
{
	for (int i = 0; i < 500; i++) {
		(void)utimensat(AT_FDCWD, lock, NULL, 0);
		nap(20);
	}
}

START_TEST(a_lock_that_somebody_refreshes_for_ever_defers)
{
	pid_t other;

	put_dotlock("0", 0);
	other = fork();
	if (other == 0) {
		refresh_for_ever();
		_exit(0);
	}
	world_deliver(&world, world_mail);
	(void)kill(other, SIGKILL);
	(void)waitpid(other, NULL, 0);
	expect_gave_up_in_time(1000, 2500);
	expect_untouched();
	ck_assert(scratch_has(&world.scratch, "spool/bob.lock"));
}
END_TEST

static void
hold_on(void)
{
	nap(400);
}

START_TEST(a_lock_that_is_released_in_time_is_waited_for)
{
	pid_t other = meanwhile(hold_on);

	add_setting("mbox_lock_timeout=10s");
	world_deliver(&world, world_mail);
	wait_for(other);
	expect_appended();
	ck_assert_int_ge(world.got.elapsed_ms, 300);
	ck_assert_int_le(world.got.elapsed_ms, 3000);
	expect_only_the_mailbox();
}
END_TEST

START_TEST(a_timeout_of_nothing_tries_once)
{
	int fd = take_fcntl(F_WRLCK);

	add_setting("mbox_lock_timeout=0s");
	world_deliver(&world, world_mail);
	expect_gave_up_in_time(0, 700);
	expect_untouched();
	(void)close(fd);
	world_deliver(&world, world_mail);
	expect_appended();
}
END_TEST

START_TEST(the_deadline_of_the_delivery_ends_the_waiting_too)
{
	int fd = take_fcntl(F_WRLCK);

	add_setting("mbox_lock_timeout=60s");
	add_setting("delivery_timeout=1s");
	world_deliver(&world, world_mail);
	expect_gave_up_in_time(700, 2500);
	expect_untouched();
	expect_only_the_mailbox();
	(void)close(fd);
}
END_TEST

/* What a crash has left. */

START_TEST(a_lock_of_a_dead_process_is_broken_at_once)
{
	put_dotlock(_i == 0 ?
		pid_and_host(MACHINE_NO_PID) :
		scratch_print(&world.scratch, "%d\n", MACHINE_NO_PID),
	    0);
	world_deliver(&world, world_mail);
	expect_appended();
	ck_assert_int_lt(world.got.elapsed_ms, 900);
	expect_only_the_mailbox();
}
END_TEST

START_TEST(a_lock_from_before_the_boot_is_broken_at_once)
{
	struct timespec up;

	if (MACHINE_IS_PORTABLE)
		return; /* it does not know when that was */
	ck_assert_int_eq(clock_gettime(CLOCK_BOOTTIME, &up), 0);
	put_dotlock(_i == 0 ? "" : "1:elsewhere.invalid", up.tv_sec + 3600);
	world_deliver(&world, world_mail);
	expect_appended();
	ck_assert_int_lt(world.got.elapsed_ms, 900);
	expect_only_the_mailbox();
}
END_TEST

/* Within one delivery, so that a crash is never five days of deferral. */
START_TEST(a_lock_without_a_pid_is_broken_when_old_and_unmoved)
{
	put_dotlock("", 600);
	add_setting("mbox_lock_timeout=9s");
	world_deliver(&world, world_mail);
	expect_appended();
	ck_assert_int_le(world.got.elapsed_ms, 8000);
	expect_only_the_mailbox();
}
END_TEST

/* A mailbox that is another one when we get the lock. */

static void
replace_with(const char *text)
{
	char fresh[600];
	int fd;

	(void)snprintf(fresh, sizeof(fresh), "%s.fresh", box);
	nap(250);
	fd = open(fresh, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (write(fd, text, strlen(text)) < 0 ||
	    fchown(fd, world.scratch.uid, world.scratch.gid) < 0)
		_exit(1);
	(void)close(fd);
	if (rename(fresh, box) < 0)
		_exit(1);
	nap(50);
}

static void
replace_it(void)
{
	replace_with(old_mail);
}

START_TEST(a_mailbox_that_was_replaced_gets_the_mail)
{
	pid_t other = meanwhile(replace_it);

	add_setting("mbox_lock_timeout=10s");
	world_deliver(&world, world_mail);
	wait_for(other);
	expect_appended();
	expect_only_the_mailbox();
}
END_TEST

static void
remove_it(void)
{
	nap(250);
	(void)unlink(box);
	nap(50);
}

START_TEST(a_mailbox_that_was_removed_is_made_again)
{
	pid_t other = meanwhile(remove_it);

	add_setting("mbox_lock_timeout=10s");
	world_deliver(&world, world_mail);
	wait_for(other);
	expect_sent(&world);
	ck_assert_uint_eq(count_in(box, world_mail), 1);
	expect_only_the_mailbox();
}
END_TEST

static void
expunge_it(void)
{
	nap(250);
	if (truncate(box, 0) < 0)
		_exit(1);
}

START_TEST(the_end_is_where_it_is_under_the_lock)
{
	pid_t other = meanwhile(expunge_it);
	struct stat facts;

	add_setting("mbox_lock_timeout=10s");
	world_deliver(&world, world_mail);
	wait_for(other);
	expect_sent(&world);
	ck_assert_int_eq(stat(box, &facts), 0);
	ck_assert_uint_eq(count_in(box, "From a@example.org "), 1);
	ck_assert_uint_eq(count_in(box, world_mail), 1);
	ck_assert_int_lt(facts.st_size, (off_t)strlen(world_mail) + 80);
}
END_TEST

static char victim[512];

static void
plant_symlink(void)
{
	nap(250);
	(void)unlink(box);
	if (symlink("../victim", box) < 0)
		_exit(1);
}

static void
plant_hard_link(void)
{
	nap(250);
	(void)unlink(box);
	if (link(victim, box) < 0)
		_exit(1);
}

static void
add_a_name(void)
{
	char second[600];

	(void)snprintf(second, sizeof(second), "%s.second", box);
	nap(250);
	if (link(box, second) < 0)
		_exit(1);
}

static void
plant_fifo(void)
{
	nap(250);
	(void)unlink(box);
	if (mkfifo(box, 0666) < 0)
		_exit(1);
}

static void
plant_directory(void)
{
	nap(250);
	(void)unlink(box);
	if (mkdir(box, 0777) < 0)
		_exit(1);
}

static void (*const plants[])(void) = { plant_symlink, plant_hard_link,
	add_a_name, plant_fifo, plant_directory };

START_TEST(what_is_planted_while_we_wait_gets_nothing)
{
	pid_t other;

	scratch_write(&world.scratch, "victim", old_mail);
	(void)snprintf(victim, sizeof(victim), "%s/victim", world.scratch.root);
	other = meanwhile(plants[_i]);
	add_setting("mbox_lock_timeout=3s");
	world_deliver(&world, world_mail);
	wait_for(other);
	ck_assert_msg(
	    host_exit_status(&world.got) == 75, "%s", world_tell(&world));
	ck_assert_int_eq(world.got.dsn[0], '4');
	ck_assert_uint_eq(count_in(victim, "hello"), 0);
	ck_assert(!scratch_has(&world.scratch, "spool/bob.lock"));
}
END_TEST

/* Slow input. */

static bool lock_was_free;

static void
look_at_locks(pid_t pid, void *context)
{
	struct stat facts;

	(void)pid;
	(void)context;
	(void)close(take_fcntl(F_WRLCK));
	lock_was_free = lstat(lock, &facts) < 0;
}

START_TEST(slow_input_never_holds_a_lock)
{
	static char long_mail[400000];
	size_t length = _i == 0 ? strlen(world_mail) : sizeof(long_mail);

	memset(long_mail, 'x', sizeof(long_mail));
	memcpy(long_mail, world_mail, strlen(world_mail));
	world.command.pause_after = length - 5;
	world.command.meanwhile = look_at_locks;
	world_deliver_octets(&world, long_mail, length);
	expect_sent(&world);
	ck_assert(lock_was_free);
	expect_only_the_mailbox();
}
END_TEST

/* Signals while we wait. */

static void
stop_it(pid_t pid, void *context)
{
	const int *number = context;
	pid_t killer = fork();

	if (killer != 0)
		return;
	nap(400);
	(void)kill(pid, *number);
	_exit(0);
}

START_TEST(a_signal_ends_the_waiting_and_leaves_nothing)
{
	int numbers[] = { SIGTERM, SIGHUP };
	int fd = take_fcntl(F_WRLCK);

	add_setting("mbox_lock_timeout=8s");
	world.command.pause_after = 1;
	world.command.meanwhile = stop_it;
	world.command.context = &numbers[_i];
	world_deliver(&world, world_mail);
	(void)waitpid(-1, NULL, 0);
	ck_assert_msg(
	    host_exit_status(&world.got) == 75, "%s", world_tell(&world));
	ck_assert_int_eq(world.got.dsn[0], '4');
	ck_assert_int_le(world.got.elapsed_ms, 3000);
	expect_untouched();
	expect_only_the_mailbox();
	(void)close(fd);
}
END_TEST

/* A directory that may not be written. */

START_TEST(where_no_dotlock_can_be_made_the_remedies_are_named)
{
	scratch_chmod(&world.scratch, "spool", 0555);
	world_deliver(&world, world_mail);
	ck_assert_msg(
	    host_exit_status(&world.got) == 75, "%s", world_tell(&world));
	expect_deferred(&world, world.got.dsn);
	expect_untouched();
	ck_assert_int_lt(world.got.elapsed_ms, 900);
	expect_log(&world, scratch_path(&world.scratch, "spool"));
	expect_log(&world,
	    scratch_print(
		&world.scratch, "gid %ju", (uintmax_t)world.scratch.gid));
	expect_log(&world, "lda-relay");
	expect_log(&world, "mbox_write_locks = fcntl dotlock_try");
	add_setting("mbox_write_locks=fcntl dotlock_try");
	world_deliver(&world, world_mail);
	expect_appended();
	scratch_chmod(&world.scratch, "spool", 0700);
}
END_TEST

static const char *const nonsense[] = { "fcntl lockf", "none",
	"fcntl dotlock dotlock", "FCNTL" };

START_TEST(methods_that_make_no_sense_are_refused)
{
	add_setting(
	    scratch_print(&world.scratch, "mbox_write_locks=%s", nonsense[_i]));
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "mbox_write_locks");
	expect_untouched();
}
END_TEST

/* Many at once. */

#define WRITERS 6
#define MAILS 15

START_TEST(many_deliveries_are_all_there_whole)
{
	pid_t writers[WRITERS];
	char text[256];
	int status;

	world.command.log = NULL;
	world.command.patience_ms = 40000;
	add_setting("mbox_lock_timeout=30s");
	for (int w = 0; w < WRITERS; w++) {
		writers[w] = fork();
		if (writers[w] != 0)
			continue;
		for (int i = 0; i < MAILS; i++) {
			(void)snprintf(text, sizeof(text),
			    "Subject: %d.%d\n\nFrom %d.%d begins\n%0*d\n"
			    "ends %d.%d.\n",
			    w, i, w, i, 50, 0, w, i);
			world_deliver(&world, text);
			if (host_exit_status(&world.got) != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		ck_assert_int_eq(waitpid(writers[w], &status, 0), writers[w]);
		ck_assert_int_eq(status, 0);
	}
	for (int w = 0; w < WRITERS; w++)
		for (int i = 0; i < MAILS; i++) {
			(void)snprintf(text, sizeof(text),
			    "\nSubject: %d.%d\n\n>From %d.%d begins\n%0*d\n"
			    "ends %d.%d.\n\n",
			    w, i, w, i, 50, 0, w, i);
			ck_assert_msg(
			    count_in(box, text) == 1, "mail %d.%d", w, i);
		}
	ck_assert_uint_eq(
	    count_in(box, "\nFrom a@example.org"), WRITERS * MAILS);
	expect_only_the_mailbox();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mbox locks");
	TCase *held = tcase_create("held");
	TCase *stale = tcase_create("stale");
	TCase *changed = tcase_create("changed meanwhile");
	TCase *many = tcase_create("many at once");

	tcase_add_checked_fixture(held, set_up, tear_down);
	tcase_add_checked_fixture(stale, set_up, tear_down);
	tcase_add_checked_fixture(changed, set_up, tear_down);
	tcase_add_checked_fixture(many, set_up, tear_down);
	tcase_set_timeout(held, 20);
	tcase_set_timeout(stale, 20);
	tcase_set_timeout(changed, 20);
	tcase_set_timeout(many, 60);
	tcase_add_loop_test(held, a_held_fcntl_lock_defers, 0, 2);
	tcase_add_test(held, a_held_flock_defers_where_it_is_asked);
	tcase_add_loop_test(held, a_held_dotlock_defers, 0, COUNT(dotlocking));
	tcase_add_test(held, a_lock_that_somebody_refreshes_for_ever_defers);
	tcase_add_test(held, a_lock_that_is_released_in_time_is_waited_for);
	tcase_add_test(held, a_timeout_of_nothing_tries_once);
	tcase_add_test(held, the_deadline_of_the_delivery_ends_the_waiting_too);
	tcase_add_loop_test(held, slow_input_never_holds_a_lock, 0, 2);
	tcase_add_loop_test(
	    held, a_signal_ends_the_waiting_and_leaves_nothing, 0, 2);
	tcase_add_test(
	    held, where_no_dotlock_can_be_made_the_remedies_are_named);
	tcase_add_loop_test(
	    held, methods_that_make_no_sense_are_refused, 0, COUNT(nonsense));
	tcase_add_loop_test(
	    stale, a_lock_of_a_dead_process_is_broken_at_once, 0, 2);
	tcase_add_loop_test(
	    stale, a_lock_from_before_the_boot_is_broken_at_once, 0, 2);
	tcase_add_test(
	    stale, a_lock_without_a_pid_is_broken_when_old_and_unmoved);
	tcase_add_test(changed, a_mailbox_that_was_replaced_gets_the_mail);
	tcase_add_test(changed, a_mailbox_that_was_removed_is_made_again);
	tcase_add_test(changed, the_end_is_where_it_is_under_the_lock);
	tcase_add_loop_test(changed, what_is_planted_while_we_wait_gets_nothing,
	    0, COUNT(plants));
	tcase_add_test(many, many_deliveries_are_all_there_whole);
	suite_add_tcase(suite, held);
	suite_add_tcase(suite, stale);
	suite_add_tcase(suite, changed);
	suite_add_tcase(suite, many);
	return world_main(suite);
}
