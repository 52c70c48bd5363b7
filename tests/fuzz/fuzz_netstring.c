/*
 * fuzz_netstring.c - netstrings: what is written is read, what is read is
 * written the same, and a part of one is never taken for a whole.
 */
#include "fuzz/fuzz.h"
#include "wire/netstring.h"

#define MOST 3000

/* Octet by octet: unfinished until it is whole or broken, and then it stays
 * so. */
static void
check_parts(struct str in, enum netstring_state end, size_t used)
{
	struct str text;
	size_t part_used;

	for (size_t length = 0; length < in.length && length < 300; length++) {
		enum netstring_state state = netstring_read(
		    str_head(in, length), MOST, &text, &part_used);

		if (state == NETSTRING_UNFINISHED)
			continue;
		REQUIRE(state == end);
		REQUIRE(state != NETSTRING_WHOLE || used == length);
		return;
	}
}

static void
one(struct fuzz *fuzz)
{
	struct str in = fuzz_rest(fuzz), text = { NULL, 0 }, again;
	struct buf out = fuzz_room(in.length + 30);
	size_t used = 0;
	enum netstring_state state = netstring_read(in, MOST, &text, &used);

	check_parts(in, state, used);
	if (state == NETSTRING_WHOLE) {
		REQUIRE(fuzz_is_within(text, in));
		REQUIRE(used <= in.length && text.length <= MOST);
		netstring_add(&out, text);
		REQUIRE(fuzz_same(buf_str(&out), str_head(in, used)));
	}
	out = fuzz_room(in.length + 30);
	netstring_add(&out, in);
	state = netstring_read(buf_str(&out), in.length, &again, &used);
	REQUIRE(state == NETSTRING_WHOLE && used == out.length);
	REQUIRE(fuzz_same(again, in));
	if (in.length > 0)
		REQUIRE(netstring_read(buf_str(&out), in.length - 1, &again,
			    &used) == NETSTRING_BROKEN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
