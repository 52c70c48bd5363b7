/*
 * message.h - one message, received once, in constant memory.
 *
 * Up to MESSAGE_MEMORY_OCTETS stay in memory; a longer message goes on into
 * a file that the destination opens, so that it is written to disk once.  On
 * the way in one leading From_ line is taken off and CRLF becomes LF; every
 * other octet is kept.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/arena.h"
#include "mail/status.h"

#include <stdint.h>

#define MESSAGE_MEMORY_OCTETS ((size_t)128 * 1024)

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
};

struct message {
	struct str memory; /* all of it, if file is -1 */
	int file;          /* the spool's, owned by whoever opened it */
	uint64_t size_octets;
	uint64_t crlf_octets; /* with every LF as CRLF (Maildir's W=) */
	struct message_facts facts;
};

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

struct message_source {
	int fd;           /* read to its end */
	const char *name; /* for causes: "standard input" */
	bool strip_from_line;
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

#endif
