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
	ONLY_READ,
	WRITTEN,   /* what was written to before */
	UNWRITTEN, /* an mbox of which nothing was written yet */
	AGAIN,     /* open already, or a mail root whose folder is */
	COUNTED,   /* a mail root that is looked through for its folders */
	IN_FORK,
	IN_ROUNDS, /* of an mbox that is locked */
	IN_COUNT,  /* of all mail, after maildirsize could not be used */
	DOTLOCK_TRY
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
	{ CALL_SEND_TO, 0, "", ANY, "logging never fails a delivery" },
	{ CALL_SEND, EAGAIN, "", ANY, "sent when there is room" },
	{ CALL_STREAM_UNIX, EAGAIN, "/lmtp", ANY, "a full queue: once more" },
	{ CALL_CLOSE, 0, "/lmtp", ANY, "a socket: nothing is kept in it" },
	{ CALL_CLOSEDIR, 0, "", ANY, "nothing is kept in it" },
	{ CALL_FSTAT, 0, "mbox.lock", ANY, "then its holder is not known" },
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
	{ CALL_OPENAT, ENOENT, "/world/home", DIRECTORY, "made, and there" },
	{ CALL_OPENAT, 0, "/proc/", ANY, "then the parent's pid has to do" },
	{ CALL_READ, 0, "/proc/", ANY, "then the parent's pid has to do" },
	{ CALL_OPENAT, EACCES, "/world/home", UNREADABLE,
	    "one may make names there and not read them: synced from below" },
	{ CALL_FSTATAT, 0, "/.Work", ANY,
	    "tells only if maildirfolder is due" },
	{ CALL_CLOSE, 0, "/maildirfolder", ANY, "an empty file" },
	{ CALL_LINKAT, EPERM, "/tmp/", ANY, "a file system without links" },
	{ CALL_OPENAT, ENOENT, "/nsswitch.conf", ANY,
	    "the helper is asked all the same" },
	{ CALL_RENAMEAT_NEW, ENOSYS, "/tmp/", ANY, "link and unlink instead" },
	{ CALL_RENAMEAT_NEW, EINVAL, "/tmp/", ANY, "link and unlink instead" },
	{ CALL_UNLINKAT, 0, "/tmp/", ANY, "a second name in tmp/ is reaped" },
	{ CALL_RESERVE, EOPNOTSUPP, "", ANY, "write(2) tells of a full disk" },
	{ CALL_FUTIMENS, 0, "", ANY, "a reader may miss that mail is new" },
	{ CALL_FSTAT, 0, "", WRITTEN, "a reader may miss that mail is new" },
	{ CALL_LOCK_FCNTL, EAGAIN, "", ANY, "somebody's: tried once more" },
	{ CALL_LOCK_FLOCK, EAGAIN, "", ANY, "somebody's: tried once more" },
	{ CALL_LINKAT, EEXIST, ".lock.post", ANY, "somebody's: once more" },
	{ CALL_LINKAT, ENOENT, ".lock.post", ANY, "post gone: once more" },
	{ CALL_OPENAT, EEXIST, "/", ANY, "somebody's: once more" },
	{ CALL_OPENAT, 0, ".lock.post", DOTLOCK_TRY, "then without" },
	{ CALL_WRITE, 0, ".lock.post", DOTLOCK_TRY, "then without" },
	{ CALL_FCHMOD, 0, ".lock.post", DOTLOCK_TRY, "then without" },
	{ CALL_LINKAT, 0, ".lock.post", DOTLOCK_TRY, "then without" },
	{ CALL_FSTAT, 0, ".lock.post", DOTLOCK_TRY, "then without" },
	{ CALL_BOOT_TIME, 0, "", ANY, "a pid tells enough" },
	{ CALL_KILL, ESRCH, "", ANY, "so it is dead" },
	{ CALL_CLOSE, 0, "/dev/null", ANY, "nothing is kept in it" },
	{ CALL_CLOSE, 0, "/spool/", ANY, "an empty file" },
	{ CALL_FACCESSAT, ESTALE, "/Maildir", ANY, "once more from the start" },
	{ CALL_OPENAT, 0, "/Maildir", COUNTED, "folders are then not counted" },
	{ CALL_FSTATAT, 0, "/lda.conf", ANY, "but ENOENT: it is read" },
	{ CALL_OPENAT, ENOENT, "/lda.conf", ANY, "there is none, then" },
	{ CALL_OPENAT, ENOENT, "/spool/", ANY, "made, and found there" },
	{ CALL_READ, 0, "(socketpair)", IN_FORK, "the keeper unlocks" },
	{ CALL_CLOSE, 0, "/users", ANY, "a socket: nothing is kept in it" },
	{ CALL_FSTAT, 0, "/Maildir/", DIRECTORY, "the count is not kept" },
	{ CALL_OPENAT, 0, "/Maildir/new", AGAIN, "the count is not kept" },
	{ CALL_OPENAT, 0, "/Maildir/cur", DIRECTORY, "the count is not kept" },
	{ CALL_OPENAT, 0, "/Maildir", AGAIN, "quota never fails a mail" },
	{ CALL_UNLINKAT, 0, ".lock.post", ANY, "the next in its way does it" },
	{ CALL_CLOSE, 0, ".lock.post", ANY, "its link holds, empty or not" },
	{ CALL_OPENAT, 0, ".lock", ONLY_READ, "looked at again in a moment" },
	{ CALL_READ, 0, ".lock", ANY, "looked at again in a moment" },
	{ CALL_FSTATAT, 0, ".lock", ANY, "looked at again in a moment" },
	{ CALL_RENAMEAT, 0, ".lock", ANY, "broken at the next try" },
	{ CALL_UNLINKAT, 0, ".lock", ANY, "a dead process's is broken" },
	{ CALL_RENAMEAT_NEW, 0, ".lock.aside", ANY, "put back by a link" },
	{ CALL_LINKAT, 0, ".lock.aside", ANY, "the kernel's lock holds" },
	{ CALL_FSTATAT, 0, "/mbox", ANY, "looked at again in a moment" },
	{ CALL_FSTATAT, 0, "/spool/", ANY, "looked at again in a moment" },
	{ CALL_FSTATAT, 0, "/mail/Work", ANY, "looked at again in a moment" },
	{ CALL_OPENAT, ENOENT, "/mbox", ANY,
	    "made, and if it is there now..." },
	{ CALL_OPENAT, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_READ, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_WRITE, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_FSTAT, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_FCHMOD, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_CLOSE, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_UNLINKAT, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_RENAMEAT, 0, "/maildirsize", ANY, "quota never fails a mail" },
	{ CALL_FDOPENDIR, 0, "/Maildir", ANY, "quota never fails a mail" },
	{ CALL_READDIR, 0, "/Maildir", ANY, "quota never fails a mail" },
	{ CALL_CLOSEDIR, 0, "/Maildir", ANY, "quota never fails a mail" },
	{ CALL_CLOSE, 0, "", UNWRITTEN, "nothing was written through it" },
	{ CALL_OPENAT, 0, "/Maildir", IN_COUNT, "quota never fails a mail" },
	{ CALL_POLL, 0, "", IN_ROUNDS, "the next round comes sooner" },
	{ CALL_OPENAT, 0, "/proc/", ANY, "getppid tells nearly all" },
	{ CALL_PREAD, 0, "/proc/", ANY, "getppid tells nearly all" },
	{ CALL_NO_NEW_PRIVILEGES, 0, "", ANY, "a sandbox is no promise" },
	{ CALL_LANDLOCK_RULES, 0, "", ANY, "a sandbox is no promise" },
	{ CALL_LANDLOCK_ALLOW, 0, "", ANY, "a sandbox is no promise" },
	{ CALL_LANDLOCK_ENTER, 0, "", ANY, "a sandbox is no promise" },
	{ CALL_FILTER_CALLS, 0, "", ANY, "a sandbox is no promise" },
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
was_written_before(
    const struct evidence *evidence, const struct fault_record *record)
{
	for (const struct fault_record *at = evidence->records; at < record;
	     at++)
		if (at->call == CALL_WRITE && at->happened &&
		    at->process == record->process &&
		    strcmp(at->path, record->path) == 0)
			return true;
	return false;
}

