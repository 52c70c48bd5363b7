/*
 * kernel_fault_process.c - the seam of base/kernel.h, failing as planned:
 * processes, ids, limits, memory, clocks, what a sandbox takes away.
 */
#define _GNU_SOURCE /* setresuid(2), setresgid(2) */
#include "inject.h"
#include "real.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int
kernel_pipe(int ends[2])
{
	struct fault_record *record = inject_begin(CALL_PIPE, -1);

	if (inject_refused(record))
		return -1;
	if (inject_end(record, real_pipe(ends)) < 0)
		return -1;
	inject_remember(ends[0], "(pipe)", O_RDONLY);
	inject_remember(ends[1], "(pipe)", O_WRONLY);
	return 0;
}

int
kernel_dup2(int from, int to)
{
	struct fault_record *record = inject_begin(CALL_DUP2, from);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = real_dup2(from, to);
	if (fd >= 0 && from != to)
		inject_remember_copy(from, fd);
	return (int)inject_end(record, fd);
}

pid_t
kernel_fork(void)
{
	struct fault_record *record = inject_begin(CALL_FORK, -1);
	unsigned next;
	pid_t child;

	if (inject_refused(record))
		return -1;
	next = inject_next_process();
	child = real_fork();
	if (child == 0) {
		inject_become(next);
		return 0;
	}
	return (pid_t)inject_end(record, child);
}

int
kernel_execve(const char *path, char *const argv[], char *const envp[])
{
	struct fault_record *record =
	    inject_begin_name(CALL_EXECVE, AT_FDCWD, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_execve(path, argv, envp));
}

/* Whoever asks whether a child has ended, and sleeps if not, makes as many
 * calls as the machine is busy: so the answer waits for a moment. */
static pid_t
wait_a_while(pid_t pid, int *status)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	pid_t ended = real_waitpid(pid, status, WNOHANG);

	for (int i = 0; ended == 0 && i < 250; i++) {
		(void)nanosleep(&moment, NULL);
		ended = real_waitpid(pid, status, WNOHANG);
	}
	return ended;
}

pid_t
kernel_waitpid(pid_t pid, int *status, int options)
{
	struct fault_record *record = inject_begin(CALL_WAITPID, -1);

	if (inject_refused(record))
		return -1;
	if (inject_plan != NULL && (options & WNOHANG) != 0)
		return (pid_t)inject_end(record, wait_a_while(pid, status));
	return (pid_t)inject_end(record, real_waitpid(pid, status, options));
}

int
kernel_kill(pid_t pid, int signal_number)
{
	struct fault_record *record = inject_begin(CALL_KILL, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_kill(pid, signal_number));
}

int
kernel_setgroups(size_t count, const gid_t *groups)
{
	struct fault_record *record = inject_begin(CALL_SETGROUPS, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_setgroups(count, groups));
}

int
kernel_setgid_for_good(gid_t gid)
{
	struct fault_record *record = inject_begin(CALL_SETGID, -1);

	if (inject_refused(record))
		return (int)record->result;
	if (inject_keeps_saved_id())
		return (int)inject_end(record, setresgid(gid, gid, (gid_t)-1));
	return (int)inject_end(record, real_setgid_for_good(gid));
}

int
kernel_setuid_for_good(uid_t uid)
{
	struct fault_record *record = inject_begin(CALL_SETUID, -1);

	if (inject_refused(record))
		return (int)record->result;
	if (inject_keeps_saved_id())
		return (int)inject_end(record, setresuid(uid, uid, (uid_t)-1));
	return (int)inject_end(record, real_setuid_for_good(uid));
}

int
kernel_getgids(gid_t *real, gid_t *effective, gid_t *saved)
{
	struct fault_record *record = inject_begin(CALL_GETGIDS, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_getgids(real, effective, saved));
}

int
kernel_getuids(uid_t *real, uid_t *effective, uid_t *saved)
{
	struct fault_record *record = inject_begin(CALL_GETUIDS, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_getuids(real, effective, saved));
}

int
kernel_seteuid(uid_t uid)
{
	struct fault_record *record = inject_begin(CALL_SETEUID, -1);

	if (inject_refused(record))
		return (int)record->result;
	return (int)inject_end(record, real_seteuid(uid));
}

/* The next two never fail: a rule may only kill here. */
pid_t
kernel_getpid(void)
{
	struct fault_record *record = inject_begin(CALL_GETPID, -1);

	(void)inject_refused(record);
	return (pid_t)inject_end(record, real_getpid());
}

pid_t
kernel_getppid(void)
{
	struct fault_record *record = inject_begin(CALL_GETPPID, -1);
	pid_t parent = real_getppid();

	(void)inject_refused(record);
	if (inject_orphans()) {
		record->injected = true;
		parent = parent == 1 ? 2 : 1;
	}
	return (pid_t)inject_end(record, parent);
}

int
kernel_close_from(int first)
{
	struct fault_record *record = inject_begin(CALL_CLOSE_FROM, -1);

	if (inject_refused(record))
		return -1;
	inject_forget_from(first);
	return (int)inject_end(record, real_close_from(first));
}

