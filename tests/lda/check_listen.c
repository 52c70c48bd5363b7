/*
 * check_listen.c - servers that listen themselves: sockets, signals, who may
 * connect, and with what password.
 *
 * Source: lda-lmtp(8) "Listening itself", "Who may connect"; sd_notify(3),
 * sd_listen_fds(3).
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "support/lmtp_talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEXT "Subject: hello\n\nHello.\n"
#define FOR(address) "Return-Path: <a@b>\nDelivered-To: " address "\n"

static struct world world;
static struct service server;        /* what listens; its stdin says nothing */
static struct service first, second; /* connections */
static const char *path;             /* of the socket */

static void
set_up(void)
{
	struct service *all[] = { &server, &first, &second };

	lmtp_world(&world);
	for (size_t i = 0; i < COUNT(all); i++) {
		memset(all[i], 0, sizeof(*all[i]));
		all[i]->fd = -1;
		all[i]->world = &world;
	}
	path = scratch_path(&world.scratch, "lmtp");
}

static void
tear_down(void)
{
	service_close(&first);
	service_close(&second);
	service_close(&server);
	world_close(&world);
}

static void
listen_at(const char *where)
{
	world_argument(&world, "-l");
	world_argument(&world, where);
	service_start(&server, &world);
	service_await_log(&server, ": listening");
}

static void
listen_unix(void)
{
	listen_at(scratch_print(&world.scratch, "unix:%s", path));
}

/* Nothing was ever said where it was started. */
static void
expect_silent_end(int exit_status)
{
	char room[64];

	ck_assert_uint_eq(service_hear_octets(&server, room, sizeof(room)), 0);
	expect_end(&server, exit_status);
}

static void
end_server(void)
{
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	expect_silent_end(0);
}

static void
deliver(struct service *service)
{
	lmtp_envelope(service, "bob@b", NULL);
	lmtp_data(service, TEXT);
	service_hear(service, "250 2.0.0 <bob@b>");
}

static void
quit(struct service *service)
{
	service_say(service, "QUIT\r\n");
	service_hear(service, "221 ");
	service_hear_end(service);
	service_hang_up(service);
}

/* TCP. */

static uint16_t port;

/* One that is free. */
static void
find_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(
	    getsockname(fd, (struct sockaddr *)&address, &size), 0);
	port = ntohs(address.sin_port);
	(void)close(fd);
}

static void
listen_inet(void)
{
	find_port();
	listen_at(
	    scratch_print(&world.scratch, "inet:127.0.0.1:%u", (unsigned)port));
}

static void
connect_inet(struct service *service)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	ck_assert_int_eq(
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	service_take(service, &world, fd);
}

/* Sockets. */

START_TEST(connections_are_served_side_by_side)
{
	listen_unix();
	service_connect(&first, &world, path);
	service_connect(&second, &world, path);
	lmtp_greet(&second);
	lmtp_greet(&first);
	deliver(&first);
	quit(&first);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	deliver(&second);
	quit(&second);
	end_server();
	ck_assert(!scratch_has(&world.scratch, "lmtp"));
	expect_log(&world, ": ended");
}
END_TEST

START_TEST(mode_of_the_socket_is_what_is_said)
{
	static const struct {
		const char *more;
		mode_t want;
	} rows[] = {
		{ "", 0600 },
		{ ",mode=660", 0660 },
		{ ",mode=0666", 0666 },
		{ ",mode=0660,group=bob", 0660 },
	};

	listen_at(
	    scratch_print(&world.scratch, "unix:%s%s", path, rows[_i].more));
	ck_assert_uint_eq(
	    scratch_mode(&world.scratch, "lmtp") & 0777, rows[_i].want);
	end_server();
}
END_TEST

static int
bind_at(const char *name, bool listens)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *where = scratch_path(&world.scratch, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, where, strlen(where) + 1);
	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (listens)
		ck_assert_int_eq(listen(fd, 5), 0);
	scratch_chown(
	    &world.scratch, name, world.scratch.uid, world.scratch.gid);
	scratch_chmod(&world.scratch, name, 0777);
	return fd;
}

START_TEST(socket_that_was_left_behind_is_replaced)
{
	(void)close(bind_at("lmtp", true));
	listen_unix();
	service_connect(&first, &world, path);
	lmtp_greet(&first);
	quit(&first);
	end_server();
}
END_TEST

