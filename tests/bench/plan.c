/*
 * plan.c - what is measured, as tests/bench/run has written it down.
 */
#define _DEFAULT_SOURCE /* err(3) */
#include "feed.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
add_word(const char **words, size_t *count, const char *word)
{
	if (*count == FEED_WORDS - 1)
		errx(1, "more than %d words: %s", FEED_WORDS - 1, word);
	words[(*count)++] = word;
}

static const char *
keep(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		err(1, "memory");
	return copy;
}

static void
take_cut(struct subject *subject, char *value)
{
	char *blank = strrchr(value, ' ');

	if (blank == NULL)
		errx(1, "cut without a length: %s", value);
	*blank = '\0';
	subject->cut = keep(value);
	subject->cut_octets = (off_t)strtoll(blank + 1, NULL, 10);
}

static void
take_line(struct subject *subject, const char *word, char *value)
{
	if (strcmp(word, "arg") == 0)
		add_word(subject->argv, &subject->argc, keep(value));
	else if (strcmp(word, "env") == 0)
		add_word(subject->envp, &subject->envc, keep(value));
	else if (strcmp(word, "cd") == 0)
		subject->directory = keep(value);
	else if (strcmp(word, "empty") == 0)
		subject->empty = keep(value);
	else if (strcmp(word, "without") == 0)
		subject->without = keep(value);
	else if (strcmp(word, "cut") == 0)
		take_cut(subject, value);
	else
		errx(1, "unknown word in the plan: %s", word);
}

static struct subject *
add_subject(struct subject **subjects, size_t *count, const char *name)
{
	struct subject *more =
	    realloc(*subjects, (*count + 1) * sizeof(**subjects));

	if (more == NULL)
		err(1, "memory");
	*subjects = more;
	more += (*count)++;
	memset(more, 0, sizeof(*more));
	more->name = keep(name);
	more->directory = "/";
	return more;
}

size_t
plan_read(const char *path, struct subject **subjects)
{
	FILE *plan = fopen(path, "r");
	struct subject *current = NULL;
	size_t count = 0, size = 0;
	char *line = NULL;

	if (plan == NULL)
		err(1, "%s", path);
	*subjects = NULL;
	while (getline(&line, &size, plan) > 0) {
		char *value = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (value == NULL)
			errx(1, "a word alone: %s", line);
		*value++ = '\0';
		if (strcmp(line, "subject") == 0)
			current = add_subject(subjects, &count, value);
		else if (current == NULL)
			errx(1, "before the first subject: %s", line);
		else
			take_line(current, line, value);
	}
	free(line);
	(void)fclose(plan);
	return count;
}

static void
empty_directory(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	/* Not there: the first delivery makes it. */
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			err(1, "%s/%s", path, entry->d_name);
	(void)closedir(dir);
}

void
plan_tidy(const struct subject *subject)
{
	if (subject->empty != NULL)
		empty_directory(subject->empty);
	if (subject->cut != NULL &&
	    truncate(subject->cut, subject->cut_octets) < 0 && errno != ENOENT)
		err(1, "%s", subject->cut);
	if (subject->without != NULL && unlink(subject->without) < 0 &&
	    errno != ENOENT)
		err(1, "%s", subject->without);
}
