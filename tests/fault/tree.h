/*
 * tree.h - what a delivery has left behind, as a reader of mail sees it.
 */
#ifndef FAULT_TREE_H
#define FAULT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tree_count {
	unsigned whole;     /* in new/ of the folder that was meant */
	unsigned elsewhere; /* whole, in another new/ */
	unsigned torn;      /* in any new/ or cur/: other octets, S= or W= */
	unsigned in_tmp;    /* whatever lies in a tmp/ */
	unsigned others;    /* files that no Maildir has */
	char note[256];     /* the first bad one, and what is wrong with it */
};

/*
 * Counts every file below top.  folder is the Maildir whose new/ is right; a
 * message is whole when it holds the octets at message, not one more or less,
 * with their number as S= and with CRLF as W= in its name, and its owner is
 * owner.  Files in tmp/ whose name begins with "old." were there before.
 */
void tree_count(const char *top, const char *folder, const char *message,
    size_t size, uid_t owner, struct tree_count *into);

/* Removes path and all that is below it. */
void tree_remove(const char *path);

#endif