START_TEST(what_is_in_use_stays)
{
	int fd = -1;

	if (_i == 0)
		fd = bind_at("lmtp", true);
	else
		scratch_write(&world.scratch, "lmtp", "a file\n");
	world_argument(&world, "-l");
	world_argument(&world, scratch_print(&world.scratch, "unix:%s", path));
	service_start(&server, &world);
	expect_silent_end(75);
	expect_log(&world, "another server does, or it is no socket");
	ck_assert(scratch_has(&world.scratch, "lmtp"));
	if (fd >= 0)
		(void)close(fd);
}
END_TEST

START_TEST(place_that_is_misspelt_is_told)
{
	static const char *const places[] = { "unix:", "unix:relative", "lmtp",
		"unix:/tmp/x,mode=999", "unix:/tmp/x,mode=", "unix:/tmp/x,x=y",
		"unix:/tmp/x,mode=07777", "unix:/nonexistent/x",
		"unix:/tmp/x,user=nobody-such", "inet:127.0.0.1",
		"inet:127.0.0.1:", "inet:127.0.0.1:0", "inet:127.0.0.1:65536",
		"inet:mail.example.com:24", "inet:127.0.0.1:24x" };

	world_argument(&world, "-l");
	world_argument(&world, places[_i]);
	service_start(&server, &world);
	expect_silent_end(75);
	expect_log(&world, "-l");
}
END_TEST

START_TEST(no_more_processes_than_so_many)
{
	lmtp_config(&world, "default_process_limit = 1\n");
	listen_unix();
	service_connect(&first, &world, path);
	service_hear(&first, "220 ");
	/* It waits in the queue, and comes in when the other has gone. */
	service_connect(&second, &world, path);
	service_say(&first, "NOOP\r\n");
	service_hear(&first, "250 ");
	service_hear_nothing(&second);
	quit(&first);
	lmtp_greet(&second);
	quit(&second);
	end_server();
}
END_TEST

/* One process ends, the others do not. */
START_TEST(crash_of_one_connection_is_its_own)
{
	pid_t children[2];

	listen_unix();
	service_connect(&first, &world, path);
	lmtp_greet(&first);
	ck_assert_uint_eq(
	    process_children(server.pid, children, COUNT(children)), 1);
	ck_assert_int_eq(kill(children[0], SIGKILL), 0);
	service_hear_end(&first);
	service_connect(&second, &world, path);
	lmtp_greet(&second);
	deliver(&second);
	quit(&second);
	end_server();
}
END_TEST

/* Signals. */

START_TEST(TERM_finishes_what_has_begun)
{
	listen_unix();
	service_connect(&first, &world, path);
	service_connect(&second, &world, path);
	lmtp_greet(&first);
	lmtp_greet(&second);
	lmtp_envelope(&first, "bob@b", NULL);
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	service_hear(&second, "421 4.3.2");
	service_hear_end(&second);
	ck_assert(!scratch_has(&world.scratch, "lmtp"));
	lmtp_data(&first, TEXT);
	service_hear(&first, "250 2.0.0 <bob@b>");
	service_hear(&first, "421 4.3.2");
	service_hear_end(&first);
	expect_silent_end(0);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
}
END_TEST

static void
expect_size(struct service *service, const char *want)
{
	service_connect(service, &world, path);
	service_hear(service, "220 ");
	service_say(service, "LHLO c\r\n");
	ck_assert_ptr_nonnull(strstr(service_hear(service, "250-"), want));
	quit(service);
}

/* A datagram that systemd would get. */
static void
expect_state(int fd, const char *want)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	char room[256];
	ssize_t got;

	ck_assert_msg(poll(&wanted, 1, 10000) == 1, "%s is not told%s", want,
	    world_tell(&world));
	got = recv(fd, room, sizeof(room) - 1, 0);
	ck_assert_int_ge(got, 0);
	room[got] = '\0';
	ck_assert_str_eq(room, want);
}

static int
open_notify(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *where = scratch_path(&world.scratch, "notify");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, where, strlen(where) + 1);
	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	scratch_chmod(&world.scratch, "notify", 0777);
	world_variable(
	    &world, scratch_print(&world.scratch, "NOTIFY_SOCKET=%s", where));
	return fd;
}

