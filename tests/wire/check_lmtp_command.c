/*
 * check_lmtp_command.c - paths and parameters of MAIL and RCPT: what is
 * taken, what it means, what is refused and with which code.
 *
 * Source: RFC 5321, 4.1.2; RFC 1870, 6152, 6531, 4954, 3461; DESIGN A12.
 */
#include "wire/lmtp.h"

#include "../base/expect.h"
#include "support/lmtp_play.h"

/* An event of these words and the code; "" is no event. */
struct row {
	struct str given;
	const char *event;
	const char *code;
};

static const struct row mails[] = {
	{ TEXT("FROM:<a@x>"), "mail a@x", "250 2.1.0" },
	{ TEXT("from:<a@x>"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM: <a@x>"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM:<>"), "mail ", "250 2.1.0" },
	{ TEXT("FROM:<a b@x>"), "mail a b@x", "250 2.1.0" },
	{ TEXT("FROM:<\"a>b\"@x>"), "mail \"a>b\"@x", "250 2.1.0" },
	{ TEXT("FROM:<\"a\\\">b\"@x>"), "mail \"a\\\">b\"@x", "250 2.1.0" },
	{ TEXT("FROM:<\"a\\\\\"@x>"), "mail \"a\\\\\"@x", "250 2.1.0" },
	{ TEXT("FROM:<\"a b\"@x> BODY=7BIT"), "mail \"a b\"@x", "250 2.1.0" },
	{ TEXT("FROM:<o\"a@x>"), "mail o\"a@x", "250 2.1.0" },
	{ TEXT("FROM:<o\"a@x> SIZE=3"), "mail o\"a@x size 3", "250 2.1.0" },
	{ TEXT("FROM:<a@@x@>"), "mail a@@x@", "250 2.1.0" },
	{ TEXT("FROM:<a<b@x>"), "mail a<b@x", "250 2.1.0" },
	{ TEXT("FROM:<no-at>"), "mail no-at", "250 2.1.0" },
	{ TEXT("FROM:<\xc3\xa4@x>"), "mail \xc3\xa4@x", "250 2.1.0" },
	{ TEXT("FROM:<\xff@x>"), "mail \xff@x", "250 2.1.0" },
	{ TEXT("FROM:<@r:a@x>"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM:<@r,@s:a@x>"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM:<@[IPv6:::1]>"), "mail @[IPv6:::1]", "250 2.1.0" },
	{ TEXT("FROM:<a:b@x>"), "mail a:b@x", "250 2.1.0" },
	{ TEXT("FROM:a@x"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM: a@x SIZE=5"), "mail a@x size 5", "250 2.1.0" },
	/* No path. */
	{ TEXT(""), "", "501 5.5.4" },
	{ TEXT("FROM"), "", "501 5.5.4" },
	{ TEXT("FROM:"), "", "501 5.5.4" },
	{ TEXT("TO:<a@x>"), "", "501 5.5.4" },
	{ TEXT("<a@x>"), "", "501 5.5.4" },
	{ TEXT("FROM <a@x>"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x"), "", "501 5.5.4" },
	{ TEXT("FROM:<"), "", "501 5.5.4" },
	{ TEXT("FROM:a@x>"), "", "501 5.5.4" },
	{ TEXT("FROM:Anna <a@x>"), "", "555 5.5.4" },
	{ TEXT("FROM:<a@x>SIZE=1"), "", "501 5.5.4" },
	{ TEXT("FROM:<<a@x>>"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x>,<b@x>"), "", "501 5.5.4" },
	{ TEXT("FROM:<\"a\\>"), "mail \"a\\", "250 2.1.0" },
	/* Control characters. */
	{ TEXT("FROM:<a\0@x>"), "", "501 5.1.7" },
	{ TEXT("FROM:<a\r@x>"), "", "501 5.1.7" },
	{ TEXT("FROM:<a\t@x>"), "", "501 5.1.7" },
	{ TEXT("FROM:<\"\x1b[2J\"@x>"), "", "501 5.1.7" },
	{ TEXT("FROM:<\x7f@x>"), "", "501 5.1.7" },
	{ TEXT("FROM:<a@x>\0"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> \0"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE=1\t"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> AUTH=a\rb"), "", "501 5.5.4" },
	{ TEXT("FROM:\t<a@x>"), "", "501 5.5.4" },
	{ TEXT("\tFROM:<a@x>"), "", "501 5.5.4" },
	/* Parameters. */
	{ TEXT("FROM:<a@x> size=12  Body=8bitMime smtputf8 AUTH=<>"),
	    "mail a@x size 12 8bit utf8", "250 2.1.0" },
	{ TEXT("FROM:<a@x> BODY=7BIT"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM:<a@x> AUTH=e+3Dmc2@y"), "mail a@x", "250 2.1.0" },
	{ TEXT("FROM:<a@x> SIZE=18446744073709551615"),
	    "mail a@x size 18446744073709551615", "250 2.1.0" },
	{ TEXT("FROM:<a@x> SIZE=18446744073709551616"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE="), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE=-1"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE=1k"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE =1"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SIZE=1 SIZE=1"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> BODY=BINARYMIME"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> BODY"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> BODY=7BIT BODY=8BITMIME"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SMTPUTF8=1"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SMTPUTF8="), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> SMTPUTF8 SMTPUTF8"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> AUTH"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> AUTH=a+4"), "", "501 5.5.4" },
	{ TEXT("FROM:<a@x> RET=HDRS"), "", "555 5.5.4" },
	{ TEXT("FROM:<a@x> ENVID=1"), "", "555 5.5.4" },
	{ TEXT("FROM:<a@x> SIZEX=1"), "", "555 5.5.4" },
	{ TEXT("FROM:<a@x> ORCPT=rfc822;a"), "", "555 5.5.4" },
	{ TEXT("FROM:<a@x> =1"), "", "555 5.5.4" },
	{ TEXT("FROM:<a@x> x"), "", "555 5.5.4" },
};

static const struct row rcpts[] = {
	{ TEXT("TO:<b@y>"), "rcpt b@y = b@y", "250 2.1.5" },
	{ TEXT("to: <b@y>"), "rcpt b@y = b@y", "250 2.1.5" },
	{ TEXT("TO:b@y"), "rcpt b@y = b@y", "250 2.1.5" },
	{ TEXT("TO:<B+d@Y>"), "rcpt B+d@Y = B+d@Y", "250 2.1.5" },
	{ TEXT("TO:<Postmaster>"), "rcpt Postmaster = Postmaster",
	    "250 2.1.5" },
	{ TEXT("TO:<\"a b\"@y>"), "rcpt \"a b\"@y = a b@y", "250 2.1.5" },
	{ TEXT("TO:<\"a\\\"\\\\b\\c\"@y>"),
	    "rcpt \"a\\\"\\\\b\\c\"@y = a\"\\bc@y", "250 2.1.5" },
	{ TEXT("TO:<\"a@b\"@y>"), "rcpt \"a@b\"@y = a@b@y", "250 2.1.5" },
	{ TEXT("TO:<\"a>b\"@y>"), "rcpt \"a>b\"@y = a>b@y", "250 2.1.5" },
	{ TEXT("TO:<a.\"b c\".d@y>"), "rcpt a.\"b c\".d@y = a.b c.d@y",
	    "250 2.1.5" },
	{ TEXT("TO:<\"\"@d>"), "rcpt \"\"@d = @d", "250 2.1.5" },
	{ TEXT("TO:<\" \">"), "rcpt \" \" =  ", "250 2.1.5" },
	{ TEXT("TO:<a\"b@y>"), "rcpt a\"b@y = a\"b@y", "250 2.1.5" },
	{ TEXT("TO:<a\\b@y>"), "rcpt a\\b@y = a\\b@y", "250 2.1.5" },
	{ TEXT("TO:<@a:b@c>"), "rcpt b@c = b@c", "250 2.1.5" },
	{ TEXT("TO:<@a,@b:\"x:y\"@c>"), "rcpt \"x:y\"@c = x:y@c", "250 2.1.5" },
	{ TEXT("TO:<\"@a:b\"@c>"), "rcpt \"@a:b\"@c = @a:b@c", "250 2.1.5" },
	{ TEXT("TO:<\xc3\xa4@y>"), "rcpt \xc3\xa4@y = \xc3\xa4@y",
	    "250 2.1.5" },
	{ TEXT("TO:<../../etc/passwd>"),
	    "rcpt ../../etc/passwd = ../../etc/passwd", "250 2.1.5" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;c@z"), "rcpt b@y = b@y (c@z)",
	    "250 2.1.5" },
	{ TEXT("TO:<b@y> orcpt=RFC822;c+2Bd+3D@z"), "rcpt b@y = b@y (c+d=@z)",
	    "250 2.1.5" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;+C3+A4@z"), "rcpt b@y = b@y (\xc3\xa4@z)",
	    "250 2.1.5" },
	{ TEXT("TO:<b@y> ORCPT=x400;whoever"), "rcpt b@y = b@y", "250 2.1.5" },
	{ TEXT("TO:<unknown@y> ORCPT=rfc822;c@z"),
	    "rcpt unknown@y = unknown@y (c@z)", "550 5.1.1" },
	/* Nobody. */
	{ TEXT("TO:<>"), "", "501 5.1.3" },
	{ TEXT("TO:<\"\">"), "", "501 5.1.3" },
	{ TEXT("TO:<@a:>"), "", "501 5.1.3" },
	{ TEXT("TO:<> ORCPT=rfc822;c@z"), "", "501 5.1.3" },
	/* Quotes that hide the last "@", or stand behind it. */
	{ TEXT("TO:<\"a@b\">"), "", "501 5.1.3" },
	{ TEXT("TO:<a\"@b\">"), "", "501 5.1.3" },
	{ TEXT("TO:<a@\"b\">"), "", "501 5.1.3" },
	{ TEXT("TO:<\"a@b\"@y>"), "rcpt \"a@b\"@y = a@b@y", "250 2.1.5" },
	{ TEXT("TO:<\"a\\\"@b\"@y>"), "rcpt \"a\\\"@b\"@y = a\"@b@y",
	    "250 2.1.5" },
	/* No path. */
	{ TEXT(""), "", "501 5.5.4" },
	{ TEXT("TO:"), "", "501 5.5.4" },
	{ TEXT("TO:  "), "", "501 5.5.4" },
	{ TEXT("FROM:<b@y>"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y>>"), "", "501 5.5.4" },
	{ TEXT("TO:b<c@y>"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y><c@y>"), "", "501 5.5.4" },
	/* Control characters, also those that only xtext shows. */
	{ TEXT("TO:<b\0c@y>"), "", "501 5.1.3" },
	{ TEXT("TO:<b@y\0>"), "", "501 5.1.3" },
	{ TEXT("TO:<b\r@y>"), "", "501 5.1.3" },
	{ TEXT("TO:<\"b\\\r\"@y>"), "", "501 5.1.3" },
	{ TEXT("TO:<b@y>\r"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;a\0b"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;a+0AX-Evil:"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;a+00"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;a+7F"), "", "501 5.5.4" },
	/* Parameters. */
	{ TEXT("TO:<b@y> ORCPT"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT="), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=;c@z"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;c+2"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;c+"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;c+2b"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;c+GG"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> ORCPT=rfc822;c ORCPT=rfc822;c"), "", "501 5.5.4" },
	{ TEXT("TO:<b@y> NOTIFY=NEVER"), "", "555 5.5.4" },
	{ TEXT("TO:<b@y> SIZE=1"), "", "555 5.5.4" },
	{ TEXT("TO:<b@y> IGNOREQUOTA"), "", "555 5.5.4" },
};

/* Behind before, whose last line in the transcript is last: an event must
 * not be overlooked. */
static void
judge(const char *before, const char *last, const char *verb,
    const struct row *row)
{
	struct lmtp_play play = lmtp_play_default();
	char line[300], wanted[300];
	struct buf given, want;
	struct str got;

	buf_init(&given, line, sizeof(line));
	buf_print(&given, "%s%s ", before, verb);
	buf_add(&given, row->given);
	buf_add_string(&given, "\r\n");
	buf_init(&want, wanted, sizeof(wanted));
	buf_print(&want, "%s%s%s%s\n", last, row->event,
	    *row->event == '\0' ? "" : "\n", row->code);
	got = lmtp_play(&play, buf_str(&given));
	ck_assert_msg(str_ends(got, wanted),
	    "given \"%s\": \"%s\", want \"%s\"", expect_show(row->given),
	    expect_show(got), expect_show(buf_str(&want)));
}

START_TEST(sender_is_read)
{
	judge("LHLO me\r\n", "\n250 SIZE\n", "MAIL", &mails[_i]);
}
END_TEST

START_TEST(recipient_is_read)
{
	judge("LHLO me\r\nMAIL FROM:<>\r\n", "\nmail \n250 2.1.0\n", "RCPT",
	    &rcpts[_i]);
}
END_TEST

/* What one command said is not what the next one means. */
START_TEST(nothing_is_left_from_the_command_before)
{
	struct lmtp_play play = lmtp_play_default();
	const struct str given =
	    STR("LHLO me\r\nMAIL FROM:<a@x> SIZE=5 BODY=8BITMIME SMTPUTF8\r\n"
		"RCPT TO:<b@y> ORCPT=rfc822;c@z\r\nRCPT TO:<d@y>\r\nRSET\r\n"
		"MAIL FROM:<e@x> BODY=8BITMIME SIZE=1 FOO\r\n"
		"MAIL FROM:<f@x>\r\n");
	const struct str want =
	    STR("250 SIZE\nmail a@x size 5 8bit utf8\n250 2.1.0\n"
		"rcpt b@y = b@y (c@z)\n250 2.1.5\nrcpt d@y = d@y\n250 2.1.5\n"
		"250 2.0.0\nreset\n555 5.5.4\nmail f@x\n250 2.1.0\n");
	struct str got = lmtp_play(&play, given);

	ck_assert_msg(str_ends(got, want.at), "\"%s\"", expect_show(got));
}
END_TEST

/* As long as a line can be, quotes and all. */
START_TEST(long_paths_pass)
{
	static char line[LMTP_LINE_OCTETS + 64], text[LMTP_LINE_OCTETS + 64];
	struct lmtp_play play = lmtp_play_default();
	struct buf given, want;
	struct str got;

	buf_init(&given, line, sizeof(line));
	buf_init(&want, text, sizeof(text));
	buf_add_string(&given, "LHLO me\nMAIL FROM:<>\nRCPT TO:<\"");
	buf_add_string(&want, " = ");
	for (int i = 0; i < 2000; i++) {
		buf_add_string(&given, "\\<");
		buf_add_string(&want, "<");
	}
	buf_add_string(&given, "\"@y>\n");
	buf_add_string(&want, "@y\n250 2.1.5\n");
	got = lmtp_play(&play, buf_str(&given));
	ck_assert(str_ends(got, text));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_command");
	TCase *all = tcase_create("lmtp_command");

	tcase_add_loop_test(all, sender_is_read, 0, (int)COUNT(mails));
	tcase_add_loop_test(all, recipient_is_read, 0, (int)COUNT(rcpts));
	tcase_add_test(all, nothing_is_left_from_the_command_before);
	tcase_add_test(all, long_paths_pass);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
