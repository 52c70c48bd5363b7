/*
 * fuzz_mbox_format.c - a message as it stands in an mbox: however it comes in
 * pieces, one mail for whoever reads it, without fields that only mailboxes
 * write, and otherwise the same when the quoting is undone.
 */
#include "fuzz/fuzz.h"
#include "mail/header.h"
#include "store/mbox_format.h"

static int
put(void *context, struct str text)
{
	REQUIRE(text.length > 0);
	buf_add(context, text);
	return 0;
}

static struct str
format(struct str message, size_t size)
{
	struct buf out = fuzz_room(2 * message.length + 8);
	const struct mbox_sink sink = { put, &out };
	struct mbox_format state;

	mbox_format_init(&state, &sink);
	while (message.length > 0) {
		REQUIRE(mbox_format_add(&state, str_head(message, size)) == 0);
		message = str_after(message, size);
	}
	REQUIRE(mbox_format_end(&state) == 0);
	REQUIRE(!out.overflow);
	return buf_str(&out);
}

/* No line begins a mail; one empty line ends it. */
static void
check_frame(struct str text)
{
	struct cursor in = cursor_over(text);

	REQUIRE(str_ends(text, "\n\n") || str_is(text, "\n"));
	while (!cursor_at_end(&in))
		REQUIRE(!str_begins(cursor_until(&in, '\n'), "From "));
}

static bool
is_own_field(struct str name)
{
	static const char *const own[] = { "Status", "X-Status", "X-UID",
		"X-IMAP", "X-IMAPbase", "X-Keywords", "Content-Length" };

	for (size_t i = 0; i < COUNT(own); i++)
		if (str_is_nocase(name, own[i]))
			return true;
	return false;
}

/* As a reader takes the header apart. */
static void
check_header(struct str text)
{
	struct cursor in = cursor_over(text);
	struct header_field field;

	while (header_next(&in, &field))
		REQUIRE(!is_own_field(field.name));
}

/* A ">" less for each line of ">"s and "From ". */
static struct str
unquote(struct str text)
{
	struct cursor in = cursor_over(text);
	struct buf out = fuzz_room(text.length + 1);

	while (!cursor_at_end(&in)) {
		struct str line = cursor_until(&in, '\n');
		struct cursor at = cursor_over(line);

		if (cursor_span(&at, ">").length > 0 &&
		    str_begins(at.rest, "From "))
			line = str_after(line, 1);
		buf_add(&out, line);
		buf_add_octet(&out, '\n');
	}
	return buf_str(&out);
}

/* Without the fields that only mailboxes write, all the rest. */
static struct str
model_of(struct str message)
{
	struct buf out = fuzz_room(message.length + 1);
	struct cursor in = cursor_over(message);
	struct header_field field;

	for (;;) {
		struct str before = in.rest;

		if (!header_next(&in, &field))
			break;
		if (!is_own_field(field.name) &&
		    !str_is_nocase(field.name, "X-Delivery-ID"))
			buf_add(&out,
			    str_head(before, before.length - in.rest.length));
	}
	buf_add(&out, in.rest);
	return buf_str(&out);
}

/* What is a field to the one and none to the other: a name that is nothing, and
 * what follows a fold of nothing; and of endless lines no more than their
 * beginning is judged. */
static bool
has_odd_line(struct str message)
{
	struct cursor in = cursor_over(message);

	if (str_has_octet(" \t", cursor_peek(&in)))
		return true;
	while (!cursor_at_end(&in)) {
		struct str line = cursor_until(&in, '\n');

		if (str_begins(line, ":") || line.length >= MBOX_HELD_OCTETS)
			return true;
	}
	return false;
}

static void
check_rest(struct str message, struct str formatted)
{
	struct str want = model_of(message), got = unquote(formatted);

	if (has_odd_line(message))
		return;
	REQUIRE(fuzz_same(str_head(got, want.length), want));
	REQUIRE(got.length - want.length ==
	    (want.length == 0 || str_ends(want, "\n") ? 1 : 2));
}

static void
one(struct fuzz *fuzz)
{
	size_t size = 1 + fuzz_choose(fuzz, 40);
	struct str message = fuzz_rest(fuzz), whole;
	struct buf body = fuzz_room(message.length + 4);

	whole = format(message, message.length + 1);
	REQUIRE(fuzz_same(whole, format(message, size)));
	REQUIRE(fuzz_same(whole, format(message, 1)));
	check_frame(whole);
	check_header(whole);
	check_rest(message, whole);
	/* Behind an empty line all is body, and kept. */
	buf_add_octet(&body, '\n');
	buf_add(&body, message);
	whole = unquote(format(buf_str(&body), size));
	REQUIRE(str_begins(whole, "\n"));
	REQUIRE(fuzz_same(str_head(whole, body.length), buf_str(&body)));
	REQUIRE(whole.length - body.length ==
	    (str_ends(buf_str(&body), "\n") ? 1 : 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
