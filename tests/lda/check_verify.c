/*
 * check_verify.c - lda-verify as spawn(8) starts it: what Postfix hears about
 * a recipient.
 *
 * Source: lda-verify(8); postfix socketmap_table(5).
 */
#include "support/lmtp_talk.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;
static struct service service;

static void
set_up(void)
{
	lmtp_world(&world);
	service_use(&world, "lda-verify");
	service_init(&service, &world);
}

static void
tear_down(void)
{
	service_close(&service);
	world_close(&world);
}

static void
say_request(const char *request)
{
	char head[32];

	(void)snprintf(head, sizeof(head), "%zu:", strlen(request));
	service_say(&service, head);
	service_say(&service, request);
	service_say(&service, ",");
}

/* The text of the next netstring; lives until the next call. */
static const char *
hear_answer(void)
{
	static char text[4096];
	size_t length = 0;
	char octet;

	for (;;) {
		ck_assert_msg(service_hear_octets(&service, &octet, 1) == 1,
		    "no answer%s", world_tell(&world));
		if (octet == ':')
			break;
		ck_assert(octet >= '0' && octet <= '9');
		length = length * 10 + (size_t)(octet - '0');
	}
	ck_assert_uint_lt(length + 1, sizeof(text));
	ck_assert_uint_eq(
	    service_hear_octets(&service, text, length + 1), length + 1);
	ck_assert_int_eq(text[length], ',');
	text[length] = '\0';
	return text;
}

static void
expect_answer(const char *request, const char *want)
{
	const char *got;

	say_request(request);
	got = hear_answer();
	ck_assert_msg(strcmp(got, want) == 0,
	    "\"%s\" is answered \"%s\" instead of \"%s\"%s", request, got, want,
	    world_tell(&world));
}

/* Nobody but Postfix, whose end is what ends it. */
static void
hang_up(void)
{
	service_half_close(&service);
	service_hear_end(&service);
	expect_end(&service, 0);
}

/* Answers. */

#define TWENTY "01234567890123456789"
#define HUNDRED TWENTY TWENTY TWENTY TWENTY TWENTY

static const struct {
	const char *request, *want;
} answers[] = {
	{ "rcpt bob@b", "OK bob@b" },
	{ "rcpt BOB@B", "OK bob@b" },
	{ "rcpt bob+work@b", "OK bob@b" },
	{ "rcpt Bob+Work+x@b", "OK bob@b" },
	{ "rcpt otto@b", "NOTFOUND " },
	{ "rcpt bob@elsewhere", "NOTFOUND " },
	{ "rcpt bob", "NOTFOUND " },
	{ "rcpt @b", "NOTFOUND " },
	{ "rcpt b", "NOTFOUND " },
	{ "rcpt bo@b", "NOTFOUND " },
	{ "rcpt bob@b ", "NOTFOUND " },
	{ "rcpt  bob@b", "NOTFOUND " },
	{ "rcpt bob@b\n", "NOTFOUND " },
	{ "rcpt bob@b:x", "NOTFOUND " },
	{ "rcpt ", "NOTFOUND " },
	{ "rcpt", "NOTFOUND " },
	{ "rcpt " HUNDRED "@b", "NOTFOUND " },
	{ "rcpt " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
		HUNDRED HUNDRED HUNDRED "@b",
	    "NOTFOUND " },
	/* No mailbox is full where there is no quota. */
	{ "quota bob@b", "NOTFOUND " },
	{ "quota otto@b", "NOTFOUND " },
	{ "quota bob@", "NOTFOUND " },
	{ "quota b", "NOTFOUND " },
	{ "quota ", "NOTFOUND " },
};

START_TEST(question_has_an_answer)
{
	service_start(&service, &world);
	expect_answer(answers[_i].request, answers[_i].want);
	/* And the next one, too. */
	expect_answer("rcpt amy@b", "OK amy@b");
	hang_up();
}
END_TEST

START_TEST(unknown_map_is_a_mistake)
{
	static const char *const requests[] = { "", " ", "rcp bob@b",
		"rcpts bob@b", "RCPT bob@b", " rcpt bob@b" };

	service_start(&service, &world);
	say_request(requests[_i]);
	ck_assert_int_eq(strncmp(hear_answer(), "PERM ", 5), 0);
	expect_answer("rcpt amy@b", "OK amy@b");
	hang_up();
}
END_TEST

START_TEST(list_that_is_gone_is_no_verdict)
{
	service_start(&service, &world);
	expect_answer("rcpt otto@b", "NOTFOUND ");
	scratch_remove(&world.scratch, "users");
	expect_answer("rcpt otto@b", "TEMP 4.4.3 user lookup failed");
	expect_answer("rcpt bob@b", "TEMP 4.4.3 user lookup failed");
	service_await_log(&service, "/users");
	/* It is read anew each time. */
	lmtp_users(&world, lmtp_users_line(&world, "otto", "otto", ""));
	expect_answer("rcpt otto@b", "OK otto@b");
	/* Half written. */
	scratch_write(&world.scratch, "users", "bob@b:x:1");
	say_request("rcpt bob@b");
	ck_assert_int_eq(strncmp(hear_answer(), "TEMP 4.4.3", 10), 0);
	hang_up();
}
END_TEST

