/*
 * lmtp_server.h - one LMTP connection from greeting to end.
 */
#ifndef SERVE_LMTP_SERVER_H
#define SERVE_LMTP_SERVER_H

#include "serve/job.h"

struct lmtp_server {
	struct job_office office;
	int in, out;
	/* The client's numeric address; "": a UNIX socket, trusted by its
	 * permissions. */
	const char *peer;
	/* Under spawn(8), which kills after its time limit. */
	bool limited_life;
	int64_t started_us; /* sys_ticks_us() */
};

/* Serves the connection until it ends; nothing that happens on it is a
 * failure of ours. */
void lmtp_server_run(struct lmtp_server *server);

#endif
