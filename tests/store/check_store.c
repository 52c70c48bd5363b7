/*
 * check_store.c - mail_location becomes the paths of one user's mailbox, or
 * of none.
 */
#include "store/store.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct store_options options;
static struct mailbox mailbox;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	for (size_t i = 0; i < store_settings.count; i++) {
		const struct setting *row = &store_settings.rows[i];

		ck_assert_int_eq(setting_parse(row, str_from(row->fallback),
				     &options, &arena, &why),
		    0);
	}
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

#define RESOLVED STATUS_DELIVERED

static const struct {
	const char *location;
	struct str name;
	const char *home;
	enum status_id outcome;
	const char *root, *inbox;
} mailboxes[] = {
	{ "maildir:~/Maildir", TEXT("bob"), "/home/bob", RESOLVED,
	    "/home/bob/Maildir", "/home/bob/Maildir" },
	{ "maildir:/srv/%d/%n", TEXT("bob@d"), NULL, RESOLVED, "/srv/d/bob",
	    "/srv/d/bob" },
	{ "maildir:/srv/%{user | domain}/%{user | username}", TEXT("bob@d"),
	    NULL, RESOLVED, "/srv/d/bob", "/srv/d/bob" },
	{ "maildir:/srv/%u:INBOX=/in/%n", TEXT("bob@d"), NULL, RESOLVED,
	    "/srv/bob@d", "/in/bob" },
	{ "maildir:", TEXT("bob"), "/home/bob", RESOLVED, "/home/bob/Maildir",
	    "/home/bob/Maildir" },
	{ "maildir:~/Maildir", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "lmtp:unix:/run/lmtp", TEXT("bob@d"), NULL, RESOLVED,
	    "unix:/run/lmtp", "unix:/run/lmtp" },
	{ "lmtp:unix:/run/%d/lmtp", TEXT("bob@d"), NULL, RESOLVED,
	    "unix:/run/d/lmtp", "unix:/run/d/lmtp" },
	{ "lmtp:inet:[::1]:24", TEXT("bob"), NULL, RESOLVED, "inet:[::1]:24",
	    "inet:[::1]:24" },
	{ "lmtp:unix:/run/%n/lmtp", TEXT("../x"), NULL, STATUS_USER_UNKNOWN,
	    NULL, NULL },
	{ "lmtp:unix:run/lmtp", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "lmtp:inet:host.name:24", TEXT("bob"), NULL, STATUS_MISCONFIGURED,
	    NULL, NULL },
	{ "maildir:/srv/%d", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "maildir:Maildir", TEXT("bob"), "/home/bob", STATUS_MISCONFIGURED,
	    NULL, NULL },
	{ "maildir:%n", TEXT("bob"), "/home/bob", STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "maildir:~/M", TEXT("bob"), "home", STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "maildir:/a:INBOX=b", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "maildir:/a:BOGUS=b", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL,
	    NULL },
	{ "sdbox:/a", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL, NULL },
	{ "/a", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL, NULL },
	{ "", TEXT("bob"), NULL, STATUS_MISCONFIGURED, NULL, NULL },
	/* A hostile name is nobody's. */
	{ "maildir:/srv/%u", TEXT("../bob"), NULL, STATUS_USER_UNKNOWN, NULL,
	    NULL },
	{ "maildir:/srv/%n", TEXT(".."), NULL, STATUS_USER_UNKNOWN, NULL,
	    NULL },
	{ "maildir:/srv/%d/x", TEXT("bob@.."), NULL, STATUS_USER_UNKNOWN, NULL,
	    NULL },
	{ "maildir:/srv/x:INBOX=/in/%n", TEXT("a/b"), NULL, STATUS_USER_UNKNOWN,
	    NULL, NULL },
	{ "maildir:/srv/%n", TEXT("@d"), NULL, STATUS_USER_UNKNOWN, NULL,
	    NULL },
};

/* A trailing slash is the same directory. */
static struct str
directory(const char *path)
{
	struct str text = str_from(path);

	while (text.length > 1 && str_ends(text, "/"))
		text.length--;
	return text;
}

static int
resolve(struct str name, const char *home, bool is_system)
{
	struct store_owner owner = { name, home, is_system };

	return mailbox_resolve(&options, &owner, &arena, &mailbox, &why);
}

