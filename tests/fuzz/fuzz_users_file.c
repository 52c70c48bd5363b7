/*
 * fuzz_users_file.c - a users file in Dovecot's format: who is in it is found
 * as its line says, and nobody is unknown where the file is not whole.
 */
#include "fuzz/fuzz.h"
#include "user/user.h"
#include "user/user_fields.h"
#include "user/user_line.h"

/* The first line with this name; false where there is none. */
static bool
model_of(struct str file, struct str name, struct str *line)
{
	struct cursor in = cursor_over(file);

	while (!cursor_at_end(&in)) {
		struct cursor at;

		*line = cursor_until(&in, '\n');
		if (str_ends(*line, "\r"))
			line->length--;
		at = cursor_over(*line);
		if (!str_begins(*line, "#") &&
		    fuzz_same(cursor_until(&at, ':'), name))
			return true;
	}
	return false;
}

static bool
is_whole(struct str file)
{
	return str_ends(file, "\n") && str_index(file, '\0') == STR_NONE;
}

static void
check_user(const struct user *user, struct str line, struct str name)
{
	struct user_line parts;

	user_line_split(line, &parts);
	REQUIRE(fuzz_same(user->name, name));
	REQUIRE(user->has_uid || parts.uid.length == 0);
	REQUIRE(user->home != NULL || parts.home.length == 0);
	for (size_t i = 0; i < user->field_count; i++)
		REQUIRE(str_index(user->fields[i].name, '=') == STR_NONE);
}

static void
one(struct fuzz *fuzz)
{
	struct user_options options = { .recipient_delimiter = "+",
		.auth_username_format = "%Lu" };
	struct user_query query = { .argument = str_from("users"),
		.options = &options,
		.arena = fuzz->arena };
	struct user user, again;
	struct status why;
	struct str file, line;
	bool is_there;
	int rc;

	query.name = fuzz_line(fuzz);
	file = fuzz_rest(fuzz);
	memset(&user, 0, sizeof(user));
	memset(&again, 0, sizeof(again));
	fuzz_enter_directory();
	fuzz_write("users", file);
	is_there = model_of(file, query.name, &line);
	rc = user_source_file.find(&query, &user, &why);
	fuzz_check_status(rc, &why);
	if (rc == 0) {
		REQUIRE(is_there && str_index(line, '\0') == STR_NONE);
		check_user(&user, line, query.name);
		REQUIRE(user_fields_from_line(line, &query, &again, &why) == 0);
		REQUIRE(user.uid == again.uid && user.gid == again.gid);
		REQUIRE(user.field_count == again.field_count);
		return;
	}
	if (why.id != STATUS_USER_UNKNOWN) {
		REQUIRE(why.id == STATUS_LOOKUP_FAILED);
		return;
	}
	/* Unknown: no line has that name, all of them were whole; or the name
	 * is none that a line could have. */
	REQUIRE((!is_there && is_whole(file)) || query.name.length == 0 ||
	    query.name.at[0] == '#' || str_index(query.name, ':') != STR_NONE ||
	    str_has_control(query.name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
