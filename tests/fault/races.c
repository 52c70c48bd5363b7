/*
 * races.c - somebody swaps a file or a directory at the worst moment, for make
 * proof.
 *
 * usage: races [scenario ...]
 *
 * Before each call of a delivery that names a path the process is stopped, one
 * entry on the way is replaced by a link to a decoy, and the process goes on:
 * the window of a race, as long as it takes.  The decoy belongs to the
 * recipient and the spool's group, so that nothing but lda's own care protects
 * it.  Afterwards it must be as it was (I10), and the message delivered once,
 * or deferred without a trace.
 *
 * Who swaps is the recipient himself, in a directory of his or as a member of
 * the spool's group, or another user, in a spool that all may write to.  The
 * mail root itself may be a link; what lies below may not.
 *
 * Source: reference reliability A1, A2.
 */
#define _GNU_SOURCE /* memmem(3) */
#include "base/attribute.h"
#include "calls.h"
#include "ledger.h"
#include "scenarios.h"
#include "support/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One look at a process that is to stop or to end, and when to give up. */
#define LOOK_MS 1
#define LOOKS 15000

/* Not one of the stages' users. */
#define STRANGER_UID 61234

/* A snapshot of the decoy; it holds a dozen short files. */
#define SNAPSHOT ((size_t)16 * 1024)
#define FILE_OCTETS ((size_t)1024 * 1024)

enum swap {
	FILE_TO_SYMLINK,
	DIRECTORY_TO_SYMLINK,
	FILE_TO_HARD_LINK,
	FILE_TO_DIRECTORY_LINK,
	SWAPS
};

static const char *const swap_names[] = { "file-to-symlink",
	"directory-to-symlink", "file-to-hard-link",
	"file-to-link-to-directory" };

/* Who swaps, and the spool's mode. */
static const struct setting {
	const char *name;
	bool is_stranger;
	mode_t spool_mode; /* 0: only scenarios without it */
} settings[] = {
	{ "recipient", false, 0 },
	{ "recipient, spool 2775", false, 02775 },
	{ "recipient, spool 1777", false, 01777 },
	{ "stranger, spool 2775", true, 02775 },
	{ "stranger, spool 1777", true, 01777 },
};

static const char *const played[] = { "existing", "fresh", "large", "link",
	"folder", "newfolder", "reap", "quotacount", "quotawarn", "quotafolder",
	"subscribe", "mbox", "mboxnew", "mboxlarge", "mboxfolder", "mboxstale",
	"mboxspool", "mboxspoolnew", "setgid", "setgidnew", "boxed",
	"boxedmbox" };

/* Switches of the kernel that would do part of lda's work. */
static struct protection {
	const char *path;
	char before[8]; /* empty: there is none, or it is not ours to set */
	const char *off, *on;
} protections[] = {
	{ "/proc/sys/fs/protected_symlinks", "", "0", "1" },
	{ "/proc/sys/fs/protected_hardlinks", "", "0", "1" },
	{ "/proc/sys/fs/protected_regular", "", "0", "2" },
	{ "/proc/sys/fs/protected_fifos", "", "0", "2" },
};

static struct {
	unsigned runs, swapped, impossible, delivered, survivors;
} tally;

static const char *protection_name = "as it is";

