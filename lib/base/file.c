/*
 * file.c - whole files read, whole buffers written.
 */
#include "base/file.h"

#include "base/stop.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A slow disk or a slow reader of ours must not outlive the deadline. */
static bool
time_is_over(void)
{
	if (stop_reason() == STOP_NOT)
		return false;
	errno = stop_reason() == STOP_TIME ? ETIMEDOUT : ECANCELED;
	return true;
}

bool
file_is_ours_alone(int fd)
{
	struct stat facts;

	return sys_fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) &&
	    facts.st_nlink == 1;
}

int
file_write_all(int fd, struct str text)
{
	while (text.length > 0) {
		ssize_t written;

		if (time_is_over())
			return -1;
		written = sys_write(fd, text.at, text.length);
		if (written < 0)
			return -1;
		if (written == 0) {
			errno = ENOSPC;
			return -1;
		}
		text = str_after(text, (size_t)written);
	}
	return 0;
}

/* One read and one write; large enough that their number costs nothing. */
#define COPY_OCTETS ((size_t)64 * 1024)

int
file_copy(int from, int to, bool *reading)
{
	char room[COPY_OCTETS];
	off_t offset = 0;

	for (;;) {
		ssize_t got = sys_pread(from, room, sizeof(room), offset);

		*reading = got < 0;
		if (got <= 0)
			return (int)got;
		if (file_write_all(to, str_of(room, (size_t)got)) < 0)
			return -1;
		offset += got;
	}
}

int
file_open(const char *path, struct stat *facts)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	int kept;

	if (fd < 0)
		return -1;
	if (sys_fstat(fd, facts) == 0) {
		if (S_ISREG(facts->st_mode))
			return fd;
		errno = S_ISDIR(facts->st_mode) ? EISDIR : EINVAL;
	}
	kept = errno;
	(void)sys_close(fd);
	errno = kept;
	return -1;
}

static int
read_to_end(int fd, char *room, size_t size, size_t *length)
{
	*length = 0;
	while (*length < size) {
		ssize_t got = sys_read(fd, room + *length, size - *length);

		if (got < 0)
			return -1;
		if (got == 0)
			return 0;
		*length += (size_t)got;
	}
	errno = EFBIG;
	return -1;
}

int
file_read(const char *path, size_t most, struct arena *arena, struct str *into,
    struct stat *into_facts)
{
	struct stat facts;
	size_t size, length;
	char *room;
	int fd, rc = -1, kept;

	fd = file_open(path, &facts);
	if (fd < 0)
		return -1;
	if (facts.st_size < 0 || (uintmax_t)facts.st_size > most) {
		errno = EFBIG;
		goto done;
	}
	/* One octet more than it says: a read that fills the room tells that
	 * the file has grown. */
	size = (size_t)facts.st_size + 1;
	room = arena_take(arena, size);
	if (read_to_end(fd, room, size, &length) < 0)
		goto done;
	*into = str_of(room, length);
	if (into_facts != NULL)
		*into_facts = facts;
	rc = 0;
done:
	kept = errno;
	(void)sys_close(fd);
	errno = kept;
	return rc;
}

void
file_lines_init(
    struct file_lines *lines, int fd, size_t size, struct arena *arena)
{
	memset(lines, 0, sizeof(*lines));
	lines->fd = fd;
	lines->size = size + 1; /* a line of size octets, and its "\n" */
	lines->room = arena_take(arena, lines->size);
	lines->ends_whole = true;
}

/* Reads more behind what is left; false when the end or an error came. */
static int
fill(struct file_lines *lines)
{
	ssize_t got;

	if (lines->begin > 0) {
		memmove(lines->room, lines->room + lines->begin,
		    lines->end - lines->begin);
		lines->end -= lines->begin;
		lines->begin = 0;
	}
	if (time_is_over())
		return -1;
	got = sys_read(
	    lines->fd, lines->room + lines->end, lines->size - lines->end);
	if (got < 0)
		return -1;
	if (got == 0) {
		lines->at_end = true;
		return 0;
	}
	if (memchr(lines->room + lines->end, '\0', (size_t)got) != NULL)
		lines->saw_nul = true;
	lines->end += (size_t)got;
	lines->octets += got;
	lines->ends_whole = lines->room[lines->end - 1] == '\n';
	return 0;
}

static struct str
left(const struct file_lines *lines)
{
	return str_of(lines->room + lines->begin, lines->end - lines->begin);
}

/* Moves past what the room holds of a line that was given in part. */
static void
skip_line(struct file_lines *lines)
{
	size_t at = str_index(left(lines), '\n');

	if (at == STR_NONE)
		lines->begin = lines->end;
	else {
		lines->begin += at + 1;
		lines->skipping = false;
	}
}

int
file_lines_next(struct file_lines *lines, struct str *line, bool *whole)
{
	size_t looked = 0;

	for (;;) {
		struct str rest;
		size_t at;

		if (lines->skipping)
			skip_line(lines);
		rest = left(lines);
		at = str_index(str_after(rest, looked), '\n');
		*whole = at != STR_NONE;
		if (*whole) {
			*line = str_head(rest, looked + at);
			lines->begin += looked + at + 1;
			return 1;
		}
		*line = str_head(rest, lines->size - 1);
		if (lines->at_end) {
			lines->begin = lines->end;
			return rest.length > 0 ? 1 : 0;
		}
		if (rest.length == lines->size) {
			lines->skipping = true;
			return 1;
		}
		looked = rest.length;
		if (fill(lines) < 0)
			return -1;
	}
}

void
file_close(int *fd)
{
	if (*fd >= 0)
		(void)sys_close(*fd);
	*fd = -1;
}
