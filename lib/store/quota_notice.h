/*
 * quota_notice.h - telling a user that his mailbox is nearly full.
 */
#ifndef STORE_QUOTA_NOTICE_H
#define STORE_QUOTA_NOTICE_H

#include "store/quota.h"

/*
 * After a message of octets was added to what was used: where that crossed
 * the percentage of the setting (quota_warning), and no notice was given in
 * the last 24 hours, puts the message file into the INBOX of the mail root,
 * or runs the command with the user's rights.  What goes wrong here concerns
 * nobody: the mail is delivered.  Returns the octets of the message that was
 * put there, which count like any other's; 0 for none.
 */
uint64_t quota_notice(const char *setting, int root,
    const struct quota_amount *limit, const struct quota_amount *used,
    uint64_t octets);

#endif
