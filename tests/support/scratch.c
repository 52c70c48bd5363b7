/*
 * scratch.c - a directory for one test, gone when the test is.
 */
#define _XOPEN_SOURCE 700 /* nftw(3) */
#include "scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_DESCRIPTORS 16

static char base[SCRATCH_ROOT - 16];

static void
give_up(const char *what, const char *path)
{
	(void)fprintf(stderr, "scratch directory: cannot %s %s: %s\n", what,
	    path, strerror(errno));
	exit(1);
}

void
scratch_begin(void)
{
	const char *temporary = getenv("TMPDIR");
	int length;

	if (temporary == NULL || temporary[0] == '\0')
		temporary = "/tmp";
	length = snprintf(base, sizeof(base), "%s/lda-check.XXXXXX", temporary);
	/* A socket's path has some 100 octets. */
	if (length < 0 || (size_t)length >= sizeof(base)) {
		(void)fprintf(stderr, "TMPDIR is too long: %s\n", temporary);
		exit(1);
	}
	if (mkdtemp(base) == NULL || chmod(base, 0755) < 0)
		give_up("make", base);
}

/* A test may leave a directory that its owner cannot look into. */
static int
open_up(const char *path, const struct stat *facts, int type, struct FTW *at)
{
	(void)facts;
	(void)at;
	if (type == FTW_D || type == FTW_DNR)
		(void)chmod(path, 0700);
	return 0;
}

static int
remove_entry(
    const char *path, const struct stat *facts, int type, struct FTW *at)
{
	(void)facts;
	(void)type;
	(void)at;
	(void)remove(path);
	return 0;
}

static void
remove_tree(const char *path)
{
	(void)nftw(path, open_up, TREE_DESCRIPTORS, FTW_PHYS);
	(void)nftw(path, remove_entry, TREE_DESCRIPTORS, FTW_PHYS | FTW_DEPTH);
}

void
scratch_end(void)
{
	remove_tree(base);
}

