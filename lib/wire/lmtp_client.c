/*
 * lmtp_client.c - the client's side of LMTP: one message to one recipient.
 *
 * Source: RFC 2033, RFC 5321; postfix lmtp(8) (what of a reply decides, and
 * MAIL, RCPT and DATA in one write where PIPELINING is announced).
 */
#include "wire/lmtp_client.h"

#include "wire/base64.h"

#include <string.h>

static bool
has_word(struct str line, const char *word, struct cursor *arguments)
{
	*arguments = cursor_over(line);
	return str_is_nocase(cursor_span_not(arguments, " "), word);
}

static void
note_mechanisms(struct lmtp_client_offers *offers, struct cursor *in)
{
	while (!cursor_at_end(in)) {
		struct str word;

		cursor_skip_blanks(in);
		word = cursor_span_not(in, " \t");
		if (str_is_nocase(word, "PLAIN"))
			offers->auth_plain = true;
		if (str_is_nocase(word, "LOGIN"))
			offers->auth_login = true;
	}
}

/* One line of the answer to LHLO behind the first. */
static void
note_offer(struct lmtp_client_offers *offers, struct str line)
{
	struct cursor arguments;

	if (has_word(line, "AUTH", &arguments))
		note_mechanisms(offers, &arguments);
	else if (has_word(line, "PIPELINING", &arguments))
		offers->pipelining = true;
	else if (has_word(line, "SIZE", &arguments))
		offers->size = true;
	else if (has_word(line, "8BITMIME", &arguments))
		offers->eight_bit = true;
	else if (has_word(line, "SMTPUTF8", &arguments))
		offers->utf8 = true;
}

/* Goes on to the end of a reply. */
static enum lmtp_reply_state
read_reply(struct lmtp_client *client, struct cursor *in)
{
	enum lmtp_reply_state state;
	struct str line;

	if (client->reply_ended)
		lmtp_reply_begin(&client->reply);
	do {
		state = lmtp_reply_read(&client->reply, in, &line);
		if (client->state == LMTP_CLIENT_LHLO &&
		    (state == LMTP_REPLY_LINE || state == LMTP_REPLY_WHOLE) &&
		    client->reply.lines > 1)
			note_offer(&client->offers, line);
	} while (state == LMTP_REPLY_LINE);
	client->reply_ended = state == LMTP_REPLY_WHOLE;
	return state;
}

/* Commands. */

static bool
is_ascii(struct str text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.at[i] >= 0x80)
			return false;
	return true;
}

static struct str
recipient(const struct lmtp_client *client)
{
	return client->fell_back ? client->mail.fallback :
				   client->mail.recipient;
}

static void
put_lhlo(struct lmtp_client *client, struct buf *out)
{
	buf_print(out, "LHLO %s\r\n", client->mail.host);
	client->state = LMTP_CLIENT_LHLO;
}

static void
put_rcpt(struct lmtp_client *client, struct buf *out)
{
	buf_add_string(out, "RCPT TO:");
	buf_add(out, recipient(client));
	buf_add_string(out, "\r\n");
}

/* DATA only follows at once where no other recipient may have to be named. */
static bool
goes_on_to_data(const struct lmtp_client *client)
{
	return !client->mail.only_asks &&
	    (client->mail.fallback.length == 0 || client->fell_back);
}

static void
put_data(struct lmtp_client *client, struct buf *out)
{
	buf_add_string(out, "DATA\r\n");
	client->said_data = true;
}

static void
put_mail(struct lmtp_client *client, struct buf *out)
{
	const struct lmtp_client_mail *mail = &client->mail;

	buf_add_string(out, "MAIL FROM:");
	buf_add(out, mail->sender);
	if (client->offers.size && mail->octets > 0)
		buf_print(out, " SIZE=%ju", (uintmax_t)mail->octets);
	if (client->offers.eight_bit && mail->eight_bit)
		buf_add_string(out, " BODY=8BITMIME");
	if (client->offers.utf8 &&
	    (!is_ascii(mail->sender) || !is_ascii(recipient(client))))
		buf_add_string(out, " SMTPUTF8");
	buf_add_string(out, "\r\n");
	client->state = LMTP_CLIENT_MAIL;
	if (!client->offers.pipelining)
		return;
	put_rcpt(client, out);
	if (goes_on_to_data(client))
		put_data(client, out);
}

