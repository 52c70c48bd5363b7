/*
 * lmtp_play.c - one LMTP session from its octets to what became of them.
 */
#include "support/lmtp_play.h"

#include "base/attribute.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TRANSCRIPT_OCTETS ((size_t)64 * 1024)

struct stage {
	struct lmtp_session session;
	struct lmtp_play *play;
	struct buf out;
	struct buf transcript;
	bool refuses_data;
};

static const struct {
	const char *begins;
	enum status_id id;
} refused[] = {
	{ "unknown", STATUS_USER_UNKNOWN },
	{ "full", STATUS_MAILBOX_FULL },
	{ "refuse@x", STATUS_TROUBLE },
};

/* ck_assert writes a note each time that it holds, which is too often here. */
static void
must(bool holds, const char *what)
{
	if (!holds)
		ck_abort_msg("%s", what);
}

struct lmtp_play
lmtp_play_default(void)
{
	struct lmtp_play play = {
		.limits = { .recipients = 100,
		    .commands = 100,
		    .bad_commands = 100 },
	};

	return play;
}

static void *
room_of(size_t octets)
{
	void *room = malloc(octets == 0 ? 1 : octets);

	must(room != NULL, "no memory");
	return room;
}

static bool
is_digit(struct str text, size_t at)
{
	return at < text.length && text.at[at] >= '0' && text.at[at] <= '9';
}

/* "D.D.D " after "ddd ". */
static bool
has_enhanced_code(struct str line)
{
	return is_digit(line, 4) && is_digit(line, 6) && is_digit(line, 8) &&
	    line.length > 9 && line.at[5] == '.' && line.at[7] == '.' &&
	    line.at[9] == ' ';
}

static void
judge_reply(struct str line)
{
	must(line.length <= 510, "a reply is longer than 512 octets");
	must(is_digit(line, 0) && is_digit(line, 1) && is_digit(line, 2) &&
		line.length > 3 && (line.at[3] == ' ' || line.at[3] == '-'),
	    "a reply has no code");
	for (size_t i = 0; i < line.length; i++)
		must(line.at[i] >= ' ' && line.at[i] <= '~',
		    "a reply is not printable");
	if (has_enhanced_code(line))
		must(line.at[0] == line.at[4],
		    "the codes of a reply do not agree");
	else
		must(line.at[0] == '2' || line.at[0] == '3',
		    "a refusal has no enhanced code");
}

/* Sends what is put out: into the transcript. */
static void
flush(struct stage *stage)
{
	struct cursor in = cursor_over(buf_str(&stage->out));

	must(!stage->out.overflow, "a reply did not fit");
	while (!cursor_at_end(&in)) {
		struct str line = cursor_until(&in, '\r');

		must(cursor_take(&in, '\n'), "a reply has a lone CR");
		judge_reply(line);
		if (line.at[3] == ' ')
			stage->play->replies++;
		buf_add(&stage->transcript,
		    has_enhanced_code(line) ? str_head(line, 9) : line);
		buf_add_octet(&stage->transcript, '\n');
	}
	stage->out.length = 0;
}

static void
note(struct stage *stage, const char *what, struct str value)
{
	flush(stage);
	buf_add_string(&stage->transcript, what);
	buf_add(&stage->transcript, value);
}

static void
decide(struct stage *stage, struct str whom)
{
	struct status why;

	for (size_t i = 0; i < COUNT(refused); i++)
		if (str_begins(whom, refused[i].begins)) {
			(void)status_fail(&why, refused[i].id, "refused");
			lmtp_refuse(&stage->session, &why, &stage->out);
			return;
		}
	lmtp_accept(&stage->session, &stage->out);
}

static void
on_mail(struct stage *stage)
{
	const struct lmtp_session *session = &stage->session;

	note(stage, "mail ", session->sender);
	if (session->declared_octets > 0)
		buf_print(&stage->transcript, " size %ju",
		    (uintmax_t)session->declared_octets);
	if (session->eight_bit)
		buf_add_string(&stage->transcript, " 8bit");
	if (session->utf8)
		buf_add_string(&stage->transcript, " utf8");
	buf_add_string(&stage->transcript, "\n");
	stage->refuses_data = str_is(session->sender, "nodata@x");
	decide(stage, session->sender);
}

static void
on_recipient(struct stage *stage)
{
	const struct lmtp_session *session = &stage->session;

	note(stage, "rcpt ", session->recipient);
	note(stage, " = ", session->mailbox);
	if (!str_is_empty(session->original)) {
		note(stage, " (", session->original);
		note(stage, ")", str_from(NULL));
	}
	buf_add_string(&stage->transcript, "\n");
	decide(stage, session->mailbox);
}

