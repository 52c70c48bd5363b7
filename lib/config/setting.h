/*
 * setting.h - what a setting is: its name, type, default, and where its
 * value lands.
 *
 * Each room that has settings exports one table of these rows and a struct
 * for the values.  This room knows no setting by name.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "base/arena.h"
#include "mail/status.h"

#include <stdint.h>

enum setting_type {
	SETTING_TEXT,     /* const char *: as written */
	SETTING_BOOL,     /* bool: yes or no */
	SETTING_SIZE,     /* uint64_t octets: 50M */
	SETTING_DURATION, /* uint64_t seconds: 300s, 5 mins */
	SETTING_NUMBER,   /* uint64_t */
	SETTING_CHOICE,   /* int: index of the word in choices */
	SETTING_LIST,     /* struct setting_list: split at blanks, commas */
	SETTING_IGNORED   /* accepted, logged, without effect; no field */
};

struct setting_list {
	struct str *words;
	size_t count;
};

/* The texts stand in the row itself: a pointer in a constant table is a
 * relocation, and a page of our own, each time that the program starts. */
struct setting {
	char name[32]; /* "plugin/" matches all that begins with it */
	enum setting_type type;
	char fallback[24]; /* the default, as one would write it */
	size_t offset;     /* of the field in the room's struct */
	char choices[32];  /* for SETTING_CHOICE: words, a blank between two;
			    * for a size or a number: words for 0 */
};

/* The settings of one room. */
struct setting_table {
	const struct setting *rows;
	size_t count;
};

/*
 * Reads value as the row's type says and puts it into the field of options.
 * Text and list words live in the arena or in value.  On failure why->cause
 * says what would have been right; nothing is changed.
 */
int setting_parse(const struct setting *row, struct str value, void *options,
    struct arena *arena, struct status *why) MUST_CHECK;

/* Puts the row's own default, which is text, into the field of options; nothing
 * is copied, what is text there points into the row. */
int setting_default(const struct setting *row, struct str text, void *options,
    struct arena *arena, struct status *why) MUST_CHECK;

/* Sizes and durations on their own, for values inside other values. */
bool setting_read_size(struct str value, uint64_t *octets);
bool setting_read_duration(struct str value, uint64_t *seconds);

/* Splits at blanks and commas; words point into value. */
struct setting_list setting_split(struct str value, struct arena *arena);

/* "yes or no", "a size such as 50M": for messages and manuals. */
const char *setting_type_name(enum setting_type type);

#endif
