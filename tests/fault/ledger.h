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

/* One call as a line: "37 write /.../tmp/1 = -1 ENOSPC (injected)". */
void ledger_line(const struct fault_record *record, char *line, size_t size);

/* All of them. */
void ledger_print(const struct fault_record *records, size_t count, FILE *to);

#endif
