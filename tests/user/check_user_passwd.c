/*
 * check_user_passwd.c - the system's users are those of the passwd file, and
 * a line of it that cannot be used is nobody's fault but ours.
 */
#include "user/user_passwd.h"

#include "../base/expect.h"
#include "support/machine.h"

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "bob:x:1001:1002:Bob:/home/bob:/bin/sh\n"
			     "bobby:x:1003:1003::/home/bobby:\n"
			     "#old:x:1004:1004::/home/old:\n"
			     "nohome:x:1005:1005:::\n"
			     "nouid:x::1006::/home/nouid:\n"
			     "neg:x:-2:1007::/home/neg:\n"
			     "huge:x:4294967296:1::/home/huge:\n"
			     "minus:x:4294967295:1::/home/minus:\n"
			     "nogid:x:1008:x::/home/nogid:\n"
			     "short:x:1009\n"
			     "bare\n"
			     "a+b:x:1010:1010::/home/ab:\n"
			     "last:x:1011:1011::/home/last:/bin/sh\n";

static const char group[] = "mail:x:8:\nbob:x:1002:\nodd:x:y:\nshort:x\n";

static struct arena arena;
static struct status why;
static struct user_options options;
static struct user user;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
	memset(&options, 0, sizeof(options));
	memset(&user, 0, sizeof(user));
	options.mydestination =
	    setting_split(STR("$hostname example.org"), &arena);
	machine_write("etc/passwd", passwd, 0644);
	machine_write("etc/group", group, 0644);
	machine_write(
	    "etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
}

static void
expect_outcome(struct str given, int rc, enum status_id want)
{
	enum status_id got = rc == 0 ? STATUS_DELIVERED : why.id;

	ck_assert_msg(got == want, "given \"%s\": outcome %d, not %d (%s)",
	    expect_show(given), (int)got, (int)want, why.cause);
}

static const struct {
	struct str given;
	enum status_id outcome;
	uid_t uid;
} names[] = {
	{ TEXT("bob"), FOUND, 1001 },
	{ TEXT("bobby"), FOUND, 1003 },
	{ TEXT("last"), FOUND, 1011 },
	{ TEXT("a+b"), FOUND, 1010 },
	{ TEXT("bo"), UNKNOWN, 0 },
	{ TEXT("Bob"), UNKNOWN, 0 },
	{ TEXT("old"), UNKNOWN, 0 },
	{ TEXT("#old"), UNKNOWN, 0 },
	/* There, but not to be used. */
	{ TEXT("nohome"), DOUBT, 0 },
	{ TEXT("nouid"), DOUBT, 0 },
	{ TEXT("neg"), DOUBT, 0 },
	{ TEXT("huge"), DOUBT, 0 },
	{ TEXT("minus"), DOUBT, 0 },
	{ TEXT("nogid"), DOUBT, 0 },
	{ TEXT("short"), DOUBT, 0 },
	{ TEXT("bare"), DOUBT, 0 },
	/* Nobody's name. */
	{ TEXT(""), UNKNOWN, 0 },
	{ TEXT("bob:x"), UNKNOWN, 0 },
	{ TEXT("bob\n"), UNKNOWN, 0 },
	{ TEXT("bob\0"), UNKNOWN, 0 },
	{ TEXT("../bob"), UNKNOWN, 0 },
	{ TEXT("1001"), UNKNOWN, 0 },
};

START_TEST(name_is_found_or_not_or_in_doubt)
{
	struct str given = names[_i].given;
	int rc = user_passwd_by_name(given, &options, &arena, &user, &why);

	expect_outcome(given, rc, names[_i].outcome);
	if (rc < 0)
		return;
	ck_assert_uint_eq(user.uid, names[_i].uid);
	ck_assert(user.has_uid && user.has_gid && user.is_system);
	expect_str(given, user.name, given);
	ck_assert_int_eq((int)why.id, (int)STATUS_DELIVERED);
}
END_TEST

START_TEST(line_says_it_all)
{
	ck_assert_int_eq(
	    user_passwd_by_name(STR("bob"), &options, &arena, &user, &why), 0);
	ck_assert_str_eq(user.home, "/home/bob");
	ck_assert_uint_eq(user.uid, 1001);
	ck_assert_uint_eq(user.gid, 1002);
}
END_TEST

START_TEST(endless_name_is_nobodys)
{
	char name[100000];

	memset(name, 'a', sizeof(name));
	expect_outcome(STR("endless"),
	    user_passwd_by_name(
		str_of(name, sizeof(name)), &options, &arena, &user, &why),
	    UNKNOWN);
}
END_TEST

