/*
 * mbox.c - all messages of a folder in one file that other programs share.
 *
 * The message is there completely before the mailbox is locked.  Under the
 * locks the file is opened, judged by its descriptor, compared with its name
 * again, closed off where a crash left half a message, appended to and
 * synced; on any failure it is cut back to its old length, still under the
 * locks.  Programs that share it: Postfix local(8), procmail, mutt, Dovecot.
 *
 * Source: postfix mbox_open(3), safe_open(3); Dovecot mbox; Debian policy
 * 11.6.
 */
#include "base/cursor.h"
#include "base/file.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/lock.h"
#include "store/mbox_format.h"
#include "store/store.h"
#include "store/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* One write for most messages: fewer places to crash in. */
#define WRITE_OCTETS ((size_t)64 * 1024)

/* Between two rounds of trying the locks; differs from program to program. */
#define WAIT_MS_LEAST 50
#define WAIT_MS_MORE 450

/* The state of one delivery. */
struct mbox {
	const char *path;      /* of the mailbox file */
	const char *directory; /* that holds it */
	const char *name;      /* in that */
	int dir;               /* the directory, -1: not open */
	int fd;                /* the mailbox, -1: not open */
	int spool;             /* a message too long for memory, -1: none */
	int keeper; /* whose care the mailbox is in, -1: nobody else\'s */
	struct lock_set locks;
	struct lock_target target;
	struct dotlock dotlock;
	bool changed; /* cut back to old_size on failure */
	off_t old_size;
	off_t most_size;              /* all that we would have written */
	struct timespec old_times[2]; /* atime, mtime */
	char *room;                   /* WRITE_OCTETS */
	size_t used;
	uint64_t counted; /* octets that the message takes */
};

static void
close_one(int *fd)
{
	if (*fd >= 0)
		(void)sys_close(*fd);
	*fd = -1;
}

static int
refuse_folder(struct delivery *delivery, struct status *why)
{
	delivery->folder_refused = true;
	return status_fail(why, STATUS_UNREACHABLE,
	    "there are no folders beside the INBOX in the spool");
}

/* A keeper keeps one mailbox; where ours is another our own rights do. */
static int
find_keeper(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	bool keeps;

	if (delivery->keeper < 0 || !delivery->mailbox->in_spool ||
	    !folder_is_inbox(&delivery->folder))
		return 0;
	if (spool_keeper_keeps(delivery->keeper, at->path, &keeps, why) < 0)
		return -1;
	if (keeps)
		at->keeper = delivery->keeper;
	return 0;
}

static int
choose_path(struct delivery *delivery, struct status *why)
{
	const struct mailbox *mailbox = delivery->mailbox;
	struct mbox *at = delivery->work;
	const char *below;

	at->path = mailbox->inbox;
	if (!folder_is_inbox(&delivery->folder)) {
		if (mailbox->root == NULL)
			return refuse_folder(delivery, why);
		if (folder_path(&delivery->folder, true, mailbox->utf8,
			delivery->arena, &below, why) < 0) {
			delivery->folder_refused = true;
			return -1;
		}
		at->path = arena_path(delivery->arena, mailbox->root, below);
	}
	at->directory = path_parent(delivery->arena, at->path);
	at->name = strrchr(at->path, '/') + 1;
	if (at->name[0] == '\0')
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s is the path of a directory, not of an mbox", at->path);
	return find_keeper(delivery, why);
}

/* Syncs the directory for what was just made in it, or makes it unmade: the
 * next delivery has to sync it again. */
static int
sync_or_undo(struct delivery *delivery, const char *made, int unlink_flags,
    struct status *why)
{
	struct mbox *at = delivery->work;
	int number;

	if (!delivery_syncs(delivery) ||
	    directory_sync(at->dir, at->directory, why) == 0)
		return 0;
	number = errno;
	(void)sys_unlinkat(at->dir, made, unlink_flags);
	errno = number;
	return -1;
}

/* Before a folder is made for a stranger's mail. */
static int
check_crowd(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;

	return directory_check_crowd(at->dir, DELIVERY_FOLDERS_MOST, at->path,
	    &delivery->folder_refused, why);
}

