/*
 * connection.h - octets in and out of one connection, each wait bounded.
 */
#ifndef SERVE_CONNECTION_H
#define SERVE_CONNECTION_H

#include "base/buf.h"
#include "base/cursor.h"

#include <stdint.h>

#define CONNECTION_IN_OCTETS ((size_t)64 * 1024)
#define CONNECTION_OUT_OCTETS ((size_t)16 * 1024)

struct connection {
	int in;            /* where they come from */
	int out;           /* where they go: often the same socket */
	size_t begin, end; /* what of room_in is not used yet */
	struct buf output; /* not sent yet; users add to it */
	bool broken;       /* nothing can be sent any more */
	char room_in[CONNECTION_IN_OCTETS];
	char room_out[CONNECTION_OUT_OCTETS];
};

/* How a wait for more ended. */
enum connection_read {
	CONNECTION_READ,     /* there is more */
	CONNECTION_ENDED,    /* the peer has closed, or is gone */
	CONNECTION_TIME_OUT, /* nothing in the time that was given */
	CONNECTION_STOPPED   /* a signal asks us to end */
};

/* The descriptors stay the caller's. */
void connection_init(struct connection *at, int in, int out);

/* What has come and is not used; tell with connection_use what is left. */
struct cursor connection_input(const struct connection *at);
void connection_use(struct connection *at, const struct cursor *rest);

/* Sends what is put out, then waits at most timeout_ms for more; where it is
 * idle, only until we are asked to end (stop_when_asked).  There must be room:
 * what does not fit a whole buffer is for the caller to drop. */
enum connection_read connection_more(
    struct connection *at, int timeout_ms, bool is_idle) MUST_CHECK;

/* Sends what is put out, inside CONNECTION_SEND_MS. */
#define CONNECTION_SEND_MS 300000
void connection_flush(struct connection *at);

/* Makes room for one reply of size octets, sending if it must. */
void connection_reserve(struct connection *at, size_t size);

#endif
