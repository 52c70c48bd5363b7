/*
 * check_quota.c - what rules allow, and whether one more mail fits.
 *
 * Source: Dovecot 2.3 quota_rule and quota_grace, 2.4 quota_storage_size;
 * DESIGN 2.3.
 */
#include "store/quota.h"

#include "../base/expect.h"

#define KILO ((uint64_t)1024)
#define MEGA (KILO * 1024)
#define GIGA (MEGA * 1024)

static struct quota_options options;
static struct quota quota;
static struct status why;

static void
set_up(void)
{
	memset(&options, 0, sizeof(options));
	for (size_t i = 0; i < QUOTA_RULES; i++)
		options.quota_rules[i] = "";
	options.quota_grace = "10%";
	options.quota_warning = "";
	status_init(&why);
}

static int
read_for(const char *folder)
{
	return quota_read(&options, folder, &quota, &why);
}

/* Rules for one folder; octets and messages of the folder's limit. */
static const struct {
	const char *rules[3];
	const char *folder;
	uint64_t octets, messages;
	bool ignored;
} fine[] = {
	/* Dovecot counts storage in kilobytes, bytes in octets. */
	{ { "*:storage=1000" }, "INBOX", 1000 * KILO, 0, false },
	{ { "*:storage=1000K" }, "INBOX", 1000 * KILO, 0, false },
	{ { "*:storage=1M" }, "INBOX", MEGA, 0, false },
	{ { "*:storage=2G" }, "INBOX", 2 * GIGA, 0, false },
	{ { "*:storage=4096B" }, "INBOX", 4096, 0, false },
	{ { "*:bytes=1000" }, "INBOX", 1000, 0, false },
	{ { "*:bytes=1K" }, "INBOX", KILO, 0, false },
	{ { "*:messages=10" }, "INBOX", 0, 10, false },
	{ { "*:storage=1G:messages=1000" }, "INBOX", GIGA, 1000, false },
	{ { "*:messages=1000:bytes=5" }, "INBOX", 5, 1000, false },
	{ { "*:bytes=5", "*:messages=7" }, "INBOX", 5, 7, false },
	{ { "*:bytes=5", "*:bytes=9" }, "INBOX", 9, 0, false },
	{ { "*:storage=0" }, "INBOX", 0, 0, false },
	/* A rule for a folder changes the limit of all mail for mail into it.
	 */
	{ { "*:bytes=1000", "Trash:bytes=+500" }, "Trash", 1500, 0, false },
	{ { "*:bytes=1000", "Trash:bytes=+500" }, "INBOX", 1000, 0, false },
	{ { "Trash:bytes=+500", "*:bytes=1000" }, "Trash", 1500, 0, false },
	{ { "*:bytes=1000", "Trash:bytes=-400" }, "Trash", 600, 0, false },
	{ { "*:bytes=1000", "Trash:bytes=+10%" }, "Trash", 1100, 0, false },
	/* As Dovecot 2.3 has it, where "%" begins a variable. */
	{ { "*:bytes=1000", "Trash:bytes=+10%%" }, "Trash", 1100, 0, false },
	{ { "*:storage=1000", "Trash:storage=+10%" }, "Trash", 1100 * KILO, 0,
	    false },
	{ { "*:bytes=1000", "Trash:bytes=-10%" }, "Trash", 900, 0, false },
	{ { "*:messages=50", "Sent:messages=+100" }, "Sent", 0, 150, false },
	{ { "*:messages=50", "Sent:messages=+100%" }, "Sent", 0, 100, false },
	{ { "*:bytes=1000:messages=9", "Trash:bytes=+1:messages=+1" }, "Trash",
	    1001, 10, false },
	/* Nothing grows beyond what a setting may be. */
	{ { "*:storage=1125899906842624" }, "INBOX", (uint64_t)1 << 60, 0,
	    false },
	{ { "*:storage=1125899906842624", "Trash:storage=1601%" }, "Trash",
	    (uint64_t)1 << 62, 0, false },
	{ { "*:storage=1125899906842624", "Trash:storage=+10000%" }, "Trash",
	    (uint64_t)1 << 62, 0, false },
	/* No limit and more is no limit. */
	{ { "Trash:storage=+10M" }, "Trash", 0, 0, false },
	{ { "*:messages=5", "Trash:storage=+10M" }, "Trash", 0, 5, false },
	/* ignore. */
	{ { "*:bytes=1000", "Spam:ignore" }, "Spam", 1000, 0, true },
	{ { "*:bytes=1000", "Spam:ignore" }, "INBOX", 1000, 0, false },
	{ { "*:bytes=1000", "Spam:ignore" }, "Spam/x", 1000, 0, false },
	{ { "*:bytes=1000", "Spam:ignore" }, "spam", 1000, 0, false },
	/* Masks. */
	{ { "*:bytes=1000", "Archive/*:ignore" }, "Archive/2020/1", 1000, 0,
	    true },
	{ { "*:bytes=1000", "Archive/*:ignore" }, "Archive", 1000, 0, false },
	{ { "*:bytes=1000", "*Trash*:ignore" }, "a/Trash/b", 1000, 0, true },
	{ { "*:bytes=1000", "*Trash*:ignore" }, "Tras", 1000, 0, false },
	{ { "*:bytes=1000", "a*b*c:ignore" }, "a1b2c", 1000, 0, true },
	{ { "*:bytes=1000", "a*b*c:ignore" }, "abc", 1000, 0, true },
	{ { "*:bytes=1000", "a*b*c:ignore" }, "acb", 1000, 0, false },
	{ { "*:bytes=1000", "a**:ignore" }, "a", 1000, 0, true },
	{ { "*:bytes=1000", "inbox:bytes=+1" }, "INBOX", 1001, 0, false },
};

