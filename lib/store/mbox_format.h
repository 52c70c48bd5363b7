/*
 * mbox_format.h - a message as it stands in an mbox (mboxrd).
 *
 * Lines that begin with any number of ">" and "From " get one more ">", so
 * that no body ends its message; header fields by which mail stores talk to
 * themselves are left out, because anybody can send them.
 */
#ifndef STORE_MBOX_FORMAT_H
#define STORE_MBOX_FORMAT_H

#include "base/buf.h"

#include <stdint.h>
#include <time.h>

/* Where the octets go; returns 0, or -1 with errno. */
struct mbox_sink {
	int (*put)(void *context, struct str text);
	void *context;
};

/* A line by RFC 5322: what is longer is no field that a reader believes. */
#define MBOX_HELD_OCTETS 1000

/* The state between two pieces of one message. */
struct mbox_format {
	const struct mbox_sink *sink;
	char held[MBOX_HELD_OCTETS]; /* beginning of a line, undecided */
	size_t held_length;
	bool in_header;
	bool at_line_start; /* held may still be decided */
	bool quoted;        /* the line began with ">" */
	bool name_ended;    /* a blank stood behind the field's name */
	bool too_long;      /* part of held has been let go */
	bool dropping;      /* the field is left out */
	bool ended_line;    /* last octet put was "\n" */
};

void mbox_format_init(struct mbox_format *format, const struct mbox_sink *sink);

/* The next piece of the message, of any length. */
int mbox_format_add(struct mbox_format *format, struct str text);

/* The end: a missing "\n" and the empty line. */
int mbox_format_end(struct mbox_format *format);

/*
 * Adds "From sender  Www Mmm dd hh:mm:ss yyyy\n" (RFC 4155; local time, as
 * Postfix writes it).  An empty sender is MAILER-DAEMON; controls become "?".
 */
void mbox_format_from_line(struct buf *into, struct str sender, time_t seconds);

#endif
