/*
 * status.c - the one funnel of outcomes.
 *
 * Source: postfix pipe_command (71, 75 and a signal defer, everything else
 * bounces; a leading D.S.N overrides), RFC 3463, RFC 5321, sysexits.h.
 */
#include "mail/status.h"

#include "base/cursor.h"
#include "base/path.h"
#include "base/require.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* sysexits.h is not POSIX; these are its numbers. */
enum {
	EXIT_DATAERR = 65,
	EXIT_NOUSER = 67,
	EXIT_UNAVAILABLE = 69,
	EXIT_TEMPFAIL = 75,
	EXIT_NOPERM = 77
};

static const struct status_row rows[] = {
	{ STATUS_DELIVERED, 0, "2.0.0", 250, "delivered" },
	{ STATUS_USER_UNKNOWN, EXIT_NOUSER, "5.1.1", 550, "no such user here" },
	{ STATUS_MESSAGE_TOO_BIG, EXIT_DATAERR, "5.2.3", 552,
	    "message is larger than this site accepts" },
	{ STATUS_MAILBOX_FULL, EXIT_TEMPFAIL, "4.2.2", 452, "mailbox is full" },
	{ STATUS_MAILBOX_FULL_FOR_GOOD, EXIT_UNAVAILABLE, "5.2.2", 552,
	    "mailbox is full" },
	{ STATUS_FILE_LIMIT, EXIT_TEMPFAIL, "4.2.2", 452,
	    "mailbox file would be too large" },
	{ STATUS_LOOP, EXIT_UNAVAILABLE, "5.4.6", 554, "mail loop" },
	{ STATUS_REJECTED, EXIT_NOPERM, "5.7.1", 550,
	    "message refused by the recipient" },
	{ STATUS_LOCKED, EXIT_TEMPFAIL, "4.2.0", 450, "mailbox is locked" },
	{ STATUS_UNREACHABLE, EXIT_TEMPFAIL, "4.2.1", 450,
	    "mailbox is not available at the moment" },
	{ STATUS_DISK_FULL, EXIT_TEMPFAIL, "4.3.1", 452,
	    "mail system is full" },
	{ STATUS_DISK_QUOTA, EXIT_TEMPFAIL, "4.2.2", 452,
	    "no disk space for this mailbox" },
	{ STATUS_LOOKUP_FAILED, EXIT_TEMPFAIL, "4.4.3", 451,
	    "user lookup failed" },
	{ STATUS_SERVER_DEFERS, EXIT_TEMPFAIL, "4.0.0", 451,
	    "mail server asks to try again" },
	{ STATUS_SERVER_REFUSES, EXIT_UNAVAILABLE, "5.0.0", 554,
	    "mail server refuses the message" },
	{ STATUS_SERVER_AWAY, EXIT_TEMPFAIL, "4.4.1", 451,
	    "mail server is not available at the moment" },
	{ STATUS_SERVER_LOST, EXIT_TEMPFAIL, "4.4.2", 451,
	    "connection to the mail server was lost" },
	{ STATUS_SERVER_BABBLES, EXIT_TEMPFAIL, "4.5.0", 451,
	    "mail server does not keep to the protocol" },
	{ STATUS_TROUBLE, EXIT_TEMPFAIL, "4.3.0", 451,
	    "internal trouble, delivery is tried again" },
	{ STATUS_MISCONFIGURED, EXIT_TEMPFAIL, "4.3.5", 451,
	    "local configuration error" },
};

/* What a code that is not of our table ends with: a code, or the beginning of
 * several ("5.7."). */
static const struct {
	char code[8];
	int exit_code;
} exits[] = {
	{ "5.1.1", EXIT_NOUSER },
	{ "5.2.3", EXIT_DATAERR },
	{ "5.3.4", EXIT_DATAERR },
	{ "5.6.", EXIT_DATAERR },
	{ "5.7.", EXIT_NOPERM },
};

/* What an errno says about the outcome; every other one is trouble. */
static const struct {
	int number;
	enum status_id id;
} meanings[] = {
	{ EACCES, STATUS_UNREACHABLE },
	{ EPERM, STATUS_UNREACHABLE },
	{ EROFS, STATUS_UNREACHABLE },
	{ ENOENT, STATUS_UNREACHABLE },
	{ ENOTDIR, STATUS_UNREACHABLE },
	{ ELOOP, STATUS_UNREACHABLE },
	{ ESTALE, STATUS_UNREACHABLE },
	{ ENOSPC, STATUS_DISK_FULL },
	{ EDQUOT, STATUS_DISK_QUOTA },
	{ EFBIG, STATUS_FILE_LIMIT },
};

const struct status_row *
status_row(enum status_id id)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].id == id)
			return &rows[i];
	require(false);
	return NULL;
}

int
status_exit_code(const struct status *why)
{
	struct str code = str_from(why->code);

	if (why->id == STATUS_SERVER_REFUSES)
		for (size_t i = 0; i < COUNT(exits); i++)
			if (str_is(code, exits[i].code) ||
			    (str_ends(str_from(exits[i].code), ".") &&
				str_begins(code, exits[i].code)))
				return exits[i].exit_code;
	return status_row(why->id)->exit_code;
}

