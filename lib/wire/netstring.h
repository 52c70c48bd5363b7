/*
 * netstring.h - strings with their length before them: "3:abc,".
 */
#ifndef WIRE_NETSTRING_H
#define WIRE_NETSTRING_H

#include "base/buf.h"

enum netstring_state {
	NETSTRING_WHOLE,
	NETSTRING_UNFINISHED, /* more is needed */
	NETSTRING_BROKEN      /* no netstring, or longer than most */
};

/*
 * Reads one netstring at the start of in, of at most most octets.  WHOLE sets
 * text (a slice of in) and used, the octets it takes in all.
 */
enum netstring_state netstring_read(
    struct str in, size_t most, struct str *text, size_t *used);

void netstring_add(struct buf *out, struct str text);

#endif
