/*
 * fuzz_expand.c - variables in paths: no recipient's name leads out of the
 * directory that the administrator wrote.
 */
#include "config/expand.h"
#include "fuzz/fuzz.h"

/* Whether a path goes up, stays, or enters something hidden. */
static bool
has_dot_component(struct str path)
{
	struct cursor in = cursor_over(path);

	while (!cursor_at_end(&in))
		if (str_begins(cursor_until(&in, '/'), "."))
			return true;
	return false;
}

/* Without variables of its own a name expands to itself. */
static void
check_name(struct fuzz *fuzz, struct str format, struct str name)
{
	struct status why;
	struct str user;
	int rc = expand_username(format, name, fuzz->arena, &user, &why);

	fuzz_check_status(rc, &why);
	REQUIRE(expand_username(
		    str_from("%u"), name, fuzz->arena, &user, &why) == 0 ||
	    name.length >= 8000);
	if (name.length < 8000)
		REQUIRE(fuzz_same(user, name));
}

static void
one(struct fuzz *fuzz)
{
	struct str name = fuzz_line(fuzz), home = fuzz_line(fuzz);
	struct str value = fuzz_rest(fuzz);
	struct expand_names names = expand_names_of(name);
	const char *path, *text;
	struct status why;
	int rc;

	if (str_index(value, '\0') != STR_NONE ||
	    str_index(home, '\0') != STR_NONE)
		return;
	names.home = home;
	rc = expand(value, &names, EXPAND_PATH, fuzz->arena, &path, &why);
	fuzz_check_status(rc, &why);
	check_name(fuzz, value, name);
	if (rc < 0) {
		REQUIRE(why.id == STATUS_USER_UNKNOWN ||
		    why.id == STATUS_MISCONFIGURED);
		return;
	}
	/* The same as text, but for a "~" that only a path begins with. */
	if (!str_begins(value, "~")) {
		REQUIRE(expand(value, &names, EXPAND_TEXT, fuzz->arena, &text,
			    &why) == 0);
		REQUIRE(strcmp(path, text) == 0);
	}
	/* Neither home nor value bring a dot or a slash of their own: then no
	 * component begins with a dot, and there is none more. */
	names.home = str_of(NULL, 0);
	if (str_index(value, '.') != STR_NONE ||
	    expand(value, &names, EXPAND_PATH, fuzz->arena, &path, &why) < 0)
		return;
	REQUIRE(!has_dot_component(str_from(path)));
	REQUIRE(str_count(str_from(path), '/') == str_count(value, '/'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
