/*
 * lmtp_talk.h - conversations with lda-lmtp, and a world for them.
 *
 * In the world's scratch directory: users bob@b (home), amy@b (amy), joe@b
 * (joe), all of the account that commands run as.  What lda-lmtp puts on top
 * is Return-Path and Delivered-To; tests of Received ask for it.
 */
#ifndef SUPPORT_LMTP_TALK_H
#define SUPPORT_LMTP_TALK_H

#include "service.h"

/* world_open, and the command is lda-lmtp. */
void lmtp_world(struct world *world);

/* The world's lda.conf: what a world needs, then these lines, which win. */
void lmtp_config(struct world *world, const char *more);

/* The file of users: bob, amy, joe, then these lines. */
void lmtp_users(struct world *world, const char *more);

/* One such line: name@b with a home, and more behind it ("" or
 * "userdb_mail=..."). */
const char *lmtp_users_line(
    struct world *world, const char *name, const char *home, const char *more);

/* A connection up to LHLO. */
void lmtp_open(struct service *service, struct world *world);
void lmtp_greet(struct service *service);

/* MAIL from a@b, and RCPT for each of the addresses up to NULL, all of which
 * are accepted. */
void lmtp_envelope(struct service *service, ...);

/* DATA, and the lines of text, whose line ends are made CRLF, with the dot
 * behind; nothing is heard of what became of it. */
void lmtp_data(struct service *service, const char *text);

/* QUIT, and the server ends well. */
void lmtp_quit(struct service *service);

/* The only message in the Maildir is text with these fields on top. */
void expect_copy(struct world *world, const char *maildir, const char *fields,
    const char *text);

/* No message is anywhere. */
void expect_nothing(struct world *world);

/* A field of /proc/PID/status ("VmHWM:"), and the children of a process. */
const char *process_fact(pid_t pid, const char *name);
size_t process_children(pid_t pid, pid_t *children, size_t most);

#endif