void
status_init(struct status *why)
{
	why->id = STATUS_DELIVERED;
	why->code[0] = '\0';
	why->reply[0] = '\0';
	why->cause[0] = '\0';
}

int
status_fail(struct status *why, enum status_id id, const char *format, ...)
{
	va_list arguments;

	why->id = id;
	why->code[0] = '\0';
	why->reply[0] = '\0';
	va_start(arguments, format);
	(void)vsnprintf(why->cause, sizeof(why->cause), format, arguments);
	va_end(arguments);
	return -1;
}

static enum status_id
meaning(int number)
{
	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].number == number)
			return meanings[i].id;
	return STATUS_TROUBLE;
}

static void
explain_access(struct buf *cause, const char *path, int wanted)
{
	char room[STATUS_CAUSE_OCTETS / 2];
	struct buf found;

	buf_init(&found, room, sizeof(room));
	path_explain(&found, path, wanted);
	if (found.length > 0)
		buf_print(cause, "; %s", found.at);
}

/* Where the cause is not the call itself, say where it comes from. */
static void
explain(struct buf *cause, int number, const char *path, int wanted)
{
	switch (number) {
	case EACCES:
		explain_access(cause, path, wanted);
		break;
	case EFBIG:
		buf_add_string(cause,
		    "; a file size limit (RLIMIT_FSIZE: Postfix's "
		    "mailbox_size_limit, or ulimit -f) is in the way");
		break;
	case ETIMEDOUT:
		buf_add_string(cause, "; delivery_timeout has passed");
		break;
	case ECANCELED:
		buf_add_string(cause, "; ended by a signal");
		break;
	default:
		break;
	}
}

int
status_fail_access(
    struct status *why, const char *verb, const char *path, int wanted)
{
	int number = errno;
	struct buf cause;

	status_init(why);
	why->id = meaning(number);
	buf_init(&cause, why->cause, sizeof(why->cause));
	buf_print(&cause, "cannot %s %s: %s", verb, path, strerror(number));
	explain(&cause, number, path, wanted);
	errno = number;
	return -1;
}

int
status_fail_errno(struct status *why, const char *verb, const char *path)
{
	return status_fail_access(why, verb, path, W_OK | X_OK);
}

int
status_fail_read(struct status *why, const char *path)
{
	return status_fail_access(why, "read", path, R_OK);
}

/* A buf that goes on where the cause ends. */
static struct buf
end_of_cause(struct status *why)
{
	struct buf cause = { .at = why->cause,
		.length = strlen(why->cause),
		.size = sizeof(why->cause) };

	return cause;
}

void
status_add(struct status *why, const char *format, ...)
{
	char room[STATUS_CAUSE_OCTETS];
	struct buf cause = end_of_cause(why);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(room, sizeof(room), format, arguments);
	va_end(arguments);
	buf_add_string(&cause, room);
}

void
status_context(struct status *why, const char *format, ...)
{
	char before[STATUS_CAUSE_OCTETS];
	va_list arguments;

	memcpy(before, why->cause, sizeof(before));
	va_start(arguments, format);
	(void)vsnprintf(why->cause, sizeof(why->cause), format, arguments);
	va_end(arguments);
	status_add(why, ": %s", before);
}

void
status_reply(struct status *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(why->reply, sizeof(why->reply), format, arguments);
	va_end(arguments);
}

void
status_relay(struct status *why, const char *code, const char *text)
{
	struct buf copy;

	why->id = str_begins(str_from(code), "5") ? STATUS_SERVER_REFUSES :
						    STATUS_SERVER_DEFERS;
	buf_init(&copy, why->code, sizeof(why->code));
	buf_add_string(&copy, code);
	status_reply(why, "%s", text);
}

void
status_become(struct status *why, enum status_id id)
{
	why->id = id;
	why->code[0] = '\0';
}

bool
status_read_reply(struct str said, struct status *why)
{
	struct cursor in = cursor_over(said);
	struct str code = cursor_until(&in, ' ');

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!str_is(code, rows[i].code))
			continue;
		(void)status_fail(
		    why, rows[i].id, "%.*s", (int)said.length, said.at);
		status_reply(why, "%.*s", (int)in.rest.length, in.rest.at);
		return true;
	}
	return false;
}

void
status_print_reply(const struct status *why, struct buf *into)
{
	const struct status_row *row = status_row(why->id);
	const char *text = why->reply[0] != '\0' ? why->reply : row->reply;

	buf_print(into, "%s ", why->code[0] != '\0' ? why->code : row->code);
	/* Postfix makes "_" of what is not printable; so do we, for the rest
	 * of the world. */
	for (size_t i = 0; text[i] != '\0'; i++)
		buf_add_octet(
		    into, text[i] >= ' ' && text[i] <= '~' ? text[i] : '_');
}
