/*
 * fuzz_lmtp_client.c - whatever a server says to our LMTP client: the same
 * outcome however it is split, commands of one line each, and mail is only
 * "taken" where the server said so behind the dot.
 */
#include "fuzz/fuzz.h"
#include "wire/lmtp_client.h"

struct talk {
	struct lmtp_client client;
	struct buf out, sent;
	enum lmtp_client_event end;
	bool sent_dot;
	size_t used; /* octets of the server's */
};

static void
send_out(struct talk *talk)
{
	REQUIRE(!talk->out.overflow);
	buf_add(&talk->sent, buf_str(&talk->out));
	buf_init(&talk->out, talk->out.at, talk->out.size);
}

/* A server says what it says when it likes; what it has said before our dot
 * does not count for it. */
static void
run(struct talk *talk, const struct lmtp_client_mail *mail, struct str given,
    size_t size, bool waits)
{
	struct str piece;

	talk->out = fuzz_room(LMTP_CLIENT_OUTPUT_OCTETS + 1);
	talk->sent = fuzz_room(64 * 1024);
	talk->sent_dot = false;
	talk->used = 0;
	talk->end = LMTP_CLIENT_MORE;
	lmtp_client_begin(&talk->client, mail);
	/* By the line at most, where a server waits for us. */
	while (given.length > 0 && talk->end == LMTP_CLIENT_MORE) {
		size_t line = str_index(given, '\n');
		struct cursor in;

		piece = str_head(given,
		    waits && line != STR_NONE && line + 1 < size ? line + 1 :
								   size);
		in = cursor_over(fuzz_copy(piece));
		given = str_after(given, piece.length);
		talk->end = lmtp_client_next(&talk->client, &in, &talk->out);
		talk->used += piece.length - in.rest.length;
		REQUIRE(talk->end != LMTP_CLIENT_MORE || cursor_at_end(&in));
		send_out(talk);
		if (talk->end == LMTP_CLIENT_TEXT) {
			REQUIRE(!talk->sent_dot && cursor_at_end(&in));
			lmtp_client_end(&talk->client, &talk->out);
			talk->sent_dot = true;
			talk->end = LMTP_CLIENT_MORE;
			send_out(talk);
		}
	}
}

static void
check_commands(struct str sent)
{
	struct cursor in = cursor_over(sent);

	while (!cursor_at_end(&in)) {
		struct str line = cursor_until(&in, '\n');

		REQUIRE(str_ends(line, "\r"));
		REQUIRE(!str_has_control(str_head(line, line.length - 1)));
		REQUIRE(line.length > 1);
	}
	REQUIRE(sent.length == 0 || str_ends(sent, "\r\n"));
}

static void
check_end(const struct talk *talk)
{
	const struct lmtp_client *client = &talk->client;
	int class = client->reply.code / 100;

	REQUIRE(lmtp_client_said(client) != NULL);
	REQUIRE(memchr(client->reply.text, '\0', sizeof(client->reply.text)) !=
	    NULL);
	switch (talk->end) {
	case LMTP_CLIENT_TAKEN:
		REQUIRE(class == 2);
		REQUIRE(client->mail.only_asks || talk->sent_dot);
		break;
	case LMTP_CLIENT_REFUSED:
		REQUIRE(class == 4 || class == 5);
		REQUIRE(class == 5 || !lmtp_client_is_for_good(client));
		if (client->reply.enhanced[0] != '\0')
			REQUIRE(client->reply.enhanced[0] == '0' + class);
		break;
	case LMTP_CLIENT_UNABLE:
	case LMTP_CLIENT_BROKEN:
		REQUIRE(client->trouble != NULL);
		break;
	case LMTP_CLIENT_MORE:
	case LMTP_CLIENT_TEXT:
		break;
	}
}

static void
one(struct fuzz *fuzz)
{
	static struct talk whole, split;
	size_t choice = fuzz_choose(fuzz, 64);
	const struct lmtp_client_mail mail = {
		.host = "mx.example",
		.user = str_from((choice & 1) != 0 ? "bob" : ""),
		.password = str_from("secret"),
		.sender = str_from((choice & 2) != 0 ? "<>" : "<a@b>"),
		.recipient =
		    str_from((choice & 4) != 0 ? "<b+\xc3\xa9@c>" : "<b+x@c>"),
		.fallback = str_from((choice & 8) != 0 ? "<b@c>" : ""),
		.octets = (choice & 16) != 0 ? 4096 : 0,
		.eight_bit = (choice & 16) != 0,
		.only_asks = (choice & 32) != 0,
	};
	struct str given = fuzz_copy(str_head(fuzz->in.rest, 3000));

	/* What is said all at once answers nothing of ours. */
	run(&whole, &mail, given, given.length + 1, false);
	REQUIRE(whole.end != LMTP_CLIENT_TAKEN && !whole.sent_dot);
	check_end(&whole);
	run(&whole, &mail, given, given.length + 1, true);
	run(&split, &mail, given, 1, true);
	REQUIRE(whole.end == split.end && whole.used == split.used);
	REQUIRE(whole.sent_dot == split.sent_dot);
	REQUIRE(fuzz_same(buf_str(&whole.sent), buf_str(&split.sent)));
	REQUIRE(whole.client.reply.code == split.client.reply.code);
	REQUIRE(strcmp(whole.client.reply.text, split.client.reply.text) == 0);
	REQUIRE(!whole.sent.overflow);
	check_commands(buf_str(&whole.sent));
	check_end(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