static bool
folder_is_open(
    const struct evidence *evidence, const struct fault_record *record)
{
	size_t length = strlen(record->path);

	for (const struct fault_record *at = evidence->records; at < record;
	     at++)
		if (at->call == CALL_OPENAT && at->happened &&
		    strncmp(at->path, record->path, length) == 0 &&
		    (strncmp(at->path + length, "/.Work", 6) == 0 ||
			at->path[length] == '\0'))
			return true;
	return false;
}

static bool
folder_is_looked_for(
    const struct evidence *evidence, const struct fault_record *record)
{
	return record > evidence->records && record[-1].call == CALL_FSTATAT &&
	    strstr(record[-1].path, "/.Work") != NULL;
}

static bool
has_argument(const struct scenario *scenario, const char *part)
{
	for (size_t i = 0; scenario->arguments[i] != NULL; i++)
		if (strstr(scenario->arguments[i], part) != NULL)
			return true;
	return false;
}

/* The first fault of a pair has met maildirsize, or a directory on its way. */
static bool
maildirsize_failed(
    const struct evidence *evidence, const struct fault_record *record)
{
	if (evidence->second == NULL || (record->flags & O_DIRECTORY) == 0)
		return false;
	for (const struct fault_record *at = evidence->records; at < record;
	     at++)
		if (at->call == CALL_OPENAT &&
		    strstr(at->path, "/maildirsize") != NULL)
			return true;
	return false;
}

