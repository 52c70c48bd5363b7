/*
 * fuzz_header.c - the fields of a header, one after the other.
 */
#include "fuzz/fuzz.h"
#include "mail/header.h"

static void
check_field(
    struct fuzz *fuzz, const struct header_field *field, struct str whole)
{
	struct str line, id;

	REQUIRE(fuzz_is_within(field->name, whole));
	REQUIRE(fuzz_is_within(field->value, whole));
	REQUIRE(field->name.length > 0);
	for (size_t i = 0; i < field->name.length; i++)
		REQUIRE(field->name.at[i] > ' ' && field->name.at[i] <= '~' &&
		    field->name.at[i] != ':');
	/* A line of the value that is no fold would be another field. */
	for (size_t i = 0; i + 1 < field->value.length; i++)
		REQUIRE(field->value.at[i] != '\n' ||
		    str_has_octet(" \t", field->value.at[i + 1]));
	line = header_unfold(fuzz->arena, field->value);
	REQUIRE(line.length <= field->value.length);
	REQUIRE(str_index(line, '\n') == STR_NONE);
	REQUIRE(fuzz_same(str_trim(line), line));
	id = header_queue_id(field->value);
	REQUIRE(fuzz_is_within(id, field->value));
	REQUIRE(str_begins(id, "<") ||
	    str_index_any(id, str_from(" \t\r\n;(")) == STR_NONE);
}

/* With what stands behind it left away, a field is the same one. */
static void
check_alone(const struct header_field *field, struct str text)
{
	struct cursor in = cursor_over(fuzz_copy(text));
	struct header_field again;

	REQUIRE(header_next(&in, &again));
	REQUIRE(cursor_at_end(&in));
	REQUIRE(fuzz_same(again.name, field->name));
	REQUIRE(fuzz_same(again.value, field->value));
}

/* Blanks behind the name are none of it (RFC 5322 section 4.5). */
static void
check_blanks(const struct header_field *field)
{
	struct buf text =
	    fuzz_room(field->name.length + field->value.length + 5);
	struct header_field again;
	struct cursor in;

	buf_add(&text, field->name);
	buf_add_string(&text, " \t :");
	buf_add(&text, field->value);
	in = cursor_over(buf_str(&text));
	REQUIRE(header_next(&in, &again) && cursor_at_end(&in));
	REQUIRE(fuzz_same(again.name, field->name));
	REQUIRE(fuzz_same(again.value, field->value));
}

static void
one(struct fuzz *fuzz)
{
	struct str whole = fuzz_rest(fuzz);
	struct cursor in = cursor_over(whole);
	struct header_field field;
	size_t count = 0;

	for (;;) {
		struct cursor before = in;

		if (!header_next(&in, &field)) {
			REQUIRE(in.rest.length == before.rest.length);
			break;
		}
		REQUIRE(in.rest.length < before.rest.length);
		check_field(fuzz, &field, whole);
		if (count++ >= 20)
			continue;
		check_blanks(&field);
		check_alone(&field,
		    str_head(before.rest, before.rest.length - in.rest.length));
	}
	(void)header_queue_id(whole);
	(void)header_unfold(fuzz->arena, whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
