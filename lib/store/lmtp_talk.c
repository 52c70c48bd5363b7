/*
 * lmtp_talk.c - the conversation with the server that mail is handed to, and
 * what each end of it means for the mail.
 *
 * Source: RFC 2033, RFC 5321 section 4.5.3.2 (timeouts); postfix lmtp(8).
 */
#include "base/stop.h"
#include "base/stream.h"
#include "base/sys.h"
#include "store/lmtp_work.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* For what is there already; whatever the clock says, nobody waits. */
#define LONG_AGO_US ((int64_t)0)

/* For a server whose queue of connections is full. */
#define CONNECT_US ((int64_t)30 * 1000000)
#define RETRY_MS 100

static void
hang_up(struct handover *at)
{
	if (at->fd >= 0)
		(void)sys_close(at->fd);
	at->fd = -1;
}

void
handover_say_goodbye(struct handover *at, const char *words)
{
	if (at->fd >= 0 && !at->in_text &&
	    sys_send(at->fd, words, strlen(words)) < 0) {
		/* It has gone already. */
	}
	hang_up(at);
}

static int
doubt(struct handover *at, struct status *why)
{
	if (at->says_dot)
		status_add(why,
		    "; the message's end was sent, so it may be delivered "
		    "twice");
	return -1;
}

int
handover_fail_of_stop(struct handover *at, const char *verb, enum status_id id,
    struct status *why)
{
	bool time_is_over = stop_reason() == STOP_TIME;

	return status_fail(why, time_is_over ? id : STATUS_TROUBLE,
	    "cannot %s %s: %s", verb, at->where,
	    time_is_over ? "delivery_timeout has passed" : "ended by a signal");
}

int
handover_fail_of_call(struct handover *at, const char *verb, struct status *why)
{
	int number = errno;

	if (!at->says_dot && stop_reason() != STOP_NOT)
		(void)handover_fail_of_stop(at, verb, STATUS_SERVER_LOST, why);
	else
		(void)status_fail(why, STATUS_SERVER_LOST, "cannot %s %s: %s",
		    verb, at->where,
		    number == ETIMEDOUT && at->says_dot ?
			"lmtp_data_done_timeout has passed" :
			strerror(number));
	if (!at->in_text || at->says_dot)
		status_add(why, "; it has not answered %s",
		    lmtp_client_said(&at->client));
	return doubt(at, why);
}

static int
fail_of_end(struct handover *at, struct status *why)
{
	(void)status_fail(why, STATUS_SERVER_LOST,
	    "%s has closed the connection instead of an answer to %s",
	    at->where, lmtp_client_said(&at->client));
	return doubt(at, why);
}

void
handover_note_reply(struct handover *at)
{
	const struct lmtp_reply *reply = &at->client.reply;

	buf_init(&at->said, at->said.at, at->said.size);
	buf_print(&at->said, "%d ", reply->code);
	if (reply->enhanced[0] != '\0')
		buf_print(&at->said, "%s ", reply->enhanced);
	buf_add_string(&at->said, reply->text);
}

/* The reply in the words and with the code of the server; only what it says
 * of the mail, and of a recipient who was told, is final. */
static int
fail_of_reply(
    const struct delivery *delivery, struct handover *at, struct status *why)
{
	const struct lmtp_reply *reply = &at->client.reply;
	bool is_guess = delivery->recipient_is_guess &&
	    at->client.state == LMTP_CLIENT_RCPT;
	bool for_good = lmtp_client_is_for_good(&at->client) && !is_guess;
	char code[STATUS_CODE_OCTETS];
	struct buf into;

	at->in_text = false;
	handover_note_reply(at);
	(void)status_fail(why, STATUS_SERVER_DEFERS, "%s answers %s with %s",
	    at->where, lmtp_client_said(&at->client), at->said.at);
	if (is_guess && reply->code / 100 == 5)
		status_add(why, "; -d is missing, and the address is a guess");
	else if (!for_good && reply->code / 100 == 5)
		status_add(why, "; that is no fact about this mail");
	buf_init(&into, code, sizeof(code));
	buf_add_string(
	    &into, reply->enhanced[0] != '\0' ? reply->enhanced : "4.0.0");
	code[0] = for_good ? '5' : '4';
	status_relay(why, code, reply->text);
	return -1;
}

static int
fail_of_babble(struct handover *at, struct status *why)
{
	(void)status_fail(why, STATUS_SERVER_BABBLES,
	    "%s breaks the protocol after %s: %s: %.*s", at->where,
	    lmtp_client_said(&at->client), at->client.trouble, LMTP_SAID_OCTETS,
	    at->client.reply.text);
	return doubt(at, why);
}

