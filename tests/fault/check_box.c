/*
 * check_box.c - the sweep can see what is wrong with an mbox: made-up ones.
 */
#define _XOPEN_SOURCE 700
#include "box.h"

#include "judge.h"

#include "base/attribute.h"

#include "../base/expect.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE "Subject: x\n\nFrom me\n>From you\nend\n"
#define QUOTED "Subject: x\n\n>From me\n>>From you\nend\n"
#define FROM "From a@b  Sat Nov 21 04:00:00 2026\n"
#define OLD "From c@d  Fri Nov 20 08:00:00 2026\nSubject: old\n\nold\n\n"
#define HALF OLD "From c@d  Fri Nov 20 08:00:00 2026\nSub"
#define LOCK "12:host"

static const struct {
	const char *name;
	const char *before; /* NULL: there was no mbox */
	const char *after;  /* NULL: there is none */
	unsigned whole, cut, torn;
} rows[] = {
	{ "untouched", OLD, OLD, 0, 0, 0 },
	{ "still not there", NULL, NULL, 0, 0, 0 },
	{ "made and empty", NULL, "", 0, 0, 0 },
	{ "appended", OLD, OLD FROM QUOTED "\n", 1, 0, 0 },
	{ "first", NULL, FROM QUOTED "\n", 1, 0, 0 },
	{ "twice", OLD, OLD FROM QUOTED "\n" FROM QUOTED "\n", 2, 0, 0 },
	{ "closed off", HALF, HALF "\n\n" FROM QUOTED "\n", 1, 0, 0 },
	{ "not closed off", HALF, HALF FROM QUOTED "\n", 0, 0, 1 },
	{ "half closed off", HALF, HALF "\n", 0, 1, 0 },
	{ "old mail cut", OLD, "From c@d", 0, 0, 1 },
	{ "old mail overwritten", OLD, FROM QUOTED "\n" OLD, 0, 0, 1 },
	{ "gone", OLD, NULL, 0, 0, 1 },
	{ "emptied", OLD, "", 0, 0, 1 },
	{ "cut in the From_ line", OLD, OLD "From a@", 0, 1, 0 },
	{ "cut in a line", OLD, OLD FROM "Subject: x\n\n>From m", 0, 1, 0 },
	{ "no empty line", OLD, OLD FROM QUOTED, 0, 1, 0 },
	{ "cut and closed off, and another", OLD,
	    OLD FROM "Subj\n\n" FROM QUOTED "\n", 1, 1, 0 },
	{ "not quoted", OLD, OLD FROM MESSAGE "\n", 0, 1, 1 },
	{ "other octets", OLD, OLD FROM "Subject: y\n\nend\n\n", 0, 0, 1 },
	{ "too many octets", OLD, OLD FROM QUOTED "more\n\n", 0, 0, 1 },
};

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

START_TEST(mbox_is_judged)
{
	char top[] = "/tmp/lda-box.XXXXXX", path[64];
	struct box_before before = { rows[_i].before, 0 };
	struct tree_count count;

	if (before.octets != NULL)
		before.length = strlen(before.octets);
	ck_assert_ptr_nonnull(mkdtemp(top));
	(void)snprintf(path, sizeof(path), "%s/mbox", top);
	if (rows[_i].after != NULL)
		write_file(path, rows[_i].after);
	memset(&count, 0, sizeof(count));
	box_count(path, &before, MESSAGE, strlen(MESSAGE), getuid(), &count);
	tree_remove(top);
	ck_assert_msg(count.whole == rows[_i].whole &&
		count.cut == rows[_i].cut && count.torn == rows[_i].torn,
	    "%s: %u whole, %u cut, %u torn (%s)", rows[_i].name, count.whole,
	    count.cut, count.torn, count.note);
}
END_TEST

