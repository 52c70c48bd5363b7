/*
 * lmtp_auth.c - AUTH of the LMTP server: PLAIN and LOGIN.
 *
 * Source: RFC 4954; RFC 4616 (PLAIN); LOGIN is draft-murchison-sasl-login.
 */
#include "base/attribute.h"
#include "wire/base64.h"
#include "wire/lmtp_work.h"

#include <string.h>

/* What a line is that comes in the middle. */
enum {
	AUTH_PLAIN,
	AUTH_LOGIN_NAME,
	AUTH_LOGIN_PASSWORD
};

void
lmtp_auth_end(struct lmtp_session *session)
{
	session->state = LMTP_STATE_IDLE;
	session->password = str_of(NULL, 0);
	memset(session->line, 0, sizeof(session->line));
	memset(session->original_room, 0, sizeof(session->original_room));
}

static enum lmtp_event
auth_fails(struct lmtp_session *session, const char *reply, struct buf *out)
{
	lmtp_auth_end(session);
	return lmtp_bad(session, reply, out);
}

static enum lmtp_event
not_base64(struct lmtp_session *session, struct buf *out)
{
	return auth_fails(session, "501 5.5.2 not what base64 looks like", out);
}

/* Both are there.  What is no text is no identity either. */
static enum lmtp_event
ask_auth(struct lmtp_session *session, struct str act_for, struct buf *out)
{
	if (str_is_empty(session->identity) ||
	    str_has_control(session->identity) ||
	    str_is_empty(session->password) ||
	    str_index(session->password, '\0') != STR_NONE)
		return auth_fails(
		    session, "501 5.5.2 no identity or no password", out);
	if (!str_is_empty(act_for) && !str_equal(act_for, session->identity))
		return auth_fails(
		    session, "535 5.7.8 nobody may act for others", out);
	return lmtp_ask(session, LMTP_AUTH);
}

static void
set_identity(struct lmtp_session *session, struct str identity)
{
	struct buf name;

	buf_init(&name, session->mailbox_room, sizeof(session->mailbox_room));
	buf_add(&name, identity);
	session->identity = buf_str(&name);
}

/* RFC 4616: whom to act for, NUL, identity, NUL, password. */
static enum lmtp_event
auth_plain(struct lmtp_session *session, struct str said, struct buf *out)
{
	struct cursor in;
	struct str act_for;
	struct buf text;

	buf_init(&text, session->original_room, sizeof(session->original_room));
	if (!base64_read(said, &text))
		return not_base64(session, out);
	in = cursor_over(buf_str(&text));
	act_for = cursor_until(&in, '\0');
	set_identity(session, cursor_until(&in, '\0'));
	session->password = in.rest;
	return ask_auth(session, act_for, out);
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
	return lmtp_answer("334 UGFzc3dvcmQ6", out); /* "Password:" */
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
	return ask_auth(session, str_of(NULL, 0), out);
}

enum lmtp_event
lmtp_auth_line(struct lmtp_session *session, struct str said, struct buf *out)
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

/* The first answer may stand in the command. */
static enum lmtp_event
begin_auth(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	struct str name = cursor_until(in, ' ');
	const struct mechanism *mechanism = find_mechanism(name);

	if (str_is_empty(name))
		return lmtp_bad(
		    session, "501 5.5.4 syntax: AUTH mechanism", out);
	if (mechanism == NULL)
		return lmtp_bad(
		    session, "504 5.5.4 mechanism is not offered", out);
	session->state = LMTP_STATE_AUTH;
	session->auth = mechanism->auth;
	if (cursor_at_end(in))
		return lmtp_answer(mechanism->challenge, out);
	/* RFC 4954, section 4: "=" is a response of no octets. */
	return lmtp_auth_line(
	    session, str_is(in->rest, "=") ? str_of(NULL, 0) : in->rest, out);
}

enum lmtp_event
lmtp_auth(struct lmtp_session *session, struct cursor *in, struct buf *out)
{
	if (!session->limits.offers_auth)
		return lmtp_bad(session, "502 5.5.1 AUTH is not offered", out);
	if (session->state == LMTP_STATE_START)
		return lmtp_bad(session, "503 5.5.1 LHLO comes first", out);
	if (session->authenticated)
		return lmtp_bad(
		    session, "503 5.5.1 AUTH was accepted before", out);
	if (session->state != LMTP_STATE_IDLE)
		return lmtp_bad(session, "503 5.5.1 not in a transaction", out);
	return begin_auth(session, in, out);
}
