/*
 * check_manual.c - the tables, lda.conf.5, lda.8 and lda.conf.sample agree.
 *
 * A setting that is documented wrongly is worse than one that is not there:
 * administrators copy it.  What is compared is written so that it can be
 * found: ".It Ic name", "Type: size.", "Default: 0" in the manual, "#name =
 * value" in the sample, ".It exit Ta code Ta text" in lda.8.
 */
#include "base/cursor.h"
#include "base/file.h"
#include "deliver/settings.h"

#include "../base/expect.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_OCTETS ((size_t)1024 * 1024)

/* What the manuals call the types. */
static const char *const type_words[] = {
	[SETTING_TEXT] = "text",
	[SETTING_BOOL] = "yes or no",
	[SETTING_SIZE] = "size",
	[SETTING_DURATION] = "time",
	[SETTING_NUMBER] = "number",
	[SETTING_CHOICE] = "word",
	[SETTING_LIST] = "list",
};

/* All that is compared; filled once, before the tests fork. */
static struct agreement {
	struct arena arena;
	struct settings settings;
	struct status why;
	char *manual; /* lda.conf.5 */
	char *page;   /* lda.8 */
	char *sample;
} all;

/* One word of a text, or one line; empty at its end. */
static struct str
next_piece(const char **at, const char *separators)
{
	struct str piece = { *at, strcspn(*at, separators) };

	*at += piece.length;
	if (**at != '\0')
		(*at)++;
	return piece;
}

/* The line that begins at a place in a text, as a string. */
static char *
line_at(const char *at)
{
	return arena_string(&all.arena, next_piece(&at, "\n"));
}

/* What stands between a line and the first line that begins with one of the
 * ends; NULL if there is no such line. */
static char *
part_after(const char *text, const char *line, const char *const ends[])
{
	const char *begin =
	    strstr(text, arena_print(&all.arena, "\n%s\n", line));
	size_t length;

	if (begin == NULL)
		return NULL;
	begin += strlen(line) + 1;
	length = strlen(begin);
	for (size_t i = 0; ends[i] != NULL; i++) {
		const char *end =
		    strstr(begin, arena_print(&all.arena, "\n%s", ends[i]));

		if (end != NULL && (size_t)(end - begin) < length)
			length = (size_t)(end - begin) + 1;
	}
	return arena_string(&all.arena, str_of(begin, length));
}

/* The item of a setting in lda.conf.5. */
static char *
item_of(const char *name)
{
	static const char *const ends[] = { ".It Ic ", ".Ss ", ".Sh ", NULL };

	return part_after(
	    all.manual, arena_print(&all.arena, ".It Ic %s", name), ends);
}

static const struct setting *
row_of(struct str name)
{
	const struct setting *row;

	for (size_t i = 0; (row = config_row(&all.settings.config, i)) != NULL;
	     i++)
		if (str_is(name, row->name))
			return row;
	return NULL;
}

static bool
is_ignored(const struct setting *row)
{
	return row->type == SETTING_IGNORED;
}

static bool
has_line(const char *text, const char *line)
{
	return strstr(text, arena_print(&all.arena, "\n%s\n", line)) != NULL;
}

START_TEST(a_setting_is_in_the_manual)
{
	const struct setting *row =
	    config_row(&all.settings.config, (size_t)_i);
	const char *want = row->fallback, *item = item_of(row->name);

	if (is_ignored(row))
		return;
	ck_assert_msg(
	    item != NULL, "lda.conf.5 has no \".It Ic %s\"", row->name);
	ck_assert_msg(
	    has_line(item,
		arena_print(&all.arena, "Type: %s.", type_words[row->type])),
	    "%s: lda.conf.5 does not say \"Type: %s.\"", row->name,
	    type_words[row->type]);
	ck_assert_msg(has_line(item,
			  arena_print(&all.arena, "Default: %s",
			      want[0] == '\0' ? "empty" : want)),
	    "%s: lda.conf.5 does not say \"Default: %s\"", row->name, want);
	ck_assert_msg(
	    strstr(item, arena_print(&all.arena, "\n%s = ", row->name)) != NULL,
	    "%s: lda.conf.5 has no example", row->name);
}
END_TEST

/* As ".Li word", alone or before a comma. */
static bool
explains(const char *item, const char *word)
{
	return has_line(item, arena_print(&all.arena, ".Li %s", word)) ||
	    has_line(item, arena_print(&all.arena, ".Li %s ,", word));
}

