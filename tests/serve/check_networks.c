/*
 * check_networks.c - which addresses are in mynetworks.
 *
 * Source: postconf(5) mynetworks, RFC 4291 (IPv4-mapped addresses).
 */
#include "serve/networks.h"

#include "../base/expect.h"

static struct arena arena;

static const struct {
	struct str list;
	struct str address;
	bool want;
} rows[] = {
	{ TEXT("127.0.0.0/8"), TEXT("127.0.0.1"), true },
	{ TEXT("127.0.0.0/8"), TEXT("127.255.255.255"), true },
	{ TEXT("127.0.0.0/8"), TEXT("128.0.0.0"), false },
	{ TEXT("192.0.2.7"), TEXT("192.0.2.7"), true },
	{ TEXT("192.0.2.7"), TEXT("192.0.2.8"), false },
	{ TEXT("192.0.2.0/28"), TEXT("192.0.2.15"), true },
	{ TEXT("192.0.2.0/28"), TEXT("192.0.2.16"), false },
	{ TEXT("192.0.2.0/31 10.0.0.0/8"), TEXT("10.1.2.3"), true },
	{ TEXT("0.0.0.0/0"), TEXT("203.0.113.9"), true },
	{ TEXT("0.0.0.0/0"), TEXT("::1"), false },
	{ TEXT("[::1]/128"), TEXT("::1"), true },
	{ TEXT("::1"), TEXT("::1"), true },
	{ TEXT("[2001:db8::]/33"), TEXT("2001:db8:7fff::1"), true },
	{ TEXT("[2001:db8::]/33"), TEXT("2001:db8:8000::1"), false },
	/* The same address in two spellings. */
	{ TEXT("127.0.0.0/8"), TEXT("::ffff:127.0.0.1"), true },
	{ TEXT("[::ffff:192.0.2.0]/120"), TEXT("192.0.2.9"), true },
	{ TEXT("[::ffff:192.0.2.0]/120"), TEXT("192.0.3.9"), false },
	/* What is no address is nowhere. */
	{ TEXT("0.0.0.0/0 [::]/0"), TEXT(""), false },
	{ TEXT("0.0.0.0/0 [::]/0"), TEXT("localhost"), false },
	{ TEXT("0.0.0.0/0 [::]/0"), TEXT("127.0.0.1\0"), false },
	{ TEXT(""), TEXT("127.0.0.1"), false },
};

START_TEST(address_is_in_a_network_or_not)
{
	struct setting_list list;

	arena_init(&arena, expect_memory);
	list = setting_split(rows[_i].list, &arena);
	expect_bool(rows[_i].address, networks_contain(&list, rows[_i].address),
	    rows[_i].want);
}
END_TEST

static const struct {
	struct str given;
	bool fine;
} words[] = {
	{ TEXT("127.0.0.0/8 [::1]/128"), true },
	{ TEXT(""), true },
	{ TEXT("127.0.0.0/33"), false },
	{ TEXT("[::1]/129"), false },
	{ TEXT("127.0.0.0/"), false },
	{ TEXT("127.0.0.0/-1"), false },
	{ TEXT("127.0.0/8"), false },
	{ TEXT("example.com"), false },
	{ TEXT("hash:/etc/networks"), false },
	{ TEXT("10.0.0.0/8 !10.0.0.1"), false },
};

START_TEST(word_that_is_no_network_is_told)
{
	struct setting_list list;
	struct status why;

	arena_init(&arena, expect_memory);
	status_init(&why);
	list = setting_split(words[_i].given, &arena);
	expect_bool(
	    words[_i].given, networks_check(&list, &why) == 0, words[_i].fine);
	if (!words[_i].fine)
		ck_assert_int_eq(why.id, STATUS_MISCONFIGURED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("networks");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(
	    all, address_is_in_a_network_or_not, 0, (int)COUNT(rows));
	tcase_add_loop_test(
	    all, word_that_is_no_network_is_told, 0, (int)COUNT(words));
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
