/*
 * address.h - envelope addresses: their parts, and the null sender.
 *
 * What arrives here has passed a mail system, but is not trusted to be an
 * address: anything is taken apart somehow and nothing ever fails.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/buf.h"

/* "<a@b>" without its brackets; anything else unchanged, trimmed. */
struct str address_bare(struct str text);

/*
 * Whether text is one of the spellings of the null sender: nothing, "<>", or
 * MAILER-DAEMON without a domain, in any case (postfix pipe(8) null_sender).
 */
bool address_is_null(struct str text);

/* What stands before and behind the last "@"; no "@" gives an empty domain. */
struct str address_local(struct str address);
struct str address_domain(struct str address);
bool address_has_domain(struct str address);

/*
 * Cuts the detail off a local part: what follows the leftmost octet that is
 * in delimiters.  Answers false, and leaves both alone, where there is none:
 * a local part that begins with the delimiter is not split, nor are
 * owner-list and list-request for the delimiter "-" (postfix
 * recipient_delimiter).  "user+" has an empty detail.
 */
bool address_split_detail(struct str local, struct str delimiters,
    struct str *user, struct str *detail);

/* The address without its detail, in the arena; address itself if there is
 * none. */
struct str address_without_detail(
    struct str address, struct str delimiters, struct arena *arena);

/* The address with detail in the place of its own, in the arena: behind the
 * first of delimiters.  Without delimiters or detail there is none. */
struct str address_with_detail(struct str address, struct str delimiters,
    struct str detail, struct arena *arena);

/* What the address means: quotes and backslashes of a local part that is a
 * quoted string are undone, in the arena; any other stays as it is. */
struct str address_unquoted(struct str address, struct arena *arena);

/*
 * Adds the address as a path ("<bob@d>", "<\"b ob\"@d>"; nothing is "<>"), the
 * local part, as address_unquoted gives it, quoted where it needs that.  False,
 * and out as it was, where no path means this address: it has control
 * characters, is not UTF-8, or has no local part or no domain behind its "@".
 */
bool address_add_path(struct buf *out, struct str address);

#endif
