/*
 * lmtp.h - the server's side of LMTP as a state machine over octets.
 *
 * Whoever holds the connection hands in what has come and sends what is put
 * out; whatever needs a decision (is this recipient known, what became of the
 * message) comes back as an event.  Nothing here waits, takes memory or knows
 * of mailboxes.
 *
 * Source: RFC 2033; RFC 5321 (grammar, 4.5.2 transparency, limits), RFC 1870
 * (SIZE), RFC 2034, RFC 2920, RFC 6152, RFC 6531, RFC 4954 (AUTH).
 */
#ifndef WIRE_LMTP_H
#define WIRE_LMTP_H

#include "base/buf.h"
#include "base/cursor.h"
#include "mail/status.h"
#include "wire/lmtp_framing.h"

#include <stdint.h>

/* The longest command line with its line end.  RFC 5321 wants 512 and what
 * extensions add; a path may be twice as long in UTF-8. */
#define LMTP_LINE_OCTETS ((size_t)4096)

/* Room that must be free in the output for a reply. */
#define LMTP_REPLY_OCTETS ((size_t)1024)

/* 0 for a count means none at all, not "as many as you like". */
struct lmtp_limits {
	uint64_t message_octets;  /* 0: none; told with SIZE */
	unsigned recipients;      /* of one transaction; more are 452 4.5.3 */
	unsigned commands;        /* between two messages; then 421 */
	unsigned free_recipients; /* since then, that are no commands */
	unsigned bad_commands;    /* of one connection; then 421 */
	bool offers_auth;         /* PLAIN and LOGIN are announced */
	bool needs_auth;          /* MAIL before AUTH is 430 4.7.0 */
};

enum lmtp_event {
	LMTP_MORE,      /* in is used up, but for part of a line: more octets */
	LMTP_FLUSH,     /* out is nearly full: send it, then call again */
	LMTP_MAIL,      /* sender and so on are set: accept or refuse */
	LMTP_RECIPIENT, /* recipient is set: accept or refuse */
	LMTP_DATA,      /* a message is to come: accept or refuse */
	LMTP_TEXT,      /* text is set: the next piece of the message */
	LMTP_END,       /* its end: one reply for each recipient, then done */
	LMTP_RESET,     /* any transaction is forgotten; already answered */
	LMTP_AUTH, /* identity and password are set: accept, deny or refuse */
	LMTP_CLOSE /* the last reply is put out: send it and close */
};

enum lmtp_state {
	LMTP_STATE_START, /* no LHLO yet */
	LMTP_STATE_IDLE,
	LMTP_STATE_MAIL, /* there is a sender */
	LMTP_STATE_TEXT, /* behind the 354 */
	LMTP_STATE_END,  /* behind the final dot: replies are due */
	LMTP_STATE_AUTH, /* in the middle of AUTH */
	LMTP_STATE_CLOSED
};

/* One connection.  What the slices point into is the session's and lives
 * until the next call of lmtp_next, text's until the input is moved. */
struct lmtp_session {
	struct lmtp_limits limits;
	const char *host; /* this machine's name, for 220 and 250 */
	enum lmtp_state state;
	unsigned accepted; /* recipients of this transaction */
	bool authenticated;
	/* LMTP_MAIL */
	struct str sender;        /* between the brackets, as it was written */
	uint64_t declared_octets; /* SIZE=; 0: not told */
	bool eight_bit;           /* BODY=8BITMIME */
	bool utf8;                /* SMTPUTF8 */
	/* LMTP_RECIPIENT */
	struct str recipient; /* the same; a source route is dropped */
	struct str mailbox;   /* its meaning: quotes and backslashes undone */
	struct str original;  /* of ORCPT=rfc822;... decoded; else empty */
	/* LMTP_TEXT */
	struct str text; /* as sent, but for the dots of transparency */
	/* LMTP_AUTH; the password is wiped as soon as that is decided */
	struct str identity; /* not empty, no control characters */
	struct str password;

	/* For Received: LHLO's word, of any octets but blanks and control
	 * characters; "" before. */
	char client[256];

	/* lmtp.c's own and its parts'. */
	enum lmtp_event due;         /* what accept and refuse answer */
	enum lmtp_framing framing;   /* of the message */
	int auth;                    /* of AUTH: enum in lmtp_auth.c */
	bool skipping;               /* in a command line that is too long */
	uint64_t skipped_octets;     /* of it */
	unsigned commands;           /* since the last message */
	unsigned free_recipients;    /* since then, that are no commands */
	unsigned bad_commands;       /* since the greeting */
	char line[LMTP_LINE_OCTETS]; /* the command's slices point here */
	char mailbox_room[LMTP_LINE_OCTETS];  /* for AUTH, the identity */
	char original_room[LMTP_LINE_OCTETS]; /* for AUTH, the password */
};

/* A new connection: puts out the greeting (220).  host lives as long as the
 * session. */
void lmtp_begin(struct lmtp_session *session, const struct lmtp_limits *limits,
    const char *host, struct buf *out);

/*
 * Goes on until something has to be decided or in is used up.  in holds what
 * has come and was not used yet, from a buffer of at least LMTP_LINE_OCTETS;
 * an unfinished command line stays in it.  Commands end with CRLF or LF; the
 * message only with CRLF.CRLF, and its lines may be of any length.
 *
 * out has more room than LMTP_REPLY_OCTETS.  Where less is left than that,
 * the answer is LMTP_FLUSH; after every other event the one reply that
 * belongs to it still fits, but for LMTP_END, where each wants that much.
 *
 * An event that has to be decided is decided before the next call; after
 * LMTP_END that is lmtp_done, and what the client has sent behind the final
 * dot stays in in.  After LMTP_CLOSE it is LMTP_CLOSE for ever.
 *
 * Commands are counted until a message is accepted at DATA.  Recipients that
 * are accepted do not count, those refused do.  Bad commands are those
 * that no client sends which has read RFC 2033, and those that fail to prove
 * who it is; not what follows from a refusal in a pipelined group.
 */
enum lmtp_event lmtp_next(
    struct lmtp_session *session, struct cursor *in, struct buf *out);

/* After LMTP_MAIL, LMTP_RECIPIENT, LMTP_AUTH: 250 (235).  After LMTP_DATA:
 * 354, and text is what follows. */
void lmtp_accept(struct lmtp_session *session, struct buf *out);

/*
 * After the same: the reply that why comes to; the session goes on.  A
 * recipient's has his path in it, as lmtp_reply's.  After LMTP_DATA the
 * transaction is over.  After LMTP_AUTH it is 454 4.7.0, whatever why is:
 * nobody could be asked.
 */
void lmtp_refuse(
    struct lmtp_session *session, const struct status *why, struct buf *out);

/* After LMTP_AUTH: identity and password are wrong, 535 5.7.8; counts as a
 * bad command. */
void lmtp_deny(struct lmtp_session *session, struct buf *out);

/* A reply for one recipient after LMTP_END: "250 2.0.0 <a@b> delivered",
 * "452 4.2.2 <a@b> mailbox is full".  path is made printable ASCII and is
 * cut, so that the line has 512 octets at most. */
void lmtp_reply(struct buf *out, struct str path, const struct status *why);

/* After the last of them: ready for the next transaction. */
void lmtp_done(struct lmtp_session *session);

/* Puts out a 421 with the enhanced code and text, whatever was due; the
 * session is closed.  Text is at most 256 octets of printable ASCII. */
void lmtp_give_up(struct lmtp_session *session, const char *code,
    const char *text, struct buf *out);

#endif
