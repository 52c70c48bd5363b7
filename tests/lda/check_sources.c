/*
 * check_sources.c - users asked of a server, or looked up in a cdb: whatever
 * the server does, "not found" and "could not ask" are never confused.
 *
 * Source: DESIGN 2.3; postfix socketmap_table(5); Dovecot "Authentication
 * Protocol" 2.3 and 2.4.
 */
#include "support/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A server that hears so much and answers so much. */
#define SAID 4096
#define ANSWER 40000

/* Longer than any delivery here. */
#define LIFE_SECONDS 20

static struct world world;

/* A scripted server: one process, one script for each connection. */
struct script {
	const char *greeting; /* said before anything is asked */
	const char *answer;
	size_t answer_length; /* 0: strlen */
	bool stays;           /* after the answer: keeps the connection */
	bool ignores;         /* does not even accept */
	size_t piece;         /* octets at a time, 0: all */
};

static struct server {
	pid_t pid;
	int heard[2]; /* what the client said */
	uint16_t port;
} servers[4];
static size_t server_count;

static void
set_up(void)
{
	world_open(&world);
	server_count = 0;
}

static void
stop_servers(void)
{
	for (size_t i = 0; i < server_count; i++) {
		(void)kill(servers[i].pid, SIGKILL);
		(void)waitpid(servers[i].pid, NULL, 0);
		(void)close(servers[i].heard[0]);
	}
	server_count = 0;
}

static void
tear_down(void)
{
	stop_servers();
	world_close(&world);
}

static void
say(int fd, const char *text, size_t length, size_t piece)
{
	while (length > 0) {
		size_t part = piece == 0 || piece > length ? length : piece;
		ssize_t put = send(fd, text, part, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		text += put;
		length -= (size_t)put;
		if (piece != 0)
			(void)poll(NULL, 0, 1);
	}
}

/* Reads until a request is whole: an auth client's has two line ends, a
 * netstring ends with a comma. */
static void
hear(int fd, int tell)
{
	char said[SAID];
	size_t length = 0;

	while (length < sizeof(said)) {
		ssize_t got = read(fd, said + length, sizeof(said) - length);
		size_t lines = 0;

		if (got <= 0)
			break;
		(void)!write(tell, said + length, (size_t)got);
		length += (size_t)got;
		for (size_t i = 0; i < length; i++)
			lines += said[i] == '\n';
		if (said[length - 1] == ',' ||
		    (lines == 2 && said[length - 1] == '\n'))
			break;
	}
}

static void
serve(int listener, int tell, const struct script *script)
{
	size_t length = script->answer_length;

	(void)alarm(LIFE_SECONDS);
	if (length == 0 && script->answer != NULL)
		length = strlen(script->answer);
	for (;;) {
		int fd;

		if (script->ignores) {
			(void)pause();
			continue;
		}
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			_exit(1);
		if (script->greeting != NULL)
			say(fd, script->greeting, strlen(script->greeting),
			    script->piece);
		hear(fd, tell);
		if (script->answer != NULL)
			say(fd, script->answer, length, script->piece);
		if (!script->stays)
			(void)close(fd);
	}
}

static void
start(int listener, const struct script *script)
{
	struct server *server = &servers[server_count];

	ck_assert_uint_lt(server_count, COUNT(servers));
	ck_assert_int_eq(listen(listener, 8), 0);
	ck_assert_int_eq(pipe(server->heard), 0);
	server->pid = fork();
	ck_assert_int_ge(server->pid, 0);
	if (server->pid == 0) {
		(void)close(server->heard[0]);
		serve(listener, server->heard[1], script);
	}
	(void)close(server->heard[1]);
	(void)close(listener);
	server_count++;
}

static void
start_unix(const char *name, const struct script *script)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(listener, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
	    world.scratch.root, name);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&address,
			     sizeof(address)),
	    0);
	scratch_chmod(&world.scratch, name, 0777);
	start(listener, script);
}

static void
start_inet(const struct script *script)
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
	start(listener, script);
	servers[server_count - 1].port = ntohs(address.sin_port);
}

