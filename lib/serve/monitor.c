/*
 * monitor.c - root's part of a server for many uids.
 *
 * Source: DESIGN "Privileges", "LMTP"; Provos, Friedl, Honeyman: "Preventing
 * Privilege Escalation" (2003).
 */
#include "serve/monitor.h"

#include "base/cursor.h"
#include "base/number.h"
#include "base/priv.h"
#include "base/stop.h"
#include "base/sys.h"
#include "user/user_passwd.h"
#include "wire/netstring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Children at a time: a speaker asks for a few, and a hostile one must not
 * fork without end. */
#define CHILDREN_MOST 64

/* No honest speaker asks for a longer one. */
#define SECONDS_MOST 3600

/* The strings of a record, in their order. */
static struct str *
field_of(struct job *job, size_t number)
{
	struct str *const fields[] = { &job->mailbox, &job->path, &job->sender,
		&job->original, &job->delivered_to, &job->prefix };

	return number < COUNT(fields) ? fields[number] : NULL;
}

bool
monitor_write(const struct job *job, struct buf *record)
{
	struct job copy = *job;
	const struct str *field;

	buf_print(record, "%c%c%u:", (char)job->task, job->by_lmtp ? 'l' : 'a',
	    job->seconds);
	for (size_t i = 0; (field = field_of(&copy, i)) != NULL; i++)
		netstring_add(record, *field);
	return !record->overflow;
}

static bool
read_task(struct cursor *in, struct job *job)
{
	static const char tasks[] = { JOB_VERIFY, JOB_ROOM, JOB_DELIVER, '\0' };
	char task, asker;
	uint64_t seconds;

	if (!cursor_take_any(in, tasks, &task) ||
	    !cursor_take_any(in, "la", &asker) ||
	    !number_read(cursor_until(in, ':'), SECONDS_MOST, &seconds) ||
	    seconds == 0)
		return false;
	job->task = (enum job_task)task;
	job->by_lmtp = asker == 'l';
	job->seconds = (unsigned)seconds;
	return true;
}

bool
monitor_read(struct str record, struct job *into)
{
	struct cursor in = cursor_over(record);
	struct str *field;
	size_t used;

	memset(into, 0, sizeof(*into));
	into->spool = -1;
	if (!read_task(&in, into))
		return false;
	for (size_t i = 0; (field = field_of(into, i)) != NULL; i++) {
		if (netstring_read(in.rest, MONITOR_RECORD_OCTETS, field,
			&used) != NETSTRING_WHOLE)
			return false;
		(void)cursor_octets(&in, used);
	}
	return cursor_at_end(&in);
}

int
monitor_ask(int socket, const struct job *job, struct worker *worker,
    int speaks, struct status *why)
{
	char room[MONITOR_RECORD_OCTETS];
	int fds[2] = { speaks, job->spool };
	struct buf record;
	int rc = 0;

	buf_init(&record, room, sizeof(room));
	if (!monitor_write(job, &record))
		rc = status_fail(
		    why, STATUS_TROUBLE, "addresses too long for the monitor");
	else if (sys_send_descriptors(socket, record.at, record.length, fds,
		     job->spool >= 0 ? 2 : 1) < 0)
		rc = status_fail(why, STATUS_TROUBLE,
		    "cannot ask the monitor: %s", strerror(errno));
	(void)sys_close(speaks);
	worker_expect(worker, job->seconds);
	if (rc < 0) {
		(void)sys_close(worker->answers);
		worker->answers = -1;
	}
	return rc;
}

/* What the monitor has at hand. */
struct monitor {
	struct job_office *office;
	pid_t speaker;
	bool has_told; /* the speaker, that we are asked to end */
	int socket;
	unsigned children;
};

/* All that have ended; waits for one where there are too many. */
static void
reap_children(struct monitor *at)
{
	int status;

	while (at->children >= CHILDREN_MOST &&
	    sys_waitpid((pid_t)-1, &status) > 0)
		at->children--;
	while (at->children > 0 && sys_waitpid_now((pid_t)-1, &status) > 0)
		at->children--;
}

/* What comes with a record: the worker's end of a pipe, and for a delivery
 * the spool, which must be a file: nothing that could hang. */
