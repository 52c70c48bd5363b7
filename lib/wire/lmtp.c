/*
 * lmtp.c - the server's side of LMTP: which command may follow which, and
 * what is answered.
 *
 * A client pipelines: it sends MAIL, recipients and DATA at once and counts
 * the answers.  So there is exactly one reply for each command line, whatever
 * is in it, and after the final dot one for each recipient that was accepted.
 *
 * Source: RFC 2033; RFC 5321; RFC 2034 (codes); RFC 2920; RFC 4954 (AUTH).
 */
#include "wire/lmtp.h"

#include "base/require.h"
#include "wire/lmtp_work.h"

#include <string.h>

/* RFC 1035: 255 octets are the longest name there is. */
#define HOST_OCTETS 255

static void
forget_transaction(struct lmtp_session *session)
{
	if (session->state != LMTP_STATE_START)
		session->state = LMTP_STATE_IDLE;
	session->accepted = 0;
}

static void
announce(const struct lmtp_session *session, struct buf *out)
{
	buf_print(out, "250-%.*s\r\n", HOST_OCTETS, session->host);
	lmtp_say(out, "250-PIPELINING");
	lmtp_say(out, "250-8BITMIME");
	lmtp_say(out, "250-SMTPUTF8");
	lmtp_say(out, "250-ENHANCEDSTATUSCODES");
	if (session->limits.offers_auth)
		lmtp_say(out, "250-AUTH PLAIN LOGIN");
	if (session->limits.message_octets > 0)
		buf_print(out, "250 SIZE %ju\r\n",
		    (uintmax_t)session->limits.message_octets);
	else
		lmtp_say(out, "250 SIZE");
}

static enum lmtp_event
lhlo(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	bool in_transaction = session->state == LMTP_STATE_MAIL;
	struct str name = cursor_span_not(in, " ");

	if (str_is_empty(name) || name.length >= sizeof(session->client))
		return lmtp_bad(
		    session, "501 5.5.4 syntax: LHLO hostname", out);
	memcpy(session->client, name.at, name.length);
	session->client[name.length] = '\0';
	session->state = LMTP_STATE_IDLE;
	forget_transaction(session);
	announce(session, out);
	return in_transaction ? LMTP_RESET : LMTP_MORE;
}

static enum lmtp_event
mail(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	uint64_t most = session->limits.message_octets;
	const char *reply;
	struct status why;

	if (session->state == LMTP_STATE_START)
		return lmtp_bad(session, "503 5.5.1 LHLO comes first", out);
	if (session->state == LMTP_STATE_MAIL)
		return lmtp_bad(
		    session, "503 5.5.1 there is a sender already", out);
	if (session->limits.needs_auth && !session->authenticated)
		return lmtp_answer("430 4.7.0 AUTH comes first", out);
	reply = lmtp_read_mail(session, in);
	if (reply != NULL)
		return lmtp_bad(session, reply, out);
	(void)lmtp_ask(session, LMTP_MAIL);
	if (most == 0 || session->declared_octets <= most)
		return LMTP_MAIL;
	(void)status_fail(&why, STATUS_MESSAGE_TOO_BIG, "SIZE=");
	lmtp_refuse(session, &why, out);
	return LMTP_MORE;
}

static enum lmtp_event
rcpt(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	const char *reply;

	if (session->state != LMTP_STATE_MAIL)
		return lmtp_answer("503 5.5.1 MAIL comes first", out);
	reply = lmtp_read_rcpt(session, in);
	/* An odd address is no fault of the client that hands it on. */
	if (reply != NULL)
		return str_begins(str_from(reply), "501 5.1") ?
		    lmtp_answer(reply, out) :
		    lmtp_bad(session, reply, out);
	if (session->accepted >= session->limits.recipients)
		return lmtp_answer("452 4.5.3 too many recipients", out);
	return lmtp_ask(session, LMTP_RECIPIENT);
}

static enum lmtp_event
data(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!cursor_at_end(in))
		return lmtp_bad(session, "501 5.5.4 syntax: DATA", out);
	if (session->accepted == 0)
		return lmtp_answer("503 5.5.1 no valid recipients", out);
	return lmtp_ask(session, LMTP_DATA);
}

static enum lmtp_event
rset(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!cursor_at_end(in))
		return lmtp_bad(session, "501 5.5.4 syntax: RSET", out);
	forget_transaction(session);
	lmtp_say(out, "250 2.0.0 forgotten");
	return LMTP_RESET;
}

static enum lmtp_event
quit(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!cursor_at_end(in))
		return lmtp_bad(session, "501 5.5.4 syntax: QUIT", out);
	return lmtp_close(session, "221 2.0.0 bye", out);
}

