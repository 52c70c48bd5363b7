/*
 * fuzz_location.c - mail_location taken apart, and resolved for a recipient
 * whose name is hostile: no path leaves what the setting names.
 */
#include "fuzz/fuzz.h"
#include "store/location.h"
#include "store/store.h"

static bool
has_component(const char *path, const char *what)
{
	struct cursor in = cursor_over(str_from(path));

	while (!cursor_at_end(&in))
		if (str_is(cursor_until(&in, '/'), what))
			return true;
	return false;
}

static void
check_path(const char *path)
{
	if (path != NULL)
		REQUIRE(path[0] == '/' && !has_component(path, ".."));
}

static void
resolve(struct fuzz *fuzz, struct str name, struct str text)
{
	struct store_options options;
	struct store_owner owner = { .name = name, .home = "/home/x" };
	struct mailbox mailbox;
	struct status why;
	int rc;

	memset(&options, 0, sizeof(options));
	for (size_t i = 0; i < store_settings.count; i++)
		REQUIRE(setting_default(&store_settings.rows[i],
			    str_from(store_settings.rows[i].fallback), &options,
			    fuzz->arena, &why) == 0);
	options.mail_location = fuzz_string(text);
	rc = mailbox_resolve(&options, &owner, fuzz->arena, &mailbox, &why);
	fuzz_check_status(rc, &why);
	if (rc < 0) {
		REQUIRE(why.id == STATUS_MISCONFIGURED ||
		    why.id == STATUS_USER_UNKNOWN ||
		    why.id == STATUS_UNREACHABLE);
		return;
	}
	if (mailbox.store->is_remote) {
		REQUIRE(location_is_server(str_from(mailbox.root)));
		return;
	}
	/* ".." is the administrator's to write, not the recipient's. */
	if (strstr(fuzz_string(text), "..") != NULL)
		return;
	check_path(mailbox.root);
	check_path(mailbox.inbox);
	check_path(mailbox.control);
}

static void
one(struct fuzz *fuzz)
{
	struct str name = fuzz_line(fuzz), text = fuzz_rest(fuzz);
	struct location location;
	struct status why;
	int rc;

	(void)location_is_server(text);
	resolve(fuzz, name, text);
	rc = location_parse(text, fuzz->arena, &location, &why);
	fuzz_check_status(rc, &why);
	if (rc < 0)
		return;
	REQUIRE(str_index(location.driver, ':') == STR_NONE);
	REQUIRE(location.driver.length + location.path.length <= text.length ||
	    (str_trim(text).length == 0 && str_is(location.driver, "auto")));
	REQUIRE(str_index(location.subscriptions, '/') == STR_NONE);
	REQUIRE(!str_is(location.subscriptions, ".."));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