START_TEST(rule_gives_a_limit)
{
	const char *folder = fine[_i].folder;
	int rc;

	for (size_t i = 0; i < COUNT(fine[_i].rules); i++)
		if (fine[_i].rules[i] != NULL)
			options.quota_rules[i] = fine[_i].rules[i];
	rc = read_for(folder);
	ck_assert_msg(rc == 0, "%s: %s", fine[_i].rules[0], why.cause);
	ck_assert_msg(quota.folder.octets == fine[_i].octets,
	    "%s %s for %s: %ju octets", fine[_i].rules[0], fine[_i].rules[1],
	    folder, (uintmax_t)quota.folder.octets);
	ck_assert_msg(quota.folder.messages == fine[_i].messages,
	    "%s %s for %s: %ju messages", fine[_i].rules[0], fine[_i].rules[1],
	    folder, (uintmax_t)quota.folder.messages);
	ck_assert_msg(quota.ignored == fine[_i].ignored,
	    "%s %s for %s: ignored is %d", fine[_i].rules[0], fine[_i].rules[1],
	    folder, quota.ignored);
	ck_assert(quota_counts(&options, folder) == !fine[_i].ignored);
}
END_TEST

/* What maildirsize says is the limit of all, whatever the folder. */
START_TEST(limit_of_the_whole_is_that_of_the_general_rules)
{
	options.quota_rules[0] = "*:bytes=1000:messages=7";
	options.quota_rules[1] = "Trash:bytes=+500:messages=+5";
	ck_assert_int_eq(read_for("Trash"), 0);
	ck_assert_uint_eq(quota.limit.octets, 1000);
	ck_assert_uint_eq(quota.limit.messages, 7);
	ck_assert_uint_eq(quota.folder.octets, 1500);
	ck_assert_uint_eq(quota.folder.messages, 12);
	ck_assert(quota.is_set);
}
END_TEST

START_TEST(nothing_is_set_without_settings)
{
	ck_assert_int_eq(read_for("INBOX"), 0);
	ck_assert(!quota.is_set);
	ck_assert(!quota.ignored);
	ck_assert_uint_eq(quota.limit.octets, 0);
	ck_assert_uint_eq(quota.folder.messages, 0);
}
END_TEST

START_TEST(names_of_dovecot_24_set_a_limit_and_rules_go_before_them)
{
	options.quota_storage_size = 3 * MEGA;
	options.quota_message_count = 11;
	ck_assert_int_eq(read_for("INBOX"), 0);
	ck_assert(quota.is_set);
	ck_assert_uint_eq(quota.limit.octets, 3 * MEGA);
	ck_assert_uint_eq(quota.folder.octets, 3 * MEGA);
	ck_assert_uint_eq(quota.limit.messages, 11);
	options.quota_rules[0] = "*:storage=5M";
	ck_assert_int_eq(read_for("INBOX"), 0);
	ck_assert_uint_eq(quota.limit.octets, 5 * MEGA);
	ck_assert_uint_eq(quota.limit.messages, 11);
}
END_TEST

START_TEST(quota_exclude_is_ignore)
{
	struct str words[] = { STR("Trash"), STR("Junk/*") };
	static const struct {
		const char *folder;
		bool counts;
	} folders[] = { { "Trash", false }, { "Junk/a", false },
		{ "Junk", true }, { "INBOX", true }, { "Trash/a", true } };

	options.quota_exclude.words = words;
	options.quota_exclude.count = COUNT(words);
	for (size_t i = 0; i < COUNT(folders); i++)
		ck_assert_msg(quota_counts(&options, folders[i].folder) ==
			folders[i].counts,
		    "%s", folders[i].folder);
}
END_TEST

