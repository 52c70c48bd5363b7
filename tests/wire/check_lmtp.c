/*
 * check_lmtp.c - which command may follow which, what is counted, and that
 * nobody can make the session lose its step.
 *
 * Source: RFC 2033; RFC 5321; RFC 2920; RFC 2034; DESIGN A12.
 */
#include "wire/lmtp.h"

#include "../base/expect.h"
#include "support/lmtp_play.h"

#include <signal.h>

#define HELLO "220 mx.example LMTP lda ready\n"
#define LHLO_OK                                                                \
	"250-mx.example\n250-PIPELINING\n250-8BITMIME\n250-SMTPUTF8\n"         \
	"250-ENHANCEDSTATUSCODES\n250 SIZE\n"
#define READY HELLO LHLO_OK
#define GO "354 end with a line of one dot\n"

#define LHLO "LHLO me\r\n"
#define MAIL "MAIL FROM:<a@x>\r\n"
#define RCPT "RCPT TO:<b@y>\r\n"
#define MAIL_OK "mail a@x\n250 2.1.0\n"
#define RCPT_OK "rcpt b@y = b@y\n250 2.1.5\n"
#define OPEN LHLO MAIL RCPT
#define OPEN_OK READY MAIL_OK RCPT_OK

static const struct {
	struct str given;
	struct str want;
} rows[] = {
	{ TEXT(""), TEXT(HELLO) },
	{ TEXT("QUIT\r\n"), TEXT(HELLO "221 2.0.0\nclose\n") },
	{ TEXT(LHLO), TEXT(READY) },
	{ TEXT("lhlo me\n"), TEXT(READY) },
	{ TEXT("LhLo   me  \r\n"), TEXT(READY) },
	{ TEXT("LHLO\r\n"), TEXT(HELLO "501 5.5.4\n") },
	{ TEXT("LHLO  \r\n"), TEXT(HELLO "501 5.5.4\n") },
	{ TEXT("LHLO m\0e\r\n"), TEXT(HELLO "501 5.5.4\n") },
	/* The whole of it. */
	{ TEXT(OPEN "DATA\r\nhello\r\n.\r\nQUIT\r\n"),
	    TEXT(OPEN_OK GO "{hello\r\n}\n250 2.0.0\n221 2.0.0\nclose\n") },
	{ TEXT("LHLO me\nMAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\nhello\r\n.\r\n"),
	    TEXT(OPEN_OK GO "{hello\r\n}\n250 2.0.0\n") },
	{ TEXT(OPEN RCPT "RCPT TO:<unknown@y>\r\nRCPT TO:<c@y>\r\nDATA\r\n"
			 "hello\r\n.\r\n"),
	    TEXT(
		OPEN_OK RCPT_OK "rcpt unknown@y = unknown@y\n550 5.1.1\n"
				"rcpt c@y = c@y\n250 2.1.5\n" GO "{hello\r\n}\n"
				"250 2.0.0\n250 2.0.0\n250 2.0.0\n") },
	{ TEXT(OPEN "DATA\r\n.\r\n" MAIL RCPT "DATA\r\n1\r\n.\r\n"),
	    TEXT(OPEN_OK GO "{}\n250 2.0.0\n" MAIL_OK RCPT_OK GO
			    "{1\r\n}\n250 2.0.0\n") },
	/* What stands behind the message is no text of it. */
	{ TEXT(OPEN "DATA\r\n.\r\n.\r\n"),
	    TEXT(OPEN_OK GO "{}\n250 2.0.0\n500 5.5.2\n") },
	/* Out of order. */
	{ TEXT(MAIL), TEXT(HELLO "503 5.5.1\n") },
	{ TEXT(RCPT), TEXT(HELLO "503 5.5.1\n") },
	{ TEXT("DATA\r\n"), TEXT(HELLO "503 5.5.1\n") },
	{ TEXT(LHLO RCPT), TEXT(READY "503 5.5.1\n") },
	{ TEXT(LHLO "DATA\r\n"), TEXT(READY "503 5.5.1\n") },
	{ TEXT(LHLO MAIL MAIL RCPT),
	    TEXT(READY MAIL_OK "503 5.5.1\n" RCPT_OK) },
	{ TEXT(LHLO MAIL "DATA\r\n" RCPT),
	    TEXT(READY MAIL_OK "503 5.5.1\n" RCPT_OK) },
	/* Nobody is left, and DATA was under way. */
	{ TEXT(LHLO MAIL "RCPT TO:<full@y>\r\nDATA\r\nRSET\r\n" RCPT),
	    TEXT(READY MAIL_OK "rcpt full@y = full@y\n452 4.2.2\n503 5.5.1\n"
			       "250 2.0.0\nreset\n503 5.5.1\n") },
	{ TEXT(LHLO "MAIL FROM:<refuse@x>\r\n" RCPT "DATA\r\n" MAIL),
	    TEXT(READY
		"mail refuse@x\n451 4.3.0\n503 5.5.1\n503 5.5.1\n" MAIL_OK) },
	/* DATA refused: the transaction is over. */
	{ TEXT(LHLO "MAIL FROM:<nodata@x>\r\n" RCPT "DATA\r\n" RCPT MAIL),
	    TEXT(READY "mail nodata@x\n250 2.1.0\n" RCPT_OK
		       "452 4.3.1\n503 5.5.1\n" MAIL_OK) },
	/* Begun anew. */
	{ TEXT(OPEN "RSET\r\n" RCPT MAIL "DATA\r\n"),
	    TEXT(OPEN_OK "250 2.0.0\nreset\n503 5.5.1\n" MAIL_OK
			 "503 5.5.1\n") },
	{ TEXT(OPEN LHLO RCPT), TEXT(OPEN_OK LHLO_OK "reset\n503 5.5.1\n") },
	{ TEXT(LHLO LHLO), TEXT(READY LHLO_OK) },
	{ TEXT(OPEN "LHLO\r\nDATA\r\n.\r\n"),
	    TEXT(OPEN_OK "501 5.5.4\n" GO "{}\n250 2.0.0\n") },
	{ TEXT("RSET\r\n" MAIL), TEXT(HELLO "250 2.0.0\nreset\n503 5.5.1\n") },
	/* In any place. */
	{ TEXT("NOOP\r\nnoop x y\r\nVRFY a\r\nHELP\r\nHELP MAIL\r\n"),
	    TEXT(HELLO "250 2.0.0\n250 2.0.0\n252 2.0.0\n214 2.0.0\n"
		       "214 2.0.0\n") },
	{ TEXT(OPEN "NOOP\r\nVRFY a\r\nDATA\r\n.\r\n"),
	    TEXT(OPEN_OK "250 2.0.0\n252 2.0.0\n" GO "{}\n250 2.0.0\n") },
	/* Other dialects. */
	{ TEXT("EHLO me\r\nHELO me\r\n"),
	    TEXT(HELLO "500 5.5.1\n500 5.5.1\n") },
	{ TEXT("EXPN a\r\nSTARTTLS\r\nTURN\r\nETRN x\r\n"
	       "XCLIENT A=b\r\nXFORWARD A=b\r\nSEND\r\nSOML\r\nSAML\r\n"
	       "AUTH PLAIN AGEAYg==\r\n"),
	    TEXT(HELLO "502 5.5.1\n502 5.5.1\n502 5.5.1\n502 5.5.1\n"
		       "502 5.5.1\n502 5.5.1\n502 5.5.1\n502 5.5.1\n"
		       "502 5.5.1\n502 5.5.1\n") },
	{ TEXT(OPEN "BDAT 6 LAST\r\nQUIT\r\n"),
	    TEXT(OPEN_OK "421 4.7.0\nclose\n") },
	{ TEXT("GET / HTTP/1.1\r\n" LHLO), TEXT(HELLO "421 4.7.0\nclose\n") },
	{ TEXT("post / HTTP/1.1\r\nHost: x\r\n\r\n" OPEN),
	    TEXT(HELLO "421 4.7.0\nclose\n") },
	/* Junk. */
	{ TEXT("\r\n\n\r\r\n \r\n"),
	    TEXT(HELLO "500 5.5.2\n500 5.5.2\n500 5.5.2\n500 5.5.2\n") },
	{ TEXT("XYZZY\r\nLHL me\r\nLHLOO me\r\nLHLO:me\r\n LHLO me\r\n"),
	    TEXT(HELLO "500 5.5.2\n500 5.5.2\n500 5.5.2\n500 5.5.2\n"
		       "500 5.5.2\n") },
	{ TEXT("\x16\x03\x01\x02\0\x01\0\n\xff\xfe\n\0\0\n"),
	    TEXT(HELLO "500 5.5.2\n500 5.5.2\n500 5.5.2\n") },
	{ TEXT("NOOP\0\r\nNOOP \0\r\nNOOP a\rb\r\nNOOP \x7f\r\nRSET \t\r\n"),
	    TEXT(HELLO "500 5.5.2\n501 5.5.4\n501 5.5.4\n501 5.5.4\n"
		       "501 5.5.4\n") },
	{ TEXT("NOOP \r\r\nNOOP\r\r\n"), TEXT(HELLO "501 5.5.4\n500 5.5.2\n") },
	{ TEXT(OPEN "DATA x\r\nRSET x\r\nQUIT x\r\nDATA \r\n.\r\n"),
	    TEXT(OPEN_OK "501 5.5.4\n501 5.5.4\n501 5.5.4\n" GO
			 "{}\n250 2.0.0\n") },
	/* The connection ends: nothing of it is done. */
	{ TEXT(OPEN "DATA\r\nhello\r\n"), TEXT(OPEN_OK GO "{hello\r\n") },
	{ TEXT(OPEN "DATA\r\nhello\r\n."), TEXT(OPEN_OK GO "{hello\r\n") },
	{ TEXT(OPEN "DATA\r\nhello\r\n.\r"), TEXT(OPEN_OK GO "{hello\r\n") },
	{ TEXT(OPEN "DATA"), TEXT(OPEN_OK) },
	{ TEXT("QUIT\r"), TEXT(HELLO) },
};

