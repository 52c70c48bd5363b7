/*
 * check_lmtp_client.c - lda hands mail to an LMTP server: whatever that does,
 * Postfix is told the truth, and what is in doubt is tried again.
 *
 * Source: DESIGN 2.2, 3 "LMTP"; RFC 2033, RFC 5321.
 */
#define _GNU_SOURCE /* struct ucred, memmem(3) */
#include "support/world.h"

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

/* Longer than any delivery here. */
#define LIFE_SECONDS 20

/* More than lda keeps in memory. */
#define LONG_OCTETS ((size_t)300 * 1024)

#define HEARD_OCTETS ((size_t)1024 * 1024)

/* What a server says nothing to. */
#define SILENCE ""

static struct world world;

/* A scripted server.  NULL: it hangs up there. */
enum turn {
	GREETING,
	LHLO,
	AUTH, /* and each line that goes on with it */
	MAIL,
	RCPT,
	AGAIN, /* the second RCPT of a connection */
	DATA,
	END,
	TURNS
};

/* Where all is written that the server hears. */
static char heard_path[SCRATCH_ROOT + 16];

struct script {
	const char *says[TURNS];
	int piece;        /* octets at a time, 0: all at once */
	size_t text_most; /* of the message; then in_text, and it hangs up */
	const char *in_text;
	bool reads_on;     /* it does not hang up */
	enum turn kills;   /* before this answer the client gets a TERM */
	bool kills_client; /* whether it does */
	int wait_ms;       /* before the answer to the message */
};

static struct server {
	pid_t pid;
	uint16_t port;
} server;

static const char lhlo_answer[] =
    "250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
    "250 SIZE\r\n";

/* What everybody says who has no reason to say anything else. */
static const char *const usual[TURNS] = { "220 mx LMTP\r\n", lhlo_answer,
	"235 2.7.0 ok\r\n", "250 2.1.0 ok\r\n", "250 2.1.5 ok\r\n",
	"250 2.1.5 ok\r\n", "354 go on\r\n", "250 2.0.0 saved as 17\r\n" };

static struct script
script(void)
{
	struct script made = { .piece = 0 };

	memcpy(made.says, usual, sizeof(made.says));
	return made;
}

/* One connection, at the server's end. */
struct talk {
	int fd;
	int heard; /* all that comes is written there */
	pid_t client;
	const struct script *script;
	char line[70000];
	size_t length;
	bool announced_pipelining;
};

static void
mark(const struct talk *talk, const char *text)
{
	if (write(talk->heard, text, strlen(text)) < 0)
		_exit(1);
}

static void
say(const struct talk *talk, const char *text)
{
	size_t length = strlen(text), part = (size_t)talk->script->piece;

	if (part == 0)
		part = length;
	while (length > 0) {
		if (part > length)
			part = length;
		if (send(talk->fd, text, part, MSG_NOSIGNAL) < 0)
			return;
		text += part;
		length -= part;
		if (length > 0)
			(void)poll(NULL, 0, 1);
	}
}

static void
hang_up(const struct talk *talk)
{
	(void)close(talk->fd);
	_exit(0);
}

/* Waits until the client goes, or for good. */
static void
fall_silent(struct talk *talk)
{
	ssize_t got;

	while ((got = read(talk->fd, talk->line, sizeof(talk->line))) > 0)
		if (write(talk->heard, talk->line, (size_t)got) < 0)
			_exit(1);
	hang_up(talk);
}

static void
answer(struct talk *talk, enum turn turn)
{
	const char *text = talk->script->says[turn];

	if (talk->script->kills_client && talk->script->kills == turn)
		(void)kill(talk->client, SIGTERM);
	if (turn == END && talk->script->wait_ms > 0)
		(void)poll(NULL, 0, talk->script->wait_ms);
	if (text == NULL)
		hang_up(talk);
	if (text[0] == '\0')
		fall_silent(talk);
	say(talk, text);
}

/* Whether more has come than what was answered. */
static bool
has_more(const struct talk *talk)
{
	char octet;

	return recv(talk->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* One line, "\n" included; false at the end. */
static bool
hear(struct talk *talk)
{
	talk->length = 0;
	for (;;) {
		char octet;

		if (read(talk->fd, &octet, 1) != 1)
			return false;
		if (talk->length < sizeof(talk->line) - 1)
			talk->line[talk->length++] = octet;
		if (octet == '\n')
			break;
	}
	talk->line[talk->length] = '\0';
	if (write(talk->heard, talk->line, talk->length) < 0)
		_exit(1);
	return true;
}

static bool
begins(const struct talk *talk, const char *word)
{
	return strncmp(talk->line, word, strlen(word)) == 0;
}

/* Up to CRLF.CRLF and nothing else. */
static void
hear_message(struct talk *talk)
{
	size_t octets = 0;
	bool spoken = false;

	do {
		if (!hear(talk))
			hang_up(talk);
		octets += talk->length;
		if (talk->script->text_most > 0 &&
		    octets >= talk->script->text_most) {
			if (talk->script->in_text != NULL && !spoken)
				say(talk, talk->script->in_text);
			if (!talk->script->reads_on)
				hang_up(talk);
			spoken = true;
		}
	} while (strcmp(talk->line, ".\r\n") != 0);
	answer(talk, END);
}

static void
converse(struct talk *talk)
{
	bool named = false;

	answer(talk, GREETING);
	while (hear(talk)) {
		/* Before it may. */
		if (!talk->announced_pipelining && has_more(talk))
			mark(talk, "[impatient]");
		if (begins(talk, "LHLO ")) {
			const char *offers = talk->script->says[LHLO];

			talk->announced_pipelining = offers != NULL &&
			    strstr(offers, "PIPELINING") != NULL;
			answer(talk, LHLO);
		} else if (begins(talk, "MAIL "))
			answer(talk, MAIL);
		else if (begins(talk, "RCPT ")) {
			answer(talk, named ? AGAIN : RCPT);
			named = true;
		} else if (begins(talk, "DATA")) {
			answer(talk, DATA);
			if (strncmp(talk->script->says[DATA], "354", 3) == 0)
				hear_message(talk);
		} else if (begins(talk, "RSET"))
			say(talk, "250 2.0.0 ok\r\n");
		else if (!begins(talk, "QUIT")) /* its answer is not due */
			answer(talk, AUTH);
	}
	hang_up(talk);
}

static void
serve(int listener, int heard, const struct script *how)
{
	static struct talk talk;
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	(void)signal(SIGCHLD, SIG_IGN);
	(void)alarm(LIFE_SECONDS);
	talk.script = how;
	talk.heard = heard;
	for (;;) {
		talk.fd = accept(listener, NULL, NULL);
		if (talk.fd < 0)
			_exit(1);
		if (getsockopt(
			talk.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
			talk.client = peer.pid;
		if (fork() == 0) {
			(void)alarm(LIFE_SECONDS);
			if (peer.uid != geteuid())
				converse(&talk);
			mark(&talk, "[root]");
			converse(&talk);
		}
		(void)close(talk.fd);
	}
}

static void
start(int listener, const struct script *how)
{
	int heard = open(heard_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	ck_assert_int_ge(heard, 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	server.pid = fork();
	ck_assert_int_ge(server.pid, 0);
	if (server.pid == 0)
		serve(listener, heard, how);
	(void)close(heard);
	(void)close(listener);
}

static int
bind_unix(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/lmtp",
	    world.scratch.root);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&address,
			     sizeof(address)),
	    0);
	scratch_chmod(&world.scratch, "lmtp", 0666);
	return listener;
}

static void
use(const char *location, const char *more)
{
	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_location = lmtp:%s\n"
		"userdb = passwd-file:/no/such/file\n"
		"delivery_timeout = 1s\nlmtp_data_done_timeout = 1s\n%s",
		location, more));
}

static void
start_unix(const struct script *how)
{
	start(bind_unix(), how);
}

static void
start_inet(const struct script *how)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
	    bind(listener, (struct sockaddr *)(void *)&address, size), 0);
	ck_assert_int_eq(
	    getsockname(listener, (struct sockaddr *)(void *)&address, &size),
	    0);
	server.port = ntohs(address.sin_port);
	start(listener, how);
	use(scratch_print(
		&world.scratch, "inet:127.0.0.1:%u", (unsigned)server.port),
	    "");
}

