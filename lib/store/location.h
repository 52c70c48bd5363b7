/*
 * location.h - where a user's mail is: the value of mail_location taken apart.
 */
#ifndef STORE_LOCATION_H
#define STORE_LOCATION_H

#include "base/arena.h"
#include "mail/status.h"

struct location {
	struct str driver;        /* "maildir", "mbox", "lmtp", "auto" */
	struct str path;          /* not expanded; empty: not given */
	struct str inbox;         /* INBOX=, not expanded; empty: not given */
	struct str control;       /* CONTROL=, not expanded */
	struct str subscriptions; /* SUBSCRIPTIONS=, a file's name */
	bool layout_fs;           /* LAYOUT=fs */
	bool utf8;                /* folder names on disk are UTF-8 */
};

/*
 * Takes "driver:path:KEY=value..." apart ("::" stands for a colon; behind
 * "lmtp:" all is path).  Slices live in the arena.  The driver is not judged.
 * Fails with STATUS_MISCONFIGURED for a key that would change where mail goes
 * and is not known here.
 */
int location_parse(struct str text, struct arena *arena, struct location *into,
    struct status *why) MUST_CHECK;

/* Whether text is "unix:PATH", the path absolute, or "inet:HOST:PORT", the host
 * numeric or localhost: nobody asks the DNS. */
bool location_is_server(struct str text);

#endif
