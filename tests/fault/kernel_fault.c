/*
 * kernel_fault.c - the seam of base/kernel.h, failing as planned.
 *
 * The program is linked a second time with this in place of kernel.c and
 * kernel_socket.c (which are there too, as real_X).  Each call writes down
 * what it was asked and what it answered, and one rule of the plan may make it
 * fail, come short, be interrupted, hang, or be the last thing the process
 * does.  A process without LDA_FAULT_PLAN in its environment behaves like the
 * product.
 */
#define _GNU_SOURCE /* setresuid(2), setresgid(2) */
#include "plan.h"
#include "real.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
/* A crash that the plan asks for is the program's own affair from its first
 * call on, and a process that has changed its ids cannot be looked through for
 * what was not freed.  The sanitizer looks for a function of this name. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "handle_segv=0:detect_leaks=0";
}
#endif

/* Descriptors that are followed; the program holds a dozen at most. */
#define DESCRIPTORS 64

/* What ACT_TRICKLE lets through at a time: prime, so that no buffer's size
 * is a multiple of it. */
#define TRICKLE_OCTETS 7

static struct fault_plan *plan; /* NULL: pass through */
static unsigned process;
static unsigned ordinal;
static struct fault_record unwritten; /* stands in when there is no room */

/* What the rule has started in this process. */
static enum fault_call failing_on;
static int failing_error;
static int lost_error;
static bool failing_on_pipes;
static bool orphaned;
static bool just_interrupted;
static bool answer_is_lost;
static bool saved_id_stays;

static char opened[DESCRIPTORS][LEDGER_PATH];
static int opened_flags[DESCRIPTORS];

static void
remember(int fd, const char *path, int flags)
{
	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	(void)strncpy(opened[fd], path, LEDGER_PATH - 1);
	opened_flags[fd] = flags;
}

static void
forget(int fd)
{
	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	opened[fd][0] = '\0';
	opened_flags[fd] = 0;
}

static const char *
opened_as(int fd)
{
	return fd < 0 || fd >= DESCRIPTORS ? "" : opened[fd];
}

