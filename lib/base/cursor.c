/*
 * cursor.c - walking a slice without leaving it.
 */
#include "base/cursor.h"

#include <string.h>

bool
cursor_take_any(struct cursor *in, const char *set, char *taken)
{
	if (cursor_at_end(in) || !str_has_octet(set, in->rest.at[0]))
		return false;
	*taken = in->rest.at[0];
	in->rest = str_after(in->rest, 1);
	return true;
}

bool
cursor_take_word(struct cursor *in, const char *word)
{
	if (!str_begins(in->rest, word))
		return false;
	in->rest = str_after(in->rest, strlen(word));
	return true;
}

void
cursor_skip_blanks(struct cursor *in)
{
	(void)cursor_span(in, " \t");
}

struct str
cursor_octets(struct cursor *in, size_t count)
{
	struct str taken = str_head(in->rest, count);

	in->rest = str_after(in->rest, taken.length);
	return taken;
}

struct str
cursor_until(struct cursor *in, char c)
{
	size_t at = str_index(in->rest, c);
	struct str before;

	if (at == STR_NONE)
		return cursor_octets(in, in->rest.length);
	before = cursor_octets(in, at);
	(void)cursor_take(in, c);
	return before;
}

/* Sets are short, and so is what they span: to make a table of one first costs
 * more than to look through it each time. */
static struct str
span(struct cursor *in, const char *set, bool wanted)
{
	size_t length = 0;

	while (length < in->rest.length &&
	    str_has_octet(set, in->rest.at[length]) == wanted)
		length++;
	return cursor_octets(in, length);
}

struct str
cursor_span(struct cursor *in, const char *set)
{
	return span(in, set, true);
}

struct str
cursor_span_not(struct cursor *in, const char *set)
{
	return span(in, set, false);
}
