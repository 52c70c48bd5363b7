/*
 * arena.c - a bump allocator over pages of the system.
 */
#include "base/arena.h"

#include "base/buf.h"
#include "base/require.h"
#include "base/sys.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One block serves a usual delivery, but for the message: one call.  Pages of
 * it that are never used cost nothing. */
#define BLOCK_OCTETS ((size_t)128 * 1024)

/* Rooms, which are seldom full, are taken from the other end of a block, and
 * begin with a page: what is small stands close together, and of a room no more
 * is touched than is filled.  Few pages, few page faults. */
#define ROOM_OCTETS ((size_t)4096)

/* Bounds the whole program against input that makes us ask without end. */
#define ARENA_MAX_OCTETS ((size_t)64 * 1024 * 1024)

/* In front of what was taken; its size keeps the rest aligned. */
struct arena_block {
	struct arena_block *before;
	size_t size; /* octets, this included */
};

union any_type {
	long long whole;
	long double real;
	void *pointer;
	void (*function)(void);
};

void
arena_init(struct arena *arena, void (*out_of_memory)(void))
{
	memset(arena, 0, sizeof(*arena));
	arena->out_of_memory = out_of_memory;
}

void
arena_lend(struct arena *arena, void *room, size_t size)
{
	require(arena->newest == NULL && arena->left == 0);
	arena->at = room;
	arena->left = size;
	arena->roomy = true;
}

static void
give_up(const struct arena *arena)
{
	arena->out_of_memory();
	abort(); /* it must not return */
}

/* Room for the head of a block that keeps what follows aligned. */
#define HEAD_OCTETS sizeof(union any_type)

_Static_assert(sizeof(struct arena_block) <= HEAD_OCTETS, "the head fits");

static void *
add_block(struct arena *arena, struct arena_block *block, size_t size)
{
	block->before = arena->newest;
	block->size = size;
	arena->newest = block;
	arena->used += size;
	return (char *)block + HEAD_OCTETS;
}

/* At least size octets. */
static void *
take_block(struct arena *arena, size_t size)
{
	struct arena_block *block;

	size += HEAD_OCTETS;
	if (size > ARENA_MAX_OCTETS - arena->used)
		give_up(arena);
	block = sys_map(size);
	if (block == NULL)
		give_up(arena);
	return add_block(arena, block, size);
}

bool
arena_share(struct arena *arena, size_t size)
{
	struct arena_block *block = NULL;

	require(arena->common == NULL);
	if (size <= ARENA_MAX_OCTETS - HEAD_OCTETS - arena->used)
		block = sys_map_shared(size + HEAD_OCTETS);
	if (block == NULL)
		return false;
	arena->at = add_block(arena, block, size + HEAD_OCTETS);
	arena->left = size;
	arena->shared = arena->common = block;
	arena->roomy = true;
	return true;
}

bool
arena_is_shared(const struct arena *arena)
{
	return arena->common != NULL && arena->newest == arena->common;
}

int
arena_freeze(struct arena *arena)
{
	require(arena->common != NULL);
	arena->left = 0;
	return sys_map_read_only(arena->common, arena->common->size);
}

/* size fits into what is left; more is taken where the page before it does,
 * too. */
static void *
take_room(struct arena *arena, size_t size)
{
	size_t into_page =
	    (uintptr_t)(arena->at + arena->left - size) % ROOM_OCTETS;

	if (into_page <= arena->left - size)
		size += into_page;
	arena->left -= size;
	return arena->at + arena->left;
}

void *
arena_take(struct arena *arena, size_t size)
{
	const size_t unit = sizeof(union any_type);
	void *taken;

	require(!arena->sealed);
	if (size > ARENA_MAX_OCTETS)
		give_up(arena);
	/* Nothing is something too: every answer is an address of its own. */
	size = (size / unit + 1) * unit;
	if (size > BLOCK_OCTETS / 4 && !(arena->roomy && size <= arena->left))
		return take_block(arena, size);
	if (size > arena->left) {
		arena->at = take_block(arena, BLOCK_OCTETS - HEAD_OCTETS);
		arena->left = BLOCK_OCTETS - HEAD_OCTETS;
		arena->shared = arena->newest;
	}
	if (size >= ROOM_OCTETS)
		return take_room(arena, size);
	taken = arena->at;
	arena->at += size;
	arena->left -= size;
	return taken;
}

void
arena_seal(struct arena *arena)
{
	arena->sealed = true;
}

struct arena_mark
arena_mark(const struct arena *arena)
{
	struct arena_mark mark = { arena->newest, arena->shared, arena->at,
		arena->left };

	return mark;
}

/* Zeroed again, as the next taker expects it; pages that nobody has touched
 * stay untouched. */
static void
wipe(const struct arena *arena, const struct arena_mark *mark)
{
	size_t small = mark->left, rooms = 0;

	if (mark->left == 0)
		return;
	if (arena->shared == mark->shared) {
		small = (size_t)(arena->at - mark->at);
		rooms = mark->left - small - arena->left;
	}
	memset(mark->at, 0, small);
	memset(mark->at + mark->left - rooms, 0, rooms);
}

void
arena_rewind(struct arena *arena, const struct arena_mark *mark)
{
	wipe(arena, mark);
	while (arena->newest != mark->newest) {
		struct arena_block *block = arena->newest;

		arena->newest = block->before;
		arena->used -= block->size;
		sys_unmap(block, block->size);
	}
	arena->shared = mark->shared;
	arena->at = mark->at;
	arena->left = mark->left;
	arena->sealed = false;
}

struct str
arena_copy(struct arena *arena, struct str from)
{
	return str_of(arena_string(arena, from), from.length);
}

char *
arena_string(struct arena *arena, struct str from)
{
	char *copy = arena_take(arena, from.length + 1);

	if (from.length > 0)
		memcpy(copy, from.at, from.length);
	return copy;
}

char *
arena_print(struct arena *arena, const char *format, ...)
{
	char *begin = arena->at, *text;
	size_t left = arena->left;
	va_list arguments;
	int length;

	/* Into the free part of the block, where it nearly always fits. */
	va_start(arguments, format);
	length = vsnprintf(begin, left, format, arguments);
	va_end(arguments);
	if (length < 0)
		give_up(arena);
	text = arena_take(arena, (size_t)length + 1);
	if (text == begin)
		return text;
	/* It belongs elsewhere, and what is free is zeroed. */
	if (left > 0)
		memset(begin, 0,
		    (size_t)length < left ? (size_t)length + 1 : left);
	va_start(arguments, format);
	(void)vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

char *
arena_path(struct arena *arena, const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	struct buf path;

	buf_init(&path, arena_take(arena, size), size);
	buf_add_string(&path, directory);
	if (!str_ends(buf_str(&path), "/"))
		buf_add_octet(&path, '/');
	buf_add_string(&path, name);
	return path.at;
}