__attribute__((constructor)) static void
find_plan(void)
{
	const char *path = getenv(FAULT_PLAN_VARIABLE);
	void *at;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort(); /* a sweep that injects nothing proves nothing */
	at = mmap(
	    NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		abort();
	(void)close(fd);
	plan = at;
	process = atomic_fetch_add(&plan->processes, 1);
	remember(0, "(stdin)", O_RDONLY);
	remember(1, "(stdout)", O_WRONLY);
	remember(2, "(stderr)", O_WRONLY);
}

/* One name for one file: "a//b/./c/" is "a/b/c", "a/../b" is "b". */
static void
tidy(char *path)
{
	char *to = path, *from = path;
	size_t length;

	while (*from != '\0') {
		length = strcspn(from + 1, "/") + 1; /* "/name" */
		if (*from != '/') { /* a relative path's first part */
			length = strcspn(from, "/");
			memmove(to, from, length);
			to += length;
		} else if (length == 3 && strncmp(from, "/..", 3) == 0) {
			while (to > path && *--to != '/')
				;
		} else if (length > 1 && !(length == 2 && from[1] == '.')) {
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path && path[0] == '/')
		to++;
	*to = '\0';
}

static void
name_of(int dir, const char *path, char *into)
{
	size_t room = LEDGER_PATH - 1, used = 0;

	if (path == NULL)
		path = "(null)";
	if (path[0] != '/' && dir != AT_FDCWD) {
		used = strlen(opened_as(dir));
		memcpy(into, opened_as(dir), used);
		if (used < room)
			into[used++] = '/';
	}
	if (strlen(path) < room - used)
		room = used + strlen(path);
	memcpy(into + used, path, room - used);
	into[room] = '\0';
	tidy(into);
}

/* A new line of the ledger: this process now makes this call. */
static struct fault_record *
begin(enum fault_call call, int fd)
{
	struct fault_record *record = &unwritten;
	int kept = errno;
	unsigned at;

	ordinal++;
	if (plan != NULL) {
		at = atomic_fetch_add(&plan->records, 1);
		if (at < LEDGER_RECORDS)
			record = &plan->ledger[at];
	}
	memset(record, 0, sizeof(*record));
	record->call = call;
	record->process = process;
	record->ordinal = ordinal;
	record->pid = (int)getpid();
	record->fd = fd;
	if (fd >= 0 && fd < DESCRIPTORS) {
		memcpy(record->path, opened[fd], LEDGER_PATH);
		record->flags = opened_flags[fd];
	}
	errno = kept;
	return record;
}

static struct fault_record *
begin_name(enum fault_call call, int dir, const char *path)
{
	struct fault_record *record = begin(call, -1);

	name_of(dir, path, record->path);
	return record;
}

static bool
fail(struct fault_record *record, int error)
{
	record->injected = true;
	record->done = true;
	record->result = -1;
	record->error = error;
	errno = error;
	return true;
}

static bool
is_place_of(const struct fault_rule *rule)
{
	return rule->process == process && rule->ordinal == ordinal;
}

/* The rule whose place this call is; one that does nothing if there is none. */
static const struct fault_rule *
met(void)
{
	static const struct fault_rule none = { .action = ACT_NOT };

	if (plan == NULL)
		return &none;
	return is_place_of(&plan->rule) ? &plan->rule :
	    is_place_of(&plan->second)  ? &plan->second :
					  &none;
}

static void
send_myself(int signal_number)
{
	int kept = errno;

	(void)raise(signal_number); /* a sandbox keeps no kill(2) */
	errno = kept;
}

/* Standard input and output, pipes and sockets have such names. */
static bool
is_pipe(const struct fault_record *record)
{
	return record->path[0] == '(';
}

/* Until a signal.  Whoever sends it looks at injected first: none may fall
 * between that and the wait, which is one that a sandbox has. */
static void
hang(struct fault_record *record)
{
	sigset_t all, before;
	int kept = errno;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	record->injected = true;
	(void)real_poll_open(NULL, 0, -1);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = kept;
}

static int
signal_of(enum fault_action action)
{
	switch (action) {
	case ACT_TERM:
		return SIGTERM;
	case ACT_HUP:
		return SIGHUP;
	case ACT_INT:
		return SIGINT;
	default:
		return SIGSEGV;
	}
}

/* What the rule does at its own place.  True: the call is not made. */
static bool
rule_refuses(struct fault_record *record, const struct fault_rule *rule)
{
	switch (rule->action) {
	case ACT_FAIL_ON:
		failing_on = record->call;
		failing_on_pipes = is_pipe(record);
		failing_error = rule->error;
		return fail(record, rule->error);
	case ACT_FAIL:
		return fail(record, rule->error);
	case ACT_DONE_FAIL:
		answer_is_lost = true;
		lost_error = rule->error;
		return false;
	case ACT_KILL:
		record->injected = true;
		send_myself(SIGKILL);
		return false;
	case ACT_TERM:
	case ACT_HUP:
	case ACT_INT:
	case ACT_CRASH:
		record->injected = true;
		send_myself(signal_of(rule->action));
		return false;
	case ACT_STOP:
		record->injected = true;
		send_myself(SIGSTOP);
		return false;
	case ACT_LATE_HANG:
		send_myself(SIGTERM);
		hang(record);
		return fail(record, EINTR);
	case ACT_HANG:
	case ACT_HANG_TERM:
		hang(record);
		return fail(record, EINTR);
	case ACT_PRETEND:
		record->injected = true;
		record->done = true;
		return true; /* result is 0 */
	case ACT_SAVE:
		record->injected = true;
		saved_id_stays = true;
		return false;
	case ACT_ORPHAN:
		orphaned = true;
		return false;
	default:
		return false;
	}
}

/* Whether the call is not to be made but answered -1 (ACT_PRETEND: 0), errno
 * set.  The record must already say all that is known before the call. */
static bool
refused(struct fault_record *record)
{
	if (plan == NULL)
		return false;
	if (plan->call_limit > 0 && ordinal > plan->call_limit) {
		plan->ran_away = true;
		send_myself(SIGKILL);
	}
	if (plan->weather.action == ACT_FAIL_EVERY &&
	    plan->weather.call == record->call) {
		(void)fail(record, plan->weather.error);
		record->injected = false; /* the weather is nobody's fault */
		return true;
	}
	if (plan->rule.action == ACT_INTERRUPT_EACH &&
	    plan->interrupts[record->call]) {
		just_interrupted = !just_interrupted;
		if (just_interrupted)
			return fail(record, EINTR);
	}
	/* A disk that is full does not fill the pipes, too. */
	if (failing_on == record->call && failing_on_pipes == is_pipe(record))
		return fail(record, failing_error);
	return rule_refuses(record, met());
}

static intmax_t
end(struct fault_record *record, intmax_t result)
{
	record->happened = result >= 0;
	if (answer_is_lost) {
		answer_is_lost = false;
		if (result >= 0) {
			(void)fail(record, lost_error);
			return -1;
		}
	}
	record->result = result;
	if (result < 0)
		record->error = errno;
	record->done = true;
	return result;
}

/* Which file it is: names change, and a descriptor goes to other processes. */
static void
identify(struct fault_record *record, int fd)
{
	int kept = errno;
	struct stat facts;

	if (plan != NULL && plan->keeps_octets && fd >= 0 &&
	    real_fstat(fd, &facts) == 0)
		record->inode = (uint64_t)facts.st_ino;
	errno = kept;
}

/* What was written, and where. */
static void
keep_octets(struct fault_record *record, const void *from)
{
	size_t length = record->result > 0 ? (size_t)record->result : 0;
	int kept = errno;
	off_t behind;

	if (plan == NULL || !plan->keeps_octets || length == 0)
		return;
	identify(record, record->fd);
	behind = lseek(record->fd, 0, SEEK_CUR);
	record->offset = behind < 0 ? -1 : behind - (off_t)length;
	record->kept = atomic_fetch_add(&plan->octets_used, length);
	if (record->kept + length <= KEPT_OCTETS)
		memcpy(plan->octets + record->kept, from, length);
	errno = kept;
}

/* How much of size a read or write may move. */
static size_t
allowed(struct fault_record *record, size_t size)
{
	size_t most = size;

	/* A message of a SOCK_SEQPACKET socket moves whole or not at all, and
	 * so do a few octets on their way into a pipe. */
	if (plan == NULL || strcmp(record->path, "(socketpair)") == 0 ||
	    (record->call == CALL_WRITE && size <= PIPE_BUF &&
		strcmp(record->path, "(pipe)") == 0))
		return size;
	if (plan->rule.action == ACT_TRICKLE)
		most = TRICKLE_OCTETS;
	else if (met()->action == ACT_HALF || met()->action == ACT_TEAR)
		most = size / 2;
	else if (met()->action == ACT_ONE)
		most = 1;
	if (most == 0 || most >= size)
		return size;
	record->injected = true;
	return most;
}

int
kernel_openat(int dir, const char *path, int flags, mode_t mode)
{
	struct fault_record *record = begin_name(CALL_OPENAT, dir, path);
	int fd;

	record->flags = flags;
	if (refused(record))
		return -1;
	fd = real_openat(dir, path, flags, mode);
	if (fd >= 0)
		remember(fd, record->path, flags);
	record->fd = fd;
	identify(record, fd);
	if (end(record, fd) < 0 && fd >= 0) {
		(void)real_close(fd);
		forget(fd);
		errno = record->error;
		return -1;
	}
	return fd;
}

ssize_t
kernel_read(int fd, void *into, size_t size)
{
	struct fault_record *record = begin(CALL_READ, fd);

	if (refused(record))
		return -1;
	return (ssize_t)end(record, real_read(fd, into, allowed(record, size)));
}

ssize_t
kernel_write(int fd, const void *from, size_t size)
{
	struct fault_record *record = begin(CALL_WRITE, fd);
	ssize_t put;

	if (refused(record))
		return -1;
	put = (ssize_t)end(record, real_write(fd, from, allowed(record, size)));
	keep_octets(record, from);
	if (met()->action == ACT_TEAR)
		send_myself(SIGKILL);
	return put;
}

int
kernel_fsync(int fd)
{
	struct fault_record *record = begin(CALL_FSYNC, fd);

	identify(record, fd);
	if (refused(record))
		return -1;
	if (plan != NULL && plan->no_sync)
		return (int)end(record, fcntl(fd, F_GETFL) < 0 ? -1 : 0);
	return (int)end(record, real_fsync(fd));
}

/* A close that fails has closed all the same (Linux). */
int
kernel_close(int fd)
{
	struct fault_record *record = begin(CALL_CLOSE, fd);
	int result, kept;

	if (refused(record)) {
		kept = errno;
		(void)real_close(fd);
		errno = kept;
		result = -1;
	} else
		result = (int)end(record, real_close(fd));
	forget(fd);
	return result;
}

int
kernel_ftruncate(int fd, off_t length)
{
	struct fault_record *record = begin(CALL_FTRUNCATE, fd);

	identify(record, fd);
	record->offset = length;
	if (refused(record))
		return -1;
	return (int)end(record, real_ftruncate(fd, length));
}

int
kernel_reserve(int fd, off_t offset, off_t length)
{
	struct fault_record *record = begin(CALL_RESERVE, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_reserve(fd, offset, length));
}

int
kernel_fstat(int fd, struct stat *into)
{
	struct fault_record *record = begin(CALL_FSTAT, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_fstat(fd, into));
}

int
kernel_fstatat(int dir, const char *path, struct stat *into, int flags)
{
	struct fault_record *record = begin_name(CALL_FSTATAT, dir, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_fstatat(dir, path, into, flags));
}

int
kernel_faccessat(int dir, const char *path, int mode, int flags)
{
	struct fault_record *record = begin_name(CALL_FACCESSAT, dir, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_faccessat(dir, path, mode, flags));
}

int
kernel_fchmod(int fd, mode_t mode)
{
	struct fault_record *record = begin(CALL_FCHMOD, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_fchmod(fd, mode));
}

int
kernel_fchown(int fd, uid_t uid, gid_t gid)
{
	struct fault_record *record = begin(CALL_FCHOWN, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_fchown(fd, uid, gid));
}

int
kernel_futimens(int fd, const struct timespec times[2])
{
	struct fault_record *record = begin(CALL_FUTIMENS, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_futimens(fd, times));
}

int
kernel_lock_fcntl(int fd, bool lock)
{
	struct fault_record *record = begin(CALL_LOCK_FCNTL, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_lock_fcntl(fd, lock));
}

int
kernel_lock_flock(int fd, bool lock)
{
	struct fault_record *record = begin(CALL_LOCK_FLOCK, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_lock_flock(fd, lock));
}

bool
kernel_is_local(int fd)
{
	struct fault_record *record = begin(CALL_IS_LOCAL, fd);

	(void)refused(record);
	return end(record, real_is_local(fd) ? 1 : 0) == 1;
}

int
kernel_mkdirat(int dir, const char *path, mode_t mode)
{
	struct fault_record *record = begin_name(CALL_MKDIRAT, dir, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_mkdirat(dir, path, mode));
}

int
kernel_unlinkat(int dir, const char *path, int flags)
{
	struct fault_record *record = begin_name(CALL_UNLINKAT, dir, path);

	record->flags = flags;
	if (refused(record))
		return -1;
	return (int)end(record, real_unlinkat(dir, path, flags));
}

/* The line of a call that gives a file a second or a new name. */
static struct fault_record *
begin_two(enum fault_call call, int from_dir, const char *from, int to_dir,
    const char *to)
{
	struct fault_record *record = begin_name(call, from_dir, from);

	name_of(to_dir, to, record->other);
	return record;
}

int
kernel_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_record *record =
	    begin_two(CALL_LINKAT, from_dir, from, to_dir, to);

	if (refused(record))
		return -1;
	return (int)end(record, real_linkat(from_dir, from, to_dir, to));
}

int
kernel_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_record *record =
	    begin_two(CALL_RENAMEAT, from_dir, from, to_dir, to);

	if (refused(record))
		return -1;
	return (int)end(record, real_renameat(from_dir, from, to_dir, to));
}

