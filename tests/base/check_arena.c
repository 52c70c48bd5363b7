/*
 * check_arena.c - memory comes zeroed and aligned, or does not come at all.
 */
#include "base/arena.h"

#include "../base/expect.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_IS_OUT 42

static struct arena arena;

static void
open_arena(void)
{
	arena_init(&arena, expect_memory);
}

static void
leave(void)
{
	_exit(MEMORY_IS_OUT);
}

START_TEST(nothing_is_taken_at_first)
{
	ck_assert_uint_eq(arena.used, 0);
}
END_TEST

static const size_t sizes[] = { 0, 1, 2, 15, 16, 17, 4096, 16384, 16385, 65535,
	65536, 65537, 1 << 20 };

static bool
is_all(const char *text, size_t size, int octet)
{
	while (size > 0)
		if (text[--size] != (char)octet)
			return false;
	return true;
}

START_TEST(memory_is_zeroed_aligned_and_ones_own)
{
	char *blocks[8];

	for (size_t i = 0; i < COUNT(blocks); i++) {
		blocks[i] = arena_take(&arena, sizes[_i]);
		ck_assert_msg(
		    blocks[i] != NULL, "%zu octets are NULL", sizes[_i]);
		ck_assert_msg((uintptr_t)blocks[i] % _Alignof(long double) == 0,
		    "%zu octets are not aligned", sizes[_i]);
		ck_assert_msg(is_all(blocks[i], sizes[_i], 0),
		    "%zu octets are not zero", sizes[_i]);
		memset(blocks[i], (int)i + 1, sizes[_i]);
	}
	for (size_t i = 0; i < COUNT(blocks); i++)
		ck_assert_msg(is_all(blocks[i], sizes[_i], (int)i + 1),
		    "%zu octets belong to two", sizes[_i]);
}
END_TEST

START_TEST(small_things_share_a_block)
{
	size_t used;

	(void)arena_take(&arena, 1);
	used = arena.used;
	for (int i = 0; i < 1000; i++)
		(void)arena_take(&arena, 16);
	ck_assert_uint_eq(arena.used, used);
}
END_TEST

/* Rooms stand at the other end of the block, texts are printed into its free
 * part and may then belong elsewhere: what comes next is zeroed all the same.
 */
START_TEST(what_is_free_stays_zeroed)
{
	const size_t takes[] = { 1, 5000, 20000, 3000, 70000, 16 };
	int width = 1 << _i;

	for (size_t i = 0; i < COUNT(takes); i++) {
		char *printed = arena_print(&arena, "%0*d", width, 7);
		char *taken = arena_take(&arena, takes[i]);

		ck_assert_uint_eq(strlen(printed), (size_t)width);
		ck_assert_msg(is_all(taken, takes[i], 0),
		    "%zu octets behind a text of %d are not zero", takes[i],
		    width);
		memset(taken, 'x', takes[i]);
		ck_assert_uint_eq(strlen(printed), (size_t)width);
		ck_assert_int_eq(printed[width - 1], '7');
	}
}
END_TEST

START_TEST(a_block_that_is_full_to_the_end_serves_no_more)
{
	char *first = arena_take(&arena, 1), *before = first;

	for (int i = 0; i < 2000; i++) {
		size_t size = i % 3 == 0 ? 4096 : 100;
		char *taken = arena_take(&arena, size);

		ck_assert_msg(is_all(taken, size, 0), "take %d", i);
		memset(taken, 'x', size);
		before = taken;
	}
	ck_assert_ptr_ne(first, before);
	ck_assert_int_eq(first[0], '\0');
}
END_TEST

/* What was taken since the mark, small and large, is zeroed and taken again. */
START_TEST(a_rewound_arena_gives_zeroed_memory)
{
	struct arena_mark mark;
	char *small, *room;

	memset(arena_take(&arena, 100), 'a', 100);
	memset(arena_take(&arena, 5000), 'a', 5000);
	mark = arena_mark(&arena);
	for (int i = 0; i < 3; i++) {
		small = arena_take(&arena, 100);
		room = arena_take(&arena, 6000);
		ck_assert(is_all(small, 100, 0) && is_all(room, 6000, 0));
		memset(small, 'x', 100);
		memset(room, 'y', 6000);
		memset(arena_take(&arena, 100000), 'z', 100000);
		(void)arena_print(&arena, "%09000d", 7);
		arena_rewind(&arena, &mark);
	}
	ck_assert(is_all(arena_take(&arena, 20000), 20000, 0));
}
END_TEST

