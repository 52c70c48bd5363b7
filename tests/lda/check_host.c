/*
 * check_host.c - the harness itself: what it makes of a command is what
 * Postfix makes of it, and a command finds itself where Postfix puts it.
 *
 * Source: postfix 3.7 pipe_command.c, sys_exits.c (reference postfix 1.1,
 * 1.3, 2.3).
 */
#include "support/world.h"

#include <errno.h>
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
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
run_script(const char *script)
{
	world.command.argv[0] = "/bin/sh";
	world_arguments(&world, "-c", script, NULL);
	world_deliver(&world, world_mail);
}

static const struct {
	const char *script;
	enum host_action want;
	const char *want_dsn;
} endings[] = {
	{ "cat >/dev/null", HOST_SENT, "2.0.0" },
	{ "cat >/dev/null; echo 5.1.1 no", HOST_SENT, "2.0.0" },
	{ "exit 0", HOST_SENT, "2.0.0" },
	{ "exit 1", HOST_BOUNCED, "5.3.0" },
	{ "exit 64", HOST_BOUNCED, "5.3.0" },
	{ "exit 65", HOST_BOUNCED, "5.6.0" },
	{ "exit 66", HOST_BOUNCED, "5.3.0" },
	{ "exit 67", HOST_BOUNCED, "5.1.1" },
	{ "exit 68", HOST_BOUNCED, "5.1.2" },
	{ "exit 69", HOST_BOUNCED, "5.3.0" },
	{ "exit 70", HOST_BOUNCED, "5.3.0" },
	{ "exit 71", HOST_DEFERRED, "4.3.0" },
	{ "exit 72", HOST_BOUNCED, "5.3.0" },
	{ "exit 73", HOST_BOUNCED, "5.2.0" },
	{ "exit 74", HOST_BOUNCED, "5.3.0" },
	{ "exit 75", HOST_DEFERRED, "4.3.0" },
	{ "exit 76", HOST_BOUNCED, "5.5.0" },
	{ "exit 77", HOST_BOUNCED, "5.7.0" },
	{ "exit 78", HOST_BOUNCED, "5.3.5" },
	{ "exit 79", HOST_BOUNCED, "5.3.0" },
	{ "exit 126", HOST_BOUNCED, "5.3.0" },
	{ "exit 127", HOST_BOUNCED, "5.3.0" },
	{ "exit 139", HOST_BOUNCED, "5.3.0" },
	{ "exit 255", HOST_BOUNCED, "5.3.0" },
	{ "kill -SEGV $$", HOST_DEFERRED, "4.3.0" },
	{ "kill -KILL $$", HOST_DEFERRED, "4.3.0" },
	{ "printf '5.2.2 full'; kill -KILL $$", HOST_DEFERRED, "4.3.0" },
	{ "printf '5.2.2 full'; exit 75", HOST_BOUNCED, "5.2.2" },
	{ "printf '4.2.1 later'; exit 67", HOST_DEFERRED, "4.2.1" },
	{ "printf '4.2.1 later' >&2; exit 67", HOST_DEFERRED, "4.2.1" },
	{ "printf '4.2.1'; exit 67", HOST_DEFERRED, "4.2.1" },
	{ "printf '4.2.1\\tx'; exit 67", HOST_DEFERRED, "4.2.1" },
	{ "printf '4.2.1\\nx'; exit 67", HOST_DEFERRED, "4.2.1" },
	{ "printf '4.123.456 x'; exit 67", HOST_DEFERRED, "4.123.456" },
	{ "printf '2.0.0 fine'; exit 75", HOST_BOUNCED, "5.0.0" },
	{ "printf ' 4.2.1 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf 'lda: 4.2.1 x'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '\\n4.2.1 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '3.2.1 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '4.2 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '4.2.1x later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '4.1234.1 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '4.2.1234 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '42.1.1 later'; exit 67", HOST_BOUNCED, "5.1.1" },
	{ "printf '4..1 later'; exit 67", HOST_BOUNCED, "5.1.1" },
};

START_TEST(an_ending_means_what_postfix_says)
{
	const char *given = endings[_i].script;

	run_script(given);
	ck_assert_msg(world.got.action == endings[_i].want, "%s: %s", given,
	    host_action_name(world.got.action));
	ck_assert_msg(strcmp(world.got.dsn, endings[_i].want_dsn) == 0,
	    "%s: %s", given, world.got.dsn);
}
END_TEST

