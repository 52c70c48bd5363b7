/*
 * from_line.h - the line "From sender  date" that begins a mail in an mbox.
 */
#ifndef MAIL_FROM_LINE_H
#define MAIL_FROM_LINE_H

#include "base/str.h"

/* Whether text begins with "From " and goes on to an end of line. */
bool from_line_starts(struct str text);

/*
 * The sender in a From_ line without its "\n": what stands between "From "
 * and the asctime(3) date (RFC 4155), which may hold blanks if it is quoted;
 * without a date, the first word.
 */
struct str from_line_sender(struct str line);

#endif
