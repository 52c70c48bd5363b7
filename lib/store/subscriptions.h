/*
 * subscriptions.h - Dovecot's list of the folders a user wants to see.
 */
#ifndef STORE_SUBSCRIPTIONS_H
#define STORE_SUBSCRIPTIONS_H

#include "store/folder.h"

/*
 * Adds folder to the file called file (usually "subscriptions") in the
 * directory root, whose path is for causes, under its dotlock, in the version
 * that the file has already (2 for a new one).  A folder that is there already
 * is not added again. Waits for the lock for two seconds; what goes wrong is
 * not told, because the mail is delivered.
 */
void subscriptions_add(int root, const char *path, const char *file,
    const struct folder *folder, bool layout_fs, bool utf8);

#endif
