/*
 * lmtp_load.c - feeds an LMTP server as Postfix lmtp(8) does, and counts.
 *
 *	lmtp_load [-c connections] [-n messages] [-r recipients] [-f from]
 *	    unix:PATH|inet:PORT message recipient
 *
 * Each connection is a process of its own, as with Postfix, and stays open
 * for its part of the messages: LHLO once, then for each message MAIL, all
 * RCPT and DATA in one write (PIPELINING), the message, one reply for each
 * recipient, and RSET before the next, with which Postfix asks whether a
 * cached connection still lives.  "%d" in recipient is his number: each
 * connection has recipients of its own, the first one from 0 on.
 *
 * Prints one line:
 *
 *	messages replies refused seconds messages_per_second
 *
 * replies are those after the message; refused counts the recipients of whom
 * one, or the one to RCPT, was not 2xx.  Anything else
 * that is not as RFC 2033 has it ends the program with 1.
 *
 * Source: RFC 2033, RFC 2920; postfix smtp_proto.c, smtp_reuse.c.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, err(3) */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MOST 256
#define RECIPIENTS_MOST 1000

struct load {
	unsigned connections;
	unsigned messages;
	unsigned recipients;
	const char *sender;
	const char *server;
	const char *recipient;
	char *text; /* as it goes over the wire, with the last dot */
	size_t length;
};

/* What the processes have counted, in memory that they share. */
struct tally {
	unsigned long messages, replies, refused;
};

struct session {
	const struct load *load;
	struct tally *tally;
	unsigned first; /* number of its first recipient */
	int fd;
	char room[16384]; /* what was read and not yet looked at */
	size_t begin, end;
	unsigned accepted; /* recipients of this message */
};

static double
now_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
	return fd;
}

static int
connect_inet(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	address.sin_port = htons((unsigned short)strtoul(port, NULL, 10));
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
		err(1, "%s", port);
	return fd;
}

static int
connect_to(const char *server)
{
	if (strncmp(server, "unix:", 5) == 0)
		return connect_unix(server + 5);
	if (strncmp(server, "inet:", 5) == 0)
		return connect_inet(server + 5);
	errx(2, "%s: neither unix: nor inet:", server);
}

static void
put(struct session *session, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(session->fd, text, length);

		if (written < 0)
			err(1, "the server has gone");
		text += written;
		length -= (size_t)written;
	}
}

static void
fill(struct session *session)
{
	ssize_t got;

	if (session->begin > 0) {
		memmove(session->room, session->room + session->begin,
		    session->end - session->begin);
		session->end -= session->begin;
		session->begin = 0;
	}
	if (session->end == sizeof(session->room))
		errx(1, "an endless reply");
	got = read(session->fd, session->room + session->end,
	    sizeof(session->room) - session->end);
	if (got <= 0)
		errx(1, "the server closes in the middle");
	session->end += (size_t)got;
}

/* One whole reply, all lines of it; its code. */
static int
take_reply(struct session *session)
{
	for (;;) {
		char *line = session->room + session->begin;
		char *end = memchr(line, '\n', session->end - session->begin);

		if (end == NULL) {
			fill(session);
			continue;
		}
		session->begin += (size_t)(end - line) + 1;
		if (end - line < 4 || line[0] < '2' || line[0] > '5')
			errx(1, "no reply: %.*s", (int)(end - line), line);
		if (line[3] != '-')
			return (int)strtol(line, NULL, 10);
	}
}

static void
want(struct session *session, int code, const char *after)
{
	int got = take_reply(session);

	if (got / 100 != code / 100)
		errx(1, "%d after %s", got, after);
}

/* recipient with its number in the place of %d. */
static size_t
add_recipient(char *into, size_t size, const char *recipient, unsigned number)
{
	const char *place = strstr(recipient, "%d");
	int length = place == NULL ?
	    snprintf(into, size, "RCPT TO:<%s>\r\n", recipient) :
	    snprintf(into, size, "RCPT TO:<%.*s%u%s>\r\n",
		(int)(place - recipient), recipient, number, place + 2);

	if (length < 0 || (size_t)length >= size)
		errx(2, "%s: too long", recipient);
	return (size_t)length;
}

static void
ask(struct session *session)
{
	const struct load *load = session->load;
	static char room[RECIPIENTS_MOST * 200];
	size_t length = (size_t)snprintf(
	    room, sizeof(room), "MAIL FROM:<%.100s>\r\n", load->sender);

	for (unsigned i = 0; i < load->recipients; i++)
		length +=
		    add_recipient(room + length, sizeof(room) - length - 8,
			load->recipient, session->first + i);
	memcpy(room + length, "DATA\r\n", 6);
	put(session, room, length + 6);
}

