/*
 * check_number.c - numbers from outside neither overflow nor pass as others.
 */
#include "base/number.h"

#include "../base/expect.h"

#include <inttypes.h>

#define UNTOUCHED 4711

static const struct {
	struct str given;
	uint64_t most;
	bool fine;
	uint64_t want;
} numbers[] = {
	{ TEXT("0"), 0, true, 0 }, { TEXT("00"), 0, true, 0 },
	{ TEXT("1"), 0, false, 0 }, { TEXT("9"), 5, false, 0 },
	{ TEXT("5"), 5, true, 5 }, { TEXT("6"), 5, false, 0 },
	{ TEXT("10"), 9, false, 0 }, { TEXT("19"), 19, true, 19 },
	{ TEXT("20"), 19, false, 0 }, { TEXT("007"), 7, true, 7 },
	{ TEXT("4294967295"), UINT32_MAX, true, UINT32_MAX },
	{ TEXT("4294967296"), UINT32_MAX, false, 0 },
	{ TEXT("42949672950"), UINT32_MAX, false, 0 },
	{ TEXT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX },
	{ TEXT("18446744073709551616"), UINT64_MAX, false, 0 },
	{ TEXT("18446744073709551620"), UINT64_MAX, false, 0 },
	{ TEXT("184467440737095516150"), UINT64_MAX, false, 0 },
	{ TEXT("99999999999999999999"), UINT64_MAX, false, 0 },
	{ TEXT("000000000000000000000000000000001"), 1, true, 1 },
	{ TEXT(""), UINT64_MAX, false, 0 },
	{ { NULL, 0 }, UINT64_MAX, false, 0 },
	{ TEXT("-1"), UINT64_MAX, false, 0 },
	{ TEXT("+1"), UINT64_MAX, false, 0 },
	{ TEXT(" 1"), UINT64_MAX, false, 0 },
	{ TEXT("1 "), UINT64_MAX, false, 0 },
	{ TEXT("1\n"), UINT64_MAX, false, 0 },
	{ TEXT("1\0"), UINT64_MAX, false, 0 },
	{ TEXT("1.0"), UINT64_MAX, false, 0 },
	{ TEXT("0x1"), UINT64_MAX, false, 0 },
	{ TEXT("1e3"), UINT64_MAX, false, 0 },
	{ TEXT("\xd9\xa1"), UINT64_MAX, false, 0 }, /* an Arabic 1 */
};

START_TEST(number_is_digits_up_to_the_most)
{
	struct str given = numbers[_i].given;
	uint64_t got = UNTOUCHED;
	bool fine = number_read(given, numbers[_i].most, &got);

	expect_bool(given, fine, numbers[_i].fine);
	if (!fine)
		ck_assert_msg(got == UNTOUCHED,
		    "given \"%s\": changed although refused",
		    expect_show(given));
	else
		ck_assert_msg(got == numbers[_i].want,
		    "given \"%s\": got %" PRIu64, expect_show(given), got);
}
END_TEST

static const struct {
	uint64_t used, more, limit;
	bool want;
} sums[] = {
	{ 0, 0, 0, true },
	{ 0, 1, 0, false },
	{ 1, 0, 0, false },
	{ 5, 5, 10, true },
	{ 5, 6, 10, false },
	{ 11, 0, 10, false },
	{ UINT64_MAX, 0, UINT64_MAX, true },
	{ UINT64_MAX, 1, UINT64_MAX, false },
	{ 1, UINT64_MAX, UINT64_MAX, false },
	{ 1, UINT64_MAX, 10, false },
	{ UINT64_MAX, UINT64_MAX, UINT64_MAX, false },
	{ UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX, true },
};

START_TEST(sum_fits_without_overflow)
{
	ck_assert_msg(size_fits(sums[_i].used, sums[_i].more, sums[_i].limit) ==
		sums[_i].want,
	    "%" PRIu64 " + %" PRIu64 " in %" PRIu64, sums[_i].used,
	    sums[_i].more, sums[_i].limit);
}
END_TEST

/* Every number of up to five digits against every limit near it. */
START_TEST(limits_are_exact)
{
	for (uint64_t i = 0; i < 20000; i += 7) {
		char text[16];
		uint64_t got;
		int length = snprintf(text, sizeof(text), "%" PRIu64, i);
		struct str given = str_of(text, (size_t)length);

		ck_assert(number_read(given, i, &got) && got == i);
		ck_assert(number_read(given, i + 1, &got) && got == i);
		ck_assert(i == 0 || !number_read(given, i - 1, &got));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("number");
	TCase *hostile = tcase_create("hostile");

	tcase_add_loop_test(
	    hostile, number_is_digits_up_to_the_most, 0, (int)COUNT(numbers));
	tcase_add_loop_test(
	    hostile, sum_fits_without_overflow, 0, (int)COUNT(sums));
	tcase_add_test(hostile, limits_are_exact);
	suite_add_tcase(suite, hostile);
	return expect_run(suite);
}
