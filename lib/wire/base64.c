/*
 * base64.c - octets written with 64 characters, as AUTH wants them.
 *
 * Source: RFC 4648, section 4, and 3.5: bits that pad must be zero.
 */
#include "wire/base64.h"

#include "base/cursor.h"

#include <stdint.h>

/* Three octets are four digits. */
enum {
	UNIT_OCTETS = 3,
	UNIT_DIGITS = 4,
	DIGIT_BITS = 6,
	OCTET_BITS = 8
};

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
add_unit(struct buf *out, struct str octets)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < UNIT_OCTETS; i++)
		bits = bits << OCTET_BITS |
		    (i < octets.length ? (unsigned char)octets.at[i] : 0);
	for (size_t i = 0; i < UNIT_DIGITS; i++) {
		uint32_t digit =
		    bits >> (DIGIT_BITS * (UNIT_DIGITS - 1 - i)) & 0x3f;

		buf_add_octet(out, i <= octets.length ? digits[digit] : '=');
	}
}

void
base64_add(struct buf *out, struct str octets)
{
	struct cursor in = cursor_over(octets);

	while (!cursor_at_end(&in))
		add_unit(out, cursor_octets(&in, UNIT_OCTETS));
}

/* Two to four digits, without their padding; two digits are one octet. */
static bool
read_unit(struct str unit, struct buf *into)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < UNIT_DIGITS; i++) {
		size_t digit = 0;

		if (i < unit.length)
			digit = str_index(str_from(digits), unit.at[i]);
		if (digit == STR_NONE)
			return false;
		bits = bits << DIGIT_BITS | (uint32_t)digit;
	}
	for (size_t i = 0; i + 1 < unit.length; i++) {
		buf_add_octet(into, (char)(unsigned char)(bits >> 16 & 0xff));
		bits <<= OCTET_BITS;
	}
	return (bits & 0xffffff) == 0 || unit.length == UNIT_DIGITS;
}

/* The "=" at the end of the text, two at most. */
static struct str
without_padding(struct str text)
{
	for (int i = 0; i < 2; i++)
		if (str_ends(text, "="))
			text.length--;
	return text;
}

bool
base64_read(struct str text, struct buf *into)
{
	struct cursor in = cursor_over(without_padding(text));

	if (text.length % UNIT_DIGITS != 0)
		return false;
	while (!cursor_at_end(&in)) {
		struct str unit = cursor_octets(&in, UNIT_DIGITS);

		if (unit.length < 2 || !read_unit(unit, into))
			return false;
	}
	return !into->overflow;
}
