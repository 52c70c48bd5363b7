/*
 * tree.h - what a delivery has left behind, as a reader of mail sees it.
 */
#ifndef FAULT_TREE_H
#define FAULT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a maildirsize says. */
enum sum_state {
	SUM_NONE,     /* there is no such file */
	SUM_UNUSABLE, /* whoever reads it counts anew */
	SUM_READ
};

struct tree_count {
	unsigned whole;     /* in new/ of the folder that was meant */
	unsigned elsewhere; /* whole, in another new/ */
	unsigned torn;      /* in any new/ or cur/: other octets, S= or W= */
	unsigned in_tmp;    /* whatever lies in a tmp/ */
	unsigned debris;    /* old files in a tmp/, to be removed */
	unsigned young;     /* others of before, not to be removed */
	unsigned others;    /* files that no Maildir has */
	unsigned cut;       /* beginnings of the message in an mbox */
	unsigned litter;    /* locks, hitching posts, files half made */
	bool subscribed;    /* "subscriptions" has the folder Work */
	/* What the names of all messages say, notices of quota_warning among
	 * them, and what maildirsize says. */
	unsigned long octets, messages;
	enum sum_state sum;
	unsigned long sum_octets, sum_messages;
	char note[256]; /* the first bad one, and what is wrong with it */
};

/*
 * Counts every file below top.  folder is the Maildir whose new/ is right; a
 * message is whole when it holds the octets at message, not one more or less,
 * with their number as S= and with CRLF as W= in its name, and its owner is
 * owner.  Files whose name begins with "old." were there before, as were those
 * with "young." in a tmp/; the first lines of a notice of quota_warning tell
 * that it is one.
 */
void tree_count(const char *top, const char *folder, const char *message,
    size_t size, uid_t owner, struct tree_count *into);

/* Removes path and all that is below it. */
void tree_remove(const char *path);

#endif