/* authorization identity (ours, unsaid) NUL user NUL password */
static void
put_auth_plain(struct lmtp_client *client, struct buf *out)
{
	char room[2 * LMTP_CLIENT_SECRET_OCTETS + 3];
	struct buf plain;

	buf_init(&plain, room, sizeof(room));
	buf_add_octet(&plain, '\0');
	buf_add(&plain, client->mail.user);
	buf_add_octet(&plain, '\0');
	buf_add(&plain, client->mail.password);
	buf_add_string(out, "AUTH PLAIN ");
	base64_add(out, buf_str(&plain));
	buf_add_string(out, "\r\n");
	client->state = LMTP_CLIENT_AUTH;
}

static void
put_secret(struct buf *out, struct str secret)
{
	base64_add(out, secret);
	buf_add_string(out, "\r\n");
}

/* What each reply leads to. */

static enum lmtp_client_event
lack(struct lmtp_client *client, const char *what)
{
	client->trouble = what;
	return LMTP_CLIENT_UNABLE;
}

/* A folder's name is no reason to fail: without it the recipient may do. */
static bool
can_name_recipient(struct lmtp_client *client)
{
	const struct lmtp_client_mail *mail = &client->mail;

	if (client->offers.utf8)
		return true;
	if (!is_ascii(mail->recipient) && mail->fallback.length > 0)
		client->fell_back = true;
	return is_ascii(recipient(client)) && is_ascii(mail->sender);
}