static void
hear_recipients(struct session *session)
{
	session->accepted = 0;
	want(session, 250, "MAIL");
	for (unsigned i = 0; i < session->load->recipients; i++) {
		if (take_reply(session) / 100 == 2)
			session->accepted++;
		else
			session->tally->refused++;
	}
}

static void
send_message(struct session *session)
{
	ask(session);
	hear_recipients(session);
	want(session, 354, "DATA");
	put(session, session->load->text, session->load->length);
	for (unsigned i = 0; i < session->accepted; i++) {
		if (take_reply(session) / 100 != 2)
			session->tally->refused++;
		session->tally->replies++;
	}
	session->tally->messages++;
}

static void
run_session(struct session *session, unsigned messages)
{
	session->fd = connect_to(session->load->server);
	want(session, 220, "the connection");
	put(session, "LHLO bench\r\n", 12);
	want(session, 250, "LHLO");
	for (unsigned i = 0; i < messages; i++) {
		if (i > 0) {
			put(session, "RSET\r\n", 6);
			want(session, 250, "RSET");
		}
		send_message(session);
	}
	put(session, "QUIT\r\n", 6);
	want(session, 221, "QUIT");
}

/* CRLF line ends, dots doubled, and the dot that ends it. */
static void
put_on_the_wire(struct load *load, const char *from, size_t length)
{
	bool at_begin = true;
	char *to = malloc(length * 2 + 8);

	if (to == NULL)
		err(1, "memory");
	load->text = to;
	for (size_t i = 0; i < length; i++) {
		if (at_begin && from[i] == '.')
			*to++ = '.';
		at_begin = from[i] == '\n';
		if (at_begin)
			*to++ = '\r';
		*to++ = from[i];
	}
	if (!at_begin) {
		*to++ = '\r';
		*to++ = '\n';
	}
	memcpy(to, ".\r\n", 3);
	load->length = (size_t)(to - load->text) + 3;
}

static void
read_message(struct load *load, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat facts;
	char *text;

	if (fd < 0 || fstat(fd, &facts) < 0 || facts.st_size == 0)
		err(1, "%s", path);
	text = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		err(1, "%s", path);
	put_on_the_wire(load, text, (size_t)facts.st_size);
	(void)munmap(text, (size_t)facts.st_size);
	(void)close(fd);
}

static void
start_sessions(const struct load *load, struct tally *tallies)
{
	for (unsigned i = 0; i < load->connections; i++) {
		unsigned part = load->messages / load->connections +
		    (i < load->messages % load->connections ? 1 : 0);
		static struct session session;
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		session.load = load;
		session.tally = &tallies[i];
		session.first = i * load->recipients;
		run_session(&session, part);
		_exit(0);
	}
}

static void
wait_for_all(const struct load *load)
{
	for (unsigned i = 0; i < load->connections; i++) {
		int status;

		if (wait(&status) < 0 || status != 0)
			errx(1, "a session has failed");
	}
}

static void
run(const struct load *load)
{
	struct tally *tallies, sum = { 0 };
	double started, seconds;

	tallies = mmap(NULL, CONNECTIONS_MOST * sizeof(*tallies),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		err(1, "memory");
	started = now_seconds();
	start_sessions(load, tallies);
	wait_for_all(load);
	seconds = now_seconds() - started;
	for (unsigned i = 0; i < load->connections; i++) {
		sum.messages += tallies[i].messages;
		sum.replies += tallies[i].replies;
		sum.refused += tallies[i].refused;
	}
	(void)printf("%lu %lu %lu %.4f %.1f\n", sum.messages, sum.replies,
	    sum.refused, seconds, (double)sum.messages / seconds);
}

static unsigned
number(const char *text, unsigned most)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value == 0 || value > most)
		errx(2, "%s: not between 1 and %u", text, most);
	return (unsigned)value;
}

int
main(int argc, char *argv[])
{
	struct load load = { 1, 100, 1, "sender@bench.invalid", NULL, NULL,
		NULL, 0 };
	int flag;

	while ((flag = getopt(argc, argv, "c:n:r:f:")) != -1) {
		if (flag == 'c')
			load.connections = number(optarg, CONNECTIONS_MOST);
		else if (flag == 'n')
			load.messages = number(optarg, 100000000);
		else if (flag == 'r')
			load.recipients = number(optarg, RECIPIENTS_MOST);
		else if (flag == 'f')
			load.sender = optarg;
		else
			return 2;
	}
	if (argc - optind != 3)
		errx(2,
		    "usage: lmtp_load [-c connections] [-n messages] "
		    "[-r recipients] [-f from] server message recipient");
	load.server = argv[optind];
	load.recipient = argv[optind + 2];
	read_message(&load, argv[optind + 1]);
	run(&load);
	return 0;
}
