/*
 * lmtp_judge.c - whether a session that was disturbed kept the contract.
 *
 * Source: reference reliability, invariant I16; DESIGN 2.2 and 3 "LMTP".
 */
#include "lmtp_judge.h"

#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static bool
is_killing(const struct fault_rule *rule)
{
	return rule->action == ACT_KILL || rule->action == ACT_CRASH;
}

static bool
is_signal(const struct fault_rule *rule)
{
	return rule->action == ACT_TERM || rule->action == ACT_HUP ||
	    rule->action == ACT_INT || rule->action == ACT_HANG_TERM;
}

/* The call that was disturbed, as this session made it; NULL: it never came
 * to it. */
static const struct fault_record *
disturbed(const struct lmtp_stage *stage)
{
	unsigned count = stage->plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++)
		if (stage->plan->ledger[i].injected)
			return &stage->plan->ledger[i];
	return NULL;
}

/* What changes nothing for whoever handles it rightly. */
static bool
must_not_matter(const struct lmtp_stage *stage, const struct fault_rule *rule)
{
	const struct fault_record *record = disturbed(stage);

	switch (rule->action) {
	case ACT_FAIL:
		/* Another call may have come first this time. */
		return rule->error == EINTR && record != NULL &&
		    (call_row(record->call)->flags & CALL_WAITS) != 0 &&
		    record->call != CALL_FSYNC && record->call != CALL_CLOSE;
	case ACT_HALF:
	case ACT_ONE:
	case ACT_TRICKLE:
	case ACT_INTERRUPT_EACH:
		return true;
	default:
		return false;
	}
}

static int
box_of(const struct lmtp_row *row)
{
	unsigned first = lmtp_first_worker(row->scenario);

	return row->rule.process < first ? -1 :
					   (int)(row->rule.process - first);
}

/* Whether the message of this box was synced before it was published, and the
 * directory after. */
bool
lmtp_is_durable(const struct lmtp_stage *stage, int box)
{
	unsigned count = stage->plan->records;
	const char *new = lmtp_stage_new(stage, box);
	const struct fault_record *published = NULL;
	bool synced_file = false, synced_name = false;

	if (count > LEDGER_RECORDS)
		count = LEDGER_RECORDS;
	for (unsigned i = 0; i < count; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if ((record->call == CALL_RENAMEAT_NEW ||
			record->call == CALL_LINKAT ||
			record->call == CALL_RENAMEAT) &&
		    record->happened &&
		    strncmp(record->other, new, strlen(new)) == 0)
			published = record;
	}
	for (unsigned i = 0; published != NULL && i < count; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		if (record->call != CALL_FSYNC || !record->happened ||
		    record->process != published->process)
			continue;
		if (record < published &&
		    strcmp(record->path, published->path) == 0)
			synced_file = true;
		if (record > published && strcmp(record->path, new) == 0)
			synced_name = true;
	}
	return synced_file && synced_name;
}

/* A worker whose answer is lost on the way has delivered, and the mail comes
 * again: that is a duplicate, never a loss. */
static bool
answer_was_lost(const struct lmtp_stage *stage)
{
	const struct fault_record *record = disturbed(stage);

	if (record == NULL ||
	    (record->call != CALL_WRITE && record->call != CALL_READ))
		return false;
	/* The monitor was sent the pipe. */
	return strcmp(record->path, "(pipe)") == 0 ||
	    strcmp(record->path, "(socketpair)") == 0 ||
	    (stage->scenario->as_root &&
		strcmp(record->path, "(received)") == 0);
}

/* A directory that cannot be synced (EINVAL) has a file system that keeps the
 * order by itself, or cannot be helped. */
static bool
has_no_sync(const struct lmtp_stage *stage)
{
	const struct fault_record *record = disturbed(stage);

	return record != NULL && record->call == CALL_FSYNC &&
	    record->error == EINVAL;
}

/* Who is killed says nothing; who crashes knows what is committed. */
static bool
may_not_know(
    const struct lmtp_stage *stage, const struct lmtp_row *row, int box)
{
	return row->rule.action == ACT_KILL ||
	    (row->rule.action == ACT_CRASH && !lmtp_is_durable(stage, box));
}

/* A file that could not be removed is nobody's fault. */
static bool
could_not_remove(const struct lmtp_stage *stage)
{
	const struct fault_record *record = disturbed(stage);

	return record != NULL && record->call == CALL_UNLINKAT;
}