START_TEST(time_over_is_a_bounce_whatever_was_said)
{
	world.command.patience_ms = 100;
	run_script("echo 4.2.1 later; sleep 60; exit 75");
	ck_assert(world.got.timed_out);
	ck_assert_int_eq(world.got.action, HOST_BOUNCED);
	ck_assert_str_eq(world.got.dsn, "5.3.0");
}
END_TEST

START_TEST(a_grandchild_that_keeps_the_output_open_is_waited_for)
{
	world.command.patience_ms = 200;
	run_script("sleep 60 & exit 0");
	ck_assert(world.got.timed_out);
	ck_assert_int_eq(world.got.action, HOST_BOUNCED);
}
END_TEST

START_TEST(a_message_that_is_not_read_is_no_error)
{
	static char given[300000];

	memset(given, 'x', sizeof(given));
	world.command.argv[0] = "/bin/sh";
	world_arguments(&world, "-c", "exit 0", NULL);
	world_deliver_octets(&world, given, sizeof(given));
	ck_assert_int_eq(world.got.feed_error, EPIPE);
	ck_assert_int_eq(world.got.action, HOST_SENT);
}
END_TEST

START_TEST(a_command_that_is_missing_is_deferred_without_a_shell)
{
	world.command.argv[0] = "/nonexistent/lda";
	world_deliver(&world, world_mail);
	ck_assert_int_eq(world.got.action, HOST_DEFERRED);
}
END_TEST

START_TEST(a_command_that_is_missing_bounces_behind_a_shell)
{
	world.command.shell_line = "/nonexistent/lda -f \"$SENDER\"";
	world_deliver(&world, world_mail);
	ck_assert_int_eq(world.got.action, HOST_BOUNCED);
	ck_assert_int_eq(host_exit_status(&world.got), 127);
}
END_TEST

START_TEST(only_4096_octets_of_output_are_kept)
{
	run_script("head -c 10000 /dev/zero | tr '\\0' x; exit 75");
	ck_assert_uint_eq(world.got.output_length, HOST_OUTPUT);
}
END_TEST

START_TEST(output_beyond_the_pipe_is_not_waited_for)
{
	/* dd fails with EAGAIN when the pipe is full. */
	run_script("dd if=/dev/zero bs=65536 count=2 2>/dev/null || exit 75");
	ck_assert_int_eq(host_exit_status(&world.got), 75);
}
END_TEST

/* Each script must exit 0 where Postfix puts it. */
static const struct {
	enum host_agent agent;
	const char *script;
} places[] = {
	{ HOST_PIPE, "test \"$(umask)\" = 0077" },
	{ HOST_PIPE, "kill -PIPE $$; true" },
	{ HOST_PIPE, "kill -XFSZ $$; true" },
	{ HOST_PIPE, "test \"$PATH\" = /usr/bin:/bin" },
	{ HOST_PIPE, "test \"$LANG\" = C" },
	{ HOST_PIPE, "test \"$MAIL_CONFIG\" = /etc/postfix" },
	{ HOST_PIPE, "test -z \"$HOME$USER$LOGNAME\"" },
	{ HOST_PIPE, "test -p /dev/fd/0 && test -p /dev/fd/1" },
	{ HOST_PIPE,
	    "test \"$(id -G)\" = \"$(id -g)\" || "
	    "test \"$(id -u)\" != 60001" },
	{ HOST_PIPE,
	    "test \"$(ps -o pgid= -p $$ 2>/dev/null || "
	    "echo $$)\" -eq $$" },
	{ HOST_PIPE, "test \"$(ls /dev/fd | wc -l)\" -le 4" },
	{ HOST_PIPE, "case $PWD in */queue) ;; *) exit 1 ;; esac" },
	{ HOST_PERSON, "test -z \"$MAIL_CONFIG\"" },
	{ HOST_LOCAL, "test \"$USER$LOGNAME\" = bobbob" },
	{ HOST_LOCAL, "test -d \"$HOME\" && test \"$SHELL\" = /bin/sh" },
	{ HOST_LOCAL, "test \"$SENDER\" = o_neil_x@example.org" },
	{ HOST_LOCAL, "test \"$RECIPIENT\" = bob+w_rk@localhost" },
	{ HOST_LOCAL, "test \"$LOCAL/$EXTENSION\" = bob+w_rk/w_rk" },
	{ HOST_LOCAL, "test \"$DOMAIN\" = localhost" },
	{ HOST_LOCAL, "test \"$ORIGINAL_RECIPIENT\" = bob@localhost" },
};

