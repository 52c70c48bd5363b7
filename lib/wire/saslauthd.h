/*
 * saslauthd.h - the question whether a password is right, as Cyrus SASL's
 * saslauthd takes it.
 */
#ifndef WIRE_SASLAUTHD_H
#define WIRE_SASLAUTHD_H

#include "base/buf.h"

enum saslauthd_answer {
	SASLAUTHD_UNFINISHED, /* more octets are needed */
	SASLAUTHD_RIGHT,
	SASLAUTHD_WRONG,
	SASLAUTHD_BROKEN /* not what this protocol says */
};

/* Adds the question: four counted strings.  False where one is too long. */
bool saslauthd_ask(struct buf *out, struct str user, struct str password,
    struct str service) MUST_CHECK;

/* Looks at what the server has said so far. */
enum saslauthd_answer saslauthd_read(struct str said);

#endif
