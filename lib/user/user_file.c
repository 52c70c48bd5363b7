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
#include "base/cursor.h"
#include "config/expand.h"
#include "user/user.h"
#include "user/user_line.h"

/* A line is at most 16 KiB: fields beyond this number are no settings. */
#define FIELDS_MOST 64

static int
take_field(struct str name, struct str value, const struct user_query *query,
    struct user *into, struct status *why)
{
	struct user_line line = { .name = { NULL, 0 } };

	if (str_is(name, "uid"))
		line.uid = value;
	else if (str_is(name, "gid"))
		line.gid = value;
	else if (str_is(name, "home"))
		line.home = value;
	else {
		struct user_field *field = &into->fields[into->field_count++];

		field->name =
		    str_is(name, "mail") ? str_from("mail_location") : name;
		field->value = value;
		return 0;
	}
	return user_line_use(&line, query, into, why);
}

static int
take_extra(struct str extra, const struct user_query *query, struct user *into,
    struct status *why)
{
	struct cursor in = cursor_over(extra);

	into->fields =
	    arena_take(query->arena, FIELDS_MOST * sizeof(*into->fields));
	/* The form before Dovecot 1.0: an empty field, then the location. */
	if (cursor_take(&in, ':') && !cursor_at_end(&in) &&
	    !str_begins(in.rest, "userdb_"))
		return take_field(str_from("mail"), in.rest, query, into, why);
	while (into->field_count < FIELDS_MOST) {
		struct str field, name;
		struct cursor at;

		(void)cursor_span(&in, " ");
		if (cursor_at_end(&in))
			break;
		field = cursor_span_not(&in, " ");
		if (!str_begins(field, "userdb_"))
			continue;
		at = cursor_over(str_after(field, str_from("userdb_").length));
		name = cursor_until(&at, '=');
		/* No "=" means "=yes" (Dovecot userdb fields). */
		if (!cursor_at_end(&at) || str_ends(field, "="))
			field = at.rest;
		else
			field = str_from("yes");
		if (take_field(name, field, query, into, why) < 0)
			return -1;
	}
	return 0;
}

static int
use_line(struct str text, const struct user_query *query, struct user *into,
    struct status *why)
{
	struct user_line line;

	user_line_split(text, &line);
	into->name = line.name;
	if (user_line_use(&line, query, into, why) < 0)
		return -1;
	return take_extra(line.extra, query, into, why);
}

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
	if (use_line(line, query, into, why) < 0) {
		status_context(why, "the line of %.*s in %s",
		    (int)query->name.length, query->name.at, path);
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	return 0;
}

const struct user_source user_source_file = { "passwd-file", true, true, find };
