/*
 * check_lock.c - several locks as one: their order, who they conflict with,
 * and that nobody waits for us while we wait for him.
 *
 * Source: store/lock.h; Debian policy 11.6; fcntl(2), flock(2).
 */
#define _GNU_SOURCE /* setgroups(2), flock(2) */
#include "store/lock.h"

#include "base/expect.h"
#include "base/sys.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch scratch;
static struct arena arena;
static struct status why;
static struct dotlock dotlock;
static struct lock_target target;
static int dir;

static int
open_box(void)
{
	int fd = openat(dir, "bob", O_RDWR | O_APPEND | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
set_up(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	scratch_write(&scratch, "bob", "");
	dir = open(scratch.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(
	    dotlock_init(&dotlock, dir, scratch.root, "bob", &why), 0);
	target.fd = open_box();
	target.path = scratch_path(&scratch, "bob");
	target.dotlock = &dotlock;
	target.keeper = -1;
}

static void
tear_down(void)
{
	(void)close(target.fd);
	(void)close(dir);
	scratch_close(&scratch);
}

static int
read_set(struct lock_set *set, const char *text)
{
	struct setting_list words = setting_split(str_from(text), &arena);

	status_init(&why);
	return lock_set_read(set, &words, &why);
}

static struct lock_set
set_of(const char *text)
{
	struct lock_set set;

	ck_assert_msg(read_set(&set, text) == 0, "%s: %s", text, why.cause);
	return set;
}

static int
take(struct lock_set *set)
{
	status_init(&why);
	return lock_set_take(set, &target, &why);
}

/* The words. */

static const struct {
	const char *text;
	size_t count;
	bool needs_dotlock;
} good[] = {
	{ "fcntl", 1, false },
	{ "lockf", 1, false },
	{ "flock", 1, false },
	{ "dotlock", 1, true },
	{ "dotlock_try", 1, false },
	{ "fcntl dotlock", 2, true },
	{ "dotlock, fcntl", 2, true },
	{ "dotlock_try fcntl flock", 3, false },
	{ "flock lockf dotlock", 3, true },
};

START_TEST(methods_are_taken_in_the_order_of_their_words)
{
	struct lock_set set = set_of(good[_i].text);
	struct setting_list words =
	    setting_split(str_from(good[_i].text), &arena);

	ck_assert_uint_eq(set.count, good[_i].count);
	ck_assert_uint_eq(set.taken, 0);
	for (size_t i = 0; i < set.count; i++)
		expect_str(words.words[i], str_from(set.methods[i]->word),
		    words.words[i]);
	ck_assert(lock_set_needs_dotlock(&set) == good[_i].needs_dotlock);
}
END_TEST

static const struct {
	const char *text, *cause;
} bad[] = {
	{ "", "empty" },
	{ " , ", "empty" },
	{ "fcntl lockf", "lockf" },
	{ "lockf dotlock fcntl", "fcntl" },
	{ "fcntl fcntl", "fcntl" },
	{ "dotlock dotlock_try", "dotlock_try" },
	{ "flock flock", "flock" },
	{ "fcntl dotlok", "dotlok" },
	{ "FCNTL", "FCNTL" },
	{ "none", "none" },
	{ "fcntl dotlock flock dotlock_try fcntl lockf", "dotlock_try" },
};

START_TEST(what_would_not_lock_is_refused)
{
	struct lock_set set;

	ck_assert_msg(
	    read_set(&set, bad[_i].text) == -1, "\"%s\" is read", bad[_i].text);
	ck_assert_int_eq(why.id, STATUS_MISCONFIGURED);
	expect_holds(why.cause, "mbox_write_locks");
	expect_holds(why.cause, bad[_i].cause);
}
END_TEST

/* Methods that only write down what happens. */

static char story[64];
static char fails; /* the method that does */

static void
tell(char what)
{
	size_t length = strlen(story);

	ck_assert_uint_lt(length + 1, sizeof(story));
	story[length] = what;
	story[length + 1] = '\0';
}

static int
take_one(char name, bool kernel_held)
{
	tell(name);
	tell(kernel_held ? '!' : '.');
	return name == fails ? status_fail(&why, STATUS_LOCKED, "held") : 0;
}

static int
take_a(struct lock_target *at, bool kernel_held, struct status *said)
{
	(void)at;
	(void)said;
	return take_one('a', kernel_held);
}

static int
take_b(struct lock_target *at, bool kernel_held, struct status *said)
{
	(void)at;
	(void)said;
	return take_one('b', kernel_held);
}

static int
take_c(struct lock_target *at, bool kernel_held, struct status *said)
{
	(void)at;
	(void)said;
	return take_one('c', kernel_held);
}

static void
release_a(struct lock_target *at)
{
	(void)at;
	tell('A');
}

static void
release_b(struct lock_target *at)
{
	(void)at;
	tell('B');
}

static void
release_c(struct lock_target *at)
{
	(void)at;
	tell('C');
}

static const struct lock_method told[] = {
	{ "a", take_a, release_a, false },
	{ "b", take_b, release_b, true },
	{ "c", take_c, release_c, false },
};

static const struct {
	char fails;
	const char *want;
} stories[] = {
	{ '\0', "a.b.c!CBA" },
	{ 'a', "a." },
	{ 'b', "a.b.A" },
	{ 'c', "a.b.c!BA" },
};

START_TEST(what_was_taken_is_given_back_last_first)
{
	struct lock_set set = { .count = 3 };

	for (size_t i = 0; i < 3; i++)
		set.methods[i] = &told[i];
	fails = stories[_i].fails;
	if (take(&set) == 0) {
		ck_assert_int_eq(fails, '\0');
		ck_assert_uint_eq(set.taken, 3);
		lock_set_release(&set, &target);
	}
	ck_assert_str_eq(story, stories[_i].want);
	ck_assert_uint_eq(set.taken, 0);
	/* Nothing is held, so nothing is released. */
	lock_set_release(&set, &target);
	ck_assert_str_eq(story, stories[_i].want);
}
END_TEST

/* Another program that holds a lock. */

struct holder {
	pid_t pid;
	int end; /* closing it ends the holder */
};

/* kind: 'f' fcntl, 'k' flock, 'd' a dotlock with a living pid, 's' a stale
 * one. */
static void
hold_one(char kind)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct dotlock mine;
	struct status said;
	bool stale;
	int fd = open_box();

	if (kind == 'f')
		ck_assert_int_eq(fcntl(fd, F_SETLK, &all), 0);
	else if (kind == 'k')
		ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	else {
		ck_assert_int_eq(
		    dotlock_init(&mine, dir, scratch.root, "bob", &said), 0);
		ck_assert_int_eq(dotlock_try(&mine, false, &stale, &said), 0);
	}
}

static struct holder
hold(const char *kinds)
{
	struct holder holder;
	int ready[2], end[2];
	char octet;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(end), 0);
	holder.pid = fork();
	if (holder.pid == 0) {
		(void)close(end[1]);
		for (; *kinds != '\0'; kinds++)
			hold_one(*kinds);
		(void)!write(ready[1], "r", 1);
		(void)!read(end[0], &octet, 1);
		_exit(0);
	}
	(void)close(end[0]);
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &octet, 1), 1);
	(void)close(ready[0]);
	holder.end = end[1];
	return holder;
}