/* What no rule is, is a fault of the settings: 75, never a bounce, and never
 * no quota at all. */
static const char *const broken[] = {
	"*",
	"*:",
	":storage=1",
	"*:storage",
	"*:storage=",
	"*:storage=x",
	"*:storage=1X",
	"*:storage=1.5G",
	"*:storage=0x10",
	"*:storage=1e9",
	"*:storage=--1",
	"*:storage=+",
	"*:storage=+-1",
	"*:storage=%",
	"*:storage=1%%%",
	"*:storage=-1",
	"*:storage=-1G",
	"*:storage=+1G",
	"*:messages=+10%",
	"?:bytes=+1",
	"*:storage=99999999999999999999",
	"*:storage=18446744073709551616",
	"*:storage=18014398509481984K",
	"*:storage=99999999999999999999T",
	"*:bytes=99999999999999999999999999999999999999999",
	"*:bytes=-99999999999999999999",
	"*:messages=1K",
	"*:messages=-",
	"*:messages=99999999999999999999",
	"*:storage=1:bogus=1",
	"*:storage=1::messages=1",
	"*:STORAGE=1",
	"*:ignored",
	"storage=1G",
	"1G",
	"*;storage=1",
	"*:storage=1;messages=1",
	"*:storage=1\xff",
};

START_TEST(what_is_no_rule_is_misconfigured)
{
	options.quota_rules[0] = broken[_i];
	ck_assert_msg(read_for("INBOX") < 0, "\"%s\" is read: %ju octets",
	    broken[_i], (uintmax_t)quota.limit.octets);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	ck_assert_str_eq(quota.mistaken, "quota_rule");
}
END_TEST

START_TEST(setting_that_is_wrong_is_named)
{
	options.quota_rules[0] = "*:storage=1G";
	options.quota_rules[3] = "Trash:storage=+10X";
	ck_assert_int_lt(read_for("INBOX"), 0);
	ck_assert_str_eq(quota.mistaken, "quota_rule4");
	options.quota_rules[3] = "";
	options.quota_grace = "much";
	ck_assert_int_lt(read_for("INBOX"), 0);
	ck_assert_str_eq(quota.mistaken, "quota_grace");
}
END_TEST

/* A blank is refused or does nothing; it does not make kilobytes octets. */
START_TEST(blank_does_not_change_the_unit)
{
	static const char *const rules[] = { "*:storage= 1000",
		"*:storage=1000 " };

	options.quota_rules[0] = rules[_i];
	if (read_for("INBOX") == 0)
		ck_assert_uint_eq(quota.limit.octets, 1000 * KILO);
}
END_TEST

/* A rule for another folder must not wait for that folder's first mail. */
START_TEST(rule_for_another_folder_is_checked_for_its_shape)
{
	options.quota_rules[0] = "Trash";
	ck_assert_int_lt(read_for("INBOX"), 0);
}
END_TEST

START_TEST(huge_numbers_never_wrap)
{
	static const char *const rules[] = {
		"*:storage=1125899906842624",
		"*:storage=1125899906842623K",
		"*:bytes=1125899906842624",
		"*:storage=1048576T",
		"*:bytes=10%",
	};
	static const char *const folder_rules[] = { "T:bytes=+10000%",
		"T:storage=+1125899906842624", "T:bytes=-10000%",
		"T:bytes=10000%" };
	const struct quota_amount none = { 0, 0 };

	options.quota_rules[0] = rules[_i];
	for (size_t i = 0; i < COUNT(folder_rules); i++) {
		options.quota_rules[1] = folder_rules[i];
		options.quota_grace = "10000%";
		if (read_for("T") < 0)
			continue;
		/* More than nothing, less than some: never the other. */
		if (folder_rules[i][strcspn(folder_rules[i], "=") + 1] == '+')
			ck_assert_msg(quota.folder.octets >= quota.limit.octets,
			    "%s with %s: %ju became %ju", rules[_i],
			    folder_rules[i], (uintmax_t)quota.limit.octets,
			    (uintmax_t)quota.folder.octets);
		if (quota.folder.octets > 1)
			ck_assert_msg(quota_fits(&quota, &none, 1),
			    "%s with %s: one octet does not fit", rules[_i],
			    folder_rules[i]);
	}
}
END_TEST

