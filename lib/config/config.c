/*
 * config.c - the settings in force, and where each value came from.
 *
 * Source: postconf(5) (the grammar of main.cf), dovecot-lda -o.
 */
#include "config/config.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/require.h"

#include <errno.h>
#include <string.h>

/* A configuration that is longer is a mistake, or an attack. */
#define FILE_OCTETS ((size_t)1024 * 1024)

static size_t
count_rows(const struct config_room *rooms, size_t room_count)
{
	size_t count = 0;

	for (size_t i = 0; i < room_count; i++)
		if (rooms[i].options != NULL)
			count += rooms[i].table->count;
	return count;
}

static int
add_room(
    struct config *config, const struct config_room *room, struct status *why)
{
	for (size_t i = 0; i < room->table->count; i++) {
		struct config_value *value = &config->values[config->count++];

		value->row = &room->table->rows[i];
		value->options = room->options;
		value->text = str_from(value->row->fallback);
		value->level = CONFIG_DEFAULT;
		value->origin = "default";
		if (setting_default(value->row, value->text, value->options,
			config->arena, why) < 0)
			return -1;
	}
	return 0;
}

int
config_init(struct config *config, const struct config_room *rooms,
    size_t room_count, struct arena *arena, struct status *why)
{
	size_t rows = count_rows(rooms, room_count);

	memset(config, 0, sizeof(*config));
	config->arena = arena;
	config->values = arena_take(arena, rows * sizeof(*config->values));
	config->ignored =
	    arena_take(arena, CONFIG_IGNORED_MOST * sizeof(*config->ignored));
	for (size_t i = 0; i < room_count; i++) {
		if (rooms[i].options == NULL)
			config->without_effect = rooms[i].table;
		else if (add_room(config, &rooms[i], why) < 0)
			return -1;
	}
	return 0;
}

static struct config_value *
find(const struct config *config, struct str name)
{
	char first = name.length == 0 ? '\0' : name.at[0];

	for (size_t i = 0; i < config->count; i++) {
		const char *known = config->values[i].row->name;

		/* Most differ in the first octet. */
		if (known[0] == first && str_is(name, known))
			return &config->values[i];
	}
	return NULL;
}

static bool
is_ignored(const struct config *config, struct str name)
{
	const struct setting_table *table = config->without_effect;

	for (size_t i = 0; table != NULL && i < table->count; i++) {
		const char *row = table->rows[i].name;

		if (str_ends(str_from(row), "/") ? str_begins(name, row) :
						   str_is(name, row))
			return true;
	}
	return false;
}

static void
remember_ignored(struct config *config, struct str name)
{
	if (config->ignored_count < CONFIG_IGNORED_MOST)
		config->ignored[config->ignored_count++] =
		    arena_copy(config->arena, name);
}

int
config_set_known(struct config *config, struct str name, struct str value,
    enum config_level level, const char *origin, bool *known,
    struct status *why)
{
	struct config_value *present = find(config, name);

	*known = present != NULL || is_ignored(config, name);
	if (present == NULL && *known && level != CONFIG_USER)
		remember_ignored(config, name);
	if (present == NULL || level < present->level)
		return 0;
	if (setting_parse(present->row, value, present->options, config->arena,
		why) < 0) {
		status_context(why, "%s", origin);
		return -1;
	}
	present->text = arena_copy(config->arena, value);
	present->level = level;
	present->origin = origin;
	return 0;
}

int
config_set(struct config *config, struct str name, struct str value,
    enum config_level level, const char *origin, struct status *why)
{
	bool known;

	if (config_set_known(config, name, value, level, origin, &known, why) <
	    0)
		return -1;
	if (known)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%s: unknown setting %.*s", origin, (int)name.length, name.at);
}

static bool
is_blank_or_comment(struct str line)
{
	line = str_trim(line);
	return line.length == 0 || line.at[0] == '#';
}

static bool
continues(const struct cursor *in)
{
	return cursor_peek(in) == ' ' || cursor_peek(in) == '\t';
}

/* Most lines are followed by the next setting, which ends them. */
static bool
may_continue(const struct cursor *in)
{
	return str_has_octet(" \t\r\n#", cursor_peek(in));
}

/* What still belongs to the line at in after its first physical line; in is
 * moved behind it and lines counts what it passed. */
