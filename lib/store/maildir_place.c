/*
 * maildir_place.c - the way to a Maildir folder, and what is missing on it.
 *
 * The path to the mail root is resolved by the kernel with the recipient's
 * rights; below it no symbolic link is followed.  Whatever is made is synced
 * or unmade again, so that no later delivery builds on a name that a crash
 * can take away.
 *
 * Source: Maildir++; Dovecot (modes, LAYOUT=fs).
 */
#include "base/cursor.h"
#include "base/file.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/maildir_work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

const char *const maildir_parts[MAILDIR_PARTS] = { "cur", "new", "tmp" };

void
maildir_close(struct maildir *at)
{
	file_close(&at->root);
	file_close(&at->tmp);
	file_close(&at->new);
}

int
maildir_sync(
    struct delivery *delivery, int fd, const char *path, struct status *why)
{
	return delivery_syncs(delivery) ? directory_sync(fd, path, why) : 0;
}

/* Our umask is 077: what the mailbox's directory grants beyond that is given
 * afterwards.  A group that we are not in cannot be given, and need not. */
int
maildir_follow_mode(const struct maildir *at, int fd, mode_t base,
    const char *path, struct status *why)
{
	if (at->give_gid && sys_fchown(fd, (uid_t)-1, at->gid) < 0 &&
	    errno != EPERM)
		return status_fail_errno(why, "change the group of", path);
	if (base != 0 && sys_fchmod(fd, base) < 0)
		return status_fail_errno(why, "change the mode of", path);
	return 0;
}

/* The mode for a new directory here, or 0 where 0700 is right already. */
static mode_t
directory_mode(const struct maildir *at)
{
	return (at->mode & 077) == 0 ? 0 : ((at->mode & 02777) | 0700);
}

mode_t
maildir_file_mode(const struct maildir *at)
{
	return (at->mode & 066) == 0 ? 0 : ((at->mode & 0666) | 0600);
}

/* A symbolic link in its place is ENOTDIR or ELOOP. */
static int
fail_of_directory(const char *path, struct status *why)
{
	int number = errno;

	(void)status_fail_access(why, "open", path, R_OK | W_OK | X_OK);
	if (number == ENOTDIR || number == ELOOP)
		status_add(why,
		    " (symbolic links are not followed below the "
		    "mail root)");
	errno = number;
	return -1;
}

static int
make_part(
    struct delivery *delivery, const char *name, bool *made, struct status *why)
{
	struct maildir *at = delivery->work;
	int fd, rc;

