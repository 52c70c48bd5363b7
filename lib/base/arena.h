/*
 * arena.h - memory for one delivery: taken as needed, given back by exit.
 *
 * lda lives for milliseconds, so nothing is freed.  When there is no more
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

struct arena {
	char *at;    /* free part of the newest block */
	size_t left; /* octets */
	size_t used; /* octets taken from the system so far */
	bool sealed;
	void (*out_of_memory)(void);
};

/* No memory is taken yet.  out_of_memory must not return. */
void arena_init(struct arena *arena, void (*out_of_memory)(void));

/* size octets, zeroed, aligned for any type; never NULL. */
void *arena_take(struct arena *arena, size_t size);

/* From now on arena_take aborts. */
void arena_seal(struct arena *arena);

/* A copy of the slice, as a slice or as a C string (cut at a NUL if there is
 * one: callers refuse those before). */
struct str arena_copy(struct arena *arena, struct str from);
char *arena_string(struct arena *arena, struct str from);

/* printf into fresh memory. */
char *arena_print(struct arena *arena, const char *format, ...) PRINTF(2, 3);

/* directory "/" name, without doubling the slash. */
char *arena_path(struct arena *arena, const char *directory, const char *name);

#endif
