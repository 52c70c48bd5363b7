/*
 * fuzz_message.c - a message received whole, octet by octet, from a file and
 * through a spool: the same octets, sizes and facts each time, and those that
 * a slow model of message.h gives.
 */
#include "fuzz/fuzz.h"
#include "mail/from_line.h"
#include "mail/message.h"

#include <fcntl.h>
#include <unistd.h>

/* So that a message that outgrows its memory costs no long input. */
#define REPEATS 60000

struct got {
	struct message message;
	struct str text;
	int rc;
	struct status why;
};

static int
open_spool(void *context, struct status *why)
{
	int *fd = context;

	*fd = open("spool", O_RDWR | O_CREAT | O_TRUNC, 0600);
	return *fd >= 0 ? *fd : status_fail_errno(why, "create", "spool");
}

/* What was put on the way in: all in one piece, or pieces of size octets; 0
 * reads it from a descriptor. */
static void
receive(struct fuzz *fuzz, const struct message_source *from, struct str given,
    size_t size, struct got *got)
{
	int spool_fd = -1;
	const struct message_spool spool = { open_spool, &spool_fd, "spool" };
	const struct message_limit limit = {
		.octets = 200000, .id = STATUS_MESSAGE_TOO_BIG, .name = "limit"
	};
	struct message_intake intake;

	got->rc = 0;
	status_init(&got->why);
	if (size == 0) {
		got->rc = message_receive(&got->message, from, &limit, 1,
		    &spool, fuzz->arena, &got->why);
	} else {
		message_begin(&intake, &got->message, from, &limit, 1, &spool,
		    fuzz->arena);
		while (given.length > 0 && got->rc == 0) {
			got->rc = message_add(
			    &intake, str_head(given, size), &got->why);
			given = str_after(given, size);
		}
		if (got->rc == 0)
			got->rc = message_end(&intake, &got->why);
	}
	if (got->rc == 0 && got->message.file >= 0) {
		got->text = fuzz_read("spool");
	} else if (got->rc == 0) {
		struct buf all = fuzz_room(got->message.prefix.length +
		    got->message.memory.length + 1);

		buf_add(&all, got->message.prefix);
		buf_add(&all, got->message.memory);
		got->text = buf_str(&all);
	}
	if (spool_fd >= 0)
		close(spool_fd);
}

/* CRLF is LF; one From_ line is off. */
static struct str
model_of(struct str given, const struct message_source *from)
{
	struct buf out = fuzz_room(given.length + 1);
	struct str text;

	for (size_t i = 0; i < given.length; i++)
		if (given.at[i] != '\r' || i + 1 == given.length ||
		    given.at[i + 1] != '\n')
			buf_add_octet(&out, given.at[i]);
	text = buf_str(&out);
	/* Only what is in memory when the head is looked at counts. */
	if (from->strip_from_line &&
	    from_line_starts(str_head(text, MESSAGE_MEMORY_OCTETS)))
		text = str_after(text, str_index(text, '\n') + 1);
	return text;
}

static uint64_t
crlf_octets(struct str text)
{
	uint64_t count = text.length;

	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] == '\n' && (i == 0 || text.at[i - 1] != '\r'))
			count++;
	return count;
}

static void
check_same(const struct got *a, const struct got *b)
{
	REQUIRE(a->rc == b->rc && a->why.id == b->why.id);
	if (a->rc < 0)
		return;
	REQUIRE(fuzz_same(a->text, b->text));
	REQUIRE(a->message.size_octets == b->message.size_octets);
	REQUIRE(a->message.crlf_octets == b->message.crlf_octets);
	REQUIRE(a->message.facts.hops == b->message.facts.hops);
	REQUIRE(
	    fuzz_same(a->message.facts.from_line, b->message.facts.from_line));
	REQUIRE(fuzz_same(
	    a->message.facts.message_id, b->message.facts.message_id));
	REQUIRE(
	    fuzz_same(a->message.facts.queue_id, b->message.facts.queue_id));
	REQUIRE(fuzz_same(
	    a->message.facts.return_path, b->message.facts.return_path));
	REQUIRE(a->message.facts.delivered_count ==
	    b->message.facts.delivered_count);
}

static void
check_facts(const struct message_facts *facts)
{
	struct str all[] = { facts->from_line, facts->return_path,
		facts->original_to, facts->delivered_to, facts->message_id,
		facts->subject, facts->from, facts->queue_id };

	for (size_t i = 0; i < COUNT(all); i++)
		REQUIRE(str_index(all[i], '\n') == STR_NONE);
	REQUIRE(facts->delivered_count <= MESSAGE_DELIVERED_MOST);
	for (size_t i = 0; i < facts->delivered_count; i++)
		REQUIRE(str_index(facts->delivered[i], '\n') == STR_NONE);
}

/* A long message: the given one, its last line as often as asked. */
static struct str
grow(struct str given, bool long_one)
{
	struct buf all;
	size_t last;

	if (!long_one || given.length == 0)
		return given;
	last = str_last(str_head(given, given.length - 1), '\n');
	last = last == STR_NONE ? 0 : last + 1;
	if (given.length - last > 64)
		last = given.length - 64;
	all = fuzz_room(given.length + REPEATS * 3 + 65);
	buf_add(&all, given);
	while (!all.overflow)
		buf_add(&all, str_after(given, last));
	return buf_str(&all);
}

static void
one(struct fuzz *fuzz)
{
	size_t choice = fuzz_choose(fuzz, 64);
	struct message_source source = { .fd = -1,
		.name = "input",
		.strip_from_line = (choice & 1) != 0,
		.strip_return_path = (choice & 2) != 0,
		.by_offset = (choice & 4) != 0,
		.prefix =
		    str_from((choice & 8) != 0 ? "Delivered-To: a@b\n" : "") };
	struct str given = grow(fuzz_rest(fuzz), (choice & 49) == 49);
	struct got whole, pieces, read;

	fuzz_enter_directory();
	receive(fuzz, &source, given, given.length + 1, &whole);
	receive(fuzz, &source, given, given.length > 10000 ? 4097 : 1, &pieces);
	fuzz_write("input", given);
	source.fd = open("input", O_RDONLY);
	REQUIRE(source.fd >= 0);
	receive(fuzz, &source, given, 0, &read);
	close(source.fd);
	check_same(&whole, &pieces);
	check_same(&whole, &read);
	fuzz_check_status(whole.rc, &whole.why);
	if (whole.rc < 0)
		return;
	check_facts(&whole.message.facts);
	REQUIRE(whole.message.size_octets == whole.text.length);
	if (source.strip_return_path)
		return; /* the header has to be read for that */
	REQUIRE(fuzz_same(str_after(whole.text, source.prefix.length),
	    model_of(given, &source)));
	REQUIRE(whole.message.crlf_octets == crlf_octets(whole.text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
