/*
 * check_lmtp_reply.c - what a server answers, in whatever pieces it comes, and
 * what must not be taken for an answer.
 *
 * Source: RFC 5321 section 4.2, RFC 2034.
 */
#include "wire/lmtp_reply.h"

#include "../base/expect.h"

#define BROKEN 0

/* code 0: it is no reply. */
static const struct {
	struct str given;
	int code;
	const char *enhanced;
	struct str text;
} replies[] = {
	{ TEXT("250 2.1.5 Ok\r\n"), 250, "2.1.5", TEXT("Ok") },
	{ TEXT("250 Ok\r\n"), 250, "", TEXT("Ok") },
	{ TEXT("250 Ok\n"), 250, "", TEXT("Ok") },
	{ TEXT("250\r\n"), 250, "", TEXT("") },
	{ TEXT("250 \r\n"), 250, "", TEXT("") },
	{ TEXT("354 go ahead\r\n"), 354, "", TEXT("go ahead") },
	{ TEXT("550 5.1.1\r\n"), 550, "5.1.1", TEXT("") },
	{ TEXT("550 5.1.1\tunknown\r\n"), 550, "5.1.1", TEXT("unknown") },
	{ TEXT("550 5.999.999 x\r\n"), 550, "5.999.999", TEXT("x") },
	{ TEXT("599 x\r\n"), 599, "", TEXT("x") },
	/* Several lines. */
	{ TEXT("250-one\r\n250-two\r\n250 three\r\n"), 250, "",
	    TEXT("one two three") },
	{ TEXT("550-5.1.1 no\r\n550 5.1.1 user\r\n"), 550, "5.1.1",
	    TEXT("no user") },
	/* The last line's code counts. */
	{ TEXT("550-5.1.1 no\r\n550 5.2.2 full\r\n"), 550, "5.2.2",
	    TEXT("no full") },
	{ TEXT("550-5.1.1 no\r\n550 user\r\n"), 550, "", TEXT("no user") },
	{ TEXT("250-\r\n250-\r\n250 x\r\n"), 250, "", TEXT("x") },
	{ TEXT("250-x\r\n250\r\n"), 250, "", TEXT("x") },
	/* Codes that do not go with the reply are text. */
	{ TEXT("550 4.1.1 x\r\n"), 550, "", TEXT("4.1.1 x") },
	{ TEXT("450 5.1.1 x\r\n"), 450, "", TEXT("5.1.1 x") },
	{ TEXT("550 5.1 x\r\n"), 550, "", TEXT("5.1 x") },
	{ TEXT("550 5.1.1.1 x\r\n"), 550, "", TEXT("5.1.1.1 x") },
	{ TEXT("550 5.1.1234 x\r\n"), 550, "", TEXT("5.1.1234 x") },
	{ TEXT("550 5..1 x\r\n"), 550, "", TEXT("5..1 x") },
	{ TEXT("550 5.1.1: x\r\n"), 550, "", TEXT("5.1.1: x") },
	{ TEXT("550 55.1.1 x\r\n"), 550, "", TEXT("55.1.1 x") },
	{ TEXT("550  5.1.1 x\r\n"), 550, "", TEXT("5.1.1 x") },
	/* Octets that have no place in a text stay for others to judge; only a
	 * NUL would hide what follows. */
	{ TEXT("550 a\0b\x1b\xff\r\n"), 550, "", TEXT("a b\x1b\xff") },
	{ TEXT("550 a\rb\r\n"), 550, "", TEXT("a\rb") },
	/* No replies. */
	{ TEXT("\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("25 x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("2500 x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("250x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("250+x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT(" 250 x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("150 x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("600 x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("-50 x\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("+OK\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("* OK IMAP4rev1\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("HTTP/1.0 400 Bad Request\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("\0\0\0\n"), BROKEN, "", TEXT("") },
	{ TEXT("25\0 x\n"), BROKEN, "", TEXT("") },
	{ TEXT("250-x\r\nabc\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("250-x\r\n\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("250-x\r\n251 y\r\n"), BROKEN, "", TEXT("") },
	{ TEXT("250-x\r\n550 y\r\n"), BROKEN, "", TEXT("") },
};

static struct lmtp_reply reply;

/* Reads on to the end of a reply, or of what there is. */
static enum lmtp_reply_state
read_on(struct cursor *in)
{
	enum lmtp_reply_state state;
	struct str line;

	do
		state = lmtp_reply_read(&reply, in, &line);
	while (state == LMTP_REPLY_LINE);
	return state;
}

static void
expect_reply(int row, enum lmtp_reply_state state)
{
	if (replies[row].code == BROKEN) {
		ck_assert_int_eq((int)state, (int)LMTP_REPLY_BROKEN);
		ck_assert_ptr_nonnull(reply.trouble);
		return;
	}
	ck_assert_msg(
	    state == LMTP_REPLY_WHOLE && reply.code == replies[row].code,
	    "\"%s\": state %d, code %d", expect_show(replies[row].given),
	    (int)state, reply.code);
	ck_assert_str_eq(reply.enhanced, replies[row].enhanced);
	expect_str(replies[row].given, str_from(reply.text), replies[row].text);
}

START_TEST(reply_is_read)
{
	struct cursor in = cursor_over(replies[_i].given);

	lmtp_reply_begin(&reply);
	expect_reply(_i, read_on(&in));
	if (replies[_i].code != BROKEN)
		ck_assert(cursor_at_end(&in));
}
END_TEST

/* Split at every octet, and octet by octet; each part in memory of its own,
 * so that a sanitizer sees whoever looks beyond it. */
static enum lmtp_reply_state
read_part(struct str part)
{
	enum lmtp_reply_state state;
	char *copy = malloc(part.length == 0 ? 1 : part.length);
	struct cursor in;

	ck_assert_ptr_nonnull(copy);
	if (part.length > 0)
		memcpy(copy, part.at, part.length);
	in = cursor_over(str_of(copy, part.length));
	state = read_on(&in);
	free(copy);
	return state;
}

START_TEST(reply_is_read_in_pieces)
{
	struct str whole = replies[_i].given;

	for (size_t cut = 0; cut < whole.length; cut++) {
		enum lmtp_reply_state state;

		lmtp_reply_begin(&reply);
		state = read_part(str_head(whole, cut));
		if (state == LMTP_REPLY_UNFINISHED)
			state = read_part(str_after(whole, cut));
		expect_reply(_i, state);
	}
}
END_TEST

START_TEST(reply_is_read_octet_by_octet)
{
	struct str whole = replies[_i].given;
	enum lmtp_reply_state state = LMTP_REPLY_UNFINISHED;

	lmtp_reply_begin(&reply);
	for (size_t i = 0; i < whole.length; i++) {
		ck_assert_int_eq((int)state, (int)LMTP_REPLY_UNFINISHED);
		state = read_part(str_head(str_after(whole, i), 1));
		if (state == LMTP_REPLY_BROKEN)
			break;
	}
	expect_reply(_i, state);
}
END_TEST

START_TEST(what_follows_a_reply_is_left)
{
	struct cursor in = cursor_over(STR("250-a\r\n250 b\r\n550 c\r\n"));

	lmtp_reply_begin(&reply);
	ck_assert_int_eq((int)read_on(&in), (int)LMTP_REPLY_WHOLE);
	expect_str(STR("two replies"), in.rest, STR("550 c\r\n"));
}
END_TEST

START_TEST(lines_are_told_one_by_one)
{
	struct cursor in =
	    cursor_over(STR("250-mx\r\n250-SIZE 1\r\n250 X\r\n"));
	struct str line;

	lmtp_reply_begin(&reply);
	ck_assert_int_eq(
	    (int)lmtp_reply_read(&reply, &in, &line), (int)LMTP_REPLY_LINE);
	expect_str(STR("1"), line, STR("mx"));
	ck_assert_int_eq(
	    (int)lmtp_reply_read(&reply, &in, &line), (int)LMTP_REPLY_LINE);
	expect_str(STR("2"), line, STR("SIZE 1"));
	ck_assert_uint_eq(reply.lines, 2);
	ck_assert_int_eq(
	    (int)lmtp_reply_read(&reply, &in, &line), (int)LMTP_REPLY_WHOLE);
	expect_str(STR("3"), line, STR("X"));
}
END_TEST

START_TEST(longest_line_is_kept_and_a_longer_one_cut)
{
	static char line[3 * LMTP_REPLY_LINE_OCTETS];
	size_t length = _i == 0 ? 300 : sizeof(line) - 2;
	struct cursor in;

	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	memcpy(line + length, "\r\n", 2);
	in = cursor_over(str_of(line, length + 2));
	lmtp_reply_begin(&reply);
	ck_assert_int_eq((int)read_on(&in), (int)LMTP_REPLY_WHOLE);
	ck_assert_uint_eq(strlen(reply.text),
	    _i == 0 ? length - 4 : LMTP_REPLY_LINE_OCTETS - 4);
}
END_TEST

START_TEST(many_lines_are_cut_to_the_room)
{
	enum lmtp_reply_state state = LMTP_REPLY_LINE;
	struct cursor in;

	lmtp_reply_begin(&reply);
	for (int i = 0; i < 500; i++) {
		in = cursor_over(STR("250-xxxxxxxxxxxxxxxx\r\n"));
		state = read_on(&in);
		ck_assert_int_eq((int)state, (int)LMTP_REPLY_UNFINISHED);
	}
	in = cursor_over(STR("250 2.1.0 end\r\n"));
	ck_assert_int_eq((int)read_on(&in), (int)LMTP_REPLY_WHOLE);
	ck_assert_uint_eq(strlen(reply.text), LMTP_REPLY_TEXT_OCTETS - 1);
	ck_assert_str_eq(reply.enhanced, "2.1.0");
}
END_TEST

/* A server that floods is no server: by one line without an end, or by lines
 * without an end. */
START_TEST(flood_is_broken)
{
	static const struct str floods[] = { TEXT("xxxxxxxxxxxxxxxx"),
		TEXT("250-xxxxxxxxxxxxxx\r\n"), TEXT("250-\n"),
		TEXT("\0\0\0\0\0\0\0\0") };
	size_t sent = 0;
	enum lmtp_reply_state state = LMTP_REPLY_UNFINISHED;

	lmtp_reply_begin(&reply);
	while (state == LMTP_REPLY_UNFINISHED) {
		struct cursor in = cursor_over(floods[_i]);

		state = read_on(&in);
		sent += floods[_i].length;
		ck_assert_uint_lt(sent, 2 * LMTP_REPLY_MOST_OCTETS);
	}
	ck_assert_int_eq((int)state, (int)LMTP_REPLY_BROKEN);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_reply");
	TCase *all = tcase_create("replies");

	tcase_add_loop_test(all, reply_is_read, 0, (int)COUNT(replies));
	tcase_add_loop_test(
	    all, reply_is_read_in_pieces, 0, (int)COUNT(replies));
	tcase_add_loop_test(
	    all, reply_is_read_octet_by_octet, 0, (int)COUNT(replies));
	tcase_add_test(all, what_follows_a_reply_is_left);
	tcase_add_test(all, lines_are_told_one_by_one);
	tcase_add_loop_test(
	    all, longest_line_is_kept_and_a_longer_one_cut, 0, 2);
	tcase_add_test(all, many_lines_are_cut_to_the_room);
	tcase_add_loop_test(all, flood_is_broken, 0, 4);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
