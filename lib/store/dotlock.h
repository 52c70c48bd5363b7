/*
 * dotlock.h - hold FILE.lock while a mailbox FILE is changed.
 *
 * Other mail programs honour this lock, and on some systems nothing else.
 */
#ifndef STORE_DOTLOCK_H
#define STORE_DOTLOCK_H

#include "mail/status.h"

#include <stdint.h>
#include <sys/types.h>

/* NAME_MAX and a NUL. */
#define DOTLOCK_NAME_OCTETS 256

/* The reply where the directory may not be written. */
extern const char dotlock_forbidden[];

/* One lock, from the first try to its release. */
struct dotlock {
	int dir;               /* the mailbox's directory, the caller's */
	const char *directory; /* its path: for causes */
	char name[DOTLOCK_NAME_OCTETS]; /* "bob.lock" */
	bool held;
	dev_t held_device; /* of our lock file: only that is removed */
	ino_t held_inode;
	/* Somebody else's lock, as it was when first seen. */
	bool watching;
	ino_t watched_inode;
	int64_t watched_mtime_ns;
	int64_t watched_since_us;
};

/* For the mailbox file called mailbox in dir.  Fails only for a name that is
 * too long. */
int dotlock_init(struct dotlock *lock, int dir, const char *directory,
    const char *mailbox, struct status *why) MUST_CHECK;

/*
 * Tries once, without waiting.  Fails with STATUS_LOCKED when somebody holds
 * the lock, with STATUS_UNREACHABLE (and the two remedies) when the directory
 * may not be written, else as errno says.  A stale lock is broken only if
 * may_break, which the caller gives while it holds the kernel's lock on the
 * mailbox; *stale tells that there was one.
 *
 * Stale is a lock whose "PID:HOST" is dead on this host, one older than this
 * boot on a local file system, and one that is 500 s old by the file system's
 * clock and has not changed while we watched, if it has no readable pid
 * (Postfix's are empty, procmail's say 0) or its pid is that of a process that
 * was started later (on a local file system).
 */
int dotlock_try(struct dotlock *lock, bool may_break, bool *stale,
    struct status *why) MUST_CHECK;

/* Removes our lock, and never anybody else's. */
void dotlock_release(struct dotlock *lock);

/* The pid in a lock file's text if its holder was on host; 0 for none. */
pid_t dotlock_read_pid(struct str text, const char *host);

#endif
