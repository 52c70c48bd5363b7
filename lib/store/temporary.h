/*
 * temporary.h - a file without a name, for a message too long for memory.
 */
#ifndef STORE_TEMPORARY_H
#define STORE_TEMPORARY_H

#include "base/arena.h"
#include "mail/status.h"

/* Whatever happens to us, nothing of it is left.  The descriptor, for writing
 * and reading, or -1 with why. */
int temporary_open(
    const char *directory, struct arena *arena, struct status *why) MUST_CHECK;

#endif