static void
set_up(void)
{
	memset(&server, 0, sizeof(server));
	world_open(&world);
	(void)snprintf(
	    heard_path, sizeof(heard_path), "%s/heard", world.scratch.root);
	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    "");
	world_arguments(
	    &world, "-d", "bob@b.example", "-f", "alice@a.example", NULL);
}

static void
tear_down(void)
{
	if (server.pid > 0) {
		(void)kill(server.pid, SIGKILL);
		(void)waitpid(server.pid, NULL, 0);
	}
	world_close(&world);
}

/* All that the server has heard, when its connection has ended. */
static const char *
heard(size_t *length)
{
	static char text[HEARD_OCTETS];
	int fd;
	ssize_t got;

	/* The client has gone; whoever served it reads to the end. */
	(void)poll(NULL, 0, 20);
	fd = open(heard_path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	*length = 0;
	while (*length < sizeof(text) - 1 &&
	    (got = read(fd, text + *length, sizeof(text) - 1 - *length)) > 0)
		*length += (size_t)got;
	(void)close(fd);
	text[*length] = '\0';
	return text;
}

/* The last thing that a server hears, which may take it a moment. */
static const char *
heard_until(const char *last)
{
	const char *text = "";
	size_t length;

	for (int i = 0; i < 100; i++) {
		text = heard(&length);
		if (memmem(text, length, last, strlen(last)) != NULL)
			return text;
	}
	ck_abort_msg(
	    "the server has not heard \"%s\" but \"%.1000s\"", last, text);
	return text;
}

static void
expect_heard(const char *part)
{
	const char *text = heard_until(part);

	ck_assert_ptr_null(strstr(text, "[impatient]"));
	ck_assert_ptr_null(strstr(text, "[root]"));
}

/* Without the dot that ends it no message is taken. */
static void
expect_no_end(void)
{
	size_t length;
	const char *text = heard(&length);

	ck_assert_msg(strstr(text, "\r\n.\r\n") == NULL,
	    "the end of a message went out: %s", text);
}

static void
deliver(void)
{
	world_deliver(&world, world_mail);
}

#define MAIL_LINE "MAIL FROM:<alice@a.example>"
#define RCPT_LINE "RCPT TO:<bob@b.example>\r\n"

/* The message. */

#define LARGE "[large]"

static const struct {
	const char *label;
	const char *given;
	size_t given_length;
	const char *parameters; /* of MAIL */
	const char *want;       /* without the dot */
	size_t want_length;
} messages[] = {
#define OCTETS(text) text, sizeof(text) - 1
	{ "plain", OCTETS("Subject: x\n\nbody\n"), " SIZE=20",
	    OCTETS("Subject: x\r\n\r\nbody\r\n") },
	{ "no line end", OCTETS("Subject: x\n\nbody"), " SIZE=20",
	    OCTETS("Subject: x\r\n\r\nbody\r\n") },
	{ "dots", OCTETS(".\n..\n.a\na.\n\n.\n"), " SIZE=20",
	    OCTETS("..\r\n...\r\n..a\r\na.\r\n\r\n..\r\n") },
	{ "CRLF already", OCTETS("Subject: x\r\n\r\n.\r\nb\r\n"), " SIZE=20",
	    OCTETS("Subject: x\r\n\r\n..\r\nb\r\n") },
	{ "8 bits", OCTETS("a: b\n\n\xe4\xff\n"), " SIZE=12 BODY=8BITMIME",
	    OCTETS("a: b\r\n\r\n\xe4\xff\r\n") },
	{ "NUL", OCTETS("a: b\n\n\0\0x\n"), " SIZE=13",
	    OCTETS("a: b\r\n\r\n\0\0x\r\n") },
	{ "lone CR", OCTETS("a: b\n\nx\ry\n"), " SIZE=13",
	    OCTETS("a: b\r\n\r\nx\ry\r\n") },
	{ "smuggled", OCTETS("a: b\n\nx\r.\r\nMAIL FROM:<x>\n.\rDATA\n"),
	    " SIZE=36",
	    OCTETS("a: b\r\n\r\nx .\r\nMAIL FROM:<x>\r\n..\rDATA\r\n") },
	{ "From_ line", OCTETS("From x  Sat Nov 21 04:00:00 2026\na: b\n"),
	    " SIZE=6", OCTETS("a: b\r\n") },
	{ "commands", OCTETS("QUIT\nRSET\nDATA\n"), " SIZE=18",
	    OCTETS("QUIT\r\nRSET\r\nDATA\r\n") },
#undef OCTETS
};

static void
expect_octets(const char *parameters, const char *want, size_t want_length)
{
	char host[256] = "localhost";
	const char *text, *head;
	size_t length;

	(void)gethostname(host, sizeof(host) - 1);
	head = scratch_print(&world.scratch,
	    "LHLO %s\r\n" MAIL_LINE "%s\r\n" RCPT_LINE "DATA\r\n", host,
	    parameters);
	(void)heard_until("\r\n.\r\nQUIT\r\n");
	text = heard(&length);
	ck_assert_msg(strncmp(text, head, strlen(head)) == 0,
	    "not \"%s\" but \"%.300s\"", head, text);
	ck_assert_msg(
	    length == strlen(head) + want_length + strlen(".\r\nQUIT\r\n"),
	    "%zu octets: %.500s", length, text + strlen(head));
	ck_assert(memcmp(text + strlen(head), want, want_length) == 0);
	ck_assert_str_eq(text + strlen(head) + want_length, ".\r\nQUIT\r\n");
}

START_TEST(message_arrives_octet_by_octet)
{
	struct script how = script();

	start_unix(&how);
	world_deliver_octets(
	    &world, messages[_i].given, messages[_i].given_length);
	expect_sent(&world);
	expect_octets(messages[_i].parameters, messages[_i].want,
	    messages[_i].want_length);
	expect_log(&world, "saved mail to lmtp:unix:");
	expect_log(&world, " to=<bob@b.example> ");
	expect_log(&world, " said=\"250 2.0.0 saved as 17\"");
}
END_TEST

/* Lines of all lengths, all octets, and a dot where it hurts. */
static size_t
make_long(char *text, char *wire, size_t *wire_length)
{
	size_t length = 0, line = 0;

	*wire_length = 0;
	while (length < LONG_OCTETS) {
		for (size_t i = 0; i <= line % 300; i++) {
			char c = i == 0 ? '.' : (char)(length * 7 % 256);

			if (c == '\n' || c == '\r')
				c = 'x';
			if (i == 0)
				wire[(*wire_length)++] = '.';
			text[length++] = wire[(*wire_length)++] = c;
		}
		line++;
		text[length++] = '\n';
		wire[(*wire_length)++] = '\r';
		wire[(*wire_length)++] = '\n';
	}
	return length;
}

START_TEST(long_message_arrives_and_leaves_nothing_behind)
{
	static char text[2 * LONG_OCTETS], wire[2 * LONG_OCTETS];
	struct script how = script();
	size_t length, wire_length, lines = 0;

	length = make_long(text, wire, &wire_length);
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	scratch_mkdir(&world.scratch, "temp", 0700);
	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    scratch_print(&world.scratch, "mail_temp_dir = %s/temp\n",
		world.scratch.root));
	start_unix(&how);
	world_deliver_octets(&world, text, length);
	expect_sent(&world);
	expect_octets(scratch_print(&world.scratch, " SIZE=%zu BODY=8BITMIME",
			  length + lines),
	    wire, wire_length);
	ck_assert_int_eq(rmdir(scratch_path(&world.scratch, "temp")), 0);
}
END_TEST

