/*
 * lmtp_command.c - the grammar of MAIL and RCPT: paths and parameters.
 *
 * Who sends to us has accepted these addresses already, and a sender that we
 * refuse is mail that bounces to nobody.  So whatever stands between the
 * brackets is taken, but for control characters; what it means is for those
 * who know the mailboxes.
 *
 * Source: RFC 5321, 4.1.2 and appendix F.2 (source routes); RFC 1870, 6152,
 * 6531, 4954 section 5 (parameters); RFC 3461, section 4 (ORCPT, xtext).
 */
#include "wire/lmtp_work.h"

#include "base/attribute.h"
#include "base/number.h"

#define BAD_PARAMETER "501 5.5.4 bad parameter"
#define UNKNOWN_PARAMETER "555 5.5.4 unsupported parameter"

/* Up to the ">" that no quotes hide; false if there is none. */
static bool
span_path(struct str text, size_t *length)
{
	bool quoted = false;

	for (size_t i = 0; i < text.length; i++) {
		if (text.at[i] == '>' && !quoted) {
			*length = i;
			return true;
		}
		if (text.at[i] == '"')
			quoted = !quoted;
		else if (text.at[i] == '\\' && quoted)
			i++;
	}
	/* A stray quote hides nothing. */
	*length = str_index(text, '>');
	return *length != STR_NONE;
}

/* Without "@a,@b:" at the start.  An address literal has colons of its own. */
static struct str
without_route(struct str path)
{
	struct cursor in = cursor_over(path);

	if (cursor_peek(&in) != '@')
		return path;
	(void)cursor_span_not(&in, ":\"[");
	return cursor_take(&in, ':') ? in.rest : path;
}

static bool
read_path(struct cursor *in, struct str *path)
{
	size_t length;

	(void)cursor_span(in, " ");
	if (!cursor_take(in, '<')) {
		*path = cursor_span_not(in, " ");
		return !str_is_empty(*path) &&
		    str_index_any(*path, str_from("<>")) == STR_NONE;
	}
	if (!span_path(in->rest, &length))
		return false;
	*path = without_route(cursor_octets(in, length));
	(void)cursor_take(in, '>');
	return cursor_at_end(in) || cursor_peek(in) == ' ';
}

/* Quotes hide blanks, dots and "@" in the local part; a domain has none.
 * Where they do not pair they are no quotes. */
static struct str
without_quotes(struct str path, char room[LMTP_LINE_OCTETS])
{
	struct buf out;
	bool quoted = false;

	buf_init(&out, room, LMTP_LINE_OCTETS);
	for (size_t i = 0; i < path.length; i++) {
		if (path.at[i] == '"') {
			quoted = !quoted;
			continue;
		}
		if (path.at[i] == '\\' && quoted && i + 1 < path.length)
			i++;
		buf_add_octet(&out, path.at[i]);
	}
	return quoted ? path : buf_str(&out);
}

/* "+" and two hexadecimal digits, capitals. */
static bool
read_hexchar(struct cursor *in, struct buf *into)
{
	static const char digits[] = "0123456789ABCDEF";
	char high, low;

	if (!cursor_take_any(in, digits, &high) ||
	    !cursor_take_any(in, digits, &low))
		return false;
	buf_add_octet(into,
	    (char)(unsigned char)(str_index(str_from(digits), high) << 4 |
		str_index(str_from(digits), low)));
	return true;
}

static bool
read_xtext(struct str text, struct buf *into)
{
	struct cursor in = cursor_over(text);

	while (!cursor_at_end(&in)) {
		if (cursor_take(&in, '+')) {
			if (!read_hexchar(&in, into))
				return false;
		} else
			buf_add(into, cursor_span_not(&in, "+"));
	}
	return !str_is_empty(text) && !str_has_control(buf_str(into));
}

/* Each reads the value of a parameter; none has value.at NULL. */
static bool
read_size(struct lmtp_session *session, struct str value)
{
	return number_read(value, UINT64_MAX, &session->declared_octets);
}

static bool
read_body(struct lmtp_session *session, struct str value)
{
	session->eight_bit = str_is_nocase(value, "8BITMIME");
	return session->eight_bit || str_is_nocase(value, "7BIT");
}

static bool
read_smtputf8(struct lmtp_session *session, struct str value)
{
	session->utf8 = true;
	return value.at == NULL;
}

/* Whose message it was is nothing to us, but it has to be well formed. */
static bool
read_auth(struct lmtp_session *session, struct str value)
{
	struct buf out;

	buf_init(&out, session->original_room, sizeof(session->original_room));
	return read_xtext(value, &out);
}

