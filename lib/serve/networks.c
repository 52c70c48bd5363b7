/*
 * networks.c - which addresses may connect.
 */
#include "serve/networks.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <string.h>

#define OCTETS_MOST 16
#define TEXT_OCTETS 64

/* An address and how many of its bits count. */
struct network {
	unsigned char octets[OCTETS_MOST];
	size_t length; /* 4 or 16 */
	unsigned bits;
};

/* ::ffff:a.b.c.d is a.b.c.d. */
static void
unmap_four(struct network *network)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff };

	if (network->length != OCTETS_MOST || network->bits < 96 ||
	    memcmp(network->octets, mapped, sizeof(mapped)) != 0)
		return;
	memmove(network->octets, network->octets + sizeof(mapped), 4);
	network->length = 4;
	network->bits -= 96;
}

static bool
read_address(struct str text, struct network *into)
{
	char room[TEXT_OCTETS];
	struct buf copy;

	if (text.length > 2 && text.at[0] == '[' &&
	    text.at[text.length - 1] == ']')
		text = str_head(str_after(text, 1), text.length - 2);
	buf_init(&copy, room, sizeof(room));
	buf_add(&copy, text);
	if (copy.overflow || str_index(text, '\0') != STR_NONE)
		return false;
	memset(into, 0, sizeof(*into));
	if (inet_pton(AF_INET, room, into->octets) == 1)
		into->length = 4;
	else if (inet_pton(AF_INET6, room, into->octets) == 1)
		into->length = OCTETS_MOST;
	else
		return false;
	into->bits = (unsigned)into->length * 8;
	return true;
}

static bool
read_network(struct str word, struct network *into)
{
	struct cursor in = cursor_over(word);
	struct str address = cursor_until(&in, '/');
	uint64_t bits;

	if (!read_address(address, into))
		return false;
	if (address.length < word.length) {
		if (!number_read(in.rest, into->bits, &bits))
			return false;
		into->bits = (unsigned)bits;
	}
	unmap_four(into);
	return true;
}

int
networks_check(const struct setting_list *list, struct status *why)
{
	struct network network;

	for (size_t i = 0; i < list->count; i++)
		if (!read_network(list->words[i], &network))
			return status_fail(why, STATUS_MISCONFIGURED,
			    "\"%.*s\" is no network (127.0.0.0/8, "
			    "[2001:db8::]/32)",
			    (int)list->words[i].length, list->words[i].at);
	return 0;
}

static bool
is_in(const struct network *inner, const struct network *outer)
{
	unsigned whole = outer->bits / 8, rest = outer->bits % 8;
	unsigned mask = 0xffU << (8 - rest) & 0xffU;

	if (inner->length != outer->length ||
	    memcmp(inner->octets, outer->octets, whole) != 0)
		return false;
	return rest == 0 ||
	    (inner->octets[whole] & mask) == (outer->octets[whole] & mask);
}

bool
networks_contain(const struct setting_list *list, struct str address)
{
	struct network peer, network;

	if (!read_network(address, &peer))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (read_network(list->words[i], &network) &&
		    is_in(&peer, &network))
			return true;
	return false;
}
