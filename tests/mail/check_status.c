/*
 * check_status.c - each outcome is told as DESIGN 2.2 says, and no other way.
 */
#include "mail/status.h"

#include "../base/expect.h"

#include <errno.h>
#include <unistd.h>

static struct status why;

static void
begin(void)
{
	status_init(&why);
}

/* The table of DESIGN 2.2. */
static const struct {
	enum status_id given;
	int exit_code;
	const char *code;
	int lmtp;
} outcomes[] = {
	{ STATUS_DELIVERED, 0, "2.0.0", 250 },
	{ STATUS_USER_UNKNOWN, 67, "5.1.1", 550 },
	{ STATUS_MESSAGE_TOO_BIG, 65, "5.2.3", 552 },
	{ STATUS_MAILBOX_FULL, 75, "4.2.2", 452 },
	{ STATUS_MAILBOX_FULL_FOR_GOOD, 69, "5.2.2", 552 },
	{ STATUS_FILE_LIMIT, 75, "4.2.2", 452 },
	{ STATUS_LOOP, 69, "5.4.6", 554 },
	{ STATUS_REJECTED, 77, "5.7.1", 550 },
	{ STATUS_LOCKED, 75, "4.2.0", 450 },
	{ STATUS_UNREACHABLE, 75, "4.2.1", 450 },
	{ STATUS_DISK_FULL, 75, "4.3.1", 452 },
	{ STATUS_DISK_QUOTA, 75, "4.2.2", 452 },
	{ STATUS_LOOKUP_FAILED, 75, "4.4.3", 451 },
	{ STATUS_SERVER_DEFERS, 75, "4.0.0", 451 },
	{ STATUS_SERVER_REFUSES, 69, "5.0.0", 554 },
	{ STATUS_SERVER_AWAY, 75, "4.4.1", 451 },
	{ STATUS_SERVER_LOST, 75, "4.4.2", 451 },
	{ STATUS_SERVER_BABBLES, 75, "4.5.0", 451 },
	{ STATUS_TROUBLE, 75, "4.3.0", 451 },
	{ STATUS_MISCONFIGURED, 75, "4.3.5", 451 },
};

START_TEST(outcome_has_its_row)
{
	const struct status_row *got = status_row(outcomes[_i].given);

	ck_assert_int_eq((int)got->id, (int)outcomes[_i].given);
	ck_assert_int_eq(got->exit_code, outcomes[_i].exit_code);
	ck_assert_str_eq(got->code, outcomes[_i].code);
	ck_assert_int_eq(got->lmtp, outcomes[_i].lmtp);
	ck_assert_uint_gt(strlen(got->reply), 0);
}
END_TEST

/* Postfix defers 75 and takes a leading D.S.N for more than the status. */
START_TEST(what_is_deferred_is_deferred_three_times)
{
	const struct status_row *got = status_row(outcomes[_i].given);

	ck_assert_int_eq(got->exit_code == 75, got->code[0] == '4');
	ck_assert_int_eq(got->lmtp / 100, got->code[0] - '0');
}
END_TEST

START_TEST(new_status_is_delivered_without_a_cause)
{
	ck_assert_int_eq((int)why.id, (int)STATUS_DELIVERED);
	ck_assert_str_eq(why.cause, "");
	ck_assert_str_eq(why.reply, "");
}
END_TEST

START_TEST(failure_has_an_outcome_and_a_cause)
{
	status_reply(&why, "an older reply");
	ck_assert_int_eq(status_fail(&why, STATUS_LOCKED, "by pid %d", 42), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_LOCKED);
	ck_assert_str_eq(why.cause, "by pid 42");
	ck_assert_str_eq(why.reply, "");
}
END_TEST

