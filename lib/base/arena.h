/*
 * arena.h - memory for one delivery: taken as needed, given back by exit.
 *
 * lda lives for milliseconds, so nothing is freed; the servers, which live
 * longer, go back to a mark after each transaction.  When there is no more
 * memory the function that lda/ gave to arena_init answers and does not
 * return.  After arena_seal() a request for memory is a bug: what is needed
 * between stage and commit was taken before, so that running out of memory
 * can never leave a half-done delivery.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/attribute.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>

struct arena_block; /* what one call took from the system */

struct arena {
	struct arena_block *newest;
	struct arena_block *shared; /* the newest that several parts share */
	struct arena_block *common; /* by arena_share, or NULL */
	char *at;                   /* its free part */
	size_t left;                /* octets */
	size_t used;                /* octets taken from the system so far */
	bool roomy; /* its block was made for large things, too */
	bool sealed;
	void (*out_of_memory)(void);
};

/* No memory is taken yet.  out_of_memory must not return. */
void arena_init(struct arena *arena, void (*out_of_memory)(void));

/* Its first block: size octets, zeroed, aligned for any type, that outlive it.
 * A program that has them in its image need not ask the system. */
void arena_lend(struct arena *arena, void *room, size_t size);

/* size octets, zeroed, aligned for any type; never NULL. */
void *arena_take(struct arena *arena, size_t size);

/* From now on arena_take aborts. */
void arena_seal(struct arena *arena);

/*
 * From now on what is taken comes from one block of size octets that children
 * forked from here see as it changes; when that is full, from usual blocks
 * again.  False: there is no such memory, and nothing has changed.
 */
bool arena_share(struct arena *arena, size_t size) MUST_CHECK;

/* Whether all that was taken since arena_share is in its block. */
bool arena_is_shared(const struct arena *arena);

/* In a child: that block can be read and not written, for good.  -1 with
 * errno. */
int arena_freeze(struct arena *arena) MUST_CHECK;

/* How much was taken at some moment. */
struct arena_mark {
	struct arena_block *newest, *shared;
	char *at;
	size_t left;
};

struct arena_mark arena_mark(const struct arena *arena);

/* Gives back all that was taken since the mark, and breaks the seal.  What
 * pointed there points nowhere. */
void arena_rewind(struct arena *arena, const struct arena_mark *mark);

/* A copy of the slice, as a slice or as a C string (cut at a NUL if there is
 * one: callers refuse those before). */
struct str arena_copy(struct arena *arena, struct str from);
char *arena_string(struct arena *arena, struct str from);

/* printf into fresh memory. */
char *arena_print(struct arena *arena, const char *format, ...) PRINTF(2, 3);

/* directory "/" name, without doubling the slash. */
char *arena_path(struct arena *arena, const char *directory, const char *name);

#endif
