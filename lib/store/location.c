/*
 * location.c - where a user's mail is: the value of mail_location taken apart.
 *
 * Source: Dovecot 2.3 "mail_location".
 */
#include "store/location.h"

#include "base/cursor.h"
#include "base/stream.h"

#include <string.h>

/* Keys that name what only readers use: Dovecot's indexes, how it lists
 * folders.  Delivery is the same with and without. */
static const char *const without_effect[] = { "INDEX", "INDEXPVT", "INDEXCACHE",
	"ALT", "ALTNOCHECK", "VOLATILEDIR", "LISTINDEX", "NO-NOSELECT",
	"NO-FS-VALIDATION", "ITERINDEX", "BROKENCHAR" };

/* The text up to the next single colon, "::" made one. */
static struct str
next_part(struct cursor *in, struct arena *arena)
{
	size_t size = in->rest.length + 1;
	struct buf part;

	buf_init(&part, arena_take(arena, size), size);
	while (!cursor_at_end(in)) {
		buf_add(&part, cursor_span_not(in, ":"));
		if (!cursor_take(in, ':') || !cursor_take(in, ':'))
			break;
		buf_add_octet(&part, ':');
	}
	return buf_str(&part);
}

static bool
has_no_effect(struct str key)
{
	for (size_t i = 0; i < COUNT(without_effect); i++)
		if (str_is(key, without_effect[i]))
			return true;
	return false;
}

static bool
is_file_name(struct str name)
{
	return name.length > 0 && str_index(name, '/') == STR_NONE &&
	    !str_is(name, ".") && !str_is(name, "..");
}

static int
fail_of_key(struct str part, struct str text, struct status *why)
{
	return status_fail(why, STATUS_MISCONFIGURED,
	    "mail_location = %.*s: \"%.*s\" is not known here",
	    (int)text.length, text.at, (int)part.length, part.at);
}

static int
take_key(
    struct str part, struct str text, struct location *into, struct status *why)
{
	struct cursor in = cursor_over(part);
	struct str key = cursor_until(&in, '=');

	if (str_is(key, "INBOX"))
		into->inbox = in.rest;
	else if (str_is(key, "CONTROL"))
		into->control = in.rest;
	else if (str_is(key, "SUBSCRIPTIONS") && is_file_name(in.rest))
		into->subscriptions = in.rest;
	else if (str_is(part, "UTF-8"))
		into->utf8 = true;
	else if (str_is(key, "LAYOUT") && str_is_nocase(in.rest, "fs"))
		into->layout_fs = true;
	else if (str_is(key, "LAYOUT") && str_is_nocase(in.rest, "maildir++"))
		into->layout_fs = false;
	else if (!has_no_effect(key))
		return fail_of_key(part, text, why);
	return 0;
}

int
location_parse(struct str text, struct arena *arena, struct location *into,
    struct status *why)
{
	struct cursor in = cursor_over(str_trim(text));

	memset(into, 0, sizeof(*into));
	if (cursor_at_end(&in)) {
		into->driver = str_from("auto"); /* Dovecot's default */
		return 0;
	}
	into->driver = cursor_until(&in, ':');
	if (str_is(into->driver, "lmtp")) {
		into->path = in.rest;
		return 0;
	}
	into->path = next_part(&in, arena);
	while (!cursor_at_end(&in))
		if (take_key(next_part(&in, arena), text, into, why) < 0)
			return -1;
	return 0;
}

bool
location_is_server(struct str text)
{
	return stream_is_address(text);
}
