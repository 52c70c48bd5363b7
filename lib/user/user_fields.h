/*
 * user_fields.h - what a line of a users file, or the answer of a server, says
 * about a user.
 */
#ifndef USER_USER_FIELDS_H
#define USER_USER_FIELDS_H

#include "user/user.h"

/*
 * Takes one field, named as in Dovecot's userdb: uid, gid and home are the
 * user's, mail is his mail_location, any other may be a setting.  value lives
 * as long as the user.  Fails with STATUS_LOOKUP_FAILED for a bad value.
 */
int user_fields_add(struct str name, struct str value,
    const struct user_query *query, struct user *into,
    struct status *why) MUST_CHECK;

/*
 * Takes a whole line: user:password:uid:gid:gecos:home:shell:extra, where the
 * extra fields that begin with "userdb_" count.  The line lives in the arena.
 */
int user_fields_from_line(struct str line, const struct user_query *query,
    struct user *into, struct status *why) MUST_CHECK;

#endif
