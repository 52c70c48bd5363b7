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
#include "base/text.h"
#include "wire/base64.h"
#include "wire/lmtp_command.h"

#include <string.h>

/* RFC 5321, 4.5.3.1.5, with code and line end. */
#define LINE_OF_REPLY 512

/* RFC 1035: 255 octets are the longest name there is. */
#define HOST_OCTETS 255

/* What a line is that comes in the middle of AUTH. */
enum {
	AUTH_PLAIN,
	AUTH_LOGIN_NAME,
	AUTH_LOGIN_PASSWORD
};

static void
say(struct buf *out, const char *reply)
{
	buf_print(out, "%s\r\n", reply);
}

static enum lmtp_event
close_with(struct lmtp_session *session, const char *reply, struct buf *out)
{
	say(out, reply);
	session->state = LMTP_STATE_CLOSED;
	session->due = LMTP_MORE;
	return LMTP_CLOSE;
}

/* What no client says that knows the protocol; too much of it is one that
 * guesses, or that speaks another one. */
static enum lmtp_event
bad(struct lmtp_session *session, const char *reply, struct buf *out)
{
	session->bad_commands++;
	if (session->bad_commands > session->limits.bad_commands)
		return close_with(
		    session, "421 4.7.0 too many bad commands", out);
	say(out, reply);
	return LMTP_MORE;
}

/* One reply, nothing to decide. */
static enum lmtp_event
answer(const char *reply, struct buf *out)
{
	say(out, reply);
	return LMTP_MORE;
}

static void
forget_transaction(struct lmtp_session *session)
{
	if (session->state != LMTP_STATE_START)
		session->state = LMTP_STATE_IDLE;
	session->accepted = 0;
}

/* Somebody has to decide; accept or refuse puts out the reply. */
static enum lmtp_event
ask(struct lmtp_session *session, enum lmtp_event event)
{
	session->due = event;
	return event;
}

static void
announce(const struct lmtp_session *session, struct buf *out)
{
	buf_print(out, "250-%.*s\r\n", HOST_OCTETS, session->host);
	say(out, "250-PIPELINING");
	say(out, "250-8BITMIME");
	say(out, "250-SMTPUTF8");
	say(out, "250-ENHANCEDSTATUSCODES");
	if (session->limits.offers_auth)
		say(out, "250-AUTH PLAIN LOGIN");
	if (session->limits.message_octets > 0)
		buf_print(out, "250 SIZE %ju\r\n",
		    (uintmax_t)session->limits.message_octets);
	else
		say(out, "250 SIZE");
}

static enum lmtp_event
lhlo(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	bool in_transaction = session->state == LMTP_STATE_MAIL;
	struct str name = cursor_span_not(in, " ");

	if (str_is_empty(name) || name.length >= sizeof(session->client))
		return bad(session, "501 5.5.4 syntax: LHLO hostname", out);
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
		return bad(session, "503 5.5.1 LHLO comes first", out);
	if (session->state == LMTP_STATE_MAIL)
		return bad(session, "503 5.5.1 there is a sender already", out);
	if (session->limits.needs_auth && !session->authenticated)
		return answer("430 4.7.0 AUTH comes first", out);
	reply = lmtp_read_mail(session, in);
	if (reply != NULL)
		return bad(session, reply, out);
	(void)ask(session, LMTP_MAIL);
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
		return answer("503 5.5.1 MAIL comes first", out);
	reply = lmtp_read_rcpt(session, in);
	if (reply != NULL)
		return bad(session, reply, out);
	if (session->accepted >= session->limits.recipients)
		return answer("452 4.5.3 too many recipients", out);
	return ask(session, LMTP_RECIPIENT);
}

static enum lmtp_event
data(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!cursor_at_end(in))
		return bad(session, "501 5.5.4 syntax: DATA", out);
	if (session->accepted == 0)
		return answer("503 5.5.1 no valid recipients", out);
	return ask(session, LMTP_DATA);
}

static enum lmtp_event
rset(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!cursor_at_end(in))
		return bad(session, "501 5.5.4 syntax: RSET", out);
	forget_transaction(session);
	say(out, "250 2.0.0 forgotten");
	return LMTP_RESET;
}

static enum lmtp_event
quit(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!cursor_at_end(in))
		return bad(session, "501 5.5.4 syntax: QUIT", out);
	return close_with(session, "221 2.0.0 bye", out);
}

/* ------------------------------------------------------------------ AUTH */

static enum lmtp_event
auth_fails(struct lmtp_session *session, const char *reply, struct buf *out)
{
	session->state = LMTP_STATE_IDLE;
	return bad(session, reply, out);
}

