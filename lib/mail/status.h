/*
 * status.h - what a delivery can come to, and how each outcome is told.
 *
 * Whoever understands a failure writes it here once, as it happens: which
 * outcome it is and its cause.  One table joins the outcome to the exit
 * status, to the enhanced code (RFC 3463) and to the LMTP reply.  The cause
 * (paths, errno, uids) is for the log; the reply may reach the sender.
 *
 * Only facts about the recipient or the message are permanent: Postfix
 * bounces all of sysexits but 71 and 75.
 */
#ifndef MAIL_STATUS_H
#define MAIL_STATUS_H

#include "base/attribute.h"
#include "base/buf.h"

enum status_id {
	STATUS_DELIVERED,
	STATUS_USER_UNKNOWN,          /* authoritatively */
	STATUS_MESSAGE_TOO_BIG,       /* message_size_limit */
	STATUS_MAILBOX_FULL,          /* quota, or mailbox_size_limit */
	STATUS_MAILBOX_FULL_FOR_GOOD, /* the same, quota_full_tempfail = no */
	STATUS_FILE_LIMIT,            /* RLIMIT_FSIZE is in the way */
	STATUS_LOOP,
	STATUS_REJECTED, /* by the recipient's filter */
	STATUS_LOCKED,
	STATUS_UNREACHABLE, /* home or mail root missing or forbidden */
	STATUS_DISK_FULL,
	STATUS_DISK_QUOTA,    /* the file system's */
	STATUS_LOOKUP_FAILED, /* could not ask who the user is */
	/* Of a server that the mail is handed on to (mail_location = lmtp:). */
	STATUS_SERVER_DEFERS,  /* its words and its code */
	STATUS_SERVER_REFUSES, /* the same, for good */
	STATUS_SERVER_AWAY,    /* no connection */
	STATUS_SERVER_LOST,    /* it ended, or nothing came */
	STATUS_SERVER_BABBLES, /* what it says is no LMTP */
	STATUS_TROUBLE,        /* I/O, memory, time, bug */
	STATUS_MISCONFIGURED   /* usage or configuration, not the mailbox */
};

/* Postfix keeps 4096 octets of output; a reply stays far below it. */
#define STATUS_REPLY_OCTETS 400
#define STATUS_CAUSE_OCTETS 1024

#define STATUS_CODE_OCTETS 12

struct status {
	enum status_id id;
	char code[STATUS_CODE_OCTETS]; /* another server's; "" is the row's */
	char reply[STATUS_REPLY_OCTETS -
	    16]; /* without the code; "" is the row's */
	char cause[STATUS_CAUSE_OCTETS];
};

/* The row of an outcome. */
struct status_row {
	enum status_id id;
	int exit_code;  /* sysexits.h */
	char code[8];   /* RFC 3463 */
	int lmtp;       /* RFC 5321 section 4.2.3 */
	char reply[48]; /* what the sender may read */
};

const struct status_row *status_row(enum status_id id);

/* How lda ends: the row's exit status, or the one that goes best with another
 * server's code. */
int status_exit_code(const struct status *why);

/* Delivered, no cause. */
void status_init(struct status *why);

/* Each writes why and returns -1, so that "return status_fail(...)" reads
 * well.  A cause that is too long is cut. */
RARELY int status_fail(struct status *why, enum status_id id,
    const char *format, ...) PRINTF(3, 4);

/*
 * The failure that errno tells of, after a call that was to verb path:
 * "cannot create /a/b: Permission denied; uid 7 (gid 7) lacks wx on /a ...".
 * The outcome follows from errno: ENOSPC is a full disk, EACCES a mailbox out
 * of reach, what is not in the table is trouble.
 */
RARELY int status_fail_errno(
    struct status *why, const char *verb, const char *path);

/* The same, explaining EACCES by the bits (R_OK, W_OK, X_OK) that path itself
 * must grant. */
RARELY int status_fail_access(
    struct status *why, const char *verb, const char *path, int wanted);

/* The same for "read path": EACCES is explained by the missing r bit. */
RARELY int status_fail_read(struct status *why, const char *path);

/* Adds to the end of the cause. */
RARELY void status_add(struct status *why, const char *format, ...)
    PRINTF(2, 3);

/* Puts "context: " before the cause. */
RARELY void status_context(struct status *why, const char *format, ...)
    PRINTF(2, 3);

/* Replaces the row's text in the reply; must hold nothing of this host. */
RARELY void status_reply(struct status *why, const char *format, ...)
    PRINTF(2, 3);

/*
 * What another server has answered: the outcome is STATUS_SERVER_REFUSES where
 * code ("5.1.1") begins with 5, else STATUS_SERVER_DEFERS; text is the reply.
 * Keeps the cause.
 */
RARELY void status_relay(
    struct status *why, const char *code, const char *text);

/* Changes the outcome, keeps the cause: for callers who know better. */
void status_become(struct status *why, enum status_id id);

/*
 * The other way round: what a process of ours said, "D.S.N text".  The outcome
 * is the first row with that code, the cause is the text.  False, and why left
 * alone, where the code is in no row.
 */
RARELY bool status_read_reply(struct str said, struct status *why) MUST_CHECK;

/* Adds "D.S.N text", printable ASCII, at most STATUS_REPLY_OCTETS. */
RARELY void status_print_reply(const struct status *why, struct buf *into);

#endif
