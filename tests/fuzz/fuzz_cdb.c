/*
 * fuzz_cdb.c - a constant database, made of the input's lines and then damaged
 * by it: an intact one finds what is in it and nobody else; one that a crash
 * has cut off, or left with zeros in it, never says "unknown" of somebody who
 * was in it.
 */
#include "fuzz/fuzz.h"
#include "user/user.h"

#define HEADER ((size_t)2048)
#define RECORDS_MOST 64
#define FILE_OCTETS ((size_t)32 * 1024)

struct made {
	unsigned char octets[FILE_OCTETS];
	size_t length, count;
	struct {
		uint32_t hash, at;
	} records[RECORDS_MOST];
};

static void
put(struct made *made, size_t at, uint32_t number)
{
	for (size_t i = 0; i < 4; i++)
		made->octets[at + i] = (unsigned char)(number >> 8 * i);
}

/* From D. J. Bernstein's description of the format. */
static uint32_t
hash_of(struct str key)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < key.length; i++)
		hash = hash * 33 ^ (unsigned char)key.at[i];
	return hash;
}

static void
add_record(struct made *made, struct str key, struct str value)
{
	if (made->count == RECORDS_MOST ||
	    made->length + 8 + key.length + value.length > FILE_OCTETS / 2)
		return;
	made->records[made->count].hash = hash_of(key);
	made->records[made->count++].at = (uint32_t)made->length;
	put(made, made->length, (uint32_t)key.length);
	put(made, made->length + 4, (uint32_t)value.length);
	made->length += 8;
	if (key.length > 0)
		memcpy(made->octets + made->length, key.at, key.length);
	made->length += key.length;
	if (value.length > 0)
		memcpy(made->octets + made->length, value.at, value.length);
	made->length += value.length;
}

static void
add_table(struct made *made, uint32_t table)
{
	uint32_t slots = 0;
	size_t at = made->length;

	for (size_t i = 0; i < made->count; i++)
		if (made->records[i].hash % 256 == table)
			slots += 2;
	put(made, (size_t)table * 8, (uint32_t)at);
	put(made, (size_t)table * 8 + 4, slots);
	memset(made->octets + at, 0, (size_t)slots * 8);
	made->length += (size_t)slots * 8;
	for (size_t i = 0; i < made->count; i++) {
		uint32_t hash = made->records[i].hash, slot;
		static const unsigned char none[4];

		if (hash % 256 != table)
			continue;
		slot = hash / 256 % slots;
		while (memcmp(made->octets + at + slot * 8 + 4, none, 4) != 0)
			slot = (slot + 1) % slots;
		put(made, at + slot * 8, hash);
		put(made, at + slot * 8 + 4, made->records[i].at);
	}
}

/* Lines "name:rest"; the first of those with one name counts. */
static void
make(struct made *made, struct str lines)
{
	struct cursor in = cursor_over(lines);

	made->length = HEADER;
	made->count = 0;
	while (!cursor_at_end(&in)) {
		struct cursor line = cursor_over(cursor_until(&in, '\n'));
		struct str name = cursor_until(&line, ':');

		add_record(made, name, line.rest);
	}
	for (uint32_t table = 0; table < 256; table++)
		add_table(made, table);
}

enum damage {
	DAMAGE_NONE,
	DAMAGE_BY_CRASH,
	DAMAGE_ANY
};

/* Octets that are written at once, or not. */
#define BLOCK 64

static void
clear_block(struct made *made, size_t at)
{
	at -= at % BLOCK;
	for (size_t i = at; i < at + BLOCK && i < made->length; i++)
		made->octets[i] = 0;
}

/* Each damage is position, two octets, its kind, and what stands there now. */
static enum damage
damage(struct fuzz *fuzz, struct made *made)
{
	enum damage damaged = DAMAGE_NONE;

	while (fuzz->in.rest.length >= 4) {
		size_t at = fuzz_choose(fuzz, 256) << 8;
		size_t kind;

		at |= fuzz_choose(fuzz, 256);
		kind = fuzz_choose(fuzz, 8);
		at %= made->length == 0 ? 1 : made->length;
		if (damaged == DAMAGE_NONE)
			damaged = DAMAGE_BY_CRASH;
		if (kind == 0)
			made->length = at;
		else if (kind < 4)
			clear_block(made, at);
		else {
			made->octets[at] =
			    (unsigned char)fuzz_choose(fuzz, 256);
			damaged = DAMAGE_ANY;
		}
	}
	return damaged;
}

static bool
has_name(struct str lines, struct str name)
{
	struct cursor in = cursor_over(lines);

	while (!cursor_at_end(&in)) {
		struct cursor line = cursor_over(cursor_until(&in, '\n'));

		if (fuzz_same(cursor_until(&line, ':'), name))
			return true;
	}
	return false;
}

static bool
could_be_key(struct str name)
{
	return name.length < 500 && str_index(name, ':') == STR_NONE &&
	    !str_has_control(name);
}

static void
one(struct fuzz *fuzz)
{
	static struct made made;
	struct user_options options = { .recipient_delimiter = "+",
		.auth_username_format = "%Lu" };
	struct user_query query = { .argument = str_from("users.cdb"),
		.options = &options,
		.arena = fuzz->arena };
	struct user user;
	struct status why;
	struct str lines;
	enum damage damaged;
	int rc;

	query.name = fuzz_line(fuzz);
	lines = fuzz_copy(cursor_until(&fuzz->in, '\0'));
	make(&made, lines);
	damaged = damage(fuzz, &made);
	memset(&user, 0, sizeof(user));
	fuzz_enter_directory();
	fuzz_write("users.cdb", str_of((const char *)made.octets, made.length));
	rc = user_source_cdb.find(&query, &user, &why);
	fuzz_check_status(rc, &why);
	REQUIRE(rc == 0 || why.id == STATUS_USER_UNKNOWN ||
	    why.id == STATUS_LOOKUP_FAILED);
	if (rc == 0)
		REQUIRE(fuzz_same(user.name, query.name));
	if (damaged == DAMAGE_ANY || !could_be_key(query.name))
		return;
	if (made.count == RECORDS_MOST || lines.length >= 8000)
		return; /* not all of them are in it */
	/* A hash whose lowest octets were zeroed looks like one of table 0. */
	if (damaged != DAMAGE_NONE && hash_of(query.name) % 256 == 0)
		return;
	if (has_name(lines, query.name))
		REQUIRE(rc == 0 || why.id == STATUS_LOOKUP_FAILED);
	else if (damaged == DAMAGE_NONE)
		REQUIRE(rc < 0 && why.id == STATUS_USER_UNKNOWN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
