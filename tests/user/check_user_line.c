/*
 * check_user_line.c - a line is found, is certainly not there, or there is
 * doubt.
 */
#include "user/user_line.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static struct status why;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED

static const struct {
	struct str given, value;
	size_t field;
	enum status_id outcome;
	struct str want;
} files[] = {
	{ TEXT("bob:x:1\nann:y:2\n"), TEXT("bob"), 0, FOUND, TEXT("bob:x:1") },
	{ TEXT("bob:x:1\nann:y:2\n"), TEXT("ann"), 0, FOUND, TEXT("ann:y:2") },
	{ TEXT("bob:x:1\nann:y:2\n"), TEXT("zoe"), 0, UNKNOWN, TEXT("") },
	{ TEXT("bob:x:1\nann:y:2\n"), TEXT("2"), 2, FOUND, TEXT("ann:y:2") },
	{ TEXT("bob:x:1\nann:y:2\n"), TEXT("3"), 2, UNKNOWN, TEXT("") },
	{ TEXT("bob:x:12:1\n"), TEXT("1"), 2, UNKNOWN, TEXT("") },
	/* A name is a whole field, in its own case. */
	{ TEXT("bobby:x\nbo:y\nbob:z\n"), TEXT("bob"), 0, FOUND,
	    TEXT("bob:z") },
	{ TEXT("bobby:x\nbo:y\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT("Bob:x\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT(" bob:x\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT("x:bob:y\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT("a+b@c.d:x\n"), TEXT("a+b@c.d"), 0, FOUND, TEXT("a+b@c.d:x") },
	{ TEXT("bob:1\nbob:2\n"), TEXT("bob"), 0, FOUND, TEXT("bob:1") },
	{ TEXT("bob:\n"), TEXT("bob"), 0, FOUND, TEXT("bob:") },
	/* The field is all of the line. */
	{ TEXT("ann:x\nbob\n"), TEXT("bob"), 0, FOUND, TEXT("bob") },
	/* Comments and empty lines are no users. */
	{ TEXT("#bob:x\n\n\nann:y\n"), TEXT("#bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT("#bob:x\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT("# a\n\nbob:x\n"), TEXT("bob"), 0, FOUND, TEXT("bob:x") },
	{ TEXT("\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	{ TEXT("# nobody yet\n"), TEXT("bob"), 0, UNKNOWN, TEXT("") },
	/* Somebody may be writing it. */
	{ TEXT(""), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("ann:y\nbo"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("ann:y\nbob"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("ann:y\nbob:x"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("ann:y"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("bob:x\nann"), TEXT("bob"), 0, FOUND, TEXT("bob:x") },
	/* Damaged. */
	{ TEXT("ann:y\n\0\0\0\0\n"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("bob:\0x\n"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("bob\0:x\n"), TEXT("bob"), 0, DOUBT, TEXT("") },
	{ TEXT("\0bob:x\n"), TEXT("bob"), 0, DOUBT, TEXT("") },
};

static void
expect_outcome(struct str given, int rc, enum status_id want)
{
	enum status_id got = rc == 0 ? STATUS_DELIVERED : why.id;

	ck_assert_msg(got == want, "given \"%s\": outcome %d, not %d (%s)",
	    expect_show(given), (int)got, (int)want, why.cause);
}

START_TEST(line_is_found_or_not_or_in_doubt)
{
	struct str given = files[_i].given, line = { NULL, 0 };
	int rc;

	scratch_write_octets(&scratch, "users", given.at, given.length);
	rc = user_line_find(scratch_path(&scratch, "users"), files[_i].field,
	    files[_i].value, &arena, &line, &why);
	expect_outcome(given, rc, files[_i].outcome);
	if (rc == 0)
		expect_str(given, line, files[_i].want);
	else
		expect_holds(why.cause, scratch.root);
}
END_TEST

START_TEST(what_cannot_be_read_is_doubt)
{
	static const char *const names[] = { "missing", "", "fifo", "loop" };
	struct str line;

	ck_assert_int_eq(mkfifo(scratch_path(&scratch, "fifo"), 0600), 0);
	scratch_symlink(&scratch, "loop", "loop");
	for (size_t i = 0; i < COUNT(names); i++) {
		int rc = user_line_find(scratch_path(&scratch, names[i]), 0,
		    STR("bob"), &arena, &line, &why);

		expect_outcome(str_from(names[i]), rc, DOUBT);
	}
}
END_TEST

/* A line of length octets for bob, behind one for ann. */
static void
write_long_line(size_t length)
{
	char *text = arena_take(&arena, length + 8);

	memset(text, 'a', length + 8);
	memcpy(text, "ann:x\n", 6);
	memcpy(text + 6, "bob:", 4);
	text[6 + length] = '\n';
	scratch_write_octets(&scratch, "users", text, length + 7);
}

START_TEST(long_line_is_whole_or_in_doubt)
{
	static const size_t lengths[] = { 1000, 8000, 16000, 20000, 100000 };
	struct str line = { NULL, 0 };
	int rc;

	write_long_line(lengths[_i]);
	rc = user_line_find(scratch_path(&scratch, "users"), 0, STR("bob"),
	    &arena, &line, &why);
	if (rc == 0)
		ck_assert_uint_eq(line.length, lengths[_i]);
	else
		expect_outcome(STR("long"), rc, DOUBT);
	ck_assert(rc == 0 || lengths[_i] > 16000);
}
END_TEST

START_TEST(user_behind_a_long_line_is_found)
{
	char *text = arena_take(&arena, 50000);
	struct str line = { NULL, 0 };

	memset(text, 'x', 50000);
	memcpy(text, "ann:", 4);
	memcpy(text + 49990, "\nbob:1234\n", 10);
	scratch_write_octets(&scratch, "users", text, 50000);
	ck_assert_int_eq(user_line_find(scratch_path(&scratch, "users"), 0,
			     STR("bob"), &arena, &line, &why),
	    0);
	expect_str(STR("bob"), line, STR("bob:1234"));
}
END_TEST

/* The tail of a long line is not a line, even if it looks like one. */
START_TEST(end_of_a_long_line_is_no_user)
{
	for (size_t i = 16384 - 8; i < 16384 + 8; i++) {
		char *text = arena_take(&arena, 20000);
		struct str line;
		int rc;

		memset(text, 'x', 20000);
		memcpy(text + i, "bob:1234", 8);
		text[19999] = '\n';
		scratch_write_octets(&scratch, "users", text, 20000);
		rc = user_line_find(scratch_path(&scratch, "users"), 0,
		    STR("bob"), &arena, &line, &why);
		scratch.note_count = 0;
		ck_assert_msg(rc == -1, "found at %zu", i);
	}
}
END_TEST

static const struct {
	struct str given, name, uid, gid, home, extra;
} lines[] = {
	{ TEXT("bob:x:1:2:Bob,,,:/home/bob:/bin/sh"), TEXT("bob"), TEXT("1"),
	    TEXT("2"), TEXT("/home/bob"), TEXT("") },
	{ TEXT("bob:{CRYPT}x:1:2::/h::userdb_mail=maildir:/x:INBOX=/y a=b"),
	    TEXT("bob"), TEXT("1"), TEXT("2"), TEXT("/h"),
	    TEXT("userdb_mail=maildir:/x:INBOX=/y a=b") },
	{ TEXT("bob:::::::"), TEXT("bob"), TEXT(""), TEXT(""), TEXT(""),
	    TEXT("") },
	{ TEXT("bob:x:1"), TEXT("bob"), TEXT("1"), TEXT(""), TEXT(""),
	    TEXT("") },
	{ TEXT("bob"), TEXT("bob"), TEXT(""), TEXT(""), TEXT(""), TEXT("") },
	{ TEXT(""), TEXT(""), TEXT(""), TEXT(""), TEXT(""), TEXT("") },
};

START_TEST(line_has_seven_fields_and_the_rest)
{
	struct user_line got;
	struct str given = lines[_i].given;

	user_line_split(given, &got);
	expect_str(given, got.name, lines[_i].name);
	expect_str(given, got.uid, lines[_i].uid);
	expect_str(given, got.gid, lines[_i].gid);
	expect_str(given, got.home, lines[_i].home);
	expect_str(given, got.extra, lines[_i].extra);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_line");
	TCase *all = tcase_create("lines");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(
	    all, line_is_found_or_not_or_in_doubt, 0, (int)COUNT(files));
	tcase_add_test(all, what_cannot_be_read_is_doubt);
	tcase_add_loop_test(all, long_line_is_whole_or_in_doubt, 0, 5);
	tcase_add_test(all, user_behind_a_long_line_is_found);
	tcase_add_test(all, end_of_a_long_line_is_no_user);
	tcase_add_loop_test(
	    all, line_has_seven_fields_and_the_rest, 0, (int)COUNT(lines));
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