START_TEST(uid_is_found)
{
	ck_assert_int_eq(
	    user_passwd_by_uid(1003, &options, &arena, &user, &why), 0);
	expect_str(STR("1003"), user.name, STR("bobby"));
	expect_outcome(STR("1"),
	    user_passwd_by_uid(1, &options, &arena, &user, &why), UNKNOWN);
	expect_outcome(STR("100"),
	    user_passwd_by_uid(100, &options, &arena, &user, &why), UNKNOWN);
}
END_TEST

START_TEST(group_has_a_number)
{
	gid_t gid = 0;

	ck_assert_int_eq(
	    user_passwd_group(STR("mail"), &options, &arena, &gid, &why), 0);
	ck_assert_uint_eq(gid, 8);
	expect_outcome(STR("nogroup"),
	    user_passwd_group(STR("nogroup"), &options, &arena, &gid, &why),
	    UNKNOWN);
	expect_outcome(STR("odd"),
	    user_passwd_group(STR("odd"), &options, &arena, &gid, &why), DOUBT);
	expect_outcome(STR("short"),
	    user_passwd_group(STR("short"), &options, &arena, &gid, &why),
	    DOUBT);
}
END_TEST

START_TEST(missing_or_empty_file_is_doubt)
{
	machine_remove("etc/passwd");
	expect_outcome(STR("missing"),
	    user_passwd_by_name(STR("bob"), &options, &arena, &user, &why),
	    DOUBT);
	machine_write("etc/passwd", "", 0644);
	expect_outcome(STR("empty"),
	    user_passwd_by_name(STR("bob"), &options, &arena, &user, &why),
	    DOUBT);
	machine_write("etc/passwd", "root:x:0:0:", 0644);
	expect_outcome(STR("half"),
	    user_passwd_by_name(STR("bob"), &options, &arena, &user, &why),
	    DOUBT);
}
END_TEST

START_TEST(what_the_file_lacks_is_asked_of_nss)
{
	machine_write("etc/nsswitch.conf", "passwd: files systemd\n", 0644);
	machine_write("libexec/lda-getpw",
	    "#!/bin/sh\n[ \"$2\" = zoe ] || exit 67\n"
	    "echo zoe:x:2001:2002::/home/zoe:/bin/sh\n",
	    0755);
	ck_assert_int_eq(
	    user_passwd_by_name(STR("zoe"), &options, &arena, &user, &why), 0);
	ck_assert_uint_eq(user.uid, 2001);
	ck_assert_int_eq((int)why.id, (int)STATUS_DELIVERED);
	expect_outcome(STR("yan"),
	    user_passwd_by_name(STR("yan"), &options, &arena, &user, &why),
	    UNKNOWN);
	machine_remove("libexec/lda-getpw");
}
END_TEST

/* bob@elsewhere must never reach local bob. */
static const struct {
	struct str given;
	enum status_id outcome;
} addresses[] = {
	{ TEXT("bob"), FOUND },
	{ TEXT("bob@example.org"), FOUND },
	{ TEXT("bob@EXAMPLE.org"), FOUND },
	{ TEXT("bob@localhost"), FOUND },
	{ TEXT("bob@example.com"), UNKNOWN },
	{ TEXT("bob@sub.example.org"), UNKNOWN },
	{ TEXT("bob@example.org."), UNKNOWN },
	{ TEXT("bob@"), UNKNOWN },
	{ TEXT("bob@example.org\0"), UNKNOWN },
	{ TEXT("bob@elsewhere@example.org"), UNKNOWN },
	{ TEXT("bob@$hostname"), UNKNOWN },
	{ TEXT("@example.org"), UNKNOWN },
	{ TEXT(""), UNKNOWN },
};

START_TEST(domain_must_be_ours)
{
	struct user_query query = { .name = addresses[_i].given,
		.options = &options,
		.arena = &arena };

	expect_outcome(addresses[_i].given,
	    user_source_passwd.find(&query, &user, &why),
	    addresses[_i].outcome);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_passwd");
	TCase *all = tcase_create("passwd");
	int failed;

	machine_begin();
	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(
	    all, name_is_found_or_not_or_in_doubt, 0, (int)COUNT(names));
	tcase_add_test(all, line_says_it_all);
	tcase_add_test(all, endless_name_is_nobodys);
	tcase_add_test(all, uid_is_found);
	tcase_add_test(all, group_has_a_number);
	tcase_add_test(all, missing_or_empty_file_is_doubt);
	tcase_add_test(all, what_the_file_lacks_is_asked_of_nss);
	tcase_add_loop_test(all, domain_must_be_ours, 0, (int)COUNT(addresses));
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	machine_end();
	return failed;
}