static enum lmtp_client_event
begin_mail(struct lmtp_client *client, struct buf *out)
{
	if (!can_name_recipient(client))
		return lack(client,
		    "the server does not announce SMTPUTF8, which sender or "
		    "recipient needs");
	put_mail(client, out);
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_greeting(struct lmtp_client *client, struct buf *out)
{
	put_lhlo(client, out);
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_lhlo(struct lmtp_client *client, struct buf *out)
{
	if (client->mail.user.length == 0)
		return begin_mail(client, out);
	if (client->offers.auth_plain)
		put_auth_plain(client, out);
	else if (client->offers.auth_login) {
		buf_add_string(out, "AUTH LOGIN\r\n");
		client->state = LMTP_CLIENT_AUTH_LOGIN;
	} else
		return lack(client,
		    "the server does not announce AUTH PLAIN or LOGIN, and "
		    "our settings want it");
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_auth_login(struct lmtp_client *client, struct buf *out)
{
	put_secret(out, client->mail.user);
	client->state = LMTP_CLIENT_AUTH_USER;
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_auth_user(struct lmtp_client *client, struct buf *out)
{
	put_secret(out, client->mail.password);
	client->state = LMTP_CLIENT_AUTH;
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_mail(struct lmtp_client *client, struct buf *out)
{
	if (!client->offers.pipelining)
		put_rcpt(client, out);
	client->state = LMTP_CLIENT_RCPT;
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_rcpt(struct lmtp_client *client, struct buf *out)
{
	if (client->mail.only_asks)
		return LMTP_CLIENT_TAKEN;
	if (!client->said_data)
		put_data(client, out);
	client->state = LMTP_CLIENT_DATA;
	return LMTP_CLIENT_MORE;
}

static enum lmtp_client_event
after_data(struct lmtp_client *client, struct buf *out)
{
	(void)client;
	(void)out;
	return LMTP_CLIENT_TEXT;
}

static enum lmtp_client_event
after_end(struct lmtp_client *client, struct buf *out)
{
	(void)client;
	(void)out;
	return LMTP_CLIENT_TAKEN;
}

static const struct {
	const char *said; /* for people */
	int wanted;       /* the class of reply that leads on */
	enum lmtp_client_event (*then)(
	    struct lmtp_client *client, struct buf *out);
} steps[] = {
	[LMTP_CLIENT_GREETING] = { "the connection", 2, after_greeting },
	[LMTP_CLIENT_LHLO] = { "LHLO", 2, after_lhlo },
	[LMTP_CLIENT_AUTH] = { "AUTH", 2, begin_mail },
	[LMTP_CLIENT_AUTH_LOGIN] = { "AUTH", 3, after_auth_login },
	[LMTP_CLIENT_AUTH_USER] = { "AUTH", 3, after_auth_user },
	[LMTP_CLIENT_MAIL] = { "MAIL", 2, after_mail },
	[LMTP_CLIENT_RCPT] = { "RCPT", 2, after_rcpt },
	[LMTP_CLIENT_DATA] = { "DATA", 3, after_data },
	[LMTP_CLIENT_END] = { "the message", 2, after_end },
};

static enum lmtp_client_event
babble(struct lmtp_client *client, const char *what)
{
	client->trouble = what;
	return LMTP_CLIENT_BROKEN;
}

/* Whether the recipient without his folder is still to be tried. */
static bool
can_fall_back(const struct lmtp_client *client)
{
	return client->state == LMTP_CLIENT_RCPT && !client->fell_back &&
	    client->mail.fallback.length > 0 && lmtp_client_is_for_good(client);
}

static enum lmtp_client_event
answer(struct lmtp_client *client, struct buf *out)
{
	int class = client->reply.code / 100;

	if (class == steps[client->state].wanted)
		return steps[client->state].then(client, out);
	if (class < 4)
		return babble(client, "its reply fits nothing that was said");
	if (!can_fall_back(client))
		return LMTP_CLIENT_REFUSED;
	client->fell_back = true;
	put_rcpt(client, out);
	return LMTP_CLIENT_MORE;
}

void
lmtp_client_begin(
    struct lmtp_client *client, const struct lmtp_client_mail *mail)
{
	memset(client, 0, sizeof(*client));
	client->mail = *mail;
	lmtp_reply_begin(&client->reply);
}

enum lmtp_client_event
lmtp_client_next(struct lmtp_client *client, struct cursor *in, struct buf *out)
{
	for (;;) {
		size_t before = out->length;
		enum lmtp_client_event event;

		switch (read_reply(client, in)) {
		case LMTP_REPLY_LINE:
		case LMTP_REPLY_UNFINISHED:
			return LMTP_CLIENT_MORE;
		case LMTP_REPLY_BROKEN:
			return babble(client, client->reply.trouble);
		case LMTP_REPLY_WHOLE:
			break;
		}
		event = answer(client, out);
		/* What stands there already answers nothing of ours: taken for
		 * the reply to the dot it would lose the message. */
		if ((out->length > before || event == LMTP_CLIENT_TEXT) &&
		    !cursor_at_end(in))
			return babble(client, "it speaks out of turn");
		if (event != LMTP_CLIENT_MORE)
			return event;
	}
}

void
lmtp_client_end(struct lmtp_client *client, struct buf *out)
{
	buf_add_string(out, ".\r\n");
	client->state = LMTP_CLIENT_END;
}

const char *
lmtp_client_said(const struct lmtp_client *client)
{
	return steps[client->state].said;
}

/* Codes that speak of the dialogue and not of the mail. */
static const int about_the_dialogue[] = { 500, 502, 503, 504, 530, 534, 535,
	538, 555 };

bool
lmtp_client_is_for_good(const struct lmtp_client *client)
{
	int code = client->reply.code;

	if (code / 100 != 5 || client->state < LMTP_CLIENT_MAIL)
		return false;
	for (size_t i = 0; i < COUNT(about_the_dialogue); i++)
		if (code == about_the_dialogue[i])
			return false;
	return true;
}