START_TEST(session_goes_as_written)
{
	struct lmtp_play play = lmtp_play_default();

	expect_str(
	    rows[_i].given, lmtp_play(&play, rows[_i].given), rows[_i].want);
	play.out_octets = 4 * LMTP_REPLY_OCTETS;
	expect_str(
	    rows[_i].given, lmtp_play(&play, rows[_i].given), rows[_i].want);
	play.first = play.then = 1;
	expect_str(
	    rows[_i].given, lmtp_play(&play, rows[_i].given), rows[_i].want);
}
END_TEST

#define LONG_SESSION                                                           \
	"LHLO client.example\r\nMAIL FROM:<a@x> SIZE=99\r\n"                   \
	"RCPT TO:<\"b c\"@y> ORCPT=rfc822;o@z\r\nRCPT TO:<unknown@y>\r\n"      \
	"RCPT TO:<d@y>\r\nDATA\r\n..one\r\n.\n.\r.\r\r\n.two\n.\n\r\n"         \
	"..\r\n.\rx\r\n\r\n.\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<e@y>\r\n"     \
	"DATA\r\n.\r\nNOOP\r\nQUIT\r\nNOOP\r\n"

#define LONG_WANT                                                              \
	READY                                                                  \
	"mail a@x size 99\n250 2.1.0\n"                                        \
	"rcpt \"b c\"@y = b c@y (o@z)\n250 2.1.5\n"                            \
	"rcpt unknown@y = unknown@y\n550 5.1.1\n"                              \
	"rcpt d@y = d@y\n250 2.1.5\n" GO                                       \
	"{.one\r\n\n.\r.\r\r\ntwo\n.\n\r\n.\r\n\rx\r\n\r\n}\n"                 \
	"250 2.0.0\n250 2.0.0\n250 2.0.0\nreset\nmail \n250 2.1.0\n"           \
	"rcpt e@y = e@y\n250 2.1.5\n" GO                                       \
	"{}\n250 2.0.0\n250 2.0.0\n221 2.0.0\nclose\n"

