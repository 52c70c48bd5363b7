/*
 * lock.h - the locks under which an mbox is changed.
 *
 * ONE TABLE of methods.  Each is tried without waiting; when one is held by
 * somebody, those taken already are given back before the next round, so that
 * programs that take the same locks in another order cannot deadlock with us
 * (Debian policy 11.6).
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "config/setting.h"
#include "store/dotlock.h"
#include "store/spool_keeper.h"

/* What is locked, and by which means. */
struct lock_target {
	int fd;           /* the mailbox, open for writing */
	const char *path; /* its path: for causes */
	struct dotlock *dotlock;
	int keeper; /* asked for dotlocks instead; -1: none */
};

struct lock_method {
	const char *word;
	/* 0, or -1 with STATUS_LOCKED when somebody holds it.  kernel_held
	 * tells that a kernel lock was taken before this one. */
	int (*take)(
	    struct lock_target *target, bool kernel_held, struct status *why);
	void (*release)(struct lock_target *target);
	bool is_kernel; /* the system knows who holds it */
};

/* What one mailbox is locked with. */
#define LOCK_METHODS_MOST 4
struct lock_set {
	const struct lock_method *methods[LOCK_METHODS_MOST];
	size_t count;
	size_t taken; /* of methods, from the first on */
};

/* The methods that words name, in that order.  Fails for an unknown word, an
 * empty list, and fcntl together with lockf: they are one lock. */
int lock_set_read(struct lock_set *set, const struct setting_list *words,
    struct status *why) MUST_CHECK;

/* Whether a method insists on a dotlock. */
bool lock_set_needs_dotlock(const struct lock_set *set);

/* Takes all, once; after a failure none is held. */
int lock_set_take(struct lock_set *set, struct lock_target *target,
    struct status *why) MUST_CHECK;

/* Gives back what is held, last first. */
void lock_set_release(struct lock_set *set, struct lock_target *target);

#endif
