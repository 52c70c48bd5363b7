/*
 * check_netstring.c - strings with their length before them, whole, cut,
 * lying.
 *
 * Source: D. J. Bernstein, "Netstrings" (1997).
 */
#include "wire/netstring.h"

#include "../base/expect.h"

#include <stdint.h>

#define WHOLE NETSTRING_WHOLE
#define MORE NETSTRING_UNFINISHED
#define BROKEN NETSTRING_BROKEN

static const struct {
	struct str given;
	enum netstring_state want;
	struct str text;
	size_t used;
} rows[] = {
	{ TEXT("3:abc,"), WHOLE, TEXT("abc"), 6 },
	{ TEXT("0:,"), WHOLE, TEXT(""), 3 },
	{ TEXT("1:,,"), WHOLE, TEXT(","), 4 },
	{ TEXT("3:a\0b,"), WHOLE, TEXT("a\0b"), 6 },
	{ TEXT("12:hello world!,"), WHOLE, TEXT("hello world!"), 16 },
	{ TEXT("3:abc,5:more"), WHOLE, TEXT("abc"), 6 },
	{ TEXT("3:abc,\n"), WHOLE, TEXT("abc"), 6 },
	{ TEXT("4:3:a,,"), WHOLE, TEXT("3:a,"), 7 },
	/* A length that lies: too short, too long. */
	{ TEXT("2:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("4:abc,"), MORE, TEXT(""), 0 },
	{ TEXT("4:abc,x"), BROKEN, TEXT(""), 0 },
	{ TEXT("3:abc;"), BROKEN, TEXT(""), 0 },
	{ TEXT("3:abc\n"), BROKEN, TEXT(""), 0 },
	{ TEXT("0:x"), BROKEN, TEXT(""), 0 },
	/* Not a length. */
	{ TEXT(":abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("a"), BROKEN, TEXT(""), 0 },
	{ TEXT("-1:"), BROKEN, TEXT(""), 0 },
	{ TEXT("+3:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT(" 3:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("3 :abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("3;abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("0x3:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("3\0:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("\0"), BROKEN, TEXT(""), 0 },
	{ TEXT("03:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("00:,"), BROKEN, TEXT(""), 0 },
	{ TEXT("00"), BROKEN, TEXT(""), 0 },
	{ TEXT("003:abc,"), BROKEN, TEXT(""), 0 },
	/* Longer than the most (100), refused as soon as that is clear. */
	{ TEXT("100:"), MORE, TEXT(""), 0 },
	{ TEXT("101:"), BROKEN, TEXT(""), 0 },
	{ TEXT("101"), BROKEN, TEXT(""), 0 },
	{ TEXT("1000"), BROKEN, TEXT(""), 0 },
	{ TEXT("4294967299:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("18446744073709551619:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("18446744073709551615:abc,"), BROKEN, TEXT(""), 0 },
	{ TEXT("99999999999999999999999999999999999999"), BROKEN, TEXT(""), 0 },
	{ TEXT("HTTP/1.1 400 Bad Request\r\n"), BROKEN, TEXT(""), 0 },
};

START_TEST(netstring_is_whole_unfinished_or_broken)
{
	struct str text = STR("");
	size_t used = 0;
	enum netstring_state got =
	    netstring_read(rows[_i].given, 100, &text, &used);

	ck_assert_msg(got == rows[_i].want, "given \"%s\": %d",
	    expect_show(rows[_i].given), (int)got);
	if (got != NETSTRING_WHOLE)
		return;
	expect_str(rows[_i].given, text, rows[_i].text);
	ck_assert_uint_eq(used, rows[_i].used);
}
END_TEST

START_TEST(every_prefix_is_unfinished)
{
	static const struct str wholes[] = { TEXT("0:,"), TEXT("3:abc,"),
		TEXT("12:OK a:b:c:d:e,"), TEXT("10:0123456789,"),
		TEXT("5:1:a,,,") };
	struct str whole = wholes[_i], text;
	size_t used;

	for (size_t i = 0; i < whole.length; i++) {
		/* A copy of just this length: a sanitizer sees one octet
		 * more. */
		char *copy = malloc(i == 0 ? 1 : i);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, whole.at, i);
		ck_assert_msg(netstring_read(str_of(copy, i), 100, &text,
				  &used) == NETSTRING_UNFINISHED,
		    "%zu octets of \"%s\"", i, expect_show(whole));
		free(copy);
	}
	ck_assert_int_eq((int)netstring_read(whole, 100, &text, &used),
	    (int)NETSTRING_WHOLE);
}
END_TEST

START_TEST(what_is_added_is_read_again)
{
	char room[400], long_text[300];
	static const struct str texts[] = { TEXT(""), TEXT("a"), TEXT("a\0b"),
		TEXT("1:a,"), TEXT("name key") };
	struct str given, text;
	struct buf out;
	size_t used;

	memset(long_text, 'x', sizeof(long_text));
	given = _i < (int)COUNT(texts) ? texts[_i] :
					 str_of(long_text, sizeof(long_text));
	buf_init(&out, room, sizeof(room));
	netstring_add(&out, given);
	ck_assert(!out.overflow);
	ck_assert_int_eq((int)netstring_read(buf_str(&out), 1000, &text, &used),
	    (int)NETSTRING_WHOLE);
	expect_str(given, text, given);
	ck_assert_uint_eq(used, out.length);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("netstring");
	TCase *all = tcase_create("netstring");

	tcase_add_loop_test(
	    all, netstring_is_whole_unfinished_or_broken, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, every_prefix_is_unfinished, 0, 5);
	tcase_add_loop_test(all, what_is_added_is_read_again, 0, 6);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
