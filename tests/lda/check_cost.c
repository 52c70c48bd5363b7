/*
 * check_cost.c - a big message costs memory for a small one, and is written
 * to disk once.
 *
 * Measured on the static program, and when it has read all of the message but
 * not yet seen its end.
 *
 * Source: issue 2 ("a 25 MB message: VmHWM under 4 MiB, octets written under
 * 1.05 times the message"); proc(5).
 */
#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE ((size_t)25 * 1024 * 1024)
#define MOST_KIB 4096

static struct world world;

/* What the running program has used, or -1 where there is no proc(5). */
struct usage {
	long long peak_kib;
	long long written;
};

static struct usage seen;

static long long
number_after(const char *file, pid_t pid, const char *name)
{
	char path[64], line[256];
	long long number = -1;
	FILE *stream;

	(void)snprintf(path, sizeof(path), "/proc/%jd/%s", (intmax_t)pid, file);
	stream = fopen(path, "r");
	if (stream == NULL)
		return -1;
	while (fgets(line, sizeof(line), stream) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtoll(line + strlen(name), NULL, 10);
	(void)fclose(stream);
	return number;
}

static void
look(pid_t pid, void *context)
{
	(void)context;
	seen.peak_kib = number_after("status", pid, "VmHWM:");
	seen.written = number_after("io", pid, "wchar:");
}

static void
set_up(void)
{
	world_open(&world);
	scratch_write(&world.scratch, "lda.conf",
	    scratch_print(&world.scratch,
		"userdb = static\nmail_home = %s/home\nmail_fsync = never\n"
		"mail_location = maildir:~/Maildir\nsyslog_socket = %s\n",
		world.scratch.root, world.log.path));
	world.command.argv[0] = machine_product();
	world_arguments(&world, "-d", "bob", "-c",
	    scratch_path(&world.scratch, "lda.conf"), NULL);
	world.command.meanwhile = look;
	world.command.pause_after = MESSAGE;
	world.command.patience_ms = 30000;
}

static void
tear_down(void)
{
	world_close(&world);
}

/* One long line, or short ones. */
START_TEST(a_message_of_25_MB_takes_little_and_is_written_once)
{
	char *given = malloc(MESSAGE);

	ck_assert_ptr_nonnull(given);
	memset(given, 'x', MESSAGE);
	if (_i == 0)
		for (size_t i = 70; i < MESSAGE; i += 71)
			given[i] = '\n';
	world_deliver_octets(&world, given, MESSAGE);
	expect_sent(&world);
	maildir_expect(&world.scratch, "home/Maildir", given, MESSAGE);
	free(given);
	if (seen.peak_kib < 0 || seen.written < 0)
		return;
	ck_assert_msg(seen.peak_kib > 0 && seen.peak_kib < MOST_KIB,
	    "VmHWM %lld KiB", seen.peak_kib);
	/* All is read, so all but what memory keeps is written, once. */
	ck_assert_msg((size_t)seen.written > MESSAGE / 2 &&
		(size_t)seen.written < MESSAGE + MESSAGE / 20,
	    "%lld octets written for %zu", seen.written, MESSAGE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cost");
	TCase *tests = tcase_create("cost");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, a_message_of_25_MB_takes_little_and_is_written_once, 0, 2);
	suite_add_tcase(suite, tests);
	return world_main(suite);
}
