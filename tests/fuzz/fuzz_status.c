/*
 * fuzz_status.c - words of other programs on their way into our answer.
 */
#include "fuzz/fuzz.h"

static void
check_reply(const struct status *why)
{
	struct buf reply = fuzz_room(STATUS_REPLY_OCTETS + 1);

	REQUIRE(strlen(why->cause) < sizeof(why->cause));
	REQUIRE(strlen(why->reply) < sizeof(why->reply));
	status_print_reply(why, &reply);
	REQUIRE(!reply.overflow);
	for (size_t i = 0; i < reply.length; i++)
		REQUIRE(reply.at[i] >= ' ' && reply.at[i] <= '~');
}

/* What a worker says of an outcome is read as that. */
static void
check_said(struct str said)
{
	struct status why, again;
	struct buf reply;

	status_init(&why);
	if (!status_read_reply(said, &why)) {
		REQUIRE(why.id == STATUS_DELIVERED);
		return;
	}
	check_reply(&why);
	reply = fuzz_room(STATUS_REPLY_OCTETS + 1);
	status_print_reply(&why, &reply);
	REQUIRE(status_read_reply(buf_str(&reply), &again));
	REQUIRE(again.id == why.id);
	REQUIRE(status_row(again.id)->exit_code == status_exit_code(&why));
}

static void
one(struct fuzz *fuzz)
{
	struct str code = fuzz_line(fuzz), text = fuzz_rest(fuzz);
	struct cursor in;
	struct status why;

	/* Of a code nothing else comes through (lmtp_reply.c). */
	in = cursor_over(code);
	code = cursor_span(&in, "0123456789.");

	check_said(text);
	status_init(&why);
	status_relay(&why, fuzz_string(code), fuzz_string(text));
	check_reply(&why);
	REQUIRE((why.id == STATUS_SERVER_REFUSES) ==
	    (code.length > 0 && code.at[0] == '5'));
	(void)status_fail(&why, STATUS_TROUBLE, "%s", fuzz_string(text));
	status_context(&why, "%s", fuzz_string(code));
	status_add(&why, "%s", fuzz_string(text));
	status_reply(&why, "%s", fuzz_string(text));
	check_reply(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
