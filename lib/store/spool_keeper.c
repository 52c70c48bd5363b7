/*
 * spool_keeper.c - the one process that keeps the spool's group.
 *
 * Source: the histories of procmail, maildrop and mailutils, each of which
 * lost its group to a user's file, filter or option; OpenBSD's lockspool.
 */
#include "store/spool_keeper.h"

#include "base/sys.h"
#include "store/dotlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A request is one octet. */
enum request {
	REQUEST_MAKE = 'm', /* the mailbox, empty, if it is not there */
	REQUEST_LOCK = 'l',
	REQUEST_LOCK_AND_BREAK = 'b', /* a stale lock may be broken */
	REQUEST_UNLOCK = 'u',
	REQUEST_WHICH = 'w' /* the mailbox's path, as the cause */
};

/* An answer is one message. */
struct reply {
	bool fine;
	bool stale;
	struct status why;
};

/* The keeper's own state. */
struct keeping {
	const struct spool_keeper *keeper;
	int dir;
	struct dotlock lock;
};

static int
open_spool(struct keeping *at, struct status *why)
{
	const struct spool_keeper *keeper = at->keeper;

	if (at->dir >= 0)
		return 0;
	at->dir =
	    sys_openat(AT_FDCWD, keeper->directory, O_RDONLY | O_DIRECTORY, 0);
	if (at->dir < 0)
		return status_fail_read(why, keeper->directory);
	if (dotlock_init(
		&at->lock, at->dir, keeper->directory, keeper->name, why) == 0)
		return 0;
	(void)sys_close(at->dir);
	at->dir = -1;
	return -1;
}

/* The keeper runs as the recipient: what it makes is his. */
static int
make_mailbox(struct keeping *at, struct status *why)
{
	int fd = sys_openat(at->dir, at->keeper->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd < 0)
		return errno == EEXIST ?
		    0 :
		    status_fail_errno(
			why, "create a mailbox in", at->keeper->directory);
	(void)sys_close(fd);
	/* Whoever finds it empty under the locks syncs its name. */
	return 0;
}

static void
serve_one(struct keeping *at, char request, struct reply *reply)
{
	int rc = 0;

	memset(reply, 0, sizeof(*reply));
	status_init(&reply->why);
	if (request == REQUEST_WHICH) {
		reply->fine = true;
		(void)status_fail(&reply->why, STATUS_DELIVERED, "%s/%s",
		    at->keeper->directory, at->keeper->name);
		return;
	}
	if (open_spool(at, &reply->why) < 0)
		return;
	switch (request) {
	case REQUEST_MAKE:
		rc = make_mailbox(at, &reply->why);
		break;
	case REQUEST_LOCK:
	case REQUEST_LOCK_AND_BREAK:
		if (!at->lock.held)
			rc = dotlock_try(&at->lock,
			    request == REQUEST_LOCK_AND_BREAK, &reply->stale,
			    &reply->why);
		break;
	case REQUEST_UNLOCK:
		dotlock_release(&at->lock);
		break;
	default:
		rc =
		    status_fail(&reply->why, STATUS_TROUBLE, "unknown request");
		break;
	}
	reply->fine = rc == 0;
}

void
spool_keeper_serve(
    int fd, const struct spool_keeper *keeper, const struct status *why)
{
	struct keeping at = { .keeper = keeper, .dir = -1 };
	struct reply reply;
	char request;

	while (sys_read(fd, &request, sizeof(request)) == sizeof(request)) {
		if (keeper != NULL)
			serve_one(&at, request, &reply);
		else {
			memset(&reply, 0, sizeof(reply));
			reply.why = *why;
		}
		if (sys_write(fd, &reply, sizeof(reply)) != sizeof(reply))
			break;
	}
	dotlock_release(&at.lock);
}

static int
fail_of_keeper(struct status *why)
{
	return status_fail(why, STATUS_TROUBLE,
	    "the process that keeps the mail spool's group has died");
}

static int
ask(int fd, char request, struct reply *reply, struct status *why)
{
	if (sys_write(fd, &request, sizeof(request)) != sizeof(request))
		return fail_of_keeper(why);
	if (sys_read(fd, reply, sizeof(*reply)) != sizeof(*reply))
		return fail_of_keeper(why);
	if (reply->fine)
		return 0;
	*why = reply->why;
	return -1;
}

int
spool_keeper_make(int fd, struct status *why)
{
	struct reply reply;

	return ask(fd, REQUEST_MAKE, &reply, why);
}

int
spool_keeper_keeps(int fd, const char *path, bool *keeps, struct status *why)
{
	struct reply reply;

	if (ask(fd, REQUEST_WHICH, &reply, why) < 0)
		return -1;
	*keeps = strcmp(reply.why.cause, path) == 0;
	return 0;
}

int
spool_keeper_lock(int fd, bool may_break, bool *stale, struct status *why)
{
	struct reply reply = { .stale = false };
	int rc = ask(
	    fd, may_break ? REQUEST_LOCK_AND_BREAK : REQUEST_LOCK, &reply, why);

	*stale = reply.stale;
	return rc;
}

void
spool_keeper_unlock(int fd)
{
	struct reply reply;
	struct status why;

	if (ask(fd, REQUEST_UNLOCK, &reply, &why) < 0) {
		/* It unlocks when we end, too. */
	}
}
