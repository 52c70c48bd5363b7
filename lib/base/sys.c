/*
 * sys.c - the calls of the seam with our policy on interruptions.
 */
#include "base/sys.h"

#include "base/kernel.h"
#include "base/sys_again.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

int
sys_openat(int dir, const char *path, int flags, mode_t mode)
{
	int result;

	do
		result = kernel_openat(dir, path, flags, mode);
	while (result < 0 && again());
	return result;
}

ssize_t
sys_read(int fd, void *into, size_t size)
{
	ssize_t result;

	do
		result = kernel_read(fd, into, size);
	while (result < 0 && again());
	return result;
}

ssize_t
sys_read_waiting(int fd, void *into, size_t size)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	for (;;) {
		ssize_t got = sys_read(fd, into, size);

		if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			return got;
		if (sys_poll(&wanted, 1, -1) < 0)
			return -1;
	}
}

ssize_t
sys_write(int fd, const void *from, size_t size)
{
	ssize_t result;

	do
		result = kernel_write(fd, from, size);
	while (result < 0 && again());
	return result;
}

ssize_t
sys_pread(int fd, void *into, size_t size, off_t offset)
{
	ssize_t result;

	do
		result = kernel_pread(fd, into, size, offset);
	while (result < 0 && again());
	return result;
}

int
sys_fsync(int fd)
{
	return kernel_fsync(fd);
}

int
sys_close(int fd)
{
	return kernel_close(fd);
}

int
sys_ftruncate(int fd, off_t length)
{
	int result;

	do
		result = kernel_ftruncate(fd, length);
	while (result < 0 && again());
	return result;
}

int
sys_reserve(int fd, off_t offset, off_t length)
{
	int result;

	do
		result = kernel_reserve(fd, offset, length);
	while (result < 0 && again());
	return result;
}

int
sys_fstat(int fd, struct stat *into)
{
	int result;

	do
		result = kernel_fstat(fd, into);
	while (result < 0 && again());
	return result;
}

int
sys_fstatat(int dir, const char *path, struct stat *into, int flags)
{
	int result;

	do
		result = kernel_fstatat(dir, path, into, flags);
	while (result < 0 && again());
	return result;
}

int
sys_faccessat(int dir, const char *path, int mode, int flags)
{
	int result;

	do
		result = kernel_faccessat(dir, path, mode, flags);
	while (result < 0 && again());
	return result;
}

int
sys_fchmod(int fd, mode_t mode)
{
	int result;

	do
		result = kernel_fchmod(fd, mode);
	while (result < 0 && again());
	return result;
}

int
sys_fchown(int fd, uid_t uid, gid_t gid)
{
	int result;

	do
		result = kernel_fchown(fd, uid, gid);
	while (result < 0 && again());
	return result;
}

int
sys_futimens(int fd, const struct timespec times[2])
{
	int result;

	do
		result = kernel_futimens(fd, times);
	while (result < 0 && again());
	return result;
}

int
sys_lock_fcntl(int fd, bool lock)
{
	int result;

	do
		result = kernel_lock_fcntl(fd, lock);
	while (result < 0 && again());
	return result;
}

int
sys_lock_flock(int fd, bool lock)
{
	int result;

	do
		result = kernel_lock_flock(fd, lock);
	while (result < 0 && again());
	return result;
}

bool
sys_is_local(int fd)
{
	return kernel_is_local(fd);
}

int
sys_mkdirat(int dir, const char *path, mode_t mode)
{
	int result;

	do
		result = kernel_mkdirat(dir, path, mode);
	while (result < 0 && again());
	return result;
}

int
sys_unlinkat(int dir, const char *path, int flags)
{
	int result;

	do
		result = kernel_unlinkat(dir, path, flags);
	while (result < 0 && again());
	return result;
}

int
sys_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	int result;

	do
		result = kernel_linkat(from_dir, from, to_dir, to);
	while (result < 0 && again());
	return result;
}

int
sys_renameat_new(int from_dir, const char *from, int to_dir, const char *to)
{
	int result;

	do
		result = kernel_renameat_new(from_dir, from, to_dir, to);
	while (result < 0 && again());
	return result;
}

int
sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int result;

	do
		result = kernel_renameat(from_dir, from, to_dir, to);
	while (result < 0 && again());
	return result;
}

int
sys_unnamed_file(const char *directory)
{
	int result;

	do
		result = kernel_unnamed_file(directory);
	while (result < 0 && again());
	return result;
}

int
sys_link_open(int fd, int to_dir, const char *to)
{
	int result;

	do
		result = kernel_link_open(fd, to_dir, to);
	while (result < 0 && again());
	return result;
}

