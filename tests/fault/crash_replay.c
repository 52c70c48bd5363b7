/*
 * crash_replay.c - the calls of a delivery become small changes of a disk.
 *
 * Names are followed as they are in the ledger, open files by their inode,
 * which other processes know them by, too.
 */
#define _DEFAULT_SOURCE /* lstat(2) */
#include "crash_model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct crash *
crash_new(void)
{
	struct crash *crash = calloc(1, sizeof(*crash));

	if (crash == NULL)
		abort();
	return crash;
}

/* Files but the first. */
static void
drop_files(struct crash *crash, size_t first)
{
	for (size_t i = first; i < crash->file_count; i++) {
		free(crash->files[i].before);
		free(crash->files[i].after);
		memset(&crash->files[i], 0, sizeof(crash->files[i]));
	}
	crash->file_count = first;
}

void
crash_forget(struct crash *crash)
{
	drop_files(crash, 0);
	crash->path_count = crash->looked_at = 0;
	crash->change_count = crash->saving_count = 0;
}

void
crash_free(struct crash *crash)
{
	crash_forget(crash);
	free(crash);
}

/* The disk before. */

static int
find_path(const struct crash *crash, const char *name)
{
	for (size_t i = 0; i < crash->path_count; i++)
		if (strcmp(crash->paths[i].name, name) == 0)
			return (int)i;
	return NOTHING;
}

static int
path_of(struct crash *crash, const char *name)
{
	int found = find_path(crash, name);
	struct path *path;
	char *slash;

	if (found != NOTHING)
		return found;
	if (crash->path_count == CRASH_PATHS) {
		crash->note = "more paths than the model has room for";
		return NOTHING;
	}
	path = &crash->paths[crash->path_count];
	memset(path, 0, sizeof(*path));
	(void)snprintf(path->name, sizeof(path->name), "%s", name);
	slash = strrchr(path->name, '/');
	if (slash != NULL) {
		*slash = '\0';
		path->parent = find_path(crash, path->name);
		*slash = '/';
	} else
		path->parent = NOTHING;
	path->before = path->at = NOTHING;
	return (int)crash->path_count++;
}

static int
new_file(struct crash *crash, uint64_t inode, bool is_directory)
{
	struct file *file = &crash->files[crash->file_count];

	if (crash->file_count == FILES) {
		crash->note = "more files than the model has room for";
		return NOTHING;
	}
	file->inode = inode;
	file->is_directory = is_directory;
	return (int)crash->file_count++;
}

/* The newest: an inode may have been another file's before. */
static int
file_of(const struct crash *crash, uint64_t inode)
{
	for (size_t i = crash->file_count; inode != 0 && i > 0; i--)
		if (crash->files[i - 1].inode == inode)
			return (int)(i - 1);
	return NOTHING;
}

static char *
read_file(const char *name, size_t *length)
{
	char *octets = malloc(CONTENT_MOST);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = 0;

	*length = 0;
	while (fd >= 0 && octets != NULL && *length < CONTENT_MOST &&
	    (got = read(fd, octets + *length, CONTENT_MOST - *length)) > 0)
		*length += (size_t)got;
	if (fd >= 0)
		(void)close(fd);
	if (fd < 0 || got < 0) {
		free(octets);
		return NULL;
	}
	return octets;
}

static bool look_into(struct crash *crash, const char *name);

bool
crash_look(struct crash *crash, const char *top)
{
	struct stat facts;
	int path, known;

	if (lstat(top, &facts) < 0)
		return errno == ENOENT;
	path = path_of(crash, top);
	if (path == NOTHING)
		return false;
	known = file_of(crash, (uint64_t)facts.st_ino);
	if (known == NOTHING)
		known = new_file(
		    crash, (uint64_t)facts.st_ino, S_ISDIR(facts.st_mode));
	if (known == NOTHING)
		return false;
	crash->looked_at = crash->file_count;
	crash->files[known].was_there = true;
	crash->paths[path].before = known;
	if (S_ISDIR(facts.st_mode))
		return look_into(crash, top);
	if (S_ISREG(facts.st_mode) && crash->files[known].before == NULL) {
		crash->files[known].before =
		    read_file(top, &crash->files[known].before_length);
		return crash->files[known].before != NULL;
	}
	return true;
}