int
kernel_renameat_new(int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_record *record =
	    begin_two(CALL_RENAMEAT_NEW, from_dir, from, to_dir, to);

	if (refused(record))
		return -1;
	return (int)end(record, real_renameat_new(from_dir, from, to_dir, to));
}

ssize_t
kernel_readlinkat(int dir, const char *path, char *into, size_t size)
{
	struct fault_record *record = begin_name(CALL_READLINKAT, dir, path);

	if (refused(record))
		return -1;
	return (ssize_t)end(record, real_readlinkat(dir, path, into, size));
}

DIR *
kernel_fdopendir(int fd)
{
	struct fault_record *record = begin(CALL_FDOPENDIR, fd);
	DIR *dir;

	if (refused(record))
		return NULL;
	dir = real_fdopendir(fd);
	(void)end(record, dir == NULL ? -1 : 0);
	return dir;
}

/* An end of the directory is result 0, an entry 1. */
struct dirent *
kernel_readdir(DIR *dir)
{
	struct fault_record *record = begin(CALL_READDIR, dirfd(dir));
	struct dirent *entry;
	int kept = errno;

	if (refused(record))
		return NULL;
	errno = 0;
	entry = real_readdir(dir);
	if (entry != NULL)
		(void)strncpy(record->other, entry->d_name, LEDGER_PATH - 1);
	(void)end(record, entry != NULL ? 1 : errno == 0 ? 0 : -1);
	if (errno == 0)
		errno = kept;
	return entry;
}