/* What the client said to a server, which is stopped for it. */
static const char *
heard(size_t index)
{
	static char text[2 * SAID];
	size_t length = 0;
	ssize_t got;

	(void)kill(servers[index].pid, SIGKILL);
	while (length < sizeof(text) - 1 &&
	    (got = read(servers[index].heard[0], text + length,
		 sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	return text;
}

/* '#' stands for the scratch directory, '^' for our uid, '|' for our gid, '!'
 * for both with a colon. */
static const char *
fill_in(const char *pattern)
{
	static char rooms[4][2048];
	static unsigned turn;
	char *text = rooms[turn++ % COUNT(rooms)];
	size_t used = 0;

	for (; *pattern != '\0'; pattern++) {
		ck_assert_uint_lt(used, sizeof(rooms[0]) - 128);
		if (*pattern == '#')
			used += (size_t)snprintf(
			    text + used, 128, "%s", world.scratch.root);
		else if (*pattern == '!')
			used += (size_t)snprintf(text + used, 64, "%ju:%ju",
			    (uintmax_t)world.scratch.uid,
			    (uintmax_t)world.scratch.gid);
		else if (*pattern == '^')
			used += (size_t)snprintf(text + used, 64, "%ju",
			    (uintmax_t)world.scratch.uid);
		else if (*pattern == '|')
			used += (size_t)snprintf(text + used, 64, "%ju",
			    (uintmax_t)world.scratch.gid);
		else
			text[used++] = *pattern;
	}
	text[used] = '\0';
	return text;
}

static const char *
netstring(const char *text)
{
	return scratch_print(&world.scratch, "%zu:%s,", strlen(text), text);
}

static void
use(const char *userdb)
{
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = %s\nmail_location = maildir:~/Maildir\n"
		"delivery_timeout = 1s\n",
		fill_in(userdb)));
}

static void
deliver_to(const char *user)
{
	world_arguments(&world, "-d", user, NULL);
	world_deliver(&world, world_mail);
}

#define MAP "socketmap:unix:#/map:users"
#define AUTH "dovecot-auth:#/auth"

#define FOUND 0
#define UNKNOWN 67
#define DOUBT 75

static void
expect_outcome(int want, const char *home)
{
	switch (want) {
	case FOUND:
		expect_sent(&world);
		expect_maildir(&world,
		    scratch_print(&world.scratch, "%s/Maildir", home),
		    world_mail);
		return;
	case UNKNOWN:
		expect_unknown(&world);
		return;
	default:
		expect_deferred(&world, "4.4.3");
	}
}

/* socketmap. */

static const struct {
	const char *answer;
	int want;
} map_answers[] = {
	{ "OK x:!::#/anna::", FOUND },
	{ "OK x:!::#/anna", FOUND },
	{ "OK x:!::#/anna::userdb_mail=maildir:#/anna/Maildir", FOUND },
	{ "OK :!::#/anna:/bin/sh:a=b userdb_quota_rule=*:storage=1G", FOUND },
	{ "NOTFOUND ", UNKNOWN },
	{ "NOTFOUND", UNKNOWN },
	{ "TEMP the database is down", DOUBT },
	{ "TEMP ", DOUBT },
	{ "TIMEOUT ", DOUBT },
	{ "PERM no such map", DOUBT },
	{ "", DOUBT },
	{ " ", DOUBT },
	{ "OK x:0:0::#/anna::", DOUBT },
	{ "OK x:!!::#/anna::", DOUBT },
	{ "OK x:nobodyhere:1::#/anna::", DOUBT },
	{ "OK x:!::#/anna::\nroot:x:0:0::/::", DOUBT },
	{ "OK x:!::#/anna::userdb_message_size_limit=lots", DOUBT },
	{ "ok x:!::#/anna::", DOUBT },
	{ "NOTFOUNDX", DOUBT },
	{ "notfound ", DOUBT },
	{ "ERROR", DOUBT },
	{ "200 OK", DOUBT },
	{ "\x80\xff", DOUBT },
};

START_TEST(answer_of_a_socketmap)
{
	struct script script = { .answer = netstring(
				     fill_in(map_answers[_i].answer)) };

	start_unix("map", &script);
	use(MAP);
	deliver_to("anna@a.example");
	expect_outcome(map_answers[_i].want, "anna");
	ck_assert_str_eq(heard(0), "20:users anna@a.example,");
}
END_TEST

START_TEST(detail_is_asked_for_only_if_the_whole_name_is_not_known)
{
	struct script script = { .answer = netstring("NOTFOUND ") };

	start_unix("map", &script);
	use(MAP);
	deliver_to("anna+x@a.example");
	expect_unknown(&world);
	ck_assert_str_eq(
	    heard(0), "22:users anna+x@a.example,20:users anna@a.example,");
}
END_TEST

/* What a server must not do, and does.  Raw octets. */
static const struct {
	const char *octets;
	size_t length; /* 0: strlen */
	bool stays;
	bool slow; /* the deadline ends it */
} map_lies[] = {
	{ NULL, 0, false, false },          /* closes at once */
	{ "", 0, true, true },              /* never answers */
	{ "9:NOTFOUND ", 0, false, false }, /* half an answer */
	{ "9:NOTF", 0, false, false },
	{ "9:NOTF", 0, true, true },
	{ "9", 0, false, false },
	{ "8:NOTFOUND ,", 0, false, false },  /* lies: too short */
	{ "10:NOTFOUND ,", 0, false, false }, /* too long */
	{ "99999999999999999999:NOTFOUND ,", 0, true, false },
	{ "4294967305:NOTFOUND ,", 0, true, false },
	{ "18446744073709551625:NOTFOUND ,", 0, true, false },
	{ "-9:NOTFOUND ,", 0, true, false },
	{ "09:NOTFOUND ,", 0, true, false },
	{ "9;NOTFOUND ,", 0, true, false },
	{ "9:NOTFOUND ;", 0, true, false },
	{ "NOTFOUND \n", 0, true, false },
	{ "HTTP/1.0 404 Not Found\r\n\r\n", 0, true, false },
	{ "\0\0\0\0", 4, true, false },
	{ "11:NOTFOUND \0\0,", 15, true, false },
	{ "9:NOTFOUND\0,", 12, true, false },
	{ "5:OK \0x,", 8, true, false },
	{ "0:,", 0, true, false },
	{ "17500:NOTFOUND ", 0, true, false },
};

START_TEST(socketmap_that_lies_is_doubt)
{
	struct script script = { .answer = map_lies[_i].octets,
		.answer_length = map_lies[_i].length,
		.stays = map_lies[_i].stays };

	start_unix("map", &script);
	use(MAP);
	deliver_to("anna");
	expect_deferred(&world, world.got.dsn);
	expect_log(&world, "socketmap");
	expect_printable_log(&world);
	/* Not before the deadline, and soon after it. */
	ck_assert_msg(world.got.elapsed_ms < 3000, "%jd ms:%s",
	    (intmax_t)world.got.elapsed_ms, world_tell(&world));
	if (!map_lies[_i].slow)
		ck_assert_msg(world.got.elapsed_ms < 900, "%jd ms:%s",
		    (intmax_t)world.got.elapsed_ms, world_tell(&world));
}
END_TEST

START_TEST(socketmap_that_is_slow_but_right_is_believed)
{
	struct script script = {
		.answer = netstring(fill_in("OK x:!::#/anna::")), .piece = 1
	};

	start_unix("map", &script);
	use(MAP);
	deliver_to("anna");
	expect_outcome(FOUND, "anna");
}
END_TEST

START_TEST(socketmap_that_floods_is_doubt)
{
	static char flood[ANSWER];
	struct script script = { .answer = flood,
		.answer_length = sizeof(flood) };

	memset(flood, _i == 0 ? '9' : 'x', sizeof(flood));
	if (_i == 1)
		memcpy(flood, "16000:OK ", 9);
	if (_i == 2)
		memcpy(flood, "39000:OK ", 9);
	start_unix("map", &script);
	use(MAP);
	deliver_to("anna");
	expect_deferred(&world, "4.4.3");
	ck_assert_int_lt(world.got.elapsed_ms, 900);
}
END_TEST

START_TEST(socketmap_that_is_not_there_is_doubt)
{
	static const char *const userdbs[] = {
		"socketmap:unix:#/nothere:users",
		"socketmap:unix:#/nodirectory/map:users",
		"socketmap:unix:#/users:users", /* a file */
		"socketmap:unix:#:users",       /* a directory */
		"socketmap:inet:127.0.0.1:1:users",
	};

	scratch_write(&world.scratch, "users", "anna:x:!::#/anna::\n");
	use(userdbs[_i]);
	deliver_to("anna");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, "socketmap");
}
END_TEST