static enum lmtp_event
not_base64(struct lmtp_session *session, struct buf *out)
{
	return auth_fails(session, "501 5.5.2 not what base64 looks like", out);
}

/* Both are there.  What is no text is no identity either. */
static enum lmtp_event
ask_auth(struct lmtp_session *session, struct buf *out)
{
	if (str_is_empty(session->identity) ||
	    str_has_control(session->identity) ||
	    str_is_empty(session->password) ||
	    str_index(session->password, '\0') != STR_NONE)
		return auth_fails(
		    session, "501 5.5.2 no identity or no password", out);
	return ask(session, LMTP_AUTH);
}

/* RFC 4616: whom to act for, NUL, identity, NUL, password. */
static enum lmtp_event
auth_plain(struct lmtp_session *session, struct str said, struct buf *out)
{
	struct cursor in;
	struct str other;
	struct buf text;

	buf_init(&text, session->mailbox_room, sizeof(session->mailbox_room));
	if (!base64_read(said, &text))
		return not_base64(session, out);
	in = cursor_over(buf_str(&text));
	other = cursor_until(&in, '\0');
	session->identity = cursor_until(&in, '\0');
	session->password = in.rest;
	if (!str_is_empty(other) && !str_equal(other, session->identity))
		return auth_fails(
		    session, "535 5.7.8 nobody may act for others", out);
	return ask_auth(session, out);
}

static enum lmtp_event
auth_login_name(struct lmtp_session *session, struct str said, struct buf *out)
{
	struct buf text;

	buf_init(&text, session->mailbox_room, sizeof(session->mailbox_room));
	if (!base64_read(said, &text))
		return not_base64(session, out);
	session->identity = buf_str(&text);
	session->auth = AUTH_LOGIN_PASSWORD;
	return answer("334 UGFzc3dvcmQ6", out); /* "Password:" */
}

static enum lmtp_event
auth_login_password(
    struct lmtp_session *session, struct str said, struct buf *out)
{
	struct buf text;

	buf_init(&text, session->original_room, sizeof(session->original_room));
	if (!base64_read(said, &text))
		return not_base64(session, out);
	session->password = buf_str(&text);
	return ask_auth(session, out);
}

/* A line in the middle of AUTH, or AUTH's initial response. */
static enum lmtp_event
auth_line(struct lmtp_session *session, struct str said, struct buf *out)
{
	if (str_is(said, "*"))
		return auth_fails(session, "501 5.7.0 AUTH is cancelled", out);
	switch (session->auth) {
	case AUTH_PLAIN:
		return auth_plain(session, said, out);
	case AUTH_LOGIN_NAME:
		return auth_login_name(session, said, out);
	default:
		return auth_login_password(session, said, out);
	}
}

static const struct mechanism {
	const char *name;
	int auth;
	const char *challenge;
} mechanisms[] = {
	{ "PLAIN", AUTH_PLAIN, "334 " },
	{ "LOGIN", AUTH_LOGIN_NAME, "334 VXNlcm5hbWU6" }, /* "Username:" */
};

