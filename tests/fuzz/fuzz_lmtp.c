/*
 * fuzz_lmtp.c - a whole session of the LMTP server, its replies and what it
 * believes to have been told: the same however the input is split and however
 * little room there is for output; replies that any client understands; and
 * one reply, no more and no less, for each line and each recipient.
 */
#include "fuzz/fuzz.h"
#include "wire/lmtp.h"

/* Input of one session; what a reader of the connection would hold. */
#define INPUT_OCTETS ((size_t)9000)

struct play {
	struct lmtp_session session;
	struct buf out, sent, events;
	bool in_text;
};

static void
flush(struct play *play)
{
	REQUIRE(!play->out.overflow);
	buf_add(&play->sent, buf_str(&play->out));
	buf_init(&play->out, play->out.at, play->out.size);
}

static void
note(struct play *play, const char *what, struct str text)
{
	buf_add_string(&play->events, what);
	buf_add(&play->events, text);
	buf_add_octet(&play->events, '\n');
}

/* By the last octet of the name: one in four is refused. */
static void
decide(struct play *play, struct str by)
{
	char last = by.length == 0 ? 'x' : by.at[by.length - 1];
	struct status why;

	if (last % 4 != 1) {
		lmtp_accept(&play->session, &play->out);
		return;
	}
	(void)status_fail(&why,
	    last % 8 == 1 ? STATUS_USER_UNKNOWN : STATUS_MAILBOX_FULL, "x");
	lmtp_refuse(&play->session, &why, &play->out);
}

static void
check_no_control(struct str text)
{
	REQUIRE(!str_has_control(text));
}

static void
end_message(struct play *play)
{
	unsigned accepted = play->session.accepted;
	struct status why;

	REQUIRE(accepted > 0);
	status_init(&why);
	for (unsigned i = 0; i < accepted; i++) {
		flush(play);
		lmtp_reply(&play->out, str_from("a@b"), &why);
	}
	flush(play);
	lmtp_done(&play->session);
}

static void
act(struct play *play, enum lmtp_event event)
{
	struct lmtp_session *session = &play->session;

	switch (event) {
	case LMTP_MAIL:
		check_no_control(session->sender);
		note(play, "mail ", session->sender);
		decide(play, session->sender);
		break;
	case LMTP_RECIPIENT:
		check_no_control(session->recipient);
		check_no_control(session->mailbox);
		check_no_control(session->original);
		REQUIRE(session->mailbox.length > 0);
		note(play, "rcpt ", session->mailbox);
		note(play, "orig ", session->original);
		decide(play, session->mailbox);
		break;
	case LMTP_DATA:
		note(play, "data", str_of(NULL, 0));
		decide(play, session->sender);
		break;
	case LMTP_TEXT:
		REQUIRE(session->text.length > 0);
		buf_add(&play->events, session->text);
		break;
	case LMTP_END:
		note(play, "end", str_of(NULL, 0));
		end_message(play);
		break;
	case LMTP_AUTH:
		check_no_control(session->identity);
		REQUIRE(session->identity.length > 0);
		note(play, "auth ", session->identity);
		note(play, "with ", session->password);
		if (session->password.at[0] == 'x')
			lmtp_deny(session, &play->out);
		else
			decide(play, session->identity);
		REQUIRE(session->password.length == 0);
		break;
	case LMTP_RESET:
		note(play, "reset", str_of(NULL, 0));
		break;
	case LMTP_CLOSE:
		note(play, "close", str_of(NULL, 0));
		break;
	case LMTP_FLUSH:
		REQUIRE(play->out.length > 0);
		flush(play);
		break;
	case LMTP_MORE:
		flush(play);
		break;
	}
}

static bool
use(struct play *play, struct cursor *in)
{
	unsigned idle = 0;

	for (;;) {
		size_t before = in->rest.length;
		enum lmtp_event event =
		    lmtp_next(&play->session, in, &play->out);

		act(play, event);
		if (event == LMTP_MORE || event == LMTP_CLOSE)
			return event == LMTP_MORE;
		idle = in->rest.length < before ? 0 : idle + 1;
		REQUIRE(idle < 4);
	}
}

