/*
 * feeder.c - whether the process that feeds us is still there.
 *
 * Source: postfix pipe_command (setsid, then exec or sh -c), proc(5) stat.
 */
#include "base/feeder.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "base/number.h"
#include "base/sys.h"

#include <fcntl.h>
#include <inttypes.h>

/* The fourth field of /proc/PID/stat; 0 where it cannot be told.  The second
 * is the command's name in brackets, which may hold anything. */
static pid_t
parent_of(pid_t pid)
{
	char path[32], room[512];
	struct buf name;
	struct cursor in;
	uint64_t parent;
	ssize_t got;
	int fd;

	buf_init(&name, path, sizeof(path));
	buf_print(&name, "/proc/%jd/stat", (intmax_t)pid);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return 0;
	got = sys_read(fd, room, sizeof(room));
	(void)sys_close(fd);
	if (got <= 0)
		return 0;
	in = cursor_over(str_of(room, (size_t)got));
	in.rest = str_after(in.rest, str_last(in.rest, ')') + 1);
	(void)cursor_span(&in, " ");
	(void)cursor_span_not(&in, " "); /* the state */
	(void)cursor_span(&in, " ");
	if (!number_read(cursor_span(&in, "0123456789"), INT32_MAX, &parent))
		return 0;
	return (pid_t)parent;
}

void
feeder_note(struct feeder *feeder, pid_t parent)
{
	feeder->noted = true;
	feeder->parent = parent;
	feeder->session = sys_getsid();
	feeder->leaders_parent = 0;
	/* Started without a shell we lead the session ourselves. */
	if (feeder->session > 0 && feeder->session != sys_getpid())
		feeder->leaders_parent = parent_of(feeder->session);
}

bool
feeder_is_there(const struct feeder *feeder)
{
	if (!feeder->noted)
		return true;
	if (sys_getppid() != feeder->parent)
		return false;
	return feeder->leaders_parent == 0 ||
	    parent_of(feeder->session) == feeder->leaders_parent;
}
