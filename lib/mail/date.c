/*
 * date.c - the date and time as header fields have it.
 *
 * strftime(3) would speak the locale's language.
 *
 * Source: RFC 5322 section 3.3.
 */
#include "mail/date.h"

#include <stdlib.h>

static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Minutes east of UTC: the two are less than two days apart. */
static int
zone_minutes(const struct tm *local, const struct tm *utc)
{
	int days_apart = local->tm_yday - utc->tm_yday;

	if (local->tm_year != utc->tm_year)
		days_apart = local->tm_year > utc->tm_year ? 1 : -1;
	return (days_apart * 24 + local->tm_hour - utc->tm_hour) * 60 +
	    local->tm_min - utc->tm_min;
}

void
date_add(struct buf *into, time_t when)
{
	struct tm utc, local;
	int minutes;

	if (gmtime_r(&when, &utc) == NULL) {
		when = 0;
		(void)gmtime_r(&when, &utc);
	}
	if (localtime_r(&when, &local) == NULL)
		local = utc;
	minutes = zone_minutes(&local, &utc);
	buf_print(into, "%s, %d %s %d %02d:%02d:%02d %c%02d%02d",
	    days[local.tm_wday], local.tm_mday, months[local.tm_mon],
	    local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
	    minutes < 0 ? '-' : '+', abs(minutes) / 60, abs(minutes) % 60);
}
