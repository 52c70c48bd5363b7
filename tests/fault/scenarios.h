/*
 * scenarios.h - the deliveries that are swept.
 */
#ifndef FAULT_SCENARIOS_H
#define FAULT_SCENARIOS_H

#include "stage.h"

#include <stddef.h>

/* All of them; a row with START_AS_ROOT only if we are root. */
extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* A copy of that name's row; false if there is none. */
bool scenario_find(const char *name, struct scenario *into);

#endif
