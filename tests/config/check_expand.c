/*
 * check_expand.c - names stand where a setting wants them, and hostile ones
 * never in a path.
 */
#include "config/expand.h"

#include "../base/expect.h"

static struct arena arena;
static struct status why;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
}

static struct expand_names
names_of(struct str user)
{
	struct expand_names names = expand_names_of(user);

	names.home = STR("/home/bob");
	return names;
}

static const struct {
	struct str user, local, domain;
} users[] = {
	{ TEXT("bob@example.org"), TEXT("bob"), TEXT("example.org") },
	{ TEXT("bob"), TEXT("bob"), TEXT("") },
	{ TEXT("a@b@c"), TEXT("a@b"), TEXT("c") },
	{ TEXT("bob@"), TEXT("bob"), TEXT("") },
	{ TEXT("@c"), TEXT(""), TEXT("c") },
};

START_TEST(names_are_parts_of_the_user)
{
	struct expand_names got = expand_names_of(users[_i].user);

	expect_str(users[_i].user, got.user, users[_i].user);
	expect_str(users[_i].user, got.local, users[_i].local);
	expect_str(users[_i].user, got.domain, users[_i].domain);
	expect_str(users[_i].user, got.home, STR(""));
}
END_TEST

static const struct {
	struct str given;
	const char *want;
} values[] = {
	{ TEXT(""), "" },
	{ TEXT("/srv/mail"), "/srv/mail" },
	{ TEXT("%u"), "Bob@Example.org" },
	{ TEXT("%n"), "Bob" },
	{ TEXT("%d"), "Example.org" },
	{ TEXT("%h"), "/home/bob" },
	{ TEXT("100%%"), "100%" },
	{ TEXT("%%u"), "%u" },
	{ TEXT("/srv/%d/%n/Maildir"), "/srv/Example.org/Bob/Maildir" },
	{ TEXT("%h/Maildir"), "/home/bob/Maildir" },
	/* Dovecot 2.3's modifiers. */
	{ TEXT("%Lu"), "bob@example.org" },
	{ TEXT("%Un"), "BOB" },
	{ TEXT("%Ld/%Ln"), "example.org/bob" },
	{ TEXT("%1n"), "B" },
	{ TEXT("%L1n"), NULL }, /* the width stands first */
	{ TEXT("%1Ln"), "b" },
	{ TEXT("%1.1n"), "o" },
	{ TEXT("%2.1n"), "b" },
	{ TEXT("%1.9n"), "ob" },
	{ TEXT("%0.2n"), "Bo" },
	{ TEXT("%9n"), "Bob" },
	/* Its long names, and 2.4's. */
	{ TEXT("%{user}"), "Bob@Example.org" },
	{ TEXT("%{username}"), "Bob" },
	{ TEXT("%{domain}"), "Example.org" },
	{ TEXT("%{home}/x"), "/home/bob/x" },
	{ TEXT("%{user | username | lower}"), "bob" },
	{ TEXT("%{user|username|upper}"), "BOB" },
	{ TEXT("%{ user | domain | lower }"), "example.org" },
	{ TEXT("%{user | lower}/%u"), "bob@example.org/Bob@Example.org" },
	/* Nobody knows these. */
	{ TEXT("%"), NULL },
	{ TEXT("a%"), NULL },
	{ TEXT("% u"), NULL },
	{ TEXT("%s"), NULL },
	{ TEXT("%Mu"), NULL },
	{ TEXT("%Hu"), NULL },
	{ TEXT("%L"), NULL },
	{ TEXT("%1"), NULL },
	{ TEXT("%0n"), NULL },
	{ TEXT("%-1n"), NULL },
	{ TEXT("%.1n"), NULL },
	{ TEXT("%1.n"), NULL },
	{ TEXT("%1.0n"), NULL },
	{ TEXT("%1.1.1n"), NULL },
	{ TEXT("%99999999999999999999n"), NULL },
	{ TEXT("%18446744073709551616.1n"), NULL },
	{ TEXT("%1.18446744073709551617n"), NULL },
	{ TEXT("%{}"), NULL },
	{ TEXT("%{"), NULL },
	{ TEXT("%{user"), NULL },
	{ TEXT("%{user | md5}"), NULL },
	{ TEXT("%{user | }"), NULL },
	{ TEXT("%{user || lower}"), NULL },
	{ TEXT("%{env:PATH}"), NULL },
	{ TEXT("%{User}"), NULL },
};

