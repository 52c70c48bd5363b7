/*
 * date.h - the date and time as header fields have it.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/buf.h"

#include <time.h>

/* Adds "Wed, 25 Nov 2026 21:30:00 +0100" (RFC 5322 section 3.3), local time;
 * UTC where that cannot be told. */
void date_add(struct buf *into, time_t when);

#endif
