/*
 * check_str.c - slices answer for what they hold, and for nothing beyond.
 */
#include "base/str.h"

#include "../base/expect.h"

START_TEST(null_is_the_empty_slice)
{
	ck_assert_uint_eq(str_from(NULL).length, 0);
	ck_assert(str_is_empty(str_from(NULL)));
	ck_assert(str_equal(str_from(NULL), str_from("")));
	ck_assert(str_is(str_of(NULL, 0), ""));
	ck_assert(!str_has_control(str_of(NULL, 0)));
	ck_assert_uint_eq(str_trim(str_of(NULL, 0)).length, 0);
	ck_assert_uint_eq(str_index(str_of(NULL, 0), 'a'), STR_NONE);
	ck_assert_uint_eq(str_last(str_of(NULL, 0), 'a'), STR_NONE);
}
END_TEST

static const struct {
	struct str given;
	size_t at;
	struct str after, head;
} cuts[] = {
	{ TEXT("abc"), 0, TEXT("abc"), TEXT("") },
	{ TEXT("abc"), 1, TEXT("bc"), TEXT("a") },
	{ TEXT("abc"), 3, TEXT(""), TEXT("abc") },
	{ TEXT("abc"), 4, TEXT(""), TEXT("abc") },
	{ TEXT("abc"), STR_NONE, TEXT(""), TEXT("abc") },
	{ TEXT("a\0b"), 1, TEXT("\0b"), TEXT("a") },
	{ TEXT(""), 0, TEXT(""), TEXT("") },
	{ TEXT(""), STR_NONE, TEXT(""), TEXT("") },
	{ { NULL, 0 }, 1, TEXT(""), TEXT("") },
};

START_TEST(cut_stays_inside)
{
	struct str given = cuts[_i].given;

	expect_str(given, str_after(given, cuts[_i].at), cuts[_i].after);
	expect_str(given, str_head(given, cuts[_i].at), cuts[_i].head);
}
END_TEST

static const struct {
	struct str one, other;
	bool equal, equal_nocase;
} pairs[] = {
	{ TEXT("abc"), TEXT("abc"), true, true },
	{ TEXT("abc"), TEXT("aBC"), false, true },
	{ TEXT("abc"), TEXT("ab"), false, false },
	{ TEXT("abc"), TEXT("abd"), false, false },
	{ TEXT("a\0b"), TEXT("a\0b"), true, true },
	{ TEXT("a\0b"), TEXT("a\0c"), false, false },
	{ TEXT("a"), TEXT("a\0"), false, false },
	{ TEXT(""), TEXT(""), true, true },
	{ { NULL, 0 }, TEXT(""), true, true },
	{ { NULL, 0 }, TEXT("\0"), false, false },
	/* One bit apart, as letters are, but no letters. */
	{ TEXT("[@"), TEXT("{`"), false, false },
	{ TEXT("\xc4"), TEXT("\xe4"), false, false },
};

START_TEST(equality_is_of_all_octets)
{
	struct str one = pairs[_i].one, other = pairs[_i].other;

	expect_bool(one, str_equal(one, other), pairs[_i].equal);
	expect_bool(one, str_equal(other, one), pairs[_i].equal);
	expect_bool(one, str_equal_nocase(one, other), pairs[_i].equal_nocase);
	expect_bool(one, str_equal_nocase(other, one), pairs[_i].equal_nocase);
}
END_TEST

START_TEST(word_does_not_match_behind_a_nul)
{
	ck_assert(str_is(STR("ab"), "ab"));
	ck_assert(!str_is(STR("ab\0"), "ab"));
	ck_assert(!str_is_nocase(STR("AB\0"), "ab"));
	ck_assert(str_is_nocase(STR("AB"), "ab"));
}
END_TEST

START_TEST(case_of_ascii_letters_only)
{
	for (int i = 0; i < 256; i++) {
		char lower = (char)i, upper = (char)i;

		if (i >= 'A' && i <= 'Z')
			lower = (char)(i + 32);
		if (i >= 'a' && i <= 'z')
			upper = (char)(i - 32);
		ck_assert_msg(
		    str_lower_octet((char)i) == lower, "lower of %d", i);
		ck_assert_msg(
		    str_upper_octet((char)i) == upper, "upper of %d", i);
	}
}
END_TEST

static const struct {
	struct str given;
	const char *word;
	bool begins, begins_nocase, ends;
} affixes[] = {
	{ TEXT("INBOX/a"), "INBOX/", true, true, false },
	{ TEXT("inbox/a"), "INBOX/", false, true, false },
	{ TEXT("INBO"), "INBOX", false, false, false },
	{ TEXT("abab"), "ab", true, true, true },
	{ TEXT("ab"), "ab", true, true, true },
	{ TEXT("b"), "ab", false, false, false },
	{ TEXT("ab"), "", true, true, true },
	{ TEXT(""), "", true, true, true },
	{ TEXT(""), "a", false, false, false },
	{ { NULL, 0 }, "", true, true, true },
	{ { NULL, 0 }, "a", false, false, false },
	{ TEXT("ab\0"), "ab", true, true, false },
	{ TEXT("\0ab"), "ab", false, false, true },
};

START_TEST(begin_and_end_are_compared)
{
	struct str given = affixes[_i].given;
	const char *word = affixes[_i].word;

	expect_bool(given, str_begins(given, word), affixes[_i].begins);
	expect_bool(
	    given, str_begins_nocase(given, word), affixes[_i].begins_nocase);
	expect_bool(given, str_ends(given, word), affixes[_i].ends);
}
END_TEST

