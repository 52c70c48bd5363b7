/*
 * peer.h - an LMTP server on a stage, which delivers what it takes into a
 * Maildir, so that whoever counts there sees how often it was taken.
 */
#ifndef FAULT_PEER_H
#define FAULT_PEER_H

#include <sys/types.h>

struct peer {
	const char *folder; /* the Maildir; its new/ is there */
	uid_t uid;          /* whose its files are */
	gid_t gid;
};

/*
 * Forks the server, which serves one connection after the other on the socket
 * at path, answers all commands that have come in one write, so that whoever
 * asks makes the same calls every time, and refuses user+Nowhere and nobody.
 * It ends with its parent.  -1 if it cannot.
 */
pid_t peer_serve(const char *path, const struct peer *peer);

/* Waits until it has done with all that it was told. */
void peer_wait(const char *path);

#endif
