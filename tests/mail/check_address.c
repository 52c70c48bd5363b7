/*
 * check_address.c - addresses are taken apart somehow, whatever they are.
 */
#include "mail/address.h"

#include "../base/expect.h"

static struct arena arena;

static void
open_arena(void)
{
	arena_init(&arena, expect_memory);
}

static const struct {
	struct str given, want;
	bool is_null;
} bares[] = {
	{ TEXT("a@b"), TEXT("a@b"), false },
	{ TEXT("<a@b>"), TEXT("a@b"), false },
	{ TEXT(" <a@b> \r\n"), TEXT("a@b"), false },
	{ TEXT("\ta@b "), TEXT("a@b"), false },
	{ TEXT("<a@b"), TEXT("<a@b"), false },
	{ TEXT("a@b>"), TEXT("a@b>"), false },
	{ TEXT("<a b@c>"), TEXT("a b@c"), false },
	{ TEXT("x y@z"), TEXT("x y@z"), false },
	{ TEXT("<<a@b>>"), TEXT("<a@b>"), false },
	{ TEXT("<\"a>b\"@c>"), TEXT("\"a>b\"@c"), false },
	{ TEXT("<"), TEXT("<"), false },
	{ TEXT(">"), TEXT(">"), false },
	{ TEXT("<\0>"), TEXT("\0"), false },
	{ TEXT("<>"), TEXT(""), true },
	{ TEXT(" <> "), TEXT(""), true },
	{ TEXT(""), TEXT(""), true },
	{ TEXT(" \t"), TEXT(""), true },
	{ { NULL, 0 }, TEXT(""), true },
	{ TEXT("MAILER-DAEMON"), TEXT("MAILER-DAEMON"), true },
	{ TEXT("<MAILER-DAEMON>"), TEXT("MAILER-DAEMON"), true },
	{ TEXT("mailer-daemon"), TEXT("mailer-daemon"), true },
	{ TEXT("MAILER-DAEMON@b"), TEXT("MAILER-DAEMON@b"), false },
	{ TEXT("MAILER-DAEMON\0"), TEXT("MAILER-DAEMON\0"), false },
	{ TEXT("MAILER-DAEMONS"), TEXT("MAILER-DAEMONS"), false },
};

START_TEST(brackets_are_taken_off)
{
	expect_str(
	    bares[_i].given, address_bare(bares[_i].given), bares[_i].want);
}
END_TEST

START_TEST(null_sender_has_its_spellings)
{
	expect_bool(bares[_i].given, address_is_null(bares[_i].given),
	    bares[_i].is_null);
}
END_TEST

static const struct {
	struct str given, local, domain;
	bool has_domain;
} parts[] = {
	{ TEXT("bob@example.org"), TEXT("bob"), TEXT("example.org"), true },
	{ TEXT("bob"), TEXT("bob"), TEXT(""), false },
	{ TEXT("a@b@c"), TEXT("a@b"), TEXT("c"), true },
	{ TEXT("\"a@b\"@c"), TEXT("\"a@b\""), TEXT("c"), true },
	{ TEXT("bob@"), TEXT("bob"), TEXT(""), true },
	{ TEXT("@c"), TEXT(""), TEXT("c"), true },
	{ TEXT("@"), TEXT(""), TEXT(""), true },
	{ TEXT("@@"), TEXT("@"), TEXT(""), true },
	{ TEXT(""), TEXT(""), TEXT(""), false },
	{ { NULL, 0 }, TEXT(""), TEXT(""), false },
	{ TEXT("b\0b@c\0d"), TEXT("b\0b"), TEXT("c\0d"), true },
	{ TEXT("\xc3\xa4@\xff"), TEXT("\xc3\xa4"), TEXT("\xff"), true },
};

START_TEST(domain_starts_at_the_last_at)
{
	struct str given = parts[_i].given;

	expect_str(given, address_local(given), parts[_i].local);
	expect_str(given, address_domain(given), parts[_i].domain);
	expect_bool(given, address_has_domain(given), parts[_i].has_domain);
}
END_TEST

