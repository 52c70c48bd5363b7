/*
 * kernel_fault.c - the seam of base/kernel.h, failing as planned: files.
 *
 * The program is linked a second time with this, kernel_fault_process.c and
 * kernel_fault_socket.c in place of kernel.c and kernel_socket.c (which are
 * there too, as real_X).  Each call writes down what it was asked and what it
 * answered, and one rule of the plan may make it fail, come short, be
 * interrupted, hang, or be the last thing the process does (inject.h).
 */
#include "inject.h"
#include "real.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int
kernel_openat(int dir, const char *path, int flags, mode_t mode)
{
	struct fault_record *record = inject_begin_name(CALL_OPENAT, dir, path);
	int fd;

	record->flags = flags;
	if (inject_refused(record))
		return -1;
	fd = real_openat(dir, path, flags, mode);
	if (fd >= 0)
		inject_remember(fd, record->path, flags);
	record->fd = fd;
	inject_identify(record, fd);
	if (inject_end(record, fd) < 0 && fd >= 0) {
		(void)real_close(fd);
		inject_forget(fd);
		errno = record->error;
		return -1;
	}
	return fd;
}

ssize_t
kernel_read(int fd, void *into, size_t size)
{
	struct fault_record *record = inject_begin(CALL_READ, fd);

	if (inject_refused(record))
		return -1;
	return (ssize_t)inject_end(
	    record, real_read(fd, into, inject_allowed(record, size)));
}

ssize_t
kernel_write(int fd, const void *from, size_t size)
{
	struct fault_record *record = inject_begin(CALL_WRITE, fd);
	ssize_t put;

	if (inject_refused(record))
		return -1;
	put = (ssize_t)inject_end(
	    record, real_write(fd, from, inject_allowed(record, size)));
	inject_keep_octets(record, from);
	if (inject_tears())
		inject_signal(SIGKILL);
	return put;
}

int
kernel_fsync(int fd)
{
	struct fault_record *record = inject_begin(CALL_FSYNC, fd);

	inject_identify(record, fd);
	if (inject_refused(record))
		return -1;
	if (inject_plan != NULL && inject_plan->no_sync)
		return (int)inject_end(record, fcntl(fd, F_GETFL) < 0 ? -1 : 0);
	return (int)inject_end(record, real_fsync(fd));
}

/* A close that fails has closed all the same (Linux). */
int
kernel_close(int fd)
{
	struct fault_record *record = inject_begin(CALL_CLOSE, fd);
	int result, kept;

	if (inject_refused(record)) {
		kept = errno;
		(void)real_close(fd);
		errno = kept;
		result = -1;
	} else
		result = (int)inject_end(record, real_close(fd));
	inject_forget(fd);
	return result;
}

int
kernel_ftruncate(int fd, off_t length)
{
	struct fault_record *record = inject_begin(CALL_FTRUNCATE, fd);

	inject_identify(record, fd);
	record->offset = length;
	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_ftruncate(fd, length));
}

int
kernel_reserve(int fd, off_t offset, off_t length)
{
	struct fault_record *record = inject_begin(CALL_RESERVE, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_reserve(fd, offset, length));
}

int
kernel_fstat(int fd, struct stat *into)
{
	struct fault_record *record = inject_begin(CALL_FSTAT, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_fstat(fd, into));
}

int
kernel_fstatat(int dir, const char *path, struct stat *into, int flags)
{
	struct fault_record *record =
	    inject_begin_name(CALL_FSTATAT, dir, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_fstatat(dir, path, into, flags));
}

int
kernel_faccessat(int dir, const char *path, int mode, int flags)
{
	struct fault_record *record =
	    inject_begin_name(CALL_FACCESSAT, dir, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_faccessat(dir, path, mode, flags));
}

int
kernel_fchmod(int fd, mode_t mode)
{
	struct fault_record *record = inject_begin(CALL_FCHMOD, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_fchmod(fd, mode));
}

int
kernel_fchown(int fd, uid_t uid, gid_t gid)
{
	struct fault_record *record = inject_begin(CALL_FCHOWN, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_fchown(fd, uid, gid));
}

int
kernel_futimens(int fd, const struct timespec times[2])
{
	struct fault_record *record = inject_begin(CALL_FUTIMENS, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_futimens(fd, times));
}

int
kernel_lock_fcntl(int fd, bool lock)
{
	struct fault_record *record = inject_begin(CALL_LOCK_FCNTL, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_lock_fcntl(fd, lock));
}

int
kernel_lock_flock(int fd, bool lock)
{
	struct fault_record *record = inject_begin(CALL_LOCK_FLOCK, fd);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_lock_flock(fd, lock));
}