static bool
is_of_kind(const struct evidence *evidence, const struct fault_record *record,
    enum file_kind kind)
{
	switch (kind) {
	case WRITTEN:
		return was_written_before(evidence, record);
	case UNWRITTEN:
		return (evidence->scenario->flags & STORE_MBOX) != 0 &&
		    !was_written_before(evidence, record);
	case IN_COUNT:
		return maildirsize_failed(evidence, record);
	case IN_ROUNDS:
		return (evidence->scenario->flags & STORE_MBOX) != 0;
	case COUNTED:
		return folder_is_looked_for(evidence, record);
	case IN_FORK:
		return record->process != 0;
	case AGAIN:
		return folder_is_open(evidence, record);
	case DOTLOCK_TRY:
		return has_argument(evidence->scenario, "dotlock_try");
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
find_excuse(const struct evidence *evidence, const struct fault_record *record)
{
	for (size_t i = 0; i < COUNT(excuses); i++)
		if (excuses[i].call == record->call &&
		    (excuses[i].error == 0 ||
			excuses[i].error == record->error) &&
		    is_of_kind(evidence, record, excuses[i].kind) &&
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

static bool
is_mbox(const struct evidence *evidence)
{
	return (evidence->scenario->flags & STORE_MBOX) != 0;
}

static bool
is_remote(const struct evidence *evidence)
{
	return (evidence->scenario->flags & SERVE_LMTP) != 0;
}

/* In a scenario where nothing can be removed, or cut back; or the second fault
 * of a pair has met the undoing. */
static bool
cannot_undo(const struct evidence *evidence)
{
	if (evidence->second != NULL &&
	    (was_injected(evidence, CALL_UNLINKAT, "") ||
		was_injected(evidence, CALL_FTRUNCATE, "")))
		return true;
	return evidence->scenario->weather.call == CALL_UNLINKAT ||
	    evidence->scenario->weather.call == CALL_FTRUNCATE;
}

/* A fork of the program, the spool's keeper, was killed. */
static bool
fork_was_killed(const struct evidence *evidence)
{
	return evidence->rule->process != 0 &&
	    (evidence->rule->action == ACT_KILL ||
		evidence->rule->action == ACT_TEAR ||
		evidence->rule->action == ACT_CRASH ||
		evidence->rule->action == ACT_HANG ||
		evidence->rule->action == ACT_HANG_TERM);
}

/* No lock is left but by who was killed, or could not remove it. */
static bool
litter_is_excused(const struct evidence *evidence)
{
	return evidence->tree->litter == 0 || cannot_undo(evidence) ||
	    fork_was_killed(evidence) ||
	    was_injected(evidence, CALL_UNLINKAT, "");
}

/* A file that could not be removed is nobody's fault. */
static bool
tmp_is_clean(const struct evidence *evidence)
{
	return evidence->tree->in_tmp == 0 || cannot_undo(evidence) ||
	    was_injected(evidence, CALL_UNLINKAT, "/tmp/") ||
	    was_injected(evidence, CALL_UNLINKAT, "/temp/");
}

/* What changes nothing for whoever handles it rightly.  fsync and close are
 * not made again after an interruption: their second answer may lie. */
static bool
must_not_matter(const struct evidence *evidence)
{
	if (evidence->second != NULL)
		return false;
	switch (evidence->rule->action) {
	case ACT_FAIL:
		if (evidence->rule->error == EAGAIN)
			return was_injected(evidence, CALL_READ, "");
		/* There are other names, and a server may have forgotten the
		 * directory. */
		if (evidence->rule->error == EEXIST)
			return was_injected(
			    evidence, CALL_OPENAT, "/Maildir/tmp/");
		if (evidence->rule->error == ESTALE)
			return was_injected(
			    evidence, CALL_OPENAT, "/Maildir/tmp");
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

	/* A detail that is no folder is not worth a line. */
	bool is_told = evidence->ending->log_lines >= 2 ||
	    strcmp(evidence->scenario->name, "detail") == 0;

	if (evidence->tree->elsewhere != 1 || !is_told)
		return false;

	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (!record->injected ||
		    (strstr(record->path, "/Maildir") == NULL &&
			strstr(record->path, "/world/home") == NULL))
			continue;
		for (size_t k = 0; k < COUNT(lasting); k++)
			if (record->error == lasting[k])
				return true;
	}
	return false;
}

/* The last thing that was read of a server is its answer to the message. */
static size_t
records_before_answer(const struct evidence *evidence)
{
	for (size_t i = evidence->record_count; i > 0; i--) {
		const struct fault_record *record = &evidence->records[i - 1];

		if (record->call == CALL_READ && record->happened &&
		    strstr(record->path, "/lmtp") != NULL)
			return i - 1;
	}
	return evidence->record_count;
}

/* The records before the commit: new/ was synced with the message in it.
 * What fails behind that must not matter. */
static size_t
records_before_commit(const struct evidence *evidence)
{
	const char *published = is_mbox(evidence) ? evidence->folder : NULL;

	if (is_remote(evidence))
		return records_before_answer(evidence);
	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		/* Where directories cannot be synced, trying it is all. */
		if (!record->happened &&
		    (record->call != CALL_FSYNC || record->error != EINVAL ||
			is_mbox(evidence)))
			continue;
		if (is_mbox(evidence)) {
			if (record->call == CALL_FSYNC &&
			    strcmp(record->path, published) == 0)
				return i;
			continue;
		}
		if (strstr(record->other, "/new/") != NULL)
			published = record->other;
		if (record->call == CALL_FSYNC && published != NULL &&
		    strncmp(record->path, published, strlen(record->path)) == 0)
			return i;
	}
	return evidence->record_count;
}

/* After an interruption; but of what fsync and close have said once the second
 * answer may be a lie. */
static bool
may_be_made_again(const struct fault_record *record)
{
	return record->error == EINTR && record->call != CALL_FSYNC &&
	    record->call != CALL_CLOSE;
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
		    record->happened || may_be_made_again(record) ||
		    find_excuse(evidence, record) != NULL)
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
			excuse = find_excuse(evidence, &evidence->records[i]);
		if (excuse != NULL && excuse->kind == UNREADABLE)
			return false;
	}
	return true;
}

/*
 * maildirsize after the delivery: what the names of the messages say, or
 * nothing that a reader would believe, so that he counts anew.  Killed or
 * ended between publishing and charging the sum is too small until then:
 * Maildir++ knows no way to do both at once.  Never is it too large.
 */
static bool
judge_charge(const struct evidence *evidence, char *complaint, size_t size)
{
	const struct tree_count *tree = evidence->tree;
	bool ended = evidence->ending->wait_status != 0 &&
	    WIFSIGNALED(evidence->ending->wait_status);

	if ((evidence->scenario->flags & HAS_QUOTA) == 0 ||
	    tree->sum != SUM_READ)
		return true;
	if (tree->sum_octets == tree->octets &&
	    tree->sum_messages == tree->messages)
		return true;
	if (ended && tree->sum_octets < tree->octets)
		return true;
	/* "There is no new/ or cur/" is an answer that is believed. */
	if ((evidence->rule->error == ENOENT ||
		(evidence->second != NULL &&
		    evidence->second->error == ENOENT)) &&
	    was_injected(evidence, CALL_OPENAT, "/Maildir/"))
		return true;
	/* It could neither be charged nor removed. */
	if ((was_injected(evidence, CALL_UNLINKAT, "/maildirsize") ||
		(evidence->second != NULL &&
		    was_injected(evidence, CALL_OPENAT, "/Maildir"))) &&
	    tree->sum_octets < tree->octets)
		return true;
	return object(complaint, size,
	    "maildirsize says %lu octets in %lu messages, there are %lu in %lu",
	    tree->sum_octets, tree->sum_messages, tree->octets, tree->messages);
}

/* One delivery in 256 removes what is old in tmp/, and nothing else. */
static bool
judge_debris(const struct evidence *evidence, char *complaint, size_t size)
{
	const unsigned flags = evidence->scenario->flags;

	if ((flags & (WORLD_OLD_TMP | WORLD_TOUCHED_TMP)) == 0 ||
	    evidence->rule->action != ACT_NOT)
		return true;
	if (evidence->tree->young != 1)
		return object(complaint, size, "it removed a young file");
	return evidence->tree->debris == 0 ||
	    object(complaint, size, "%u old files are left in tmp/",
		evidence->tree->debris);
}

static bool
judge_subscription(
    const struct evidence *evidence, char *complaint, size_t size)
{
	if ((evidence->scenario->flags & WORLD_SUBSCRIBED) == 0 ||
	    evidence->tree->subscribed ||
	    (evidence->rule->action != ACT_NOT && !must_not_matter(evidence)))
		return true;
	return object(complaint, size, "the new folder was not subscribed");
}

static bool
judge_durable(const struct evidence *evidence, char *complaint, size_t size)
{
	/* What a server has answered for is its own to sync. */
	if (!ledger_tells(evidence) || is_remote(evidence))
		return true;
	/* A notice of quota_warning, behind the commit, is not promised. */
	if (!is_mbox(evidence))
		return ledger_is_durable(evidence->records,
		    has_argument(evidence->scenario, "quota_warning") ?
			records_before_commit(evidence) + 1 :
			evidence->record_count,
		    complaint, size);
	return evidence->tree->elsewhere > 0 ||
	    ledger_mbox_is_durable(evidence->records, evidence->record_count,
		evidence->folder, complaint, size);
}

/* The signal that the plan sends; 0: none. */
static int
signal_of(enum fault_action action)
{
	switch (action) {
	case ACT_KILL:
	case ACT_TEAR:
		return SIGKILL;
	case ACT_TERM:
	case ACT_HANG_TERM:
		return SIGTERM;
	case ACT_HUP:
		return SIGHUP;
	case ACT_INT:
		return SIGINT;
	case ACT_CRASH:
		return SIGSEGV;
	default:
		return 0;
	}
}

/* Whether the plan asked the program to end before it had saved what it then
 * said to have delivered. */
static bool
was_asked_to_end(const struct evidence *evidence)
{
	int asked = signal_of(evidence->rule->action);
	const char *saved = is_mbox(evidence) ? evidence->folder : "/tmp/";

	if (asked == 0 || asked == SIGKILL || asked == SIGSEGV ||
	    is_remote(evidence))
		return false;
	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (record->call == CALL_FSYNC &&
		    strstr(record->path, saved) != NULL)
			return record->process == evidence->rule->process &&
			    record->ordinal > evidence->rule->ordinal;
	}
	return false;
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
	if (was_asked_to_end(evidence))
		return object(complaint, size,
		    "delivered, though it was asked to end before");
	if (evidence->rule->action == ACT_PRETEND ||
	    evidence->rule->action == ACT_SAVE)
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
	if (tree->torn + tree->cut + tree->others > 0 ||
	    !tmp_is_clean(evidence) || !litter_is_excused(evidence))
		return object(complaint, size, "exit 0, and %s", tree->note);
	if (!judge_charge(evidence, complaint, size) ||
	    !judge_debris(evidence, complaint, size) ||
	    !judge_subscription(evidence, complaint, size))
		return false;
	if (evidence->ending->reply_length > 0)
		return object(complaint, size, "exit 0 with a reply: %s",
		    evidence->ending->reply);
	if (!fell_back && !judge_failures(evidence, complaint, size))
		return false;
	if ((evidence->scenario->flags & (START_AS_ROOT | START_SETGID)) != 0 &&
	    !evidence->ledger_overflowed &&
	    !ledger_shows_rights_given_up(evidence->records,
		evidence->record_count,
		(evidence->scenario->flags & START_AS_ROOT) != 0, complaint,
		size))
		return false;
	if (!evidence->ledger_overflowed &&
	    !ledger_names_are_whole(
		evidence->records, evidence->record_count, complaint, size))
		return false;
	return judge_durable(evidence, complaint, size);
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