int
kernel_closedir(DIR *dir)
{
	int fd = dirfd(dir), kept;
	struct fault_record *record = begin(CALL_CLOSEDIR, fd);

	forget(fd);
	if (refused(record)) {
		kept = errno;
		(void)real_closedir(dir);
		errno = kept;
		return -1;
	}
	return (int)end(record, real_closedir(dir));
}

int
kernel_pipe(int ends[2])
{
	struct fault_record *record = begin(CALL_PIPE, -1);

	if (refused(record))
		return -1;
	if (end(record, real_pipe(ends)) < 0)
		return -1;
	remember(ends[0], "(pipe)", O_RDONLY);
	remember(ends[1], "(pipe)", O_WRONLY);
	return 0;
}

int
kernel_socketpair(int ends[2])
{
	struct fault_record *record = begin(CALL_SOCKETPAIR, -1);

	if (refused(record))
		return -1;
	if (end(record, real_socketpair(ends)) < 0)
		return -1;
	remember(ends[0], "(socketpair)", O_RDWR);
	remember(ends[1], "(socketpair)", O_RDWR);
	return 0;
}

int
kernel_dup2(int from, int to)
{
	struct fault_record *record = begin(CALL_DUP2, from);
	int fd;

	if (refused(record))
		return -1;
	fd = real_dup2(from, to);
	if (fd >= 0 && from >= 0 && from < DESCRIPTORS && from != to)
		remember(fd, opened[from], opened_flags[from]);
	return (int)end(record, fd);
}

