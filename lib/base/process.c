/*
 * process.c - what the system tells of another process.
 *
 * Source: proc(5), linux/sched.h; the kernel's do_exit, which gives up memory,
 * then files.
 */
#include "base/process.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "base/number.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

/* PF_EXITING of the kernel: set before a process's files are closed, and so
 * before anybody can have seen the end of its pipe. */
#define EXITING 4

/* The fields behind the command's name in brackets, which may hold anything.
 * The numbers begin behind the state. */
enum field {
	PARENT,
	FLAGS = 5,
	STARTED = 18,
	FIELDS
};

static int
open_file(pid_t pid, const char *file)
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

int
process_open(pid_t pid)
{
	return open_file(pid, "/stat");
}

int
process_open_pages(pid_t pid)
{
	return open_file(pid, "/statm");
}

/* The next field, a number that may be negative: then it is 0. */
static bool
next_field(struct cursor *in, uint64_t *number)
{
	(void)cursor_span(in, " ");
	*number = 0;
	if (cursor_take(in, '-'))
		return cursor_span(in, "0123456789").length > 0;
	return number_read(cursor_span(in, "0123456789"), UINT64_MAX, number);
}

/* The first count numbers. */
static bool
read_fields(int fd, uint64_t *fields, size_t count)
{
	char room[512];
	struct cursor in;
	ssize_t got = sys_pread(fd, room, sizeof(room), 0);

	if (got <= 0)
		return false;
	in = cursor_over(str_of(room, (size_t)got));
	in.rest = str_after(in.rest, str_last(in.rest, ')') + 1);
	(void)cursor_span(&in, " ");
	(void)cursor_span_not(&in, " "); /* the state */
	for (size_t i = 0; i < count; i++)
		if (!next_field(&in, &fields[i]))
			return false;
	return true;
}

bool
process_read(int fd, struct process_facts *into)
{
	uint64_t fields[FLAGS + 1];

	if (!read_fields(fd, fields, COUNT(fields)))
		return false;
	into->parent = (pid_t)fields[PARENT];
	into->exiting = (fields[FLAGS] & EXITING) != 0;
	return true;
}

bool
process_has_no_pages(int fd)
{
	char pages[2];
	ssize_t got = sys_pread(fd, pages, sizeof(pages), 0);

	if (got < 0)
		return errno == ESRCH; /* it has ended, and was waited for */
	return got == (ssize_t)sizeof(pages) && pages[0] == '0' &&
	    pages[1] == ' ';
}

int64_t
process_started(pid_t pid)
{
	const long per_second = sysconf(_SC_CLK_TCK);
	int64_t boot = sys_boot_time();
	uint64_t fields[FIELDS];
	int fd = process_open(pid);
	bool known = fd >= 0 && read_fields(fd, fields, COUNT(fields));

	if (fd >= 0)
		(void)sys_close(fd);
	if (!known || boot == 0 || per_second <= 0)
		return 0;
	return boot + (int64_t)(fields[STARTED] / (uint64_t)per_second);
}
