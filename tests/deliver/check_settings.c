/*
 * check_settings.c - all settings with the defaults of DESIGN 2.3.
 */
#include "deliver/settings.h"

#include "../base/expect.h"

static struct arena arena;
static struct status why;
static struct settings settings;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
}

static const struct {
	const char *name, *want;
} defaults[] = {
	{ "mail_location", "auto" },
	{ "mail_home", "" },
	{ "mail_uid", "" },
	{ "mail_gid", "" },
	{ "userdb", "passwd" },
	{ "auth_username_format", "%Lu" },
	{ "mail_spool_directory", "/var/mail" },
	{ "first_valid_uid", "500" },
	{ "recipient_delimiter", "+" },
	{ "message_size_limit", "0" },
	{ "mailbox_size_limit", "0" },
	{ "quota_full_tempfail", "yes" },
	{ "lda_mailbox_autocreate", "no" },
	{ "mail_fsync", "always" },
	{ "delivery_timeout", "300s" },
	{ "mail_temp_dir", "/tmp" },
	{ "syslog_facility", "mail" },
};

START_TEST(default_is_as_designed)
{
	const struct config_value *got =
	    config_find(&settings.config, defaults[_i].name);

	expect_str(str_from(defaults[_i].name), got->text,
	    str_from(defaults[_i].want));
	ck_assert_int_eq((int)got->level, (int)CONFIG_DEFAULT);
}
END_TEST

START_TEST(defaults_are_fine)
{
	ck_assert_int_eq(settings_check(&settings, &why), 0);
	ck_assert_uint_eq(settings.deliver.delivery_timeout, 300);
	ck_assert_uint_eq(settings.deliver.first_valid_uid, 500);
	ck_assert(settings.deliver.quota_full_tempfail);
	ck_assert_int_eq(settings.store.mail_fsync, STORE_FSYNC_ALWAYS);
	ck_assert_uint_eq(settings.user.userdb.count, 1);
}
END_TEST

