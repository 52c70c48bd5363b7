/*
 * fuzz_user_fields.c - what a server says about a user: a line of a users
 * file, or fields one after the other; both ways the same user.
 */
#include "fuzz/fuzz.h"
#include "user/user_fields.h"
#include "user/user_line.h"

static bool
same_id(bool has, uintmax_t id, bool other_has, uintmax_t other)
{
	return has == other_has && (!has || id == other);
}

/* The line's own fields and then the extra ones, handed in one by one. */
static int
add_all(const struct user_query *query, struct str line, struct user *into,
    struct status *why)
{
	struct user_line parts;
	struct cursor in;

	user_line_split(line, &parts);
	into->name = parts.name;
	if ((parts.uid.length > 0 &&
		user_fields_add(str_from("uid"), parts.uid, query, into, why) <
		    0) ||
	    (parts.gid.length > 0 &&
		user_fields_add(str_from("gid"), parts.gid, query, into, why) <
		    0) ||
	    (parts.home.length > 0 &&
		user_fields_add(
		    str_from("home"), parts.home, query, into, why) < 0))
		return -1;
	in = cursor_over(parts.extra);
	while (!cursor_at_end(&in)) {
		struct cursor field = cursor_over(cursor_until(&in, ' '));
		struct str name, value = str_from("yes");

		if (!cursor_take_word(&field, "userdb_"))
			continue;
		if (str_index(field.rest, '=') != STR_NONE) {
			name = cursor_until(&field, '=');
			value = field.rest;
		} else
			name = field.rest;
		if (user_fields_add(name, value, query, into, why) < 0)
			return -1;
	}
	return 0;
}

static void
check_same(const struct user *a, const struct user *b)
{
	REQUIRE(same_id(a->has_uid, a->uid, b->has_uid, b->uid));
	REQUIRE(same_id(a->has_gid, a->gid, b->has_gid, b->gid));
	REQUIRE((a->home == NULL) == (b->home == NULL));
	REQUIRE(a->home == NULL || strcmp(a->home, b->home) == 0);
	REQUIRE(a->field_count == b->field_count);
	for (size_t i = 0; i < a->field_count; i++) {
		REQUIRE(fuzz_same(a->fields[i].name, b->fields[i].name));
		REQUIRE(fuzz_same(a->fields[i].value, b->fields[i].value));
	}
}

static void
one(struct fuzz *fuzz)
{
	struct user_options options = { .recipient_delimiter = "+",
		.auth_username_format = "%Lu" };
	struct user_query query = { .options = &options, .arena = fuzz->arena };
	struct user whole, pieces, copy;
	struct status why;
	struct str line = fuzz_rest(fuzz);
	struct user_line parts;
	int rc, other;

	fuzz_enter_directory();
	memset(&whole, 0, sizeof(whole));
	memset(&pieces, 0, sizeof(pieces));
	rc = user_fields_from_line(line, &query, &whole, &why);
	fuzz_check_status(rc, &why);
	user_line_split(line, &parts);
	/* The old form is another thing. */
	if (str_begins(parts.extra, ":"))
		return;
	other = add_all(&query, line, &pieces, &why);
	REQUIRE(rc == other);
	if (rc < 0) {
		REQUIRE(why.id == STATUS_LOOKUP_FAILED);
		return;
	}
	check_same(&whole, &pieces);
	user_copy(&whole, fuzz->arena, &copy);
	check_same(&whole, &copy);
	REQUIRE(fuzz_same(copy.name, whole.name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
