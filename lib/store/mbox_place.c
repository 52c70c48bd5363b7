/*
 * mbox_place.c - where an mbox is, and the way to the directory that holds it.
 *
 * Source: lda.conf(5) mail_location; Dovecot mbox (folders below the mail
 * root).
 */
#include "base/cursor.h"
#include "base/file.h"
#include "base/path.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/mbox_work.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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

int
mbox_choose_path(struct delivery *delivery, struct status *why)
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
	file_close(&at->dir);
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

int
mbox_open(struct delivery *delivery, struct status *why)
{
	struct mbox *at = arena_take(delivery->arena, sizeof(*at));

	at->dir = at->fd = at->spool = at->keeper = -1;
	delivery->work = at;
	if (mbox_choose_path(delivery, why) < 0 ||
	    lock_set_read(
		&at->locks, &delivery->options->mbox_write_locks, why) < 0)
		return -1;
	at->room = arena_take(delivery->arena, MBOX_WRITE_OCTETS);
	delivery->spool_name = delivery->options->mail_temp_dir;
	if (open_directory(delivery, why) == 0 &&
	    check_folder(delivery, why) == 0 &&
	    name_dotlock(delivery, why) == 0)
		return 0;
	delivery->folder_refused =
	    !folder_is_inbox(&delivery->folder) && is_lasting(errno);
	file_close(&at->dir);
	return -1;
}
