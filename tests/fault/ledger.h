/*
 * ledger.h - what the calls of a delivery that said "delivered" must show.
 */
#ifndef FAULT_LEDGER_H
#define FAULT_LEDGER_H

#include "plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Whether a delivery that ended with these calls and with exit 0 survives a
 * power cut, whatever the file system has put off: a file was synced after
 * its last write and before its name came into a new/; the directory of
 * every name that was made and still exists was synced after that; and there
 * is a message in a new/ at all.  If not, says what is missing.
 */
bool ledger_is_durable(const struct fault_record *records, size_t count,
    char *complaint, size_t size);

/*
 * The same for an mbox at path: synced after its last write, and where it was
 * made its directory synced after that, and the parents of directories that
 * were made for it.
 */
bool ledger_mbox_is_durable(const struct fault_record *records, size_t count,
    const char *path, char *complaint, size_t size);

/* Whether a failed delivery that had written to path has tried to cut it back
 * before it let go of a lock, has not written after that, and has synced it. */
bool ledger_mbox_was_cut_back(const struct fault_record *records, size_t count,
    const char *path, char *complaint, size_t size);

/* Whether a failed delivery has synced what it took back from a new/, and has
 * synced or unmade the directories that it made: the next one would take them
 * for durable. */
bool ledger_is_undone(const struct fault_record *records, size_t count,
    char *complaint, size_t size);

/* Whether all that came into a new/, and what replaced a file of the user's,
 * was synced and closed before, and could not replace another message. */
bool ledger_names_are_whole(const struct fault_record *records, size_t count,
    char *complaint, size_t size);

/* Whether the program, which began as root, has set groups, gid and uid in that
 * order, has looked whether it is so, and has tried to be root again, before it
 * read the message; or, which began with a group, has given it up and looked,
 * before it read a file. */
bool ledger_shows_rights_given_up(const struct fault_record *records,
    size_t count, bool root, char *complaint, size_t size);

/* One call as a line: "37 write /.../tmp/1 = -1 ENOSPC (injected)". */
void ledger_line(const struct fault_record *record, char *line, size_t size);

/* All of them. */
void ledger_print(const struct fault_record *records, size_t count, FILE *to);

#endif
