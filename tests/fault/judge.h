/*
 * judge.h - whether a delivery that was disturbed kept the contract.
 */
#ifndef FAULT_JUDGE_H
#define FAULT_JUDGE_H

#include "plan.h"
#include "stage.h"
#include "tree.h"

#include <stdbool.h>
#include <stddef.h>

/* All that is known of one delivery. */
struct evidence {
	const struct scenario *scenario;
	const char *folder; /* the Maildir or mbox that is meant */
	const struct fault_rule *rule;
	const struct fault_record *records; /* the ledger */
	size_t record_count;
	bool ledger_overflowed;
	bool ran_away;
	const struct ending *ending;
	const struct tree_count *tree;
	/* Of a pair of faults the other one, that met the handling of the
	 * first; NULL: there was but one. */
	const struct fault_rule *second;
};

/*
 * Exit 0 means one whole message in the right place, durable, nothing else
 * left, and no failure overlooked that is not in the list of those that do
 * not matter.  Any other status is 75 (or what the scenario gives anyway),
 * with a reply that Postfix takes for temporary, a line in the log, and no
 * trace of the message.  An interruption or a short count changes nothing.
 * Else false and a complaint.
 *
 * Of a pair of faults the second may have kept the first from being undone:
 * then a message may stay, one, whole or in an mbox its beginning, and the log
 * says so.  rule is then the one that ends the process, if one does.
 */
bool judge_delivery(
    const struct evidence *evidence, char *complaint, size_t size);

/*
 * After a kill and one more, undisturbed delivery: whole messages, that one
 * and at most one from before, and where an mbox was cut off in the middle
 * that beginning, closed off.  A hitching post of the dead may stay, its lock
 * not: the next who is in its way takes a post away.
 */
bool judge_recovery(const struct ending *ending, const struct tree_count *tree,
    const struct tree_count *before, char *complaint, size_t size);

#endif
