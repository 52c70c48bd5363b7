/*
 * check_dovecot_auth.c - what an auth-userdb socket says, in both dialects,
 * and what it must not be taken for.
 *
 * Source: Dovecot "Authentication Protocol", 2.3 and 2.4; DESIGN 2.3.
 */
#include "wire/dovecot_auth.h"

#include "../base/expect.h"

#define MORE DOVECOT_AUTH_UNFINISHED
#define USER DOVECOT_AUTH_USER
#define NOT_FOUND DOVECOT_AUTH_NOT_FOUND
#define FAILED DOVECOT_AUTH_FAILED
#define BROKEN DOVECOT_AUTH_BROKEN

#define V23 "VERSION\t1\t1\nSPID\t4711\n"
#define V24 "VERSION\t1\t4\nSPID\t4711\n"

static struct arena arena;

static void
set_up(void)
{
	arena_init(&arena, expect_memory);
}

static const struct {
	struct str given;
	enum dovecot_auth_answer want;
	struct str fields;
} rows[] = {
	{ TEXT(V23 "USER\t1\tanna\tuid=5000\tgid=5001\thome=/h\n"), USER,
	    TEXT("anna\tuid=5000\tgid=5001\thome=/h") },
	{ TEXT(V24 "USER\t1\tanna\tuid=5000\n"), USER, TEXT("anna\tuid=5000") },
	{ TEXT(V23 "USER\t1\tanna\n"), USER, TEXT("anna") },
	{ TEXT(V23 "NOTFOUND\t1\n"), NOT_FOUND, TEXT("") },
	{ TEXT(V24 "NOTFOUND\t1\n"), NOT_FOUND, TEXT("") },
	{ TEXT(V24 "NOTFOUND\t1\tuser=anna\n"), NOT_FOUND, TEXT("user=anna") },
	{ TEXT(V23 "FAIL\t1\treason=down\n"), FAILED, TEXT("reason=down") },
	{ TEXT(V23 "FAIL\t1\n"), FAILED, TEXT("") },
	/* Both in one read, or what comes after. */
	{ TEXT(V23 "NOTFOUND\t1\nUSER\t1\tx\n"), NOT_FOUND, TEXT("") },
	/* Not done yet. */
	{ TEXT(""), MORE, TEXT("") },
	{ TEXT(V23), MORE, TEXT("") },
	{ TEXT("VERSION\t1\t1\n"), MORE, TEXT("") },
	{ TEXT(V23 "USER\t1\tanna\tuid=5000"), MORE, TEXT("") },
	{ TEXT(V23 "NOTFOUND\t1"), MORE, TEXT("") },
	/* Another socket of Dovecot's: a client's says these. */
	{ TEXT("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\n"), BROKEN, TEXT("") },
	{ TEXT("VERSION\t1\t2\nCUID\t1\n"), BROKEN, TEXT("") },
	{ TEXT("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
	       "COOKIE\tabc\nDONE\n"),
	    BROKEN, TEXT("") },
	/* Another version, another program. */
	{ TEXT("VERSION\t2\t0\nSPID\t1\nNOTFOUND\t1\n"), BROKEN, TEXT("") },
	{ TEXT("VERSION\t\t0\n"), BROKEN, TEXT("") },
	{ TEXT("VERSION\n"), BROKEN, TEXT("") },
	{ TEXT("VERSION\t10\t0\n"), BROKEN, TEXT("") },
	{ TEXT("220 mx ESMTP\r\n"), BROKEN, TEXT("") },
	{ TEXT("\n"), BROKEN, TEXT("") },
	{ TEXT("\0\n"), BROKEN, TEXT("") },
	{ TEXT("FAIL\t1\n"), BROKEN, TEXT("") },
	{ TEXT("USER\t1\n"), BROKEN, TEXT("") },
	{ TEXT("SPID\t1"), BROKEN, TEXT("") },
	{ TEXT("VERSION"), MORE, TEXT("") },
	{ TEXT("version\t1\t1\nNOTFOUND\t1\n"), BROKEN, TEXT("") },
	/* The answer to somebody else, or to nobody. */
	{ TEXT(V23 "NOTFOUND\t2\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "NOTFOUND\t\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "NOTFOUND\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "NOTFOUND\t01\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "NOTFOUND\t11\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "NOTFOUND 1\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "USER\t2\tanna\tuid=1\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "FAIL\t0\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "NOTFOUNDX\t1\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "notfound\t1\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "OK\t1\tuser=anna\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "DONE\t1\n"), BROKEN, TEXT("") },
	{ TEXT(V23 "\tNOTFOUND\t1\n"), BROKEN, TEXT("") },
	/* "Unknown" of what never greeted is doubt. */
	{ TEXT("NOTFOUND\t1\n"), BROKEN, TEXT("") },
	{ TEXT("SPID\t1\nNOTFOUND\t1\n"), BROKEN, TEXT("") },
};

START_TEST(answer_is_known_or_broken)
{
	struct str fields = STR("");
	enum dovecot_auth_answer got =
	    dovecot_auth_read(rows[_i].given, &fields);

	ck_assert_msg(got == rows[_i].want, "given \"%s\": %d instead of %d",
	    expect_show(rows[_i].given), (int)got, (int)rows[_i].want);
	if (got == USER)
		expect_str(rows[_i].given, fields, rows[_i].fields);
}
END_TEST

START_TEST(every_prefix_is_unfinished)
{
	static const struct str answers[] = {
		TEXT(V23 "USER\t1\tanna\tuid=5000\tgid=5001\thome=/h\n"),
		TEXT(V23 "NOTFOUND\t1\n"),
		TEXT(V23 "FAIL\t1\treason=x\n"),
		TEXT(V24 "USER\t1\tanna\tuid=1\tmail_path=/x\n"),
	};
	struct str whole = answers[_i], fields;

	for (size_t i = 0; i < whole.length; i++) {
		char *copy = malloc(i == 0 ? 1 : i);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, whole.at, i);
		ck_assert_msg(
		    dovecot_auth_read(str_of(copy, i), &fields) == MORE,
		    "%zu octets of \"%s\"", i, expect_show(whole));
		free(copy);
	}
	ck_assert_int_ne((int)dovecot_auth_read(whole, &fields), (int)MORE);
}
END_TEST

START_TEST(request_suits_both_dialects)
{
	char room[300];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	dovecot_auth_ask(&out, STR("anna@a.example"));
	expect_str(STR("request"), buf_str(&out),
	    STR("VERSION\t1\t0\nUSER\t1\tanna@a.example\tservice=lda"
		"\tprotocol=lda\n"));
}
END_TEST

/* Dovecot reads \001 as the begin of an escape, so a name must not bring one
 * of its own. */
START_TEST(name_that_cannot_be_asked)
{
	static const struct {
		struct str name;
		bool want;
	} names[] = {
		{ TEXT("anna"), true },
		{ TEXT("anna@a.example"), true },
		{ TEXT("o'neil b"), true },
		{ TEXT("\xc3\xa4"), true },
		{ TEXT(""), false },
		{ TEXT("a\tservice=imap"), false },
		{ TEXT("a\nUSER\t2\troot"), false },
		{ TEXT("a\r"), false },
		{ TEXT("a\0"), false },
		{ TEXT("a\001t"), false },
		{ TEXT("a\x7f"), false },
	};

	expect_bool(names[_i].name, dovecot_auth_can_ask(names[_i].name),
	    names[_i].want);
}
END_TEST

/* The server hangs up on lines over 1024 octets. */
START_TEST(longest_name_fits_the_servers_line)
{
	char name[2000], room[3000];
	struct buf out;
	size_t longest = 0;

	memset(name, 'n', sizeof(name));
	for (size_t i = 1; i < sizeof(name); i++)
		if (dovecot_auth_can_ask(str_of(name, i)))
			longest = i;
	ck_assert_uint_ge(longest, 320); /* 64@255 */
	buf_init(&out, room, sizeof(room));
	dovecot_auth_ask(&out, str_of(name, longest));
	ck_assert_uint_le(out.length - strlen("VERSION\t1\t0\n"), (size_t)1024);
}
END_TEST

static const struct {
	struct str given, want;
} escapes[] = {
	{ TEXT(""), TEXT("") },
	{ TEXT("plain"), TEXT("plain") },
	{ TEXT("a\001tb"), TEXT("a\tb") },
	{ TEXT("a\001nb"), TEXT("a\nb") },
	{ TEXT("a\001rb"), TEXT("a\rb") },
	{ TEXT("a\0010b"), TEXT("a\0b") },
	{ TEXT("a\0011b"), TEXT("a\001b") },
	{ TEXT("\001t\001t"), TEXT("\t\t") },
	{ TEXT("\0011t"), TEXT("\001t") },
	{ TEXT("x=\001t"), TEXT("x=\t") },
};

START_TEST(escapes_are_undone)
{
	expect_str(escapes[_i].given,
	    dovecot_auth_unescape(&arena, escapes[_i].given), escapes[_i].want);
}
END_TEST

/* What is no escape does no harm, whatever becomes of it. */
START_TEST(broken_escapes_end)
{
	static const struct str broken[] = { TEXT("\001"), TEXT("a\001"),
		TEXT("\001\001\001"), TEXT("\001x"), TEXT("\001\0"),
		TEXT("\xff\001\xff") };
	struct str got = dovecot_auth_unescape(&arena, broken[_i]);

	ck_assert_uint_le(got.length, broken[_i].length);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dovecot_auth");
	TCase *all = tcase_create("dovecot_auth");

	tcase_add_checked_fixture(all, set_up, NULL);
	tcase_add_loop_test(
	    all, answer_is_known_or_broken, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, every_prefix_is_unfinished, 0, 4);
	tcase_add_test(all, request_suits_both_dialects);
	tcase_add_loop_test(all, name_that_cannot_be_asked, 0, 11);
	tcase_add_test(all, longest_name_fits_the_servers_line);
	tcase_add_loop_test(all, escapes_are_undone, 0, (int)COUNT(escapes));
	tcase_add_loop_test(all, broken_escapes_end, 0, 6);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