START_TEST(every_split_gives_the_same)
{
	const struct str given = STR(LONG_SESSION), want = STR(LONG_WANT);
	struct lmtp_play play = lmtp_play_default();

	for (play.first = 1; play.first < given.length; play.first++) {
		struct str got = lmtp_play(&play, given);

		ck_assert_msg(expect_same(got, want),
		    "split at %zu: got \"%s\"", play.first, expect_show(got));
	}
	for (play.then = 1; play.then < 70; play.then++) {
		play.first = play.then;
		expect_str(given, lmtp_play(&play, given), want);
	}
}
END_TEST

/* The line in the middle is one of so many octets, its end included. */
static struct str
with_line(char *room, size_t size, size_t octets, const char *end)
{
	struct buf out;

	buf_init(&out, room, size);
	buf_add_string(&out, LHLO "NOOP ");
	for (size_t i = 5; i < octets - strlen(end); i++)
		buf_add_octet(&out, 'x');
	buf_add_string(&out, end);
	buf_add_string(&out, MAIL);
	ck_assert(!out.overflow);
	return buf_str(&out);
}

START_TEST(line_may_be_so_long)
{
	static const char *const ends[] = { "\r\n", "\n" };
	static const size_t chunks[] = { 0, 1, 2, 4095, 4096, 1000 };
	struct lmtp_play play = lmtp_play_default();
	char room[3 * LMTP_LINE_OCTETS];

	play.first = play.then = chunks[_i];
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct str fits =
		    with_line(room, sizeof(room), LMTP_LINE_OCTETS, ends[i]);

		expect_str(STR("4096"), lmtp_play(&play, fits),
		    STR(READY "250 2.0.0\n" MAIL_OK));
	}
	for (size_t octets = LMTP_LINE_OCTETS + 1;
	     octets < LMTP_LINE_OCTETS + 9; octets++) {
		struct str given =
		    with_line(room, sizeof(room), octets, "\r\n");

		ck_assert_msg(expect_same(lmtp_play(&play, given),
				  STR(READY "500 5.5.2\n" MAIL_OK)),
		    "%zu octets", octets);
	}
	expect_str(STR("8192"),
	    lmtp_play(&play,
		with_line(room, sizeof(room), 2 * LMTP_LINE_OCTETS, "\n")),
	    STR(READY "500 5.5.2\n" MAIL_OK));
}
END_TEST

