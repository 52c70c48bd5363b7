/*
 * inject.h - what happens to a call of the seam, as the plan says.
 *
 * kernel_fault*.c stand for base/kernel.h in a program that is linked a second
 * time for the sweeps.  Each of their calls begins a line of the ledger, asks
 * whether it is refused, makes the real call, and ends the line with the
 * answer:
 *
 *	record = inject_begin(CALL_FSYNC, fd);
 *	if (inject_refused(record))
 *		return -1;
 *	return (int)inject_end(record, real_fsync(fd));
 *
 * A process without LDA_FAULT_PLAN in its environment has no plan, and behaves
 * like the product.
 */
#ifndef FAULT_INJECT_H
#define FAULT_INJECT_H

#include "plan.h"

#include <stddef.h>

/* NULL: pass through. */
extern struct fault_plan *inject_plan;

/* A new line of the ledger: this process now makes this call, of an open file,
 * of a name, or to give a file a second or a new name. */
struct fault_record *inject_begin(enum fault_call call, int fd);
struct fault_record *inject_begin_name(
    enum fault_call call, int dir, const char *path);
struct fault_record *inject_begin_two(enum fault_call call, int from_dir,
    const char *from, int to_dir, const char *to);

/* The new name, where inject_begin_two was not told it. */
void inject_names(struct fault_record *record, int dir, const char *path);

/* Whether the call is not to be made but answered -1 (ACT_PRETEND: 0), errno
 * set.  The record must already say all that is known before the call. */
bool inject_refused(struct fault_record *record);

/* The answer, for the ledger and for the caller; errno as the call left it. */
intmax_t inject_end(struct fault_record *record, intmax_t result);

/* How much of size a read or write may move. */
size_t inject_allowed(struct fault_record *record, size_t size);

/* Whether a write that came short is the last thing the process does. */
bool inject_tears(void);

/* Which file it is: names change, and a descriptor goes to other processes. */
void inject_identify(struct fault_record *record, int fd);

/* What was written, and where. */
void inject_keep_octets(struct fault_record *record, const void *from);

/* The names under which descriptors stand in the ledger. */
void inject_remember(int fd, const char *path, int flags);
void inject_remember_copy(int from, int to);
void inject_forget(int fd);
void inject_forget_from(int first);

/* Whether the parent is to look as if it were gone; whether the next change of
 * ids keeps the saved one. */
bool inject_orphans(void);
bool inject_keeps_saved_id(void);

/* The number of the process that a fork makes, taken before it; the child says
 * that it is this one. */
unsigned inject_next_process(void);
void inject_become(unsigned child);

/* To this process; errno is kept. */
void inject_signal(int signal_number);

#endif