START_TEST(both_spellings_of_dovecot_are_read)
{
	struct expand_names names = names_of(STR("Bob@Example.org"));
	struct str given = values[_i].given;
	const char *got = NULL;
	int rc = expand(given, &names, EXPAND_TEXT, &arena, &got, &why);

	if (values[_i].want != NULL) {
		ck_assert_msg(
		    rc == 0, "given \"%s\": %s", expect_show(given), why.cause);
		expect_str(given, str_from(got), str_from(values[_i].want));
		return;
	}
	ck_assert_msg(
	    rc == -1, "given \"%s\": got \"%s\"", expect_show(given), got);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

START_TEST(path_says_the_same_for_a_harmless_name)
{
	struct expand_names names = names_of(STR("Bob@Example.org"));
	struct str given = values[_i].given;
	const char *got = NULL;
	int rc = expand(given, &names, EXPAND_PATH, &arena, &got, &why);

	ck_assert_int_eq(rc, values[_i].want == NULL ? -1 : 0);
	if (rc == 0)
		expect_str(given, str_from(got), str_from(values[_i].want));
	else
		ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

static const struct {
	struct str given;
	const char *want;
} homes[] = {
	{ TEXT("~/Maildir"), "/home/bob/Maildir" },
	{ TEXT("~/"), "/home/bob/" },
	{ TEXT("/a/~/b"), "/a/~/b" },
	{ TEXT("~bob/x"), "~bob/x" },
	{ TEXT("x~/"), "x~/" },
};

START_TEST(leading_tilde_is_the_home)
{
	struct expand_names names = names_of(STR("bob"));
	const char *got = NULL;

	ck_assert_int_eq(
	    expand(homes[_i].given, &names, EXPAND_PATH, &arena, &got, &why),
	    0);
	ck_assert_str_eq(got, homes[_i].want);
}
END_TEST

static const char *const need_home[] = { "%h", "~/Maildir", "%{home}",
	"/a/%h" };

START_TEST(home_that_is_not_known_is_misconfigured)
{
	struct expand_names names = expand_names_of(STR("bob"));
	const char *got;

	ck_assert_int_eq(expand(str_from(need_home[_i]), &names, EXPAND_PATH,
			     &arena, &got, &why),
	    -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

static const char *const need_domain[] = { "%d", "%Ld", "/srv/%d/%n",
	"%{domain}", "%{user | domain}" };

START_TEST(domain_that_is_not_there_is_misconfigured)
{
	struct expand_names names = names_of(STR("bob"));
	const char *got;

	for (int use = EXPAND_TEXT; use <= EXPAND_PATH; use++) {
		status_init(&why);
		ck_assert_int_eq(expand(str_from(need_domain[_i]), &names,
				     (enum expand_use)use, &arena, &got, &why),
		    -1);
		ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	}
}
END_TEST

/* What "%n" of a path must not become. */
static const struct str hostile[] = {
	TEXT(""),
	TEXT("."),
	TEXT(".."),
	TEXT("..."),
	TEXT(".hidden"),
	TEXT(".."
	     "/etc"),
	TEXT("/"),
	TEXT("/etc/passwd"),
	TEXT("a/b"),
	TEXT("a/"),
	TEXT("a/../../b"),
	TEXT("\0"),
	TEXT("a\0b"),
	TEXT("a\n"),
	TEXT("a\rb"),
	TEXT("\x1b[2J"),
	TEXT("a\x7f"),
	TEXT("\t"),
};

static void
expect_no_such_user(struct str user, const char *value)
{
	struct expand_names names = names_of(user);
	const char *got = "";

	status_init(&why);
	ck_assert_msg(expand(str_from(value), &names, EXPAND_PATH, &arena, &got,
			  &why) == -1,
	    "user \"%s\" in %s: got \"%s\"", expect_show(user), value, got);
	ck_assert_msg(why.id == STATUS_USER_UNKNOWN,
	    "user \"%s\" in %s: outcome %d (%s)", expect_show(user), value,
	    (int)why.id, why.cause);
	/* Nothing of it in the reply. */
	ck_assert_str_eq(why.reply, "");
}

START_TEST(hostile_name_is_no_user)
{
	struct str local = hostile[_i];
	char room[64];
	struct buf user;

	buf_init(&user, room, sizeof(room));
	buf_add(&user, local);
	buf_add_string(&user, "@example.org");
	expect_no_such_user(buf_str(&user), "/srv/%n");
	expect_no_such_user(buf_str(&user), "/srv/%Ln/x");
	expect_no_such_user(buf_str(&user), "%{user | username | lower}");
	expect_no_such_user(buf_str(&user), "~/%{username}");
	if (local.length > 0) { /* as a domain, and as the whole */
		expect_no_such_user(local, "/srv/%u");
		buf_init(&user, room, sizeof(room));
		buf_add_string(&user, "bob@");
		buf_add(&user, local);
		expect_no_such_user(buf_str(&user), "/srv/%d/%n");
		expect_no_such_user(buf_str(&user), "/srv/%{user | domain}");
	}
}
END_TEST

/* What is cut out of a good name; NULL: no path, but no "no such user". */
static const struct {
	const char *user, *value, *path;
} parts[] = {
	/* Hashed layouts: people with short names, or a dot in them. */
	{ "j.smith", "/v/%1n/%1.1n/%n", "/v/j/./j.smith" },
	{ "a", "/v/%1n/%1.1n/%n", "/v/a//a" },
	{ "bob", "/srv/%5.1n/x", "/srv//x" },
	{ "a.bob", "/srv/%1.2n/x", "/srv/.b/x" },
	{ "a..b", "/srv/%1.1n/x", "/srv/./x" },
	{ "a...b", "/srv/%1.3n/x", "/srv/.../x" },
	{ "a.b", "/srv/%1n%1.2n/x", NULL },
	/* Up, or to where everybody's is. */
	{ "a..b", "/srv/%1.2n/x", NULL },
	{ "a..b", "/srv/%1.1n%2.1n/x", NULL },
	{ "a.b", "/srv/.%1.1n/x", NULL },
	{ "a.b", "/srv/%1.1n./x", NULL },
	{ "a.b", "/srv/%1.9n", NULL },
	{ "a", "/srv/%1.1n", NULL },
	{ "a", "/srv/x%1.1n/%n", NULL },
};

START_TEST(part_of_a_name_leads_nowhere_else)
{
	struct expand_names names = names_of(str_from(parts[_i].user));
	const char *got = "";
	int rc;

	status_init(&why);
	rc = expand(
	    str_from(parts[_i].value), &names, EXPAND_PATH, &arena, &got, &why);
	if (parts[_i].path != NULL) {
		ck_assert_msg(rc == 0, "%s: %s", parts[_i].value, why.cause);
		ck_assert_str_eq(got, parts[_i].path);
	} else {
		ck_assert_msg(rc == -1, "%s: %s", parts[_i].value, got);
		ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	}
}
END_TEST

START_TEST(name_is_judged_whole_before_it_is_cut)
{
	expect_no_such_user(STR("a/b"), "/srv/%1n/x");
	expect_no_such_user(STR(".ab"), "/srv/%1.1n/x");
	expect_no_such_user(STR("..ab"), "/srv/%2.1n/x");
}
END_TEST

START_TEST(longest_name_is_255_octets)
{
	struct expand_names names;
	const char *got = NULL;
	char name[256];

	memset(name, 'a', sizeof(name));
	names = names_of(str_of(name, 255));
	ck_assert_int_eq(
	    expand(STR("/%n"), &names, EXPAND_PATH, &arena, &got, &why), 0);
	ck_assert_uint_eq(strlen(got), 256);
	expect_no_such_user(str_of(name, 256), "/%n");
	expect_no_such_user(str_of(name, 256), "/%u");
}
END_TEST

START_TEST(every_name_is_good_enough_for_text)
{
	struct expand_names names = expand_names_of(hostile[_i]);
	struct str got;
	const char *text;

	if (hostile[_i].length == 0)
		return;
	ck_assert_int_eq(
	    expand(STR("%u"), &names, EXPAND_TEXT, &arena, &text, &why), 0);
	ck_assert_int_eq(
	    expand_username(STR("%u"), hostile[_i], &arena, &got, &why), 0);
	expect_str(hostile[_i], got, hostile[_i]);
}
END_TEST

START_TEST(what_a_name_gives_is_not_expanded_again)
{
	struct expand_names names = names_of(STR("%h%n%%"));
	const char *got = NULL;

	ck_assert_int_eq(
	    expand(STR("/%n"), &names, EXPAND_PATH, &arena, &got, &why), 0);
	ck_assert_str_eq(got, "/%h%n%%");
	/* A user called "~" is no home. */
	names = names_of(STR("~"));
	ck_assert_int_eq(
	    expand(STR("%n/x"), &names, EXPAND_PATH, &arena, &got, &why), 0);
	ck_assert_str_eq(got, "~/x");
}
END_TEST

START_TEST(harmless_names_are_left_alone)
{
	static const struct str harmless[] = { TEXT("o'neil"), TEXT("a b"),
		TEXT("a.b..c"), TEXT("a."), TEXT("-rf"), TEXT("$(id)"),
		TEXT("\xc3\xa4rger"), TEXT("\xff"), TEXT("a\\b"), TEXT("a+b"),
		TEXT("~root"), TEXT("a@b@c") };
	struct expand_names names = names_of(harmless[_i]);
	const char *got = NULL;

	ck_assert_int_eq(
	    expand(STR("%u"), &names, EXPAND_PATH, &arena, &got, &why), 0);
	expect_str(harmless[_i], str_from(got), harmless[_i]);
}
END_TEST

static const struct {
	struct str format, given, want;
} formats[] = {
	{ TEXT("%Lu"), TEXT("Bob@Example.ORG"), TEXT("bob@example.org") },
	{ TEXT("%Ln"), TEXT("Bob@Example.ORG"), TEXT("bob") },
	{ TEXT("%Ln"), TEXT("Bob"), TEXT("bob") },
	{ TEXT("%u"), TEXT("Bob"), TEXT("Bob") },
	{ TEXT("%n+x"), TEXT("Bob@d"), TEXT("Bob+x") },
	{ TEXT("%{user | username | lower}"), TEXT("Bob@d"), TEXT("bob") },
	{ TEXT("%Lu"), TEXT("\xc3\x84@d"), TEXT("\xc3\x84@d") },
	{ TEXT("%Lu"), TEXT("A\0B"), TEXT("a\0b") },
};

START_TEST(username_is_formatted)
{
	struct str got = { NULL, 0 };

	ck_assert_int_eq(expand_username(formats[_i].format, formats[_i].given,
			     &arena, &got, &why),
	    0);
	expect_str(formats[_i].given, got, formats[_i].want);
}
END_TEST

START_TEST(value_that_grows_without_end_is_refused)
{
	struct expand_names names;
	char value[3000], name[255];
	const char *got;

	memset(name, 'a', sizeof(name));
	names = names_of(str_of(name, sizeof(name)));
	for (size_t i = 0; i < sizeof(value); i += 2)
		memcpy(value + i, "%u", 2);
	ck_assert_int_eq(expand(str_of(value, sizeof(value)), &names,
			     EXPAND_PATH, &arena, &got, &why),
	    -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

/* Room is taken before the length is known. */
START_TEST(what_fits_is_never_cut)
{
	char format[402], *at = format;
	struct str user = STR("bob-with-a-long-name@example.org");
	struct expand_names names = names_of(user);
	const char *got;

	for (int i = 0; i < 200; i++) {
		*at++ = '%';
		*at++ = i % 2 == 0 ? 'u' : 'h';
		ck_assert_int_eq(expand(str_of(format, (size_t)(at - format)),
				     &names, EXPAND_TEXT, &arena, &got, &why),
		    0);
		ck_assert_uint_eq(strlen(got),
		    user.length * (size_t)(i / 2 + 1) +
			names.home.length * (size_t)((i + 1) / 2));
	}
	ck_assert_int_eq(
	    expand(STR("~/x"), &names, EXPAND_PATH, &arena, &got, &why), 0);
	ck_assert_str_eq(got, "/home/bob/x");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expand");
	TCase *all = tcase_create("spellings");
	TCase *names = tcase_create("names");

	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(
	    all, names_are_parts_of_the_user, 0, (int)COUNT(users));
	tcase_add_loop_test(
	    all, both_spellings_of_dovecot_are_read, 0, (int)COUNT(values));
	tcase_add_loop_test(
	    all, path_says_the_same_for_a_harmless_name, 0, (int)COUNT(values));
	tcase_add_loop_test(
	    all, leading_tilde_is_the_home, 0, (int)COUNT(homes));
	tcase_add_loop_test(all, home_that_is_not_known_is_misconfigured, 0,
	    (int)COUNT(need_home));
	tcase_add_loop_test(all, domain_that_is_not_there_is_misconfigured, 0,
	    (int)COUNT(need_domain));
	tcase_add_loop_test(all, username_is_formatted, 0, (int)COUNT(formats));
	tcase_add_test(all, value_that_grows_without_end_is_refused);
	tcase_add_test(all, what_fits_is_never_cut);
	suite_add_tcase(suite, all);
	tcase_add_checked_fixture(names, open_all, NULL);
	tcase_add_loop_test(
	    names, hostile_name_is_no_user, 0, (int)COUNT(hostile));
	tcase_add_loop_test(
	    names, part_of_a_name_leads_nowhere_else, 0, COUNT(parts));
	tcase_add_test(names, name_is_judged_whole_before_it_is_cut);
	tcase_add_test(names, longest_name_is_255_octets);
	tcase_add_loop_test(
	    names, every_name_is_good_enough_for_text, 0, (int)COUNT(hostile));
	tcase_add_test(names, what_a_name_gives_is_not_expanded_again);
	tcase_add_loop_test(names, harmless_names_are_left_alone, 0, 12);
	suite_add_tcase(suite, names);
	return expect_run(suite);
}
