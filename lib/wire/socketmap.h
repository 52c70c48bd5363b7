/*
 * socketmap.h - the table look-up protocol of Postfix and Sendmail.
 */
#ifndef WIRE_SOCKETMAP_H
#define WIRE_SOCKETMAP_H

#include "base/buf.h"

enum socketmap_answer {
	SOCKETMAP_OK,        /* and data */
	SOCKETMAP_NOT_FOUND, /* the server is sure */
	SOCKETMAP_TROUBLE    /* TEMP, TIMEOUT, PERM: and why */
};

/* Adds the request for key in the map called name. */
void socketmap_ask(struct buf *out, struct str name, struct str key);

/*
 * Takes the text of a reply apart.  Returns false for a word that the
 * protocol does not have.
 */
bool socketmap_read(
    struct str reply, enum socketmap_answer *answer, struct str *data);

#endif
