/*
 * ledger.c - what the calls of a delivery that said "delivered" must show.
 *
 * A model of the weakest file system that POSIX allows: fsync of a file
 * saves its octets, fsync of a directory saves its entries, and nothing else
 * saves anything.  Real ones forgive more: ext4, xfs and btrfs all hide a
 * missing sync of the parent of a new directory.
 *
 * Source: reference reliability 3 (c) i; Pillai et al., ALICE (OSDI 2014).
 */
#include "ledger.h"

#include "base/attribute.h"
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Names that one delivery makes: eight for a fresh Maildir and its parents. */
#define NAMES 64

struct name {
	char path[LEDGER_PATH];
	bool is_used;
	bool unsynced_octets;
	bool unsynced_entry;
};

struct model {
	struct name names[NAMES];
	char *complaint;
	size_t size;
};

static bool
object(struct model *model, const char *what, const char *path)
{
	(void)snprintf(model->complaint, model->size, "%s: %s", what, path);
	return false;
}

static struct name *
find(struct model *model, const char *path)
{
	for (size_t i = 0; i < NAMES; i++)
		if (model->names[i].is_used &&
		    strcmp(model->names[i].path, path) == 0)
			return &model->names[i];
	return NULL;
}

static struct name *
add(struct model *model, const char *path)
{
	struct name *name = find(model, path);

	for (size_t i = 0; name == NULL && i < NAMES; i++)
		if (!model->names[i].is_used)
			name = &model->names[i];
	if (name == NULL)
		return NULL;
	memset(name, 0, sizeof(*name));
	memcpy(name->path, path, strlen(path) + 1);
	name->is_used = true;
	name->unsynced_entry = true;
	return name;
}

static void
forget(struct model *model, const char *path)
{
	struct name *name = find(model, path);

	if (name != NULL)
		name->is_used = false;
}

static bool
is_directly_in(const char *path, const char *directory)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);

	return strlen(directory) == length &&
	    strncmp(path, directory, length) == 0;
}

/* Whether the directory that holds path ends in name, "/new" or "/tmp". */
static bool
is_in(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash - path >= 4 &&
	    strncmp(slash - 4, name, 4) == 0;
}

static void
sync_name(struct model *model, const char *path)
{
	struct name *name = find(model, path);

	if (name != NULL)
		name->unsynced_octets = false;
	for (size_t i = 0; i < NAMES; i++)
		if (model->names[i].is_used &&
		    is_directly_in(model->names[i].path, path))
			model->names[i].unsynced_entry = false;
}

/* What a power cut may take: locks, and a sum that is then counted anew. */
static bool
is_no_mail(const char *path)
{
	static const char *const names[] = { "/maildirsize", "/quotawarn",
		".lock", "/subscriptions" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strstr(path, names[i]) != NULL)
			return true;
	return false;
}

static bool
publish(struct model *model, const struct fault_record *record)
{
	struct name *from = find(model, record->path);

	if (is_no_mail(record->other))
		return true;

	if (from == NULL)
		return object(model, "a file of unknown origin was published",
		    record->other);
	if (from->unsynced_octets)
		return object(model, "published before its octets were synced",
		    record->other);
	if (record->call != CALL_LINKAT)
		from->is_used = false;
	if (add(model, record->other) == NULL)
		return object(model, "too many names", record->other);
	return true;
}

static bool
write_octets(struct model *model, const struct fault_record *record)
{
	struct name *name = find(model, record->path);

	if (is_no_mail(record->path))
		return true;
	if (name != NULL)
		name->unsynced_octets = true;
	else if (record->path[0] == '/' &&
	    (record->flags & O_ACCMODE) != O_RDONLY &&
	    (record->flags & O_EXCL) != 0)
		return object(model,
		    "written after it was published or removed", record->path);
	return true;
}

