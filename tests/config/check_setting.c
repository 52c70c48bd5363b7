/*
 * check_setting.c - values are what their type says, or change nothing.
 */
#include "config/setting.h"

#include "../base/expect.h"

#include <inttypes.h>
#include <stddef.h>

#define UNTOUCHED 4711

static struct arena arena;
static struct status why;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
}

struct options {
	const char *text;
	bool flag;
	uint64_t number;
	int choice;
	struct setting_list list;
};

static const struct setting rows[] = {
	[SETTING_TEXT] = { "a_text", SETTING_TEXT, "",
	    offsetof(struct options, text), "" },
	[SETTING_BOOL] = { "a_bool", SETTING_BOOL, "no",
	    offsetof(struct options, flag), "" },
	[SETTING_SIZE] = { "a_size", SETTING_SIZE, "0",
	    offsetof(struct options, number), "" },
	[SETTING_DURATION] = { "a_time", SETTING_DURATION, "1s",
	    offsetof(struct options, number), "" },
	[SETTING_NUMBER] = { "a_number", SETTING_NUMBER, "0",
	    offsetof(struct options, number), "" },
	[SETTING_CHOICE] = { "a_choice", SETTING_CHOICE, "never",
	    offsetof(struct options, choice), "always optimized never" },
	[SETTING_LIST] = { "a_list", SETTING_LIST, "",
	    offsetof(struct options, list), "" },
	[SETTING_IGNORED] = { "an_old_one", SETTING_IGNORED, "", 0, "" },
};

static const struct {
	struct str given;
	bool fine;
	uint64_t want;
} size_values[] = {
	{ TEXT("0"), true, 0 },
	{ TEXT("51200000"), true, 51200000 },
	{ TEXT("50M"), true, UINT64_C(50) << 20 },
	{ TEXT("50m"), true, UINT64_C(50) << 20 },
	{ TEXT("50 M"), true, UINT64_C(50) << 20 },
	{ TEXT("1k"), true, 1024 },
	{ TEXT("1KB"), true, 1024 },
	{ TEXT("1KiB"), true, 1024 },
	{ TEXT("2G"), true, UINT64_C(2) << 30 },
	{ TEXT("1T"), true, UINT64_C(1) << 40 },
	{ TEXT("7b"), true, 7 },
	{ TEXT(""), false, 0 },
	{ TEXT("M"), false, 0 },
	{ TEXT("-1"), false, 0 },
	{ TEXT("+1"), false, 0 },
	{ TEXT("1.5G"), false, 0 },
	{ TEXT("1P"), false, 0 },
	{ TEXT("1MM"), false, 0 },
	{ TEXT("1M 2K"), false, 0 },
	{ TEXT("0x10"), false, 0 },
	{ TEXT("1M\0"), false, 0 },
	{ TEXT("18446744073709551615"), false, 0 },
	{ TEXT("18446744073709551616"), false, 0 },
	{ TEXT("16777216T"), false, 0 }, /* 2^64: 0 to a careless product */
	{ TEXT("18446744073709551615T"), false, 0 },
	{ TEXT("50%"), false, 0 },
	{ TEXT("unlimited"), false, 0 },
};

START_TEST(size_has_a_unit)
{
	struct str given = size_values[_i].given;
	uint64_t got = UNTOUCHED;
	bool fine = setting_read_size(given, &got);

	expect_bool(given, fine, size_values[_i].fine);
	ck_assert_msg(got == (fine ? size_values[_i].want : UNTOUCHED),
	    "given \"%s\": got %" PRIu64, expect_show(given), got);
}
END_TEST

