/*
 * dotlock.c - hold FILE.lock while a mailbox FILE is changed.
 *
 * A hitching post of our own, with "PID:HOST" in it, is linked to FILE.lock:
 * link(2) decides who wins, also over NFS, where a link whose answer was lost
 * shows by the post having two names.  A stale lock is renamed away first and
 * looked at again, so that a fresh lock that took its place in between is put
 * back rather than removed.
 *
 * Source: lda.conf(5) mbox_write_locks; Dovecot and liblockfile (content),
 * postfix dot_lockfile(3) (500 s), procmail (content 0).
 */
#include "store/dotlock.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/number.h"
#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* postconf(5) stale_lock_time. */
#define STALE_SECONDS 500

/* Unchanged for this long while we watched: the file system's clock may be
 * another machine's, ours at least moves. */
#define WATCHED_SECONDS 5

/* How far the machine's idea of when it started may move (clock steps). */
#define CLOCK_SECONDS 60

#define CONTENT_OCTETS 300

/* A post is written at once: an empty one this old is of a killed process. */
#define EMPTY_POST_SECONDS 10

const char dotlock_forbidden[] =
    "mailbox cannot be locked: lda may not write the mail spool directory";

int
dotlock_init(struct dotlock *lock, int dir, const char *directory,
    const char *mailbox, struct status *why)
{
	struct buf name;

	memset(lock, 0, sizeof(*lock));
	lock->dir = dir;
	lock->directory = directory;
	buf_init(&name, lock->name, sizeof(lock->name));
	buf_print(&name, "%s.lock", mailbox);
	if (!name.overflow)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%s/%s: the name is too long for a dotlock", directory, mailbox);
}

static int64_t
mtime_ns(const struct stat *facts)
{
	return (int64_t)facts->st_mtim.tv_sec * 1000000000 +
	    facts->st_mtim.tv_nsec;
}

pid_t
dotlock_read_pid(struct str text, const char *host)
{
	struct cursor in = cursor_over(str_trim(text));
	struct str digits = cursor_span(&in, "0123456789");
	uint64_t pid;

	if (!number_read(digits, INT32_MAX, &pid) || pid == 0)
		return 0;
	/* liblockfile and mutt write the pid alone. */
	if (cursor_at_end(&in))
		return (pid_t)pid;
	if (!cursor_take(&in, ':') || !str_is(str_trim(in.rest), host))
		return 0;
	return (pid_t)pid;
}

/* Somebody else's lock as it stands now. */
struct other {
	struct stat facts;
	pid_t pid;       /* of a holder on this host; 0: not known */
	bool other_host; /* it names a holder elsewhere */
};

/* The contents of a lock file, nothing where it cannot be read, is no file (a
 * FIFO would make us wait), or is too long: half of a text says anything. */
static struct str
read_content(const struct dotlock *lock, const char *name, char *room)
{
	int fd =
	    sys_openat(lock->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat facts;
	size_t length = 0;
	ssize_t got = 0;

	if (fd < 0)
		return str_of(NULL, 0);
	if (sys_fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode))
		while (length < CONTENT_OCTETS &&
		    (got = sys_read(
			 fd, room + length, CONTENT_OCTETS - length)) > 0)
			length += (size_t)got;
	(void)sys_close(fd);
	return str_of(room, got < 0 || length == CONTENT_OCTETS ? 0 : length);
}

static void
read_holder(const struct dotlock *lock, const char *name, struct other *into)
{
	char room[CONTENT_OCTETS], host[256];
	struct str content = read_content(lock, name, room);

	sys_hostname(host, sizeof(host));
	into->pid = dotlock_read_pid(content, host);
	into->other_host =
	    into->pid == 0 && str_index(content, ':') != STR_NONE;
}

static bool
is_dead(pid_t pid)
{
	/* EPERM: alive, under another uid. */
	return sys_kill(pid, 0) < 0 && errno == ESRCH;
}

/* Whether the lock is as it was when first seen, and for how long. */
static bool
unchanged_while_watched(struct dotlock *lock, const struct stat *facts)
{
	int64_t now_us = sys_ticks_us();

	if (!lock->watching || lock->watched_inode != facts->st_ino ||
	    lock->watched_mtime_ns != mtime_ns(facts)) {
		lock->watching = true;
		lock->watched_inode = facts->st_ino;
		lock->watched_mtime_ns = mtime_ns(facts);
		lock->watched_since_us = now_us;
		return false;
	}
	return now_us - lock->watched_since_us >=
	    (int64_t)WATCHED_SECONDS * 1000000;
}

/* A number is used again: who was started after the lock was made did not make
 * it, and may live for months. */
static bool
is_younger(pid_t pid, const struct dotlock *lock, int64_t mtime)
{
	int64_t started = process_started(pid);

	return started != 0 && mtime + CLOCK_SECONDS < started &&
	    sys_is_local(lock->dir);
}