static bool
look_into(struct crash *crash, const char *name)
{
	char below[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(name);
	bool seen = dir != NULL;

	while (seen && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(
		    below, sizeof(below), "%s/%s", name, entry->d_name);
		seen = crash_look(crash, below);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return seen;
}

/* The calls. */

static struct change *
change(struct crash *crash, enum kind kind, size_t record)
{
	struct change *made = &crash->changes[crash->change_count];

	if (crash->change_count == CHANGES - 1) {
		crash->note = "more changes than the model has room for";
		return made;
	}
	memset(made, 0, sizeof(*made));
	made->kind = kind;
	made->record = record;
	made->path = made->directory = made->file = NOTHING;
	crash->change_count++;
	return made;
}

/* The entry names file from now on, or with NOTHING nothing. */
static void
set_entry(struct crash *crash, const char *name, int file, size_t record)
{
	int path = path_of(crash, name), parent;
	struct change *made;

	if (path == NOTHING)
		return;
	made = change(crash, file == NOTHING ? CLEAR : SET, record);
	made->path = path;
	made->file = file;
	parent = crash->paths[path].parent;
	if (parent != NOTHING)
		made->directory = crash->paths[parent].at;
	crash->paths[path].at = file;
}

static void
open_file(struct crash *crash, const struct fault_record *record, size_t at)
{
	int path = find_path(crash, record->path);

	if ((record->flags & O_TRUNC) != 0)
		crash->note = "a file is opened with O_TRUNC";
	if ((record->flags & O_CREAT) != 0 &&
	    (path == NOTHING || crash->paths[path].at == NOTHING))
		set_entry(crash, record->path,
		    new_file(crash, record->inode, false), at);
	else if (path != NOTHING && crash->paths[path].at != NOTHING)
		crash->files[crash->paths[path].at].inode = record->inode;
}

static void
put_half(struct crash *crash, int file, size_t offset, const char *octets,
    size_t length, size_t record)
{
	struct change *made;

	if (length == 0)
		return;
	made = change(crash, PUT, record);
	made->file = file;
	made->offset = offset;
	made->octets = octets;
	made->length = length;
}

static void
write_file(struct crash *crash, const struct fault_plan *plan,
    const struct fault_record *record, size_t at)
{
	int file = file_of(crash, record->inode);
	size_t length = (size_t)record->result, half = length / 2;
	const char *octets = plan->octets + record->kept;
	struct change *longer;

	if (record->result <= 0 || record->offset < 0 || file == NOTHING)
		return; /* no file, or none of ours */
	if (record->kept + length > KEPT_OCTETS) {
		crash->note = "more octets than the plan keeps";
		return;
	}
	longer = change(crash, LENGTHEN, at);
	longer->file = file;
	longer->offset = (size_t)record->offset;
	longer->length = length;
	put_half(crash, file, (size_t)record->offset, octets, half, at);
	put_half(crash, file, (size_t)record->offset + half, octets + half,
	    length - half, at);
}

static void
cut_file(struct crash *crash, const struct fault_record *record, size_t at)
{
	int file = file_of(crash, record->inode);
	struct change *made;

	if (file == NOTHING)
		return;
	made = change(crash, CUT_OFF, at);
	made->file = file;
	made->offset = (size_t)record->offset;
}

static void
save(struct crash *crash, const struct fault_record *record, size_t at)
{
	struct saving *saving = &crash->savings[crash->saving_count];
	int path = find_path(crash, record->path);
	int file = file_of(crash, record->inode);

	if (file == NOTHING && path != NOTHING)
		file = crash->paths[path].at;
	if (file == NOTHING)
		return;
	saving->record = at;
	saving->changes = crash->change_count;
	saving->file = file;
	if (crash->saving_count < CHANGES - 1)
		crash->saving_count++;
}

/* The file that a path names at this moment of the replay. */
static int
named(struct crash *crash, const char *name)
{
	int path = find_path(crash, name);

	if (path == NOTHING || crash->paths[path].at == NOTHING) {
		crash->note = "a name that the model does not know";
		return NOTHING;
	}
	return crash->paths[path].at;
}

static bool
is_omitted(
    const struct fault_plan *plan, size_t at, struct crash_omission omission)
{
	return at == omission.first ||
	    (omission.and_later && at > omission.first &&
		plan->ledger[at].inode == plan->ledger[omission.first].inode);
}

static void
take_record(struct crash *crash, const struct fault_plan *plan, size_t at,
    struct crash_omission omission)
{
	const struct fault_record *record = &plan->ledger[at];

	switch (record->call) {
	case CALL_OPENAT:
		open_file(crash, record, at);
		break;
	case CALL_UNNAMED_FILE:
		(void)new_file(crash, record->inode, false);
		break;
	case CALL_MKDIRAT:
		set_entry(crash, record->path, new_file(crash, 0, true), at);
		break;
	case CALL_WRITE:
		write_file(crash, plan, record, at);
		break;
	case CALL_FTRUNCATE:
		cut_file(crash, record, at);
		break;
	case CALL_FSYNC:
		if (!is_omitted(plan, at, omission))
			save(crash, record, at);
		break;
	case CALL_LINKAT:
		set_entry(crash, record->other, named(crash, record->path), at);
		break;
	case CALL_LINK_OPEN:
		set_entry(
		    crash, record->other, file_of(crash, record->inode), at);
		break;
	case CALL_RENAMEAT:
	case CALL_RENAMEAT_NEW:
		set_entry(crash, record->other, named(crash, record->path), at);
		set_entry(crash, record->path, NOTHING, at);
		break;
	case CALL_UNLINKAT:
		set_entry(crash, record->path, NOTHING, at);
		break;
	default:
		break;
	}
}

/* Octets. */

static void
apply(const struct change *made, char *room, size_t *length)
{
	size_t end = made->offset + made->length;

	if (made->kind == CUT_OFF) {
		if (made->offset < *length)
			memset(room + made->offset, 0, *length - made->offset);
		*length = made->offset;
		return;
	}
	if (end > CONTENT_MOST)
		abort();
	if (made->kind == PUT)
		memcpy(room + made->offset, made->octets, made->length);
	if (end > *length)
		*length = end;
}

size_t
crash_build(
    struct crash *crash, int number, size_t changes, bool all, uint64_t subset)
{
	const struct file *file = &crash->files[number];
	size_t length = file->before_length, most = length;

	for (size_t i = 0; i < changes; i++)
		if (crash->changes[i].file == number &&
		    crash->changes[i].kind >= LENGTHEN &&
		    crash->changes[i].offset + crash->changes[i].length > most)
			most =
			    crash->changes[i].offset + crash->changes[i].length;
	if (most > CONTENT_MOST)
		abort();
	memset(crash->room, 0, most);
	if (file->before != NULL)
		memcpy(crash->room, file->before, length);
	for (size_t i = 0; i < changes; i++) {
		const struct change *made = &crash->changes[i];

		if (made->file == number && made->kind >= LENGTHEN &&
		    (all || made->saved ||
			(subset >> crash->doubt_of[i] & 1) != 0))
			apply(made, crash->room, &length);
	}
	return length;
}

static void
keep_ends(struct crash *crash)
{
	for (size_t i = 0; i < crash->file_count; i++) {
		struct file *file = &crash->files[i];

		if (file->is_directory)
			continue;
		free(file->after);
		file->after_length =
		    crash_build(crash, (int)i, crash->change_count, true, 0);
		file->after = malloc(file->after_length + 1);
		if (file->after == NULL)
			abort();
		memcpy(file->after, crash->room, file->after_length);
	}
}

bool
crash_replay(struct crash *crash, const struct fault_plan *plan,
    struct crash_omission omission, const char **note)
{
	size_t records = plan->records;

	crash->note = NULL;
	drop_files(crash, crash->looked_at);
	crash->change_count = crash->saving_count = 0;
	for (size_t i = 0; i < crash->path_count; i++)
		crash->paths[i].at = crash->paths[i].before;
	if (records > LEDGER_RECORDS)
		crash->note = "more calls than the ledger has room for";
	for (size_t i = 0; i < records && crash->note == NULL; i++)
		if (plan->ledger[i].happened)
			take_record(crash, plan, i, omission);
	crash->records = records;
	*note = crash->note;
	if (crash->note != NULL)
		return false;
	keep_ends(crash);
	return true;
}

bool
crash_is_faithful(const struct crash *crash, const char **path)
{
	for (size_t i = 0; i < crash->path_count; i++) {
		const struct path *at = &crash->paths[i];
		const struct file *file;
		struct stat facts;
		size_t length;
		char *octets;
		bool same;

		*path = at->name;
		if (lstat(at->name, &facts) < 0) {
			if (at->at != NOTHING)
				return false;
			continue;
		}
		if (at->at == NOTHING)
			return false;
		file = &crash->files[at->at];
		if (file->is_directory || !S_ISREG(facts.st_mode))
			continue;
		octets = read_file(at->name, &length);
		same = octets != NULL && length == file->after_length &&
		    memcmp(octets, file->after, length) == 0;
		free(octets);
		if (!same)
			return false;
	}
	return true;
}
