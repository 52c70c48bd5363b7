/*
 * subscriptions.c - Dovecot's list of the folders a user wants to see.
 *
 * Version 2 begins with "V\t2" and an empty line and separates the levels of
 * a name with TAB; version 1 has no header and uses the layout's separator.
 * Names are as on disk (modified UTF-7).  The file is replaced by rename under
 * "subscriptions.lock", as Dovecot does.
 *
 * Source: Dovecot lib-storage/list/subscription-file, observed.
 */
#include "store/subscriptions.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/sys.h"
#include "store/dotlock.h"

#include <errno.h>
#include <fcntl.h>

static const char header[] = "V\t2\n\n";

/* More than a thousand folders with long names. */
#define FILE_OCTETS ((size_t)256 * 1024)

#define NAME_OCTETS 1024

#define LOCK_WAIT_US ((int64_t)2 * 1000000)
#define LOCK_PAUSE_MS 50

/* The folder's name as the file spells it. */
static bool
spell(const struct folder *folder, char separator, bool utf8, struct buf *into)
{
	for (size_t i = 0; i < folder->count; i++) {
		if (i > 0)
			buf_add_octet(into, separator);
		folder_add_level(into, folder->levels[i], utf8);
	}
	return !into->overflow;
}

static bool
has_line(struct str text, struct str line)
{
	struct cursor in = cursor_over(text);

	while (!cursor_at_end(&in))
		if (str_equal(cursor_until(&in, '\n'), line))
			return true;
	return false;
}

/* The file that is changed, and the one that will replace it. */
struct list {
	int root;
	const char *name;
	char new_name[DOTLOCK_NAME_OCTETS];
};

/* The contents, empty for no file; false where it cannot be known. */
static bool
read_file(const struct list *list, char *room, struct str *text, mode_t *mode)
{
	struct stat facts;
	size_t length = 0;
	ssize_t got = 0;
	int fd = sys_openat(
	    list->root, list->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);

	*text = str_of(room, 0);
	*mode = 0600;
	if (fd < 0)
		return errno == ENOENT;
	if (sys_fstat(fd, &facts) < 0 || !S_ISREG(facts.st_mode)) {
		(void)sys_close(fd);
		return false;
	}
	*mode = facts.st_mode & 0777;
	while (length < FILE_OCTETS &&
	    (got = sys_read(fd, room + length, FILE_OCTETS - length)) > 0)
		length += (size_t)got;
	(void)sys_close(fd);
	*text = str_of(room, length);
	return got == 0 && length < FILE_OCTETS;
}

static int
write_parts(int fd, const struct str *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (file_write_all(fd, parts[i]) < 0)
			return -1;
	return sys_fsync(fd);
}

static void
replace_file(
    const struct list *list, mode_t mode, const struct str *parts, size_t count)
{
	int fd, rc;

	(void)sys_unlinkat(list->root, list->new_name, 0); /* a crash's */
	fd = sys_openat(list->root, list->new_name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	rc = write_parts(fd, parts, count);
	if (mode != 0600 && sys_fchmod(fd, mode) < 0)
		rc = -1;
	if (sys_close(fd) < 0 || rc < 0 ||
	    sys_renameat(list->root, list->new_name, list->root, list->name) <
		0)
		(void)sys_unlinkat(list->root, list->new_name, 0);
}

/* Under the lock. */
static void
add_line(const struct list *list, const struct folder *folder, bool layout_fs,
    bool utf8)
{
	char *room = sys_map(FILE_OCTETS);
	char name[NAME_OCTETS];
	struct buf line;
	struct str text;
	bool version_2;
	mode_t mode;

	if (room == NULL || !read_file(list, room, &text, &mode))
		return;
	/* A version that is not known here is nobody's to change. */
	if (str_begins(text, "V\t") && !str_begins(text, "V\t2\n"))
		return;
	version_2 = text.length == 0 || str_begins(text, "V\t2\n");
	buf_init(&line, name, sizeof(name));
	if (!spell(folder,
		version_2     ? '\t' :
		    layout_fs ? '/' :
				'.',
		utf8, &line) ||
	    has_line(text, buf_str(&line)))
		return;
	replace_file(list, mode,
	    (const struct str[]){ str_from(text.length == 0 ? header : ""),
		text,
		str_from(text.length == 0 || str_ends(text, "\n") ? "" : "\n"),
		buf_str(&line), str_from("\n") },
	    5);
}

void
subscriptions_add(int root, const char *path, const char *file,
    const struct folder *folder, bool layout_fs, bool utf8)
{
	int64_t then_us = sys_ticks_us() + LOCK_WAIT_US;
	struct list list = { .root = root, .name = file };
	struct dotlock lock;
	struct status why;
	struct buf name;
	bool stale;

	buf_init(&name, list.new_name, sizeof(list.new_name));
	buf_print(&name, "%s.lda-new", file);
	if (name.overflow || dotlock_init(&lock, root, path, file, &why) < 0)
		return;
	while (dotlock_try(&lock, true, &stale, &why) < 0) {
		if (why.id != STATUS_LOCKED || sys_ticks_us() >= then_us)
			return;
		sys_sleep_ms(LOCK_PAUSE_MS);
	}
	add_line(&list, folder, layout_fs, utf8);
	dotlock_release(&lock);
}