START_TEST(HUP_reads_the_settings_again_and_systemd_is_told)
{
	int notify = open_notify();

	lmtp_config(&world, "message_size_limit = 1000\n");
	listen_unix();
	expect_state(notify, "READY=1");
	expect_size(&first, "250 SIZE 1000\r\n");
	lmtp_config(&world, "message_size_limit = 2000\n");
	ck_assert_int_eq(kill(server.pid, SIGHUP), 0);
	expect_state(notify, "RELOADING=1");
	expect_state(notify, "READY=1");
	expect_size(&first, "250 SIZE 2000\r\n");
	expect_no_log(&world, "stay in force");
	/* What cannot be read changes nothing. */
	lmtp_config(&world, "message_size_limit = 3000\nnonsense = 1\n");
	ck_assert_int_eq(kill(server.pid, SIGHUP), 0);
	expect_state(notify, "RELOADING=1");
	expect_state(notify, "READY=1");
	expect_size(&first, "250 SIZE 2000\r\n");
	service_await_log(&server, "the old settings stay in force");
	lmtp_config(&world, "message_size_limit = 4000\n");
	ck_assert_int_eq(kill(server.pid, SIGHUP), 0);
	expect_state(notify, "RELOADING=1");
	expect_state(notify, "READY=1");
	expect_size(&first, "250 SIZE 4000\r\n");
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	expect_state(notify, "STOPPING=1");
	expect_silent_end(0);
	(void)close(notify);
}
END_TEST

START_TEST(HUP_leaves_connections_alone)
{
	int notify = open_notify();

	listen_unix();
	expect_state(notify, "READY=1");
	service_connect(&first, &world, path);
	lmtp_greet(&first);
	lmtp_envelope(&first, "bob@b", NULL);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(kill(server.pid, SIGHUP), 0);
		expect_state(notify, "RELOADING=1");
		expect_state(notify, "READY=1");
	}
	lmtp_data(&first, TEXT);
	service_hear(&first, "250 2.0.0 <bob@b>");
	quit(&first);
	end_server();
	(void)close(notify);
}
END_TEST

/* Sockets from systemd. */

/* Far from what the runner closes. */
#define HIGH 300

static char listen_pid[32];

static void
hand_over(void *context)
{
	(void)context;
	(void)snprintf(listen_pid, sizeof(listen_pid), "LISTEN_PID=%jd",
	    (intmax_t)getpid());
	if (dup2(HIGH, 3) < 0)
		_exit(75);
}

/* LISTEN_PID is written by the process that it names. */
static void
start_with(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_DUPFD, HIGH), HIGH);
	(void)close(fd);
	world_variable(&world, listen_pid);
	world_variable(&world, "LISTEN_FDS=1");
	world.command.before_exec = hand_over;
	service_start(&server, &world);
	(void)close(HIGH);
}

START_TEST(socket_of_systemd_is_listened_on)
{
	start_with(bind_at("handed", true));
	service_await_log(&server, ": listening");
	service_connect(&first, &world, scratch_path(&world.scratch, "handed"));
	lmtp_greet(&first);
	deliver(&first);
	quit(&first);
	end_server();
	/* It is not ours. */
	ck_assert(scratch_has(&world.scratch, "handed"));
}
END_TEST

START_TEST(connection_of_systemd_is_served)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	service_take(&first, &world, ends[0]);
	start_with(ends[1]);
	lmtp_greet(&first);
	deliver(&first);
	quit(&first);
	expect_silent_end(0);
}
END_TEST

START_TEST(variables_for_another_process_are_none_of_ours)
{
	world_variable(&world, "LISTEN_PID=1");
	world_variable(&world, "LISTEN_FDS=1");
	lmtp_open(&server, &world);
	deliver(&server);
	lmtp_quit(&server);
}
END_TEST

/* Who may connect. */

static const struct {
	const char *networks;
	bool may;
} rows[] = {
	{ "", true }, /* as it is without */
	{ "mynetworks = 127.0.0.0/8\n", true },
	{ "mynetworks = 192.0.2.0/24, 127.0.0.1\n", true },
	{ "mynetworks = 192.0.2.0/24\n", false },
	{ "mynetworks =\n", false },
};

