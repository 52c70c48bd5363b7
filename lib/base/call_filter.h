/*
 * call_filter.h - the system calls that a process keeps when it gives up all
 * others.
 *
 * Everything that the program asks of the kernel goes through the seam, so
 * the list of what it needs is known, and what is not on it is of use to
 * nobody but an attacker: starting programs, tracing and signalling other
 * processes, mounting, new kernel interfaces with new mistakes.
 */
#ifndef BASE_CALL_FILTER_H
#define BASE_CALL_FILTER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As in <linux/filter.h>, which not every libc's headers come with. */
struct call_filter_step {
	uint16_t code;
	uint8_t if_true, if_false; /* steps to leave out */
	uint32_t value;
};

/* The most that call_filter_make makes. */
#define CALL_FILTER_STEPS 320

enum call_filter_keeps {
	CALL_FILTER_NETWORK = 1, /* sockets beyond this machine's */
	CALL_FILTER_CHILDREN = 2 /* forks, and signals to them */
};

/*
 * A program for seccomp(2) in steps, for the process whose pid is self; its
 * length, or 0 for a machine whose call numbers are not known here.  What is
 * not kept is answered ENOSYS, as by a kernel that is too old for it, so that
 * a libc that prefers something newer falls back on what it had before; what
 * is kept, but not with these arguments, EPERM, or EACCES for a socket.
 */
size_t call_filter_make(
    struct call_filter_step *steps, unsigned keeps, pid_t self);

#endif