START_TEST(nothing_is_announced_and_nothing_is_asked)
{
	struct script how = script();

	how.says[LHLO] = "250 mx\r\n";
	start_unix(&how);
	world_deliver(&world, "a: b\n\n\xe4\n");
	expect_sent(&world);
	expect_octets("", "a: b\r\n\r\n\xe4\r\n", 11);
	expect_heard("QUIT");
}
END_TEST

START_TEST(answers_in_pieces_are_read)
{
	struct script how = script();

	how.piece = 1 + 2 * _i;
	start_unix(&how);
	deliver();
	expect_sent(&world);
	expect_heard("\r\n.\r\nQUIT\r\n");
}
END_TEST

START_TEST(server_on_TCP)
{
	struct script how = script();

	start_inet(&how);
	deliver();
	expect_sent(&world);
	expect_heard("\r\n.\r\nQUIT\r\n");
}
END_TEST

START_TEST(sender_is_written_as_a_path)
{
	static const struct {
		const char *given, *want;
	} senders[] = {
		{ "<>", "MAIL FROM:<> " },
		{ "", "MAIL FROM:<> " },
		{ "MAILER-DAEMON", "MAIL FROM:<> " },
		{ "<a@b>", "MAIL FROM:<a@b> SIZE" },
		{ "a b@c", "MAIL FROM:<\"a b\"@c> SIZE" },
		{ "\"a b\"@c", "MAIL FROM:<\"a b\"@c> SIZE" },
		{ "\xc3\xa4@c", "MAIL FROM:<\xc3\xa4@c> SIZE=" },
		{ "root", "MAIL FROM:<root> SIZE" },
		/* Junk is nobody's address. */
		{ "a@b\r\nRCPT TO:<x@y>", "MAIL FROM:<> " },
		{ "a@b> SIZE=1", "MAIL FROM:<> " },
		{ "\xff@c", "MAIL FROM:<> " },
		{ "@c", "MAIL FROM:<> " },
	};
	struct script how = script();

	start_unix(&how);
	world_arguments(
	    &world, "-d", "bob@b.example", "-f", senders[_i].given, NULL);
	deliver();
	expect_sent(&world);
	expect_heard(senders[_i].want);
	if ((unsigned char)senders[_i].given[0] == 0xc3)
		expect_heard(" SMTPUTF8\r\n");
}
END_TEST

/* Who is the recipient. */

/* NULL: not given. */
static const struct {
	const char *label, *flag, *final, *original, *environment, *folder;
	const char *want;
} recipients[] = {
	{ "-d", "bob@b", NULL, NULL, NULL, NULL, "<bob@b>" },
	{ "-d in brackets", "<bob@b>", NULL, NULL, NULL, NULL, "<bob@b>" },
	{ "-d in capitals", "Bob@B", NULL, NULL, NULL, NULL, "<Bob@B>" },
	{ "-d with a detail", "bob+x@b", NULL, NULL, NULL, NULL, "<bob+x@b>" },
	{ "-d alone", "bob", NULL, NULL, NULL, NULL, "<bob>" },
	{ "-d with a blank", "b b@b", NULL, NULL, NULL, NULL, "<\"b b\"@b>" },
	{ "-d quoted", "\"b b\"@b", NULL, NULL, NULL, NULL, "<\"b b\"@b>" },
	{ "-d before all others", "bob@b", "r@b", "a@b", "e@b", NULL,
	    "<bob@b>" },
	{ "RECIPIENT", NULL, NULL, NULL, "bob+x@b", NULL, "<bob+x@b>" },
	{ "RECIPIENT before -r and -a", NULL, "r@b", "a@b", "e@b", NULL,
	    "<e@b>" },
	{ "-r", NULL, "r@b", "a@b", NULL, NULL, "<r@b>" },
	{ "-a", NULL, NULL, "a@b", NULL, NULL, "<a@b>" },
	{ "an empty RECIPIENT", NULL, NULL, "a@b", "", NULL, "<a@b>" },
	/* -m */
	{ "folder", "bob@b", NULL, NULL, NULL, "Work", "<bob+Work@b>" },
	{ "deeper", "bob@b", NULL, NULL, NULL, "Work/a.b", "<bob+Work/a.b@b>" },
	{ "folder and detail", "bob+x@b", NULL, NULL, NULL, "Work",
	    "<bob+Work@b>" },
	{ "folder, no domain", "bob", NULL, NULL, NULL, "Work", "<bob+Work>" },
	{ "INBOX", "bob+x@b", NULL, NULL, NULL, "INBOX", "<bob@b>" },
	{ "below INBOX", "bob@b", NULL, NULL, NULL, "INBOX/Work",
	    "<bob+Work@b>" },
	{ "below inbox.", "bob@b", NULL, NULL, NULL, "inbox.Work",
	    "<bob+Work@b>" },
	{ "empty folder", "bob+x@b", NULL, NULL, NULL, "", "<bob+x@b>" },
	{ "folder with a blank", "bob@b", NULL, NULL, NULL, "My Mail",
	    "<\"bob+My Mail\"@b>" },
	{ "UTF-8 folder", "bob@b", NULL, NULL, NULL, "\xc3\xa4",
	    "<bob+\xc3\xa4@b>" },
	{ "folder that is none", "bob+x@b", NULL, NULL, NULL, "../x",
	    "<bob@b>" },
	{ "folder with a line end", "bob@b", NULL, NULL, NULL, "a\r\nDATA",
	    "<bob@b>" },
};

