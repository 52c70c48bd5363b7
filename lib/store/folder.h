/*
 * folder.h - names of folders, judged before they touch the file system.
 *
 * A name comes from the recipient's detail, which anybody on the Internet
 * chooses; it must never leave the mail root.
 */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include "base/arena.h"
#include "mail/status.h"

/* Depth of the hierarchy: deeper is flooding, not filing. */
#define FOLDER_LEVELS_MOST 8

struct folder {
	struct str levels[FOLDER_LEVELS_MOST]; /* UTF-8, none: INBOX */
	size_t count;
	struct str
	    text; /* all of them, with the separators that were written */
};

/*
 * Reads a folder's name: levels separated by "/" or ".", an "INBOX/" or
 * "INBOX." in front taken off, alone (in any case of letters) INBOX.
 * Fails (cause only, the caller falls back to INBOX) for what is not UTF-8,
 * holds a control character, begins with "~", has an empty level, or is too
 * deep or too long.
 */
int folder_parse(struct str name, struct arena *arena, struct folder *into,
    struct status *why) MUST_CHECK;

bool folder_is_inbox(const struct folder *folder);

/* "INBOX", or the levels joined by "/": for logs. */
const char *folder_name(const struct folder *folder, struct arena *arena);

/* Adds one level as it stands on disk: modified UTF-7, unless utf8. */
void folder_add_level(struct buf *into, struct str level, bool utf8);

/* Adds a name from the disk with its modified UTF-7 made UTF-8; what is no
 * modified UTF-7 stays as it is. */
void folder_add_decoded(struct buf *into, struct str name);

/*
 * The folder's directory relative to the mail root: ".a.b" (Maildir++) or
 * "a/b" (LAYOUT=fs); each level in modified UTF-7 (RFC 3501 section 5.1.3)
 * unless utf8.  Fails where a component would be longer than 255 octets, or
 * with LAYOUT=fs be one of cur, new, tmp.
 */
int folder_path(const struct folder *folder, bool layout_fs, bool utf8,
    struct arena *arena, const char **into, struct status *why) MUST_CHECK;

#endif