START_TEST(each_word_of_a_choice_is_in_its_item)
{
	const struct setting *row =
	    config_row(&all.settings.config, (size_t)_i);
	const char *item = item_of(row->name);

	if (row->type != SETTING_CHOICE)
		return;
	ck_assert_msg(item != NULL, "%s: no item", row->name);
	for (struct cursor in = cursor_over(str_from(row->choices));
	     !cursor_at_end(&in);) {
		const char *word =
		    arena_string(&all.arena, cursor_until(&in, ' '));

		ck_assert_msg(explains(item, word),
		    "%s: lda.conf.5 does not explain %s", row->name, word);
	}
}
END_TEST

START_TEST(each_example_is_valid)
{
	const char *at = all.manual;
	unsigned examples = 0;

	while (*at != '\0') {
		struct str line = next_piece(&at, "\n");
		size_t equals = str_index(line, '=');
		struct str name = str_trim(str_head(line, equals));

		if (equals == STR_NONE || line.at[0] < 'a' ||
		    line.at[0] > 'z' || line.at[equals - 1] != ' ')
			continue;
		ck_assert_msg(config_set(&all.settings.config, name,
				  str_trim(str_after(line, equals + 1)),
				  CONFIG_FILE, "lda.conf.5", &all.why) == 0,
		    "%s", all.why.cause);
		ck_assert_msg(settings_check(&all.settings, &all.why) == 0,
		    "%s", all.why.cause);
		examples++;
	}
	ck_assert_uint_gt(examples, 20);
}
END_TEST

/* The section that only lists names. */
static char *
ignored_section(void)
{
	static const char *const ends[] = { ".Ss ", ".Sh ", NULL };

	return part_after(all.manual, ".Ss Ignored settings", ends);
}

START_TEST(an_ignored_setting_is_listed_and_nowhere_else)
{
	const struct setting *row =
	    config_row(&all.settings.config, (size_t)_i);
	const char *section = ignored_section();
	bool listed;

	ck_assert_msg(section != NULL, "lda.conf.5 has no such section");
	listed =
	    has_line(section, arena_print(&all.arena, ".Ic %s ,", row->name)) ||
	    has_line(section, arena_print(&all.arena, ".Ic %s .", row->name));
	ck_assert_msg(listed == is_ignored(row),
	    "%s: lda.conf.5 %s it as ignored", row->name,
	    listed ? "lists" : "does not list");
	if (is_ignored(row))
		ck_assert_msg(item_of(row->name) == NULL,
		    "%s is ignored, and lda.conf.5 has an item", row->name);
}
END_TEST

/* Fails for a name behind ".Ic" that is no setting. */
static void
expect_rows_only(const char *file, const char *text)
{
	const char *at = text;

	while ((at = strstr(at, ".Ic ")) != NULL) {
		const char *words = line_at(at + 4);

		at += 4;
		while (*words != '\0') {
			struct str word = next_piece(&words, " ");

			/* Macros begin with a capital letter. */
			if (word.length < 2 || word.at[0] < 'a' ||
			    word.at[0] > 'z')
				continue;
			ck_assert_msg(row_of(word) != NULL,
			    "%s: %.*s is no setting", file, (int)word.length,
			    word.at);
		}
	}
}

START_TEST(the_manuals_name_no_other_settings)
{
	expect_rows_only("lda.conf.5", all.manual);
	expect_rows_only("lda.8", all.page);
}
END_TEST

/* How many lines of the sample set it. */
static unsigned
count_in_sample(const char *name)
{
	const char *begin = arena_print(&all.arena, "\n#%s =", name);
	unsigned count = 0;

	for (const char *at = all.sample; (at = strstr(at, begin)) != NULL;
	     at++)
		count++;
	return count;
}

START_TEST(a_setting_is_in_the_sample_once_with_its_default)
{
	const struct setting *row =
	    config_row(&all.settings.config, (size_t)_i);
	const char *want = row->fallback;
	const char *line = arena_print(&all.arena, "#%s =%s%s", row->name,
	    want[0] == '\0' ? "" : " ", want);

	ck_assert_msg(count_in_sample(row->name) == (is_ignored(row) ? 0 : 1),
	    "%s: lda.conf.sample has it %u times", row->name,
	    count_in_sample(row->name));
	if (!is_ignored(row))
		ck_assert_msg(has_line(all.sample, line),
		    "lda.conf.sample has no line \"%s\"", line);
}
END_TEST

/* The sample without the "#" before settings. */
static char *
uncommented(void)
{
	size_t length = strlen(all.sample);
	char *text = arena_take(&all.arena, length + 1);
	size_t to = 0;

	for (size_t i = 0; i < length; i++) {
		bool at_begin = i == 0 || all.sample[i - 1] == '\n';
		char next = all.sample[i + 1];

		if (at_begin && all.sample[i] == '#' && next >= 'a' &&
		    next <= 'z')
			continue;
		text[to++] = all.sample[i];
	}
	return text;
}

