/*
 * check_log.c - one line for each delivery, in dovecot's words, whoever
 * listens.
 *
 * Source: DESIGN 2.4; dovecot's deliver_log_format; RFC 3164 4.1.
 */
#include "support/world.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
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

/* The only line, and it must match. */
static void
expect_line(const char *pattern)
{
	regex_t compiled;
	int match;

	ck_assert_msg(
	    world.log.count == 1, "not one line:%s", world_tell(&world));
	ck_assert_int_eq(
	    regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
	match = regexec(&compiled, world.log.lines[0], 0, NULL, 0);
	regfree(&compiled);
	ck_assert_msg(match == 0, "not %s:%s", pattern, world_tell(&world));
}

START_TEST(a_delivery_is_one_line)
{
	static const char given[] =
	    "Return-Path: <a@b.example>\n"
	    "Received: by mx.example (Postfix, from userid 1)\n"
	    "\tid 4jWcB12x; Wed,  1 Jan 2025 00:00:00 +0000 (UTC)\n"
	    "Received: by other.example id 9999; x\n"
	    "Message-ID: <x@y>\n\nbody\n";

	world_arguments(&world, "-d", "bob", "-f", "a@b.example", "-a",
	    "bob+work@d.example", NULL);
	world_deliver(&world, given);
	expect_sent(&world);
	expect_line("^<22>lda\\[[0-9]+\\]: lda\\(bob\\): msgid=<x@y>: "
		    "saved mail to INBOX from=<a@b\\.example> "
		    "orig_to=<bob\\+work@d\\.example> queue_id=4jWcB12x "
		    "size=[0-9]+ ms=[0-9]+\\.[0-9]$");
	expect_log(
	    &world, scratch_print(&world.scratch, " size=%zu ", strlen(given)));
}
END_TEST

START_TEST(what_is_not_known_is_not_said)
{
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, "Subject: x\n\n");
	expect_sent(&world);
	expect_line("^<22>lda\\[[0-9]+\\]: lda\\(bob\\): "
		    "(msgid=[a-z]*: )?saved mail to INBOX "
		    "size=[0-9]+ ms=[0-9.]+$");
}
END_TEST

