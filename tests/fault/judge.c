/*
 * judge.c - whether a delivery that was disturbed kept the contract.
 *
 * Source: DESIGN 1 (the four promises) and 2.2 (outcomes); reference
 * reliability, invariants I1 to I4.
 */
#include "judge.h"

#include "base/attribute.h"
#include "calls.h"
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	EXIT_TEMPORARY = 75 /* EX_TEMPFAIL */
};

enum file_kind {
	ANY,
	DIRECTORY,
	UNREADABLE, /* a directory that cannot be synced: no ledger */
	ONLY_READ
};

/*
 * Failures after which a delivery may still say "delivered".  Each needs a
 * reason; whatever is not here must be reported.
 */
static const struct excuse {
	enum fault_call call;
	int error;           /* 0: any */
	const char *path;    /* a part of it; "" is any */
	enum file_kind kind; /* of what the descriptor was opened as */
	const char *reason;
} excuses[] = {
	{ CALL_DATAGRAM, 0, "", ANY, "logging never fails a delivery" },
	{ CALL_SEND, 0, "", ANY, "logging never fails a delivery" },
	{ CALL_HOSTNAME, 0, "", ANY, "localhost will do in a file's name" },
	{ CALL_RANDOM, 0, "", ANY, "clock and pid will do, O_EXCL decides" },
	{ CALL_CLOCK, 0, "", ANY, "random and pid will do, O_EXCL decides" },
	{ CALL_CLOSE, 0, "", ONLY_READ, "nothing was written through it" },
	{ CALL_CLOSE, 0, "(", ANY, "a pipe or socket: nothing is kept in it" },
	{ CALL_FSTAT, 0, "(std", ANY, "tells only whether to open /dev/null" },
	{ CALL_CLOSE_FROM, 0, "", ANY, "what the caller left open stays open" },
	{ CALL_SETRLIMIT, 0, "", ANY, "core files are nobody's mail" },
	{ CALL_GETRLIMIT, 0, "", ANY, "write(2) tells of the limit, too" },
	{ CALL_FSTATAT, 0, "/.dovecot.sieve", ANY, "a word in the log" },
	{ CALL_SETEUID, 0, "", ANY, "it must fail: to be root again" },
	{ CALL_GETUIDS, 0, "", ANY, "whose the file is shows what came of it" },
	{ CALL_OPENAT, ENOENT, "/Maildir", DIRECTORY, "made, and found there" },
	{ CALL_OPENAT, ESTALE, "/world", ANY, "once more from the start" },
	{ CALL_FSTAT, ESTALE, "/Maildir", ANY, "once more from the start" },
	{ CALL_FSTATAT, ESTALE, "/Maildir", ANY, "once more from the start" },
	{ CALL_MKDIRAT, ESTALE, "/world", ANY, "once more from the start" },
	{ CALL_MKDIRAT, EEXIST, "/world", ANY, "somebody else has made it" },
	{ CALL_FSTATAT, 0, "/homes", ANY, "tells only where to begin to make" },
	{ CALL_FSTATAT, ENOENT, "/", ANY, "then it is made, and found there" },
	{ CALL_OPENAT, EACCES, "/homes", UNREADABLE,
	    "one may make names there and not read them: synced from below" },
	{ CALL_FSTATAT, 0, "/.Work", ANY,
	    "tells only if maildirfolder is due" },
	{ CALL_CLOSE, 0, "/maildirfolder", ANY, "an empty file" },
	{ CALL_LINKAT, EPERM, "/tmp/", ANY, "a file system without links" },
	{ CALL_OPENAT, EEXIST, "/tmp/", ANY, "another name" },
	{ CALL_OPENAT, ENOENT, "/nsswitch.conf", ANY,
	    "the helper is asked all the same" },
	{ CALL_RENAMEAT_NEW, ENOSYS, "/tmp/", ANY, "link and unlink instead" },
	{ CALL_RENAMEAT_NEW, EINVAL, "/tmp/", ANY, "link and unlink instead" },
	{ CALL_UNLINKAT, 0, "/tmp/", ANY, "a second name in tmp/ is reaped" },
	{ CALL_FSYNC, EINVAL, "", DIRECTORY,
	    "a file system that has no sync of directories" },
};

static bool object(char *complaint, size_t size, const char *format, ...)
    PRINTF(3, 4);

static bool
object(char *complaint, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(complaint, size, format, arguments);
	va_end(arguments);
	return false;
}