pid_t
kernel_fork(void)
{
	struct fault_record *record = begin(CALL_FORK, -1);
	unsigned next = 0;
	pid_t child;

	if (refused(record))
		return -1;
	if (plan != NULL)
		next = atomic_fetch_add(&plan->processes, 1);
	child = real_fork();
	if (child == 0) {
		process = next;
		ordinal = 0;
		just_interrupted = false;
		return 0;
	}
	return (pid_t)end(record, child);
}

int
kernel_execve(const char *path, char *const argv[], char *const envp[])
{
	struct fault_record *record = begin_name(CALL_EXECVE, AT_FDCWD, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_execve(path, argv, envp));
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
	struct fault_record *record = begin(CALL_WAITPID, -1);

	if (refused(record))
		return -1;
	if (plan != NULL && (options & WNOHANG) != 0)
		return (pid_t)end(record, wait_a_while(pid, status));
	return (pid_t)end(record, real_waitpid(pid, status, options));
}

int
kernel_kill(pid_t pid, int signal_number)
{
	struct fault_record *record = begin(CALL_KILL, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_kill(pid, signal_number));
}

int
kernel_setgroups(size_t count, const gid_t *groups)
{
	struct fault_record *record = begin(CALL_SETGROUPS, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_setgroups(count, groups));
}