START_TEST(recipient_is_who_was_told)
{
	struct script how = script();
	const struct {
		const char *flag, *value;
	} flags[] = { { "-d", recipients[_i].flag },
		{ "-r", recipients[_i].final },
		{ "-a", recipients[_i].original },
		{ "-m", recipients[_i].folder } };

	start_unix(&how);
	world.command.argv[1] = NULL;
	for (size_t i = 0; i < COUNT(flags); i++)
		if (flags[i].value != NULL) {
			world_argument(&world, flags[i].flag);
			world_argument(&world, flags[i].value);
		}
	if (recipients[_i].environment != NULL)
		world_variable(&world,
		    scratch_print(&world.scratch, "RECIPIENT=%s",
			recipients[_i].environment));
	deliver();
	ck_assert_msg(host_exit_status(&world.got) == 0, "%s:%s",
	    recipients[_i].label, world_tell(&world));
	expect_heard(scratch_print(
	    &world.scratch, "RCPT TO:%s\r\n", recipients[_i].want));
}
END_TEST

START_TEST(nobody_who_tells_is_a_mistake)
{
	struct script how = script();

	start_unix(&how);
	if (_i == 0)
		world.command.argv[1] = NULL;
	else
		world_arguments(&world, "-d", _i == 1 ? "" : "<>", NULL);
	world_variable(&world, "USER=bob");
	deliver();
	expect_deferred(&world, "4.3.5");
	expect_log(&world, _i == 1 ? "-d is empty" : "-d is ");
}
END_TEST

START_TEST(name_that_cannot_be_told_is_unknown)
{
	static const char *const names[] = { "bob@b\r\nDATA", "bob\n@b",
		"b\x7f@b", "\xff@b", "bob@b> X", "@b", "bob@" };
	struct script how = script();
	size_t length;

	start_unix(&how);
	world_arguments(&world, "-d", names[_i], NULL);
	deliver();
	expect_unknown(&world);
	ck_assert_ptr_null(strstr(heard(&length), "RCPT"));
	expect_printable_log(&world);
}
END_TEST

/* local(8) has replaced what a shell might mistake; the line on top of the
 * message tells. */
START_TEST(local_mangles_and_the_message_tells)
{
	static const struct {
		const char *top, *want;
	} rows[] = {
		{ "Delivered-To: o'neil#x@b\n", "<o'neil#x@b>" },
		{ "Delivered-To: o_neil_x@b\n", "<o_neil_x@b>" },
		{ "Delivered-To: eve@b\n", "<o_neil_x@b>" },
		{ "Subject: x\nDelivered-To: o'neil#x@b\n", "<o_neil_x@b>" },
		{ "", "<o_neil_x@b>" },
	};
	struct script how = script();

	start_unix(&how);
	world_local(&world);
	world.command.argv[1] = NULL;
	world.command.recipient.user = "o'neil#x";
	world.command.recipient.domain = "b";
	world_deliver(&world,
	    scratch_print(&world.scratch, "%sFrom: x\n\nbody\n", rows[_i].top));
	expect_sent(&world);
	expect_heard(
	    scratch_print(&world.scratch, "RCPT TO:%s\r\n", rows[_i].want));
}
END_TEST

START_TEST(folder_that_the_server_refuses_is_the_inbox)
{
	struct script how = script();

	how.says[RCPT] = _i == 0 ? "550 5.1.1 no such folder\r\n" : usual[RCPT];
	if (_i == 1)
		how.says[LHLO] = "250 mx\r\n"; /* no SMTPUTF8 */
	start_unix(&how);
	world_arguments(
	    &world, "-d", "bob+x@b", "-m", _i == 0 ? "Work" : "\xc3\xa4", NULL);
	deliver();
	expect_sent(&world);
	expect_heard("RCPT TO:<bob@b>\r\nDATA\r\n");
	expect_log(&world, "save failed to open mailbox");
	expect_log(&world, "the mail goes to INBOX");
	expect_log(&world, "to=<bob@b>");
}
END_TEST

START_TEST(no_delimiter_no_folder)
{
	struct script how = script();

	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    "recipient_delimiter =\n");
	start_unix(&how);
	world_arguments(&world, "-d", "bob+x@b", "-m", "Work", NULL);
	deliver();
	expect_sent(&world);
	expect_heard("RCPT TO:<bob+x@b>\r\n");
	expect_log(&world, "recipient_delimiter is empty");
}
END_TEST

START_TEST(other_delimiter)
{
	struct script how = script();

	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    "recipient_delimiter = -+\ndetail_folder = create\n");
	start_unix(&how);
	if (_i == 0)
		world_arguments(&world, "-d", "bob+x@b", "-m", "Work", NULL);
	else
		world_arguments(&world, "-d", "bob+x@b", NULL);
	deliver();
	expect_sent(&world);
	expect_heard(
	    _i == 0 ? "RCPT TO:<bob-Work@b>\r\n" : "RCPT TO:<bob+x@b>\r\n");
}
END_TEST

START_TEST(utf8_that_the_server_cannot_take_waits)
{
	struct script how = script();

	how.says[LHLO] = "250 mx\r\n";
	start_unix(&how);
	if (_i == 0)
		world_arguments(&world, "-d", "\xc3\xa4@b", NULL);
	else
		world_arguments(
		    &world, "-d", "bob@b", "-f", "\xc3\xa4@b", NULL);
	deliver();
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "SMTPUTF8");
}
END_TEST

/* Refusals. */

