/*
 * calls.c - the calls of the seam by name, and how each can fail.
 *
 * Source: the manuals' section 2, NFS (ESTALE), reference reliability 3 (a).
 */
#include "calls.h"

#include "base/attribute.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct call_row rows[] = {
	{ CALL_OPENAT, "openat", CALL_WAITS,
	    { EACCES, ENOENT, EMFILE, ENFILE, ENOSPC, EDQUOT, EIO, ELOOP, EROFS,
		ESTALE, EEXIST, ENOTDIR } },
	{ CALL_READ, "read", CALL_WAITS | CALL_MOVES,
	    { EIO, ESTALE, EISDIR, EAGAIN } },
	{ CALL_WRITE, "write", CALL_WAITS | CALL_MOVES,
	    { ENOSPC, EDQUOT, EIO, EFBIG, EPIPE, ESTALE } },
	{ CALL_FSYNC, "fsync", CALL_WAITS,
	    { EIO, ENOSPC, EDQUOT, EROFS, EINVAL } },
	{ CALL_CLOSE, "close", CALL_WAITS, { EIO, ENOSPC, EDQUOT } },
	{ CALL_FTRUNCATE, "ftruncate", CALL_WAITS, { EIO, EINVAL } },
	{ CALL_RESERVE, "reserve", CALL_WAITS,
	    { ENOSPC, EDQUOT, EIO, EOPNOTSUPP } },
	{ CALL_FSTAT, "fstat", CALL_WAITS, { EIO, ESTALE, EOVERFLOW } },
	{ CALL_FSTATAT, "fstatat", CALL_WAITS,
	    { EACCES, ENOENT, EIO, ELOOP, ESTALE, ENOTDIR, ENOMEM } },
	{ CALL_FACCESSAT, "faccessat", CALL_WAITS,
	    { EACCES, ENOENT, EIO, EROFS, ESTALE } },
	{ CALL_FCHMOD, "fchmod", CALL_WAITS, { EPERM, EIO, EROFS } },
	{ CALL_FCHOWN, "fchown", CALL_WAITS, { EPERM, EIO } },
	{ CALL_FUTIMENS, "futimens", CALL_WAITS, { EPERM, EIO } },
	{ CALL_LOCK_FCNTL, "lock_fcntl", CALL_WAITS,
	    { EAGAIN, ENOLCK, EDEADLK } },
	{ CALL_LOCK_FLOCK, "lock_flock", CALL_WAITS, { EAGAIN, ENOLCK } },
	{ CALL_IS_LOCAL, "is_local", 0, { 0 } },
	{ CALL_MKDIRAT, "mkdirat", CALL_WAITS,
	    { EACCES, EEXIST, EMLINK, ENOENT, ENOSPC, EDQUOT, EROFS, EIO,
		ESTALE } },
	{ CALL_UNLINKAT, "unlinkat", CALL_WAITS,
	    { EIO, EACCES, ENOENT, EROFS } },
	{ CALL_LINKAT, "linkat", CALL_WAITS,
	    { EEXIST, EXDEV, EMLINK, EPERM, ENOSPC, EDQUOT, EIO, ESTALE, EACCES,
		ENOENT } },
	{ CALL_RENAMEAT, "renameat", CALL_WAITS,
	    { EXDEV, EPERM, ENOSPC, EDQUOT, EIO, ESTALE, EACCES, ENOENT } },
	{ CALL_RENAMEAT_NEW, "renameat_new", CALL_WAITS,
	    { EEXIST, EXDEV, EMLINK, EPERM, ENOSPC, EDQUOT, EIO, ENOSYS, EINVAL,
		ESTALE, EACCES, ENOENT } },
	{ CALL_READLINKAT, "readlinkat", CALL_WAITS, { EACCES, EIO, EINVAL } },
	{ CALL_FDOPENDIR, "fdopendir", 0, { ENOMEM } },
	{ CALL_READDIR, "readdir", 0, { EIO } },
	{ CALL_CLOSEDIR, "closedir", 0, { EIO } },
	{ CALL_PIPE, "pipe", 0, { EMFILE, ENFILE } },
	{ CALL_SOCKETPAIR, "socketpair", 0, { EMFILE, ENFILE } },
	{ CALL_DUP2, "dup2", CALL_WAITS, { EMFILE, EBUSY } },
	{ CALL_FORK, "fork", 0, { EAGAIN, ENOMEM } },
	{ CALL_EXECVE, "execve", 0, { ENOENT, EACCES, ENOMEM } },
	{ CALL_WAITPID, "waitpid", CALL_WAITS, { ECHILD } },
	{ CALL_KILL, "kill", 0, { ESRCH } },
	{ CALL_SETGROUPS, "setgroups", 0, { EPERM, ENOMEM } },
	{ CALL_SETGID, "setgid_for_good", 0, { EPERM, EAGAIN } },
	{ CALL_SETUID, "setuid_for_good", 0, { EPERM, EAGAIN } },
	{ CALL_GETGIDS, "getgids", 0, { EFAULT } },
	{ CALL_GETUIDS, "getuids", 0, { EFAULT } },
	{ CALL_SETEUID, "seteuid", 0, { EPERM } },
	{ CALL_GETPID, "getpid", 0, { 0 } },
	{ CALL_GETPPID, "getppid", 0, { 0 } },
	{ CALL_CLOSE_FROM, "close_from", 0, { EINVAL } },
	{ CALL_GETRLIMIT, "getrlimit", 0, { EINVAL } },
	{ CALL_SETRLIMIT, "setrlimit", 0, { EPERM, EINVAL } },
	{ CALL_MAP, "map", 0, { ENOMEM } },
	{ CALL_CLOCK, "clock", 0, { ENOSYS } },
	{ CALL_BOOT_TIME, "boot_time", 0, { ENOSYS } },
	{ CALL_PREAD, "pread", CALL_WAITS | CALL_MOVES, { EIO, ESTALE } },
	{ CALL_STREAM_UNIX, "stream_unix", 0,
	    { EACCES, ENOENT, ECONNREFUSED, EAGAIN, EMFILE } },
	{ CALL_STREAM_INET, "stream_inet", 0, { ECONNREFUSED, EMFILE } },
	{ CALL_STREAM_ERROR, "stream_error", 0, { ECONNREFUSED } },
	{ CALL_RANDOM, "random", 0, { ENOSYS, EAGAIN } },
	{ CALL_HOSTNAME, "hostname", 0, { EINVAL } },
	{ CALL_POLL, "poll", CALL_WAITS, { ENOMEM, EINVAL } },
	{ CALL_POLL_OPEN, "poll_open", CALL_WAITS, { ENOMEM, EINVAL } },
	{ CALL_DATAGRAM, "datagram", 0, { EMFILE, ENOBUFS } },
	{ CALL_SEND, "send", CALL_WAITS, { EAGAIN, ECONNREFUSED, ENOBUFS } },
	{ CALL_SEND_TO, "send_to", CALL_WAITS,
	    { EAGAIN, ENOENT, ECONNREFUSED, EACCES, ENOBUFS, EMSGSIZE } },
	{ CALL_ISATTY, "isatty", 0, { 0 } },
	{ CALL_UNMAP, "unmap", 0, { ENOMEM } },
	{ CALL_UNNAMED_FILE, "unnamed_file", CALL_WAITS,
	    { EOPNOTSUPP, EACCES, ENOENT, EMFILE, ENOSPC, EDQUOT, EIO, EROFS,
		EISDIR } },
	{ CALL_LINK_OPEN, "link_open", CALL_WAITS,
	    { EXDEV, ENOENT, EMLINK, EPERM, ENOSPC, EDQUOT, EIO, ENOSYS,
		EEXIST } },
	{ CALL_SEND_DESCRIPTORS, "send_descriptors", CALL_WAITS,
	    { EPIPE, ENOBUFS, EMSGSIZE } },
	{ CALL_RECEIVE_DESCRIPTORS, "receive_descriptors", CALL_WAITS,
	    { ECONNRESET, EMFILE } },
	{ CALL_LISTEN_UNIX, "listen_unix", 0, { EADDRINUSE, EACCES, EMFILE } },
	{ CALL_LISTEN_INET, "listen_inet", 0, { EADDRINUSE, EACCES, EMFILE } },
	{ CALL_ACCEPT, "accept", CALL_WAITS,
	    { EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOBUFS } },
	{ CALL_CLOSE_ON_EXEC, "close_on_exec", 0, { EBADF } },
	{ CALL_FCHMODAT, "fchmodat", CALL_WAITS, { EPERM, EIO, EROFS } },
	{ CALL_FCHOWNAT, "fchownat", CALL_WAITS, { EPERM, EIO, EROFS } },
	{ CALL_MAP_SHARED, "map_shared", 0, { ENOMEM } },
	{ CALL_MAP_READ_ONLY, "map_read_only", 0, { ENOMEM } },
	{ CALL_NO_NEW_PRIVILEGES, "no_new_privileges", 0,
	    { ENOSYS, EINVAL, EPERM } },
	{ CALL_LANDLOCK_RULES, "landlock_rules", 0,
	    { ENOSYS, EOPNOTSUPP, EINVAL, EPERM, EMFILE, ENOMEM } },
	{ CALL_LANDLOCK_ALLOW, "landlock_allow", CALL_WAITS,
	    { ENOENT, EACCES, EINVAL, EBADFD, EMFILE, ENOMEM, ESTALE, EIO,
		ELOOP, ENOSYS } },
	{ CALL_LANDLOCK_ENTER, "landlock_enter", 0,
	    { ENOSYS, EPERM, E2BIG, EINVAL, ENOMEM } },
	{ CALL_FILTER_CALLS, "filter_calls", 0,
	    { ENOSYS, EINVAL, EACCES, EPERM, ENOMEM } },
};

