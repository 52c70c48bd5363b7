/*
 * fuzz_expand.c - variables in paths: no recipient's name leads out of the
 * directory that the administrator wrote.
 */
#include "config/expand.h"
#include "fuzz/fuzz.h"

/* How often a path goes up, or through an empty or hidden component. */
static size_t
count_components(struct str path, const char *what)
{
	struct cursor in = cursor_over(path);
	size_t count = 0;

	while (!cursor_at_end(&in))
		count += str_is(cursor_until(&in, '/'), what);
	return count;
}

static bool
is_safe(struct str name)
{
	return name.length > 0 && name.at[0] != '.' &&
	    str_index(name, '/') == STR_NONE && !str_has_control(name);
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
	if (str_index(home, '/') != STR_NONE || str_is(home, "..") ||
	    str_index(value, '.') != STR_NONE || str_index(home, '.') == 0)
		return;
	/* The value has no dot, so no component may be one. */
	REQUIRE(count_components(str_from(path), "..") == 0);
	REQUIRE(count_components(str_from(path), ".") == 0);
	if (is_safe(name))
		REQUIRE(
		    str_count(str_from(path), '/') == str_count(value, '/'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