static const struct {
	struct str given;
	char c;
	size_t first, last;
} octets[] = {
	{ TEXT("a@b@c"), '@', 1, 3 },
	{ TEXT("@"), '@', 0, 0 },
	{ TEXT("abc"), '@', STR_NONE, STR_NONE },
	{ TEXT(""), '@', STR_NONE, STR_NONE },
	{ TEXT("a\0b\0"), '\0', 1, 3 },
	{ TEXT("ab"), '\0', STR_NONE, STR_NONE },
	{ TEXT("\xff\x7f\xff"), '\xff', 0, 2 },
};

START_TEST(octet_is_found)
{
	struct str given = octets[_i].given;
	size_t got = str_index(given, octets[_i].c);

	ck_assert_msg(got == octets[_i].first, "given \"%s\": first is %zu",
	    expect_show(given), got);
	got = str_last(given, octets[_i].c);
	ck_assert_msg(got == octets[_i].last, "given \"%s\": last is %zu",
	    expect_show(given), got);
}
END_TEST

static const struct {
	struct str given, set;
	size_t want;
} sets[] = {
	{ TEXT("bob+x-y"), TEXT("+-"), 3 },
	{ TEXT("bob-x+y"), TEXT("+-"), 3 },
	{ TEXT("bob"), TEXT("+-"), STR_NONE },
	{ TEXT("bob"), TEXT(""), STR_NONE },
	{ TEXT(""), TEXT("+"), STR_NONE },
	{ TEXT("a\0b"), TEXT("\0"), 1 },
	{ TEXT("a\0b"), TEXT("b"), 2 },
};

START_TEST(octet_of_a_set_is_found)
{
	size_t got = str_index_any(sets[_i].given, sets[_i].set);

	ck_assert_msg(got == sets[_i].want, "given \"%s\": got %zu",
	    expect_show(sets[_i].given), got);
}
END_TEST

static const struct {
	struct str given, want;
} trims[] = {
	{ TEXT("a"), TEXT("a") },
	{ TEXT("  a b\t"), TEXT("a b") },
	{ TEXT("\r\n a \r\n"), TEXT("a") },
	{ TEXT(" \t\r\n"), TEXT("") },
	{ TEXT(" "), TEXT("") },
	{ TEXT(""), TEXT("") },
	{ TEXT(" \0 "), TEXT("\0") },
	{ TEXT("\va\f"), TEXT("\va\f") },
	{ TEXT("\xa0"
	       "a"),
	    TEXT("\xa0"
		 "a") },
};

START_TEST(blanks_at_both_ends_are_trimmed)
{
	expect_str(trims[_i].given, str_trim(trims[_i].given), trims[_i].want);
}
END_TEST

/* All lengths round the pieces that are counted at once, from any address. */
START_TEST(every_octet_is_counted_once)
{
	static char text[1024];

	for (size_t length = 0; length < 800; length++) {
		struct str all = str_of(text + length % 17, length);

		memset(text, 'n', sizeof(text));
		ck_assert_uint_eq(str_count(all, '\n'), 0);
		ck_assert_uint_eq(str_count(all, 'n'), length);
		text[length % 17 + length] = '\n'; /* just behind it */
		for (size_t i = 0; i < length; i += 7)
			text[length % 17 + i] = '\n';
		ck_assert_uint_eq(str_count(all, '\n'), (length + 6) / 7);
	}
	ck_assert_uint_eq(str_count(str_of(NULL, 0), '\0'), 0);
	ck_assert_uint_eq(str_count(STR("\xff\0\xff"), '\xff'), 2);
}
END_TEST

START_TEST(octet_is_in_a_set)
{
	ck_assert(str_has_octet("abc", 'a'));
	ck_assert(str_has_octet("abc", 'c'));
	ck_assert(str_has_octet("\xff", '\xff'));
	ck_assert(!str_has_octet("abc", 'd'));
	ck_assert(!str_has_octet("abc", '\0'));
	ck_assert(!str_has_octet("", '\0'));
}
END_TEST

START_TEST(control_characters_are_0_to_31_and_127)
{
	for (int i = 0; i < 256; i++) {
		char text[] = { 'a', (char)i, 'b' };

		ck_assert_msg(
		    str_has_control(str_of(text, 3)) == (i < 32 || i == 127),
		    "octet %d", i);
	}
	ck_assert(str_has_control(STR("\0")));
	ck_assert(str_has_control(STR("ab\n")));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("str");
	TCase *slices = tcase_create("slices");

	tcase_add_test(slices, null_is_the_empty_slice);
	tcase_add_loop_test(slices, cut_stays_inside, 0, (int)COUNT(cuts));
	tcase_add_loop_test(
	    slices, equality_is_of_all_octets, 0, (int)COUNT(pairs));
	tcase_add_test(slices, word_does_not_match_behind_a_nul);
	tcase_add_test(slices, case_of_ascii_letters_only);
	tcase_add_loop_test(
	    slices, begin_and_end_are_compared, 0, (int)COUNT(affixes));
	tcase_add_loop_test(slices, octet_is_found, 0, (int)COUNT(octets));
	tcase_add_loop_test(
	    slices, octet_of_a_set_is_found, 0, (int)COUNT(sets));
	tcase_add_loop_test(
	    slices, blanks_at_both_ends_are_trimmed, 0, (int)COUNT(trims));
	tcase_add_test(slices, every_octet_is_counted_once);
	tcase_add_test(slices, octet_is_in_a_set);
	tcase_add_test(slices, control_characters_are_0_to_31_and_127);
	suite_add_tcase(suite, slices);
	return expect_run(suite);
}
