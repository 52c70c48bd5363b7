/*
 * check_descriptors.c - closed, full, odd or too many descriptors: the
 * message is delivered or deferred, and never becomes one of them.
 *
 * Source: DESIGN 2.2 (where the reply goes), 3 (Privileges); reliability A9.
 */
#include "support/world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

START_TEST(every_subset_of_descriptors_may_be_closed)
{
	world.command.closed = (unsigned)_i;
	world_deliver(&world, world_mail);
	if ((_i & 1) == 0) {
		expect_sent(&world);
		expect_inbox(&world, world_mail);
	} else if ((_i & 6) == 6) {
		expect_silent_75(&world);
	} else {
		expect_deferred(&world, "4.3.0");
	}
}
END_TEST

START_TEST(a_failure_with_closed_descriptors_writes_nowhere_else)
{
	scratch_chmod(&world.scratch, "home", 0500);
	world.command.closed = (unsigned)_i;
	world_deliver(&world, world_mail);
	if ((_i & 6) == 6)
		expect_silent_75(&world);
	else
		expect_deferred(&world, world.got.dsn);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home"), 0);
}
END_TEST

/* What standard input may be instead of a pipe. */

static void
give_descriptor(int fd)
{
	ck_assert_int_ge(fd, 0);
	world.command.input_kind = HOST_DESCRIPTOR;
	world.command.descriptor = fd;
	world_run(&world);
	(void)close(fd);
}

START_TEST(a_file_is_read_from_its_offset)
{
	int fd;

	scratch_write(&world.scratch, "message", "skip\na: b\n\nc\n");
	fd = open(scratch_path(&world.scratch, "message"), O_RDONLY);
	ck_assert_int_eq(lseek(fd, 5, SEEK_SET), 5);
	give_descriptor(fd);
	expect_sent(&world);
	expect_inbox(&world, "a: b\n\nc\n");
}
END_TEST

START_TEST(a_directory_is_no_message)
{
	give_descriptor(open("/", O_RDONLY));
	expect_deferred(&world, "4.3.0");
	expect_log(&world, "exit=75");
}
END_TEST

START_TEST(dev_null_is_no_message)
{
	give_descriptor(open("/dev/null", O_RDONLY));
	expect_deferred(&world, "4.3.0");
}
END_TEST

START_TEST(a_descriptor_for_writing_is_no_message)
{
	scratch_write(&world.scratch, "message", world_mail);
	give_descriptor(
	    open(scratch_path(&world.scratch, "message"), O_WRONLY));
	expect_deferred(&world, "4.3.0");
}
END_TEST

static void
make_input_nonblocking(void *context)
{
	(void)context;
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
}

static void
go_on(pid_t pid, void *context)
{
	(void)pid;
	(void)context;
}

START_TEST(a_nonblocking_pipe_is_waited_for_or_deferred)
{
	world.command.before_exec = make_input_nonblocking;
	world.command.meanwhile = go_on;
	world.command.pause_after = 20;
	world_deliver(&world, world_mail);
	expect_contract(&world);
	if (host_exit_status(&world.got) == 0)
		expect_inbox(&world, world_mail);
}
END_TEST

/* Where nobody hears the reply, the exit status says enough. */

static void
break_output(void *context)
{
	int ends[2];

	(void)context;
	if (pipe(ends) < 0)
		_exit(1);
	(void)close(ends[0]);
	(void)dup2(ends[1], STDOUT_FILENO);
	(void)dup2(ends[1], STDERR_FILENO);
	(void)close(ends[1]);
	/* Whoever started us may not have ignored it. */
	(void)signal(SIGPIPE, SIG_DFL);
}

static void
fill_output(void *context)
{
	(void)context;
	while (write(STDOUT_FILENO, "x", 1) == 1)
		continue;
}

static void
send_output_to_full_disk(void *context)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)context;
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)close(fd);
}

static void (*const outputs[])(
    void *context) = { break_output, fill_output, send_output_to_full_disk };

START_TEST(an_output_that_nobody_reads_changes_nothing)
{
	world.command.before_exec = outputs[_i];
	world_deliver(&world, world_mail);
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	expect_inbox(&world, world_mail);
	world_arguments(&world, "-d", "nosuch", NULL);
	world_deliver(&world, world_mail);
	ck_assert_int_eq(host_exit_status(&world.got), 67);
}
END_TEST

static void
open_many(void *context)
{
	(void)context;
	for (int i = 0; i < 300; i++)
		(void)open("/dev/null", O_RDWR);
}

static void
close_outputs(void *context)
{
	(void)context;
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
}

static char outputs_are[2][64];

static void
look_at_outputs(pid_t pid, void *context)
{
	(void)context;
	for (int i = 0; i < 2; i++) {
		char path[64];
		ssize_t got;

		(void)snprintf(
		    path, sizeof(path), "/proc/%d/fd/%d", (int)pid, i + 1);
		got =
		    readlink(path, outputs_are[i], sizeof(outputs_are[i]) - 1);
		if (got < 0 && access("/proc/self/fd", R_OK) < 0)
			(void)strcpy(outputs_are[i], "/dev/null");
	}
}

/* Whatever is opened next would get our answer, or our last words. */
START_TEST(nothing_else_takes_the_place_of_an_output)
{
	world.command.before_exec = close_outputs;
	world.command.pause_after = 1;
	world.command.meanwhile = look_at_outputs;
	world_deliver(&world, world_mail);
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	expect_inbox(&world, world_mail);
	ck_assert_str_eq(outputs_are[0], "/dev/null");
	ck_assert_str_eq(outputs_are[1], "/dev/null");
}
END_TEST

static bool was_kept;

/* A pipe of the caller's would have two holders. */
static void
look_for_one(pid_t pid, void *context)
{
	char path[64];

	(void)context;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if (access(path, R_OK) < 0)
		return; /* a system without it */
	(void)snprintf(path, sizeof(path), "/proc/%d/fd/200", (int)pid);
	was_kept = access(path, F_OK) == 0;
}

START_TEST(descriptors_that_the_caller_left_open_change_nothing)
{
	world.command.before_exec = open_many;
	world.command.pause_after = 1;
	world.command.meanwhile = look_for_one;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert(!was_kept);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("descriptors");
	TCase *input = tcase_create("descriptors");

	tcase_add_checked_fixture(input, set_up, tear_down);
	tcase_add_loop_test(
	    input, every_subset_of_descriptors_may_be_closed, 0, 8);
	tcase_add_loop_test(
	    input, a_failure_with_closed_descriptors_writes_nowhere_else, 0, 8);
	tcase_add_test(input, a_file_is_read_from_its_offset);
	tcase_add_test(input, a_directory_is_no_message);
	tcase_add_test(input, dev_null_is_no_message);
	tcase_add_test(input, a_descriptor_for_writing_is_no_message);
	tcase_add_test(input, a_nonblocking_pipe_is_waited_for_or_deferred);
	tcase_add_loop_test(input, an_output_that_nobody_reads_changes_nothing,
	    0, COUNT(outputs));
	tcase_add_test(input, nothing_else_takes_the_place_of_an_output);
	tcase_add_test(
	    input, descriptors_that_the_caller_left_open_change_nothing);
	suite_add_tcase(suite, input);
	return world_main(suite);
}
