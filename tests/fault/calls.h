/*
 * calls.h - the calls of the seam by name, and how each can fail.
 */
#ifndef FAULT_CALLS_H
#define FAULT_CALLS_H

#include "plan.h"

#include <stdbool.h>

#define CALL_ERRORS 14

enum call_flags {
	CALL_WAITS = 1, /* may be interrupted, and may hang (NFS) */
	CALL_MOVES = 2  /* may move fewer octets than asked */
};

struct call_row {
	enum fault_call call;
	const char *name;
	unsigned flags;
	int errors[CALL_ERRORS]; /* zeros behind the last */
};

const struct call_row *call_row(enum fault_call call);

/* Whether error can come of this very call: a file that is only opened for
 * reading never meets a full disk. */
bool call_can_fail(const struct fault_record *record, int error);

/* "ENOSPC", or "-" for 0; and back: -1 for a word that is none. */
const char *error_name(int error);
int error_of(const char *name);

#endif
