/*
 * check_ledger.c - the sweep can see a missing sync: made-up ledgers.
 */
#include "ledger.h"

#include "base/attribute.h"

#include "../base/expect.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define NEW_FILE (O_WRONLY | O_CREAT | O_EXCL)

struct step {
	enum fault_call call;
	const char *path;
	const char *other;
	int flags;
};

static void
record_steps(
    const struct step *steps, size_t count, struct fault_record *records)
{
	memset(records, 0, count * sizeof(*records));
	for (size_t i = 0; i < count; i++) {
		records[i].call = steps[i].call;
		records[i].ordinal = (unsigned)i + 1;
		records[i].flags = steps[i].flags;
		records[i].done = records[i].happened = true;
		strcpy(records[i].path, steps[i].path);
		if (steps[i].other != NULL)
			strcpy(records[i].other, steps[i].other);
	}
}

/* A whole delivery into a Maildir whose new/ has to be made. */
static const struct step sound[] = {
	{ CALL_MKDIRAT, "/h/M", NULL, 0 },
	{ CALL_FSYNC, "/h", NULL, 0 },
	{ CALL_MKDIRAT, "/h/M/new", NULL, 0 },
	{ CALL_MKDIRAT, "/h/M/tmp", NULL, 0 },
	{ CALL_FSYNC, "/h/M", NULL, 0 },
	{ CALL_OPENAT, "/h/M/tmp/1", NULL, NEW_FILE },
	{ CALL_WRITE, "/h/M/tmp/1", NULL, NEW_FILE },
	{ CALL_FSYNC, "/h/M/tmp/1", NULL, NEW_FILE },
	{ CALL_CLOSE, "/h/M/tmp/1", NULL, NEW_FILE },
	{ CALL_RENAMEAT_NEW, "/h/M/tmp/1", "/h/M/new/1", 0 },
	{ CALL_FSYNC, "/h/M/new", NULL, 0 },
};

/* Each of its syncs, left out, and what is said about it. */
static const struct {
	size_t step;
	const char *complaint;
} missing[] = {
	{ 1, "its directory was not synced after it was made: /h/M" },
	{ 4, "its directory was not synced after it was made: /h/M/new" },
	{ 7, "published before its octets were synced: /h/M/new/1" },
	{ 9, "nothing was published: new/" },
	{ 10, "its directory was not synced after it was made: /h/M/new/1" },
};

START_TEST(sound_delivery_is_durable)
{
	struct fault_record records[COUNT(sound)];
	char complaint[512] = "";

	record_steps(sound, COUNT(sound), records);
	ck_assert_msg(ledger_is_durable(
			  records, COUNT(sound), complaint, sizeof(complaint)),
	    "%s", complaint);
}
END_TEST

START_TEST(missing_step_is_seen)
{
	struct fault_record records[COUNT(sound)];
	char complaint[512] = "";

	record_steps(sound, COUNT(sound), records);
	records[missing[_i].step].happened = false;
	ck_assert_msg(!ledger_is_durable(
			  records, COUNT(sound), complaint, sizeof(complaint)),
	    "row %d: accepted", _i);
	ck_assert_str_eq(complaint, missing[_i].complaint);
}
END_TEST

START_TEST(write_after_sync_is_seen)
{
	struct fault_record records[COUNT(sound)], kept;
	char complaint[512] = "";

	record_steps(sound, COUNT(sound), records);
	kept = records[6]; /* the write and the sync change places */
	records[6] = records[7];
	records[7] = kept;
	ck_assert(!ledger_is_durable(
	    records, COUNT(sound), complaint, sizeof(complaint)));
	ck_assert_str_eq(
	    complaint, "published before its octets were synced: /h/M/new/1");
}
END_TEST

START_TEST(early_sync_of_directory_is_seen)
{
	struct fault_record records[COUNT(sound)], kept;
	char complaint[512] = "";

	record_steps(sound, COUNT(sound), records);
	kept = records[9]; /* new/ is synced before the rename */
	records[9] = records[10];
	records[10] = kept;
	ck_assert(!ledger_is_durable(
	    records, COUNT(sound), complaint, sizeof(complaint)));
	ck_assert_str_eq(complaint,
	    "its directory was not synced after it was made: /h/M/new/1");
}
END_TEST

START_TEST(write_after_publication_is_seen)
{
	struct fault_record records[COUNT(sound) + 1];
	struct step late = { CALL_WRITE, "/h/M/tmp/1", NULL, NEW_FILE };
	char complaint[512] = "";

	record_steps(sound, COUNT(sound), records);
	record_steps(&late, 1, &records[COUNT(sound)]);
	ck_assert(!ledger_is_durable(
	    records, COUNT(sound) + 1, complaint, sizeof(complaint)));
	ck_assert_str_eq(
	    complaint, "written after it was published or removed: /h/M/tmp/1");
}
END_TEST