/* What is wrong with one box, or NULL. */
static const char *
judge_box(const struct lmtp_stage *stage, const struct lmtp_row *row,
    const struct lmtp_outcome *outcome, int box)
{
	int answer = outcome->answer[box];
	bool speaker_was_hit = box_of(row) < 0;
	bool worker_was_killed =
	    box_of(row) == box && may_not_know(stage, row, box);
	bool speaker_crashed = speaker_was_hit && row->rule.action == ACT_CRASH;

	if (outcome->torn[box] > 0)
		return "a message that is not whole is in new/";
	if (outcome->copies[box] > 1)
		return "the message is there twice";
	if (outcome->rcpt[box] / 100 == 5 || answer / 100 == 5)
		return "a permanent answer for trouble of the machine";
	if (answer == 250 && outcome->copies[box] != 1)
		return "250, and the message is not there";
	if (answer == 250 && !lmtp_is_durable(stage, box) &&
	    !has_no_sync(stage))
		return "250, and it would not survive a power cut";
	if (answer != 250 && must_not_matter(stage, &row->rule))
		return "not delivered, for what changes nothing";
	if (answer / 100 == 4 && outcome->copies[box] != 0 &&
	    !worker_was_killed && !speaker_crashed && !answer_was_lost(stage))
		return "4xx, and the message is there";
	if (!outcome->told_354 && outcome->copies[box] != 0)
		return "delivered before there was a message";
	if (!speaker_was_hit && box_of(row) != box && answer != 250)
		return "another recipient's trouble has become his";
	if (!speaker_was_hit && answer == 0)
		return "the connection was lost for one recipient's trouble";
	if (outcome->debris[box] > 0 && !is_killing(&row->rule) &&
	    row->rule.action != ACT_FAIL_ON && !could_not_remove(stage))
		return "something was left in tmp/";
	return NULL;
}

/* By the signal that was sent, or, before signals are put in order, by one
 * that asks to end. */
static bool
has_ended_well(const struct lmtp_row *row, int status)
{
	if (WIFSIGNALED(status))
		return row->rule.process == 0 &&
		    (is_killing(&row->rule) ||
			(is_signal(&row->rule) && row->rule.ordinal < 12));
	return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 75;
}

const char *
lmtp_judge(const struct lmtp_stage *stage, const struct lmtp_row *row,
    const struct lmtp_outcome *outcome)
{
	int status = outcome->wait_status;

	if (outcome->timed_out)
		return "it hangs";
	if (stage->plan->ran_away)
		return "a process goes round in circles";
	if (outcome->bad_reply)
		return "something was said that is no reply";
	if (outcome->unknown / 100 == 2)
		return "the unknown recipient was accepted";
	if (!has_ended_well(row, status))
		return "the exit status is neither 0 nor 75";
	for (int box = 0; box < LMTP_BOXES; box++) {
		const char *complaint = judge_box(stage, row, outcome, box);

		if (complaint != NULL)
			return complaint;
		/* Without memory there is no line, nor in a crash. */
		if (outcome->answer[box] / 100 == 4 &&
		    outcome->log_lines == 0 && row->rule.call != CALL_MAP &&
		    row->rule.action != ACT_CRASH)
			return "not a line in the log";
	}
	return NULL;
}

const char *
lmtp_judge_next(
    const struct lmtp_outcome *before, const struct lmtp_outcome *outcome)
{
	if (outcome->timed_out || outcome->bad_reply)
		return "the next session hangs, or is no LMTP";
	for (int box = 0; box < LMTP_BOXES; box++) {
		if (outcome->answer[box] != 250)
			return "the next session fails";
		if (outcome->torn[box] > 0)
			return "after the next session a message is torn";
		if (outcome->copies[box] != before->copies[box] + 1)
			return "the next session does not add one message";
	}
	return NULL;
}

void
lmtp_print_calls(const struct lmtp_stage *stage)
{
	unsigned count = stage->plan->records;

	for (unsigned i = 0; i < count && i < LEDGER_RECORDS; i++) {
		const struct fault_record *record = &stage->plan->ledger[i];

		(void)printf("  %u.%u %s %s %s = %jd %s\n", record->process,
		    record->ordinal, call_row(record->call)->name, record->path,
		    record->other, record->result, error_name(record->error));
	}
}

void
lmtp_print_row(const struct lmtp_stage *stage, const struct lmtp_row *row,
    const struct lmtp_outcome *outcome, const char *complaint)
{
	(void)printf(
	    "FAULT_ONLY=%s:%u:%u:%s:%s\n    broken: %s\n    wait status "
	    "%d, copies %d %d %d, answers %d %d %d\n    said:\n%s\n",
	    row->scenario->name, row->rule.process, row->rule.ordinal,
	    error_name(row->rule.error), row->mode, complaint,
	    outcome->wait_status, outcome->copies[0], outcome->copies[1],
	    outcome->copies[2], outcome->answer[0], outcome->answer[1],
	    outcome->answer[2], outcome->said);
	if (getenv("FAULT_ONLY") != NULL)
		lmtp_print_calls(stage);
	(void)fflush(stdout);
}

/* Whether FAULT_ONLY, if it is set, names this row. */
bool
lmtp_is_wanted(const struct lmtp_row *row)
{
	const char *only = getenv("FAULT_ONLY");
	char name[128];

	if (only == NULL)
		return true;
	(void)snprintf(name, sizeof(name), "%s:%u:%u:%s:%s",
	    row->scenario->name, row->rule.process, row->rule.ordinal,
	    error_name(row->rule.error), row->mode);
	return strncmp(name, only, strlen(only)) == 0;
}