int
sys_readlink(const char *path, char *into, size_t size)
{
	ssize_t got;

	do
		got = kernel_readlinkat(AT_FDCWD, path, into, size);
	while (got < 0 && again());
	if (got < 0)
		return -1;
	if ((size_t)got >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	into[got] = '\0';
	return 0;
}

DIR *
sys_opendir(int dir, const char *path)
{
	int fd = sys_openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	DIR *opened;

	if (fd < 0)
		return NULL;
	opened = kernel_fdopendir(fd);
	if (opened == NULL)
		(void)sys_close(fd);
	return opened;
}

struct dirent *
sys_readdir(DIR *dir)
{
	return kernel_readdir(dir);
}

void
sys_closedir(DIR *dir)
{
	(void)kernel_closedir(dir);
}

int
sys_pipe(int ends[2])
{
	return kernel_pipe(ends);
}

int
sys_dup2(int from, int to)
{
	int result;

	do
		result = kernel_dup2(from, to);
	while (result < 0 && again());
	return result;
}

pid_t
sys_fork(void)
{
	return kernel_fork();
}

int
sys_execve(const char *path, char *const argv[], char *const envp[])
{
	return kernel_execve(path, argv, envp);
}

pid_t
sys_waitpid(pid_t pid, int *status)
{
	pid_t result;

	do
		result = kernel_waitpid(pid, status, 0);
	while (result < 0 && again());
	return result;
}

pid_t
sys_waitpid_now(pid_t pid, int *status)
{
	pid_t result;

	do
		result = kernel_waitpid(pid, status, WNOHANG);
	while (result < 0 && again());
	return result;
}

int
sys_kill(pid_t pid, int signal_number)
{
	return kernel_kill(pid, signal_number);
}

int
sys_setgroups(size_t count, const gid_t *groups)
{
	return kernel_setgroups(count, groups);
}

int
sys_setgid_for_good(gid_t gid)
{
	return kernel_setgid_for_good(gid);
}

int
sys_setuid_for_good(uid_t uid)
{
	return kernel_setuid_for_good(uid);
}

int
sys_getgids(gid_t *real, gid_t *effective, gid_t *saved)
{
	return kernel_getgids(real, effective, saved);
}

int
sys_getuids(uid_t *real, uid_t *effective, uid_t *saved)
{
	return kernel_getuids(real, effective, saved);
}

int
sys_seteuid(uid_t uid)
{
	return kernel_seteuid(uid);
}

uid_t
sys_uid(void)
{
	uid_t real, effective, saved;

	/* getresuid(2) fails only for a bad pointer. */
	if (kernel_getuids(&real, &effective, &saved) < 0)
		return (uid_t)-1;
	return effective;
}

gid_t
sys_gid(void)
{
	gid_t real, effective, saved;

	if (kernel_getgids(&real, &effective, &saved) < 0)
		return (gid_t)-1;
	return effective;
}

pid_t
sys_getpid(void)
{
	return kernel_getpid();
}

pid_t
sys_getppid(void)
{
	return kernel_getppid();
}

pid_t
sys_getsid(void)
{
	return kernel_getsid();
}

void
sys_close_from(int first)
{
	(void)kernel_close_from(first);
}

int
sys_getrlimit(int which, struct rlimit *into)
{
	return kernel_getrlimit(which, into);
}

int
sys_setrlimit(int which, const struct rlimit *limit)
{
	return kernel_setrlimit(which, limit);
}

void *
sys_map(size_t size)
{
	return kernel_map(size);
}

void *
sys_map_shared(size_t size)
{
	return kernel_map_shared(size);
}

int
sys_map_read_only(void *at, size_t size)
{
	return kernel_map_read_only(at, size);
}

void
sys_unmap(void *at, size_t size)
{
	if (kernel_unmap(at, size) < 0) {
		/* Then the process keeps it. */
	}
}

static int64_t
clock_us(clockid_t clock)
{
	struct timespec now;

	if (kernel_clock(clock, &now) < 0)
		return 0;
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
sys_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t
sys_ticks_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t
sys_boot_time(void)
{
	int64_t seconds;

	return kernel_boot_time(&seconds) < 0 ? 0 : seconds;
}

void
sys_sleep_ms(int milliseconds)
{
	if (kernel_poll(NULL, 0, milliseconds) < 0) {
		/* Interrupted: the caller looks at its clock. */
	}
}

uint64_t
sys_random(void)
{
	uint64_t bits;

	if (kernel_random(&bits, sizeof(bits)) == 0)
		return bits;
	/* Only for names that O_EXCL and the kernel keep apart anyway. */
	bits = (uint64_t)sys_now_us() * 0x9e3779b97f4a7c15U;
	return bits ^ ((uint64_t)sys_getpid() << 32) ^
	    ((uint64_t)sys_ticks_us() * 0xd1342543de82ef95U);
}

void
sys_hostname(char *into, size_t size)
{
	if (kernel_hostname(into, size) < 0 || into[0] == '\0')
		memcpy(into, "localhost", sizeof("localhost"));
}

int
sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int result;

	do
		result = kernel_poll(fds, count, timeout_ms);
	while (result < 0 && again());
	return result;
}

int
sys_close_on_exec(int fd)
{
	return kernel_close_on_exec(fd);
}

int
sys_fchmodat(int dir, const char *path, mode_t mode)
{
	int result;

	do
		result = kernel_fchmodat(dir, path, mode);
	while (result < 0 && again());
	return result;
}

int
sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	int result;

	do
		result = kernel_fchownat(dir, path, uid, gid);
	while (result < 0 && again());
	return result;
}

int
sys_poll_once(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	return kernel_poll_open(fds, count, timeout_ms);
}

bool
sys_isatty(int fd)
{
	return kernel_isatty(fd);
}

int
sys_no_new_privileges(void)
{
	return kernel_no_new_privileges();
}

int
sys_landlock_rules(uint64_t handled)
{
	return kernel_landlock_rules(handled);
}

int
sys_landlock_allow(int rules, const char *path, uint64_t rights)
{
	int result;

	do
		result = kernel_landlock_allow(rules, path, rights);
	while (result < 0 && again());
	return result;
}

int
sys_landlock_enter(int rules)
{
	return kernel_landlock_enter(rules);
}

int
sys_filter_calls(const struct call_filter_step *steps, size_t count)
{
	return kernel_filter_calls(steps, count);
}