START_TEST(nothing_published_is_seen)
{
	char complaint[512] = "";

	ck_assert(!ledger_is_durable(NULL, 0, complaint, sizeof(complaint)));
	ck_assert_str_eq(complaint, "nothing was published: new/");
}
END_TEST

/* An mbox that had to be made, appended to and synced. */
static const struct step appended[] = {
	{ CALL_OPENAT, "/h/mbox", NULL, NEW_FILE },
	{ CALL_FSYNC, "/h", NULL, 0 },
	{ CALL_WRITE, "/h/mbox", NULL, NEW_FILE },
	{ CALL_FSYNC, "/h/mbox", NULL, NEW_FILE },
};

START_TEST(appended_mbox_is_durable)
{
	struct fault_record records[COUNT(appended)];
	char complaint[512] = "";

	record_steps(appended, COUNT(appended), records);
	ck_assert_msg(ledger_mbox_is_durable(records, COUNT(appended),
			  "/h/mbox", complaint, sizeof(complaint)),
	    "%s", complaint);
}
END_TEST

START_TEST(missing_step_of_an_mbox_is_seen)
{
	static const struct {
		size_t step;
		const char *complaint;
	} missed[] = {
		{ 1,
		    "its directory was not synced after it was made: /h/mbox" },
		{ 2, "nothing was written: /h/mbox" },
		{ 3, "its octets were never synced: /h/mbox" },
	};
	struct fault_record records[COUNT(appended)];
	char complaint[512] = "";

	for (size_t i = 0; i < COUNT(missed); i++) {
		record_steps(appended, COUNT(appended), records);
		records[missed[i].step].happened = false;
		ck_assert(!ledger_mbox_is_durable(records, COUNT(appended),
		    "/h/mbox", complaint, sizeof(complaint)));
		ck_assert_str_eq(complaint, missed[i].complaint);
	}
}
END_TEST

START_TEST(mbox_is_cut_back_under_its_locks)
{
	static const struct step undone[] = {
		{ CALL_LOCK_FCNTL, "/h/mbox", NULL, 0 },
		{ CALL_WRITE, "/h/mbox", NULL, 0 },
		{ CALL_FTRUNCATE, "/h/mbox", NULL, 0 },
		{ CALL_FSYNC, "/h/mbox", NULL, 0 },
		{ CALL_UNLINKAT, "/h/mbox.lock", NULL, 0 },
		{ CALL_LOCK_FCNTL, "/h/mbox", NULL, 0 },
		{ CALL_CLOSE, "/h/mbox", NULL, 0 },
	};
	struct fault_record records[COUNT(undone)], kept;
	char complaint[512] = "";

	record_steps(undone, COUNT(undone), records);
	ck_assert_msg(ledger_mbox_was_cut_back(records, COUNT(undone),
			  "/h/mbox", complaint, sizeof(complaint)),
	    "%s", complaint);
	records[3].call = CALL_FSTAT;
	ck_assert(!ledger_mbox_was_cut_back(
	    records, COUNT(undone), "/h/mbox", complaint, sizeof(complaint)));
	ck_assert_str_eq(complaint, "it was cut back and not synced: /h/mbox");
	kept = records[2]; /* after the dotlock is given up */
	records[2] = records[4];
	records[4] = kept;
	ck_assert(!ledger_mbox_was_cut_back(
	    records, COUNT(undone), "/h/mbox", complaint, sizeof(complaint)));
	ck_assert_str_eq(
	    complaint, "a lock was given up before it was cut back: /h/mbox");
	ck_assert(!ledger_mbox_was_cut_back(
	    records, 2, "/h/mbox", complaint, sizeof(complaint)));
	ck_assert_str_eq(complaint, "it was never cut back: /h/mbox");
}
END_TEST

/* A link keeps the first name too, until that is removed. */
START_TEST(link_and_unlink_is_durable)
{
	static const struct step linked[] = {
		{ CALL_OPENAT, "/M/tmp/1", NULL, NEW_FILE },
		{ CALL_WRITE, "/M/tmp/1", NULL, NEW_FILE },
		{ CALL_FSYNC, "/M/tmp/1", NULL, NEW_FILE },
		{ CALL_LINKAT, "/M/tmp/1", "/M/new/1", 0 },
		{ CALL_UNLINKAT, "/M/tmp/1", NULL, 0 },
		{ CALL_FSYNC, "/M/new", NULL, 0 },
	};
	struct fault_record records[COUNT(linked)];
	char complaint[512] = "";

	record_steps(linked, COUNT(linked), records);
	ck_assert_msg(ledger_is_durable(
			  records, COUNT(linked), complaint, sizeof(complaint)),
	    "%s", complaint);
}
END_TEST