/* Requests of other protocols begin so.  A browser that was lured to our port
 * must not get as far as the lines that an attacker chose; nor is a message
 * that follows BDAT a series of commands. */
#define NOT_LMTP "421 4.7.0 this is LMTP"
#define NOT_CHUNKING "421 4.7.0 CHUNKING is not offered"
#define NOT_SMTP "500 5.5.1 this is LMTP, say LHLO"
#define NOT_OFFERED "502 5.5.1 not offered"

/* A verb has a function, called with what stands behind it, or a reply: 5xx
 * is a bad command, 421 ends the session. */
static const struct command {
	const char *verb;
	enum lmtp_event (*run)(
	    struct lmtp_session *session, struct cursor *in, struct buf *out);
	const char *reply;
} commands[] = {
	{ "LHLO", lhlo, NULL },
	{ "MAIL", mail, NULL },
	{ "RCPT", rcpt, NULL },
	{ "DATA", data, NULL },
	{ "RSET", rset, NULL },
	{ "QUIT", quit, NULL },
	{ "AUTH", lmtp_auth, NULL },
	{ "NOOP", NULL, "250 2.0.0 ok" },
	{ "VRFY", NULL, "252 2.0.0 RCPT will tell" },
	{ "HELP", NULL, "214 2.0.0 LMTP is in RFC 2033" },
	{ "EHLO", NULL, NOT_SMTP },
	{ "HELO", NULL, NOT_SMTP },
	{ "BDAT", NULL, NOT_CHUNKING },
	{ "ETRN", NULL, NOT_OFFERED },
	{ "EXPN", NULL, NOT_OFFERED },
	{ "SAML", NULL, NOT_OFFERED },
	{ "SEND", NULL, NOT_OFFERED },
	{ "SOML", NULL, NOT_OFFERED },
	{ "STARTTLS", NULL, NOT_OFFERED },
	{ "TURN", NULL, NOT_OFFERED },
	{ "XCLIENT", NULL, NOT_OFFERED },
	{ "XFORWARD", NULL, NOT_OFFERED },
	{ "CONNECT", NULL, NOT_LMTP },
	{ "GET", NULL, NOT_LMTP },
	{ "POST", NULL, NOT_LMTP },
};

