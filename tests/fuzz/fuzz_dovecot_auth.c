/*
 * fuzz_dovecot_auth.c - answers of Dovecot's userdb: none is taken from half a
 * line, and what our request asks is one line.
 */
#include "fuzz/fuzz.h"
#include "wire/dovecot_auth.h"

static void
check_parts(struct str said, enum dovecot_auth_answer end, struct str fields)
{
	for (size_t length = 0; length < said.length && length < 600;
	     length++) {
		struct str part = { NULL, 0 };
		enum dovecot_auth_answer answer =
		    dovecot_auth_read(str_head(said, length), &part);

		if (answer == DOVECOT_AUTH_UNFINISHED)
			continue;
		REQUIRE(answer == end);
		REQUIRE(answer != DOVECOT_AUTH_USER || fuzz_same(part, fields));
		return;
	}
}

/* As Dovecot escapes a value. */
static struct str
escape(struct str value)
{
	struct buf out = fuzz_room(2 * value.length + 1);

	for (size_t i = 0; i < value.length; i++) {
		const char *at = memchr("\0\001\t\r\n", value.at[i], 5);

		if (at == NULL)
			buf_add_octet(&out, value.at[i]);
		else {
			buf_add_octet(&out, '\001');
			switch (value.at[i]) {
			case '\0':
				buf_add_octet(&out, '0');
				break;
			case '\001':
				buf_add_octet(&out, '1');
				break;
			case '\t':
				buf_add_octet(&out, 't');
				break;
			case '\r':
				buf_add_octet(&out, 'r');
				break;
			default:
				buf_add_octet(&out, 'n');
				break;
			}
		}
	}
	return buf_str(&out);
}

static void
one(struct fuzz *fuzz)
{
	struct str said = fuzz_rest(fuzz), fields = { NULL, 0 };
	enum dovecot_auth_answer answer = dovecot_auth_read(said, &fields);
	struct str escaped = escape(said);

	check_parts(said, answer, fields);
	if (answer == DOVECOT_AUTH_USER) {
		REQUIRE(fuzz_is_within(fields, said));
		REQUIRE(str_index(fields, '\n') == STR_NONE);
	}
	REQUIRE(dovecot_auth_unescape(fuzz->arena, said).length <= said.length);
	REQUIRE(str_index_any(escaped, str_from("\t\r\n")) == STR_NONE);
	REQUIRE(fuzz_same(dovecot_auth_unescape(fuzz->arena, escaped), said));
	if (dovecot_auth_can_ask(said)) {
		struct buf out = fuzz_room(1024);

		dovecot_auth_ask(&out, said);
		REQUIRE(!out.overflow);
		REQUIRE(str_count(buf_str(&out), '\n') == 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