/* Into the next level of a folder's path, following no link. */
static int
enter_level(struct delivery *delivery, const char *level, struct status *why)
{
	struct mbox *at = delivery->work;
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	int next = sys_openat(at->dir, level, flags, 0);

	if (next < 0 && errno == ENOENT && delivery_may_make(delivery)) {
		if (check_crowd(delivery, why) < 0)
			return -1;
		if (sys_mkdirat(at->dir, level, 0700) < 0 && errno != EEXIST)
			return status_fail_errno(
			    why, "make a directory for", at->path);
		if (sync_or_undo(delivery, level, AT_REMOVEDIR, why) < 0)
			return -1;
		next = sys_openat(at->dir, level, flags, 0);
	}
	if (next < 0)
		return status_fail_read(why, at->directory);
	close_one(&at->dir);
	at->dir = next;
	return 0;
}

static int
enter_folder(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	struct cursor in = cursor_over(str_after(
	    str_from(at->directory), strlen(delivery->mailbox->root)));

	while (!cursor_at_end(&in)) {
		struct str level = cursor_until(&in, '/');

		if (level.length > 0 &&
		    enter_level(delivery, arena_string(delivery->arena, level),
			why) < 0)
			return -1;
	}
	return 0;
}

/* The directory that holds the mailbox: INBOX's, or the mail root and from
 * there down to the folder's. */
static int
open_directory(struct delivery *delivery, struct status *why)
{
	const struct mailbox *mailbox = delivery->mailbox;
	struct mbox *at = delivery->work;
	bool inbox = folder_is_inbox(&delivery->folder);
	const char *first = inbox ? at->directory : mailbox->root;

	at->dir = sys_openat(AT_FDCWD, first, O_RDONLY | O_DIRECTORY, 0);
	if (at->dir < 0 && errno == ENOENT && !mailbox->in_spool &&
	    delivery_may_make(delivery)) {
		if (directory_make(first, mailbox->never_made,
			delivery_syncs(delivery), why) < 0)
			return -1;
		at->dir =
		    sys_openat(AT_FDCWD, first, O_RDONLY | O_DIRECTORY, 0);
	}
	if (at->dir < 0)
		return status_fail_read(why, first);
	return inbox ? 0 : enter_folder(delivery, why);
}

/* A folder that is not there and may not be made, or that is no file, is
 * refused before the message is read. */
