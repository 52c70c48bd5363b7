/*
 * world.c - all that a test of build/check/lda needs.
 */
#include "world.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The longest reply (DESIGN 2.2). */
#define REPLY_OCTETS 400

const char world_mail[] = "From: a@example.org\n"
			  "To: bob@example.com\n"
			  "Subject: hello\n"
			  "Message-ID: <1@example.org>\n"
			  "\n"
			  "Hello, Bob.\n";

static int
run(Suite *suite, int *count)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	machine_begin();
	scratch_begin();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	*count = srunner_ntests_run(runner);
	srunner_free(runner);
	scratch_end();
	machine_end();
	return failed;
}

int
world_main(Suite *suite)
{
	int count;

	return run(suite, &count) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
world_main_tally(Suite *suite, enum tally_kind kind)
{
	int count, failed;

	tally_begin();
	failed = run(suite, &count);
	if (tally_count(kind) == 0)
		tally_add(kind, (unsigned long)count);
	tally_survivor(kind, (unsigned long)failed);
	tally_print();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const char *
world_passwd_line(struct world *world, const char *name, const char *home)
{
	return scratch_print(&world->scratch, "%s:x:%ju:%ju::%s/%s:/bin/sh\n",
	    name, (uintmax_t)world->scratch.uid, (uintmax_t)world->scratch.gid,
	    world->scratch.root, home);
}

void
world_passwd(struct world *world, const char *more)
{
	char text[8192];

	(void)snprintf(text, sizeof(text),
	    "root:x:0:0:root:/root:/bin/sh\n%s%s",
	    world_passwd_line(world, "bob", "home"), more);
	machine_write("etc/passwd", text, 0644);
}

void
world_config(struct world *world, const char *text)
{
	(void)world;
	machine_write("etc/lda.conf", text, 0644);
}

static void
prepare_machine(struct world *world)
{
	machine_write(
	    "etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
	machine_write("etc/group",
	    scratch_print(&world->scratch, "root:x:0:\nbob:x:%ju:\n",
		(uintmax_t)world->scratch.gid),
	    0644);
	machine_remove("libexec/lda-getpw");
	machine_log_to(world->log.path);
	world_passwd(world, "");
	world_config(world, "mail_location = maildir:~/Maildir\n");
}

void
world_open(struct world *world)
{
	memset(&world->got, 0, sizeof(world->got));
	scratch_open(&world->scratch, machine_uid(), machine_gid());
	scratch_mkdir(&world->scratch, "home", 0700);
	scratch_mkdir(&world->scratch, "queue", 0500);
	scratch_chown(&world->scratch, "queue", getuid(), getgid());
	log_sink_open(&world->log, scratch_path(&world->scratch, "log"));
	prepare_machine(world);
	host_command_init(&world->command);
	world->command.uid = world->scratch.uid;
	world->command.gid = world->scratch.gid;
	world->command.directory = scratch_path(&world->scratch, "queue");
	world->command.log = &world->log;
	world->command.argv[0] =
	    scratch_print(&world->scratch, "%s", machine_program());
}

void
world_close(struct world *world)
{
	log_sink_close(&world->log);
	scratch_close(&world->scratch);
}

void
world_argument(struct world *world, const char *argument)
{
	size_t i = 0;

	while (world->command.argv[i] != NULL)
		i++;
	ck_assert_uint_lt(i, HOST_ARGUMENTS);
	world->command.argv[i] = argument;
	world->command.argv[i + 1] = NULL;
}

void
world_arguments(struct world *world, ...)
{
	const char *argument;
	va_list arguments;

	world->command.argv[1] = NULL;
	va_start(arguments, world);
	while ((argument = va_arg(arguments, const char *)) != NULL)
		world_argument(world, argument);
	va_end(arguments);
}

void
world_variable(struct world *world, const char *variable)
{
	size_t i = 0;

	while (world->command.variables[i] != NULL)
		i++;
	ck_assert_uint_lt(i, HOST_VARIABLES);
	world->command.variables[i] = variable;
	world->command.variables[i + 1] = NULL;
}

void
world_local(struct world *world)
{
	world->command.agent = HOST_LOCAL;
	world->command.recipient.user = "bob";
	world->command.recipient.home = scratch_path(&world->scratch, "home");
	world->command.recipient.domain = "localhost";
	world->command.recipient.sender = "a@example.org";
	world->command.recipient.original = "bob@localhost";
}

void
world_through_shell(struct world *world)
{
	char line[SCRATCH_NOTE];
	size_t used = 0;

	for (size_t i = 0; world->command.argv[i] != NULL; i++) {
		ck_assert_ptr_null(strchr(world->command.argv[i], '\''));
		used += (size_t)snprintf(line + used, sizeof(line) - used,
		    "'%s' ", world->command.argv[i]);
		ck_assert_uint_lt(used, sizeof(line));
	}
	world->command.shell_line = scratch_print(&world->scratch, "%s", line);
}

void
world_run(struct world *world)
{
	host_run(&world->command, &world->got);
}

void
world_deliver_octets(struct world *world, const char *octets, size_t length)
{
	world->command.input = octets;
	world->command.input_length = length;
	world_run(world);
}

void
world_deliver(struct world *world, const char *message)
{
	world_deliver_octets(world, message, strlen(message));
}

static void add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

const char *
world_tell(struct world *world)
{
	static char text[16384];
	const struct host_outcome *got = &world->got;

	text[0] = '\0';
	add(text, sizeof(text), "\n  command:");
	for (size_t i = 0; world->command.argv[i] != NULL; i++)
		add(text, sizeof(text), " '%.200s'", world->command.argv[i]);
	add(text, sizeof(text), "\n  %s %s, exit %d%s%s, output \"%.500s\"",
	    host_action_name(got->action), got->dsn, host_exit_status(got),
	    WIFSIGNALED(got->wait_status) ? " (killed)" : "",
	    got->timed_out ? " (timed out)" : "", got->output);
	for (size_t i = 0; i < world->log.count && i < 8; i++)
		add(text, sizeof(text), "\n  log: %.1000s",
		    world->log.lines[i]);
	return text;
}

void
expect_sent(struct world *world)
{
	ck_assert_msg(host_exit_status(&world->got) == 0 &&
		world->got.action == HOST_SENT,
	    "not sent:%s", world_tell(world));
	ck_assert_msg(world->got.output_length == 0,
	    "a delivery that succeeds says nothing:%s", world_tell(world));
}

static void
expect_no_trace(struct world *world)
{
	size_t left = maildir_count_below(&world->scratch, "");

	ck_assert_msg(left == 0, "%zu files left in Maildirs:%s", left,
	    world_tell(world));
}

/* The first octet that is a control character, or length.  (An assertion for
 * each octet would cost a message to libcheck each.) */
static size_t
first_control(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && (unsigned char)text[i] >= ' ' && text[i] != 0x7f)
		i++;
	return i;
}

static size_t
first_not_ascii(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && text[i] >= ' ' && text[i] <= '~')
		i++;
	return i;
}

static void
expect_reply(struct world *world, const char *dsn)
{
	const struct host_outcome *got = &world->got;

	ck_assert_msg(strcmp(got->dsn, dsn) == 0, "%s instead of %s:%s",
	    got->dsn, dsn, world_tell(world));
	ck_assert_msg(got->output_length > strlen(dsn) + 1 &&
		strncmp(got->output, dsn, strlen(dsn)) == 0 &&
		got->output[strlen(dsn)] == ' ',
	    "the reply is not \"%s text\":%s", dsn, world_tell(world));
	ck_assert_msg(got->output_length <= REPLY_OCTETS,
	    "the reply is too long:%s", world_tell(world));
	ck_assert_msg(first_not_ascii(got->output, got->output_length) ==
		got->output_length,
	    "the reply is not printable:%s", world_tell(world));
	/* It may reach the sender. */
	ck_assert_msg(strchr(got->output, '/') == NULL,
	    "the reply holds a path:%s", world_tell(world));
}

void
expect_refused(struct world *world, int status, const char *dsn)
{
	ck_assert_msg(host_exit_status(&world->got) == status,
	    "exit status is not %d:%s", status, world_tell(world));
	expect_reply(world, dsn);
	expect_no_trace(world);
}

void
expect_deferred(struct world *world, const char *dsn)
{
	expect_refused(world, 75, dsn);
}

void
expect_unknown(struct world *world)
{
	expect_refused(world, 67, "5.1.1");
}

void
expect_silent_75(struct world *world)
{
	ck_assert_msg(host_exit_status(&world->got) == 75,
	    "exit status is not 75:%s", world_tell(world));
	ck_assert_msg(world->got.output_length == 0,
	    "something was said where nobody can hear:%s", world_tell(world));
	expect_no_trace(world);
}

void
expect_contract(struct world *world)
{
	switch (host_exit_status(&world->got)) {
	case 0:
		expect_sent(world);
		return;
	case 67:
		expect_unknown(world);
		return;
	default:
		ck_assert_msg(world->got.output[0] == '4',
		    "neither sent nor deferred:%s", world_tell(world));
		expect_deferred(world, world->got.dsn);
	}
}

void
expect_log(struct world *world, const char *text)
{
	ck_assert_msg(log_sink_find(&world->log, text) != NULL,
	    "no log line holds \"%s\":%s", text, world_tell(world));
}

void
expect_no_log(struct world *world, const char *text)
{
	ck_assert_msg(log_sink_find(&world->log, text) == NULL,
	    "a log line holds \"%s\":%s", text, world_tell(world));
}

void
expect_printable_log(struct world *world)
{
	for (size_t i = 0; i < world->log.count; i++) {
		size_t length = world->log.lengths[i];
		size_t at = first_control(world->log.lines[i], length);

		ck_assert_msg(at == length, "octet %zu of a log line is %u:%s",
		    at, (unsigned)(unsigned char)world->log.lines[i][at],
		    world_tell(world));
	}
}

void
expect_maildir(struct world *world, const char *maildir, const char *message)
{
	maildir_expect(&world->scratch, maildir, message, strlen(message));
}

void
expect_inbox(struct world *world, const char *message)
{
	expect_maildir(world, "home/Maildir", message);
}
