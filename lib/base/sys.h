/*
 * sys.h - the outside world, as the rest of the program calls it.
 *
 * The calls of kernel.h with one policy: an interrupted call (EINTR) is made
 * again until the deadline has passed or a signal asked us to end (stop.h);
 * from then on it fails with ETIMEDOUT or ECANCELED.  sys_fsync and
 * sys_close are never made twice: after a failure the kernel may have
 * forgotten what was not written, and a second try would lie.
 * All return what the call in the manual's section 2 returns, with errno.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include "base/attribute.h"
#include "base/call_filter.h"
#include "base/str.h"

#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* Files.  sys_openat always sets O_CLOEXEC and O_NOCTTY. */
int sys_openat(int dir, const char *path, int flags, mode_t mode) MUST_CHECK;
ssize_t sys_read(int fd, void *into, size_t size) MUST_CHECK;
/* Waits when the descriptor is non-blocking and has nothing yet: for input
 * that somebody feeds, never for a file that somebody planted. */
ssize_t sys_read_waiting(int fd, void *into, size_t size) MUST_CHECK;
/* One write(2): may be short, EAGAIN is not waited for. */
ssize_t sys_write(int fd, const void *from, size_t size) MUST_CHECK;
ssize_t sys_pread(int fd, void *into, size_t size, off_t offset) MUST_CHECK;
int sys_fsync(int fd) MUST_CHECK;
int sys_close(int fd);
int sys_ftruncate(int fd, off_t length) MUST_CHECK;

/* Room on the disk for length octets at offset, which may be behind the end;
 * the file's size stays.  EOPNOTSUPP where the file system cannot say. */
int sys_reserve(int fd, off_t offset, off_t length) MUST_CHECK;

int sys_fstat(int fd, struct stat *into) MUST_CHECK;
int sys_fstatat(
    int dir, const char *path, struct stat *into, int flags) MUST_CHECK;
int sys_faccessat(int dir, const char *path, int mode, int flags) MUST_CHECK;
int sys_fchmod(int fd, mode_t mode) MUST_CHECK;
int sys_fchown(int fd, uid_t uid, gid_t gid) MUST_CHECK;
int sys_futimens(int fd, const struct timespec times[2]) MUST_CHECK;
bool sys_isatty(int fd);

/* Locks of the whole file, never waiting: EAGAIN or EACCES when somebody else
 * holds one. */
int sys_lock_fcntl(int fd, bool lock) MUST_CHECK;
int sys_lock_flock(int fd, bool lock) MUST_CHECK;
bool sys_is_local(int fd);

/* Names. */
int sys_mkdirat(int dir, const char *path, mode_t mode) MUST_CHECK;
int sys_fchmodat(int dir, const char *path, mode_t mode) MUST_CHECK;
int sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid) MUST_CHECK;
int sys_unlinkat(int dir, const char *path, int flags);
int sys_linkat(
    int from_dir, const char *from, int to_dir, const char *to) MUST_CHECK;
/* Never replaces to; ENOSYS or EINVAL where it cannot be done at once. */
int sys_renameat_new(
    int from_dir, const char *from, int to_dir, const char *to) MUST_CHECK;
int sys_renameat(
    int from_dir, const char *from, int to_dir, const char *to) MUST_CHECK;
/* A file without a name in directory (O_RDWR, 0600); EOPNOTSUPP where there
 * is no such thing. */
int sys_unnamed_file(const char *directory) MUST_CHECK;
/* Gives an open file a name, never replacing one; ENOSYS, EXDEV and their like
 * where it cannot be done. */
int sys_link_open(int fd, int to_dir, const char *to) MUST_CHECK;
/* Always NUL-terminated; a longer link is an error (ENAMETOOLONG). */
int sys_readlink(const char *path, char *into, size_t size) MUST_CHECK;
DIR *sys_opendir(int dir, const char *path) MUST_CHECK;
struct dirent *sys_readdir(DIR *dir);
void sys_closedir(DIR *dir);