START_TEST(static_knows_everybody_whose_name_will_do)
{
	lmtp_config(&world,
	    "userdb = static\nmail_home = /srv/%d/%n\nmail_uid = 60001\n"
	    "mail_gid = 60001\n");
	service_start(&service, &world);
	expect_answer("rcpt who@ever", "OK who@ever");
	expect_answer("rcpt Who+x@ever", "OK who@ever");
	expect_answer("rcpt ../x@ever", "NOTFOUND ");
	expect_answer("rcpt .x@ever", "NOTFOUND ");
	expect_answer("rcpt a/b@ever", "NOTFOUND ");
	hang_up();
}
END_TEST

static void
fill_mailbox(void)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < COUNT(parts); i++)
		scratch_mkdir(&world.scratch,
		    scratch_print(&world.scratch, "home/Maildir%s", parts[i]),
		    0700);
	scratch_write(
	    &world.scratch, "home/Maildir/maildirsize", "1000S\n5000 1\n");
	scratch_write(
	    &world.scratch, "home/Maildir/cur/1.M1P1Q1R1.x,S=5000:2,S", "");
}

START_TEST(full_mailbox_is_an_action_for_access)
{
	const char *before;

	fill_mailbox();
	lmtp_config(&world,
	    _i == 0 ? "quota_rule = *:storage=1000B\nquota_grace = 0\n" :
		      "quota_rule = *:storage=1000B\nquota_grace = 0\n"
		      "quota_full_tempfail = no\n");
	service_start(&service, &world);
	expect_answer("quota bob@b",
	    _i == 0 ? "OK 452 4.2.2 mailbox is full" :
		      "OK 552 5.2.2 mailbox is full");
	expect_answer("quota BOB+x@b",
	    _i == 0 ? "OK 452 4.2.2 mailbox is full" :
		      "OK 552 5.2.2 mailbox is full");
	expect_answer("quota amy@b", "NOTFOUND ");
	expect_answer("rcpt bob@b", "OK bob@b");
	before = scratch_print(&world.scratch, "amy");
	/* Asking makes nothing. */
	ck_assert(!scratch_has(&world.scratch, before));
	hang_up();
}
END_TEST

/* The connection. */

START_TEST(questions_may_come_in_pieces)
{
	static const char wire[] =
	    "10:rcpt bob@b,11:rcpt otto@b,10:rcpt amy@b,";

	service_start(&service, &world);
	for (size_t i = 0; i < sizeof(wire) - 1; i++)
		service_say_octets(&service, wire + i, 1);
	ck_assert_str_eq(hear_answer(), "OK bob@b");
	ck_assert_str_eq(hear_answer(), "NOTFOUND ");
	ck_assert_str_eq(hear_answer(), "OK amy@b");
	for (size_t cut = 1; cut < 14; cut++) {
		service_say_octets(&service, wire, cut);
		service_hear_nothing(&service);
		service_say_octets(&service, wire + cut, 14 - cut);
		ck_assert_str_eq(hear_answer(), "OK bob@b");
	}
	hang_up();
}
END_TEST

START_TEST(many_questions_at_once)
{
	service_start(&service, &world);
	for (int i = 0; i < 500; i++)
		say_request(i % 2 == 0 ? "rcpt bob@b" : "rcpt otto@b");
	for (int i = 0; i < 500; i++)
		ck_assert_str_eq(
		    hear_answer(), i % 2 == 0 ? "OK bob@b" : "NOTFOUND ");
	hang_up();
}
END_TEST

static const char *const broken[] = { "rcpt bob@b\n", "10:rcpt bob@bX", "-1:x,",
	"x:y,", ":,", "010:rcpt bob@b,",
	"10001:", "99999999999999:", " 10:rcpt bob@b,",
	"GET / HTTP/1.0\r\n\r\n" };

START_TEST(what_is_no_netstring_ends_the_connection)
{
	service_start(&service, &world);
	expect_answer("rcpt bob@b", "OK bob@b");
	say_request("rcpt amy@b");
	service_say(&service, broken[_i]);
	/* What was whole before is answered. */
	ck_assert_str_eq(hear_answer(), "OK amy@b");
	service_hear_end(&service);
	expect_end(&service, 0);
}
END_TEST

START_TEST(longest_question_is_answered)
{
	char request[10001];

	memset(request, 'x', sizeof(request) - 1);
	memcpy(request, "rcpt ", 5);
	request[sizeof(request) - 1] = '\0';
	service_start(&service, &world);
	expect_answer(request, "NOTFOUND ");
	hang_up();
	/* It is nobody's fault. */
	expect_no_log(&world, "too long");
}
END_TEST

