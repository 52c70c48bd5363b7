/*
 * check_folder.c - no name of a folder leaves the mail root.
 */
#include "store/folder.h"

#include "../base/expect.h"

static struct arena arena;
static struct status why;
static struct folder folder;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
}

/* NULL: refused. */
static const struct {
	struct str given;
	const char *name, *maildir, *fs;
} names[] = {
	{ TEXT(""), "INBOX", "", "" },
	{ TEXT("INBOX"), "INBOX", "", "" },
	{ TEXT("inbox"), "INBOX", "", "" },
	{ TEXT("INBOX/"), "INBOX", "", "" },
	{ TEXT("INBOX."), "INBOX", "", "" },
	{ TEXT("Work"), "Work", ".Work", "Work" },
	{ TEXT("INBOX/Work"), "Work", ".Work", "Work" },
	{ TEXT("inbox.Work"), "Work", ".Work", "Work" },
	{ TEXT("a/b"), "a/b", ".a.b", "a/b" },
	{ TEXT("a.b"), "a/b", ".a.b", "a/b" },
	{ TEXT("INBOX.a/b"), "a/b", ".a.b", "a/b" },
	{ TEXT("INBOXES"), "INBOXES", ".INBOXES", "INBOXES" },
	{ TEXT("a b"), "a b", ".a b", "a b" },
	{ TEXT("-rf $(id) `x` ;*?"), "-rf $(id) `x` ;*?", ".-rf $(id) `x` ;*?",
	    "-rf $(id) `x` ;*?" },
	{ TEXT("a\\b"), "a\\b", ".a\\b", "a\\b" },
	{ TEXT("a~"), "a~", ".a~", "a~" },
	{ TEXT("1/2/3/4/5/6/7/8"), "1/2/3/4/5/6/7/8", ".1.2.3.4.5.6.7.8",
	    "1/2/3/4/5/6/7/8" },
	/* Modified UTF-7 (RFC 3501 section 5.1.3). */
	{ TEXT("\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa"
	       "\x9e"),
	    "\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	    ".&U,BTFw-.&ZeVnLIqe-", "&U,BTFw-/&ZeVnLIqe-" },
	{ TEXT("b\xc3\xa4r"), "b\xc3\xa4r", ".b&AOQ-r", "b&AOQ-r" },
	{ TEXT("\xc3\xa4\xc3\xb6\xc3\xbc"), "\xc3\xa4\xc3\xb6\xc3\xbc",
	    ".&AOQA9gD8-", "&AOQA9gD8-" },
	{ TEXT("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"),
	    "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", ".&AOQA9gD8AN8-",
	    "&AOQA9gD8AN8-" },
	{ TEXT("\xc3\xa4&\xc3\xb6"), "\xc3\xa4&\xc3\xb6", ".&AOQ-&-&APY-",
	    "&AOQ-&-&APY-" },
	{ TEXT("a\xf0\x9f\x98\x80"
	       "b"),
	    "a\xf0\x9f\x98\x80"
	    "b",
	    ".a&2D3eAA-b", "a&2D3eAA-b" },
	{ TEXT("\xf0\x90\x80\x80"), "\xf0\x90\x80\x80", ".&2ADcAA-",
	    "&2ADcAA-" },
	{ TEXT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf", ".&2,,f,w-",
	    "&2,,f,w-" },
	{ TEXT("\xee\x80\x80"), "\xee\x80\x80", ".&4AA-", "&4AA-" },
	{ TEXT("\xc3\xbf\xc3\xbf"), "\xc3\xbf\xc3\xbf", ".&AP8A,w-",
	    "&AP8A,w-" },
	{ TEXT("a&b"), "a&b", ".a&-b", "a&-b" },
	{ TEXT("&"), "&", ".&-", "&-" },
	{ TEXT("&AOQ-"), "&AOQ-", ".&-AOQ-", "&-AOQ-" },
	/* With LAYOUT=fs these are no folders. */
	{ TEXT("cur"), "cur", ".cur", NULL },
	{ TEXT("a/new"), "a/new", ".a.new", NULL },
	{ TEXT("tmp.a"), "tmp/a", ".tmp.a", NULL },
	{ TEXT("current"), "current", ".current", "current" },
	/* Nor are these, anywhere. */
	{ TEXT("."), NULL, NULL, NULL },
	{ TEXT(".."), NULL, NULL, NULL },
	{ TEXT("/"), NULL, NULL, NULL },
	{ TEXT("../../etc"), NULL, NULL, NULL },
	{ TEXT("a/../b"), NULL, NULL, NULL },
	{ TEXT("a/./b"), NULL, NULL, NULL },
	{ TEXT("a//b"), NULL, NULL, NULL },
	{ TEXT("a..b"), NULL, NULL, NULL },
	{ TEXT("a./b"), NULL, NULL, NULL },
	{ TEXT("/a"), NULL, NULL, NULL },
	{ TEXT(".a"), NULL, NULL, NULL },
	{ TEXT("a/"), NULL, NULL, NULL },
	{ TEXT("a."), NULL, NULL, NULL },
	{ TEXT("INBOX//a"), NULL, NULL, NULL },
	{ TEXT("INBOX/../a"), NULL, NULL, NULL },
	{ TEXT("~"), NULL, NULL, NULL },
	{ TEXT("~root"), NULL, NULL, NULL },
	{ TEXT("~/a"), NULL, NULL, NULL },
	{ TEXT("INBOX/~a"), NULL, NULL, NULL },
	{ TEXT("a\0b"), NULL, NULL, NULL },
	{ TEXT("\0"), NULL, NULL, NULL },
	{ TEXT("a\n"), NULL, NULL, NULL },
	{ TEXT("a\x7f"), NULL, NULL, NULL },
	{ TEXT("\x1b[2J"), NULL, NULL, NULL },
	{ TEXT("\xc0\xaf"), NULL, NULL, NULL },
	{ TEXT("\xc0\xae\xc0\xae/a"), NULL, NULL, NULL },
	{ TEXT("a\xff"), NULL, NULL, NULL },
	{ TEXT("\xed\xa0\x80"), NULL, NULL, NULL },
	{ TEXT("\xc3"), NULL, NULL, NULL },
	{ TEXT("1/2/3/4/5/6/7/8/9"), NULL, NULL, NULL },
	{ TEXT("INBOX/1/2/3/4/5/6/7/8/9"), NULL, NULL, NULL },
};

START_TEST(name_is_judged)
{
	struct str given = names[_i].given;
	int rc = folder_parse(given, &arena, &folder, &why);

	ck_assert_msg(rc == (names[_i].name == NULL ? -1 : 0),
	    "given \"%s\": %d %s", expect_show(given), rc, why.cause);
	if (rc < 0) {
		ck_assert_uint_gt(strlen(why.cause), 0);
		return;
	}
	expect_str(given, str_from(folder_name(&folder, &arena)),
	    str_from(names[_i].name));
	expect_bool(given, folder_is_inbox(&folder),
	    strcmp(names[_i].name, "INBOX") == 0);
}
END_TEST

static void
expect_path(struct str given, bool fs, bool utf8, const char *want)
{
	const char *got = "";
	int rc = folder_path(&folder, fs, utf8, &arena, &got, &why);

	if (want == NULL)
		ck_assert_msg(
		    rc == -1, "given \"%s\": got %s", expect_show(given), got);
	else
		expect_str(given, str_from(got), str_from(want));
}

START_TEST(name_has_a_directory)
{
	struct str given = names[_i].given;

	if (folder_parse(given, &arena, &folder, &why) < 0)
		return;
	expect_path(given, false, false, names[_i].maildir);
	expect_path(given, true, false, names[_i].fs);
}
END_TEST

/* Names on the disk and what people read; what is not modified UTF-7, or not
 * its only spelling, is left alone. */
static const struct {
	struct str given, want;
} decoded[] = {
	{ TEXT(""), TEXT("") },
	{ TEXT(".a.b&AOQ-r"), TEXT(".a.b\xc3\xa4r") },
	{ TEXT("&ZeVnLIqe-"), TEXT("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e") },
	{ TEXT("a&2D3eAA-b"),
	    TEXT("a\xf0\x9f\x98\x80"
		 "b") },
	{ TEXT("a&-b"), TEXT("a&b") },
	{ TEXT("&AOQ-&-&APY-"), TEXT("\xc3\xa4&\xc3\xb6") },
	/* No end; digits of no unit; bits left over. */
	{ TEXT("a&b"), TEXT("a&b") },
	{ TEXT("Trash&x"), TEXT("Trash&x") },
	{ TEXT("&AOQ"), TEXT("&AOQ") },
	{ TEXT("&A-"), TEXT("&A-") },
	{ TEXT("&AO-"), TEXT("&AO-") },
	{ TEXT("&AOR-"), TEXT("&AOR-") },
	{ TEXT("&AOQA-"), TEXT("&AOQA-") },
	{ TEXT("x&!-"), TEXT("x&!-") },
	{ TEXT("x&A/Q-"), TEXT("x&A/Q-") },
	/* ASCII and controls in disguise. */
	{ TEXT("&AGE-"), TEXT("&AGE-") },
	{ TEXT("&AC8-"), TEXT("&AC8-") },
	{ TEXT("&AAo-"), TEXT("&AAo-") },
	/* Halves of pairs. */
	{ TEXT("&2D0-"), TEXT("&2D0-") },
	{ TEXT("&3gA-"), TEXT("&3gA-") },
	{ TEXT("&2D0A5A-"), TEXT("&2D0A5A-") },
	{ TEXT("&2D3YPQ-"), TEXT("&2D3YPQ-") },
	/* Two runs that are one; octets beyond ASCII. */
	{ TEXT("&AOQ-&APY-"), TEXT("&AOQ-&APY-") },
	{ TEXT("\xc3\xa4&AOQ-"), TEXT("\xc3\xa4&AOQ-") },
	{ TEXT("a\xff&-"), TEXT("a\xff&-") },
};

START_TEST(name_on_disk_is_read)
{
	struct str given = decoded[_i].given;
	char room[64];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	buf_add_string(&got, "<");
	folder_add_decoded(&got, given);
	expect_str(given, str_after(buf_str(&got), 1), decoded[_i].want);
}
END_TEST

START_TEST(utf8_is_kept_where_the_layout_says_so)
{
	struct str given = STR("b\xc3\xa4r/a&b");

	ck_assert_int_eq(folder_parse(given, &arena, &folder, &why), 0);
	expect_path(given, false, true, ".b\xc3\xa4r.a&b");
	expect_path(given, true, true, "b\xc3\xa4r/a&b");
}
END_TEST

/* The component is the whole of ".a.b" in Maildir++. */
START_TEST(longest_component_is_255_octets)
{
	char text[300];

	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(
	    folder_parse(str_of(text, 254), &arena, &folder, &why), 0);
	ck_assert_int_eq((int)folder.count, 1);
	for (int utf8 = 0; utf8 < 2; utf8++) {
		const char *got = "";

		ck_assert_int_eq(
		    folder_path(&folder, false, utf8 == 1, &arena, &got, &why),
		    0);
		ck_assert_uint_eq(strlen(got), 255);
	}
	if (folder_parse(str_of(text, 255), &arena, &folder, &why) == 0)
		expect_path(STR("255"), false, false, NULL);
	text[100] = '.';
	if (folder_parse(str_of(text, 255), &arena, &folder, &why) == 0)
		expect_path(STR("100.154"), false, false, NULL);
}
END_TEST

START_TEST(name_that_grows_on_disk_is_refused)
{
	char text[200];
	struct buf name;

	buf_init(&name, text, sizeof(text));
	for (int i = 0; i < 140; i++)
		buf_add_octet(&name, '&'); /* "&-" each */
	if (folder_parse(buf_str(&name), &arena, &folder, &why) == 0)
		expect_path(STR("&..."), false, false, NULL);
	buf_init(&name, text, sizeof(text));
	for (int i = 0; i < 60; i++) /* "a&AOQ-" each */
		buf_add_string(&name, "a\xc3\xa4");
	if (folder_parse(buf_str(&name), &arena, &folder, &why) == 0)
		expect_path(STR("a\xc3\xa4..."), false, false, NULL);
}
END_TEST

START_TEST(endless_name_is_refused)
{
	size_t length = 1 << 20;
	char *text = arena_take(&arena, length);
	const char *got;

	memset(text, 'a', length);
	ck_assert(
	    folder_parse(str_of(text, length), &arena, &folder, &why) < 0 ||
	    folder_path(&folder, false, false, &arena, &got, &why) < 0);
}
END_TEST

/* Of all short names made of what is dangerous, none is a way out. */
START_TEST(no_name_leads_out)
{
	static const char octets[] = "./~aI&\n\xc3\xa4\0";
	const size_t base = sizeof(octets) - 1;

	for (size_t i = 0; i < base * base * base * base; i++) {
		char text[4];
		const char *got;
		size_t rest = i;

		for (size_t k = 0; k < sizeof(text); k++) {
			text[k] = octets[rest % base];
			rest /= base;
		}
		if (folder_parse(str_of(text, 4), &arena, &folder, &why) < 0)
			continue;
		ck_assert(!folder_is_inbox(&folder));
		ck_assert_int_eq(
		    folder_path(&folder, false, true, &arena, &got, &why), 0);
		ck_assert_msg(got[0] == '.' && strchr(got, '/') == NULL &&
			strstr(got, "..") == NULL,
		    "\"%s\" became %s", expect_show(str_of(text, 4)), got);
		ck_assert_int_eq(
		    folder_path(&folder, true, true, &arena, &got, &why), 0);
		ck_assert_msg(got[0] != '/' && got[0] != '.' && got[0] != '~' &&
			strstr(got, "//") == NULL && strchr(got, '.') == NULL,
		    "\"%s\" became %s", expect_show(str_of(text, 4)), got);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("folder");
	TCase *all = tcase_create("names");

	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(all, name_is_judged, 0, (int)COUNT(names));
	tcase_add_loop_test(all, name_has_a_directory, 0, (int)COUNT(names));
	tcase_add_loop_test(all, name_on_disk_is_read, 0, (int)COUNT(decoded));
	tcase_add_test(all, utf8_is_kept_where_the_layout_says_so);
	tcase_add_test(all, longest_component_is_255_octets);
	tcase_add_test(all, name_that_grows_on_disk_is_refused);
	tcase_add_test(all, endless_name_is_refused);
	tcase_add_test(all, no_name_leads_out);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
