/*
 * server.h - the command line and the beginning of the two servers, lda-lmtp
 * and lda-verify.
 */
#ifndef LDA_SERVER_H
#define LDA_SERVER_H

#include "serve/job.h"
#include "startup.h"

enum server_mode {
	SERVER_SERVE,
	SERVER_SHOW_SETTINGS, /* -n */
	SERVER_TRIAL,         /* -t */
	SERVER_VERSION        /* -V */
};

struct server {
	const char *program;     /* for log, usage and version */
	const char *flags;       /* of those in server.c, what it has */
	const char *last_words;  /* of a crash, in the server's protocol */
	const char *not_welcome; /* to a client from a wrong network */
	/* Serves the connection on stdin and stdout; peer is its address, ""
	 * for a UNIX socket.  Returns the exit status. */
	int (*serve)(struct server *server, const char *peer);

	enum server_mode mode;
	const char *trial; /* -t's argument */
	struct startup_chosen chosen;
	const char **listen_specs; /* -l, in their order */
	size_t listen_count;
	int handed_over; /* descriptors of systemd's, from 3 on */
	struct log log;
	struct arena arena, scratch;
	/* Two in turn: a reload that fails changes nothing. */
	struct settings *settings; /* in force */
	struct settings both_settings[2];
	struct arena settings_arenas[2];
	bool under_postfix; /* MAIL_CONFIG is in the environment */
	int64_t started_us;
	struct concurrency *concurrency;
};

/*
 * Puts the process in order, reads the command line and the settings.  False:
 * there is nothing to serve (-n, -V, or a mistake, which is in the log and on
 * a terminal), and exit_code says how to end.  The server must live as long
 * as the program.
 */
bool server_start(
    struct server *server, int argc, char *argv[], int *exit_code) MUST_CHECK;

/*
 * Serves: the connection that is stdin and stdout, or, with -l or sockets from
 * systemd, one after the other until it is asked to end.  Returns the exit
 * status.
 */
int server_run(struct server *server);

/* What serve/ needs: jobs done by our own rights. */
struct job_office server_office(struct server *server);

/* For a person at a terminal; nothing where stdout is a socket. */
void server_say(struct str text);

/* A failure at start: to the log, and to a terminal. */
int server_fail(struct server *server, const struct status *why);

/* The same for one that keeps us from serving the client on stdin, who is told
 * the last words. */
int server_turn_away(struct server *server, const struct status *why);

#endif
