/*
 * verify.h - whether there is such a recipient, and whether his mailbox is
 * full: what RCPT and lda-verify ask before there is a message.
 */
#ifndef DELIVER_VERIFY_H
#define DELIVER_VERIFY_H

#include "deliver/deliver.h"

/*
 * Finds the user that a delivery to name would find (resolve.h); for one whom
 * no list knows (static) his name must do for a path, too.  Nothing of his is
 * looked at.  Fails with STATUS_USER_UNKNOWN only where that is sure.
 */
int verify_user(const struct settings *settings, struct str name,
    struct arena *arena, struct user *into, struct status *why) MUST_CHECK;

/*
 * Whether a message of one octet would find room: takes on the user's rights
 * (for good: the process is only good for this) and looks at what maildirsize
 * says.  -1 with STATUS_MAILBOX_FULL or STATUS_MAILBOX_FULL_FOR_GOOD in
 * run->why if it would not, or with what kept it from finding the user; any
 * other trouble is for the delivery to tell.
 */
int verify_room(struct deliver_run *run) MUST_CHECK;

#endif
