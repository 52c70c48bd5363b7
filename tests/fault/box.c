/*
 * box.c - what a delivery has left in an mbox, as a reader of mail sees it.
 *
 * Written from the format (RFC 4155, qmail's mbox(5) for mboxrd) and not from
 * lib/store, which it judges.
 */
#define _XOPEN_SOURCE 700
#include "box.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOX_OCTETS ((size_t)4 * 1024 * 1024)
#define PATH_ROOM 1024

struct text {
	const char *at;
	size_t length;
};

static void
note(struct tree_count *into, const char *what, const char *path)
{
	if (into->note[0] == '\0')
		(void)snprintf(
		    into->note, sizeof(into->note), "%s: %s", what, path);
}

static void
torn(struct tree_count *into, const char *what, const char *path)
{
	into->torn++;
	note(into, what, path);
}

/* The whole file; its length, or -1. */
static ssize_t
read_box(const char *path, char *room)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	while ((got = read(fd, room + length, BOX_OCTETS - length)) > 0)
		length += (size_t)got;
	(void)close(fd);
	return got < 0 ? -1 : (ssize_t)length;
}

static struct text
take_line(struct text *in)
{
	const char *end = memchr(in->at, '\n', in->length);
	struct text line = { in->at, in->length };

	if (end != NULL)
		line.length = (size_t)(end - in->at) + 1;
	in->at += line.length;
	in->length -= line.length;
	return line;
}

static bool
begins(struct text text, const char *with)
{
	size_t length = strlen(with);

	return text.length >= length && memcmp(text.at, with, length) == 0;
}

/* mboxrd: one '>' is taken off lines of '>'s and "From ". */
static struct text
unquote(struct text line)
{
	struct text inner = line;

	while (inner.length > 0 && inner.at[0] == '>') {
		inner.at++;
		inner.length--;
	}
	if (inner.at != line.at && begins(inner, "From ")) {
		line.at++;
		line.length--;
	}
	return line;
}

/* Up to the next From_ line that stands behind an empty one. */
static struct text
take_message(struct text *in)
{
	struct text message = { in->at, 0 };
	bool after_empty = false;

	while (in->length > 0) {
		struct text rest = *in, line = take_line(&rest);

		if (after_empty && message.length > 0 && begins(line, "From "))
			break;
		after_empty = line.length == 1 && line.at[0] == '\n';
		message.length += line.length;
		*in = rest;
	}
	return message;
}

enum verdict {
	WHOLE,
	BEGINNING,
	SOMETHING_ELSE
};

/*
 * Compares an mbox's message with the one that was given.  All of it and an
 * empty line is whole.  A beginning may end in the middle of a line, which a
 * later delivery has closed off with what is missing to an empty line.
 */
static enum verdict
judge_message(struct text found, struct text given)
{
	struct text from = take_line(&found);

	if (!begins(from, "From ") || from.at[from.length - 1] != '\n')
		return from.length < 64 && found.length <= 1 ? BEGINNING :
							       SOMETHING_ELSE;
	while (given.length > 0 && found.length > 0) {
		struct text want = take_line(&given);
		struct text got = unquote(take_line(&found));
		size_t length = got.length;

		if (got.length == want.length &&
		    memcmp(got.at, want.at, want.length) == 0)
			continue;
		if (length > 0 && got.at[length - 1] == '\n')
			length--;
		/* Its beginning, and nothing but an empty line behind. */
		return found.length <= 1 && length <= want.length &&
			memcmp(got.at, want.at, length) == 0 ?
		    BEGINNING :
		    SOMETHING_ELSE;
	}
	if (given.length == 0 && found.length == 1 && found.at[0] == '\n')
		return WHOLE;
	return given.length > 0 || found.length == 0 ? BEGINNING :
						       SOMETHING_ELSE;
}

/* What had to come first behind octets that do not end in an empty line. */
static const char *
missing_end(const struct box_before *before)
{
	size_t length = before->length;

	if (length == 0)
		return "";
	if (before->octets[length - 1] != '\n')
		return "\n\n";
	return length > 1 && before->octets[length - 2] == '\n' ? "" : "\n";
}

static void
count_messages(struct text in, const char *path, struct text given,
    struct tree_count *into)
{
	while (in.length > 0) {
		switch (judge_message(take_message(&in), given)) {
		case WHOLE:
			into->whole++;
			break;
		case BEGINNING:
			into->cut++;
			note(into, "the beginning of the message", path);
			break;
		case SOMETHING_ELSE:
			torn(into, "not the octets of the message", path);
			break;
		}
	}
}

static void
judge_file(const char *path, uid_t owner, struct tree_count *into)
{
	struct stat facts;

	if (lstat(path, &facts) < 0 || !S_ISREG(facts.st_mode))
		torn(into, "it is no file", path);
	else if (facts.st_uid != owner)
		torn(into, "it is somebody else's", path);
	else if ((facts.st_mode & 077) != 0)
		torn(into, "others can read it", path);
}

void
box_count(const char *path, const struct box_before *before,
    const char *message, size_t size, uid_t owner, struct tree_count *into)
{
	static char room[BOX_OCTETS];
	ssize_t length = read_box(path, room);
	struct text given = { message, size }, rest;
	const char *end = missing_end(before);

	if (length < 0) {
		if (before->octets != NULL)
			torn(into, "it is gone", path);
		return;
	}
	judge_file(path, owner, into);
	if ((size_t)length < before->length ||
	    (before->length > 0 &&
		memcmp(room, before->octets, before->length) != 0)) {
		torn(into, "the old mail is damaged", path);
		return;
	}
	rest.at = room + before->length;
	rest.length = (size_t)length - before->length;
	if (rest.length == 0)
		return;
	if (!begins(rest, end)) {
		if (strncmp(end, rest.at, rest.length) == 0) {
			into->cut++; /* "\n" of "\n\n" */
			return;
		}
		torn(into, "half a message was not closed off", path);
		return;
	}
	rest.at += strlen(end);
	rest.length -= strlen(end);
	count_messages(rest, path, given, into);
}

static bool
is_lock_of(const char *entry, const char *box)
{
	size_t length = strlen(box);

	if (entry[0] == '.')
		entry++;
	return strncmp(entry, box, length) == 0 &&
	    strncmp(entry + length, ".lock", 5) == 0;
}

static bool
holds(const char *path, const char *octets)
{
	char room[512];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	got = read(fd, room, sizeof(room));
	(void)close(fd);
	return got >= 0 && (size_t)got == strlen(octets) &&
	    memcmp(room, octets, (size_t)got) == 0;
}

void
box_count_locks(const char *path, const char *known, struct tree_count *into)
{
	char directory[PATH_ROOM], entry_path[2 * PATH_ROOM];
	const char *name = strrchr(path, '/') + 1;
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(
	    directory, sizeof(directory), "%.*s", (int)(name - 1 - path), path);
	dir = opendir(directory);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (!is_lock_of(entry->d_name, name))
			continue;
		(void)snprintf(entry_path, sizeof(entry_path), "%s/%s",
		    directory, entry->d_name);
		if (known != NULL && holds(entry_path, known))
			continue;
		into->litter++;
		note(into, "left", entry_path);
	}
	(void)closedir(dir);
}
