/*
 * crash.c - every disk that a power cut may leave of one delivery.
 *
 * This is weaker than any file system that people use, on purpose: what holds
 * here does not hang on ordered data, on a journal that is written as a whole,
 * or on how long ago something was.  A write is in three pieces (the length
 * and two halves), a rename in two (the new name and the old).
 *
 * Only moments just before something is saved, and the end, are looked at: the
 * states of all moments in between are among theirs.
 *
 * Source: Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014);
 * reference reliability 3 (c) i.
 */
#include "crash_model.h"

#include <string.h>

/* Changes in doubt at a time: all subsets of so many, a choice beyond. */
#define DOUBTS_ALL 17
#define DOUBTS_MOST 62

static unsigned
classify(struct crash *crash, int number, uint64_t subset)
{
	const struct file *file = &crash->files[number];
	const struct crash_judge *judge = crash->judge;
	size_t length = crash_build(crash, number, crash->now, false, subset);
	unsigned content = CRASH_THERE;

	if (file->was_there && length >= file->before_length &&
	    memcmp(crash->room, file->before, file->before_length) == 0)
		content |= CRASH_GROWN |
		    (length == file->before_length ? CRASH_OLD : 0);
	if (length == file->after_length &&
	    memcmp(crash->room, file->after, length) == 0)
		content |= CRASH_FINAL;
	if (judge->is_message(judge->context, crash->room, length))
		content |= CRASH_MESSAGE;
	if (judge->meet != NULL)
		judge->meet(judge->context, crash->room, length);
	return content;
}

/* The bits of subset that are in mask, side by side. */
static uint64_t
gather(uint64_t subset, uint64_t mask)
{
	uint64_t into = 0;

	for (unsigned to = 0; mask != 0; mask &= mask - 1, to++)
		if ((subset & mask & (~mask + 1)) != 0)
			into |= (uint64_t)1 << to;
	return into;
}

static unsigned
content_of(struct crash *crash, int number, uint64_t subset)
{
	struct file *file = &crash->files[number];
	uint64_t own = gather(subset, file->doubts);

	if (own >= sizeof(file->known))
		return classify(crash, number, subset);
	if (file->known[own] == 0)
		file->known[own] =
		    (unsigned char)(classify(crash, number, subset) + 1);
	return file->known[own] - 1U;
}

/* Sorts the first changes into what is saved and what is in doubt. */
static void
begin_moment(struct crash *crash, size_t changes, size_t savings)
{
	crash->now = changes;
	crash->doubt_count = 0;
	for (size_t i = 0; i < crash->file_count; i++) {
		crash->files[i].doubts = 0;
		memset(crash->files[i].known, 0, sizeof(crash->files[i].known));
	}
	for (size_t i = 0; i < changes; i++) {
		struct change *made = &crash->changes[i];
		bool is_entry = made->kind == SET || made->kind == CLEAR;
		int at = is_entry ? made->directory : made->file;

		made->saved = false;
		for (size_t k = 0; k < savings && !made->saved; k++)
			made->saved = crash->savings[k].file == at &&
			    crash->savings[k].changes > i;
		crash->doubt_of[i] = (unsigned char)crash->doubt_count;
		if (made->saved || crash->doubt_count == DOUBTS_MOST)
			continue;
		if (!is_entry)
			crash->files[made->file].doubts |= (uint64_t)1
			    << crash->doubt_count;
		crash->doubt_count++;
	}
}

static bool
is_reachable(const struct crash *crash, const struct path *path)
{
	for (; path->parent != NOTHING; path = &crash->paths[path->parent])
		if (crash->paths[path->parent].at == NOTHING)
			return false;
	return true;
}