START_TEST(copy_keeps_every_octet)
{
	struct str given = STR("a\0b\xff");
	struct str got = arena_copy(&arena, given);

	expect_str(given, got, given);
	ck_assert_ptr_ne(got.at, given.at);
	ck_assert_int_eq(got.at[got.length], '\0');
	ck_assert_uint_eq(arena_copy(&arena, str_of(NULL, 0)).length, 0);
}
END_TEST

START_TEST(string_ends_at_a_nul)
{
	ck_assert_str_eq(arena_string(&arena, STR("abc")), "abc");
	ck_assert_str_eq(arena_string(&arena, STR("a\0b")), "a");
	ck_assert_str_eq(arena_string(&arena, str_of(NULL, 0)), "");
	/* Of a slice in the middle of a text, no more than the slice. */
	ck_assert_str_eq(arena_string(&arena, str_of("abcdef", 3)), "abc");
}
END_TEST

START_TEST(printing_takes_what_it_needs)
{
	char *got = arena_print(&arena, "%0100000d", 7);

	ck_assert_uint_eq(strlen(got), 100000);
	ck_assert_str_eq(arena_print(&arena, "%s%d", "a", 1), "a1");
	ck_assert_str_eq(arena_print(&arena, "%s", ""), "");
}
END_TEST

static const struct {
	const char *directory, *name, *want;
} paths[] = {
	{ "/a", "b", "/a/b" },
	{ "/a/", "b", "/a/b" },
	{ "/", "b", "/b" },
	{ "a", "b/c", "a/b/c" },
};

START_TEST(path_has_one_slash)
{
	ck_assert_str_eq(
	    arena_path(&arena, paths[_i].directory, paths[_i].name),
	    paths[_i].want);
}
END_TEST

START_TEST(too_much_at_once_is_answered)
{
	static const size_t hostile[] = { SIZE_MAX, SIZE_MAX - 14, SIZE_MAX / 2,
		SIZE_MAX / 16 };

	arena_init(&arena, leave);
	(void)arena_take(&arena, hostile[_i]);
}
END_TEST

START_TEST(too_much_in_sum_is_answered)
{
	arena_init(&arena, leave);
	for (int i = 0; i < 1 << 20; i++)
		(void)arena_take(&arena, 1 << 16);
}
END_TEST

START_TEST(taking_after_the_seal_is_a_bug)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	arena_seal(&arena);
	(void)arena_take(&arena, 1);
}
END_TEST

START_TEST(rewinding_gives_back_and_zeroes)
{
	struct arena_mark mark;
	char *kept = arena_take(&arena, 100), *again;
	size_t used;

	memset(kept, 'k', 100);
	mark = arena_mark(&arena);
	used = arena.used;
	for (int i = 0; i < 50; i++) {
		/* Small ones, blocks of their own, and another shared one. */
		again = arena_take(&arena, sizes[i % (int)COUNT(sizes)]);
		memset(again, 'x', sizes[i % (int)COUNT(sizes)]);
	}
	ck_assert_uint_gt(arena.used, used);
	arena_seal(&arena);
	arena_rewind(&arena, &mark);
	ck_assert_uint_eq(arena.used, used);
	ck_assert(is_all(kept, 100, 'k'));
	again = arena_take(&arena, 16000);
	ck_assert_msg(is_all(again, 16000, 0), "it was not zeroed again");
}
END_TEST

START_TEST(rewinding_to_nothing_gives_back_all)
{
	const struct arena_mark nothing = { .newest = NULL };

	for (size_t i = 0; i < COUNT(sizes); i++)
		(void)arena_take(&arena, sizes[i]);
	arena_rewind(&arena, &nothing);
	ck_assert_uint_eq(arena.used, 0);
	ck_assert(is_all(arena_take(&arena, 4096), 4096, 0));
}
END_TEST

