/*
 * fuzz_lmtp_both.c - our LMTP client speaks with our LMTP server: sender,
 * recipient, password and message arrive as they were, whatever they are.
 */
#include "fuzz/fuzz.h"
#include "mail/address.h"
#include "wire/lmtp.h"
#include "wire/lmtp_body.h"
#include "wire/lmtp_client.h"

#define ROOM ((size_t)64 * 1024)

struct both {
	struct lmtp_client client;
	struct lmtp_session server;
	struct buf to_server, to_client;
	struct buf sender, mailbox, identity, password, text;
	bool accepts; /* the recipient as he was named at first */
	unsigned asked;
};

static void
keep(struct buf *into, struct str text)
{
	buf_init(into, into->at, into->size);
	buf_add(into, text);
}

static void
serve_recipient(struct both *both)
{
	struct status why;

	keep(&both->mailbox, both->server.mailbox);
	if (both->accepts || both->asked++ > 0) {
		lmtp_accept(&both->server, &both->to_client);
		return;
	}
	(void)status_fail(&why, STATUS_USER_UNKNOWN, "x");
	lmtp_refuse(&both->server, &why, &both->to_client);
}

/* The server with all that was sent to it. */
static void
serve(struct both *both)
{
	struct cursor in = cursor_over(buf_str(&both->to_server));
	struct status why;

	for (;;) {
		switch (lmtp_next(&both->server, &in, &both->to_client)) {
		case LMTP_MORE:
			REQUIRE(cursor_at_end(&in));
			buf_init(&both->to_server, both->to_server.at, ROOM);
			return;
		case LMTP_MAIL:
			keep(&both->sender, both->server.sender);
			lmtp_accept(&both->server, &both->to_client);
			break;
		case LMTP_RECIPIENT:
			serve_recipient(both);
			break;
		case LMTP_AUTH:
			keep(&both->identity, both->server.identity);
			keep(&both->password, both->server.password);
			lmtp_accept(&both->server, &both->to_client);
			break;
		case LMTP_DATA:
			lmtp_accept(&both->server, &both->to_client);
			break;
		case LMTP_TEXT:
			buf_add(&both->text, both->server.text);
			break;
		case LMTP_END:
			status_init(&why);
			REQUIRE(both->server.accepted == 1);
			lmtp_reply(&both->to_client, str_from("x"), &why);
			lmtp_done(&both->server);
			break;
		default:
			REQUIRE(false);
		}
	}
}

static struct str
next_reply(struct both *both)
{
	struct str all = fuzz_copy(buf_str(&both->to_client));

	buf_init(&both->to_client, both->to_client.at, ROOM);
	return all;
}

static void
send_message(struct both *both, struct str message)
{
	struct cursor in = cursor_over(message);
	struct lmtp_body body = { false, false };
	struct buf out = fuzz_room(3 * message.length + 8);

	lmtp_body_add(&body, &in, &out);
	lmtp_body_end(&body, &out);
	REQUIRE(cursor_at_end(&in) && !out.overflow);
	buf_add(&both->to_server, buf_str(&out));
	lmtp_client_end(&both->client, &both->to_server);
}

/* Reply by reply, as they come over a connection that waits. */
static enum lmtp_client_event
converse(struct both *both, struct str message)
{
	struct cursor replies = { { NULL, 0 } };

	for (int turn = 0; turn < 60; turn++) {
		struct cursor in;
		enum lmtp_client_event event;

		if (cursor_at_end(&replies))
			replies = cursor_over(next_reply(both));
		REQUIRE(!cursor_at_end(&replies));
		in = cursor_over(
		    str_head(replies.rest, str_index(replies.rest, '\n') + 1));
		(void)cursor_octets(&replies, in.rest.length);
		event = lmtp_client_next(&both->client, &in, &both->to_server);
		if (event == LMTP_CLIENT_TEXT)
			send_message(both, message);
		else if (event != LMTP_CLIENT_MORE)
			return event;
		if (both->to_server.length > 0)
			serve(both);
	}
	REQUIRE(false);
	return LMTP_CLIENT_BROKEN;
}

/* The path of an address; false where there is none. */
static bool
path_of(struct str address, struct buf *path)
{
	return address.length < 1000 && address_add_path(path, address);
}

/* LF as CRLF, and a CR before a dot a blank. */
static void
check_text(struct str message, struct str got)
{
	size_t at = 0;

	for (size_t i = 0; i < message.length; i++) {
		char c = message.at[i];

		if (c == '\r' && i + 1 < message.length &&
		    message.at[i + 1] == '.')
			c = ' ';
		if (c == '\n')
			REQUIRE(at < got.length && got.at[at++] == '\r');
		REQUIRE(at < got.length && got.at[at++] == c);
	}
	if (message.length > 0 && message.at[message.length - 1] != '\n')
		at += 2;
	REQUIRE(at == got.length);
}

static void
one(struct fuzz *fuzz)
{
	static struct both both;
	size_t choice = fuzz_choose(fuzz, 16);
	const struct lmtp_limits limits = { .recipients = 10,
		.commands = 100,
		.free_recipients = 10,
		.bad_commands = 10,
		.offers_auth = true };
	struct str sender = fuzz_line(fuzz), recipient = fuzz_line(fuzz);
	struct str user = fuzz_line(fuzz), password = fuzz_line(fuzz);
	struct buf sender_path = fuzz_room(4096), path = fuzz_room(4096);
	struct buf bare_path = fuzz_room(4096);
	struct lmtp_client_mail mail = { .host = "mx" };
	struct str bare =
	    address_without_detail(recipient, str_from("+"), fuzz->arena);
	struct str message;

	message = fuzz_copy(str_head(fuzz->in.rest, 8000));
	if (!path_of(sender, &sender_path) || recipient.length == 0 ||
	    !path_of(recipient, &path) || !path_of(bare, &bare_path))
		return;
	mail.sender = buf_str(&sender_path);
	mail.recipient = buf_str(&path);
	both.accepts = (choice & 1) != 0 || fuzz_same(recipient, bare);
	if (!both.accepts)
		mail.fallback = buf_str(&bare_path);
	if ((choice & 2) != 0 && user.length > 0 && user.length < 256 &&
	    !str_has_control(user) && password.length > 0 &&
	    password.length < 256 && str_index(password, '\0') == STR_NONE) {
		mail.user = user;
		mail.password = password;
	}
	mail.octets = (choice & 4) != 0 ? message.length : 0;
	mail.eight_bit = (choice & 8) != 0;
	both.to_server = fuzz_room(ROOM);
	both.to_client = fuzz_room(ROOM);
	both.sender = fuzz_room(ROOM);
	both.mailbox = fuzz_room(ROOM);
	both.identity = fuzz_room(ROOM);
	both.password = fuzz_room(ROOM);
	both.text = fuzz_room(ROOM);
	both.asked = 0;
	lmtp_begin(&both.server, &limits, "mx", &both.to_client);
	lmtp_client_begin(&both.client, &mail);
	REQUIRE(converse(&both, message) == LMTP_CLIENT_TAKEN);
	/* The sender as it is written: nobody asks what it means. */
	REQUIRE(fuzz_same(buf_str(&both.sender),
	    str_head(str_after(mail.sender, 1), mail.sender.length - 2)));
	REQUIRE(
	    fuzz_same(buf_str(&both.mailbox), both.accepts ? recipient : bare));
	REQUIRE(fuzz_same(buf_str(&both.identity), mail.user));
	REQUIRE(fuzz_same(buf_str(&both.password), mail.password));
	check_text(message, buf_str(&both.text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
