/*
 * maildirsize.c - the file in which Maildir++ programs share how much is used.
 *
 * Source: Courier README.maildirquota; Dovecot quota=maildir (what counts:
 * every message but those of folders that are ignored).
 */
#include "store/maildirsize.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/number.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char file_name[] = "maildirsize";

/* A file this long is counted anew (Maildir++). */
#define FILE_OCTETS 5120

/* How long a count is believed when it says "full" (Maildir++). */
#define FRESH_SECONDS INT64_C(900)

/* A directory changed this short ago may change again without its mtime
 * telling: the kernel's clock for it has ticks. */
#define RACY_NS ((int64_t)50 * 1000000)

/* A count that takes longer is given up, and the mail let in: a slow server
 * must not spend every delivery's time. */
#define COUNT_US ((int64_t)20 * 1000000)

/* Directories below each other, and in all, that are counted. */
#define DEPTH_MOST 8

static bool
read_limit(struct str line, struct quota_amount *limit)
{
	struct cursor in = cursor_over(line);

	memset(limit, 0, sizeof(*limit));
	while (!cursor_at_end(&in)) {
		struct str one = str_trim(cursor_until(&in, ','));
		struct str digits = str_head(one, one.length - 1);
		uint64_t number;

		if (one.length < 2 ||
		    !number_read(digits, (uint64_t)1 << 62, &number))
			return false;
		if (str_ends(one, "S"))
			limit->octets = number;
		else if (str_ends(one, "C"))
			limit->messages = number;
	}
	return true;
}

static bool
read_signed(struct cursor *in, int64_t *into)
{
	bool negative;
	uint64_t number;

	(void)cursor_span(in, " \t");
	negative = cursor_take(in, '-');
	if (!number_read(
		cursor_span(in, "0123456789"), (uint64_t)1 << 60, &number))
		return false;
	*into = negative ? -(int64_t)number : (int64_t)number;
	return true;
}

/* At most 5120 octets of lines: their sum stays far from an overflow. */
static bool
is_absurd(int64_t delta)
{
	const int64_t most = INT64_MAX / (FILE_OCTETS + 1);

	return delta > most || delta < -most;
}

bool
maildirsize_parse(struct str text, struct maildirsize_text *into)
{
	struct cursor in = cursor_over(text);
	int64_t octets = 0, messages = 0;

	memset(into, 0, sizeof(*into));
	into->has_limit = str_index(text, '\n') != STR_NONE &&
	    read_limit(cursor_until(&in, '\n'), &into->limit);
	if (!into->has_limit || !str_ends(text, "\n"))
		return false;
	for (; !cursor_at_end(&in); into->lines++) {
		struct cursor line = cursor_over(cursor_until(&in, '\n'));
		int64_t octets_more, messages_more;

		if (!read_signed(&line, &octets_more) ||
		    !read_signed(&line, &messages_more) ||
		    str_trim(line.rest).length > 0)
			return false;
		if (is_absurd(octets_more) || is_absurd(messages_more))
			return false;
		octets += octets_more;
		messages += messages_more;
	}
	if (octets < 0 || messages < 0 || into->lines == 0)
		return false;
	into->used.octets = (uint64_t)octets;
	into->used.messages = (uint64_t)messages;
	return true;
}

