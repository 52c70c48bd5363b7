/*
 * check_verify.c - whether there is such a recipient, and room in his mailbox,
 * before there is a message; only what is sure is a "no".
 *
 * Source: lda-verify(8); DESIGN 2.3.
 */
#include "deliver/verify.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/machine.h"
#include "support/maildir_view.h"
#include "support/scratch.h"

#include <stdint.h>
#include <unistd.h>

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct settings settings;
static struct user user;
static struct log quiet;

static void
set(const char *name, const char *value)
{
	ck_assert_msg(config_set(&settings.config, str_from(name),
			  str_from(value), CONFIG_FLAG, "test", &why) == 0,
	    "%s", why.cause);
}

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, machine_uid(), machine_gid());
	status_init(&why);
	memset(&user, 0, sizeof(user));
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
	log_init(&quiet, "test", scratch_path(&scratch, "nowhere"));
	machine_write("etc/passwd", "root:x:0:0::/root:\n", 0644);
	machine_write("etc/group", "x:x:1:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0644);
	scratch_mkdir(&scratch, "bob", 0700);
	scratch_write(&scratch, "users",
	    scratch_print(&scratch,
		"bob@d:x:%ju:%ju::%s/bob::\nbob+y@d:x:%ju:%ju::/y::\n",
		(uintmax_t)machine_uid(), (uintmax_t)machine_gid(),
		scratch.root, (uintmax_t)machine_uid(),
		(uintmax_t)machine_gid()));
	scratch_chmod(&scratch, "users", 0644);
	set("userdb",
	    scratch_print(&scratch, "passwd-file:%s/users", scratch.root));
	set("mail_location", "maildir:~/Maildir");
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static const struct {
	struct str name;
	enum status_id want;
	const char *found;
} names[] = {
	{ TEXT("bob@d"), FOUND, "bob@d" },
	{ TEXT("BOB@D"), FOUND, "bob@d" },
	{ TEXT("bob+x@d"), FOUND, "bob@d" },
	{ TEXT("bob+y@d"), FOUND, "bob+y@d" },
	{ TEXT("otto@d"), UNKNOWN, NULL },
	{ TEXT("bob@e"), UNKNOWN, NULL },
	{ TEXT(""), UNKNOWN, NULL },
};

START_TEST(who_is_listed_exists)
{
	int rc = verify_user(&settings, names[_i].name, &arena, &user, &why);

	ck_assert_msg(rc == (names[_i].want == FOUND ? 0 : -1) &&
		why.id == names[_i].want,
	    "\"%s\": %d, %s", expect_show(names[_i].name), (int)why.id,
	    why.cause);
	if (rc == 0)
		expect_str(
		    names[_i].name, user.name, str_from(names[_i].found));
}
END_TEST

START_TEST(list_that_cannot_be_read_is_doubt)
{
	if (_i == 0)
		scratch_remove(&scratch, "users");
	else
		scratch_write(&scratch, "users", "");
	ck_assert_int_eq(
	    verify_user(&settings, STR("otto@d"), &arena, &user, &why),
	    -1);
	ck_assert_int_eq((int)why.id, (int)DOUBT);
}
END_TEST

static const struct {
	struct str name;
	enum status_id want;
} places[] = {
	{ TEXT("any@d"), FOUND },
	{ TEXT("any+x@d"), FOUND },
	{ TEXT("..@d"), UNKNOWN },
	{ TEXT(".any@d"), UNKNOWN },
	{ TEXT("a/b@d"), UNKNOWN },
	{ TEXT("any@.."), UNKNOWN },
	{ TEXT("any@d/e"), UNKNOWN },
};

/* Nobody has vouched for these names. */
START_TEST(name_must_do_for_a_path_where_everybody_is_found)
{
	int rc;

	set("userdb", "static");
	set("mail_home", "/srv/home");
	set("mail_location", "maildir:/srv/mail/%d/%n");
	rc =
	    verify_user(&settings, places[_i].name, &arena, &user, &why);
	ck_assert_msg(rc == (places[_i].want == FOUND ? 0 : -1) &&
		why.id == places[_i].want,
	    "\"%s\": %d, %s", expect_show(places[_i].name), (int)why.id,
	    why.cause);
}
END_TEST

/* Room. */

static struct deliver_run run;
static struct deliver_request request;

static void
be_an_ordinary_user(void)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(setgid(machine_gid()), 0);
	ck_assert_int_eq(setuid(machine_uid()), 0);
}