	if (sys_mkdirat(at->root, name, 0700) < 0)
		return errno == EEXIST ?
		    0 :
		    status_fail_errno(why, "make a directory in", at->path);
	*made = true;
	if (directory_mode(at) == 0 && !at->give_gid)
		return 0;
	fd = sys_openat(at->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return status_fail_read(why, at->path);
	rc = maildir_follow_mode(at, fd, directory_mode(at), at->path, why);
	(void)sys_close(fd);
	return rc;
}

static int
make_parts(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	bool made[MAILDIR_PARTS] = { false };
	int number;

	for (size_t i = 0; i < MAILDIR_PARTS; i++)
		if (make_part(delivery, maildir_parts[i], &made[i], why) < 0)
			goto failed;
	if (maildir_sync(delivery, at->root, at->path, why) == 0)
		return 0;
failed:
	/* Unmade, so that the next delivery makes them again and syncs. */
	number = errno;
	for (size_t i = MAILDIR_PARTS; i > 0; i--)
		if (made[i - 1])
			(void)sys_unlinkat(
			    at->root, maildir_parts[i - 1], AT_REMOVEDIR);
	errno = number;
	return -1;
}

/* cur, new or tmp; -1 with errno. */
static int
open_part(struct maildir *at, const char *name)
{
	return sys_openat(
	    at->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* tmp and new opened, cur looked for: deliveries do not need it, but readers
 * do.  Returns the path of what could not be had, with errno, or NULL. */
static const char *
try_parts(struct maildir *at)
{
	struct stat facts;

	file_close(&at->tmp);
	file_close(&at->new);
	at->tmp = open_part(at, "tmp");
	if (at->tmp < 0)
		return at->tmp_path;
	at->new = open_part(at, "new");
	if (at->new < 0)
		return at->new_path;
	if (sys_fstatat(at->root, "cur", &facts, AT_SYMLINK_NOFOLLOW) < 0)
		return at->path;
	return NULL;
}

/* With LAYOUT=fs, a directory that only holds folders: to deliver into it would
 * be to make one, and its name is the sender's to choose. */
bool
maildir_is_container(const struct delivery *delivery)
{
	const struct maildir *at = delivery->work;
	int dir = at->root >= 0 ? at->root : AT_FDCWD;
	const char *cur = at->root >= 0 ?
	    "cur" :
	    arena_path(delivery->arena, at->path, "cur");
	struct stat facts;

	return delivery->mailbox->layout_fs &&
	    !folder_is_inbox(&delivery->folder) &&
	    !delivery_may_make(delivery) &&
	    sys_fstatat(dir, cur, &facts, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT;
}

static int
open_parts(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	const char *failed = try_parts(at);

	if (failed != NULL && errno == ENOENT) {
		if (maildir_is_container(delivery)) {
			(void)status_fail(why, STATUS_UNREACHABLE,
			    "%s holds folders, and is none", at->path);
			errno = ENOENT;
			return -1;
		}
		if (make_parts(delivery, why) < 0)
			return -1;
		failed = try_parts(at);
	}
	if (failed == NULL)
		return 0;
	return fail_of_directory(failed, why);
}

static int
note_facts(struct maildir *at, struct status *why)
{
	struct stat facts;

	if (sys_fstat(at->root, &facts) < 0)
		return status_fail_errno(why, "look at", at->path);
	at->mode = facts.st_mode;
	at->gid = facts.st_gid;
	/* A set-group-ID directory gives its group by itself; where group and
	 * world have the same rights it does not matter. */
	at->give_gid = (facts.st_mode & S_ISGID) == 0 &&
	    (facts.st_mode >> 3 & 07) != (facts.st_mode & 07) &&
	    facts.st_gid != sys_gid();
	return 0;
}

/* Made and synced, or not made: the next delivery has to sync it again. */
static int
make_level(
    struct delivery *delivery, const char *name, bool *made, struct status *why)
{
	struct maildir *at = delivery->work;
	int number;

	if (directory_check_crowd(at->root, DELIVERY_FOLDERS_MOST, at->path,
		&delivery->folder_refused, why) < 0)
		return -1;
	*made = sys_mkdirat(at->root, name, 0700) == 0;
	if (!*made && errno != EEXIST)
		return status_fail_errno(
		    why, "make a directory in", at->root_path);
	if (maildir_sync(delivery, at->root, at->root_path, why) == 0)
		return 0;
	number = errno;
	if (*made)
		(void)sys_unlinkat(at->root, name, AT_REMOVEDIR);
	errno = number;
	return -1;
}

/* One level of a folder below at->root, which is closed; made if may_make. */
static int
enter_level(struct delivery *delivery, const char *name, bool may_make,
    struct status *why)
{
	struct maildir *at = delivery->work;
	bool made = false;
	int next = open_part(at, name);

	if (next < 0 && errno == ENOENT && may_make) {
		if (make_level(delivery, name, &made, why) < 0)
			return -1;
		next = open_part(at, name);
	}
	if (next < 0)
		return fail_of_directory(at->path, why);
	file_close(&at->root);
	at->root = next;
	if (!made)
		return 0;
	return maildir_follow_mode(at, next, directory_mode(at), at->path, why);
}

/* Goes down to the folder, level by level, following no link. */
static int
enter_folder(struct delivery *delivery, bool may_make, struct status *why)
{
	struct maildir *at = delivery->work;
	struct cursor in = cursor_over(str_from(at->below));

	while (!cursor_at_end(&in)) {
		char level[MAILDIR_NAME_OCTETS];
		struct buf name;

		/* No memory is taken: after ESTALE this runs once more when it
		 * is sealed.  folder_path() keeps a level this short. */
		buf_init(&name, level, sizeof(level));
		buf_add(&name, cursor_until(&in, '/'));
		if (enter_level(delivery, level, may_make, why) < 0 ||
		    note_facts(at, why) < 0)
			return -1;
	}
	return 0;
}

static int
open_root(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	/* The path up to here is the kernel's to resolve: symlinked homes
	 * are usual. */
	at->root =
	    sys_openat(AT_FDCWD, at->root_path, O_RDONLY | O_DIRECTORY, 0);
	if (at->root < 0)
		return status_fail_access(
		    why, "open", at->root_path, R_OK | W_OK | X_OK);
	return note_facts(at, why);
}

/* Reasons that a retry tomorrow will meet again. */
static bool
is_lasting(int number)
{
	return number == ENOENT || number == ENOTDIR || number == ELOOP ||
	    number == EACCES || number == EPERM || number == ENAMETOOLONG;
}

/* An empty file that tells Maildir++ programs that this is a folder. */
static int
mark_folder(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	int fd = sys_openat(at->root, "maildirfolder",
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return status_fail_errno(
		    why, "create maildirfolder in", at->path);
	if (maildir_follow_mode(at, fd, maildir_file_mode(at), at->path, why) <
	    0) {
		(void)sys_close(fd);
		return -1;
	}
	(void)sys_close(fd);
	return maildir_sync(delivery, at->root, at->path, why);
}

static bool
is_missing_folder(struct delivery *delivery)
{
	struct maildir *at = delivery->work;
	struct stat facts;

	return at->below[0] != '\0' && delivery_may_make(delivery) &&
	    sys_fstatat(at->root, at->below, &facts, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT;
}

int
maildir_enter(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	bool is_new;

	if (open_root(delivery, why) < 0)
		return -1;
	is_new = is_missing_folder(delivery);
	if (enter_folder(delivery, delivery_may_make(delivery), why) < 0 ||
	    (is_new && !delivery->mailbox->layout_fs &&
		mark_folder(delivery, why) < 0))
		return -1;
	at->folder_made = at->folder_made || is_new;
	return open_parts(delivery, why);
}

/* The folder with what is missing on the way to it made. */
static int
open_folder(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	if (maildir_enter(delivery, why) == 0)
		return 0;
	if (errno != ENOENT || at->root >= 0 || !delivery_may_make(delivery))
		return -1;
	if (directory_make(at->root_path, delivery->mailbox->never_made,
		delivery_syncs(delivery), why) < 0)
		return -1;
	return maildir_enter(delivery, why);
}

int
maildir_choose_path(struct delivery *delivery, struct status *why)
{
	const struct mailbox *mailbox = delivery->mailbox;
	struct maildir *at = delivery->work;

	at->below = "";
	at->path = at->root_path = mailbox->inbox;
	if (!folder_is_inbox(&delivery->folder)) {
		if (mailbox->root == NULL) {
			delivery->folder_refused = true;
			return status_fail(why, STATUS_UNREACHABLE,
			    "mail_location names no place for folders");
		}
		if (folder_path(&delivery->folder, mailbox->layout_fs,
			mailbox->utf8, delivery->arena, &at->below, why) < 0) {
			delivery->folder_refused = true;
			return -1;
		}
		at->root_path = mailbox->root;
		at->path =
		    arena_path(delivery->arena, mailbox->root, at->below);
	}
	at->folder_name = folder_name(&delivery->folder, delivery->arena);
	at->tmp_path = arena_path(delivery->arena, at->path, "tmp");
	at->new_path = arena_path(delivery->arena, at->path, "new");
	return 0;
}

/* A folder that may not be written is refused while INBOX can still take the
 * mail; INBOX itself is simply tried. */
static bool
is_usable(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	const struct {
		const char *name;
		const char *path;
	} needed[] = { { "tmp", at->tmp_path }, { "new", at->new_path } };

	if (folder_is_inbox(&delivery->folder))
		return true;
	for (size_t i = 0; i < COUNT(needed); i++) {
		if (sys_faccessat(at->root, needed[i].name, W_OK | X_OK,
			AT_EACCESS) < 0) {
			(void)status_fail_access(
			    why, "write to", needed[i].path, W_OK | X_OK);
			return false;
		}
	}
	return true;
}

int
maildir_open(struct delivery *delivery, struct status *why)
{
	struct maildir *at = arena_take(delivery->arena, sizeof(*at));

	at->root = at->tmp = at->new = at->file = -1;
	delivery->work = at;
	if (maildir_choose_path(delivery, why) < 0)
		return -1;
	delivery->spool_name = at->tmp_path;
	if (open_folder(delivery, why) == 0 && is_usable(delivery, why))
		return 0;
	if (errno == ESTALE) {
		at->reopened = true;
		maildir_close(at);
		if (open_folder(delivery, why) == 0 && is_usable(delivery, why))
			return 0;
	}
	delivery->folder_refused =
	    !folder_is_inbox(&delivery->folder) && is_lasting(errno);
	maildir_close(at);
	return -1;
}
