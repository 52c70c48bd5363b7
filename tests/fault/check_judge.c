/*
 * check_judge.c - the sweep can fail: made-up deliveries that broke the
 * contract, and some that kept it.
 */
#define _XOPEN_SOURCE 700
#include "judge.h"

#include "ledger.h"

#include "base/attribute.h"

#include "../base/expect.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 20 octets, 23 with CRLF. */
#define MESSAGE "Subject: x\n\nhello 20\n"
#define MESSAGE_OCTETS (sizeof(MESSAGE) - 1)
#define GOOD_NAME "1.M2P3.host,S=21,W=24"

/* How waitpid(2) packs an exit status and a signal. */
#define EXITED(code) ((code) << 8)
#define DIED(number) (number)

#define LOG "<19>lda[1]: lda(bob): save failed exit=75"

/* A delivery: what it left, what it said, what was done to it. */
static const struct {
	const char *name;
	const char *file; /* below the Maildir; NULL: nothing left */
	const char *octets;
	int wait_status;
	const char *reply;
	const char *log;
	struct fault_rule rule;
	enum fault_call hit; /* the call that the rule met, on path */
	const char *path;
	int want_exit;
	const char *want; /* part of the complaint; NULL: none */
} rows[] = {
	{ "delivered", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0, NULL },
	{ "torn", "new/" GOOD_NAME, "Subject: x\n\nhel", EXITED(0), "", "",
	    { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0, "0 whole messages" },
	{ "longer", "new/" GOOD_NAME, MESSAGE "x", EXITED(0), "", "",
	    { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0, "not the octets" },
	{ "wrong size", "new/1.M2P3.host,S=20,W=24", MESSAGE, EXITED(0), "", "",
	    { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0, "S= is wrong" },
	{ "wrong size with CRLF", "new/1.M2P3.host,S=21,W=21", MESSAGE,
	    EXITED(0), "", "", { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0,
	    "W= is wrong" },
	{ "still in tmp", "tmp/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0, "0 whole messages" },
	{ "lost", NULL, NULL, EXITED(0), "", "", { ACT_NOT, 0, 0, 0, 0 },
	    CALL_NONE, "", 0, "0 whole messages" },
	{ "in the wrong folder", ".Work/new/" GOOD_NAME, MESSAGE, EXITED(0), "",
	    "", { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0,
	    "a place that was not meant" },
	{ "a reply on success", "new/" GOOD_NAME, MESSAGE, EXITED(0),
	    "2.0.0 ok", "", { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 0,
	    "with a reply" },
	{ "deferred", NULL, NULL, EXITED(75), "4.3.1 full", LOG,
	    { ACT_FAIL, 0, 0, 1, ENOSPC }, CALL_WRITE, "/M/tmp/1", 0, NULL },
	{ "deferred but visible", "new/" GOOD_NAME, MESSAGE, EXITED(75),
	    "4.3.0 oh", LOG, { ACT_FAIL, 0, 0, 1, EIO }, CALL_FSYNC, "/M/new",
	    0, "a trace is left: 1 whole" },
	{ "deferred, debris", "tmp/" GOOD_NAME, MESSAGE, EXITED(75), "4.3.0 oh",
	    LOG, { ACT_FAIL, 0, 0, 1, EIO }, CALL_FSYNC, "/M/tmp/1", 0,
	    "left in tmp/" },
	{ "deferred, could not remove", "tmp/" GOOD_NAME, MESSAGE, EXITED(75),
	    "4.3.0 oh", LOG, { ACT_FAIL, 0, 0, 1, EIO }, CALL_UNLINKAT,
	    "/M/tmp/1", 0, NULL },
	{ "bounced", NULL, NULL, EXITED(67), "5.1.1 unknown", LOG,
	    { ACT_FAIL, 0, 0, 1, EIO }, CALL_READ, "/users", 0, "exit 67" },
	{ "bounced by its reply", NULL, NULL, EXITED(75), "5.1.1 unknown", LOG,
	    { ACT_FAIL, 0, 0, 1, EIO }, CALL_READ, "/users", 0,
	    "does not begin with 4." },
	{ "EX_IOERR bounces", NULL, NULL, EXITED(74), "4.3.0 oh", LOG,
	    { ACT_FAIL, 0, 0, 1, EIO }, CALL_READ, "/users", 0, "exit 74" },
	{ "mute", NULL, NULL, EXITED(75), "", LOG, { ACT_FAIL, 0, 0, 1, EIO },
	    CALL_READ, "/users", 0, "does not begin with 4." },
	{ "a program's name first", NULL, NULL, EXITED(75), "lda: 4.3.0 oh",
	    LOG, { ACT_FAIL, 0, 0, 1, EIO }, CALL_READ, "/users", 0,
	    "does not begin with 4." },
	{ "a reply of two lines", NULL, NULL, EXITED(75), "4.3.0 oh\nmy", LOG,
	    { ACT_FAIL, 0, 0, 1, EIO }, CALL_READ, "/users", 0, "unprintable" },
	{ "a code for something else", NULL, NULL, EXITED(75), "4.3.0 oh", LOG,
	    { ACT_FAIL, 0, 0, 1, ENOSPC }, CALL_WRITE, "/Maildir/tmp/1", 0,
	    "where ENOSPC wants 4.3.1" },
	{ "not logged", NULL, NULL, EXITED(75), "4.3.0 oh", "",
	    { ACT_FAIL, 0, 0, 1, EIO }, CALL_READ, "/users", 0,
	    "0 lines in the log" },
	{ "log out of order", NULL, NULL, EXITED(75), "4.3.0 oh", "",
	    { ACT_FAIL_ON, 0, 0, 1, ENOENT }, CALL_SEND_TO, "(log)", 0, NULL },
	{ "unknown as wanted", NULL, NULL, EXITED(67), "5.1.1 unknown",
	    "exit=67", { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 67, NULL },
	{ "unknown, delivered", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_NOT, 0, 0, 0, 0 }, CALL_NONE, "", 67, "instead of 67" },
	{ "failure overlooked", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_FAIL, 0, 0, 1, EIO }, CALL_FSYNC, "/M/new", 0,
	    "delivered, though this failed: 1 fsync /M/new" },
	{ "close overlooked", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_FAIL, 0, 0, 1, EDQUOT }, CALL_CLOSE, "/M/tmp/1", 0,
	    "delivered, though this failed: 1 close /M/tmp/1" },
	{ "failure that may be", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_FAIL, 0, 0, 1, ENOENT }, CALL_SEND_TO, "(log)", 0, NULL },
	{ "interruption not borne", NULL, NULL, EXITED(75), "4.3.0 oh", LOG,
	    { ACT_FAIL, 0, 0, 1, EINTR }, CALL_READ, "(stdin)", 0,
	    "exit 75 for what changes nothing" },
	{ "interrupted fsync undone", NULL, NULL, EXITED(75), "4.3.0 oh", LOG,
	    { ACT_FAIL, 0, 0, 1, EINTR }, CALL_FSYNC, "/M/tmp/1", 0, NULL },
	{ "short write not borne", NULL, NULL, EXITED(75), "4.3.0 oh", LOG,
	    { ACT_HALF, 0, 0, 1, 0 }, CALL_WRITE, "/M/tmp/1", 0,
	    "exit 75 for what changes nothing" },
	{ "killed in the middle", "tmp/" GOOD_NAME, "Subj", DIED(SIGKILL), "",
	    "", { ACT_KILL, 0, 0, 1, 0 }, CALL_WRITE, "/M/tmp/1", 0, NULL },
	{ "killed, torn", "new/" GOOD_NAME, "Subj", DIED(SIGKILL), "", "",
	    { ACT_KILL, 0, 0, 1, 0 }, CALL_WRITE, "/M/tmp/1", 0,
	    "not the octets" },
	{ "ended, debris", "tmp/" GOOD_NAME, "Subj", DIED(SIGTERM), "", "",
	    { ACT_TERM, 0, 0, 1, 0 }, CALL_WRITE, "/M/tmp/1", 0,
	    "ended by a signal, with a trace left" },
	{ "asked to end", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_INT, 0, 0, 1, 0 }, CALL_OPENAT, "/M/tmp/1", 0,
	    "asked to end" },
	{ "crashed", NULL, NULL, DIED(SIGSEGV), "", "",
	    { ACT_FAIL, 0, 0, 1, ENOMEM }, CALL_MAP, "", 0,
	    "died of signal 11" },
	{ "crashed, and says delivered", "tmp/" GOOD_NAME, MESSAGE, EXITED(0),
	    "", "", { ACT_CRASH, 0, 0, 1, 0 }, CALL_GETPID, "", 0,
	    "exit 0, but 0 whole messages" },
	{ "crashed, and does not say delivered", "new/" GOOD_NAME, MESSAGE,
	    EXITED(75), "4.3.0 oh", "", { ACT_CRASH, 0, 0, 1, 0 }, CALL_GETPID,
	    "", 0, "exit 75 for what has been delivered" },
	{ "crashed in time", "tmp/" GOOD_NAME, "Subj", EXITED(75), "4.3.0 oh",
	    "", { ACT_CRASH, 0, 0, 1, 0 }, CALL_GETPID, "", 0, NULL },
	{ "Postfix died", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_ORPHAN, 0, 0, 1, 0 }, CALL_GETPPID, "", 0,
	    "Postfix has died" },
	{ "rights kept", "new/" GOOD_NAME, MESSAGE, EXITED(0), "", "",
	    { ACT_PRETEND, 0, 0, 1, 0 }, CALL_SETUID, "", 0,
	    "the rights were not dropped" },
};

/* The calls of a sound delivery, behind the one that the rule met. */
static size_t
make_records(int row, struct fault_record *records)
{
	static const struct {
		enum fault_call call;
		const char *path, *other;
	} sound[] = {
		{ CALL_OPENAT, "/M/tmp/1", "" },
		{ CALL_WRITE, "/M/tmp/1", "" },
		{ CALL_FSYNC, "/M/tmp/1", "" },
		{ CALL_RENAMEAT_NEW, "/M/tmp/1", "/M/new/1" },
		{ CALL_FSYNC, "/M/new", "" },
	};
	size_t count = 0;

	memset(records, 0, (COUNT(sound) + 1) * sizeof(*records));
	if (rows[row].hit != CALL_NONE) {
		records[0].call = rows[row].hit;
		records[0].ordinal = 1;
		records[0].injected = records[0].done = true;
		records[0].result = -1;
		records[0].error = rows[row].rule.error;
		records[0].flags = O_WRONLY;
		strcpy(records[0].path, rows[row].path);
		count++;
	}
	for (size_t i = 0; i < COUNT(sound); i++, count++) {
		records[count].call = sound[i].call;
		records[count].ordinal = (unsigned)count + 1;
		records[count].flags =
		    sound[i].call == CALL_OPENAT ? O_CREAT | O_EXCL : 0;
		records[count].done = records[count].happened = true;
		strcpy(records[count].path, sound[i].path);
		strcpy(records[count].other, sound[i].other);
	}
	return count;
}

static void
make_directories(const char *maildir)
{
	static const char *const names[] = { "", "/cur", "/new", "/tmp",
		"/.Work", "/.Work/new" };
	char path[256];

	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", maildir, names[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
}

static void
leave_file(const char *maildir, int row)
{
	char path[256];
	FILE *file;

	if (rows[row].file == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", maildir, rows[row].file);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(rows[row].octets, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(contract_is_judged)
{
	char top[] = "/tmp/lda-judge.XXXXXX", maildir[64];
	char complaint[4 * LEDGER_PATH] = "";
	struct scenario scenario = { .name = "made up" };
	struct fault_record records[8];
	struct ending ending;
	struct tree_count tree;
	struct evidence evidence = { .scenario = &scenario };
	bool sound;

	ck_assert_ptr_nonnull(mkdtemp(top));
	(void)snprintf(maildir, sizeof(maildir), "%s/M", top);
	make_directories(maildir);
	leave_file(maildir, _i);
	scenario.want_exit = rows[_i].want_exit;
	memset(&ending, 0, sizeof(ending));
	ending.wait_status = rows[_i].wait_status;
	ending.reply_length = strlen(rows[_i].reply);
	strcpy(ending.reply, rows[_i].reply);
	strcpy(ending.log, rows[_i].log);
	tree_count(top, maildir, MESSAGE, MESSAGE_OCTETS, getuid(), &tree);
	evidence.rule = &rows[_i].rule;
	evidence.records = records;
	evidence.record_count = make_records(_i, records);
	evidence.ending = &ending;
	evidence.tree = &tree;
	sound = judge_delivery(&evidence, complaint, sizeof(complaint));
	tree_remove(top);
	if (rows[_i].want == NULL)
		ck_assert_msg(sound, "%s: %s", rows[_i].name, complaint);
	else
		ck_assert_msg(
		    !sound && strstr(complaint, rows[_i].want) != NULL,
		    "%s: want \"%s\", got \"%s\"", rows[_i].name, rows[_i].want,
		    complaint);
}
END_TEST

START_TEST(missing_sync_is_a_broken_delivery)
{
	struct scenario scenario = { .name = "made up" };
	struct fault_rule rule = { .action = ACT_NOT };
	struct tree_count tree = { .whole = 1 };
	struct fault_record records[8];
	struct ending ending;
	struct evidence evidence = { &scenario, "/M", &rule, records, 0, false,
		false, &ending, &tree, NULL };
	char complaint[4 * LEDGER_PATH] = "";

	memset(&ending, 0, sizeof(ending));
	evidence.record_count = make_records(0, records) - 1; /* of new/ */
	ck_assert(!judge_delivery(&evidence, complaint, sizeof(complaint)));
	ck_assert_str_eq(complaint,
	    "its directory was not synced after it was made: /M/new/1");
}
END_TEST

START_TEST(lost_message_after_kill_is_seen)
{
	struct tree_count tree = { .whole = 1 }, none = { .whole = 0 };
	struct tree_count one = { .whole = 1 };
	struct ending ending;
	char complaint[256] = "";

	memset(&ending, 0, sizeof(ending));
	ck_assert(judge_recovery(
	    &ending, &tree, &none, complaint, sizeof(complaint)));
	ck_assert(!judge_recovery(
	    &ending, &tree, &one, complaint, sizeof(complaint)));
	ending.wait_status = EXITED(75);
	ck_assert(!judge_recovery(
	    &ending, &tree, &none, complaint, sizeof(complaint)));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fault judge");
	TCase *contract = tcase_create("contract");

	tcase_add_loop_test(contract, contract_is_judged, 0, (int)COUNT(rows));
	tcase_add_test(contract, missing_sync_is_a_broken_delivery);
	tcase_add_test(contract, lost_message_after_kill_is_seen);
	suite_add_tcase(suite, contract);
	return expect_run(suite);
}
