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
	const char *program;    /* for log, usage and version */
	const char *last_words; /* of a crash, in the server's protocol */
	enum server_mode mode;
	const char *trial; /* -t's argument */
	struct startup_chosen chosen;
	struct settings settings;
	struct log log;
	struct arena arena, scratch;
	bool under_postfix; /* MAIL_CONFIG is in the environment */
	int64_t started_us;
};

/*
 * Puts the process in order, reads the command line and the settings.  False:
 * there is nothing to serve (-n, -V, or a mistake, which is in the log and on
 * a terminal), and exit_code says how to end.  The server must live as long
 * as the program.
 */
bool server_start(
    struct server *server, int argc, char *argv[], int *exit_code) MUST_CHECK;

/* What serve/ needs: deliveries by our own rights. */
struct job_office server_office(struct server *server);

/* For a person at a terminal; nothing where stdout is a socket. */
void server_say(struct str text);

/* A failure at start: to the log, and to a terminal. */
int server_fail(struct server *server, const struct status *why);

#endif