START_TEST(no_name_is_in_two_tables)
{
	const struct config *config = &settings.config;

	for (size_t i = 0; config_row(config, i) != NULL; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(config_row(config, i)->name,
			    config_row(config, k)->name);
}
END_TEST

/* C lets a text fill the room of a row and leaves out its end. */
START_TEST(each_text_of_a_row_has_an_end)
{
	const struct setting *row;

	for (size_t i = 0; (row = config_row(&settings.config, i)) != NULL;
	     i++) {
		ck_assert_ptr_nonnull(memchr(row->name, 0, sizeof(row->name)));
		ck_assert_ptr_nonnull(
		    memchr(row->fallback, 0, sizeof(row->fallback)));
		ck_assert_ptr_nonnull(
		    memchr(row->choices, 0, sizeof(row->choices)));
	}
}
END_TEST

static int
set(const char *name, const char *value)
{
	return config_set(&settings.config, str_from(name), str_from(value),
	    CONFIG_FLAG, "-o", &why);
}

static const struct {
	const char *name, *value;
	bool fine;
} checked[] = {
	{ "delivery_timeout", "1s", true },
	{ "delivery_timeout", "0", false },
	{ "delivery_timeout", "0 mins", false },
	{ "syslog_facility", "local0", true },
	{ "syslog_facility", "LOCAL7", true },
	{ "syslog_facility", "kern", false },
	{ "syslog_facility", "", false },
	/* What is no domain would make everybody unknown. */
	{ "mydestination", "$hostname, localhost.$mydomain, localhost", false },
	{ "mydestination", "$myhostname", false },
	{ "mydestination", "hash:/etc/postfix/mydestination", false },
	{ "mydestination", "/etc/postfix/mydestination", false },
	{ "mydestination", "*", false },
	{ "mydestination", ".example.com", false },
	{ "mydestination", "\"example.com\"", false },
	{ "mydestination", "a;b", false },
	{ "mydestination", "$hostname localhost Example.com", true },
	{ "mydestination", "[192.0.2.1] [IPv6:2001:db8::1] b\xc3\xbc.example",
	    true },
	{ "mydestination", "", true },
	/* A comment would be part of the path. */
	{ "mail_home", "/v/%d/%n # homes", false },
	{ "mail_location", "maildir:~/Maildir # here", false },
	{ "mail_path", "~/Maildir\t# here", false },
	{ "auth_username_format", "%Lu # here", false },
	{ "mail_temp_dir", "/tmp # here", false },
	{ "mail_home", "/v/#%d/%n#", true },
	/* Relative to what? */
	{ "mail_home", "v/%n", false },
	{ "mail_home", "~/%n", false },
	{ "mail_home", "", true },
	{ "mail_temp_dir", "tmp", false },
	{ "mail_temp_dir", "", false },
	{ "mail_spool_directory", "mail", false },
	/* No log is no reason to defer mail. */
	{ "syslog_socket", "log", true },
	{ "syslog_socket", "", true },
	{ "mail_location", "maildir:Maildir", false },
	{ "mail_location", "mbox:~/mail:INBOX=spool/%u", false },
	{ "mail_location", "mbox:~/mail:INBOX=/spool/%u", true },
	{ "mail_location", "maildir:%h/Maildir:LAYOUT=FS", true },
	{ "mail_location", "maildir:/v/%n:LAYOUT=Maildir++", true },
	{ "mail_location", "", true },
	{ "mail_location", "maildir:/v/%5.1n%4.1n/%n", true },
	{ "mail_uid", "0", false },
	{ "mail_uid", "vmail", true },
	{ "mail_gid", "0", false },
	{ "userdb", "socketmap:unix:/run/users.sock", false },
	{ "userdb", "socketmap:unix:/run/users.sock:", false },
	{ "userdb", "socketmap:inet:db.example.org:1:m", false },
	{ "userdb", "socketmap:inet:127.0.0.1:m", false },
	{ "userdb", "socketmap:inet:[::1]:1:m", true },
	{ "userdb", "socketmap:unix:/run/a:b:m", true },
	{ "quota_rule4", "Trash:storage=+10X", false },
	{ "quota_grace", "much", false },
	{ "quota_warning", "90%", false },
	{ "quota_storage_size", "unlimited", true },
	{ "quota_message_count", "Unlimited", true },
};

START_TEST(value_that_makes_no_sense_is_refused_with_its_origin)
{
	ck_assert_int_eq(set(checked[_i].name, checked[_i].value), 0);
	ck_assert_msg(
	    (settings_check(&settings, &why) == 0) == checked[_i].fine,
	    "%s = %s: %s", checked[_i].name, checked[_i].value, why.cause);
	if (checked[_i].fine)
		return;
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	expect_holds(why.cause, checked[_i].name);
	expect_holds(why.cause, "-o");
}
END_TEST

static const char *const ignored[] = { "mail_plugins", "log_path", "mail_debug",
	"plugin/sieve", "plugin/quota_rule" };

START_TEST(settings_of_dovecot_that_mean_nothing_here_are_accepted)
{
	ck_assert_msg(
	    set(ignored[_i], "x") == 0, "%s: %s", ignored[_i], why.cause);
	ck_assert_uint_eq(settings.config.ignored_count, 1);
}
END_TEST

START_TEST(unknown_name_is_an_error)
{
	static const char *const names[] = { "mail_lokation", "", "pluginx",
		"mail_location ", "Mail_Location" };

	ck_assert_int_eq(set(names[_i], "x"), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

static struct str
print(bool origins)
{
	static char room[1000];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	settings_print(&settings, origins, &got);
	return buf_str(&got);
}

START_TEST(what_differs_from_the_default_is_printed)
{
	expect_str(STR("nothing"), print(false), STR(""));
	ck_assert_int_eq(set("mail_fsync", "never"), 0);
	ck_assert_int_eq(set("first_valid_uid", "500"), 0);
	expect_str(
	    STR("mail_fsync"), print(false), STR("mail_fsync = never\n"));
	expect_holds(print(true).at, "mail_fsync = never");
	expect_holds(print(true).at, "-o");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings");
	TCase *all = tcase_create("settings");

	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(
	    all, default_is_as_designed, 0, (int)COUNT(defaults));
	tcase_add_test(all, defaults_are_fine);
	tcase_add_test(all, no_name_is_in_two_tables);
	tcase_add_test(all, each_text_of_a_row_has_an_end);
	tcase_add_loop_test(all,
	    value_that_makes_no_sense_is_refused_with_its_origin, 0,
	    (int)COUNT(checked));
	tcase_add_loop_test(all,
	    settings_of_dovecot_that_mean_nothing_here_are_accepted, 0,
	    (int)COUNT(ignored));
	tcase_add_loop_test(all, unknown_name_is_an_error, 0, 5);
	tcase_add_test(all, what_differs_from_the_default_is_printed);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