static const struct {
	enum turn turn;
	const char *says;
	int status;
	const char *reply; /* all of it */
} refusals[] = {
	{ GREETING, "421 4.3.2 down\r\n", 75, "4.3.2 down" },
	{ GREETING, "554 5.3.2 go away\r\n", 75, "4.3.2 go away" },
	{ GREETING, "554 go away\r\n", 75, "4.0.0 go away" },
	{ LHLO, "500 5.5.1 what?\r\n", 75, "4.5.1 what?" },
	{ LHLO, "550 5.7.1 not you\r\n", 75, "4.7.1 not you" },
	{ LHLO, "451 wait\r\n", 75, "4.0.0 wait" },
	{ MAIL, "550 5.1.8 bad sender\r\n", 69, "5.1.8 bad sender" },
	{ MAIL, "552 5.3.4 too big\r\n", 65, "5.3.4 too big" },
	{ MAIL, "530 5.7.0 authenticate\r\n", 75, "4.7.0 authenticate" },
	{ MAIL, "430 4.7.0 authenticate\r\n", 75, "4.7.0 authenticate" },
	{ MAIL, "503 5.5.1 LHLO first\r\n", 75, "4.5.1 LHLO first" },
	{ MAIL, "555 5.5.4 SIZE?\r\n", 75, "4.5.4 SIZE?" },
	{ MAIL, "452 4.3.1 full\r\n", 75, "4.3.1 full" },
	{ RCPT, "550 5.1.1 <bob> unknown\r\n", 67, "5.1.1 <bob> unknown" },
	{ RCPT, "550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", 67,
	    "5.1.1 no such user" },
	{ RCPT, "550 unknown\r\n", 69, "5.0.0 unknown" },
	{ RCPT, "550\r\n", 69, "5.0.0 mail server refuses the message" },
	{ RCPT, "550 4.1.1 a lie\r\n", 69, "5.0.0 4.1.1 a lie" },
	{ RCPT, "550 5.7.1 no right\r\n", 77, "5.7.1 no right" },
	{ RCPT, "552 5.2.2 full\r\n", 69, "5.2.2 full" },
	{ RCPT, "452 4.2.2 full\r\n", 75, "4.2.2 full" },
	{ RCPT, "450 5.1.1 a lie\r\n", 75, "4.0.0 5.1.1 a lie" },
	{ RCPT, "421 4.3.2 down\r\n", 75, "4.3.2 down" },
	{ RCPT, "503 5.5.1 MAIL first\r\n", 75, "4.5.1 MAIL first" },
	{ RCPT, "501 5.5.4 bad address\r\n", 69, "5.5.4 bad address" },
	{ DATA, "451 4.3.0 later\r\n", 75, "4.3.0 later" },
	{ DATA, "554 5.6.0 never\r\n", 65, "5.6.0 never" },
	{ END, "550 5.7.1 refused\r\n", 77, "5.7.1 refused" },
	{ END, "554 5.6.0 bad message\r\n", 65, "5.6.0 bad message" },
	{ END, "552 5.2.3 too big\r\n", 65, "5.2.3 too big" },
	{ END, "552 5.2.2 quota exceeded\r\n", 69, "5.2.2 quota exceeded" },
	{ END, "452 4.2.2 quota exceeded\r\n", 75, "4.2.2 quota exceeded" },
	{ END, "451 4.3.0\r\n", 75, "4.3.0 mail server asks to try again" },
	{ END, "550 5.1.1 \xc3\xa4\x1b[2J\r\n", 67, "5.1.1 ___[2J" },
};

START_TEST(refusal_is_passed_on)
{
	struct script how = script();

	how.says[refusals[_i / 2].turn] = refusals[_i / 2].says;
	if (_i % 2 == 1)
		how.says[LHLO] = refusals[_i / 2].turn == LHLO ?
		    refusals[_i / 2].says :
		    "250 mx\r\n";
	start_unix(&how);
	deliver();
	ck_assert_msg(host_exit_status(&world.got) == refusals[_i / 2].status,
	    "not %d:%s", refusals[_i / 2].status, world_tell(&world));
	ck_assert_str_eq(world.got.output, refusals[_i / 2].reply);
	ck_assert_int_lt(world.got.elapsed_ms, 900);
	if (refusals[_i / 2].turn != END)
		expect_no_end();
	expect_log(&world, " answers ");
	expect_no_log(&world, "twice");
	expect_printable_log(&world);
}
END_TEST

START_TEST(endless_reply_is_cut)
{
	static char says[3000];
	struct script how = script();

	memset(says, 'x', sizeof(says));
	memcpy(says, "550 5.1.1 ", 10);
	(void)strcpy(says + sizeof(says) - 3, "\r\n");
	how.says[RCPT] = says;
	start_unix(&how);
	deliver();
	expect_unknown(&world);
	ck_assert_uint_gt(world.got.output_length, 300);
}
END_TEST

/* -r and -a are guesses at the recipient: "unknown" says nothing. */
START_TEST(guess_that_is_refused_waits)
{
	struct script how = script();

	how.says[RCPT] = "550 5.1.1 who?\r\n";
	start_unix(&how);
	world_arguments(&world, _i == 0 ? "-r" : "-a", "bob@b", NULL);
	deliver();
	expect_deferred(&world, "4.1.1");
	expect_log(&world, "-d is missing");
}
END_TEST

/* Connections that are lost, servers that are slow or mad. */

static const char *const turn_names[TURNS] = { "the connection", "LHLO", "AUTH",
	"MAIL", "RCPT", "", "DATA", "the message" };

START_TEST(connection_that_is_lost)
{
	struct script how = script();
	enum turn turn = (enum turn)(_i / 2);

	if (turn == AUTH || turn == AGAIN)
		return;
	if (_i % 2 == 1)
		how.says[LHLO] = "250 mx\r\n";
	how.says[turn] = NULL;
	start_unix(&how);
	deliver();
	expect_deferred(&world, "4.4.2");
	ck_assert_int_lt(world.got.elapsed_ms, 900);
	expect_log(&world, turn_names[turn]);
	if (turn == END)
		expect_log(&world, "may be delivered twice");
	else {
		expect_no_log(&world, "twice");
		expect_no_end();
	}
}
END_TEST

START_TEST(connection_that_is_lost_in_an_answer)
{
	struct script how = script();
	enum turn turn = (enum turn)_i;

	if (turn == AUTH || turn == AGAIN)
		return;
	if (turn != LHLO)
		how.says[LHLO] = "250 mx\r\n";
	/* Then the server waits in vain for the next command. */
	how.says[turn] = turn == GREETING ? "220" :
	    turn == DATA                  ? "354 g" :
					    "250-mx\r\n250";
	start_unix(&how);
	deliver();
	expect_deferred(&world, "4.4.2");
	ck_assert_int_lt(world.got.elapsed_ms, 3000);
	if (turn == END)
		expect_log(&world, "twice");
	else
		expect_no_end();
}
END_TEST

START_TEST(server_that_says_nothing)
{
	struct script how = script();
	enum turn turn = (enum turn)_i;

	if (turn == AUTH || turn == AGAIN)
		return;
	how.says[turn] = SILENCE;
	start_unix(&how);
	deliver();
	expect_deferred(&world, "4.4.2");
	ck_assert_int_ge(world.got.elapsed_ms, 900);
	ck_assert_int_lt(world.got.elapsed_ms, 3000);
	if (turn == END) {
		expect_log(&world, "lmtp_data_done_timeout");
		expect_log(&world, "may be delivered twice");
	} else {
		expect_log(&world, "delivery_timeout");
		expect_no_log(&world, "twice");
		expect_no_end();
	}
}
END_TEST

/* delivery_timeout is over while the server saves: no reason to make it do so
 * again. */