START_TEST(socketmap_that_does_not_accept_is_doubt)
{
	struct script script = { .ignores = true };

	start_unix("map", &script);
	use(MAP);
	deliver_to("anna");
	expect_deferred(&world, world.got.dsn);
	ck_assert_int_lt(world.got.elapsed_ms, 3000);
}
END_TEST

START_TEST(socketmap_that_may_not_be_asked_is_doubt)
{
	struct script script = { .answer = netstring("NOTFOUND ") };

	start_unix("map", &script);
	scratch_chown(&world.scratch, "map", 0, 0);
	scratch_chmod(&world.scratch, "map", 0600);
	use(MAP);
	deliver_to("anna");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, "Permission denied");
}
END_TEST

START_TEST(socketmap_over_TCP)
{
	static const struct {
		const char *answer;
		int want;
	} rows[] = { { "OK x:!::#/anna::", FOUND }, { "NOTFOUND ", UNKNOWN },
		{ "TEMP x", DOUBT } };
	struct script script = { .answer =
				     netstring(fill_in(rows[_i].answer)) };

	start_inet(&script);
	use(scratch_print(&world.scratch, "socketmap:inet:127.0.0.1:%u:users",
	    (unsigned)servers[0].port));
	deliver_to("anna");
	expect_outcome(rows[_i].want, "anna");
	ck_assert_str_eq(heard(0), "10:users anna,");
}
END_TEST

