/*
 * confine.c - which process gives up what, and when.
 *
 * Source: reference reliability 5; landlock(7).
 */
#include "deliver/confine.h"

#include "base/path.h"
#include "base/sandbox.h"
#include "base/sys.h"
#include "mail/date.h"
#include "user/user_nss.h"

#include <errno.h>
#include <string.h>

/* libc reads the time zone when it is first asked, and keeps it. */
static void
learn_time_zone(void)
{
	char room[64];
	struct buf date;

	buf_init(&date, room, sizeof(room));
	date_add(&date, 0);
}

/* The directory, or the nearest one above it that is there to make it in.
 * Where that cannot be told files are not restricted. */
static void
allow(struct sandbox *sandbox, const char *directory, struct arena *arena)
{
	while (!sandbox_allow(sandbox, directory)) {
		if (errno != ENOENT || directory[1] == '\0') {
			sandbox_spare_files(sandbox);
			return;
		}
		directory = path_parent(arena, directory);
	}
}

static bool
is_same(const char *one, const char *other)
{
	return one != NULL && strcmp(one, other) == 0;
}

/* Where this user's mail is, files and all that is beside them. */
static void
allow_mailbox(struct sandbox *sandbox, const struct deliver_run *run)
{
	const struct mailbox *mailbox = &run->mailbox;
	bool is_directory = mailbox->store == &store_maildir;

	if (mailbox->root != NULL)
		allow(sandbox, mailbox->root, run->arena);
	if (!is_directory)
		allow(sandbox, path_parent(run->arena, mailbox->inbox),
		    run->arena);
	else if (!is_same(mailbox->root, mailbox->inbox))
		allow(sandbox, mailbox->inbox, run->arena);
	if (mailbox->control != NULL &&
	    !is_same(mailbox->root, mailbox->control))
		allow(sandbox, mailbox->control, run->arena);
	if (!is_directory) {
		allow(sandbox, run->settings->store.mail_temp_dir, run->arena);
		learn_time_zone();
	}
}

/* Its own server's password is all that it has to read. */
static void
allow_remote(struct sandbox *sandbox, const struct deliver_run *run)
{
	const struct store_options *options = &run->settings->store;

	allow(sandbox, options->mail_temp_dir, run->arena);
	if (options->lmtp_auth_password_file[0] != '\0')
		allow(sandbox,
		    path_parent(run->arena, options->lmtp_auth_password_file),
		    run->arena);
}

/* -p names a file anywhere; and a file that is shared lies in the mailbox of
 * another recipient, so that a link to it would be refused. */
static bool
reaches_beyond(const struct deliver_request *request)
{
	return request->message_path != NULL ||
	    (request->message != NULL && request->message->may_link);
}

void
confine_delivery(const struct deliver_run *run)
{
	bool is_remote = run->mailbox.store->is_remote;
	struct sandbox sandbox;

	if (run->settings->deliver.sandbox < DELIVER_SANDBOX_FILES ||
	    run->settings->store.quota.quota_warning[0] != '\0')
		return;
	sandbox_begin(&sandbox,
	    reaches_beyond(run->request) ? SANDBOX_ALL_FILES : SANDBOX_PLACES);
	if (is_remote)
		allow_remote(&sandbox, run);
	else
		allow_mailbox(&sandbox, run);
	if (run->settings->deliver.sandbox == DELIVER_SANDBOX_ALL)
		sandbox_enter(&sandbox, is_remote ? CALL_FILTER_NETWORK : 0);
	else
		sandbox_enter_files(&sandbox);
}

void
confine_speaker(const struct settings *settings)
{
	struct sandbox sandbox;

	if (settings->deliver.sandbox == DELIVER_SANDBOX_NO)
		return;
	learn_time_zone(); /* for Received */
	sandbox_begin(&sandbox, SANDBOX_PLACES);
	/* Not there yet: it may still come. */
	if (!sandbox_allow(&sandbox, settings->store.mail_temp_dir))
		sandbox_spare_files(&sandbox);
	sandbox_enter(&sandbox, 0);
}

void
confine_verifier(const struct settings *settings, struct arena *arena)
{
	struct sandbox sandbox;

	/* Root's children become others. */
	if (settings->deliver.sandbox == DELIVER_SANDBOX_NO || sys_uid() == 0 ||
	    user_nss_is_asked(arena))
		return;
	sandbox_begin(&sandbox, SANDBOX_READ_ONLY);
	sandbox_enter(&sandbox, CALL_FILTER_NETWORK | CALL_FILTER_CHILDREN);
}
