/*
 * sasl.h - whether a client's password is right: asked of a server that keeps
 * passwords, never kept here.
 */
#ifndef SERVE_SASL_H
#define SERVE_SASL_H

#include "mail/status.h"

enum sasl_answer {
	SASL_RIGHT,
	SASL_WRONG,
	SASL_TROUBLE /* could not ask: why says what kept us */
};

/* Whether where ("dovecot:PATH", "saslauthd:PATH") names a server that can be
 * asked. */
int sasl_check(const char *where, struct status *why) MUST_CHECK;

enum sasl_answer sasl_ask(const char *where, struct str user,
    struct str password, struct status *why) MUST_CHECK;

#endif
