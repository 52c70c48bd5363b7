/*
 * lmtp_framing.h - where a message ends that comes behind DATA.
 */
#ifndef WIRE_LMTP_FRAMING_H
#define WIRE_LMTP_FRAMING_H

#include "base/attribute.h"
#include "base/cursor.h"

/* What stands before the next octet.  A message begins with FRAMING_LINE:
 * the line end of DATA counts. */
enum lmtp_framing {
	FRAMING_LINE,   /* CRLF */
	FRAMING_MIDDLE, /* anything else */
	FRAMING_CR,     /* CR */
	FRAMING_DOT,    /* CRLF and a dot, which is no text in any case */
	FRAMING_DOT_CR, /* the same and CR, which is held back */
	FRAMING_END     /* CRLF.CRLF: the message is over */
};

/*
 * Takes the next piece of text, as large as it can be, out of in.  Text is a
 * slice of in, or of a constant for what was held back where the input was
 * split.  Every octet passes unchanged but for one dot at the start of a line
 * (RFC 5321, 4.5.2); only CRLF begins a line.  False: there is no text, and
 * either framing is FRAMING_END and in stands behind the message, or in is
 * used up.
 */
bool lmtp_framing_text(
    enum lmtp_framing *framing, struct cursor *in, struct str *text) MUST_CHECK;

#endif