static void
on_data(struct stage *stage)
{
	struct status why;

	if (!stage->refuses_data) {
		lmtp_accept(&stage->session, &stage->out);
		flush(stage);
		buf_add_string(&stage->transcript, "{");
		return;
	}
	(void)status_fail(&why, STATUS_DISK_FULL, "no room");
	lmtp_refuse(&stage->session, &why, &stage->out);
}

static void
on_end(struct stage *stage)
{
	struct status why;

	buf_add_string(&stage->transcript, "}\n");
	status_init(&why);
	for (unsigned i = 0; i < stage->session.accepted; i++) {
		lmtp_reply(&stage->out, str_from("a@b"), &why);
		flush(stage);
	}
	lmtp_done(&stage->session);
}

static void
on_auth(struct stage *stage)
{
	struct lmtp_session *session = &stage->session;
	struct status why;

	note(stage, "auth ", session->identity);
	note(stage, " ", session->password);
	buf_add_string(&stage->transcript, "\n");
	(void)status_fail(&why, STATUS_LOOKUP_FAILED, "down");
	if (str_is(session->identity, "down"))
		lmtp_refuse(session, &why, &stage->out);
	else if (str_is(session->identity, "bob") &&
	    str_is(session->password, "secret"))
		lmtp_accept(session, &stage->out);
	else
		lmtp_deny(session, &stage->out);
}

static void
act(struct stage *stage, enum lmtp_event event)
{
	switch (event) {
	case LMTP_MAIL:
		on_mail(stage);
		break;
	case LMTP_RECIPIENT:
		on_recipient(stage);
		break;
	case LMTP_DATA:
		on_data(stage);
		break;
	case LMTP_TEXT:
		must(stage->session.text.length > 0, "text is empty");
		buf_add(&stage->transcript, stage->session.text);
		break;
	case LMTP_END:
		on_end(stage);
		break;
	case LMTP_AUTH:
		on_auth(stage);
		break;
	case LMTP_RESET:
		note(stage, "reset\n", str_from(NULL));
		break;
	case LMTP_CLOSE:
		note(stage, "close\n", str_from(NULL));
		break;
	case LMTP_FLUSH:
		must(stage->out.length > 0, "nothing is to be flushed");
		flush(stage);
		break;
	case LMTP_MORE:
		flush(stage);
		break;
	}
}

/* Until more is wanted, or nothing; answers whether more is. */
static bool
use(struct stage *stage, struct cursor *in)
{
	size_t idle = 0;

	for (;;) {
		size_t before = in->rest.length;
		enum lmtp_event event =
		    lmtp_next(&stage->session, in, &stage->out);

		act(stage, event);
		if (event == LMTP_MORE || event == LMTP_CLOSE)
			return event == LMTP_MORE;
		idle = in->rest.length < before ? 0 : idle + 1;
		must(idle < 3, "one event comes for ever");
	}
}

/* What was not used, and more of what is to come, at the end of memory of
 * its own, which the caller frees. */
static char *
receive(struct cursor *in, struct cursor *given, size_t most)
{
	struct str rest = in->rest, more;
	char *room;

	must(rest.length < LMTP_LINE_OCTETS, "a full line is not used");
	if (most == 0 || most > LMTP_LINE_OCTETS - rest.length)
		most = LMTP_LINE_OCTETS - rest.length;
	more = cursor_octets(given, most);
	room = room_of(rest.length + more.length);
	if (rest.length > 0)
		memcpy(room, rest.at, rest.length);
	memcpy(room + rest.length, more.at, more.length);
	*in = cursor_over(str_of(room, rest.length + more.length));
	return room;
}

static void
play_all(struct stage *stage, struct str given)
{
	struct cursor left = cursor_over(given), in = { { NULL, 0 } };
	size_t count = stage->play->first;
	bool wants_more = use(stage, &in);
	char *room = NULL;

	while (wants_more && !cursor_at_end(&left)) {
		char *used_room = room;

		room = receive(&in, &left, count);
		free(used_room);
		wants_more = use(stage, &in);
		count = stage->play->then;
	}
	free(room);
}

struct str
lmtp_play(struct lmtp_play *play, struct str given)
{
	static char transcript[TRANSCRIPT_OCTETS];
	size_t out_octets =
	    play->out_octets == 0 ? LMTP_REPLY_OCTETS + 1 : play->out_octets;
	struct stage *stage = room_of(sizeof(*stage));
	char *out_room = room_of(out_octets);

	stage->play = play;
	stage->refuses_data = false;
	play->replies = 0;
	buf_init(&stage->transcript, transcript, sizeof(transcript));
	buf_init(&stage->out, out_room, out_octets);
	lmtp_begin(&stage->session, &play->limits, "mx.example", &stage->out);
	play_all(stage, given);
	must(!stage->transcript.overflow, "the transcript is too long");
	play->end = stage->session.state;
	given = buf_str(&stage->transcript);
	free(out_room);
	free(stage);
	return given;
}
