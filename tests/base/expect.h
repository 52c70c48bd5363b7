/*
 * expect.h - what the unit tests of all rooms share: memory, slices compared
 * with what they should be, and running a suite.
 */
#ifndef BASE_EXPECT_H
#define BASE_EXPECT_H

#include "base/arena.h"
#include "base/attribute.h"
#include "base/str.h"
#include "support/tally.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A slice of a literal, NUL octets inside included; TEXT is for tables. */
#define STR(literal) str_of("" literal, sizeof(literal) - 1)
#define TEXT(literal)                                                          \
	{                                                                      \
		"" literal, sizeof(literal) - 1                                \
	}

/* For arena_init. */
static inline void
expect_memory(void)
{
	ck_abort_msg("memory is out");
}

/* A slice as a failing test prints it; lives until the fifth next call. */
static inline const char *
expect_show(struct str text)
{
	static char rooms[4][1024];
	static unsigned turn;
	char *room = rooms[turn++ % COUNT(rooms)];
	size_t length = 0;

	for (size_t i = 0; i < text.length && length < 1000; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c >= ' ' && c < 127 && c != '\\')
			room[length++] = (char)c;
		else
			length +=
			    (size_t)snprintf(room + length, 5, "\\x%02x", c);
	}
	room[length] = '\0';
	return room;
}

static inline bool
expect_same(struct str one, struct str other)
{
	return one.length == other.length &&
	    (one.length == 0 || memcmp(one.at, other.at, one.length) == 0);
}

/* The failing row names itself by what was given. */
#define expect_str(given, got, want)                                           \
	ck_assert_msg(expect_same((got), (want)),                              \
	    "given \"%s\": got \"%s\", want \"%s\"", expect_show(given),       \
	    expect_show(got), expect_show(want))

#define expect_bool(given, got, want)                                          \
	ck_assert_msg((got) == (want), "given \"%s\": got %s, want %s",        \
	    expect_show(given), (got) ? "true" : "false",                      \
	    (want) ? "true" : "false")

/* A cause or a text of ours that must hold a word. */
#define expect_holds(text, word)                                               \
	ck_assert_msg(strstr((text), (word)) != NULL,                          \
	    "\"%s\" does not hold \"%s\"", (text), (word))

/* Tests that end their process cannot share it (CK_FORK=no, valgrind). */
static inline bool
expect_forks(void)
{
	const char *value = getenv("CK_FORK");

	return value == NULL || strcmp(value, "no") != 0;
}

/* The exit status of a test program. */
static inline int
expect_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The same for tests that count what they do (tally_add); a failed one is a
 * survivor. */
static inline int
expect_run_tally(Suite *suite, enum tally_kind kind)
{
	int status;

	tally_begin();
	status = expect_run(suite);
	tally_survivor(kind, status == EXIT_SUCCESS ? 0 : 1);
	tally_print();
	return status;
}

#endif
