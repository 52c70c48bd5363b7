/*
 * lmtp_reply.c - replies of an LMTP server, read as they come.
 *
 * Source: RFC 5321 section 4.2, RFC 2034.
 */
#include "wire/lmtp_reply.h"

#include "base/buf.h"
#include "base/number.h"

#include <string.h>

/* "250" at the beginning of a line, and whether it is followed by "-", because
 * more lines come.  False for anything else. */
static bool
take_code(struct cursor *in, int *code, bool *more)
{
	struct str digits = cursor_octets(in, 3);
	uint64_t number;

	if (digits.length < 3 || !number_read(digits, 599, &number) ||
	    number < 200)
		return false;
	*code = (int)number;
	*more = cursor_take(in, '-');
	return *more || cursor_at_end(in) || cursor_take(in, ' ');
}

static bool
is_short_number(struct str text)
{
	uint64_t number;

	return text.length <= 3 && number_read(text, 999, &number);
}

/* "5.1.1 " of the class that the code has; leaves in alone if there is none. */
static struct str
take_enhanced(struct cursor *in, int code)
{
	struct cursor ahead = *in;
	struct str whole = cursor_span_not(&ahead, " \t");
	struct cursor parts = cursor_over(whole);
	struct str class = cursor_until(&parts, '.');
	struct str subject = cursor_until(&parts, '.');

	if (class.length != 1 || class.at[0] - '0' != code / 100 ||
	    !is_short_number(subject) || !is_short_number(parts.rest))
		return str_of(NULL, 0);
	*in = ahead;
	return whole;
}

static void
add_text(struct lmtp_reply *reply, struct str text)
{
	struct buf joined = { .at = reply->text,
		.length = strlen(reply->text),
		.size = sizeof(reply->text) };

	if (joined.length > 0 && text.length > 0)
		buf_add_octet(&joined, ' ');
	/* A NUL would hide the rest. */
	for (size_t i = 0; i < text.length; i++)
		buf_add_octet(&joined, text.at[i] == '\0' ? ' ' : text.at[i]);
}

static enum lmtp_reply_state
fail(struct lmtp_reply *reply, const char *trouble, struct str line)
{
	add_text(reply, line);
	reply->trouble = trouble;
	return LMTP_REPLY_BROKEN;
}

/* A whole line, without its end. */
static enum lmtp_reply_state
take_line(struct lmtp_reply *reply, struct str *line)
{
	struct cursor in = cursor_over(*line);
	struct buf enhanced;
	bool more;
	int code;

	if (!take_code(&in, &code, &more))
		return fail(reply, "what it says is no reply", *line);
	if (reply->lines > 0 && code != reply->code)
		return fail(reply, "the lines of its reply differ", *line);
	*line = in.rest;
	reply->code = code;
	reply->lines++;
	/* That of the last line counts. */
	buf_init(&enhanced, reply->enhanced, sizeof(reply->enhanced));
	buf_add(&enhanced, take_enhanced(&in, code));
	add_text(reply, str_trim(in.rest));
	return more ? LMTP_REPLY_LINE : LMTP_REPLY_WHOLE;
}

/* Keeps what of a line's part there is room for. */
static void
keep_part(struct lmtp_reply *reply, struct str part)
{
	part = str_head(part, sizeof(reply->line) - reply->line_length);
	if (part.length > 0)
		memcpy(reply->line + reply->line_length, part.at, part.length);
	reply->line_length += part.length;
}

void
lmtp_reply_begin(struct lmtp_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
}

enum lmtp_reply_state
lmtp_reply_read(struct lmtp_reply *reply, struct cursor *in, struct str *line)
{
	bool ended = str_index(in->rest, '\n') != STR_NONE;
	struct str part = cursor_until(in, '\n');

	keep_part(reply, part);
	reply->octets += part.length + 1;
	if (reply->octets > LMTP_REPLY_MOST_OCTETS)
		return fail(reply, "its reply has no end", str_of(NULL, 0));
	if (!ended)
		return LMTP_REPLY_UNFINISHED;
	*line = str_of(reply->line, reply->line_length);
	reply->line_length = 0;
	if (str_ends(*line, "\r"))
		line->length--;
	return take_line(reply, line);
}
