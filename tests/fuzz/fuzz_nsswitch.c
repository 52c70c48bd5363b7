/*
 * fuzz_nsswitch.c - what nsswitch.conf asks: a source beyond the files is never
 * overlooked, for then "not found" would be believed.
 */
#include "fuzz/fuzz.h"
#include "user/user_nss.h"

static void
check_line(struct str word)
{
	struct buf text = fuzz_room(word.length + 100);
	struct user_nss_sources sources;

	/* A word with these is another thing. */
	if (str_index_any(word, str_from(" \t\r\n[]#:")) != STR_NONE ||
	    str_index(word, '\0') != STR_NONE || word.length == 0)
		return;
	buf_add_string(&text, "# passwd: x\ngroup: files\n passwd :files [ ");
	buf_add_string(&text, "NOTFOUND=return ] ");
	buf_add(&text, word);
	buf_add_string(&text, "\n");
	sources = user_nss_sources(buf_str(&text), "passwd");
	REQUIRE(sources.beyond_files == !str_is(word, "files"));
	REQUIRE(sources.doubtful ==
	    (sources.beyond_files && !str_is(word, "compat") &&
		!str_is(word, "systemd")));
	sources = user_nss_sources(buf_str(&text), "group");
	REQUIRE(!sources.beyond_files && !sources.doubtful);
}

static void
one(struct fuzz *fuzz)
{
	struct str word = fuzz_line(fuzz), file = fuzz_rest(fuzz);
	struct user_nss_sources sources = user_nss_sources(file, "passwd"),
				more;
	struct buf longer = fuzz_room(file.length + 100);

	REQUIRE(sources.beyond_files || !sources.doubtful);
	/* More lines never take a source away. */
	buf_add(&longer, file);
	buf_add_string(&longer, "\npasswd: ldap\n");
	more = user_nss_sources(buf_str(&longer), "passwd");
	REQUIRE(more.beyond_files && more.doubtful);
	check_line(word);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
