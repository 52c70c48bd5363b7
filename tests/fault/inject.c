/*
 * inject.c - what happens to a call of the seam, as the plan says.
 */
#include "inject.h"
#include "real.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
/* A crash that the plan asks for is the program's own affair from its first
 * call on, and a process that has changed its ids cannot be looked through for
 * what was not freed.  The sanitizer looks for a function of this name. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "handle_segv=0:detect_leaks=0";
}
#endif

/* Descriptors that are followed; the program holds a dozen at most. */
#define DESCRIPTORS 64

/* What ACT_TRICKLE lets through at a time: prime, so that no buffer's size
 * is a multiple of it. */
#define TRICKLE_OCTETS 7

struct fault_plan *inject_plan;
static unsigned process;
static unsigned ordinal;
static struct fault_record unwritten; /* stands in when there is no room */

/* What the rule has started in this process. */
static enum fault_call failing_on;
static int failing_error;
static int lost_error;
static bool failing_on_pipes;
static bool orphaned;
static bool just_interrupted;
static bool answer_is_lost;
static bool saved_id_stays;

static char opened[DESCRIPTORS][LEDGER_PATH];
static int opened_flags[DESCRIPTORS];

void
inject_remember(int fd, const char *path, int flags)
{
	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	(void)strncpy(opened[fd], path, LEDGER_PATH - 1);
	opened_flags[fd] = flags;
}

void
inject_forget(int fd)
{
	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	opened[fd][0] = '\0';
	opened_flags[fd] = 0;
}

void
inject_remember_copy(int from, int to)
{
	if (from >= 0 && from < DESCRIPTORS)
		inject_remember(to, opened[from], opened_flags[from]);
}

void
inject_forget_from(int first)
{
	for (int fd = first; fd < DESCRIPTORS; fd++)
		inject_forget(fd);
}

static const char *
opened_as(int fd)
{
	return fd < 0 || fd >= DESCRIPTORS ? "" : opened[fd];
}

