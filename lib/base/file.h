/*
 * file.h - whole files read, whole buffers written, files synced and closed.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"

#include <sys/stat.h>

/* Whether fd is a regular file with one name, so that what is done to it is
 * done to no other's file through a link that somebody has made. */
bool file_is_ours_alone(int fd) MUST_CHECK;

/* Writes all of it or fails with errno; a write that makes no progress is
 * ENOSPC. */
int file_write_all(int fd, struct str text) MUST_CHECK;

/* Closes a descriptor behind which nothing can fail any more (read from, or
 * synced), if there is one, and makes it -1. */
void file_close(int *fd);

/*
 * Copies all of from, read by offset from its beginning, to the end of what
 * was written to to.  0 or -1 with errno; *reading tells which side failed.
 */
int file_copy(int from, int to, bool *reading) MUST_CHECK;

/*
 * Reads a regular file of at most most octets into the arena.  Opened
 * without waiting, so that a FIFO in its place cannot hold us up.  facts are
 * the file's; NULL: not wanted.
 * Errors (errno): those of open(2) and read(2), EFBIG when longer than most,
 * EINVAL when it is not a regular file.
 */
int file_read(const char *path, size_t most, struct arena *arena,
    struct str *into, struct stat *facts) MUST_CHECK;

/* Opens a regular file for reading, as file_read does, and gives its facts. */
int file_open(const char *path, struct stat *facts) MUST_CHECK;

/*
 * A file read line by line in constant memory, for users files of any
 * length.  Lines are given without their "\n".
 */
struct file_lines {
	int fd;
	char *room;
	size_t size;       /* of room: the longest line that is given whole */
	size_t begin, end; /* what of room has not been given yet */
	bool at_end;
	bool skipping;   /* in the rest of a line that was too long */
	bool saw_nul;    /* a NUL octet: no text file holds one */
	bool ends_whole; /* the last octet was "\n" */
	off_t octets;    /* read so far */
};

/* fd stays the caller's.  Takes size octets from the arena. */
void file_lines_init(
    struct file_lines *lines, int fd, size_t size, struct arena *arena);

/*
 * 1 and the next line, 0 at the end, -1 with errno.  A line longer than the
 * room is given in part, once, with *whole false, and the rest is skipped; so
 * is the last line of a file that does not end in "\n".
 */
int file_lines_next(
    struct file_lines *lines, struct str *line, bool *whole) MUST_CHECK;

#endif