static void
give_up(const char *what, const char *path)
{
	(void)fprintf(
	    stderr, "races: cannot %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static bool
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

static void
restore_protections(void)
{
	for (size_t i = 0; i < COUNT(protections); i++)
		if (protections[i].before[0] != '\0')
			(void)put(protections[i].path, protections[i].before);
}

static void
restore_and_end(int signal_number)
{
	restore_protections();
	_exit(128 + signal_number);
}

/* Whether they can be switched here; restored whatever ends us. */
static bool
note_protections(void)
{
	for (size_t i = 0; i < COUNT(protections); i++) {
		struct protection *one = &protections[i];
		int fd = open(one->path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, one->before, 2) < 1 ||
		    !put(one->path, one->before))
			one->before[0] = '\0';
		if (fd >= 0)
			(void)close(fd);
	}
	(void)atexit(restore_protections);
	(void)signal(SIGINT, restore_and_end);
	(void)signal(SIGTERM, restore_and_end);
	(void)signal(SIGHUP, restore_and_end);
	return protections[0].before[0] != '\0' &&
	    protections[1].before[0] != '\0';
}

static void
set_protections(bool on)
{
	protection_name = on ? "on" : "off";
	for (size_t i = 0; i < COUNT(protections); i++)
		if (protections[i].before[0] != '\0')
			(void)put(protections[i].path,
			    on ? protections[i].on : protections[i].off);
}

/* The decoy. */

static void
decoy_path(const struct stage *stage, const char *name, char *into)
{
	(void)snprintf(into, PATH_MAX, "%s/decoy%s", stage->root, name);
}

static void
give(const struct stage *stage, const char *path, mode_t mode)
{
	if (chown(path, stage->uid, SPOOL_GID) < 0 || chmod(path, mode) < 0)
		give_up("give away", path);
}

static void
make_decoy_directory(const struct stage *stage, const char *name)
{
	char path[PATH_MAX];

	decoy_path(stage, name, path);
	if (mkdir(path, 0770) < 0)
		give_up("make", path);
	give(stage, path, 0770);
}

static void
make_decoy_file(const struct stage *stage, const char *name)
{
	static const char text[] = "From nobody  Fri Nov 20 08:00:00 2026\n"
				   "Subject: not yours\n\n.\n\n";
	char path[PATH_MAX];
	int fd;

	decoy_path(stage, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
		give_up("make", path);
	(void)close(fd);
	give(stage, path, 0660);
}

/* base: a file in each of its directories has the name that is meant. */
static void
make_decoy(const struct stage *stage, const char *base)
{
	static const char *const parts[] = { "", "/dir", "/dir/cur", "/dir/new",
		"/dir/tmp" };
	char path[PATH_MAX];

	decoy_path(stage, "", path);
	tree_remove(path);
	for (size_t i = 0; i < COUNT(parts); i++)
		make_decoy_directory(stage, parts[i]);
	make_decoy_file(stage, "/file");
	for (size_t i = 1; i < COUNT(parts); i++) {
		struct stat facts;
		char full[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", parts[i], base);
		decoy_path(stage, path, full);
		if (lstat(full, &facts) < 0)
			make_decoy_file(stage, path);
	}
}

static int
by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* Adds what can be seen of path and all below it. */
static void
add_snapshot(const char *path, char *into, size_t *used)
{
	struct dirent **entries;
	char text[512] = "", child[PATH_MAX];
	struct stat facts;
	ssize_t got = 0;
	int count, fd;

	if (lstat(path, &facts) < 0)
		give_up("look at", path);
	if (S_ISREG(facts.st_mode)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (got < 0)
			give_up("read", path);
		(void)close(fd);
		text[got] = '\0';
	}
	*used += (size_t)snprintf(into + *used, SNAPSHOT - *used,
	    "%s %o %ju:%ju %jd %jd.%09ld %ju %s\n", path,
	    (unsigned)facts.st_mode, (uintmax_t)facts.st_uid,
	    (uintmax_t)facts.st_gid,
	    S_ISDIR(facts.st_mode) ? (intmax_t)0 : (intmax_t)facts.st_size,
	    (intmax_t)facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec,
	    (uintmax_t)facts.st_ino, text);
	if (*used >= SNAPSHOT)
		abort();
	if (!S_ISDIR(facts.st_mode))
		return;
	count = scandir(path, &entries, NULL, by_name);
	if (count < 0)
		give_up("list", path);
	for (int i = 0; i < count; i++) {
		(void)snprintf(
		    child, sizeof(child), "%s/%s", path, entries[i]->d_name);
		if (strcmp(entries[i]->d_name, ".") != 0 &&
		    strcmp(entries[i]->d_name, "..") != 0)
			add_snapshot(child, into, used);
		free(entries[i]);
	}
	free(entries);
}

static void
take_snapshot(const struct stage *stage, char *into)
{
	char path[PATH_MAX];
	size_t used = 0;

	decoy_path(stage, "", path);
	add_snapshot(path, into, &used);
}

/* The message, wherever it may be now. */

static unsigned
copies_in_file(const char *path)
{
	static const char mark[] = "Subject: a fault\n";
	static char text[FILE_OCTETS];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t length = 0;
	unsigned count = 0;
	const char *at = text;
	ssize_t got;

	if (fd < 0)
		give_up("open", path);
	while ((got = read(fd, text + length, sizeof(text) - length)) > 0)
		length += (size_t)got;
	(void)close(fd);
	while ((at = memmem(at, (size_t)(text + length - at), mark,
		    sizeof(mark) - 1)) != NULL) {
		count++;
		at++;
	}
	return count;
}

static bool
ends(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Where nobody reads mail: in what is called tmp or temp. */
static bool
is_temporary(const char *path)
{
	return strstr(path, "/tmp") != NULL || strstr(path, "/temp") != NULL;
}

/* taken: also what the attacker has moved out of tmp/ before it was
 * published, and put something of his in its place. */
static unsigned
copies_below(const char *path, bool taken)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	char child[PATH_MAX];
	struct stat facts;
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(
		    child, sizeof(child), "%s/%s", path, entry->d_name);
		if (lstat(child, &facts) < 0)
			continue;
		if (S_ISDIR(facts.st_mode))
			count += copies_below(child, taken);
		else if (S_ISREG(facts.st_mode) &&
		    (!is_temporary(child) || (taken && ends(child, ".away"))))
			count += copies_in_file(child);
	}
	(void)closedir(dir);
	return count;
}

static bool
is_in_shared_spool(const struct stage *stage)
{
	return stage->scenario->folder[0] == '@';
}

static unsigned
copies(const struct stage *stage, bool taken)
{
	char path[PATH_MAX];
	unsigned count;

	(void)snprintf(path, sizeof(path), "%s/world", stage->root);
	count = copies_below(path, taken);
	if (is_in_shared_spool(stage)) {
		(void)snprintf(path, sizeof(path), "%s", stage_folder(stage));
		*strrchr(path, '/') = '\0';
		count += copies_below(path, taken);
	}
	return count;
}

/* The swap. */

static void
become(const struct stage *stage, const struct setting *setting)
{
	if (setegid(setting->is_stranger         ? STRANGER_UID :
		    setting->spool_mode == 02775 ? SPOOL_GID :
						   machine_gid()) < 0 ||
	    seteuid(setting->is_stranger ? STRANGER_UID : stage->uid) < 0)
		give_up("become", setting->name);
}

static void
become_root(void)
{
	if (seteuid(0) < 0 || setegid(0) < 0)
		give_up("become", "root");
}

/* Whether path lies strictly below the mail root, or in the spool. */
static bool
may_be_swapped(const struct stage *stage, const char *path)
{
	char root[PATH_MAX];
	size_t length;

	if (strstr(path, "/spool/") != NULL)
		return true;
	if ((stage->scenario->flags & STORE_MBOX) != 0) {
		/* INBOX, its locks, and folders; not the home, nor what
		 * "auto" looks for. */
		(void)snprintf(
		    root, sizeof(root), "%s/world/home/", stage->root);
		length = strlen(root);
		return strncmp(path, root, length) == 0 &&
		    strcmp(path + length, "mail") != 0 &&
		    strcmp(path + length, "Maildir") != 0;
	}
	(void)snprintf(root, sizeof(root), "%s/world/", stage->root);
	return strncmp(path, root, strlen(root)) == 0 &&
	    strstr(path, "/Maildir/") != NULL;
}

/* What stands there is moved aside, and a link put in its place. */
static bool
replace(const char *path, const char *target, bool hard)
{
	char aside[PATH_MAX + 8];

	(void)snprintf(aside, sizeof(aside), "%s.away", path);
	if (rename(path, aside) < 0 && errno != ENOENT)
		return false;
	return (hard ? link(target, path) : symlink(target, path)) == 0;
}

static bool
swap(const struct stage *stage, const struct setting *setting, enum swap what,
    const char *path)
{
	char place[PATH_MAX], target[PATH_MAX];
	bool done;

	(void)snprintf(place, sizeof(place), "%s", path);
	if (what == DIRECTORY_TO_SYMLINK)
		*strrchr(place, '/') = '\0';
	if (!may_be_swapped(stage, place))
		return false;
	decoy_path(stage,
	    what == DIRECTORY_TO_SYMLINK || what == FILE_TO_DIRECTORY_LINK ?
		"/dir" :
		"/file",
	    target);
	become(stage, setting);
	done = replace(place, target, what == FILE_TO_HARD_LINK);
	become_root();
	return done;
}

/* One delivery. */

struct window {
	struct fault_rule rule;
	bool of_other; /* the second name of the call */
	char path[LEDGER_PATH];
};

static void
describe(const struct stage *stage, const struct setting *setting,
    enum swap what, const struct window *window, const char *complaint,
    const struct ending *ending)
{
	tally.survivors++;
	(void)fprintf(stderr,
	    "races: %s, call %u.%u, %s by the %s, protected_* %s: %s\n"
	    "\tat: %s\n\twait status %#x, reply \"%s\", log \"%s\"\n",
	    stage->scenario->name, window->rule.process, window->rule.ordinal,
	    swap_names[what], setting->name, protection_name, complaint,
	    window->path, (unsigned)ending->wait_status, ending->reply,
	    ending->log);
}

/* The call at which a process has come to the window; NULL: none has yet. */
static const struct fault_record *
stopped_at(const struct stage *stage)
{
	const struct fault_rule *rule = &stage->plan->rule;
	unsigned count = stage->plan->records;
	char path[64], text[256];
	const char *state;
	ssize_t got;
	int fd;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if (record->process != rule->process ||
		    record->ordinal != rule->ordinal || !record->injected)
			continue;
		(void)snprintf(
		    path, sizeof(path), "/proc/%d/stat", record->pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			(void)close(fd);
		if (got <= 0)
			return NULL;
		text[got] = '\0';
		state = strrchr(text, ')');
		return state != NULL && state[2] == 'T' ? record : NULL;
	}
	return NULL;
}

static void
set_spool_mode(const struct stage *stage, const struct setting *setting)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", stage_folder(stage));
	*strrchr(path, '/') = '\0';
	if (chown(path, 0, SPOOL_GID) < 0 ||
	    chmod(path, setting->spool_mode) < 0)
		give_up("change", path);
}

static bool
has_spool(const struct scenario *scenario)
{
	return strstr(scenario->folder, "spool/") != NULL;
}

static void
clear_aside(const struct stage *stage)
{
	char path[PATH_MAX];

	if (!is_in_shared_spool(stage))
		return;
	(void)snprintf(path, sizeof(path), "%s.away", stage_folder(stage));
	(void)unlink(path);
}

/* Once and no more; or the attacker has it, who took it out of tmp/.  Where old
 * files are reaped, and the calendar is ahead, it is old there. */
static bool
is_there_once(const struct stage *stage, const char *swapped)
{
	if (copies(stage, false) == 1)
		return true;
	return copies(stage, false) == 0 && is_temporary(swapped) &&
	    (copies(stage, true) == 1 ||
		(stage->scenario->flags & WORLD_OLD_TMP) != 0);
}

static const char *
complain(const struct stage *stage, const struct ending *ending,
    const char *swapped, const char *before)
{
	static char after[SNAPSHOT];
	bool delivered = WIFEXITED(ending->wait_status) &&
	    WEXITSTATUS(ending->wait_status) == 0;

	take_snapshot(stage, after);
	if (strcmp(before, after) != 0)
		return "the decoy has changed";
	if (!WIFEXITED(ending->wait_status) ||
	    (!delivered && WEXITSTATUS(ending->wait_status) != 75))
		return "neither 0 nor 75";
	if (delivered && !is_there_once(stage, swapped))
		return "delivered, and not there once";
	if (!delivered && copies(stage, false) != 0 &&
	    strstr(ending->log, "could not") == NULL)
		return "deferred, and there";
	if (delivered)
		tally.delivered++;
	return NULL;
}

/* Files in tmp/ have another name in each run. */
static bool
use_window(struct stage *stage, const struct setting *setting, enum swap what,
    const struct fault_record *record, struct window *window, char *before)
{
	const char *path = window->of_other ? record->other : record->path;

	(void)snprintf(window->path, sizeof(window->path), "%s", path);
	make_decoy(stage, strrchr(path, '/') + 1);
	take_snapshot(stage, before);
	return swap(stage, setting, what, path);
}

static void
play(struct stage *stage, const struct setting *setting, enum swap what,
    struct window *window)
{
	static char before[SNAPSHOT];
	const struct fault_record *record = NULL;
	struct ending ending;
	const char *complaint = NULL;
	bool has_swapped = false, has_ended = false;

	stage_reset(stage);
	if (setting->spool_mode != 0)
		set_spool_mode(stage, setting);
	stage->plan->rule = window->rule;
	memset(&ending, 0, sizeof(ending));
	stage_start(stage, NULL);
	for (unsigned i = 0; i < LOOKS && !has_ended; i++) {
		if (record == NULL && (record = stopped_at(stage)) != NULL) {
			has_swapped = use_window(
			    stage, setting, what, record, window, before);
			(void)kill(record->pid, SIGCONT);
		}
		has_ended = stage_wait(stage, LOOK_MS, &ending);
	}
	if (!has_ended) {
		(void)kill(-stage->pid, SIGKILL);
		(void)stage_wait(stage, LOOKS, &ending);
		complaint = "it did not end";
	} else if (record == NULL)
		complaint = "the window was not reached";
	else
		complaint = complain(stage, &ending, window->path, before);
	tally.runs++;
	if (has_swapped)
		tally.swapped++;
	else
		tally.impossible++;
	if (complaint != NULL)
		describe(stage, setting, what, window, complaint, &ending);
	clear_aside(stage);
}

static bool
names_path(enum fault_call call)
{
	return call == CALL_OPENAT || call == CALL_FSTATAT ||
	    call == CALL_FACCESSAT || call == CALL_MKDIRAT ||
	    call == CALL_UNLINKAT || call == CALL_LINKAT ||
	    call == CALL_RENAMEAT || call == CALL_RENAMEAT_NEW ||
	    call == CALL_LANDLOCK_ALLOW;
}

static void
add_window(const struct stage *stage, const struct fault_record *record,
    bool of_other, struct window *windows, size_t *count)
{
	const char *path = of_other ? record->other : record->path;
	struct window *one = &windows[*count];

	if (path[0] != '/' || !may_be_swapped(stage, path))
		return;
	memset(one, 0, sizeof(*one));
	one->rule.action = ACT_STOP;
	one->rule.process = record->process;
	one->rule.ordinal = record->ordinal;
	one->of_other = of_other;
	(void)snprintf(one->path, sizeof(one->path), "%s", path);
	(*count)++;
}

/* Both names of a call. */
static size_t
find_windows(struct stage *stage, struct window *windows)
{
	struct ending ending;
	size_t count = 0;

	stage_reset(stage);
	stage_run(stage, &ending);
	if (ending.wait_status != 0) {
		(void)fprintf(stderr, "races: %s does not deliver: %s\n",
		    stage->scenario->name, ending.log);
		tally.survivors++;
		return 0;
	}
	for (unsigned i = 0; i < stage->plan->records; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		/* The weather comes before any rule. */
		if (!names_path(record->call) ||
		    record->call == stage->scenario->weather.call)
			continue;
		add_window(stage, record, false, windows, &count);
		if (record->other[0] != '\0')
			add_window(stage, record, true, windows, &count);
	}
	return count;
}

static void
play_scenario(const struct scenario *scenario, bool switched)
{
	static struct window windows[2 * LEDGER_RECORDS];
	struct stage stage;
	size_t count;

	stages_prepare(scenario);
	stage_set_up(&stage, scenario, 0);
	count = find_windows(&stage, windows);
	for (size_t s = 0; s < COUNT(settings); s++) {
		if ((settings[s].spool_mode != 0) != has_spool(scenario))
			continue;
		for (int on = 0; on < (switched ? 2 : 1); on++) {
			if (switched)
				set_protections(on == 1);
			for (size_t i = 0; i < count; i++)
				for (int what = 0; what < SWAPS; what++)
					play(&stage, &settings[s],
					    (enum swap)what, &windows[i]);
		}
	}
	stage_tear_down(&stage);
}

static bool
is_wanted(int argc, char *argv[], const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 1;
}

int
main(int argc, char *argv[])
{
	struct scenario scenario;
	bool switched;

	if (getuid() != 0) {
		(void)printf("skip: races: two users are needed: not root\n");
		return 77;
	}
	stages_begin(STAGE_FAULT);
	switched = note_protections();
	if (!switched)
		(void)printf("skip: fs.protected_* both ways: they cannot be "
			     "set here\n");
	for (size_t i = 0; i < COUNT(played); i++)
		if (is_wanted(argc, argv, played[i]) &&
		    scenario_find(played[i], &scenario))
			play_scenario(&scenario, switched);
	stages_end();
	(void)printf("summary: %u races in stretched windows, %u swaps made "
		     "(%u not in the attacker's power), %u delivered, "
		     "%u survivors\n",
	    tally.runs, tally.swapped, tally.impossible, tally.delivered,
	    tally.survivors);
	return tally.survivors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
