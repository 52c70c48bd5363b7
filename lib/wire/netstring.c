/*
 * netstring.c - strings with their length before them.
 *
 * Source: D. J. Bernstein, "Netstrings" (1997): no leading zeros.
 */
#include "wire/netstring.h"

#include "base/cursor.h"
#include "base/number.h"

enum netstring_state
netstring_read(struct str in, size_t most, struct str *text, size_t *used)
{
	struct cursor at = cursor_over(in);
	struct str digits = cursor_span(&at, "0123456789");
	uint64_t length;

	if (digits.length == 0)
		return in.length == 0 ? NETSTRING_UNFINISHED : NETSTRING_BROKEN;
	if (!number_read(digits, most, &length) ||
	    (digits.length > 1 && digits.at[0] == '0'))
		return NETSTRING_BROKEN;
	if (cursor_at_end(&at))
		return NETSTRING_UNFINISHED;
	if (!cursor_take(&at, ':'))
		return NETSTRING_BROKEN;
	*text = cursor_octets(&at, (size_t)length);
	if (text->length < length || cursor_at_end(&at))
		return NETSTRING_UNFINISHED;
	if (!cursor_take(&at, ','))
		return NETSTRING_BROKEN;
	*used = in.length - at.rest.length;
	return NETSTRING_WHOLE;
}

void
netstring_add(struct buf *out, struct str text)
{
	buf_print(out, "%zu:", text.length);
	buf_add(out, text);
	buf_add_octet(out, ',');
}
