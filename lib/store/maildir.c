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
#include "base/file.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/maildir_work.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Somebody else's name would have to match 64 random bits. */
#define NAMES_TRIED 8

/* Debris of crashes in tmp/: how old (Maildir's rule), and how much work one
 * delivery in 256 does about it. */
#define DEBRIS_SECONDS ((int64_t)36 * 3600)
#define DEBRIS_REMOVED_MOST 16
#define DEBRIS_LOOKED_AT 1024

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
		/* First what shares a descriptor with it. */
		maildir_close_counted(delivery);
		maildir_close(at);
		if (maildir_enter(delivery, why) < 0)
			return -1;
	}
	if (at->file < 0)
		return status_fail_errno(why, "create a file in", at->tmp_path);
	at->in_tmp = true;
	return maildir_follow_mode(
	    at, at->file, maildir_file_mode(at), at->tmp_path, why);
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

/* A message that is spooled already (LMTP) gets a name here, so that its octets
 * are written once for all its recipients.  Not where the file would need
 * another group or mode than it has; false: it has to be copied. */
static bool
link_shared(struct maildir *at, const struct message *message)
{
	if (!message->may_link || message->prefix.length > 0 ||
	    maildir_file_mode(at) != 0 || at->give_gid)
		return false;
	maildir_name_make(&at->name, at->names++);
	if (sys_link_open(message->shared, at->tmp, at->name.in_tmp) < 0)
		return false;
	at->in_tmp = true;
	/* A descriptor of our own: a failure of the sync is told once to each
	 * open file. */
	at->file =
	    sys_openat(at->tmp, at->name.in_tmp, O_WRONLY | O_NOFOLLOW, 0);
	if (at->file >= 0)
		return true;
	(void)sys_unlinkat(at->tmp, at->name.in_tmp, 0);
	at->in_tmp = false;
	return false;
}

/* The message into a file in tmp/; what the store has spooled is there. */
static int
write_file(struct delivery *delivery, const struct message *message,
    struct status *why)
{
	struct maildir *at = delivery->work;
	bool reading = false;

	if (message->file >= 0 ||
	    (message->shared >= 0 && link_shared(at, message)))
		return 0;
	if (create_file(delivery, why) < 0)
		return -1;
	if (file_write_all(at->file, message->prefix) == 0 &&
	    (message->shared >= 0 ?
		    file_copy(message->shared, at->file, &reading) == 0 :
		    file_write_all(at->file, message->memory) == 0))
		return 0;
	return reading ? status_fail_read(why, "the spooled message") :
			 status_fail_errno(why, "write to", at->tmp_path);
}

static int
maildir_stage(struct delivery *delivery, const struct message *message,
    struct status *why)
{
	struct maildir *at = delivery->work;

	if (maildir_check_quota(delivery, message->size_octets, why) < 0 ||
	    write_file(delivery, message, why) < 0)
		return -1;
	if (sync_and_close(delivery, why) < 0)
		return -1;
	maildir_name_publish(
	    &at->name, message->size_octets, message->crlf_octets);
	delivery->storage_id = at->name.in_new;
	delivery->state = DELIVERY_STAGED;
	return 0;
}

/* link(2) whose answer was lost (NFS) has succeeded all the same: then the new
 * name is our file's.  Its number of links tells nothing: a backup may have
 * linked it too. */
static bool
is_published(const struct maildir *at)
{
	struct stat ours, named;

	return sys_fstatat(
		   at->tmp, at->name.in_tmp, &ours, AT_SYMLINK_NOFOLLOW) == 0 &&
	    sys_fstatat(
		at->new, at->name.in_new, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
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

		if (!is_published(at)) {
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
	if (maildir_sync(delivery, at->new, at->new_path, why) < 0)
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
	file_close(&at->file);
	if (at->in_new) {
		take_back(at->new, at->name.in_new, at->new_path, why);
		if (delivery_syncs(delivery) && sys_fsync(at->new) < 0)
			status_add(why, "; could not sync %s", at->new_path);
	}
	if (at->in_tmp)
		take_back(at->tmp, at->name.in_tmp, at->tmp_path, why);
	maildir_close_counted(delivery);
	maildir_close(at);
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
maildir_finish(struct delivery *delivery)
{
	struct maildir *at = delivery->work;

	maildir_record_usage(delivery);
	if (at->folder_made && delivery->options->lda_mailbox_autosubscribe)
		maildir_subscribe(delivery);
	if ((at->name.random & 0xff) == 0)
		reap_debris(at);
	maildir_close(at);
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