	/* Of two failures either may be told. */
	if (evidence->second != NULL)
		return true;
	if (evidence->ending->reply[0] != '4')
		return true; /* what the scenario gives anyway */
	/* To look for a Maildir and find none is no failure yet. */
	if (evidence->rule->error == ENOENT &&
	    was_injected(evidence, CALL_FSTATAT, "/Maildir"))
		return true;
	if (evidence->scenario->want_exit == EXIT_TEMPORARY)
		return true;
	/* A lock that cannot be looked at may be held. */
	if (was_injected_first(evidence, ".lock"))
		return true;
	for (size_t i = 0; i < COUNT(codes); i++)
		if (evidence->rule->error == codes[i].error &&
		    was_injected_first(evidence,
			is_mbox(evidence) ? evidence->folder : "/Maildir") &&
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
			record->call == CALL_SEND_TO ||
			record->call == CALL_MAP))
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
	if (cannot_undo(evidence) && tree->whole + tree->cut == 1 &&
	    tree->torn == 0)
		return strstr(evidence->ending->log, "could not remove") !=
		    NULL ||
		    strstr(evidence->ending->log, "could not be cut back") !=
		    NULL ||
		    could_not_log(evidence) ||
		    object(complaint, size,
			"a trace is left, and the log "
			"does not say so (%s)",
			evidence->ending->log);
	/* A server may have the message, and its answer be lost. */
	if (is_remote(evidence) && tree->whole == 1 && code == EXIT_TEMPORARY &&
	    tree->elsewhere + tree->torn + tree->others + tree->cut == 0)
		return (strstr(evidence->ending->log, "delivered twice") !=
			       NULL ||
			   could_not_log(evidence) ||
			   object(complaint, size,
			       "the server has it, and the log does not say "
			       "so (%s)",
			       evidence->ending->log)) &&
		    judge_reply(evidence, '4', complaint, size);
	if (tree->whole + tree->elsewhere + tree->torn + tree->others +
		tree->cut >
	    0)
		return object(complaint, size,
		    "exit %d, but a trace is left: %u whole, %s", code,
		    tree->whole, tree->note);
	if (!tmp_is_clean(evidence) || !litter_is_excused(evidence))
		return object(
		    complaint, size, "exit %d, and %s", code, tree->note);
	/* Neither the outputs nor /dev/null in their place: only the exit
	 * status is left to speak. */
	if (evidence->second != NULL && code == EXIT_TEMPORARY &&
	    was_injected(evidence, CALL_OPENAT, "/dev/null"))
		return true;
	if (!judge_charge(evidence, complaint, size) ||
	    (!evidence->ledger_overflowed && !cannot_undo(evidence) &&
		!ledger_is_undone(evidence->records, evidence->record_count,
		    complaint, size)) ||
	    (is_mbox(evidence) && !evidence->ledger_overflowed &&
		!ledger_mbox_was_cut_back(evidence->records,
		    evidence->record_count, evidence->folder, complaint, size)))
		return false;
	return judge_reply(evidence, code == EXIT_TEMPORARY ? '4' : '5',
		   complaint, size) &&
	    judge_code(evidence, complaint, size) &&
	    judge_log(evidence, code, complaint, size);
}

