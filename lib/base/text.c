/*
 * text.c - bytes from outside made fit for a log line or a terminal.
 *
 * Source: RFC 3629 (UTF-8); the attack is A7 of the design's list: newlines
 * and escape sequences smuggled into logs.
 */
#include "base/text.h"

static unsigned char
octet_at(struct str from, size_t at)
{
	return (unsigned char)from.at[at];
}

static bool
is_tail(struct str from, size_t at)
{
	return at < from.length && (octet_at(from, at) & 0xc0) == 0x80;
}

static size_t
utf8_form(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t
text_utf8_length(struct str from)
{
	size_t length;
	unsigned char first, second;

	if (from.length == 0)
		return 0;
	first = octet_at(from, 0);
	length = utf8_form(first);
	for (size_t i = 1; i < length; i++)
		if (!is_tail(from, i))
			return 0;
	if (length < 3)
		return length;
	second = octet_at(from, 1);
	if ((first == 0xe0 && second < 0xa0) || /* could be shorter */
	    (first == 0xed && second > 0x9f) || /* surrogates */
	    (first == 0xf0 && second < 0x90) || /* could be shorter */
	    (first == 0xf4 && second > 0x8f))   /* beyond U+10FFFF */
		return 0;
	return length;
}

bool
text_is_utf8(struct str from)
{
	while (from.length > 0) {
		size_t length = text_utf8_length(from);

		if (length == 0)
			return false;
		from = str_after(from, length);
	}
	return true;
}

/* C1 controls (U+0080 to U+009F) drive terminals as ESC does. */
static bool
is_control(struct str character)
{
	unsigned char first = octet_at(character, 0);

	return first < 32 || first == 127 ||
	    (character.length == 2 && first == 0xc2 &&
		octet_at(character, 1) < 0xa0);
}

static void
add_character(struct buf *into, struct str character, bool escape)
{
	if (escape || is_control(character))
		for (size_t i = 0; i < character.length; i++)
			buf_print(into, "\\x%02x", octet_at(character, i));
	else if (character.at[0] == '\\')
		buf_add_string(into, "\\\\");
	else
		buf_add(into, character);
}

/* The first character of from, one octet where it is no UTF-8. */
static struct str
first_character(struct str from, bool *is_text)
{
	size_t length = text_utf8_length(from);

	*is_text = length > 0;
	return str_head(from, *is_text ? length : 1);
}

/* What needs no second look: printable ASCII but "\\" and what is special. */
static struct str
plain_run(struct str from, const char *special)
{
	size_t length = 0;

	while (length < from.length && from.at[length] >= ' ' &&
	    from.at[length] <= '~' && from.at[length] != '\\' &&
	    !str_has_octet(special, from.at[length]))
		length++;
	return str_head(from, length);
}

void
text_printable(struct buf *into, struct str from, size_t most)
{
	bool cut = from.length > most, is_text;

	from = str_head(from, most);
	while (from.length > 0) {
		struct str plain = plain_run(from, "");
		struct str character;

		buf_add(into, plain);
		from = str_after(from, plain.length);
		if (from.length == 0)
			break;
		character = first_character(from, &is_text);
		add_character(into, character, !is_text);
		from = str_after(from, character.length);
	}
	if (cut)
		buf_add_string(into, "...");
}

void
text_word(struct buf *into, struct str from, size_t most, const char *special)
{
	size_t begin = into->length;
	bool is_text;

	while (from.length > 0 && into->length - begin < most) {
		struct str plain = plain_run(
		    str_head(from, most - (into->length - begin)), special);
		struct str character;

		if (plain.length > 0) {
			buf_add(into, plain);
			from = str_after(from, plain.length);
			continue;
		}
		character = first_character(from, &is_text);
		bool escape =
		    !is_text || str_has_octet(special, character.at[0]);

		add_character(into, character, escape);
		from = str_after(from, character.length);
	}
	if (from.length > 0)
		buf_add_string(into, "...");
}
