/*
 * base64.h - octets written in 64 letters, as SASL sends them.
 *
 * Source: RFC 4648 section 4, with padding and nothing but the alphabet.
 */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include "base/buf.h"

/* Octets that base64_add adds for count octets of text. */
#define BASE64_OCTETS(count) (((count) + 2) / 3 * 4)

void base64_add(struct buf *out, struct str text);

/*
 * Adds what text means; false, and out as it was, if it is not base64 or does
 * not fit.  One text has one meaning and one meaning one text: the bits that
 * padding leaves over must be 0.
 */
bool base64_read(struct buf *out, struct str text);

#endif
