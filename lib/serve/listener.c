/*
 * listener.c - a server's own sockets.
 *
 * Source: unix(7), sd_listen_fds(3).
 */
#include "serve/listener.h"

#include "base/cursor.h"
#include "base/number.h"
#include "base/stream.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* As Dovecot's unix_listener: nobody else connects unless it is said. */
#define USUAL_MODE 0600

/* What stands behind a path. */
struct manner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static bool
read_mode(struct str text, mode_t *mode)
{
	mode_t read = 0;

	if (text.length == 0 || text.length > 5)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '7')
			return false;
		read = read << 3 | (mode_t)(text.at[i] - '0');
	}
	*mode = read;
	return (read & ~(mode_t)0777) == 0;
}

static int
read_option(struct str option, const struct user_options *names,
    struct arena *arena, struct manner *into, struct status *why)
{
	struct cursor in = cursor_over(option);
	struct str word = cursor_until(&in, '=');

	if (str_is(word, "mode") && read_mode(in.rest, &into->mode))
		return 0;
	if (str_is(word, "user"))
		return user_read_uid(in.rest, names, arena, &into->uid, why);
	if (str_is(word, "group"))
		return user_read_gid(in.rest, names, arena, &into->gid, why);
	return status_fail(why, STATUS_MISCONFIGURED,
	    "\"%.*s\" is not mode=0660, user=NAME or group=NAME",
	    (int)option.length, option.at);
}

/* Whether it is a socket that nobody listens on any more. */
static bool
is_left_behind(const char *path)
{
	char room[256];
	struct buf where;
	struct stat facts;
	int fd;

	if (sys_fstatat(AT_FDCWD, path, &facts, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(facts.st_mode))
		return false;
	buf_init(&where, room, sizeof(room));
	buf_print(&where, "unix:%s", path);
	fd = stream_connect(buf_str(&where), sys_ticks_us() + 1000000);
	if (fd >= 0)
		(void)sys_close(fd);
	return fd < 0 && errno == ECONNREFUSED;
}

static int
bind_unix(const char *path, struct status *why)
{
	int fd = sys_listen_unix(path);
	int number = errno;

	if (fd < 0 && number == EADDRINUSE && is_left_behind(path) &&
	    sys_unlinkat(AT_FDCWD, path, 0) == 0) {
		fd = sys_listen_unix(path);
		number = errno;
	}
	if (fd >= 0)
		return fd;
	errno = number;
	if (number == EADDRINUSE)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "cannot listen on %s: another server does, or it is no "
		    "socket",
		    path);
	return status_fail_errno(why, "listen on", path);
}

static int
keep(struct listeners *all, int fd, const char *path, struct status *why)
{
	if (all->count == LISTENERS_MOST) {
		if (path != NULL)
			(void)sys_unlinkat(AT_FDCWD, path, 0);
		(void)sys_close(fd);
		return status_fail(why, STATUS_MISCONFIGURED,
		    "more than %d sockets to listen on", LISTENERS_MOST);
	}
	all->paths[all->count] = path;
	all->fds[all->count++] = fd;
	return 0;
}

static int
add_unix(struct listeners *all, struct str spec,
    const struct user_options *names, struct arena *arena, struct status *why)
{
	struct manner manner = { USUAL_MODE, (uid_t)-1, (gid_t)-1 };
	struct cursor in = cursor_over(spec);
	const char *path = arena_string(arena, cursor_until(&in, ','));
	bool ends_with_comma =
	    spec.length > 0 && spec.at[spec.length - 1] == ',';
	int fd;

	if (path[0] != '/')
		return status_fail(why, STATUS_MISCONFIGURED,
		    "\"%s\" is not an absolute path", path);
	/* Behind a comma there must be an option; an empty one is none. */
	while (!cursor_at_end(&in) || ends_with_comma)
		if (read_option(
			cursor_until(&in, ','), names, arena, &manner, why) < 0)
			return -1;
	fd = bind_unix(path, why);
	if (fd < 0)
		return -1;
	/* Nobody could connect until now (umask 077). */
	if (((manner.uid != (uid_t)-1 || manner.gid != (gid_t)-1) &&
		sys_fchownat(AT_FDCWD, path, manner.uid, manner.gid) < 0) ||
	    sys_fchmodat(AT_FDCWD, path, manner.mode) < 0) {
		(void)status_fail_errno(why, "give away", path);
		(void)sys_close(fd);
		(void)sys_unlinkat(AT_FDCWD, path, 0);
		return -1;
	}
	return keep(all, fd, path, why);
}

static int
add_inet(struct listeners *all, struct str where, struct arena *arena,
    struct status *why)
{
	size_t colon = str_last(where, ':');
	struct str host = str_head(where, colon);
	uint64_t port = 0;
	int fd;

	if (host.length > 2 && host.at[0] == '[' &&
	    host.at[host.length - 1] == ']')
		host = str_head(str_after(host, 1), host.length - 2);
	if (str_is(host, "localhost"))
		host = str_from("127.0.0.1");
	if (colon == STR_NONE ||
	    !number_read(str_after(where, colon + 1), UINT16_MAX, &port) ||
	    port == 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "\"inet:%.*s\" is not inet:HOST:PORT", (int)where.length,
		    where.at);
	fd = sys_listen_inet(arena_string(arena, host), (uint16_t)port);
	if (fd >= 0)
		return keep(all, fd, NULL, why);
	if (errno == EINVAL)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "\"inet:%.*s\": HOST must be a numeric address",
		    (int)where.length, where.at);
	return status_fail(why, STATUS_MISCONFIGURED,
	    "cannot listen on inet:%.*s: %s", (int)where.length, where.at,
	    strerror(errno));
}

int
listeners_add(struct listeners *all, const char *spec,
    const struct user_options *names, struct arena *arena, struct status *why)
{
	struct cursor in = cursor_over(str_from(spec));
	int rc;

	if (cursor_take_word(&in, "unix:"))
		rc = add_unix(all, in.rest, names, arena, why);
	else if (cursor_take_word(&in, "inet:"))
		rc = add_inet(all, in.rest, arena, why);
	else
		rc = status_fail(why, STATUS_MISCONFIGURED,
		    "\"%s\" is not unix:PATH or inet:HOST:PORT", spec);
	if (rc < 0)
		status_context(why, "-l");
	return rc;
}

int
listeners_adopt(struct listeners *all, int fd, struct status *why)
{
	if (sys_close_on_exec(fd) < 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
	return keep(all, fd, NULL, why);
}

void
listeners_close(struct listeners *all)
{
	for (size_t i = 0; i < all->count; i++)
		(void)sys_close(all->fds[i]);
	all->count = 0;
}

void
listeners_remove(struct listeners *all)
{
	/* The name first: who connects now gets no server that is ending. */
	for (size_t i = 0; i < all->count; i++)
		if (all->paths[i] != NULL)
			(void)sys_unlinkat(AT_FDCWD, all->paths[i], 0);
	listeners_close(all);
}