/* Processes and rights.  The "for good" ones set all three ids. */
int sys_pipe(int ends[2]) MUST_CHECK;
int sys_socketpair(int ends[2]) MUST_CHECK;
int sys_dup2(int from, int to) MUST_CHECK;
pid_t sys_fork(void) MUST_CHECK;
int sys_execve(const char *path, char *const argv[], char *const envp[]);
pid_t sys_waitpid(pid_t pid, int *status) MUST_CHECK;
/* Without waiting: 0 when it has not ended.  pid -1 is any child. */
pid_t sys_waitpid_now(pid_t pid, int *status) MUST_CHECK;
int sys_kill(pid_t pid, int signal_number);
int sys_setgroups(size_t count, const gid_t *groups) MUST_CHECK;
int sys_setgid_for_good(gid_t gid) MUST_CHECK;
int sys_setuid_for_good(uid_t uid) MUST_CHECK;
int sys_getgids(gid_t *real, gid_t *effective, gid_t *saved) MUST_CHECK;
int sys_getuids(uid_t *real, uid_t *effective, uid_t *saved) MUST_CHECK;
int sys_seteuid(uid_t uid) MUST_CHECK;
uid_t sys_uid(void); /* effective */
gid_t sys_gid(void); /* effective */
pid_t sys_getpid(void);
pid_t sys_getppid(void);
pid_t sys_getsid(void);
void sys_close_from(int first);
int sys_close_on_exec(int fd) MUST_CHECK;
int sys_getrlimit(int which, struct rlimit *into) MUST_CHECK;
int sys_setrlimit(int which, const struct rlimit *limit) MUST_CHECK;

/* Zeroed memory; NULL when there is none. */
void *sys_map(size_t size) MUST_CHECK;
void *sys_map_shared(size_t size) MUST_CHECK; /* kept in common by forks */
int sys_map_read_only(void *at, size_t size) MUST_CHECK;
void sys_unmap(void *at, size_t size);

/* Microseconds: of the calendar, and of a clock that never jumps.  A clock
 * that cannot be read is 0. */
int64_t sys_now_us(void);
int64_t sys_ticks_us(void);

/* When this machine started, in seconds of the calendar; 0: unknown. */
int64_t sys_boot_time(void);

/* Waits; less when a signal comes. */
void sys_sleep_ms(int milliseconds);

/* 64 unpredictable bits; clock and pid mixed where the system has none. */
uint64_t sys_random(void);

/* This machine's name; "localhost" when it cannot be told. */
void sys_hostname(char *into, size_t size);

int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms) MUST_CHECK;
/* One look: -1 with EINTR when a signal came, which the caller is for.  What
 * stop_hold holds is let in while it waits, and only then. */
int sys_poll_once(struct pollfd *fds, nfds_t count, int timeout_ms) MUST_CHECK;
/* A datagram socket, non-blocking, and one datagram, head and body, to the
 * socket at path. */
int sys_datagram(void) MUST_CHECK;
ssize_t sys_send_to(int fd, const char *path, struct str head, struct str body);
/* Stream sockets, non-blocking; see base/stream.h. */
int sys_stream_unix(const char *path) MUST_CHECK;
int sys_stream_inet(const char *host, uint16_t port) MUST_CHECK;
int sys_stream_error(int fd) MUST_CHECK;
ssize_t sys_send(int fd, const void *from, size_t size);
/* One message with at most SYS_DESCRIPTORS descriptors (SCM_RIGHTS). */
#define SYS_DESCRIPTORS 4
ssize_t sys_send_descriptors(int fd, const void *from, size_t size,
    const int *fds, size_t count) MUST_CHECK;
ssize_t sys_receive_descriptors(
    int fd, void *into, size_t size, int *fds, size_t *count) MUST_CHECK;
/* Listening and accepted sockets; kernel.h says how they are set. */
int sys_listen_unix(const char *path) MUST_CHECK;
int sys_listen_inet(const char *host, uint16_t port) MUST_CHECK;
int sys_accept(int fd) MUST_CHECK;
bool sys_is_listening(int fd);
void sys_peer(int fd, char *into, size_t size);

/* For base/sandbox.c; kernel.h says what they are. */
int sys_no_new_privileges(void) MUST_CHECK;
int sys_landlock_rules(uint64_t handled) MUST_CHECK;
int sys_landlock_allow(int rules, const char *path, uint64_t rights) MUST_CHECK;
int sys_landlock_enter(int rules) MUST_CHECK;
int sys_filter_calls(
    const struct call_filter_step *steps, size_t count) MUST_CHECK;

#endif
