/*
 * check_lmtp_hangs.c - every call of lda-lmtp that can hang does, in a session
 * with three recipients.
 *
 * What hangs in one recipient's process is ended by its deadline, and is his
 * trouble alone.  Whoever speaks, and root's monitor, end when they are asked.
 */
#include "calls.h"
#include "lmtp_sweep.h"

#include <string.h>

/* Sessions that hang side by side: each for a second. */
#define HANGING 48

static void
fill(struct lmtp_rows *rows, const struct fault_record *calls, unsigned count)
{
	unsigned first = lmtp_first_worker(rows->scenario);

	for (unsigned i = 0; i < count; i++) {
		/* No server can make a dup2 wait. */
		if ((call_row(calls[i].call)->flags & CALL_WAITS) == 0 ||
		    calls[i].call == CALL_DUP2 || calls[i].process > first)
			continue;
		/* A worker that waits for more to do waits for its own. */
		if (calls[i].process == first &&
		    strcmp(calls[i].path, "(socketpair)") != 0)
			lmtp_rows_add(rows, &calls[i], ACT_HANG, 0, "hang");
		lmtp_rows_add(rows, &calls[i], ACT_HANG_TERM, 0, "hang-term");
	}
}

int
main(void)
{
	const struct lmtp_sweep sweep = { .name = "LMTP hang sweep",
		.program = LMTP_PROGRAM_FAULT,
		.setting = "delivery_timeout=1s",
		.workers = HANGING,
		.fill = fill };

	return lmtp_sweep_main(&sweep);
}