static bool
is_stale(
    struct dotlock *lock, const struct other *other, int64_t file_system_now)
{
	int64_t boot = sys_boot_time();
	int64_t mtime = (int64_t)other->facts.st_mtim.tv_sec;
	bool unchanged = unchanged_while_watched(lock, &other->facts);
	bool old = unchanged && mtime + STALE_SECONDS < file_system_now;

	if (!S_ISREG(other->facts.st_mode))
		return false;
	if (boot != 0 && mtime + CLOCK_SECONDS < boot &&
	    sys_is_local(lock->dir))
		return true;
	if (other->pid != 0)
		return is_dead(other->pid) ||
		    (old && is_younger(other->pid, lock, mtime));
	return old;
}

/* What stands in the way, for the log. */
static int
fail_of_holder(
    const struct dotlock *lock, const struct other *other, struct status *why)
{
	(void)status_fail(why, STATUS_LOCKED,
	    "%s/%s is held (owner uid %jd, %jd s old", lock->directory,
	    lock->name, (intmax_t)other->facts.st_uid,
	    (intmax_t)(sys_now_us() / 1000000 - other->facts.st_mtim.tv_sec));
	if (other->pid != 0)
		status_add(why, ", pid %jd", (intmax_t)other->pid);
	status_add(why, ")");
	return -1;
}

/*
 * The name of a hitching post, or of a lock put aside.  There are only so
 * many per mailbox: whoever kills us again and again, to fill the spool with
 * what we leave, gets no further than that.
 */
#define POSTS 16

static void
post_name(
    const struct dotlock *lock, const char *purpose, char *into, size_t size)
{
	struct buf name;

	buf_init(&name, into, size);
	buf_print(&name, ".%.200s.%s%d", lock->name, purpose,
	    (int)(sys_getpid() % POSTS));
}

static int
fail_of_post(const struct dotlock *lock, struct status *why)
{
	bool forbidden = errno == EACCES || errno == EPERM || errno == EROFS;
	struct stat facts;

	(void)status_fail_errno(why, "create a dotlock in", lock->directory);
	if (forbidden && sys_fstat(lock->dir, &facts) == 0)
		status_add(why,
		    "; either install lda-relay set-group-ID with the "
		    "directory's group (gid %jd), or leave dotlocks out where "
		    "they are forbidden: mbox_write_locks = fcntl dotlock_try",
		    (intmax_t)facts.st_gid);
	if (forbidden)
		status_reply(why, "%s", dotlock_forbidden);
	return -1;
}

/* A post in the way: left by a crash, or somebody's who is just locking, and
 * then gone in a moment. */
