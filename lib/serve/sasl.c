/*
 * sasl.c - whether a client's password is right.
 *
 * ONE TABLE of servers that can be asked.
 */
#include "serve/sasl.h"

#include "base/cursor.h"
#include "base/stream.h"
#include "base/sys.h"
#include "wire/dovecot_login.h"
#include "wire/saslauthd.h"

#include <errno.h>
#include <string.h>

/* Servers delay a wrong answer by some seconds. */
#define TIMEOUT_US ((int64_t)60 * 1000000)

#define QUESTION_OCTETS 4096
#define ANSWER_OCTETS 8192

/* What has been said: nothing yet, or an answer. */
enum progress {
	STILL_WAITING,
	IS_RIGHT,
	IS_WRONG,
	IS_TROUBLE,
	IS_BROKEN
};

static bool
ask_dovecot(struct buf *out, struct str user, struct str password)
{
	return dovecot_login_ask(out, (int64_t)sys_getpid(), user, password);
}

static enum progress
read_dovecot(struct str said)
{
	switch (dovecot_login_read(said)) {
	case DOVECOT_LOGIN_UNFINISHED:
		return STILL_WAITING;
	case DOVECOT_LOGIN_RIGHT:
		return IS_RIGHT;
	case DOVECOT_LOGIN_WRONG:
		return IS_WRONG;
	case DOVECOT_LOGIN_TROUBLE:
		return IS_TROUBLE;
	case DOVECOT_LOGIN_BROKEN:
		break;
	}
	return IS_BROKEN;
}

static bool
ask_saslauthd(struct buf *out, struct str user, struct str password)
{
	return saslauthd_ask(out, user, password, str_from("lmtp"));
}

static enum progress
read_saslauthd(struct str said)
{
	switch (saslauthd_read(said)) {
	case SASLAUTHD_UNFINISHED:
		return STILL_WAITING;
	case SASLAUTHD_RIGHT:
		return IS_RIGHT;
	case SASLAUTHD_WRONG:
		return IS_WRONG;
	case SASLAUTHD_BROKEN:
		break;
	}
	return IS_BROKEN;
}

static const struct kind {
	const char *prefix;
	bool (*ask)(struct buf *out, struct str user, struct str password);
	enum progress (*read)(struct str said);
} kinds[] = {
	{ "dovecot:", ask_dovecot, read_dovecot },       /* auth-client */
	{ "saslauthd:", ask_saslauthd, read_saslauthd }, /* .../mux */
};

static const struct kind *
kind_of(const char *where)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_begins(str_from(where), kinds[i].prefix) &&
		    where[strlen(kinds[i].prefix)] == '/')
			return &kinds[i];
	return NULL;
}

int
sasl_check(const char *where, struct status *why)
{
	if (kind_of(where) != NULL)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "\"%s\" is not dovecot:/PATH or saslauthd:/PATH", where);
}

static enum sasl_answer
trouble(const char *where, const char *what, struct status *why)
{
	(void)status_fail(
	    why, STATUS_LOOKUP_FAILED, "lmtp_sasl = %s: %s", where, what);
	return SASL_TROUBLE;
}

/* The conversation, on an open connection. */
static enum sasl_answer
talk(const struct kind *kind, const char *where, int fd, struct str question,
    int64_t then_us, struct status *why)
{
	char room[ANSWER_OCTETS];
	struct buf said;

	buf_init(&said, room, sizeof(room));
	if (stream_send(fd, question, then_us) < 0)
		return trouble(where, strerror(errno), why);
	for (;;) {
		int got = stream_receive(fd, &said, then_us);

		if (got < 0)
			return trouble(where, strerror(errno), why);
		switch (kind->read(buf_str(&said))) {
		case STILL_WAITING:
			break;
		case IS_RIGHT:
			return SASL_RIGHT;
		case IS_WRONG:
			return SASL_WRONG;
		case IS_TROUBLE:
			return trouble(where, "it could not tell", why);
		case IS_BROKEN:
			return trouble(
			    where, "its answer is not of the protocol", why);
		}
		if (got == 0)
			return trouble(
			    where, "it closed without an answer", why);
	}
}

enum sasl_answer
sasl_ask(
    const char *where, struct str user, struct str password, struct status *why)
{
	const struct kind *kind = kind_of(where);
	int64_t then_us = sys_ticks_us() + TIMEOUT_US;
	char question_room[QUESTION_OCTETS], path_room[512];
	enum sasl_answer answer;
	struct buf question, path;
	int fd;

	if (kind == NULL)
		return trouble(where, "no such kind of server", why);
	/* What does not fit is nobody's password. */
	buf_init(&question, question_room, sizeof(question_room));
	if (str_has_control(user) || user.length == 0 ||
	    !kind->ask(&question, user, password))
		return SASL_WRONG;
	buf_init(&path, path_room, sizeof(path_room));
	buf_print(&path, "unix:%s", where + strlen(kind->prefix));
	fd = stream_connect(buf_str(&path), then_us);
	if (fd < 0)
		return trouble(where, strerror(errno), why);
	answer = talk(kind, where, fd, buf_str(&question), then_us, why);
	(void)sys_close(fd);
	return answer;
}
