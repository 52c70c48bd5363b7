/*
 * user_cdb.c - users in a constant database: a million of them, one seek.
 *
 * The key is the user, the value the rest of his passwd-file line:
 * password:uid:gid:gecos:home:shell:extra.  "postmap cdb:" writes keys and
 * values with a NUL behind them, tinycdb without; both are found.
 *
 * Source: D. J. Bernstein, "A structure for constant databases" (1996).
 */
#include "base/file.h"
#include "base/stop.h"
#include "base/sys.h"
#include "config/expand.h"
#include "user/user.h"
#include "user/user_fields.h"

#include <errno.h>
#include <string.h>

/* 256 tables of (position, slots), four octets each. */
#define HEADER_OCTETS 2048

/* As long as a line of a users file may be. */
#define VALUE_OCTETS ((size_t)16 * 1024)
#define KEY_OCTETS 512

struct cdb {
	int fd;
	const char *path;
	uint64_t size; /* octets of the file */
	struct arena *arena;
	struct status *why;
};

static int
damaged(struct cdb *cdb)
{
	return status_fail(cdb->why, STATUS_LOOKUP_FAILED,
	    "%s is empty, half written or no cdb", cdb->path);
}

/* Every position in the file comes from the file, and is not trusted. */
static int
read_at(struct cdb *cdb, uint64_t at, void *into, size_t size)
{
	size_t done = 0;

	if (at > cdb->size || size > cdb->size - at)
		return damaged(cdb);
	while (done < size) {
		ssize_t got = sys_pread(cdb->fd, (char *)into + done,
		    size - done, (off_t)(at + done));

		if (got == 0)
			return damaged(cdb);
		if (got < 0) {
			(void)status_fail_read(cdb->why, cdb->path);
			status_become(cdb->why, STATUS_LOOKUP_FAILED);
			return -1;
		}
		done += (size_t)got;
	}
	return 0;
}

static uint32_t
number(const unsigned char *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 |
	    (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static int
read_pair(struct cdb *cdb, uint64_t at, uint32_t *first, uint32_t *second)
{
	unsigned char pair[8] = { 0 };

	if (read_at(cdb, at, pair, sizeof(pair)) < 0)
		return -1;
	*first = number(pair);
	*second = number(pair + 4);
	return 0;
}

static uint32_t
hash_of(struct str key)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < key.length; i++)
		hash = ((hash << 5) + hash) ^ (unsigned char)key.at[i];
	return hash;
}

/*
 * The record at at, if its key is ours: 1 and its value; 0 if it is another's.
 * A slot has led here by the hash of our key, so another key must have the
 * same: zeros in the place of our record have not.
 */
static int
read_record(struct cdb *cdb, uint64_t at, struct str key, struct str *value)
{
	char found[KEY_OCTETS + 1];
	uint32_t key_length, value_length;
	char *room;

	if (read_pair(cdb, at, &key_length, &value_length) < 0)
		return -1;
	if (at < HEADER_OCTETS || key_length > cdb->size - at - 8)
		return damaged(cdb);
	/* A longer key with our hash is possible; more likely it is none. */
	if (key_length > sizeof(found))
		return damaged(cdb);
	if (read_at(cdb, at + 8, found, key_length) < 0)
		return -1;
	if (!str_equal(str_of(found, key_length), key))
		return hash_of(str_of(found, key_length)) == hash_of(key) ?
		    0 :
		    damaged(cdb);
	if (value_length > VALUE_OCTETS)
		return status_fail(cdb->why, STATUS_LOOKUP_FAILED,
		    "the entry of %.*s in %s is too long", (int)key.length,
		    key.at, cdb->path);
	room = arena_take(cdb->arena, (size_t)value_length + 1);
	if (read_at(cdb, at + 8 + key_length, room, value_length) < 0)
		return -1;
	*value = str_of(room, value_length);
	return 1;
}

/* Slots read at once when a whole table is looked at. */
#define SLOTS_AT_ONCE 512

/* Whether the table of a hash has what its maker puts into one: twice as many
 * slots as records, and only hashes that belong there.  Zeroed blocks of a file
 * that a crash left half written have not. */
static int
check_table(struct cdb *cdb, uint32_t hash, uint32_t table, uint32_t slots)
{
	unsigned char some[SLOTS_AT_ONCE * 8] = { 0 };
	uint32_t records = 0;

	for (uint32_t i = 0; i < slots; i += SLOTS_AT_ONCE) {
		uint32_t count =
		    slots - i < SLOTS_AT_ONCE ? slots - i : SLOTS_AT_ONCE;

		if (stop_reason() != STOP_NOT ||
		    read_at(cdb, table + (uint64_t)i * 8, some,
			(size_t)count * 8) < 0)
			return damaged(cdb);
		for (size_t k = 0; k < count; k++) {
			if (number(some + k * 8 + 4) == 0)
				continue;
			if (some[k * 8] != (hash & 255))
				return damaged(cdb);
			records++;
		}
	}
	return records * 2 == slots ? 0 : damaged(cdb);
}

/*
 * The tables stand behind each other, in their order, up to the end of the
 * file: a header in which one of them was zeroed does not add up.
 */
