/*
 * buf.h - text put together in room that the caller lends.
 *
 * What does not fit is left out and remembered; nothing is ever written past
 * the end.  The text is always NUL-terminated.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/attribute.h"
#include "base/str.h"

#include <stdint.h>

struct buf {
	char *at;
	size_t length; /* octets used, without the NUL */
	size_t size;   /* octets of room, at least 1 */
	bool overflow; /* something was left out */
};

void buf_init(struct buf *buf, char *room, size_t size);
void buf_add(struct buf *buf, struct str text);
void buf_add_string(struct buf *buf, const char *text);
void buf_add_octet(struct buf *buf, char c);
void buf_add_number(struct buf *buf, uint64_t number); /* decimal */
void buf_print(struct buf *buf, const char *format, ...) PRINTF(2, 3);
struct str buf_str(const struct buf *buf);

#endif
