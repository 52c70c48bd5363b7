/*
 * path.c - names in the file system, and why one of them cannot be reached.
 *
 * The errors that Dovecot's users understand are those that name the
 * directory, the owner and the missing bit; this is ours.
 */
#include "base/path.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static bool
refuses(const char *path, int wanted)
{
	return sys_faccessat(AT_FDCWD, path, wanted, AT_EACCESS) < 0 &&
	    errno == EACCES;
}

/* Names the bits of wanted that path refuses; false when it grants all. */
static bool
explain_one(struct buf *why, const char *path, int wanted)
{
	static const struct {
		int bit;
		char letter;
	} bits[] = { { R_OK, 'r' }, { W_OK, 'w' }, { X_OK, 'x' } };
	struct stat facts;

	if (!refuses(path, wanted))
		return false;
	buf_print(why, "uid %jd (gid %jd) lacks ", (intmax_t)sys_uid(),
	    (intmax_t)sys_gid());
	for (size_t i = 0; i < COUNT(bits); i++)
		if ((wanted & bits[i].bit) && refuses(path, bits[i].bit))
			buf_add_octet(why, bits[i].letter);
	buf_print(why, " on %s", path);
	if (sys_fstatat(AT_FDCWD, path, &facts, 0) == 0)
		buf_print(why, " (mode %04o, owner %jd:%jd)",
		    (unsigned)(facts.st_mode & 07777), (intmax_t)facts.st_uid,
		    (intmax_t)facts.st_gid);
	return true;
}

static bool
is_missing(const char *path)
{
	return sys_faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) < 0 &&
	    errno == ENOENT;
}

void
path_explain(struct buf *why, const char *path, int wanted)
{
	char part[PATH_MAX], before[PATH_MAX] = "/";
	size_t length = strlen(path);
	int kept = errno;

	if (path[0] != '/' || length >= sizeof(part))
		return;
	for (size_t i = 1; i <= length; i++) {
		bool last = i == length;

		if (!last && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (explain_one(why, part, last ? wanted : X_OK))
			break;
		if (is_missing(part)) {
			(void)explain_one(why, before, W_OK | X_OK);
			break;
		}
		memcpy(before, part, i + 1);
	}
	errno = kept;
}

char *
path_parent(struct arena *arena, const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 0 && path[length - 1] != '/')
		length--;
	if (length == 0)
		return arena_print(arena, ".");
	while (length > 1 && path[length - 1] == '/')
		length--;
	return arena_string(arena, str_of(path, length));
}

bool
path_is_within(const char *inner, const char *outer)
{
	size_t length = strlen(outer);

	while (length > 0 && outer[length - 1] == '/')
		length--;
	return strncmp(inner, outer, length) == 0 &&
	    (inner[length] == '/' || inner[length] == '\0');
}
