/*
 * check_text.c - what is UTF-8 (RFC 3629), and what may stand in a log line.
 */
#include "base/text.h"

#include "../base/expect.h"

static const struct {
	struct str given;
	size_t want;
} characters[] = {
	{ TEXT(""), 0 },
	{ TEXT("\0"), 1 },
	{ TEXT("a"), 1 },
	{ TEXT("\x7f"), 1 },
	{ TEXT("\xc2\x80"), 2 },
	{ TEXT("\xdf\xbf"), 2 },
	{ TEXT("\xe0\xa0\x80"), 3 },
	{ TEXT("\xed\x9f\xbf"), 3 },
	{ TEXT("\xee\x80\x80"), 3 },
	{ TEXT("\xef\xbf\xbf"), 3 },
	{ TEXT("\xf0\x90\x80\x80"), 4 },
	{ TEXT("\xf4\x8f\xbf\xbf"), 4 },
	{ TEXT("\xc3\xa4rger"), 2 },
	/* Tails without a head. */
	{ TEXT("\x80"), 0 },
	{ TEXT("\xbf\xbf"), 0 },
	/* Longer than need be: "/" and NUL in disguise. */
	{ TEXT("\xc0\xaf"), 0 },
	{ TEXT("\xc0\x80"), 0 },
	{ TEXT("\xc1\xbf"), 0 },
	{ TEXT("\xe0\x80\xaf"), 0 },
	{ TEXT("\xe0\x9f\xbf"), 0 },
	{ TEXT("\xf0\x80\x80\xaf"), 0 },
	{ TEXT("\xf0\x8f\xbf\xbf"), 0 },
	/* Surrogates. */
	{ TEXT("\xed\xa0\x80"), 0 },
	{ TEXT("\xed\xbf\xbf"), 0 },
	/* Beyond U+10FFFF, and lead octets that never were. */
	{ TEXT("\xf4\x90\x80\x80"), 0 },
	{ TEXT("\xf5\x80\x80\x80"), 0 },
	{ TEXT("\xf8\x88\x80\x80\x80"), 0 },
	{ TEXT("\xfc\x84\x80\x80\x80\x80"), 0 },
	{ TEXT("\xfe"), 0 },
	{ TEXT("\xff"), 0 },
	/* Cut short by the end, or by another octet. */
	{ TEXT("\xc3"), 0 },
	{ TEXT("\xe2\x82"), 0 },
	{ TEXT("\xf0\x9f\x98"), 0 },
	{ TEXT("\xc3"
	       "a"),
	    0 },
	{ TEXT("\xe2\x82"
	       "a"),
	    0 },
	{ TEXT("\xf0\x9f\x98"
	       "a"),
	    0 },
	{ TEXT("\xc3\xc3\xa4"), 0 },
};

START_TEST(character_has_its_shortest_form)
{
	struct str given = characters[_i].given;
	size_t got = text_utf8_length(given);

	ck_assert_msg(got == characters[_i].want, "given \"%s\": got %zu",
	    expect_show(given), got);
}
END_TEST

/* The encoder of RFC 3629 section 3, written out once more. */
static size_t
encode(unsigned long number, char *into)
{
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t length = number < 0x80 ? 1 :
	    number < 0x800            ? 2 :
	    number < 0x10000          ? 3 :
					4;

	for (size_t i = length; i > 1; i--) {
		into[i - 1] = (char)(0x80 | (number & 0x3f));
		number >>= 6;
	}
	into[0] = (char)(heads[length] | number);
	return length;
}

START_TEST(every_code_point_but_surrogates_is_a_character)
{
	for (unsigned long i = 0; i <= 0x110000; i++) {
		char text[4];
		size_t length = encode(i, text);
		bool want = i <= 0x10ffff && (i < 0xd800 || i > 0xdfff);
		size_t got = text_utf8_length(str_of(text, length));

		if (got != (want ? length : 0))
			ck_abort_msg("U+%04lX: got %zu", i, got);
	}
}
END_TEST

/* As many sequences are right as there are code points: no two forms. */
START_TEST(no_other_sequence_is_a_character)
{
	size_t found[5] = { 0, 0, 0, 0, 0 };

	for (unsigned first = 0x80; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			for (unsigned third = 0; third < 256; third += 9) {
				char text[4] = { (char)first, (char)second,
					(char)third, '\x80' };

				found[text_utf8_length(str_of(text, 4))]++;
			}
		}
	}
	ck_assert_uint_eq(found[1], 0);
	ck_assert_uint_eq(found[2], (size_t)(0x800 - 0x80) * 29);
	/* Of the 64 tails 7 are looked at (135, 144 ...). */
	ck_assert_uint_eq(found[3], (size_t)(0x10000 - 0x800 - 0x800) / 64 * 7);
	ck_assert_uint_eq(found[4], (size_t)(0x110000 - 0x10000) / 4096 * 7);
}
END_TEST

