/*
 * fuzz_lmtp_body.c - a message sent as an LMTP client sends it and taken in as
 * our server does: the same, and no other server could see its end in it.
 */
#include "fuzz/fuzz.h"
#include "wire/lmtp_body.h"
#include "wire/lmtp_framing.h"

/* Everything, in rooms of size octets, which are sent one after the other. */
static struct str
send_all(struct str message, size_t size)
{
	struct buf sent = fuzz_room(3 * message.length + 16);
	struct cursor in = cursor_over(message);
	struct lmtp_body body = { false, false };
	struct buf out = fuzz_room(size < 8 ? 8 : size);
	char *room = out.at;

	while (!cursor_at_end(&in)) {
		size_t before = in.rest.length;

		buf_init(&out, room, size);
		lmtp_body_add(&body, &in, &out);
		REQUIRE(!out.overflow && in.rest.length < before);
		buf_add(&sent, buf_str(&out));
	}
	buf_init(&out, room, 8);
	lmtp_body_end(&body, &out);
	buf_add(&sent, buf_str(&out));
	REQUIRE(!sent.overflow);
	return buf_str(&sent);
}

/* The text of a message behind DATA that comes in pieces of size octets;
 * *left is what stands behind its end. */
static struct str
take_all(struct str sent, size_t size, struct str *left, bool *ended)
{
	struct buf text = fuzz_room(sent.length + 1);
	enum lmtp_framing framing = FRAMING_LINE;
	size_t used = 0;

	while (used < sent.length && framing != FRAMING_END) {
		struct cursor in =
		    cursor_over(str_head(str_after(sent, used), size));
		size_t begin = in.rest.length;
		struct str piece;

		while (lmtp_framing_text(&framing, &in, &piece)) {
			REQUIRE(piece.length > 0);
			buf_add(&text, piece);
		}
		REQUIRE(cursor_at_end(&in) || framing == FRAMING_END);
		used += begin - in.rest.length;
	}
	REQUIRE(!text.overflow);
	*ended = framing == FRAMING_END;
	*left = str_after(sent, used);
	return buf_str(&text);
}

/* LF is CRLF; and a CR before a dot is a blank (lmtp_body.h). */
static struct str
model_of(struct str message)
{
	struct buf out = fuzz_room(2 * message.length + 4);

	for (size_t i = 0; i < message.length; i++) {
		char c = message.at[i];

		if (c == '\r' && i + 1 < message.length &&
		    message.at[i + 1] == '.')
			c = ' ';
		if (c == '\n')
			buf_add_octet(&out, '\r');
		buf_add_octet(&out, c);
	}
	if (message.length > 0 && message.at[message.length - 1] != '\n')
		buf_add_string(&out, "\r\n");
	return buf_str(&out);
}

/* Whatever a server takes for a line end, no line is a dot alone. */
static void
check_no_end(struct str sent)
{
	bool in_line = false;

	for (size_t i = 0; i < sent.length; i++) {
		REQUIRE(
		    sent.at[i] != '\n' || (i > 0 && sent.at[i - 1] == '\r'));
		if (sent.at[i] == '.' && !in_line)
			REQUIRE(i + 1 < sent.length && sent.at[i + 1] == '.');
		if (sent.at[i] == '.' && !in_line)
			i++;
		in_line = sent.at[i] != '\n' && sent.at[i] != '\r';
	}
}

/* Where a message ends: at the first CRLF.CRLF, the line end before it
 * counted; the octets up to and with that. */
static size_t
end_of(struct str raw)
{
	struct str in = raw;

	if (str_begins(raw, ".\r\n"))
		return 3;
	for (size_t at = 0; at < raw.length; at++, in = str_after(raw, at))
		if (str_begins(in, "\r\n.\r\n"))
			return at + 5;
	return STR_NONE;
}

static void
one(struct fuzz *fuzz)
{
	size_t size = 4 + fuzz_choose(fuzz, 60);
	struct str message = fuzz_rest(fuzz), sent, left, raw;
	struct buf whole;
	bool ended;

	message = str_head(message, 12000);
	sent = send_all(message, 3 * message.length + 8);
	REQUIRE(fuzz_same(sent, send_all(message, size)));
	check_no_end(sent);
	whole = fuzz_room(sent.length + 40);
	buf_add(&whole, sent);
	buf_add_string(&whole, ".\r\nMAIL FROM:<x>\r\n");
	REQUIRE(
	    fuzz_same(take_all(buf_str(&whole), whole.length, &left, &ended),
		model_of(message)));
	REQUIRE(ended && str_is(left, "MAIL FROM:<x>\r\n"));
	REQUIRE(fuzz_same(
	    take_all(buf_str(&whole), size, &left, &ended), model_of(message)));
	REQUIRE(ended && str_is(left, "MAIL FROM:<x>\r\n"));
	/* What somebody else sends is taken the same, however it is split. */
	raw = take_all(message, message.length + 1, &left, &ended);
	size_t left_octets = left.length;
	bool has_ended = ended;
	REQUIRE(ended == (end_of(message) != STR_NONE));
	if (ended)
		REQUIRE(left_octets == message.length - end_of(message));
	REQUIRE(fuzz_same(take_all(message, 1, &left, &ended), raw));
	REQUIRE(left.length == left_octets && ended == has_ended);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