/* Whether there is one message, or the beginning of one, or nothing: who is
 * interrupted for good tidies up no more. */
static bool
judge_remains(const struct tree_count *tree, char *complaint, size_t size)
{
	if (tree->torn + tree->elsewhere + tree->others > 0)
		return object(complaint, size, "%s", tree->note);
	if (tree->whole > 1)
		return object(complaint, size, "%u messages", tree->whole);
	if (tree->cut > 1 || (tree->cut > 0 && tree->whole > 0))
		return object(complaint, size, "%u beginnings", tree->cut);
	return true;
}

/* Only what the plan sent, and only where it has left all or nothing. */
static bool
judge_signal(const struct evidence *evidence, int signal_number,
    char *complaint, size_t size)
{
	const struct tree_count *tree = evidence->tree;
	bool killed = signal_number == SIGKILL;

	if (evidence->rule->process != 0 ||
	    signal_number != signal_of(evidence->rule->action))
		return object(
		    complaint, size, "died of signal %d", signal_number);
	if (!judge_remains(tree, complaint, size))
		return false;
	if (!killed &&
	    tree->whole + tree->in_tmp + tree->cut + tree->litter > 0)
		return object(complaint, size,
		    "ended by a signal, with a trace left: %u whole, %s",
		    tree->whole, tree->note);
	return judge_charge(evidence, complaint, size);
}

