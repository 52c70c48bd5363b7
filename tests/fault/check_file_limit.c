/*
 * check_file_limit.c - RLIMIT_FSIZE at every octet.
 *
 * Postfix sets it for the commands that local(8) starts, as low as its
 * mailbox_size_limit.  A write that meets it is made in part and then fails.
 * With getrlimit(2) failing the program does not know before; then the rest
 * of the file is what tests the way back.
 */
#include "scenarios.h"
#include "sweep.h"

#include "../base/expect.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define PATIENCE_SECONDS 300
#define OCTETS 330 /* of a message: its header, and little more */

static const struct {
	const char *scenario;
	struct fault_rule weather;
} rows[] = {
	{ "existing", { ACT_NOT, 0, 0, 0, 0 } },
	{ "existing", { ACT_FAIL_EVERY, CALL_GETRLIMIT, 0, 0, EINVAL } },
	{ "mbox", { ACT_NOT, 0, 0, 0, 0 } },
	{ "mbox", { ACT_FAIL_EVERY, CALL_GETRLIMIT, 0, 0, EINVAL } },
};

START_TEST(no_limit_tears_a_mailbox)
{
	struct scenario scenario;
	unsigned broken;

	ck_assert(scenario_find(rows[_i].scenario, &scenario));
	scenario.message_octets = OCTETS;
	scenario.weather = rows[_i].weather;
	broken = sweep_file_limits(&scenario);
	ck_assert_msg(broken == 0, "%s: %u limits broken, named above",
	    scenario.name, broken);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("file limit sweep");
	TCase *sweep = tcase_create("sweep");
	int failed;

	sweep_begin(STAGE_FAULT);
	tcase_set_timeout(sweep, PATIENCE_SECONDS);
	tcase_add_loop_test(sweep, no_limit_tears_a_mailbox, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, sweep);
	failed = expect_run(suite);
	sweep_end();
	return failed;
}
