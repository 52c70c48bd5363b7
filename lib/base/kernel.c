/*
 * kernel.c - the seam as the real system answers it.
 *
 * This file and kernel_socket.c alone see more than POSIX (_GNU_SOURCE).
 * PORTABLE, or a system other than Linux, leaves out the Linux calls; what
 * each falls back on is beside it.
 */
#define _GNU_SOURCE
#include "base/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && !defined(PORTABLE)
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#define ON_LINUX 1
#else
#define ON_LINUX 0
#endif

/* The kernel's number, which musl's headers leave out (renameat2(2)). */
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* glibc has a type of its own for RLIMIT_FSIZE and its like. */
#ifdef __GLIBC__
#define RESOURCE __rlimit_resource_t
#else
#define RESOURCE int
#endif

/* GRND_NONBLOCK of getrandom(2): early at boot EAGAIN beats waiting. */
#define RANDOM_NONBLOCK 1

int
kernel_openat(int dir, const char *path, int flags, mode_t mode)
{
	return openat(dir, path, flags | O_CLOEXEC | O_NOCTTY, mode);
}

ssize_t
kernel_read(int fd, void *into, size_t size)
{
	return read(fd, into, size);
}

ssize_t
kernel_write(int fd, const void *from, size_t size)
{
	return write(fd, from, size);
}

ssize_t
kernel_pread(int fd, void *into, size_t size, off_t offset)
{
	return pread(fd, into, size, offset);
}

int
kernel_fsync(int fd)
{
	return fsync(fd);
}

int
kernel_close(int fd)
{
	return close(fd);
}

int
kernel_ftruncate(int fd, off_t length)
{
	return ftruncate(fd, length);
}

int
kernel_reserve(int fd, off_t offset, off_t length)
{
#if ON_LINUX && defined(FALLOC_FL_KEEP_SIZE)
	/* Not posix_fallocate(3): where this fails, some write instead. */
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
#else
	(void)fd;
	(void)offset;
	(void)length;
	errno = EOPNOTSUPP;
	return -1;
#endif
}

int
kernel_fstat(int fd, struct stat *into)
{
	return fstat(fd, into);
}

int
kernel_fstatat(int dir, const char *path, struct stat *into, int flags)
{
	return fstatat(dir, path, into, flags);
}

int
kernel_faccessat(int dir, const char *path, int mode, int flags)
{
	return faccessat(dir, path, mode, flags);
}

int
kernel_fchmod(int fd, mode_t mode)
{
	return fchmod(fd, mode);
}

int
kernel_fchown(int fd, uid_t uid, gid_t gid)
{
	return fchown(fd, uid, gid);
}

int
kernel_futimens(int fd, const struct timespec times[2])
{
	return futimens(fd, times);
}

int
kernel_lock_fcntl(int fd, bool lock)
{
	struct flock whole = { .l_type = lock ? F_WRLCK : F_UNLCK,
		.l_whence = SEEK_SET };

#if defined(F_OFD_SETLK) && !defined(PORTABLE)
	/* Conflicts with classic locks of others, and is not lost when some
	 * other descriptor of the file is closed. */
	return fcntl(fd, F_OFD_SETLK, &whole);
#else
	return fcntl(fd, F_SETLK, &whole);
#endif
}

int
kernel_lock_flock(int fd, bool lock)
{
	return flock(fd, lock ? LOCK_EX | LOCK_NB : LOCK_UN);
}

bool
kernel_is_local(int fd)
{
#if ON_LINUX
	/* statfs(2): the f_type of what other machines serve. */
	static const unsigned long remote[] = { 0x6969 /* NFS */,
		0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */, 0x517b /* SMB */,
		0x65735546 /* FUSE */, 0x01021997 /* 9P */,
		0x00c36400 /* CEPH */, 0x5346414f /* AFS */,
		0x73757245 /* CODA */ };
	struct statfs facts;

	if (fstatfs(fd, &facts) == 0)
		for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
			if (((unsigned long)facts.f_type & 0xffffffffUL) ==
			    remote[i])
				return false;
#else
	(void)fd;
#endif
	return true;
}

int
kernel_mkdirat(int dir, const char *path, mode_t mode)
{
	return mkdirat(dir, path, mode);
}

int
kernel_unlinkat(int dir, const char *path, int flags)
{
	return unlinkat(dir, path, flags);
}

int
kernel_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	return linkat(from_dir, from, to_dir, to, 0);
}

int
kernel_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat(from_dir, from, to_dir, to);
}

int
kernel_renameat_new(int from_dir, const char *from, int to_dir, const char *to)
{
#if ON_LINUX && defined(SYS_renameat2)
	return (int)syscall(
	    SYS_renameat2, from_dir, from, to_dir, to, RENAME_NOREPLACE);
#else
	(void)from_dir;
	(void)from;
	(void)to_dir;
	(void)to;
	errno = ENOSYS; /* the caller links and unlinks */
	return -1;
#endif
}