/* Whether the ledger shows a message that would survive a power cut: from
 * there to the commit no call is made, but in an mbox a last look at who feeds
 * us. */
static bool
is_committed(const struct evidence *evidence)
{
	char unused[256];

	if (was_injected(evidence, CALL_GETPPID, "") ||
	    was_injected(evidence, CALL_PREAD, "/proc/"))
		return false;
	if (evidence->tree->whole != 1 || is_remote(evidence))
		return false;
	return is_mbox(evidence) ?
	    ledger_mbox_is_durable(evidence->records, evidence->record_count,
		evidence->folder, unused, sizeof(unused)) :
	    ledger_is_durable(evidence->records, evidence->record_count, unused,
		sizeof(unused));
}

/* The last words: what is so, and nothing is tidied up. */
static bool
judge_crash(
    const struct evidence *evidence, int code, char *complaint, size_t size)
{
	const struct tree_count *tree = evidence->tree;

	if (!judge_remains(tree, complaint, size))
		return false;
	if (code == 0)
		return tree->whole == 1 ?
		    judge_durable(evidence, complaint, size) :
		    object(complaint, size, "exit 0, but %u whole messages",
			tree->whole);
	if (code != EXIT_TEMPORARY)
		return object(complaint, size, "exit %d", code);
	if (ledger_tells(evidence) && is_committed(evidence))
		return object(complaint, size,
		    "exit 75 for what has been delivered before");
	return judge_reply(evidence, '4', complaint, size);
}

