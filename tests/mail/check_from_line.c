/*
 * check_from_line.c - what begins a mail in an mbox (RFC 4155), and what not.
 */
#include "mail/from_line.h"

#include "../base/expect.h"

static const struct {
	struct str given;
	bool want;
} starts[] = {
	{ TEXT("From a@b  Wed Jan  1 00:00:00 2025\nx"), true },
	{ TEXT("From a@b\n"), true },
	{ TEXT("From \n"), true },
	{ TEXT("From a@b"), false }, /* goes on to no end of line */
	{ TEXT("From a@b\r"), false },
	{ TEXT("From \0\n"), true },
	{ TEXT("From\n"), false },
	{ TEXT("From: a@b\n"), false },
	{ TEXT("FROM a@b\n"), false },
	{ TEXT("from a@b\n"), false },
	{ TEXT(">From a@b\n"), false },
	{ TEXT(" From a@b\n"), false },
	{ TEXT("\nFrom a@b\n"), false },
	{ TEXT("From\ta@b\n"), false },
	{ TEXT("Fro"), false },
	{ TEXT(""), false },
	{ { NULL, 0 }, false },
};

START_TEST(line_is_a_from_line)
{
	expect_bool(starts[_i].given, from_line_starts(starts[_i].given),
	    starts[_i].want);
}
END_TEST

static const struct {
	struct str given, want;
} senders[] = {
	{ TEXT("From a@b  Wed Jan  1 00:00:00 2025"), TEXT("a@b") },
	{ TEXT("From a@b Wed Jan  1 00:00:00 2025"), TEXT("a@b") },
	{ TEXT("From a@b  Wed Jan 31 23:59:59 2025"), TEXT("a@b") },
	{ TEXT("From a@b  Wed Jan 01 00:00:00 2025\r"), TEXT("a@b") },
	{ TEXT("From MAILER-DAEMON  Wed Jan  1 00:00:00 2025"),
	    TEXT("MAILER-DAEMON") },
	{ TEXT("From \"a b\"@c  Wed Jan  1 00:00:00 2025"), TEXT("\"a b\"@c") },
	{ TEXT("From \"Wed Jan  1 00:00:00 2024\"@c  Wed Jan  1 00:00:00 "
	       "2025"),
	    TEXT("\"Wed Jan  1 00:00:00 2024\"@c") },
	{ TEXT("From a@b"), TEXT("a@b") },
	{ TEXT("From a@b  yesterday"), TEXT("a@b") },
	{ TEXT("From a@b  Wed Jan  1 00:00:00 2025 +0100"), TEXT("a@b") },
	{ TEXT("From a@b  Wed Jan  1 00:00:00 EST 2025"), TEXT("a@b") },
	{ TEXT("From a@b\tx"), TEXT("a@b") },
	{ TEXT("From \xc3\xa4@b  Wed Jan  1 00:00:00 2025"),
	    TEXT("\xc3\xa4@b") },
	/* Nobody said who. */
	{ TEXT("From Wed Jan  1 00:00:00 2025"), TEXT("") },
	{ TEXT("From   Wed Jan  1 00:00:00 2025"), TEXT("") },
	{ TEXT("From "), TEXT("") },
	{ TEXT("From"), TEXT("") },
	{ TEXT(""), TEXT("") },
};

START_TEST(sender_stands_before_the_date)
{
	expect_str(senders[_i].given, from_line_sender(senders[_i].given),
	    senders[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("from_line");
	TCase *line = tcase_create("line");

	tcase_add_loop_test(line, line_is_a_from_line, 0, (int)COUNT(starts));
	tcase_add_loop_test(
	    line, sender_stands_before_the_date, 0, (int)COUNT(senders));
	suite_add_tcase(suite, line);
	return expect_run(suite);
}
