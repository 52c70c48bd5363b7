/*
 * crash.h - every disk that a power cut may leave of one delivery.
 *
 * The ledger of a delivery (plan.h, with keeps_octets) becomes a list of small
 * changes: an entry of a directory set or cleared, a file made longer, half of
 * a write.  fsync of a file saves what was done to its octets before, fsync of
 * a directory its entries, and nothing else saves anything.  At any moment the
 * power may go; whatever is not saved may be there or not, each for itself.
 */
#ifndef FAULT_CRASH_H
#define FAULT_CRASH_H

#include "plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CRASH_PATHS 128

/* What a file is to a reader. */
enum crash_content {
	CRASH_THERE = 1,
	CRASH_OLD = 2,     /* it was there before, and is as it was */
	CRASH_GROWN = 4,   /* it begins as it was before */
	CRASH_FINAL = 8,   /* it is as it is in the end */
	CRASH_MESSAGE = 16 /* it is the message, whole */
};

/* One file that somebody looks at. */
struct crash_sight {
	const char *path;
	bool was_there; /* before the delivery */
	unsigned content;
};

struct crash_judge {
	void *context;
	/* Whether somebody will look at that path. */
	bool (*watches)(void *context, const char *path);
	bool (*is_message)(void *context, const char *octets, size_t length);
	/* Each content of a watched file, perhaps more than once; or NULL. */
	void (*meet)(void *context, const char *octets, size_t length);
	/* What is wrong with a disk where that is to be seen, when the first
	 * records of the ledger had been made; NULL: nothing. */
	const char *(*complain)(void *context, const struct crash_sight *sights,
	    size_t count, size_t records);
};

struct crash;

struct crash *crash_new(void);
void crash_free(struct crash *crash);

/* What lies at top and below is saved: the disk before the delivery.  What was
 * known of another one is forgotten. */
void crash_forget(struct crash *crash);
bool crash_look(struct crash *crash, const char *top);

/* What is passed over in a replay: call number first, an fsync, and all later
 * ones of the same file, too, if that is asked for. */
struct crash_omission {
	size_t first; /* SIZE_MAX: nothing is */
	bool and_later;
};

/* What the calls did.  False: the model has no room, or a call is strange to
 * it; note says why. */
bool crash_replay(struct crash *crash, const struct fault_plan *plan,
    struct crash_omission omission, const char **note);

/* Whether the disk that the model ends with, if there is no power cut, is the
 * one that is there; else the name that differs. */
bool crash_is_faithful(const struct crash *crash, const char **path);

/*
 * Judges every state.  The number of those, and 0 in *broken or how many were
 * complained of; the first one is described in complaint.  With more than
 * seventeen changes in doubt at a time it is a choice of a hundred thousand.
 */
unsigned long crash_enumerate(struct crash *crash,
    const struct crash_judge *judge, unsigned long *broken, char *complaint,
    size_t size);

#endif