/* A caller's buffer may be larger than it has to. */
START_TEST(line_is_as_long_in_a_large_buffer)
{
	static struct lmtp_session session;
	struct lmtp_play play = lmtp_play_default();
	char room[3 * LMTP_LINE_OCTETS], replies[2 * LMTP_REPLY_OCTETS];
	struct cursor in;
	struct buf out;

	buf_init(&out, replies, sizeof(replies));
	lmtp_begin(&session, &play.limits, "mx", &out);
	out.length = 0;
	in = cursor_over(
	    with_line(room, sizeof(room), LMTP_LINE_OCTETS + 1, "\r\n"));
	ck_assert_int_eq((int)lmtp_next(&session, &in, &out), (int)LMTP_MAIL);
	expect_holds(out.at, "\r\n500 5.5.2 line too long\r\n");
	ck_assert(cursor_at_end(&in));
}
END_TEST

START_TEST(line_without_end_is_swallowed)
{
	const size_t octets = 1024 * 1024;
	struct lmtp_play play = lmtp_play_default();
	char *room = malloc(octets + 64);

	ck_assert_ptr_nonnull(room);
	play.limits.bad_commands = 1000; /* or it would be a flood */
	memset(room, _i == 0 ? 'x' : '\0', octets);
	expect_str(
	    STR("1 MB"), lmtp_play(&play, str_of(room, octets)), STR(HELLO));
	memcpy(room + octets, "\r\n" LHLO, strlen("\r\n" LHLO));
	expect_str(STR("1 MB and LHLO"),
	    lmtp_play(&play, str_of(room, octets + strlen("\r\n" LHLO))),
	    STR(HELLO "500 5.5.2\n" LHLO_OK));
	free(room);
}
END_TEST

/* given count times, behind before. */
static struct str
repeat(const char *before, unsigned count, const char *given)
{
	static char room[400 * 1024];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	buf_add_string(&out, before);
	for (unsigned i = 0; i < count; i++)
		buf_add_string(&out, given);
	ck_assert(!out.overflow);
	return buf_str(&out);
}