int
kernel_unnamed_file(const char *directory)
{
#if ON_LINUX && defined(O_TMPFILE)
	return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
#else
	(void)directory;
	errno = EOPNOTSUPP; /* the caller makes a named one and unlinks it */
	return -1;
#endif
}

int
kernel_link_open(int fd, int to_dir, const char *to)
{
#if ON_LINUX
	/* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH. */
	char from[32];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, to_dir, to, AT_SYMLINK_FOLLOW);
#else
	(void)fd;
	(void)to_dir;
	(void)to;
	errno = ENOSYS; /* the caller copies */
	return -1;
#endif
}

ssize_t
kernel_readlinkat(int dir, const char *path, char *into, size_t size)
{
	return readlinkat(dir, path, into, size);
}

DIR *
kernel_fdopendir(int fd)
{
	return fdopendir(fd);
}

struct dirent *
kernel_readdir(DIR *dir)
{
	return readdir(dir);
}

int
kernel_closedir(DIR *dir)
{
	return closedir(dir);
}

int
kernel_pipe(int ends[2])
{
#if ON_LINUX
	return pipe2(ends, O_CLOEXEC);
#else
	if (pipe(ends) < 0)
		return -1;
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return 0;
#endif
}

int
kernel_dup2(int from, int to)
{
	return dup2(from, to);
}

pid_t
kernel_fork(void)
{
	return fork();
}

int
kernel_execve(const char *path, char *const argv[], char *const envp[])
{
	return execve(path, argv, envp);
}

pid_t
kernel_waitpid(pid_t pid, int *status, int options)
{
	return waitpid(pid, status, options);
}

int
kernel_kill(pid_t pid, int signal_number)
{
	return kill(pid, signal_number);
}

int
kernel_setgroups(size_t count, const gid_t *groups)
{
	return setgroups(count, groups);
}

int
kernel_setgid_for_good(gid_t gid)
{
	return setresgid(gid, gid, gid);
}

int
kernel_setuid_for_good(uid_t uid)
{
	return setresuid(uid, uid, uid);
}

int
kernel_getgids(gid_t *real, gid_t *effective, gid_t *saved)
{
	return getresgid(real, effective, saved);
}

int
kernel_getuids(uid_t *real, uid_t *effective, uid_t *saved)
{
	return getresuid(real, effective, saved);
}

int
kernel_seteuid(uid_t uid)
{
	return seteuid(uid);
}

pid_t
kernel_getpid(void)
{
	return getpid();
}

pid_t
kernel_getppid(void)
{
	return getppid();
}

/* Without close_range(2): one by one up to the limit, but never more than a
 * sane number of times when the limit is "infinite". */
static void
close_one_by_one(int first)
{
	struct rlimit limit;
	int last = 4096;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536)
		last = (int)limit.rlim_cur;
	for (int fd = first; fd < last; fd++)
		(void)close(fd);
}

pid_t
kernel_getsid(void)
{
	return getsid(0);
}

int
kernel_close_from(int first)
{
#if ON_LINUX && defined(SYS_close_range)
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return 0;
#endif
	close_one_by_one(first);
	return 0;
}

int
kernel_getrlimit(int which, struct rlimit *into)
{
	return getrlimit((RESOURCE)which, into);
}

int
kernel_setrlimit(int which, const struct rlimit *limit)
{
	return setrlimit((RESOURCE)which, limit);
}

void *
kernel_map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int
kernel_unmap(void *at, size_t size)
{
	return munmap(at, size);
}

int
kernel_clock(clockid_t clock, struct timespec *into)
{
#if ON_LINUX && defined(SYS_clock_gettime) && LONG_MAX > INT32_MAX
	/* libc would ask the vDSO, and to find its way in there costs a
	 * program that has just started as much as 20 calls of the system; a
	 * delivery makes five. */
	return (int)syscall(SYS_clock_gettime, clock, into);
#else
	return clock_gettime(clock, into);
#endif
}

int
kernel_boot_time(int64_t *seconds)
{
#if ON_LINUX
	struct timespec now, since;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &since) < 0)
		return -1;
	*seconds = (int64_t)now.tv_sec - (int64_t)since.tv_sec;
	return 0;
#else
	(void)seconds;
	errno = ENOSYS;
	return -1;
#endif
}

int
kernel_random(void *into, size_t size)
{
	ssize_t got;
	int fd;

#if ON_LINUX && defined(SYS_getrandom)
	if (syscall(SYS_getrandom, into, size, RANDOM_NONBLOCK) == (long)size)
		return 0;
#endif
	fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, into, size);
	(void)close(fd);
	return got == (ssize_t)size ? 0 : -1;
}

