/*
 * child.h - running a helper program and reading what it says.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/arena.h"

/* How a helper ended. */
struct child_end {
	int exit_code;     /* -1 when it did not exit by itself */
	int signal_number; /* 0 when it did */
	bool timed_out;    /* killed by us after timeout_ms */
};

/*
 * Runs path (absolute, no shell) with the arguments argv (argv[0] included,
 * NULL-terminated), an empty environment but PATH, /dev/null for its input
 * and errors, and reads up to size octets of its output into room.  It
 * never gets our stdout or stderr: Postfix reads those to their end.  Kills
 * it when it has not ended after timeout_ms.
 * Returns 0 with end and output, -1 with errno when it could not be started
 * or waited for (a path that cannot be executed is exit code 127).
 */
int child_run_in(const char *path, char *const argv[], int timeout_ms,
    char *room, size_t size, struct child_end *end,
    struct str *output) MUST_CHECK;

/* The same, with room for most octets from the arena. */
int child_run(const char *path, char *const argv[], int timeout_ms, size_t most,
    struct arena *arena, struct child_end *end, struct str *output) MUST_CHECK;

#endif
