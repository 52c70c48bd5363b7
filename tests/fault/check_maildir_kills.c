/*
 * check_maildir_kills.c - a delivery, into a Maildir or an mbox, is killed
 * before each of its calls, or in the middle of a write.
 *
 * Or is asked to end.  The next delivery finds nothing but whole messages.
 */
#include "sweep.h"

int
main(void)
{
	return sweep_main("kill sweep", STAGE_FAULT, sweep_kills);
}