static bool
replay(struct model *model, const struct fault_record *record)
{
	switch (record->call) {
	case CALL_OPENAT:
		if ((record->flags & O_CREAT) != 0 &&
		    add(model, record->path) == NULL)
			return object(model, "too many names", record->path);
		if ((record->flags & O_CREAT) != 0 &&
		    (record->flags & O_EXCL) == 0 &&
		    is_in(record->path, "/tmp"))
			return object(model, "it may have been somebody's file",
			    record->path);
		return true;
	case CALL_MKDIRAT:
		if (add(model, record->path) == NULL)
			return object(model, "too many names", record->path);
		return true;
	case CALL_WRITE:
	case CALL_FTRUNCATE:
		return write_octets(model, record);
	case CALL_FSYNC:
		sync_name(model, record->path);
		return true;
	case CALL_LINKAT:
	case CALL_RENAMEAT:
	case CALL_RENAMEAT_NEW:
		return publish(model, record);
	case CALL_UNLINKAT:
		forget(model, record->path);
		return true;
	default:
		return true;
	}
}

/* Whether a message that was published lies in the directory that holds path,
 * or below it. */
static bool
holds_message(const struct model *model, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;

	for (size_t i = 0; i < NAMES; i++)
		if (model->names[i].is_used &&
		    is_in(model->names[i].path, "/new") &&
		    strncmp(model->names[i].path, path, length) == 0)
			return true;
	return false;
}

/* A folder that was begun and given up matters to nobody, nor does debris in
 * tmp/. */
static bool
is_saved(struct model *model)
{
	bool published = false;

	for (size_t i = 0; i < NAMES; i++) {
		const struct name *name = &model->names[i];

		if (!name->is_used || is_in(name->path, "/tmp") ||
		    is_no_mail(name->path))
			continue;
		if (name->unsynced_octets)
			return object(
			    model, "its octets were never synced", name->path);
		if (name->unsynced_entry && holds_message(model, name->path))
			return object(model,
			    "its directory was not synced after it was made",
			    name->path);
		if (is_in(name->path, "/new"))
			published = true;
	}
	return published || object(model, "nothing was published", "new/");
}

/* A file system that has no sync of directories keeps their order by itself,
 * or cannot be helped. */
static bool
has_no_sync(const struct fault_record *record)
{
	return record->call == CALL_FSYNC && record->error == EINVAL &&
	    (record->flags & O_DIRECTORY) != 0;
}

bool
ledger_is_durable(const struct fault_record *records, size_t count,
    char *complaint, size_t size)
{
	struct model model;

	memset(&model, 0, sizeof(model));
	model.complaint = complaint;
	model.size = size;
	for (size_t i = 0; i < count; i++)
		if ((records[i].happened || has_no_sync(&records[i])) &&
		    !replay(&model, &records[i]))
			return false;
	return is_saved(&model);
}

static bool
complain(char *complaint, size_t size, const char *what, const char *path)
{
	(void)snprintf(complaint, size, "%s: %s", what, path);
	return false;
}

static bool
is_write_to(const struct fault_record *record, const char *path)
{
	return record->call == CALL_WRITE && record->happened &&
	    strcmp(record->path, path) == 0;
}

/* Whether the directory that holds path was synced after the record at. */
static bool
directory_is_synced(const struct fault_record *records, size_t count, size_t at,
    const char *path)
{
	for (size_t i = at + 1; i < count; i++)
		if (records[i].call == CALL_FSYNC &&
		    (records[i].happened || has_no_sync(&records[i])) &&
		    is_directly_in(path, records[i].path))
			return true;
	return false;
}

static bool
is_or_holds(const char *path, const char *inner)
{
	size_t length = strlen(path);

	return strncmp(path, inner, length) == 0 &&
	    (inner[length] == '/' || inner[length] == '\0');
}

static bool
makes(const struct fault_record *record)
{
	return record->happened &&
	    (record->call == CALL_MKDIRAT ||
		(record->call == CALL_OPENAT && (record->flags & O_EXCL) != 0));
}

bool
ledger_mbox_is_durable(const struct fault_record *records, size_t count,
    const char *path, char *complaint, size_t size)
{
	bool written = false, synced = false;

	for (size_t i = 0; i < count; i++) {
		const struct fault_record *record = &records[i];

		if (is_write_to(record, path)) {
			written = true;
			synced = false;
		}
		if (record->call == CALL_FSYNC && record->happened &&
		    strcmp(record->path, path) == 0)
			synced = true;
		if (record->call == CALL_OPENAT &&
		    strcmp(record->path, path) == 0 &&
		    ((record->flags & O_TRUNC) != 0 ||
			(record->flags & (O_CREAT | O_EXCL)) == O_CREAT))
			return complain(complaint, size,
			    "it may have been somebody's file", path);
		if (makes(record) && is_or_holds(record->path, path) &&
		    !directory_is_synced(records, count, i, record->path))
			return complain(complaint, size,
			    "its directory was not synced after it was made",
			    record->path);
	}
	if (!written)
		return complain(complaint, size, "nothing was written", path);
	return synced ||
	    complain(complaint, size, "its octets were never synced", path);
}

