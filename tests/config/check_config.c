/*
 * check_config.c - main.cf's grammar, errors with file and line, and which of
 * two values is the stronger.
 */
#include "config/config.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <stddef.h>
#include <unistd.h>

struct options {
	const char *one, *two;
	uint64_t limit;
};

static const struct setting rows[] = {
	{ "one", SETTING_TEXT, "first", offsetof(struct options, one), "" },
	{ "two", SETTING_TEXT, "", offsetof(struct options, two), "" },
	{ "limit", SETTING_SIZE, "1k", offsetof(struct options, limit), "" },
};

static const struct setting old_rows[] = {
	{ "plugin/", SETTING_IGNORED, "", 0, "" },
	{ "old", SETTING_IGNORED, "", 0, "" },
};

static const struct setting_table table = { rows, COUNT(rows) };
static const struct setting_table old_table = { old_rows, COUNT(old_rows) };

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct options options;
static struct config config;

static void
open_all(void)
{
	const struct config_room rooms[] = { { &table, &options },
		{ &old_table, NULL } };

	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	memset(&options, 0, sizeof(options));
	ck_assert_int_eq(
	    config_init(&config, rooms, COUNT(rooms), &arena, &why), 0);
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

START_TEST(rows_are_listed_and_the_ignored_ones_last)
{
	ck_assert_str_eq(config_row(&config, 0)->name, "one");
	ck_assert_str_eq(config_row(&config, COUNT(rows))->name, "plugin/");
	ck_assert_str_eq(
	    config_row(&config, COUNT(rows) + COUNT(old_rows) - 1)->name,
	    "old");
	ck_assert_ptr_null(config_row(&config, COUNT(rows) + COUNT(old_rows)));
}
END_TEST

START_TEST(defaults_are_in_force_at_first)
{
	ck_assert_str_eq(options.one, "first");
	ck_assert_str_eq(options.two, "");
	ck_assert_uint_eq(options.limit, 1024);
	ck_assert_str_eq(config_find(&config, "one")->origin, "default");
	ck_assert_int_eq(
	    (int)config_find(&config, "one")->level, (int)CONFIG_DEFAULT);
	ck_assert_uint_eq(config.ignored_count, 0);
}
END_TEST

static const struct {
	struct str given;
	const char *one, *two;
} texts[] = {
	{ TEXT(""), "first", "" },
	{ TEXT("\n\n"), "first", "" },
	{ TEXT("# one = x\n"), "first", "" },
	{ TEXT("  # one = x\n"), "first", "" },
	{ TEXT("one = a\ntwo = b\n"), "a", "b" },
	{ TEXT("one = a"), "a", "" },
	{ TEXT("one=a"), "a", "" },
	{ TEXT("one\t=\t a \t\n"), "a", "" },
	{ TEXT("one =\n"), "", "" },
	{ TEXT("one = a = b\n"), "a = b", "" },
	{ TEXT("one = a # b\n"), "a # b", "" },
	{ TEXT("one = a\none = b\n"), "b", "" },
	{ TEXT("one = a\r\ntwo = b\r\n"), "a", "b" },
	{ TEXT("one = \xc3\xa4\xff\n"), "\xc3\xa4\xff", "" },
	/* A line that begins with a blank goes on. */
	{ TEXT("one = a\n b\n\tc\ntwo = d\n"), "a b c", "d" },
	{ TEXT("one =\n a\n"), "a", "" },
	{ TEXT("one\n = a\n"), "a", "" },
	{ TEXT("one = a\n two = b\n"), "a two = b", "" },
	{ TEXT("one = a\n b"), "a b", "" },
	{ TEXT("one = a\r\n b\r\n"), "a b", "" },
	/* Comments and empty lines do not end it. */
	{ TEXT("one = a\n# c\n b\n"), "a b", "" },
	{ TEXT("one = a\n\n \n b\n"), "a b", "" },
	{ TEXT("one = a\n  # c\n b\n# d\n c\n"), "a b c", "" },
	{ TEXT("one = a\n# c\ntwo = b\n"), "a", "b" },
	{ TEXT("one = a\n \ntwo = b\n"), "a", "b" },
	{ TEXT("one = a\n  # two = b\n"), "a", "" },
};

START_TEST(file_has_the_grammar_of_main_cf)
{
	struct str given = texts[_i].given;

	ck_assert_msg(config_parse(&config, given, "f", &why) == 0,
	    "given \"%s\": %s", expect_show(given), why.cause);
	expect_str(given, str_from(options.one), str_from(texts[_i].one));
	expect_str(given, str_from(options.two), str_from(texts[_i].two));
}
END_TEST

static const struct {
	struct str given;
	const char *place, *word;
} errors[] = {
	{ TEXT("bogus = 1\n"), "f:1: ", "bogus" },
	{ TEXT("\n# x\nbogus = 1\n"), "f:3: ", "bogus" },
	{ TEXT("one = a\n b\n# x\n c\nbogus = 1\n"), "f:5: ", "bogus" },
	{ TEXT("one = a\n# x\n\nbogus = 1\n"), "f:4: ", "bogus" },
	{ TEXT("one = a\n b\n\n# x\nbogus = 1"), "f:5: ", "bogus" },
	{ TEXT("one = a\r\n\r\nbogus = 1\r\n"), "f:3: ", "bogus" },
	{ TEXT("limit = many\n"), "f:1: ", "limit" },
	{ TEXT("one = a\nlimit = 1\n 2\none = b\n"), "f:2: ", "limit" },
	{ TEXT("one\n"), "f:1: ", "one" },
	{ TEXT("one a\n"), "f:1: ", "one a" },
	{ TEXT("one = a\n\ntwo\n"), "f:3: ", "two" },
	{ TEXT("= a\n"), "f:1: ", "" },
	{ TEXT("One = a\n"), "f:1: ", "One" },
	{ TEXT("one two = a\n"), "f:1: ", "one two" },
	{ TEXT("\xef\xbb\xbfone = a\n"), "f:1: ", "" },
	{ TEXT(" one = a\n"), "f:1: ", "" },
	{ TEXT("\n\tone = a\n"), "f:2: ", "" },
	{ TEXT("one = a\0b\n"), "f:1: ", "NUL" },
	{ TEXT("\ntwo = b\n a\0\n"), "f:2: ", "NUL" },
	{ TEXT("\0\0\0\0\n"), "f:1: ", "NUL" },
	{ TEXT("one\0 = a\n"), "f:1: ", "NUL" },
	{ TEXT("plugins/x = y\n"), "f:1: ", "plugins/x" },
	{ TEXT("plugin = y\n"), "f:1: ", "plugin" },
	{ TEXT("older = y\n"), "f:1: ", "older" },
};

START_TEST(error_names_file_and_line)
{
	struct str given = errors[_i].given;

	ck_assert_msg(config_parse(&config, given, "f", &why) == -1,
	    "given \"%s\": accepted", expect_show(given));
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	ck_assert_msg(
	    strncmp(why.cause, errors[_i].place, strlen(errors[_i].place)) == 0,
	    "given \"%s\": %s", expect_show(given), why.cause);
	expect_holds(why.cause, errors[_i].word);
}
END_TEST

START_TEST(origin_is_the_line_that_the_value_begins_in)
{
	ck_assert_int_eq(config_parse(&config,
			     STR("\none = a\n b\n# x\ntwo = c\n"), "f", &why),
	    0);
	ck_assert_str_eq(config_find(&config, "one")->origin, "f:2");
	ck_assert_str_eq(config_find(&config, "two")->origin, "f:5");
	ck_assert_str_eq(config_describe(&config, "one"), "one = a b (f:2)");
}
END_TEST

static const struct {
	enum config_level first, second;
	const char *want;
} levels[] = {
	{ CONFIG_FILE, CONFIG_FILE, "b" },
	{ CONFIG_FILE, CONFIG_USER, "b" },
	{ CONFIG_FILE, CONFIG_FLAG, "b" },
	{ CONFIG_USER, CONFIG_FILE, "a" },
	{ CONFIG_USER, CONFIG_USER, "b" },
	{ CONFIG_USER, CONFIG_FLAG, "b" },
	{ CONFIG_FLAG, CONFIG_FILE, "a" },
	{ CONFIG_FLAG, CONFIG_USER, "a" },
	{ CONFIG_FLAG, CONFIG_FLAG, "b" },
};

START_TEST(stronger_value_stays)
{
	const struct config_value *got = config_find(&config, "one");

	ck_assert_int_eq(config_set(&config, STR("one"), STR("a"),
			     levels[_i].first, "A", &why),
	    0);
	ck_assert_int_eq(config_set(&config, STR("one"), STR("b"),
			     levels[_i].second, "B", &why),
	    0);
	ck_assert_str_eq(options.one, levels[_i].want);
	expect_str(STR("one"), got->text, str_from(levels[_i].want));
	ck_assert_str_eq(got->origin, levels[_i].want[0] == 'a' ? "A" : "B");
}
END_TEST

START_TEST(bad_value_of_a_flag_names_the_flag)
{
	ck_assert_int_eq(config_set(&config, STR("limit"), STR("x"),
			     CONFIG_FLAG, "-o", &why),
	    -1);
	ck_assert_msg(strncmp(why.cause, "-o: ", 4) == 0, "%s", why.cause);
	ck_assert_uint_eq(options.limit, 1024);
	ck_assert_str_eq(config_find(&config, "limit")->origin, "default");
	ck_assert_int_eq(config_set(&config, STR("bogus"), STR("x"),
			     CONFIG_FLAG, "-o", &why),
	    -1);
	ck_assert_msg(strncmp(why.cause, "-o: ", 4) == 0, "%s", why.cause);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

START_TEST(unknown_field_of_a_user_is_somebody_elses)
{
	bool known = true;

	ck_assert_int_eq(config_set_known(&config, STR("bogus"), STR("x"),
			     CONFIG_USER, "userdb", &known, &why),
	    0);
	ck_assert(!known);
	ck_assert_int_eq(config_set_known(&config, STR("one"), STR("x"),
			     CONFIG_USER, "userdb", &known, &why),
	    0);
	ck_assert(known);
	ck_assert_int_eq(config_set_known(&config, STR("limit"), STR("x"),
			     CONFIG_USER, "userdb", &known, &why),
	    -1);
}
END_TEST

START_TEST(ignored_names_are_remembered)
{
	char given[] = "plugin/sieve";

	ck_assert_int_eq(config_set(&config, str_from(given), STR("x"),
			     CONFIG_FLAG, "-o", &why),
	    0);
	ck_assert_int_eq(config_parse(&config, STR("old = x\n"), "f", &why), 0);
	memset(given, '#', sizeof(given) - 1);
	ck_assert_uint_eq(config.ignored_count, 2);
	expect_str(STR("1"), config.ignored[0], STR("plugin/sieve"));
	expect_str(STR("2"), config.ignored[1], STR("old"));
}
END_TEST

START_TEST(flood_of_ignored_names_is_no_harm)
{
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(config_set(&config, STR("plugin/x"), STR("x"),
				     CONFIG_FLAG, "-o", &why),
		    0);
	ck_assert_uint_le(config.ignored_count, CONFIG_IGNORED_MOST);
}
END_TEST

START_TEST(value_outlives_its_text)
{
	char given[] = "one = abc\n";

	ck_assert_int_eq(config_parse(&config, str_from(given), "f", &why), 0);
	memset(given, '#', sizeof(given) - 1);
	ck_assert_str_eq(options.one, "abc");
	expect_str(STR("one"), config_find(&config, "one")->text, STR("abc"));
}
END_TEST

START_TEST(file_is_read)
{
	const char *path = scratch_path(&scratch, "lda.conf");
	bool missing = true;

	scratch_write(&scratch, "lda.conf", "# x\none = a\n");
	ck_assert_int_eq(config_read(&config, path, &missing, &why), 0);
	ck_assert(!missing);
	ck_assert_str_eq(options.one, "a");
	ck_assert_str_eq(config_find(&config, "one")->origin,
	    scratch_print(&scratch, "%s:2", path));
}
END_TEST

START_TEST(missing_file_is_told_from_any_other_trouble)
{
	bool missing = false;
	const char *path = scratch_path(&scratch, "none");

	ck_assert_int_eq(config_read(&config, path, &missing, &why), -1);
	ck_assert(missing);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	expect_holds(why.cause, path);
	ck_assert_int_eq(config_read(&config, path, NULL, &why), -1);
	ck_assert_int_eq(
	    config_read(&config, scratch.root, &missing, &why), -1);
	ck_assert(!missing);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

START_TEST(dangling_link_is_missing)
{
	bool missing = false;

	scratch_symlink(&scratch, "nowhere", "link");
	ck_assert_int_eq(config_read(&config, scratch_path(&scratch, "link"),
			     &missing, &why),
	    -1);
	ck_assert(missing);
}
END_TEST

START_TEST(endless_file_is_refused)
{
	size_t length = 2 * 1024 * 1024;
	char *text = arena_take(&arena, length);

	memset(text, '#', length);
	scratch_write_octets(&scratch, "lda.conf", text, length);
	ck_assert_int_eq(config_read(&config,
			     scratch_path(&scratch, "lda.conf"), NULL, &why),
	    -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *grammar = tcase_create("grammar");
	TCase *levels_case = tcase_create("levels");
	TCase *file = tcase_create("file");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(grammar, open_all, close_all);
	tcase_add_test(grammar, defaults_are_in_force_at_first);
	tcase_add_test(grammar, rows_are_listed_and_the_ignored_ones_last);
	tcase_add_loop_test(
	    grammar, file_has_the_grammar_of_main_cf, 0, (int)COUNT(texts));
	tcase_add_loop_test(
	    grammar, error_names_file_and_line, 0, (int)COUNT(errors));
	tcase_add_test(grammar, origin_is_the_line_that_the_value_begins_in);
	tcase_add_test(grammar, value_outlives_its_text);
	suite_add_tcase(suite, grammar);
	tcase_add_checked_fixture(levels_case, open_all, close_all);
	tcase_add_loop_test(
	    levels_case, stronger_value_stays, 0, (int)COUNT(levels));
	tcase_add_test(levels_case, bad_value_of_a_flag_names_the_flag);
	tcase_add_test(levels_case, unknown_field_of_a_user_is_somebody_elses);
	tcase_add_test(levels_case, ignored_names_are_remembered);
	tcase_add_test(levels_case, flood_of_ignored_names_is_no_harm);
	suite_add_tcase(suite, levels_case);
	tcase_add_checked_fixture(file, open_all, close_all);
	tcase_add_test(file, file_is_read);
	tcase_add_test(file, missing_file_is_told_from_any_other_trouble);
	tcase_add_test(file, dangling_link_is_missing);
	tcase_add_test(file, endless_file_is_refused);
	suite_add_tcase(suite, file);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