/* The folder's name is the sender's to choose (user+detail), the mask is not:
 * still, looking must end. */
START_TEST(mask_of_stars_is_matched_in_bounded_time)
{
	char name[250];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	options.quota_rules[0] = "*a*a*a*a*a*a*b:ignore";
	ck_assert_int_eq(read_for(name), 0);
	ck_assert(!quota.ignored);
}
END_TEST

/* limit, used, size, and the answer; grace is 10 %. */
static const struct {
	uint64_t limit_octets, limit_messages;
	uint64_t used_octets, used_messages;
	uint64_t size;
	bool want;
} sizes[] = {
	{ 0, 0, 1000000, 1000000, 1000000, true },
	{ 1000, 0, 0, 0, 1000, true },
	{ 1000, 0, 0, 0, 1001, true }, /* crosses, within the grace */
	{ 1000, 0, 0, 0, 1100, true },
	{ 1000, 0, 0, 0, 1101, false }, /* beyond the grace */
	{ 1000, 0, 999, 0, 1, true },
	{ 1000, 0, 999, 0, 101, true },
	{ 1000, 0, 999, 0, 102, false },
	{ 1000, 0, 1000, 0, 1, false }, /* full is full */
	{ 1000, 0, 1000, 0, 0, true },
	{ 1000, 0, 1050, 0, 1, false }, /* the grace is not taken twice */
	{ 1000, 0, 2000, 0, 1, false },
	{ 1000, 0, UINT64_MAX, 0, 1, false },
	{ 1000, 0, 0, 0, UINT64_MAX, false },
	{ 1000, 0, 1, 0, UINT64_MAX, false },
	{ UINT64_MAX, 0, UINT64_MAX - 1, 0, 1, true },
	{ 0, 10, 0, 9, 5, true },
	{ 0, 10, 0, 10, 5, false }, /* messages have no grace */
	{ 0, 10, 0, 11, 5, false },
	{ 1000, 10, 0, 10, 5, false },
	{ 1000, 10, 1000, 0, 5, false },
	{ 1000, 10, 5, 5, 5, true },
};

START_TEST(size_fits_or_does_not)
{
	struct quota_amount used = { sizes[_i].used_octets,
		sizes[_i].used_messages };

	memset(&quota, 0, sizeof(quota));
	quota.limit.octets = quota.folder.octets = sizes[_i].limit_octets;
	quota.limit.messages = quota.folder.messages = sizes[_i].limit_messages;
	quota.grace_octets = sizes[_i].limit_octets / 10;
	ck_assert_msg(
	    quota_fits(&quota, &used, sizes[_i].size) == sizes[_i].want,
	    "row %d", _i);
}
END_TEST

static const struct {
	const char *grace;
	uint64_t want; /* of 1000 octets */
	bool fine;
} graces[] = {
	{ "10%", 100, true },
	{ "0%", 0, true },
	{ "0", 0, true },
	{ "100%", 1000, true },
	{ "200%", 2000, true },
	{ "50", 50, true },
	{ "10M", 10 * MEGA, true },
	{ "1K", KILO, true },
	{ "", 0, false },
	{ "%", 0, false },
	{ "-10%", 0, false },
	{ "ten", 0, false },
	{ "10%%", 100, true },
	{ "10%%%", 0, false },
	{ "99999999999999999999%", 0, false },
	{ "99999999999999999999", 0, false },
};

START_TEST(grace_is_a_percentage_or_a_size)
{
	int rc;

	options.quota_rules[0] = "*:bytes=1000";
	options.quota_grace = graces[_i].grace;
	rc = read_for("INBOX");
	ck_assert_msg((rc == 0) == graces[_i].fine, "\"%s\": %s",
	    graces[_i].grace, why.cause);
	if (rc == 0)
		ck_assert_msg(quota.grace_octets == graces[_i].want,
		    "\"%s\": %ju", graces[_i].grace,
		    (uintmax_t)quota.grace_octets);
	else
		ck_assert_str_eq(quota.mistaken, "quota_grace");
}
END_TEST

static const struct {
	uint64_t octets, messages, limit_octets, limit_messages, want;
} percentages[] = {
	{ 0, 0, 0, 0, 0 },
	{ 5, 5, 0, 0, 0 },
	{ 0, 0, 100, 0, 0 },
	{ 50, 0, 100, 0, 50 },
	{ 100, 0, 100, 0, 100 },
	{ 110, 0, 100, 0, 110 },
	{ 899, 0, 1000, 0, 89 },
	{ 900, 0, 1000, 0, 90 },
	{ 0, 9, 0, 10, 90 },
	{ 10, 9, 100, 10, 90 },
	{ 95, 9, 100, 10, 95 },
	{ 1, 0, 3, 0, 33 },
	{ UINT64_MAX / 2, 0, UINT64_MAX, 0, 49 },
	{ UINT64_MAX - 1, 0, UINT64_MAX - 1, 0, 99 },
};