static void
let_go(const struct holder *holder)
{
	int status;

	(void)close(holder->end);
	ck_assert_int_eq(waitpid(holder->pid, &status, 0), holder->pid);
	ck_assert_int_eq(status, 0);
}

static const struct {
	const char *held, *ours;
	bool conflict;
	const char *cause;
} pairs[] = {
	{ "f", "fcntl", true, "fcntl" },
	{ "f", "lockf", true, "lock" },
	{ "f", "flock", false, NULL },
	{ "f", "fcntl dotlock", true, "fcntl" },
	{ "f", "dotlock fcntl", true, "fcntl" },
	{ "f", "dotlock", false, NULL },
	{ "k", "flock", true, "flock" },
	{ "k", "fcntl", false, NULL },
	{ "k", "fcntl flock dotlock", true, "flock" },
	{ "d", "dotlock", true, "bob.lock" },
	{ "d", "dotlock_try", true, "bob.lock" },
	{ "d", "fcntl dotlock", true, "bob.lock" },
	{ "d", "fcntl", false, NULL },
	{ "d", "dotlock_try fcntl", true, "bob.lock" },
};

START_TEST(locks_of_others_are_respected)
{
	struct holder other = hold(pairs[_i].held);
	struct lock_set set = set_of(pairs[_i].ours);
	bool had = scratch_has(&scratch, "bob.lock");
	int64_t before = sys_ticks_us();

	if (pairs[_i].conflict) {
		ck_assert_msg(take(&set) == -1, "%s while \"%s\" is held",
		    pairs[_i].ours, pairs[_i].held);
		ck_assert_int_eq(why.id, STATUS_LOCKED);
		expect_holds(why.cause, pairs[_i].cause);
		ck_assert_uint_eq(set.taken, 0);
	} else {
		ck_assert_msg(take(&set) == 0, "%s while \"%s\" is held: %s",
		    pairs[_i].ours, pairs[_i].held, why.cause);
		lock_set_release(&set, &target);
	}
	ck_assert_int_lt(sys_ticks_us() - before, 1000000);
	ck_assert(scratch_has(&scratch, "bob.lock") == had);
	let_go(&other);
	if (had)
		return; /* its holder is dead now; that is another test */
	ck_assert_msg(take(&set) == 0, "afterwards: %s", why.cause);
	lock_set_release(&set, &target);
}
END_TEST

