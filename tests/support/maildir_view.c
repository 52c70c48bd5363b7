/*
 * maildir_view.c - a Maildir as a reader sees it.
 *
 * Source: D. J. Bernstein, "Using maildir format"; Dovecot's S= and W=.
 */
#define _XOPEN_SOURCE 700 /* nftw(3) */
#include "maildir_view.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char name_pattern[] = "^[0-9]+\\.M[0-9]{1,6}P[0-9]+Q[0-9]+"
				   "R[0-9A-Za-z]+\\.[^/:,]+,"
				   "S=([0-9]+),W=([0-9]+)$";

/* Counts the entries, and copies the last one's name if room is given. */
static size_t
look_into(const char *path, char *room, size_t size)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (room != NULL)
			(void)snprintf(room, size, "%s", entry->d_name);
	}
	(void)closedir(directory);
	return count;
}

size_t
maildir_count(struct scratch *scratch, const char *directory)
{
	char path[SCRATCH_ROOT + SCRATCH_NOTE];

	(void)snprintf(path, sizeof(path), "%s/%s", scratch->root, directory);
	return look_into(path, NULL, 0);
}

/* What nftw(3) counts; it takes no context. */
static size_t found;

static int
count_message(
    const char *path, const struct stat *facts, int type, struct FTW *at)
{
	static const char *const places[] = { "/new/", "/cur/", "/tmp/" };

	(void)facts;
	if (type != FTW_F || at->base < 5)
		return 0;
	for (size_t i = 0; i < COUNT(places); i++)
		if (strncmp(path + at->base - 5, places[i], 5) == 0)
			found++;
	return 0;
}

size_t
maildir_count_below(struct scratch *scratch, const char *name)
{
	char path[SCRATCH_ROOT + SCRATCH_NOTE];

	(void)snprintf(path, sizeof(path), "%s/%s", scratch->root, name);
	found = 0;
	(void)nftw(path, count_message, 16, FTW_PHYS);
	return found;
}

static void
read_file(const char *path, struct mail *mail)
{
	struct stat facts;
	FILE *file;

	ck_assert_msg(lstat(path, &facts) == 0, "cannot examine %s: %s", path,
	    strerror(errno));
	ck_assert_msg(S_ISREG(facts.st_mode), "%s is not a file", path);
	mail->mode = facts.st_mode & 07777;
	mail->length = (size_t)facts.st_size;
	mail->octets = malloc(mail->length + 1);
	ck_assert_ptr_nonnull(mail->octets);
	mail->octets[mail->length] = '\0';
	file = fopen(path, "rb");
	ck_assert_msg(
	    file != NULL, "cannot open %s: %s", path, strerror(errno));
	ck_assert_uint_eq(
	    fread(mail->octets, 1, mail->length, file), mail->length);
	(void)fclose(file);
}

/* Octets with every line end as CRLF: W= counts an LF twice unless a CR is
 * before it already. */
static size_t
crlf_length(const struct mail *mail)
{
	size_t length = mail->length;

	for (size_t i = 0; i < mail->length; i++)
		if (mail->octets[i] == '\n' &&
		    (i == 0 || mail->octets[i - 1] != '\r'))
			length++;
	return length;
}

const char *
maildir_complaint(const struct mail *mail)
{
	regmatch_t groups[3];
	regex_t pattern;
	bool fits;

	ck_assert_int_eq(regcomp(&pattern, name_pattern, REG_EXTENDED), 0);
	fits = regexec(&pattern, mail->name, COUNT(groups), groups, 0) == 0;
	regfree(&pattern);
	if (!fits)
		return "is not seconds.MmicroPpidQnRrandom.host,S=n,W=n";
	if (strtoull(mail->name + groups[1].rm_so, NULL, 10) != mail->length)
		return "has a wrong S=";
	if (strtoull(mail->name + groups[2].rm_so, NULL, 10) !=
	    crlf_length(mail))
		return "has a wrong W=";
	return NULL;
}

void
maildir_read_one(
    struct scratch *scratch, const char *maildir, struct mail *mail)
{
	char path[SCRATCH_ROOT + 2 * SCRATCH_NOTE];
	size_t count;

	memset(mail, 0, sizeof(*mail));
	(void)snprintf(path, sizeof(path), "%s/%s/tmp", scratch->root, maildir);
	count = look_into(path, mail->name, sizeof(mail->name));
	ck_assert_msg(count == 0, "%s holds %zu files, one of them %s", path,
	    count, mail->name);
	(void)snprintf(path, sizeof(path), "%s/%s/new", scratch->root, maildir);
	count = look_into(path, mail->name, sizeof(mail->name));
	ck_assert_msg(
	    count == 1, "%s holds %zu files instead of one", path, count);
	(void)snprintf(path, sizeof(path), "%s/%s/new/%s", scratch->root,
	    maildir, mail->name);
	read_file(path, mail);
	ck_assert_msg(maildir_complaint(mail) == NULL,
	    "the name %s of %zu octets %s", mail->name, mail->length,
	    maildir_complaint(mail));
}

void
maildir_expect(struct scratch *scratch, const char *maildir, const char *octets,
    size_t length)
{
	struct mail got;
	size_t same = 0;

	maildir_read_one(scratch, maildir, &got);
	while (same < length && same < got.length &&
	    octets[same] == got.octets[same])
		same++;
	ck_assert_msg(same == length && same == got.length,
	    "the mail in %s has %zu octets instead of %zu and differs from "
	    "octet %zu on",
	    maildir, got.length, length, same);
	free(got.octets);
}