START_TEST(socketmap_that_is_misspelt_is_misconfigured)
{
	static const char *const userdbs[] = { "socketmap:", "socketmap",
		"socketmap:unix", "socketmap:unix:", "socketmap:unix:#/map",
		"socketmap:#/map:users", "socketmap:inet:127.0.0.1:users",
		"socketmap:inet:a.host.name:25:users",
		"socketmap:inet:127.0.0.1:99999:users",
		"socketmap:inet:127.0.0.1:0:users",
		"socketmap:tcp:127.0.0.1:25:users", "dovecot-auth",
		"dovecot-auth:", "cdb", "cdb:" };

	use(userdbs[_i]);
	deliver_to("anna");
	/* 4.3.5 or 4.4.3: it must say which word, and not ask anybody else. */
	expect_deferred(&world, world.got.dsn);
	ck_assert_msg(log_sink_find(&world.log, "socketmap") != NULL ||
		log_sink_find(&world.log, "dovecot-auth") != NULL ||
		log_sink_find(&world.log, "cdb") != NULL,
	    "the source is not named:%s", world_tell(&world));
}
END_TEST

/* Names that would break the protocol, or the line the answer becomes. */
START_TEST(hostile_name_is_not_asked_for_or_asked_whole)
{
	static const char *const names[] = { "a:b", "a\nb", "a\tb", "a,b",
		"a b", "..", "a/b", "\xff", "1:a,", "notfound " };
	struct script script = { .answer = netstring("NOTFOUND ") };
	const char *said;
	size_t length = 0;
	int read_to = 0;

	start_unix("map", &script);
	use(MAP);
	deliver_to(names[_i]);
	expect_unknown(&world);
	said = heard(0);
	if (said[0] == '\0')
		return;
	ck_assert_int_eq(sscanf(said, "%zu:%n", &length, &read_to), 1);
	ck_assert_str_eq(said + read_to,
	    scratch_print(&world.scratch, "users %s,", names[_i]));
	ck_assert_uint_eq(length, strlen("users ") + strlen(names[_i]));
}
END_TEST

/* dovecot-auth. */

#define V23 "VERSION\t1\t1\nSPID\t4711\n"
#define V24 "VERSION\t1\t4\nSPID\t4711\n"