static const struct mechanism *
find_mechanism(struct str name)
{
	for (size_t i = 0; i < COUNT(mechanisms); i++)
		if (str_is_nocase(name, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

static enum lmtp_event
begin_auth(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	struct str name = cursor_until(in, ' ');
	const struct mechanism *mechanism = find_mechanism(name);

	if (str_is_empty(name))
		return bad(session, "501 5.5.4 syntax: AUTH mechanism", out);
	if (mechanism == NULL)
		return bad(session, "504 5.5.4 mechanism is not offered", out);
	session->state = LMTP_STATE_AUTH;
	session->auth = mechanism->auth;
	if (cursor_at_end(in))
		return answer(mechanism->challenge, out);
	/* RFC 4954, section 4: "=" is a response of no octets. */
	return auth_line(
	    session, str_is(in->rest, "=") ? str_of(NULL, 0) : in->rest, out);
}

static enum lmtp_event
auth(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!session->limits.offers_auth)
		return bad(session, "502 5.5.1 AUTH is not offered", out);
	if (session->state == LMTP_STATE_START)
		return bad(session, "503 5.5.1 LHLO comes first", out);
	if (session->authenticated)
		return bad(session, "503 5.5.1 AUTH was accepted before", out);
	if (session->state != LMTP_STATE_IDLE)
		return bad(session, "503 5.5.1 not in a transaction", out);
	return begin_auth(session, in, out);
}

/* Nothing of a password stays longer than it is needed. */
static void
end_auth(struct lmtp_session *session)
{
	session->state = LMTP_STATE_IDLE;
	session->identity = session->password = str_of(NULL, 0);
	memset(session->line, 0, sizeof(session->line));
	memset(session->mailbox_room, 0, sizeof(session->mailbox_room));
	memset(session->original_room, 0, sizeof(session->original_room));
}

/* -------------------------------------------------------------- commands */

/* Only requests of other protocols begin so; a browser that was lured to our
 * port must not get as far as the lines that an attacker chose. */
#define NOT_LMTP "421 4.7.0 this is LMTP"
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
	{ "AUTH", auth, NULL },
	{ "NOOP", NULL, "250 2.0.0 ok" },
	{ "VRFY", NULL, "252 2.0.0 RCPT will tell" },
	{ "HELP", NULL, "214 2.0.0 LMTP is in RFC 2033" },
	{ "EHLO", NULL, NOT_SMTP },
	{ "HELO", NULL, NOT_SMTP },
	{ "BDAT", NULL, NOT_OFFERED },
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
		return answer(reply, out);
	case '4':
		return close_with(session, reply, out);
	default:
		return bad(session, reply, out);
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
		return bad(session, "500 5.5.2 unknown command", out);
	if (has_stray_control(command, in.rest))
		return bad(session, "501 5.5.4 control character", out);
	if (command->run == NULL)
		return fixed(session, command->reply, out);
	return command->run(session, &in, out);
}

static enum lmtp_event
too_long(struct lmtp_session *session, struct buf *out)
{
	if (session->state == LMTP_STATE_AUTH)
		session->state = LMTP_STATE_IDLE;
	return bad(session, "500 5.5.2 line too long", out);
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
		return auth_line(session, line, out);
	if (session->commands >= session->limits.commands)
		return close_with(session, "421 4.7.0 too many commands", out);
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
		(void)cursor_octets(in, in->rest.length);
	return false;
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
			return LMTP_MORE;
		event = session->skipping ? too_long(session, out) :
					    run_line(session, line, out);
		session->skipping = false;
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
	return ask(session, LMTP_END);
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
	session->commands--;
	say(out, "250 2.1.5 recipient ok");
}

static void
accept_data(struct lmtp_session *session, struct buf *out)
{
	session->state = LMTP_STATE_TEXT;
	session->framing = FRAMING_LINE;
	session->commands = 0;
	say(out, "354 end with a line of one dot");
}

void
lmtp_accept(struct lmtp_session *session, struct buf *out)
{
	switch (decided(session)) {
	case LMTP_MAIL:
		session->state = LMTP_STATE_MAIL;
		say(out, "250 2.1.0 sender ok");
		break;
	case LMTP_RECIPIENT:
		accept_recipient(session, out);
		break;
	case LMTP_DATA:
		accept_data(session, out);
		break;
	case LMTP_AUTH:
		session->authenticated = true;
		end_auth(session);
		say(out, "235 2.7.0 welcome");
		break;
	default:
		require(false);
	}
}

void
lmtp_deny(struct lmtp_session *session, struct buf *out)
{
	require(decided(session) == LMTP_AUTH);
	end_auth(session);
	(void)bad(session, "535 5.7.8 identity or password is wrong", out);
}

/* ASCII alone: not every peer of a Postfix takes more in a reply. */
static void
add_path(struct buf *out, struct str path, size_t most)
{
	size_t begin = out->length, at = 0;

	/* One octet at a time is never UTF-8 but for ASCII. */
	for (; at < path.length && out->length - begin < most; at++)
		text_word(out, str_of(path.at + at, 1), SIZE_MAX, "<>");
	if (at < path.length)
		buf_add_string(out, "...");
}

void
lmtp_reply(struct buf *out, struct str path, const struct status *why)
{
	char room[STATUS_REPLY_OCTETS];
	struct cursor in;
	struct buf reply;
	struct str code;

	buf_init(&reply, room, sizeof(room));
	status_print_reply(why, &reply);
	in = cursor_over(buf_str(&reply));
	code = cursor_until(&in, ' ');
	buf_print(out, "%d ", status_row(why->id)->lmtp);
	buf_add(out, code);
	buf_add_string(out, " <");
	/* "250 ", " <", "> ", CRLF; "\\xHH" too many, "..." */
	add_path(out, path, LINE_OF_REPLY - reply.length - 18);
	buf_add_string(out, "> ");
	buf_add(out, in.rest);
	buf_add_string(out, "\r\n");
}

static void
reply_without_path(struct buf *out, const struct status *why)
{
	buf_print(out, "%d ", status_row(why->id)->lmtp);
	status_print_reply(why, out);
	buf_add_string(out, "\r\n");
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
		reply_without_path(out, why);
		break;
	case LMTP_MAIL:
		reply_without_path(out, why);
		break;
	case LMTP_AUTH:
		end_auth(session);
		say(out, "454 4.7.0 nobody can be asked at the moment");
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
