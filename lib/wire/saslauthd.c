/*
 * saslauthd.c - the question whether a password is right.
 *
 * Source: Cyrus SASL, saslauthd/LDAP_SASLAUTHD and lib/checkpw.c as
 * documented: each string has its length before it, 16 bits, high octet
 * first; the answer is one such string, "OK ..." or "NO ...".
 */
#include "wire/saslauthd.h"

#include "base/cursor.h"

/* saslauthd's own bound of a string (MAX_REQ_LEN). */
#define STRING_OCTETS 256

static bool
add_counted(struct buf *out, struct str text)
{
	if (text.length > STRING_OCTETS)
		return false;
	buf_add_octet(out, (char)(text.length >> 8));
	buf_add_octet(out, (char)(text.length & 0xff));
	buf_add(out, text);
	return !out->overflow;
}

bool
saslauthd_ask(
    struct buf *out, struct str user, struct str password, struct str service)
{
	return add_counted(out, user) && add_counted(out, password) &&
	    add_counted(out, service) && add_counted(out, str_of(NULL, 0));
}

enum saslauthd_answer
saslauthd_read(struct str said)
{
	struct cursor in = cursor_over(said);
	struct str count = cursor_octets(&in, 2);
	size_t length;

	if (count.length < 2)
		return SASLAUTHD_UNFINISHED;
	length = (size_t)(unsigned char)count.at[0] << 8 |
	    (unsigned char)count.at[1];
	if (length < 2)
		return SASLAUTHD_BROKEN;
	if (in.rest.length < length)
		return SASLAUTHD_UNFINISHED;
	if (str_begins(in.rest, "OK"))
		return SASLAUTHD_RIGHT;
	if (str_begins(in.rest, "NO"))
		return SASLAUTHD_WRONG;
	return SASLAUTHD_BROKEN;
}
