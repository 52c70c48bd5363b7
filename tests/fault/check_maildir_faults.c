/*
 * check_maildir_faults.c - every call of a delivery fails, into a Maildir or
 * an mbox.
 *
 * Each in every way it can, once and from there on, in a delivery of its own.
 */
#include "sweep.h"

int
main(void)
{
	return sweep_main("fault sweep", STAGE_FAULT, sweep_faults);
}
