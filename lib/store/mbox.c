/*
 * mbox.c - all messages of a folder in one file that other programs share.
 *
 * The message is there completely before the mailbox is locked.  Under the
 * locks the file is closed off where a crash left half a message, appended to
 * and synced; on any failure it is cut back to its old length, still under the
 * locks.  Programs that share it: Postfix local(8), procmail, mutt, Dovecot.
 *
 * Source: postfix mbox_open(3); Dovecot mbox.
 */
#include "base/file.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/mbox_format.h"
#include "store/mbox_work.h"
#include "store/temporary.h"

#include <errno.h>
#include <string.h>

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
		struct str part = str_head(text, MBOX_WRITE_OCTETS - at->used);

		memcpy(at->room + at->used, part.at, part.length);
		at->used += part.length;
		text = str_after(text, part.length);
		if (at->used == MBOX_WRITE_OCTETS && flush_room(at) < 0)
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

	if (at->most_size - at->old_size <= (off_t)MBOX_WRITE_OCTETS ||
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
	if (mbox_lock(delivery, why) < 0 || missing_end(at, &missing, why) < 0)
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
	mbox_let_go(at);
	file_close(&at->spool);
	file_close(&at->dir);
}

static void
mbox_finish(struct delivery *delivery)
{
	struct mbox *at = delivery->work;

	mbox_let_go(at);
	file_close(&at->spool);
	file_close(&at->dir);
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
