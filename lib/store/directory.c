/*
 * directory.c - directories made durably, and looked at for lda -t.
 *
 * A name that a crash can take away again is no place for mail: whoever makes
 * a directory syncs the one that holds it.
 */
#include "store/directory.h"

#include "base/path.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

int
directory_sync(int fd, const char *path, struct status *why)
{
	if (sys_fsync(fd) == 0 || errno == EINVAL)
		return 0;
	return status_fail_errno(why, "sync", path);
}

/* Syncs parent, which holds the new directory path. */
static int
sync_parent(const char *path, const char *parent, struct status *why)
{
	int fd, rc, number;

	fd = sys_openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
	/* A directory one may write but not read: syncing what was made in it
	 * is the next best thing. */
	if (fd < 0 && errno == EACCES)
		fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return status_fail_read(why, parent);
	rc = directory_sync(fd, parent, why);
	number = errno;
	(void)sys_close(fd);
	errno = number;
	return rc;
}

/* Makes the directory path and syncs the one that holds it, called parent. */
static int
make_one(const char *path, const char *parent, const char *never, bool sync,
    struct status *why)
{
	bool made;
	int number;

	if (never != NULL && path_is_within(never, path))
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s, the home directory of a system user, does not exist; "
		    "it is never made here (is it mounted?)",
		    never);
	made = sys_mkdirat(AT_FDCWD, path, 0700) == 0;
	if (!made && errno != EEXIST)
		return status_fail_errno(why, "make", path);
	/* Also after EEXIST: whoever has just made it may not have synced. */
	if (!sync || sync_parent(path, parent, why) == 0)
		return 0;
	/* Unmade, so that the next delivery makes it again and syncs. */
	number = errno;
	if (made)
		(void)sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
	errno = number;
	return -1;
}

/*
 * The length of the part of path that exists already; 0 for none, -1 (errno)
 * where it cannot be told.  part is room for PATH_MAX octets.
 */
static ssize_t
existing_part(const char *path, char *part)
{
	struct stat facts;
	size_t length = strlen(path);

	while (length > 0) {
		memcpy(part, path, length);
		part[length] = '\0';
		if (sys_fstatat(AT_FDCWD, part, &facts, 0) == 0)
			return (ssize_t)length;
		if (errno != ENOENT)
			return -1;
		while (length > 0 && path[length - 1] != '/')
			length--;
		while (length > 0 && path[length - 1] == '/')
			length--;
	}
	return 0;
}

/* The end of the component of path that follows the first begin octets. */
static size_t
next_component(const char *path, size_t begin)
{
	while (path[begin] == '/')
		begin++;
	while (path[begin] != '\0' && path[begin] != '/')
		begin++;
	return begin;
}

int
directory_make(
    const char *path, const char *never, bool sync, struct status *why)
{
	char part[PATH_MAX], parent[PATH_MAX];
	size_t length = strlen(path), end;
	ssize_t existing;

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length >= sizeof(part))
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: the path is too long", path);
	existing = existing_part(path, part);
	if (existing < 0)
		return status_fail_errno(why, "look for", path);
	end = (size_t)existing;
	while (end < length) {
		memcpy(parent, path, end);
		parent[end] = '\0';
		end = next_component(path, end);
		memcpy(part, path, end);
		part[end] = '\0';
		if (make_one(part, parent[0] == '\0' ? "/" : parent, never,
			sync, why) < 0)
			return -1;
	}
	return 0;
}

const char *
directory_missing_part(struct arena *arena, const char *path)
{
	char part[PATH_MAX];
	ssize_t existing;

	if (strlen(path) >= sizeof(part))
		return NULL;
	existing = existing_part(path, part);
	if (existing < 0 || (size_t)existing == strlen(path))
		return NULL;
	return arena_string(
	    arena, str_of(path, next_component(path, (size_t)existing)));
}

int
directory_check_crowd(
    int fd, int most, const char *path, bool *crowded, struct status *why)
{
	DIR *dir = sys_opendir(fd, ".");
	int entries = 0, number;

	*crowded = false;
	if (dir == NULL)
		return status_fail_errno(why, "count what is beside", path);
	errno = 0;
	while (entries < most && sys_readdir(dir) != NULL)
		entries++;
	number = errno;
	sys_closedir(dir);
	errno = number;
	*crowded = entries >= most;
	if (*crowded) {
		errno = ENOENT;
		return status_fail(why, STATUS_UNREACHABLE,
		    "%s is not made: there are %d entries beside it already",
		    path, most);
	}
	if (number != 0)
		return status_fail_errno(why, "count what is beside", path);
	return 0;
}

static const char *
kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? "directory" :
	    S_ISREG(mode)    ? "file" :
	    S_ISSOCK(mode)   ? "socket" :
			       "neither a file nor a directory";
}

void
directory_explain(struct buf *out, const char *path)
{
	struct stat facts;
	int wanted = R_OK | W_OK;

	buf_print(out, "    %s: ", path);
	if (sys_fstatat(AT_FDCWD, path, &facts, 0) < 0) {
		buf_print(out, "%s\n", strerror(errno));
		return;
	}
	if (S_ISDIR(facts.st_mode))
		wanted |= X_OK;
	buf_print(out, "%s, mode %04o, owner %jd:%jd", kind_of(facts.st_mode),
	    (unsigned)(facts.st_mode & 07777), (intmax_t)facts.st_uid,
	    (intmax_t)facts.st_gid);
	if (sys_faccessat(AT_FDCWD, path, wanted, AT_EACCESS) < 0) {
		buf_add_string(out, "; ");
		path_explain(out, path, wanted);
	}
	buf_add_octet(out, '\n');
}