static const struct {
	const char *before;
	const char *again;
	unsigned replies; /* to "before", the greeting's included */
	unsigned more;    /* to "again", before 421 */
} counted[] = {
	/* Commands: 20, bad ones: 5. */
	{ "", "NOOP\r\n", 1, 20 },
	{ LHLO, "RSET\r\n", 2, 19 },
	{ LHLO, "RCPT TO:<x@y>\r\n", 2, 19 },
	{ LHLO MAIL, "RCPT TO:<unknown@y>\r\n", 3, 18 },
	{ OPEN, "DATA x\r\n", 4, 5 },
	{ "", "XYZZY\r\n", 1, 5 },
	{ "", "\r\n", 1, 5 },
	{ "", "EHLO x\r\n", 1, 5 },
	{ "", "STARTTLS\r\n", 1, 5 },
	{ "", MAIL, 1, 5 },
	{ LHLO, "MAIL FROM\r\n", 2, 5 },
	{ LHLO, "MAIL FROM:<a@x> SIZE=x\r\n", 2, 5 },
	{ LHLO, "MAIL FROM:<a@x> FOO=x\r\n", 2, 5 },
	{ LHLO MAIL, "RCPT TO:\r\n", 3, 5 },
	{ LHLO MAIL, "RCPT TO:<>\r\n", 3, 18 },
	{ LHLO MAIL, MAIL, 3, 5 },
	/* What comes of a refusal is not bad. */
	{ LHLO "MAIL FROM:<refuse@x>\r\n", RCPT, 3, 18 },
	{ LHLO MAIL, "DATA\r\n", 3, 18 },
	{ LHLO, "MAIL FROM:<a@x> SIZE=1000000\r\n", 2, 19 },
	/* A message makes the count of commands begin anew, not of bad
	 * ones; its recipients are none of them. */
	{ OPEN RCPT RCPT "NOOP\r\nDATA\r\n.\r\n", "NOOP\r\n", 11, 20 },
	{ OPEN "X\r\nX\r\nX\r\nDATA\r\n.\r\n", "X\r\n", 9, 2 },
};

START_TEST(too_much_is_421)
{
	struct lmtp_play play = lmtp_play_default();
	struct str given = repeat(counted[_i].before, 40, counted[_i].again);
	struct str got;

	play.limits.commands = 20;
	play.limits.bad_commands = 5;
	play.limits.message_octets = 1000;
	got = lmtp_play(&play, given);
	ck_assert_msg(
	    play.replies == counted[_i].replies + counted[_i].more + 1,
	    "given \"%s\": %u replies", expect_show(given), play.replies);
	ck_assert(str_ends(got, "421 4.7.0\nclose\n"));
	ck_assert_int_eq((int)play.end, (int)LMTP_STATE_CLOSED);
}
END_TEST

START_TEST(recipients_are_limited)
{
	struct lmtp_play play = lmtp_play_default();
	struct str given =
	    repeat(LHLO MAIL RCPT "RCPT TO:<unknown@y>\r\n", 3, RCPT);

	play.limits.recipients = 3;
	expect_str(given, lmtp_play(&play, given),
	    STR(OPEN_OK
		"rcpt unknown@y = unknown@y\n550 5.1.1\n" RCPT_OK RCPT_OK
		"452 4.5.3\n"));
	/* Those are refused, the others get their mail. */
	given = STR(LHLO MAIL RCPT RCPT RCPT RCPT "DATA\r\n.\r\n" MAIL RCPT
						  "DATA\r\n.\r\n");
	expect_str(given, lmtp_play(&play, given),
	    STR(OPEN_OK RCPT_OK RCPT_OK
		"452 4.5.3\n" GO
		"{}\n250 2.0.0\n250 2.0.0\n250 2.0.0\n" MAIL_OK RCPT_OK GO
		"{}\n250 2.0.0\n"));
}
END_TEST

START_TEST(many_recipients_are_no_flood)
{
	struct lmtp_play play = lmtp_play_default();
	struct str got;

	play.limits.commands = 10;
	play.limits.recipients = 1000;
	got = lmtp_play(&play, repeat(LHLO MAIL, 1000, RCPT));
	ck_assert(str_ends(got, RCPT_OK));
	ck_assert_uint_eq(play.replies, 1003);
	/* 50000 are: those beyond the limit count. */
	play.limits.recipients = 100;
	got = lmtp_play(&play, repeat(LHLO MAIL, 20000, RCPT));
	ck_assert(str_ends(got, "452 4.5.3\n421 4.7.0\nclose\n"));
	ck_assert_uint_eq(play.replies, 3 + 100 + 8 + 1);
}
END_TEST

