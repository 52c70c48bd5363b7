/*
 * fuzz_mbox_format.c - a message as it stands in an mbox: however it comes in
 * pieces, one mail for whoever reads it, without fields that only mailboxes
 * write, and otherwise the same when the quoting is undone.
 */
#include "fuzz/fuzz.h"
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

static bool
begins_with_blank(const struct cursor *in)
{
	return cursor_peek(in) == ' ' || cursor_peek(in) == '\t';
}

/*
 * The next lines of a header, as a reader takes them that believes anything up
 * to the empty line: one and its folds, and what stands before the ":" of the
 * first, or all of it.  False where the header ends.
 */
static bool
next_lines(struct cursor *in, struct str *lines, struct str *name)
{
	struct cursor rest = *in, line;

	*lines = in->rest;
	line = cursor_over(cursor_until(&rest, '\n'));
	if (str_is_empty(line.rest) || str_is(line.rest, "\r"))
		return false;
	*name = begins_with_blank(in) ? str_of(NULL, 0) :
					str_trim(cursor_until(&line, ':'));
	while (begins_with_blank(&rest))
		(void)cursor_until(&rest, '\n');
	*lines = str_head(*lines, lines->length - rest.rest.length);
	*in = rest;
	return true;
}

static void
check_header(struct str text)
{
	struct cursor in = cursor_over(text);
	struct str lines, name;

	while (next_lines(&in, &lines, &name))
		REQUIRE(!is_own_field(name) || str_begins(lines, "\r"));
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
	struct str lines, name;

	while (next_lines(&in, &lines, &name))
		if ((!is_own_field(name) &&
			!str_is_nocase(name, "X-Delivery-ID")) ||
		    str_begins(lines, "\r"))
			buf_add(&out, lines);
	buf_add(&out, in.rest);
	return buf_str(&out);
}

/* Of an endless line no more than the beginning is judged. */
static bool
has_endless_line(struct str message)
{
	struct cursor in = cursor_over(message);

	while (!cursor_at_end(&in))
		if (cursor_until(&in, '\n').length >= MBOX_HELD_OCTETS)
			return true;
	return false;
}

static void
check_rest(struct str message, struct str formatted)
{
	struct str want = model_of(message), got = unquote(formatted);

	if (has_endless_line(message))
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
