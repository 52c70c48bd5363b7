/*
 * fuzz_dovecot_login.c - answers about a password: "right" only where a whole
 * line says so, whatever is around it and however it is split.
 */
#include "fuzz/fuzz.h"
#include "wire/base64.h"
#include "wire/dovecot_login.h"

static void
check_answer(struct str said)
{
	enum dovecot_login_answer end = dovecot_login_read(said);
	bool has_ok =
	    str_begins(said, "OK\t1\t") || str_begins(said, "OK\t1\n");

	for (size_t length = 0; length < said.length && length < 600;
	     length++) {
		enum dovecot_login_answer answer =
		    dovecot_login_read(str_head(said, length));

		if (answer == DOVECOT_LOGIN_UNFINISHED)
			continue;
		REQUIRE(answer == end);
		break;
	}
	for (size_t i = 0; i + 5 < said.length && !has_ok; i++)
		has_ok = said.at[i] == '\n' &&
		    (str_begins(str_after(said, i + 1), "OK\t1\t") ||
			str_begins(str_after(said, i + 1), "OK\t1\n"));
	REQUIRE(has_ok || end != DOVECOT_LOGIN_RIGHT);
}

/* Nothing in name or password is another field or line of the question. */
static void
check_question(struct str user, struct str password)
{
	struct buf out = fuzz_room(4096), plain = fuzz_room(1100);
	struct str response;

	if (!dovecot_login_ask(&out, 4711, user, password))
		return;
	REQUIRE(str_count(buf_str(&out), '\n') == 3);
	response = buf_str(&out);
	for (size_t i = 0; i < out.length; i++)
		if (str_begins(str_after(buf_str(&out), i), "\tresp=")) {
			response = str_after(buf_str(&out), i + 6);
			break;
		}
	REQUIRE(base64_read(str_head(response, response.length - 1), &plain));
	REQUIRE(plain.length == user.length + password.length + 2);
	REQUIRE(fuzz_same(
	    str_head(str_after(buf_str(&plain), 1), user.length), user));
	REQUIRE(
	    fuzz_same(str_after(buf_str(&plain), user.length + 2), password));
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
