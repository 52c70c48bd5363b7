/*
 * box.h - what a delivery has left in an mbox, as a reader of mail sees it.
 */
#ifndef FAULT_BOX_H
#define FAULT_BOX_H

#include "tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What stood in the mbox before; octets NULL: there was none. */
struct box_before {
	const char *octets;
	size_t length;
};

/*
 * Counts the messages behind the old octets, which must all be there still:
 * whole ones, whose body is the given one once mboxrd's quoting is undone;
 * the beginning of one (cut), that a crash has left; anything else is torn.
 * What is appended to half a message must close that off first.  A file that
 * is not there although it was before is torn, too.
 */
void box_count(const char *path, const struct box_before *before,
    const char *message, size_t size, uid_t owner, struct tree_count *into);

/*
 * Counts as litter the dotlock of path, hitching posts and locks put aside.
 * A lock that holds the octets at known was there before.
 */
void box_count_locks(
    const char *path, const char *known, struct tree_count *into);

#endif
