/*
 * lmtp_body.h - a message on its way to an LMTP server: LF becomes CRLF, and
 * a dot that begins a line is doubled.
 *
 * Source: RFC 5321 sections 2.3.8 and 4.5.2.
 */
#ifndef WIRE_LMTP_BODY_H
#define WIRE_LMTP_BODY_H

#include "base/buf.h"
#include "base/cursor.h"

/* Where the message is; all zero at its beginning. */
struct lmtp_body {
	bool in_line; /* something stands in the present line */
	bool held_cr; /* one CR whose follower is not known */
};

/*
 * Adds as much of in as is sure to fit into out, which has room for at least
 * LMTP_BODY_GROWTH octets.  No LF goes out without a CR before it and a dot
 * behind it doubled, so no message can end itself.  A CR that stands alone
 * goes as it is, but as a blank before a dot: a server that takes it for a
 * line end would see the end of the message there.
 */
void lmtp_body_add(struct lmtp_body *body, struct cursor *in, struct buf *out);

/* What one octet may become. */
#define LMTP_BODY_GROWTH 3

/* Ends the last line, if it has no end. */
void lmtp_body_end(struct lmtp_body *body, struct buf *out);

#endif
