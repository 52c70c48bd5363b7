/*
 * feeder.c - whether the process that feeds us is still there.
 *
 * Source: postfix pipe_command (setsid, then exec or sh -c), proc(5) stat and
 * statm, linux/sched.h; kernel/exit.c (do_exit: exit_mm, then exit_files).
 */
#include "base/feeder.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "base/number.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

/* PF_EXITING of the kernel: set before a process's files are closed, and so
 * before we can have seen the end of its pipe. */
#define EXITING 4

/* What the last look at a process has found. */
struct facts {
	pid_t parent;
	bool exiting;
};

/* A file of proc(5) about a process.  It goes on meaning this process, whoever
 * gets its number later. */
static int
open_facts(pid_t pid, const char *file)
{
	char path[40];
	struct buf name;

	if (pid < 0)
		return -1;
	buf_init(&name, path, sizeof(path));
	buf_add_string(&name, "/proc/");
	buf_add_number(&name, (uint64_t)pid);
	buf_add_string(&name, file);
	return sys_openat(AT_FDCWD, path, O_RDONLY, 0);
}

/* Who is its parent is in one of them alone. */
static int
open_stat(pid_t pid)
{
	return open_facts(pid, "/stat");
}

/* Its pages are enough to tell whether it is about to end, and the kernel
 * counts them in a third of the time. */
static int
open_pages(pid_t pid)
{
	return open_facts(pid, "/statm");
}

/* The next field, a number that may be negative: then it is 0. */
static bool
next_field(struct cursor *in, uint64_t *number)
{
	(void)cursor_span(in, " ");
	*number = 0;
	if (cursor_take(in, '-'))
		return cursor_span(in, "0123456789").length > 0;
	return number_read(cursor_span(in, "0123456789"), UINT32_MAX, number);
}

/* proc(5): the fields behind the command's name in brackets, which may hold
 * anything, are state, ppid, pgrp, session, tty_nr, tpgid, flags. */
static bool
read_facts(int fd, struct facts *into)
{
	char room[512];
	struct cursor in;
	uint64_t fields[6];
	ssize_t got = sys_pread(fd, room, sizeof(room), 0);

	if (got <= 0)
		return false;
	in = cursor_over(str_of(room, (size_t)got));
	in.rest = str_after(in.rest, str_last(in.rest, ')') + 1);
	(void)cursor_span(&in, " ");
	(void)cursor_span_not(&in, " "); /* the state */
	for (size_t i = 0; i < COUNT(fields); i++)
		if (!next_field(&in, &fields[i]))
			return false;
	into->parent = (pid_t)fields[0];
	into->exiting = (fields[5] & EXITING) != 0;
	return true;
}

/* Started without a shell we lead the session ourselves. */
static void
note_leader(struct feeder *feeder)
{
	struct facts leader;

	if (feeder->session <= 0 || feeder->session == sys_getpid())
		return;
	feeder->leader_facts = open_stat(feeder->session);
	if (feeder->leader_facts < 0 ||
	    !read_facts(feeder->leader_facts, &leader))
		return;
	feeder->leaders_parent = leader.parent;
	if (leader.parent > 0 && leader.parent != feeder->parent)
		feeder->leaders_parent_facts = open_pages(leader.parent);
}

void
feeder_note(struct feeder *feeder, pid_t parent)
{
	feeder->noted = true;
	feeder->parent = parent;
	feeder->session = sys_getsid();
	feeder->leaders_parent = 0;
	feeder->leader_facts = feeder->leaders_parent_facts = -1;
	note_leader(feeder);
	feeder->parent_facts =
	    feeder->session == parent ? -1 : open_pages(parent);
}

/*
 * A process gives up its memory before its files, and so before we can have
 * seen the end of its pipe; then it has no page.  What cannot be told (no
 * /proc, or one that hides others' processes) is no reason to refuse mail.
 */
static bool
is_ending(int fd)
{
	char pages[2];
	ssize_t got;

	if (fd < 0)
		return false;
	got = sys_pread(fd, pages, sizeof(pages), 0);
	if (got < 0)
		return errno == ESRCH; /* it has ended, and was waited for */
	return got == (ssize_t)sizeof(pages) && pages[0] == '0' &&
	    pages[1] == ' ';
}

static bool
leader_has_same_parent(const struct feeder *feeder)
{
	struct facts leader;

	return feeder->leaders_parent == 0 ||
	    (read_facts(feeder->leader_facts, &leader) && !leader.exiting &&
		leader.parent == feeder->leaders_parent);
}

bool
feeder_is_there(const struct feeder *feeder)
{
	return !feeder->noted ||
	    (sys_getppid() == feeder->parent &&
		leader_has_same_parent(feeder) &&
		!is_ending(feeder->leaders_parent_facts) &&
		!is_ending(feeder->parent_facts));
}