static const struct {
	const char *greeting;
	const char *answer;
	const char *home; /* NULL: not found */
	int want;
} auth_answers[] = {
	{ V23, "USER\t1\tanna\tuid=^\tgid=|\thome=#/anna\n", "anna", FOUND },
	{ V24, "USER\t1\tanna\tuid=^\tgid=|\thome=#/anna\n", "anna", FOUND },
	{ V23, "USER\t1\tanna\thome=#/anna\n", "anna", FOUND },
	{ V23,
	    "USER\t1\tanna\tuid=^\tgid=|\thome=#/anna\tmail=maildir:~/other/"
	    "Maildir\n",
	    "anna/other", FOUND },
	/* 2.4 names a part, and other settings that nobody here knows. */
	{ V24,
	    "USER\t1\tanna\tuid=^\tgid=|\thome=#/anna\tmail_driver=maildir\t"
	    "mail_path=~/other/Maildir\tacl_user=anna\tmaster_user\n",
	    "anna/other", FOUND },
	/* Renamed. */
	{ V23, "USER\t1\tanna@a.example\tuid=^\tgid=|\thome=#/renamed\n",
	    "renamed", FOUND },
	/* Escapes: home with a blank is fine, with a TAB it is too. */
	{ V23, "USER\t1\tanna\tuid=^\tgid=|\thome=#/an na\n", "an na", FOUND },
	{ V23, "USER\t1\tanna\tuid=^\tgid=|\thome=#/an\001tna\n", "an\tna",
	    FOUND },
	{ V23, "NOTFOUND\t1\n", NULL, UNKNOWN },
	{ V24, "NOTFOUND\t1\n", NULL, UNKNOWN },
	{ V23, "FAIL\t1\treason=down\n", NULL, DOUBT },
	{ V24, "FAIL\t1\n", NULL, DOUBT },
	{ V23, "USER\t1\tanna\tuid=0\tgid=0\thome=#/anna\n", NULL, DOUBT },
	{ V23, "USER\t1\tanna\tuid=x\thome=#/anna\n", NULL, DOUBT },
	{ V23, "USER\t1\t\tuid=^\thome=#/anna\n", NULL, DOUBT },
	{ V23, "USER\t1\n", NULL, DOUBT },
	{ V23, "USER\t1\tanna\thome=#/anna\tquota_rule=nonsense\n", NULL,
	    DOUBT },
	{ V23, "NOTFOUND\t2\n", NULL, DOUBT },
	{ V23, "NOTFOUND\n", NULL, DOUBT },
	{ V23, "USER\t2\tanna\tuid=^\tgid=|\thome=#/anna\n", NULL, DOUBT },
	{ V23, "WHAT\t1\n", NULL, DOUBT },
	{ V23, "\n", NULL, DOUBT },
	/* Other sockets of Dovecot: a client's, a master's, doveadm's. */
	{ "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t"
	  "a\nDONE\n",
	    "", NULL, DOUBT },
	{ "VERSION\t1\t2\nCUID\t1\nMECH\tPLAIN\n", "NOTFOUND\t1\n", NULL,
	    DOUBT },
	{ "VERSION\tdoveadm-server\t1\t0\n-\n", "", NULL, DOUBT },
	{ "VERSION\t2\t0\nSPID\t1\n", "NOTFOUND\t1\n", NULL, DOUBT },
	/* Another program's. */
	{ "220 mx ESMTP\r\n", "502 what?\r\n", NULL, DOUBT },
	{ "* OK IMAP\r\n", "", NULL, DOUBT },
};

START_TEST(answer_of_dovecot_auth)
{
	struct script script = { .greeting = auth_answers[_i].greeting,
		.answer = fill_in(auth_answers[_i].answer),
		.stays = true };

	start_unix("auth", &script);
	use(AUTH);
	deliver_to("anna");
	if (auth_answers[_i].want == DOUBT) {
		expect_deferred(&world, world.got.dsn);
		expect_log(&world, "dovecot-auth");
		ck_assert_int_lt(world.got.elapsed_ms, 900);
	} else {
		expect_outcome(auth_answers[_i].want, auth_answers[_i].home);
		ck_assert_str_eq(heard(0),
		    "VERSION\t1\t0\nUSER\t1\tanna\tservice=lda\tprotocol=lda"
		    "\n");
	}
	expect_printable_log(&world);
}
END_TEST

START_TEST(renamed_user_is_called_by_his_new_name)
{
	struct script script = { .greeting = V23,
		.answer = fill_in("USER\t1\totto\tuid=^\tgid=|\thome=#/h\n") };

	start_unix("auth", &script);
	use(AUTH);
	deliver_to("anna");
	expect_sent(&world);
	expect_log(&world, "lda(otto)");
}
END_TEST

/* Dovecot is trusted, but not what it was told by others. */
START_TEST(hostile_new_name_leaves_no_trace_outside)
{
	static const char *const names[] = { "../x", "a/b", ".", "..",
		"a\001nb", "a\0010b", "\001tx" };
	struct script script = { .greeting = V23,
		.answer = scratch_print(&world.scratch,
		    "USER\t1\t%s\tuid=%ju\tgid=%ju\n", names[_i],
		    (uintmax_t)world.scratch.uid,
		    (uintmax_t)world.scratch.gid) };

	start_unix("auth", &script);
	scratch_mkdir(&world.scratch, "mail", 0700);
	world_config(&world,
	    scratch_print(&world.scratch,
		"userdb = %s\nmail_location = maildir:%s/mail/%%u/M\n",
		fill_in(AUTH), world.scratch.root));
	deliver_to("anna");
	expect_contract(&world);
	expect_printable_log(&world);
	ck_assert(!scratch_has(&world.scratch, "x"));
	ck_assert(!scratch_has(&world.scratch, "M"));
	ck_assert_uint_eq(maildir_count_below(&world.scratch, ""), 0);
}
END_TEST