int
kernel_getrlimit(int which, struct rlimit *into)
{
	struct fault_record *record = inject_begin(CALL_GETRLIMIT, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_getrlimit(which, into));
}

int
kernel_setrlimit(int which, const struct rlimit *limit)
{
	struct fault_record *record = inject_begin(CALL_SETRLIMIT, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_setrlimit(which, limit));
}

void *
kernel_map(size_t size)
{
	struct fault_record *record = inject_begin(CALL_MAP, -1);
	void *at;

	if (inject_refused(record))
		return NULL;
	at = real_map(size);
	(void)inject_end(record, at == NULL ? -1 : 0);
	return at;
}

int
kernel_clock(clockid_t clock, struct timespec *into)
{
	struct fault_record *record = inject_begin(CALL_CLOCK, -1);

	if (inject_refused(record))
		return -1;
	if (inject_end(record, real_clock(clock, into)) < 0)
		return -1;
	if (inject_plan != NULL && clock == CLOCK_REALTIME)
		into->tv_sec += (time_t)inject_plan->ahead_seconds;
	if (inject_plan != NULL) {
		long long slept_ms = inject_plan->slept_ms;

		into->tv_sec += (time_t)(slept_ms / 1000);
		into->tv_nsec += (long)(slept_ms % 1000) * 1000000;
	}
	if (into->tv_nsec >= 1000000000) {
		into->tv_sec++;
		into->tv_nsec -= 1000000000;
	}
	return 0;
}

int
kernel_boot_time(int64_t *seconds)
{
	struct fault_record *record = inject_begin(CALL_BOOT_TIME, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_boot_time(seconds));
}

int
kernel_random(void *into, size_t size)
{
	struct fault_record *record = inject_begin(CALL_RANDOM, -1);

	if (inject_refused(record))
		return -1;
	if (inject_plan != NULL && inject_plan->fixed_random) {
		memset(into, inject_plan->random_octet, size);
		return (int)inject_end(record, 0);
	}
	return (int)inject_end(record, real_random(into, size));
}

int
kernel_hostname(char *into, size_t size)
{
	struct fault_record *record = inject_begin(CALL_HOSTNAME, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_hostname(into, size));
}

int
kernel_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct fault_record *record =
	    inject_begin(CALL_POLL, count > 0 ? fds[0].fd : -1);

	if (inject_refused(record))
		return -1;
	if (inject_plan != NULL && inject_plan->no_sleep && count == 0 &&
	    timeout_ms > 0) {
		inject_plan->slept_ms += timeout_ms;
		return (int)inject_end(record, 0);
	}
	return (int)inject_end(record, real_poll(fds, count, timeout_ms));
}

int
kernel_poll_open(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct fault_record *record =
	    inject_begin(CALL_POLL_OPEN, count > 0 ? fds[0].fd : -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_poll_open(fds, count, timeout_ms));
}

pid_t
kernel_getsid(void)
{
	return real_getsid();
}

int
kernel_unmap(void *at, size_t size)
{
	struct fault_record *record = inject_begin(CALL_UNMAP, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_unmap(at, size));
}

int
kernel_close_on_exec(int fd)
{
	struct fault_record *record = inject_begin(CALL_CLOSE_ON_EXEC, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_close_on_exec(fd));
}

void *
kernel_map_shared(size_t size)
{
	struct fault_record *record = inject_begin(CALL_MAP_SHARED, -1);
	void *at;

	if (inject_refused(record))
		return NULL;
	at = real_map_shared(size);
	(void)inject_end(record, at == NULL ? -1 : 0);
	return at;
}

int
kernel_map_read_only(void *at, size_t size)
{
	struct fault_record *record = inject_begin(CALL_MAP_READ_ONLY, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_map_read_only(at, size));
}

int
kernel_no_new_privileges(void)
{
	struct fault_record *record = inject_begin(CALL_NO_NEW_PRIVILEGES, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_no_new_privileges());
}

int
kernel_landlock_rules(uint64_t handled)
{
	struct fault_record *record = inject_begin(CALL_LANDLOCK_RULES, -1);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_landlock_rules(handled));
	if (fd >= 0)
		inject_remember(fd, "(rules)", O_RDONLY);
	return fd;
}

int
kernel_landlock_allow(int rules, const char *path, uint64_t rights)
{
	struct fault_record *record =
	    inject_begin_name(CALL_LANDLOCK_ALLOW, AT_FDCWD, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(
	    record, real_landlock_allow(rules, path, rights));
}

int
kernel_landlock_enter(int rules)
{
	struct fault_record *record = inject_begin(CALL_LANDLOCK_ENTER, rules);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_landlock_enter(rules));
}

int
kernel_filter_calls(const struct call_filter_step *steps, size_t count)
{
	struct fault_record *record = inject_begin(CALL_FILTER_CALLS, -1);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_filter_calls(steps, count));
}
