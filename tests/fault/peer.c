/*
 * peer.c - an LMTP server on a stage.
 *
 * Written from the RFCs and not from lib/wire, which it judges.
 *
 * Source: RFC 2033, RFC 5321, RFC 2920.
 */
#define _GNU_SOURCE /* accept4(2), close_range(2), memmem(3) */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_OCTETS ((size_t)2 * 1024 * 1024)

/* One connection; the buffer is large enough for any message of a sweep. */
static struct session {
	int fd;
	const struct peer *peer;
	char in[MOST_OCTETS];
	size_t length;
	char out[4096];
	size_t said;
	bool named; /* a recipient was accepted */
	bool in_text;
} session;

static unsigned delivered;

static void
say(const char *text)
{
	session.said += (size_t)snprintf(session.out + session.said,
	    sizeof(session.out) - session.said, "%s\r\n", text);
}

static void
take(size_t octets)
{
	memmove(session.in, session.in + octets, session.length - octets);
	session.length -= octets;
}

/* Dots and CRs off; the new length. */
static size_t
decode(char *text, size_t length)
{
	size_t to = 0;

	for (size_t i = 0; i < length; i++) {
		bool begins = i == 0 || text[i - 1] == '\n';

		if ((text[i] == '.' && begins) ||
		    (text[i] == '\r' && i + 1 < length && text[i + 1] == '\n'))
			continue;
		text[to++] = text[i];
	}
	return to;
}

static void
deliver(const char *text, size_t length, size_t wire_length)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new/peer.%u,S=%zu,W=%zu",
	    session.peer->folder, ++delivered, length, wire_length);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length ||
	    fchown(fd, session.peer->uid, session.peer->gid) < 0) {
		say("451 4.3.0 no");
		return;
	}
	(void)close(fd);
	say("250 2.0.0 taken");
}

/* False: the message has no end yet. */
static bool
take_text(void)
{
	static char copy[MOST_OCTETS];
	const char *end = memmem(session.in, session.length, "\r\n.\r\n", 5);
	size_t length, dots = 0;

	if (end == NULL)
		return false;
	length = (size_t)(end - session.in) + 2;
	memcpy(copy, session.in, length);
	for (size_t i = 0; i < length; i++)
		dots += copy[i] == '.' && (i == 0 || copy[i - 1] == '\n');
	take(length + 3);
	session.in_text = session.named = false;
	deliver(copy, decode(copy, length), length - dots);
	return true;
}

static void
obey(const char *line)
{
	if (strncmp(line, "LHLO ", 5) == 0)
		say("250-peer\r\n250-PIPELINING\r\n250-SIZE\r\n"
		    "250-AUTH PLAIN\r\n250 8BITMIME");
	else if (strncmp(line, "RCPT TO:<nobody", 15) == 0 ||
	    strstr(line, "+Nowhere") != NULL)
		say("550 5.1.1 nobody here");
	else if (strncmp(line, "RCPT TO:<", 9) == 0) {
		session.named = true;
		say("250 2.1.5 ok");
	} else if (strcmp(line, "DATA") == 0 && !session.named)
		say("503 5.5.1 no recipient");
	else if (strcmp(line, "DATA") == 0) {
		session.in_text = true;
		say("354 go on");
	} else if (strncmp(line, "AUTH ", 5) == 0)
		say("235 2.7.0 ok");
	else
		say("250 2.0.0 ok");
}

/* False: no line, or no message, is whole. */
static bool
take_one(void)
{
	char line[1024];
	const char *end;
	size_t length;

	if (session.in_text)
		return take_text();
	end = memmem(session.in, session.length, "\r\n", 2);
	if (end == NULL)
		return false;
	length = (size_t)(end - session.in);
	(void)snprintf(line, sizeof(line), "%.*s", (int)length, session.in);
	take(length + 2);
	obey(line);
	return true;
}

static void
converse(void)
{
	ssize_t got;

	session.length = session.said = 0;
	session.named = session.in_text = false;
	say("220 peer");
	for (;;) {
		if (session.said > 0 &&
		    send(session.fd, session.out, session.said, MSG_NOSIGNAL) <
			0)
			return;
		session.said = 0;
		got = read(session.fd, session.in + session.length,
		    sizeof(session.in) - session.length);
		if (got <= 0)
			return;
		session.length += (size_t)got;
		while (take_one())
			;
	}
}

static void
serve(int listener, const struct peer *peer)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(listener, 3) < 0)
		_exit(1);
	/* Not a pipe's end that somebody waits for. */
	(void)close_range(4, ~0U, 0);
	session.peer = peer;
	for (;;) {
		session.fd = accept4(3, NULL, NULL, SOCK_CLOEXEC);
		if (session.fd < 0 && errno != EINTR && errno != ECONNABORTED)
			_exit(1);
		if (session.fd < 0)
			continue;
		converse();
		(void)close(session.fd);
	}
}

static int
name_socket(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	(void)snprintf(
	    address->sun_path, sizeof(address->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

pid_t
peer_serve(const char *path, const struct peer *peer)
{
	struct sockaddr_un address;
	int listener = name_socket(path, &address);
	pid_t pid;

	(void)unlink(path); /* of a test that died */
	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, sizeof(address)) <
		0 ||
	    chmod(path, 0666) < 0 || listen(listener, 16) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		serve(listener, peer);
	(void)close(listener);
	return pid;
}

/* Who is greeted is the next, so all before him have gone. */
void
peer_wait(const char *path)
{
	struct sockaddr_un address;
	int fd = name_socket(path, &address);
	char octet;

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
		0 &&
	    read(fd, &octet, 1) < 0) {
		/* It has ended; nobody waits for nothing. */
	}
	(void)close(fd);
}
