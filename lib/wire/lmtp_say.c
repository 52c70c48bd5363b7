/*
 * lmtp_say.c - the LMTP server's replies.
 *
 * Source: RFC 5321, 4.2 and 4.5.3.1.5; RFC 2034.
 */
#include "base/text.h"
#include "wire/lmtp_work.h"

/* RFC 5321, 4.5.3.1.5: the longest reply line, with code and line end. */
#define LINE_OCTETS ((size_t)512)

/* What lmtp_reply puts around the words of why and the path: "250 ", " <",
 * ">" and CRLF; what add_path may add beyond its limit: three octets of
 * "\xHH", and "...". */
#define FRAME_OCTETS ((size_t)(4 + 2 + 1 + 2 + 3 + 3))

_Static_assert(STATUS_REPLY_OCTETS + FRAME_OCTETS < LINE_OCTETS,
    "code and reason are never cut");

void
lmtp_say(struct buf *out, const char *reply)
{
	buf_print(out, "%s\r\n", reply);
}

void
lmtp_say_status(struct buf *out, const struct status *why)
{
	buf_print(out, "%d ", status_row(why->id)->lmtp);
	status_print_reply(why, out);
	buf_add_string(out, "\r\n");
}

enum lmtp_event
lmtp_answer(const char *reply, struct buf *out)
{
	lmtp_say(out, reply);
	return LMTP_MORE;
}

enum lmtp_event
lmtp_close(struct lmtp_session *session, const char *reply, struct buf *out)
{
	lmtp_say(out, reply);
	session->state = LMTP_STATE_CLOSED;
	session->due = LMTP_MORE;
	return LMTP_CLOSE;
}

enum lmtp_event
lmtp_bad(struct lmtp_session *session, const char *reply, struct buf *out)
{
	if (session->bad_commands >= session->limits.bad_commands)
		return lmtp_close(
		    session, "421 4.7.0 too many bad commands", out);
	session->bad_commands++;
	return lmtp_answer(reply, out);
}

enum lmtp_event
lmtp_ask(struct lmtp_session *session, enum lmtp_event event)
{
	session->due = event;
	return event;
}

/* ASCII alone: a log or a bounce further up may not take more. */
static void
add_path(struct buf *out, struct str path, size_t most)
{
	size_t begin = out->length, at = 0;

	/* One octet at a time is UTF-8 only where it is ASCII. */
	for (; at < path.length && out->length - begin < most; at++)
		text_word(out, str_of(path.at + at, 1), most, "<>");
	if (at < path.length)
		buf_add_string(out, "...");
}

void
lmtp_reply(struct buf *out, struct str path, const struct status *why)
{
	char room[STATUS_REPLY_OCTETS];
	struct cursor words;
	struct buf reply;

	buf_init(&reply, room, sizeof(room));
	status_print_reply(why, &reply);
	words = cursor_over(buf_str(&reply));
	buf_print(out, "%d ", status_row(why->id)->lmtp);
	buf_add(out, cursor_until(&words, ' '));
	buf_add_string(out, " <");
	add_path(out, path, LINE_OCTETS - FRAME_OCTETS - reply.length);
	buf_add_string(out, "> ");
	buf_add(out, words.rest);
	buf_add_string(out, "\r\n");
}