int
kernel_setgid_for_good(gid_t gid)
{
	struct fault_record *record = begin(CALL_SETGID, -1);

	if (refused(record))
		return (int)record->result;
	if (saved_id_stays) {
		saved_id_stays = false;
		return (int)end(record, setresgid(gid, gid, (gid_t)-1));
	}
	return (int)end(record, real_setgid_for_good(gid));
}

int
kernel_setuid_for_good(uid_t uid)
{
	struct fault_record *record = begin(CALL_SETUID, -1);

	if (refused(record))
		return (int)record->result;
	if (saved_id_stays) {
		saved_id_stays = false;
		return (int)end(record, setresuid(uid, uid, (uid_t)-1));
	}
	return (int)end(record, real_setuid_for_good(uid));
}

int
kernel_getgids(gid_t *real, gid_t *effective, gid_t *saved)
{
	struct fault_record *record = begin(CALL_GETGIDS, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_getgids(real, effective, saved));
}

int
kernel_getuids(uid_t *real, uid_t *effective, uid_t *saved)
{
	struct fault_record *record = begin(CALL_GETUIDS, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_getuids(real, effective, saved));
}

int
kernel_seteuid(uid_t uid)
{
	struct fault_record *record = begin(CALL_SETEUID, -1);

	if (refused(record))
		return (int)record->result;
	return (int)end(record, real_seteuid(uid));
}

/* The next two never fail: a rule may only kill here. */
pid_t
kernel_getpid(void)
{
	struct fault_record *record = begin(CALL_GETPID, -1);

	(void)refused(record);
	return (pid_t)end(record, real_getpid());
}

pid_t
kernel_getppid(void)
{
	struct fault_record *record = begin(CALL_GETPPID, -1);
	pid_t parent = real_getppid();

	(void)refused(record);
	if (orphaned) {
		record->injected = true;
		parent = parent == 1 ? 2 : 1;
	}
	return (pid_t)end(record, parent);
}

int
kernel_close_from(int first)
{
	struct fault_record *record = begin(CALL_CLOSE_FROM, -1);

	if (refused(record))
		return -1;
	for (int fd = first; fd < DESCRIPTORS; fd++)
		forget(fd);
	return (int)end(record, real_close_from(first));
}

int
kernel_getrlimit(int which, struct rlimit *into)
{
	struct fault_record *record = begin(CALL_GETRLIMIT, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_getrlimit(which, into));
}

int
kernel_setrlimit(int which, const struct rlimit *limit)
{
	struct fault_record *record = begin(CALL_SETRLIMIT, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_setrlimit(which, limit));
}

void *
kernel_map(size_t size)
{
	struct fault_record *record = begin(CALL_MAP, -1);
	void *at;

	if (refused(record))
		return NULL;
	at = real_map(size);
	(void)end(record, at == NULL ? -1 : 0);
	return at;
}

int
kernel_clock(clockid_t clock, struct timespec *into)
{
	struct fault_record *record = begin(CALL_CLOCK, -1);

	if (refused(record))
		return -1;
	if (end(record, real_clock(clock, into)) < 0)
		return -1;
	if (plan != NULL && clock == CLOCK_REALTIME)
		into->tv_sec += (time_t)plan->ahead_seconds;
	if (plan != NULL) {
		long long slept_ms = plan->slept_ms;

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
	struct fault_record *record = begin(CALL_BOOT_TIME, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_boot_time(seconds));
}

int
kernel_random(void *into, size_t size)
{
	struct fault_record *record = begin(CALL_RANDOM, -1);

	if (refused(record))
		return -1;
	if (plan != NULL && plan->fixed_random) {
		memset(into, plan->random_octet, size);
		return (int)end(record, 0);
	}
	return (int)end(record, real_random(into, size));
}

int
kernel_hostname(char *into, size_t size)
{
	struct fault_record *record = begin(CALL_HOSTNAME, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_hostname(into, size));
}

int
kernel_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct fault_record *record =
	    begin(CALL_POLL, count > 0 ? fds[0].fd : -1);

	if (refused(record))
		return -1;
	if (plan != NULL && plan->no_sleep && count == 0 && timeout_ms > 0) {
		plan->slept_ms += timeout_ms;
		return (int)end(record, 0);
	}
	return (int)end(record, real_poll(fds, count, timeout_ms));
}

