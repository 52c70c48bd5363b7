/*
 * job.h - what a worker is asked to do: deliver one message to one recipient,
 * or find out whether there is such a recipient.
 */
#ifndef SERVE_JOB_H
#define SERVE_JOB_H

#include "deliver/deliver.h"
#include "serve/concurrency.h"
#include "serve/worker.h"

enum job_task {
	JOB_VERIFY = 'v', /* whether he exists */
	JOB_ROOM = 'r',   /* and has room left */
	JOB_DELIVER = 'd'
};

struct job {
	enum job_task task;
	unsigned seconds;        /* until the soft deadline */
	bool by_lmtp;            /* asked by lda-lmtp */
	struct str mailbox;      /* what -d would be */
	struct str path;         /* the address, for the log */
	struct str sender;       /* empty: the null sender */
	struct str original;     /* empty: not told */
	struct str delivered_to; /* what our Delivered-To says, or empty */
	struct str prefix;       /* the header fields in front */
	const struct user *user; /* found already, or NULL */
	/* One of the two, to deliver. */
	const struct message *message; /* its prefix included */
	int spool; /* all but the prefix, read by offset; -1: none */
};

/* Workers that have nothing to do between two messages. */
#define JOB_IDLE_MOST 4

/* Where jobs are done. */
struct job_office {
	struct settings *settings;
	struct log *log;
	struct arena *arena;
	struct arena *scratch; /* for look-ups, given back after each */
	struct concurrency *concurrency; /* NULL: nothing is counted */
	int monitor; /* root's, who forks for us; -1: we fork ourselves */
	struct worker idle[JOB_IDLE_MOST];
	size_t idle_count;
};

/*
 * Does it with the rights of the process, which become the user's where that
 * is root, and answers.
 */
void job_run(
    const struct job *job, struct job_office *office, int speaks) NORETURN;

/*
 * Starts it in a process of its own; worker gets its answer.  Where the arena
 * is shared (arena_share), and the job with all that it points to is in it, a
 * delivery goes to one that has delivered before: what a worker knows is what
 * is in the job, and each has the same rights.
 */
int job_start(struct job_office *office, const struct job *job,
    struct worker *worker, struct status *why) MUST_CHECK;

/* It has answered: if it stays, it is kept for the next job or ends. */
void job_keep(struct job_office *office, struct worker *worker);

/* Starts it and waits for its answer. */
int job_do(struct job_office *office, const struct job *job,
    struct status *why) MUST_CHECK;

#endif