static bool
are_fitting(const struct job *job, const int *fds, size_t count)
{
	struct stat facts;

	if (count != (job->task == JOB_DELIVER ? 2 : 1))
		return false;
	return job->task != JOB_DELIVER ||
	    (sys_fstat(fds[1], &facts) == 0 && S_ISREG(facts.st_mode));
}

static void
start_child(struct monitor *at, struct job *job, const int *fds)
{
	pid_t pid = worker_split(fds[0], job->seconds);

	if (pid > 0)
		at->children++;
	/* Without a child the speaker sees the end of the pipe. */
	if (pid != 0)
		return;
	(void)sys_close(at->socket);
	job->spool = job->task == JOB_DELIVER ? fds[1] : -1;
	job_run(job, at->office, fds[0]);
}

/* One record; false at the speaker's end. */
static bool
serve_one(struct monitor *at)
{
	char room[MONITOR_RECORD_OCTETS];
	int fds[SYS_DESCRIPTORS];
	struct job job;
	size_t count;
	ssize_t got = sys_receive_descriptors(
	    at->socket, room, sizeof(room), fds, &count);

	if (got <= 0)
		return false;
	reap_children(at);
	if (monitor_read(str_of(room, (size_t)got), &job) &&
	    are_fitting(&job, fds, count))
		start_child(at, &job, fds);
	for (size_t i = 0; i < count; i++)
		(void)sys_close(fds[i]);
	return true;
}

/* Waits for a record; whoever starts us knows only this process, so that we
 * are asked to end in the speaker's place. */
static bool
wait_for_record(struct monitor *at)
{
	struct pollfd wanted = { .fd = at->socket, .events = POLLIN };

	for (;;) {
		int ready, number;

		stop_hold();
		if (stop_is_asked() && !at->has_told) {
			at->has_told = true;
			(void)sys_kill(at->speaker, SIGTERM);
		}
		ready = sys_poll_once(&wanted, 1, -1);
		number = errno;
		stop_let_in();
		errno = number;
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
	}
}

static NORETURN void
monitor(struct monitor *at)
{
	int status;

	while (wait_for_record(at) && serve_one(at))
		;
	/* Its end tells the speaker, if it is still there, that nobody does
	 * its jobs any more. */
	(void)sys_close(at->socket);
	/* Deliveries that have begun end, too: each has its deadline. */
	while (sys_waitpid((pid_t)-1, &status) > 0)
		;
	_exit(0);
}

/* The speaker's user: of this machine, and not root. */
static int
find_speaker(const struct settings *settings, struct arena *arena,
    struct user *into, struct status *why)
{
	struct str name = str_from(settings->lmtp.lmtp_user);

	memset(into, 0, sizeof(*into));
	if (user_passwd_by_name(name, &settings->user, arena, into, why) < 0) {
		status_context(
		    why, "%s", config_describe(&settings->config, "lmtp_user"));
		status_become(why, STATUS_MISCONFIGURED);
		return -1;
	}
	if (into->uid != 0 && into->gid != 0)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%s: it must not be root, nor in root's group",
	    config_describe(&settings->config, "lmtp_user"));
}

int
monitor_begin(struct job_office *office, struct status *why)
{
	struct monitor at = { .office = office };
	struct user speaker;
	int ends[2];
	pid_t pid;

	if (find_speaker(office->settings, office->arena, &speaker, why) < 0)
		return -1;
	if (sys_socketpair(ends) < 0)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot make a socket: %s", strerror(errno));
	pid = sys_fork();
	if (pid < 0)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot start a process: %s", strerror(errno));
	(void)sys_close(ends[pid == 0 ? 0 : 1]);
	if (pid > 0) {
		at.socket = ends[0];
		at.speaker = pid;
		if (worker_leave_connection() < 0)
			_exit(75);
		monitor(&at);
	}
	office->monitor = ends[1];
	if (priv_become(speaker.uid, speaker.gid) == 0)
		return 0;
	return status_fail(why, STATUS_TROUBLE,
	    "cannot become uid %jd (lmtp_user): %s", (intmax_t)speaker.uid,
	    strerror(errno));
}
