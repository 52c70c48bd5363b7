/*
 * check_maildir_hangs.c - every call that can hang does.
 *
 * A server that does not answer, a caller that never closes its end: the
 * deadline ends the delivery, or a TERM, and nothing of it is left.
 */
#include "sweep.h"

#include "../base/expect.h"

#include <check.h>
#include <stdlib.h>

/* Far beyond what a scenario takes on a slow machine. */
#define PATIENCE_SECONDS 300

START_TEST(no_call_outlives_the_deadline)
{
	unsigned broken = sweep_hangs();

	ck_assert_msg(broken == 0, "%u rows broken, named above", broken);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hang sweep");
	TCase *sweep = tcase_create("sweep");
	int failed;

	sweep_begin(STAGE_FAULT);
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_test(sweep, no_call_outlives_the_deadline);
	suite_add_tcase(suite, sweep);
	failed = expect_run(suite);
	sweep_end();
	return failed;
}