static int
fail_of_other_post(struct dotlock *lock, const char *post, struct status *why)
{
	int64_t now = sys_now_us() / 1000000;
	struct other other;

	(void)status_fail(
	    why, STATUS_LOCKED, "%s/%s is in the way", lock->directory, post);
	if (sys_fstatat(lock->dir, post, &other.facts, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	status_add(why, " (owner uid %jd)", (intmax_t)other.facts.st_uid);
	read_holder(lock, post, &other);
	if (S_ISREG(other.facts.st_mode) &&
	    ((other.pid != 0 && is_dead(other.pid)) ||
		other.facts.st_mtim.tv_sec +
			(other.facts.st_size == 0 ? EMPTY_POST_SECONDS :
						    STALE_SECONDS) <
		    now))
		(void)sys_unlinkat(lock->dir, post, 0);
	return -1;
}

/* Makes the post; its descriptor, or -1. */
static int
make_post(struct dotlock *lock, const char *post, struct status *why)
{
	char room[CONTENT_OCTETS], host[256];
	struct buf content;
	int fd = sys_openat(
	    lock->dir, post, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == EEXIST)
		return fail_of_other_post(lock, post, why);
	if (fd < 0)
		return fail_of_post(lock, why);
	sys_hostname(host, sizeof(host));
	buf_init(&content, room, sizeof(room));
	buf_print(&content, "%jd:%s", (intmax_t)sys_getpid(), host);
	/* Readers of other users have to see whose it is. */
	if (file_write_all(fd, buf_str(&content)) == 0 &&
	    sys_fchmod(fd, 0644) == 0)
		return fd;
	(void)status_fail_errno(why, "write a dotlock in", lock->directory);
	(void)sys_close(fd);
	(void)sys_unlinkat(lock->dir, post, 0);
	return -1;
}

/*
 * Links the post; facts are the post's, whose mtime is the file system's
 * clock.  The lock is ours if its name is our post's file, whatever link(2)
 * said: over NFS its answer may be lost, and a post of ours that somebody took
 * for debris may have made room for one of his.
 */
static int
link_post(struct dotlock *lock, const char *post, int fd, struct stat *facts)
{
	int rc = sys_linkat(lock->dir, post, lock->dir, lock->name);
	int kept = errno;
	struct stat named;

	if (sys_fstat(fd, facts) < 0 ||
	    sys_fstatat(lock->dir, lock->name, &named, AT_SYMLINK_NOFOLLOW) <
		0) {
		/* Not to be told: a lock nobody knows to be his would stay
		 * for ever. */
		if (rc == 0) {
			kept = errno;
			(void)sys_unlinkat(lock->dir, lock->name, 0);
		}
	} else if (named.st_ino == facts->st_ino &&
	    named.st_dev == facts->st_dev) {
		lock->held = true;
		lock->held_device = facts->st_dev;
		lock->held_inode = facts->st_ino;
		return 0;
	} else if (rc == 0)
		kept = EEXIST; /* somebody has taken our place already */
	errno = kept;
	return -1;
}

/* Back to its place, unless another lock stands there by now.  link(2) needs
 * rights to the file that we may not have (fs.protected_hardlinks). */
static void
put_back(struct dotlock *lock, const char *aside)
{
	if (sys_renameat_new(lock->dir, aside, lock->dir, lock->name) == 0)
		return;
	if (errno != EEXIST &&
	    sys_linkat(lock->dir, aside, lock->dir, lock->name) < 0) {
		/* Then its holder is without it, and only the kernel's lock
		 * keeps us apart. */
	}
	(void)sys_unlinkat(lock->dir, aside, 0);
}

/* The number of a file that has been removed goes to the next one that is
 * made, so it alone does not tell a lock from the one before. */
static bool
is_same_lock(const struct stat *one, const struct stat *other)
{
	return one->st_ino == other->st_ino && one->st_dev == other->st_dev &&
	    mtime_ns(one) == mtime_ns(other);
}

/*
 * Takes a stale lock away: renamed to a name of ours first, because between
 * looking and removing somebody may have taken a fresh one.
 */
/* False where we have no right to: errno says why. */
static bool
break_lock(struct dotlock *lock, const struct stat *judged)
{
	char aside[DOTLOCK_NAME_OCTETS];
	struct stat facts;

	post_name(lock, "aside", aside, sizeof(aside));
	if (sys_renameat(lock->dir, lock->name, lock->dir, aside) < 0)
		return errno == ENOENT;
	if (sys_fstatat(lock->dir, aside, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_same_lock(&facts, judged))
		(void)sys_unlinkat(lock->dir, aside, 0);
	else
		put_back(lock, aside);
	return true;
}

/* 0: nothing stands in the way (any more); -1 with STATUS_LOCKED. */
static int
judge_other(struct dotlock *lock, bool may_break, bool *stale,
    int64_t file_system_now, struct status *why)
{
	struct other other;
	int kept;

	if (sys_fstatat(
		lock->dir, lock->name, &other.facts, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return status_fail_errno(why, "look at", lock->name);
	}
	read_holder(lock, lock->name, &other);
	*stale = is_stale(lock, &other, file_system_now);
	if (!*stale || !may_break)
		return fail_of_holder(lock, &other, why);
	if (break_lock(lock, &other.facts))
		return 0;
	kept = errno;
	(void)fail_of_holder(lock, &other, why);
	status_add(why,
	    "; it is stale, but uid %jd may not remove it: %s; remove it by "
	    "hand",
	    (intmax_t)sys_uid(), strerror(kept));
	return -1;
}

int
dotlock_try(
    struct dotlock *lock, bool may_break, bool *stale, struct status *why)
{
	char post[DOTLOCK_NAME_OCTETS];
	struct stat facts;
	int fd, rc = -1;

	*stale = false;
	post_name(lock, "post", post, sizeof(post));
	fd = make_post(lock, post, why);
	if (fd < 0)
		return -1;
	for (int i = 0; i < 2 && rc < 0; i++) {
		rc = link_post(lock, post, fd, &facts);
		if (rc == 0)
			break;
		if (errno == ENOENT) {
			/* Somebody took our post for debris. */
			(void)status_fail(why, STATUS_LOCKED,
			    "%s/%s was taken away", lock->directory, post);
			break;
		}
		if (errno != EEXIST) {
			(void)status_fail_errno(
			    why, "create a dotlock in", lock->directory);
			break;
		}
		(void)status_fail(why, STATUS_LOCKED, "%s/%s is held",
		    lock->directory, lock->name);
		if (judge_other(lock, may_break, stale,
			(int64_t)facts.st_mtim.tv_sec, why) < 0)
			break;
	}
	(void)sys_close(fd);
	(void)sys_unlinkat(lock->dir, post, 0);
	return rc;
}

void
dotlock_release(struct dotlock *lock)
{
	struct stat facts;

	if (!lock->held)
		return;
	lock->held = false;
	/* Somebody may have found it stale and taken his own.  What cannot be
	 * looked at is more likely ours. */
	if (sys_fstatat(lock->dir, lock->name, &facts, AT_SYMLINK_NOFOLLOW) ==
		0 &&
	    (facts.st_ino != lock->held_inode ||
		facts.st_dev != lock->held_device))
		return;
	(void)sys_unlinkat(lock->dir, lock->name, 0);
}