START_TEST(server_that_takes_its_time_is_waited_for)
{
	struct script how = script();

	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    "lmtp_data_done_timeout = 5s\n");
	how.wait_ms = 1500;
	start_unix(&how);
	deliver();
	expect_sent(&world);
	ck_assert_int_ge(world.got.elapsed_ms, 1400);
}
END_TEST

START_TEST(server_that_does_not_accept)
{
	int listener = bind_unix();

	ck_assert_int_eq(listen(listener, 0), 0);
	/* Its queue is full. */
	for (int i = 0; i < 2; i++) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		(void)snprintf(address.sun_path, sizeof(address.sun_path),
		    "%s/lmtp", world.scratch.root);
		(void)connect(
		    fd, (struct sockaddr *)(void *)&address, sizeof(address));
	}
	deliver();
	expect_deferred(&world, "4.4.1");
	ck_assert_int_ge(world.got.elapsed_ms, 900);
	ck_assert_int_lt(world.got.elapsed_ms, 3000);
}
END_TEST

START_TEST(server_that_breaks_off_in_the_message)
{
	static char text[2 * LONG_OCTETS], wire[2 * LONG_OCTETS];
	struct script how = script();
	size_t length, wire_length;

	length = make_long(text, wire, &wire_length);
	how.text_most = 1000;
	how.in_text = _i == 0 ? NULL :
	    _i == 1           ? "552 5.3.4 too big\r\n" :
				"250 2.0.0 saved\r\n";
	/* Like one who has taken something in the text for its end. */
	how.reads_on = _i == 2;
	start_unix(&how);
	world_deliver_octets(&world, text, length);
	expect_deferred(&world, "4.4.2");
	expect_no_log(&world, "twice");
	expect_no_end();
}
END_TEST

/* It has spoken before the message's end: that is no answer to it. */
START_TEST(server_that_speaks_too_early)
{
	struct script how = script();

	how.says[DATA] = "354 go on\r\n250 2.0.0 saved\r\n";
	start_unix(&how);
	deliver();
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert(strncmp(world.got.output, "4.", 2) == 0);
	expect_no_log(&world, "saved mail");
}
END_TEST

START_TEST(garbage_is_no_answer)
{
	static const char *const garbage[] = { "hello\r\n", "\r\n", "25\r\n",
		"250x\r\n", "\x80\xff\xfe\n", "150 x\r\n", "999 x\r\n",
		"250-a\r\n350 b\r\n", "* OK IMAP\r\n",
		"HTTP/1.0 200 OK\r\n\r\n" };
	struct script how = script();
	enum turn turn = (enum turn)(_i % TURNS);

	if (turn == AUTH || turn == AGAIN)
		return;
	how.says[turn] = garbage[_i / TURNS];
	start_unix(&how);
	deliver();
	expect_deferred(&world, "4.5.0");
	ck_assert_int_lt(world.got.elapsed_ms, 900);
	expect_log(&world, "breaks the protocol");
	expect_printable_log(&world);
	if (turn == END)
		expect_log(&world, "twice");
	else
		expect_no_end();
}
END_TEST

START_TEST(flood_is_no_answer)
{
	static char flood[100000];
	struct script how = script();

	memset(flood, 'x', sizeof(flood) - 1);
	for (size_t i = 0; _i % 2 == 1 && i + 9 < sizeof(flood); i += 9)
		memcpy(flood + i, "250-abc\r\n", 9);
	how.says[_i < 2 ? LHLO : RCPT] = flood;
	start_unix(&how);
	deliver();
	expect_deferred(&world, "4.5.0");
	ck_assert_int_lt(world.got.elapsed_ms, 900);
}
END_TEST

START_TEST(server_that_is_not_there)
{
	static const struct {
		const char *location, *word;
	} rows[] = {
		{ "unix:#/nothere", "No such file" },
		{ "unix:#/nodirectory/lmtp", "No such file" },
		{ "unix:#/home", "Connection refused" },
		{ "unix:#/deaf", "nobody listens" },
		{ "inet:127.0.0.1:1", "nobody listens" },
		{ "inet:[::1]:1", "cannot connect" },
	};
	char location[300];
	size_t used = 0;

	if (_i == 3) {
		int listener = bind_unix();

		ck_assert_int_eq(rename(scratch_path(&world.scratch, "lmtp"),
				     scratch_path(&world.scratch, "deaf")),
		    0);
		(void)close(listener);
	}
	for (const char *at = rows[_i].location; *at != '\0'; at++)
		used += (size_t)snprintf(location + used,
		    sizeof(location) - used, "%.*s", *at == '#' ? 100 : 1,
		    *at == '#' ? world.scratch.root : at);
	use(location, "");
	deliver();
	expect_deferred(&world, "4.4.1");
	expect_log(&world, rows[_i].word);
}
END_TEST

START_TEST(server_that_may_not_be_reached)
{
	struct script how = script();

	start_unix(&how);
	scratch_chown(&world.scratch, "lmtp", 0, 0);
	scratch_chmod(&world.scratch, "lmtp", 0600);
	deliver();
	expect_deferred(&world, "4.4.1");
	expect_log(&world, "Permission denied");
	expect_log(&world, "lacks w on");
	expect_log(&world, "(mode 0600, owner 0:0)");
}
END_TEST

/* Signals. */

START_TEST(term_before_the_end_undoes)
{
	static const enum turn turns[] = { GREETING, LHLO, MAIL, RCPT, DATA };
	struct script how = script();

	how.kills_client = true;
	how.kills = turns[_i];
	how.says[turns[_i]] = SILENCE;
	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    "delivery_timeout = 60s\n");
	start_unix(&how);
	deliver();
	expect_deferred(&world, "4.3.0");
	expect_log(&world, "signal");
	expect_no_end();
}
END_TEST

START_TEST(term_after_the_end_changes_nothing)
{
	struct script how = script();

	how.kills_client = true;
	how.kills = END;
	how.wait_ms = 100;
	start_unix(&how);
	deliver();
	expect_sent(&world);
}
END_TEST

/* AUTH. */

#define PLAIN "AUTH PLAIN AGxkYQBzZWNyZXQ=\r\n"

static void
use_auth(const char *file)
{
	use(scratch_print(
		&world.scratch, "inet:127.0.0.1:%u", (unsigned)server.port),
	    scratch_print(&world.scratch,
		"lmtp_auth_user = lda\nlmtp_auth_password_file = %s\n",
		scratch_path(&world.scratch, file)));
}

static const struct {
	const char *offers, *says, *want;
	const char *dsn; /* NULL: sent */
	const char *word;
} auths[] = {
	{ "250-mx\r\n250 AUTH PLAIN LOGIN\r\n", "235 ok\r\n", PLAIN, NULL, "" },
	{ "250-mx\r\n250 AUTH LOGIN PLAIN\r\n", "235 ok\r\n", PLAIN, NULL, "" },
	{ "250 mx\r\n", "235 ok\r\n", "LHLO", "4.3.5", "does not announce" },
	{ "250-mx\r\n250 AUTH GSSAPI\r\n", "235 ok\r\n", "LHLO", "4.3.5",
	    "does not announce" },
	{ "250-mx\r\n250 AUTH PLAIN\r\n", "535 5.7.8 wrong\r\n", PLAIN, "4.7.8",
	    "answers AUTH" },
	{ "250-mx\r\n250 AUTH PLAIN\r\n", "454 4.7.0 later\r\n", PLAIN, "4.7.0",
	    "answers AUTH" },
	{ "250-mx\r\n250 AUTH PLAIN\r\n", "334 \r\n", PLAIN, "4.5.0",
	    "protocol" },
};