static int
check_header(struct cdb *cdb)
{
	unsigned char header[HEADER_OCTETS] = { 0 };
	uint64_t end = 0;

	if (read_at(cdb, 0, header, sizeof(header)) < 0)
		return -1;
	for (size_t i = 0; i < 256; i++) {
		uint32_t table = number(header + i * 8);
		uint32_t slots = number(header + i * 8 + 4);

		if (table < HEADER_OCTETS || table > cdb->size ||
		    slots > (cdb->size - table) / 8)
			return damaged(cdb);
		if (i > 0 && slots > 0 && table != end)
			return damaged(cdb);
		if (i == 0 || slots > 0)
			end = table + (uint64_t)slots * 8;
	}
	return end == cdb->size ? 0 : damaged(cdb);
}

/* 1 and the value, 0: not there, -1. */
static int
look_up(struct cdb *cdb, struct str key, struct str *value)
{
	uint32_t hash = hash_of(key), table, slots;

	if (read_pair(cdb, (uint64_t)(hash & 255) * 8, &table, &slots) < 0)
		return -1;
	if (table < HEADER_OCTETS || table > cdb->size ||
	    slots > (cdb->size - table) / 8)
		return damaged(cdb);
	for (uint32_t i = 0; i < slots; i++) {
		uint64_t slot = ((hash >> 8) % slots + i) % slots;
		uint32_t slot_hash, record;
		int found;

		/* The number of slots is the file's to say. */
		if (stop_reason() != STOP_NOT)
			return damaged(cdb);
		if (read_pair(cdb, table + slot * 8, &slot_hash, &record) < 0)
			return -1;
		if (record == 0)
			break;
		if (slot_hash != hash)
			continue;
		found = read_record(cdb, record, key, value);
		if (found != 0)
			return found;
	}
	return 0;
}

/* "Not found" in a file that is not whole is no answer.  Looked for only then:
 * a user who is found costs two seeks. */
static int
check_absence(struct cdb *cdb, struct str key)
{
	uint32_t hash = hash_of(key), table, slots;

	if (read_pair(cdb, (uint64_t)(hash & 255) * 8, &table, &slots) < 0)
		return -1;
	return check_table(cdb, hash, table, slots);
}

/* Without the NUL behind the name, then with it, as postmap(1) has it. */
static int
look_up_both(struct cdb *cdb, struct str name, struct str *value)
{
	struct str with_nul =
	    str_of(arena_string(cdb->arena, name), name.length + 1);
	int found = look_up(cdb, name, value);

	if (found == 0)
		found = look_up(cdb, with_nul, value);
	if (found == 0 &&
	    (check_header(cdb) < 0 || check_absence(cdb, name) < 0 ||
		check_absence(cdb, with_nul) < 0))
		return -1;
	return found;
}

static int
use_value(const struct user_query *query, struct str value, const char *path,
    struct user *into, struct status *why)
{
	const char *line;

	if (value.length > 0 && value.at[value.length - 1] == '\0')
		value.length--;
	if (str_index(value, '\0') == STR_NONE &&
	    str_index(value, '\n') == STR_NONE) {
		line = arena_print(query->arena, "%.*s:%.*s",
		    (int)query->name.length, query->name.at, (int)value.length,
		    value.at);
		if (user_fields_from_line(str_from(line), query, into, why) ==
		    0)
			return 0;
		status_context(why, "the entry of %.*s in %s",
		    (int)query->name.length, query->name.at, path);
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	return status_fail(why, STATUS_LOOKUP_FAILED,
	    "the entry of %.*s in %s holds NUL octets or several lines",
	    (int)query->name.length, query->name.at, path);
}

static int
find_in(struct cdb *cdb, const struct user_query *query, struct user *into)
{
	struct str value = { NULL, 0 };
	int found;

	if (cdb->size < HEADER_OCTETS)
		return damaged(cdb);
	found = look_up_both(cdb, query->name, &value);
	if (found < 0)
		return -1;
	if (found == 0)
		return status_fail(cdb->why, STATUS_USER_UNKNOWN,
		    "%.*s is not in %s", (int)query->name.length,
		    query->name.at, cdb->path);
	return use_value(query, value, cdb->path, into, cdb->why);
}

static int
find(const struct user_query *query, struct user *into, struct status *why)
{
	struct expand_names names = expand_names_of(query->name);
	struct cdb cdb = { .arena = query->arena, .why = why };
	struct stat facts;
	int rc;

	if (expand(query->argument, &names, EXPAND_PATH, query->arena,
		&cdb.path, why) < 0)
		return -1;
	if (query->name.length >= KEY_OCTETS ||
	    str_index(query->name, ':') != STR_NONE ||
	    str_has_control(query->name))
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "the name cannot stand in %s", cdb.path);
	cdb.fd = file_open(cdb.path, &facts);
	if (cdb.fd < 0) {
		(void)status_fail_read(why, cdb.path);
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	cdb.size = (uint64_t)facts.st_size;
	rc = find_in(&cdb, query, into);
	(void)sys_close(cdb.fd);
	return rc;
}

const struct user_source user_source_cdb = { "cdb", true, true, find, NULL };
