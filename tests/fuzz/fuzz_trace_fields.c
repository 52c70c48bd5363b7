/*
 * fuzz_trace_fields.c - the fields that lda puts before a message: whatever
 * the client called itself and its addresses, each is one field.
 */
#include "fuzz/fuzz.h"
#include "mail/header.h"
#include "mail/trace_fields.h"

/* The text is exactly the field called name, and its value holds nothing that
 * could end it. */
static struct str
check_one_field(const struct buf *text, const char *name)
{
	struct cursor in = cursor_over(fuzz_copy(buf_str(text)));
	struct header_field field;

	REQUIRE(!text->overflow);
	REQUIRE(header_next(&in, &field) && cursor_at_end(&in));
	REQUIRE(str_is(field.name, name));
	REQUIRE(str_ends(buf_str(text), "\n"));
	for (size_t i = 0; i + 1 < text->length; i++) {
		unsigned char c = (unsigned char)text->at[i];

		REQUIRE(c >= ' ' || c == '\t' || c == '\n');
		REQUIRE(c != 127);
		REQUIRE(c != '\n' || text->at[i + 1] == '\t');
	}
	return field.value;
}

static void
one(struct fuzz *fuzz)
{
	static const char *const protocols[] = { "LMTP", "LMTPA", "UTF8LMTP" };
	struct trace_fields_hop hop = { .host = "mx.example", .id = "4jWcB" };
	struct buf text;
	struct str address, value;

	hop.protocol = protocols[fuzz_choose(fuzz, COUNT(protocols))];
	hop.when = (time_t)(fuzz_choose(fuzz, 256) << 24);
	hop.client = fuzz_line(fuzz);
	hop.recipient = fuzz_line(fuzz);
	address = fuzz_rest(fuzz);
	text = fuzz_room(8192);
	trace_fields_received(&text, &hop);
	value = check_one_field(&text, "Received");
	/* A path that ends elsewhere is none that a server lets in. */
	if (str_index_any(hop.recipient, str_from("<>\"")) == STR_NONE)
		REQUIRE(str_is(header_queue_id(value), "4jWcB"));
	text = fuzz_room(2048);
	trace_fields_return_path(&text, address);
	value = str_trim(check_one_field(&text, "Return-Path"));
	REQUIRE(str_begins(value, "<") && str_ends(value, ">"));
	text = fuzz_room(2048);
	trace_fields_delivered_to(&text, address);
	value = check_one_field(&text, "Delivered-To");
	if (address.length <= 900 && !str_has_control(address))
		REQUIRE(fuzz_same(str_trim(value), str_trim(address)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
