/*
 * stage.h - a small world for one delivery, and the delivery in it.
 *
 * A scenario says how the program is called and what the world looks like
 * before; a stage is such a world in its own scratch directory, with its own
 * plan, so that many can live side by side.  The program is started as
 * Postfix starts it: the message in a pipe, both outputs one non-blocking
 * pipe, PIPE and XFSZ ignored, umask 077, its own session, a directory that
 * is not its own, hardly any environment; as root, with the rights of
 * a user of its own.
 */
#ifndef FAULT_STAGE_H
#define FAULT_STAGE_H

#include "plan.h"
#include "tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#define STAGE_ROOT 64 /* octets of a scratch directory's path */
#define STAGE_USER 16
#define SCENARIO_ARGUMENTS 32

enum scenario_flags {
	WORLD_MAILDIR = 1, /* home and Maildir are there */
	WORLD_WORK = 2,    /* so is its folder .Work */
	WORLD_OLD_TMP = 4, /* old debris in tmp/, a random that reaps */
	START_AS_ROOT = 8,
	START_UNDER_POSTFIX = 16, /* MAIL_CONFIG is set */
	START_FROM_FILE = 32,     /* the message is a file for -p */
	SWEEP_ALL = 64,           /* every errno for good, too; else a choice */
	STORE_MBOX = 128,         /* folder is an mbox file */
	WORLD_OLD_MAIL = 256,     /* it, or the Maildir, holds mail already */
	WORLD_HALF_MAIL = 512,    /* the mbox ends in half a message */
	WORLD_STALE_LOCK = 1024,  /* its dotlock is that of a dead process */
	WORLD_HOME = 2048,        /* home is there */
	WORLD_SIZE = 4096,        /* so is maildirsize */
	WORLD_SIZE_DAMAGED = 8192,
	HAS_QUOTA = 16384,       /* maildirsize is judged */
	SERVE_SOCKETMAP = 32768, /* a server that knows the stage's user */
	SERVE_AUTH = 65536,
	START_SETGID = 131072,      /* by the user, with the spool's group */
	WORLD_SUBSCRIBED = 262144,  /* there is a list of subscriptions */
	SHARES_CALLS = 524288,      /* with a scenario that is swept in full */
	SERVE_LMTP = 1048576,       /* a server that the mail is handed to */
	WORLD_TOUCHED_TMP = 2097152 /* in tmp/ a file old by its mtime alone */
};

/* Whose group the spool has. */
#define SPOOL_GID 60777

struct scenario {
	const char *name;
	unsigned flags;
	size_t message_octets;
	int want_exit; /* of an undisturbed delivery */
	/* Its Maildir or mbox, below the root unless it begins with '@'. */
	const char *folder;
	struct fault_rule weather;
	/* '#' is the stage's root, '@' that of all, '&' its user. */
	const char *arguments[SCENARIO_ARGUMENTS];
};

struct stage {
	char root[STAGE_ROOT];
	char user[STAGE_USER];
	uid_t uid; /* of that user */
	const struct scenario *scenario;
	struct fault_plan *plan;
	int log_fd; /* the log socket's receiving end */
	pid_t pid;
	int feed_fd; /* while the program runs */
	int reply_fd;
	size_t fed;
	pid_t server;      /* 0: none */
	bool limits_files; /* the program has RLIMIT_FSIZE file_limit */
	rlim_t file_limit;
};

struct ending {
	int wait_status; /* waitpid(2) */
	bool timed_out;  /* it was still running; killed by the stage */
	char reply[1024];
	size_t reply_length;
	unsigned log_lines;
	char log[2048]; /* the last */
};

/* At most so many stages at a time, numbered from 0. */
#define STAGES 256

/* The program in build/check that is played: with the seam that injects, and
 * the same asking the system each time that it takes memory. */
#define STAGE_FAULT "lda-fault"
#define STAGE_MEMORY "lda-memory"

/*
 * Once for a test program, before its tests fork: a scratch directory for all
 * stages, and a machine (tests/support/machine.h) that knows their users.
 */
void stages_begin(const char *program);
bool stages_are_short_of_memory(void); /* it is STAGE_MEMORY */
void stages_end(void);

/* Before a scenario is played, and while none is: what is the machine's and
 * not the stage's. */
void stages_prepare(const struct scenario *scenario);

/* The octets of the message of that size, the same every time. */
const char *stage_message(size_t size);

/* Makes the stage of that number with its plan and its world; ends the
 * program if it cannot. */
void stage_set_up(
    struct stage *stage, const struct scenario *scenario, unsigned number);
void stage_tear_down(struct stage *stage);

/* The world as the scenario begins; also forgets plan, ledger and log. */
void stage_reset(struct stage *stage);

/* Starts the program with the plan as it stands.  extra, if not NULL, is one
 * more -o setting. */
void stage_start(struct stage *stage, const char *extra);

/* Waits at most milliseconds more; false: still running. */
bool stage_wait(struct stage *stage, int milliseconds, struct ending *ending);

/* Start, and wait until it ends or has taken far too long. */
void stage_run(struct stage *stage, struct ending *ending);

/* Takes the rule and the ledger off the plan, leaves the world. */
void stage_forget_plan(struct stage *stage);

/* The path of the folder that is meant; lives until the next call. */
const char *stage_folder(const struct stage *stage);

void stage_count(const struct stage *stage, struct tree_count *into);

#endif
