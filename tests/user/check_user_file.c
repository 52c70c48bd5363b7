/*
 * check_user_file.c - lines of Dovecot's passwd-file become users, or doubt.
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
	memset(&options, 0, sizeof(options));
	memset(&user, 0, sizeof(user));
	machine_write("etc/passwd", "vmail:x:5000:5001::/srv:\n", 0644);
	machine_write("etc/group", "vmail:x:5002:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0644);
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static int
find_in(const char *path, struct str name)
{
	struct user_query query = { .name = name,
		.argument = str_from(path),
		.options = &options,
		.arena = &arena };

	return user_source_file.find(&query, &user, &why);
}

static void
expect_outcome(struct str given, int rc, enum status_id want)
{
	enum status_id got = rc == 0 ? STATUS_DELIVERED : why.id;

	ck_assert_msg(got == want, "given \"%s\": outcome %d, not %d (%s)",
	    expect_show(given), (int)got, (int)want, why.cause);
}

/* One line for bob; uid and gid 0 are "not said", home NULL too. */
static const struct {
	struct str given;
	enum status_id outcome;
	uid_t uid;
	gid_t gid;
	const char *home, *fields; /* "name=value;" each */
} lines[] = {
	{ TEXT("bob:{PLAIN}x:1001:1002::/srv/bob::"), FOUND, 1001, 1002,
	    "/srv/bob", "" },
	{ TEXT("bob:x:vmail:vmail::/srv/bob"), FOUND, 5000, 5002, "/srv/bob",
	    "" },
	{ TEXT("bob:::::::"), FOUND, 0, 0, NULL, "" },
	{ TEXT("bob:"), FOUND, 0, 0, NULL, "" },
	{ TEXT("bob"), FOUND, 0, 0, NULL, "" },
	{ TEXT("bob:x:1001:1002::/h::userdb_mail=maildir:/x:INBOX=/y"), FOUND,
	    1001, 1002, "/h", "mail_location=maildir:/x:INBOX=/y;" },
	{ TEXT("bob:x:1:2::/h:/bin/sh:userdb_a=b  c=d userdb_e=f=g"), FOUND, 1,
	    2, "/h", "a=b;e=f=g;" },
	{ TEXT("bob:x:1:2::/h::userdb_uid=3 userdb_gid=4 userdb_home=/i"),
	    FOUND, 3, 4, "/i", "" },
	{ TEXT("bob:x:1:2::/h::password=y nopassword"), FOUND, 1, 2, "/h", "" },
	{ TEXT("bob:x:1:2::/h::userdb_a="), FOUND, 1, 2, "/h", "a=;" },
	{ TEXT("bob:x:1:2::/h:::maildir:/old"), FOUND, 1, 2, "/h",
	    "mail_location=maildir:/old;" },
	/* Nobody that mail is delivered as, but no fact about bob. */
	{ TEXT("bob:x:0:1002::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:1001:0::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:4294967295:1::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:4294967296:1::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:-1:1::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:nobodyhere:1::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:1:nogrouphere::/h::"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:1:2::/h::userdb_uid=0"), DOUBT, 0, 0, NULL, "" },
	{ TEXT("bob:x:1:2::/h::userdb_gid=x"), DOUBT, 0, 0, NULL, "" },
	/* A file that was edited elsewhere. */
	{ TEXT("bob:x:1:2::/srv/bob\r"), FOUND, 1, 2, "/srv/bob", "" },
	{ TEXT("bob:x:1:2::/h::userdb_mail=maildir:/x\r"), FOUND, 1, 2, "/h",
	    "mail_location=maildir:/x;" },
};

static struct str
join_fields(void)
{
	static char room[512];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	for (size_t i = 0; i < user.field_count; i++) {
		buf_add(&got, user.fields[i].name);
		buf_add_octet(&got, '=');
		buf_add(&got, user.fields[i].value);
		buf_add_octet(&got, ';');
	}
	return buf_str(&got);
}

START_TEST(line_becomes_a_user)
{
	struct str given = lines[_i].given;
	char text[256];
	struct buf file;
	int rc;

	buf_init(&file, text, sizeof(text));
	buf_add_string(&file, "# users\n\nbobby:x:9:9::/no::\n");
	buf_add(&file, given);
	buf_add_octet(&file, '\n');
	scratch_write_octets(&scratch, "users", file.at, file.length);
	rc = find_in(scratch_path(&scratch, "users"), STR("bob"));
	expect_outcome(given, rc, lines[_i].outcome);
	if (rc < 0)
		return;
	expect_str(given, user.name, STR("bob"));
	ck_assert_int_eq(user.has_uid, lines[_i].uid != 0);
	ck_assert_int_eq(user.has_gid, lines[_i].gid != 0);
	ck_assert_uint_eq(user.uid, lines[_i].uid);
	ck_assert_uint_eq(user.gid, lines[_i].gid);
	expect_str(given, str_from(user.home), str_from(lines[_i].home));
	expect_str(given, join_fields(), str_from(lines[_i].fields));
	ck_assert(!user.is_system);
}
END_TEST

/* What cannot be a key of a line is nobody's, whatever the file holds. */
static const struct {
	struct str name;
	enum status_id outcome;
} names[] = {
	{ TEXT("ann@example.org"), FOUND },
	{ TEXT("o'neil b"), FOUND },
	{ TEXT("\xc3\xa4"), FOUND },
	{ TEXT("ANN@example.org"), UNKNOWN },
	{ TEXT("ann@example.or"), UNKNOWN },
	{ TEXT("ann"), UNKNOWN },
	{ TEXT("#c"), UNKNOWN },
	{ TEXT("c:x"), UNKNOWN },
	{ TEXT("c\nann@example.org"), UNKNOWN },
	{ TEXT("ann@example.org\0"), UNKNOWN },
	{ TEXT(""), UNKNOWN },
};

START_TEST(name_is_the_key_of_a_line)
{
	scratch_write(&scratch, "users",
	    "#c:x:1:2::/h::\nc:x:1:2::/h::\nann@example.org:x:1:2::/h::\n"
	    "o'neil b:x:1:2::/h::\n\xc3\xa4:x:1:2::/h::\n:x:1:2::/h::\n");
	expect_outcome(names[_i].name,
	    find_in(scratch_path(&scratch, "users"), names[_i].name),
	    names[_i].outcome);
}
END_TEST

START_TEST(file_that_is_not_there_is_doubt)
{
	expect_outcome(STR("missing"),
	    find_in(scratch_path(&scratch, "missing"), STR("bob")), DOUBT);
	scratch_write(&scratch, "users", "");
	expect_outcome(STR("empty"),
	    find_in(scratch_path(&scratch, "users"), STR("bob")), DOUBT);
	scratch_write(&scratch, "users", "ann:x:1:2::/h");
	expect_outcome(STR("half"),
	    find_in(scratch_path(&scratch, "users"), STR("bob")), DOUBT);
}
END_TEST

START_TEST(path_may_hold_the_domain)
{
	const char *path = scratch_path(&scratch, "%d.users");

	scratch_write(
	    &scratch, "example.org.users", "bob@example.org:x:1:2::/h::\n");
	expect_outcome(
	    STR("domain"), find_in(path, STR("bob@example.org")), FOUND);
	/* Another domain's file is not there: nobody knows why. */
	expect_outcome(
	    STR("other"), find_in(path, STR("bob@example.com")), DOUBT);
	expect_outcome(STR("none"), find_in(path, STR("bob")), WRONG);
	expect_outcome(
	    STR("hostile"), find_in(path, STR("bob@../example")), UNKNOWN);
	expect_outcome(STR("hostile"), find_in(path, STR("bob@..")), UNKNOWN);
}
END_TEST

START_TEST(flood_of_fields_is_no_harm)
{
	char text[12000];
	struct buf file;

	buf_init(&file, text, sizeof(text));
	buf_add_string(&file, "bob:x:1:2::/h::");
	for (int i = 0; i < 1000; i++)
		buf_add_string(&file, "userdb_a=b ");
	buf_add_octet(&file, '\n');
	scratch_write(&scratch, "users", text);
	expect_outcome(STR("flood"),
	    find_in(scratch_path(&scratch, "users"), STR("bob")), FOUND);
	ck_assert_uint_gt(user.field_count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_file");
	TCase *all = tcase_create("passwd-file");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(all, line_becomes_a_user, 0, (int)COUNT(lines));
	tcase_add_loop_test(
	    all, name_is_the_key_of_a_line, 0, (int)COUNT(names));
	tcase_add_test(all, file_that_is_not_there_is_doubt);
	tcase_add_test(all, path_may_hold_the_domain);
	tcase_add_test(all, flood_of_fields_is_no_harm);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
