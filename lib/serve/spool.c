/*
 * spool.c - where a message is kept that comes by LMTP.
 *
 * Source: open(2) O_TMPFILE; linkat(2).
 */
#include "serve/spool.h"

#include "base/file.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/sys.h"
#include "deliver/resolve.h"
#include "store/temporary.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A mailbox that does not answer in this time is not waited for: the message
 * then goes to mail_temp_dir. */
#define SEARCH_SECONDS 5

/* Mailboxes that are looked at. */
#define SEARCHED_MOST 3

void
spool_init(struct spool *spool, struct job_office *office)
{
	memset(spool, 0, sizeof(*spool));
	spool->office = office;
	spool->fd = -1;
	spool->name = office->settings->store.mail_temp_dir;
}

void
spool_close(struct spool *spool)
{
	if (spool->fd >= 0)
		(void)sys_close(spool->fd);
	spool->fd = -1;
}

/* A file without a name in directory, or where that is missing, in the one that
 * it would be made in. */
static int
open_in_or_above(const char *directory, struct arena *arena)
{
	int fd = sys_unnamed_file(directory);

	while (fd < 0 && errno == ENOENT && directory[1] != '\0') {
		directory = path_parent(arena, directory);
		fd = sys_unnamed_file(directory);
	}
	return fd;
}

/* A file without a name in the recipient's Maildir; -1: none to be had.  The
 * settings of the process become his. */
static int
open_beside(struct job_office *office, const struct recipient *recipient)
{
	struct store_owner owner = { .name = recipient->user.name,
		.home = recipient->user.home,
		.is_system = recipient->user.is_system };
	struct mailbox mailbox;
	struct status why;

	if (!recipient->has_user ||
	    resolve_settings(office->settings, &recipient->user,
		office->scratch, &why) < 0 ||
	    mailbox_resolve(&office->settings->store, &owner, office->scratch,
		&mailbox, &why) < 0 ||
	    mailbox.store != &store_maildir)
		return -1;
	return open_in_or_above(mailbox.inbox, office->scratch);
}

/* In a child: the first file that can be had is handed over. */
static NORETURN void
search(struct spool *spool, int socket)
{
	const struct recipient *at = spool->recipients;

	for (int i = 0; i < SEARCHED_MOST && at != NULL; i++, at = at->next) {
		int fd = open_beside(spool->office, at);

		if (fd < 0)
			continue;
		if (sys_send_descriptors(socket, "f", 1, &fd, 1) < 0) {
			/* Then there is none. */
		}
		_exit(0);
	}
	_exit(75);
}

/* What the child hands over; -1: nothing in time. */
static int
receive_file(int socket)
{
	struct pollfd wanted = { .fd = socket, .events = POLLIN };
	int fds[SYS_DESCRIPTORS], found = -1;
	size_t count = 0;
	char octet;

	if (sys_poll(&wanted, 1, SEARCH_SECONDS * 1000) > 0 &&
	    sys_receive_descriptors(socket, &octet, 1, fds, &count) == 1 &&
	    count == 1)
		return fds[0];
	for (size_t i = 0; i < count; i++)
		(void)sys_close(fds[i]);
	return found;
}

/*
 * In a process of its own, because a mailbox may hang: only the file comes
 * back.
 */
static int
open_beside_mailbox(struct spool *spool)
{
	int ends[2], fd, status;
	pid_t pid;

	if (sys_socketpair(ends) < 0)
		return -1;
	pid = worker_split(ends[1], SEARCH_SECONDS);
	if (pid == 0)
		search(spool, ends[1]);
	(void)sys_close(ends[1]);
	fd = pid < 0 ? -1 : receive_file(ends[0]);
	(void)sys_close(ends[0]);
	if (pid > 0) {
		(void)sys_kill(pid, SIGKILL);
		/* One that even KILL does not end is not waited for. */
		if ((fd >= 0 ? sys_waitpid(pid, &status) :
			       sys_waitpid_now(pid, &status)) < 0) {
			/* Reaped already. */
		}
	}
	return fd;
}

int
spool_open(void *context, struct status *why)
{
	struct spool *spool = context;

	spool_close(spool);
	spool->name = spool->office->settings->store.mail_temp_dir;
	if (spool->wants_link && spool->office->monitor < 0)
		spool->fd = open_beside_mailbox(spool);
	spool->can_link = spool->fd >= 0;
	if (spool->can_link)
		spool->name = "a file beside the mailboxes";
	else
		spool->fd =
		    temporary_open(spool->office->settings->store.mail_temp_dir,
			spool->office->arena, why);
	return spool->fd;
}

static int
write_to_file(struct spool *spool, struct message *message, struct status *why)
{
	if (spool_open(spool, why) < 0)
		return -1;
	if (file_write_all(spool->fd, message->prefix) < 0 ||
	    file_write_all(spool->fd, message->memory) < 0)
		return status_fail_errno(why, "write to", spool->name);
	message->prefix = message->memory = str_of(NULL, 0);
	message->file = spool->fd;
	return 0;
}

int
spool_settle(struct spool *spool, struct message *message, bool to_file,
    struct status *why)
{
	bool syncs =
	    spool->office->settings->store.mail_fsync != STORE_FSYNC_NEVER;

	if (message->file < 0 && !to_file)
		return 0;
	if (message->file < 0 && write_to_file(spool, message, why) < 0)
		return -1;
	message->shared = message->file;
	message->file = -1;
	message->may_link = spool->can_link;
	/* Once, for all who give it a name: a failure is told to one process
	 * that has it open, and to no other. */
	if (spool->can_link && syncs && sys_fsync(spool->fd) < 0)
		return status_fail_errno(why, "sync", spool->name);
	return 0;
}