int
kernel_hostname(char *into, size_t size)
{
	into[0] = '\0';
	if (gethostname(into, size) < 0)
		return -1;
	into[size - 1] = '\0'; /* POSIX leaves a cut name without it */
	return 0;
}

int
kernel_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	return poll(fds, count, timeout_ms);
}

#if !ON_LINUX
/* Who has no ppoll(2) has this, for descriptors below FD_SETSIZE: a server
 * has closed all but a few before. */
static int
poll_by_select(struct pollfd *fds, nfds_t count, const struct timespec *most,
    sigset_t *open)
{
	fd_set in, out;
	int last = -1, ready;

	FD_ZERO(&in);
	FD_ZERO(&out);
	for (nfds_t i = 0; i < count; i++) {
		/* Never negative, which each libc's macros take. */
		uint16_t fd = (uint16_t)fds[i].fd;

		if (fds[i].fd < 0 || fds[i].fd >= FD_SETSIZE) {
			errno = EINVAL;
			return -1;
		}
		if ((fds[i].events & POLLIN) != 0)
			FD_SET(fd, &in);
		if ((fds[i].events & POLLOUT) != 0)
			FD_SET(fd, &out);
		if (fds[i].fd > last)
			last = fds[i].fd;
	}
	ready = pselect(last + 1, &in, &out, NULL, most, open);
	for (nfds_t i = 0; i < count && ready >= 0; i++) {
		uint16_t fd = (uint16_t)fds[i].fd;
		bool reads = ready > 0 && FD_ISSET(fd, &in);
		bool writes = ready > 0 && FD_ISSET(fd, &out);

		fds[i].revents =
		    (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
	}
	return ready;
}
#endif

int
kernel_poll_open(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec most = { .tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000 };
	sigset_t none;

	(void)sigemptyset(&none);
#if ON_LINUX
	return ppoll(fds, count, timeout_ms < 0 ? NULL : &most, &none);
#else
	return poll_by_select(fds, count, timeout_ms < 0 ? NULL : &most, &none);
#endif
}

int
kernel_close_on_exec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int
kernel_fchmodat(int dir, const char *path, mode_t mode)
{
	return fchmodat(dir, path, mode, 0);
}

int
kernel_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	return fchownat(dir, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

void *
kernel_map_shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int
kernel_map_read_only(void *at, size_t size)
{
	return mprotect(at, size, PROT_READ);
}

/* landlock(7) has the same numbers everywhere but on these two.  A compiler's
 * runtime that is linked in (INSTRUMENTED) opens files of its own. */
#if ON_LINUX && !defined(INSTRUMENTED) && !defined(__alpha__) &&               \
    !defined(__mips__)
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#define HAS_LANDLOCK 1
#else
#define HAS_LANDLOCK 0
#endif

/* LANDLOCK_RULE_PATH_BENEATH, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER. */
#define RULE_PATH_BENEATH 1
#define SET_NO_NEW_PRIVILEGES 38
#define MODE_FILTER 2UL

#if !ON_LINUX || !HAS_LANDLOCK
static int
no_such_call(void)
{
	errno = ENOSYS;
	return -1;
}
#endif

int
kernel_no_new_privileges(void)
{
#if ON_LINUX
	return prctl(SET_NO_NEW_PRIVILEGES, 1UL, 0UL, 0UL, 0UL);
#else
	return no_such_call();
#endif
}

int
kernel_landlock_rules(uint64_t handled)
{
#if HAS_LANDLOCK
	/* The kernel makes it close-on-exec. */
	return (int)syscall(
	    SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
#else
	(void)handled;
	return no_such_call();
#endif
}

int
kernel_landlock_allow(int rules, const char *path, uint64_t rights)
{
#if HAS_LANDLOCK
	struct {
		uint64_t rights;
		int32_t place;
	} __attribute__((packed)) rule = { .rights = rights };
	int result, kept;

	/* O_PATH: a directory may be passed through and not be read. */
	rule.place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.place < 0)
		return -1;
	result = (int)syscall(
	    SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0);
	kept = errno;
	(void)close(rule.place);
	errno = kept;
	return result;
#else
	(void)rules;
	(void)path;
	(void)rights;
	return no_such_call();
#endif
}

int
kernel_landlock_enter(int rules)
{
#if HAS_LANDLOCK
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
#else
	(void)rules;
	return no_such_call();
#endif
}

int
kernel_filter_calls(const struct call_filter_step *steps, size_t count)
{
#if ON_LINUX
	struct {
		unsigned short count;
		const struct call_filter_step *steps;
	} program = { .count = (unsigned short)count, .steps = steps };

	return prctl(PR_SET_SECCOMP, MODE_FILTER, &program, 0UL, 0UL);
#else
	(void)steps;
	(void)count;
	return no_such_call();
#endif
}

bool
kernel_isatty(int fd)
{
	return isatty(fd) == 1;
}
