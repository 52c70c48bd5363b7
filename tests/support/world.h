/*
 * world.h - all that a test of build/check/lda needs: a machine with a user
 * bob on it, his home, the log, a command, and what became of it.
 *
 *	world_arguments(&world, "-d", "bob", "-f", "<>", NULL);
 *	world_deliver(&world, "Subject: hello\n\n");
 *	expect_sent(&world);
 *	expect_log(&world, "from=<>");
 *
 * In the world's scratch directory: home (bob's, empty), queue (Postfix's,
 * where the command is started), log (the socket).  The machine's lda.conf
 * says "mail_location = maildir:~/Maildir".
 */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include "host.h"
#include "log_sink.h"
#include "machine.h"
#include "maildir_view.h"
#include "scratch.h"
#include "tally.h"

#include <check.h>

struct world {
	struct scratch scratch;
	struct log_sink log;
	struct host_command command;
	struct host_outcome got;
};

/* A mail that nothing has to be done to. */
extern const char world_mail[];

/* For main(): machine and scratch directories; returns the exit status. */
int world_main(Suite *suite);

/* The same for tests that are cases of that kind, each test one unless they
 * count them (tally_add); those that fail are survivors. */
int world_main_tally(Suite *suite, enum tally_kind kind);

/* A fresh world, the command build/check/lda without arguments, as pipe(8)
 * starts it. */
void world_open(struct world *world);
void world_close(struct world *world);

/* The machine's lda.conf. */
void world_config(struct world *world, const char *text);

/* The machine's passwd: root, bob, and these lines. */
void world_passwd(struct world *world, const char *more);

/* One line "name:x:uid:gid::home:/bin/sh"; the account that commands run as,
 * a home below the scratch directory. */
const char *world_passwd_line(
    struct world *world, const char *name, const char *home);

/* Replaces the arguments, up to NULL. */
void world_arguments(struct world *world, ...);

/* Adds one argument, or one environment variable "NAME=value". */
void world_argument(struct world *world, const char *argument);
void world_variable(struct world *world, const char *variable);

/* The command becomes local(8)'s, for bob. */
void world_local(struct world *world);

/* The command as one line for /bin/sh, each argument in single quotes. */
void world_through_shell(struct world *world);

/* Runs the command with this message, or with what the command's input says
 * already. */
void world_deliver(struct world *world, const char *message);
void world_deliver_octets(
    struct world *world, const char *octets, size_t length);
void world_run(struct world *world);

/* For failing assertions: command, outcome and log as text; lives until the
 * next call. */
const char *world_tell(struct world *world);

/* Postfix says sent, the command said nothing. */
void expect_sent(struct world *world);

/* Exit status 75, the reply is one printable line that begins with dsn, and
 * no message is anywhere in the scratch directory. */
void expect_deferred(struct world *world, const char *dsn);

/* The same for 67 and 5.1.1. */
void expect_unknown(struct world *world);

/* The same for any row of the table of outcomes. */
void expect_refused(struct world *world, int status, const char *dsn);

/* expect_deferred for a command that had nowhere to say why. */
void expect_silent_75(struct world *world);

/* One of the above, whichever; a death by signal is none. */
void expect_contract(struct world *world);

/* Some line of the log holds text, or none does. */
void expect_log(struct world *world, const char *text);
void expect_no_log(struct world *world, const char *text);

/* No line of the log holds a control character. */
void expect_printable_log(struct world *world);

/* The only mail in bob's INBOX, ~/Maildir, or in another Maildir of the
 * scratch directory. */
void expect_inbox(struct world *world, const char *message);
void expect_maildir(
    struct world *world, const char *maildir, const char *message);

#endif
