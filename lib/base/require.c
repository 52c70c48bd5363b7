/*
 * require.c - invariants that hold in production too.
 */
#include "base/require.h"

#include <stdlib.h>

void
require(bool holds)
{
	if (!holds)
		abort();
}