static bool
is_of_kind(const struct fault_record *record, enum file_kind kind)
{
	switch (kind) {
	case DIRECTORY:
	case UNREADABLE:
		return (record->flags & O_DIRECTORY) != 0;
	case ONLY_READ:
		return (record->flags & O_ACCMODE) == O_RDONLY;
	case ANY:
		break;
	}
	return true;
}

/* NULL if there is none. */
static const struct excuse *
find_excuse(const struct fault_record *record)
{
	for (size_t i = 0; i < COUNT(excuses); i++)
		if (excuses[i].call == record->call &&
		    (excuses[i].error == 0 ||
			excuses[i].error == record->error) &&
		    is_of_kind(record, excuses[i].kind) &&
		    strstr(record->path, excuses[i].path) != NULL)
			return &excuses[i];
	return NULL;
}

/* Whether the plan has changed a call of that kind (on a path that holds
 * part). */
static bool
was_injected(
    const struct evidence *evidence, enum fault_call call, const char *part)
{
	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (record->injected && record->call == call &&
		    strstr(record->path, part) != NULL)
			return true;
	}
	return false;
}

/* Whether the first call that the plan has made fail is on such a path. */
static bool
was_injected_first(const struct evidence *evidence, const char *part)
{
	for (size_t i = 0; i < evidence->record_count; i++)
		if (evidence->records[i].injected)
			return evidence->records[i].result < 0 &&
			    strstr(evidence->records[i].path, part) != NULL;
	return false;
}

/* In a scenario where nothing can be removed. */
static bool
cannot_undo(const struct evidence *evidence)
{
	return evidence->scenario->weather.call == CALL_UNLINKAT;
}

/* A file that could not be removed is nobody's fault. */
static bool
tmp_is_clean(const struct evidence *evidence)
{
	return evidence->tree->in_tmp == 0 || cannot_undo(evidence) ||
	    was_injected(evidence, CALL_UNLINKAT, "/tmp/");
}

/* What changes nothing for whoever handles it rightly.  fsync and close are
 * not made again after an interruption: their second answer may lie. */
static bool
must_not_matter(const struct evidence *evidence)
{
	switch (evidence->rule->action) {
	case ACT_FAIL:
		if (evidence->rule->error == EAGAIN)
			return was_injected(evidence, CALL_READ, "");
		return evidence->rule->error == EINTR &&
		    !was_injected(evidence, CALL_FSYNC, "") &&
		    !was_injected(evidence, CALL_CLOSE, "");
	case ACT_HALF:
	case ACT_ONE:
	case ACT_TRICKLE:
	case ACT_INTERRUPT_EACH:
		return true;
	default:
		return false;
	}
}

/* A folder that cannot be opened for a lasting reason is INBOX instead, and
 * the log has a line more. */
static bool
has_fallen_back(const struct evidence *evidence)
{
	static const int lasting[] = { EACCES, ENOENT, ENOTDIR, ELOOP, EEXIST };

	if (evidence->tree->elsewhere != 1 || evidence->ending->log_lines < 2)
		return false;

	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (!record->injected ||
		    strstr(record->path, "/Maildir") == NULL)
			continue;
		for (size_t k = 0; k < COUNT(lasting); k++)
			if (record->error == lasting[k])
				return true;
	}
	return false;
}

/* The records before the commit: new/ was synced with the message in it.
 * What fails behind that must not matter. */
static size_t
records_before_commit(const struct evidence *evidence)
{
	const char *published = NULL;

	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (!record->happened)
			continue;
		if (strstr(record->other, "/new/") != NULL)
			published = record->other;
		if (record->call == CALL_FSYNC && published != NULL &&
		    strncmp(record->path, published, strlen(record->path)) == 0)
			return i;
	}
	return evidence->record_count;
}

static bool
judge_failures(const struct evidence *evidence, char *complaint, size_t size)
{
	char line[3 * LEDGER_PATH];
	enum fault_action action = evidence->rule->action;
	size_t count = records_before_commit(evidence);

	if ((action != ACT_FAIL && action != ACT_FAIL_ON &&
		action != ACT_DONE_FAIL) ||
	    must_not_matter(evidence))
		return true;
	for (size_t i = 0; i < count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (!record->injected || record->result >= 0 ||
		    record->happened || record->error == EINTR ||
		    find_excuse(record) != NULL)
			continue;
		ledger_line(record, line, sizeof(line));
		return object(
		    complaint, size, "delivered, though this failed: %s", line);
	}
	return true;
}

