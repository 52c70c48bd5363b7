/*
 * check_date.c - the date and time as header fields have it.
 *
 * Source: RFC 5322 section 3.3; the dates are date(1)'s.
 */
#define _XOPEN_SOURCE 700 /* tzset(3) */
#include "mail/date.h"

#include "../base/expect.h"

static const struct {
	const char *zone;
	time_t when;
	const char *want;
} dates[] = {
	{ "UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
	{ "CET-1", 1795644839, "Wed, 25 Nov 2026 23:13:59 +0100" },
	{ "EST5", 1795644839, "Wed, 25 Nov 2026 17:13:59 -0500" },
	{ "NST3:30", 1795644839, "Wed, 25 Nov 2026 18:43:59 -0330" },
	{ "IST-5:30", 1795644839, "Thu, 26 Nov 2026 03:43:59 +0530" },
	{ "XST-14", 1798761599, "Fri, 1 Jan 2027 13:59:59 +1400" },
	{ "YST12", 1798761600, "Thu, 31 Dec 2026 12:00:00 -1200" },
	{ "UTC0", 2147483648, "Tue, 19 Jan 2038 03:14:08 +0000" },
	/* A leap day, and both sides of the new year. */
	{ "UTC0", 1709164800, "Thu, 29 Feb 2024 00:00:00 +0000" },
	{ "CET-1", 1798757999, "Thu, 31 Dec 2026 23:59:59 +0100" },
	{ "CET-1", 1798758000, "Fri, 1 Jan 2027 00:00:00 +0100" },
	{ "EST5", 1798779599, "Thu, 31 Dec 2026 23:59:59 -0500" },
	{ "EST5", 1798779600, "Fri, 1 Jan 2027 00:00:00 -0500" },
	{ "UTC0", 2147483647, "Tue, 19 Jan 2038 03:14:07 +0000" },
	/* Summer time comes and goes. */
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1774745999,
	    "Sun, 29 Mar 2026 01:59:59 +0100" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1774746000,
	    "Sun, 29 Mar 2026 03:00:00 +0200" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1792889999,
	    "Sun, 25 Oct 2026 02:59:59 +0200" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1792890000,
	    "Sun, 25 Oct 2026 02:00:00 +0100" },
	{ "UTC0", 4107542400, "Mon, 1 Mar 2100 00:00:00 +0000" },
};

START_TEST(date_is_local_with_its_zone)
{
	char room[64];
	struct buf out;

	ck_assert_int_eq(setenv("TZ", dates[_i].zone, 1), 0);
	tzset();
	buf_init(&out, room, sizeof(room));
	date_add(&out, dates[_i].when);
	expect_str(
	    str_from(dates[_i].zone), buf_str(&out), str_from(dates[_i].want));
}
END_TEST

/* Whatever the clock says, it is a date. */
START_TEST(time_that_is_none_is_a_date)
{
	static const time_t times[] = { -1, INT64_MAX, INT64_MIN };
	char room[64];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	date_add(&out, times[_i]);
	ck_assert(!out.overflow);
	ck_assert_uint_ge(out.length, strlen("Thu, 1 Jan 1970 00:00:00 +0000"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("date");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(
	    all, date_is_local_with_its_zone, 0, (int)COUNT(dates));
	tcase_add_loop_test(all, time_that_is_none_is_a_date, 0, 3);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
