/*
 * check_buf.c - lent room is filled to its end and never beyond.
 */
#include "base/buf.h"

#include "../base/expect.h"

/* Room with a guard behind it. */
struct room {
	char text[8];
	char guard[8];
};

static struct room
empty_room(void)
{
	struct room room;

	memset(&room, '#', sizeof(room));
	return room;
}

static void
expect_guarded(const struct room *room)
{
	ck_assert_mem_eq(room->guard, "########", sizeof(room->guard));
}

START_TEST(new_buf_is_an_empty_string)
{
	struct room room = empty_room();
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	ck_assert_str_eq(buf.at, "");
	ck_assert_uint_eq(buf.length, 0);
	ck_assert(!buf.overflow);
	expect_str(STR(""), buf_str(&buf), STR(""));
}
END_TEST

static const struct {
	struct str given, want;
	bool overflow;
} additions[] = {
	{ TEXT(""), TEXT(""), false },
	{ TEXT("abc"), TEXT("abc"), false },
	{ TEXT("abcdefg"), TEXT("abcdefg"), false },
	{ TEXT("abcdefgh"), TEXT("abcdefg"), true },
	{ TEXT("abcdefghijklmnopqrstuvwxyz"), TEXT("abcdefg"), true },
	{ TEXT("a\0b"), TEXT("a\0b"), false },
	{ { NULL, 0 }, TEXT(""), false },
};

START_TEST(what_does_not_fit_is_left_out)
{
	struct room room = empty_room();
	struct str given = additions[_i].given;
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	buf_add(&buf, given);
	expect_str(given, buf_str(&buf), additions[_i].want);
	expect_bool(given, buf.overflow, additions[_i].overflow);
	ck_assert_int_eq(buf.at[buf.length], '\0');
	expect_guarded(&room);
}
END_TEST

START_TEST(octet_by_octet_is_the_same)
{
	struct room room = empty_room();
	struct str given = additions[_i].given;
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	for (size_t i = 0; i < given.length; i++)
		buf_add_octet(&buf, given.at[i]);
	expect_str(given, buf_str(&buf), additions[_i].want);
	expect_bool(given, buf.overflow, additions[_i].overflow);
	expect_guarded(&room);
}
END_TEST

START_TEST(printing_is_cut_as_adding_is)
{
	struct room room = empty_room();
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	buf_print(&buf, "%d-%s", 42, "ab");
	expect_str(STR("42-ab"), buf_str(&buf), STR("42-ab"));
	ck_assert(!buf.overflow);
	buf_print(&buf, "%s", "xy"); /* exactly full */
	expect_str(STR("xy"), buf_str(&buf), STR("42-abxy"));
	ck_assert(!buf.overflow);
	buf_print(&buf, "%s", "");
	ck_assert(!buf.overflow);
	buf_print(&buf, "%s", "z");
	expect_str(STR("z"), buf_str(&buf), STR("42-abxy"));
	ck_assert(buf.overflow);
	ck_assert_str_eq(buf.at, "42-abxy");
	expect_guarded(&room);
}
END_TEST

static const struct {
	uint64_t given;
	struct str want;
} numbers[] = {
	{ 0, TEXT("0") }, { 9, TEXT("9") }, { 10, TEXT("10") },
	{ 1234567, TEXT("1234567") },
	{ UINT64_MAX, TEXT("1844674") }, /* cut as all that does not fit */
};

START_TEST(number_is_decimal)
{
	struct room room = empty_room();
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	buf_add_number(&buf, numbers[_i].given);
	expect_str(STR("number"), buf_str(&buf), numbers[_i].want);
	ck_assert(buf.overflow == (numbers[_i].given == UINT64_MAX));
	expect_guarded(&room);
}
END_TEST

START_TEST(the_greatest_number_is_whole_where_there_is_room)
{
	char room[32];
	struct buf buf;

	buf_init(&buf, room, sizeof(room));
	buf_add_number(&buf, UINT64_MAX);
	ck_assert_str_eq(room, "18446744073709551615");
}
END_TEST

START_TEST(printing_far_too_much_fills_the_room)
{
	struct room room = empty_room();
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	buf_add_string(&buf, "ab");
	buf_print(&buf, "%0200d", 7);
	expect_str(STR("%0200d"), buf_str(&buf), STR("ab00000"));
	ck_assert(buf.overflow);
	expect_guarded(&room);
}
END_TEST

START_TEST(overflow_is_remembered)
{
	struct room room = empty_room();
	struct buf buf;

	buf_init(&buf, room.text, sizeof(room.text));
	buf_add_string(&buf, "abcdefgh");
	buf_add_string(&buf, "");
	buf_print(&buf, "%s", "");
	ck_assert(buf.overflow);
}
END_TEST

START_TEST(room_of_one_octet_holds_the_end_only)
{
	struct room room = empty_room();
	struct buf buf;

	buf_init(&buf, room.text, 1);
	buf_add_string(&buf, "a");
	buf_print(&buf, "%d", 1);
	buf_add_octet(&buf, 'b');
	ck_assert_str_eq(buf.at, "");
	ck_assert_uint_eq(buf.length, 0);
	ck_assert(buf.overflow);
	ck_assert_int_eq(room.text[1], '#');
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("buf");
	TCase *room = tcase_create("room");

	tcase_add_test(room, new_buf_is_an_empty_string);
	tcase_add_loop_test(
	    room, what_does_not_fit_is_left_out, 0, (int)COUNT(additions));
	tcase_add_loop_test(
	    room, octet_by_octet_is_the_same, 0, (int)COUNT(additions));
	tcase_add_test(room, printing_is_cut_as_adding_is);
	tcase_add_loop_test(room, number_is_decimal, 0, (int)COUNT(numbers));
	tcase_add_test(room, the_greatest_number_is_whole_where_there_is_room);
	tcase_add_test(room, printing_far_too_much_fills_the_room);
	tcase_add_test(room, overflow_is_remembered);
	tcase_add_test(room, room_of_one_octet_holds_the_end_only);
	suite_add_tcase(suite, room);
	return expect_run(suite);
}
