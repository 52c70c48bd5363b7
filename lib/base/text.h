/*
 * text.h - bytes from outside made fit for a log line or a terminal.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

/*
 * Adds from to into so that it stays on its line: control characters (C0,
 * DEL, C1) and octets that are not UTF-8 become \xHH, a backslash becomes
 * \\.  At most most octets of from are looked at; "..." marks the cut.
 */
void text_printable(struct buf *into, struct str from, size_t most);

/*
 * The same for a word of a line: also the octets in special are escaped, so
 * that no value can pretend to be several, and what is added is cut after most
 * octets of output.
 */
void text_word(
    struct buf *into, struct str from, size_t most, const char *special);

/* The length in octets of the UTF-8 character at the start of from (RFC 3629:
 * shortest form, no surrogates), or 0 if there is none. */
size_t text_utf8_length(struct str from);

/* Whether all of it is UTF-8. */
bool text_is_utf8(struct str from);

#endif
