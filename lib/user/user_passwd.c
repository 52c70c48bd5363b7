/*
 * user_passwd.c - the system's own users: the passwd file, then NSS.
 *
 * The file is read directly, so that the users of most machines cost no
 * helper process; what it does not hold is asked of NSS.
 *
 * Source: passwd(5), group(5), postconf(5) mydestination.
 */
#include "user/user_passwd.h"

#include "base/cursor.h"
#include "base/number.h"
#include "base/place.h"
#include "user/user_line.h"
#include "user/user_nss.h"

#include <stdint.h>

/* LOGIN_NAME_MAX of Linux; a longer name is nobody's. */
#define NAME_OCTETS 256

enum field {
	FIELD_NAME = 0,
	FIELD_UID = 2
};

/* Ids that mean "leave it" to the kernel are nobody's. */
#define LARGEST_ID ((uint64_t)UINT32_MAX - 1)

static int
find_line(enum field field, const char *kind, struct str key,
    const struct user_options *options, struct arena *arena, struct str *line,
    struct status *why)
{
	if (user_line_find(place_passwd_file, field, key, arena, line, why) ==
	    0)
		return 0;
	if (why->id != STATUS_USER_UNKNOWN)
		return -1;
	return user_nss_find(kind, key, options, arena, line, why);
}

/* Ids in passwd are numbers and home is there, or the line cannot be used. */
static int
use_line(struct str text, const char *origin, struct arena *arena,
    struct user *into, struct status *why)
{
	struct user_line line;
	uint64_t uid, gid;

	user_line_split(text, &line);
	if (line.name.length == 0 || line.home.length == 0 ||
	    !number_read(line.uid, LARGEST_ID, &uid) ||
	    !number_read(line.gid, LARGEST_ID, &gid))
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "the line of %.*s from %s cannot be used",
		    (int)line.name.length, line.name.at, origin);
	into->name = line.name;
	into->home = arena_string(arena, line.home);
	into->uid = (uid_t)uid;
	into->gid = (gid_t)gid;
	into->has_uid = into->has_gid = true;
	into->is_system = true;
	into->is_listed = true;
	status_init(why); /* the file may have said "not found" before NSS */
	return 0;
}

static bool
could_be_name(struct str name)
{
	return name.length > 0 && name.length <= NAME_OCTETS &&
	    str_index(name, ':') == STR_NONE &&
	    str_index(name, '/') == STR_NONE && !str_has_control(name);
}

int
user_passwd_by_name(struct str name, const struct user_options *options,
    struct arena *arena, struct user *into, struct status *why)
{
	struct str line;

	if (!could_be_name(name))
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "\"%.*s\" cannot be the name of a system user",
		    (int)str_head(name, 80).length, name.at);
	if (find_line(FIELD_NAME, "user", name, options, arena, &line, why) < 0)
		return -1;
	return use_line(line, "passwd", arena, into, why);
}

int
user_passwd_by_uid(uid_t uid, const struct user_options *options,
    struct arena *arena, struct user *into, struct status *why)
{
	struct str key = str_from(arena_print(arena, "%ju", (uintmax_t)uid));
	struct str line;

	if (find_line(FIELD_UID, "uid", key, options, arena, &line, why) < 0)
		return -1;
	return use_line(line, "passwd", arena, into, why);
}

int
user_passwd_group(struct str name, const struct user_options *options,
    struct arena *arena, gid_t *gid, struct status *why)
{
	struct cursor in;
	struct str line;
	uint64_t number;

	if (user_line_find(
		place_group_file, FIELD_NAME, name, arena, &line, why) < 0 &&
	    (why->id != STATUS_USER_UNKNOWN ||
		user_nss_find("group", name, options, arena, &line, why) < 0))
		return -1;
	in = cursor_over(line);
	(void)cursor_until(&in, ':');
	(void)cursor_until(&in, ':');
	if (!number_read(cursor_until(&in, ':'), LARGEST_ID, &number))
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "the line of group %.*s cannot be used", (int)name.length,
		    name.at);
	*gid = (gid_t)number;
	return 0;
}

static int
find(const struct user_query *query, struct user *into, struct status *why)
{
	struct str name = query->name;
	size_t at = str_last(name, '@');

	/* bob@elsewhere must never reach local bob. */
	if (at != STR_NONE) {
		struct str domain = str_after(name, at + 1);

		if (!user_is_local_domain(query->options, domain))
			return status_fail(why, STATUS_USER_UNKNOWN,
			    "the domain of %.*s is not in mydestination",
			    (int)name.length, name.at);
		name = str_head(name, at);
	}
	return user_passwd_by_name(
	    name, query->options, query->arena, into, why);
}

const struct user_source user_source_passwd = { "passwd", true, false, find,
	NULL };
