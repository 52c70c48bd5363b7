/*
 * sources.h - a stage's user as databases and servers know him.
 */
#ifndef FAULT_SOURCES_H
#define FAULT_SOURCES_H

#include <stddef.h>
#include <sys/types.h>

struct source_user {
	const char *name;
	uid_t uid;
	gid_t gid;
	const char *home;
};

/* Writes a cdb of that one user to path; 0, or -1 with errno. */
int source_write_cdb(const char *path, const struct source_user *user);

enum source_protocol {
	SOURCE_SOCKETMAP,
	SOURCE_DOVECOT_AUTH
};

/*
 * Forks a server that answers every question on the socket at path with that
 * user, all at once and in one write, so that whoever asks makes the same
 * calls every time.  It ends with its parent.  -1 if it cannot.
 */
pid_t source_serve(const char *path, enum source_protocol protocol,
    const struct source_user *user);

#endif
