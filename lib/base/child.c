/*
 * child.c - running a helper program and reading what it says.
 *
 * Source: postfix pipe_command: who keeps the write end of our output open
 * delays the delivery until Postfix's time limit, which bounces it.
 */
#include "base/child.h"

#include "base/priv.h"
#include "base/stop.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define COULD_NOT_EXECUTE 127

static NORETURN void
become_helper(const char *path, char *const argv[], int output)
{
	char path_variable[] = "PATH=/usr/bin:/bin";
	char *environment[] = { path_variable, NULL };
	int null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);

	stop_restore_signals();
	/* A group that only the spool keeper may have goes no further. */
	if (priv_drop_group() == 0 && null >= 0 &&
	    sys_dup2(null, STDIN_FILENO) >= 0 &&
	    sys_dup2(null, STDERR_FILENO) >= 0 &&
	    sys_dup2(output, STDOUT_FILENO) >= 0) {
		sys_close_from(STDERR_FILENO + 1);
		(void)sys_execve(path, argv, environment);
	}
	_exit(COULD_NOT_EXECUTE);
}

/* Milliseconds until then, at least 0. */
static int
milliseconds_until(int64_t then_us)
{
	int64_t left = (then_us - sys_ticks_us() + 999) / 1000;

	return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

/* Reads until the helper closes its output; 0 when time is over. */
static int
read_output(int fd, int64_t then_us, char *room, size_t size, size_t *length)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	char beyond[512]; /* read and dropped, so that it can go on */

	*length = 0;
	for (;;) {
		bool full = *length == size;
		int ready = sys_poll(&wanted, 1, milliseconds_until(then_us));
		ssize_t got;

		if (ready < 0)
			return -1;
		if (ready == 0)
			return 0;
		got = sys_read(fd, full ? beyond : room + *length,
		    full ? sizeof(beyond) : size - *length);
		if (got < 0)
			return -1;
		if (got == 0)
			return 1;
		if (!full)
			*length += (size_t)got;
	}
}

/* Closing its output is a helper's last act, so it has ended already or will
 * in a moment; one that goes on is killed like one that never closes it. */
static int
wait_until(pid_t pid, int64_t then_us, int *status, bool *timed_out)
{
	for (;;) {
		pid_t ended = sys_waitpid_now(pid, status);

		if (ended != 0)
			return ended < 0 ? -1 : 0;
		*timed_out = sys_ticks_us() >= then_us;
		if (*timed_out || stop_reason() != STOP_NOT) {
			(void)sys_kill(pid, SIGKILL);
			return sys_waitpid(pid, status) < 0 ? -1 : 0;
		}
		sys_sleep_ms(1);
	}
}

static int
reap(pid_t pid, bool kill_it, int64_t then_us, struct child_end *end)
{
	int status;

	if (kill_it)
		(void)sys_kill(pid, SIGKILL);
	if (wait_until(pid, then_us, &status, &end->timed_out) < 0)
		return -1;
	end->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	end->signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

int
child_run(const char *path, char *const argv[], int timeout_ms, size_t most,
    struct arena *arena, struct child_end *end, struct str *output)
{
	return child_run_in(
	    path, argv, timeout_ms, arena_take(arena, most), most, end, output);
}

int
child_run_in(const char *path, char *const argv[], int timeout_ms, char *room,
    size_t most, struct child_end *end, struct str *output)
{
	int64_t then_us = sys_ticks_us() + (int64_t)timeout_ms * 1000;
	int ends[2], outcome, kept;
	size_t length;
	pid_t pid;

	if (sys_pipe(ends) < 0)
		return -1;
	pid = sys_fork();
	if (pid == 0)
		become_helper(path, argv, ends[1]);
	kept = errno;
	(void)sys_close(ends[1]);
	if (pid < 0) {
		(void)sys_close(ends[0]);
		errno = kept;
		return -1;
	}
	outcome = read_output(ends[0], then_us, room, most, &length);
	kept = errno;
	(void)sys_close(ends[0]);
	end->timed_out = outcome == 0;
	if (reap(pid, outcome != 1, then_us, end) < 0)
		return -1;
	end->timed_out = end->timed_out || outcome == 0;
	errno = kept;
	*output = str_of(room, length);
	return outcome < 0 ? -1 : 0;
}
