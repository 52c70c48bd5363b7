/*
 * config.h - the settings in force, and where each value came from.
 *
 * Knows no setting by name: deliver/settings hands it the rooms' tables and
 * the structs that their values land in.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/setting.h"

/* Weakest first: a later one never replaces a stronger value. */
enum config_level {
	CONFIG_DEFAULT,
	CONFIG_FILE, /* lda.conf */
	CONFIG_USER, /* extra fields of the userdb */
	CONFIG_FLAG  /* -o */
};

/* A room's table, and the struct of its values; NULL for the table, one at
 * most, whose rows are all SETTING_IGNORED. */
struct config_room {
	const struct setting_table *table;
	void *options;
};

/* One setting's present value. */
struct config_value {
	const struct setting *row;
	void *options;
	struct str text;
	enum config_level level;
	const char *origin; /* "default", "/etc/lda.conf:7", "-o" */
};

struct config {
	struct arena *arena;
	struct config_value *values; /* of settings that have an effect */
	size_t count;
	const struct setting_table *without_effect;
	struct str *ignored; /* names accepted without effect */
	size_t ignored_count;
};

/* Names of ignored settings that are remembered for the log. */
#define CONFIG_IGNORED_MOST 16

/* Takes the rooms' tables and puts the defaults in force. */
int config_init(struct config *config, const struct config_room *rooms,
    size_t room_count, struct arena *arena, struct status *why) MUST_CHECK;

/* Sets one value.  Fails for an unknown name or a bad value; the cause begins
 * with origin. */
int config_set(struct config *config, struct str name, struct str value,
    enum config_level level, const char *origin, struct status *why) MUST_CHECK;

/* The same, but answers an unknown name with 0 and *known false: userdb
 * fields may be meant for other programs. */
int config_set_known(struct config *config, struct str name, struct str value,
    enum config_level level, const char *origin, bool *known,
    struct status *why) MUST_CHECK;

/*
 * Reads text, the contents of file, in main.cf's grammar: "name = value",
 * lines that begin with "#" after blanks are comments, a line that begins
 * with a blank goes on with the value before.  The cause names file and line.
 */
int config_parse(struct config *config, struct str text, const char *file,
    struct status *why) MUST_CHECK;

/* Reads the file itself.  A file that is not there is a failure, with
 * *missing set where missing is not NULL. */
int config_read(struct config *config, const char *file, bool *missing,
    struct status *why) MUST_CHECK;

/* One row after the other, those of ignored settings last; NULL behind the
 * last. */
const struct setting *config_row(const struct config *config, size_t number);

/* The value of a name that is in a table; never NULL. */
const struct config_value *config_find(
    const struct config *config, const char *name);

/* "name = value (origin)" for causes, in the arena. */
const char *config_describe(const struct config *config, const char *name);

#endif
