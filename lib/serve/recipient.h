/*
 * recipient.h - one recipient of one message that comes by LMTP.
 */
#ifndef SERVE_RECIPIENT_H
#define SERVE_RECIPIENT_H

#include "serve/worker.h"
#include "user/user.h"

struct job;

enum recipient_state {
	RECIPIENT_WAITING, /* nothing has been begun */
	RECIPIENT_RUNNING,
	RECIPIENT_FINISHED /* why says how */
};

struct recipient {
	struct recipient *next;    /* in the order of the RCPT commands */
	struct recipient *same_as; /* named twice, delivered once; or NULL */
	struct str path;     /* as it was written, for replies and headers */
	struct str mailbox;  /* whom that means: what -d would be */
	struct str original; /* before rewriting, if somebody told; or empty */
	struct user user;    /* found at RCPT, where has_user */
	bool has_user;
	enum recipient_state state;
	struct job *job; /* when the message is there; not for same_as */
	struct worker worker;
	struct status why;
};

#endif
