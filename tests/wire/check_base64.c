/*
 * check_base64.c - there and back, and what is no base64.
 *
 * Source: RFC 4648, sections 4, 3.5 and 10 (test vectors).
 */
#include "wire/base64.h"

#include "../base/expect.h"

static const struct {
	struct str plain;
	struct str text;
} rows[] = {
	{ TEXT(""), TEXT("") },
	{ TEXT("f"), TEXT("Zg==") },
	{ TEXT("fo"), TEXT("Zm8=") },
	{ TEXT("foo"), TEXT("Zm9v") },
	{ TEXT("foob"), TEXT("Zm9vYg==") },
	{ TEXT("fooba"), TEXT("Zm9vYmE=") },
	{ TEXT("foobar"), TEXT("Zm9vYmFy") },
	{ TEXT("\0"), TEXT("AA==") },
	{ TEXT("\0\0\0"), TEXT("AAAA") },
	{ TEXT("\0bob\0secret"), TEXT("AGJvYgBzZWNyZXQ=") },
	{ TEXT("\xff\xfe\xfd\xfc"), TEXT("//79/A==") },
	{ TEXT("\xfb\xef\xbe"), TEXT("++++") },
	{ TEXT("Username:"), TEXT("VXNlcm5hbWU6") },
};

START_TEST(vectors_are_written_and_read)
{
	char room[64];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	base64_add(&out, rows[_i].plain);
	expect_str(rows[_i].plain, buf_str(&out), rows[_i].text);
	buf_init(&out, room, sizeof(room));
	ck_assert(base64_read(rows[_i].text, &out));
	expect_str(rows[_i].text, buf_str(&out), rows[_i].plain);
}
END_TEST

static const struct str broken[] = {
	TEXT("Z"),
	TEXT("Zg"),
	TEXT("Zg="),
	TEXT("Zg==="),
	TEXT("Z==="),
	TEXT("===="),
	TEXT("="),
	TEXT("Zm8"),
	TEXT("Zm9vZg==Zm9v"),
	TEXT("Zg==Zm9v"),
	TEXT("Zm9=v"),
	TEXT("Z=9v"),
	TEXT("=m9v"),
	TEXT("Zm9v===="),
	/* Bits left over: another spelling of "Zg==" and "Zm8=". */
	TEXT("Zh=="),
	TEXT("Zm9="),
	/* Not the alphabet. */
	TEXT("Zm9v\n"),
	TEXT("Zm9v\r\n12"),
	TEXT("Zm9 "),
	TEXT(" Zm9"),
	TEXT("Zm-_"),
	TEXT("Zm9\0"),
	TEXT("\0\0\0\0"),
	TEXT("Zm9\xc3"),
	TEXT("*"),
};

START_TEST(what_is_no_base64_is_refused)
{
	char room[64];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	ck_assert_msg(!base64_read(broken[_i], &out), "\"%s\" is read",
	    expect_show(broken[_i]));
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	char room[7];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	ck_assert(base64_read(STR("Zm9vYmFy"), &out));
	buf_init(&out, room, sizeof(room));
	ck_assert(!base64_read(STR("Zm9vYmFyZg=="), &out));
}
END_TEST

/* Every text of four characters that is read is written the same again. */
START_TEST(each_value_has_one_spelling)
{
	static const char some[] = "ABQgwxyz089+/=-* ";
	char room[8], again[8];
	size_t read = 0;

	for (unsigned n = 0; n < 17 * 17 * 17 * 17; n++) {
		char text[4] = { some[n % 17], some[n / 17 % 17],
			some[n / 289 % 17], some[n / 4913] };
		struct buf plain, out;

		buf_init(&plain, room, sizeof(room));
		if (!base64_read(str_of(text, 4), &plain))
			continue;
		read++;
		buf_init(&out, again, sizeof(again));
		base64_add(&out, buf_str(&plain));
		expect_str(buf_str(&plain), buf_str(&out), str_of(text, 4));
	}
	ck_assert_uint_gt(read, 13 * 13 * 13 * 13);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base64");
	TCase *all = tcase_create("base64");

	tcase_add_loop_test(
	    all, vectors_are_written_and_read, 0, (int)COUNT(rows));
	tcase_add_loop_test(
	    all, what_is_no_base64_is_refused, 0, (int)COUNT(broken));
	tcase_add_test(all, what_does_not_fit_is_refused);
	tcase_add_test(all, each_value_has_one_spelling);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
