/*
 * fuzz_passwd.c - the system's passwd and group files, found by name and by
 * number alike.
 */
#include "fuzz/fuzz.h"
#include "user/user_line.h"
#include "user/user_passwd.h"

static void
one(struct fuzz *fuzz)
{
	struct user_options options = { .recipient_delimiter = "+",
		.auth_username_format = "%Lu" };
	struct user user, again;
	struct user_line parts;
	struct status why;
	struct str name, file, line;
	gid_t gid;
	int rc;

	name = fuzz_line(fuzz);
	file = fuzz_rest(fuzz);
	memset(&user, 0, sizeof(user));
	memset(&again, 0, sizeof(again));
	fuzz_enter_directory();
	fuzz_write("passwd", file);
	fuzz_write("group", file);
	fuzz_check_status(
	    user_passwd_group(name, &options, fuzz->arena, &gid, &why), &why);
	rc = user_passwd_by_name(name, &options, fuzz->arena, &user, &why);
	fuzz_check_status(rc, &why);
	if (rc < 0) {
		REQUIRE(why.id == STATUS_USER_UNKNOWN ||
		    why.id == STATUS_LOOKUP_FAILED);
		return;
	}
	REQUIRE(fuzz_same(user.name, name));
	REQUIRE(user.has_uid && user.has_gid && user.is_system);
	REQUIRE(user.home != NULL && user.home[0] != '\0');
	REQUIRE(user.uid != (uid_t)-1 && user.gid != (gid_t)-1);
	REQUIRE(
	    user_line_find("passwd", 0, name, fuzz->arena, &line, &why) == 0);
	user_line_split(line, &parts);
	REQUIRE(str_is(parts.home, user.home));
	/* By number it is he, or one before him with that number. */
	rc = user_passwd_by_uid(user.uid, &options, fuzz->arena, &again, &why);
	if (rc == 0)
		REQUIRE(again.uid == user.uid && again.home != NULL);
	else
		REQUIRE(
		    parts.uid.at[0] == '0' || why.id == STATUS_LOOKUP_FAILED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
