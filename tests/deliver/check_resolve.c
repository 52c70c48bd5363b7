/*
 * check_resolve.c - who the recipient is, and whether we may be him.
 *
 * The uid decides, so each case says whose it is; as root the tests become
 * the ordinary one themselves.
 */
#include "deliver/resolve.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct settings settings;
static struct deliver_request request;
static struct user user;

static void
set(const char *name, const char *value, enum config_level level)
{
	ck_assert_msg(config_set(&settings.config, str_from(name),
			  str_from(value), level, "test", &why) == 0,
	    "%s", why.cause);
}

static void
open_all(void)
{
	char passwd[500];

	arena_init(&arena, expect_memory);
	scratch_open(&scratch, machine_uid(), machine_gid());
	status_init(&why);
	memset(&request, 0, sizeof(request));
	memset(&user, 0, sizeof(user));
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
	(void)snprintf(passwd, sizeof(passwd),
	    "root:x:0:0::/root:\nme:x:%ju:%ju::/home/me:\n"
	    "other:x:4001:4001::/home/other:\nlow:x:99:4001::/home/low:\n",
	    (uintmax_t)machine_uid(), (uintmax_t)machine_gid());
	machine_write("etc/passwd", passwd, 0644);
	machine_write("etc/group", "x:x:1:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0644);
	scratch_write(&scratch, "users", "bob@d:x:1:2::/b/bob::\n");
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static void
be_an_ordinary_user(void)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(setgid(machine_gid()), 0);
	ck_assert_int_eq(setuid(machine_uid()), 0);
}

static struct envelope_claim
claim(const char *text)
{
	struct envelope_claim made = { str_from(text), text != NULL };

	return made;
}

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED
#define WRONG STATUS_MISCONFIGURED

/* NULL: not given. */
static const struct {
	const char *label, *flag, *user, *home, *final, *original;
	bool under_postfix;
	enum status_id outcome;
	const char *name, *want_home, *word;
} recipients[] = {
	{ "-d", "bob@d", NULL, NULL, NULL, NULL, true, FOUND, "bob@d", "/b/bob",
	    "" },
	{ "-d in brackets", "<Bob+x@D>", NULL, NULL, NULL, NULL, true, FOUND,
	    "bob@d", "/b/bob", "" },
	{ "-d before all others", "bob@d", "me", "/home/x", "me", "me", true,
	    FOUND, "bob@d", "/b/bob", "" },
	{ "unknown -d", "zoe@d", "me", NULL, NULL, NULL, true, UNKNOWN, NULL,
	    NULL, "" },
	{ "empty -d", "", "me", NULL, NULL, NULL, true, WRONG, NULL, NULL,
	    "-d" },
	{ "-d <>", "<>", "me", NULL, NULL, NULL, true, WRONG, NULL, NULL,
	    "-d" },
	{ "USER", NULL, "me", NULL, NULL, NULL, true, FOUND, "me", "/home/me",
	    "" },
	{ "USER and HOME", NULL, "me", "/elsewhere", NULL, NULL, true, FOUND,
	    "me", "/elsewhere", "" },
	{ "USER and a strange HOME", NULL, "me", "elsewhere", NULL, NULL, true,
	    FOUND, "me", "/home/me", "" },
	{ "USER before -r and -a", NULL, "me", NULL, "bob@d", "bob@d", true,
	    FOUND, "me", "/home/me", "" },
	{ "HOME alone", NULL, NULL, "/elsewhere", NULL, NULL, false, FOUND,
	    "me", "/home/me", "" },
	{ "somebody else's USER", NULL, "other", NULL, NULL, NULL, true, WRONG,
	    NULL, NULL, "other" },
	{ "root's mail", NULL, "root", NULL, NULL, NULL, true, WRONG, NULL,
	    NULL, "alias root" },
	{ "unknown USER", NULL, "nobodyhere", NULL, NULL, NULL, true, DOUBT,
	    NULL, NULL, "USER" },
	{ "hostile USER", NULL, "../me", NULL, NULL, NULL, true, DOUBT, NULL,
	    NULL, "USER" },
	{ "-r", NULL, NULL, NULL, "<bob@d>", "zoe@d", true, FOUND, "bob@d",
	    "/b/bob", "" },
	{ "-a", NULL, NULL, NULL, NULL, "bob@d", true, FOUND, "bob@d", "/b/bob",
	    "" },
	{ "-a behind an empty -r", NULL, NULL, NULL, "", "bob@d", true, FOUND,
	    "bob@d", "/b/bob", "" },
	{ "unknown -r", NULL, NULL, NULL, "zoe@d", "bob@d", true, WRONG, NULL,
	    NULL, "-d is missing" },
	{ "unknown -a", NULL, NULL, NULL, NULL, "zoe@d", false, WRONG, NULL,
	    NULL, "-d is missing" },
	{ "our uid", NULL, NULL, NULL, NULL, NULL, false, FOUND, "me",
	    "/home/me", "" },
	{ "nothing, under Postfix", NULL, NULL, NULL, NULL, NULL, true, WRONG,
	    NULL, NULL, "-d is missing" },
	{ "empty USER, under Postfix", NULL, "", NULL, NULL, NULL, true, WRONG,
	    NULL, NULL, "-d is missing" },
};

START_TEST(recipient_is_the_strongest_word)
{
	enum status_id got;

	request.user = claim(recipients[_i].flag);
	request.environment_user = claim(recipients[_i].user);
	request.environment_home = claim(recipients[_i].home);
	request.envelope.final_flag = claim(recipients[_i].final);
	request.envelope.original_flag = claim(recipients[_i].original);
	request.under_postfix = recipients[_i].under_postfix;
	set("userdb",
	    scratch_print(&scratch, "passwd-file:%s/users", scratch.root),
	    CONFIG_FILE);
	be_an_ordinary_user();
	got = resolve_recipient(&request, &settings, &arena, &user, &why) == 0 ?
	    STATUS_DELIVERED :
	    why.id;
	ck_assert_msg(got == recipients[_i].outcome,
	    "%s: outcome %d, not %d (%s)", recipients[_i].label, (int)got,
	    (int)recipients[_i].outcome, why.cause);
	if (got != STATUS_DELIVERED) {
		expect_holds(why.cause, recipients[_i].word);
		return;
	}
	expect_str(str_from(recipients[_i].label), user.name,
	    str_from(recipients[_i].name));
	ck_assert_str_eq(user.home, recipients[_i].want_home);
}
END_TEST

START_TEST(root_must_be_told)
{
	request.environment_user = claim("me");
	request.envelope.final_flag = claim("me");
	ck_assert_int_eq(
	    resolve_recipient(&request, &settings, &arena, &user, &why), -1);
	ck_assert_int_eq((int)why.id, (int)WRONG);
	expect_holds(why.cause, "-d is missing");
}
END_TEST

START_TEST(settings_of_the_user_are_put_in_force)
{
	struct user_field fields[] = { { STR("mail_fsync"), STR("never") },
		{ STR("quota_bogus"), STR("x") },
		{ STR("mail_location"), STR("maildir:/u") } };

	user.name = STR("bob");
	user.source = "passwd-file:/x";
	user.fields = fields;
	user.field_count = COUNT(fields);
	set("mail_location", "maildir:/f", CONFIG_FILE);
	ck_assert_int_eq(resolve_settings(&settings, &user, &arena, &why), 0);
	ck_assert_int_eq(settings.store.mail_fsync, STORE_FSYNC_NEVER);
	ck_assert_str_eq(settings.store.mail_location, "maildir:/u");
	expect_holds(
	    config_find(&settings.config, "mail_fsync")->origin, "bob");
}
END_TEST

START_TEST(flag_is_stronger_than_the_user)
{
	struct user_field field = { STR("mail_location"), STR("maildir:/u") };

	user.name = STR("bob");
	user.source = "passwd-file:/x";
	user.fields = &field;
	user.field_count = 1;
	set("mail_location", "maildir:/o", CONFIG_FLAG);
	ck_assert_int_eq(resolve_settings(&settings, &user, &arena, &why), 0);
	ck_assert_str_eq(settings.store.mail_location, "maildir:/o");
}
END_TEST

START_TEST(bad_setting_of_a_user_is_doubt_about_him)
{
	struct user_field field = { STR("mail_fsync"), STR("sometimes") };

	user.name = STR("bob");
	user.source = "passwd-file:/x";
	user.fields = &field;
	user.field_count = 1;
	ck_assert_int_eq(resolve_settings(&settings, &user, &arena, &why), -1);
	ck_assert_int_eq((int)why.id, (int)DOUBT);
	expect_holds(why.cause, "bob");
}
END_TEST

static void
let_user_be(uid_t uid, gid_t gid)
{
	user.name = STR("bob");
	user.source = "static";
	user.has_uid = user.has_gid = true;
	user.uid = uid;
	user.gid = gid;
}

START_TEST(somebody_else_is_refused)
{
	int keeper = -1;

	be_an_ordinary_user();
	let_user_be(machine_uid(), machine_gid());
	ck_assert_int_eq(
	    resolve_privileges(&settings, &user, &keeper, &arena, &why), 0);
	user.has_uid = false;
	ck_assert_int_eq(
	    resolve_privileges(&settings, &user, &keeper, &arena, &why), 0);
	let_user_be(machine_uid() + 1, machine_gid());
	ck_assert_int_eq(
	    resolve_privileges(&settings, &user, &keeper, &arena, &why), -1);
	ck_assert_int_eq((int)why.id, (int)WRONG);
}
END_TEST

/* 0: nobody said. */
static const struct {
	uid_t uid;
	gid_t gid;
	bool has_uid, has_gid;
	const char *word;
} refused[] = {
	{ 0, 4001, true, true, "has uid 0, and lda never delivers as root" },
	{ 99, 4001, true, true, "first_valid_uid" },
	{ 499, 4001, true, true, "first_valid_uid" },
	{ 4001, 0, true, true, "gid 0" },
	{ 4001, 4001, false, true, "no uid" },
	{ 4999, 0, true, false, "no gid" },
};

START_TEST(root_never_becomes_these)
{
	int keeper = -1;

	let_user_be(refused[_i].uid, refused[_i].gid);
	user.has_uid = refused[_i].has_uid;
	user.has_gid = refused[_i].has_gid;
	ck_assert_int_eq(
	    resolve_privileges(&settings, &user, &keeper, &arena, &why), -1);
	ck_assert_int_eq((int)why.id, (int)WRONG);
	expect_holds(why.cause, refused[_i].word);
	ck_assert_uint_eq(getuid(), 0);
}
END_TEST

START_TEST(root_becomes_the_user_for_good)
{
	int keeper = -1;
	gid_t groups[4];

	set("mail_location", "maildir:/srv", CONFIG_FLAG);
	let_user_be(machine_uid(), machine_gid());
	ck_assert_msg(
	    resolve_privileges(&settings, &user, &keeper, &arena, &why) == 0,
	    "%s", why.cause);
	ck_assert_uint_eq(getuid(), machine_uid());
	ck_assert_uint_eq(geteuid(), machine_uid());
	ck_assert_uint_eq(getgid(), machine_gid());
	ck_assert_uint_eq(getegid(), machine_gid());
	ck_assert_int_eq(getgroups(4, groups), 1);
	ck_assert_uint_eq(groups[0], machine_gid());
	ck_assert_int_eq(setuid(0), -1);
	ck_assert_int_eq(setgid(0), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *all = tcase_create("user");
	TCase *root = tcase_create("root");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	if (getuid() != 0 || expect_forks()) {
		tcase_add_loop_test(all, recipient_is_the_strongest_word, 0,
		    (int)COUNT(recipients));
		tcase_add_test(all, somebody_else_is_refused);
	}
	tcase_add_test(all, settings_of_the_user_are_put_in_force);
	tcase_add_test(all, flag_is_stronger_than_the_user);
	tcase_add_test(all, bad_setting_of_a_user_is_doubt_about_him);
	suite_add_tcase(suite, all);
	tcase_add_checked_fixture(root, open_all, close_all);
	if (getuid() == 0 && expect_forks()) {
		tcase_add_test(root, root_must_be_told);
		tcase_add_loop_test(
		    root, root_never_becomes_these, 0, (int)COUNT(refused));
		tcase_add_test(root, root_becomes_the_user_for_good);
		suite_add_tcase(suite, root);
	}
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
