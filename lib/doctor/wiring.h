/*
 * wiring.h - the ways in which Postfix starts lda, or speaks with it.
 */
#ifndef DOCTOR_WIRING_H
#define DOCTOR_WIRING_H

#include "base/arena.h"
#include "base/buf.h"
#include "doctor/postconf.h"

enum way_kind {
	WAY_PIPE,    /* a pipe(8) service runs lda */
	WAY_COMMAND, /* a local(8) service has lda as mailbox_command */
	WAY_SERVER,  /* a spawn(8) service runs lda-lmtp */
	WAY_VERIFY,  /* a spawn(8) service runs lda-verify */
	WAY_LMTP     /* lmtp(8) speaks with an lda-lmtp */
};

/* The addresses whose mail goes a way. */
enum way_class {
	WAY_VIRTUAL = 1, /* virtual_transport */
	WAY_LOCAL = 2,   /* local_transport, or local(8) */
	WAY_RELAY = 4,   /* relay_transport */
	WAY_FALLBACK = 8 /* fallback_transport: also WAY_LOCAL */
};

struct way {
	enum way_kind kind;
	unsigned classes; /* of enum way_class */
	bool is_mailbox_transport;
	struct postconf_service service; /* of WAY_LMTP: the client's */
	struct str program;              /* as it stands there */
	struct str words;                /* its arguments; of WAY_COMMAND all */
	struct str next_hop;             /* of WAY_LMTP */
	struct str setting;              /* of WAY_LMTP: which names it */
};

/* More services and transports than anybody has. */
#define WAYS_MOST 64

/* A transport whose service master.cf does not have. */
struct way_missing {
	const char *setting;
	struct str service;
};

struct wiring {
	struct way ways[WAYS_MOST];
	size_t count;
	struct way_missing missing[8];
	size_t missing_count;
};

/* Finds them all; into is the caller's. */
void wiring_find(const struct postconf *postconf, struct wiring *into);

/* The value of an attribute (user=, flags=) of a pipe(8) or spawn(8) service.
 * False where it is not there. */
bool wiring_attribute(const struct postconf_service *service, const char *name,
    struct str *value);

/* Which of our programs path is: "lda", "lda-relay", "lda-lmtp",
 * "lda-verify"; NULL: none. */
const char *wiring_program(struct str path);

/* A line on each. */
void wiring_print(const struct wiring *wiring, struct buf *out);

#endif
