/*
 * trace.c - what one delivery asks of the system: its calls, what it writes,
 * the memory it takes.
 *
 * The peak of memory is read when the process is about to end (ptrace(2)
 * stops it there): wait4(2) would give the driver's own peak, which a child
 * starts with.
 *
 * Source: ptrace(2), proc(5).
 */
#define _GNU_SOURCE
#include "feed.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const long sync_calls[] = { SYS_fsync, SYS_fdatasync, SYS_sync,
	SYS_syncfs, SYS_sync_file_range, SYS_msync };

/* One watch over a delivery and its children. */
struct watch {
	pid_t first;
	pid_t feeder;
	bool executed; /* before that the calls are ours */
	int go_on;     /* to the next call, or the next event */
	struct cost *cost;
};

static long
ask(int request, pid_t pid, uintptr_t size, void *into)
{
	return ptrace((enum __ptrace_request)request, pid, (void *)size, into);
}

static long long
number_after(const char *file, pid_t pid, const char *name)
{
	char path[64], line[256];
	long long number = 0;
	FILE *stream;

	(void)snprintf(path, sizeof(path), "/proc/%jd/%s", (intmax_t)pid, file);
	stream = fopen(path, "r");
	if (stream == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), stream) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtoll(line + strlen(name), NULL, 10);
	(void)fclose(stream);
	return number;
}

static void
note_end(struct watch *watch, pid_t pid)
{
	long peak = (long)number_after("status", pid, "VmHWM:");

	if (peak > watch->cost->peak_kib)
		watch->cost->peak_kib = peak;
	watch->cost->written += number_after("io", pid, "wchar:");
	watch->cost->processes++;
}

static void
note_call(struct watch *watch, pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (!watch->executed ||
	    ask(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	watch->cost->calls++;
	for (size_t i = 0; i < sizeof(sync_calls) / sizeof(sync_calls[0]); i++)
		if ((long)info.entry.nr == sync_calls[i])
			watch->cost->syncs++;
}

/* What a stopped process is told when it goes on: its signal, or nothing. */
static int
note_stop(struct watch *watch, pid_t pid, int status)
{
	int number = WSTOPSIG(status);

	if (number == (SIGTRAP | 0x80)) {
		note_call(watch, pid);
		return 0;
	}
	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		watch->executed = true;
		return 0;
	case PTRACE_EVENT_EXIT:
		note_end(watch, pid);
		return 0;
	case 0:
		/* A new child of it begins with a stop. */
		return number == SIGSTOP ? 0 : number;
	default:
		return 0;
	}
}

static void
watch_all(struct watch *watch)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (pid == watch->first && !WIFSTOPPED(status))
			watch->cost->status = status;
		if (WIFSTOPPED(status))
			(void)ask(watch->go_on, pid, 0,
			    (void *)(intptr_t)note_stop(watch, pid, status));
	}
}

/* The child: as the recipient, its descriptors in place, about to execute when
 * the gate opens. */
static void
begin(const struct subject *subject, uid_t uid, gid_t gid, int in, int out,
    int gate)
{
	char octet;

	if (getuid() == 0 && uid != 0 &&
	    (setgroups(1, &gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0))
		_exit(125);
	if (setsid() < 0 || chdir(subject->directory) < 0 ||
	    dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || read(gate, &octet, 1) != 1)
		_exit(125);
	(void)execve(subject->argv[0], (char **)(uintptr_t)subject->argv,
	    (char **)(uintptr_t)subject->envp);
	_exit(125);
}

/* Seized by us, not handed over by the child: a set-ID program keeps its ID
 * only if whoever watches may do what it may. */
static void
seize(struct watch *watch, int gate)
{
	int status;

	if (ask(PTRACE_SEIZE, watch->first, 0,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
		    PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK |
		    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		    PTRACE_O_EXITKILL)) < 0 ||
	    ask(PTRACE_INTERRUPT, watch->first, 0, NULL) < 0 ||
	    waitpid(watch->first, &status, __WALL) < 0 || !WIFSTOPPED(status))
		err(1, "cannot watch");
	(void)ask(watch->go_on, watch->first, 0, NULL);
	if (write(gate, "", 1) != 1)
		err(1, "gate");
}

static pid_t
start_feeder(int fd, const struct message *message)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)feed_message(fd, message);
	_exit(0);
}

bool
trace_delivery(const struct subject *subject, const struct message *message,
    uid_t uid, gid_t gid, bool counts_calls, struct cost *cost)
{
	struct watch watch = { .cost = cost,
		.go_on = counts_calls ? PTRACE_SYSCALL : PTRACE_CONT };
	int in[2], gate[2], out;

	memset(cost, 0, sizeof(*cost));
	out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(gate, O_CLOEXEC) < 0 || out < 0)
		err(1, "pipe");
	watch.first = fork();
	if (watch.first < 0)
		err(1, "fork");
	if (watch.first == 0)
		begin(subject, uid, gid, in[0], out, gate[0]);
	watch.feeder = start_feeder(in[1], message);
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out);
	seize(&watch, gate[1]);
	watch_all(&watch);
	(void)close(gate[0]);
	(void)close(gate[1]);
	return WIFEXITED(cost->status) && WEXITSTATUS(cost->status) == 0;
}
