/*
 * sys_again.h - the policy of sys.c and sys_socket.c on interruptions, and
 * nobody else's: sys.h has it in words.
 */
#ifndef BASE_SYS_AGAIN_H
#define BASE_SYS_AGAIN_H

#include "base/stop.h"

#include <errno.h>
#include <stdbool.h>

/* Whether the call that has just failed is to be made again. */
static inline bool
again(void)
{
	if (errno != EINTR)
		return false;
	switch (stop_reason()) {
	case STOP_TIME:
		errno = ETIMEDOUT;
		return false;
	case STOP_SIGNAL:
		errno = ECANCELED;
		return false;
	case STOP_NOT:
		break;
	}
	return true;
}

#endif
