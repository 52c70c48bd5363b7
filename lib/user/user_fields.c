/*
 * user_fields.c - what a line of a users file, or the answer of a server, says
 * about a user.
 *
 * Source: Dovecot passwd-file and "User database extra fields".
 */
#include "user/user_fields.h"

#include "base/cursor.h"
#include "user/user_line.h"

#include <string.h>

/* Most users have fewer fields. */
#define FIELDS_AT_ONCE 32

/* A line is bounded, so the number of its fields is. */
static void
remember(struct str name, struct str value, const struct user_query *query,
    struct user *into)
{
	struct user_field *field;

	if (into->field_count % FIELDS_AT_ONCE == 0) {
		field = arena_take(query->arena,
		    (into->field_count + FIELDS_AT_ONCE) * sizeof(*field));
		if (into->field_count > 0)
			memcpy(field, into->fields,
			    into->field_count * sizeof(*field));
		into->fields = field;
	}
	field = &into->fields[into->field_count++];
	field->name = name;
	field->value = value;
}

int
user_fields_add(struct str name, struct str value,
    const struct user_query *query, struct user *into, struct status *why)
{
	struct user_line line = { .name = { NULL, 0 } };

	if (str_is(name, "uid"))
		line.uid = value;
	else if (str_is(name, "gid"))
		line.gid = value;
	else if (str_is(name, "home"))
		line.home = value;
	else {
		remember(
		    str_is(name, "mail") ? str_from("mail_location") : name,
		    value, query, into);
		return 0;
	}
	return user_line_use(&line, query, into, why);
}

static int
take_extra(struct str extra, const struct user_query *query, struct user *into,
    struct status *why)
{
	struct cursor in = cursor_over(extra);

	/* The form before Dovecot 1.0: an empty field, then the location. */
	if (cursor_take(&in, ':') && !cursor_at_end(&in) &&
	    !str_begins(in.rest, "userdb_"))
		return user_fields_add(
		    str_from("mail"), in.rest, query, into, why);
	for (;;) {
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
		if (user_fields_add(name, field, query, into, why) < 0)
			return -1;
	}
	return 0;
}

int
user_fields_from_line(struct str text, const struct user_query *query,
    struct user *into, struct status *why)
{
	struct user_line line;

	user_line_split(text, &line);
	into->name = line.name;
	if (user_line_use(&line, query, into, why) < 0)
		return -1;
	return take_extra(line.extra, query, into, why);
}
