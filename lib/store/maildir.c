/*
 * maildir.c - one file per message, published without ever overwriting.
 *
 * The message is written and synced in tmp/, given its name in new/ in one
 * step, and new/ is synced: a reader sees all of it or nothing, and what was
 * answered with success survives a power cut.  Runs with the recipient's
 * rights, on directory descriptors; below the mail root no symbolic link is
 * followed.
 *
 * Source: D. J. Bernstein, "Using maildir format"; Maildir++; renameat2(2);
 * Dovecot (S=, W=, modes).
 */
#include "base/cursor.h"
#include "base/file.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/maildir_name.h"
#include "store/maildirsize.h"
#include "store/quota_notice.h"
#include "store/store.h"
#include "store/subscriptions.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Somebody else's name would have to match 64 random bits. */
#define NAMES_TRIED 8

/* Debris of crashes in tmp/: how old (Maildir's rule), and how much work one
 * delivery in 256 does about it. */
#define DEBRIS_SECONDS ((int64_t)36 * 3600)
#define DEBRIS_REMOVED_MOST 16
#define DEBRIS_LOOKED_AT 1024

/* Folders of one user beyond which none is made for a stranger's mail. */
#define FOLDERS_MOST 1000

/* What a Maildir consists of; tmp last, so that its presence tells readers
 * that the others are there. */
static const char *const parts[] = { "cur", "new", "tmp" };

/* The state of one delivery. */
struct maildir {
	const char *root_path;   /* the mail root, or INBOX's own */
	const char *below;       /* the folder below it; "" for INBOX */
	const char *folder_name; /* for quota rules */
	const char *path;        /* both together */
	const char *tmp_path;    /* the same with /tmp, /new: for causes */
	const char *new_path;
	int root, tmp, new; /* directories, -1: not open */
	int file;           /* being written, -1: none */
	mode_t mode;        /* of the folder's directory */
	gid_t gid;
	bool give_gid;  /* what is made there gets gid */
	bool in_tmp;    /* the file stands in tmp/ */
	bool in_new;    /* its name stands in new/ */
	bool reopened;  /* after ESTALE, once */
	unsigned names; /* made so far */
	bool folder_made;
	struct quota quota;
	struct maildirsize size;
	uint64_t octets; /* of the message */
	struct maildir_name name;
};

static void
close_one(int *fd)
{
	if (*fd >= 0)
		(void)sys_close(*fd);
	*fd = -1;
}

static void
close_directories(struct maildir *at)
{
	close_one(&at->root);
	close_one(&at->tmp);
	close_one(&at->new);
}

static int
sync_directory(
    struct delivery *delivery, int fd, const char *path, struct status *why)
{
	return delivery_syncs(delivery) ? directory_sync(fd, path, why) : 0;
}

/* Our umask is 077: what the mailbox's directory grants beyond that is given
 * afterwards.  A group that we are not in cannot be given, and need not. */
static int
follow_mode(const struct maildir *at, int fd, mode_t base, const char *path,
    struct status *why)
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

static mode_t
file_mode(const struct maildir *at)
{
	return (at->mode & 066) == 0 ? 0 : ((at->mode & 0666) | 0600);
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
	rc = follow_mode(at, fd, directory_mode(at), at->path, why);
	(void)sys_close(fd);
	return rc;
}