static bool
ledger_tells(const struct evidence *evidence)
{
	if (evidence->ledger_overflowed)
		return false;
	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct excuse *excuse = NULL;

		if (evidence->records[i].injected)
			excuse = find_excuse(&evidence->records[i]);
		if (excuse != NULL && excuse->kind == UNREADABLE)
			return false;
	}
	return true;
}

static bool
judge_delivered(const struct evidence *evidence, char *complaint, size_t size)
{
	const struct tree_count *tree = evidence->tree;
	unsigned delivered = tree->whole;
	bool fell_back = has_fallen_back(evidence);

	if (evidence->rule->action == ACT_ORPHAN)
		return object(complaint, size,
		    "delivered, though Postfix has died meanwhile");
	if (evidence->rule->action == ACT_PRETEND)
		return object(complaint, size,
		    "delivered, though the rights were not dropped");
	if (fell_back)
		delivered += tree->elsewhere;
	else if (tree->elsewhere > 0)
		return object(complaint, size, "%s", tree->note);
	if (delivered != 1)
		return object(complaint, size,
		    "exit 0, but %u whole messages (%s)", delivered,
		    tree->note);
	if (tree->torn > 0 || tree->others > 0 || !tmp_is_clean(evidence))
		return object(complaint, size, "exit 0, and %s", tree->note);
	if (evidence->ending->reply_length > 0)
		return object(complaint, size, "exit 0 with a reply: %s",
		    evidence->ending->reply);
	if (!fell_back && !judge_failures(evidence, complaint, size))
		return false;
	return !ledger_tells(evidence) ||
	    ledger_is_durable(
		evidence->records, evidence->record_count, complaint, size);
}

/* "D.S.N text" in one line, printable, and of the wanted class. */
static bool
judge_reply(
    const struct evidence *evidence, char class, char *complaint, size_t size)
{
	const char *reply = evidence->ending->reply;
	size_t length = evidence->ending->reply_length, digits;

	if (was_injected(evidence, CALL_WRITE, "(std"))
		return length == 0 || reply[0] == class ||
		    object(complaint, size, "reply \"%s\"", reply);
	if (length < 7 || length > 400 || reply[0] != class || reply[1] != '.')
		return object(complaint, size,
		    "reply \"%s\" does not begin with %c.", reply, class);
	digits = strspn(reply + 2, "0123456789");
	if (digits < 1 || digits > 3 || reply[2 + digits] != '.')
		return object(complaint, size, "reply \"%s\"", reply);
	digits += 3 + strspn(reply + 3 + digits, "0123456789");
	if (reply[digits] != ' ')
		return object(complaint, size, "reply \"%s\"", reply);
	for (size_t i = 0; i < length; i++)
		if (reply[i] < ' ' || reply[i] > '~')
			return object(complaint, size,
			    "reply \"%s\" has unprintable octets", reply);
	return true;
}

/* What the outcome's table says of a failure on the mailbox itself. */
static bool
judge_code(const struct evidence *evidence, char *complaint, size_t size)
{
	static const struct {
		int error;
		const char *code;
	} codes[] = {
		{ ENOSPC, "4.3.1" },
		{ EDQUOT, "4.2.2" },
		{ EFBIG, "4.2.2" },
		{ EIO, "4.3.0" },
		{ EMFILE, "4.3.0" },
		{ ENFILE, "4.3.0" },
		{ EACCES, "4.2.1" },
		{ EROFS, "4.2.1" },
		{ ENOENT, "4.2.1" },
		{ ESTALE, "4.2.1" },
	};

	if (evidence->ending->reply[0] != '4')
		return true; /* what the scenario gives anyway */
	/* To look for a Maildir and find none is no failure yet. */
	if (evidence->rule->error == ENOENT &&
	    was_injected(evidence, CALL_FSTATAT, "/Maildir"))
		return true;
	for (size_t i = 0; i < COUNT(codes); i++)
		if (evidence->rule->error == codes[i].error &&
		    was_injected_first(evidence, "/Maildir") &&
		    strncmp(evidence->ending->reply, codes[i].code, 5) != 0)
			return object(complaint, size,
			    "reply \"%s\" where %s wants %s",
			    evidence->ending->reply, error_name(codes[i].error),
			    codes[i].code);
	return true;
}

/* Whether there was nobody to take the log line, or no memory to write it. */
static bool
could_not_log(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (record->result < 0 &&
		    (record->call == CALL_DATAGRAM ||
			record->call == CALL_SEND || record->call == CALL_MAP))
			return true;
	}
	return false;
}