static size_t
look_around(struct crash *crash, uint64_t subset, struct crash_sight *sights)
{
	size_t count = 0;

	for (size_t i = 0; i < crash->path_count; i++)
		crash->paths[i].at = crash->paths[i].before;
	for (size_t i = 0; i < crash->now; i++) {
		const struct change *made = &crash->changes[i];

		if (made->kind <= CLEAR &&
		    (made->saved || (subset >> crash->doubt_of[i] & 1) != 0))
			crash->paths[made->path].at =
			    made->kind == SET ? made->file : NOTHING;
	}
	for (size_t i = 0; i < crash->path_count; i++) {
		const struct path *path = &crash->paths[i];

		if (!path->watched || path->at == NOTHING ||
		    crash->files[path->at].is_directory ||
		    !is_reachable(crash, path))
			continue;
		sights[count].path = path->name;
		sights[count].was_there = crash->files[path->at].was_there;
		sights[count++].content = content_of(crash, path->at, subset);
	}
	return count;
}

static void
describe(const struct crash *crash, uint64_t subset, size_t record,
    const char *what, char *into, size_t size)
{
	static const char *const words[] = { "name", "removal", "length",
		"octets", "cutting" };
	size_t used = (size_t)snprintf(into, size,
	    "%s, in a crash before record %zu; lost:", what, record);

	for (size_t i = 0; i < crash->now && used < size; i++) {
		const struct change *made = &crash->changes[i];

		if (made->saved || (subset >> crash->doubt_of[i] & 1) != 0)
			continue;
		used += (size_t)snprintf(into + used, size - used,
		    " [%zu %s %s]", made->record, words[made->kind],
		    made->path == NOTHING ? "" : crash->paths[made->path].name);
	}
}

static bool
is_sound(struct crash *crash, uint64_t subset, size_t record, bool tell,
    char *complaint, size_t size)
{
	struct crash_sight sights[CRASH_PATHS];
	const struct crash_judge *judge = crash->judge;
	size_t count = look_around(crash, subset, sights);
	const char *what =
	    judge->complain(judge->context, sights, count, record);

	if (what != NULL && tell)
		describe(crash, subset, record, what, complaint, size);
	return what == NULL;
}

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of too many doubts: none, all, each alone, all but each, and a choice. */
static uint64_t
choose(unsigned doubts, uint64_t number, uint64_t *random)
{
	uint64_t all = ((uint64_t)1 << doubts) - 1;

	if (number < 2)
		return number == 0 ? 0 : all;
	number -= 2;
	if (number < 2 * (uint64_t)doubts)
		return number % 2 == 0 ? (uint64_t)1 << number / 2 :
					 all & ~((uint64_t)1 << number / 2);
	return next_random(random) & all;
}

static unsigned long
judge_moment(struct crash *crash, size_t record, unsigned long *broken,
    char *complaint, size_t size)
{
	unsigned doubts = crash->doubt_count;
	bool all = doubts <= DOUBTS_ALL;
	uint64_t states = (uint64_t)1 << (all ? doubts : DOUBTS_ALL);
	uint64_t random = 88172645463325252U;

	for (uint64_t i = 0; i < states; i++) {
		uint64_t subset = all ? i : choose(doubts, i, &random);

		if (!is_sound(
			crash, subset, record, *broken == 0, complaint, size))
			++*broken;
	}
	return (unsigned long)states;
}

unsigned long
crash_enumerate(struct crash *crash, const struct crash_judge *judge,
    unsigned long *broken, char *complaint, size_t size)
{
	unsigned long states = 0;

	crash->judge = judge;
	*broken = 0;
	for (size_t i = 0; i < crash->path_count; i++)
		crash->paths[i].watched =
		    judge->watches(judge->context, crash->paths[i].name);
	for (size_t i = 0; i < crash->saving_count; i++) {
		const struct saving *next = &crash->savings[i];

		begin_moment(crash, next->changes, i);
		states +=
		    judge_moment(crash, next->record, broken, complaint, size);
	}
	begin_moment(crash, crash->change_count, crash->saving_count);
	return states +
	    judge_moment(crash, crash->records, broken, complaint, size);
}
