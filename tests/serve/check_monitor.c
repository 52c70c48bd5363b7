/*
 * check_monitor.c - the one record that the speaker can send to root.
 *
 * Whoever has taken over the speaker sends what he likes: nothing but what
 * monitor_write makes may be taken for a job.
 */
#include "serve/monitor.h"

#include "../base/expect.h"

#define ROOM 4096

static struct job
example(void)
{
	struct job job = { .task = JOB_DELIVER,
		.seconds = 300,
		.without_detail = true,
		.mailbox = STR("bob+x@example.com"),
		.path = STR("\"bob\"+x@example.com"),
		.sender = STR(""),
		.original = STR("info@example.com"),
		.delivered_to = STR("bob@example.com"),
		.prefix = STR("Return-Path: <>\nX: 1:2,\n"),
		.spool = -1 };

	return job;
}

static struct str
record_of(const struct job *job, char room[ROOM])
{
	struct buf record;

	buf_init(&record, room, ROOM);
	ck_assert(monitor_write(job, &record));
	return buf_str(&record);
}

START_TEST(record_says_all_that_a_job_is)
{
	static const enum job_task tasks[] = { JOB_VERIFY, JOB_ROOM,
		JOB_DELIVER };
	struct job given = example(), got;
	char room[ROOM];

	given.task = tasks[_i];
	given.without_detail = _i != 1;
	ck_assert(monitor_read(record_of(&given, room), &got));
	ck_assert_int_eq((int)got.task, (int)given.task);
	ck_assert_int_eq(got.without_detail, given.without_detail);
	ck_assert_uint_eq(got.seconds, given.seconds);
	expect_str(STR("mailbox"), got.mailbox, given.mailbox);
	expect_str(STR("path"), got.path, given.path);
	expect_str(STR("sender"), got.sender, given.sender);
	expect_str(STR("original"), got.original, given.original);
	expect_str(STR("delivered_to"), got.delivered_to, given.delivered_to);
	expect_str(STR("prefix"), got.prefix, given.prefix);
	ck_assert_int_eq(got.spool, -1);
	ck_assert_ptr_null(got.message);
	ck_assert_ptr_null(got.user);
}
END_TEST

START_TEST(part_of_a_record_is_none)
{
	struct job given = example(), got;
	char room[ROOM];
	struct str record = record_of(&given, room);

	for (size_t length = 0; length < record.length; length++)
		ck_assert_msg(!monitor_read(str_head(record, length), &got),
		    "%zu octets of %zu are a job", length, record.length);
}
END_TEST

START_TEST(record_with_something_behind_it_is_none)
{
	struct job given = example(), got;
	char room[ROOM];
	struct str record = record_of(&given, room);

	room[record.length] = 'x';
	ck_assert(!monitor_read(str_of(room, record.length + 1), &got));
}
END_TEST

/* Each octet is made each other: what is still read lies inside the record. */
START_TEST(changed_record_stays_inside_itself)
{
	struct job given = example(), got;
	char room[ROOM];
	struct str record = record_of(&given, room);

	for (size_t i = 0; i < record.length; i++) {
		char kept = room[i];

		for (int octet = 0; octet < 256; octet++) {
			room[i] = (char)octet;
			if (!monitor_read(record, &got))
				continue;
			ck_assert(got.prefix.length <= record.length &&
			    got.prefix.at >= room &&
			    got.prefix.at + got.prefix.length <=
				room + record.length);
			ck_assert(got.seconds > 0 && got.seconds <= 3600);
		}
		room[i] = kept;
	}
}
END_TEST

static const struct str hostile[] = {
	TEXT(""),
	TEXT("d"),
	TEXT("dw300:"),
	TEXT("xw300:0:,0:,0:,0:,0:,0:,"),
	TEXT("dx300:0:,0:,0:,0:,0:,0:,"),
	TEXT("dw0:0:,0:,0:,0:,0:,0:,"),
	TEXT("dw3601:0:,0:,0:,0:,0:,0:,"),
	TEXT("dw-1:0:,0:,0:,0:,0:,0:,"),
	TEXT("dw300:0:,0:,0:,0:,0:,"),
	TEXT("dw300:0:,0:,0:,0:,0:,0:,0:,"),
	TEXT("dw300:99999999999999999999:x,0:,0:,0:,0:,0:,"),
	TEXT("dw300:18446744073709551615:x,0:,0:,0:,0:,0:,"),
	TEXT("dw300:5:abc,0:,0:,0:,0:,0:,"),
};

START_TEST(hostile_record_is_none)
{
	struct job got;

	expect_bool(hostile[_i], monitor_read(hostile[_i], &got), false);
}
END_TEST

START_TEST(job_that_does_not_fit_is_not_written)
{
	struct job given = example();
	char room[64];
	struct buf record;

	buf_init(&record, room, sizeof(room));
	ck_assert(!monitor_write(&given, &record));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("monitor");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, record_says_all_that_a_job_is, 0, 3);
	tcase_add_test(all, part_of_a_record_is_none);
	tcase_add_test(all, record_with_something_behind_it_is_none);
	tcase_add_test(all, changed_record_stays_inside_itself);
	tcase_add_loop_test(
	    all, hostile_record_is_none, 0, (int)COUNT(hostile));
	tcase_add_test(all, job_that_does_not_fit_is_not_written);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