static int
look_for_room(const char *name)
{
	const struct feeder nobody = { .noted = false };

	be_an_ordinary_user();
	memset(&request, 0, sizeof(request));
	request.user.text = str_from(name);
	request.user.given = true;
	deliver_init(
	    &run, &settings, &request, &quiet, &nobody, sys_ticks_us(), &arena);
	return verify_room(&run);
}

/* A Maildir that holds so many octets by its maildirsize. */
static void
make_mailbox(unsigned octets)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < COUNT(parts); i++)
		scratch_mkdir(&scratch,
		    scratch_print(&scratch, "bob/Maildir%s", parts[i]), 0700);
	scratch_write(&scratch,
	    scratch_print(
		&scratch, "bob/Maildir/cur/1.M1P1Q1R1.x,S=%u:2,S", octets),
	    "");
	scratch_write(&scratch, "bob/Maildir/maildirsize",
	    scratch_print(&scratch, "1000S\n%u 1\n", octets));
}

static const struct {
	unsigned octets;
	const char *tempfail;
	enum status_id want;
} rooms[] = {
	{ 0, "yes", FOUND },
	{ 999, "yes", FOUND }, /* one more octet fits */
	{ 1000, "yes", STATUS_MAILBOX_FULL },
	{ 5000, "yes", STATUS_MAILBOX_FULL },
	{ 1000, "no", STATUS_MAILBOX_FULL_FOR_GOOD },
};

START_TEST(mailbox_is_full_or_not)
{
	char *before, *after;

	make_mailbox(rooms[_i].octets);
	set("quota_rule", "*:storage=1000B");
	set("quota_grace", "0");
	set("quota_full_tempfail", rooms[_i].tempfail);
	before = scratch_list(&scratch, "bob", NULL);
	ck_assert_int_eq(
	    look_for_room("bob@d"), rooms[_i].want == FOUND ? 0 : -1);
	ck_assert_msg(run.why.id == rooms[_i].want, "%u octets: %d, %s",
	    rooms[_i].octets, (int)run.why.id, run.why.cause);
	after = scratch_list(&scratch, "bob", NULL);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(unknown_user_has_no_room)
{
	ck_assert_int_eq(look_for_room("otto@d"), -1);
	ck_assert_int_eq((int)run.why.id, (int)UNKNOWN);
}
END_TEST

/* Whatever else is wrong is for the delivery to find out. */
START_TEST(trouble_is_no_full_mailbox)
{
	set("quota_rule", "*:storage=1000B");
	if (_i == 1) {
		make_mailbox(5000);
		scratch_chmod(&scratch, "bob/Maildir", 0);
	}
	if (_i == 2)
		scratch_write(&scratch, "bob/Maildir", "a file\n");
	ck_assert_int_eq(look_for_room("bob@d"), 0);
	ck_assert_int_eq((int)run.why.id, (int)FOUND);
	if (_i == 1)
		scratch_chmod(&scratch, "bob/Maildir", 0700);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verify");
	TCase *users = tcase_create("users");
	TCase *room = tcase_create("room");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_add_checked_fixture(users, open_all, close_all);
	tcase_add_loop_test(users, who_is_listed_exists, 0, (int)COUNT(names));
	tcase_add_loop_test(users, list_that_cannot_be_read_is_doubt, 0, 2);
	tcase_add_loop_test(users,
	    name_must_do_for_a_path_where_everybody_is_found, 0,
	    (int)COUNT(places));
	/* These give their rights away. */
	tcase_add_checked_fixture(room, open_all, close_all);
	tcase_add_loop_test(room, mailbox_is_full_or_not, 0, (int)COUNT(rooms));
	tcase_add_test(room, unknown_user_has_no_room);
	tcase_add_loop_test(room, trouble_is_no_full_mailbox, 0, 3);
	suite_add_tcase(suite, users);
	if (expect_forks())
		suite_add_tcase(suite, room);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
