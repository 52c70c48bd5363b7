/*
 * check_lmtp_auth.c - AUTH: who is asked about, what is refused before
 * anybody is asked, and that nothing of a password stays.
 *
 * Source: RFC 4954; RFC 4616.
 */
#include "wire/lmtp.h"

#include "../base/expect.h"
#include "support/lmtp_play.h"

#define PLAIN "AGJvYgBzZWNyZXQ=" /* NUL bob NUL secret */
#define ASKED "auth bob secret\n"
#define IN ASKED "235 2.7.0\n"
#define USERNAME "334 VXNlcm5hbWU6\n"
#define PASSWORD "334 UGFzc3dvcmQ6\n"

static const struct {
	struct str given; /* behind LHLO */
	struct str want;
} rows[] = {
	{ TEXT("AUTH PLAIN " PLAIN "\r\n"), TEXT(IN) },
	{ TEXT("auth plain " PLAIN "\n"), TEXT(IN) },
	{ TEXT("AUTH PLAIN\r\n" PLAIN "\r\n"), TEXT("334 \n" IN) },
	{ TEXT("AUTH LOGIN\r\nYm9i\r\nc2VjcmV0\r\n"),
	    TEXT(USERNAME PASSWORD IN) },
	{ TEXT("AUTH LOGIN Ym9i\r\nc2VjcmV0\r\n"), TEXT(PASSWORD IN) },
	/* For oneself, for another. */
	{ TEXT("AUTH PLAIN Ym9iAGJvYgBzZWNyZXQ=\r\n"), TEXT(IN) },
	{ TEXT("AUTH PLAIN ZXZlAGJvYgBzZWNyZXQ=\r\n"), TEXT("535 5.7.8\n") },
	{ TEXT("AUTH PLAIN Qm9iAGJvYgBzZWNyZXQ=\r\n"), TEXT("535 5.7.8\n") },
	/* Wrong, and nobody to ask; then once more. */
	{ TEXT("AUTH PLAIN AGJvYgB4\r\nAUTH PLAIN " PLAIN "\r\n"),
	    TEXT("auth bob x\n535 5.7.8\n" IN) },
	{ TEXT("AUTH PLAIN AGRvd24AeA==\r\nAUTH PLAIN " PLAIN "\r\n"),
	    TEXT("auth down x\n454 4.7.0\n" IN) },
	/* Cancelled. */
	{ TEXT("AUTH PLAIN\r\n*\r\nNOOP\r\n"),
	    TEXT("334 \n501 5.7.0\n250 2.0.0\n") },
	{ TEXT("AUTH LOGIN\r\n*\r\nAUTH LOGIN\r\nYm9i\r\n*\r\nNOOP\r\n"),
	    TEXT(USERNAME "501 5.7.0\n" USERNAME PASSWORD
			  "501 5.7.0\n250 2.0.0\n") },
	/* No base64, nothing in it, too little in it. */
	{ TEXT("AUTH PLAIN AGJvYgBzZWNyZXQ\r\nNOOP\r\n"),
	    TEXT("501 5.5.2\n250 2.0.0\n") },
	{ TEXT("AUTH PLAIN\r\n?\r\nNOOP\r\n"),
	    TEXT("334 \n501 5.5.2\n250 2.0.0\n") },
	{ TEXT("AUTH PLAIN\r\n\0\r\n"), TEXT("334 \n501 5.5.2\n") },
	{ TEXT("AUTH PLAIN a b\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH PLAIN =\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH PLAIN\r\n\r\n"), TEXT("334 \n501 5.5.2\n") },
	{ TEXT("AUTH PLAIN Ym9i\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH PLAIN AGJvYg==\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH PLAIN AGJvYgA=\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH PLAIN AABz\r\n"), TEXT("501 5.5.2\n") },
	/* NUL bob NUL a NUL; NUL b LF b NUL s */
	{ TEXT("AUTH PLAIN AGJvYgBhAA==\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH PLAIN AGIKYgBz\r\n"), TEXT("501 5.5.2\n") },
	{ TEXT("AUTH LOGIN\r\n!\r\nNOOP\r\n"),
	    TEXT(USERNAME "501 5.5.2\n250 2.0.0\n") },
	{ TEXT("AUTH LOGIN\r\nYm9i\r\n!\r\nNOOP\r\n"),
	    TEXT(USERNAME PASSWORD "501 5.5.2\n250 2.0.0\n") },
	{ TEXT("AUTH LOGIN\r\n\r\nc2VjcmV0\r\n"),
	    TEXT(USERNAME PASSWORD "501 5.5.2\n") },
	{ TEXT("AUTH LOGIN\r\nYm9i\r\n\r\n"),
	    TEXT(USERNAME PASSWORD "501 5.5.2\n") },
	{ TEXT("AUTH LOGIN =\r\nc2VjcmV0\r\n"), TEXT(PASSWORD "501 5.5.2\n") },
	{ TEXT("AUTH LOGIN YgBi\r\nc2VjcmV0\r\n"),
	    TEXT(PASSWORD "501 5.5.2\n") },
	{ TEXT("AUTH LOGIN Ym9i\r\nYgBi\r\n"), TEXT(PASSWORD "501 5.5.2\n") },
	/* Other mechanisms, none. */
	{ TEXT("AUTH CRAM-MD5\r\n"), TEXT("504 5.5.4\n") },
	{ TEXT("AUTH PLAINX x\r\n"), TEXT("504 5.5.4\n") },
	{ TEXT("AUTH\r\n"), TEXT("501 5.5.4\n") },
	{ TEXT("AUTH PLAIN \t\r\n"), TEXT("501 5.5.4\n") },
	/* In the wrong place. */
	{ TEXT("AUTH PLAIN " PLAIN "\r\nAUTH PLAIN " PLAIN "\r\n"),
	    TEXT(IN "503 5.5.1\n") },
	{ TEXT("MAIL FROM:<a@x>\r\nAUTH PLAIN " PLAIN "\r\nRSET\r\n"
	       "AUTH PLAIN " PLAIN "\r\n"),
	    TEXT("mail a@x\n250 2.1.0\n503 5.5.1\n250 2.0.0\nreset\n" IN) },
	/* A command is no answer. */
	{ TEXT("AUTH PLAIN\r\nQUIT\r\nNOOP\r\n"),
	    TEXT("334 \n501 5.5.2\n250 2.0.0\n") },
};

