/*
 * check_connection.c - octets come and go, every wait ends.
 */
#include "serve/connection.h"

#include "../base/expect.h"
#include "base/stop.h"
#include "base/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any test. */
#define LONG_MS 20000

static struct connection connection;
static int peer; /* the other end */

static void
open_connection(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	peer = ends[0];
	connection_init(&connection, ends[1], ends[1]);
}

static void
close_connection(void)
{
	(void)close(peer);
	(void)close(connection.in);
}

static void
say(struct str text)
{
	ck_assert_int_eq(
	    send(peer, text.at, text.length, 0), (ssize_t)text.length);
}

static void
expect_more(enum connection_read want)
{
	enum connection_read got = connection_more(&connection, LONG_MS, false);

	ck_assert_int_eq((int)got, (int)want);
}

START_TEST(what_is_not_used_stays)
{
	struct cursor in;

	say(STR("abc\0"));
	expect_more(CONNECTION_READ);
	in = connection_input(&connection);
	expect_str(STR("first"), in.rest, STR("abc\0"));
	(void)cursor_octets(&in, 2);
	connection_use(&connection, &in);
	expect_str(STR("rest"), connection_input(&connection).rest, STR("c\0"));
	say(STR("d"));
	expect_more(CONNECTION_READ);
	in = connection_input(&connection);
	expect_str(STR("both"), in.rest, STR("c\0d"));
	(void)cursor_octets(&in, 3);
	connection_use(&connection, &in);
	ck_assert_uint_eq(connection_input(&connection).rest.length, 0);
}
END_TEST

START_TEST(room_is_filled_to_the_brim)
{
	static char octets[CONNECTION_IN_OCTETS];
	struct cursor in;
	size_t said = 0;

	memset(octets, 'x', sizeof(octets));
	while (said < sizeof(octets)) {
		ssize_t sent =
		    send(peer, octets, sizeof(octets) - said, MSG_DONTWAIT);

		ck_assert_int_gt(sent, 0);
		said += (size_t)sent;
		expect_more(CONNECTION_READ);
	}
	in = connection_input(&connection);
	ck_assert_uint_eq(in.rest.length, sizeof(octets));
	(void)cursor_octets(&in, sizeof(octets) - 1);
	connection_use(&connection, &in);
	say(STR("yz"));
	expect_more(CONNECTION_READ);
	expect_str(STR("end"), connection_input(&connection).rest, STR("xyz"));
}
END_TEST

START_TEST(end_of_the_peer_is_the_end)
{
	say(STR("last"));
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	expect_more(CONNECTION_READ);
	expect_more(CONNECTION_ENDED);
	/* What had come is still there. */
	expect_str(
	    STR("last"), connection_input(&connection).rest, STR("last"));
}
END_TEST

START_TEST(silence_ends_in_its_time)
{
	int64_t then_us = sys_ticks_us();

	ck_assert_int_eq((int)connection_more(&connection, _i * 30, false),
	    (int)CONNECTION_TIME_OUT);
	ck_assert_int_ge(sys_ticks_us() - then_us, (int64_t)_i * 30000);
	ck_assert_int_lt(sys_ticks_us() - then_us, 5000000);
}
END_TEST

/* Time is over, and yet there is something. */
START_TEST(what_is_there_is_read_without_time)
{
	say(STR("x"));
	ck_assert_int_eq(
	    (int)connection_more(&connection, 0, false), (int)CONNECTION_READ);
}
END_TEST

START_TEST(answers_go_out_before_the_wait)
{
	char room[16];

	buf_add_string(&connection.output, "one\n");
	buf_add_string(&connection.output, "two\n");
	ck_assert_int_eq(recv(peer, room, sizeof(room), MSG_DONTWAIT), -1);
	ck_assert_int_eq((int)connection_more(&connection, 0, false),
	    (int)CONNECTION_TIME_OUT);
	ck_assert_int_eq(recv(peer, room, sizeof(room), MSG_DONTWAIT), 8);
	ck_assert_int_eq(memcmp(room, "one\ntwo\n", 8), 0);
	ck_assert_uint_eq(connection.output.length, 0);
}
END_TEST