__attribute__((constructor)) static void
find_plan(void)
{
	const char *path = getenv(FAULT_PLAN_VARIABLE);
	void *at;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort(); /* a sweep that injects nothing proves nothing */
	at = mmap(NULL, sizeof(*inject_plan), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		abort();
	(void)close(fd);
	inject_plan = at;
	process = inject_next_process();
	inject_remember(0, "(stdin)", O_RDONLY);
	inject_remember(1, "(stdout)", O_WRONLY);
	inject_remember(2, "(stderr)", O_WRONLY);
}

/* One name for one file: "a//b/./c/" is "a/b/c", "a/../b" is "b". */
static void
tidy(char *path)
{
	char *to = path, *from = path;
	size_t length;

	while (*from != '\0') {
		length = strcspn(from + 1, "/") + 1; /* "/name" */
		if (*from != '/') { /* a relative path's first part */
			length = strcspn(from, "/");
			memmove(to, from, length);
			to += length;
		} else if (length == 3 && strncmp(from, "/..", 3) == 0) {
			while (to > path && *--to != '/')
				;
		} else if (length > 1 && !(length == 2 && from[1] == '.')) {
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path && path[0] == '/')
		to++;
	*to = '\0';
}

static void
name_of(int dir, const char *path, char *into)
{
	size_t room = LEDGER_PATH - 1, used = 0;

	if (path == NULL)
		path = "(null)";
	if (path[0] != '/' && dir != AT_FDCWD) {
		used = strlen(opened_as(dir));
		memcpy(into, opened_as(dir), used);
		if (used < room)
			into[used++] = '/';
	}
	if (strlen(path) < room - used)
		room = used + strlen(path);
	memcpy(into + used, path, room - used);
	into[room] = '\0';
	tidy(into);
}

struct fault_record *
inject_begin(enum fault_call call, int fd)
{
	struct fault_record *record = &unwritten;
	int kept = errno;
	unsigned at;

	ordinal++;
	if (inject_plan != NULL) {
		at = atomic_fetch_add(&inject_plan->records, 1);
		if (at < LEDGER_RECORDS)
			record = &inject_plan->ledger[at];
	}
	memset(record, 0, sizeof(*record));
	record->call = call;
	record->process = process;
	record->ordinal = ordinal;
	record->pid = (int)getpid();
	record->fd = fd;
	if (fd >= 0 && fd < DESCRIPTORS) {
		memcpy(record->path, opened[fd], LEDGER_PATH);
		record->flags = opened_flags[fd];
	}
	errno = kept;
	return record;
}

struct fault_record *
inject_begin_name(enum fault_call call, int dir, const char *path)
{
	struct fault_record *record = inject_begin(call, -1);

	name_of(dir, path, record->path);
	return record;
}

static bool
fail(struct fault_record *record, int error)
{
	record->injected = true;
	record->done = true;
	record->result = -1;
	record->error = error;
	errno = error;
	return true;
}

static bool
is_place_of(const struct fault_rule *rule)
{
	return rule->process == process && rule->ordinal == ordinal;
}

/* The rule whose place this call is; one that does nothing if there is none. */
static const struct fault_rule *
met(void)
{
	static const struct fault_rule none = { .action = ACT_NOT };

	if (inject_plan == NULL)
		return &none;
	return is_place_of(&inject_plan->rule) ? &inject_plan->rule :
	    is_place_of(&inject_plan->second)  ? &inject_plan->second :
						 &none;
}

void
inject_signal(int signal_number)
{
	int kept = errno;

	(void)raise(signal_number); /* a sandbox keeps no kill(2) */
	errno = kept;
}

/* Standard input and output, pipes and sockets have such names. */
static bool
is_pipe(const struct fault_record *record)
{
	return record->path[0] == '(';
}

/* Until a signal.  Whoever sends it looks at injected first: none may fall
 * between that and the wait, which is one that a sandbox has. */
static void
hang(struct fault_record *record)
{
	sigset_t all, before;
	int kept = errno;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	record->injected = true;
	(void)real_poll_open(NULL, 0, -1);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = kept;
}

static int
signal_of(enum fault_action action)
{
	switch (action) {
	case ACT_TERM:
		return SIGTERM;
	case ACT_HUP:
		return SIGHUP;
	case ACT_INT:
		return SIGINT;
	default:
		return SIGSEGV;
	}
}

/* What the rule does at its own place.  True: the call is not made. */
static bool
rule_refuses(struct fault_record *record, const struct fault_rule *rule)
{
	switch (rule->action) {
	case ACT_FAIL_ON:
		failing_on = record->call;
		failing_on_pipes = is_pipe(record);
		failing_error = rule->error;
		return fail(record, rule->error);
	case ACT_FAIL:
		return fail(record, rule->error);
	case ACT_DONE_FAIL:
		answer_is_lost = true;
		lost_error = rule->error;
		return false;
	case ACT_KILL:
		record->injected = true;
		inject_signal(SIGKILL);
		return false;
	case ACT_TERM:
	case ACT_HUP:
	case ACT_INT:
	case ACT_CRASH:
		record->injected = true;
		inject_signal(signal_of(rule->action));
		return false;
	case ACT_STOP:
		record->injected = true;
		inject_signal(SIGSTOP);
		return false;
	case ACT_LATE_HANG:
		inject_signal(SIGTERM);
		hang(record);
		return fail(record, EINTR);
	case ACT_HANG:
	case ACT_HANG_TERM:
		hang(record);
		return fail(record, EINTR);
	case ACT_PRETEND:
		record->injected = true;
		record->done = true;
		return true; /* result is 0 */
	case ACT_SAVE:
		record->injected = true;
		saved_id_stays = true;
		return false;
	case ACT_ORPHAN:
		orphaned = true;
		return false;
	default:
		return false;
	}
}

bool
inject_refused(struct fault_record *record)
{
	if (inject_plan == NULL)
		return false;
	if (inject_plan->call_limit > 0 && ordinal > inject_plan->call_limit) {
		inject_plan->ran_away = true;
		inject_signal(SIGKILL);
	}
	if (inject_plan->weather.action == ACT_FAIL_EVERY &&
	    inject_plan->weather.call == record->call) {
		(void)fail(record, inject_plan->weather.error);
		record->injected = false; /* the weather is nobody's fault */
		return true;
	}
	if (inject_plan->rule.action == ACT_INTERRUPT_EACH &&
	    inject_plan->interrupts[record->call]) {
		just_interrupted = !just_interrupted;
		if (just_interrupted)
			return fail(record, EINTR);
	}
	/* A disk that is full does not fill the pipes, too. */
	if (failing_on == record->call && failing_on_pipes == is_pipe(record))
		return fail(record, failing_error);
	return rule_refuses(record, met());
}

intmax_t
inject_end(struct fault_record *record, intmax_t result)
{
	record->happened = result >= 0;
	if (answer_is_lost) {
		answer_is_lost = false;
		if (result >= 0) {
			(void)fail(record, lost_error);
			return -1;
		}
	}
	record->result = result;
	if (result < 0)
		record->error = errno;
	record->done = true;
	return result;
}

void
inject_identify(struct fault_record *record, int fd)
{
	int kept = errno;
	struct stat facts;

	if (inject_plan != NULL && inject_plan->keeps_octets && fd >= 0 &&
	    real_fstat(fd, &facts) == 0)
		record->inode = (uint64_t)facts.st_ino;
	errno = kept;
}

void
inject_keep_octets(struct fault_record *record, const void *from)
{
	size_t length = record->result > 0 ? (size_t)record->result : 0;
	int kept = errno;
	off_t behind;

	if (inject_plan == NULL || !inject_plan->keeps_octets || length == 0)
		return;
	inject_identify(record, record->fd);
	behind = lseek(record->fd, 0, SEEK_CUR);
	record->offset = behind < 0 ? -1 : behind - (off_t)length;
	record->kept = atomic_fetch_add(&inject_plan->octets_used, length);
	if (record->kept + length <= KEPT_OCTETS)
		memcpy(inject_plan->octets + record->kept, from, length);
	errno = kept;
}

size_t
inject_allowed(struct fault_record *record, size_t size)
{
	size_t most = size;

	/* A message of a SOCK_SEQPACKET socket moves whole or not at all, and
	 * so do a few octets on their way into a pipe. */
	if (inject_plan == NULL || strcmp(record->path, "(socketpair)") == 0 ||
	    (record->call == CALL_WRITE && size <= PIPE_BUF &&
		strcmp(record->path, "(pipe)") == 0))
		return size;
	if (inject_plan->rule.action == ACT_TRICKLE)
		most = TRICKLE_OCTETS;
	else if (met()->action == ACT_HALF || met()->action == ACT_TEAR)
		most = size / 2;
	else if (met()->action == ACT_ONE)
		most = 1;
	if (most == 0 || most >= size)
		return size;
	record->injected = true;
	return most;
}

void
inject_names(struct fault_record *record, int dir, const char *path)
{
	name_of(dir, path, record->other);
}

struct fault_record *
inject_begin_two(enum fault_call call, int from_dir, const char *from,
    int to_dir, const char *to)
{
	struct fault_record *record = inject_begin_name(call, from_dir, from);

	inject_names(record, to_dir, to);
	return record;
}

bool
inject_tears(void)
{
	return met()->action == ACT_TEAR;
}

bool
inject_orphans(void)
{
	return orphaned;
}

bool
inject_keeps_saved_id(void)
{
	bool keeps = saved_id_stays;

	saved_id_stays = false;
	return keeps;
}

unsigned
inject_next_process(void)
{
	return inject_plan == NULL ?
	    0 :
	    atomic_fetch_add(&inject_plan->processes, 1);
}

void
inject_become(unsigned child)
{
	process = child;
	ordinal = 0;
	just_interrupted = false;
}
