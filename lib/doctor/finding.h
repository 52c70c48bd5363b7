/*
 * finding.h - what can be wrong between Postfix and lda: ONE TABLE of
 * findings.
 */
#ifndef DOCTOR_FINDING_H
#define DOCTOR_FINDING_H

#include "base/arena.h"
#include "base/buf.h"

enum finding_id {
	/* pipe(8), spawn(8): the service in master.cf */
	FINDING_RECIPIENT_LIMIT,
	FINDING_TIME_LIMIT,
	FINDING_HEADER_MISSING,
	FINDING_HEADER_TWICE,
	FINDING_MESSAGE_CHANGED,
	FINDING_CASE_KEPT,
	FINDING_NULL_SENDER,
	FINDING_GLUED_SENDER,
	FINDING_EMPTY_USER,
	FINDING_NO_RECIPIENT,
	FINDING_QUESTION_LEFT,
	FINDING_CHROOT,
	FINDING_UNPRIVILEGED,
	FINDING_SERVICE_USER,
	FINDING_PROCESS_LIMIT,
	FINDING_PROGRAM,
	/* local(8): mailbox_command */
	FINDING_SHELL,
	FINDING_NO_PATH,
	FINDING_FILE_LIMIT,
	FINDING_DELIVERED_TO,
	FINDING_SETTINGS_HIDDEN,
	FINDING_NOT_REACHED,
	/* lmtp(8) */
	FINDING_ANSWER_TIME,
	FINDING_LINE_LENGTH,
	FINDING_NO_SERVER,
	FINDING_NO_SERVICE,
	FINDING_SOCKET_HIDDEN,
	/* who exists */
	FINDING_UNKNOWN_USERS,
	FINDING_EVERYBODY,
	FINDING_UNVERIFIED_CODE,
	FINDING_FALLBACK_REFUSED,
	FINDING_DOMAINS_ASKED,
	FINDING_DOMAIN_TWICE,
	FINDING_DOMAIN_UNKNOWN,
	FINDING_DELIMITER,
	/* this machine */
	FINDING_EXPORT,
	FINDING_SETGID_LOST,
	FINDING_SETGID_GROUP,
	FINDING_SPOOL_DIRECTORY,
	FINDING_SETUID_OPEN,
	FINDING_LOG_SOCKET,

	FINDING_COUNT
};

/* Where findings are written, and how many there were. */
#define FINDINGS_KNOWN 100

struct findings {
	struct buf *out;
	struct arena *arena; /* what was seen lives there */
	size_t count;
	struct {
		enum finding_id id;
		const char *seen;
	} known[FINDINGS_KNOWN]; /* not to be told again */
};

/*
 * Writes one: its word and what was seen (printf), why it matters, from the
 * table, and the line that mends it; write holds one line or several.  The
 * same thing seen twice is one finding.
 */
void finding_add(struct findings *findings, enum finding_id id,
    const char *write, const char *seen, ...) PRINTF(4, 5);

/* The word of the table, for the manual and its test. */
const char *finding_word(enum finding_id id);

#endif
