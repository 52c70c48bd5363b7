/*
 * user_nss.c - the name service switch, asked through lda-getpw.
 *
 * glibc answers an LDAP server that is down with "not found" (depending on
 * the module), so that answer is believed only where no such module is
 * configured.
 *
 * Source: nsswitch.conf(5), getpwnam_r(3).
 */
#include "user/user_nss.h"

#include "base/child.h"
#include "base/cursor.h"
#include "base/file.h"
#include "base/path.h"
#include "base/place.h"
#include "base/priv.h"
#include "base/sys.h"

#include <errno.h>
#include <limits.h>

/* The helper's part of the deadline, and the longest line it may answer. */
#define HELPER_TIMEOUT_MS 30000
#define ANSWER_OCTETS ((size_t)8192)

#define NSSWITCH_OCTETS ((size_t)64 * 1024)

/* sysexits of lda-getpw; child.h gives 127 for "could not be executed". */
enum {
	HELPER_FOUND = 0,
	HELPER_NOT_FOUND = 67,
	HELPER_NOT_STARTED = 127
};

static void
judge_source(struct str word, struct user_nss_sources *into)
{
	if (str_is(word, "files"))
		return;
	into->beyond_files = true;
	if (!str_is(word, "compat") && !str_is(word, "systemd"))
		into->doubtful = true;
}

struct user_nss_sources
user_nss_sources(struct str nsswitch, const char *database)
{
	struct user_nss_sources found = { false, false };
	struct cursor in = cursor_over(nsswitch);

	while (!cursor_at_end(&in)) {
		struct cursor line = cursor_over(cursor_until(&in, '\n'));

		line = cursor_over(cursor_until(&line, '#'));
		if (!str_is(str_trim(cursor_until(&line, ':')), database))
			continue;
		for (;;) {
			(void)cursor_span(&line, " \t\r");
			if (cursor_at_end(&line))
				break;
			if (cursor_take(&line, '[')) /* an action */
				(void)cursor_until(&line, ']');
			else
				judge_source(
				    cursor_span_not(&line, " \t\r["), &found);
		}
	}
	return found;
}

/* No nsswitch.conf: the libc has its own idea of what to ask, and NSS is asked
 * rather than guessed at. */
static int
read_sources(const char *database, struct arena *arena,
    struct user_nss_sources *into, struct status *why)
{
	struct str text;

	if (file_read(place_nsswitch_file, NSSWITCH_OCTETS, arena, &text,
		NULL) == 0) {
		*into = user_nss_sources(text, database);
		return 0;
	}
	into->beyond_files = true;
	into->doubtful = false;
	if (errno == ENOENT)
		return 0;
	(void)status_fail_read(why, place_nsswitch_file);
	status_become(why, STATUS_LOOKUP_FAILED);
	return -1;
}

bool
user_nss_is_asked(struct arena *arena)
{
	static const char *const databases[] = { "passwd", "group" };
	struct user_nss_sources sources;
	struct status why;

	for (size_t i = 0; i < COUNT(databases); i++)
		if (read_sources(databases[i], arena, &sources, &why) < 0 ||
		    sources.beyond_files)
			return true;
	return false;
}

static int
run(const char *path, const char *kind, struct str key, struct arena *arena,
    struct child_end *end, struct str *output)
{
	char *argv[] = { arena_print(arena, "lda-getpw"),
		arena_print(arena, "%s", kind), arena_string(arena, key),
		NULL };

	return child_run(
	    path, argv, HELPER_TIMEOUT_MS, ANSWER_OCTETS, arena, end, output);
}

/*
 * The helper beside our own program, for one that runs from where it was
 * built.  Whoever could put another one there could replace the program too;
 * but a set-user-ID program may be run through a hard link in a directory of
 * the caller's.
 */
static const char *
sibling_helper(struct arena *arena)
{
	char self[PATH_MAX];
	struct priv_ids ids;

	if (priv_ids(&ids) < 0 || ids.uid != ids.effective_uid ||
	    ids.gid != ids.effective_gid ||
	    sys_readlink("/proc/self/exe", self, sizeof(self)) < 0)
		return NULL;
	return arena_path(arena, path_parent(arena, self), "lda-getpw");
}

static int
ask(const char *kind, struct str key, struct arena *arena,
    struct child_end *end, struct str *output, struct status *why)
{
	const char *other;

	if (run(place_getpw, kind, key, arena, end, output) < 0)
		goto failed;
	if (end->exit_code != HELPER_NOT_STARTED)
		return 0;
	other = sibling_helper(arena);
	if (other == NULL)
		return 0;
	if (run(other, kind, key, arena, end, output) == 0)
		return 0;
failed:
	(void)status_fail_errno(why, "run", place_getpw);
	status_become(why, STATUS_LOOKUP_FAILED);
	return -1;
}

static int
judge_not_found(struct str key, const struct user_options *options,
    const struct user_nss_sources *sources, struct status *why)
{
	if (!sources->doubtful || options->nss_notfound == USER_NSS_UNKNOWN)
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "%.*s is not known to the system", (int)key.length, key.at);
	return status_fail(why, STATUS_LOOKUP_FAILED,
	    "NSS does not find %.*s, but %s names a source that answers "
	    "\"not found\" also when it is down; nss_notfound = unknown "
	    "believes it",
	    (int)key.length, key.at, place_nsswitch_file);
}

static int
fail_of_helper(const struct child_end *end, struct status *why)
{
	if (end->timed_out)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s did not answer in %d s", place_getpw,
		    HELPER_TIMEOUT_MS / 1000);
	if (end->exit_code == HELPER_NOT_STARTED)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s could not be executed (is it installed?)", place_getpw);
	if (end->exit_code < 0)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s died with signal %d", place_getpw, end->signal_number);
	return status_fail(why, STATUS_LOOKUP_FAILED,
	    "%s could not ask (exit status %d)", place_getpw, end->exit_code);
}

int
user_nss_find(const char *kind, struct str key,
    const struct user_options *options, struct arena *arena, struct str *line,
    struct status *why)
{
	const char *database =
	    str_is(str_from(kind), "group") ? "group" : "passwd";
	struct user_nss_sources sources;
	struct child_end end;
	struct str output;

	if (read_sources(database, arena, &sources, why) < 0)
		return -1;
	if (!sources.beyond_files)
		return judge_not_found(key, options, &sources, why);
	if (ask(kind, key, arena, &end, &output, why) < 0)
		return -1;
	if (end.exit_code == HELPER_NOT_FOUND && !end.timed_out)
		return judge_not_found(key, options, &sources, why);
	if (end.exit_code != HELPER_FOUND || end.timed_out)
		return fail_of_helper(&end, why);
	if (!str_ends(output, "\n") || str_index(output, '\0') != STR_NONE)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "%s gave half an answer", place_getpw);
	*line = str_head(output, str_index(output, '\n'));
	return 0;
}
