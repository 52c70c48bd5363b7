/*
 * check_lmtp_memory.c - lda-lmtp finds no memory, at each place that takes
 * some, in a session with three recipients.
 *
 * lda-lmtp-memory asks the system each time (Makefile).  Who is not delivered
 * hears 4xx, the others have their mail.
 */
#include "lmtp_sweep.h"

#include <errno.h>

static void
fill(struct lmtp_rows *rows, const struct fault_record *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if ((calls[i].call != CALL_MAP &&
			calls[i].call != CALL_MAP_SHARED) ||
		    calls[i].process > lmtp_first_worker(rows->scenario))
			continue;
		lmtp_rows_add(rows, &calls[i], ACT_FAIL, ENOMEM, "once");
		lmtp_rows_add(rows, &calls[i], ACT_FAIL_ON, ENOMEM, "on");
	}
}

int
main(void)
{
	const struct lmtp_sweep sweep = { .name = "LMTP memory sweep",
		.program = LMTP_PROGRAM_MEMORY,
		.fill = fill };

	return lmtp_sweep_main(&sweep);
}
