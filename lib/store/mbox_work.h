/*
 * mbox_work.h - the state of one mbox delivery, and who does what with it: for
 * the mbox*.c files, nobody else.
 */
#ifndef STORE_MBOX_WORK_H
#define STORE_MBOX_WORK_H

#include "store/lock.h"
#include "store/store.h"

#include <time.h>

/* One write for most messages: fewer places to crash in. */
#define MBOX_WRITE_OCTETS ((size_t)64 * 1024)

/* The state of one delivery. */
struct mbox {
	const char *path;      /* of the mailbox file */
	const char *directory; /* that holds it */
	const char *name;      /* in that */
	int dir;               /* the directory, -1: not open */
	int fd;                /* the mailbox, -1: not open */
	int spool;             /* a message too long for memory, -1: none */
	int keeper; /* whose care the mailbox is in, -1: nobody else's */
	struct lock_set locks;
	struct lock_target target;
	struct dotlock dotlock;
	bool changed; /* cut back to old_size on failure */
	off_t old_size;
	off_t most_size;              /* all that we would have written */
	struct timespec old_times[2]; /* atime, mtime */
	char *room;                   /* MBOX_WRITE_OCTETS */
	size_t used;
	uint64_t counted; /* octets that the message takes */
};

/* mbox_place.c: where it is, and the way there. */

/* Puts the mailbox file's path, and the keeper of it, into at; sets
 * folder_refused where the folder cannot be one. */
int mbox_choose_path(struct delivery *delivery, struct status *why) MUST_CHECK;

/* The store's open: reaches the directory that holds the mailbox, making what
 * is missing and may be made.  The mailbox itself is neither opened nor made:
 * it may be another file before it is locked. */
int mbox_open(struct delivery *delivery, struct status *why) MUST_CHECK;

/* mbox_lock.c: the file itself. */

/*
 * Opens the mailbox, making it if it may be made, takes all locks on it and
 * notes what it was before, trying again for mbox_lock_timeout seconds.
 * STATUS_LOCKED after that; STATUS_UNREACHABLE for what is no file of the
 * recipient's alone.
 */
int mbox_lock(struct delivery *delivery, struct status *why) MUST_CHECK;

/* The locks, then the file; what is not held is left alone. */
void mbox_let_go(struct mbox *at);

/* mbox_explain.c: lda -t. */
int mbox_probe(struct delivery *delivery, struct status *why) MUST_CHECK;
void mbox_explain(struct delivery *delivery, struct buf *out);

#endif