/* An address of another kind than rfc822 is none for our headers. */
static bool
read_orcpt(struct lmtp_session *session, struct str value)
{
	struct cursor in = cursor_over(value);
	struct str kind = cursor_until(&in, ';');
	struct buf out;

	buf_init(&out, session->original_room, sizeof(session->original_room));
	if (str_is_empty(kind) || !read_xtext(in.rest, &out))
		return false;
	if (str_is_nocase(kind, "rfc822"))
		session->original = buf_str(&out);
	return true;
}

struct parameter {
	const char *keyword; /* NULL ends a table */
	bool (*read)(struct lmtp_session *session, struct str value);
};

static const struct parameter mail_parameters[] = {
	{ "SIZE", read_size },
	{ "BODY", read_body },
	{ "SMTPUTF8", read_smtputf8 },
	{ "AUTH", read_auth },
	{ NULL, NULL },
};

static const struct parameter rcpt_parameters[] = {
	{ "ORCPT", read_orcpt },
	{ NULL, NULL },
};

static const char *
read_parameter(struct lmtp_session *session, const struct parameter *known,
    struct str word, unsigned *seen)
{
	struct cursor in = cursor_over(word);
	struct str keyword = cursor_span_not(&in, "=");
	struct str value = str_of(NULL, 0);

	if (cursor_take(&in, '='))
		value = str_of(
		    in.rest.length == 0 ? "" : in.rest.at, in.rest.length);
	for (size_t i = 0; known[i].keyword != NULL; i++) {
		if (!str_is_nocase(keyword, known[i].keyword))
			continue;
		if ((*seen & 1U << i) != 0 || !known[i].read(session, value))
			return BAD_PARAMETER;
		*seen |= 1U << i;
		return NULL;
	}
	return UNKNOWN_PARAMETER;
}

static const char *
read_parameters(struct lmtp_session *session, const struct parameter *known,
    struct cursor *in)
{
	const char *reply = NULL;
	unsigned seen = 0;

	if (str_has_control(in->rest))
		return BAD_PARAMETER;
	(void)cursor_span(in, " ");
	while (reply == NULL && !cursor_at_end(in)) {
		struct str word = cursor_span_not(in, " ");

		reply = read_parameter(session, known, word, &seen);
		(void)cursor_span(in, " ");
	}
	return reply;
}

/* "FROM:", "TO:", in any case. */
static bool
take_word(struct cursor *in, const char *word)
{
	size_t length = str_from(word).length;

	(void)cursor_span(in, " ");
	if (!str_begins_nocase(in->rest, word))
		return false;
	in->rest = str_after(in->rest, length);
	return true;
}

/*
 * Whether all who split an address at its last "@" find the same mailbox:
 * those who read what it means, and those who read how it is written.  Not so
 * where the quotes hide the last "@", or stand behind it.
 */
static bool
is_plain(struct str path, struct str mailbox)
{
	size_t at = str_last(path, '@');
	bool quoted = false;

	if (str_equal(path, mailbox))
		return true; /* no quotes, or none that pair */
	for (size_t i = 0; at != STR_NONE && i < at; i++) {
		if (path.at[i] == '"')
			quoted = !quoted;
		else if (path.at[i] == '\\' && quoted)
			i++;
	}
	return !quoted &&
	    (at == STR_NONE || str_index(str_after(path, at), '"') == STR_NONE);
}

const char *
lmtp_read_mail(struct lmtp_session *session, struct cursor *in)
{
	session->declared_octets = 0;
	session->eight_bit = false;
	session->utf8 = false;
	if (!take_word(in, "FROM:") || !read_path(in, &session->sender))
		return "501 5.5.4 syntax: MAIL FROM:<sender>";
	if (str_has_control(session->sender))
		return "501 5.1.7 control character in the sender";
	return read_parameters(session, mail_parameters, in);
}

const char *
lmtp_read_rcpt(struct lmtp_session *session, struct cursor *in)
{
	session->original = str_of(NULL, 0);
	if (!take_word(in, "TO:") || !read_path(in, &session->recipient))
		return "501 5.5.4 syntax: RCPT TO:<recipient>";
	if (str_has_control(session->recipient))
		return "501 5.1.3 control character in the recipient";
	session->mailbox =
	    without_quotes(session->recipient, session->mailbox_room);
	if (str_is_empty(session->mailbox))
		return "501 5.1.3 no recipient";
	if (!is_plain(session->recipient, session->mailbox))
		return "501 5.1.3 an address of two meanings";
	return read_parameters(session, rcpt_parameters, in);
}