static const struct {
	struct str given;
	bool fine;
	uint64_t want;
} durations[] = {
	{ TEXT("300"), true, 300 }, { TEXT("300s"), true, 300 },
	{ TEXT("300S"), true, 300 }, { TEXT("5 mins"), true, 300 },
	{ TEXT("5m"), true, 300 }, { TEXT("5min"), true, 300 },
	{ TEXT("1h"), true, 3600 }, { TEXT("2 hours"), true, 7200 },
	{ TEXT("1d"), true, 86400 }, { TEXT("1w"), true, 604800 },
	{ TEXT("1 week"), true, 604800 }, { TEXT("0"), true, 0 },
	{ TEXT(""), false, 0 }, { TEXT("s"), false, 0 },
	{ TEXT("1h30m"), false, 0 }, { TEXT("-1s"), false, 0 },
	{ TEXT("1.5h"), false, 0 }, { TEXT("5 fortnights"), false, 0 },
	{ TEXT("18446744073709551615w"), false, 0 },
	{ TEXT("30500568904944w"), false, 0 }, /* just over 2^64 */
};

START_TEST(duration_has_a_unit)
{
	struct str given = durations[_i].given;
	uint64_t got = UNTOUCHED;
	bool fine = setting_read_duration(given, &got);

	expect_bool(given, fine, durations[_i].fine);
	ck_assert_msg(got == (fine ? durations[_i].want : UNTOUCHED),
	    "given \"%s\": got %" PRIu64, expect_show(given), got);
}
END_TEST

static const struct {
	struct str given, want; /* the words, with | behind each */
} lists[] = {
	{ TEXT("a b c"), TEXT("a|b|c|") },
	{ TEXT("a,b,c"), TEXT("a|b|c|") },
	{ TEXT(" a , b\t,\n c ,"), TEXT("a|b|c|") },
	{ TEXT("passwd-file:/etc/users static"),
	    TEXT("passwd-file:/etc/users|static|") },
	{ TEXT("a"), TEXT("a|") },
	{ TEXT(""), TEXT("") },
	{ { NULL, 0 }, TEXT("") },
	{ TEXT(" ,, "), TEXT("") },
};

static struct str
join_words(struct setting_list list)
{
	static char room[256];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	for (size_t i = 0; i < list.count; i++) {
		buf_add(&got, list.words[i]);
		buf_add_octet(&got, '|');
	}
	return buf_str(&got);
}

START_TEST(list_is_split_at_blanks_and_commas)
{
	struct str given = lists[_i].given;

	expect_str(
	    given, join_words(setting_split(given, &arena)), lists[_i].want);
}
END_TEST

static const struct {
	enum setting_type type;
	struct str given;
	bool fine;
	uint64_t want; /* of the bool, number or choice */
} values[] = {
	{ SETTING_BOOL, TEXT("yes"), true, true },
	{ SETTING_BOOL, TEXT("YES"), true, true },
	{ SETTING_BOOL, TEXT("true"), true, true },
	{ SETTING_BOOL, TEXT("1"), true, true },
	{ SETTING_BOOL, TEXT("no"), true, false },
	{ SETTING_BOOL, TEXT("No"), true, false },
	{ SETTING_BOOL, TEXT("false"), true, false },
	{ SETTING_BOOL, TEXT("0"), true, false },
	{ SETTING_BOOL, TEXT(""), false, 0 },
	{ SETTING_BOOL, TEXT("maybe"), false, 0 },
	{ SETTING_BOOL, TEXT("yes please"), false, 0 },
	{ SETTING_BOOL, TEXT("2"), false, 0 },
	{ SETTING_BOOL, TEXT("yes\0"), false, 0 },
	{ SETTING_SIZE, TEXT("50M"), true, UINT64_C(50) << 20 },
	{ SETTING_SIZE, TEXT("50X"), false, 0 },
	{ SETTING_DURATION, TEXT("5m"), true, 300 },
	{ SETTING_DURATION, TEXT("5x"), false, 0 },
	{ SETTING_NUMBER, TEXT("500"), true, 500 },
	{ SETTING_NUMBER, TEXT("500k"), false, 0 },
	{ SETTING_NUMBER, TEXT("-500"), false, 0 },
	{ SETTING_NUMBER, TEXT(""), false, 0 },
	{ SETTING_NUMBER, TEXT("99999999999999999999"), false, 0 },
	{ SETTING_CHOICE, TEXT("always"), true, 0 },
	{ SETTING_CHOICE, TEXT("never"), true, 2 },
	{ SETTING_CHOICE, TEXT("alway"), false, 0 },
	{ SETTING_CHOICE, TEXT(""), false, 0 },
	{ SETTING_TEXT, TEXT("a\0b"), false, 0 },
};