static int
fail_of_lack(struct handover *at, struct status *why)
{
	return status_fail(
	    why, STATUS_MISCONFIGURED, "%s: %s", at->where, at->client.trouble);
}

/* A server with a full queue of connections (EAGAIN) is there all the same. */
static int
connect_once(struct handover *at)
{
	int64_t then_us = sys_ticks_us() + CONNECT_US;

	for (;;) {
		at->fd = stream_connect(str_from(at->where), then_us);
		if (at->fd >= 0)
			return 0;
		if (errno != EAGAIN || sys_ticks_us() >= then_us ||
		    stop_reason() != STOP_NOT)
			return -1;
		sys_sleep_ms(RETRY_MS);
		errno = EAGAIN;
	}
}

int
handover_connect(struct handover *at, struct status *why)
{
	struct str where = str_from(at->where);
	bool refused;

	if (connect_once(at) == 0)
		return 0;
	if (stop_reason() != STOP_NOT)
		return handover_fail_of_stop(
		    at, "connect to", STATUS_SERVER_AWAY, why);
	refused = errno == ECONNREFUSED;
	/* The path alone, so that the missing permission is found. */
	(void)status_fail_access(why, "connect to",
	    str_begins(where, "unix:") ? at->where + strlen("unix:") :
					 at->where,
	    W_OK);
	if (refused)
		status_add(why, ": nobody listens there");
	status_become(why, STATUS_SERVER_AWAY);
	return -1;
}

int
handover_send_out(struct handover *at)
{
	int rc = at->out.length == 0 ? 0 :
				       stream_send(at->fd, buf_str(&at->out),
					   sys_ticks_us() + LMTP_ANSWER_US);

	if (rc == 0)
		buf_init(&at->out, at->out.at, at->out.size);
	return rc;
}

/* Hands over what has come; the state machine takes all of it, or what is left
 * interests nobody. */
static enum lmtp_client_event
go_on(struct handover *at)
{
	struct cursor in = cursor_over(buf_str(&at->in));
	enum lmtp_client_event event =
	    lmtp_client_next(&at->client, &in, &at->out);

	buf_init(&at->in, at->in.at, at->in.size);
	return event;
}

int
handover_talk(struct delivery *delivery, int64_t wait_us, struct status *why)
{
	struct handover *at = delivery->work;

	for (;;) {
		enum lmtp_client_event event = go_on(at);
		int got;

		switch (event) {
		case LMTP_CLIENT_MORE:
			break;
		case LMTP_CLIENT_TEXT:
		case LMTP_CLIENT_TAKEN:
			return 0;
		case LMTP_CLIENT_REFUSED:
			return fail_of_reply(delivery, at, why);
		case LMTP_CLIENT_UNABLE:
			return fail_of_lack(at, why);
		case LMTP_CLIENT_BROKEN:
			return fail_of_babble(at, why);
		}
		if (handover_send_out(at) < 0)
			return handover_fail_of_call(at, "send to", why);
		got = stream_receive(at->fd, &at->in, sys_ticks_us() + wait_us);
		if (got < 0)
			return handover_fail_of_call(at, "hear", why);
		if (got == 0)
			return fail_of_end(at, why);
	}
}

int
handover_check_silence(struct handover *at, struct status *why)
{
	int got = stream_receive(at->fd, &at->in, LONG_AGO_US);

	if (got < 0 && errno == ETIMEDOUT && stop_reason() == STOP_NOT)
		return 0;
	if (got < 0)
		return handover_fail_of_call(at, "hear", why);
	if (got == 0)
		return status_fail(why, STATUS_SERVER_LOST,
		    "%s has closed the connection before the message's end",
		    at->where);
	return status_fail(why, STATUS_SERVER_LOST,
	    "%s breaks off before the message's end: %.*s", at->where,
	    LMTP_SAID_OCTETS, at->in.at);
}

int
handover_fail_of_body(struct handover *at, struct status *why)
{
	if (at->reading)
		return status_fail_read(why, "the spooled message");
	(void)handover_fail_of_call(at, "send the message to", why);
	if (why->id == STATUS_SERVER_LOST &&
	    stream_receive(at->fd, &at->in, LONG_AGO_US) > 0)
		status_add(why, "; it says: %.*s", LMTP_SAID_OCTETS, at->in.at);
	return -1;
}