#define BEFORE                                                                 \
	"220 mx.example LMTP lda ready\n250-mx.example\n250-PIPELINING\n"      \
	"250-8BITMIME\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n"                \
	"250-AUTH PLAIN LOGIN\n250 SIZE\n"

static struct lmtp_play
with_auth(void)
{
	struct lmtp_play play = lmtp_play_default();

	play.limits.offers_auth = true;
	return play;
}

START_TEST(auth_goes_as_written)
{
	struct lmtp_play play = with_auth();
	char line[400], wanted[600];
	struct buf given, want;

	buf_init(&given, line, sizeof(line));
	buf_add_string(&given, "LHLO me\r\n");
	buf_add(&given, rows[_i].given);
	buf_init(&want, wanted, sizeof(wanted));
	buf_add_string(&want, BEFORE);
	buf_add(&want, rows[_i].want);
	expect_str(
	    rows[_i].given, lmtp_play(&play, buf_str(&given)), buf_str(&want));
	play.first = play.then = 1;
	expect_str(
	    rows[_i].given, lmtp_play(&play, buf_str(&given)), buf_str(&want));
}
END_TEST

START_TEST(auth_wants_lhlo)
{
	struct lmtp_play play = with_auth();

	expect_str(STR("AUTH"),
	    lmtp_play(&play, STR("AUTH PLAIN " PLAIN "\r\n")),
	    STR("220 mx.example LMTP lda ready\n503 5.5.1\n"));
}
END_TEST

START_TEST(mail_may_want_auth)
{
	struct lmtp_play play = with_auth();

	play.limits.needs_auth = true;
	expect_str(STR("MAIL"),
	    lmtp_play(&play,
		STR("LHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"
		    "AUTH PLAIN AGJvYgB4\r\nMAIL FROM:<a@x>\r\n"
		    "AUTH PLAIN " PLAIN "\r\nMAIL FROM:<a@x>\r\n"
		    "LHLO me\r\nMAIL FROM:<>\r\n")),
	    STR(BEFORE "430 4.7.0\n503 5.5.1\nauth bob x\n535 5.7.8\n"
		       "430 4.7.0\n" IN "mail a@x\n250 2.1.0\n"
		       "250-mx.example\n250-PIPELINING\n250-8BITMIME\n"
		       "250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n"
		       "250-AUTH PLAIN LOGIN\n250 SIZE\nreset\n"
		       "mail \n250 2.1.0\n"));
}
END_TEST