static const struct {
	const char *greeting;
	const char *answer;
	size_t length;
	bool stays, slow;
} auth_lies[] = {
	{ NULL, NULL, 0, false, false },
	{ V23, NULL, 0, false, false },
	{ V23, NULL, 0, true, true },
	{ "VERSION\t1\t1", NULL, 0, false, false },
	{ V23, "NOTFOUND\t1", 0, false, false },
	{ V23, "NOTFOUND", 0, false, false },
	{ V23, "USER\t1\tanna\tuid=^\tgid=|\thome=", 0, false, false },
	{ V23, "\0\0\0\0\n", 5, true, false },
	{ V23, "NOTFOUND\0\t1\n", 12, true, false },
	{ V23, "NOTFOUND\t1\0\n", 12, true, false },
};

START_TEST(dovecot_auth_that_breaks_off_is_doubt)
{
	struct script script = { .greeting = auth_lies[_i].greeting,
		.answer = auth_lies[_i].answer,
		.answer_length = auth_lies[_i].length,
		.stays = auth_lies[_i].stays };

	start_unix("auth", &script);
	use(AUTH);
	deliver_to("anna");
	expect_deferred(&world, world.got.dsn);
	expect_log(&world, "dovecot-auth");
	ck_assert_int_lt(world.got.elapsed_ms, auth_lies[_i].slow ? 3000 : 900);
}
END_TEST

START_TEST(dovecot_auth_in_pieces_is_read)
{
	struct script script = { .greeting = V24,
		.answer = fill_in("USER\t1\tanna\tuid=^\tgid=|\thome=#/anna\n"),
		.piece = 3 };

	start_unix("auth", &script);
	use(AUTH);
	deliver_to("anna");
	expect_outcome(FOUND, "anna");
}
END_TEST

START_TEST(dovecot_auth_with_many_fields_is_read)
{
	static char answer[12000];
	size_t used;
	struct script script = { .greeting = V24, .answer = answer };

	used = (size_t)snprintf(answer, sizeof(answer), "%s",
	    fill_in("USER\t1\tanna\tuid=^\tgid=|\thome=#/anna"));
	while (used < 9000)
		used += (size_t)snprintf(answer + used, sizeof(answer) - used,
		    "\tfield_%zu=value", used);
	answer[used++] = '\n';
	answer[used] = '\0';
	start_unix("auth", &script);
	use(AUTH);
	deliver_to("anna");
	expect_outcome(FOUND, "anna");
}
END_TEST

/* A setting that comes after as many fields as there is room for would be
 * lost in silence: mail in the wrong place, or no quota. */
START_TEST(setting_after_many_fields_holds)
{
	static char answer[12000];
	size_t used;
	struct script script = { .greeting = V24, .answer = answer };

	used = (size_t)snprintf(answer, sizeof(answer), "%s",
	    fill_in("USER\t1\tanna\tuid=^\tgid=|\thome=#/anna"));
	for (int i = 0; i < 200; i++)
		used += (size_t)snprintf(answer + used, sizeof(answer) - used,
		    "\tfield_%d=value", i);
	(void)snprintf(answer + used, sizeof(answer) - used,
	    "\tmail=maildir:~/other/Maildir\n");
	start_unix("auth", &script);
	use(AUTH);
	deliver_to("anna");
	if (host_exit_status(&world.got) == 0)
		expect_outcome(FOUND, "anna/other");
	else
		expect_deferred(&world, world.got.dsn);
}
END_TEST

START_TEST(dovecot_auth_that_is_not_there_is_doubt)
{
	use(_i == 0 ? "dovecot-auth:#/nothere" : "dovecot-auth:#/home");
	deliver_to("anna");
	expect_deferred(&world, "4.4.3");
	expect_log(&world, "dovecot-auth");
}
END_TEST

