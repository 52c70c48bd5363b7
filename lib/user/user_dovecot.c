/*
 * user_dovecot.c - users asked of a running Dovecot: dovecot-auth:PATH, the
 * path of its auth-userdb socket.
 *
 * Whatever Dovecot knows its users from (SQL, LDAP, Lua) works here too.  A
 * socket of mode 0666 answers only for the caller's own uid; any other mode
 * that lets us in answers for all.
 *
 * Source: Dovecot "Authentication Protocol", "User database lookup".
 */
#include "base/cursor.h"
#include "base/stream.h"
#include "base/sys.h"
#include "user/user.h"
#include "user/user_fields.h"
#include "wire/dovecot_auth.h"

#include <errno.h>
#include <string.h>

/* This source's part of the deadline. */
#define TIMEOUT_US ((int64_t)30 * 1000000)

#define REPLY_OCTETS ((size_t)16 * 1024)
#define REQUEST_OCTETS 1024

static int
fail_of_server(struct str path, const char *verb, struct status *why)
{
	return status_fail(why, STATUS_LOOKUP_FAILED,
	    "dovecot-auth %.*s: cannot %s: %s (uid %jd)", (int)path.length,
	    path.at, verb, strerror(errno), (intmax_t)sys_uid());
}

static int
fail_of_answer(struct str path, const char *reason, struct status *why)
{
	return status_fail(why, STATUS_LOOKUP_FAILED, "dovecot-auth %.*s: %s",
	    (int)path.length, path.at, reason);
}

/* The fields of an answer: the name, as Dovecot calls him, then key=value. */
static int
use_fields(const struct user_query *query, struct str fields, struct user *into,
    struct status *why)
{
	struct cursor in = cursor_over(fields);

	into->name =
	    dovecot_auth_unescape(query->arena, cursor_until(&in, '\t'));
	if (into->name.length == 0)
		return fail_of_answer(
		    query->argument, "the answer has no name", why);
	while (!cursor_at_end(&in)) {
		struct str field = dovecot_auth_unescape(
		    query->arena, cursor_until(&in, '\t'));
		struct cursor at = cursor_over(field);
		struct str name = cursor_until(&at, '=');
		struct str value = str_index(field, '=') == STR_NONE ?
		    str_from("yes") :
		    at.rest;

		if (user_fields_add(name, value, query, into, why) < 0) {
			status_context(why, "dovecot-auth %.*s",
			    (int)query->argument.length, query->argument.at);
			status_become(why, STATUS_LOOKUP_FAILED);
			return -1;
		}
	}
	return 0;
}

static int
use_answer(const struct user_query *query, enum dovecot_auth_answer answer,
    struct str fields, struct user *into, struct status *why)
{
	switch (answer) {
	case DOVECOT_AUTH_USER:
		return use_fields(query, fields, into, why);
	case DOVECOT_AUTH_NOT_FOUND:
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "%.*s is not known to Dovecot", (int)query->name.length,
		    query->name.at);
	case DOVECOT_AUTH_FAILED:
		return fail_of_answer(query->argument,
		    "the look-up failed there (or its mode is 0666, and we "
		    "are not that user)",
		    why);
	case DOVECOT_AUTH_BROKEN:
	case DOVECOT_AUTH_UNFINISHED:
		break;
	}
	return fail_of_answer(query->argument,
	    "not the protocol of an auth-userdb socket, version 1", why);
}

static int
talk(int fd, const struct user_query *query, struct user *into, int64_t then_us,
    struct status *why)
{
	char room[REQUEST_OCTETS];
	struct buf request, reply;
	enum dovecot_auth_answer answer;
	struct str fields;

	buf_init(&request, room, sizeof(room));
	dovecot_auth_ask(&request, query->name);
	buf_init(&reply, arena_take(query->arena, REPLY_OCTETS), REPLY_OCTETS);
	if (stream_send(fd, buf_str(&request), then_us) < 0)
		return fail_of_server(query->argument, "send", why);
	do {
		int got = stream_receive(fd, &reply, then_us);

		if (got < 0)
			return fail_of_server(query->argument, "receive", why);
		if (got == 0)
			return fail_of_answer(query->argument,
			    "the server closed in mid-answer", why);
		answer = dovecot_auth_read(buf_str(&reply), &fields);
	} while (answer == DOVECOT_AUTH_UNFINISHED);
	return use_answer(query, answer, fields, into, why);
}

static int
find(const struct user_query *query, struct user *into, struct status *why)
{
	int64_t then_us = sys_ticks_us() + TIMEOUT_US;
	int fd, rc;

	if (!dovecot_auth_can_ask(query->name))
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "the name cannot be asked of Dovecot");
	fd = stream_connect(
	    str_from(arena_print(query->arena, "unix:%.*s",
		(int)query->argument.length, query->argument.at)),
	    then_us);
	if (fd < 0)
		return fail_of_server(query->argument, "connect", why);
	rc = talk(fd, query, into, then_us, why);
	(void)sys_close(fd);
	return rc;
}

const struct user_source user_source_dovecot = { "dovecot-auth", true, true,
	find, NULL };
