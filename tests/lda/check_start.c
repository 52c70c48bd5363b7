/*
 * check_start.c - whatever umask, signals, arguments, environment, directory
 * and parent lda is started with, it delivers or defers.
 *
 * Source: DESIGN 2.2, 3 (Privileges); reliability A8, A10.
 */
#include "support/world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* umask and signals. */

static mode_t mask;

static void
set_mask(void *context)
{
	(void)context;
	(void)umask(mask);
}

START_TEST(the_umask_of_the_caller_changes_nothing)
{
	static const mode_t masks[] = { 0, 0777, 022 };
	struct mail got;

	mask = masks[_i];
	world.command.before_exec = set_mask;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	maildir_read_one(&world.scratch, "home/Maildir", &got);
	ck_assert_uint_eq(got.mode, 0600);
	free(got.octets);
	ck_assert_uint_eq(
	    scratch_mode(&world.scratch, "home/Maildir/new") & 07777, 0700);
}
END_TEST

/* A core file of somebody's mail would lie wherever the caller stands. */
static void
let_cores_be(void *context)
{
	struct rlimit most;

	(void)context;
	(void)getrlimit(RLIMIT_CORE, &most);
	most.rlim_cur = most.rlim_max;
	(void)setrlimit(RLIMIT_CORE, &most);
}

static char about[4096];

/* What the system says of the process, in a file of that name. */
static void
read_about(pid_t pid, void *context)
{
	const char *name = context;
	char path[64];
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY);
	got = read(fd, about, sizeof(about) - 1);
	about[got < 0 ? 0 : got] = '\0';
	(void)close(fd);
}

START_TEST(there_are_no_core_files)
{
	static char name[] = "limits";
	unsigned long soft = 1;
	const char *line;

	world.command.before_exec = let_cores_be;
	world.command.pause_after = 1;
	world.command.meanwhile = read_about;
	world.command.context = name;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	line = strstr(about, "Max core file size");
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(sscanf(line, "Max core file size %lu", &soft), 1);
	ck_assert_uint_eq(soft, 0);
}
END_TEST

/* Without a word in the settings: the timer that ends us for good is set. */
START_TEST(there_is_a_deadline_from_the_start)
{
	static char name[] = "timers";

	if (access("/proc/self/timers", R_OK) < 0)
		return; /* a system that does not tell */
	world.command.pause_after = 1;
	world.command.meanwhile = read_about;
	world.command.context = name;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	ck_assert_msg(strstr(about, "signal: 9/") != NULL, "timers: %s", about);
}
END_TEST

START_TEST(the_umask_of_the_caller_does_not_narrow_a_shared_mailbox)
{
	static const mode_t masks[] = { 0, 0777, 077 };
	struct mail got;

	scratch_mkdir(&world.scratch, "home/Maildir", 0770);
	mask = masks[_i];
	world.command.before_exec = set_mask;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	maildir_read_one(&world.scratch, "home/Maildir", &got);
	ck_assert_uint_eq(got.mode, 0660);
	free(got.octets);
}
END_TEST

static void
ignore_signals(void *context)
{
	(void)context;
	for (int number = 1; number < 32; number++)
		(void)signal(number, SIG_IGN);
}

static void
block_signals(void *context)
{
	sigset_t all;

	(void)context;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
}

static void
leave_a_signal_pending(void *context)
{
	block_signals(context);
	(void)raise(SIGALRM);
	(void)raise(SIGTERM);
}