START_TEST(left_locks_are_counted)
{
	static const char *const names[] = { "mbox.lock", ".mbox.lock.post3",
		".mbox.lock.aside7" };
	char top[] = "/tmp/lda-box.XXXXXX", box[64], path[96];
	struct tree_count count;

	ck_assert_ptr_nonnull(mkdtemp(top));
	(void)snprintf(box, sizeof(box), "%s/mbox", top);
	write_file(box, OLD);
	memset(&count, 0, sizeof(count));
	box_count_locks(box, NULL, &count);
	ck_assert_uint_eq(count.litter, 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		write_file(path, LOCK);
		box_count_locks(box, LOCK, &count);
		ck_assert_uint_eq(count.litter, 0);
		box_count_locks(box, NULL, &count);
		ck_assert_uint_eq(count.litter, 1);
		count.litter = 0;
		ck_assert_int_eq(unlink(path), 0);
	}
	tree_remove(top);
}
END_TEST

/* What is judged of the counts: exit status and what is left. */
START_TEST(left_lock_breaks_the_contract)
{
	struct scenario scenario = { .name = "made up", .flags = STORE_MBOX };
	struct fault_rule rule = { .action = ACT_NOT };
	struct fault_record records[2];
	struct tree_count tree = { .whole = 1, .litter = 1, .note = "left" };
	struct ending ending;
	struct evidence evidence = { &scenario, "/h/mbox", &rule, records, 2,
		false, false, &ending, &tree, NULL };
	char complaint[4 * LEDGER_PATH] = "";

	memset(&ending, 0, sizeof(ending));
	memset(records, 0, sizeof(records));
	records[0].call = CALL_WRITE;
	records[1].call = CALL_FSYNC;
	for (size_t i = 0; i < COUNT(records); i++) {
		records[i].done = records[i].happened = true;
		strcpy(records[i].path, "/h/mbox");
	}
	ck_assert(!judge_delivery(&evidence, complaint, sizeof(complaint)));
	ck_assert_str_eq(complaint, "exit 0, and left");
	tree.litter = 0;
	ck_assert_msg(judge_delivery(&evidence, complaint, sizeof(complaint)),
	    "%s", complaint);
	ending.wait_status = SIGKILL;
	rule.action = ACT_KILL;
	tree.whole = 0;
	tree.cut = tree.litter = 1;
	ck_assert_msg(judge_delivery(&evidence, complaint, sizeof(complaint)),
	    "%s", complaint);
	tree.torn = 1;
	ck_assert(!judge_delivery(&evidence, complaint, sizeof(complaint)));
}
END_TEST

START_TEST(wrong_charge_breaks_the_contract)
{
	struct scenario scenario = {
		.name = "made up", .flags = HAS_QUOTA, .want_exit = 75
	};
	struct fault_rule rule = { .action = ACT_NOT };
	struct tree_count tree = { .octets = 1000,
		.messages = 1,
		.sum = SUM_READ,
		.sum_octets = 5000,
		.sum_messages = 2 };
	struct ending ending = { .wait_status = 75 << 8,
		.reply = "4.2.2 full",
		.reply_length = 10,
		.log = "exit=75" };
	struct evidence evidence = { &scenario, "/M", &rule, NULL, 0, false,
		false, &ending, &tree, NULL };
	char complaint[4 * LEDGER_PATH] = "";

	ck_assert(!judge_delivery(&evidence, complaint, sizeof(complaint)));
	ck_assert_ptr_nonnull(strstr(complaint, "maildirsize says 5000"));
	tree.sum = SUM_UNUSABLE;
	ck_assert_msg(judge_delivery(&evidence, complaint, sizeof(complaint)),
	    "%s", complaint);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fault box");
	TCase *boxes = tcase_create("boxes");

	tcase_add_loop_test(boxes, mbox_is_judged, 0, (int)COUNT(rows));
	tcase_add_test(boxes, left_locks_are_counted);
	tcase_add_test(boxes, left_lock_breaks_the_contract);
	tcase_add_test(boxes, wrong_charge_breaks_the_contract);
	suite_add_tcase(suite, boxes);
	return expect_run(suite);
}
