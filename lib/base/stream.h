/*
 * stream.h - a short conversation over a stream socket, inside a deadline.
 */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include "base/buf.h"

#include <stdint.h>

/* Whether where has one of the forms below; nobody asks the DNS. */
bool stream_is_address(struct str where);

/*
 * Connects to "unix:PATH" or "inet:HOST:PORT" (HOST a numeric address,
 * "[...]" around one with colons, or localhost) before then_us of
 * sys_ticks_us().  Returns the descriptor, or -1 with errno: EINVAL for
 * another form, ETIMEDOUT, those of connect(2).
 */
int stream_connect(struct str where, int64_t then_us) MUST_CHECK;

/* Sends all of it before then_us; 0 or -1 with errno. */
int stream_send(int fd, struct str text, int64_t then_us) MUST_CHECK;

/*
 * Waits for more and adds it to into.  1: there was some, 0: the peer has
 * closed, -1 with errno: ETIMEDOUT, EMSGSIZE when into is full, those of
 * read(2).
 */
int stream_receive(int fd, struct buf *into, int64_t then_us) MUST_CHECK;

#endif