START_TEST(clients_over_TCP_are_of_mynetworks)
{
	lmtp_config(&world, rows[_i].networks);
	listen_inet();
	connect_inet(&first);
	if (rows[_i].may) {
		lmtp_greet(&first);
		deliver(&first);
		quit(&first);
	} else {
		service_hear(&first, "421 4.7.1");
		service_hear_end(&first);
		service_await_log(&server, "127.0.0.1");
		service_await_log(&server, "not in mynetworks");
	}
	end_server();
}
END_TEST

START_TEST(mynetworks_is_not_for_unix_sockets)
{
	lmtp_config(&world, "mynetworks = 192.0.2.0/24\n");
	listen_unix();
	service_connect(&first, &world, path);
	lmtp_greet(&first);
	quit(&first);
	end_server();
}
END_TEST

/* Passwords. */

/* One of saslauthd's strings: its length in two octets, then the string. */
static bool
hear_string(int fd, char room[256])
{
	unsigned char length[2];

	memset(room, 0, 256);
	return recv(fd, length, 2, MSG_WAITALL) == 2 && length[0] == 0 &&
	    (length[1] == 0 ||
		recv(fd, room, length[1], MSG_WAITALL) == length[1]);
}

/* user, password, service, realm */
static void
answer_saslauthd(int fd)
{
	char said[4][256];

	for (size_t i = 0; i < COUNT(said); i++)
		if (!hear_string(fd, said[i]))
			return;
	if (strcmp(said[0], "down") == 0)
		return;
	if (send(fd,
		strcmp(said[0], "bob") == 0 && strcmp(said[1], "secret") == 0 &&
			strcmp(said[2], "lmtp") == 0 ?
		    "\0\2OK" :
		    "\0\2NO",
		4, MSG_NOSIGNAL) != 4)
		_exit(1);
}

/* A saslauthd that knows bob with the password secret, and nobody else; where
 * it is asked for "down" it hangs up. */
static pid_t
start_saslauthd(void)
{
	int listener = bind_at("mux", true), fd;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		(void)close(listener);
		return pid;
	}
	(void)alarm(20);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		answer_saslauthd(fd);
		(void)close(fd);
	}
	_exit(1);
}

static pid_t saslauthd;

static void
end_saslauthd(void)
{
	ck_assert_int_eq(kill(saslauthd, SIGKILL), 0);
	ck_assert_int_eq(waitpid(saslauthd, NULL, 0), saslauthd);
}

static void
use_saslauthd(void)
{
	saslauthd = start_saslauthd();
	lmtp_config(&world,
	    scratch_print(&world.scratch, "lmtp_sasl = saslauthd:%s/mux\n",
		world.scratch.root));
}

#define RIGHT "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n" /* bob, secret */
#define WRONG "AUTH PLAIN AGJvYgBXcm9uZw==\r\n" /* bob, Wrong */
#define DOWN "AUTH PLAIN AGRvd24AeA==\r\n"      /* down, x */

START_TEST(password_comes_before_mail)
{
	use_saslauthd();
	listen_inet();
	connect_inet(&first);
	service_hear(&first, "220 ");
	service_say(&first, "LHLO c\r\n");
	ck_assert_ptr_nonnull(
	    strstr(service_hear(&first, "250-"), "250-AUTH PLAIN LOGIN\r\n"));
	service_say(&first, "MAIL FROM:<a@b>\r\n");
	service_hear(&first, "430 4.7.0");
	service_say(&first, WRONG);
	service_hear(&first, "535 5.7.8");
	service_say(&first, DOWN);
	service_hear(&first, "454 4.7.0");
	service_say(&first, "MAIL FROM:<a@b>\r\n");
	service_hear(&first, "430 4.7.0");
	service_say(&first, RIGHT);
	service_hear(&first, "235 2.7.0");
	deliver(&first);
	quit(&first);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), TEXT);
	service_await_log(&server, "wrong user or password");
	/* Not even a wrong one. */
	expect_no_log(&world, "Wrong");
	expect_no_log(&world, "secret");
	end_server();
	end_saslauthd();
}
END_TEST

START_TEST(login_in_two_lines)
{
	use_saslauthd();
	listen_inet();
	connect_inet(&first);
	lmtp_greet(&first);
	service_say(&first, "AUTH LOGIN\r\n");
	service_hear(&first, "334 ");
	service_say(&first, "Ym9i\r\n");
	service_hear(&first, "334 ");
	service_say(&first, "c2VjcmV0\r\n");
	service_hear(&first, "235 ");
	quit(&first);
	end_server();
	end_saslauthd();
}
END_TEST

