/*
 * listener.h - a server's own sockets.
 *
 * unix:PATH[,mode=0660][,user=NAME][,group=NAME] or inet:HOST:PORT, HOST a
 * numeric address; or what systemd hands over.
 */
#ifndef SERVE_LISTENER_H
#define SERVE_LISTENER_H

#include "user/user.h"

/* Of one server. */
#define LISTENERS_MOST 16

struct listeners {
	int fds[LISTENERS_MOST];
	size_t count;
	/* UNIX sockets that we made, to take away at the end. */
	const char *paths[LISTENERS_MOST];
};

/* Adds the socket that spec describes; names are those of passwd and group.
 * A socket left behind by a server that is gone is replaced, one that somebody
 * listens on is not. */
int listeners_add(struct listeners *all, const char *spec,
    const struct user_options *names, struct arena *arena,
    struct status *why) MUST_CHECK;

/* Adds one that was handed over. */
int listeners_adopt(
    struct listeners *all, int fd, struct status *why) MUST_CHECK;

/* Closes them in a process that serves a connection. */
void listeners_close(struct listeners *all);

/* Closes and takes away: the server is at its end. */
void listeners_remove(struct listeners *all);

#endif