/* Whether a lock of ours keeps another process out. */
static bool
others_get_fcntl(void)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fcntl(open_box(), F_SETLK, &all) == 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status) == 1;
}

START_TEST(ours_keep_others_out_until_released)
{
	static const char *const sets[] = { "fcntl", "lockf", "fcntl dotlock",
		"dotlock fcntl" };
	struct lock_set set = set_of(sets[_i]);

	ck_assert(others_get_fcntl());
	ck_assert_int_eq(take(&set), 0);
	ck_assert(!others_get_fcntl());
	ck_assert(scratch_has(&scratch, "bob.lock") == (_i >= 2));
	lock_set_release(&set, &target);
	ck_assert(others_get_fcntl());
	ck_assert(!scratch_has(&scratch, "bob.lock"));
}
END_TEST

#ifndef PORTABLE
/* A traditional lock would be gone: fcntl(2). */
START_TEST(closing_another_descriptor_keeps_the_lock)
{
	struct lock_set set = set_of("fcntl");

	ck_assert_int_eq(take(&set), 0);
	(void)close(open_box());
	ck_assert(!others_get_fcntl());
	lock_set_release(&set, &target);
}
END_TEST
#endif

/* Stale dotlocks. */

static void
leave_stale_lock(void)
{
	struct holder dead = hold("d");

	let_go(&dead);
	ck_assert(scratch_has(&scratch, "bob.lock"));
}

START_TEST(a_stale_lock_is_broken_where_no_kernel_lock_is_held)
{
	static const char *const sets[] = { "dotlock", "dotlock_try",
		"fcntl dotlock", "dotlock fcntl", "flock dotlock",
		"dotlock_try flock" };
	struct lock_set set = set_of(sets[_i]);

	leave_stale_lock();
	ck_assert_msg(take(&set) == 0, "%s: %s", sets[_i], why.cause);
	ck_assert(dotlock.held);
	lock_set_release(&set, &target);
	ck_assert(!scratch_has(&scratch, "bob.lock"));
}
END_TEST

START_TEST(a_lock_that_looks_stale_is_not_while_the_kernel_knows_a_holder)
{
	static const char *const sets[] = { "dotlock", "dotlock_try",
		"dotlock fcntl", "fcntl dotlock" };
	struct lock_set set = set_of(sets[_i]);
	struct holder other;

	leave_stale_lock();
	other = hold("f");
	ck_assert_msg(take(&set) == -1, "%s", sets[_i]);
	ck_assert_int_eq(why.id, STATUS_LOCKED);
	ck_assert(scratch_has(&scratch, "bob.lock"));
	let_go(&other);
	ck_assert_msg(take(&set) == 0, "%s: %s", sets[_i], why.cause);
	lock_set_release(&set, &target);
}
END_TEST

/* dotlock_try. */

static int
take_both_ways(void)
{
	struct lock_set with = set_of("fcntl dotlock");
	struct lock_set without = set_of("fcntl dotlock_try");

	if (take(&with) == 0)
		return 1;
	if (why.id != STATUS_UNREACHABLE || with.taken != 0)
		return 2;
	if (take(&without) < 0)
		return 3;
	if (without.taken != 2 || dotlock.held)
		return 4;
	if (others_get_fcntl())
		return 5;
	lock_set_release(&without, &target);
	return others_get_fcntl() ? 0 : 6;
}

START_TEST(dotlock_try_does_without_where_it_is_forbidden)
{
	int status;
	pid_t pid;

	scratch_chmod(&scratch, "bob", 0666);
	scratch_chmod(&scratch, ".", 0555);
	pid = fork();
	if (pid == 0) {
		gid_t gid = machine_gid();

		if (getuid() == 0 &&
		    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
			setuid(machine_uid()) < 0))
			_exit(99);
		_exit(take_both_ways());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "status %#x", (unsigned)status);
	scratch_chmod(&scratch, ".", 0755);
}
END_TEST

