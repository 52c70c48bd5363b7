/*
 * check_location.c - the value of mail_location taken apart as Dovecot does.
 */
#include "store/location.h"

#include "../base/expect.h"

static struct arena arena;
static struct status why;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
}

static const struct {
	struct str given, driver, path, inbox;
	bool layout_fs, utf8;
} locations[] = {
	{ TEXT("auto"), TEXT("auto"), TEXT(""), TEXT(""), false, false },
	{ TEXT("maildir:~/Maildir"), TEXT("maildir"), TEXT("~/Maildir"),
	    TEXT(""), false, false },
	{ TEXT(" maildir:~/Maildir "), TEXT("maildir"), TEXT("~/Maildir"),
	    TEXT(""), false, false },
	{ TEXT("maildir:"), TEXT("maildir"), TEXT(""), TEXT(""), false, false },
	{ TEXT("maildir"), TEXT("maildir"), TEXT(""), TEXT(""), false, false },
	{ TEXT("maildir:/a:LAYOUT=fs"), TEXT("maildir"), TEXT("/a"), TEXT(""),
	    true, false },
	{ TEXT("maildir:/a:LAYOUT=maildir++"), TEXT("maildir"), TEXT("/a"),
	    TEXT(""), false, false },
	{ TEXT("maildir:/a:UTF-8:INBOX=/b/%u:LAYOUT=fs"), TEXT("maildir"),
	    TEXT("/a"), TEXT("/b/%u"), true, true },
	{ TEXT("mbox:~/mail:INBOX=/var/mail/%u"), TEXT("mbox"), TEXT("~/mail"),
	    TEXT("/var/mail/%u"), false, false },
	{ TEXT("maildir:/a:INDEX=/i:CONTROL=/c:LISTINDEX=x"), TEXT("maildir"),
	    TEXT("/a"), TEXT(""), false, false },
	{ TEXT("maildir:/a:INDEX=MEMORY"), TEXT("maildir"), TEXT("/a"),
	    TEXT(""), false, false },
	{ TEXT("maildir:/a::b:INBOX=/c::d"), TEXT("maildir"), TEXT("/a:b"),
	    TEXT("/c:d"), false, false },
	{ TEXT("maildir:/a::"), TEXT("maildir"), TEXT("/a:"), TEXT(""), false,
	    false },
	{ TEXT("maildir:/a:::UTF-8"), TEXT("maildir"), TEXT("/a:"), TEXT(""),
	    false, true },
	{ TEXT("maildir:/a:"), TEXT("maildir"), TEXT("/a"), TEXT(""), false,
	    false },
	{ TEXT("maildir:/a=b"), TEXT("maildir"), TEXT("/a=b"), TEXT(""), false,
	    false },
	{ TEXT("maildir:/a:INBOX=/b=c"), TEXT("maildir"), TEXT("/a"),
	    TEXT("/b=c"), false, false },
	/* Colons and keys of a server are its own. */
	{ TEXT("lmtp:unix:/run/a::b"), TEXT("lmtp"), TEXT("unix:/run/a::b"),
	    TEXT(""), false, false },
	{ TEXT("lmtp:inet:[::1]:24"), TEXT("lmtp"), TEXT("inet:[::1]:24"),
	    TEXT(""), false, false },
	{ TEXT("lmtp:unix:/a:INBOX=/b"), TEXT("lmtp"), TEXT("unix:/a:INBOX=/b"),
	    TEXT(""), false, false },
	{ TEXT("lmtp"), TEXT("lmtp"), TEXT(""), TEXT(""), false, false },
	/* Dovecot's own default. */
	{ TEXT(""), TEXT("auto"), TEXT(""), TEXT(""), false, false },
	{ TEXT("maildir:/a:LAYOUT=FS"), TEXT("maildir"), TEXT("/a"), TEXT(""),
	    true, false },
	{ TEXT("maildir:/a:LAYOUT=Maildir++"), TEXT("maildir"), TEXT("/a"),
	    TEXT(""), false, false },
};

START_TEST(parts_are_taken_apart)
{
	struct str given = locations[_i].given;
	struct location got;

	ck_assert_msg(location_parse(given, &arena, &got, &why) == 0,
	    "given \"%s\": %s", expect_show(given), why.cause);
	expect_str(given, got.driver, locations[_i].driver);
	expect_str(given, got.path, locations[_i].path);
	expect_str(given, got.inbox, locations[_i].inbox);
	expect_bool(given, got.layout_fs, locations[_i].layout_fs);
	expect_bool(given, got.utf8, locations[_i].utf8);
}
END_TEST

/* Keys that would change where mail goes, or that nobody knows. */
static const char *const unknown[] = { "maildir:/a:LAYOUT=index",
	"maildir:/a:LAYOUT=", "maildir:/a:LAYOUT", "maildir:/a:BOGUS=x",
	"maildir:/a:utf-8", "maildir:/a:UTF-8=no", "maildir:/a:inbox=/b",
	"maildir:/a:MAILBOXDIR=x", "maildir:/a:FULLDIRNAME=x",
	"maildir:/a:/b" };

START_TEST(key_that_moves_mail_and_is_not_known_is_refused)
{
	struct location got;

	ck_assert_msg(
	    location_parse(str_from(unknown[_i]), &arena, &got, &why) == -1,
	    "%s: accepted", unknown[_i]);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	expect_holds(why.cause, unknown[_i]);
}
END_TEST

static const struct {
	struct str given;
	bool want;
} servers[] = {
	{ TEXT("unix:/run/lmtp"), true },
	{ TEXT("unix:/run/a:b"), true },
	{ TEXT("inet:127.0.0.1:24"), true },
	{ TEXT("inet:localhost:65535"), true },
	{ TEXT("inet:[::1]:24"), true },
	{ TEXT("inet:::1:24"), true },
	{ TEXT("inet:[::ffff:127.0.0.1]:24"), true },
	{ TEXT(""), false },
	{ TEXT("unix:"), false },
	{ TEXT("unix:/"), false },
	{ TEXT("unix:run/lmtp"), false },
	{ TEXT("unix:/run/a\0b"), false },
	{ TEXT("unix:/run/a\nb"), false },
	{ TEXT("UNIX:/run/lmtp"), false },
	{ TEXT("/run/lmtp"), false },
	{ TEXT("inet:127.0.0.1"), false },
	{ TEXT("inet:127.0.0.1:"), false },
	{ TEXT("inet:127.0.0.1:0"), false },
	{ TEXT("inet:127.0.0.1:65536"), false },
	{ TEXT("inet:127.0.0.1:-1"), false },
	{ TEXT("inet:127.0.0.1:lmtp"), false },
	{ TEXT("inet::24"), false },
	{ TEXT("inet:[]:24"), false },
	{ TEXT("inet:mail.example:24"), false },
	{ TEXT("inet:127.0.0.1 :24"), false },
};

START_TEST(server_has_a_path_or_a_numeric_address)
{
	expect_bool(servers[_i].given, location_is_server(servers[_i].given),
	    servers[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("location");
	TCase *all = tcase_create("parts");

	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(
	    all, parts_are_taken_apart, 0, (int)COUNT(locations));
	tcase_add_loop_test(all,
	    key_that_moves_mail_and_is_not_known_is_refused, 0,
	    (int)COUNT(unknown));
	tcase_add_loop_test(all, server_has_a_path_or_a_numeric_address, 0,
	    (int)COUNT(servers));
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