/* A server's memory: thousands of transactions, and no more than one. */
START_TEST(rewinding_for_ever_takes_no_more)
{
	struct arena_mark mark = arena_mark(&arena);
	size_t most = 0;

	for (int i = 0; i < 2000; i++) {
		(void)arena_take(&arena, 100000);
		(void)arena_take(&arena, 3000);
		if (i == 0)
			most = arena.used;
		ck_assert_uint_le(arena.used, most);
		arena_rewind(&arena, &mark);
	}
}
END_TEST

START_TEST(lent_memory_is_taken_before_the_systems)
{
	static _Alignas(4096) char room[64 * 1024];
	char *small, *large;

	arena_lend(&arena, room, sizeof(room));
	small = arena_take(&arena, 100);
	large = arena_take(&arena, 48 * 1024);
	ck_assert(small >= room && small < room + sizeof(room));
	ck_assert(large > small && large + 48 * 1024 <= room + sizeof(room));
	ck_assert_uint_eq(arena.used, 0);
	/* And what does not fit is had all the same. */
	large = arena_take(&arena, 48 * 1024);
	ck_assert(large < room || large >= room + sizeof(room));
	ck_assert_uint_ge(arena.used, 48 * 1024);
}
END_TEST

START_TEST(child_sees_what_is_shared_and_cannot_write_there)
{
	int wait_status;
	char *text;
	pid_t pid;

	ck_assert(!arena_is_shared(&arena));
	ck_assert(arena_share(&arena, (size_t)256 * 1024));
	text = arena_take(&arena, (size_t)128 * 1024);
	ck_assert(arena_is_shared(&arena));
	pid = fork();
	if (pid == 0) {
		/* The parent has written before it lets us go on. */
		while (((volatile char *)text)[0] != 'x')
			(void)poll(NULL, 0, 1);
		if (_i == 0)
			_exit(arena_freeze(&arena) == 0 ? 0 : 1);
		if (arena_freeze(&arena) == 0)
			((volatile char *)text)[0] = 'y';
		_exit(0);
	}
	text[0] = 'x';
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	/* By the signal, or by a sanitizer's exit. */
	ck_assert(_i == 0 ? wait_status == 0 : wait_status != 0);
	ck_assert_int_eq(text[0], 'x');
	/* Full: what comes now is the process's own. */
	(void)arena_take(&arena, (size_t)200 * 1024);
	ck_assert(!arena_is_shared(&arena));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("arena");
	TCase *memory = tcase_create("memory");

	tcase_add_checked_fixture(memory, open_arena, NULL);
	tcase_add_test(memory, nothing_is_taken_at_first);
	tcase_add_loop_test(memory, memory_is_zeroed_aligned_and_ones_own, 0,
	    (int)COUNT(sizes));
	tcase_add_test(memory, small_things_share_a_block);
	tcase_add_loop_test(memory, what_is_free_stays_zeroed, 0, 18);
	tcase_add_test(memory, a_block_that_is_full_to_the_end_serves_no_more);
	tcase_add_test(memory, a_rewound_arena_gives_zeroed_memory);
	tcase_add_test(memory, copy_keeps_every_octet);
	tcase_add_test(memory, string_ends_at_a_nul);
	tcase_add_test(memory, printing_takes_what_it_needs);
	tcase_add_test(memory, rewinding_gives_back_and_zeroes);
	tcase_add_test(memory, rewinding_to_nothing_gives_back_all);
	tcase_add_test(memory, rewinding_for_ever_takes_no_more);
	tcase_add_test(memory, lent_memory_is_taken_before_the_systems);
	tcase_add_loop_test(memory, path_has_one_slash, 0, (int)COUNT(paths));
	if (expect_forks()) {
		tcase_add_loop_test(memory,
		    child_sees_what_is_shared_and_cannot_write_there, 0, 2);
		tcase_add_loop_exit_test(
		    memory, too_much_at_once_is_answered, MEMORY_IS_OUT, 0, 4);
		tcase_add_exit_test(
		    memory, too_much_in_sum_is_answered, MEMORY_IS_OUT);
		tcase_add_test_raise_signal(
		    memory, taking_after_the_seal_is_a_bug, SIGABRT);
	}
	suite_add_tcase(suite, memory);
	return expect_run(suite);
}
