/*
 * maildirsize.h - the file in which Maildir++ programs share how much is used.
 *
 * No locks, by design of the format: deltas are appended, the sum is believed
 * while it says "fits", and counted anew when it says "full" or looks
 * damaged.  A file that cannot be read is never a reason to refuse mail.
 */
#ifndef STORE_MAILDIRSIZE_H
#define STORE_MAILDIRSIZE_H

#include "store/quota.h"

#include <sys/types.h>

/* The Maildir that is counted. */
struct maildirsize {
	int root;         /* its directory, open */
	int control;      /* the one that holds the file, often the same */
	const int *inbox; /* INBOX's where that is another, else NULL */
	bool layout_fs;   /* folders are directories, not ".a.b" */
	const struct quota_options *options;
	mode_t mode;               /* for a new file; 0: 0600 */
	struct quota_amount limit; /* what the first line is to say */
	bool limit_is_ours;        /* false: what it says is the limit */
	struct quota_amount used;
	bool known;  /* used was found out */
	bool exists; /* there is a file to append to */
	int64_t age_seconds;
	int64_t mtime_ns; /* of the file */
};

/* What a file says: limits in its first line, then sums. */
struct maildirsize_text {
	bool has_limit; /* the first line is whole, even if others are not */
	struct quota_amount limit;
	struct quota_amount used;
	size_t lines; /* behind the first */
};

/* Takes the contents of a file apart.  False for a damaged one: no limit, a
 * line that is not two numbers, no line end at its end, a negative sum. */
bool maildirsize_parse(struct str text, struct maildirsize_text *into);

/*
 * Finds out what is used.  With a limit of its own (limit_is_ours) a file
 * with another one is written anew; without, the file's is the limit, and no
 * file means no quota.  need_octets is what is to come: if it does not fit, a
 * sum that is older than the last count is counted anew.
 */
void maildirsize_read(
    struct maildirsize *size, const struct quota *quota, uint64_t need_octets);

/* Only looks at the file: used, limit and age as it says, known if it could be
 * used.  For lda -t, which changes nothing. */
void maildirsize_look(struct maildirsize *size);

/* Takes the file away, so that all is counted next time: for when what it says
 * will be wrong. */
void maildirsize_forget(struct maildirsize *size);

/* Records one message more, after it was published. */
void maildirsize_add(struct maildirsize *size, uint64_t octets);

#endif
