/*
 * connection.c - octets in and out of one connection, each wait bounded.
 *
 * Replies are sent when there is nothing more to read: those to a pipelined
 * group of commands go out together (RFC 2920 section 3.2).
 */
#include "serve/connection.h"

#include "base/require.h"
#include "base/stop.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>

void
connection_init(struct connection *at, int in, int out)
{
	at->in = in;
	at->out = out;
	at->begin = at->end = 0;
	at->broken = false;
	buf_init(&at->output, at->room_out, sizeof(at->room_out));
}

struct cursor
connection_input(const struct connection *at)
{
	return cursor_over(
	    str_of(at->room_in + at->begin, at->end - at->begin));
}

void
connection_use(struct connection *at, const struct cursor *rest)
{
	at->begin = at->end - rest->rest.length;
}

/* One write of what fits; -1 with EAGAIN where nothing does. */
static ssize_t
send_some(struct connection *at, struct str text)
{
	ssize_t sent = sys_send(at->out, text.at, text.length);

	if (sent < 0 && errno == ENOTSOCK) /* started by hand */
		sent = sys_write(at->out, text.at, text.length);
	return sent;
}

/* A peer that does not read ends the connection. */
static bool
wait_for_room(struct connection *at)
{
	struct pollfd wanted = { .fd = at->out, .events = POLLOUT };

	return (errno == EAGAIN || errno == EWOULDBLOCK) &&
	    sys_poll(&wanted, 1, CONNECTION_SEND_MS) > 0;
}

void
connection_flush(struct connection *at)
{
	struct str left = buf_str(&at->output);

	while (left.length > 0 && !at->broken) {
		ssize_t sent = send_some(at, left);

		if (sent >= 0)
			left = str_after(left, (size_t)sent);
		else
			at->broken = !wait_for_room(at);
	}
	buf_init(&at->output, at->room_out, sizeof(at->room_out));
}

void
connection_reserve(struct connection *at, size_t size)
{
	if (at->output.size - at->output.length - 1 < size)
		connection_flush(at);
}

/* One wait; -1 with ECANCELED where a signal asks us to end. */
static int
wait_once(struct pollfd *wanted, int timeout_ms, bool is_idle)
{
	int ready = -1, number = ECANCELED;

	stop_hold();
	if (stop_reason() == STOP_NOT && !(is_idle && stop_is_asked())) {
		ready = sys_poll_once(wanted, 1, timeout_ms);
		number = errno;
	}
	stop_let_in();
	errno = number;
	return ready;
}

/* Until there is more, the time is over, or a signal asks us to end. */
static enum connection_read
wait_for_more(struct connection *at, int timeout_ms, bool is_idle)
{
	int64_t then_us = sys_ticks_us() + (int64_t)timeout_ms * 1000;
	struct pollfd wanted = { .fd = at->in, .events = POLLIN };

	for (;;) {
		int64_t left_ms = (then_us - sys_ticks_us() + 999) / 1000;
		int ready;

		if (left_ms < 0)
			left_ms = 0;
		ready = wait_once(&wanted, (int)left_ms, is_idle);
		if (ready > 0)
			return CONNECTION_READ;
		if (ready == 0 && left_ms == 0)
			return CONNECTION_TIME_OUT;
		if (ready < 0 && errno == ECANCELED)
			return CONNECTION_STOPPED;
		if (ready < 0 && errno != EINTR)
			return CONNECTION_ENDED;
	}
}

enum connection_read
connection_more(struct connection *at, int timeout_ms, bool is_idle)
{
	enum connection_read outcome;
	ssize_t got;

	connection_flush(at);
	if (at->broken)
		return CONNECTION_ENDED;
	outcome = wait_for_more(at, timeout_ms, is_idle);
	if (outcome != CONNECTION_READ)
		return outcome;
	if (at->begin > 0) {
		memmove(
		    at->room_in, at->room_in + at->begin, at->end - at->begin);
		at->end -= at->begin;
		at->begin = 0;
	}
	require(at->end < sizeof(at->room_in));
	got = sys_read(
	    at->in, at->room_in + at->end, sizeof(at->room_in) - at->end);
	if (got <= 0)
		return CONNECTION_ENDED;
	at->end += (size_t)got;
	return CONNECTION_READ;
}
