/*
 * path.h - names in the file system, and why one of them cannot be reached.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Adds to why, after EACCES on path, which of its directories (or
 * path itself, or where it does not exist the directory it would be made in)
 * refuses this process and which permission bits it lacks, in the form
 * "uid 1000 (gid 1000) lacks x on /home/bob (mode 0700, owner 0:0)".
 * wanted are the bits (R_OK, W_OK, X_OK) that the last component must grant.
 * Adds nothing when no cause can be seen.  Keeps errno.
 */
void path_explain(struct buf *why, const char *path, int wanted);

/* The directory that holds path, in the arena; "." when there is no slash. */
char *path_parent(struct arena *arena, const char *path);

/* Whether inner is outer or lies below it, judged by the text alone. */
bool path_is_within(const char *inner, const char *outer);

#endif
