/*
 * fuzz_saslauthd.c - saslauthd's answer and our question to it.
 */
#include "fuzz/fuzz.h"
#include "wire/saslauthd.h"

static void
check_answer(struct str said)
{
	enum saslauthd_answer end = saslauthd_read(said);

	for (size_t length = 0; length < said.length && length < 600;
	     length++) {
		enum saslauthd_answer answer =
		    saslauthd_read(str_head(said, length));

		if (answer == SASLAUTHD_UNFINISHED)
			continue;
		REQUIRE(answer == end);
		break;
	}
	REQUIRE(end != SASLAUTHD_RIGHT || str_begins(str_after(said, 2), "OK"));
}

/* Four strings, each with its length before it, and nothing behind. */
static void
check_question(struct str user, struct str password)
{
	struct buf out = fuzz_room(2048);
	const struct str want[] = { user, password, str_from("lmtp"),
		str_of(NULL, 0) };
	struct cursor in;

	if (!saslauthd_ask(&out, user, password, str_from("lmtp"))) {
		REQUIRE(user.length > 256 || password.length > 256);
		return;
	}
	in = cursor_over(buf_str(&out));
	for (size_t i = 0; i < COUNT(want); i++) {
		struct str length = cursor_octets(&in, 2);

		REQUIRE(length.length == 2);
		REQUIRE(fuzz_same(cursor_octets(&in,
				      (size_t)(unsigned char)length.at[0] << 8 |
					  (unsigned char)length.at[1]),
		    want[i]));
	}
	REQUIRE(cursor_at_end(&in));
}

static void
one(struct fuzz *fuzz)
{
	struct str user = fuzz_line(fuzz), rest = fuzz_rest(fuzz);

	check_answer(rest);
	check_question(user, rest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
