/*
 * master.h - a server that listens itself: a process for each connection, so
 * many and no more.
 */
#ifndef SERVE_MASTER_H
#define SERVE_MASTER_H

#include "base/log.h"
#include "serve/listener.h"

struct master {
	struct listeners *listeners;
	struct log *log;
	unsigned processes_most;
	const char *notify; /* systemd's NOTIFY_SOCKET, or NULL */
	struct arena *arena;
	/* In a process of its own, with the connection as stdin and stdout;
	 * the process ends when it returns. */
	void (*serve)(void *context);
	/* HUP: reads the settings again; says by itself what is wrong. */
	void (*reload)(void *context);
	void *context;
};

/*
 * Accepts until TERM, INT or QUIT; then takes the sockets away, asks the
 * processes to end, each after the transaction that it is in, and returns when
 * they have.
 */
void master_run(struct master *master);

#endif
