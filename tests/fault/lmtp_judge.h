/*
 * lmtp_judge.h - whether a session that was disturbed kept the contract.
 */
#ifndef FAULT_LMTP_JUDGE_H
#define FAULT_LMTP_JUDGE_H

#include "lmtp_stage.h"

/* One disturbance, and how it is called. */
struct lmtp_row {
	const struct lmtp_scenario *scenario;
	struct fault_rule rule;
	const char *mode;
};

/*
 * What is wrong, or NULL.  A 250 after the final dot is a whole message in
 * that mailbox, once, synced before it was published and its name after; any
 * other answer leaves nothing that a reader sees; only the unknown recipient
 * hears 5xx; what happens in one recipient's process changes nothing for the
 * others; a connection that ends before the dot has delivered nothing.  An
 * interruption or a short count changes nothing.
 */
const char *lmtp_judge(const struct lmtp_stage *stage,
    const struct lmtp_row *row, const struct lmtp_outcome *outcome);

/* The same for the next session, undisturbed, on the mailboxes as they were
 * left: one message more in each. */
const char *lmtp_judge_next(
    const struct lmtp_outcome *before, const struct lmtp_outcome *outcome);

/* Whether the message of this box was synced before it was published, and the
 * directory after. */
bool lmtp_is_durable(const struct lmtp_stage *stage, int box);

/* Whether FAULT_ONLY, if it is set, names this row. */
bool lmtp_is_wanted(const struct lmtp_row *row);

void lmtp_print_calls(const struct lmtp_stage *stage);
void lmtp_print_row(const struct lmtp_stage *stage, const struct lmtp_row *row,
    const struct lmtp_outcome *outcome, const char *complaint);

#endif