/* The contents and age of the file; false where there is none to be used. */
static bool
read_file(struct maildirsize *size, struct maildirsize_text *into)
{
	char room[FILE_OCTETS];
	struct stat facts;
	size_t length = 0;
	ssize_t got = 0;
	int fd = sys_openat(
	    size->control, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	bool fine = false;

	memset(into, 0, sizeof(*into));
	size->exists = fd >= 0;
	if (fd < 0)
		return false;
	if (sys_fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
		while (length < sizeof(room) &&
		    (got = sys_read(fd, room + length, sizeof(room) - length)) >
			0)
			length += (size_t)got;
		size->age_seconds = sys_now_us() / 1000000 - facts.st_mtime;
		size->mtime_ns = (int64_t)facts.st_mtim.tv_sec * 1000000000 +
		    facts.st_mtim.tv_nsec;
		fine = maildirsize_parse(str_of(room, length), into) &&
		    got == 0 && length < sizeof(room);
	}
	(void)sys_close(fd);
	return fine;
}

/* One count of everything. */
struct count {
	struct maildirsize *size;
	struct quota_amount used;
	bool racy;          /* something changed meanwhile */
	bool failed;        /* something could not be read */
	int64_t started_us; /* given up after COUNT_US */
};

/* S= in a name, before ":" and its flags; false where it is not. */
static bool
size_in_name(struct str name, uint64_t *octets)
{
	struct cursor in = cursor_over(str_head(name, str_index(name, ':')));

	while (!cursor_at_end(&in)) {
		struct cursor part = cursor_over(cursor_until(&in, ','));

		if (cursor_take_word(&part, "S="))
			return number_read(
			    part.rest, (uint64_t)1 << 50, octets);
	}
	return false;
}

static void
count_message(struct count *at, int dir, const char *name)
{
	struct stat facts;
	uint64_t octets;

	if (name[0] == '.')
		return;
	if (!size_in_name(str_from(name), &octets)) {
		if (sys_fstatat(dir, name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
			return; /* gone meanwhile */
		octets = (uint64_t)facts.st_size;
	}
	at->used.octets += octets;
	at->used.messages++;
}

/* A clock that cannot be read (0) limits nothing. */
static bool
takes_too_long(const struct count *at)
{
	return at->started_us != 0 &&
	    sys_ticks_us() - at->started_us > COUNT_US;
}

/* The next entry; NULL at the end, and when the rest cannot be read. */
static const struct dirent *
next_entry(struct count *at, DIR *dir)
{
	const struct dirent *entry;

	if (stop_reason() != STOP_NOT || takes_too_long(at)) {
		at->failed = true;
		return NULL;
	}
	errno = 0;
	entry = sys_readdir(dir);
	if (entry == NULL && errno != 0)
		at->failed = true;
	return entry;
}

static int64_t
mtime_ns(int dir)
{
	struct stat facts;

	if (sys_fstat(dir, &facts) < 0)
		return -1;
	return (int64_t)facts.st_mtim.tv_sec * 1000000000 +
	    facts.st_mtim.tv_nsec;
}

/* new or cur of one folder. */
static void
count_directory(struct count *at, int folder, const char *name)
{
	DIR *dir = sys_opendir(folder, name);
	const struct dirent *entry;
	int64_t before;

	if (dir == NULL) {
		at->failed = at->failed || errno != ENOENT;
		return;
	}
	before = mtime_ns(dirfd(dir));
	while ((entry = next_entry(at, dir)) != NULL)
		count_message(at, dirfd(dir), entry->d_name);
	if (before < 0 || before != mtime_ns(dirfd(dir)) ||
	    before > sys_now_us() * 1000 - RACY_NS)
		at->racy = true;
	sys_closedir(dir);
}

static void
count_folder(struct count *at, int folder, const char *name)
{
	char room[1024];
	struct buf plain;

	/* Rules name folders as people see them. */
	buf_init(&plain, room, sizeof(room));
	folder_add_decoded(&plain, str_from(name));
	if (!quota_counts(at->size->options, room))
		return;
	count_directory(at, folder, "new");
	count_directory(at, folder, "cur");
}

/* Whether an entry of a folder's directory may be a folder below it. */
static bool
may_be_folder(const struct count *at, const char *name, int depth)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	if (!at->size->layout_fs)
		return depth == 0 && name[0] == '.';
	return name[0] != '.' && strcmp(name, "cur") != 0 &&
	    strcmp(name, "new") != 0 && strcmp(name, "tmp") != 0;
}

/* "a/b" from ".a.b", or from the names on the way down. */
static void
name_below(const struct count *at, const char *above, const char *entry,
    char *into, size_t room)
{
	struct buf name;

	buf_init(&name, into, room);
	if (at->size->layout_fs) {
		buf_print(
		    &name, "%s%s%s", above, above[0] == '\0' ? "" : "/", entry);
		return;
	}
	for (const char *c = entry + 1; *c != '\0'; c++)
		buf_add_octet(&name, *c == '.' ? '/' : *c);
}

/* Iterative would need a stack of its own: the depth is bounded. */
static void
count_below(struct count *at, int folder, const char *above, int depth)
{
	DIR *dir = depth < DEPTH_MOST ? sys_opendir(folder, ".") : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		at->failed = at->failed || depth < DEPTH_MOST;
		return;
	}
	while ((entry = next_entry(at, dir)) != NULL) {
		char name[1024];
		int below;

		if (!may_be_folder(at, entry->d_name, depth))
			continue;
		below = sys_openat(folder, entry->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (below < 0)
			continue; /* a file, or a link: no folder */
		name_below(at, above, entry->d_name, name, sizeof(name));
		count_folder(at, below, name);
		if (at->size->layout_fs)
			count_below(at, below, name, depth + 1);
		(void)sys_close(below);
	}
	sys_closedir(dir);
}

/* The first line, and the sums if they are known. */
static void
print_file(const struct maildirsize *size, bool sums, struct buf *text)
{
	buf_print(text, "%" PRIu64 "S", size->limit.octets);
	if (size->limit.messages != 0)
		buf_print(text, ",%" PRIu64 "C", size->limit.messages);
	buf_add_octet(text, '\n');
	if (sums)
		buf_print(text, "%" PRIu64 " %" PRIu64 "\n", size->used.octets,
		    size->used.messages);
}

/* Replaces the file; what fails leaves the old one. */
static bool
write_file(struct maildirsize *size, bool sums)
{
	char name[64], room[160];
	struct buf text;
	int fd, rc;

	buf_init(&text, name, sizeof(name));
	buf_print(&text, "%s.%016" PRIx64, file_name, sys_random());
	fd = sys_openat(size->control, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	buf_init(&text, room, sizeof(room));
	print_file(size, sums, &text);
	rc = (size->mode & 077) != 0 ? sys_fchmod(fd, size->mode) : 0;
	if (rc == 0)
		rc = file_write_all(fd, buf_str(&text));
	if (sys_close(fd) < 0 || rc < 0 ||
	    sys_renameat(size->control, name, size->control, file_name) < 0) {
		(void)sys_unlinkat(size->control, name, 0);
		return false;
	}
	size->exists = true;
	size->age_seconds = 0;
	return true;
}

void
maildirsize_forget(struct maildirsize *size)
{
	/* Where nobody but this file says what the limit is, the first line
	 * stays; without sums all is counted next time. */
	if (size->limit_is_ours)
		(void)sys_unlinkat(size->control, file_name, 0);
	else if (size->limit.octets != 0 || size->limit.messages != 0)
		(void)write_file(size, false);
	size->exists = false;
}

static void
count_all(struct maildirsize *size)
{
	struct count count = { .size = size, .started_us = sys_ticks_us() };

	count_folder(
	    &count, size->inbox != NULL ? *size->inbox : size->root, "INBOX");
	count_below(&count, size->root, "", 0);
	size->known = !count.failed;
	size->used = count.used;
	/* A count that may be wrong is good for this mail, and not kept. */
	if (size->known && (count.racy || !write_file(size, true)))
		maildirsize_forget(size);
}

static bool
same_limit(const struct quota_amount *one, const struct quota_amount *other)
{
	return one->octets == other->octets && one->messages == other->messages;
}

/* Whether INBOX has changed after the file was written: a reader that knows
 * nothing of maildirsize may have made room. */
static bool
has_changed_since(const struct maildirsize *size, const char *part)
{
	int inbox = size->inbox != NULL ? *size->inbox : size->root;
	struct stat facts;

	return sys_fstatat(inbox, part, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (int64_t)facts.st_mtim.tv_sec * 1000000000 + facts.st_mtim.tv_nsec >
	    size->mtime_ns;
}

/* A time in the future is a clock that was wrong. */
static bool
is_fresh(const struct maildirsize *size, const struct maildirsize_text *text)
{
	return text->lines == 1 && size->age_seconds >= 0 &&
	    size->age_seconds < FRESH_SECONDS &&
	    !has_changed_since(size, "new") && !has_changed_since(size, "cur");
}

void
maildirsize_read(
    struct maildirsize *size, const struct quota *quota, uint64_t need_octets)
{
	struct maildirsize_text text;
	struct quota judged = *quota;
	bool fine = read_file(size, &text);

	if (!size->limit_is_ours) {
		/* Whoever wrote the first line has set the quota, whatever
		 * became of the others. */
		if (!text.has_limit)
			return;
		size->limit = text.limit;
		judged.limit = text.limit;
		judged.folder = text.limit;
	}
	if (fine && same_limit(&text.limit, &size->limit)) {
		size->used = text.used;
		size->known = true;
		if (quota_fits(&judged, &text.used, need_octets) ||
		    is_fresh(size, &text))
			return;
	}
	count_all(size);
}

void
maildirsize_look(struct maildirsize *size)
{
	struct maildirsize_text text;

	size->known = read_file(size, &text);
	if (!size->known)
		return;
	size->used = text.used;
	size->limit = text.limit;
}

/* One write, so that two programs' lines do not mix. */
static bool
add_line(int fd, uint64_t octets)
{
	char room[64];
	struct buf line;

	buf_init(&line, room, sizeof(room));
	buf_add_number(&line, octets);
	buf_add_string(&line, " 1\n");
	return sys_write(fd, line.at, line.length) == (ssize_t)line.length;
}

void
maildirsize_add(struct maildirsize *size, uint64_t octets)
{
	bool added = false;
	int fd;

	if (!size->exists)
		return;
	fd = sys_openat(size->control, file_name,
	    O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd >= 0) {
		added = file_is_ours_alone(fd) && add_line(fd, octets);
		(void)sys_close(fd);
	}
	/* After none or half of it the sum would be wrong. */
	if (!added)
		maildirsize_forget(size);
}
