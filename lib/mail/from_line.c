/*
 * from_line.c - the line "From sender  date" that begins a mail in an mbox.
 *
 * Source: RFC 4155 appendix A, postfix mail_copy(3).
 */
#include "mail/from_line.h"

#include "base/cursor.h"

/* "Wed Jan  1 00:00:00 2025" */
#define ASCTIME_OCTETS 24

bool
from_line_starts(struct str text)
{
	return str_begins(text, "From ") && str_index(text, '\n') != STR_NONE;
}

/* The shape is enough: nobody uses the date. */
static bool
is_asctime(struct str date)
{
	static const char shape[] = "Aaa Aaa 99 99:99:99 9999";

	if (date.length != ASCTIME_OCTETS)
		return false;
	for (size_t i = 0; i < ASCTIME_OCTETS; i++) {
		char c = date.at[i];
		bool fits = shape[i] == c;

		if (shape[i] == 'A' || shape[i] == 'a')
			fits = str_lower_octet(c) >= 'a' &&
			    str_lower_octet(c) <= 'z';
		else if (shape[i] == '9')
			fits = (c >= '0' && c <= '9') || (i == 8 && c == ' ');
		if (!fits)
			return false;
	}
	return true;
}

struct str
from_line_sender(struct str line)
{
	struct str rest = str_trim(str_after(line, 5));
	struct cursor in = cursor_over(rest);

	if (rest.length > ASCTIME_OCTETS &&
	    is_asctime(str_after(rest, rest.length - ASCTIME_OCTETS)))
		return str_trim(str_head(rest, rest.length - ASCTIME_OCTETS));
	if (is_asctime(rest))
		return str_of(NULL, 0);
	return cursor_span_not(&in, " \t");
}