/* A lock of the mbox at path is given up, or with its descriptor all are. */
static bool
lets_go(const struct fault_record *record, const char *path)
{
	size_t length = strlen(path);

	switch (record->call) {
	case CALL_LOCK_FCNTL:
	case CALL_LOCK_FLOCK:
	case CALL_CLOSE:
		return strcmp(record->path, path) == 0;
	case CALL_UNLINKAT:
		return strncmp(record->path, path, length) == 0 &&
		    strcmp(record->path + length, ".lock") == 0;
	default:
		return false;
	}
}

bool
ledger_mbox_was_cut_back(const struct fault_record *records, size_t count,
    const char *path, char *complaint, size_t size)
{
	bool dirty = false, cut = false, synced = false;

	for (size_t i = 0; i < count; i++) {
		if (is_write_to(&records[i], path)) {
			if (cut)
				return complain(complaint, size,
				    "written after it was cut back", path);
			dirty = true;
		}
		if (records[i].call == CALL_FTRUNCATE &&
		    strcmp(records[i].path, path) == 0) {
			cut = cut || dirty; /* not what was only reserved */
			dirty = synced = false;
		}
		if (records[i].call == CALL_FSYNC &&
		    strcmp(records[i].path, path) == 0)
			synced = true;
		if (dirty && lets_go(&records[i], path))
			return complain(complaint, size,
			    "a lock was given up before it was cut back", path);
	}
	if (dirty)
		return complain(complaint, size, "it was never cut back", path);
	return !cut || synced ||
	    complain(complaint, size, "it was cut back and not synced", path);
}

/* Whether a call of that kind on path was made, with success or without,
 * behind the record at. */
static bool
was_tried(const struct fault_record *records, size_t count, size_t at,
    enum fault_call call, const char *path)
{
	for (size_t i = at + 1; i < count; i++)
		if (records[i].call == call &&
		    strcmp(records[i].path, path) == 0)
			return true;
	return false;
}

/* Whether the directory that holds path was synced after the record at, or
 * that was tried. */
static bool
sync_was_tried(const struct fault_record *records, size_t count, size_t at,
    const char *path)
{
	for (size_t i = at + 1; i < count; i++)
		if (records[i].call == CALL_FSYNC &&
		    is_directly_in(path, records[i].path))
			return true;
	return false;
}

/* A directory that one may not read is synced from below. */
static bool
is_synced_from_below(const struct fault_record *records, size_t count,
    size_t at, const char *path)
{
	for (size_t i = at + 1; i < count; i++)
		if (records[i].call == CALL_FSYNC && records[i].happened &&
		    strcmp(records[i].path, path) == 0)
			return true;
	return false;
}

bool
ledger_is_undone(const struct fault_record *records, size_t count,
    char *complaint, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const char *path = records[i].path;

		if (!records[i].happened)
			continue;
		if (records[i].call == CALL_UNLINKAT && is_in(path, "/new") &&
		    !sync_was_tried(records, count, i, path))
			return complain(complaint, size,
			    "taken back, and that was not synced", path);
		if (records[i].call == CALL_MKDIRAT &&
		    !directory_is_synced(records, count, i, path) &&
		    !is_synced_from_below(records, count, i, path) &&
		    !was_tried(records, count, i, CALL_UNLINKAT, path))
			return complain(
			    complaint, size, "neither synced nor unmade", path);
	}
	return true;
}

static bool
was_closed_badly(
    const struct fault_record *records, size_t end, const char *path)
{
	for (size_t i = 0; i < end; i++)
		if (records[i].call == CALL_CLOSE && records[i].result < 0 &&
		    strcmp(records[i].path, path) == 0)
			return true;
	return false;
}

/* Before the record end: no write behind the last sync, no failed close. */
static bool
is_whole(const struct fault_record *records, size_t end, const char *path)
{
	bool whole = true;

	for (size_t i = 0; i < end; i++) {
		const struct fault_record *record = &records[i];

		if (strcmp(record->path, path) != 0)
			continue;
		if (record->call == CALL_WRITE && record->happened)
			whole = false;
		if (record->call == CALL_FSYNC && record->happened)
			whole = true;
	}
	return whole && !was_closed_badly(records, end, path);
}

