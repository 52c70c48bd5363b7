/*
 * lmtp_transaction.h - one message by LMTP, to all its recipients.
 *
 * begin, add each recipient, open, text as it comes, close; then next gives
 * the recipients one after the other as their fates are known; end at any
 * time.  What goes wrong while the message comes in is told to each
 * recipient after its end, never in the middle.
 */
#ifndef SERVE_LMTP_TRANSACTION_H
#define SERVE_LMTP_TRANSACTION_H

#include "serve/job.h"
#include "serve/recipient.h"
#include "serve/spool.h"

/* Deliveries at a time. */
#define LMTP_WORKERS_MOST 16

struct lmtp_transaction {
	struct job_office *office; /* NULL: there is no transaction */
	struct str sender;
	bool utf8;
	struct recipient *first, *last;
	unsigned count;
	/* Set before open. */
	struct str client;      /* its name */
	const char *host;       /* ours */
	char *room;             /* MESSAGE_ROOM_OCTETS */
	const char *limit_name; /* message_size_limit, for causes */
	bool authenticated;

	struct spool spool;
	struct message_spool where;
	struct message_source source;
	struct message_limit limit;
	struct message_intake intake;
	struct message message;
	struct status why;  /* of the message as a whole */
	bool is_open;       /* a message is being received */
	bool prefix_is_all; /* all recipients have the same header fields */
	char *prefix_room;  /* for these fields */
	char id[17];        /* of this message, for Received */
	unsigned seconds;   /* that a delivery may take */
	struct recipient *to_start, *to_answer; /* NULL: none left */
	unsigned running;
};

void lmtp_transaction_begin(struct lmtp_transaction *at,
    struct job_office *office, struct str sender, bool utf8);

/* Looks the recipient up.  -1 with why: he is refused. */
int lmtp_transaction_add(struct lmtp_transaction *at, struct str path,
    struct str mailbox, struct str original, struct status *why) MUST_CHECK;

void lmtp_transaction_open(struct lmtp_transaction *at);
void lmtp_transaction_text(struct lmtp_transaction *at, struct str text);

/* The message is whole: deliveries begin, each may take seconds. */
void lmtp_transaction_close(struct lmtp_transaction *at, unsigned seconds);

/* The next recipient in order, once his fate is known, waiting for that; NULL
 * when there is none left. */
const struct recipient *lmtp_transaction_next(struct lmtp_transaction *at);

/* Whether lmtp_transaction_next would answer without waiting. */
bool lmtp_transaction_has_next(const struct lmtp_transaction *at);

/* Forgets all; what still runs is killed. */
void lmtp_transaction_end(struct lmtp_transaction *at);

#endif
