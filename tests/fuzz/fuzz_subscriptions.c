/*
 * fuzz_subscriptions.c - a folder added to a list that another program wrote:
 * every line of it stays, there is one more or none, and added twice it stands
 * there once.
 */
#include "fuzz/fuzz.h"
#include "store/subscriptions.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
one(struct fuzz *fuzz)
{
	size_t choice = fuzz_choose(fuzz, 4);
	struct str name = fuzz_line(fuzz), text = fuzz_rest(fuzz);
	struct str once, twice, added;
	struct folder folder;
	struct status why;
	int dir;

	if (folder_parse(name, fuzz->arena, &folder, &why) < 0 ||
	    folder_is_inbox(&folder))
		return;
	fuzz_enter_directory();
	fuzz_write("subscriptions", text);
	dir = open(".", O_RDONLY | O_DIRECTORY);
	REQUIRE(dir >= 0);
	subscriptions_add(dir, ".", "subscriptions", &folder, (choice & 1) != 0,
	    (choice & 2) != 0);
	once = fuzz_read("subscriptions");
	subscriptions_add(dir, ".", "subscriptions", &folder, (choice & 1) != 0,
	    (choice & 2) != 0);
	twice = fuzz_read("subscriptions");
	REQUIRE(close(dir) == 0);
	REQUIRE(access("subscriptions.lock", F_OK) < 0);
	REQUIRE(access("subscriptions.lda-new", F_OK) < 0);
	REQUIRE(fuzz_same(once, twice));
	if (fuzz_same(once, text))
		return;
	if (text.length == 0)
		text = str_from("V\t2\n\n");
	REQUIRE(once.length > text.length);
	REQUIRE(fuzz_same(str_head(once, text.length), text));
	added = str_after(once, text.length);
	if (!str_ends(text, "\n")) {
		REQUIRE(str_begins(added, "\n"));
		added = str_after(added, 1);
	}
	REQUIRE(added.length > 1 && str_count(added, '\n') == 1);
	REQUIRE(str_ends(added, "\n"));
	if (str_begins(text, "V\t2\n"))
		REQUIRE(str_count(added, '\t') == folder.count - 1);
	else
		REQUIRE(!str_has_control(str_head(added, added.length - 1)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