START_TEST(a_failure_is_one_line_with_cause_reply_and_exit)
{
	scratch_chmod(&world.scratch, "home", 0500);
	world_arguments(&world, "-d", "bob", "-f", "a@b.example", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.2.1");
	expect_line("^<19>lda\\[[0-9]+\\]: lda\\(bob\\): .*save failed to "
		    "INBOX: .*Permission denied.* reply=\"4\\.2\\.1 [^\"]*\" "
		    "exit=75$");
	/* The log has the reply word for word. */
	expect_log(&world,
	    scratch_print(&world.scratch, "reply=\"%s\"", world.got.output));
}
END_TEST

START_TEST(a_failure_before_the_user_is_known_is_one_line)
{
	world_arguments(&world, "-x", NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	expect_line("^<19>lda\\[[0-9]+\\]: lda: .*-x.* "
		    "reply=\"4\\.3\\.5 [^\"]*\" exit=75$");
}
END_TEST

START_TEST(an_unknown_user_is_one_line)
{
	world_arguments(&world, "-d", "nosuch", NULL);
	world_deliver(&world, world_mail);
	expect_unknown(&world);
	expect_line("^<[0-9]+>lda\\[[0-9]+\\]: .*nosuch.* "
		    "reply=\"5\\.1\\.1 [^\"]*\" exit=67$");
}
END_TEST

/* What somebody else has written, and may not do to the line. */
static const struct {
	const char *message;
	const char *unwanted;
} evil[] = {
	{ "Message-ID: <a\x1b[2Jb@c>\n\n", "\x1b" },
	{ "Message-ID: <a\tb@c>\n\n", "\t" },
	{ "Message-ID: <a\x7f\x01@c>\n\n", "\x7f" },
	{ "Message-ID: <a@b>\n lda(root): saved mail\n\n", "\n" },
	{ "Received: from x id a\x07; y\n\n", "\x07" },
	{ "Return-Path: <a\x08@b>\n\n", "\x08" },
	{ "Message-ID: <a\xc2\x9b@c>\n\n", "\xc2\x9b" },
};

START_TEST(control_characters_do_not_reach_the_log)
{
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, evil[_i].message);
	expect_sent(&world);
	ck_assert_uint_eq(world.log.count, 1);
	expect_no_log(&world, evil[_i].unwanted);
	expect_printable_log(&world);
	expect_log(&world, "saved mail to INBOX");
}
END_TEST

START_TEST(control_characters_of_arguments_do_not_either)
{
	world_arguments(&world, "-d", "bob", "-f", "a\nb\x1b@c", "-a",
	    "d\re\x01@f", "-m", "g\nh", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_printable_log(&world);
}
END_TEST

START_TEST(a_long_value_leaves_room_for_the_rest)
{
	static char given[70000];

	memset(given, 'x', sizeof(given) - 1);
	memcpy(given, "Message-ID: <", 13);
	memcpy(given + sizeof(given) - 4, ">\n\n", 4);
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, given);
	expect_sent(&world);
	expect_log(&world, "saved mail to INBOX");
	expect_log(&world, " size=");
	ck_assert_uint_le(world.log.lengths[0], 2048);
}
END_TEST

START_TEST(the_facility_can_be_chosen)
{
	/* local3 is 19 (RFC 3164), info is 6, error 3. */
	world_arguments(
	    &world, "-d", "bob", "-o", "syslog_facility=local3", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_line("^<158>lda\\[");
	log_sink_forget(&world.log);
	world_argument(&world, "-p");
	world_argument(&world, "/nonexistent");
	world_deliver(&world, world_mail);
	expect_line("^<155>lda\\[");
}
END_TEST

START_TEST(the_form_of_the_line_can_be_chosen)
{
	world_arguments(&world, "-d", "bob", "-f", "a@b.example", "-o",
	    "deliver_log_format=id %m by %f of %p: %$", NULL);
	world_deliver(&world, "From: c@d.example\nMessage-ID: <x@y>\n\n");
	expect_sent(&world);
	expect_log(&world, "id <x@y> by ");
	expect_log(&world, ": saved mail to INBOX");
}
END_TEST

/* Who listens. */

START_TEST(the_socket_can_be_chosen)
{
	static struct log_sink other;

	log_sink_open(&other, scratch_path(&world.scratch, "other"));
	if (_i == 0)
		world_arguments(&world, "-d", "bob", "-o",
		    scratch_print(
			&world.scratch, "syslog_socket=%s", other.path),
		    NULL);
	else {
		world_arguments(&world, "-d", "bob", NULL);
		world_config(&world,
		    scratch_print(&world.scratch,
			"mail_location = maildir:~/Maildir\n"
			"syslog_socket = %s\n",
			other.path));
	}
	world_deliver(&world, world_mail);
	expect_sent(&world);
	log_sink_drain(&other);
	ck_assert_ptr_nonnull(log_sink_find(&other, "saved mail"));
	ck_assert_uint_eq(world.log.count, 0);
	log_sink_close(&other);
}
END_TEST

START_TEST(an_error_in_the_file_is_logged_where_o_says)
{
	static struct log_sink other;

	log_sink_open(&other, scratch_path(&world.scratch, "other"));
	world_config(&world, "mail_fsinc = x\n");
	world_arguments(&world, "-d", "bob", "-o",
	    scratch_print(&world.scratch, "syslog_socket=%s", other.path),
	    NULL);
	world_deliver(&world, world_mail);
	expect_deferred(&world, "4.3.5");
	log_sink_drain(&other);
	ck_assert_ptr_nonnull(log_sink_find(&other, "mail_fsinc"));
	log_sink_close(&other);
}
END_TEST

/* "#" is the scratch directory. */
static const char *const nobody[] = {
	"/nonexistent/log",
	"",
	"/dev/null",
	"#",
	"#/file",
	"#/stream",
	"relative",
};

START_TEST(a_log_that_is_not_there_does_not_matter)
{
	const char *path = nobody[_i];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
	    scratch_path(&world.scratch, "stream"));
	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	scratch_chmod(&world.scratch, "stream", 0777);
	scratch_write(&world.scratch, "file", "");
	if (path[0] == '#')
		path = scratch_print(
		    &world.scratch, "%s%s", world.scratch.root, path + 1);
	world_arguments(&world, "-d", "bob", "-o",
	    scratch_print(&world.scratch, "syslog_socket=%s", path), NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert_int_lt(world.got.elapsed_ms, 2000);
	(void)close(fd);
}
END_TEST

START_TEST(a_log_path_that_is_too_long_does_not_matter)
{
	char path[512] = "syslog_socket=/";

	memset(path + strlen(path), 'x', 400);
	world_arguments(&world, "-d", "bob", "-o", path, NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
}
END_TEST

START_TEST(nobody_hearing_a_failure_does_not_matter)
{
	world_arguments(&world, "-d", "nosuch", "-o",
	    "syslog_socket=/nonexistent/log", NULL);
	world_deliver(&world, world_mail);
	expect_unknown(&world);
}
END_TEST

/* Until the socket's queue is full; the sink's test reads nothing. */
static void
fill_the_queue(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(address.sun_path, world.log.path, strlen(world.log.path) + 1);
	ck_assert_int_eq(
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	while (send(fd, "x", 1, MSG_DONTWAIT) == 1)
		continue;
	(void)close(fd);
}

START_TEST(a_log_that_is_full_does_not_matter)
{
	fill_the_queue();
	world.command.log = NULL;
	world_arguments(&world, "-d", _i == 0 ? "bob" : "nosuch", NULL);
	world_deliver(&world, world_mail);
	if (_i == 0)
		expect_sent(&world);
	else
		expect_unknown(&world);
	ck_assert_int_lt(world.got.elapsed_ms, 2000);
}
END_TEST

START_TEST(a_script_that_nothing_runs_is_mentioned)
{
	scratch_write(&world.scratch, "home/.dovecot.sieve", "keep;\n");
	world_arguments(&world, "-d", "bob", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_log(&world, "ieve");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *line = tcase_create("line");
	TCase *listener = tcase_create("listener");

	tcase_add_checked_fixture(line, set_up, tear_down);
	tcase_add_checked_fixture(listener, set_up, tear_down);
	tcase_add_test(line, a_delivery_is_one_line);
	tcase_add_test(line, what_is_not_known_is_not_said);
	tcase_add_test(line, a_failure_is_one_line_with_cause_reply_and_exit);
	tcase_add_test(line, a_failure_before_the_user_is_known_is_one_line);
	tcase_add_test(line, an_unknown_user_is_one_line);
	tcase_add_loop_test(
	    line, control_characters_do_not_reach_the_log, 0, COUNT(evil));
	tcase_add_test(line, control_characters_of_arguments_do_not_either);
	tcase_add_test(line, a_long_value_leaves_room_for_the_rest);
	tcase_add_test(line, the_facility_can_be_chosen);
	tcase_add_test(line, the_form_of_the_line_can_be_chosen);
	tcase_add_test(line, a_script_that_nothing_runs_is_mentioned);
	tcase_add_loop_test(listener, the_socket_can_be_chosen, 0, 2);
	tcase_add_test(listener, an_error_in_the_file_is_logged_where_o_says);
	tcase_add_loop_test(listener, a_log_that_is_not_there_does_not_matter,
	    0, COUNT(nobody));
	tcase_add_test(listener, a_log_path_that_is_too_long_does_not_matter);
	tcase_add_test(listener, nobody_hearing_a_failure_does_not_matter);
	tcase_add_loop_test(listener, a_log_that_is_full_does_not_matter, 0, 2);
	suite_add_tcase(suite, line);
	suite_add_tcase(suite, listener);
	return world_main(suite);
}