static const struct {
	struct str given, delimiters;
	bool split;
	struct str user, detail;
} details[] = {
	{ TEXT("bob+work"), TEXT("+"), true, TEXT("bob"), TEXT("work") },
	{ TEXT("bob+a+b"), TEXT("+"), true, TEXT("bob"), TEXT("a+b") },
	{ TEXT("bob+"), TEXT("+"), true, TEXT("bob"), TEXT("") },
	{ TEXT("bob"), TEXT("+"), false, TEXT(""), TEXT("") },
	{ TEXT("+work"), TEXT("+"), false, TEXT(""), TEXT("") },
	{ TEXT("+"), TEXT("+"), false, TEXT(""), TEXT("") },
	{ TEXT("++a"), TEXT("+"), false, TEXT(""), TEXT("") },
	{ TEXT(""), TEXT("+"), false, TEXT(""), TEXT("") },
	{ { NULL, 0 }, TEXT("+"), false, TEXT(""), TEXT("") },
	{ TEXT("bob+work"), TEXT(""), false, TEXT(""), TEXT("") },
	{ TEXT("bob-a+b"), TEXT("+-"), true, TEXT("bob"), TEXT("a+b") },
	{ TEXT("bob+a-b"), TEXT("+-"), true, TEXT("bob"), TEXT("a-b") },
	{ TEXT("bob-a"), TEXT("+"), false, TEXT(""), TEXT("") },
	/* Mailing lists. */
	{ TEXT("owner-list"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("Owner-list+x"), TEXT("+-"), false, TEXT(""), TEXT("") },
	{ TEXT("foo+x-request"), TEXT("+-"), false, TEXT(""), TEXT("") },
	{ TEXT("-request"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("+x-request"), TEXT("+"), false, TEXT(""), TEXT("") },
	{ TEXT("owner-x+y"), TEXT("+"), true, TEXT("owner-x"), TEXT("y") },
	{ TEXT("Mailer-Daemon"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("double-bounce"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("postmaster"), TEXT("t"), false, TEXT(""), TEXT("") },
	{ TEXT("postmaster+x"), TEXT("+"), true, TEXT("postmaster"),
	    TEXT("x") },
	{ TEXT("OWNER-list"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("list-request"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("list-Request"), TEXT("-"), false, TEXT(""), TEXT("") },
	{ TEXT("owner+list"), TEXT("+"), true, TEXT("owner"), TEXT("list") },
	{ TEXT("list+request"), TEXT("+"), true, TEXT("list"),
	    TEXT("request") },
	{ TEXT("owners-list"), TEXT("-"), true, TEXT("owners"), TEXT("list") },
	{ TEXT("list-requests"), TEXT("-"), true, TEXT("list"),
	    TEXT("requests") },
	{ TEXT("bob+\0x"), TEXT("+"), true, TEXT("bob"), TEXT("\0x") },
};

START_TEST(detail_is_cut_at_the_leftmost_delimiter)
{
	struct str given = details[_i].given;
	struct str user = STR("untouched"), detail = STR("untouched");
	bool split =
	    address_split_detail(given, details[_i].delimiters, &user, &detail);

	expect_bool(given, split, details[_i].split);
	expect_str(given, user, split ? details[_i].user : STR("untouched"));
	expect_str(
	    given, detail, split ? details[_i].detail : STR("untouched"));
}
END_TEST

static const struct {
	struct str given, want;
} strippings[] = {
	{ TEXT("bob+work@d"), TEXT("bob@d") },
	{ TEXT("bob+work"), TEXT("bob") },
	{ TEXT("bob+@d"), TEXT("bob@d") },
	{ TEXT("bob+work@"), TEXT("bob@") },
	{ TEXT("bob@d+e"), TEXT("bob@d+e") },
	{ TEXT("bob@d"), TEXT("bob@d") },
	{ TEXT("bob"), TEXT("bob") },
	{ TEXT("+work@d"), TEXT("+work@d") },
	{ TEXT("a@b+c@d"), TEXT("a@b@d") },
	{ TEXT("%s%n+x@%d"), TEXT("%s%n@%d") },
	{ TEXT(""), TEXT("") },
	/* Never another user's name. */
	{ TEXT("bo\0b+x@d"), TEXT("bo\0b@d") },
	{ TEXT("bo\0b+x"), TEXT("bo\0b") },
	{ TEXT("bob+x@d\0e"), TEXT("bob@d\0e") },
};

START_TEST(address_loses_its_detail_only)
{
	struct str given = strippings[_i].given;

	expect_str(given, address_without_detail(given, STR("+"), &arena),
	    strippings[_i].want);
}
END_TEST

static const struct {
	struct str given, delimiters, detail, want;
} detailed[] = {
	{ TEXT("bob@d"), TEXT("+"), TEXT("Work"), TEXT("bob+Work@d") },
	{ TEXT("bob"), TEXT("+"), TEXT("Work"), TEXT("bob+Work") },
	{ TEXT("bob+old@d"), TEXT("+"), TEXT("Work"), TEXT("bob+Work@d") },
	{ TEXT("bob-old@d"), TEXT("+-"), TEXT("Work"), TEXT("bob+Work@d") },
	{ TEXT("bob+old@d"), TEXT("-+"), TEXT("Work"), TEXT("bob-Work@d") },
	{ TEXT("bob+old@d"), TEXT("+"), TEXT(""), TEXT("bob@d") },
	{ TEXT("bob@d"), TEXT(""), TEXT("Work"), TEXT("bob@d") },
	{ TEXT("+x@d"), TEXT("+"), TEXT("Work"), TEXT("+x+Work@d") },
	{ TEXT("a@b@d"), TEXT("+"), TEXT("x@y"), TEXT("a@b+x@y@d") },
	{ TEXT("bob@"), TEXT("+"), TEXT("Work"), TEXT("bob+Work@") },
};

START_TEST(detail_is_put_in_the_place_of_another)
{
	expect_str(detailed[_i].given,
	    address_with_detail(detailed[_i].given, detailed[_i].delimiters,
		detailed[_i].detail, &arena),
	    detailed[_i].want);
}
END_TEST

static const struct {
	struct str given, want;
} quotings[] = {
	{ TEXT("\"a b\"@d"), TEXT("a b@d") },
	{ TEXT("\"a\\\"b\\\\c\"@d"), TEXT("a\"b\\c@d") },
	{ TEXT("\"bob\""), TEXT("bob") },
	{ TEXT("\"a@b\"@d"), TEXT("a@b@d") },
	{ TEXT("\"\"@d"), TEXT("@d") },
	/* No quoted strings. */
	{ TEXT("bob@d"), TEXT("bob@d") },
	{ TEXT("\"a\"b@d"), TEXT("\"a\"b@d") },
	{ TEXT("a\"b\"@d"), TEXT("a\"b\"@d") },
	{ TEXT("\"a b@d"), TEXT("\"a b@d") },
	{ TEXT("\"a\\\"@d"), TEXT("\"a\\\"@d") },
	{ TEXT("\"@d"), TEXT("\"@d") },
	{ TEXT(""), TEXT("") },
};

START_TEST(quoted_local_part_is_what_it_means)
{
	expect_str(quotings[_i].given,
	    address_unquoted(quotings[_i].given, &arena), quotings[_i].want);
}
END_TEST

/* Empty: no path means this address. */
static const struct {
	struct str given, want;
} paths[] = {
	{ TEXT(""), TEXT("<>") },
	{ TEXT("bob@d.example"), TEXT("<bob@d.example>") },
	{ TEXT("bob"), TEXT("<bob>") },
	{ TEXT("bob+a/b@d"), TEXT("<bob+a/b@d>") },
	{ TEXT("o'neil!#$%&*-=?^_`{|}~@d"),
	    TEXT("<o'neil!#$%&*-=?^_`{|}~@d>") },
	{ TEXT("b.o.b@d"), TEXT("<b.o.b@d>") },
	{ TEXT("b\xc3\xb6"
	       "b@d\xc3\xb6.example"),
	    TEXT("<b\xc3\xb6"
		 "b@d\xc3\xb6.example>") },
	{ TEXT("bob@[127.0.0.1]"), TEXT("<bob@[127.0.0.1]>") },
	{ TEXT("bob@[IPv6:::1]"), TEXT("<bob@[IPv6:::1]>") },
	/* What no atom may hold. */
	{ TEXT("a b@d"), TEXT("<\"a b\"@d>") },
	{ TEXT("a@b@d"), TEXT("<\"a@b\"@d>") },
	{ TEXT("a>b@d"), TEXT("<\"a>b\"@d>") },
	{ TEXT("a,b@d"), TEXT("<\"a,b\"@d>") },
	{ TEXT("a\"b\\c@d"), TEXT("<\"a\\\"b\\\\c\"@d>") },
	{ TEXT(".bob@d"), TEXT("<\".bob\"@d>") },
	{ TEXT("bob.@d"), TEXT("<\"bob.\"@d>") },
	{ TEXT("b..b@d"), TEXT("<\"b..b\"@d>") },
	{ TEXT("> SIZE=0@d"), TEXT("<\"> SIZE=0\"@d>") },
	/* Never another command, another argument. */
	{ TEXT("bob\r\nDATA\r\n@d"), TEXT("") },
	{ TEXT("bob\n@d"), TEXT("") },
	{ TEXT("bob@d\r\nQUIT"), TEXT("") },
	{ TEXT("b\0b@d"), TEXT("") },
	{ TEXT("b\x7f@d"), TEXT("") },
	{ TEXT("b\tb@d"), TEXT("") },
	{ TEXT("bob@d> SIZE=1"), TEXT("") },
	{ TEXT("bob@d e"), TEXT("") },
	{ TEXT("bob@\"d\""), TEXT("") },
	{ TEXT("b\xff@d"), TEXT("") },
	{ TEXT("@d"), TEXT("") },
	{ TEXT("bob@"), TEXT("") },
	{ TEXT("@"), TEXT("") },
};

START_TEST(path_means_the_address_or_there_is_none)
{
	char room[200];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	expect_bool(paths[_i].given, address_add_path(&got, paths[_i].given),
	    paths[_i].want.length > 0);
	expect_str(paths[_i].given, buf_str(&got), paths[_i].want);
	if (got.length < 3)
		return;
	/* And back. */
	expect_str(paths[_i].given,
	    address_unquoted(address_bare(buf_str(&got)), &arena),
	    paths[_i].given);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("address");
	TCase *all = tcase_create("parts");

	tcase_add_checked_fixture(all, open_arena, NULL);
	tcase_add_loop_test(all, brackets_are_taken_off, 0, (int)COUNT(bares));
	tcase_add_loop_test(
	    all, null_sender_has_its_spellings, 0, (int)COUNT(bares));
	tcase_add_loop_test(
	    all, domain_starts_at_the_last_at, 0, (int)COUNT(parts));
	tcase_add_loop_test(all, detail_is_cut_at_the_leftmost_delimiter, 0,
	    (int)COUNT(details));
	tcase_add_loop_test(
	    all, address_loses_its_detail_only, 0, (int)COUNT(strippings));
	tcase_add_loop_test(all, detail_is_put_in_the_place_of_another, 0,
	    (int)COUNT(detailed));
	tcase_add_loop_test(
	    all, quoted_local_part_is_what_it_means, 0, (int)COUNT(quotings));
	tcase_add_loop_test(
	    all, path_means_the_address_or_there_is_none, 0, (int)COUNT(paths));
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