/* What is used and cannot be found out is no reason to refuse mail. */
static bool
could_not_count(const struct evidence *evidence)
{
	return (evidence->scenario->flags & HAS_QUOTA) != 0 &&
	    was_injected_first(evidence, "/Maildir");
}

/* What is closed twice may be somebody else's by then. */
static bool
closes_twice(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->record_count; i++)
		if (evidence->records[i].call == CALL_CLOSE &&
		    evidence->records[i].error == EBADF)
			return true;
	return false;
}

/* What hung until the time was over is not asked again: it would hang again.
 * (A directory may be opened for two reasons.) */
static bool
hangs_again(const struct evidence *evidence)
{
	const struct fault_record *hung = NULL;

	if (evidence->rule->action != ACT_HANG &&
	    evidence->rule->action != ACT_HANG_TERM &&
	    evidence->rule->action != ACT_LATE_HANG)
		return false;
	for (size_t i = 0; i < evidence->record_count; i++) {
		const struct fault_record *record = &evidence->records[i];

		if (hung != NULL && record->process == hung->process)
			return record->call == hung->call &&
			    (call_row(record->call)->flags & CALL_MOVES) != 0 &&
			    strcmp(record->path, hung->path) == 0;
		if (record->injected)
			hung = record;
	}
	return false;
}

