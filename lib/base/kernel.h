/*
 * kernel.h - THE SEAM: every call that can fail for reasons outside of us.
 *
 * One function for one system call, same arguments, same errno, no policy.
 * Two implementations are chosen at link time: kernel*.c, the only files built
 * with _GNU_SOURCE, and tests/fault/kernel_fault*.c, which fail, interrupt
 * or kill at the n-th call and keep a ledger.  Nothing but base/sys*.c may
 * call these; what the rest of the program calls is in base/sys.h.
 */
#ifndef BASE_KERNEL_H
#define BASE_KERNEL_H

#include "base/call_filter.h"
#include "base/str.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* Files. */
int kernel_openat(int dir, const char *path, int flags, mode_t mode);
ssize_t kernel_read(int fd, void *into, size_t size);
ssize_t kernel_write(int fd, const void *from, size_t size);
ssize_t kernel_pread(int fd, void *into, size_t size, off_t offset);
int kernel_fsync(int fd);
int kernel_close(int fd);
int kernel_ftruncate(int fd, off_t length);
int kernel_reserve(int fd, off_t offset, off_t length);
int kernel_fstat(int fd, struct stat *into);
int kernel_fstatat(int dir, const char *path, struct stat *into, int flags);
int kernel_faccessat(int dir, const char *path, int mode, int flags);
int kernel_fchmod(int fd, mode_t mode);
int kernel_fchown(int fd, uid_t uid, gid_t gid);
int kernel_futimens(int fd, const struct timespec times[2]);
bool kernel_isatty(int fd);

/* Locks of the whole file, never waiting: EAGAIN or EACCES when somebody else
 * holds one.  fcntl's belong to the open file where the system has such (open
 * file description locks), else to the process. */
int kernel_lock_fcntl(int fd, bool lock);
int kernel_lock_flock(int fd, bool lock);
/* Whether the file system's server is this machine; true where unknown. */
bool kernel_is_local(int fd);

/* Names. */
int kernel_mkdirat(int dir, const char *path, mode_t mode);
int kernel_fchmodat(int dir, const char *path, mode_t mode);
int kernel_fchownat(int dir, const char *path, uid_t uid, gid_t gid);
int kernel_unlinkat(int dir, const char *path, int flags);
int kernel_linkat(int from_dir, const char *from, int to_dir, const char *to);
int kernel_renameat(int from_dir, const char *from, int to_dir, const char *to);
/* Never replaces to: EEXIST.  ENOSYS or EINVAL where the system or the file
 * system has no such call (renameat2(2)). */
int kernel_renameat_new(
    int from_dir, const char *from, int to_dir, const char *to);
/* A file without a name in directory, for reading and writing, mode 0600:
 * EOPNOTSUPP where the system or the file system has no such thing. */
int kernel_unnamed_file(const char *directory);
/* Gives an open file (one more) name; never replaces to.  ENOSYS as above. */
int kernel_link_open(int fd, int to_dir, const char *to);
ssize_t kernel_readlinkat(int dir, const char *path, char *into, size_t size);
DIR *kernel_fdopendir(int fd);
struct dirent *kernel_readdir(DIR *dir);
int kernel_closedir(DIR *dir);

/* Processes and their rights. */
int kernel_pipe(int ends[2]);       /* both ends close-on-exec */
int kernel_socketpair(int ends[2]); /* messages, close-on-exec */
int kernel_dup2(int from, int to);
pid_t kernel_fork(void);
int kernel_execve(const char *path, char *const argv[], char *const envp[]);
pid_t kernel_waitpid(pid_t pid, int *status, int options);
int kernel_kill(pid_t pid, int signal_number);
int kernel_setgroups(size_t count, const gid_t *groups);
int kernel_setgid_for_good(gid_t gid); /* real, effective and saved */
int kernel_setuid_for_good(uid_t uid);
int kernel_getgids(gid_t *real, gid_t *effective, gid_t *saved);
int kernel_getuids(uid_t *real, uid_t *effective, uid_t *saved);
int kernel_seteuid(uid_t uid);
pid_t kernel_getpid(void);
pid_t kernel_getppid(void);
pid_t kernel_getsid(void);        /* of this process */
int kernel_close_from(int first); /* every descriptor >= first */
/* What we were given at start is ours alone. */
int kernel_close_on_exec(int fd);
int kernel_getrlimit(int which, struct rlimit *into);
int kernel_setrlimit(int which, const struct rlimit *limit);

/* Memory, time, chance, names of the machine. */
void *kernel_map(size_t size);        /* zeroed private memory, or NULL */
void *kernel_map_shared(size_t size); /* the same, kept in common by forks */
int kernel_map_read_only(void *at, size_t size); /* in this process */
int kernel_unmap(void *at, size_t size);
int kernel_clock(clockid_t clock, struct timespec *into);
int kernel_boot_time(int64_t *seconds);       /* when this machine started */
int kernel_random(void *into, size_t size);   /* never blocks */
int kernel_hostname(char *into, size_t size); /* always NUL-terminated */
int kernel_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
/* The same with no signal blocked while it waits (ppoll(2)). */
int kernel_poll_open(struct pollfd *fds, nfds_t count, int timeout_ms);

/* A UNIX datagram socket, non-blocking, close-on-exec, not connected: whoever
 * has one line to say sends it with the address, and finds a receiver that was
 * started anew.  "@name" is a name in no file system. */
int kernel_datagram(void);
ssize_t kernel_send_to(
    int fd, const char *path, struct str head, struct str body);
/* Stream sockets, non-blocking, close-on-exec; EINPROGRESS is no error.  host
 * is a numeric address: nothing is asked of DNS. */
int kernel_stream_unix(const char *path);
int kernel_stream_inet(const char *host, uint16_t port);
/* The error that a connection in progress came to, 0 for none. */
int kernel_stream_error(int fd);
/* Never waits, whatever the socket is set to. */
ssize_t kernel_send(int fd, const void *from, size_t size);
/* One message with descriptors on a UNIX socket (SCM_RIGHTS); at most
 * KERNEL_DESCRIPTORS.  What is received is close-on-exec, *count of them. */
#define KERNEL_DESCRIPTORS 4
ssize_t kernel_send_descriptors(
    int fd, const void *from, size_t size, const int *fds, size_t count);
ssize_t kernel_receive_descriptors(
    int fd, void *into, size_t size, int *fds, size_t *count);

/* Listening stream sockets, close-on-exec, non-blocking.  The UNIX one is made
 * with mode 0700 & ~umask. */
int kernel_listen_unix(const char *path);
int kernel_listen_inet(const char *host, uint16_t port);
/* The next connection: blocking, close-on-exec. */
int kernel_accept(int fd);
/* Whether fd listens; false also for what is no socket. */
bool kernel_is_listening(int fd);
/* The numeric address at the other end; "" for a UNIX socket, or none. */
void kernel_peer(int fd, char *into, size_t size);

/*
 * What a process gives up for good (base/sandbox.h).  ENOSYS where the system
 * has no such thing.  Rules are a descriptor; bits that this kernel does not
 * know are EINVAL; a path that cannot be reached is its errno.
 */
int kernel_no_new_privileges(void);
int kernel_landlock_rules(uint64_t handled);
int kernel_landlock_allow(int rules, const char *path, uint64_t rights);
int kernel_landlock_enter(int rules);
int kernel_filter_calls(const struct call_filter_step *steps, size_t count);

#endif
