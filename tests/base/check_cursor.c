/*
 * check_cursor.c - a cursor takes what is there and cannot leave its text.
 */
#include "base/cursor.h"

#include "../base/expect.h"

START_TEST(end_gives_nothing_for_ever)
{
	struct cursor in = cursor_over(str_of(NULL, 0));
	char taken = 'x';

	for (int i = 0; i < 3; i++) {
		ck_assert(cursor_at_end(&in));
		ck_assert_int_eq(cursor_peek(&in), '\0');
		ck_assert(!cursor_take(&in, 'a'));
		ck_assert(!cursor_take(&in, '\0'));
		ck_assert(!cursor_take_any(&in, "ab", &taken));
		ck_assert(!cursor_take_word(&in, "a"));
		cursor_skip_blanks(&in);
		ck_assert_uint_eq(cursor_until(&in, 'a').length, 0);
		ck_assert_uint_eq(cursor_span(&in, "a").length, 0);
		ck_assert_uint_eq(cursor_span_not(&in, "a").length, 0);
		ck_assert_uint_eq(cursor_octets(&in, 5).length, 0);
	}
	ck_assert_int_eq(taken, 'x');
}
END_TEST

START_TEST(what_is_not_there_moves_nothing)
{
	struct cursor in = cursor_over(STR("abc"));
	char taken = 'x';

	ck_assert(!cursor_take(&in, 'b'));
	ck_assert(!cursor_take_any(&in, "bc", &taken));
	ck_assert(!cursor_take_any(&in, "", &taken));
	ck_assert(!cursor_take_word(&in, "abd"));
	ck_assert(!cursor_take_word(&in, "abcd"));
	cursor_skip_blanks(&in);
	ck_assert_uint_eq(cursor_span(&in, "bc").length, 0);
	ck_assert_uint_eq(cursor_span_not(&in, "a").length, 0);
	ck_assert_int_eq(taken, 'x');
	expect_str(STR("abc"), in.rest, STR("abc"));
}
END_TEST

START_TEST(octets_and_words_are_taken_in_order)
{
	struct cursor in = cursor_over(STR("a+INBOX rest"));
	char taken = 'x';

	ck_assert_int_eq(cursor_peek(&in), 'a');
	ck_assert(cursor_take(&in, 'a'));
	ck_assert(cursor_take_any(&in, "-+", &taken));
	ck_assert_int_eq(taken, '+');
	ck_assert(!cursor_take_word(&in, "inbox"));
	ck_assert(cursor_take_word(&in, "INBOX"));
	ck_assert(cursor_take_word(&in, ""));
	cursor_skip_blanks(&in);
	expect_str(STR(""), cursor_octets(&in, 2), STR("re"));
	expect_str(STR(""), cursor_octets(&in, STR_NONE), STR("st"));
	ck_assert(cursor_at_end(&in));
}
END_TEST

START_TEST(nul_is_an_octet_like_any_other)
{
	struct cursor in = cursor_over(STR("\0a\0b"));
	char taken = 'x';

	ck_assert(!cursor_at_end(&in));
	ck_assert_int_eq(cursor_peek(&in), '\0');
	/* A set is a C string, so NUL is in none. */
	ck_assert(!cursor_take_any(&in, "ab", &taken));
	ck_assert_uint_eq(cursor_span(&in, "ab").length, 0);
	expect_str(STR(""), cursor_span_not(&in, "a"), STR("\0"));
	expect_str(STR(""), cursor_until(&in, '\0'), STR("a"));
	expect_str(STR(""), in.rest, STR("b"));
	in = cursor_over(STR("\0"));
	ck_assert(cursor_take(&in, '\0'));
	ck_assert(cursor_at_end(&in));
}
END_TEST

static const struct {
	struct str given, want, rest;
} untils[] = {
	{ TEXT("a:b:c"), TEXT("a"), TEXT("b:c") },
	{ TEXT(":b"), TEXT(""), TEXT("b") },
	{ TEXT("a:"), TEXT("a"), TEXT("") },
	{ TEXT("abc"), TEXT("abc"), TEXT("") },
	{ TEXT("::"), TEXT(""), TEXT(":") },
	{ TEXT(""), TEXT(""), TEXT("") },
	{ TEXT("a\0:b"), TEXT("a\0"), TEXT("b") },
};

START_TEST(text_until_an_octet)
{
	struct cursor in = cursor_over(untils[_i].given);
	struct str got = cursor_until(&in, ':');

	expect_str(untils[_i].given, got, untils[_i].want);
	expect_str(untils[_i].given, in.rest, untils[_i].rest);
}
END_TEST

START_TEST(blanks_are_blanks_and_tabs)
{
	struct cursor in = cursor_over(STR(" \t \n a"));

	cursor_skip_blanks(&in);
	expect_str(STR(" \t \n a"), in.rest, STR("\n a"));
}
END_TEST

START_TEST(runs_are_the_longest)
{
	struct cursor in = cursor_over(STR("0123x45\xff"));

	expect_str(STR("digits"), cursor_span(&in, "0123456789"), STR("0123"));
	expect_str(
	    STR("no digits"), cursor_span_not(&in, "0123456789"), STR("x"));
	expect_str(STR("digits"), cursor_span(&in, "0123456789"), STR("45"));
	expect_str(STR("8-bit"), cursor_span(&in, "\xff"), STR("\xff"));
	ck_assert(cursor_at_end(&in));
	in = cursor_over(STR("abc"));
	expect_str(STR("no set"), cursor_span_not(&in, ""), STR("abc"));
}
END_TEST

START_TEST(slice_inside_a_text_ends_where_it_ends)
{
	struct cursor in = cursor_over(str_of("name:rest", 4));

	expect_str(STR("name"), cursor_until(&in, ':'), STR("name"));
	ck_assert(cursor_at_end(&in));
	ck_assert(!cursor_take(&in, ':'));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cursor");
	TCase *walk = tcase_create("walk");

	tcase_add_test(walk, end_gives_nothing_for_ever);
	tcase_add_test(walk, what_is_not_there_moves_nothing);
	tcase_add_test(walk, octets_and_words_are_taken_in_order);
	tcase_add_test(walk, nul_is_an_octet_like_any_other);
	tcase_add_loop_test(walk, text_until_an_octet, 0, (int)COUNT(untils));
	tcase_add_test(walk, blanks_are_blanks_and_tabs);
	tcase_add_test(walk, runs_are_the_longest);
	tcase_add_test(walk, slice_inside_a_text_ends_where_it_ends);
	suite_add_tcase(suite, walk);
	return expect_run(suite);
}
