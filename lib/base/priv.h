/*
 * priv.h - taking on the recipient's rights, for good.
 */
#ifndef BASE_PRIV_H
#define BASE_PRIV_H

#include "base/attribute.h"

#include <stdbool.h>
#include <sys/types.h>

/* Who the process is, read from the kernel. */
struct priv_ids {
	uid_t uid, effective_uid;
	gid_t gid, effective_gid;
};

int priv_ids(struct priv_ids *into) MUST_CHECK;

/*
 * From root to uid and gid for good: no supplementary groups but gid, real,
 * effective and saved ids all set, read back, and an attempt to regain root
 * must fail.  Errors (errno): those of setgroups(2), setresgid(2) and
 * setresuid(2); EPERM when the ids read back differ or root came back; EINVAL
 * for uid 0 or gid 0 or an id that means "unchanged".
 */
int priv_become(uid_t uid, gid_t gid) MUST_CHECK;

/* Gives up a set-group-ID group for good: all three become the real one, read
 * back.  Errors as above. */
int priv_drop_group(void) MUST_CHECK;

#endif
