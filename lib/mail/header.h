/*
 * header.h - the fields of a message's header, one after the other.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/arena.h"
#include "base/cursor.h"

struct header_field {
	struct str name;  /* before the ":", blanks before that dropped */
	struct str value; /* behind it, as it stands, folds included */
};

/*
 * The next field of a header (RFC 5322 section 2.2, lines ended by "\n").
 * Returns false at the empty line, at the end, and at a line that is no
 * field: what follows it is not trusted to be header.
 */
bool header_next(struct cursor *in, struct header_field *field);

/* The value on one line: folds undone (RFC 5322 section 2.2.3), trimmed. */
struct str header_unfold(struct arena *arena, struct str value);

/*
 * The queue id in the value of a Received field: the word behind "id"
 * (RFC 5321 section 4.4), or an empty slice.
 */
struct str header_queue_id(struct str received);

#endif
