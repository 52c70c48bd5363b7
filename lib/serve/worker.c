/*
 * worker.c - one piece of work in a process of its own, and its answer.
 *
 * Source: DESIGN "LMTP"; the answer is that of postfix pipe_command (reference
 * postfix 1.3), read the same way.
 */
#include "serve/worker.h"

#include "base/stop.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* From the soft deadline to the hard one, and from there to where a child
 * that even KILL does not end (NFS, FUSE) is given up. */
#define GRACE_SECONDS 30
#define LOST_SECONDS 5

/* An answer ends with a line end: then it is whole, and who waits for it need
 * not wait for the process's end. */
static const char crashed[] = "4.3.0 internal error, delivery is tried again\n";
static const char delivered[] = "2.0.0 delivered\n";

void
worker_init(struct worker *worker)
{
	memset(worker, 0, sizeof(*worker));
	worker->answers = -1;
}

/* Those whose answers have been heard, and who have ended by now. */
static void
reap_ended(void)
{
	int status;

	while (sys_waitpid_now((pid_t)-1, &status) > 0)
		;
}

int
worker_open(struct worker *worker, bool stays, int *speaks, struct status *why)
{
	int ends[2];

	reap_ended();
	worker_init(worker);
	if ((stays ? sys_socketpair(ends) : sys_pipe(ends)) < 0)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot make a pipe: %s", strerror(errno));
	worker->stays = stays;
	worker->answers = ends[0];
	*speaks = ends[1];
	return 0;
}

int
worker_leave_connection(void)
{
	/* stderr is /dev/null in a server. */
	if (sys_dup2(STDERR_FILENO, STDIN_FILENO) < 0 ||
	    sys_dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -1;
	return 0;
}

static void
set_words(int speaks)
{
	struct stop_words words = { .fd = speaks,
		.words = crashed,
		.exit_code = 75,
		.done = delivered };

	stop_set_words(words);
}

static void
begin_work(int speaks, unsigned seconds)
{
	set_words(speaks);
	if (worker_leave_connection() < 0)
		stop_now();
	stop_deadline(seconds, GRACE_SECONDS);
}

pid_t
worker_split(int speaks, unsigned seconds)
{
	pid_t pid = sys_fork();

	if (pid == 0)
		begin_work(speaks, seconds);
	return pid;
}

void
worker_expect(struct worker *worker, unsigned seconds)
{
	int64_t most = (int64_t)seconds + GRACE_SECONDS + LOST_SECONDS;

	worker->until_us = sys_ticks_us() + most * 1000000;
}

int
worker_fork(struct worker *worker, int speaks, unsigned seconds, bool *is_child,
    struct status *why)
{
	pid_t pid = worker_split(speaks, seconds);
	int number = errno;

	*is_child = pid == 0;
	if (pid == 0) {
		/* Else it would never see the end of who gives it work. */
		(void)sys_close(worker->answers);
		return 0;
	}
	(void)sys_close(speaks);
	worker_expect(worker, seconds);
	if (pid > 0) {
		worker->pid = pid;
		return 0;
	}
	(void)sys_close(worker->answers);
	worker->answers = -1;
	return status_fail(why, STATUS_TROUBLE, "cannot start a process: %s",
	    strerror(number));
}

void
worker_answer(int speaks, const struct status *why)
{
	char room[STATUS_REPLY_OCTETS + 1];
	struct buf reply;

	buf_init(&reply, room, sizeof(room));
	if (why->id == STATUS_DELIVERED)
		buf_add_string(&reply, delivered);
	else {
		status_print_reply(why, &reply);
		buf_add_octet(&reply, '\n');
	}
	if (sys_write(speaks, reply.at, reply.length) < 0) {
		/* Nobody waits for it. */
	}
	_exit(status_row(why->id)->exit_code);
}

/* It is reaped when the next one is started: one that even KILL does not end
 * is not waited for. */
static void
stop_listening(struct worker *worker, bool kill_it)
{
	(void)sys_close(worker->answers);
	worker->answers = -1;
	if (kill_it && worker->pid > 0)
		(void)sys_kill(worker->pid, SIGKILL);
	worker->pid = 0;
}

bool
worker_hand(struct worker *worker, const void *work, unsigned seconds)
{
	ssize_t sent = sys_write(worker->answers, &work, sizeof(work));

	if (sent == (ssize_t)sizeof(work)) {
		worker->length = 0;
		worker_expect(worker, seconds);
		return true;
	}
	stop_listening(worker, true);
	return false;
}

const void *
worker_wait(int speaks)
{
	const void *work;

	/* From here on a crash is the next message's, and that is not there:
	 * better one mail twice than the next one lost. */
	set_words(speaks);
	if (sys_write(speaks, delivered, sizeof(delivered) - 1) < 0)
		return NULL;
	stop_deadline(0, 0);
	if (sys_read(speaks, &work, sizeof(work)) != (ssize_t)sizeof(work))
		return NULL;
	return work;
}

void
worker_resume(unsigned seconds)
{
	stop_deadline(seconds, GRACE_SECONDS);
}

static void
understand(const struct worker *worker, struct status *why)
{
	struct str said = str_of(worker->said, worker->length);

	if (said.length == 0) {
		(void)status_fail(
		    why, STATUS_TROUBLE, "a process ended without an answer");
		return;
	}
	if (status_read_reply(str_trim(said), why))
		return;
	(void)status_fail(
	    why, STATUS_TROUBLE, "a process gave an answer that is none");
}

bool
worker_hear(struct worker *worker, struct status *why)
{
	ssize_t got = sys_read(worker->answers, worker->said + worker->length,
	    sizeof(worker->said) - worker->length);

	if (got > 0) {
		worker->length += (size_t)got;
		if (worker->said[worker->length - 1] != '\n')
			return false; /* the rest, or its end, comes next */
	}
	understand(worker, why);
	if (got <= 0 || !worker->stays || why->id != STATUS_DELIVERED)
		stop_listening(worker, got < 0);
	return true;
}

bool
worker_is_late(struct worker *worker, struct status *why)
{
	if (sys_ticks_us() < worker->until_us)
		return false;
	stop_listening(worker, true);
	(void)status_fail(why, STATUS_TROUBLE,
	    "a process did not end in its time and was given up");
	return true;
}

void
worker_leave(struct worker *worker)
{
	if (worker->answers >= 0)
		stop_listening(worker, false);
}

void
worker_drop(struct worker *worker)
{
	if (worker->answers >= 0)
		stop_listening(worker, true);
}
