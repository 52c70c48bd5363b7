/*
 * user_socketmap.c - users asked of a socketmap server: SQL, LDAP or anything
 * else behind a few lines of script.
 *
 * socketmap:unix:PATH:NAME or socketmap:inet:HOST:PORT:NAME.  The answer's
 * data is the rest of the user's passwd-file line.
 *
 * Source: postfix socketmap_table(5).
 */
#include "base/stream.h"
#include "base/sys.h"
#include "user/user.h"
#include "user/user_fields.h"
#include "wire/netstring.h"
#include "wire/socketmap.h"

#include <errno.h>
#include <string.h>

/* This source's part of the deadline. */
#define TIMEOUT_US ((int64_t)30 * 1000000)

/* A line of a users file, and what the protocol puts round it. */
#define REPLY_OCTETS ((size_t)17 * 1024)
#define REQUEST_OCTETS 2200

/* A longer name is nobody's. */
#define KEY_OCTETS 1024

static int
fail_of_server(struct str where, const char *verb, struct status *why)
{
	(void)status_fail(why, STATUS_LOOKUP_FAILED,
	    "socketmap %.*s: cannot %s: %s", (int)where.length, where.at, verb,
	    strerror(errno));
	return -1;
}

static int
fail_of_reply(struct str where, const char *reason, struct status *why)
{
	return status_fail(why, STATUS_LOOKUP_FAILED, "socketmap %.*s: %s",
	    (int)where.length, where.at, reason);
}

/* Sends the request and waits for one whole netstring. */
static int
talk(int fd, struct str where, struct str request, struct buf *reply,
    struct str *text, int64_t then_us, struct status *why)
{
	size_t used;

	if (stream_send(fd, request, then_us) < 0)
		return fail_of_server(where, "send", why);
	for (;;) {
		int got = stream_receive(fd, reply, then_us);

		if (got < 0)
			return fail_of_server(where, "receive", why);
		if (got == 0)
			return fail_of_reply(
			    where, "the server closed in mid-answer", why);
		switch (
		    netstring_read(buf_str(reply), REPLY_OCTETS, text, &used)) {
		case NETSTRING_WHOLE:
			return 0;
		case NETSTRING_BROKEN:
			return fail_of_reply(
			    where, "the answer is no netstring", why);
		case NETSTRING_UNFINISHED:
			break;
		}
	}
}

static int
use_reply(const struct user_query *query, struct str where, struct str text,
    struct user *into, struct status *why)
{
	enum socketmap_answer answer;
	struct str data;

	if (!socketmap_read(text, &answer, &data) ||
	    str_index(data, '\0') != STR_NONE ||
	    str_index(data, '\n') != STR_NONE)
		return fail_of_reply(
		    where, "the answer is not of the protocol", why);
	if (answer == SOCKETMAP_NOT_FOUND)
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "%.*s is not in socketmap %.*s", (int)query->name.length,
		    query->name.at, (int)where.length, where.at);
	if (answer == SOCKETMAP_TROUBLE)
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "socketmap %.*s answers %.*s", (int)where.length, where.at,
		    (int)str_head(text, 200).length, text.at);
	text = str_from(
	    arena_print(query->arena, "%.*s:%.*s", (int)query->name.length,
		query->name.at, (int)data.length, data.at));
	if (user_fields_from_line(text, query, into, why) == 0)
		return 0;
	status_context(why, "socketmap %.*s", (int)where.length, where.at);
	status_become(why, STATUS_LOOKUP_FAILED);
	return -1;
}

static const char *
lacks(struct str argument)
{
	size_t colon = str_last(argument, ':');

	return colon != STR_NONE && colon + 1 < argument.length &&
		stream_is_address(str_head(argument, colon)) ?
	    NULL :
	    "socketmap:unix:PATH:NAME, nor socketmap:inet:HOST:PORT:NAME with "
	    "a "
	    "numeric address or localhost for HOST";
}

static int
find(const struct user_query *query, struct user *into, struct status *why)
{
	int64_t then_us = sys_ticks_us() + TIMEOUT_US;
	size_t colon = str_last(query->argument, ':');
	struct str where = str_head(query->argument, colon);
	struct str name = str_after(query->argument, colon + 1);
	char room[REQUEST_OCTETS];
	struct buf request, reply;
	struct str text = { NULL, 0 };
	int fd, rc;

	if (query->name.length > KEY_OCTETS || str_has_control(query->name) ||
	    str_index(query->name, ':') != STR_NONE)
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "the name cannot be asked of a socketmap");
	buf_init(&request, room, sizeof(room));
	socketmap_ask(&request, name, query->name);
	buf_init(&reply, arena_take(query->arena, REPLY_OCTETS), REPLY_OCTETS);
	fd = stream_connect(where, then_us);
	if (fd < 0)
		return fail_of_server(where, "connect", why);
	rc = talk(fd, where, buf_str(&request), &reply, &text, then_us, why);
	(void)sys_close(fd);
	return rc < 0 ? -1 : use_reply(query, where, text, into, why);
}

const struct user_source user_source_socketmap = { "socketmap", true, true,
	find, lacks };
