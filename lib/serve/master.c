/*
 * master.c - a server that listens itself.
 *
 * It reads nothing that comes from a client.
 *
 * Source: accept(2) (what its errors mean), sd_notify(3).
 */
#include "serve/master.h"

#include "base/stop.h"
#include "base/sys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How long to wait where trying again at once would fail again. */
#define PAUSE_MS 1000

/* Its state between two connections. */
struct running {
	struct master *master;
	pid_t *children; /* processes_most; 0: free */
	unsigned count;
};

static void
say(struct master *master, enum log_severity severity, const char *what,
    const char *detail)
{
	char room[512];
	struct buf line;

	buf_init(&line, room, sizeof(room));
	buf_print(&line, "%s: %s%s", master->log->tag, what, detail);
	log_line(master->log, severity, buf_str(&line));
}

/* To systemd, if it has asked for that; nobody waits. */
static void
notify(const struct master *master, const char *state)
{
	int fd;

	if (master->notify == NULL)
		return;
	fd = sys_datagram();
	if (fd < 0)
		return;
	(void)sys_send_to(fd, master->notify, str_from(state), str_of(NULL, 0));
	(void)sys_close(fd);
}

static void
reap(struct running *at)
{
	int status;
	pid_t ended;

	while (
	    at->count > 0 && (ended = sys_waitpid_now((pid_t)-1, &status)) > 0)
		for (unsigned i = 0; i < at->master->processes_most; i++)
			if (at->children[i] == ended) {
				at->children[i] = 0;
				at->count--;
			}
}

/* In the new process. */
static NORETURN void
serve(struct running *at, int connection)
{
	struct master *master = at->master;

	listeners_close(master->listeners);
	if (sys_dup2(connection, STDIN_FILENO) >= 0 &&
	    sys_dup2(connection, STDOUT_FILENO) >= 0) {
		(void)sys_close(connection);
		master->serve(master->context);
		_exit(0);
	}
	_exit(75);
}

static void
start(struct running *at, int connection)
{
	pid_t pid = sys_fork();

	if (pid == 0)
		serve(at, connection);
	if (pid < 0) {
		say(at->master, LOG_SEVERITY_ERROR,
		    "cannot start a process: ", strerror(errno));
		sys_sleep_ms(PAUSE_MS);
	}
	for (unsigned i = 0; pid > 0; i++)
		if (at->children[i] == 0) {
			at->children[i] = pid;
			at->count++;
			break;
		}
	(void)sys_close(connection);
}

/* Somebody else took it, or the client has gone again: no error. */
static bool
is_passing(int number)
{
	return number == EAGAIN || number == EWOULDBLOCK ||
	    number == ECONNABORTED || number == EINTR || number == EPROTO;
}

static void
accept_one(struct running *at, int listener)
{
	int connection = sys_accept(listener);

	if (connection >= 0) {
		start(at, connection);
		return;
	}
	if (is_passing(errno))
		return;
	/* No descriptors, no memory: it would fail at once again. */
	say(at->master, LOG_SEVERITY_ERROR, "cannot accept: ", strerror(errno));
	sys_sleep_ms(PAUSE_MS);
}

/* Waits until one of the first listeners has a client, how many of them count
 * says, or a signal comes: 0 for that. */
static nfds_t
wait_for_client(struct running *at, struct pollfd *wanted)
{
	nfds_t count = 0;
	int ready = 0;

	stop_hold();
	reap(at);
	if (at->count < at->master->processes_most)
		count = (nfds_t)at->master->listeners->count;
	if (!stop_has_news())
		ready = sys_poll_once(wanted, count, -1);
	stop_let_in();
	return ready > 0 ? count : 0;
}

/* One wait, and what came of it; with all processes in use, clients wait in
 * the listening queue. */
static void
look(struct running *at)
{
	struct listeners *listeners = at->master->listeners;
	struct pollfd wanted[LISTENERS_MOST];
	nfds_t count;

	for (size_t i = 0; i < listeners->count; i++) {
		wanted[i].fd = listeners->fds[i];
		wanted[i].events = POLLIN;
	}
	count = wait_for_client(at, wanted);
	for (nfds_t i = 0; i < count; i++)
		if (wanted[i].revents != 0 &&
		    at->count < at->master->processes_most)
			accept_one(at, wanted[i].fd);
}

static void
end_all(struct running *at)
{
	notify(at->master, "STOPPING=1");
	listeners_remove(at->master->listeners);
	for (unsigned i = 0; i < at->master->processes_most; i++)
		if (at->children[i] != 0)
			(void)sys_kill(at->children[i], SIGTERM);
	stop_hold();
	for (reap(at); at->count > 0; reap(at))
		if (sys_poll_once(NULL, 0, -1) < 0) {
			/* A child has ended, or somebody is impatient. */
		}
	stop_let_in();
	say(at->master, LOG_SEVERITY_INFO, "ended", "");
}

void
master_run(struct master *master)
{
	struct running at = { .master = master };

	at.children = arena_take(
	    master->arena, master->processes_most * sizeof(*at.children));
	stop_when_asked();
	notify(master, "READY=1");
	say(master, LOG_SEVERITY_INFO, "listening", "");
	while (!stop_is_asked()) {
		look(&at);
		if (stop_take_reload()) {
			notify(master, "RELOADING=1");
			master->reload(master->context);
			notify(master, "READY=1");
		}
	}
	end_all(&at);
}