int
kernel_poll_open(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct fault_record *record =
	    begin(CALL_POLL_OPEN, count > 0 ? fds[0].fd : -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_poll_open(fds, count, timeout_ms));
}

int
kernel_datagram(void)
{
	struct fault_record *record = begin(CALL_DATAGRAM, -1);
	int fd;

	if (refused(record))
		return -1;
	fd = real_datagram();
	if (fd >= 0)
		remember(fd, "(log)", O_WRONLY);
	record->fd = fd;
	return (int)end(record, fd);
}

ssize_t
kernel_send(int fd, const void *from, size_t size)
{
	struct fault_record *record = begin(CALL_SEND, fd);

	if (refused(record))
		return -1;
	(void)end(record, real_send(fd, from, size));
	keep_octets(record, from);
	return (ssize_t)record->result;
}

ssize_t
kernel_send_to(int fd, const char *path, struct str head, struct str body)
{
	struct fault_record *record = begin(CALL_SEND_TO, fd);

	if (refused(record))
		return -1;
	return (ssize_t)end(record, real_send_to(fd, path, head, body));
}

bool
kernel_isatty(int fd)
{
	struct fault_record *record = begin(CALL_ISATTY, fd);

	if (refused(record))
		return false;
	return end(record, real_isatty(fd) ? 1 : 0) == 1;
}

ssize_t
kernel_pread(int fd, void *into, size_t size, off_t offset)
{
	struct fault_record *record = begin(CALL_PREAD, fd);

	if (refused(record))
		return -1;
	return (ssize_t)end(
	    record, real_pread(fd, into, allowed(record, size), offset));
}

int
kernel_stream_unix(const char *path)
{
	struct fault_record *record =
	    begin_name(CALL_STREAM_UNIX, AT_FDCWD, path);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_stream_unix(path));
	if (fd >= 0)
		remember(fd, path, O_RDWR);
	return fd;
}

int
kernel_stream_inet(const char *host, uint16_t port)
{
	struct fault_record *record = begin(CALL_STREAM_INET, -1);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_stream_inet(host, port));
	if (fd >= 0)
		remember(fd, host, O_RDWR);
	return fd;
}

int
kernel_stream_error(int fd)
{
	struct fault_record *record = begin(CALL_STREAM_ERROR, fd);

	if (refused(record))
		return errno;
	return (int)end(record, real_stream_error(fd));
}

pid_t
kernel_getsid(void)
{
	return real_getsid();
}

int
kernel_unmap(void *at, size_t size)
{
	struct fault_record *record = begin(CALL_UNMAP, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_unmap(at, size));
}

/* Nobody else sees it, so its name in the ledger only has to be one. */
int
kernel_unnamed_file(const char *directory)
{
	struct fault_record *record =
	    begin_name(CALL_UNNAMED_FILE, AT_FDCWD, directory);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_unnamed_file(directory));
	record->fd = fd;
	identify(record, fd);
	if (fd >= 0)
		remember(fd, "(unnamed)", O_RDWR);
	return fd;
}

int
kernel_link_open(int fd, int to_dir, const char *to)
{
	struct fault_record *record = begin(CALL_LINK_OPEN, fd);

	identify(record, fd);
	name_of(to_dir, to, record->other);
	if (refused(record))
		return -1;
	return (int)end(record, real_link_open(fd, to_dir, to));
}

