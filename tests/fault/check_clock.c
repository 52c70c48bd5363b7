/*
 * check_clock.c - deliveries beyond 2038 and 2106, in 1970,
 * and by a clock that runs backwards from one to the next.
 *
 * Each clock adds one whole message to the same mailbox: names in a Maildir
 * stay apart, a maildirsize from the future misleads nobody, an mbox's
 * separator has the year.
 *
 * Source: 2^31 and 2^32 seconds after 1970 (POSIX, "Seconds Since the Epoch").
 */
#include "scenarios.h"
#include "sweep.h"

#include "../base/expect.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define DAY 86400

static const char *const names[] = { "existing", "quota", "quotacount",
	"mbox" };

/* In this order; 0 is today. */
static const struct {
	int64_t seconds;
	const char *year; /* at its end in every time zone */
} clocks[] = {
	{ 0, NULL },
	{ INT64_C(0x80000000) + 40, "2038" },
	{ INT64_C(0x100000000) + 40, "2106" },
	{ INT64_C(0x100000000) + 40 - DAY, "2106" },
	{ INT64_C(0x80000000) - DAY, "2038" },
	{ 0, NULL },
	{ 300 * DAY, "1970" },
};

/* Whether a separator of the mbox ends with this year. */
static bool
has_separator(const char *path, const char *year)
{
	char line[8192];
	FILE *file = fopen(path, "r");
	bool found = false;

	ck_assert_ptr_nonnull(file);
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, "From ", 5) == 0 && strlen(line) > 6 &&
		    strncmp(line + strlen(line) - 5, year, 4) == 0;
	(void)fclose(file);
	return found;
}

START_TEST(every_clock_adds_one_message)
{
	struct scenario scenario;
	struct stage stage;
	struct tree_count before, after;
	struct ending ending;

	ck_assert(scenario_find(names[_i], &scenario));
	stages_prepare(&scenario);
	stage_set_up(&stage, &scenario, 0);
	stage_reset(&stage);
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		stage_count(&stage, &before);
		stage_forget_plan(&stage);
		if (clocks[i].year != NULL)
			stage.plan->ahead_seconds =
			    clocks[i].seconds - (int64_t)time(NULL);
		stage_run(&stage, &ending);
		stage_count(&stage, &after);
		ck_assert_msg(ending.wait_status == 0 && !ending.timed_out,
		    "%s, clock %zu: wait status %d, %.*s", scenario.name, i,
		    ending.wait_status, (int)ending.reply_length, ending.reply);
		ck_assert_msg(after.whole == before.whole + 1 &&
			after.torn == 0 && after.in_tmp == 0 &&
			after.others == 0 && after.litter == 0,
		    "%s, clock %zu: %u whole after %u: %s", scenario.name, i,
		    after.whole, before.whole, after.note);
		if ((scenario.flags & HAS_QUOTA) != 0)
			ck_assert_msg(after.sum == SUM_READ &&
				after.sum_messages == after.messages &&
				after.sum_octets == after.octets,
			    "%s, clock %zu: maildirsize says %lu messages of "
			    "%lu",
			    scenario.name, i, after.sum_messages,
			    after.messages);
		if ((scenario.flags & STORE_MBOX) != 0 &&
		    clocks[i].year != NULL)
			ck_assert_msg(
			    has_separator(stage_folder(&stage), clocks[i].year),
			    "no separator of %s", clocks[i].year);
	}
	stage_tear_down(&stage);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *cases = tcase_create("clocks");
	int failed;

	stages_begin(STAGE_FAULT);
	tcase_set_timeout(cases, 120);
	tcase_add_loop_test(cases, every_clock_adds_one_message, 0,
	    (int)(sizeof(names) / sizeof(names[0])));
	suite_add_tcase(suite, cases);
	failed = expect_run(suite);
	stages_end();
	return failed;
}
