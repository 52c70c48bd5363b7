/*
 * resolve.h - which user a delivery is for, and whether we may be him.
 */
#ifndef DELIVER_RESOLVE_H
#define DELIVER_RESOLVE_H

#include "deliver/request.h"
#include "deliver/settings.h"

/*
 * The recipient: -d; else USER if his uid is ours; else, with no USER, -r or
 * -a; else the name of our uid, but never under Postfix.  Fails with
 * STATUS_USER_UNKNOWN only for -d.
 */
int resolve_recipient(const struct deliver_request *request,
    const struct settings *settings, struct arena *arena, struct user *into,
    struct status *why) MUST_CHECK;

/* The user called name, as -d finds him.  Fails with STATUS_USER_UNKNOWN only
 * where the sources are sure. */
int resolve_name(const struct settings *settings, struct str name,
    struct arena *arena, struct user *into, struct status *why) MUST_CHECK;

/* Puts the user's own settings in force. */
int resolve_settings(struct settings *settings, const struct user *user,
    struct arena *arena, struct status *why) MUST_CHECK;

/*
 * Takes on the user's rights for good when started as root; else checks that
 * we have them.  uid 0, and uids below first_valid_uid, never get mail from
 * root's hands.  As root a spool keeper is started first where the user's
 * mail may be in the spool; its descriptor lands in keeper.
 */
int resolve_privileges(const struct settings *settings, const struct user *user,
    int *keeper, struct arena *arena, struct status *why) MUST_CHECK;

#endif
