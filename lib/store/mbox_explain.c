/*
 * mbox_explain.c - what a delivery into an mbox would meet: lda -t.
 *
 * Looks, and makes nothing.
 */
#include "base/path.h"
#include "base/sys.h"
#include "store/directory.h"
#include "store/mbox_work.h"

#include <fcntl.h>
#include <unistd.h>

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
	if (mbox_choose_path(delivery, why) < 0)
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

int
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
	if (mbox_choose_path(delivery, &why) < 0) {
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

void
mbox_explain(struct delivery *delivery, struct buf *out)
{
	struct mbox here = { .dir = -1, .fd = -1, .spool = -1, .keeper = -1 };

	delivery->work = &here;
	explain(delivery, &here, out);
	delivery->work = NULL;
}
