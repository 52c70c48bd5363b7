/*
 * user_file.c - users in a file of Dovecot's passwd-file format.
 *
 * user:password:uid:gid:gecos:home:shell:userdb_name=value ...
 * uid and gid may be names; what a line leaves out comes from mail_uid,
 * mail_gid and mail_home.  Extra fields with "userdb_" are the user's own
 * settings ("userdb_mail=" is mail_location), or replace uid, gid and home.
 *
 * Source: Dovecot passwd-file (2.3 and 2.4).
 */
#include "config/expand.h"
#include "user/user.h"
#include "user/user_fields.h"
#include "user/user_line.h"

/* Never the key of a line: the separator, a comment, other lines. */
static bool
could_be_name(struct str name)
{
	return name.length > 0 && name.at[0] != '#' &&
	    str_index(name, ':') == STR_NONE && !str_has_control(name);
}

static int
find(const struct user_query *query, struct user *into, struct status *why)
{
	struct expand_names names = expand_names_of(query->name);
	const char *path;
	struct str line;

	if (expand(query->argument, &names, EXPAND_PATH, query->arena, &path,
		why) < 0)
		return -1;
	if (!could_be_name(query->name))
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "the name cannot stand in %s", path);
	if (user_line_find(path, 0, query->name, query->arena, &line, why) < 0)
		return -1;
	if (user_fields_from_line(line, query, into, why) < 0) {
		status_context(why, "the line of %.*s in %s",
		    (int)query->name.length, query->name.at, path);
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	return 0;
}

const struct user_source user_source_file = { "passwd-file", true, true, find,
	NULL };
