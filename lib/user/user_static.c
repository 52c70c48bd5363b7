/*
 * user_static.c - everybody is a user; mail_home, mail_uid and mail_gid say
 * the rest.
 *
 * Source: Dovecot's static userdb with allow_all_users.
 */
#include "user/user.h"

static int
find(const struct user_query *query, struct user *into, struct status *why)
{
	(void)why;
	into->name = query->name;
	return 0;
}

const struct user_source user_source_static = { "static", false, false, find,
	NULL };
