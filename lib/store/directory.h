/*
 * directory.h - directories made durably, and looked at for lda -t.
 */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "base/arena.h"
#include "mail/status.h"

/* Syncs an open directory; a file system that has no such sync (EINVAL) is
 * fine. */
int directory_sync(int fd, const char *path, struct status *why) MUST_CHECK;

/*
 * Makes what is missing of an absolute path, mode 0700, and if sync syncs the
 * directories that hold what was made.  never, and what is above it, is not
 * made: STATUS_UNREACHABLE.  never may be NULL.
 */
int directory_make(const char *path, const char *never, bool sync,
    struct status *why) MUST_CHECK;

/* The first part of path that does not exist, in the arena; NULL when all of
 * it does (or cannot be looked at). */
const char *directory_missing_part(struct arena *arena, const char *path);

/*
 * Fails where the open directory has most entries or more already, with
 * STATUS_UNREACHABLE and *crowded set; path is what is not made.  Counts no
 * further than that.  Whoever may write to user+anything must not make folders
 * without end.
 */
int directory_check_crowd(int fd, int most, const char *path, bool *crowded,
    struct status *why) MUST_CHECK;

/* One line about path for a person: what it is, whose, what is forbidden. */
void directory_explain(struct buf *out, const char *path);

#endif
