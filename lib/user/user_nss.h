/*
 * user_nss.h - what the passwd and group files do not hold: the name service
 * switch, asked through lda-getpw.
 *
 * A static program cannot load NSS modules, and a module that crashes or
 * hangs must not take the delivery with it.
 */
#ifndef USER_USER_NSS_H
#define USER_USER_NSS_H

#include "user/user.h"

/*
 * Asks for kind ("user", "uid" or "group") and key; the answer is a line as
 * in passwd(5) or group(5).  STATUS_USER_UNKNOWN where nsswitch.conf makes
 * that certain (no source beyond the files; or one that always tells the
 * truth), else STATUS_LOOKUP_FAILED; nss_notfound = unknown makes "not found"
 * certain everywhere.
 */
int user_nss_find(const char *kind, struct str key,
    const struct user_options *options, struct arena *arena, struct str *line,
    struct status *why) MUST_CHECK;

/* Whether lda-getpw may be started: nsswitch.conf names more than files, or
 * cannot be read. */
bool user_nss_is_asked(struct arena *arena) MUST_CHECK;

/* What a line of nsswitch.conf asks beyond the files. */
struct user_nss_sources {
	bool beyond_files; /* any source but "files" */
	bool doubtful;     /* any but files, compat and systemd */
};

/* database is "passwd" or "group". */
struct user_nss_sources user_nss_sources(
    struct str nsswitch, const char *database);

#endif