START_TEST(the_sample_uncommented_is_valid_and_changes_nothing)
{
	struct settings *settings = &all.settings;

	ck_assert_msg(config_parse(&settings->config, str_from(uncommented()),
			  "lda.conf.sample", &all.why) == 0,
	    "%s", all.why.cause);
	ck_assert_msg(
	    settings_check(settings, &all.why) == 0, "%s", all.why.cause);
	for (size_t i = 0; i < settings->config.count; i++) {
		const struct config_value *value = &settings->config.values[i];

		ck_assert_msg(str_is(value->text, value->row->fallback),
		    "%s = %.*s", value->row->name, (int)value->text.length,
		    value->text.at);
		ck_assert_msg(value->level == CONFIG_FILE, "%s is not set",
		    value->row->name);
	}
	ck_assert_uint_gt(settings->config.count, 0);
	ck_assert_uint_eq(settings->config.ignored_count, 0);
}
END_TEST

/* "exit Ta code Ta text Ta": the beginning of an outcome's row. */
static char *
row_of_outcome(enum status_id id)
{
	const struct status_row *row = status_row(id);

	return arena_print(&all.arena, "\n.It %d Ta %s Ta %s Ta ",
	    row->exit_code, row->code, row->reply);
}

START_TEST(an_outcome_is_in_the_manual)
{
	const char *want = row_of_outcome((enum status_id)_i);

	ck_assert_msg(strstr(all.page, want) != NULL,
	    "lda.8, EXIT STATUS: no row \"%s\"", want + 1);
}
END_TEST

START_TEST(the_manual_has_no_other_outcomes)
{
	static const char *const ends[] = { ".Sh ", NULL };
	const char *at = part_after(all.page, ".Sh EXIT STATUS", ends);
	unsigned rows = 0;

	ck_assert_msg(at != NULL, "lda.8 has no EXIT STATUS");
	while ((at = strstr(at, "\n.It ")) != NULL) {
		const char *line = line_at(++at);
		bool known = false;

		if (strstr(line, " Ta ") == NULL || strstr(line, "Sy exit"))
			continue;
		for (int id = 0; id <= STATUS_MISCONFIGURED; id++) {
			const char *want = row_of_outcome((enum status_id)id);

			known = known ||
			    strncmp(line, want + 1, strlen(want + 1)) == 0;
		}
		ck_assert_msg(known, "lda.8, EXIT STATUS: \"%s\"", line);
		rows++;
	}
	ck_assert_uint_eq(rows, STATUS_MISCONFIGURED + 1);
}
END_TEST

static void
out_of_memory(void)
{
	abort();
}

/* With an empty line before it, so that its first line is like any other. */
static char *
read_text(const char *name)
{
	struct str text;

	if (file_read(arena_path(&all.arena, SOURCE_DIR, name), FILE_OCTETS,
		&all.arena, &text, NULL) < 0) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	return arena_print(&all.arena, "\n%.*s", (int)text.length, text.at);
}

static void
prepare(void)
{
	arena_init(&all.arena, out_of_memory);
	status_init(&all.why);
	if (settings_init(&all.settings, &all.arena, &all.why) < 0) {
		(void)fprintf(stderr, "%s\n", all.why.cause);
		exit(EXIT_FAILURE);
	}
	all.manual = read_text("lda/lda.conf.5");
	all.page = read_text("lda/lda.8");
	all.sample = read_text("lda.conf.sample");
}

int
main(void)
{
	Suite *suite = suite_create("manuals");
	TCase *settings = tcase_create("settings");
	TCase *outcomes = tcase_create("outcomes");
	int count = 0;

	prepare();
	while (config_row(&all.settings.config, (size_t)count) != NULL)
		count++;
	tcase_add_loop_test(settings, a_setting_is_in_the_manual, 0, count);
	tcase_add_loop_test(
	    settings, each_word_of_a_choice_is_in_its_item, 0, count);
	tcase_add_loop_test(
	    settings, an_ignored_setting_is_listed_and_nowhere_else, 0, count);
	tcase_add_loop_test(settings,
	    a_setting_is_in_the_sample_once_with_its_default, 0, count);
	tcase_add_test(settings, each_example_is_valid);
	tcase_add_test(settings, the_manuals_name_no_other_settings);
	tcase_add_test(
	    settings, the_sample_uncommented_is_valid_and_changes_nothing);
	tcase_add_loop_test(
	    outcomes, an_outcome_is_in_the_manual, 0, STATUS_MISCONFIGURED + 1);
	tcase_add_test(outcomes, the_manual_has_no_other_outcomes);
	suite_add_tcase(suite, settings);
	suite_add_tcase(suite, outcomes);
	return expect_run(suite);
}
