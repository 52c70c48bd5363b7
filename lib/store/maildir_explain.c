/*
 * maildir_explain.c - what a delivery into a Maildir would meet: lda -t.
 *
 * Looks, and makes nothing.
 */
#include "base/path.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/maildir_work.h"

#include <fcntl.h>
#include <unistd.h>

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

	if (maildir_choose_path(delivery, why) < 0)
		return 0; /* folder_refused: then it goes to INBOX */
	missing = directory_missing_part(delivery->arena, here->path);
	if (missing != NULL && would_make(delivery, missing))
		return probe_directory(
		    path_parent(delivery->arena, missing), W_OK | X_OK, why);
	if (missing != NULL && !folder_is_inbox(&delivery->folder)) {
		delivery->folder_refused = true;
		return 0;
	}
	if (missing != NULL)
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s does not exist and is never made here", missing);
	if (probe_directory(here->path, X_OK, why) < 0)
		return -1;
	if (maildir_is_container(delivery)) {
		delivery->folder_refused = true;
		return 0;
	}
	inner[0] = here->tmp_path;
	inner[1] = here->new_path;
	for (size_t i = 0; i < COUNT(inner); i++) {
		bool there =
		    directory_missing_part(delivery->arena, inner[i]) == NULL;

		if (probe_directory(there ? inner[i] : here->path,
			R_OK | W_OK | X_OK, why) < 0)
			return -1;
	}
	return maildir_probe_quota(delivery, why);
}

int
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
explain(struct delivery *delivery, struct maildir *at, struct buf *out)
{
	struct status why;
	const char *missing;

	status_init(&why);
	if (maildir_choose_path(delivery, &why) < 0) {
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
	maildir_explain_quota(delivery, out);
	directory_explain(out, at->path);
	if (maildir_is_container(delivery)) {
		buf_print(out,
		    "    %s holds folders, and is none: the mail would go to "
		    "INBOX\n",
		    at->path);
		return;
	}
	for (size_t i = 0; i < MAILDIR_PARTS; i++) {
		const char *path =
		    arena_path(delivery->arena, at->path, maildir_parts[i]);

		if (directory_missing_part(delivery->arena, path) != NULL)
			buf_print(out,
			    "    %s does not exist: it would be made\n", path);
		else
			directory_explain(out, path);
	}
}

void
maildir_explain(struct delivery *delivery, struct buf *out)
{
	struct maildir here = { .root = -1, .tmp = -1, .new = -1, .file = -1 };

	delivery->work = &here;
	explain(delivery, &here, out);
	delivery->work = NULL;
}
