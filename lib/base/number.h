/*
 * number.h - numbers that come from outside.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/str.h"

#include <stdint.h>

/* Reads text, all of it decimal digits, as a number up to most.  Returns
 * false and leaves into alone for anything else: sign, blank, overflow. */
bool number_read(struct str text, uint64_t most, uint64_t *into);

/* Whether used + more stays at or below limit, without overflow. */
bool size_fits(uint64_t used, uint64_t more, uint64_t limit);

#endif
