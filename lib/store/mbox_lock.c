/*
 * mbox_lock.c - the mailbox file, open and locked.
 *
 * It is judged by its descriptor, before and after the locks, and compared
 * with its name under them.
 *
 * Source: postfix mbox_open(3), safe_open(3); Debian policy 11.6.
 */
#include "base/file.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/mbox_work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Between two rounds of trying the locks; differs from program to program. */
#define WAIT_MS_LEAST 50
#define WAIT_MS_MORE 450

/* By descriptor, because the name may be changed while we look. */
static int
judge_file(struct mbox *at, const struct stat *facts, struct status *why)
{
	if (!S_ISREG(facts->st_mode))
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s is not a regular file", at->path);
	if (facts->st_nlink > 1)
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s has %ju names: a hard link that somebody planted?",
		    at->path, (uintmax_t)facts->st_nlink);
	if (facts->st_uid != sys_uid())
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s belongs to uid %jd, not to the recipient (uid %jd)",
		    at->path, (intmax_t)facts->st_uid, (intmax_t)sys_uid());
	return 0;
}

static int
fail_of_creation(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	bool forbidden = errno == EACCES || errno == EPERM;
	int number = errno;
	struct stat facts;

	(void)status_fail_errno(why, "create", at->path);
	if (forbidden && sys_fstat(at->dir, &facts) == 0) {
		status_add(why,
		    "; either install lda-relay set-group-ID with the group "
		    "of %s (gid %jd), or make the mailbox and set "
		    "mbox_write_locks = fcntl dotlock_try",
		    at->directory, (intmax_t)facts.st_gid);
		status_reply(why, "%s", dotlock_forbidden);
	}
	errno = number;
	return -1;
}

static int
create_file(struct delivery *delivery, struct status *why)
{
	const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
	struct mbox *at = delivery->work;

	if (at->keeper >= 0) {
		if (spool_keeper_make(at->keeper, why) < 0)
			return -1;
		at->fd = sys_openat(at->dir, at->name, flags, 0);
	} else
		at->fd = sys_openat(
		    at->dir, at->name, flags | O_CREAT | O_EXCL, 0600);
	if (at->fd < 0 && errno == EEXIST)
		return status_fail(why, STATUS_LOCKED,
		    "%s: another program has just made it", at->path);
	if (at->fd < 0)
		return fail_of_creation(delivery, why);
	/* Never unmade: another delivery may have filled it by now.  Whoever
	 * finds it empty under the locks syncs its name. */
	return 0;
}

static int
open_file(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;

	at->fd = sys_openat(
	    at->dir, at->name, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0);
	if (at->fd >= 0)
		return 0;
	if (errno == EISDIR || errno == ENXIO)
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s is not a regular file", at->path);
	if (errno != ENOENT || !delivery_may_make(delivery))
		return status_fail_access(why, "open", at->path, R_OK | W_OK);
	return create_file(delivery, why);
}

/*
 * Open and locked, and still what the name names: a reader that rewrites the
 * mailbox may have replaced it while we waited.  -1 with STATUS_LOCKED asks
 * for another round.
 */
static int
lock_once(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	struct stat facts, named;

	if (open_file(delivery, why) < 0)
		return -1;
	if (sys_fstat(at->fd, &facts) < 0)
		return status_fail_errno(why, "look at", at->path);
	if (judge_file(at, &facts, why) < 0)
		return -1;
	at->target.fd = at->fd;
	at->target.path = at->path;
	at->target.dotlock = &at->dotlock;
	at->target.keeper = at->keeper;
	if (lock_set_take(&at->locks, &at->target, why) < 0)
		return -1;
	if (sys_fstat(at->fd, &facts) < 0)
		return status_fail_errno(why, "look at", at->path);
	named.st_ino = 0; /* nobody's, where there is none */
	if (sys_fstatat(at->dir, at->name, &named, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != ENOENT)
		return status_fail_errno(why, "look at", at->path);
	if (named.st_ino != facts.st_ino || named.st_dev != facts.st_dev)
		return status_fail(why, STATUS_LOCKED,
		    "%s was replaced while we waited for its lock", at->path);
	if (judge_file(at, &facts, why) < 0)
		return -1;
	at->old_size = facts.st_size;
	at->old_times[0] = facts.st_atim;
	at->old_times[1] = facts.st_mtim;
	return 0;
}

void
mbox_let_go(struct mbox *at)
{
	lock_set_release(&at->locks, &at->target);
	file_close(&at->fd);
}

int
mbox_lock(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	int64_t then_us = sys_ticks_us() +
	    (int64_t)delivery->options->mbox_lock_timeout * 1000000;

	for (;;) {
		if (lock_once(delivery, why) == 0)
			return 0;
		mbox_let_go(at);
		if (why->id != STATUS_LOCKED)
			return -1;
		if (sys_ticks_us() >= then_us) {
			status_add(why, "; waited mbox_lock_timeout = %jus",
			    (uintmax_t)delivery->options->mbox_lock_timeout);
			return -1;
		}
		if (stop_reason() != STOP_NOT) {
			status_add(why, "; gave up waiting");
			return -1;
		}
		sys_sleep_ms(
		    WAIT_MS_LEAST + (int)(sys_random() % WAIT_MS_MORE));
	}
}