static int
make_parts(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	bool made[COUNT(parts)] = { false };
	int number;

	for (size_t i = 0; i < COUNT(parts); i++)
		if (make_part(delivery, parts[i], &made[i], why) < 0)
			goto failed;
	if (sync_directory(delivery, at->root, at->path, why) == 0)
		return 0;
failed:
	/* Unmade, so that the next delivery makes them again and syncs. */
	number = errno;
	for (size_t i = COUNT(parts); i > 0; i--)
		if (made[i - 1])
			(void)sys_unlinkat(
			    at->root, parts[i - 1], AT_REMOVEDIR);
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

	close_one(&at->tmp);
	close_one(&at->new);
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

static int
open_parts(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	const char *failed = try_parts(at);

	if (failed != NULL && errno == ENOENT) {
		if (make_parts(delivery, why) < 0)
			return -1;
		failed = try_parts(at);
	}
	if (failed == NULL)
		return 0;
	/* A symbolic link in its place is ENOTDIR or ELOOP. */
	return status_fail_access(why, "open", failed, R_OK | W_OK | X_OK);
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

	*made = sys_mkdirat(at->root, name, 0700) == 0;
	if (!*made && errno != EEXIST)
		return status_fail_errno(
		    why, "make a directory in", at->root_path);
	if (sync_directory(delivery, at->root, at->root_path, why) == 0)
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
		return status_fail_access(
		    why, "open", at->path, R_OK | W_OK | X_OK);
	close_one(&at->root);
	at->root = next;
	if (!made)
		return 0;
	return follow_mode(at, next, directory_mode(at), at->path, why);
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
	if (follow_mode(at, fd, file_mode(at), at->path, why) < 0) {
		(void)sys_close(fd);
		return -1;
	}
	(void)sys_close(fd);
	return sync_directory(delivery, at->root, at->path, why);
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

/* Whoever may write to user+anything must not make folders without end. */
static bool
too_many_folders(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	const struct dirent *entry;
	DIR *dir = sys_opendir(at->root, ".");
	int folders = 0;

	while (dir != NULL && (entry = sys_readdir(dir)) != NULL)
		if ((entry->d_name[0] == '.') != delivery->mailbox->layout_fs)
			folders++;
	if (dir != NULL)
		sys_closedir(dir);
	if (folders < FOLDERS_MOST)
		return false;
	delivery->folder_refused = true;
	errno = ENOENT;
	(void)status_fail(why, STATUS_UNREACHABLE,
	    "%s has %d folders already; no more are made", at->root_path,
	    folders);
	return true;
}

static int
open_directories(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	bool is_new;

	if (open_root(delivery, why) < 0)
		return -1;
	is_new = is_missing_folder(delivery);
	if (is_new && too_many_folders(delivery, why))
		return -1;
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

	if (open_directories(delivery, why) == 0)
		return 0;
	if (errno != ENOENT || at->root >= 0 || !delivery_may_make(delivery))
		return -1;
	if (directory_make(at->root_path, delivery->mailbox->never_made,
		delivery_syncs(delivery), why) < 0)
		return -1;
	return open_directories(delivery, why);
}

static int
choose_path(struct delivery *delivery, struct status *why)
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

static int
maildir_open(struct delivery *delivery, struct status *why)
{
	struct maildir *at = arena_take(delivery->arena, sizeof(*at));

	at->root = at->tmp = at->new = at->file = -1;
	delivery->work = at;
	if (choose_path(delivery, why) < 0)
		return -1;
	delivery->spool_name = at->tmp_path;
	if (open_folder(delivery, why) == 0 && is_usable(delivery, why))
		return 0;
	if (errno == ESTALE) {
		at->reopened = true;
		close_directories(at);
		if (open_folder(delivery, why) == 0 && is_usable(delivery, why))
			return 0;
	}
	delivery->folder_refused =
	    !folder_is_inbox(&delivery->folder) && is_lasting(errno);
	close_directories(at);
	return -1;
}

/* A new file in tmp/; another name where one is taken, the directories once
 * more where the server has forgotten them. */
static int
create_file(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	for (int i = 0; i < NAMES_TRIED && at->file < 0; i++) {
		maildir_name_make(&at->name, at->names++);
		at->file = sys_openat(at->tmp, at->name.in_tmp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
		if (at->file >= 0 || errno == EEXIST)
			continue;
		if (errno != ESTALE || at->reopened)
			break;
		at->reopened = true;
		close_directories(at);
		if (open_directories(delivery, why) < 0)
			return -1;
	}
	if (at->file < 0)
		return status_fail_errno(why, "create a file in", at->tmp_path);
	at->in_tmp = true;
	return follow_mode(at, at->file, file_mode(at), at->tmp_path, why);
}

static int
maildir_spool(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	return create_file(delivery, why) < 0 ? -1 : at->file;
}

static int
sync_and_close(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;
	int fd = at->file;

	/* One try each: after a failure the kernel may have dropped what was
	 * not written, and would say "fine" the second time. */
	if (delivery_syncs(delivery) && sys_fsync(fd) < 0)
		return status_fail_errno(why, "sync a file in", at->tmp_path);
	at->file = -1;
	if (sys_close(fd) < 0)
		return status_fail_errno(why, "close a file in", at->tmp_path);
	return 0;
}

/* The mail root, whose maildirsize counts for all folders: open already for
 * INBOX. */
static int
open_mail_root(struct delivery *delivery)
{
	struct maildir *at = delivery->work;

	if (folder_is_inbox(&delivery->folder) ||
	    delivery->mailbox->root == NULL)
		return at->root;
	return sys_openat(
	    AT_FDCWD, delivery->mailbox->root, O_RDONLY | O_DIRECTORY, 0);
}

static void
close_mail_root(struct delivery *delivery, int root)
{
	struct maildir *at = delivery->work;

	if (root != at->root)
		close_one(&root);
}

static void
read_usage(struct delivery *delivery, uint64_t octets)
{
	struct maildir *at = delivery->work;
	int root = open_mail_root(delivery);

	memset(&at->size, 0, sizeof(at->size));
	at->size.root = root;
	at->size.layout_fs = delivery->mailbox->layout_fs;
	at->size.options = &delivery->options->quota;
	at->size.mode = file_mode(at);
	at->size.limit = at->quota.limit;
	at->size.limit_is_ours = at->quota.is_set;
	if (root >= 0)
		maildirsize_read(&at->size, &at->quota, octets);
	close_mail_root(delivery, root);
	if (!at->quota.is_set)
		at->quota.limit = at->quota.folder = at->size.limit;
}

static int
fail_of_quota(struct delivery *delivery, uint64_t octets, struct status *why)
{
	struct maildir *at = delivery->work;
	const struct quota_amount *limit = &at->quota.folder;
	const struct quota_amount *used = &at->size.used;

	(void)status_fail(why, delivery->full,
	    "over quota: the message has %ju octets, used are %ju",
	    (uintmax_t)octets, (uintmax_t)used->octets);
	if (limit->octets != 0)
		status_add(why, " of %ju", (uintmax_t)limit->octets);
	status_add(why, " in %ju", (uintmax_t)used->messages);
	if (limit->messages != 0)
		status_add(why, " of %ju", (uintmax_t)limit->messages);
	status_add(why, " messages (limit from %s)",
	    at->quota.is_set ? "the settings" : "maildirsize");
	return -1;
}

/* Before anything of the message stands in the mailbox.  What is used and
 * cannot be found out is no reason to refuse mail. */
static int
check_quota(struct delivery *delivery, uint64_t octets, struct status *why)
{
	struct maildir *at = delivery->work;
	struct quota_amount after;

	at->octets = octets;
	if (quota_read(&delivery->options->quota,
		folder_is_inbox(&delivery->folder) ? "INBOX" : at->folder_name,
		&at->quota, why) < 0)
		return -1;
	if (at->quota.ignored)
		return 0;
	read_usage(delivery, octets);
	if (!at->size.known)
		return 0;
	after = at->size.used;
	after.octets += octets;
	after.messages++;
	delivery->quota_percent = (int)quota_percent(&after, &at->quota.limit);
	if (quota_fits(&at->quota, &at->size.used, octets))
		return 0;
	return fail_of_quota(delivery, octets, why);
}

static int
maildir_stage(struct delivery *delivery, const struct message *message,
    struct status *why)
{
	struct maildir *at = delivery->work;

	if (check_quota(delivery, message->size_octets, why) < 0)
		return -1;
	if (message->file < 0) {
		if (create_file(delivery, why) < 0)
			return -1;
		if (file_write_all(at->file, message->memory) < 0)
			return status_fail_errno(why, "write to", at->tmp_path);
	}
	if (sync_and_close(delivery, why) < 0)
		return -1;
	maildir_name_publish(
	    &at->name, message->size_octets, message->crlf_octets);
	delivery->storage_id = at->name.in_new;
	delivery->state = DELIVERY_STAGED;
	return 0;
}

/* link(2) whose answer was lost (NFS) has succeeded all the same. */
static bool
has_two_names(const struct maildir *at)
{
	struct stat facts;

	return sys_fstatat(at->tmp, at->name.in_tmp, &facts,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	    facts.st_nlink == 2;
}

/* For file systems without links: the name was drawn from 2^64, and is looked
 * for once more. */
static int
publish_by_rename(struct maildir *at)
{
	struct stat facts;

	if (sys_fstatat(
		at->new, at->name.in_new, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	if (errno != ENOENT ||
	    sys_renameat(at->tmp, at->name.in_tmp, at->new, at->name.in_new) <
		0)
		return -1;
	at->in_new = true;
	at->in_tmp = false;
	return 0;
}

static int
publish_by_link(struct maildir *at)
{
	if (sys_linkat(at->tmp, at->name.in_tmp, at->new, at->name.in_new) <
	    0) {
		int kept = errno;

		if (!has_two_names(at)) {
			errno = kept;
			if (kept == EPERM || kept == ENOTSUP ||
			    kept == EOPNOTSUPP || kept == ENOSYS)
				return publish_by_rename(at);
			return -1;
		}
	}
	at->in_new = true;
	/* A second name left in tmp/ is reaped in 36 hours. */
	if (sys_unlinkat(at->tmp, at->name.in_tmp, 0) == 0)
		at->in_tmp = false;
	return 0;
}

static int
publish(struct maildir *at)
{
	if (sys_renameat_new(
		at->tmp, at->name.in_tmp, at->new, at->name.in_new) == 0) {
		at->in_new = true;
		at->in_tmp = false;
		return 0;
	}
	if (errno == ENOSYS || errno == EINVAL || errno == ENOTSUP ||
	    errno == EOPNOTSUPP)
		return publish_by_link(at);
	return -1;
}

static int
maildir_commit(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	if (publish(at) < 0)
		return status_fail_errno(
		    why, "publish a message in", at->new_path);
	if (sync_directory(delivery, at->new, at->new_path, why) < 0)
		return -1;
	delivery->state = DELIVERY_COMMITTED;
	return 0;
}

static void
take_back(int dir, const char *name, const char *path, struct status *why)
{
	if (sys_unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		status_add(why, "; could not remove %s/%s: %s", path, name,
		    strerror(errno));
}

static void
maildir_abort(struct delivery *delivery, struct status *why)
{
	struct maildir *at = delivery->work;

	delivery->state = DELIVERY_ABORTED;
	if (at == NULL)
		return;
	close_one(&at->file);
	if (at->in_new) {
		take_back(at->new, at->name.in_new, at->new_path, why);
		if (delivery_syncs(delivery) && sys_fsync(at->new) < 0)
			status_add(why, "; could not sync %s", at->new_path);
	}
	if (at->in_tmp)
		take_back(at->tmp, at->name.in_tmp, at->tmp_path, why);
	close_directories(at);
}

/* Old enough by both times: a slow writer's file is young by one of them. */
static bool
is_debris(int dir, const char *name, int64_t now_seconds)
{
	struct stat facts;

	return name[0] != '.' &&
	    sys_fstatat(dir, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(facts.st_mode) &&
	    facts.st_mtime < now_seconds - DEBRIS_SECONDS &&
	    facts.st_ctime < now_seconds - DEBRIS_SECONDS;
}

/* What crashes left in tmp/, a little at a time. */
static void
reap_debris(const struct maildir *at)
{
	int64_t now_seconds = sys_now_us() / 1000000;
	DIR *dir = sys_opendir(at->root, "tmp");
	int removed = 0;

	if (dir == NULL)
		return;
	for (int i = 0; i < DEBRIS_LOOKED_AT && stop_reason() == STOP_NOT;
	     i++) {
		const struct dirent *entry = sys_readdir(dir);

		if (entry == NULL || removed == DEBRIS_REMOVED_MOST)
			break;
		if (is_debris(at->tmp, entry->d_name, now_seconds) &&
		    sys_unlinkat(at->tmp, entry->d_name, 0) == 0)
			removed++;
	}
	sys_closedir(dir);
}

static void
record_usage(struct delivery *delivery)
{
	struct maildir *at = delivery->work;

	if (at->quota.ignored || !at->size.exists)
		return;
	at->size.root = open_mail_root(delivery);
	if (at->size.root < 0)
		return;
	maildirsize_add(&at->size, at->octets);
	quota_notice(delivery->options->quota.quota_warning, at->size.root,
	    &at->quota.limit, &at->size.used, at->octets);
	close_mail_root(delivery, at->size.root);
}

static void
subscribe(struct delivery *delivery)
{
	int root = open_mail_root(delivery);

	if (root < 0)
		return;
	subscriptions_add(root, delivery->mailbox->root, &delivery->folder,
	    delivery->mailbox->layout_fs, delivery->mailbox->utf8);
	close_mail_root(delivery, root);
}

static void
maildir_finish(struct delivery *delivery)
{
	struct maildir *at = delivery->work;

	record_usage(delivery);
	if (at->folder_made && delivery->options->lda_mailbox_autosubscribe)
		subscribe(delivery);
	if ((at->name.random & 0xff) == 0)
		reap_debris(at);
	close_directories(at);
}

static bool
would_make(const struct delivery *delivery, const char *missing)
{
	const char *never = delivery->mailbox->never_made;

	return delivery_may_make(delivery) &&
	    (never == NULL || !path_is_within(never, missing));
}

static int
probe_directory(const char *path, int wanted, struct status *why)
{
	if (sys_faccessat(AT_FDCWD, path, wanted, AT_EACCESS) == 0)
		return 0;
	return status_fail_access(why, "use", path, wanted);
}

static int
probe(struct delivery *delivery, struct maildir *here, struct status *why)
{
	const char *missing, *inner[] = { NULL, NULL };

	if (choose_path(delivery, why) < 0)
		return 0; /* then it goes to INBOX */
	missing = directory_missing_part(delivery->arena, here->path);
	if (missing != NULL && would_make(delivery, missing))
		return probe_directory(
		    path_parent(delivery->arena, missing), W_OK | X_OK, why);
	if (missing != NULL && !folder_is_inbox(&delivery->folder))
		return 0;
	if (missing != NULL)
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s does not exist and is never made here", missing);
	if (probe_directory(here->path, X_OK, why) < 0)
		return -1;
	inner[0] = here->tmp_path;
	inner[1] = here->new_path;
	for (size_t i = 0; i < COUNT(inner); i++) {
		bool there =
		    directory_missing_part(delivery->arena, inner[i]) == NULL;

		if (probe_directory(there ? inner[i] : here->path,
			R_OK | W_OK | X_OK, why) < 0)
			return -1;
	}
	return 0;
}

static int
maildir_probe(struct delivery *delivery, struct status *why)
{
	struct maildir here = { .root = -1, .tmp = -1, .new = -1, .file = -1 };
	int rc;

	delivery->work = &here;
	rc = probe(delivery, &here, why);
	delivery->work = NULL;
	return rc;
}

static void
explain_limit(
    struct buf *out, const struct quota_amount *limit, const char *source)
{
	buf_add_string(out, "    quota: ");
	if (limit->octets != 0)
		buf_print(out, "%ju octets ", (uintmax_t)limit->octets);
	if (limit->messages != 0)
		buf_print(out, "%ju messages ", (uintmax_t)limit->messages);
	if (limit->octets == 0 && limit->messages == 0)
		buf_add_string(out, "no limit ");
	buf_print(out, "(%s)\n", source);
}

static void
explain_quota(struct delivery *delivery, struct buf *out)
{
	const char *folder = folder_name(&delivery->folder, delivery->arena);
	struct maildirsize size = { .root = -1 };
	struct status why;
	struct quota quota;

	if (quota_read(&delivery->options->quota, folder, &quota, &why) < 0)
		return;
	if (quota.is_set)
		explain_limit(out, &quota.folder, "from the settings");
	if (quota.ignored)
		buf_print(
		    out, "    quota: mail in %s is not counted\n", folder);
	if (delivery->mailbox->root != NULL)
		size.root = sys_openat(AT_FDCWD, delivery->mailbox->root,
		    O_RDONLY | O_DIRECTORY, 0);
	if (size.root < 0)
		return;
	maildirsize_look(&size);
	close_one(&size.root);
	if (!size.known) {
		if (quota.is_set || size.exists)
			buf_add_string(out,
			    "    quota: maildirsize is not "
			    "usable: all would be counted\n");
		return;
	}
	explain_limit(out, &size.limit, "from maildirsize");
	buf_print(out,
	    "    quota: %ju octets, %ju messages used (maildirsize, %jd s "
	    "old)\n",
	    (uintmax_t)size.used.octets, (uintmax_t)size.used.messages,
	    (intmax_t)size.age_seconds);
}

static void
explain(struct delivery *delivery, struct maildir *at, struct buf *out)
{
	struct status why;
	const char *missing;

	status_init(&why);
	if (choose_path(delivery, &why) < 0) {
		buf_print(out, "    %s\n", why.cause);
		return;
	}
	missing = directory_missing_part(delivery->arena, at->path);
	if (missing != NULL) {
		buf_print(out, "    %s does not exist: %s\n", missing,
		    would_make(delivery, missing) ? "it would be made" :
						    "it would NOT be made");
		if (!delivery_may_make(delivery))
			buf_add_string(out,
			    "    (lda_mailbox_autocreate = no): the mail "
			    "would go to INBOX\n");
		directory_explain(out, path_parent(delivery->arena, missing));
		return;
	}
	explain_quota(delivery, out);
	directory_explain(out, at->path);
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *path =
		    arena_path(delivery->arena, at->path, parts[i]);

		if (directory_missing_part(delivery->arena, path) != NULL)
			buf_print(out,
			    "    %s does not exist: it would be made\n", path);
		else
			directory_explain(out, path);
	}
}

static void
maildir_explain(struct delivery *delivery, struct buf *out)
{
	struct maildir here = { .root = -1, .tmp = -1, .new = -1, .file = -1 };

	delivery->work = &here;
	explain(delivery, &here, out);
	delivery->work = NULL;
}

const struct store store_maildir = { .word = "maildir",
	.usual_path = "~/Maildir",
	.inbox = "",
	.open = maildir_open,
	.spool = maildir_spool,
	.stage = maildir_stage,
	.commit = maildir_commit,
	.abort = maildir_abort,
	.finish = maildir_finish,
	.probe = maildir_probe,
	.explain = maildir_explain };
