/*
 * fuzz_address.c - addresses taken apart and put together again.
 */
#include "fuzz/fuzz.h"
#include "mail/address.h"
#include "wire/lmtp.h"

#define PATH_OCTETS ((size_t)16 * 1024)

/* What our LMTP server takes a path for; empty if it takes none. */
static struct str
mailbox_of(struct fuzz *fuzz, struct str path)
{
	static struct lmtp_session session;
	const struct lmtp_limits limits = { .recipients = 9,
		.commands = 9,
		.free_recipients = 9,
		.bad_commands = 9 };
	struct buf out = fuzz_room(8 * LMTP_REPLY_OCTETS);
	struct buf said = fuzz_room(PATH_OCTETS + 200);
	struct cursor in;

	(void)fuzz;
	lmtp_begin(&session, &limits, "mx", &out);
	buf_add_string(&said, "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:");
	buf_add(&said, path);
	buf_add_string(&said, "\r\n");
	in = cursor_over(buf_str(&said));
	REQUIRE(lmtp_next(&session, &in, &out) == LMTP_MAIL);
	lmtp_accept(&session, &out);
	if (lmtp_next(&session, &in, &out) != LMTP_RECIPIENT)
		return str_of(NULL, 0);
	REQUIRE(cursor_at_end(&in));
	return session.mailbox;
}

/* An address on its way to an LMTP server is the same there. */
static void
check_path(struct fuzz *fuzz, struct str address)
{
	struct buf path = fuzz_room(2 * address.length + 8);
	struct buf before = path;

	if (!address_add_path(&path, address)) {
		REQUIRE(path.length == before.length);
		return;
	}
	REQUIRE(!path.overflow && !str_has_control(buf_str(&path)));
	REQUIRE(str_begins(buf_str(&path), "<"));
	REQUIRE(str_ends(buf_str(&path), ">"));
	REQUIRE(text_is_utf8(buf_str(&path)));
	if (address.length == 0)
		REQUIRE(str_is(buf_str(&path), "<>"));
	else if (path.length < 4000)
		REQUIRE(fuzz_same(mailbox_of(fuzz, buf_str(&path)), address));
}

static void
check_parts(struct str address)
{
	struct str local = address_local(address);
	struct str domain = address_domain(address);

	REQUIRE(fuzz_is_within(local, address));
	REQUIRE(fuzz_is_within(domain, address));
	REQUIRE(local.length + domain.length +
		(address_has_domain(address) ? 1 : 0) ==
	    address.length);
	REQUIRE(str_index(domain, '@') == STR_NONE);
}

static void
check_detail(struct fuzz *fuzz, struct str address, struct str delimiters)
{
	struct str user, detail, again;
	struct str without =
	    address_without_detail(address, delimiters, fuzz->arena);

	if (!address_split_detail(
		address_local(address), delimiters, &user, &detail)) {
		REQUIRE(fuzz_same(without, address));
		return;
	}
	REQUIRE(user.length > 0);
	REQUIRE(str_index_any(user, delimiters) == STR_NONE);
	REQUIRE(
	    user.length + 1 + detail.length == address_local(address).length);
	REQUIRE(fuzz_same(address_local(without), user));
	REQUIRE(fuzz_same(address_domain(without), address_domain(address)));
	if (detail.length == 0)
		return;
	/* Cut off and put on again, it is the same but for which of the
	 * delimiters. */
	again = address_with_detail(address, delimiters, detail, fuzz->arena);
	REQUIRE(again.length == address.length);
	REQUIRE(fuzz_same(str_after(again, user.length + 1),
	    str_after(address, user.length + 1)));
}

static void
one(struct fuzz *fuzz)
{
	struct str delimiters = fuzz_line(fuzz);
	struct str text = fuzz_rest(fuzz);
	struct str address = address_bare(text);
	struct str unquoted = address_unquoted(address, fuzz->arena);

	REQUIRE(fuzz_is_within(address, text));
	REQUIRE(unquoted.length <= address.length);
	REQUIRE(!address_is_null(text) || address.length == 0 ||
	    str_is_nocase(address, "MAILER-DAEMON"));
	check_parts(address);
	check_detail(fuzz, address, delimiters);
	check_path(fuzz, address);
	check_path(fuzz, unquoted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
