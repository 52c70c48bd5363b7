/*
 * fuzz_base64.c - base64 as AUTH has it: one spelling for each value.
 */
#include "fuzz/fuzz.h"
#include "wire/base64.h"

static void
one(struct fuzz *fuzz)
{
	struct str text = fuzz_rest(fuzz);
	struct buf read = fuzz_room(text.length + 1), again;

	if (base64_read(text, &read)) {
		again = fuzz_room(text.length + 1);
		base64_add(&again, buf_str(&read));
		REQUIRE(fuzz_same(buf_str(&again), text));
		/* In less room than it needs it is not there in part. */
		if (read.length > 0) {
			again = fuzz_room(read.length);
			REQUIRE(!base64_read(text, &again));
		}
	}
	read = fuzz_room((text.length + 2) / 3 * 4 + 1);
	base64_add(&read, text);
	REQUIRE(!read.overflow);
	again = fuzz_room(text.length + 1);
	REQUIRE(base64_read(buf_str(&read), &again));
	REQUIRE(fuzz_same(buf_str(&again), text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
