/*
 * lmtp_work.h - the state of one message that is handed to another server, and
 * who does what with it: for the lmtp*.c files, nobody else.
 */
#ifndef STORE_LMTP_WORK_H
#define STORE_LMTP_WORK_H

#include "store/store.h"
#include "wire/lmtp_body.h"
#include "wire/lmtp_client.h"

/* For each answer before the dot; delivery_timeout usually ends it before. */
#define LMTP_ANSWER_US ((int64_t)300 * 1000000)

/* One send; of what comes at most so much at a time. */
#define LMTP_OUTPUT_OCTETS ((size_t)64 * 1024)
#define LMTP_INPUT_OCTETS ((size_t)4096)

/* Of what a server says, in causes. */
#define LMTP_SAID_OCTETS 300

struct handover {
	const char *where; /* "unix:/run/lmtp" */
	int fd;            /* -1: not connected */
	int spool;         /* a message too long for memory, -1: none */
	bool in_text;      /* a command would be taken for mail */
	bool says_dot;     /* whatever fails now, the server may have it */
	struct lmtp_client client;
	struct lmtp_body body;
	struct buf in;
	struct buf out;
	struct buf paths; /* what client.mail points into */
	struct buf said;  /* the last reply, for people */
	struct str password;
	char host[256];
	/* The message, looked through. */
	bool eight_bit;
	char last;
	bool reading; /* the spool, when something failed */
	/* lda -t: what the conversation has come to. */
	bool asked;
	struct status answer;
};

/* lmtp_client.c: the message. */

/* The store's open: takes all memory, and connects to nobody. */
int handover_open(struct delivery *delivery, struct status *why) MUST_CHECK;

/* Connects, and prepares to say whom and what it is about; the addresses in
 * facts are filled in. */
int handover_begin(struct delivery *delivery,
    const struct lmtp_client_mail *facts, struct status *why) MUST_CHECK;

/* lmtp_talk.c: the conversation, and what each end of it means. */

int handover_connect(struct handover *at, struct status *why) MUST_CHECK;

/* Goes on until the message may be sent, or is taken; -1 where it is refused
 * or the server fails.  Each answer may take wait_us microseconds. */
int handover_talk(
    struct delivery *delivery, int64_t wait_us, struct status *why) MUST_CHECK;

/* Sends what stands in out, and empties it; -1 with errno. */
int handover_send_out(struct handover *at) MUST_CHECK;

/* Before the dot: fails where the server speaks now or has gone, for then it
 * has not taken the message, and what it says is no answer to the dot. */
int handover_check_silence(struct handover *at, struct status *why) MUST_CHECK;

/* These say why, and are -1.  After a call on the connection, errno tells;
 * while the message is sent, so may the spool, or the server's last words. When
 * we are to stop, id is what it comes to if the time is over. */
int handover_fail_of_call(
    struct handover *at, const char *verb, struct status *why);
int handover_fail_of_body(struct handover *at, struct status *why);
int handover_fail_of_stop(struct handover *at, const char *verb,
    enum status_id id, struct status *why);

/* Keeps the last reply, for people: "550 5.1.1 no such user". */
void handover_note_reply(struct handover *at);

/* Closes the connection, if there is one.  The words are not waited for, and
 * nobody's loss if they do not arrive. */
void handover_say_goodbye(struct handover *at, const char *words);

/* lmtp_explain.c: lda -t. */
int handover_probe(struct delivery *delivery, struct status *why) MUST_CHECK;
void handover_explain(struct delivery *delivery, struct buf *out);

#endif
