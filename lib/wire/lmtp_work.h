/*
 * lmtp_work.h - what the parts of the LMTP server share: lmtp.c (the order of
 * commands), lmtp_command.c (MAIL and RCPT), lmtp_auth.c, lmtp_say.c.
 */
#ifndef WIRE_LMTP_WORK_H
#define WIRE_LMTP_WORK_H

#include "wire/lmtp.h"

/* Puts out one line of a reply. */
void lmtp_say(struct buf *out, const char *reply);

/* Puts out what why comes to, without a path. */
void lmtp_say_status(struct buf *out, const struct status *why);

/* The ways in which a command line ends; each gives the event for it. */

/* One reply, and nothing to decide. */
enum lmtp_event lmtp_answer(const char *reply, struct buf *out);

/* The same for what no client says that knows the protocol.  Too much of it
 * comes from one that guesses or speaks another: then it is 421. */
enum lmtp_event lmtp_bad(
    struct lmtp_session *session, const char *reply, struct buf *out);

/* Somebody has to decide; accept and refuse put out the reply. */
enum lmtp_event lmtp_ask(struct lmtp_session *session, enum lmtp_event event);

/* The last reply of the session. */
enum lmtp_event lmtp_close(
    struct lmtp_session *session, const char *reply, struct buf *out);

/*
 * Each reads what stands behind its verb into the session's fields and
 * answers NULL, or the reply to what is no such command: then the fields hold
 * nothing of use.  in is a slice of the session's line.
 */
const char *lmtp_read_mail(struct lmtp_session *session, struct cursor *in);
const char *lmtp_read_rcpt(struct lmtp_session *session, struct cursor *in);

/* The command AUTH, and a line that comes in the middle of it. */
enum lmtp_event lmtp_auth(
    struct lmtp_session *session, struct cursor *in, struct buf *out);
enum lmtp_event lmtp_auth_line(
    struct lmtp_session *session, struct str said, struct buf *out);

/* AUTH is over, one way or the other: the password is wiped. */
void lmtp_auth_end(struct lmtp_session *session);

#endif
