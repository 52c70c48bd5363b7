/*
 * dovecot_auth.h - the userdb side of Dovecot's auth protocol.
 */
#ifndef WIRE_DOVECOT_AUTH_H
#define WIRE_DOVECOT_AUTH_H

#include "base/arena.h"
#include "base/buf.h"

enum dovecot_auth_answer {
	DOVECOT_AUTH_UNFINISHED, /* more lines are needed */
	DOVECOT_AUTH_USER,
	DOVECOT_AUTH_NOT_FOUND,
	DOVECOT_AUTH_FAILED, /* it could not tell */
	DOVECOT_AUTH_BROKEN  /* not what this protocol says */
};

/* Whether a name can be asked for: no TAB, line end or NUL, and short enough
 * for the server's limit of 1024 octets a line. */
bool dovecot_auth_can_ask(struct str user);

/* Adds our greeting and the request, which may go out together. */
void dovecot_auth_ask(struct buf *out, struct str user);

/*
 * Looks through what the server has said so far.  USER sets fields: what
 * stands behind the id, tab-separated, still escaped, the name first.
 */
enum dovecot_auth_answer dovecot_auth_read(struct str said, struct str *fields);

/* One field without its escapes, in the arena. */
struct str dovecot_auth_unescape(struct arena *arena, struct str field);

#endif
