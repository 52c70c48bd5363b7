/*
 * check_socketmap.c - the request, and what the five answers are.
 *
 * Source: postfix socketmap_table(5).
 */
#include "wire/socketmap.h"

#include "../base/expect.h"
#include "wire/netstring.h"

#define OK SOCKETMAP_OK
#define NOT_FOUND SOCKETMAP_NOT_FOUND
#define TROUBLE SOCKETMAP_TROUBLE

static const struct {
	struct str given;
	bool fine;
	enum socketmap_answer want;
	struct str data;
} rows[] = {
	{ TEXT("OK data"), true, OK, TEXT("data") },
	{ TEXT("OK x:1:2::/h::a=b c"), true, OK, TEXT("x:1:2::/h::a=b c") },
	{ TEXT("OK "), true, OK, TEXT("") },
	{ TEXT("OK  two"), true, OK, TEXT(" two") },
	{ TEXT("NOTFOUND "), true, NOT_FOUND, TEXT("") },
	{ TEXT("NOTFOUND"), true, NOT_FOUND, TEXT("") },
	{ TEXT("TEMP later"), true, TROUBLE, TEXT("later") },
	{ TEXT("TEMP "), true, TROUBLE, TEXT("") },
	{ TEXT("TIMEOUT "), true, TROUBLE, TEXT("") },
	{ TEXT("PERM no such map"), true, TROUBLE, TEXT("no such map") },
	/* Doubt, never "not found". */
	{ TEXT(""), false, OK, TEXT("") },
	{ TEXT(" "), false, OK, TEXT("") },
	{ TEXT("ok data"), false, OK, TEXT("") },
	{ TEXT("notfound "), false, OK, TEXT("") },
	{ TEXT("NOTFOUN"), false, OK, TEXT("") },
	{ TEXT("NOTFOUNDX"), false, OK, TEXT("") },
	{ TEXT("NOTFOUND\n"), false, OK, TEXT("") },
	{ TEXT("NOTFOUND\0"), false, OK, TEXT("") },
	{ TEXT("NOT FOUND"), false, OK, TEXT("") },
	{ TEXT(" NOTFOUND"), false, OK, TEXT("") },
	{ TEXT("OKdata"), false, OK, TEXT("") },
	{ TEXT("OK\tdata"), false, OK, TEXT("") },
	{ TEXT("TEMPORARY"), false, OK, TEXT("") },
	{ TEXT("\xff\xfe"), false, OK, TEXT("") },
};

START_TEST(reply_is_one_of_five_words)
{
	enum socketmap_answer answer = OK;
	struct str data = STR("");
	bool fine = socketmap_read(rows[_i].given, &answer, &data);

	expect_bool(rows[_i].given, fine, rows[_i].fine);
	if (!fine)
		return;
	ck_assert_msg(answer == rows[_i].want, "given \"%s\": %d",
	    expect_show(rows[_i].given), (int)answer);
	expect_str(rows[_i].given, data, rows[_i].data);
}
END_TEST

/* A reply that is cut short is another word or no word; only OK's data can
 * be cut, and the netstring round it tells that. */
START_TEST(prefix_of_a_word_is_no_word)
{
	static const char *const words[] = { "NOTFOUND", "TEMP", "TIMEOUT",
		"PERM", "OK" };

	for (size_t i = 0; i < strlen(words[_i]); i++) {
		enum socketmap_answer answer;
		struct str data;

		ck_assert_msg(
		    !socketmap_read(str_of(words[_i], i), &answer, &data),
		    "%zu octets of %s", i, words[_i]);
	}
}
END_TEST

START_TEST(request_is_a_netstring_of_name_and_key)
{
	char room[200];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	socketmap_ask(&out, STR("users"), STR("anna@a.example"));
	expect_str(
	    STR("request"), buf_str(&out), STR("20:users anna@a.example,"));
}
END_TEST

/* The server finds out where the name ends by the first blank, and the key's
 * blanks are the key's. */
START_TEST(key_is_sent_as_it_is)
{
	char room[200];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	socketmap_ask(&out, STR("users"), STR("a b,3:c \xc3\xa4"));
	expect_str(
	    STR("blanks"), buf_str(&out), STR("16:users a b,3:c \xc3\xa4,"));
}
END_TEST

/* A key that does not fit is never asked for in part: that would be somebody
 * else's. */
START_TEST(request_that_does_not_fit_is_no_whole_netstring)
{
	static const size_t lengths[] = { 1500, 2040, 2041, 2042, 2043, 2048,
		3000 };
	char key[4000], room[4200];
	struct str text;
	struct buf out;
	size_t used, length = lengths[_i];

	memset(key, 'k', sizeof(key));
	buf_init(&out, room, sizeof(room));
	socketmap_ask(&out, STR("users"), str_of(key, length));
	if (!out.overflow &&
	    netstring_read(buf_str(&out), sizeof(room), &text, &used) ==
		NETSTRING_WHOLE)
		ck_assert_uint_eq(text.length, length + strlen("users "));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("socketmap");
	TCase *all = tcase_create("socketmap");

	tcase_add_loop_test(
	    all, reply_is_one_of_five_words, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, prefix_of_a_word_is_no_word, 0, 5);
	tcase_add_test(all, request_is_a_netstring_of_name_and_key);
	tcase_add_test(all, key_is_sent_as_it_is);
	tcase_add_loop_test(
	    all, request_that_does_not_fit_is_no_whole_netstring, 0, 7);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
