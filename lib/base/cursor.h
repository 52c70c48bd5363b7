/*
 * cursor.h - the only byte arithmetic in any parser.
 *
 * A cursor walks a slice and cannot leave it.  What is not there is answered
 * with false or an empty slice and moves nothing.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/str.h"

struct cursor {
	struct str rest; /* what has not been read yet */
};

struct cursor cursor_over(struct str text);
bool cursor_at_end(const struct cursor *in);

/* The next octet without taking it; 0 at the end (ask cursor_at_end where a
 * NUL may stand in the text). */
char cursor_peek(const struct cursor *in);

/* Takes the next octet if it is c, or if it is one of set. */
bool cursor_take(struct cursor *in, char c);
bool cursor_take_any(struct cursor *in, const char *set, char *taken);

/* Takes word if the text goes on with it. */
bool cursor_take_word(struct cursor *in, const char *word);

/* Skips blanks and tabs. */
void cursor_skip_blanks(struct cursor *in);

/* What stands before the next c, which is skipped too; all the rest if there
 * is no c. */
struct str cursor_until(struct cursor *in, char c);

/* The longest run of octets that are (not) in set. */
struct str cursor_span(struct cursor *in, const char *set);
struct str cursor_span_not(struct cursor *in, const char *set);

/* Up to count octets. */
struct str cursor_octets(struct cursor *in, size_t count);

#endif