static const struct {
	int given;
	enum status_id want;
} errors[] = {
	{ EACCES, STATUS_UNREACHABLE },
	{ EROFS, STATUS_UNREACHABLE },
	{ ESTALE, STATUS_UNREACHABLE },
	{ ENOENT, STATUS_UNREACHABLE },
	{ ENOSPC, STATUS_DISK_FULL },
	{ EDQUOT, STATUS_DISK_QUOTA },
	{ EFBIG, STATUS_FILE_LIMIT },
	{ EIO, STATUS_TROUBLE },
	{ ENOMEM, STATUS_TROUBLE },
	{ EMFILE, STATUS_TROUBLE },
	{ ETIMEDOUT, STATUS_TROUBLE },
	{ ECANCELED, STATUS_TROUBLE },
	{ EINVAL, STATUS_TROUBLE },
	{ 99999, STATUS_TROUBLE },
};

START_TEST(errno_decides_the_outcome)
{
	char want[200];

	errno = errors[_i].given;
	ck_assert_int_eq(status_fail_errno(&why, "create", "/no/such/a"), -1);
	ck_assert_int_eq((int)why.id, (int)errors[_i].want);
	(void)snprintf(want, sizeof(want), "cannot create /no/such/a: %s",
	    strerror(errors[_i].given));
	expect_holds(why.cause, want);
	ck_assert_int_eq(errno, errors[_i].given);
	ck_assert_int_eq(status_row(why.id)->exit_code, 75);
}
END_TEST

START_TEST(file_limit_says_whose_it_is)
{
	errno = EFBIG;
	(void)status_fail_errno(&why, "write to", "/a");
	expect_holds(why.cause, "mailbox_size_limit");
	expect_holds(why.cause, "ulimit");
}
END_TEST

START_TEST(time_over_names_the_setting)
{
	errno = ETIMEDOUT;
	(void)status_fail_errno(&why, "read", "standard input");
	expect_holds(why.cause, "delivery_timeout");
}
END_TEST

/* A server or a security module may refuse where no bit does. */
START_TEST(refusal_without_a_reason_ends_the_sentence)
{
	errno = EACCES;
	(void)status_fail_read(&why, "standard input");
	ck_assert_str_eq(
	    why.cause, "cannot read standard input: Permission denied");
}
END_TEST

START_TEST(cause_grows_at_both_ends)
{
	(void)status_fail(&why, STATUS_TROUBLE, "b");
	status_context(&why, "%s", "a");
	status_add(&why, "; %s", "c");
	ck_assert_str_eq(why.cause, "a: b; c");
	ck_assert_int_eq((int)why.id, (int)STATUS_TROUBLE);
}
END_TEST