START_TEST(room_for_a_reply_is_made_by_sending)
{
	char room[64];

	connection_reserve(&connection, 512);
	ck_assert_int_eq(recv(peer, room, sizeof(room), MSG_DONTWAIT), -1);
	while (connection.output.length + 512 < CONNECTION_OUT_OCTETS)
		buf_add_string(&connection.output, "0123456789");
	connection_reserve(&connection, 512);
	ck_assert_uint_eq(connection.output.length, 0);
	ck_assert_int_eq(recv(peer, room, 10, MSG_DONTWAIT), 10);
	buf_add_string(&connection.output, "x");
	ck_assert(!connection.output.overflow);
}
END_TEST

/* A peer that reads late gets all of it, in order. */
START_TEST(much_is_sent_to_a_slow_reader)
{
	enum {
		ROUNDS = 200,
		OCTETS = 10000
	};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			for (int j = 0; j < OCTETS; j++)
				buf_add_octet(
				    &connection.output, (char)('a' + i % 26));
			connection_flush(&connection);
		}
		_exit(connection.broken ? 1 : 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		char room[OCTETS];

		ck_assert_int_eq(recv(peer, room, OCTETS, MSG_WAITALL), OCTETS);
		ck_assert_int_eq(room[0], 'a' + i % 26);
		ck_assert_int_eq(room[OCTETS - 1], 'a' + i % 26);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(peer_that_has_gone_breaks_the_connection)
{
	(void)signal(SIGPIPE, SIG_DFL); /* no need of it either */
	(void)close(peer);
	buf_add_string(&connection.output, "hello?\n");
	connection_flush(&connection);
	ck_assert(connection.broken);
	expect_more(CONNECTION_ENDED);
	/* More is dropped. */
	buf_add_string(&connection.output, "hello?\n");
	connection_flush(&connection);
	ck_assert_uint_eq(connection.output.length, 0);
	peer = -1;
}
END_TEST

START_TEST(by_hand_it_is_no_socket)
{
	int in[2], out[2];
	char room[8];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	connection_init(&connection, in[0], out[1]);
	buf_add_string(&connection.output, "hi\n");
	ck_assert_int_eq(write(in[1], "yo\n", 3), 3);
	expect_more(CONNECTION_READ);
	ck_assert_int_eq(read(out[0], room, sizeof(room)), 3);
	expect_str(STR("in"), connection_input(&connection).rest, STR("yo\n"));
}
END_TEST

/* Only between two transactions. */
START_TEST(who_is_asked_to_end_does_when_idle)
{
	stop_when_asked();
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq((int)connection_more(&connection, LONG_MS, true),
	    (int)CONNECTION_STOPPED);
	ck_assert_int_eq((int)connection_more(&connection, 0, false),
	    (int)CONNECTION_TIME_OUT);
	say(STR("x"));
	expect_more(CONNECTION_READ);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("connection");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 30);
	tcase_add_checked_fixture(all, open_connection, close_connection);
	tcase_add_test(all, what_is_not_used_stays);
	tcase_add_test(all, room_is_filled_to_the_brim);
	tcase_add_test(all, end_of_the_peer_is_the_end);
	tcase_add_loop_test(all, silence_ends_in_its_time, 0, 3);
	tcase_add_test(all, what_is_there_is_read_without_time);
	tcase_add_test(all, answers_go_out_before_the_wait);
	tcase_add_test(all, room_for_a_reply_is_made_by_sending);
	tcase_add_test(all, much_is_sent_to_a_slow_reader);
	tcase_add_test(all, peer_that_has_gone_breaks_the_connection);
	tcase_add_test(all, by_hand_it_is_no_socket);
	if (expect_forks())
		tcase_add_test(all, who_is_asked_to_end_does_when_idle);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
