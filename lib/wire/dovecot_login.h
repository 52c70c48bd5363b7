/*
 * dovecot_login.h - the question whether a password is right, as Dovecot's
 * auth server takes it from its clients.
 */
#ifndef WIRE_DOVECOT_LOGIN_H
#define WIRE_DOVECOT_LOGIN_H

#include "base/buf.h"

#include <stdint.h>

enum dovecot_login_answer {
	DOVECOT_LOGIN_UNFINISHED, /* more octets are needed */
	DOVECOT_LOGIN_RIGHT,
	DOVECOT_LOGIN_WRONG,
	DOVECOT_LOGIN_TROUBLE, /* it could not tell */
	DOVECOT_LOGIN_BROKEN   /* not what this protocol says */
};

/* Adds our greeting and the question, which may go out together.  False where
 * there is no room. */
bool dovecot_login_ask(struct buf *out, int64_t pid, struct str user,
    struct str password) MUST_CHECK;

/* Looks through what the server has said so far. */
enum dovecot_login_answer dovecot_login_read(struct str said);

#endif