/* What one step too few, or another one, makes of an undoing that was sound. */
START_TEST(undoing_is_synced_or_seen)
{
	static const struct step undone[] = {
		{ CALL_MKDIRAT, "/h/M", NULL, 0 },
		{ CALL_FSYNC, "/h", NULL, 0 },
		{ CALL_MKDIRAT, "/h/M/new", NULL, 0 },
		{ CALL_UNLINKAT, "/h/M/new", NULL, 0 },
		{ CALL_UNLINKAT, "/h/M/new/1", NULL, 0 },
		{ CALL_FSYNC, "/h/M/new", NULL, 0 },
	};
	static const struct {
		size_t step;
		const char *complaint;
	} missed[] = {
		{ 1, "neither synced nor unmade: /h/M" },
		{ 3, "neither synced nor unmade: /h/M/new" },
		{ 5, "taken back, and that was not synced: /h/M/new/1" },
	};
	struct fault_record records[COUNT(undone)];
	char complaint[512] = "";

	record_steps(undone, COUNT(undone), records);
	ck_assert_msg(ledger_is_undone(
			  records, COUNT(undone), complaint, sizeof(complaint)),
	    "%s", complaint);
	for (size_t i = 0; i < COUNT(missed); i++) {
		record_steps(undone, COUNT(undone), records);
		records[missed[i].step].call = CALL_FSTAT;
		/* The last sync is of /h/M/new, and would do for it. */
		if (missed[i].step == 3)
			records[4].call = records[5].call = CALL_FSTAT;
		ck_assert(!ledger_is_undone(
		    records, COUNT(undone), complaint, sizeof(complaint)));
		ck_assert_str_eq(complaint, missed[i].complaint);
	}
}
END_TEST

/* How a name can come to what is not whole, or not one's own. */
START_TEST(name_of_what_is_not_whole_is_seen)
{
	static const struct {
		struct step steps[3];
		const char *complaint;
	} bad[] = {
		{ { { CALL_WRITE, "/M/tmp/1", NULL, NEW_FILE },
		      { CALL_LINKAT, "/M/tmp/1", "/M/new/1", 0 } },
		    "it may not be whole: /M/new/1" },
		{ { { CALL_WRITE, "/M/s.new", NULL, NEW_FILE },
		      { CALL_RENAMEAT, "/M/s.new", "/M/subscriptions", 0 } },
		    "it may not be whole: /M/subscriptions" },
		{ { { CALL_CLOSE, "/M/size.1", NULL, NEW_FILE },
		      { CALL_RENAMEAT, "/M/size.1", "/M/maildirsize", 0 } },
		    "it may not be whole: /M/maildirsize" },
		{ { { CALL_FSTATAT, "/M/new/2", NULL, 0 },
		      { CALL_RENAMEAT, "/M/tmp/1", "/M/new/1", 0 } },
		    "another message may have had this name: /M/new/1" },
	};
	struct fault_record records[2];
	char complaint[512] = "";

	for (size_t i = 0; i < COUNT(bad); i++) {
		record_steps(bad[i].steps, 2, records);
		if (records[0].call == CALL_CLOSE)
			records[0].result = -1;
		ck_assert(!ledger_names_are_whole(
		    records, 2, complaint, sizeof(complaint)));
		ck_assert_str_eq(complaint, bad[i].complaint);
		records[0].call = CALL_FSYNC;
		records[1].call = CALL_RENAMEAT_NEW;
		ck_assert_msg(ledger_names_are_whole(
				  records, 2, complaint, sizeof(complaint)),
		    "row %zu: %s", i, complaint);
	}
}
END_TEST

START_TEST(line_names_call_and_fault)
{
	struct step step = { CALL_RENAMEAT_NEW, "/M/tmp/1", "/M/new/1", 0 };
	struct fault_record record;
	char line[3 * LEDGER_PATH];

	record_steps(&step, 1, &record);
	record.process = 1;
	record.ordinal = 37;
	record.result = -1;
	record.error = 28; /* ENOSPC, on every Linux */
	record.injected = true;
	ledger_line(&record, line, sizeof(line));
	ck_assert_str_eq(line,
	    "1.37 renameat_new /M/tmp/1 -> /M/new/1 = -1 ENOSPC (28) "
	    "(injected)");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fault ledger");
	TCase *durable = tcase_create("durable");

	tcase_add_test(durable, sound_delivery_is_durable);
	tcase_add_loop_test(
	    durable, missing_step_is_seen, 0, (int)COUNT(missing));
	tcase_add_test(durable, write_after_sync_is_seen);
	tcase_add_test(durable, early_sync_of_directory_is_seen);
	tcase_add_test(durable, write_after_publication_is_seen);
	tcase_add_test(durable, nothing_published_is_seen);
	tcase_add_test(durable, link_and_unlink_is_durable);
	tcase_add_test(durable, appended_mbox_is_durable);
	tcase_add_test(durable, missing_step_of_an_mbox_is_seen);
	tcase_add_test(durable, mbox_is_cut_back_under_its_locks);
	tcase_add_test(durable, undoing_is_synced_or_seen);
	tcase_add_test(durable, name_of_what_is_not_whole_is_seen);
	tcase_add_test(durable, line_names_call_and_fault);
	suite_add_tcase(suite, durable);
	return expect_run(suite);
}
