/*
 * feeder.c - whether the process that feeds us is still there.
 *
 * Source: postfix pipe_command (setsid, then exec or sh -c), proc(5) stat.
 */
#include "base/feeder.h"

#include "base/attribute.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/number.h"
#include "base/sys.h"

#include <fcntl.h>
#include <inttypes.h>

/* Linux's PF_EXITING, in the flags of /proc/PID/stat. */
#define IS_EXITING 4

/* What the system tells of a process; nothing where it cannot be told. */
struct facts {
	uint64_t parent;
	uint64_t flags;
};

/* Fields 4 and 9 of /proc/PID/stat.  The second is the command's name in
 * brackets, which may hold anything. */
static struct facts
look_at(pid_t pid)
{
	struct facts facts = { 0, 0 };
	uint64_t *const wanted[] = { NULL, &facts.parent, NULL, NULL, NULL,
		NULL, &facts.flags };
	char path[32], room[512];
	struct buf name;
	struct cursor in;
	ssize_t got;
	int fd;

	buf_init(&name, path, sizeof(path));
	buf_print(&name, "/proc/%jd/stat", (intmax_t)pid);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return facts;
	got = sys_read(fd, room, sizeof(room));
	(void)sys_close(fd);
	if (got <= 0)
		return facts;
	in = cursor_over(str_of(room, (size_t)got));
	in.rest = str_after(in.rest, str_last(in.rest, ')') + 1);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		struct str field;

		(void)cursor_span(&in, " ");
		field = cursor_span_not(&in, " ");
		if (wanted[i] != NULL &&
		    !number_read(field, UINT32_MAX, wanted[i]))
			*wanted[i] = 0;
	}
	return facts;
}

/* A process that ends closes its pipes first and leaves its children later:
 * who has just seen the pipe's end would still find his parent. */
static bool
is_ending(pid_t pid)
{
	return (look_at(pid).flags & IS_EXITING) != 0;
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
		feeder->leaders_parent = (pid_t)look_at(feeder->session).parent;
}

bool
feeder_is_there(const struct feeder *feeder)
{
	if (!feeder->noted)
		return true;
	if (sys_getppid() != feeder->parent)
		return false;
	if (feeder->leaders_parent == 0)
		return !is_ending(feeder->parent);
	return (pid_t)look_at(feeder->session).parent ==
	    feeder->leaders_parent &&
	    !is_ending(feeder->leaders_parent);
}