static const struct {
	int error;
	const char *name;
} errors[] = {
	{ E2BIG, "E2BIG" },
	{ EACCES, "EACCES" },
	{ EAGAIN, "EAGAIN" },
	{ EBADFD, "EBADFD" },
	{ EBUSY, "EBUSY" },
	{ ECHILD, "ECHILD" },
	{ ECONNREFUSED, "ECONNREFUSED" },
	{ EDEADLK, "EDEADLK" },
	{ EDQUOT, "EDQUOT" },
	{ EEXIST, "EEXIST" },
	{ EFAULT, "EFAULT" },
	{ EFBIG, "EFBIG" },
	{ EINTR, "EINTR" },
	{ EINVAL, "EINVAL" },
	{ EIO, "EIO" },
	{ EISDIR, "EISDIR" },
	{ ELOOP, "ELOOP" },
	{ EMFILE, "EMFILE" },
	{ EMLINK, "EMLINK" },
	{ EMSGSIZE, "EMSGSIZE" },
	{ ENFILE, "ENFILE" },
	{ ENOBUFS, "ENOBUFS" },
	{ ENOENT, "ENOENT" },
	{ ENOLCK, "ENOLCK" },
	{ ENOMEM, "ENOMEM" },
	{ ENOSPC, "ENOSPC" },
	{ ENOSYS, "ENOSYS" },
	{ ENOTDIR, "ENOTDIR" },
	{ EOPNOTSUPP, "EOPNOTSUPP" },
	{ EOVERFLOW, "EOVERFLOW" },
	{ EPERM, "EPERM" },
	{ EPIPE, "EPIPE" },
	{ EROFS, "EROFS" },
	{ ESPIPE, "ESPIPE" },
	{ ESRCH, "ESRCH" },
	{ ESTALE, "ESTALE" },
	{ EXDEV, "EXDEV" },
};

