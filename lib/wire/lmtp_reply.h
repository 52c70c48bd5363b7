/*
 * lmtp_reply.h - replies of an LMTP server, read as they come.
 *
 * Source: RFC 5321 section 4.2 (and 4.2.1: several lines), RFC 2034 (enhanced
 * codes); postfix lmtp(8), for what to do with those that do not fit.
 */
#ifndef WIRE_LMTP_REPLY_H
#define WIRE_LMTP_REPLY_H

#include "base/cursor.h"

/* Of one line of a reply, and of all of them joined; what is longer is cut. */
#define LMTP_REPLY_LINE_OCTETS 512
#define LMTP_REPLY_TEXT_OCTETS 1024

/* Of all lines of one reply; a server that says more has lost its way. */
#define LMTP_REPLY_MOST_OCTETS ((size_t)64 * 1024)

struct lmtp_reply {
	int code;          /* three digits, 200 to 599 */
	char enhanced[12]; /* "5.1.1" of the same class; "" if there is none */
	char text[LMTP_REPLY_TEXT_OCTETS]; /* joined by blanks, no codes */
	unsigned lines;                    /* so far */
	/* Where it is broken: a constant; and text ends with that line. */
	const char *trouble;

	/* lmtp_reply.c's own: the line that is coming in. */
	char line[LMTP_REPLY_LINE_OCTETS];
	size_t line_length;
	size_t octets;
};

enum lmtp_reply_state {
	LMTP_REPLY_UNFINISHED, /* all octets are used: more, please */
	LMTP_REPLY_LINE,       /* one line of it, and more will come */
	LMTP_REPLY_WHOLE,      /* its last line */
	LMTP_REPLY_BROKEN      /* no reply: trouble says why */
};

/* No octet of a reply has come yet. */
void lmtp_reply_begin(struct lmtp_reply *reply);

/*
 * Takes octets from in up to the end of a line; line is what stands behind its
 * code, until the next call.  Lines end with CRLF or LF, and all of one reply
 * have the same code.
 */
enum lmtp_reply_state lmtp_reply_read(
    struct lmtp_reply *reply, struct cursor *in, struct str *line);

#endif
