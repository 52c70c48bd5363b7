/*
 * getpw_main.c - lda-getpw: asks the name service switch for lda.
 *
 * A dynamic program of a few lines, because NSS modules are shared objects:
 * lda itself is static, and a module that crashes or hangs takes only this
 * process with it.  Not meant to be run by hand.
 *
 *   lda-getpw user NAME | uid NUMBER | group NAME
 *
 * Prints a line as in passwd(5) or group(5).  Exit status: 0 found, 67 not
 * found, 75 could not ask.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FOUND = 0,
	NOT_FOUND = 67,
	COULD_NOT_ASK = 75,
	ROOM_TOO_SMALL = -1
};

/* Entries with many group members are long. */
#define ROOM_OCTETS_MOST ((size_t)4 * 1024 * 1024)

struct question {
	const char *kind;
	const char *key;
	struct passwd user;
	struct passwd *found_user;
	struct group group;
	struct group *found_group;
};

static int
ask(struct question *about, char *room, size_t size)
{
	if (strcmp(about->kind, "user") == 0)
		return getpwnam_r(
		    about->key, &about->user, room, size, &about->found_user);
	if (strcmp(about->kind, "uid") == 0)
		return getpwuid_r((uid_t)strtoul(about->key, NULL, 10),
		    &about->user, room, size, &about->found_user);
	if (strcmp(about->kind, "group") == 0)
		return getgrnam_r(
		    about->key, &about->group, room, size, &about->found_group);
	return EINVAL;
}

/* A line end or colon in a field would make another line of it. */
static bool
is_plain(const char *field)
{
	return field != NULL && strpbrk(field, ":\n") == NULL;
}

static int
print(const struct question *about)
{
	int printed = -1;

	if (about->found_user != NULL && is_plain(about->user.pw_name) &&
	    is_plain(about->user.pw_dir))
		printed = printf("%s:x:%ju:%ju::%s:\n", about->user.pw_name,
		    (uintmax_t)about->user.pw_uid,
		    (uintmax_t)about->user.pw_gid, about->user.pw_dir);
	else if (about->found_group != NULL && is_plain(about->group.gr_name))
		printed = printf("%s:x:%ju:\n", about->group.gr_name,
		    (uintmax_t)about->group.gr_gid);
	return printed > 0 && fflush(stdout) == 0 ? FOUND : COULD_NOT_ASK;
}

/* "Not found" has many faces: getpwnam_r(3) lists these. */
static bool
means_not_found(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH;
}

/* With that much room for the entry. */
static int
ask_with(struct question *about, size_t size)
{
	char *room = malloc(size);
	int error = room == NULL ? ENOMEM : ask(about, room, size);
	int status = COULD_NOT_ASK;

	if (error == ERANGE)
		status = ROOM_TOO_SMALL;
	else if (about->found_user != NULL || about->found_group != NULL)
		status = print(about);
	else if (means_not_found(error))
		status = NOT_FOUND;
	free(room);
	return status;
}

int
main(int argc, char *argv[])
{
	struct question about = { .kind = NULL };

	if (argc != 3)
		return COULD_NOT_ASK;
	about.kind = argv[1];
	about.key = argv[2];
	for (size_t size = 4096; size <= ROOM_OCTETS_MOST; size *= 4) {
		int status = ask_with(&about, size);

		if (status != ROOM_TOO_SMALL)
			return status;
	}
	return COULD_NOT_ASK;
}