bool
judge_delivery(const struct evidence *evidence, char *complaint, size_t size)
{
	int status = evidence->ending->wait_status;

	if (evidence->ending->timed_out)
		return object(complaint, size, "it did not end");
	if (evidence->ran_away)
		return object(complaint, size, "it tried again without end");
	if (hangs_again(evidence))
		return object(complaint, size, "it asked again what had hung");
	if (closes_twice(evidence))
		return object(complaint, size, "it closed what was closed");
	if (WIFSIGNALED(status))
		return judge_signal(
		    evidence, WTERMSIG(status), complaint, size);
	if (evidence->rule->action == ACT_CRASH && evidence->rule->process == 0)
		return judge_crash(
		    evidence, WEXITSTATUS(status), complaint, size);
	if (WEXITSTATUS(status) != 0)
		return judge_refused(
		    evidence, WEXITSTATUS(status), complaint, size);
	if (evidence->scenario->want_exit != 0 && !could_not_count(evidence))
		return object(complaint, size, "exit 0 instead of %d",
		    evidence->scenario->want_exit);
	return judge_delivered(evidence, complaint, size);
}

bool
judge_recovery(const struct ending *ending, const struct tree_count *tree,
    const struct tree_count *before, char *complaint, size_t size)
{
	if (ending->timed_out || !WIFEXITED(ending->wait_status) ||
	    WEXITSTATUS(ending->wait_status) != 0)
		return object(complaint, size,
		    "the next delivery fails: wait status %#x, %s",
		    (unsigned)ending->wait_status, ending->log);
	if (tree->torn + tree->elsewhere + tree->others > 0)
		return object(
		    complaint, size, "after the next delivery: %s", tree->note);
	if (tree->cut > before->cut || tree->litter > before->litter)
		return object(
		    complaint, size, "after the next delivery: %s", tree->note);
	if (tree->whole != before->whole + 1)
		return object(complaint, size,
		    "%u messages before the next delivery, %u after it",
		    before->whole, tree->whole);
	return true;
}
