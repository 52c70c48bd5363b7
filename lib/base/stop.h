/*
 * stop.h - when the program must give up, and what it says if it crashes.
 *
 * Postfix bounces mail whose command runs longer than its time limit
 * (1000 s), and a shell between Postfix and us turns a crash into an exit
 * status that bounces.  So: a soft deadline that makes every waiting call
 * fail while there is time to undo, a hard one behind it, and last words for
 * a crash.  These signal flags are the only globals of the program.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include "base/attribute.h"

#include <stdbool.h>

/* Why sys_ calls have begun to fail; 0 is "go on". */
enum stop_reason {
	STOP_NOT = 0,
	STOP_TIME,  /* the soft deadline has passed */
	STOP_SIGNAL /* TERM, HUP, INT or QUIT asked us to end */
};

/* What a crash handler does: write words to fd, then _exit(exit_code); once
 * stop_committed() was called it writes done instead, and does _exit(0). */
struct stop_words {
	int fd;
	const char *words;
	int exit_code;
	const char *done; /* NULL: nothing */
};

/*
 * Puts signals in order, whatever the caller left: all are unblocked; PIPE and
 * XFSZ ignored (write(2) answers EPIPE and EFBIG); TERM, HUP, INT, QUIT and
 * XCPU ask for an orderly end; SEGV, BUS, ILL, FPE, ABRT speak the last words,
 * on a stack of their own.  The string in words must live on.
 */
void stop_prepare_signals(struct stop_words words);

/* Other last words: a server's child answers somebody else.  What was
 * committed before is forgotten. */
void stop_set_words(struct stop_words words);

/* Speaks the last words and ends the process: for when memory is out. */
void stop_now(void) NORETURN;

/*
 * Starts the soft deadline, soft_seconds from now and then every second
 * again (a single alarm could fall between a check and a call), and the hard
 * one hard_seconds later: SIGKILL.  A process that sleeps in NFS or FUSE
 * wakes only for a signal that kills, and while the soft deadline's signal is
 * pending Linux takes no other for deadly, SIGALRM included (tried).  A second
 * call replaces the first.
 */
void stop_deadline(unsigned soft_seconds, unsigned hard_seconds);

/* The reason to stop, or STOP_NOT.  A long loop asks once a round. */
enum stop_reason stop_reason(void);

/* The point of no return: from here on a signal or crash is success. */
void stop_committed(void);

/*
 * In a server: TERM, INT and QUIT only ask it to end when it has finished what
 * it is at, and HUP to read its settings again; no call fails for them.  The
 * end of a child interrupts a wait.
 */
void stop_when_asked(void);
bool stop_is_asked(void);
bool stop_take_reload(void); /* true once for each HUP */
/* Whether one of the two would say so now. */
bool stop_has_news(void);

/*
 * Between these two the signals above, and the end of a child, have to wait:
 * the server looks at what they change and then waits with sys_poll_once,
 * which lets them in, so that none falls between the look and the wait.  No
 * process is to be started in between: it would not hear them.
 */
void stop_hold(void);
void stop_let_in(void);

/* From here on TERM and its like are ignored, the deadlines stay: for the
 * moment in which ending would undo nothing any more.  One that came before is
 * still the reason to stop. */
void stop_ignore_endings(void);

/* In a process that has to clean up after another: TERM and its like are
 * ignored, and there is no deadline but the other's end. */
void stop_keep_on(void);

/* In a child, before it runs something else: default signals, no timers. */
void stop_restore_signals(void);

#endif