const struct call_row *
call_row(enum fault_call call)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].call == call)
			return &rows[i];
	abort(); /* a call of the seam without a row */
}

static bool
ends(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

bool
call_can_fail(const struct fault_record *record, int error)
{
	bool creates = (record->flags & O_CREAT) != 0;

	switch (record->call) {
	case CALL_OPENAT:
		/* "There is none" is an answer, and another scenario. */
		if (error == ENOENT && ends(record->path, "/subscriptions"))
			return false;
		if (error == EEXIST)
			return (record->flags & O_EXCL) != 0;
		if (error == ENOSPC || error == EDQUOT)
			return creates;
		if (error == EROFS)
			return creates ||
			    (record->flags & O_ACCMODE) != O_RDONLY;
		return true;
	case CALL_FSTATAT:
		/* "There is none" is an answer, and another scenario. */
		return (error != ENOENT && error != ENOTDIR) ||
		    !ends(record->path, "/Maildir");
	case CALL_READ:
		/* Only what was made non-blocking by our caller. */
		return error != EAGAIN || strcmp(record->path, "(stdin)") == 0;
	case CALL_WRITE:
		return error != EPIPE || record->path[0] == '(';
	default:
		return true;
	}
}

const char *
error_name(int error)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (errors[i].error == error)
			return errors[i].name;
	return "-";
}

int
error_of(const char *name)
{
	if (strcmp(name, "-") == 0)
		return 0;
	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].error;
	return -1;
}
