/*
 * lmtp_command.h - the grammar of MAIL and RCPT, for lmtp.c alone.
 */
#ifndef WIRE_LMTP_COMMAND_H
#define WIRE_LMTP_COMMAND_H

#include "wire/lmtp.h"

/*
 * Each reads what stands behind its verb into the session's fields and
 * answers NULL, or the reply to what is no such command: then the fields hold
 * nothing of use.  in is a slice of the session's line.
 */
const char *lmtp_read_mail(struct lmtp_session *session, struct cursor *in);
const char *lmtp_read_rcpt(struct lmtp_session *session, struct cursor *in);

#endif