START_TEST(text_is_utf8_if_all_of_it_is)
{
	ck_assert(text_is_utf8(STR("")));
	ck_assert(text_is_utf8(str_of(NULL, 0)));
	ck_assert(text_is_utf8(STR("a\0\xc3\xa4\xf0\x9f\x98\x80")));
	ck_assert(!text_is_utf8(STR("a\xc3")));
	ck_assert(!text_is_utf8(STR("\xe4")));
	ck_assert(!text_is_utf8(STR("aaaa\xc0\xaf"
				    "aaaa")));
	/* A slice that ends inside of a character. */
	ck_assert(!text_is_utf8(str_of("\xf0\x9f\x98\x80", 3)));
}
END_TEST

static const struct {
	struct str given;
	size_t most;
	struct str want;
} lines[] = {
	{ TEXT("plain text"), 100, TEXT("plain text") },
	{ TEXT("two\nlines\r\n"), 100, TEXT("two\\x0alines\\x0d\\x0a") },
	{ TEXT("\x1b[2J\a\t"), 100, TEXT("\\x1b[2J\\x07\\x09") },
	{ TEXT("\0\x7f"), 100, TEXT("\\x00\\x7f") },
	{ TEXT("\xc2\x85\xc2\x9b"), 100, TEXT("\\xc2\\x85\\xc2\\x9b") },
	{ TEXT("\xc2\xa0\xc3\xa4"), 100, TEXT("\xc2\xa0\xc3\xa4") },
	{ TEXT("\x85\xff"), 100, TEXT("\\x85\\xff") },
	{ TEXT("\xc0\x8a"), 100, TEXT("\\xc0\\x8a") },
	{ TEXT("\\x0a"), 100, TEXT("\\\\x0a") },
	{ TEXT("abcdef"), 6, TEXT("abcdef") },
	{ TEXT("abcdef"), 5, TEXT("abcde...") },
	{ TEXT("abcdef"), 0, TEXT("...") },
	{ TEXT(""), 0, TEXT("") },
	{ TEXT("ab\xc3\xa4"
	       "cd"),
	    3, TEXT("ab\\xc3...") },
};

START_TEST(line_stays_a_line)
{
	struct str given = lines[_i].given;
	char room[256];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	text_printable(&got, given, lines[_i].most);
	expect_str(given, buf_str(&got), lines[_i].want);
}
END_TEST

static bool
is_harmless(struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c < 32 || c == 127)
			return false;
		if (c == 0xc2 && i + 1 < text.length &&
		    (unsigned char)text.at[i + 1] < 0xa0)
			return false;
	}
	return text_is_utf8(text);
}

START_TEST(nothing_unprintable_comes_through)
{
	for (unsigned i = 0; i < 65536; i++) {
		char given[3] = { (char)(i >> 8), (char)i, '\x85' };
		char room[64];
		struct buf got;

		buf_init(&got, room, sizeof(room));
		text_printable(&got, str_of(given, 3), 3);
		if (!is_harmless(buf_str(&got)))
			ck_abort_msg("given \"%s\": got \"%s\"",
			    expect_show(str_of(given, 3)),
			    expect_show(buf_str(&got)));
	}
}
END_TEST

/* Each octet becomes four; there is never more than was allowed, and the last
 * of them. */
START_TEST(flood_of_escapes_is_cut)
{
	char room[1000];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	text_word(
	    &got, STR("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"), 10, " ");
	ck_assert_uint_le(got.length, 10 + 3 + 3);
	ck_assert(str_ends(buf_str(&got), "..."));
}
END_TEST

START_TEST(full_room_is_no_harm)
{
	char room[8];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	text_printable(&got, STR("abc\n\n\n\n"), 100);
	ck_assert(got.overflow);
	ck_assert_uint_eq(got.length, 7);
	ck_assert_int_eq(room[7], '\0');
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("text");
	TCase *utf8 = tcase_create("UTF-8");
	TCase *printable = tcase_create("printable");

	tcase_add_loop_test(
	    utf8, character_has_its_shortest_form, 0, (int)COUNT(characters));
	tcase_add_test(utf8, every_code_point_but_surrogates_is_a_character);
	tcase_add_test(utf8, no_other_sequence_is_a_character);
	tcase_add_test(utf8, text_is_utf8_if_all_of_it_is);
	suite_add_tcase(suite, utf8);
	tcase_add_loop_test(printable, line_stays_a_line, 0, (int)COUNT(lines));
	tcase_add_test(printable, nothing_unprintable_comes_through);
	tcase_add_test(printable, flood_of_escapes_is_cut);
	tcase_add_test(printable, full_room_is_no_harm);
	suite_add_tcase(suite, printable);
	return expect_run(suite);
}
