/*
 * dovecot_auth.c - the userdb side of Dovecot's auth protocol.
 *
 * Source: Dovecot "Authentication Protocol" (2.3 and 2.4, version 1): lines
 * ended by LF, fields separated by TAB, \001 as the escape.
 */
#include "wire/dovecot_auth.h"

#include "base/cursor.h"

/* With the rest of the line below the server's 1024. */
#define USER_OCTETS 800

/* There is one request on a connection, so any id will do. */
#define ID "1"

bool
dovecot_auth_can_ask(struct str user)
{
	return user.length > 0 && user.length <= USER_OCTETS &&
	    !str_has_control(user);
}

void
dovecot_auth_ask(struct buf *out, struct str user)
{
	/* 2.3 wants service=, 2.4 protocol=; each skips the other's. */
	buf_add_string(out, "VERSION\t1\t0\nUSER\t" ID "\t");
	buf_add(out, user);
	buf_add_string(out, "\tservice=lda\tprotocol=lda\n");
}

static enum dovecot_auth_answer
read_line(struct str line, struct str *fields)
{
	struct cursor in = cursor_over(line);
	struct str word = cursor_until(&in, '\t');

	if (str_is(word, "VERSION"))
		return str_is(cursor_until(&in, '\t'), "1") ?
		    DOVECOT_AUTH_UNFINISHED :
		    DOVECOT_AUTH_BROKEN;
	if (str_is(word, "SPID"))
		return DOVECOT_AUTH_UNFINISHED;
	/* CUID and MECH are what a socket for clients says. */
	if (!str_is(cursor_until(&in, '\t'), ID))
		return DOVECOT_AUTH_BROKEN;
	*fields = in.rest;
	if (str_is(word, "USER"))
		return DOVECOT_AUTH_USER;
	if (str_is(word, "NOTFOUND"))
		return DOVECOT_AUTH_NOT_FOUND;
	if (str_is(word, "FAIL"))
		return DOVECOT_AUTH_FAILED;
	return DOVECOT_AUTH_BROKEN;
}

enum dovecot_auth_answer
dovecot_auth_read(struct str said, struct str *fields)
{
	struct str greeting = str_head(str_from("VERSION\t"), said.length);
	struct cursor in = cursor_over(said);

	/* Somebody else's protocol may have words like these. */
	if (!str_equal(str_head(said, greeting.length), greeting))
		return DOVECOT_AUTH_BROKEN;
	while (str_index(in.rest, '\n') != STR_NONE) {
		enum dovecot_auth_answer answer =
		    read_line(cursor_until(&in, '\n'), fields);

		if (answer != DOVECOT_AUTH_UNFINISHED)
			return answer;
	}
	return DOVECOT_AUTH_UNFINISHED;
}

struct str
dovecot_auth_unescape(struct arena *arena, struct str field)
{
	static const char from[] = "01trn", to[] = "\0\001\t\r\n";
	struct cursor in = cursor_over(field);
	struct buf out;

	buf_init(&out, arena_take(arena, field.length + 1), field.length + 1);
	while (!cursor_at_end(&in)) {
		char escaped;

		buf_add(&out, cursor_span_not(&in, "\001"));
		if (cursor_take(&in, '\001') &&
		    cursor_take_any(&in, from, &escaped))
			buf_add_octet(
			    &out, to[str_index(str_from(from), escaped)]);
	}
	return buf_str(&out);
}