START_TEST(bad_value_changes_nothing_and_says_what_is_right)
{
	const struct setting *row = &rows[values[_i].type];
	struct options options = { .text = "untouched",
		.flag = true,
		.number = UNTOUCHED,
		.choice = UNTOUCHED };
	int rc = setting_parse(row, values[_i].given, &options, &arena, &why);
	uint64_t got = row->type == SETTING_BOOL ? options.flag :
	    row->type == SETTING_CHOICE          ? (uint64_t)options.choice :
						   options.number;

	expect_bool(values[_i].given, rc == 0, values[_i].fine);
	if (rc == 0) {
		ck_assert_msg(got == values[_i].want,
		    "given \"%s\": got %" PRIu64, expect_show(values[_i].given),
		    got);
		return;
	}
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	expect_holds(why.cause, row->name);
	expect_holds(why.cause,
	    row->type == SETTING_CHOICE ? "always, optimized, never" :
					  setting_type_name(row->type));
	ck_assert_str_eq(options.text, "untouched");
	ck_assert(options.flag);
	ck_assert_uint_eq(options.number, UNTOUCHED);
	ck_assert_int_eq(options.choice, UNTOUCHED);
}
END_TEST

START_TEST(text_is_kept_as_written)
{
	char given[] = "maildir:~/Mail  dir # x";
	struct options options = { .text = NULL };

	ck_assert_int_eq(setting_parse(&rows[SETTING_TEXT], str_from(given),
			     &options, &arena, &why),
	    0);
	memset(given, '#', sizeof(given) - 1);
	ck_assert_str_eq(options.text, "maildir:~/Mail  dir # x");
}
END_TEST

START_TEST(list_lands_in_its_field)
{
	struct options options = { .text = NULL };

	ck_assert_int_eq(setting_parse(&rows[SETTING_LIST], STR("a, b"),
			     &options, &arena, &why),
	    0);
	expect_str(STR("a, b"), join_words(options.list), STR("a|b|"));
}
END_TEST

START_TEST(ignored_setting_takes_anything)
{
	struct options options = { .text = "untouched" };

	ck_assert_int_eq(setting_parse(&rows[SETTING_IGNORED], STR("x\0y"),
			     &options, &arena, &why),
	    0);
	ck_assert_str_eq(options.text, "untouched");
}
END_TEST

START_TEST(endless_value_is_answered)
{
	char endless[20000];
	struct options options = { .text = NULL };

	memset(endless, 'x', sizeof(endless));
	for (size_t i = SETTING_BOOL; i <= SETTING_CHOICE; i++)
		ck_assert_int_eq(
		    setting_parse(&rows[i], str_of(endless, sizeof(endless)),
			&options, &arena, &why),
		    -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("setting");
	TCase *all = tcase_create("values");

	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(all, size_has_a_unit, 0, (int)COUNT(size_values));
	tcase_add_loop_test(all, duration_has_a_unit, 0, (int)COUNT(durations));
	tcase_add_loop_test(
	    all, list_is_split_at_blanks_and_commas, 0, (int)COUNT(lists));
	tcase_add_loop_test(all,
	    bad_value_changes_nothing_and_says_what_is_right, 0,
	    (int)COUNT(values));
	tcase_add_test(all, text_is_kept_as_written);
	tcase_add_test(all, list_lands_in_its_field);
	tcase_add_test(all, ignored_setting_takes_anything);
	tcase_add_test(all, endless_value_is_answered);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
