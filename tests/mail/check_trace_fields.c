/*
 * check_trace_fields.c - Return-Path, Delivered-To, Received and the date.
 *
 * Source: RFC 5321 section 4.4, RFC 5322 section 3.3.
 */
#define _XOPEN_SOURCE 700 /* tzset(3) */
#include "mail/trace_fields.h"

#include "../base/expect.h"
#include "mail/date.h"

#include <time.h>

static char room[8192];
static struct buf out;

static void
open_out(void)
{
	buf_init(&out, room, sizeof(room));
}

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
	{ "UTC0", 4107542400, "Mon, 1 Mar 2100 00:00:00 +0000" },
};

START_TEST(date_is_local_with_its_zone)
{
	ck_assert_int_eq(setenv("TZ", dates[_i].zone, 1), 0);
	tzset();
	date_add(&out, dates[_i].when);
	expect_str(
	    str_from(dates[_i].zone), buf_str(&out), str_from(dates[_i].want));
}
END_TEST

START_TEST(addresses_cannot_end_their_line)
{
	trace_fields_return_path(&out, STR("a\r\nEvil: 1@x\0\x7f"));
	trace_fields_delivered_to(&out, STR("b\nEvil: 2"));
	expect_str(STR("controls"), buf_str(&out),
	    STR("Return-Path: <a\?\?Evil: 1@x\?\?>\nDelivered-To: b?Evil: "
		"2\n"));
}
END_TEST

START_TEST(null_sender_is_empty_brackets)
{
	trace_fields_return_path(&out, STR(""));
	expect_str(STR(""), buf_str(&out), STR("Return-Path: <>\n"));
}
END_TEST

START_TEST(line_is_never_too_long)
{
	static char longest[4000];

	memset(longest, 'x', sizeof(longest));
	trace_fields_return_path(&out, str_of(longest, sizeof(longest)));
	ck_assert_uint_le(out.length, 998);
}
END_TEST

static const struct {
	struct str client;
	const char *want;
} clients[] = {
	{ TEXT("mx.example.com"), "from mx.example.com\n" },
	{ TEXT("[192.0.2.1]"), "from [192.0.2.1]\n" },
	{ TEXT(""), "from unknown\n" },
	{ TEXT("a b"), "from unknown\n" },
	{ TEXT("a;id"), "from unknown\n" },
	{ TEXT("\xc3\xa4"), "from unknown\n" },
};

START_TEST(client_is_a_name_or_unknown)
{
	struct trace_fields_hop hop = { .client = clients[_i].client,
		.host = "here",
		.protocol = "LMTP",
		.id = "77",
		.recipient = STR("bob@x"),
		.when = 0 };

	trace_fields_received(&out, &hop);
	expect_holds(out.at, clients[_i].want);
	expect_holds(
	    out.at, "\n\tby here (lda) with LMTP\n\tid 77\n\tfor <bob@x>; ");
	ck_assert(str_ends(buf_str(&out), "00\n"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace fields");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, open_out, NULL);
	tcase_add_loop_test(
	    all, date_is_local_with_its_zone, 0, (int)COUNT(dates));
	tcase_add_test(all, addresses_cannot_end_their_line);
	tcase_add_test(all, null_sender_is_empty_brackets);
	tcase_add_test(all, line_is_never_too_long);
	tcase_add_loop_test(
	    all, client_is_a_name_or_unknown, 0, (int)COUNT(clients));
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
