/*
 * process.h - what the system tells of another process.
 *
 * Source: proc(5), /proc/PID/stat and statm.  Without /proc, or where it hides
 * the processes of others, nothing is known.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_facts {
	pid_t parent;
	bool exiting; /* it ends, or has ended and was not waited for */
};

/* A descriptor, the caller's to close, that goes on meaning this process,
 * whoever gets its number later; -1 and errno. */
int process_open(pid_t pid);

/* What such a descriptor tells now.  False: nothing, errno ESRCH if the process
 * has ended and was waited for. */
bool process_read(int fd, struct process_facts *into);

/*
 * Whether it is about to end, or has ended, and nothing else, for a third of
 * the time: a descriptor as above, of another file, and what it tells now.
 */
int process_open_pages(pid_t pid);
bool process_has_no_pages(int fd);

/* When the process that has this number now was started, in seconds of the
 * calendar; 0: not known. */
int64_t process_started(pid_t pid);

#endif