START_TEST(endless_cause_is_cut)
{
	char endless[4 * STATUS_CAUSE_OCTETS];

	memset(endless, 'a', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	(void)status_fail(&why, STATUS_TROUBLE, "%s", endless);
	ck_assert_uint_eq(strlen(why.cause), STATUS_CAUSE_OCTETS - 1);
	status_add(&why, "%s", endless);
	ck_assert_uint_eq(strlen(why.cause), STATUS_CAUSE_OCTETS - 1);
	status_context(&why, "%s", "before");
	ck_assert_uint_eq(strlen(why.cause), STATUS_CAUSE_OCTETS - 1);
	expect_holds(why.cause, "before: aaa");
	status_context(&why, "%s", endless);
	ck_assert_uint_eq(strlen(why.cause), STATUS_CAUSE_OCTETS - 1);
	errno = EACCES;
	(void)status_fail_errno(&why, "open", endless);
	ck_assert_uint_eq(strlen(why.cause), STATUS_CAUSE_OCTETS - 1);
}
END_TEST

START_TEST(outcome_can_be_changed_for_a_better_one)
{
	(void)status_fail(&why, STATUS_USER_UNKNOWN, "cause");
	status_reply(&why, "reply");
	status_become(&why, STATUS_LOOKUP_FAILED);
	ck_assert_int_eq((int)why.id, (int)STATUS_LOOKUP_FAILED);
	ck_assert_str_eq(why.cause, "cause");
	ck_assert_str_eq(why.reply, "reply");
}
END_TEST

static struct str
print_reply(void)
{
	static char room[2 * STATUS_REPLY_OCTETS];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	status_print_reply(&why, &got);
	return buf_str(&got);
}

START_TEST(reply_is_code_and_text)
{
	(void)status_fail(&why, STATUS_USER_UNKNOWN, "/etc/secret, uid 7");
	expect_str(
	    STR("unknown"), print_reply(), STR("5.1.1 no such user here"));
	status_reply(&why, "no %s here", "bob");
	expect_str(STR("unknown"), print_reply(), STR("5.1.1 no bob here"));
}
END_TEST

START_TEST(cause_never_reaches_the_reply)
{
	(void)status_fail(
	    &why, outcomes[_i].given, "SECRET /home/bob uid 1000");
	status_context(&why, "SECRET");
	ck_assert(strstr(print_reply().at, "SECRET") == NULL);
	ck_assert(strncmp(print_reply().at, outcomes[_i].code, 5) == 0);
}
END_TEST

START_TEST(reply_is_printable_ascii_on_one_line)
{
	struct str got;

	(void)status_fail(&why, STATUS_REJECTED, "x");
	status_reply(&why, "%s", "a\r\n250 ok\t\x1b[2J\x7f\xc3\xa4 ~");
	got = print_reply();
	expect_str(STR("reply"), got, STR("5.7.1 a__250 ok__[2J___ ~"));
}
END_TEST

START_TEST(endless_reply_is_cut)
{
	char endless[4 * STATUS_REPLY_OCTETS];

	memset(endless, 'a', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	(void)status_fail(&why, STATUS_REJECTED, "x");
	status_reply(&why, "%s", endless);
	ck_assert_uint_le(print_reply().length, STATUS_REPLY_OCTETS);
	ck_assert_uint_gt(print_reply().length, STATUS_REPLY_OCTETS / 2);
}
END_TEST

/* Another server's answer: its code decides. */
static const struct {
	const char *code;
	enum status_id want;
	int exit_code;
} relayed[] = {
	{ "4.0.0", STATUS_SERVER_DEFERS, 75 },
	{ "4.2.2", STATUS_SERVER_DEFERS, 75 },
	{ "4.7.0", STATUS_SERVER_DEFERS, 75 },
	{ "4.1.1", STATUS_SERVER_DEFERS, 75 },
	{ "5.0.0", STATUS_SERVER_REFUSES, 69 },
	{ "5.1.1", STATUS_SERVER_REFUSES, 67 },
	{ "5.1.10", STATUS_SERVER_REFUSES, 69 },
	{ "5.1.2", STATUS_SERVER_REFUSES, 69 },
	{ "5.2.2", STATUS_SERVER_REFUSES, 69 },
	{ "5.2.3", STATUS_SERVER_REFUSES, 65 },
	{ "5.3.4", STATUS_SERVER_REFUSES, 65 },
	{ "5.4.6", STATUS_SERVER_REFUSES, 69 },
	{ "5.6.0", STATUS_SERVER_REFUSES, 65 },
	{ "5.6.12", STATUS_SERVER_REFUSES, 65 },
	{ "5.7.1", STATUS_SERVER_REFUSES, 77 },
	{ "5.7.26", STATUS_SERVER_REFUSES, 77 },
	{ "5.999.999", STATUS_SERVER_REFUSES, 69 },
};

START_TEST(answer_of_a_server_is_passed_on)
{
	char want[100];

	(void)status_fail(&why, STATUS_TROUBLE, "the cause");
	status_relay(&why, relayed[_i].code, "its words");
	ck_assert_int_eq((int)why.id, (int)relayed[_i].want);
	ck_assert_int_eq(status_exit_code(&why), relayed[_i].exit_code);
	ck_assert_str_eq(why.cause, "the cause");
	(void)snprintf(want, sizeof(want), "%s its words", relayed[_i].code);
	expect_str(STR("relayed"), print_reply(), str_from(want));
}
END_TEST

START_TEST(server_without_words_has_those_of_the_table)
{
	status_relay(&why, "5.1.1", "");
	expect_str(STR("relayed"), print_reply(),
	    STR("5.1.1 mail server refuses the message"));
}
END_TEST

/* The code belongs to one answer only. */
START_TEST(code_of_a_server_is_forgotten_with_it)
{
	status_relay(&why, "5.1.1", "x");
	if (_i == 0)
		(void)status_fail(&why, STATUS_SERVER_REFUSES, "x");
	else if (_i == 1)
		status_init(&why);
	else
		status_become(&why, STATUS_SERVER_REFUSES);
	ck_assert_str_eq(why.code, "");
	why.id = STATUS_SERVER_REFUSES;
	ck_assert_int_eq(status_exit_code(&why), 69);
}
END_TEST

START_TEST(exit_status_of_all_others_is_the_rows)
{
	(void)status_fail(&why, outcomes[_i].given, "x");
	ck_assert_int_eq(status_exit_code(&why), outcomes[_i].exit_code);
}
END_TEST

START_TEST(reply_of_a_process_is_read_back)
{
	struct status given, got;
	char room[STATUS_REPLY_OCTETS], again_room[STATUS_REPLY_OCTETS];
	struct buf reply, again;

	(void)status_fail(&given, (enum status_id)_i, "a cause");
	buf_init(&reply, room, sizeof(room));
	status_print_reply(&given, &reply);
	ck_assert(status_read_reply(buf_str(&reply), &got));
	/* Several rows have one code; what they say to LMTP is the same. */
	ck_assert_int_eq(status_row(got.id)->lmtp, status_row(given.id)->lmtp);
	buf_init(&again, again_room, sizeof(again_room));
	status_print_reply(&got, &again);
	expect_str(buf_str(&reply), buf_str(&again), buf_str(&reply));
}
END_TEST

START_TEST(what_is_no_reply_is_not_read)
{
	static const char *const given[] = { "", "2.0", "250 ok", "9.9.9 x",
		"4.2.2x", " 4.2.2 x" };

	status_init(&why);
	ck_assert(!status_read_reply(str_from(given[_i]), &why));
	ck_assert_int_eq(why.id, STATUS_DELIVERED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status");
	TCase *table = tcase_create("table");
	TCase *cause = tcase_create("cause");
	TCase *reply = tcase_create("reply");

	tcase_add_loop_test(
	    table, outcome_has_its_row, 0, (int)COUNT(outcomes));
	tcase_add_loop_test(table, what_is_deferred_is_deferred_three_times, 0,
	    (int)COUNT(outcomes));
	suite_add_tcase(suite, table);
	tcase_add_checked_fixture(cause, begin, NULL);
	tcase_add_test(cause, new_status_is_delivered_without_a_cause);
	tcase_add_test(cause, failure_has_an_outcome_and_a_cause);
	tcase_add_loop_test(
	    cause, errno_decides_the_outcome, 0, (int)COUNT(errors));
	tcase_add_test(cause, file_limit_says_whose_it_is);
	tcase_add_test(cause, time_over_names_the_setting);
	tcase_add_test(cause, refusal_without_a_reason_ends_the_sentence);
	tcase_add_test(cause, cause_grows_at_both_ends);
	tcase_add_test(cause, endless_cause_is_cut);
	tcase_add_test(cause, outcome_can_be_changed_for_a_better_one);
	suite_add_tcase(suite, cause);
	tcase_add_checked_fixture(reply, begin, NULL);
	tcase_add_test(reply, reply_is_code_and_text);
	tcase_add_loop_test(
	    reply, cause_never_reaches_the_reply, 1, (int)COUNT(outcomes));
	tcase_add_test(reply, reply_is_printable_ascii_on_one_line);
	tcase_add_test(reply, endless_reply_is_cut);
	tcase_add_loop_test(
	    reply, answer_of_a_server_is_passed_on, 0, (int)COUNT(relayed));
	tcase_add_test(reply, server_without_words_has_those_of_the_table);
	tcase_add_loop_test(reply, code_of_a_server_is_forgotten_with_it, 0, 3);
	tcase_add_loop_test(reply, exit_status_of_all_others_is_the_rows, 0,
	    (int)COUNT(outcomes));
	tcase_add_loop_test(reply, reply_of_a_process_is_read_back, 0,
	    STATUS_MISCONFIGURED + 1);
	tcase_add_loop_test(reply, what_is_no_reply_is_not_read, 0, 6);
	suite_add_tcase(suite, reply);
	return expect_run(suite);
}
