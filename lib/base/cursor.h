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

/* The shortest ones are here for the compiler to see, as those of str.h. */

static inline struct cursor
cursor_over(struct str text)
{
	struct cursor in = { text };

	return in;
}

static inline bool
cursor_at_end(const struct cursor *in)
{
	return in->rest.length == 0;
}

/* The next octet without taking it; 0 at the end (ask cursor_at_end where a
 * NUL may stand in the text). */
static inline char
cursor_peek(const struct cursor *in)
{
	return cursor_at_end(in) ? '\0' : in->rest.at[0];
}

/* Takes the next octet if it is c, or if it is one of set. */
static inline bool
cursor_take(struct cursor *in, char c)
{
	if (cursor_at_end(in) || in->rest.at[0] != c)
		return false;
	in->rest = str_after(in->rest, 1);
	return true;
}

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
