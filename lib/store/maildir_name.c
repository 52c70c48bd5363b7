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

/* Six digits. */
static void
add_micros(struct buf *out, uint64_t micros)
{
	for (uint64_t unit = 100000; unit > 0; unit /= 10)
		buf_add_octet(out, (char)('0' + micros / unit % 10));
}

/* Sixteen digits. */
static void
add_random(struct buf *out, uint64_t bits)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		buf_add_octet(out, "0123456789abcdef"[bits >> shift & 15]);
}

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
	buf_add_number(&name, (uint64_t)(now / 1000000));
	buf_add_string(&name, ".M");
	add_micros(&name, (uint64_t)(now % 1000000));
	buf_add_octet(&name, 'P');
	buf_add_number(&name, (uint64_t)sys_getpid());
	buf_add_octet(&name, 'Q');
	buf_add_number(&name, number);
	buf_add_octet(&name, 'R');
	add_random(&name, into->random);
	buf_add_octet(&name, '.');
	add_host(&name);
}

void
maildir_name_publish(
    struct maildir_name *name, uint64_t size_octets, uint64_t crlf_octets)
{
	struct buf published;

	buf_init(&published, name->in_new, sizeof(name->in_new));
	buf_add_string(&published, name->in_tmp);
	buf_add_string(&published, ",S=");
	buf_add_number(&published, size_octets);
	buf_add_string(&published, ",W=");
	buf_add_number(&published, crlf_octets);
}
