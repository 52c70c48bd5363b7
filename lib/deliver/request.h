/*
 * request.h - what the caller of a delivery said: flags and environment.
 */
#ifndef DELIVER_REQUEST_H
#define DELIVER_REQUEST_H

#include "mail/envelope.h"

struct deliver_request {
	struct envelope_claim user;      /* -d */
	struct envelope_claim folder;    /* -m; empty is not given */
	const char *message_path;        /* -p, or NULL: standard input */
	struct envelope_claims envelope; /* -f -a -r, and local(8)'s */
	struct envelope_claim environment_user;   /* USER */
	struct envelope_claim environment_home;   /* HOME */
	struct envelope_claim environment_detail; /* EXTENSION */
	bool under_postfix;                       /* MAIL_CONFIG is set */
	/* Asked by lda-lmtp: a message that goes round is a loop. */
	bool by_lmtp;
	struct str delivered_to; /* what our Delivered-To says, or empty */
	const struct message *message;       /* received already; NULL: */
	const struct message_source *source; /* it comes from here; NULL: */
					     /* -p, or standard input */
};

#endif