START_TEST(auth_before_mail)
{
	struct script how = script();

	how.says[LHLO] = auths[_i].offers;
	how.says[AUTH] = auths[_i].says;
	scratch_write(&world.scratch, "password", "secret\nnot this\n");
	scratch_chmod(&world.scratch, "password", 0640);
	start_inet(&how);
	use_auth("password");
	deliver();
	if (auths[_i].dsn == NULL)
		expect_sent(&world);
	else {
		expect_deferred(&world, auths[_i].dsn);
		expect_no_end();
	}
	expect_log(&world, auths[_i].word);
	expect_heard(auths[_i].want);
	/* Nowhere but there. */
	expect_no_log(&world, "secret");
	expect_no_log(&world, "c2VjcmV0");
	expect_no_log(&world, "AGxkYQ");
}
END_TEST

START_TEST(auth_login)
{
	struct script how = script();

	how.says[LHLO] = "250-mx\r\n250 AUTH LOGIN\r\n";
	how.says[AUTH] = "334 VXNlcm5hbWU6\r\n";
	scratch_write(&world.scratch, "password", "secret");
	scratch_chmod(&world.scratch, "password", 0600);
	start_inet(&how);
	use_auth("password");
	deliver();
	/* The script asks a third time. */
	expect_deferred(&world, "4.5.0");
	expect_heard("AUTH LOGIN\r\nbGRh\r\nc2VjcmV0\r\n");
}
END_TEST

static const struct {
	const char *text;
	mode_t mode;
	const char *word;
} passwords[] = {
	{ NULL, 0600, "No such file" },
	{ "secret\n", 0644, "may be read by others" },
	{ "secret\n", 0602, "may be read by others" },
	{ "secret\n", 0, "Permission denied" },
	{ "", 0600, "empty" },
	{ "\nsecret\n", 0600, "empty" },
	{ "\r\n", 0600, "empty" },
};

START_TEST(password_that_cannot_be_used)
{
	struct script how = script();
	size_t length;

	if (passwords[_i].text != NULL) {
		scratch_write(&world.scratch, "password", passwords[_i].text);
		scratch_chmod(&world.scratch, "password", passwords[_i].mode);
	}
	if (passwords[_i].mode == 0 && getuid() != 0)
		return;
	start_inet(&how);
	use_auth("password");
	deliver();
	expect_deferred(&world, "4.3.5");
	expect_log(&world, passwords[_i].word);
	expect_log(&world, "lmtp_auth_password_file");
	/* Nobody was connected to. */
	(void)heard(&length);
	ck_assert_uint_eq(length, 0);
}
END_TEST

/* Settings. */

START_TEST(location_that_is_misspelt)
{
	static const char *const locations[] = { "lmtp:", "lmtp", "lmtp:unix",
		"lmtp:unix:", "lmtp:unix:/", "lmtp:unix:run/lmtp",
		"lmtp:/run/lmtp", "lmtp:inet:", "lmtp:inet:127.0.0.1",
		"lmtp:inet:127.0.0.1:0", "lmtp:inet:127.0.0.1:65536",
		"lmtp:inet:127.0.0.1:24x", "lmtp:inet:mail.example:24",
		"lmtp:inet::24", "lmtp:tcp:127.0.0.1:24", "lmtp:127.0.0.1:24" };

	world_config(&world,
	    scratch_print(
		&world.scratch, "mail_location = %s\n", locations[_i]));
	deliver();
	expect_deferred(&world, "4.3.5");
	expect_log(&world, "mail_location");
	expect_log(&world, "lda.conf:1");
}
END_TEST

START_TEST(half_of_auth_is_a_mistake)
{
	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    _i == 0     ? "lmtp_auth_user = lda\n" :
		_i == 1 ? "lmtp_auth_password_file = /etc/secret\n" :
			  "lmtp_data_done_timeout = 0\n");
	deliver();
	expect_deferred(&world, "4.3.5");
	expect_log(&world, _i == 2 ? "lmtp_data_done_timeout" : "lmtp_auth_");
}
END_TEST

START_TEST(location_in_three_parts)
{
	struct script how = script();

	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_driver = lmtp\nmail_path = unix:%s/%%d\n",
		world.scratch.root));
	start_unix(&how);
	world_arguments(&world, "-d", "bob@lmtp", NULL);
	deliver();
	expect_sent(&world);
	expect_heard("RCPT TO:<bob@lmtp>");
}
END_TEST

/* One user's mail is elsewhere: he is found first, and it is as him that the
 * server is asked. */
START_TEST(user_with_a_server_of_his_own)
{
	struct script how = script();

	scratch_write(&world.scratch, "users",
	    scratch_print(&world.scratch,
		"anna@b:x:%ju:%ju::%s/anna::userdb_mail=lmtp:unix:%s/lmtp\n"
		"bob@b:x:%ju:%ju::%s/home::\n",
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root, world.scratch.root,
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid,
		world.scratch.root));
	world_config(&world,
	    scratch_print(&world.scratch,
		"mail_location = maildir:~/Maildir\n"
		"userdb = passwd-file:%s/users\n",
		world.scratch.root));
	start_unix(&how);
	world_arguments(&world, "-d", "Anna+x@b", NULL);
	deliver();
	expect_sent(&world);
	expect_heard("RCPT TO:<Anna+x@b>\r\n");
	world_arguments(&world, "-d", "otto@b", NULL);
	deliver();
	expect_unknown(&world);
	world_arguments(&world, "-d", "bob@b", NULL);
	deliver();
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(too_large_a_message_is_not_offered)
{
	struct script how = script();
	size_t length;

	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    _i == 0 ? "message_size_limit = 10\n" :
		      "mailbox_size_limit = 10\n");
	start_unix(&how);
	deliver();
	if (_i == 1) {
		expect_sent(&world); /* no file of ours */
		return;
	}
	expect_refused(&world, 65, "5.2.3");
	(void)heard(&length);
	ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(empty_input_connects_to_nobody)
{
	struct script how = script();
	size_t length;

	start_unix(&how);
	world_deliver(&world, "");
	expect_deferred(&world, "4.3.0");
	(void)heard(&length);
	ck_assert_uint_eq(length, 0);
}
END_TEST

/* Rights. */

START_TEST(root_becomes_mail_uid_or_stays_away)
{
	struct script how = script();
	size_t length;
	const char *more =
	    scratch_print(&world.scratch, "mail_uid = %ju\nmail_gid = %ju\n",
		(uintmax_t)world.scratch.uid, (uintmax_t)world.scratch.gid);

	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    _i == 0     ? more :
		_i == 1 ? "" :
			  "mail_uid = 0\n");
	start_unix(&how);
	world.command.uid = 0;
	world.command.gid = 0;
	deliver();
	if (_i == 0) {
		expect_sent(&world);
		expect_heard("\r\n.\r\nQUIT\r\n"); /* and not [root] */
		return;
	}
	expect_deferred(&world, "4.3.5");
	expect_log(&world, _i == 1 ? "set mail_uid" : "uid 0");
	(void)heard(&length);
	ck_assert_uint_eq(length, 0);
}
END_TEST

