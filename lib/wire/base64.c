/*
 * base64.c - octets written in 64 letters, as SASL sends them.
 *
 * Source: RFC 4648 section 4.
 */
#include "wire/base64.h"

#include "base/cursor.h"

#include <stdint.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz"
			      "0123456789+/";

/* Three octets are four letters of six bits; what is missing at the end is
 * taken as 0 and the letter that would say nothing is a "=". */
void
base64_add(struct buf *out, struct str text)
{
	struct cursor in = cursor_over(text);

	while (!cursor_at_end(&in)) {
		struct str three = cursor_octets(&in, 3);
		uint32_t bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 |
			    (i < three.length ? (unsigned char)three.at[i] : 0);
		for (size_t i = 0; i < 4; i++)
			buf_add_octet(out,
			    i > three.length ?
				'=' :
				letters[bits >> (18 - 6 * i) & 63]);
	}
}

/* Reads two to four letters; a group with padding is the last one. */
static bool
read_group(struct buf *out, struct str group)
{
	uint32_t bits = 0;
	size_t count = group.length;

	for (size_t i = 0; i < 4; i++) {
		size_t value = 0;

		if (i < count)
			value = str_index(str_from(letters), group.at[i]);
		if (value == STR_NONE)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	if (count < 2 || (bits & (0xffffffU >> 8 * (count - 1))) != 0)
		return false;
	for (size_t i = 0; i + 1 < count; i++)
		buf_add_octet(out, (char)(bits >> (16 - 8 * i) & 0xff));
	return true;
}

/* Without the one or two "=" that fill the last four up. */
static struct str
without_padding(struct str group)
{
	for (int i = 0; i < 2 && str_ends(group, "="); i++)
		group.length--;
	return group;
}

bool
base64_read(struct buf *out, struct str text)
{
	struct cursor in = cursor_over(text);
	struct buf before = *out;
	bool fine = text.length % 4 == 0;

	while (fine && !cursor_at_end(&in)) {
		struct str group = cursor_octets(&in, 4);

		if (cursor_at_end(&in))
			group = without_padding(group);
		fine = read_group(out, group);
	}
	if (fine && (before.overflow || !out->overflow))
		return true;
	*out = before;
	out->at[out->length] = '\0';
	return false;
}