ssize_t
kernel_send_descriptors(
    int fd, const void *from, size_t size, const int *fds, size_t count)
{
	struct fault_record *record = begin(CALL_SEND_DESCRIPTORS, fd);

	if (refused(record))
		return -1;
	return (ssize_t)end(
	    record, real_send_descriptors(fd, from, size, fds, count));
}

ssize_t
kernel_receive_descriptors(
    int fd, void *into, size_t size, int *fds, size_t *count)
{
	struct fault_record *record = begin(CALL_RECEIVE_DESCRIPTORS, fd);
	ssize_t got;

	*count = 0;
	if (refused(record))
		return -1;
	got = (ssize_t)end(
	    record, real_receive_descriptors(fd, into, size, fds, count));
	for (size_t i = 0; i < *count; i++)
		remember(fds[i], "(received)", O_RDWR);
	return got;
}

int
kernel_listen_unix(const char *path)
{
	struct fault_record *record =
	    begin_name(CALL_LISTEN_UNIX, AT_FDCWD, path);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_listen_unix(path));
	if (fd >= 0)
		remember(fd, "(socket)", O_RDWR);
	return fd;
}

int
kernel_listen_inet(const char *host, uint16_t port)
{
	struct fault_record *record = begin(CALL_LISTEN_INET, -1);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_listen_inet(host, port));
	if (fd >= 0)
		remember(fd, "(socket)", O_RDWR);
	return fd;
}

int
kernel_accept(int listener)
{
	struct fault_record *record = begin(CALL_ACCEPT, -1);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_accept(listener));
	if (fd >= 0)
		remember(fd, "(socket)", O_RDWR);
	return fd;
}

bool
kernel_is_listening(int fd)
{
	return real_is_listening(fd);
}

void
kernel_peer(int fd, char *into, size_t size)
{
	real_peer(fd, into, size);
}

int
kernel_close_on_exec(int fd)
{
	struct fault_record *record = begin(CALL_CLOSE_ON_EXEC, fd);

	if (refused(record))
		return -1;
	return (int)end(record, real_close_on_exec(fd));
}

int
kernel_fchmodat(int dir, const char *path, mode_t mode)
{
	struct fault_record *record = begin_name(CALL_FCHMODAT, dir, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_fchmodat(dir, path, mode));
}

int
kernel_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	struct fault_record *record = begin_name(CALL_FCHOWNAT, dir, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_fchownat(dir, path, uid, gid));
}

void *
kernel_map_shared(size_t size)
{
	struct fault_record *record = begin(CALL_MAP_SHARED, -1);
	void *at;

	if (refused(record))
		return NULL;
	at = real_map_shared(size);
	(void)end(record, at == NULL ? -1 : 0);
	return at;
}

int
kernel_map_read_only(void *at, size_t size)
{
	struct fault_record *record = begin(CALL_MAP_READ_ONLY, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_map_read_only(at, size));
}

int
kernel_no_new_privileges(void)
{
	struct fault_record *record = begin(CALL_NO_NEW_PRIVILEGES, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_no_new_privileges());
}

int
kernel_landlock_rules(uint64_t handled)
{
	struct fault_record *record = begin(CALL_LANDLOCK_RULES, -1);
	int fd;

	if (refused(record))
		return -1;
	fd = (int)end(record, real_landlock_rules(handled));
	if (fd >= 0)
		remember(fd, "(rules)", O_RDONLY);
	return fd;
}

int
kernel_landlock_allow(int rules, const char *path, uint64_t rights)
{
	struct fault_record *record =
	    begin_name(CALL_LANDLOCK_ALLOW, AT_FDCWD, path);

	if (refused(record))
		return -1;
	return (int)end(record, real_landlock_allow(rules, path, rights));
}

int
kernel_landlock_enter(int rules)
{
	struct fault_record *record = begin(CALL_LANDLOCK_ENTER, rules);

	if (refused(record))
		return -1;
	return (int)end(record, real_landlock_enter(rules));
}

int
kernel_filter_calls(const struct call_filter_step *steps, size_t count)
{
	struct fault_record *record = begin(CALL_FILTER_CALLS, -1);

	if (refused(record))
		return -1;
	return (int)end(record, real_filter_calls(steps, count));
}
