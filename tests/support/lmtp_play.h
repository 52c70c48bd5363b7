/*
 * lmtp_play.h - one LMTP session from its octets to what became of them.
 *
 * The server's half is played by rules that a table of tests can write down:
 * the sender "refuse@x" and the recipients "unknown..." and "full..." are
 * refused, DATA is if the sender is "nodata@x"; "bob" with "secret" may come
 * in, "down" cannot be asked about, nobody else may.
 */
#ifndef SUPPORT_LMTP_PLAY_H
#define SUPPORT_LMTP_PLAY_H

#include "wire/lmtp.h"

struct lmtp_play {
	struct lmtp_limits limits;
	size_t first;      /* octets that come at first; 0: as many as fit */
	size_t then;       /* and each time after that */
	size_t out_octets; /* room for replies; 0: as little as may be */
	/* What the play leaves behind. */
	unsigned replies; /* the greeting's included */
	enum lmtp_state end;
};

/* Plenty of everything, no AUTH. */
struct lmtp_play lmtp_play_default(void);

/*
 * Plays given and returns what happened, a line for each thing: replies as
 * "250 2.1.0", those without an enhanced code in full, without their CRLF;
 * events as "mail SENDER", "rcpt PATH = MAILBOX (ORIGINAL)", "auth IDENTITY
 * PASSWORD", "reset", "close"; a message as "{TEXT}".  The slice lives until
 * the next call.
 *
 * Ends the test if a reply is not well formed, or nothing moves.  Whatever
 * the session is given lies at the very end of memory of its own.
 */
struct str lmtp_play(struct lmtp_play *play, struct str given);

#endif
