/*
 * user_passwd.h - the system's own users: the passwd file, then NSS.
 */
#ifndef USER_USER_PASSWD_H
#define USER_USER_PASSWD_H

#include "user/user.h"

/* The user with this uid.  Errors as of a source. */
int user_passwd_by_uid(uid_t uid, const struct user_options *options,
    struct arena *arena, struct user *into, struct status *why) MUST_CHECK;

/* The user with this name, which has no domain. */
int user_passwd_by_name(struct str name, const struct user_options *options,
    struct arena *arena, struct user *into, struct status *why) MUST_CHECK;

/* The number of a group. */
int user_passwd_group(struct str name, const struct user_options *options,
    struct arena *arena, gid_t *gid, struct status *why) MUST_CHECK;

#endif