/* Deadlocks. */

#define ROUNDS 60

/* Takes the locks again and again; an exit status. */
static int
take_rounds(const char *words)
{
	struct lock_set set = set_of(words);

	target.fd = open_box();
	ck_assert_int_eq(
	    dotlock_init(&dotlock, dir, scratch.root, "bob", &why), 0);
	for (int left = ROUNDS; left > 0;) {
		int fd;

		if (take(&set) < 0) {
			if (why.id != STATUS_LOCKED)
				return 1;
			sys_sleep_ms((int)(sys_random() % 3));
			continue;
		}
		fd = openat(dir, "inside", O_CREAT | O_EXCL | O_WRONLY, 0600);
		if (fd < 0)
			return 2;
		(void)close(fd);
		if (unlinkat(dir, "inside", 0) < 0)
			return 3;
		lock_set_release(&set, &target);
		left--;
	}
	return 0;
}

/* The fcntl lock first, and waited for: as Dovecot on Debian, and mutt. */
static int
wait_rounds(void)
{
	struct flock all = { .l_whence = SEEK_SET };
	int fd = open_box(), other;

	for (int left = ROUNDS; left > 0;) {
		struct status said;
		struct dotlock mine;
		bool stale, got;

		all.l_type = F_WRLCK;
		if (fcntl(fd, F_SETLKW, &all) < 0)
			return 4;
		if (dotlock_init(&mine, dir, scratch.root, "bob", &said) < 0)
			return 5;
		got = dotlock_try(&mine, false, &stale, &said) == 0;
		if (got) {
			other = openat(
			    dir, "inside", O_CREAT | O_EXCL | O_WRONLY, 0600);
			if (other < 0)
				return 6;
			(void)close(other);
			(void)unlinkat(dir, "inside", 0);
			dotlock_release(&mine);
			left--;
		}
		all.l_type = F_UNLCK;
		(void)fcntl(fd, F_SETLK, &all);
		sys_sleep_ms(1);
	}
	return 0;
}

START_TEST(programs_with_another_order_do_not_deadlock_with_us)
{
	static const char *const orders[] = { "fcntl dotlock", "dotlock fcntl",
		"dotlock fcntl flock", "flock fcntl dotlock" };
	pid_t pids[COUNT(orders) + 1];
	int status;

	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(i < COUNT(orders) ? take_rounds(orders[i]) :
						  wait_rounds());
	}
	for (size_t i = 0; i < COUNT(pids); i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "program %zu: %#x", i, (unsigned)status);
	}
	ck_assert(!scratch_has(&scratch, "bob.lock"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("locks");
	TCase *words = tcase_create("words");
	TCase *taking = tcase_create("taking");
	TCase *stale = tcase_create("stale");
	TCase *many = tcase_create("many at once");
	int status;

	tcase_add_checked_fixture(words, set_up, tear_down);
	tcase_add_checked_fixture(taking, set_up, tear_down);
	tcase_add_checked_fixture(stale, set_up, tear_down);
	tcase_add_checked_fixture(many, set_up, tear_down);
	tcase_set_timeout(many, 30);
	tcase_add_loop_test(words,
	    methods_are_taken_in_the_order_of_their_words, 0, COUNT(good));
	tcase_add_loop_test(
	    words, what_would_not_lock_is_refused, 0, COUNT(bad));
	tcase_add_loop_test(
	    taking, what_was_taken_is_given_back_last_first, 0, COUNT(stories));
	tcase_add_loop_test(
	    taking, locks_of_others_are_respected, 0, COUNT(pairs));
	tcase_add_loop_test(taking, ours_keep_others_out_until_released, 0, 4);
#ifndef PORTABLE
	tcase_add_test(taking, closing_another_descriptor_keeps_the_lock);
#endif
	tcase_add_test(taking, dotlock_try_does_without_where_it_is_forbidden);
	tcase_add_loop_test(
	    stale, a_stale_lock_is_broken_where_no_kernel_lock_is_held, 0, 6);
	tcase_add_loop_test(stale,
	    a_lock_that_looks_stale_is_not_while_the_kernel_knows_a_holder, 0,
	    4);
	tcase_add_test(
	    many, programs_with_another_order_do_not_deadlock_with_us);
	suite_add_tcase(suite, words);
	suite_add_tcase(suite, taking);
	suite_add_tcase(suite, stale);
	suite_add_tcase(suite, many);
	scratch_begin();
	status = expect_run(suite);
	scratch_end();
	return status;
}