/* Without the pages of programs and libraries. */
static long
own_memory_kib(void)
{
	return strtol(process_fact(service.pid, "RssAnon:"), NULL, 10);
}

START_TEST(memory_does_not_grow_with_the_questions)
{
	static const char *const requests[] = { "rcpt bob@b", "rcpt otto@b",
		"rcpt bob+x@b", "nothing" };
	long early = 0;

	service_start(&service, &world);
	for (int i = 0; i < 5000; i++) {
		say_request(requests[i % (int)COUNT(requests)]);
		(void)hear_answer();
		if (i == 200)
			early = own_memory_kib();
	}
	/* The same for what is no answer. */
	scratch_remove(&world.scratch, "users");
	for (int i = 0; i < 2000; i++) {
		say_request(requests[i % (int)COUNT(requests)]);
		(void)hear_answer();
	}
	if (!MACHINE_IS_SANITIZED)
		ck_assert_int_le(own_memory_kib(), early + 32);
	hang_up();
}
END_TEST

START_TEST(it_ends_when_it_is_asked)
{
	service_start(&service, &world);
	expect_answer("rcpt bob@b", "OK bob@b");
	ck_assert_int_eq(kill(service.pid, SIGTERM), 0);
	service_hear_end(&service);
	expect_end(&service, 0);
}
END_TEST

/* Postfix asks once more, and then says 451. */
START_TEST(mistake_of_the_administrator_says_nothing)
{
	static const char *const configs[] = { "no_such_setting = 1\n",
		"userdb = nonsense\n", "mail_location = what:ever\n" };

	lmtp_config(&world, configs[_i]);
	service_start(&service, &world);
	service_say(&service, "10:rcpt bob@b,");
	service_hear_end(&service);
	expect_end(&service, 75);
	expect_log(&world, "lda.conf:");
}
END_TEST

/* For people. */

static void
ask_for_people(void)
{
	world.command.agent = HOST_PERSON;
	world_deliver(&world, "");
	ck_assert_msg(
	    host_exit_status(&world.got) == 0, "%s", world_tell(&world));
}

START_TEST(trial_tells_what_would_be_answered)
{
	fill_mailbox();
	lmtp_config(&world, "quota_rule = *:storage=1000B\nquota_grace = 0\n");
	world_arguments(&world, "-t", _i == 0 ? "bob@b" : "otto@b", NULL);
	ask_for_people();
	ck_assert_str_eq(world.got.output,
	    _i == 0 ? "rcpt: OK bob@b\n"
		      "quota: OK 452 4.2.2 mailbox is full\n" :
		      "rcpt: NOTFOUND \nquota: NOTFOUND \n");
}
END_TEST

START_TEST(trial_warns_where_everybody_is_found)
{
	lmtp_config(&world, "userdb = static\nmail_home = /srv/%n\n");
	world_arguments(&world, "-t", "who@ever", NULL);
	ask_for_people();
	ck_assert_msg(strstr(world.got.output, "finds everybody") != NULL &&
		strstr(world.got.output, "rcpt: OK who@ever\n") != NULL,
	    "%s", world.got.output);
}
END_TEST

START_TEST(version_and_settings)
{
	world_arguments(&world, _i == 0 ? "-V" : "-n", NULL);
	ask_for_people();
	ck_assert_ptr_nonnull(strstr(world.got.output,
	    _i == 0 ? "lda-verify " : "userdb = passwd-file:"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verify");
	TCase *questions = tcase_create("questions");
	TCase *connection = tcase_create("connection");
	TCase *people = tcase_create("people");
	TCase *all[] = { questions, connection, people };

	for (size_t i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		tcase_set_timeout(all[i], 30);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(
	    questions, question_has_an_answer, 0, COUNT(answers));
	tcase_add_loop_test(questions, unknown_map_is_a_mistake, 0, 6);
	tcase_add_test(questions, list_that_is_gone_is_no_verdict);
	tcase_add_test(questions, static_knows_everybody_whose_name_will_do);
	tcase_add_loop_test(
	    questions, full_mailbox_is_an_action_for_access, 0, 2);
	tcase_add_test(connection, questions_may_come_in_pieces);
	tcase_add_test(connection, many_questions_at_once);
	tcase_add_loop_test(connection,
	    what_is_no_netstring_ends_the_connection, 0, COUNT(broken));
	tcase_add_test(connection, longest_question_is_answered);
	tcase_add_test(connection, memory_does_not_grow_with_the_questions);
	tcase_add_test(connection, it_ends_when_it_is_asked);
	tcase_add_loop_test(
	    connection, mistake_of_the_administrator_says_nothing, 0, 3);
	tcase_add_loop_test(people, trial_tells_what_would_be_answered, 0, 2);
	tcase_add_test(people, trial_warns_where_everybody_is_found);
	tcase_add_loop_test(people, version_and_settings, 0, 2);
	return world_main(suite);
}