START_TEST(a_command_is_where_postfix_puts_it)
{
	world_local(&world);
	world.command.recipient.sender = "o'neil#x@example.org";
	world.command.recipient.extension = "w rk";
	world.command.agent = places[_i].agent;
	run_script(places[_i].script);
	ck_assert_msg(host_exit_status(&world.got) == 0, "not true: %s (%s)",
	    places[_i].script, world.got.output);
}
END_TEST

START_TEST(an_extension_with_a_slash_is_not_exported)
{
	world_local(&world);
	world.command.recipient.extension = "../x";
	run_script("test -z \"$EXTENSION\" && test \"$LOCAL\" = bob");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
}
END_TEST

START_TEST(descriptors_can_be_closed)
{
	world.command.closed = 1U << 0 | 1U << 2;
	run_script("test ! -e /dev/fd/0 && test ! -e /dev/fd/2 && exit 75");
	ck_assert_int_eq(host_exit_status(&world.got), 75);
}
END_TEST

START_TEST(a_limit_holds)
{
	world.command.limits[0].resource = RLIMIT_FSIZE;
	world.command.limits[0].most = 512;
	world.command.limit_count = 1;
	run_script("test \"$(ulimit -f)\" = 1 && exit 75");
	ck_assert_int_eq(host_exit_status(&world.got), 75);
}
END_TEST

static void
send_term(pid_t pid, void *context)
{
	(void)context;
	(void)kill(pid, SIGTERM);
}

START_TEST(a_signal_comes_when_so_much_is_read)
{
	world.command.meanwhile = send_term;
	world.command.pause_after = 10;
	run_script("trap 'exit 71' TERM; head -c 10 >/dev/null; read x; "
		   "exit 75");
	ck_assert_int_eq(host_exit_status(&world.got), 71);
}
END_TEST

START_TEST(an_input_that_is_held_open_never_ends)
{
	world.command.input_kind = HOST_HELD_OPEN;
	world.command.patience_ms = 200;
	run_script("cat >/dev/null");
	ck_assert(world.got.timed_out);
}
END_TEST

static const struct {
	const char *name;
	bool good;
} names[] = {
	{ "1.M000001P1Q1R1f.host,S=5,W=6", true },
	{ "1.M000001P1Q1R1f.host,S=6,W=6", false },
	{ "1.M000001P1Q1R1f.host,S=5,W=5", false },
	{ "1.M000001P1Q1R1f.host,S=5,W=7", false }, /* CRLF counted twice */
	{ "1.M000001P1Q1R1f.host,W=6,S=5", false },
	{ "1.M000001P1Q1R1f.host", false },
	{ "1.M000001P1Q1R1f.ho:st,S=5,W=6", false },
	{ "1.M000001P1Q1R1f.host,S=5,W=6:2,S", false },
	{ "1.P1.host,S=5,W=6", false },
};

START_TEST(a_wrong_name_of_a_message_is_noticed)
{
	char content[] = "a\nb\r\n";
	struct mail given = { .octets = content, .length = 5 };

	(void)snprintf(given.name, sizeof(given.name), "%s", names[_i].name);
	ck_assert_msg((maildir_complaint(&given) == NULL) == names[_i].good,
	    "%s", given.name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host");
	TCase *tests = tcase_create("host");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, an_ending_means_what_postfix_says, 0, COUNT(endings));
	tcase_add_test(tests, time_over_is_a_bounce_whatever_was_said);
	tcase_add_test(
	    tests, a_grandchild_that_keeps_the_output_open_is_waited_for);
	tcase_add_test(tests, a_message_that_is_not_read_is_no_error);
	tcase_add_test(
	    tests, a_command_that_is_missing_is_deferred_without_a_shell);
	tcase_add_test(tests, a_command_that_is_missing_bounces_behind_a_shell);
	tcase_add_test(tests, only_4096_octets_of_output_are_kept);
	tcase_add_test(tests, output_beyond_the_pipe_is_not_waited_for);
	tcase_add_loop_test(
	    tests, a_command_is_where_postfix_puts_it, 0, COUNT(places));
	tcase_add_test(tests, an_extension_with_a_slash_is_not_exported);
	tcase_add_test(tests, descriptors_can_be_closed);
	tcase_add_test(tests, a_limit_holds);
	tcase_add_test(tests, a_signal_comes_when_so_much_is_read);
	tcase_add_test(tests, an_input_that_is_held_open_never_ends);
	tcase_add_loop_test(
	    tests, a_wrong_name_of_a_message_is_noticed, 0, COUNT(names));
	suite_add_tcase(suite, tests);
	return world_main(suite);
}
