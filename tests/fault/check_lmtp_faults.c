/*
 * check_lmtp_faults.c - every call of lda-lmtp fails, is interrupted, comes
 * short, or is the last of its process, in a session with three recipients.
 *
 * What must hold is in lmtp_judge.h (reliability I16).  After a kill, or a
 * signal that asks to end, another session adds one message to each mailbox.
 *
 * FAULT_ONLY=three:1:30:EIO:once (scenario, process, ordinal, errno, mode)
 * plays that row alone; FAULT_TRACE=1 prints the calls of each clean session.
 */
#include "calls.h"
#include "lmtp_sweep.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* A longer message would make more calls than the ledger has room for. */
#define TRICKLED_OCTETS 8192

/* A worker's answer goes into the pipe whole, or not at all. */
static bool
is_answer(const struct fault_record *record)
{
	return record->call == CALL_WRITE && record->process > 0 &&
	    record->result < PIPE_BUF &&
	    (strcmp(record->path, "(pipe)") == 0 ||
		strcmp(record->path, "(socketpair)") == 0 ||
		strcmp(record->path, "(received)") == 0);
}

/* What can happen at one call; the errnos in full for the workers of the
 * first scenario, a choice elsewhere. */
static void
add_call(struct lmtp_rows *rows, const struct fault_record *record)
{
	const struct call_row *call = call_row(record->call);
	bool is_first = rows->scenario == &lmtp_scenarios[0];

	for (int i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++) {
		if (!call_can_fail(record, call->errors[i]))
			continue;
		if (i > 0 && !is_first && call->errors[i] != EIO &&
		    call->errors[i] != ENOSPC)
			continue;
		lmtp_rows_add(rows, record, ACT_FAIL, call->errors[i], "once");
		/* Nothing says "not now" for ever while it says "now". */
		if (i == 0 && call->errors[i] != EAGAIN)
			lmtp_rows_add(
			    rows, record, ACT_FAIL_ON, call->errors[i], "on");
	}
	if ((call->flags & CALL_MOVES) != 0 && record->result > 1 &&
	    !is_answer(record)) {
		lmtp_rows_add(rows, record, ACT_HALF, 0, "half");
		lmtp_rows_add(rows, record, ACT_ONE, 0, "one");
	}
	if ((call->flags & CALL_WAITS) != 0)
		lmtp_rows_add(rows, record, ACT_FAIL, EINTR, "once");
	lmtp_rows_add(rows, record, ACT_KILL, 0, "kill");
	lmtp_rows_add(rows, record, ACT_TERM, 0, "term");
	lmtp_rows_add(rows, record, ACT_CRASH, 0, "crash");
	if (!is_first)
		return;
	lmtp_rows_add(rows, record, ACT_HUP, 0, "hup");
	lmtp_rows_add(rows, record, ACT_INT, 0, "int");
}

/* Whether this call is played: of three workers that do the same, one; of the
 * speaker's many calls for a long message, some.  A clock that has worked does
 * not cease to. */
static bool
is_played(
    const struct lmtp_scenario *scenario, const struct fault_record *record)
{
	unsigned first = lmtp_first_worker(scenario);

	if (record->process > first || record->call == CALL_CLOCK)
		return false;
	return scenario == &lmtp_scenarios[0] || record->process == first ||
	    (record->ordinal + record->process) % 11 == 0;
}

static void
fill(struct lmtp_rows *rows, const struct fault_record *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (is_played(rows->scenario, &calls[i]))
			add_call(rows, &calls[i]);
	lmtp_rows_add(rows, NULL, ACT_INTERRUPT_EACH, EINTR, "interrupt-each");
	if (rows->scenario->octets < TRICKLED_OCTETS)
		lmtp_rows_add(rows, NULL, ACT_TRICKLE, 0, "trickle");
}

int
main(void)
{
	const struct lmtp_sweep sweep = { .name = "LMTP sweep",
		.program = LMTP_PROGRAM_FAULT,
		.fill = fill };

	return lmtp_sweep_main(&sweep);
}