/* Several in order: what each server answers, and the end. */
static const struct {
	const char *userdb;
	const char *map; /* NULL: there is no server */
	const char *auth;
	const char *user;
	int want;
	const char *home;
} orders[] = {
	{ MAP " " AUTH, "NOTFOUND ", "NOTFOUND\t1\n", "anna", UNKNOWN, NULL },
	{ MAP " " AUTH, "NOTFOUND ", "USER\t1\tanna\tuid=^\tgid=|\thome=#/au\n",
	    "anna", FOUND, "au" },
	{ MAP " " AUTH, "OK x:!::#/ma::",
	    "USER\t1\tanna\tuid=^\tgid=|\thome=#/au\n", "anna", FOUND, "ma" },
	{ AUTH " " MAP, "OK x:!::#/ma::",
	    "USER\t1\tanna\tuid=^\tgid=|\thome=#/au\n", "anna", FOUND, "au" },
	{ AUTH ", " MAP, "OK x:!::#/ma::", "NOTFOUND\t1\n", "anna", FOUND,
	    "ma" },
	/* One that cannot be asked makes all doubtful, wherever it stands. */
	{ MAP " " AUTH, "TEMP x", "NOTFOUND\t1\n", "anna", DOUBT, NULL },
	{ MAP " " AUTH, "NOTFOUND ", "FAIL\t1\n", "anna", DOUBT, NULL },
	{ MAP " " AUTH, NULL, "NOTFOUND\t1\n", "anna", DOUBT, NULL },
	{ MAP " " AUTH, "NOTFOUND ", NULL, "anna", DOUBT, NULL },
	{ "passwd " MAP, "NOTFOUND ", NULL, "otto", UNKNOWN, NULL },
	{ "passwd " MAP, NULL, NULL, "bob", FOUND, "home" },
	{ MAP " passwd", "NOTFOUND ", NULL, "bob", FOUND, "home" },
	{ MAP " passwd", "PERM x", NULL, "otto", DOUBT, NULL },
	{ MAP " static", "TEMP x", NULL, "otto", DOUBT, NULL },
};

START_TEST(sources_are_asked_in_turn)
{
	struct script map = { .answer = NULL }, auth = { .greeting = V23 };

	if (orders[_i].map != NULL) {
		map.answer = netstring(fill_in(orders[_i].map));
		start_unix("map", &map);
	}
	if (orders[_i].auth != NULL) {
		auth.answer = fill_in(orders[_i].auth);
		start_unix("auth", &auth);
	}
	use(orders[_i].userdb);
	deliver_to(orders[_i].user);
	expect_outcome(orders[_i].want, orders[_i].home);
}
END_TEST

/* A source that may not be sure must not give the mail to the next. */
START_TEST(mail_does_not_go_to_the_next_source_after_trouble)
{
	struct script map = { .answer = netstring("TEMP x") };

	start_unix("map", &map);
	use(MAP " passwd");
	deliver_to("bob");
	expect_deferred(&world, "4.4.3");
}
END_TEST

/* cdb: the format is check_user_cdb's; here is what becomes of the mail. */

static void
put(unsigned char *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(number >> 8 * i);
}

/* One user, each table with two slots. */
static size_t
make_cdb(unsigned char *file, const char *key, const char *value, bool with_nul)
{
	size_t key_length = strlen(key) + with_nul;
	size_t value_length = strlen(value) + with_nul;
	size_t at = 2048, table;
	uint32_t hash = 5381;

	for (size_t i = 0; i < key_length; i++)
		hash = (hash * 33) ^ (unsigned char)key[i];
	put(file + at, (uint32_t)key_length);
	put(file + at + 4, (uint32_t)value_length);
	memcpy(file + at + 8, key, key_length);
	memcpy(file + at + 8 + key_length, value, value_length);
	table = at + 8 + key_length + value_length;
	for (size_t i = 0; i < 256; i++) {
		put(file + i * 8, (uint32_t)table);
		put(file + i * 8 + 4, i == hash % 256 ? 2 : 0);
		if (i == hash % 256) {
			size_t slot = table + hash / 256 % 2 * 8;

			put(file + slot, hash);
			put(file + slot + 4, (uint32_t)at);
			table += 16;
		}
	}
	return table;
}

static const struct {
	const char *value, *user;
	size_t cut; /* octets that are lost */
	int want;
} cdbs[] = {
	{ "x:!::#/anna::", "anna", 0, FOUND },
	{ "x:!::#/anna::", "anna+x", 0, FOUND },
	{ "x:!::#/anna::", "ANNA", 0, FOUND }, /* %Lu */
	{ "x:!::#/x::userdb_home=#/anna", "anna", 0, FOUND },
	{ "x:!::#/anna::", "otto", 0, UNKNOWN },
	{ "x:!::#/anna::", "anna", 1, DOUBT },
	{ "x:!::#/anna::", "anna", 1000, DOUBT },
	{ "x:0:0::#/anna::", "anna", 0, DOUBT },
	{ "x:!::#/anna::userdb_quota_rule=bad", "anna", 0, DOUBT },
};

