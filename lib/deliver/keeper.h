/*
 * keeper.h - starting the spool keeper (store/spool_keeper.h), for the two
 * ways of being started that have the spool's group to give.
 */
#ifndef DELIVER_KEEPER_H
#define DELIVER_KEEPER_H

#include "deliver/settings.h"
#include "user/user.h"

/*
 * Started set-group-ID: forks a keeper for the real uid's mailbox and gives
 * up the group in this process for good.  The keeper finds out by itself what
 * it keeps, from the passwd entry of the real uid and from the compiled-in
 * configuration file, which must be root's and not writable by others.
 * Called before an argument is looked at.  keeper is the descriptor to ask.
 */
int keeper_for_caller(int *keeper, struct status *why) MUST_CHECK;

/*
 * As root, before it becomes the user: forks a keeper that is the user with
 * the spool directory's group, where his mail may be in the spool; else
 * keeper is left alone.
 */
int keeper_for_user(const struct settings *settings, const struct user *user,
    int *keeper, struct arena *arena, struct status *why) MUST_CHECK;

#endif
