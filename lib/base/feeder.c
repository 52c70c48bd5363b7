/*
 * feeder.c - whether the process that feeds us is still there.
 *
 * Source: postfix pipe_command (setsid, then exec or sh -c).
 */
#include "base/feeder.h"

#include "base/process.h"
#include "base/sys.h"

/* Whose children orphans become. */
#define FIRST_PROCESS 1

/* Started without a shell we lead the session ourselves. */
static void
note_leader(struct feeder *feeder)
{
	struct process_facts leader;

	if (feeder->session <= 0 || feeder->session == sys_getpid())
		return;
	feeder->leader_facts = process_open(feeder->session);
	if (feeder->leader_facts < 0 ||
	    !process_read(feeder->leader_facts, &leader))
		return;
	feeder->leaders_parent = leader.parent;
	if (leader.parent > 0 && leader.parent != feeder->parent)
		feeder->leaders_parent_facts =
		    process_open_pages(leader.parent);
}

void
feeder_note(struct feeder *feeder, pid_t parent)
{
	feeder->noted = true;
	feeder->parent = parent;
	feeder->session = sys_getsid();
	feeder->leaders_parent = 0;
	feeder->leader_facts = feeder->leaders_parent_facts = -1;
	note_leader(feeder);
	feeder->has_heir = feeder->leaders_parent == FIRST_PROCESS ||
	    (parent == FIRST_PROCESS && feeder->session == sys_getpid());
	feeder->parent_facts =
	    feeder->session == parent ? -1 : process_open_pages(parent);
}

/* A process gives up its pages before its files, and so before we can have seen
 * the end of its pipe.  What cannot be told (no /proc, or one that hides
 * others' processes) is no reason to refuse mail. */
static bool
is_ending(int fd)
{
	return fd >= 0 && process_has_no_pages(fd);
}

static bool
leader_has_same_parent(const struct feeder *feeder)
{
	struct process_facts leader;

	return feeder->leaders_parent == 0 ||
	    (process_read(feeder->leader_facts, &leader) && !leader.exiting &&
		leader.parent == feeder->leaders_parent);
}

bool
feeder_is_there(const struct feeder *feeder)
{
	return !feeder->noted ||
	    (sys_getppid() == feeder->parent &&
		leader_has_same_parent(feeder) &&
		!is_ending(feeder->leaders_parent_facts) &&
		!is_ending(feeder->parent_facts));
}
