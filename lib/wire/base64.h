/*
 * base64.h - octets written with 64 characters, as AUTH wants them.
 */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include "base/buf.h"

/* Adds octets as base64, "=" at the end included, without line ends. */
void base64_add(struct buf *out, struct str octets);

/*
 * Adds what text stands for.  False, and a part may have been added, where
 * it is no base64 (blanks, "=" missing or too many, bits left over) or does
 * not fit.  There is one spelling for each value: what is read and added
 * again is the same text.
 */
bool base64_read(struct str text, struct buf *into) MUST_CHECK;

#endif
