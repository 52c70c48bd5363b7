/*
 * feeder.h - whether the process that feeds us is still there.
 *
 * When the Postfix process at the other end of our input is killed, its pipe
 * ends like a whole message.  The traces are that somebody has another parent:
 * we, or the shell that Postfix started us through; and, since the kernel
 * closes a dying process's files before it gives its children another parent,
 * that /proc says that it is on its way out.
 *
 * One that was killed before we began leaves no trace but its heir, the first
 * process, which Postfix starts nothing from in a session of its own.
 */
#ifndef BASE_FEEDER_H
#define BASE_FEEDER_H

#include <stdbool.h>
#include <sys/types.h>

struct feeder {
	bool noted;
	bool has_heir; /* it seems to have gone before we began */
	pid_t parent;  /* ours */
	pid_t session; /* pipe(8) and local(8) start each command in its own */
	pid_t leaders_parent; /* of the session's leader; 0: not known */
	/* What /proc says of our parent, that leader and his parent, opened
	 * while they are there; -1: not known, or one of the others. */
	int parent_facts, leader_facts, leaders_parent_facts;
};

/* As early as can be; parent is getppid(2) of even earlier. */
void feeder_note(struct feeder *feeder, pid_t parent);

/* Whether both parents are the same as when they were noted, and not about to
 * end; true where nothing was noted. */
bool feeder_is_there(const struct feeder *feeder);

#endif
