/*
 * lmtp_sweep.h - many sessions, each disturbed in one way, shared out to a few
 * workers that have a stage each.
 */
#ifndef FAULT_LMTP_SWEEP_H
#define FAULT_LMTP_SWEEP_H

#include "lmtp_judge.h"

struct lmtp_rows {
	const struct lmtp_scenario *scenario;
	const char *program; /* LMTP_PROGRAM_... */
	const char *setting; /* one more, or NULL */
	unsigned workers;
	size_t count;
	struct lmtp_row row[4096];
};

/* None yet, for three workers. */
void lmtp_rows_begin(struct lmtp_rows *rows,
    const struct lmtp_scenario *scenario, const char *program);

/*
 * The calls of an undisturbed session, *count of them, to be freed; it must
 * deliver to all boxes, durably.  FAULT_TRACE=1 prints them.
 */
struct fault_record *lmtp_rehearse(
    const struct lmtp_rows *rows, unsigned *count);

/* One more, at that call (NULL: at all), unless FAULT_ONLY names others. */
void lmtp_rows_add(struct lmtp_rows *rows, const struct fault_record *at,
    enum fault_action action, int error, const char *mode);

/* Plays, judges and counts them.  After a kill, or a signal that asks to end,
 * comes another session on the same mailboxes. */
void lmtp_rows_play(const struct lmtp_rows *rows);

/* A test program: in each scenario the calls of an undisturbed session are
 * made into rows, and played. */
struct lmtp_sweep {
	const char *name;
	const char *program;
	const char *setting; /* one more, or NULL */
	unsigned workers;    /* 0: three */
	void (*fill)(struct lmtp_rows *rows, const struct fault_record *calls,
	    unsigned count);
};

/* What main returns. */
int lmtp_sweep_main(const struct lmtp_sweep *sweep);

#endif
