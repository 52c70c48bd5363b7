/*
 * maildir_quota.c - what a delivery has to do with the user's other mail: how
 * much of it there is, and which folders he wants to see.
 *
 * Source: Maildir++ (maildirsize in the mail root counts for all folders).
 */
#include "base/file.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/maildir_work.h"
#include "store/quota_notice.h"
#include "store/subscriptions.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* Whether the delivery's own directory is path: open already. */
static bool
is_open_already(const struct delivery *delivery, const char *path)
{
	struct maildir *at = delivery->work;

	return path == NULL ||
	    (folder_is_inbox(&delivery->folder) &&
		strcmp(path, at->root_path) == 0);
}

/* A directory by its path; the delivery's own is not opened again. */
static int
open_or_share(struct delivery *delivery, const char *path)
{
	struct maildir *at = delivery->work;

	if (is_open_already(delivery, path))
		return at->root;
	return sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
}

static void
close_unless_shared(struct delivery *delivery, int fd)
{
	struct maildir *at = delivery->work;

	if (fd != at->root)
		file_close(&fd);
}

/* Where maildirsize and subscriptions are: beside the mail, or in the directory
 * that CONTROL= names, which is made. */
static int
open_control(struct delivery *delivery)
{
	const struct mailbox *mailbox = delivery->mailbox;
	struct status why;
	int fd = open_or_share(delivery, mailbox->control);

	if (fd >= 0 || errno != ENOENT ||
	    directory_make(mailbox->control, mailbox->never_made,
		delivery_syncs(delivery), &why) < 0)
		return fd;
	return open_or_share(delivery, mailbox->control);
}

void
maildir_close_counted(struct delivery *delivery)
{
	struct maildir *at = delivery->work;
	struct maildir_counted *counted = &at->counted;

	if (!counted->open)
		return;
	counted->open = false;
	close_unless_shared(delivery, counted->root);
	close_unless_shared(delivery, counted->control);
	close_unless_shared(delivery, counted->inbox);
}

/* False, and nothing open, where one of them cannot be had. */
static bool
open_counted(struct delivery *delivery)
{
	const struct mailbox *mailbox = delivery->mailbox;
	struct maildir *at = delivery->work;
	struct maildir_counted *counted = &at->counted;

	counted->open = true;
	counted->root = open_or_share(delivery, mailbox->root);
	counted->control = open_control(delivery);
	counted->inbox = open_or_share(delivery, mailbox->inbox);
	at->size.root = counted->root;
	at->size.control = counted->control;
	at->size.inbox = mailbox->root != NULL &&
		strcmp(mailbox->root, mailbox->inbox) != 0 ?
	    &counted->inbox :
	    NULL;
	if (counted->root >= 0 && counted->control >= 0 &&
	    (counted->inbox >= 0 || errno == ENOENT))
		return true;
	maildir_close_counted(delivery);
	return false;
}

static void
read_usage(struct delivery *delivery, uint64_t octets)
{
	struct maildir *at = delivery->work;

	memset(&at->size, 0, sizeof(at->size));
	at->size.layout_fs = delivery->mailbox->layout_fs;
	at->size.options = &delivery->options->quota;
	at->size.mode = maildir_file_mode(at);
	at->size.limit = at->quota.limit;
	at->size.limit_is_ours = at->quota.is_set;
	if (open_counted(delivery))
		maildirsize_read(&at->size, &at->quota, octets);
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
int
maildir_check_quota(
    struct delivery *delivery, uint64_t octets, struct status *why)
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

/* Not even called where nobody wants it: it needs a stack of its own size. */
static void
give_notice(struct delivery *delivery)
{
	const char *warning = delivery->options->quota.quota_warning;
	struct maildir *at = delivery->work;
	uint64_t notice;

	if (warning[0] == '\0')
		return;
	notice = quota_notice(warning,
	    at->counted.inbox >= 0 ? at->counted.inbox : at->counted.root,
	    &at->quota.limit, &at->size.used, at->octets);
	if (notice > 0)
		maildirsize_add(&at->size, notice);
}

void
maildir_record_usage(struct delivery *delivery)
{
	struct maildir *at = delivery->work;

	if (at->quota.ignored)
		return;
	/* A second try for what could not be opened before the commit. */
	if (!at->counted.open && !open_counted(delivery))
		return;
	if (at->size.known) {
		maildirsize_add(&at->size, at->octets);
		give_notice(delivery);
	} else if (at->quota.is_set || at->size.exists)
		maildirsize_forget(&at->size);
	maildir_close_counted(delivery);
}

void
maildir_subscribe(struct delivery *delivery)
{
	const struct mailbox *mailbox = delivery->mailbox;
	int control = open_control(delivery);

	if (control < 0)
		return;
	subscriptions_add(control, mailbox->control, mailbox->subscriptions,
	    &delivery->folder, mailbox->layout_fs, mailbox->utf8);
	close_unless_shared(delivery, control);
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

/* What maildirsize says, without changing it; size->known tells if it can be
 * used. */
static void
look_at_usage(struct delivery *delivery, struct maildirsize *size)
{
	memset(size, 0, sizeof(*size));
	if (delivery->mailbox->control == NULL)
		return;
	size->control = sys_openat(
	    AT_FDCWD, delivery->mailbox->control, O_RDONLY | O_DIRECTORY, 0);
	if (size->control < 0)
		return;
	maildirsize_look(size);
	file_close(&size->control);
}

int
maildir_probe_quota(struct delivery *delivery, struct status *why)
{
	const char *folder = folder_name(&delivery->folder, delivery->arena);
	struct maildirsize size;
	struct quota quota;

	if (quota_read(&delivery->options->quota, folder, &quota, why) < 0)
		return -1;
	look_at_usage(delivery, &size);
	if (quota.ignored || !size.known)
		return 0;
	if (!quota.is_set)
		quota.folder = quota.limit = size.limit;
	if (quota_fits(&quota, &size.used, 1))
		return 0;
	return status_fail(why, delivery->full,
	    "over quota by maildirsize: %ju octets in %ju messages are used",
	    (uintmax_t)size.used.octets, (uintmax_t)size.used.messages);
}

void
maildir_explain_quota(struct delivery *delivery, struct buf *out)
{
	const char *folder = folder_name(&delivery->folder, delivery->arena);
	struct maildirsize size;
	struct status why;
	struct quota quota;

	if (quota_read(&delivery->options->quota, folder, &quota, &why) < 0)
		return;
	if (quota.is_set)
		explain_limit(out, &quota.folder, "from the settings");
	if (quota.ignored)
		buf_print(
		    out, "    quota: mail in %s is not counted\n", folder);
	look_at_usage(delivery, &size);
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