START_TEST(location_is_resolved_for_a_user)
{
	struct str given = str_from(mailboxes[_i].location);
	enum status_id got;

	options.mail_location = mailboxes[_i].location;
	got = resolve(mailboxes[_i].name, mailboxes[_i].home, false) == 0 ?
	    STATUS_DELIVERED :
	    why.id;
	ck_assert_msg(got == mailboxes[_i].outcome,
	    "%s for \"%s\": outcome %d (%s)", mailboxes[_i].location,
	    expect_show(mailboxes[_i].name), (int)got, why.cause);
	if (got != STATUS_DELIVERED)
		return;
	expect_str(
	    given, directory(mailbox.root), str_from(mailboxes[_i].root));
	expect_str(
	    given, directory(mailbox.inbox), str_from(mailboxes[_i].inbox));
	ck_assert_ptr_eq(mailbox.store,
	    strncmp(mailboxes[_i].location, "lmtp:", 5) == 0 ? &store_lmtp :
							       &store_maildir);
	ck_assert_ptr_null(mailbox.never_made);
}
END_TEST

START_TEST(layout_is_told)
{
	options.mail_location = "maildir:/a:LAYOUT=fs:UTF-8";
	ck_assert_int_eq(resolve(STR("bob"), NULL, false), 0);
	ck_assert(mailbox.layout_fs && mailbox.utf8);
	options.mail_location = "maildir:/a";
	ck_assert_int_eq(resolve(STR("bob"), NULL, false), 0);
	ck_assert(!mailbox.layout_fs && !mailbox.utf8);
}
END_TEST

START_TEST(names_of_dovecot_24_are_read)
{
	options.mail_driver = "maildir";
	options.mail_path = "/srv/%{user | username | lower}";
	options.mail_inbox_path = "~/in";
	ck_assert_int_eq(resolve(STR("BOB@d"), "/home/bob", false), 0);
	ck_assert_str_eq(mailbox.root, "/srv/bob");
	ck_assert_str_eq(mailbox.inbox, "/home/bob/in");
}
END_TEST

START_TEST(home_of_a_system_user_is_never_made)
{
	options.mail_location = "maildir:~/Maildir";
	ck_assert_int_eq(resolve(STR("bob"), "/home/bob", true), 0);
	ck_assert_str_eq(mailbox.never_made, "/home/bob");
}
END_TEST

START_TEST(auto_is_a_maildir_where_there_is_one)
{
	const char *want = scratch_path(&scratch, "Maildir");

	ck_assert_str_eq(options.mail_location, "auto");
	scratch_mkdir(&scratch, "Maildir", 0700);
	ck_assert_int_eq(resolve(STR("bob"), scratch.root, true), 0);
	ck_assert_ptr_eq(mailbox.store, &store_maildir);
	expect_str(STR("auto"), directory(mailbox.root), str_from(want));
}
END_TEST

START_TEST(auto_is_a_maildir_for_all_but_system_users)
{
	const char *want = scratch_path(&scratch, "Maildir");

	ck_assert_int_eq(resolve(STR("bob@d"), scratch.root, false), 0);
	ck_assert_ptr_eq(mailbox.store, &store_maildir);
	expect_str(STR("auto"), directory(mailbox.root), str_from(want));
	ck_assert_int_eq(resolve(STR("bob@d"), NULL, false), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

START_TEST(delivery_is_planned_at_first)
{
	struct folder folder = { .count = 0 };
	struct delivery delivery;

	delivery_init(&delivery, &mailbox, &options, &folder, &arena);
	ck_assert_int_eq((int)delivery.state, (int)DELIVERY_PLANNED);
	ck_assert_ptr_null(delivery.work);
	ck_assert(!delivery.folder_refused);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *all = tcase_create("mailbox");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(
	    all, location_is_resolved_for_a_user, 0, (int)COUNT(mailboxes));
	tcase_add_test(all, layout_is_told);
	tcase_add_test(all, names_of_dovecot_24_are_read);
	tcase_add_test(all, home_of_a_system_user_is_never_made);
	tcase_add_test(all, auto_is_a_maildir_where_there_is_one);
	tcase_add_test(all, auto_is_a_maildir_for_all_but_system_users);
	tcase_add_test(all, delivery_is_planned_at_first);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