static bool
is_looked_for(const struct fault_record *records, size_t end, const char *path)
{
	for (size_t i = 0; i < end; i++)
		if (records[i].call == CALL_FSTATAT &&
		    records[i].error == ENOENT &&
		    strcmp(records[i].path, path) == 0)
			return true;
	return false;
}

static bool
ends_with(const char *path, const char *name)
{
	size_t length = strlen(path), part = strlen(name);

	return length >= part && strcmp(path + length - part, name) == 0;
}

bool
ledger_names_are_whole(const struct fault_record *records, size_t count,
    char *complaint, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const struct fault_record *record = &records[i];
		const char *name = record->other;
		bool renames = record->call == CALL_RENAMEAT;

		if (!record->happened ||
		    (!renames && record->call != CALL_LINKAT &&
			record->call != CALL_RENAMEAT_NEW))
			continue;
		if (renames && ends_with(name, ".lock"))
			return complain(complaint, size,
			    "another's lock may have stood there", name);
		if (renames && is_in(name, "/new") &&
		    !is_looked_for(records, i, name))
			return complain(complaint, size,
			    "another message may have had this name", name);
		if ((is_in(name, "/new") ||
			ends_with(name, "/subscriptions")) &&
		    !is_whole(records, i, record->path))
			return complain(
			    complaint, size, "it may not be whole", name);
		/* It is counted anew after a power cut, and not synced. */
		if (ends_with(name, "/maildirsize") &&
		    was_closed_badly(records, i, record->path))
			return complain(
			    complaint, size, "it may not be whole", name);
	}
	return true;
}

/* What the program must have done, in this order, before it did that on path.
 */
static bool
goes_first(const struct fault_record *records, size_t count,
    const enum fault_call *order, size_t steps, enum fault_call call,
    const char *path, char *complaint, size_t size)
{
	size_t step = 0;

	for (size_t i = 0; i < count && step < steps; i++) {
		if (records[i].process != 0)
			continue;
		if (records[i].call == call &&
		    strstr(records[i].path, path) != NULL)
			break;
		if (records[i].call == order[step] &&
		    (records[i].happened || order[step] == CALL_SETEUID))
			step++;
	}
	return step == steps ||
	    complain(complaint, size, "not made, or too late",
		call_row(order[step])->name);
}

bool
ledger_shows_rights_given_up(const struct fault_record *records, size_t count,
    bool root, char *complaint, size_t size)
{
	static const enum fault_call of_root[] = { CALL_SETGROUPS, CALL_SETGID,
		CALL_SETUID, CALL_GETGIDS, CALL_GETUIDS, CALL_SETEUID };
	static const enum fault_call of_group[] = { CALL_SETGID, CALL_GETGIDS };

	return root ? goes_first(records, count, of_root, COUNT(of_root),
			  CALL_READ, "(stdin)", complaint, size) :
		      goes_first(records, count, of_group, COUNT(of_group),
			  CALL_OPENAT, "/etc/", complaint, size);
}

void
ledger_line(const struct fault_record *record, char *line, size_t size)
{
	char process[16] = "", result[48] = "not finished";
	const char *other = record->other;

	if (record->process > 0)
		(void)snprintf(
		    process, sizeof(process), "%u.", record->process);
	if (record->done && record->result >= 0)
		(void)snprintf(result, sizeof(result), "%jd", record->result);
	else if (record->done)
		(void)snprintf(result, sizeof(result), "-1 %s (%d)",
		    error_name(record->error), record->error);
	(void)snprintf(line, size, "%s%u %s %s%s%s = %s%s", process,
	    record->ordinal, call_row(record->call)->name, record->path,
	    other[0] != '\0' ? " -> " : "", other, result,
	    record->injected ? " (injected)" : "");
}

void
ledger_print(const struct fault_record *records, size_t count, FILE *to)
{
	char line[3 * LEDGER_PATH];

	for (size_t i = 0; i < count; i++) {
		ledger_line(&records[i], line, sizeof(line));
		(void)fprintf(to, "\t%s\n", line);
	}
}
