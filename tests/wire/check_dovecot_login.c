/*
 * check_dovecot_login.c - the question to Dovecot's auth-client socket, and
 * what it may say.
 *
 * Source: Dovecot "Authentication Protocol", version 1; RFC 4616.
 */
#include "wire/dovecot_login.h"

#include "../base/expect.h"

#define HELLO                                                                  \
	"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\n"            \
	"COOKIE\tabc\nDONE\n"

START_TEST(question_is_one_plain_response)
{
	char room[256];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	ck_assert(dovecot_login_ask(&out, 42, STR("bob"), STR("secret")));
	expect_str(STR("bob"), buf_str(&out),
	    STR("VERSION\t1\t1\nCPID\t42\nAUTH\t1\tPLAIN\tservice=lmtp\t"
		"secured\tresp=AGJvYgBzZWNyZXQ=\n"));
}
END_TEST

START_TEST(what_does_not_fit_is_not_asked)
{
	static char longest[1100];
	char room[4096];
	struct buf out;

	memset(longest, 'x', sizeof(longest));
	buf_init(&out, room, sizeof(room));
	ck_assert(!dovecot_login_ask(
	    &out, 1, STR("bob"), str_of(longest, sizeof(longest))));
	buf_init(&out, room, 40);
	ck_assert(!dovecot_login_ask(&out, 1, STR("bob"), STR("secret")));
}
END_TEST

static const struct {
	struct str said;
	enum dovecot_login_answer want;
} rows[] = {
	{ TEXT(HELLO "OK\t1\tuser=bob\n"), DOVECOT_LOGIN_RIGHT },
	{ TEXT(HELLO "FAIL\t1\tuser=bob\n"), DOVECOT_LOGIN_WRONG },
	{ TEXT(HELLO "FAIL\t1\n"), DOVECOT_LOGIN_WRONG },
	{ TEXT(HELLO "FAIL\t1\tuser=bob\ttemp\n"), DOVECOT_LOGIN_TROUBLE },
	{ TEXT(HELLO "FAIL\t1\tcode=temp_fail\n"), DOVECOT_LOGIN_TROUBLE },
	{ TEXT(""), DOVECOT_LOGIN_UNFINISHED },
	{ TEXT(HELLO), DOVECOT_LOGIN_UNFINISHED },
	{ TEXT(HELLO "OK\t1\tuser=bob"), DOVECOT_LOGIN_UNFINISHED },
	{ TEXT("VERSION\t2\t0\n"), DOVECOT_LOGIN_BROKEN },
	{ TEXT(HELLO "OK\t2\tuser=bob\n"), DOVECOT_LOGIN_BROKEN },
	{ TEXT(HELLO "CONT\t1\t\n"), DOVECOT_LOGIN_BROKEN },
	{ TEXT("220 smtp ready\r\n"), DOVECOT_LOGIN_BROKEN },
};

START_TEST(answer_is_understood)
{
	ck_assert_msg(dovecot_login_read(rows[_i].said) == rows[_i].want,
	    "said \"%s\"", expect_show(rows[_i].said));
}
END_TEST

/* Nobody is let in by a part of what was said. */
START_TEST(every_part_of_an_answer_is_unfinished)
{
	struct str said = STR(HELLO "OK\t1\tuser=bob\n");

	for (size_t length = 0; length < said.length; length++)
		ck_assert_int_eq(
		    (int)dovecot_login_read(str_head(said, length)),
		    (int)DOVECOT_LOGIN_UNFINISHED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dovecot_login");
	TCase *all = tcase_create("all");

	tcase_add_test(all, question_is_one_plain_response);
	tcase_add_test(all, what_does_not_fit_is_not_asked);
	tcase_add_loop_test(all, answer_is_understood, 0, (int)COUNT(rows));
	tcase_add_test(all, every_part_of_an_answer_is_unfinished);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
