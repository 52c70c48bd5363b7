/*
 * lmtp_body.c - a message on its way to an LMTP server.
 *
 * The attack is SMTP smuggling: mail that holds what a lenient server takes
 * for "CRLF . CRLF", and behind it commands.
 *
 * Source: RFC 5321 sections 2.3.8 and 4.5.2; CVE-2023-51764 and its like.
 */
#include "wire/lmtp_body.h"

static void
end_line(struct lmtp_body *body, struct buf *out)
{
	if (body->held_cr)
		buf_add_octet(out, '\r');
	buf_add_string(out, "\r\n");
	body->held_cr = body->in_line = false;
}

static void
add_octet(struct lmtp_body *body, char c, struct buf *out)
{
	if (c == '\n') {
		end_line(body, out);
		return;
	}
	if (body->held_cr)
		buf_add_octet(out, c == '.' ? ' ' : '\r');
	body->held_cr = c == '\r';
	if (c == '.' && !body->in_line)
		buf_add_octet(out, '.');
	if (c != '\r')
		buf_add_octet(out, c);
	body->in_line = true;
}

/* In the middle of a line most octets are just themselves. */
static void
add_run(struct cursor *in, struct buf *out, size_t room)
{
	struct str run = str_head(in->rest, room);

	run = str_head(run, str_index(run, '\n'));
	run = str_head(run, str_index(run, '\r'));
	buf_add(out, cursor_octets(in, run.length));
}

static size_t
room_of(const struct buf *out)
{
	return out->size - 1 - out->length;
}

void
lmtp_body_add(struct lmtp_body *body, struct cursor *in, struct buf *out)
{
	while (!cursor_at_end(in) && room_of(out) >= LMTP_BODY_GROWTH) {
		add_octet(body, cursor_octets(in, 1).at[0], out);
		if (body->in_line && !body->held_cr)
			add_run(in, out, room_of(out));
	}
}

void
lmtp_body_end(struct lmtp_body *body, struct buf *out)
{
	if (body->in_line)
		end_line(body, out);
}
