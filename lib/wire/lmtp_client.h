/*
 * lmtp_client.h - the client's side of LMTP as a state machine over octets:
 * one message to one recipient.
 *
 * Whoever holds the connection hands in what has come and sends what is put
 * out.  Nothing here waits, takes memory or knows of sockets.
 *
 * Source: RFC 2033, RFC 5321, RFC 1870 (SIZE), RFC 2920 (PIPELINING), RFC 4616
 * (PLAIN), RFC 4954 (AUTH), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8).
 */
#ifndef WIRE_LMTP_CLIENT_H
#define WIRE_LMTP_CLIENT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "wire/lmtp_reply.h"

#include <stdint.h>

/* The longest path, with its brackets: a detail may be four times as long as
 * a file's name, and each octet of it quoted. */
#define LMTP_CLIENT_PATH_OCTETS ((size_t)2560)

/* Of user, and of password. */
#define LMTP_CLIENT_SECRET_OCTETS ((size_t)255)

/* Room that must be free in the output before each call of
 * lmtp_client_next. */
#define LMTP_CLIENT_OUTPUT_OCTETS (2 * LMTP_CLIENT_PATH_OCTETS + 256)

/* What is to be said.  The slices live as long as the session; none holds a
 * control character. */
struct lmtp_client_mail {
	const char *host; /* this machine's name */
	struct str user;  /* for AUTH; empty: none */
	struct str password;
	struct str sender;    /* a path with its brackets: "<a@b>", "<>" */
	struct str recipient; /* the same */
	struct str fallback;  /* whom to take where recipient is refused for
			       * good; empty: nobody */
	uint64_t octets;      /* with CRLF line ends; 0: not known */
	bool eight_bit;       /* some octet is beyond ASCII */
	bool only_asks;       /* whether the recipient would be taken */
};

/* What the server has announced. */
struct lmtp_client_offers {
	bool pipelining;
	bool size;
	bool eight_bit;
	bool utf8;
	bool auth_plain;
	bool auth_login;
};

/* What was said last. */
enum lmtp_client_state {
	LMTP_CLIENT_GREETING, /* nothing yet */
	LMTP_CLIENT_LHLO,
	LMTP_CLIENT_AUTH, /* PLAIN, or the password of LOGIN */
	LMTP_CLIENT_AUTH_LOGIN,
	LMTP_CLIENT_AUTH_USER,
	LMTP_CLIENT_MAIL,
	LMTP_CLIENT_RCPT,
	LMTP_CLIENT_DATA,
	LMTP_CLIENT_END /* the final dot */
};

enum lmtp_client_event {
	LMTP_CLIENT_MORE,    /* send what is put out; more octets, please */
	LMTP_CLIENT_TEXT,    /* the message (lmtp_body.h), then _end */
	LMTP_CLIENT_TAKEN,   /* by the server, for good; only_asks: it would */
	LMTP_CLIENT_REFUSED, /* reply says why */
	LMTP_CLIENT_UNABLE,  /* the server lacks something: trouble says what */
	LMTP_CLIENT_BROKEN   /* no LMTP: trouble says what is wrong */
};

struct lmtp_client {
	struct lmtp_client_mail mail;
	enum lmtp_client_state state;
	struct lmtp_client_offers offers;
	struct lmtp_reply reply; /* the last one that was whole */
	bool fell_back;          /* fallback is the recipient */
	const char *trouble;     /* a constant */

	/* lmtp_client.c's own. */
	bool reply_ended;
	bool said_data;
};

/* A new connection: the server speaks first. */
void lmtp_client_begin(
    struct lmtp_client *client, const struct lmtp_client_mail *mail);

/* Takes all of in, or goes on until something has to be decided. */
enum lmtp_client_event lmtp_client_next(
    struct lmtp_client *client, struct cursor *in, struct buf *out);

/* Behind the message: puts out the dot, after which next tells its fate. */
void lmtp_client_end(struct lmtp_client *client, struct buf *out);

/* What the last reply answers, for people: "RCPT", "the message". */
const char *lmtp_client_said(const struct lmtp_client *client);

/*
 * Whether a refusal is about this mail, and will be the same tomorrow.  What a
 * server says of the dialogue (500, 503, 530 and their like), of us (AUTH) or
 * of itself (its greeting) is no fact about sender, recipient or message.
 */
bool lmtp_client_is_for_good(const struct lmtp_client *client);

#endif
