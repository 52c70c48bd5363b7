/*
 * host.h - a command run as Postfix runs it, and what Postfix makes of it.
 *
 * pipe(8) and local(8) share one runner: the message in a pipe, one
 * non-blocking pipe for both outputs that nobody reads before the message is
 * written, PIPE and XFSZ ignored, umask 077, a session of its own, the queue
 * directory, hardly any environment, no groups but one.  The order in which
 * it looks at what the command did decides whether mail is sent, deferred or
 * bounced, so that order is here too.
 *
 * Source: postfix 3.7 pipe_command.c, local/command.c, dsn_util.c,
 * sys_exits.c.
 */
#ifndef SUPPORT_HOST_H
#define SUPPORT_HOST_H

#include "log_sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define HOST_ARGUMENTS 64
#define HOST_VARIABLES 32
#define HOST_LIMITS 4

/* What pipe_command keeps of the output. */
#define HOST_OUTPUT 4096

enum host_agent {
	HOST_PIPE,  /* pipe(8) */
	HOST_LOCAL, /* local(8): the recipient is in the environment */
	HOST_PERSON /* no Postfix: a shell or cron, without MAIL_CONFIG */
};

enum host_input {
	HOST_OCTETS,    /* a pipe that ends behind them */
	HOST_HELD_OPEN, /* a pipe that never ends */
	HOST_DESCRIPTOR /* whatever descriptor the test has opened */
};

/* What local(8) knows; NULL: the variable is not set. */
struct host_recipient {
	const char *user;
	const char *home;
	const char *extension;
	const char *domain;
	const char *sender;
	const char *original;
};

struct host_command {
	enum host_agent agent;
	struct host_recipient recipient; /* HOST_LOCAL */

	/* The command as a list, executed directly; or, with shell_line, one
	 * line for /bin/sh -c. */
	const char *argv[HOST_ARGUMENTS + 1];
	const char *shell_line;

	uid_t uid;
	gid_t gid;
	const char *directory;                     /* the queue directory */
	const char *variables[HOST_VARIABLES + 1]; /* more, "NAME=value" */

	enum host_input input_kind;
	const char *input;
	size_t input_length;
	int descriptor;

	/* When so many octets of the input have been read by the command, and
	 * before any more are given, meanwhile is called. */
	size_t pause_after;
	void (*meanwhile)(pid_t pid, void *context);
	void *context;

	/* In the child, as the last thing before exec: limits, then closed
	 * (bits of descriptors 0-2), then before_exec. */
	struct {
		int resource;
		rlim_t most;
	} limits[HOST_LIMITS];
	size_t limit_count;
	unsigned closed;
	void (*before_exec)(void *context);

	int patience_ms;      /* Postfix's time limit */
	struct log_sink *log; /* drained meanwhile; may be NULL */
};

enum host_action {
	HOST_SENT,
	HOST_DEFERRED,
	HOST_BOUNCED
};

struct host_outcome {
	int wait_status; /* waitpid(2) */
	bool timed_out;
	int feed_error; /* errno of a write to the command, or 0 */
	char output[HOST_OUTPUT + 1];
	size_t output_length;
	int64_t elapsed_ms;
	enum host_action action;
	char dsn[16];
};

/* A command that runs. */
struct host_run {
	const struct host_command *command;
	pid_t pid;
	int feed_fd;
	int output_fd;
	int64_t started_ms;
	bool timed_out;
	int feed_error;
};

/* pipe(8)'s defaults: no arguments, no input, 10 s of patience. */
void host_command_init(struct host_command *command);

/* Runs the command to its end.  The whole process group is gone then. */
void host_run(const struct host_command *command, struct host_outcome *got);

/* The same in steps: host_feed writes some of the input, host_wait_until_read
 * waits until the command has taken it, host_finish closes the input (unless
 * it is to be held open) and waits for the end. */
void host_start(const struct host_command *command, struct host_run *run);
void host_feed(struct host_run *run, const char *octets, size_t length);
void host_wait_until_read(struct host_run *run);
void host_finish(struct host_run *run, struct host_outcome *got);

/* A server as spawn(8) and inetd start it: socket is its standard input, output
 * and error, and stays the caller's, too. */
pid_t host_spawn(const struct host_command *command, int socket);

/* Fills in action and dsn from the rest, in the order of pipe_command(). */
void host_judge(struct host_outcome *got);

const char *host_action_name(enum host_action action);

/* The exit status, or -1 for a command that died or was killed. */
int host_exit_status(const struct host_outcome *got);

/* What local(8)'s command_expansion_filter leaves of text, in room. */
void host_filter(const char *text, char *room, size_t size);

#endif
