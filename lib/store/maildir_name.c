/*
 * maildir_name.c - names of messages in a Maildir that no two share.
 *
 * Dovecot sorts mail that it sees for the first time by the seconds and the
 * M part, so both stand where it looks for them.
 *
 * Source: D. J. Bernstein, "Using maildir format"; Maildir++; Dovecot.
 */
#include "store/maildir_name.h"

#include "base/sys.h"

#include <inttypes.h>

/* Keeps the whole name below NAME_MAX whatever the machine is called. */
#define HOST_OCTETS 100

static void
add_host(struct buf *out)
{
	char host[256];
	size_t most;

	sys_hostname(host, sizeof(host));
	most = out->length + HOST_OCTETS;
	for (size_t i = 0; host[i] != '\0' && out->length < most; i++) {
		unsigned char c = (unsigned char)host[i];

		if (c <= ' ' || c >= 127 || c == '/' || c == ':' || c == ',')
			buf_print(out, "\\%03o", c);
		else
			buf_add_octet(out, host[i]);
	}
}

void
maildir_name_make(struct maildir_name *into, unsigned number)
{
	int64_t now = sys_now_us();
	struct buf name;

	into->random = sys_random();
	buf_init(&name, into->in_tmp, sizeof(into->in_tmp));
	buf_print(&name, "%" PRId64 ".M%06" PRId64 "P%jdQ%uR%016" PRIx64 ".",
	    now / 1000000, now % 1000000, (intmax_t)sys_getpid(), number,
	    into->random);
	add_host(&name);
}

void
maildir_name_publish(
    struct maildir_name *name, uint64_t size_octets, uint64_t crlf_octets)
{
	struct buf published;

	buf_init(&published, name->in_new, sizeof(name->in_new));
	buf_print(&published, "%s,S=%" PRIu64 ",W=%" PRIu64, name->in_tmp,
	    size_octets, crlf_octets);
}