/* mail_uid is for root alone. */
START_TEST(everybody_else_stays_who_he_is)
{
	struct script how = script();

	use(scratch_print(&world.scratch, "unix:%s/lmtp", world.scratch.root),
	    "mail_uid = 4242\n");
	start_unix(&how);
	deliver();
	expect_sent(&world);
}
END_TEST

/* -t. */

static void
try_out(void)
{
	world.command.agent = HOST_PERSON;
	world_deliver(&world, "");
}

START_TEST(trial_asks_the_server)
{
	static const struct {
		const char *rcpt, *want;
		int status;
	} rows[] = {
		{ "250 2.1.5 fine\r\n", "250 2.1.5 fine", 0 },
		{ "550 5.1.1 who?\r\n", "5.1.1 who?", 67 },
		{ "451 4.3.0 busy\r\n", "4.3.0 busy", 75 },
	};
	struct script how = script();
	const char *text;
	size_t length;

	how.says[RCPT] = rows[_i].rcpt;
	start_unix(&how);
	world_arguments(&world, "-t", "-d", "bob@b", NULL);
	try_out();
	ck_assert_msg(host_exit_status(&world.got) == rows[_i].status, "%s",
	    world_tell(&world));
	ck_assert_msg(strstr(world.got.output, rows[_i].want) != NULL, "%s",
	    world.got.output);
	ck_assert_ptr_nonnull(strstr(world.got.output, "8BITMIME"));
	ck_assert_ptr_nonnull(strstr(world.got.output, "RCPT TO:<bob@b>"));
	(void)heard_until("QUIT\r\n");
	text = heard(&length);
	ck_assert_ptr_null(strstr(text, "DATA"));
}
END_TEST

START_TEST(trial_says_what_is_in_the_way)
{
	world_arguments(&world, "-t", "-d", "bob@b", NULL);
	try_out();
	ck_assert_int_eq(host_exit_status(&world.got), 75);
	ck_assert_ptr_nonnull(strstr(world.got.output, "4.4.1"));
	ck_assert_ptr_nonnull(strstr(world.got.output, "No such file"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP client");
	TCase *message = tcase_create("message");
	TCase *recipient = tcase_create("recipient");
	TCase *refusal = tcase_create("refusals");
	TCase *trouble = tcase_create("trouble");
	TCase *auth = tcase_create("AUTH");
	TCase *settings = tcase_create("settings, rights, -t");
	TCase *all[] = { message, recipient, refusal, trouble, auth, settings };

	for (size_t i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		tcase_set_timeout(all[i], 15);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(
	    message, message_arrives_octet_by_octet, 0, COUNT(messages));
	tcase_add_test(message, long_message_arrives_and_leaves_nothing_behind);
	tcase_add_test(message, nothing_is_announced_and_nothing_is_asked);
	tcase_add_loop_test(message, answers_in_pieces_are_read, 0, 3);
	tcase_add_test(message, server_on_TCP);
	tcase_add_loop_test(message, sender_is_written_as_a_path, 0, 12);
	tcase_add_loop_test(
	    recipient, recipient_is_who_was_told, 0, COUNT(recipients));
	tcase_add_loop_test(recipient, nobody_who_tells_is_a_mistake, 0, 3);
	tcase_add_loop_test(
	    recipient, name_that_cannot_be_told_is_unknown, 0, 7);
	tcase_add_loop_test(
	    recipient, local_mangles_and_the_message_tells, 0, 5);
	tcase_add_loop_test(
	    recipient, folder_that_the_server_refuses_is_the_inbox, 0, 2);
	tcase_add_test(recipient, no_delimiter_no_folder);
	tcase_add_loop_test(recipient, other_delimiter, 0, 2);
	tcase_add_loop_test(
	    recipient, utf8_that_the_server_cannot_take_waits, 0, 2);
	tcase_add_loop_test(
	    refusal, refusal_is_passed_on, 0, 2 * COUNT(refusals));
	tcase_add_test(refusal, endless_reply_is_cut);
	tcase_add_loop_test(refusal, guess_that_is_refused_waits, 0, 2);
	tcase_add_loop_test(trouble, connection_that_is_lost, 0, 2 * TURNS);
	tcase_add_loop_test(
	    trouble, connection_that_is_lost_in_an_answer, 0, TURNS);
	tcase_add_loop_test(trouble, server_that_says_nothing, 0, TURNS);
	tcase_add_test(trouble, server_that_takes_its_time_is_waited_for);
	tcase_add_test(trouble, server_that_does_not_accept);
	tcase_add_loop_test(
	    trouble, server_that_breaks_off_in_the_message, 0, 3);
	tcase_add_test(trouble, server_that_speaks_too_early);
	tcase_add_loop_test(trouble, garbage_is_no_answer, 0, 10 * TURNS);
	tcase_add_loop_test(trouble, flood_is_no_answer, 0, 4);
	tcase_add_loop_test(trouble, server_that_is_not_there, 0, 6);
	if (getuid() == 0)
		tcase_add_test(trouble, server_that_may_not_be_reached);
	tcase_add_loop_test(trouble, term_before_the_end_undoes, 0, 5);
	tcase_add_test(trouble, term_after_the_end_changes_nothing);
	tcase_add_loop_test(auth, auth_before_mail, 0, COUNT(auths));
	tcase_add_test(auth, auth_login);
	tcase_add_loop_test(
	    auth, password_that_cannot_be_used, 0, COUNT(passwords));
	tcase_add_loop_test(settings, location_that_is_misspelt, 0, 16);
	tcase_add_loop_test(settings, half_of_auth_is_a_mistake, 0, 3);
	tcase_add_test(settings, location_in_three_parts);
	tcase_add_test(settings, user_with_a_server_of_his_own);
	tcase_add_loop_test(settings, too_large_a_message_is_not_offered, 0, 2);
	tcase_add_test(settings, empty_input_connects_to_nobody);
	if (getuid() == 0)
		tcase_add_loop_test(
		    settings, root_becomes_mail_uid_or_stays_away, 0, 3);
	tcase_add_test(settings, everybody_else_stays_who_he_is);
	tcase_add_loop_test(settings, trial_asks_the_server, 0, 3);
	tcase_add_test(settings, trial_says_what_is_in_the_way);
	return world_main(suite);
}
