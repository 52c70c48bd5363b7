/*
 * fuzz_date.c - any time in any zone, read back from what the header says.
 */
#include "fuzz/fuzz.h"
#include "mail/date.h"

#include <time.h>

/* Days from 1970 to a day of the Gregorian calendar. */
static int64_t
days_to(int64_t year, int64_t month, int64_t day)
{
	int64_t before;

	year -= month <= 2;
	month += month <= 2 ? 9 : -3;
	before = year >= 0 ? year / 400 : (year - 399) / 400;
	year -= before * 400;
	return before * 146097 + year * 365 + year / 4 - year / 100 +
	    (153 * month + 2) / 5 + day - 1 - 719468;
}

static void
one(struct fuzz *fuzz)
{
	static const char *const zones[] = { "UTC", "XXX-14", "XXX+12:59",
		"XXX-5:30", "XXX3YYY,M3.2.0,M11.1.0" };
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const char names[] = "ThuFriSatSunMonTueWed";
	char day_name[4], month_name[4], sign;
	int day, year, hour, minute, second, east_hours, east_minutes, end = 0;
	struct buf date = fuzz_room(100);
	int64_t days, seconds;
	const char *month;
	uint64_t when = 0;

	setenv("TZ", zones[fuzz_choose(fuzz, COUNT(zones))], 1);
	tzset();
	for (int i = 0; i < 8; i++)
		when = when << 8 | fuzz_choose(fuzz, 256);
	date_add(&date, (time_t)when);
	REQUIRE(!date.overflow && !str_has_control(buf_str(&date)));
	REQUIRE(sscanf(date.at,
		    "%3[A-Za-z], %d %3[A-Za-z] %d "
		    "%d:%d:%d %c%2d%2d%n",
		    day_name, &day, month_name, &year, &hour, &minute, &second,
		    &sign, &east_hours, &east_minutes, &end) == 10);
	REQUIRE(date.at[end] == '\0' && (sign == '+' || sign == '-'));
	month = strstr(months, month_name);
	REQUIRE(month != NULL && (month - months) % 3 == 0);
	days = days_to(year, (month - months) / 3 + 1, day);
	REQUIRE(strncmp(names + 3 * ((days % 7 + 7) % 7), day_name, 3) == 0);
	seconds = days * 86400 + hour * 3600 + minute * 60 + second;
	seconds -= (sign == '-' ? -1 : 1) *
	    ((int64_t)east_hours * 3600 + (int64_t)east_minutes * 60);
	/* A year beyond an int cannot be told: then it is the epoch. */
	REQUIRE(seconds == (int64_t)when || seconds == 0);
	if (when < (uint64_t)1 << 55)
		REQUIRE(seconds == (int64_t)when);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
