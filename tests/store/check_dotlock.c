/*
 * check_dotlock.c - FILE.lock: who gets it, what it says, when it is stale.
 *
 * Source: store/dotlock.h; DESIGN 3 (mbox); reference/reliability.md A5.
 */
#define _GNU_SOURCE /* setgroups(2), setresuid(2) */
#include "store/dotlock.h"

#include "base/expect.h"
#include "base/process.h"
#include "base/sys.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch scratch;
static struct dotlock lock;
static struct status why;
static bool stale;
static int dir;
static char host[256];

static void
set_up(void)
{
	scratch_open(&scratch, getuid(), getgid());
	sys_hostname(host, sizeof(host));
	dir = open(scratch.root, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(
	    dotlock_init(&lock, dir, scratch.root, "bob", &why), 0);
}

static void
tear_down(void)
{
	(void)close(dir);
	scratch_close(&scratch);
}

static int
try(bool may_break)
{
	status_init(&why);
	stale = false;
	return dotlock_try(&lock, may_break, &stale, &why);
}

/* What stands in the directory beside the lock: posts, locks put aside. */
static size_t
count_others(void)
{
	DIR *all = opendir(scratch.root);
	struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(all);
	while ((entry = readdir(all)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, "bob.lock") != 0)
			count++;
	(void)closedir(all);
	return count;
}

static void
read_lock(char *room, size_t size)
{
	int fd = openat(dir, "bob.lock", O_RDONLY | O_NOFOLLOW);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	got = read(fd, room, size - 1);
	ck_assert_int_ge(got, 0);
	room[got] = '\0';
	(void)close(fd);
}

static void
set_age(const char *name, time_t seconds)
{
	const struct timespec times[2] = { { time(NULL) - seconds, 0 },
		{ time(NULL) - seconds, 0 } };

	ck_assert_int_eq(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* "D" in content stands for a dead pid, "L" for a living one, "H" for this
 * host. */
static void
put_lock(const char *name, const char *content, time_t age)
{
	char text[512] = "";
	size_t used = 0;

	for (; *content != '\0'; content++) {
		size_t left = sizeof(text) - used;

		if (*content == 'D')
			(void)snprintf(text + used, left, "%d", MACHINE_NO_PID);
		else if (*content == 'L')
			(void)snprintf(text + used, left, "%d", getpid());
		else if (*content == 'H')
			(void)snprintf(text + used, left, "%s", host);
		else
			(void)snprintf(text + used, left, "%c", *content);
		used = strlen(text);
	}
	scratch_write(&scratch, name, text);
	set_age(name, age);
}

static void
expect_held(const char *what)
{
	ck_assert_msg(try(true) == -1, "%s: the lock was taken", what);
	ck_assert_msg(why.id == STATUS_LOCKED, "%s: status %d, %s", what,
	    (int)why.id, why.cause);
	ck_assert(!lock.held);
	expect_holds(why.cause, "bob.lock");
	ck_assert_msg(scratch_has(&scratch, "bob.lock"), "%s: gone", what);
	ck_assert_uint_eq(count_others(), 0);
}

static void
expect_taken(const char *what)
{
	char got[512], want[512];

	ck_assert_msg(try(true) == 0, "%s: %s", what, why.cause);
	ck_assert(lock.held);
	(void)snprintf(want, sizeof(want), "%d:%s", getpid(), host);
	read_lock(got, sizeof(got));
	ck_assert_str_eq(got, want);
	ck_assert_uint_eq(count_others(), 0);
}

/* As if we had watched for so long: the struct says since when. */
static void
watch_for(int seconds)
{
	lock.watched_since_us -= (int64_t)seconds * 1000000;
}

START_TEST(a_lock_says_who_holds_it_to_everybody)
{
	(void)umask(077);
	expect_taken("nothing in the way");
	ck_assert_int_eq(
	    (int)scratch_mode(&scratch, "bob.lock"), S_IFREG | 0644);
	dotlock_release(&lock);
	ck_assert(!scratch_has(&scratch, "bob.lock"));
}
END_TEST

START_TEST(a_lock_has_one_name)
{
	struct stat facts;

	expect_taken("nothing in the way");
	ck_assert_int_eq(fstatat(dir, "bob.lock", &facts, 0), 0);
	ck_assert_uint_eq(facts.st_nlink, 1);
	dotlock_release(&lock);
}
END_TEST

START_TEST(a_held_lock_is_left_alone)
{
	struct stat before, after;

	put_lock("bob.lock", "L:H", 3);
	ck_assert_int_eq(fstatat(dir, "bob.lock", &before, 0), 0);
	expect_held("a living holder");
	ck_assert(!stale);
	expect_holds(why.cause, "uid");
	ck_assert_int_eq(fstatat(dir, "bob.lock", &after, 0), 0);
	ck_assert(before.st_ino == after.st_ino &&
	    before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
	    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	/* Without a lock of ours there is nothing to release. */
	dotlock_release(&lock);
	ck_assert(scratch_has(&scratch, "bob.lock"));
	ck_assert_int_eq(unlinkat(dir, "bob.lock", 0), 0);
	expect_taken("gone");
	dotlock_release(&lock);
}
END_TEST

START_TEST(only_our_own_lock_is_released)
{
	expect_taken("nothing in the way");
	put_lock("fresh", "L:H", 0);
	ck_assert_int_eq(renameat(dir, "fresh", dir, "bob.lock"), 0);
	dotlock_release(&lock);
	ck_assert(scratch_has(&scratch, "bob.lock"));
	ck_assert_int_eq(unlinkat(dir, "bob.lock", 0), 0);
	dotlock_release(&lock);
	expect_taken("after that");
	ck_assert_int_eq(unlinkat(dir, "bob.lock", 0), 0);
	dotlock_release(&lock);
	ck_assert(!lock.held);
}
END_TEST

/* What is found; whether it is broken at once, or after it has been watched
 * without a change. */
static const struct {
	const char *content;
	time_t age;
	bool at_once, watched;
} judged[] = {
	/* A pid of this host says all: dead, or there already when the lock
	 * was made. */
	{ "D:H", 0, true, true },
	{ "D:H", 10, true, true },
	{ "D:H\n", 0, true, true },
	{ "D\n", 0, true, true },
	{ "D", 0, true, true },
	{ " D\n", 0, true, true },
	{ "L:H", 400, false, false },
	{ "L:H", 600, false, true },
	{ "L:H", 2000, false, true },
	{ "L\n", 2000, false, true },
	{ "1:H", 2000, false, false },
	/* That of another host is nobody's here. */
	{ "D:elsewhere.invalid", 0, false, false },
	{ "D:elsewhere.invalid", 400, false, false },
	{ "D:H.elsewhere.invalid", 10, false, false },
	{ "L:elsewhere.invalid", 10, false, false },
	/* Postfix's are empty, procmail's say 0. */
	{ "", 0, false, false },
	{ "", 400, false, false },
	{ "", 600, false, true },
	{ "0", 400, false, false },
	{ "0", 600, false, true },
	{ "0\n", 600, false, true },
	{ "0:H", 600, false, true },
	/* Nothing that a number could be read from. */
	{ "-1", 10, false, false },
	{ "-1", 600, false, true },
	{ "99999999999999999999:H", 10, false, false },
	{ "4294967297:H", 10, false, false },
	{ "D x", 10, false, false },
	{ "D:", 10, false, false },
	{ "xD:H", 10, false, false },
};

/* What is too long to be read whole says nothing, whatever it begins with. */
START_TEST(a_long_text_names_nobody)
{
	char text[2000];

	memset(text, '\n', sizeof(text));
	(void)snprintf(text, sizeof(text), "%d", MACHINE_NO_PID);
	text[strlen(text)] = '\n';
	text[sizeof(text) - 2] = 'x';
	text[sizeof(text) - 1] = '\0';
	scratch_write(&scratch, "bob.lock", text);
	expect_held("a long text");
	ck_assert(!stale);
}
END_TEST

START_TEST(a_lock_is_broken_when_it_is_stale)
{
	char what[128];

	(void)snprintf(what, sizeof(what), "\"%s\", %jd s old",
	    judged[_i].content, (intmax_t)judged[_i].age);
	if (sys_boot_time() + 120 > time(NULL) - judged[_i].age)
		return; /* it would be one from before the machine started */
	if (judged[_i].content[0] == '1' &&
	    process_started(1) > time(NULL) - judged[_i].age)
		return; /* in a name space that is younger */
	if (judged[_i].content[0] == 'L' && MACHINE_IS_PORTABLE)
		return; /* it does not know who is younger */
	put_lock("bob.lock", judged[_i].content, judged[_i].age);
	if (judged[_i].at_once) {
		ck_assert_msg(try(false) == -1 && stale, "%s", what);
		ck_assert_int_eq(why.id, STATUS_LOCKED);
		ck_assert(scratch_has(&scratch, "bob.lock"));
		expect_taken(what);
		dotlock_release(&lock);
		return;
	}
	expect_held(what);
	ck_assert_msg(!stale, "%s is stale", what);
	watch_for(1);
	expect_held(what);
	watch_for(60);
	if (judged[_i].watched) {
		expect_taken(what);
		dotlock_release(&lock);
	} else
		expect_held(what);
}
END_TEST

START_TEST(somebody_who_refreshes_it_holds_it)
{
	if (sys_boot_time() + 120 > time(NULL) - 600)
		return;
	put_lock("bob.lock", "", 600);
	for (int i = 0; i < 5; i++) {
		expect_held("refreshed");
		watch_for(60);
		set_age("bob.lock", 600 - i - 1);
	}
	expect_held("refreshed");
	watch_for(60);
	/* Another file with the same time is another lock. */
	put_lock("fresh", "", 595);
	ck_assert_int_eq(renameat(dir, "fresh", dir, "bob.lock"), 0);
	expect_held("replaced");
	watch_for(60);
	expect_taken("left alone at last");
	dotlock_release(&lock);
}
END_TEST

/* Whom we may not signal lives all the same. */
START_TEST(a_lock_of_another_uids_process_is_held)
{
	int held;

	put_lock("bob.lock", "1:H", 1);
	scratch_chmod(&scratch, ".", 0777);
	if (getuid() == 0)
		ck_assert_int_eq(setresuid(MACHINE_UID, MACHINE_UID, 0), 0);
	held = try(true);
	if (geteuid() == MACHINE_UID)
		ck_assert_int_eq(setresuid(0, 0, 0), 0);
	ck_assert_int_eq(held, -1);
	ck_assert(!stale);
	ck_assert(scratch_has(&scratch, "bob.lock"));
}
END_TEST

/* In a directory like /tmp; whoever looks for a holder finds none. */
START_TEST(stale_lock_that_is_not_ours_to_remove_is_called_so)
{
	int held;

	if (getuid() != 0)
		return;
	put_lock("bob.lock", "D:H", 1000);
	scratch_chmod(&scratch, ".", 01777);
	ck_assert_int_eq(setresuid(MACHINE_UID, MACHINE_UID, 0), 0);
	held = try(true);
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	ck_assert_int_eq(held, -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_LOCKED);
	ck_assert(stale);
	expect_holds(why.cause, "it is stale, but uid");
	expect_holds(why.cause, "remove it by hand");
	ck_assert(scratch_has(&scratch, "bob.lock"));
}
END_TEST

START_TEST(a_lock_from_before_the_boot_is_broken_whoever_holds_it)
{
	static const char *const contents[] = { "", "0", "L:H",
		"1:elsewhere.invalid", "x" };
	time_t up = time(NULL) - (time_t)sys_boot_time();

	if (MACHINE_IS_PORTABLE)
		return; /* it does not know when that was */
	put_lock("bob.lock", contents[_i], up + 3600);
	ck_assert_msg(try(false) == -1 && stale, "%s", why.cause);
	expect_taken("older than the boot");
	dotlock_release(&lock);
	/* Clocks are set when a machine starts. */
	put_lock("bob.lock", "L:H", up + 20);
	expect_held("about as old as the boot");
}
END_TEST

START_TEST(what_is_no_file_is_neither_broken_nor_followed)
{
	static const char *const kinds[] = { "symlink", "dangling", "directory",
		"FIFO", "socket" };
	struct stat before, after;
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int bound;

	put_lock("victim", "D:H", 100000);
	switch (_i) {
	case 0:
		scratch_symlink(&scratch, "victim", "bob.lock");
		break;
	case 1:
		scratch_symlink(&scratch, "nowhere", "bob.lock");
		break;
	case 2:
		scratch_mkdir(&scratch, "bob.lock", 0755);
		break;
	case 3:
		ck_assert_int_eq(mkfifoat(dir, "bob.lock", 0666), 0);
		break;
	default:
		(void)snprintf(name.sun_path, sizeof(name.sun_path),
		    "%s/bob.lock", scratch.root);
		bound = socket(AF_UNIX, SOCK_DGRAM, 0);
		ck_assert_int_eq(
		    bind(bound, (struct sockaddr *)&name, sizeof(name)), 0);
		(void)close(bound);
		break;
	}
	set_age("bob.lock", 1000000);
	ck_assert_int_eq(
	    fstatat(dir, "bob.lock", &before, AT_SYMLINK_NOFOLLOW), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_msg(try(true) == -1, "%s taken", kinds[_i]);
		ck_assert_int_eq(why.id, STATUS_LOCKED);
		ck_assert(!stale);
		watch_for(1000);
	}
	ck_assert_int_eq(
	    fstatat(dir, "bob.lock", &after, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(
	    before.st_ino == after.st_ino && before.st_mode == after.st_mode);
	ck_assert(!scratch_has(&scratch, "nowhere"));
	ck_assert(scratch_has(&scratch, "victim"));
	ck_assert_uint_eq(count_others(), 1);
}
END_TEST

START_TEST(a_hard_link_of_something_else_is_only_unlinked)
{
	struct stat facts;

	put_lock("victim", "D:H", 10);
	ck_assert_int_eq(linkat(dir, "victim", dir, "bob.lock", 0), 0);
	ck_assert_int_eq(try(true), 0);
	ck_assert_int_eq(fstatat(dir, "victim", &facts, 0), 0);
	ck_assert_uint_eq(facts.st_nlink, 1);
	ck_assert_int_gt(facts.st_size, 2);
	dotlock_release(&lock);
	ck_assert(scratch_has(&scratch, "victim"));
}
END_TEST

/* Posts. */

/* All the names that posts may have. */
static void
put_posts(const char *content, time_t age)
{
	for (int i = 0; i < 256; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), ".bob.lock.post%d", i);
		put_lock(name, content, age);
	}
}

START_TEST(a_post_that_a_crash_has_left_is_taken_away)
{
	put_posts(_i == 0 ? "D:H" : "", _i == 0 ? 0 : 600);
	if (try(true) < 0)
		ck_assert_int_eq(why.id, STATUS_LOCKED);
	ck_assert_uint_eq(count_others(), 255);
	ck_assert_msg(lock.held || try(true) == 0, "%s", why.cause);
	ck_assert_uint_eq(count_others(), 255);
	dotlock_release(&lock);
}
END_TEST

START_TEST(a_post_of_somebody_who_is_just_locking_stays)
{
	put_posts(_i == 0 ? "L:H" : "", 1);
	ck_assert_int_eq(try(true), -1);
	ck_assert_int_eq(why.id, STATUS_LOCKED);
	expect_holds(why.cause, "in the way");
	ck_assert_uint_eq(count_others(), 256);
	ck_assert(!scratch_has(&scratch, "bob.lock"));
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	char name[400];
	struct dotlock other;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(
	    dotlock_init(&other, dir, scratch.root, name, &why), -1);
	ck_assert_int_eq(why.id, STATUS_MISCONFIGURED);
	/* 255 octets with ".lock" are what a directory can hold. */
	name[250] = '\0';
	ck_assert_int_eq(
	    dotlock_init(&other, dir, scratch.root, name, &why), 0);
	ck_assert_msg(
	    dotlock_try(&other, true, &stale, &why) == 0, "%s", why.cause);
	dotlock_release(&other);
	ck_assert_uint_eq(count_others(), 0);
}
END_TEST

/* Runs what as somebody who is not root; its answer is an exit status. */
static void
as_nobody(int (*what)(void))
{
	int ended;
	pid_t pid = fork();

	if (pid == 0) {
		gid_t gid = machine_gid();

		if (getuid() == 0 &&
		    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
			setuid(machine_uid()) < 0))
			_exit(99);
		_exit(what());
	}
	ck_assert_int_eq(waitpid(pid, &ended, 0), pid);
	ck_assert_msg(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "status %#x",
	    (unsigned)ended);
}

static int
forbidden(void)
{
	if (try(true) == 0)
		return 1;
	if (why.id != STATUS_UNREACHABLE)
		return 2;
	/* The directory, its group, and the two remedies. */
	if (strstr(why.cause, scratch.root) == NULL)
		return 3;
	if (strstr(why.cause, "gid ") == NULL)
		return 4;
	if (strstr(why.cause, "set-group-ID") == NULL)
		return 5;
	if (strstr(why.cause, "mbox_write_locks = fcntl dotlock_try") == NULL)
		return 6;
	return strchr(why.reply, '/') == NULL && why.reply[0] != '\0' ? 0 : 7;
}

START_TEST(where_the_directory_may_not_be_written_the_remedies_are_named)
{
	scratch_chmod(&scratch, ".", 0555);
	as_nobody(forbidden);
	ck_assert_uint_eq(count_others(), 0);
	scratch_chmod(&scratch, ".", 0755);
}
END_TEST

/* Many at once. */

#define RIVALS 6
#define ROUNDS 40

/* Whoever holds the lock is alone; returns an exit status. */
static int
compete(void)
{
	int left = ROUNDS;

	while (left > 0) {
		int fd;

		if (try(false) < 0) {
			if (why.id != STATUS_LOCKED || stale)
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
		dotlock_release(&lock);
		left--;
	}
	return 0;
}

START_TEST(of_many_only_one_holds_it)
{
	pid_t rivals[RIVALS];
	int ended;

	for (int i = 0; i < RIVALS; i++) {
		rivals[i] = fork();
		if (rivals[i] == 0)
			_exit(compete());
	}
	for (int i = 0; i < RIVALS; i++) {
		ck_assert_int_eq(waitpid(rivals[i], &ended, 0), rivals[i]);
		ck_assert_msg(WIFEXITED(ended) && WEXITSTATUS(ended) == 0,
		    "rival %d: %#x", i, (unsigned)ended);
	}
	ck_assert(!scratch_has(&scratch, "bob.lock"));
	ck_assert_uint_eq(count_others(), 0);
}
END_TEST

/* Whether the lock is ours, at once or after the moment in which the other one
 * looks at it: however busy the machine is, that ends. */
static bool
comes_back(const struct stat *mine)
{
	struct stat now;

	for (int i = 0; i < 2000; i++) {
		sys_sleep_ms(1);
		if (fstatat(dir, "bob.lock", &now, 0) == 0 &&
		    now.st_ino == mine->st_ino)
			return true;
	}
	return false;
}

/* A program that leaves a stale lock and, an instant later, takes a fresh one
 * in its place, again and again; returns how often its fresh lock was gone. */
static int
come_and_go(char *stale_text, char *fresh_text)
{
	int lost = 0;

	for (int i = 0; i < 400; i++) {
		struct stat mine;
		int fd =
		    openat(dir, "stale", O_CREAT | O_EXCL | O_WRONLY, 0644);

		if (write(fd, stale_text, strlen(stale_text)) < 0)
			return 100;
		(void)close(fd);
		fd = openat(dir, "fresh", O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (write(fd, fresh_text, strlen(fresh_text)) < 0 ||
		    fstat(fd, &mine) < 0)
			return 101;
		(void)close(fd);
		(void)renameat(dir, "stale", dir, "bob.lock");
		for (uint64_t turns = sys_random() % 4000; turns > 0; turns--)
			(void)getppid();
		/* Ours from here: unless the other one broke the stale lock
		 * and holds his own by now. */
		if (linkat(dir, "bob.lock", dir, "was", 0) == 0) {
			(void)unlinkat(dir, "was", 0);
			(void)renameat(dir, "fresh", dir, "bob.lock");
			if (!comes_back(&mine))
				lost++;
		}
		(void)unlinkat(dir, "fresh", 0);
		(void)unlinkat(dir, "bob.lock", 0);
	}
	return lost > 99 ? 99 : lost;
}

START_TEST(a_fresh_lock_in_the_place_of_a_stale_one_is_put_back)
{
	char stale_text[512], fresh_text[512];
	int ended, status;
	pid_t other;

	(void)snprintf(
	    stale_text, sizeof(stale_text), "%d:%s", MACHINE_NO_PID, host);
	(void)snprintf(fresh_text, sizeof(fresh_text), "%d:%s", getpid(), host);
	other = fork();
	if (other == 0)
		_exit(come_and_go(stale_text, fresh_text));
	do {
		/* Never released: what we take is overwritten by the other. */
		if (try(true) == 0)
			lock.held = false;
		ended = waitpid(other, &status, WNOHANG);
	} while (ended == 0);
	ck_assert_int_eq(ended, other);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* What a lock file may say. */
static const struct {
	struct str text;
	pid_t want;
} texts[] = {
	{ TEXT(""), 0 },
	{ TEXT("0"), 0 },
	{ TEXT("00"), 0 },
	{ TEXT("12"), 12 },
	{ TEXT("12\n"), 12 },
	{ TEXT("  12  \n"), 12 },
	{ TEXT("12:here"), 12 },
	{ TEXT("12:here\n"), 12 },
	{ TEXT("12: here"), 12 },
	{ TEXT("12:there"), 0 },
	{ TEXT("12:here.example"), 0 },
	{ TEXT("12:her"), 0 },
	{ TEXT("12:HERE"), 0 },
	{ TEXT("12:"), 0 },
	{ TEXT("12 here"), 0 },
	{ TEXT(":here"), 0 },
	{ TEXT("+12"), 0 },
	{ TEXT("-12"), 0 },
	{ TEXT("0x12"), 0 },
	{ TEXT("12\0:here"), 0 },
	{ TEXT("2147483647"), 2147483647 },
	{ TEXT("2147483648"), 0 },
	{ TEXT("99999999999999999999999"), 0 },
};

START_TEST(the_holder_is_read_from_the_text)
{
	pid_t got = dotlock_read_pid(texts[_i].text, "here");

	ck_assert_msg(got == texts[_i].want, "given \"%s\": got %d, want %d",
	    expect_show(texts[_i].text), (int)got, (int)texts[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dotlock");
	TCase *holding = tcase_create("holding");
	TCase *breaking = tcase_create("stale locks");
	TCase *posts = tcase_create("posts");
	TCase *many = tcase_create("many at once");
	TCase *text = tcase_create("text");
	int status;

	tcase_add_checked_fixture(holding, set_up, tear_down);
	tcase_add_checked_fixture(breaking, set_up, tear_down);
	tcase_add_checked_fixture(posts, set_up, tear_down);
	tcase_add_checked_fixture(many, set_up, tear_down);
	tcase_set_timeout(many, 30);
	tcase_add_test(holding, a_lock_says_who_holds_it_to_everybody);
	tcase_add_test(holding, a_lock_has_one_name);
	tcase_add_test(holding, a_held_lock_is_left_alone);
	tcase_add_test(holding, only_our_own_lock_is_released);
	tcase_add_loop_test(
	    breaking, a_lock_is_broken_when_it_is_stale, 0, COUNT(judged));
	tcase_add_test(breaking, a_long_text_names_nobody);
	tcase_add_test(breaking, somebody_who_refreshes_it_holds_it);
	tcase_add_test(breaking, a_lock_of_another_uids_process_is_held);
	tcase_add_test(
	    breaking, stale_lock_that_is_not_ours_to_remove_is_called_so);
	tcase_add_loop_test(breaking,
	    a_lock_from_before_the_boot_is_broken_whoever_holds_it, 0, 5);
	tcase_add_loop_test(
	    breaking, what_is_no_file_is_neither_broken_nor_followed, 0, 5);
	tcase_add_test(
	    breaking, a_hard_link_of_something_else_is_only_unlinked);
	tcase_add_loop_test(
	    posts, a_post_that_a_crash_has_left_is_taken_away, 0, 2);
	tcase_add_loop_test(
	    posts, a_post_of_somebody_who_is_just_locking_stays, 0, 2);
	tcase_add_test(posts, a_name_that_is_too_long_is_refused);
	tcase_add_test(posts,
	    where_the_directory_may_not_be_written_the_remedies_are_named);
	tcase_add_test(many, of_many_only_one_holds_it);
	tcase_add_test(
	    many, a_fresh_lock_in_the_place_of_a_stale_one_is_put_back);
	tcase_add_loop_test(
	    text, the_holder_is_read_from_the_text, 0, COUNT(texts));
	suite_add_tcase(suite, holding);
	suite_add_tcase(suite, breaking);
	suite_add_tcase(suite, posts);
	suite_add_tcase(suite, many);
	suite_add_tcase(suite, text);
	scratch_begin();
	status = expect_run(suite);
	scratch_end();
	return status;
}
