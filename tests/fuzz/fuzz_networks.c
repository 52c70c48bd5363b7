/*
 * fuzz_networks.c - which addresses may connect: what is let in has the bits
 * that the list asks for.
 */
#include "fuzz/fuzz.h"
#include "serve/networks.h"

#include <arpa/inet.h>

/* The 16 octets of an address, an IPv4 one as IPv6 writes it. */
static bool
octets_of(struct str text, unsigned char octets[16], bool *four)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char room[64];
	struct buf copy;

	if (str_begins(text, "[") && str_ends(text, "]") && text.length > 2)
		text = str_head(str_after(text, 1), text.length - 2);
	buf_init(&copy, room, sizeof(room));
	buf_add(&copy, text);
	if (copy.overflow)
		return false;
	memcpy(octets, mapped, sizeof(mapped));
	*four = inet_pton(AF_INET, room, octets + 12) == 1;
	if (*four)
		return true;
	return inet_pton(AF_INET6, room, octets) == 1;
}

static bool
is_in(const unsigned char *peer, const unsigned char *net, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if (((peer[i / 8] ^ net[i / 8]) & 0x80 >> i % 8) != 0)
			return false;
	return true;
}

static bool
is_mapped(const unsigned char *octets)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(octets, mapped, sizeof(mapped)) == 0;
}

/* The same question, answered by bits. */
static bool
model_of(const unsigned char *peer, struct str word)
{
	unsigned char net[16];
	struct cursor in = cursor_over(word);
	struct str address = cursor_until(&in, '/');
	unsigned bits = 128;
	bool four;

	if (!octets_of(address, net, &four))
		return false;
	if (address.length < word.length)
		bits = (unsigned)strtoul(fuzz_string(in.rest), NULL, 10) +
		    (four ? 96 : 0);
	/* A network of IPv6 that is wider than all of IPv4 is not IPv4's. */
	if (is_mapped(peer) && (!is_mapped(net) || bits < 96))
		return false;
	return is_in(peer, net, bits);
}

static void
one(struct fuzz *fuzz)
{
	struct str address = fuzz_line(fuzz), words = fuzz_rest(fuzz);
	struct setting_list list = setting_split(words, fuzz->arena);
	unsigned char peer[16];
	struct status why;
	bool four, found, want = false;
	int rc;

	found = networks_contain(&list, address);
	rc = networks_check(&list, &why);
	fuzz_check_status(rc, &why);
	if (!octets_of(address, peer, &four)) {
		REQUIRE(!found || str_index(address, '/') != STR_NONE);
		return;
	}
	if (rc < 0 || str_index(address, '\0') != STR_NONE)
		return;
	for (size_t i = 0; i < list.count; i++)
		want = want || model_of(peer, list.words[i]);
	REQUIRE(found == want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