START_TEST(percentage_is_of_the_nearer_limit)
{
	struct quota_amount used = { percentages[_i].octets,
		percentages[_i].messages };
	struct quota_amount limit = { percentages[_i].limit_octets,
		percentages[_i].limit_messages };
	uint64_t got = quota_percent(&used, &limit);

	/* Of astronomical numbers about right is right. */
	ck_assert_msg(got == percentages[_i].want ||
		(used.octets > UINT64_MAX / 4 &&
		    got <= percentages[_i].want + 1 &&
		    got + 1 >= percentages[_i].want),
	    "row %d: %ju %%", _i, (uintmax_t)got);
}
END_TEST

static const struct {
	const char *text;
	uint64_t percent;
	bool is_command;
	const char *path; /* NULL: refused */
} warnings[] = {
	{ "", 0, false, "" },
	{ "  ", 0, false, "" },
	{ "90% file:/etc/warning", 90, false, "/etc/warning" },
	{ "90%file:/etc/warning", 90, false, "/etc/warning" },
	{ "100% exec:/usr/bin/warn", 100, true, "/usr/bin/warn" },
	{ "1%\texec:/a b", 1, true, "/a b" },
	{ "90%", 0, false, NULL },
	{ "90", 0, false, NULL },
	{ "0% file:/x", 0, false, NULL },
	{ "101% file:/x", 0, false, NULL },
	{ "99999999999999999999% file:/x", 0, false, NULL },
	{ "-5% file:/x", 0, false, NULL },
	{ "90 file:/x", 0, false, NULL },
	{ "90% file:x", 0, false, NULL },
	{ "90% exec:", 0, false, NULL },
	{ "90% /x", 0, false, NULL },
	{ "storage=95%% quota-warning 95 %u", 0, false, NULL },
	{ "file:/x", 0, false, NULL },
};

START_TEST(warning_is_a_percentage_and_what_to_do)
{
	struct str given = str_from(warnings[_i].text);
	struct quota_warning got;
	int rc = quota_warning_read(given, &got, &why);

	expect_bool(given, rc == 0, warnings[_i].path != NULL);
	if (rc < 0) {
		ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
		return;
	}
	ck_assert_uint_eq(got.percent, warnings[_i].percent);
	ck_assert_int_eq(got.is_command, warnings[_i].is_command);
	expect_str(given, got.path, str_from(warnings[_i].path));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("quota");
	TCase *rules = tcase_create("rules");
	TCase *judging = tcase_create("judging");

	tcase_add_checked_fixture(rules, set_up, NULL);
	tcase_add_loop_test(rules, rule_gives_a_limit, 0, (int)COUNT(fine));
	tcase_add_test(rules, limit_of_the_whole_is_that_of_the_general_rules);
	tcase_add_test(rules, nothing_is_set_without_settings);
	tcase_add_test(
	    rules, names_of_dovecot_24_set_a_limit_and_rules_go_before_them);
	tcase_add_test(rules, quota_exclude_is_ignore);
	tcase_add_loop_test(
	    rules, what_is_no_rule_is_misconfigured, 0, (int)COUNT(broken));
	tcase_add_test(rules, setting_that_is_wrong_is_named);
	tcase_add_loop_test(rules, blank_does_not_change_the_unit, 0, 2);
	tcase_add_test(rules, rule_for_another_folder_is_checked_for_its_shape);
	tcase_add_loop_test(rules, huge_numbers_never_wrap, 0, 5);
	tcase_add_test(rules, mask_of_stars_is_matched_in_bounded_time);
	tcase_add_loop_test(
	    rules, grace_is_a_percentage_or_a_size, 0, (int)COUNT(graces));
	tcase_add_loop_test(rules, warning_is_a_percentage_and_what_to_do, 0,
	    (int)COUNT(warnings));
	tcase_add_checked_fixture(judging, set_up, NULL);
	tcase_add_loop_test(
	    judging, size_fits_or_does_not, 0, (int)COUNT(sizes));
	tcase_add_loop_test(judging, percentage_is_of_the_nearer_limit, 0,
	    (int)COUNT(percentages));
	suite_add_tcase(suite, rules);
	suite_add_tcase(suite, judging);
	return expect_run(suite);
}