static bool
judge_log(
    const struct evidence *evidence, int code, char *complaint, size_t size)
{
	char wanted[16];

	(void)snprintf(wanted, sizeof(wanted), "exit=%d", code);
	return strstr(evidence->ending->log, wanted) != NULL ||
	    could_not_log(evidence) ||
	    object(complaint, size, "%u lines in the log, none says %s (%s)",
		evidence->ending->log_lines, wanted, evidence->ending->log);
}

static bool
judge_refused(
    const struct evidence *evidence, int code, char *complaint, size_t size)
{
	const struct tree_count *tree = evidence->tree;

	if (code != EXIT_TEMPORARY && code != evidence->scenario->want_exit)
		return object(complaint, size, "exit %d (reply \"%s\")", code,
		    evidence->ending->reply);
	if (must_not_matter(evidence) && code != evidence->scenario->want_exit)
		return object(complaint, size,
		    "exit %d for what changes nothing (%s)", code,
		    evidence->ending->log);
	/* A duplicate is better than a loss, but it must not come unseen. */
	if (cannot_undo(evidence) && tree->whole == 1 && tree->torn == 0)
		return strstr(evidence->ending->log, "could not remove") !=
		    NULL ||
		    object(complaint, size,
			"a trace is left, and the log "
			"does not say so (%s)",
			evidence->ending->log);
	if (tree->whole + tree->elsewhere + tree->torn + tree->others > 0)
		return object(complaint, size,
		    "exit %d, but a trace is left: %u whole, %s", code,
		    tree->whole, tree->note);
	if (!tmp_is_clean(evidence))
		return object(
		    complaint, size, "exit %d, and %s", code, tree->note);
	return judge_reply(evidence, code == EXIT_TEMPORARY ? '4' : '5',
		   complaint, size) &&
	    judge_code(evidence, complaint, size) &&
	    judge_log(evidence, code, complaint, size);
}

/* Only what the plan sent, and only where it has left all or nothing. */
static bool
judge_signal(const struct evidence *evidence, int signal_number,
    char *complaint, size_t size)
{
	const struct tree_count *tree = evidence->tree;
	bool killed = evidence->rule->action == ACT_KILL;

	if (evidence->rule->process != 0 ||
	    !((killed && signal_number == SIGKILL) ||
		((evidence->rule->action == ACT_TERM ||
		     evidence->rule->action == ACT_HANG_TERM) &&
		    signal_number == SIGTERM)))
		return object(
		    complaint, size, "died of signal %d", signal_number);
	if (tree->torn + tree->elsewhere + tree->others > 0)
		return object(complaint, size, "%s", tree->note);
	if (tree->whole > 1)
		return object(complaint, size, "%u messages", tree->whole);
	if (!killed && tree->whole + tree->in_tmp > 0)
		return object(complaint, size,
		    "died of TERM and left a trace: %u whole, %s", tree->whole,
		    tree->note);
	return true;
}

bool
judge_delivery(const struct evidence *evidence, char *complaint, size_t size)
{
	int status = evidence->ending->wait_status;

	if (evidence->ending->timed_out)
		return object(complaint, size, "it did not end");
	if (evidence->ran_away)
		return object(complaint, size, "it tried again without end");
	if (WIFSIGNALED(status))
		return judge_signal(
		    evidence, WTERMSIG(status), complaint, size);
	if (WEXITSTATUS(status) != 0)
		return judge_refused(
		    evidence, WEXITSTATUS(status), complaint, size);
	if (evidence->scenario->want_exit != 0)
		return object(complaint, size, "exit 0 instead of %d",
		    evidence->scenario->want_exit);
	return judge_delivered(evidence, complaint, size);
}

bool
judge_recovery(const struct ending *ending, const struct tree_count *tree,
    unsigned whole_before, char *complaint, size_t size)
{
	if (ending->timed_out || !WIFEXITED(ending->wait_status) ||
	    WEXITSTATUS(ending->wait_status) != 0)
		return object(complaint, size,
		    "the next delivery fails: wait status %#x, %s",
		    (unsigned)ending->wait_status, ending->log);
	if (tree->torn + tree->elsewhere + tree->others > 0)
		return object(
		    complaint, size, "after the next delivery: %s", tree->note);
	if (tree->whole != whole_before + 1)
		return object(complaint, size,
		    "%u messages before the next delivery, %u after it",
		    whole_before, tree->whole);
	return true;
}