START_TEST(user_of_a_cdb)
{
	unsigned char file[4096] = { 0 };
	size_t length =
	    make_cdb(file, "anna", fill_in(cdbs[_i / 2].value), _i % 2 != 0);

	scratch_write_octets(&world.scratch, "users.cdb", (const char *)file,
	    length - cdbs[_i / 2].cut);
	use("cdb:#/users.cdb");
	deliver_to(cdbs[_i / 2].user);
	if (cdbs[_i / 2].want == DOUBT)
		expect_deferred(&world, world.got.dsn);
	else
		expect_outcome(cdbs[_i / 2].want, "anna");
}
END_TEST

START_TEST(trial_says_which_source_answered)
{
	static const char *const userdbs[] = { MAP, AUTH, "passwd" };
	static const char *const want[] = { "socketmap", "dovecot-auth",
		"passwd" };
	struct script map = { .answer = netstring(fill_in("OK x:!::#/bo::")) };
	struct script auth = { .greeting = V23,
		.answer = fill_in("USER\t1\tbob\tuid=^\tgid=|\thome=#/bo\n") };

	start_unix("map", &map);
	start_unix("auth", &auth);
	use(userdbs[_i]);
	world.command.agent = HOST_PERSON;
	world_arguments(&world, "-t", "-d", "bob", NULL);
	world_deliver(&world, "");
	ck_assert_msg(host_exit_status(&world.got) == 0 &&
		strstr(world.got.output, want[_i]) != NULL,
	    "%s:%s", want[_i], world.got.output);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sources");
	TCase *map = tcase_create("socketmap");
	TCase *auth = tcase_create("dovecot-auth");
	TCase *others = tcase_create("cdb and several");

	tcase_add_checked_fixture(map, set_up, tear_down);
	tcase_set_timeout(map, 15);
	tcase_add_loop_test(map, answer_of_a_socketmap, 0, COUNT(map_answers));
	tcase_add_test(
	    map, detail_is_asked_for_only_if_the_whole_name_is_not_known);
	tcase_add_loop_test(
	    map, socketmap_that_lies_is_doubt, 0, COUNT(map_lies));
	tcase_add_test(map, socketmap_that_is_slow_but_right_is_believed);
	tcase_add_loop_test(map, socketmap_that_floods_is_doubt, 0, 3);
	tcase_add_loop_test(map, socketmap_that_is_not_there_is_doubt, 0, 5);
	tcase_add_test(map, socketmap_that_does_not_accept_is_doubt);
	if (getuid() == 0)
		tcase_add_test(map, socketmap_that_may_not_be_asked_is_doubt);
	tcase_add_loop_test(map, socketmap_over_TCP, 0, 3);
	tcase_add_loop_test(
	    map, socketmap_that_is_misspelt_is_misconfigured, 0, 15);
	tcase_add_loop_test(
	    map, hostile_name_is_not_asked_for_or_asked_whole, 0, 10);
	tcase_add_checked_fixture(auth, set_up, tear_down);
	tcase_set_timeout(auth, 15);
	tcase_add_loop_test(
	    auth, answer_of_dovecot_auth, 0, COUNT(auth_answers));
	tcase_add_test(auth, renamed_user_is_called_by_his_new_name);
	tcase_add_loop_test(
	    auth, hostile_new_name_leaves_no_trace_outside, 0, 7);
	tcase_add_loop_test(
	    auth, dovecot_auth_that_breaks_off_is_doubt, 0, COUNT(auth_lies));
	tcase_add_test(auth, dovecot_auth_in_pieces_is_read);
	tcase_add_test(auth, dovecot_auth_with_many_fields_is_read);
	tcase_add_test(auth, setting_after_many_fields_holds);
	tcase_add_loop_test(
	    auth, dovecot_auth_that_is_not_there_is_doubt, 0, 2);
	tcase_add_checked_fixture(others, set_up, tear_down);
	tcase_set_timeout(others, 15);
	tcase_add_loop_test(
	    others, sources_are_asked_in_turn, 0, COUNT(orders));
	tcase_add_test(
	    others, mail_does_not_go_to_the_next_source_after_trouble);
	tcase_add_loop_test(others, user_of_a_cdb, 0, 2 * COUNT(cdbs));
	tcase_add_loop_test(others, trial_says_which_source_answered, 0, 3);
	suite_add_tcase(suite, map);
	suite_add_tcase(suite, auth);
	suite_add_tcase(suite, others);
	return world_main(suite);
}