START_TEST(recipients_are_free_once_a_message)
{
	struct lmtp_play play = lmtp_play_default();

	play.limits.commands = 20;
	play.limits.recipients = 10;
	/* Two commands and two recipients each time: ten recipients are free,
	 * so that 30 lines are let through, and then no more. */
	(void)lmtp_play(&play, repeat(LHLO, 100, MAIL RCPT RCPT "RSET\r\n"));
	ck_assert_uint_eq(play.replies, 1 + 20 + 10 + 1);
	ck_assert_int_eq((int)play.end, (int)LMTP_STATE_CLOSED);
}
END_TEST

START_TEST(line_without_end_is_421)
{
	static char given[32 * LMTP_LINE_OCTETS];
	struct lmtp_play play = lmtp_play_default();
	struct str got;

	memset(given, 'x', sizeof(given));
	play.limits.bad_commands = 5;
	got = lmtp_play(&play, str_of(given, sizeof(given)));
	ck_assert(str_ends(got, "421 4.7.0\nclose\n"));
}
END_TEST

START_TEST(size_is_announced_and_judged)
{
	static const struct {
		struct str given;
		struct str want;
	} sizes[] = {
		{ TEXT("MAIL FROM:<a@x> SIZE=1000\r\n"),
		    TEXT("mail a@x size 1000\n250 2.1.0\n") },
		{ TEXT("MAIL FROM:<a@x> SIZE=1001\r\n" MAIL),
		    TEXT("552 5.2.3\n" MAIL_OK) },
		{ TEXT("MAIL FROM:<a@x> SIZE=18446744073709551615\r\n"),
		    TEXT("552 5.2.3\n") },
		{ TEXT("MAIL FROM:<a@x> SIZE=0\r\n"), TEXT(MAIL_OK) },
		{ TEXT(MAIL), TEXT(MAIL_OK) },
	};
	struct lmtp_play play = lmtp_play_default();
	char given[200], want[400];
	struct buf in, out;

	play.limits.message_octets = 1000;
	buf_init(&in, given, sizeof(given));
	buf_add_string(&in, LHLO);
	buf_add(&in, sizes[_i].given);
	buf_init(&out, want, sizeof(want));
	buf_add_string(&out,
	    HELLO "250-mx.example\n250-PIPELINING\n"
		  "250-8BITMIME\n250-SMTPUTF8\n"
		  "250-ENHANCEDSTATUSCODES\n250 SIZE 1000\n");
	buf_add(&out, sizes[_i].want);
	expect_str(buf_str(&in), lmtp_play(&play, buf_str(&in)), buf_str(&out));
}
END_TEST

START_TEST(session_that_is_given_up_is_closed)
{
	static struct lmtp_session session;
	struct lmtp_play play = lmtp_play_default();
	struct cursor in = cursor_over(STR(OPEN "DATA\r\nhello\r\n.\r\n"));
	char room[4 * LMTP_REPLY_OCTETS];
	enum lmtp_event event = LMTP_MORE;
	struct buf out;

	buf_init(&out, room, sizeof(room));
	lmtp_begin(&session, &play.limits, "mx", &out);
	/* Before anything, then with each event waiting for its answer. */
	for (int i = 0; i < _i; i++) {
		event = lmtp_next(&session, &in, &out);
		if (i + 1 < _i && event != LMTP_TEXT)
			lmtp_accept(&session, &out);
	}
	out.length = 0;
	lmtp_give_up(&session, "4.4.2", "too slow", &out);
	expect_str(STR(""), buf_str(&out), STR("421 4.4.2 too slow\r\n"));
	for (int i = 0; i < 3; i++) {
		in = cursor_over(STR(LHLO));
		ck_assert_int_eq(
		    (int)lmtp_next(&session, &in, &out), (int)LMTP_CLOSE);
	}
	expect_str(STR(""), buf_str(&out), STR("421 4.4.2 too slow\r\n"));
	ck_assert_int_eq((int)session.state, (int)LMTP_STATE_CLOSED);
	if (_i == 5)
		ck_assert_int_eq((int)event, (int)LMTP_END);
}
END_TEST

