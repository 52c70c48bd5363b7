/*
 * stream.c - a short conversation over a stream socket, inside a deadline.
 */
#include "base/stream.h"

#include "base/cursor.h"
#include "base/number.h"
#include "base/sys.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define PATH_OCTETS 256
#define HOST_OCTETS 64

static bool
is_numeric_host(struct str host)
{
	struct cursor in = cursor_over(host);

	if (str_begins(host, "[") && str_ends(host, "]"))
		in = cursor_over(str_head(str_after(host, 1), host.length - 2));
	if (str_is(host, "localhost"))
		return true;
	return cursor_span(&in, "0123456789abcdefABCDEF.:").length > 0 &&
	    cursor_at_end(&in);
}

bool
stream_is_address(struct str text)
{
	struct cursor in = cursor_over(text);
	size_t colon;
	uint64_t port;

	if (cursor_take_word(&in, "unix:"))
		return in.rest.length > 1 && str_begins(in.rest, "/") &&
		    !str_has_control(in.rest);
	if (!cursor_take_word(&in, "inet:"))
		return false;
	colon = str_last(in.rest, ':');
	return colon != STR_NONE && is_numeric_host(str_head(in.rest, colon)) &&
	    number_read(str_after(in.rest, colon + 1), UINT16_MAX, &port) &&
	    port != 0;
}

/* Waits for the events; 0, or -1 with errno. */
static int
wait_for(int fd, short events, int64_t then_us)
{
	struct pollfd wanted = { .fd = fd, .events = events };
	int64_t left_ms = (then_us - sys_ticks_us() + 999) / 1000;
	int ready;

	if (left_ms < 0)
		left_ms = 0;
	ready =
	    sys_poll(&wanted, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
	if (ready > 0)
		return 0;
	if (ready == 0)
		errno = ETIMEDOUT;
	return -1;
}

static bool
copy_text(char *into, size_t size, struct str text)
{
	struct buf copy;

	buf_init(&copy, into, size);
	buf_add(&copy, text);
	return !copy.overflow && text.length > 0 &&
	    str_index(text, '\0') == STR_NONE;
}

static int
start_unix(struct str path)
{
	char room[PATH_OCTETS];

	if (copy_text(room, sizeof(room), path))
		return sys_stream_unix(room);
	errno = EINVAL;
	return -1;
}

static int
start_inet(struct str where)
{
	char room[HOST_OCTETS];
	size_t colon = str_last(where, ':');
	struct str host = str_head(where, colon);
	uint64_t port;

	if (host.length > 2 && host.at[0] == '[' &&
	    host.at[host.length - 1] == ']')
		host = str_head(str_after(host, 1), host.length - 2);
	if (str_is(host, "localhost"))
		host = str_from("127.0.0.1");
	if (colon != STR_NONE && copy_text(room, sizeof(room), host) &&
	    number_read(str_after(where, colon + 1), UINT16_MAX, &port) &&
	    port != 0)
		return sys_stream_inet(room, (uint16_t)port);
	errno = EINVAL;
	return -1;
}

int
stream_connect(struct str where, int64_t then_us)
{
	struct cursor in = cursor_over(where);
	int fd = -1, error;

	errno = EINVAL;
	if (cursor_take_word(&in, "unix:"))
		fd = start_unix(in.rest);
	else if (cursor_take_word(&in, "inet:"))
		fd = start_inet(in.rest);
	if (fd < 0)
		return -1;
	if (wait_for(fd, POLLOUT, then_us) == 0) {
		error = sys_stream_error(fd);
		if (error == 0)
			return fd;
		errno = error;
	}
	error = errno;
	(void)sys_close(fd);
	errno = error;
	return -1;
}

int
stream_send(int fd, struct str text, int64_t then_us)
{
	while (text.length > 0) {
		ssize_t sent = sys_send(fd, text.at, text.length);

		if (sent >= 0)
			text = str_after(text, (size_t)sent);
		else if ((errno != EAGAIN && errno != EWOULDBLOCK) ||
		    wait_for(fd, POLLOUT, then_us) < 0)
			return -1;
	}
	return 0;
}

int
stream_receive(int fd, struct buf *into, int64_t then_us)
{
	size_t room = into->size - into->length - 1;
	ssize_t got;

	if (room == 0) {
		errno = EMSGSIZE;
		return -1;
	}
	if (wait_for(fd, POLLIN, then_us) < 0)
		return -1;
	got = sys_read(fd, into->at + into->length, room);
	if (got <= 0)
		return (int)got;
	into->length += (size_t)got;
	into->at[into->length] = '\0';
	return 1;
}