void
scratch_open(struct scratch *scratch, uid_t uid, gid_t gid)
{
	memset(scratch, 0, sizeof(*scratch));
	scratch->uid = uid;
	scratch->gid = gid;
	(void)snprintf(scratch->root, sizeof(scratch->root), "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(scratch->root));
	ck_assert_int_eq(chmod(scratch->root, 0755), 0);
	ck_assert_int_eq(chown(scratch->root, uid, gid), 0);
}

void
scratch_close(struct scratch *scratch)
{
	remove_tree(scratch->root);
}

const char *
scratch_print(struct scratch *scratch, const char *format, ...)
{
	va_list arguments;
	char *note;
	int length;

	ck_assert_uint_lt(scratch->note_count, SCRATCH_NOTES);
	note = scratch->notes[scratch->note_count++];
	va_start(arguments, format);
	length = vsnprintf(note, SCRATCH_NOTE, format, arguments);
	va_end(arguments);
	ck_assert_int_lt(length, SCRATCH_NOTE);
	return note;
}

const char *
scratch_path(struct scratch *scratch, const char *name)
{
	return scratch_print(scratch, "%s/%s", scratch->root, name);
}

/* A path for the duration of one call. */
struct place {
	char path[SCRATCH_ROOT + SCRATCH_NOTE];
};

static struct place
place_of(const struct scratch *scratch, const char *name)
{
	struct place place;
	int length = snprintf(
	    place.path, sizeof(place.path), "%s/%s", scratch->root, name);

	ck_assert_int_lt(length, (int)sizeof(place.path));
	return place;
}

static void
hand_over(const struct scratch *scratch, const char *path, mode_t mode)
{
	ck_assert_msg(lchown(path, scratch->uid, scratch->gid) == 0 &&
		chmod(path, mode) == 0,
	    "cannot hand over %s: %s", path, strerror(errno));
}

void
scratch_mkdir(struct scratch *scratch, const char *name, mode_t mode)
{
	struct place place = place_of(scratch, name);

	ck_assert_msg(mkdir(place.path, 0700) == 0, "cannot make %s: %s",
	    place.path, strerror(errno));
	hand_over(scratch, place.path, mode);
}

void
scratch_write_octets(struct scratch *scratch, const char *name,
    const char *octets, size_t length)
{
	struct place place = place_of(scratch, name);
	FILE *file = fopen(place.path, "wb");

	ck_assert_msg(
	    file != NULL, "cannot create %s: %s", place.path, strerror(errno));
	ck_assert_uint_eq(fwrite(octets, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
	hand_over(scratch, place.path, 0644);
}

void
scratch_write(struct scratch *scratch, const char *name, const char *text)
{
	scratch_write_octets(scratch, name, text, strlen(text));
}

void
scratch_symlink(struct scratch *scratch, const char *target, const char *name)
{
	struct place place = place_of(scratch, name);

	ck_assert_int_eq(symlink(target, place.path), 0);
	ck_assert_int_eq(lchown(place.path, scratch->uid, scratch->gid), 0);
}

void
scratch_chmod(struct scratch *scratch, const char *name, mode_t mode)
{
	struct place place = place_of(scratch, name);

	ck_assert_int_eq(chmod(place.path, mode), 0);
}

void
scratch_chown(struct scratch *scratch, const char *name, uid_t uid, gid_t gid)
{
	struct place place = place_of(scratch, name);

	ck_assert_int_eq(lchown(place.path, uid, gid), 0);
}

void
scratch_remove(struct scratch *scratch, const char *name)
{
	struct place place = place_of(scratch, name);

	remove_tree(place.path);
}

bool
scratch_has(struct scratch *scratch, const char *name)
{
	struct place place = place_of(scratch, name);
	struct stat facts;

	return lstat(place.path, &facts) == 0;
}

mode_t
scratch_mode(struct scratch *scratch, const char *name)
{
	struct place place = place_of(scratch, name);
	struct stat facts;

	ck_assert_msg(lstat(place.path, &facts) == 0, "cannot examine %s: %s",
	    place.path, strerror(errno));
	return facts.st_mode;
}

/* What nftw(3) gathers; it takes no context. */
static struct {
	char **lines;
	size_t count, size;
	const char *leave_out;
	size_t leave_out_length;
} listing;

static int
list_entry(const char *path, const struct stat *facts, int type, struct FTW *at)
{
	char *line;
	size_t size = strlen(path) + 128;

	(void)type;
	(void)at;
	if (listing.leave_out != NULL &&
	    strncmp(path, listing.leave_out, listing.leave_out_length) == 0 &&
	    path[listing.leave_out_length] == '/')
		return 0;
	if (listing.leave_out != NULL && strcmp(path, listing.leave_out) == 0)
		return 0;
	if (listing.count == listing.size) {
		listing.size = listing.size * 2 + 64;
		listing.lines = realloc(
		    listing.lines, listing.size * sizeof(*listing.lines));
		ck_assert_ptr_nonnull(listing.lines);
	}
	line = malloc(size);
	ck_assert_ptr_nonnull(line);
	(void)snprintf(line, size, "%s %o %ju:%ju %jd %jd.%09ld\n", path,
	    (unsigned)facts->st_mode, (uintmax_t)facts->st_uid,
	    (uintmax_t)facts->st_gid, (intmax_t)facts->st_size,
	    (intmax_t)facts->st_ctim.tv_sec, facts->st_ctim.tv_nsec);
	listing.lines[listing.count++] = line;
	return 0;
}

static int
by_text(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static char *
join_lines(void)
{
	size_t length = 0;
	char *text;

	qsort(listing.lines, listing.count, sizeof(*listing.lines), by_text);
	for (size_t i = 0; i < listing.count; i++)
		length += strlen(listing.lines[i]);
	text = calloc(1, length + 1);
	ck_assert_ptr_nonnull(text);
	length = 0;
	for (size_t i = 0; i < listing.count; i++) {
		size_t line = strlen(listing.lines[i]);

		memcpy(text + length, listing.lines[i], line);
		length += line;
		free(listing.lines[i]);
	}
	free(listing.lines);
	return text;
}

char *
scratch_list(struct scratch *scratch, const char *name, const char *leave_out)
{
	struct place place = place_of(scratch, name);
	struct place left_out =
	    place_of(scratch, leave_out != NULL ? leave_out : "");

	memset(&listing, 0, sizeof(listing));
	if (leave_out != NULL) {
		listing.leave_out = left_out.path;
		listing.leave_out_length = strlen(left_out.path);
	}
	ck_assert_int_eq(
	    nftw(place.path, list_entry, TREE_DESCRIPTORS, FTW_PHYS), 0);
	return join_lines();
}