START_TEST(ignored_signals_change_nothing)
{
	world.command.before_exec = ignore_signals;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(blocked_signals_change_nothing)
{
	world.command.before_exec = block_signals;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(a_pending_signal_is_no_bounce)
{
	world.command.before_exec = leave_a_signal_pending;
	world_deliver(&world, world_mail);
	ck_assert_int_ne(world.got.action, HOST_BOUNCED);
	if (host_exit_status(&world.got) == 0)
		expect_inbox(&world, world_mail);
	else
		ck_assert_uint_eq(
		    maildir_count_below(&world.scratch, "home"), 0);
}
END_TEST

/* Arguments, environment, directory. */

START_TEST(an_empty_argv_is_no_arguments)
{
	world_local(&world);
	/* The harness executes what stands behind the end. */
	world.command.argv[1] = world.command.argv[0];
	world.command.argv[0] = NULL;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(an_empty_environment_is_enough)
{
	static char line[512];

	(void)snprintf(
	    line, sizeof(line), "exec env -i '%s' -d bob", machine_program());
	world.command.shell_line = line;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(a_huge_environment_changes_nothing)
{
	static char variables[8][120000];

	for (size_t i = 0; i < COUNT(variables); i++) {
		memset(variables[i], 'x', sizeof(variables[i]) - 1);
		variables[i][0] = (char)('A' + i);
		variables[i][1] = '=';
		world_variable(&world, variables[i]);
	}
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

/* The environment must not lead anywhere; "#" is the scratch directory. */
static const char *const variables[] = {
	"HOME=#/victim",
	"LDA_CONF=#/victim/lda.conf",
	"CONFIG_FILE=#/victim/lda.conf",
	"TMPDIR=#/victim",
	"TZ=:#/victim/zone",
	"LD_LIBRARY_PATH=#/victim",
	"MALLOC_TRACE=#/victim/trace",
	"IFS=/",
	"USER=",
	"USER",
	"=",
	"MAIL_CONFIG=",
};

START_TEST(a_variable_leads_nowhere)
{
	char variable[256];
	const char *hash = strchr(variables[_i], '#');

	scratch_mkdir(&world.scratch, "victim", 0700);
	if (hash == NULL)
		(void)snprintf(variable, sizeof(variable), "%s", variables[_i]);
	else
		(void)snprintf(variable, sizeof(variable), "%.*s%s%s",
		    (int)(hash - variables[_i]), variables[_i],
		    world.scratch.root, hash + 1);
	world_variable(&world, variable);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert_uint_eq(maildir_count(&world.scratch, "victim"), 0);
}
END_TEST

START_TEST(a_deleted_directory_changes_nothing)
{
	scratch_mkdir(&world.scratch, "gone", 0700);
	world.command.directory = "/";
	world.command.shell_line = scratch_print(&world.scratch,
	    "cd '%s/gone' && rmdir '%s/gone' && exec '%s' -d bob",
	    world.scratch.root, world.scratch.root, machine_program());
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

/* More than lda keeps in memory: it is in a file by then. */
static char long_mail[200 * 1024];

static void
be_the_dying_postfix(const char *mail, size_t length)
{
	struct host_run run;

	host_start(&world.command, &run);
	host_feed(&run, mail, length);
	host_wait_until_read(&run);
	_exit(0);
}

START_TEST(a_feeder_that_dies_before_the_commit_undoes_all)
{
	pid_t feeder;
	int status;

	memset(long_mail, 'x', sizeof(long_mail));
	feeder = fork();
	ck_assert_int_ge(feeder, 0);
	/* Then our parent lives on, and it is his that has gone. */
	if (_i >= 2)
		world.command.shell_line = scratch_print(
		    &world.scratch, "'%s' -d bob; exit $?", machine_program());
	if (feeder == 0)
		be_the_dying_postfix(_i % 2 == 0 ? world_mail : long_mail,
		    _i % 2 == 0 ? strlen(world_mail) : sizeof(long_mail));
	ck_assert_int_eq(waitpid(feeder, &status, 0), feeder);
	ck_assert_int_eq(status, 0);
	ck_assert_msg(log_sink_wait(&world.log, "exit=75", 5000), "%s",
	    world_tell(&world));
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 0);
	expect_log(&world, "4.3.0");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("start");
	TCase *signals = tcase_create("umask, signals, environment");

	tcase_set_timeout(signals, 30);
	tcase_add_checked_fixture(signals, set_up, tear_down);
	tcase_add_loop_test(
	    signals, the_umask_of_the_caller_changes_nothing, 0, 3);
	tcase_add_loop_test(signals,
	    the_umask_of_the_caller_does_not_narrow_a_shared_mailbox, 0, 3);
	tcase_add_test(signals, there_are_no_core_files);
	tcase_add_test(signals, there_is_a_deadline_from_the_start);
	tcase_add_test(signals, ignored_signals_change_nothing);
	tcase_add_test(signals, blocked_signals_change_nothing);
	tcase_add_test(signals, a_pending_signal_is_no_bounce);
	tcase_add_test(signals, an_empty_argv_is_no_arguments);
	tcase_add_test(signals, an_empty_environment_is_enough);
	tcase_add_test(signals, a_huge_environment_changes_nothing);
	tcase_add_loop_test(
	    signals, a_variable_leads_nowhere, 0, COUNT(variables));
	tcase_add_test(signals, a_deleted_directory_changes_nothing);
	tcase_add_loop_test(
	    signals, a_feeder_that_dies_before_the_commit_undoes_all, 0, 4);
	suite_add_tcase(suite, signals);
	return world_main(suite);
}
