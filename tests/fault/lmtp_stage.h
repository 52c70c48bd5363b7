/*
 * lmtp_stage.h - a small world for one LMTP session, and the session in it.
 *
 * lda-lmtp is started as spawn(8) starts it: stdin, stdout and stderr are one
 * socket, umask 077, PIPE ignored, MAIL_CONFIG set.  The whole session is in
 * the socket before the program reads, up to where a server may be waited for:
 * the test says it line by line.
 */
#ifndef FAULT_LMTP_STAGE_H
#define FAULT_LMTP_STAGE_H

#include "plan.h"

#include <stdbool.h>
#include <stddef.h>

#define LMTP_BOXES 3
#define LMTP_ROOT 64

/* One scenario: to whom, how large, and with which settings. */
struct lmtp_scenario {
	const char *name;
	size_t octets;    /* of the message */
	bool shared;      /* all boxes are to share one file */
	bool has_unknown; /* an unknown recipient comes second */
	struct fault_rule weather;
	const char *settings[6]; /* -o each; NULL ends */
	bool as_root;            /* root forks who speaks and who delivers */
	/* Another message comes before, to another mailbox: the worker of the
	 * first box has delivered already. */
	bool is_second;
};

struct lmtp_stage {
	char root[LMTP_ROOT];
	const struct lmtp_scenario *scenario;
	struct fault_plan *plan;
	int log_fd;
	const char
	    *program; /* in build/check; LMTP_PROGRAM_FAULT unless changed */
	const char *setting; /* one more, or NULL */
};

/* As STAGE_FAULT and STAGE_MEMORY (stage.h). */
#define LMTP_PROGRAM_FAULT "lda-lmtp-fault"
#define LMTP_PROGRAM_MEMORY "lda-lmtp-memory"

/* What a client has heard, and what is there. */
struct lmtp_outcome {
	bool timed_out;
	int wait_status;
	bool told_354;
	int accepted;           /* recipients with 250 at RCPT */
	int rcpt[LMTP_BOXES];   /* code for each box, 0: none */
	int unknown;            /* and for the unknown */
	int answer[LMTP_BOXES]; /* after the final dot, 0: none */
	bool bad_reply;         /* a line that is no reply, or one too many */
	int copies[LMTP_BOXES]; /* whole messages in new/ */
	int torn[LMTP_BOXES];   /* others there */
	int debris[LMTP_BOXES]; /* files in tmp/ */
	int shared_links;       /* names of the first box's file */
	unsigned log_lines;
	char said[4096];
};

/* Once for a test program, before its tests fork: the machine. */
void lmtp_stages_begin(void);
void lmtp_stages_end(void);

/* The sessions that are swept, and where they end. */
extern const struct lmtp_scenario lmtp_scenarios[];
extern const size_t lmtp_scenario_count;

/* Whether whoever runs the test can play it. */
bool lmtp_can_play(const struct lmtp_scenario *scenario);

/* The process that delivers to the first box: those before it are the one who
 * speaks (0) and, where a file beside the mailboxes is looked for, another. */
unsigned lmtp_first_worker(const struct lmtp_scenario *scenario);

/* Whether that is all of the message that was sent, behind headers. */
bool lmtp_is_whole(const char *text, size_t length, size_t octets);

void lmtp_stage_set_up(
    struct lmtp_stage *stage, const struct lmtp_scenario *scenario);
void lmtp_stage_tear_down(struct lmtp_stage *stage);

/* Empty mailboxes, no rule, an empty ledger. */
void lmtp_stage_reset(struct lmtp_stage *stage);

/* The same, and the mailboxes as they are. */
void lmtp_stage_forget(struct lmtp_stage *stage);

/* One session with the plan as it stands. */
void lmtp_stage_run(struct lmtp_stage *stage, struct lmtp_outcome *outcome);

/* The directory new/ of a box; lives until the next call. */
const char *lmtp_stage_new(const struct lmtp_stage *stage, int box);

#endif
