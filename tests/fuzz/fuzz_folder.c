/*
 * fuzz_folder.c - a folder's name, which anybody on the Internet chooses, on
 * its way to the disk: below the mail root, and the same when it comes back.
 */
#include "fuzz/fuzz.h"
#include "store/folder.h"

/* Modified UTF-7 of a name is printable ASCII and comes back as the name. */
static void
check_round(struct str level)
{
	struct buf disk = fuzz_room(6 * level.length + 8), back, again;

	folder_add_level(&disk, level, false);
	REQUIRE(!disk.overflow);
	for (size_t i = 0; i < disk.length; i++)
		REQUIRE(disk.at[i] >= ' ' && disk.at[i] <= '~' &&
		    disk.at[i] != '/');
	back = fuzz_room(level.length + 1);
	folder_add_decoded(&back, buf_str(&disk));
	REQUIRE(!back.overflow && fuzz_same(buf_str(&back), level));
	again = fuzz_room(level.length + 1);
	folder_add_level(&again, level, true);
	REQUIRE(fuzz_same(buf_str(&again), level));
}

static void
check_path(struct fuzz *fuzz, const struct folder *folder, bool fs, bool utf8)
{
	struct status why;
	struct str name;
	const char *path;
	size_t levels = 0;

	if (folder_path(folder, fs, utf8, fuzz->arena, &path, &why) < 0) {
		fuzz_check_status(-1, &why);
		return;
	}
	name = str_from(path);
	REQUIRE(name.length <= 255 && !str_has_control(name));
	REQUIRE(text_is_utf8(name));
	if (folder_is_inbox(folder)) {
		REQUIRE(name.length == 0);
		return;
	}
	if (!fs) {
		REQUIRE(name.at[0] == '.' && name.length > 1);
		REQUIRE(str_index(name, '/') == STR_NONE && name.at[1] != '.');
		REQUIRE(str_count(name, '.') == folder->count);
		return;
	}
	for (struct cursor in = cursor_over(name); !cursor_at_end(&in);) {
		struct str level = cursor_until(&in, '/');

		REQUIRE(level.length > 0 && level.at[0] != '.');
		levels++;
	}
	REQUIRE(levels == folder->count);
}

/* A name on the disk, whoever wrote it.  What is modified UTF-7 and no other
 * spelling of its name (RFC 3501) is the same again; what is not stays. */
static void
check_decoding(struct str name)
{
	struct buf decoded = fuzz_room(2 * name.length + 1), back;

	folder_add_decoded(&decoded, name);
	REQUIRE(!decoded.overflow);
	if (!text_is_utf8(name))
		return;
	REQUIRE(text_is_utf8(buf_str(&decoded)));
	if (str_has_control(name))
		return;
	REQUIRE(!str_has_control(buf_str(&decoded)));
	if (fuzz_same(buf_str(&decoded), name))
		return;
	back = fuzz_room(6 * decoded.length + 8);
	folder_add_level(&back, buf_str(&decoded), false);
	REQUIRE(fuzz_same(buf_str(&back), name));
}

static void
one(struct fuzz *fuzz)
{
	struct str name = fuzz_rest(fuzz);
	struct folder folder, again;
	struct status why;

	check_decoding(name);
	if (folder_parse(name, fuzz->arena, &folder, &why) < 0) {
		fuzz_check_status(-1, &why);
		return;
	}
	REQUIRE(folder.count <= FOLDER_LEVELS_MOST);
	for (size_t i = 0; i < folder.count; i++) {
		struct str level = folder.levels[i];

		REQUIRE(level.length > 0);
		REQUIRE(str_index_any(level, str_from("/.")) == STR_NONE);
		REQUIRE(text_is_utf8(level) && !str_has_control(level));
		check_round(level);
	}
	for (int i = 0; i < 4; i++)
		check_path(fuzz, &folder, (i & 1) != 0, (i & 2) != 0);
	/* Its name names it, but for a folder called INBOX, which a prefix
	 * would be taken for. */
	if (folder.count > 0 && str_is_nocase(folder.levels[0], "INBOX"))
		return;
	REQUIRE(folder_parse(str_from(folder_name(&folder, fuzz->arena)),
		    fuzz->arena, &again, &why) == 0);
	REQUIRE(again.count == folder.count);
	for (size_t i = 0; i < again.count; i++)
		REQUIRE(fuzz_same(again.levels[i], folder.levels[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
