/*
 * fuzz_maildirsize.c - the file that other programs write, taken apart in
 * memory and read from the disk; and the sum that is written anew where it
 * cannot be used.
 */
#include "base/number.h"
#include "fuzz/fuzz.h"
#include "store/maildirsize.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longer ones are counted anew (Maildir++). */
#define FILE_OCTETS 5120

static void
open_maildir(struct maildirsize *size, const struct quota_options *options)
{
	static const char *const parts[] = { "cur", "new", "tmp" };

	memset(size, 0, sizeof(*size));
	(void)mkdir("Maildir", 0700);
	size->root = open("Maildir", O_RDONLY | O_DIRECTORY);
	REQUIRE(size->root >= 0);
	for (size_t i = 0; i < COUNT(parts); i++)
		(void)mkdirat(size->root, parts[i], 0700);
	size->control = size->root;
	size->options = options;
}

/* One message of 7 octets, by its name; there long enough for a count to be
 * believed. */
static void
put_message(void)
{
	const struct timespec long_ago[2] = { { 1000000000, 0 },
		{ 1000000000, 0 } };
	int fd = open("Maildir/new/1.M2P3.mx,S=7", O_WRONLY | O_CREAT, 0600);

	REQUIRE(fd >= 0 && close(fd) == 0);
	REQUIRE(utimensat(AT_FDCWD, "Maildir/new", long_ago, 0) == 0);
	REQUIRE(utimensat(AT_FDCWD, "Maildir/cur", long_ago, 0) == 0);
}

static void
check_read(struct str text, bool has_limit)
{
	static const struct quota quota = {
		.limit = { 1000, 10 }, .folder = { 1000, 10 }, .is_set = true
	};
	struct quota_options options = { .quota_grace = "0" };
	struct maildirsize_text parsed, again;
	struct maildirsize size;
	bool fits =
	    maildirsize_parse(text, &parsed) && text.length < FILE_OCTETS;

	open_maildir(&size, &options);
	put_message();
	fuzz_write("Maildir/maildirsize", text);
	maildirsize_look(&size);
	REQUIRE(size.exists && size.known == fits);
	if (fits) {
		REQUIRE(size.used.octets == parsed.used.octets);
		REQUIRE(size.used.messages == parsed.used.messages);
	}
	size.known = false;
	size.limit_is_ours = has_limit;
	size.limit = quota.limit;
	maildirsize_read(&size, &quota, 7);
	/* With a limit of ours what is used is found out in any case. */
	REQUIRE(size.known || !has_limit);
	if (size.known && size.exists) {
		maildirsize_add(&size, 7);
		text = fuzz_read("Maildir/maildirsize");
		REQUIRE(maildirsize_parse(text, &again));
		REQUIRE(text.length >= FILE_OCTETS ||
		    (again.used.octets == size.used.octets + 7 &&
			again.used.messages == size.used.messages + 1));
	}
	REQUIRE(close(size.root) == 0);
}

static void
one(struct fuzz *fuzz)
{
	size_t choice = fuzz_choose(fuzz, 2);
	struct str text = fuzz_rest(fuzz);
	struct maildirsize_text parsed;

	fuzz_enter_directory();
	if (maildirsize_parse(text, &parsed)) {
		REQUIRE(parsed.has_limit && parsed.lines > 0);
		REQUIRE(str_ends(text, "\n"));
		REQUIRE(parsed.lines + 1 == str_count(text, '\n'));
		REQUIRE(parsed.used.octets <= INT64_MAX);
	}
	check_read(text, choice == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
