/*
 * user_line.h - files of lines that begin with "name:", as passwd(5) is.
 */
#ifndef USER_USER_LINE_H
#define USER_USER_LINE_H

#include "user/user.h"

/*
 * Finds the first line of the file path whose field number field (0 is the
 * first) is value, in constant memory.  The line lands in the arena.
 * Fails with STATUS_USER_UNKNOWN when the whole file was read and has no such
 * line; with STATUS_LOOKUP_FAILED when the file is missing, empty, unreadable,
 * no regular file, damaged, or does not end with a line end (somebody may be
 * writing it), or when the line itself is not whole.
 */
int user_line_find(const char *path, size_t field, struct str value,
    struct arena *arena, struct str *line, struct status *why) MUST_CHECK;

/* The fields of "user:password:uid:gid:gecos:home:shell:extra"; extra is all
 * that follows the seventh.  Missing ones are empty. */
struct user_line {
	struct str name, uid, gid, home, extra;
};

void user_line_split(struct str line, struct user_line *into);

/* Puts uid, gid (numbers or names) and home of a line into the user.  Fails
 * with STATUS_LOOKUP_FAILED for a line that cannot be used. */
int user_line_use(const struct user_line *line, const struct user_query *query,
    struct user *into, struct status *why) MUST_CHECK;

#endif
