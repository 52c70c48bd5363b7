/*
 * fuzz_socketmap.c - both sides of the socketmap protocol: a request is one
 * netstring of map and key, a reply is one of five words, and lda-verify
 * answers any request with one of them.
 */
#include "base/log.h"
#include "fuzz/fuzz.h"
#include "serve/verify_server.h"
#include "wire/netstring.h"
#include "wire/socketmap.h"

static void
check_request(struct str name, struct str key)
{
	struct buf out = fuzz_room(name.length + key.length + 40);
	struct str text = { NULL, 0 };
	struct cursor in;
	size_t used;

	socketmap_ask(&out, name, key);
	REQUIRE(netstring_read(buf_str(&out), out.length, &text, &used) ==
	    NETSTRING_WHOLE);
	REQUIRE(used == out.length);
	in = cursor_over(text);
	REQUIRE(str_index(name, ' ') != STR_NONE ||
	    fuzz_same(cursor_until(&in, ' '), name));
	REQUIRE(str_index(name, ' ') != STR_NONE || fuzz_same(in.rest, key));
}

static void
check_reply(struct str text)
{
	enum socketmap_answer answer;
	struct str data;

	if (!socketmap_read(text, &answer, &data))
		return;
	REQUIRE(fuzz_is_within(data, text));
	REQUIRE((answer == SOCKETMAP_OK) ==
	    (str_begins(text, "OK ") || str_is(text, "OK")));
	REQUIRE(
	    (answer == SOCKETMAP_NOT_FOUND) == str_begins(text, "NOTFOUND"));
}

/* Where users are those of a file, an answer is OK, NOTFOUND, TEMP or PERM;
 * OK names somebody whom the file lists. */
static void
check_server(struct fuzz *fuzz, struct str request)
{
	static const char users[] = "bob::5000:5000::/home/bob::\n"
				    "ann@example.com::5000:5000::/home/ann::\n";
	struct settings settings;
	struct status why;
	struct log log;
	struct job_office office = { .settings = &settings,
		.log = &log,
		.arena = fuzz->arena,
		.monitor = -1 };
	struct buf answer = fuzz_room(2048);
	enum socketmap_answer kind;
	struct str data;

	/* The map of quotas starts processes. */
	if (str_begins(request, "quota"))
		return;
	fuzz_enter_directory();
	fuzz_write("users", str_from(users));
	log_init(&log, "fuzz", "log");
	log.fd = -2;
	REQUIRE(settings_init(&settings, fuzz->arena, &why) == 0);
	REQUIRE(
	    config_set(&settings.config, str_from("userdb"),
		str_from("passwd-file:users"), CONFIG_FLAG, "-o", &why) == 0);
	verify_server_answer(&office, request, &answer);
	REQUIRE(!answer.overflow && !str_has_control(buf_str(&answer)));
	REQUIRE(socketmap_read(buf_str(&answer), &kind, &data));
	REQUIRE(kind != SOCKETMAP_OK || str_is(data, "bob") ||
	    str_is(data, "ann@example.com"));
}

static void
one(struct fuzz *fuzz)
{
	struct str name = fuzz_line(fuzz), rest = fuzz_rest(fuzz);

	check_request(name, rest);
	check_reply(rest);
	check_server(fuzz, rest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
