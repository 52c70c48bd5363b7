/*
 * check_user.c - the sources are asked in order, with and without the detail,
 * and doubt in one of them is doubt.
 */
#include "user/user.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <unistd.h>

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED
#define WRONG STATUS_MISCONFIGURED

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct user_options options;
static struct user user;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	memset(&user, 0, sizeof(user));
	for (size_t i = 0; i < user_settings.count; i++) {
		const struct setting *row = &user_settings.rows[i];

		ck_assert_int_eq(setting_parse(row, str_from(row->fallback),
				     &options, &arena, &why),
		    0);
	}
	machine_write("etc/passwd",
	    "bob:x:1001:1002::/home/bob:\nvmail:x:5000:5001::/srv:\n", 0644);
	machine_write("etc/group", "vmail:x:5002:\nroot:x:0:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0644);
	scratch_write(&scratch, "a",
	    "ann@d:x:1:2::/a/ann::\nbob+list@d:x:1:2::/a/list::\n"
	    "both@d:x:1:2::/a/both::\n");
	scratch_write(&scratch, "b",
	    "bob@d:x:3:4::/b/bob::\nboth@d:x:3:4::/b/both::\n"
	    "zoe:x:3:4::/b/zoe::\nbad@d:x:0:4::/b/bad::\n"
	    "bare@d::::::\n");
	scratch_write(&scratch, "half", "ann@d:x:1:2::/h");
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

/* "a b half" become passwd-file:.../a and so on; other words stay. */
static void
use(const char *words)
{
	struct setting_list list = setting_split(str_from(words), &arena);

	for (size_t i = 0; i < list.count; i++)
		if (list.words[i].length == 1 || str_is(list.words[i], "half"))
			list.words[i] = str_from(arena_print(&arena,
			    "passwd-file:%s/%.*s", scratch.root,
			    (int)list.words[i].length, list.words[i].at));
	options.userdb = list;
}

static const struct {
	const char *userdb;
	struct str name;
	enum status_id outcome;
	const char *home; /* NULL: nobody said */
} searches[] = {
	{ "a b", TEXT("ann@d"), FOUND, "/a/ann" },
	{ "a b", TEXT("bob@d"), FOUND, "/b/bob" },
	{ "a b", TEXT("both@d"), FOUND, "/a/both" },
	{ "b a", TEXT("both@d"), FOUND, "/b/both" },
	{ "a b", TEXT("none@d"), UNKNOWN, NULL },
	{ "a b", TEXT("ANN@D"), FOUND, "/a/ann" }, /* auth_username_format */
	{ "a b", TEXT(""), UNKNOWN, NULL },
	/* As given first, then without the detail. */
	{ "a b", TEXT("bob+list@d"), FOUND, "/a/list" },
	{ "a b", TEXT("bob+work@d"), FOUND, "/b/bob" },
	{ "b a", TEXT("bob+list@d"), FOUND, "/a/list" },
	{ "b", TEXT("bob+a+b@d"), FOUND, "/b/bob" },
	{ "b", TEXT("bob+@d"), FOUND, "/b/bob" },
	{ "b", TEXT("+bob@d"), UNKNOWN, NULL },
	{ "b", TEXT("zoe+x"), FOUND, "/b/zoe" },
	/* Everybody is a user of static, last. */
	{ "a static", TEXT("any+x@d"), FOUND, NULL },
	{ "static b", TEXT("bob+x@d"), FOUND, NULL },
	{ "static a", TEXT("bob+list@d"), FOUND, "/a/list" },
	/* Doubt is no "not found". */
	{ "half b", TEXT("bob@d"), DOUBT, NULL },
	{ "b half", TEXT("bob@d"), FOUND, "/b/bob" },
	{ "b half", TEXT("none@d"), DOUBT, NULL },
	{ "b static", TEXT("bad@d"), DOUBT, NULL },
	{ "x static", TEXT("bob@d"), DOUBT, NULL },
	/* passwd has no user of a foreign domain. */
	{ "passwd", TEXT("bob"), FOUND, "/home/bob" },
	{ "passwd", TEXT("bob+x"), FOUND, "/home/bob" },
	{ "passwd", TEXT("bob@localhost"), FOUND, "/home/bob" },
	{ "passwd", TEXT("bob@elsewhere.example"), UNKNOWN, NULL },
	{ "passwd b", TEXT("bob@d"), FOUND, "/b/bob" },
	{ "passwd:%Ln", TEXT("BOB@elsewhere.example"), FOUND, "/home/bob" },
	/* Words that are no sources. */
	{ "", TEXT("bob@d"), WRONG, NULL },
	{ "ldap", TEXT("bob@d"), WRONG, NULL },
	{ "passwd-file", TEXT("bob@d"), WRONG, NULL },
	{ "passwd-file:", TEXT("bob@d"), WRONG, NULL },
	{ "Passwd", TEXT("bob@d"), WRONG, NULL },
	{ "passwd:%s", TEXT("bob"), WRONG, NULL },
};

static void
expect_outcome(struct str given, int rc, enum status_id want)
{
	enum status_id got = rc == 0 ? STATUS_DELIVERED : why.id;

	ck_assert_msg(got == want, "given \"%s\": outcome %d, not %d (%s)",
	    expect_show(given), (int)got, (int)want, why.cause);
}

START_TEST(sources_are_asked_in_order)
{
	struct str name = searches[_i].name;
	int rc;

	use(searches[_i].userdb);
	rc = user_find(&options, name, true, &arena, &user, &why);
	expect_outcome(name, rc, searches[_i].outcome);
	if (rc < 0)
		return;
	expect_str(name, str_from(user.home), str_from(searches[_i].home));
	ck_assert_int_eq((int)why.id, (int)STATUS_DELIVERED);
	ck_assert_ptr_nonnull(user.source);
}
END_TEST

START_TEST(each_source_says_why_he_is_not_there)
{
	use("a b");
	ck_assert_int_eq(
	    user_find(&options, STR("none@d"), true, &arena, &user, &why), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_USER_UNKNOWN);
	expect_holds(why.cause, "/b; ");
	expect_holds(why.cause, "/a");
}
END_TEST

START_TEST(static_user_has_no_detail)
{
	use("static");
	ck_assert_int_eq(
	    user_find(&options, STR("Any+x@D"), true, &arena, &user, &why), 0);
	expect_str(STR("Any+x@D"), user.name, STR("any@d"));
	ck_assert(!user.has_uid && !user.has_gid && !user.is_system);
	ck_assert_str_eq(user.source, "static");
}
END_TEST

/* Without a userdb chosen the passwd file is a guess. */
START_TEST(domain_without_a_userdb_is_doubt)
{
	expect_outcome(STR("bob@d"),
	    user_find(&options, STR("bob@d"), false, &arena, &user, &why),
	    DOUBT);
	expect_holds(why.cause, "userdb");
	expect_outcome(STR("nobody"),
	    user_find(&options, STR("nobody"), false, &arena, &user, &why),
	    UNKNOWN);
	expect_outcome(STR("bob"),
	    user_find(&options, STR("bob"), false, &arena, &user, &why), FOUND);
}
END_TEST

START_TEST(what_a_source_does_not_say_comes_from_the_settings)
{
	use("b");
	options.mail_uid = "vmail";
	options.mail_gid = "7";
	options.mail_home = "/srv/%d/%n";
	ck_assert_int_eq(
	    user_find(&options, STR("bare+x@d"), true, &arena, &user, &why), 0);
	ck_assert_uint_eq(user.uid, 5000);
	ck_assert_uint_eq(user.gid, 7);
	ck_assert_str_eq(user.home, "/srv/d/bare");
	/* What it says stays. */
	ck_assert_int_eq(
	    user_find(&options, STR("bob@d"), true, &arena, &user, &why), 0);
	ck_assert_uint_eq(user.uid, 3);
	ck_assert_uint_eq(user.gid, 4);
	ck_assert_str_eq(user.home, "/b/bob");
}
END_TEST

START_TEST(bad_mail_uid_is_no_fact_about_the_user)
{
	static const char *const bad[] = { "0", "nobodyhere", "-1",
		"4294967295", "root\n" };

	use("static");
	options.mail_uid = bad[_i];
	expect_outcome(str_from(bad[_i]),
	    user_find(&options, STR("bob@d"), true, &arena, &user, &why),
	    WRONG);
}
END_TEST

START_TEST(hostile_name_has_no_home)
{
	static const struct str hostile[] = { TEXT("../x@d"), TEXT("..@d"),
		TEXT(".x@d"), TEXT("a/b@d"), TEXT("@d"), TEXT("a\n@d"),
		TEXT("a\0b@d"), TEXT("bob@.."), TEXT("bob@a/b") };

	use("static");
	options.mail_home = "/srv/%d/%n";
	expect_outcome(hostile[_i],
	    user_find(&options, hostile[_i], true, &arena, &user, &why),
	    UNKNOWN);
}
END_TEST

START_TEST(delimiters_are_a_set)
{
	use("b");
	options.recipient_delimiter = "-+";
	expect_outcome(STR("bob-x@d"),
	    user_find(&options, STR("bob-x@d"), true, &arena, &user, &why),
	    FOUND);
	options.recipient_delimiter = "";
	expect_outcome(STR("bob+x@d"),
	    user_find(&options, STR("bob+x@d"), true, &arena, &user, &why),
	    UNKNOWN);
}
END_TEST

static const struct {
	struct str given;
	uid_t uid; /* 0: refused */
	gid_t gid;
} ids[] = {
	{ TEXT("1"), 1, 1 },
	{ TEXT("4294967294"), 4294967294U, 4294967294U },
	{ TEXT("vmail"), 5000, 5002 },
	{ TEXT("0"), 0, 0 },
	{ TEXT("00"), 0, 0 },
	{ TEXT("root"), 0, 0 },
	{ TEXT("4294967295"), 0, 0 },
	{ TEXT("4294967296"), 0, 0 },
	{ TEXT("-1"), 0, 0 },
	{ TEXT("1.5"), 0, 0 },
	{ TEXT(" 1"), 0, 0 },
	{ TEXT("1\0"), 0, 0 },
	{ TEXT("none"), 0, 0 },
	{ TEXT(""), 0, 0 },
};

START_TEST(id_is_a_number_or_a_name_and_never_root)
{
	struct str given = ids[_i].given;
	uid_t uid = 0;
	gid_t gid = 0;
	int rc = user_read_uid(given, &options, &arena, &uid, &why);

	expect_bool(given, rc == 0, ids[_i].uid != 0);
	ck_assert_uint_eq(uid, ids[_i].uid);
	if (rc < 0)
		ck_assert_int_eq((int)why.id, (int)STATUS_LOOKUP_FAILED);
	rc = user_read_gid(given, &options, &arena, &gid, &why);
	expect_bool(given, rc == 0, ids[_i].gid != 0);
	ck_assert_uint_eq(gid, ids[_i].gid);
	if (rc < 0)
		ck_assert_int_eq((int)why.id, (int)STATUS_LOOKUP_FAILED);
}
END_TEST

START_TEST(machine_is_local_by_its_names)
{
	char host[256];
	char *dot;

	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	ck_assert(user_is_local_domain(&options, str_from(host)));
	dot = strchr(host, '.');
	if (dot != NULL)
		*dot = '\0';
	ck_assert(user_is_local_domain(&options, str_from(host)));
	ck_assert(user_is_local_domain(&options, STR("LOCALHOST")));
	ck_assert(!user_is_local_domain(&options, STR("")));
	ck_assert(!user_is_local_domain(&options, STR("example.org")));
	options.mydestination = setting_split(STR("Example.ORG"), &arena);
	ck_assert(user_is_local_domain(&options, STR("example.org")));
	ck_assert(!user_is_local_domain(&options, STR("localhost")));
	options.mydestination.count = 0;
	ck_assert(!user_is_local_domain(&options, STR("example.org")));
}
END_TEST

/* LMTP keeps him from RCPT to the delivery; what he was found in is given
 * back. */
START_TEST(copy_needs_nothing_of_the_original)
{
	struct arena found;
	struct arena_mark mark;
	struct user copy;

	arena_init(&found, expect_memory);
	mark = arena_mark(&found);
	scratch_write(&scratch, "c",
	    "bob@d:x:3:4::/c/bob::userdb_mail=maildir:~/x "
	    "userdb_quota_rule=*:storage=1G\n");
	use("c");
	ck_assert_int_eq(
	    user_find(&options, STR("bob+x@d"), true, &found, &user, &why), 0);
	user_copy(&user, &arena, &copy);
	memset(&user, 0, sizeof(user));
	arena_rewind(&found, &mark);
	/* Over where he was. */
	for (int i = 0; i < 100; i++)
		memset(arena_take(&found, 1000), '!', 1000);
	expect_str(STR("name"), copy.name, STR("bob@d"));
	ck_assert_str_eq(copy.home, "/c/bob");
	ck_assert(copy.has_uid && copy.uid == 3);
	ck_assert(copy.has_gid && copy.gid == 4);
	ck_assert(copy.is_listed && !copy.is_system);
	expect_holds(copy.source, "passwd-file");
	ck_assert_uint_eq(copy.field_count, 2);
	expect_str(STR("field"), copy.fields[0].value, STR("maildir:~/x"));
	expect_str(STR("field"), copy.fields[1].value, STR("*:storage=1G"));
}
END_TEST

START_TEST(user_without_a_home_is_copied)
{
	struct user copy;

	options.userdb = setting_split(STR("static"), &arena);
	ck_assert_int_eq(
	    user_find(&options, STR("any@d"), true, &arena, &user, &why), 0);
	user_copy(&user, &arena, &copy);
	ck_assert_ptr_null(copy.home);
	ck_assert_uint_eq(copy.field_count, 0);
	ck_assert(!copy.is_listed);
}
END_TEST

static const struct {
	struct str userdb;
	bool want;
} everybody[] = {
	{ TEXT("static"), true },
	{ TEXT("static:%Ln"), true },
	{ TEXT("passwd static"), true },
	{ TEXT("passwd-file:/x static:%u"), true },
	{ TEXT("static passwd"), false },
	{ TEXT("passwd"), false },
	{ TEXT("passwd-file:/static"), false },
	{ TEXT("statics"), false },
	{ TEXT(""), false },
};

START_TEST(static_at_the_end_finds_everybody)
{
	options.userdb = setting_split(everybody[_i].userdb, &arena);
	expect_bool(everybody[_i].userdb, user_finds_everybody(&options),
	    everybody[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user");
	TCase *all = tcase_create("search");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(
	    all, sources_are_asked_in_order, 0, (int)COUNT(searches));
	tcase_add_test(all, each_source_says_why_he_is_not_there);
	tcase_add_test(all, static_user_has_no_detail);
	tcase_add_test(all, domain_without_a_userdb_is_doubt);
	tcase_add_test(all, what_a_source_does_not_say_comes_from_the_settings);
	tcase_add_loop_test(all, bad_mail_uid_is_no_fact_about_the_user, 0, 5);
	tcase_add_loop_test(all, hostile_name_has_no_home, 0, 9);
	tcase_add_test(all, delimiters_are_a_set);
	tcase_add_loop_test(
	    all, id_is_a_number_or_a_name_and_never_root, 0, (int)COUNT(ids));
	tcase_add_test(all, machine_is_local_by_its_names);
	tcase_add_test(all, copy_needs_nothing_of_the_original);
	tcase_add_test(all, user_without_a_home_is_copied);
	tcase_add_loop_test(
	    all, static_at_the_end_finds_everybody, 0, (int)COUNT(everybody));
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