/* Each would put the replies out of step: that is a bug, and ends here. */
START_TEST(misuse_aborts)
{
	static struct lmtp_session session;
	struct lmtp_play play = lmtp_play_default();
	struct cursor in = cursor_over(STR(OPEN "DATA\r\n.\r\n" MAIL));
	char room[4 * LMTP_REPLY_OCTETS];
	struct status why;
	struct buf out;

	status_init(&why);
	buf_init(&out, room, sizeof(room));
	lmtp_begin(&session, &play.limits, "mx", &out);
	if (_i == 0)
		lmtp_accept(&session, &out);
	if (_i == 1)
		buf_init(&out, room, LMTP_REPLY_OCTETS);
	(void)lmtp_next(&session, &in, &out);
	if (_i == 2)
		(void)lmtp_next(&session, &in, &out);
	if (_i == 3)
		lmtp_refuse(&session, &why, &out); /* with "delivered" */
	if (_i == 4)
		lmtp_deny(&session, &out);
	for (int i = 0; i < 3; i++) {
		lmtp_accept(&session, &out);
		(void)lmtp_next(&session, &in, &out);
	}
	ck_assert_int_eq((int)session.state, (int)LMTP_STATE_END);
	if (_i == 5)
		(void)lmtp_next(&session, &in, &out);
	if (_i == 6)
		lmtp_accept(&session, &out);
	lmtp_done(&session);
	if (_i == 7)
		lmtp_done(&session);
}
END_TEST

START_TEST(client_is_remembered)
{
	static struct lmtp_session session;
	struct lmtp_play play = lmtp_play_default();
	char room[4 * LMTP_REPLY_OCTETS], line[400];
	struct cursor in;
	struct buf out, text;

	buf_init(&out, room, sizeof(room));
	lmtp_begin(&session, &play.limits, "mx", &out);
	ck_assert_str_eq(session.client, "");
	in = cursor_over(STR("LHLO [IPv6:::1] x\r\n"));
	ck_assert_int_eq((int)lmtp_next(&session, &in, &out), (int)LMTP_MORE);
	ck_assert_str_eq(session.client, "[IPv6:::1]");
	for (size_t octets = 255; octets < 257; octets++) {
		buf_init(&text, line, sizeof(line));
		buf_add_string(&text, "LHLO ");
		for (size_t i = 0; i < octets; i++)
			buf_add_octet(&text, 'n');
		buf_add_string(&text, "\n");
		in = cursor_over(buf_str(&text));
		(void)lmtp_next(&session, &in, &out);
		ck_assert_uint_eq(strlen(session.client), 255);
	}
	expect_holds(out.at, "501 5.5.4");
}
END_TEST

/* --------------------------------------------------------------- sessions
 * that nobody thought of */

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static const struct str pieces[] = {
	TEXT(LHLO),
	TEXT(MAIL),
	TEXT(RCPT),
	TEXT(OPEN),
	TEXT("DATA\r\n"),
	TEXT(OPEN "DATA\r\n"),
	TEXT("RCPT TO:<unknown@y>\r\n"),
	TEXT("RCPT TO:<full@y>\r\n"),
	TEXT("MAIL FROM:<refuse@x>\r\n"),
	TEXT("MAIL FROM:<nodata@x>\r\n"),
	TEXT("MAIL FROM:<a@x> SIZE="),
	TEXT("RCPT TO:<\"a\\\""),
	TEXT(" ORCPT=rfc822;a+40b\r\n"),
	TEXT("RSET\r\n"),
	TEXT("NOOP\r\n"),
	TEXT("AUTH PLAIN "),
	TEXT("AUTH PLAIN\r\n"),
	TEXT("AUTH LOGIN\r\n"),
	TEXT("AGJvYgBzZWNyZXQ=\r\n"),
	TEXT("Ym9i\r\n"),
	TEXT("ZG93bg==\r\n"),
	TEXT("*\r\n"),
	TEXT("\r\n"),
	TEXT("\n"),
	TEXT("\r"),
	TEXT("."),
	TEXT("\r\n.\r\n"),
	TEXT("\n.\n"),
	TEXT("\r\n."),
	TEXT(".\r\n"),
	TEXT("\0"),
	TEXT("<"),
	TEXT(">"),
	TEXT("@a:"),
	TEXT("\""),
	TEXT("\\"),
	TEXT(" "),
	TEXT("="),
	TEXT("+0A"),
	TEXT("\xc3\xa4"),
	TEXT("\xff"),
	TEXT("QUIT\r\n"),
};