bool
kernel_is_local(int fd)
{
	struct fault_record *record = inject_begin(CALL_IS_LOCAL, fd);

	(void)inject_refused(record);
	return inject_end(record, real_is_local(fd) ? 1 : 0) == 1;
}

int
kernel_mkdirat(int dir, const char *path, mode_t mode)
{
	struct fault_record *record =
	    inject_begin_name(CALL_MKDIRAT, dir, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_mkdirat(dir, path, mode));
}

int
kernel_unlinkat(int dir, const char *path, int flags)
{
	struct fault_record *record =
	    inject_begin_name(CALL_UNLINKAT, dir, path);

	record->flags = flags;
	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_unlinkat(dir, path, flags));
}

int
kernel_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_record *record =
	    inject_begin_two(CALL_LINKAT, from_dir, from, to_dir, to);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_linkat(from_dir, from, to_dir, to));
}

int
kernel_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_record *record =
	    inject_begin_two(CALL_RENAMEAT, from_dir, from, to_dir, to);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(
	    record, real_renameat(from_dir, from, to_dir, to));
}

int
kernel_renameat_new(int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_record *record =
	    inject_begin_two(CALL_RENAMEAT_NEW, from_dir, from, to_dir, to);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(
	    record, real_renameat_new(from_dir, from, to_dir, to));
}

ssize_t
kernel_readlinkat(int dir, const char *path, char *into, size_t size)
{
	struct fault_record *record =
	    inject_begin_name(CALL_READLINKAT, dir, path);

	if (inject_refused(record))
		return -1;
	return (ssize_t)inject_end(
	    record, real_readlinkat(dir, path, into, size));
}

DIR *
kernel_fdopendir(int fd)
{
	struct fault_record *record = inject_begin(CALL_FDOPENDIR, fd);
	DIR *dir;

	if (inject_refused(record))
		return NULL;
	dir = real_fdopendir(fd);
	(void)inject_end(record, dir == NULL ? -1 : 0);
	return dir;
}

/* An end of the directory is result 0, an entry 1. */
struct dirent *
kernel_readdir(DIR *dir)
{
	struct fault_record *record = inject_begin(CALL_READDIR, dirfd(dir));
	struct dirent *entry;
	int kept = errno;

	if (inject_refused(record))
		return NULL;
	errno = 0;
	entry = real_readdir(dir);
	if (entry != NULL)
		(void)strncpy(record->other, entry->d_name, LEDGER_PATH - 1);
	(void)inject_end(record, entry != NULL ? 1 : errno == 0 ? 0 : -1);
	if (errno == 0)
		errno = kept;
	return entry;
}

int
kernel_closedir(DIR *dir)
{
	int fd = dirfd(dir), kept;
	struct fault_record *record = inject_begin(CALL_CLOSEDIR, fd);

	inject_forget(fd);
	if (inject_refused(record)) {
		kept = errno;
		(void)real_closedir(dir);
		errno = kept;
		return -1;
	}
	return (int)inject_end(record, real_closedir(dir));
}

ssize_t
kernel_pread(int fd, void *into, size_t size, off_t offset)
{
	struct fault_record *record = inject_begin(CALL_PREAD, fd);

	if (inject_refused(record))
		return -1;
	return (ssize_t)inject_end(
	    record, real_pread(fd, into, inject_allowed(record, size), offset));
}

/* Nobody else sees it, so its name in the ledger only has to be one. */
int
kernel_unnamed_file(const char *directory)
{
	struct fault_record *record =
	    inject_begin_name(CALL_UNNAMED_FILE, AT_FDCWD, directory);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_unnamed_file(directory));
	record->fd = fd;
	inject_identify(record, fd);
	if (fd >= 0)
		inject_remember(fd, "(unnamed)", O_RDWR);
	return fd;
}

int
kernel_link_open(int fd, int to_dir, const char *to)
{
	struct fault_record *record = inject_begin(CALL_LINK_OPEN, fd);

	inject_identify(record, fd);
	inject_names(record, to_dir, to);
	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_link_open(fd, to_dir, to));
}

int
kernel_fchmodat(int dir, const char *path, mode_t mode)
{
	struct fault_record *record =
	    inject_begin_name(CALL_FCHMODAT, dir, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_fchmodat(dir, path, mode));
}

int
kernel_fchownat(int dir, const char *path, uid_t uid, gid_t gid)
{
	struct fault_record *record =
	    inject_begin_name(CALL_FCHOWNAT, dir, path);

	if (inject_refused(record))
		return -1;
	return (int)inject_end(record, real_fchownat(dir, path, uid, gid));
}

bool
kernel_isatty(int fd)
{
	struct fault_record *record = inject_begin(CALL_ISATTY, fd);

	if (inject_refused(record))
		return false;
	return inject_end(record, real_isatty(fd) ? 1 : 0) == 1;
}
