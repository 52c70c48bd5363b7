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
	{ TEXT(""), TEXT(""), TEXT(""), TEXT(""), false, false },
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
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