/* The input in pieces of size octets, as a connection has it: what was not
 * used stays in front. */
static void
play_all(struct play *play, const struct lmtp_limits *limits, struct str given,
    size_t size, size_t room)
{
	char held[LMTP_LINE_OCTETS];
	size_t length = 0;
	bool more = true;

	play->out = fuzz_room(room);
	play->sent = fuzz_room(600 * given.length + 4096);
	play->events = fuzz_room(16 * given.length + 4096);
	lmtp_begin(&play->session, limits, "mx.example", &play->out);
	while (more) {
		size_t free = sizeof(held) - length;
		struct str piece = str_head(given, size < free ? size : free);
		struct cursor in;

		REQUIRE(free > 0);
		if (piece.length > 0)
			memcpy(held + length, piece.at, piece.length);
		given = str_after(given, piece.length);
		in = cursor_over(str_of(held, length + piece.length));
		more = use(play, &in) && given.length > 0;
		length = in.rest.length;
		if (length > 0)
			memmove(held, in.rest.at, length);
	}
	flush(play);
	REQUIRE(!play->sent.overflow && !play->events.overflow);
}

/* Each line "NNN text" or "NNN-text", printable, 512 octets at most.  How many
 * replies there are. */
static unsigned
check_replies(struct str sent)
{
	struct cursor in = cursor_over(sent);
	unsigned replies = 0;

	while (!cursor_at_end(&in)) {
		struct str line;

		REQUIRE(str_index(in.rest, '\n') != STR_NONE);
		line = cursor_until(&in, '\n');
		REQUIRE(line.length >= 5 && line.length < 512);
		REQUIRE(line.at[--line.length] == '\r');
		REQUIRE(line.at[0] >= '2' && line.at[0] <= '5');
		REQUIRE(line.at[1] >= '0' && line.at[1] <= '5');
		REQUIRE(line.at[2] >= '0' && line.at[2] <= '9');
		REQUIRE(line.at[3] == ' ' || line.at[3] == '-');
		for (size_t i = 0; i < line.length; i++)
			REQUIRE(line.at[i] >= ' ' && line.at[i] <= '~');
		replies += line.at[3] == ' ';
	}
	return replies;
}

/* What the events make the number of replies: the greeting, one for each line
 * of a command, one for each recipient of a message. */
static void
check_count(const struct play *play, struct str given, unsigned replies)
{
	/* Lines are only counted where no message hides some of them. */
	if (strstr(play->events.at, "data") != NULL ||
	    str_index(given, '\0') != STR_NONE)
		return;
	if (play->session.state != LMTP_STATE_CLOSED)
		REQUIRE(replies == 1 + str_count(given, '\n'));
	else
		REQUIRE(replies <= 1 + str_count(given, '\n') + 1);
}

static void
one(struct fuzz *fuzz)
{
	static struct play whole, split;
	size_t choice = fuzz_choose(fuzz, 32);
	const struct lmtp_limits limits = {
		.message_octets = (choice & 1) != 0 ? 1000 : 0,
		.recipients = (choice & 2) != 0 ? 2 : 100,
		.commands = (choice & 4) != 0 ? 6 : 100,
		.free_recipients = 100,
		.bad_commands = (choice & 4) != 0 ? 3 : 100,
		.offers_auth = (choice & 8) != 0,
		.needs_auth = (choice & 16) != 0,
	};
	size_t size = 1 + fuzz_choose(fuzz, 8);
	struct str given = fuzz_copy(str_head(fuzz->in.rest, INPUT_OCTETS));

	play_all(
	    &whole, &limits, given, LMTP_LINE_OCTETS, 20 * LMTP_REPLY_OCTETS);
	play_all(&split, &limits, given, size, LMTP_REPLY_OCTETS + 1);
	REQUIRE(fuzz_same(buf_str(&whole.sent), buf_str(&split.sent)));
	REQUIRE(fuzz_same(buf_str(&whole.events), buf_str(&split.events)));
	REQUIRE(whole.session.state == split.session.state);
	check_count(&whole, given, check_replies(buf_str(&whole.sent)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