static void
add_octets(struct buf *out, uint32_t *random)
{
	for (uint32_t n = next_random(random) % 20; n > 0; n--)
		buf_add_octet(out, (char)(next_random(random) & 0xff));
}

static void
add_run(struct buf *out, uint32_t *random)
{
	char c = (char)(next_random(random) & 0xff);

	for (uint32_t n = next_random(random) % 6000; n > 0; n--)
		buf_add_octet(out, c);
}

static struct str
random_session(char *room, size_t size, uint32_t *random)
{
	struct buf out;

	buf_init(&out, room, size);
	if (next_random(random) % 4 > 0)
		buf_add_string(&out, LHLO);
	for (uint32_t n = next_random(random) % 40; n > 0; n--) {
		uint32_t kind = next_random(random) % 64;

		if (kind == 0)
			add_run(&out, random);
		else if (kind < 4)
			add_octets(&out, random);
		else
			buf_add(
			    &out, pieces[next_random(random) % COUNT(pieces)]);
	}
	return buf_str(&out);
}

/* Replies and progress are judged by lmtp_play; here, that it is the same
 * however the octets come. */
START_TEST(random_sessions_are_survived)
{
	uint32_t random = 2463534242U + (uint32_t)_i * 7919;
	static char room[32 * 1024], first[64 * 1024];
	unsigned messages = 0, closed = 0;

	for (int i = 0; i < 2500; i++) {
		struct lmtp_play play = lmtp_play_default();
		struct str given = random_session(room, sizeof(room), &random);
		struct str want;

		play.limits.offers_auth = next_random(&random) % 2 == 0;
		play.limits.needs_auth = next_random(&random) % 8 == 0;
		play.limits.bad_commands = next_random(&random) % 50;
		play.limits.commands = next_random(&random) % 50;
		play.limits.recipients = next_random(&random) % 5;
		play.out_octets =
		    next_random(&random) % 2 * 5 * LMTP_REPLY_OCTETS;
		want = lmtp_play(&play, given);
		memcpy(first, want.at, want.length);
		want.at = first;
		messages += strstr(lmtp_play(&play, given).at, "}\n") != NULL;
		closed += play.end == LMTP_STATE_CLOSED;
		play.first = next_random(&random) % 100 + 1;
		play.then = next_random(&random) % 300 + 1;
		expect_str(given, lmtp_play(&play, given), want);
	}
	/* It is not only junk that is tried. */
	ck_assert_uint_gt(messages, 100);
	ck_assert_uint_gt(closed, 100);
	ck_assert_uint_lt(closed, 2400);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp");
	TCase *all = tcase_create("lmtp");

	tcase_set_timeout(all, 60);
	tcase_add_loop_test(all, session_goes_as_written, 0, (int)COUNT(rows));
	tcase_add_test(all, every_split_gives_the_same);
	tcase_add_loop_test(all, line_may_be_so_long, 0, 6);
	tcase_add_test(all, line_is_as_long_in_a_large_buffer);
	tcase_add_loop_test(all, line_without_end_is_swallowed, 0, 2);
	tcase_add_loop_test(all, too_much_is_421, 0, (int)COUNT(counted));
	tcase_add_test(all, recipients_are_limited);
	tcase_add_test(all, many_recipients_are_no_flood);
	tcase_add_test(all, recipients_are_free_once_a_message);
	tcase_add_test(all, line_without_end_is_421);
	tcase_add_loop_test(all, size_is_announced_and_judged, 0, 5);
	tcase_add_loop_test(all, session_that_is_given_up_is_closed, 0, 6);
	if (expect_forks())
		tcase_add_loop_test_raise_signal(
		    all, misuse_aborts, SIGABRT, 0, 8);
	tcase_add_test(all, client_is_remembered);
	tcase_add_loop_test(all, random_sessions_are_survived, 0, 8);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
