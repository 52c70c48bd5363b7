/*
 * setting.c - reading the value of a setting as its type says.
 *
 * Source: postconf(5) and Dovecot's settings documentation, for the units
 * and the words that people already write.
 */
#include "config/setting.h"

#include "base/cursor.h"
#include "base/number.h"

static const char *const type_names[] = {
	[SETTING_TEXT] = "text",
	[SETTING_BOOL] = "yes or no",
	[SETTING_SIZE] = "a size such as 51200000, 50M or 1G",
	[SETTING_DURATION] = "a time such as 300s, 5m or 1h",
	[SETTING_NUMBER] = "a number",
	[SETTING_CHOICE] = "one of a few words",
	[SETTING_LIST] = "a list of words",
	[SETTING_IGNORED] = "ignored",
};

/* A unit and what it is worth.  The name stands in the table itself: a pointer
 * in a constant table is a relocation when the program starts. */
struct unit {
	char name[8];
	uint64_t worth;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "b", 1 },
	{ "k", (uint64_t)1 << 10 },
	{ "kb", (uint64_t)1 << 10 },
	{ "kib", (uint64_t)1 << 10 },
	{ "m", (uint64_t)1 << 20 },
	{ "mb", (uint64_t)1 << 20 },
	{ "mib", (uint64_t)1 << 20 },
	{ "g", (uint64_t)1 << 30 },
	{ "gb", (uint64_t)1 << 30 },
	{ "gib", (uint64_t)1 << 30 },
	{ "t", (uint64_t)1 << 40 },
	{ "tb", (uint64_t)1 << 40 },
	{ "tib", (uint64_t)1 << 40 },
};

static const struct unit duration_units[] = {
	{ "", 1 },
	{ "s", 1 },
	{ "sec", 1 },
	{ "secs", 1 },
	{ "second", 1 },
	{ "seconds", 1 },
	{ "m", 60 },
	{ "min", 60 },
	{ "mins", 60 },
	{ "minute", 60 },
	{ "minutes", 60 },
	{ "h", 3600 },
	{ "hour", 3600 },
	{ "hours", 3600 },
	{ "d", 86400 },
	{ "day", 86400 },
	{ "days", 86400 },
	{ "w", 604800 },
	{ "week", 604800 },
	{ "weeks", 604800 },
};

/* Beyond what any file or wait can be; keeps sums far from overflow. */
#define MOST ((uint64_t)1 << 62)

const char *
setting_type_name(enum setting_type type)
{
	return type_names[type];
}

static bool
read_with_unit(
    struct str value, const struct unit *units, size_t count, uint64_t *into)
{
	struct cursor in = cursor_over(str_trim(value));
	uint64_t number;

	/* Digits alone are what is written most. */
	if (number_read(in.rest, MOST, into))
		return true;
	if (!number_read(cursor_span(&in, "0123456789"), MOST, &number))
		return false;
	cursor_skip_blanks(&in);
	for (size_t i = 0; i < count; i++) {
		if (!str_is_nocase(in.rest, units[i].name))
			continue;
		if (number > MOST / units[i].worth)
			return false;
		*into = number * units[i].worth;
		return true;
	}
	return false;
}

bool
setting_read_size(struct str value, uint64_t *octets)
{
	return read_with_unit(value, size_units, COUNT(size_units), octets);
}

bool
setting_read_duration(struct str value, uint64_t *seconds)
{
	return read_with_unit(
	    value, duration_units, COUNT(duration_units), seconds);
}

static bool
read_bool(struct str value, bool *into)
{
	if (str_is_nocase(value, "yes") || str_is_nocase(value, "y") ||
	    str_is_nocase(value, "true") || str_is(value, "1"))
		*into = true;
	else if (str_is_nocase(value, "no") || str_is_nocase(value, "n") ||
	    str_is_nocase(value, "false") || str_is(value, "0"))
		*into = false;
	else
		return false;
	return true;
}

static bool
read_choice(struct str value, const char *choices, int *into)
{
	struct cursor in = cursor_over(str_from(choices));

	for (int i = 0; !cursor_at_end(&in); i++) {
		if (str_equal_nocase(value, cursor_span_not(&in, " "))) {
			*into = i;
			return true;
		}
		(void)cursor_take(&in, ' ');
	}
	return false;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* The next word, with what separates it from the one before taken off. */
static struct str
next_word(struct str *rest)
{
	size_t begin = 0, end;
	struct str word;

	while (begin < rest->length && is_separator(rest->at[begin]))
		begin++;
	for (end = begin; end < rest->length; end++)
		if (is_separator(rest->at[end]))
			break;
	word = str_after(str_head(*rest, end), begin);
	*rest = str_after(*rest, end);
	return word;
}

struct setting_list
setting_split(struct str value, struct arena *arena)
{
	struct setting_list list = { NULL, 0 };
	struct str rest = value, word;
	size_t most = 0;

	/* Counted first, so that room is taken once. */
	while (next_word(&rest).length > 0)
		most++;
	list.words = arena_take(arena, most * sizeof(*list.words));
	while ((word = next_word(&value)).length > 0)
		list.words[list.count++] = word;
	return list;
}

static int
fail_of_choice(const struct setting *row, struct str value, struct status *why)
{
	char room[200];
	struct buf words;
	struct cursor in = cursor_over(str_from(row->choices));

	buf_init(&words, room, sizeof(room));
	while (!cursor_at_end(&in)) {
		buf_add_string(&words, words.length == 0 ? "" : ", ");
		buf_add(&words, cursor_until(&in, ' '));
	}
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%s = %.*s: the value must be one of %s", row->name,
	    (int)value.length, value.at, room);
}

int
setting_parse(const struct setting *row, struct str value, void *options,
    struct arena *arena, struct status *why)
{
	char *field = (char *)options + row->offset;
	bool fine = true;
	int word;

	if ((row->type == SETTING_SIZE || row->type == SETTING_NUMBER) &&
	    row->choices[0] != '\0' && read_choice(value, row->choices, &word))
		value = str_from("0");
	switch (row->type) {
	case SETTING_TEXT:
		fine = str_index(value, '\0') == STR_NONE;
		if (fine)
			*(const char **)(void *)field =
			    arena_string(arena, value);
		break;
	case SETTING_BOOL:
		fine = read_bool(value, (bool *)(void *)field);
		break;
	case SETTING_SIZE:
		fine = setting_read_size(value, (uint64_t *)(void *)field);
		break;
	case SETTING_DURATION:
		fine = setting_read_duration(value, (uint64_t *)(void *)field);
		break;
	case SETTING_NUMBER:
		fine = number_read(value, MOST, (uint64_t *)(void *)field);
		break;
	case SETTING_CHOICE:
		if (!read_choice(value, row->choices, (int *)(void *)field))
			return fail_of_choice(row, value, why);
		break;
	case SETTING_LIST:
		*(struct setting_list *)(void *)field =
		    setting_split(arena_copy(arena, value), arena);
		break;
	case SETTING_IGNORED:
		break;
	}
	if (fine)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%s = %.*s: the value must be %s", row->name, (int)value.length,
	    value.at, setting_type_name(row->type));
}

int
setting_default(const struct setting *row, struct str text, void *options,
    struct arena *arena, struct status *why)
{
	char *field = (char *)options + row->offset;

	if (row->type == SETTING_IGNORED)
		return 0;
	if (row->type == SETTING_TEXT)
		*(const char **)(void *)field = row->fallback;
	else if (row->type == SETTING_LIST)
		*(struct setting_list *)(void *)field =
		    setting_split(text, arena);
	else
		return setting_parse(row, text, options, arena, why);
	return 0;
}
