/*
 * user_line.c - files of lines that begin with "name:", as passwd(5) is.
 *
 * A million lines cost no memory: the file is read in pieces and only the
 * line that is wanted is kept.
 *
 * Source: passwd(5); Dovecot passwd-file.
 */
#include "user/user_line.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/number.h"
#include "base/sys.h"

/* The longest line that is used; extra fields make lines long. */
#define LINE_OCTETS ((size_t)16 * 1024)

static bool
field_is(struct str line, size_t field, struct str value)
{
	struct cursor in = cursor_over(line);

	/* The common case is a name that differs in its first octets. */
	if (field == 0)
		return line.length >= value.length &&
		    (line.length == value.length ||
			line.at[value.length] == ':') &&
		    str_equal(str_head(line, value.length), value);
	for (size_t i = 0; i < field; i++)
		(void)cursor_until(&in, ':');
	return str_equal(cursor_until(&in, ':'), value);
}

static int
fail_of_end(const char *path, const struct file_lines *lines, struct str value,
    struct status *why)
{
	if (lines->octets == 0)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s is empty: somebody may be writing it", path);
	if (lines->saw_nul)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s holds NUL octets: it is damaged", path);
	if (!lines->ends_whole)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s does not end with a line end: it may be half written",
		    path);
	return status_fail(why, STATUS_USER_UNKNOWN, "%.*s is not in %s",
	    (int)value.length, value.at, path);
}

static int
search(int fd, const char *path, size_t field, struct str value,
    struct arena *arena, struct str *line, struct status *why)
{
	struct file_lines lines;
	bool whole;
	int got;

	file_lines_init(&lines, fd, LINE_OCTETS, arena);
	while ((got = file_lines_next(&lines, line, &whole)) == 1) {
		/* A file from a system whose lines end in CRLF. */
		if (whole && str_ends(*line, "\r"))
			line->length--;
		if (!field_is(*line, field, value) || str_begins(*line, "#"))
			continue;
		if (!whole || str_index(*line, '\0') != STR_NONE)
			return status_fail(why, STATUS_LOOKUP_FAILED,
			    "the line of %.*s in %s is not whole: half "
			    "written, damaged, or too long",
			    (int)value.length, value.at, path);
		*line = arena_copy(arena, *line);
		return 0;
	}
	if (got < 0) {
		(void)status_fail_read(why, path);
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	return fail_of_end(path, &lines, value, why);
}

int
user_line_find(const char *path, size_t field, struct str value,
    struct arena *arena, struct str *line, struct status *why)
{
	struct stat facts;
	int fd = file_open(path, &facts);
	int rc;

	if (fd < 0) {
		(void)status_fail_read(why, path);
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	rc = search(fd, path, field, value, arena, line, why);
	(void)sys_close(fd);
	return rc;
}

void
user_line_split(struct str line, struct user_line *into)
{
	struct cursor in = cursor_over(line);

	into->name = cursor_until(&in, ':');
	(void)cursor_until(&in, ':'); /* password */
	into->uid = cursor_until(&in, ':');
	into->gid = cursor_until(&in, ':');
	(void)cursor_until(&in, ':'); /* gecos */
	into->home = cursor_until(&in, ':');
	(void)cursor_until(&in, ':'); /* shell */
	into->extra = in.rest;
}

int
user_line_use(const struct user_line *line, const struct user_query *query,
    struct user *into, struct status *why)
{
	if (line->uid.length > 0) {
		if (user_read_uid(line->uid, query->options, query->arena,
			&into->uid, why) < 0)
			return -1;
		into->has_uid = true;
	}
	if (line->gid.length > 0) {
		if (user_read_gid(line->gid, query->options, query->arena,
			&into->gid, why) < 0)
			return -1;
		into->has_gid = true;
	}
	if (line->home.length > 0)
		into->home = arena_string(query->arena, line->home);
	return 0;
}
