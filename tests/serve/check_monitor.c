/*
 * check_monitor.c - the one record that the speaker can send to root.
 *
 * Whoever has taken over the speaker sends what he likes: nothing but what
 * monitor_write makes may be taken for a job.
 */
#include "serve/monitor.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 4096

/* More than the monitor lets work at a time, and how many that is. */
#define ASKED 70
#define CHILDREN_MOST 64

static struct job
example(void)
{
	struct job job = { .task = JOB_DELIVER,
		.seconds = 300,
		.by_lmtp = true,
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
	given.by_lmtp = _i != 1;
	ck_assert(monitor_read(record_of(&given, room), &got));
	ck_assert_int_eq((int)got.task, (int)given.task);
	ck_assert_int_eq(got.by_lmtp, given.by_lmtp);
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

/* A monitor of our own, as root. */

static struct arena arena, scratch_arena;
static struct scratch scratch;
static struct settings settings;
static struct log quiet;

static void
set(const char *name, const char *value)
{
	struct status why;

	ck_assert_msg(config_set(&settings.config, str_from(name),
			  str_from(value), CONFIG_FLAG, "test", &why) == 0,
	    "%s", why.cause);
}

static void
open_all(void)
{
	struct status why;

	arena_init(&arena, expect_memory);
	arena_init(&scratch_arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
	log_init(&quiet, "test", scratch_path(&scratch, "nowhere"));
	machine_write("etc/passwd", "speaker:x:4001:4001::/:/bin/sh\n", 0644);
	set("lmtp_user", "speaker");
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

/* Forks the monitor, and speaks as the one who may ask it. */
static pid_t
start_monitor(void (*speak)(int socket))
{
	struct job_office office = { .settings = &settings,
		.log = &quiet,
		.arena = &arena,
		.scratch = &scratch_arena,
		.monitor = -1 };
	struct status why;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (monitor_begin(&office, &why) < 0)
		_exit(99);
	speak(office.monitor);
	_exit(0);
}

/* The monitor ends when its speaker has, and says nothing of him: so he tells
 * what he has seen through this. */
static int told[2];

/* And stays until something comes through that. */
static int stay[2];

/* Whether a record with these descriptors, the end of a pipe before them, is
 * worked on: then something is said through the pipe. */
static bool
is_done(int socket, enum job_task task, const int *more, size_t count)
{
	struct job job = example();
	char room[ROOM], said[512];
	struct str record;
	int ends[2], fds[SYS_DESCRIPTORS];
	ssize_t got;

	job.task = task;
	record = record_of(&job, room);
	if (pipe(ends) < 0)
		_exit(98);
	fds[0] = ends[1];
	for (size_t i = 0; i < count; i++)
		fds[i + 1] = more[i];
	if (sys_send_descriptors(
		socket, record.at, record.length, fds, count + 1) < 0)
		_exit(97);
	(void)close(ends[1]);
	got = read(ends[0], said, sizeof(said));
	(void)close(ends[0]);
	return got > 0;
}

static void
ask_for_all(int socket)
{
	int pipes[2], file = open("/proc/self/exe", O_RDONLY);
	char answer[6] = "";

	if (file < 0 || pipe(pipes) < 0)
		_exit(96);
	answer[0] = is_done(socket, JOB_VERIFY, NULL, 0) ? 'y' : 'n';
	answer[1] = is_done(socket, JOB_VERIFY, &file, 1) ? 'y' : 'n';
	answer[2] = is_done(socket, JOB_DELIVER, NULL, 0) ? 'y' : 'n';
	answer[3] = is_done(socket, JOB_DELIVER, pipes, 1) ? 'y' : 'n';
	answer[4] = is_done(socket, JOB_DELIVER, &file, 1) ? 'y' : 'n';
	if (write(told[1], answer, 5) != 5)
		_exit(95);
}

START_TEST(only_what_fits_the_job_is_taken_with_it)
{
	char answer[6] = "";
	pid_t monitor;

	ck_assert_int_eq(pipe(told), 0);
	monitor = start_monitor(ask_for_all);
	ck_assert_int_eq(read(told[0], answer, 5), 5);
	ck_assert_str_eq(answer, "ynnny");
	ck_assert_int_eq(waitpid(monitor, NULL, 0), monitor);
}
END_TEST

/* Each of these waits for a server of users that does not answer. */
static void
ask_without_end(int socket)
{
	struct job job = example();
	char room[ROOM];
	struct str record;

	job.task = JOB_VERIFY;
	record = record_of(&job, room);
	for (int i = 0; i < ASKED; i++)
		if (sys_send_descriptors(
			socket, record.at, record.length, &told[1], 1) < 0)
			_exit(97);
	/* Our end would count as a child's. */
	if (read(stay[0], room, 1) != 1)
		_exit(94);
}

START_TEST(no_more_than_so_many_work_at_a_time)
{
	const char *path = scratch_path(&scratch, "users");
	int listener, count = 0, accepted[ASKED];
	struct pollfd wanted = { .events = POLLIN };
	pid_t monitor;

	scratch_chmod(&scratch, ".", 0755);
	set("userdb", scratch_print(&scratch, "socketmap:unix:%s:u", path));
	listener = sys_listen_unix(path);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(pipe(told), 0);
	ck_assert_int_eq(pipe(stay), 0);
	monitor = start_monitor(ask_without_end);
	wanted.fd = listener;
	/* All that will ever come come at once; then nobody does. */
	while (count < ASKED &&
	    poll(&wanted, 1, count < CHILDREN_MOST ? 20000 : 700) == 1)
		accepted[count++] = sys_accept(listener);
	ck_assert_int_eq(count, CHILDREN_MOST);
	for (int i = 0; i < count; i++)
		(void)close(accepted[i]);
	/* They have ended, and the others have their turn. */
	for (; count < ASKED; count++) {
		ck_assert_int_eq(poll(&wanted, 1, 20000), 1);
		(void)close(sys_accept(listener));
	}
	ck_assert_int_eq(write(stay[1], "x", 1), 1);
	ck_assert_int_eq(waitpid(monitor, NULL, 0), monitor);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("monitor");
	TCase *all = tcase_create("all");
	TCase *root = tcase_create("root");
	int failed;

	machine_begin();
	scratch_begin();

	tcase_add_loop_test(all, record_says_all_that_a_job_is, 0, 3);
	tcase_add_test(all, part_of_a_record_is_none);
	tcase_add_test(all, record_with_something_behind_it_is_none);
	tcase_add_test(all, changed_record_stays_inside_itself);
	tcase_add_loop_test(
	    all, hostile_record_is_none, 0, (int)COUNT(hostile));
	tcase_add_test(all, job_that_does_not_fit_is_not_written);
	tcase_add_checked_fixture(root, open_all, close_all);
	tcase_set_timeout(root, 60);
	if (getuid() == 0 && expect_forks()) {
		tcase_add_test(root, only_what_fits_the_job_is_taken_with_it);
		tcase_add_test(root, no_more_than_so_many_work_at_a_time);
	}
	suite_add_tcase(suite, all);
	suite_add_tcase(suite, root);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
