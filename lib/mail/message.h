/*
 * message.h - one message, received once, in constant memory.
 *
 * Up to MESSAGE_MEMORY_OCTETS stay in memory; a longer message goes on into
 * a file that the destination opens, so that it is written to disk once.  On
 * the way in one leading From_ line is taken off and CRLF becomes LF; every
 * other octet is kept.  lda reads it from a descriptor (message_receive); the
 * LMTP server is handed piece after piece (message_begin).
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/arena.h"
#include "mail/status.h"

#include <stdint.h>
#include <sys/types.h>

#define MESSAGE_MEMORY_OCTETS ((size_t)128 * 1024)

/* Delivered-To fields that are remembered: far beyond what a mail that is
 * not in a loop has. */
#define MESSAGE_DELIVERED_MOST 100

/* What the beginning of the message says; slices live in the arena.  The
 * first four are believed only at the very top, where Postfix writes them:
 * further down anybody may have. */
struct message_facts {
	struct str from_line; /* the sender in the From_ line */
	bool has_from_line;
	struct str return_path;
	bool has_return_path;
	struct str original_to; /* X-Original-To */
	bool has_original_to;
	struct str delivered_to;
	bool has_delivered_to;
	struct str message_id;
	struct str subject;
	struct str from;
	struct str queue_id; /* from the topmost Received */
	unsigned hops;       /* Received fields */
	/* Delivered-To fields below the first Received: where it has been. */
	struct str *delivered;
	size_t delivered_count;
};

/*
 * A message is its prefix (header fields for this recipient alone), and behind
 * that what stands in memory or in shared.  Only file holds all of it, the
 * prefix too.
 */
struct message {
	struct str prefix;
	struct str memory; /* if both descriptors are -1 */
	int file;          /* the spool's, owned by whoever opened it */
	int shared;        /* a spool that several deliveries read, by offset */
	bool may_link;     /* and may give a name, instead of copying it */
	uint64_t size_octets;
	uint64_t crlf_octets; /* with every LF as CRLF (Maildir's W=) */
	bool ends_line;       /* its last octet is a LF */
	uint64_t read_octets; /* as they came in */
	struct message_facts facts;
};

/* No message yet. */
void message_init(struct message *message);

/* Puts fields in front of a message that has no prefix yet. */
void message_put_before(struct message *message, struct str prefix);

#define MESSAGE_NO_LIMIT UINT64_MAX

/* A size that the message must not exceed, and what it comes to if it does. */
struct message_limit {
	uint64_t octets; /* MESSAGE_NO_LIMIT: none */
	enum status_id id;
	bool of_file;     /* also of a file that the message is added to */
	const char *name; /* "message_size_limit (/etc/lda.conf:7)" */
};

/* Where a long message goes.  open returns a descriptor for writing, or -1
 * with why. */
struct message_spool {
	int (*open)(void *context, struct status *why);
	void *context;
	const char *name; /* for causes: "/home/bob/Maildir/tmp" */
};

/* What may stay in memory, one octet that tells that there is more, and one CR
 * that is held back. */
#define MESSAGE_ROOM_OCTETS (MESSAGE_MEMORY_OCTETS + 2)

struct message_source {
	int fd;           /* read to its end */
	const char *name; /* for causes: "standard input" */
	bool strip_from_line;
	bool strip_return_path; /* one at the very top: ours takes its place */
	bool by_offset;         /* a file that others read, too */
	bool may_be_empty;
	struct str prefix; /* lines, put before it; without CR */
	/* MESSAGE_ROOM_OCTETS that are lent; NULL: they come from the arena. */
	char *room;
};

/*
 * Reads the whole message; the memory is the arena's.  Fails: the source cannot
 * be read (trouble); it is empty (trouble: a broken caller); a limit is
 * exceeded; the spool cannot be opened or written; the deadline has passed.
 * What the spool opened is for the caller to remove.
 */
int message_receive(struct message *message, const struct message_source *from,
    const struct message_limit *limits, size_t limit_count,
    const struct message_spool *spool, struct arena *arena,
    struct status *why) MUST_CHECK;

/* None of the limits is below the size of the message; or -1. */
int message_check_limits(const struct message *message,
    const struct message_limit *limits, size_t limit_count,
    struct status *why) MUST_CHECK;

/* A message that comes in pieces; message.c's own. */
struct message_intake {
	struct message *message;
	const struct message_source *from; /* its descriptor is not read */
	const struct message_limit *limits;
	size_t limit_count;
	const struct message_spool *spool;
	struct arena *arena;
	char *room;
	size_t length; /* octets of room that are message */
	bool held_cr;  /* one CR read whose follower is not known */
	bool keeps_cr; /* some CR was no part of a line end */
	char last;     /* last octet of the message so far */
	bool at_end;
	bool head_seen;
	off_t offset; /* for by_offset */
};

/*
 * The same in pieces: begin, add as often as there is something, end.  All
 * that is pointed to must live until the end; after a failure nothing may be
 * added.
 */
void message_begin(struct message_intake *intake, struct message *message,
    const struct message_source *from, const struct message_limit *limits,
    size_t limit_count, const struct message_spool *spool, struct arena *arena);
int message_add(struct message_intake *intake, struct str piece,
    struct status *why) MUST_CHECK;
int message_end(struct message_intake *intake, struct status *why) MUST_CHECK;

#endif
