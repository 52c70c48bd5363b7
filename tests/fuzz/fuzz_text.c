/*
 * fuzz_text.c - outside bytes made fit for a log line: what comes out is UTF-8
 * without control characters, and can be told from anything else.
 */
#include "fuzz/fuzz.h"

static void
check_printable(struct str out)
{
	REQUIRE(text_is_utf8(out));
	REQUIRE(!str_has_control(out));
	for (size_t i = 0; i + 1 < out.length; i++)
		REQUIRE((unsigned char)out.at[i] != 0xc2 ||
		    (unsigned char)out.at[i + 1] >= 0xa0);
}

static int
digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The escapes undone give what went in. */
static struct str
undo(struct str out)
{
	struct buf text = fuzz_room(out.length + 1);

	for (size_t i = 0; i < out.length; i++) {
		if (out.at[i] != '\\') {
			buf_add_octet(&text, out.at[i]);
			continue;
		}
		REQUIRE(i + 1 < out.length);
		if (out.at[++i] == '\\') {
			buf_add_octet(&text, '\\');
			continue;
		}
		REQUIRE(out.at[i] == 'x' && i + 2 < out.length);
		buf_add_octet(&text,
		    (char)(digit(out.at[i + 1]) * 16 + digit(out.at[i + 2])));
		i += 2;
	}
	return buf_str(&text);
}

static void
one(struct fuzz *fuzz)
{
	size_t most = fuzz_choose(fuzz, 256);
	const char *special = fuzz_string(fuzz_line(fuzz));
	struct str text = fuzz_rest(fuzz);
	struct buf out = fuzz_room(4 * text.length + 4);
	size_t length = text_utf8_length(text);

	REQUIRE(length <= 4 && length <= text.length);
	text_printable(&out, text, text.length);
	REQUIRE(!out.overflow);
	check_printable(buf_str(&out));
	REQUIRE(fuzz_same(undo(buf_str(&out)), text));
	out = fuzz_room(4 * most + 4);
	text_printable(&out, text, most);
	REQUIRE(!out.overflow);
	check_printable(buf_str(&out));
	out = fuzz_room(most + 40);
	text_word(&out, text, most, special);
	REQUIRE(!out.overflow);
	/* Special ones are ASCII; of more than that nobody makes use. */
	if (text_is_utf8(str_from(special)))
		check_printable(buf_str(&out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
