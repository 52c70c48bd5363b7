/*
 * verify_server.h - one socketmap connection: Postfix asks whether a recipient
 * exists.
 */
#ifndef SERVE_VERIFY_SERVER_H
#define SERVE_VERIFY_SERVER_H

#include "serve/job.h"

struct verify_server {
	struct job_office office;
	int in, out;
	bool limited_life;  /* under spawn(8), which kills after its time */
	int64_t started_us; /* sys_ticks_us() */
};

/* Serves the connection until it ends. */
void verify_server_run(struct verify_server *server);

/* The answer to one request ("rcpt bob@example.com"), without the netstring
 * round it: "OK bob@example.com", "NOTFOUND ", "TEMP ...", "PERM ...". */
void verify_server_answer(
    struct job_office *office, struct str request, struct buf *answer);

#endif