START_TEST(guesses_are_limited)
{
	struct lmtp_play play = with_auth();
	char line[2000];
	struct buf given;
	struct str got;

	play.limits.bad_commands = 3;
	buf_init(&given, line, sizeof(line));
	buf_add_string(&given, "LHLO me\r\n");
	for (int i = 0; i < 20; i++)
		buf_add_string(&given, "AUTH PLAIN AGJvYgB4\r\n");
	got = lmtp_play(&play, buf_str(&given));
	ck_assert_uint_eq(play.replies, 2 + 3 + 1);
	ck_assert(str_ends(got, "auth bob x\n421 4.7.0\nclose\n"));
}
END_TEST

/* A line that is too long ends AUTH as a bad one does. */
START_TEST(long_answer_ends_auth)
{
	static char line[3 * LMTP_LINE_OCTETS];
	struct lmtp_play play = with_auth();
	struct buf given;

	buf_init(&given, line, sizeof(line));
	buf_add_string(&given, "LHLO me\r\nAUTH PLAIN\r\n");
	for (size_t i = 0; i < LMTP_LINE_OCTETS; i++)
		buf_add_octet(&given, 'A');
	buf_add_string(&given, "\r\nNOOP\r\n");
	expect_str(STR("AAAA..."), lmtp_play(&play, buf_str(&given)),
	    STR(BEFORE "334 \n500 5.5.2\n250 2.0.0\n"));
}
END_TEST

static bool
holds(const void *memory, size_t size, struct str word)
{
	struct str all = str_of(memory, size);

	for (; all.length >= word.length; all = str_after(all, 1))
		if (str_equal(str_head(all, word.length), word))
			return true;
	return false;
}

/* Recipients' processes are forked with this memory in them. */
START_TEST(password_does_not_stay)
{
	static const char *const ways[] = { "AUTH PLAIN " PLAIN "\r\n",
		"AUTH LOGIN Ym9i\r\nc2VjcmV0\r\n" };
	static struct lmtp_session session;
	char room[4 * LMTP_REPLY_OCTETS];
	struct lmtp_play play = with_auth();
	struct status why;
	struct cursor in;
	struct buf out;

	buf_init(&out, room, sizeof(room));
	lmtp_begin(&session, &play.limits, "mx", &out);
	in = cursor_over(STR("LHLO me\r\n"));
	(void)lmtp_next(&session, &in, &out);
	in = cursor_over(str_from(ways[_i % 2]));
	ck_assert_int_eq((int)lmtp_next(&session, &in, &out), (int)LMTP_AUTH);
	ck_assert(holds(&session, sizeof(session), STR("secret")));
	(void)status_fail(&why, STATUS_LOOKUP_FAILED, "down");
	if (_i / 2 == 0)
		lmtp_accept(&session, &out);
	else if (_i / 2 == 1)
		lmtp_deny(&session, &out);
	else
		lmtp_refuse(&session, &why, &out);
	ck_assert(!holds(&session, sizeof(session), STR("secret")));
	ck_assert(!holds(&session, sizeof(session), STR("c2VjcmV0")));
	ck_assert(!holds(&session, sizeof(session), STR(PLAIN)));
	expect_str(STR("identity"), session.identity, STR("bob"));
	ck_assert(session.authenticated == (_i / 2 == 0));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_auth");
	TCase *all = tcase_create("lmtp_auth");

	tcase_add_loop_test(all, auth_goes_as_written, 0, (int)COUNT(rows));
	tcase_add_test(all, auth_wants_lhlo);
	tcase_add_test(all, mail_may_want_auth);
	tcase_add_test(all, guesses_are_limited);
	tcase_add_test(all, long_answer_ends_auth);
	tcase_add_loop_test(all, password_does_not_stay, 0, 6);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