static int
check_folder(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	struct stat facts;

	if (folder_is_inbox(&delivery->folder))
		return 0;
	if (sys_fstatat(at->dir, at->name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && delivery_may_make(delivery) ?
		    check_crowd(delivery, why) :
		    status_fail_errno(why, "open", at->path);
	if (S_ISREG(facts.st_mode))
		return 0;
	errno = S_ISDIR(facts.st_mode) ? EISDIR : ELOOP;
	return status_fail_errno(why, "use as an mbox", at->path);
}

/* Reasons that a retry tomorrow will meet again. */
static bool
is_lasting(int number)
{
	return number == ENOENT || number == ENOTDIR || number == ELOOP ||
	    number == EISDIR || number == EACCES || number == EPERM ||
	    number == ENAMETOOLONG;
}

static int
name_dotlock(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;

	if (dotlock_init(&at->dotlock, at->dir, at->directory, at->name, why) ==
	    0)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int
mbox_open(struct delivery *delivery, struct status *why)
{
	struct mbox *at = arena_take(delivery->arena, sizeof(*at));

	at->dir = at->fd = at->spool = at->keeper = -1;
	delivery->work = at;
	if (choose_path(delivery, why) < 0 ||
	    lock_set_read(
		&at->locks, &delivery->options->mbox_write_locks, why) < 0)
		return -1;
	at->room = arena_take(delivery->arena, WRITE_OCTETS);
	delivery->spool_name = delivery->options->mail_temp_dir;
	if (open_directory(delivery, why) == 0 &&
	    check_folder(delivery, why) == 0 &&
	    name_dotlock(delivery, why) == 0)
		return 0;
	delivery->folder_refused =
	    !folder_is_inbox(&delivery->folder) && is_lasting(errno);
	close_one(&at->dir);
	return -1;
}

static int
mbox_spool(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;

	at->spool = temporary_open(
	    delivery->options->mail_temp_dir, delivery->arena, why);
	return at->spool;
}

/* Sinks of the formatted message: one counts, one writes. */
static int
count_octets(void *context, struct str text)
{
	struct mbox *at = context;

	at->counted += text.length;
	return 0;
}

static int
flush_room(struct mbox *at)
{
	struct str text = str_of(at->room, at->used);

	at->used = 0;
	return file_write_all(at->fd, text);
}

static int
write_octets(void *context, struct str text)
{
	struct mbox *at = context;

	while (text.length > 0) {
		struct str part = str_head(text, WRITE_OCTETS - at->used);

		memcpy(at->room + at->used, part.at, part.length);
		at->used += part.length;
		text = str_after(text, part.length);
		if (at->used == WRITE_OCTETS && flush_room(at) < 0)
			return -1;
	}
	return 0;
}

/* A spooled message once more, in pieces; by offset, because others may read
 * the same one. */
static int
format_spooled(int spool, struct mbox_format *format)
{
	char piece[16 * 1024];
	off_t offset = 0;
	ssize_t got;

	while ((got = sys_pread(spool, piece, sizeof(piece), offset)) > 0) {
		offset += got;
		if (mbox_format_add(format, str_of(piece, (size_t)got)) < 0)
			return -1;
		if (stop_reason() != STOP_NOT) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return got < 0 ? -1 : 0;
}

static int
format_message(const struct message *message, const struct mbox_sink *sink)
{
	int spool = message->file >= 0 ? message->file : message->shared;
	struct mbox_format format;

	mbox_format_init(&format, sink);
	if (mbox_format_add(&format, message->prefix) < 0 ||
	    mbox_format_add(&format, message->memory) < 0 ||
	    (spool >= 0 && format_spooled(spool, &format) < 0))
		return -1;
	return mbox_format_end(&format);
}

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

static void
let_go(struct mbox *at)
{
	lock_set_release(&at->locks, &at->target);
	close_one(&at->fd);
}

static int
lock_mailbox(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;
	int64_t then_us = sys_ticks_us() +
	    (int64_t)delivery->options->mbox_lock_timeout * 1000000;

	for (;;) {
		if (lock_once(delivery, why) == 0)
			return 0;
		let_go(at);
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

/* size octets at begin; fewer is a file that somebody cuts without the locks.
 */
static int
read_exactly(int fd, off_t begin, char *into, size_t size)
{
	while (size > 0) {
		ssize_t got = sys_pread(fd, into, size, begin);

		if (got < 0)
			return -1;
		if (got == 0) {
			errno = EIO;
			return -1;
		}
		into += got;
		begin += got;
		size -= (size_t)got;
	}
	return 0;
}

/* What closes off the last message: a crash may have left half of one. */
static int
missing_end(struct mbox *at, struct str *missing, struct status *why)
{
	char last[2] = { '\n', '\n' };
	off_t begin = at->old_size < 2 ? 0 : at->old_size - 2;
	size_t size = (size_t)(at->old_size - begin);

	*missing = str_of(NULL, 0);
	if (size == 0)
		return 0;
	if (read_exactly(at->fd, begin, last + 2 - size, size) < 0)
		return status_fail_read(why, at->path);
	if (last[1] != '\n')
		*missing = str_of("\n\n", 2);
	else if (last[0] != '\n' || size < 2)
		*missing = str_of("\n", 1);
	return 0;
}

/* New mail is seen by readers where it was read last before it was changed
 * last (mutt, biff). */
static int
mark_unread(struct mbox *at)
{
	struct timespec times[2];
	struct stat facts;

	if (sys_fstat(at->fd, &facts) < 0)
		return -1;
	times[0] = at->old_times[0];
	times[1] = facts.st_mtim;
	if (times[0].tv_sec >= times[1].tv_sec)
		times[0].tv_sec = times[1].tv_sec - 1;
	return sys_futimens(at->fd, times);
}

/*
 * Room for a message that takes more than one write, before the first: what
 * has been written must be cut off again where the next one fails, and under
 * a used-up quota of btrfs not even that can be done.  Some file systems
 * cannot say; there the write does.
 */
static int
reserve(struct mbox *at, struct status *why)
{
	struct stat facts;
	int error;

	if (at->most_size - at->old_size <= (off_t)WRITE_OCTETS ||
	    sys_reserve(at->fd, at->old_size, at->most_size - at->old_size) ==
		0 ||
	    errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	error = errno;
	/* A part of it may be ours now.  A file that has grown under our locks
	 * is left alone, as in cut_back. */
	if (sys_fstat(at->fd, &facts) == 0 && facts.st_size == at->old_size &&
	    sys_ftruncate(at->fd, at->old_size) < 0) {
		/* It stays behind the end: no reader sees it, and the next
		 * message goes there. */
	}
	errno = error;
	return status_fail_errno(why, "append to", at->path);
}

static int
append(struct delivery *delivery, const struct message *message,
    struct str before, struct status *why)
{
	struct mbox *at = delivery->work;
	const struct mbox_sink writing = { write_octets, at };

	at->used = 0;
	at->most_size = at->old_size + (off_t)(before.length + at->counted);
	if (reserve(at, why) < 0)
		return -1;
	at->changed = true;
	if (write_octets(at, before) < 0 ||
	    format_message(message, &writing) < 0 || flush_room(at) < 0)
		return status_fail_errno(why, "append to", at->path);
	if (mark_unread(at) < 0) {
		/* A reader may miss that there is new mail; it is there. */
	}
	if (delivery_syncs(delivery) && sys_fsync(at->fd) < 0)
		return status_fail_errno(why, "sync", at->path);
	return 0;
}

static int
mbox_stage(struct delivery *delivery, const struct message *message,
    struct status *why)
{
	struct mbox *at = delivery->work;
	const struct mbox_sink counting = { count_octets, at };
	char room[512];
	struct buf before;
	struct str missing;

	at->counted = 0;
	if (format_message(message, &counting) < 0)
		return status_fail_read(why, delivery->spool_name);
	if (lock_mailbox(delivery, why) < 0 ||
	    missing_end(at, &missing, why) < 0)
		return -1;
	buf_init(&before, room, sizeof(room));
	buf_add(&before, missing);
	mbox_format_from_line(
	    &before, delivery->sender, (time_t)(sys_now_us() / 1000000));
	if (delivery_check_limits(delivery, at->path,
		(uint64_t)at->old_size + before.length + at->counted, why) < 0)
		return -1;
	if (at->old_size == 0 && delivery_syncs(delivery) &&
	    directory_sync(at->dir, at->directory, why) < 0)
		return -1;
	if (append(delivery, message, buf_str(&before), why) < 0)
		return -1;
	delivery->state = DELIVERY_STAGED;
	return 0;
}

static int
mbox_commit(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;

	(void)why;
	at->changed = false; /* the old length is forgotten */
	delivery->state = DELIVERY_COMMITTED;
	return 0;
}

/* To the old length, unless the file is longer than we would have made it:
 * then somebody has appended without any of our locks, and what he wrote is
 * not ours to take away. */
static void
cut_back(struct mbox *at, struct status *why)
{
	struct stat facts;
	bool timed;

	if (sys_fstat(at->fd, &facts) == 0 && facts.st_size > at->most_size) {
		status_add(why,
		    "; %s has grown under our locks: octets %jd to %jd may "
		    "hold half a message",
		    at->path, (intmax_t)at->old_size, (intmax_t)at->most_size);
		return;
	}
	if (sys_ftruncate(at->fd, at->old_size) < 0)
		status_add(why, "; %s could not be cut back to %jd octets: %s",
		    at->path, (intmax_t)at->old_size, strerror(errno));
	timed = sys_futimens(at->fd, at->old_times) == 0;
	if (sys_fsync(at->fd) < 0 || !timed)
		status_add(why, "; %s could not be synced", at->path);
}

static void
mbox_abort(struct delivery *delivery, struct status *why)
{
	struct mbox *at = delivery->work;

	delivery->state = DELIVERY_ABORTED;
	if (at == NULL)
		return;
	if (at->changed) {
		cut_back(at, why);
		at->changed = false;
	}
	let_go(at);
	close_one(&at->spool);
	close_one(&at->dir);
}

static void
mbox_finish(struct delivery *delivery)
{
	struct mbox *at = delivery->work;

	let_go(at);
	close_one(&at->spool);
	close_one(&at->dir);
}

static int
probe_access(const char *verb, const char *path, int wanted, struct status *why)
{
	if (sys_faccessat(AT_FDCWD, path, wanted, AT_EACCESS) == 0)
		return 0;
	return status_fail_access(why, verb, path, wanted);
}

static int
probe(struct delivery *delivery, struct mbox *here, struct status *why)
{
	const char *missing;

	if (lock_set_read(
		&here->locks, &delivery->options->mbox_write_locks, why) < 0)
		return -1;
	if (choose_path(delivery, why) < 0)
		return delivery->folder_refused ? 0 : -1;
	missing = directory_missing_part(delivery->arena, here->path);
	if (missing == NULL &&
	    probe_access("use", here->path, R_OK | W_OK, why) < 0)
		return -1;
	if (missing != NULL && !delivery_may_make(delivery)) {
		delivery->folder_refused = true;
		return 0;
	}
	if (here->keeper >= 0)
		return 0;
	if (missing != NULL)
		return probe_access("make a file in",
		    path_parent(delivery->arena, missing), W_OK | X_OK, why);
	if (!lock_set_needs_dotlock(&here->locks))
		return 0;
	if (probe_access(
		"create a dotlock in", here->directory, W_OK | X_OK, why) == 0)
		return 0;
	status_reply(why, "%s", dotlock_forbidden);
	return -1;
}

static int
mbox_probe(struct delivery *delivery, struct status *why)
{
	struct mbox here = { .dir = -1, .fd = -1, .spool = -1, .keeper = -1 };
	int rc;

	delivery->work = &here;
	rc = probe(delivery, &here, why);
	delivery->work = NULL;
	return rc;
}

static void
explain(struct delivery *delivery, struct mbox *here, struct buf *out)
{
	struct status why;
	const char *missing;

	status_init(&why);
	if (choose_path(delivery, &why) < 0) {
		buf_print(out, "    %s\n", why.cause);
		return;
	}
	missing = directory_missing_part(delivery->arena, here->path);
	if (missing == NULL)
		directory_explain(out, here->path);
	else
		buf_print(out, "    %s does not exist: %s\n", missing,
		    delivery_may_make(delivery) ? "it would be made" :
						  "the mail would go to INBOX");
	directory_explain(out, here->directory);
	buf_add_string(out, "    locks:");
	for (size_t i = 0; i < delivery->options->mbox_write_locks.count; i++) {
		struct str word = delivery->options->mbox_write_locks.words[i];

		buf_print(out, " %.*s", (int)word.length, word.at);
	}
	buf_print(out, "; dotlock by %s\n",
	    here->keeper >= 0 ? "the spool keeper" : "this process");
}

static void
mbox_explain(struct delivery *delivery, struct buf *out)
{
	struct mbox here = { .dir = -1, .fd = -1, .spool = -1, .keeper = -1 };

	delivery->work = &here;
	explain(delivery, &here, out);
	delivery->work = NULL;
}

const struct store store_mbox = { .word = "mbox",
	.usual_path = "~/mail",
	.inbox = "inbox",
	.open = mbox_open,
	.spool = mbox_spool,
	.stage = mbox_stage,
	.commit = mbox_commit,
	.abort = mbox_abort,
	.finish = mbox_finish,
	.probe = mbox_probe,
	.explain = mbox_explain };
