/*
 * check_saslauthd.c - the question to saslauthd, octet by octet, and its two
 * answers.
 */
#include "wire/saslauthd.h"

#include "../base/expect.h"

START_TEST(question_is_four_counted_strings)
{
	char room[64];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	ck_assert(saslauthd_ask(&out, STR("bob"), STR("p\0w"), STR("lmtp")));
	expect_str(
	    STR("bob"), buf_str(&out), STR("\0\3bob\0\3p\0w\0\4lmtp\0\0"));
}
END_TEST

START_TEST(what_does_not_fit_is_not_asked)
{
	static char longest[300];
	char room[1024], small[8];
	struct buf out;

	memset(longest, 'x', sizeof(longest));
	buf_init(&out, room, sizeof(room));
	ck_assert(!saslauthd_ask(
	    &out, STR("bob"), str_of(longest, 257), STR("lmtp")));
	buf_init(&out, small, sizeof(small));
	ck_assert(!saslauthd_ask(&out, STR("bob"), STR("pw"), STR("lmtp")));
}
END_TEST

static const struct {
	struct str said;
	enum saslauthd_answer want;
} rows[] = {
	{ TEXT("\0\2OK"), SASLAUTHD_RIGHT },
	{ TEXT("\0\10OK fine!"), SASLAUTHD_RIGHT },
	{ TEXT("\0\2NO"), SASLAUTHD_WRONG },
	{ TEXT("\0\12NO because"), SASLAUTHD_WRONG },
	{ TEXT(""), SASLAUTHD_UNFINISHED },
	{ TEXT("\0"), SASLAUTHD_UNFINISHED },
	{ TEXT("\0\2"), SASLAUTHD_UNFINISHED },
	{ TEXT("\0\2O"), SASLAUTHD_UNFINISHED },
	{ TEXT("\0\3OK"), SASLAUTHD_UNFINISHED },
	{ TEXT("\0\0"), SASLAUTHD_BROKEN },
	{ TEXT("\0\1O"), SASLAUTHD_BROKEN },
	{ TEXT("\0\2ok"), SASLAUTHD_BROKEN },
	{ TEXT("\0\2\0\0"), SASLAUTHD_BROKEN },
};

START_TEST(answer_is_ok_or_no)
{
	ck_assert_msg(saslauthd_read(rows[_i].said) == rows[_i].want,
	    "said \"%s\"", expect_show(rows[_i].said));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("saslauthd");
	TCase *all = tcase_create("all");

	tcase_add_test(all, question_is_four_counted_strings);
	tcase_add_test(all, what_does_not_fit_is_not_asked);
	tcase_add_loop_test(all, answer_is_ok_or_no, 0, (int)COUNT(rows));
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