START_TEST(received_says_that_there_was_a_password)
{
	struct mail mail;

	use_saslauthd();
	world_argument(&world, "-o");
	world_argument(&world, "lmtp_add_received_header=yes");
	listen_inet();
	connect_inet(&first);
	lmtp_greet(&first);
	service_say(&first, RIGHT);
	service_hear(&first, "235 ");
	deliver(&first);
	quit(&first);
	maildir_read_one(&world.scratch, "home/Maildir", &mail);
	ck_assert_ptr_nonnull(strstr(mail.octets, " with LMTPA\n"));
	free(mail.octets);
	end_server();
	end_saslauthd();
}
END_TEST

START_TEST(unix_socket_asks_for_no_password)
{
	use_saslauthd();
	listen_unix();
	service_connect(&first, &world, path);
	service_hear(&first, "220 ");
	service_say(&first, "LHLO c\r\n");
	ck_assert_ptr_null(strstr(service_hear(&first, "250-"), "AUTH"));
	deliver(&first);
	quit(&first);
	end_server();
	end_saslauthd();
}
END_TEST

START_TEST(password_server_that_is_not_there)
{
	lmtp_config(&world, "lmtp_sasl = dovecot:/nonexistent/auth\n");
	listen_inet();
	connect_inet(&first);
	lmtp_greet(&first);
	service_say(&first, RIGHT);
	service_hear(&first, "454 4.7.0");
	quit(&first);
	service_await_log(&server, "/nonexistent/auth");
	expect_no_log(&world, "secret");
	end_server();
}
END_TEST

/* lda-verify listens in the same way. */
START_TEST(lda_verify_listens)
{
	char room[64];
	size_t length;

	service_use(&world, "lda-verify");
	listen_unix();
	service_connect(&first, &world, path);
	service_connect(&second, &world, path);
	service_say(&second, "10:rcpt bob@b,");
	length = service_hear_octets(&second, room, 11);
	ck_assert_msg(length == 11 && memcmp(room, "8:OK bob@b,", 11) == 0,
	    "%.*s", (int)length, room);
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	service_hear_end(&first);
	service_hear_end(&second);
	expect_silent_end(0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listen");
	TCase *sockets = tcase_create("sockets");
	TCase *signals = tcase_create("signals");
	TCase *systemd = tcase_create("systemd");
	TCase *clients = tcase_create("clients");
	TCase *all[] = { sockets, signals, systemd, clients };

	for (size_t i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		tcase_set_timeout(all[i], 30);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_test(sockets, connections_are_served_side_by_side);
	tcase_add_loop_test(sockets, mode_of_the_socket_is_what_is_said, 0, 4);
	tcase_add_test(sockets, socket_that_was_left_behind_is_replaced);
	tcase_add_loop_test(sockets, what_is_in_use_stays, 0, 2);
	tcase_add_loop_test(sockets, place_that_is_misspelt_is_told, 0, 15);
	tcase_add_test(sockets, no_more_processes_than_so_many);
	tcase_add_test(sockets, crash_of_one_connection_is_its_own);
	tcase_add_test(signals, TERM_finishes_what_has_begun);
	tcase_add_test(
	    signals, HUP_reads_the_settings_again_and_systemd_is_told);
	tcase_add_test(signals, HUP_leaves_connections_alone);
	tcase_add_test(systemd, socket_of_systemd_is_listened_on);
	tcase_add_test(systemd, connection_of_systemd_is_served);
	tcase_add_test(systemd, variables_for_another_process_are_none_of_ours);
	tcase_add_loop_test(
	    clients, clients_over_TCP_are_of_mynetworks, 0, COUNT(rows));
	tcase_add_test(clients, mynetworks_is_not_for_unix_sockets);
	tcase_add_test(clients, password_comes_before_mail);
	tcase_add_test(clients, login_in_two_lines);
	tcase_add_test(clients, received_says_that_there_was_a_password);
	tcase_add_test(clients, unix_socket_asks_for_no_password);
	tcase_add_test(clients, password_server_that_is_not_there);
	tcase_add_test(clients, lda_verify_listens);
	return world_main(suite);
}