static struct str
continuation(struct cursor *in, unsigned *lines)
{
	struct str begin = in->rest;
	size_t length = 0;

	while (!cursor_at_end(in) && may_continue(in)) {
		struct cursor ahead = *in;
		struct str line = cursor_until(&ahead, '\n');

		if (!is_blank_or_comment(line)) {
			if (!continues(in))
				break;
			length = begin.length - ahead.rest.length;
		}
		*in = ahead;
		(*lines)++;
	}
	return str_head(begin, length);
}

/* Blanks and a CR at the end of a line. */
static size_t
trailing(struct str line)
{
	size_t count = 0;

	while (count < line.length &&
	    str_has_octet(" \t\r", line.at[line.length - 1 - count]))
		count++;
	return count;
}

/*
 * The logical line whose first one ends at in: lines that follow and begin with
 * a blank belong to it; comments and empty lines between them do not end it.
 */
static struct str
logical_line(
    struct config *config, struct str first, struct cursor *in, unsigned *lines)
{
	struct cursor more;
	struct buf joined;
	size_t size;

	more = cursor_over(continuation(in, lines));
	if (cursor_at_end(&more))
		return first;
	size = first.length + more.rest.length + 2;
	buf_init(&joined, arena_take(config->arena, size), size);
	buf_add(&joined, str_head(first, first.length - trailing(first)));
	while (!cursor_at_end(&more)) {
		struct str line = cursor_until(&more, '\n');

		if (is_blank_or_comment(line))
			continue;
		buf_add_octet(&joined, ' ');
		buf_add(&joined, str_trim(line));
	}
	return buf_str(&joined);
}

static int
parse_line(struct config *config, struct str line, const char *origin,
    struct status *why)
{
	struct cursor in = cursor_over(line);
	struct str name;

	if (str_index(line, '\0') != STR_NONE)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: a NUL octet: the file is damaged", origin);
	if (line.at[0] == ' ' || line.at[0] == '\t')
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: a line that goes on with nothing before it", origin);
	name = cursor_until(&in, '=');
	if (name.length == line.length)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: expected \"name = value\", got \"%.*s\"", origin,
		    (int)str_head(line, 80).length, line.at);
	return config_set(config, str_trim(name), str_trim(in.rest),
	    CONFIG_FILE, origin, why);
}

static const char *
origin_of(struct config *config, const char *file, unsigned line)
{
	size_t size = strlen(file) + sizeof(":4294967295");
	struct buf origin;

	buf_init(&origin, arena_take(config->arena, size), size);
	buf_add_string(&origin, file);
	buf_add_octet(&origin, ':');
	buf_add_number(&origin, line);
	return origin.at;
}

int
config_parse(struct config *config, struct str text, const char *file,
    struct status *why)
{
	struct cursor in = cursor_over(text);
	unsigned lines = 0;

	while (!cursor_at_end(&in)) {
		unsigned first = ++lines;
		struct str line = cursor_until(&in, '\n');

		if (is_blank_or_comment(line))
			continue;
		line = logical_line(config, line, &in, &lines);
		if (parse_line(
			config, line, origin_of(config, file, first), why) < 0)
			return -1;
	}
	return 0;
}

int
config_read(
    struct config *config, const char *file, bool *missing, struct status *why)
{
	struct str text;

	if (missing != NULL)
		*missing = false;
	/* What people write for "no settings". */
	if (strcmp(file, "/dev/null") == 0)
		return 0;
	if (file_read(file, FILE_OCTETS, config->arena, &text, NULL) < 0) {
		if (missing != NULL)
			*missing = errno == ENOENT;
		(void)status_fail_read(why, file);
		status_become(why, STATUS_MISCONFIGURED);
		return -1;
	}
	return config_parse(config, text, file, why);
}

const struct setting *
config_row(const struct config *config, size_t number)
{
	const struct setting_table *table = config->without_effect;

	if (number < config->count)
		return config->values[number].row;
	number -= config->count;
	return table != NULL && number < table->count ? &table->rows[number] :
							NULL;
}

const struct config_value *
config_find(const struct config *config, const char *name)
{
	const struct config_value *value = find(config, str_from(name));

	require(value != NULL);
	return value;
}

const char *
config_describe(const struct config *config, const char *name)
{
	const struct config_value *value = config_find(config, name);

	return arena_print(config->arena, "%s = %.*s (%s)", name,
	    (int)value->text.length, value->text.at, value->origin);
}