static const struct command *
find_command(struct str verb)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (str_is_nocase(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}

static enum lmtp_event
fixed(struct lmtp_session *session, const char *reply, struct buf *out)
{
	switch (reply[0]) {
	case '2':
		return lmtp_answer(reply, out);
	case '4':
		return lmtp_close(session, reply, out);
	default:
		return lmtp_bad(session, reply, out);
	}
}

/* MAIL and RCPT say themselves where a control character is. */
static bool
has_stray_control(const struct command *command, struct str arguments)
{
	return command->run != mail && command->run != rcpt &&
	    str_has_control(arguments);
}

static enum lmtp_event
run_command(struct lmtp_session *session, struct str line, struct buf *out)
{
	struct cursor in = cursor_over(line);
	const struct command *command = find_command(cursor_span_not(&in, " "));

	(void)cursor_span(&in, " ");
	while (str_ends(in.rest, " "))
		in.rest.length--;
	if (command == NULL)
		return lmtp_bad(session, "500 5.5.2 unknown command", out);
	if (has_stray_control(command, in.rest))
		return lmtp_bad(session, "501 5.5.4 control character", out);
	if (command->run == NULL)
		return fixed(session, command->reply, out);
	return command->run(session, &in, out);
}

static enum lmtp_event
too_long(struct lmtp_session *session, struct buf *out)
{
	if (session->state == LMTP_STATE_AUTH)
		lmtp_auth_end(session);
	return lmtp_bad(session, "500 5.5.2 line too long", out);
}

/* A whole line, without its end. */
static enum lmtp_event
run_line(struct lmtp_session *session, struct str line, struct buf *out)
{
	memcpy(session->line, line.at, line.length);
	line.at = session->line;
	if (str_ends(line, "\r"))
		line.length--;
	if (session->state == LMTP_STATE_AUTH)
		return lmtp_auth_line(session, line, out);
	if (session->commands >= session->limits.commands)
		return lmtp_close(session, "421 4.7.0 too many commands", out);
	session->commands++;
	return run_command(session, line, out);
}

/* Whether a line, or the rest of one that is too long, could be taken; if
 * not, in is used up as far as it can be. */
static bool
take_line(struct lmtp_session *session, struct cursor *in, struct str *line)
{
	if (str_index(in->rest, '\n') != STR_NONE) {
		*line = cursor_until(in, '\n');
		if (line->length >= LMTP_LINE_OCTETS)
			session->skipping = true;
		return true;
	}
	if (in->rest.length >= LMTP_LINE_OCTETS)
		session->skipping = true;
	if (session->skipping)
		session->skipped_octets +=
		    cursor_octets(in, in->rest.length).length;
	return false;
}

/* A line without end is a flood, too. */
static bool
is_endless(const struct lmtp_session *session)
{
	return session->skipped_octets / LMTP_LINE_OCTETS >
	    session->limits.bad_commands;
}

static enum lmtp_event
next_command(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	enum lmtp_event event = LMTP_MORE;
	struct str line;

	require(out->size > LMTP_REPLY_OCTETS);
	while (event == LMTP_MORE) {
		if (out->size - out->length <= LMTP_REPLY_OCTETS)
			return LMTP_FLUSH;
		if (!take_line(session, in, &line))
			return is_endless(session) ?
			    lmtp_close(
				session, "421 4.7.0 a line without end", out) :
			    LMTP_MORE;
		event = session->skipping ? too_long(session, out) :
					    run_line(session, line, out);
		session->skipping = false;
		session->skipped_octets = 0;
	}
	return event;
}

static enum lmtp_event
next_text(struct lmtp_session *session, struct cursor *in)
{
	if (lmtp_framing_text(&session->framing, in, &session->text))
		return LMTP_TEXT;
	if (session->framing != FRAMING_END)
		return LMTP_MORE;
	session->state = LMTP_STATE_END;
	return lmtp_ask(session, LMTP_END);
}

enum lmtp_event
lmtp_next(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	require(session->due == LMTP_MORE);
	switch (session->state) {
	case LMTP_STATE_CLOSED:
		return LMTP_CLOSE;
	case LMTP_STATE_TEXT:
		return next_text(session, in);
	default:
		return next_command(session, in, out);
	}
}

void
lmtp_begin(struct lmtp_session *session, const struct lmtp_limits *limits,
    const char *host, struct buf *out)
{
	memset(session, 0, sizeof(*session));
	session->limits = *limits;
	session->host = host;
	session->state = LMTP_STATE_START;
	session->due = LMTP_MORE;
	buf_print(out, "220 %.*s LMTP lda ready\r\n", HOST_OCTETS, host);
}

/* What was due is decided. */
static enum lmtp_event
decided(struct lmtp_session *session)
{
	enum lmtp_event due = session->due;

	session->due = LMTP_MORE;
	return due;
}

static void
accept_recipient(struct lmtp_session *session, struct buf *out)
{
	session->accepted++;
	/* So many for each message, or RSET would give them anew. */
	if (session->free_recipients < session->limits.recipients) {
		session->free_recipients++;
		session->commands--;
	}
	lmtp_say(out, "250 2.1.5 recipient ok");
}

static void
accept_data(struct lmtp_session *session, struct buf *out)
{
	session->state = LMTP_STATE_TEXT;
	session->framing = FRAMING_LINE;
	session->commands = session->free_recipients = 0;
	lmtp_say(out, "354 end with a line of one dot");
}

void
lmtp_accept(struct lmtp_session *session, struct buf *out)
{
	switch (decided(session)) {
	case LMTP_MAIL:
		session->state = LMTP_STATE_MAIL;
		lmtp_say(out, "250 2.1.0 sender ok");
		break;
	case LMTP_RECIPIENT:
		accept_recipient(session, out);
		break;
	case LMTP_DATA:
		accept_data(session, out);
		break;
	case LMTP_AUTH:
		session->authenticated = true;
		lmtp_auth_end(session);
		lmtp_say(out, "235 2.7.0 welcome");
		break;
	default:
		require(false);
	}
}

void
lmtp_deny(struct lmtp_session *session, struct buf *out)
{
	require(decided(session) == LMTP_AUTH);
	lmtp_auth_end(session);
	(void)lmtp_bad(session, "535 5.7.8 identity or password is wrong", out);
}

void
lmtp_refuse(
    struct lmtp_session *session, const struct status *why, struct buf *out)
{
	require(why->id != STATUS_DELIVERED);
	switch (decided(session)) {
	case LMTP_RECIPIENT:
		lmtp_reply(out, session->recipient, why);
		break;
	case LMTP_DATA:
		forget_transaction(session);
		lmtp_say_status(out, why);
		break;
	case LMTP_MAIL:
		lmtp_say_status(out, why);
		break;
	case LMTP_AUTH:
		lmtp_auth_end(session);
		lmtp_say(out, "454 4.7.0 nobody can be asked at the moment");
		break;
	default:
		require(false);
	}
}

void
lmtp_done(struct lmtp_session *session)
{
	require(decided(session) == LMTP_END);
	forget_transaction(session);
}

void
lmtp_give_up(struct lmtp_session *session, const char *code, const char *text,
    struct buf *out)
{
	buf_print(out, "421 %s %.256s\r\n", code, text);
	session->state = LMTP_STATE_CLOSED;
	session->due = LMTP_MORE;
}
