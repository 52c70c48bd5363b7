/*
 * check_temporary.c - a file that is there as long as somebody has it open.
 */
#include "store/temporary.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static struct status why;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	scratch_mkdir(&scratch, "temp", 0700);
	status_init(&why);
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

START_TEST(file_has_no_name_and_is_read_as_it_was_written)
{
	const char *directory = scratch_path(&scratch, "temp");
	char room[8] = "";
	struct stat facts;
	int fd = temporary_open(directory, &arena, &why);

	ck_assert_msg(fd >= 0, "%s", why.cause);
	ck_assert_int_eq(fstat(fd, &facts), 0);
	ck_assert_uint_eq(facts.st_nlink, 0);
	ck_assert_uint_eq(facts.st_mode & 0777, 0600);
	ck_assert_int_eq(write(fd, "octets", 6), 6);
	ck_assert_int_eq(pread(fd, room, sizeof(room) - 1, 0), 6);
	ck_assert_str_eq(room, "octets");
	ck_assert_int_eq(rmdir(directory), 0); /* nothing is in it */
	(void)close(fd);
}
END_TEST

START_TEST(directory_that_is_not_there_is_named)
{
	ck_assert_int_eq(
	    temporary_open(scratch_path(&scratch, "nothere"), &arena, &why),
	    -1);
	expect_holds(why.cause, "/nothere/lda.");
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("temporary");
	TCase *all = tcase_create("temporary");
	int status;

	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_test(all, file_has_no_name_and_is_read_as_it_was_written);
	tcase_add_test(all, directory_that_is_not_there_is_named);
	suite_add_tcase(suite, all);
	status = expect_run(suite);
	scratch_end();
	return status;
}
