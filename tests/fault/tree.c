/*
 * tree.c - what a delivery has left behind, as a reader of mail sees it.
 *
 * Written from the Maildir format and not from lib/store, which it judges.
 */
#define _XOPEN_SOURCE 700 /* nftw(3) */
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 1024

struct search {
	const char *folder;
	const char *message;
	size_t size;
	size_t crlf_size;
	uid_t owner;
	struct tree_count *count;
};

static void
note(struct search *search, const char *what, const char *path)
{
	if (search->count->note[0] == '\0')
		(void)snprintf(search->count->note, sizeof(search->count->note),
		    "%s: %s", what, path);
}

/* The number behind ",S=" and its like; -1 without one. */
static long
name_number(const char *name, const char *key)
{
	const char *at = strstr(name, key);
	char *end;
	long number;

	if (at == NULL)
		return -1;
	number = strtol(at + strlen(key), &end, 10);
	return *end == '\0' || *end == ',' || *end == ':' ? number : -1;
}

static bool
has_octets(const char *path, const char *message, size_t size)
{
	size_t done = 0;
	char room[8192];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while ((got = read(fd, room, sizeof(room))) > 0) {
		if ((size_t)got > size - done ||
		    memcmp(room, message + done, (size_t)got) != 0)
			break;
		done += (size_t)got;
	}
	(void)close(fd);
	return got == 0 && done == size;
}

static bool
belongs_to(const char *path, uid_t owner)
{
	struct stat facts;

	return lstat(path, &facts) == 0 && facts.st_uid == owner;
}

/* "Date: ...\nMessage-ID: <...@quota-warning>\n" */
static bool
is_notice(const char *path)
{
	char room[256] = "";
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	got = read(fd, room, sizeof(room) - 1);
	(void)close(fd);
	return got > 0 && strstr(room, "@quota-warning>\n") != NULL;
}

static void
judge_message(struct search *search, const char *path, const char *name,
    const char *directory)
{
	const char *what = NULL;
	size_t length = strlen(search->folder);

	if (name_number(name, ",S=") >= 0) {
		search->count->octets +=
		    (unsigned long)name_number(name, ",S=");
		search->count->messages++;
	}
	if (strncmp(name, "old.", 4) == 0 || is_notice(path))
		return;
	if (!has_octets(path, search->message, search->size))
		what = "not the octets of the message";
	else if (name_number(name, ",S=") != (long)search->size)
		what = "S= is wrong";
	else if (name_number(name, ",W=") != (long)search->crlf_size)
		what = "W= is wrong";
	else if (!belongs_to(path, search->owner))
		what = "it is somebody else's";
	if (what != NULL) {
		search->count->torn++;
		note(search, what, path);
	} else if (strncmp(directory, search->folder, length) == 0 &&
	    strcmp(directory + length, "/new") == 0)
		search->count->whole++;
	else {
		search->count->elsewhere++;
		note(search, "in a place that was not meant", path);
	}
}

/* One line more is all that may happen to it. */
static void
judge_subscriptions(struct search *search, const char *path)
{
	static const char before[] = "V\t2\n\nOld\n";
	static const char after[] = "V\t2\n\nOld\nWork\n";

	if (has_octets(path, after, sizeof(after) - 1))
		search->count->subscribed = true;
	else if (!has_octets(path, before, sizeof(before) - 1)) {
		search->count->torn++;
		note(search, "a subscription is lost", path);
	}
}

/* The lines behind the first, added up; as strict as Maildir++ allows: the
 * last line is whole, and each is two numbers. */
static void
read_sum(struct tree_count *into, const char *path)
{
	char room[5121], *line, *next, *end;
	ssize_t got;
	long octets = 0, messages = 0;
	unsigned lines = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	into->sum = SUM_UNUSABLE;
	if (fd < 0)
		return;
	got = read(fd, room, sizeof(room) - 1);
	(void)close(fd);
	if (got <= 0 || room[got - 1] != '\n')
		return;
	room[got] = '\0';
	line = strchr(room, '\n') + 1;
	for (; *line != '\0'; line = next, lines++) {
		next = strchr(line, '\n') + 1;
		octets += strtol(line, &end, 10);
		if (end == line || *end != ' ')
			return;
		line = end;
		messages += strtol(line, &end, 10);
		if (end == line || *end != '\n')
			return;
	}
	if (lines == 0 || octets < 0 || messages < 0)
		return;
	into->sum = SUM_READ;
	into->sum_octets = (unsigned long)octets;
	into->sum_messages = (unsigned long)messages;
}

/* What programs share beside the messages; false for any other name. */
static bool
judge_shared(struct search *search, const char *path, const char *name)
{
	static const char *const half_made[] = { "maildirsize.",
		"subscriptions.", ".subscriptions.lock." };

	if (strcmp(name, "maildirsize") == 0)
		read_sum(search->count, path);
	else if (strcmp(name, "subscriptions") == 0)
		judge_subscriptions(search, path);
	else if (strcmp(name, "maildirfolder") != 0 &&
	    strcmp(name, "quotawarn") != 0) {
		for (size_t i = 0; i < sizeof(half_made) / sizeof(*half_made);
		     i++)
			if (strncmp(name, half_made[i], strlen(half_made[i])) ==
			    0) {
				search->count->litter++;
				note(search, "left", path);
				return true;
			}
		return false;
	}
	return true;
}

static void
judge_file(struct search *search, const char *directory, const char *name)
{
	char path[PATH_ROOM];
	const char *slash = strrchr(directory, '/');
	const char *kind = slash == NULL ? directory : slash + 1;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (strcmp(kind, "new") == 0 || strcmp(kind, "cur") == 0)
		judge_message(search, path, name, directory);
	else if (strcmp(kind, "tmp") == 0 || strcmp(kind, "temp") == 0) {
		if (strncmp(name, "old.", 4) == 0)
			search->count->debris++;
		else if (strncmp(name, "young.", 6) == 0)
			search->count->young++;
		else {
			search->count->in_tmp++;
			note(search, "left in tmp/", path);
		}
	} else if (!judge_shared(search, path, name)) {
		search->count->others++;
		note(search, "no file of a Maildir", path);
	}
}

static bool
is_directory(int parent, const char *name)
{
	struct stat facts;

	return fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(facts.st_mode);
}

static void
walk(struct search *search, const char *directory)
{
	char below[PATH_ROOM];
	struct dirent *entry;
	DIR *dir = opendir(directory);

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (is_directory(dirfd(dir), entry->d_name)) {
			(void)snprintf(below, sizeof(below), "%s/%s", directory,
			    entry->d_name);
			walk(search, below);
		} else
			judge_file(search, directory, entry->d_name);
	}
	(void)closedir(dir);
}

void
tree_count(const char *top, const char *folder, const char *message,
    size_t size, uid_t owner, struct tree_count *into)
{
	struct search search = { folder, message, size, size, owner, into };

	memset(into, 0, sizeof(*into));
	for (size_t i = 0; i < size; i++)
		if (message[i] == '\n')
			search.crlf_size++;
	walk(&search, top);
}

static int
remove_one(
    const char *path, const struct stat *facts, int kind, struct FTW *where)
{
	(void)facts;
	(void)kind;
	(void)where;
	(void)remove(path);
	return 0;
}

void
tree_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
