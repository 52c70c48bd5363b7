/*
 * message.c - one message, received once, in constant memory.
 *
 * Source: dovecot-lda (what is changed on the way in), postfix mail_copy(3)
 * (what Postfix puts on top), Maildir++ (what S= and W= count).
 */
#include "mail/message.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/stop.h"
#include "base/sys.h"
#include "mail/from_line.h"
#include "mail/header.h"

#include <errno.h>
#include <string.h>

/* More fields than any message needs; a flood of them costs no time. */
#define FIELDS_LOOKED_AT 500

/* A field that names something in one log line is short. */
#define FACT_OCTETS 1024

/* Worth a write(2) of its own: a quarter of what a pipe holds. */
#define PIECE_OCTETS ((size_t)16 * 1024)

static int
fail_of_deadline(struct message_intake *in, struct status *why)
{
	if (stop_reason() == STOP_SIGNAL)
		return status_fail(why, STATUS_TROUBLE,
		    "ended by a signal while reading %s", in->from->name);
	return status_fail(why, STATUS_TROUBLE,
	    "delivery_timeout has passed while reading %s", in->from->name);
}

/*
 * Turns CRLF into LF in room[begin, end) and returns the new end.  A CR that
 * is the last octet is held back until its follower is known.
 */
static size_t
unfold_line_ends(struct message_intake *in, size_t begin, size_t end)
{
	size_t to = begin;

	in->held_cr = false;
	while (begin < end) {
		struct str rest = str_of(in->room + begin, end - begin);
		size_t run = str_index(rest, '\r');
		bool crlf;

		if (run == STR_NONE)
			run = rest.length;
		if (to != begin)
			memmove(in->room + to, in->room + begin, run);
		to += run;
		begin += run;
		if (begin == end)
			break;
		if (begin + 1 == end && !in->at_end) {
			in->held_cr = true;
			break;
		}
		crlf = begin + 1 < end && in->room[begin + 1] == '\n';
		in->room[to++] = crlf ? '\n' : '\r';
		in->keeps_cr = in->keeps_cr || !crlf;
		begin += crlf ? 2 : 1;
	}
	return to;
}

/* The line ends of a text with a CR in it, or behind it: CRLF is one that is
 * not counted. */
static size_t
line_ends_without_cr(struct message_intake *in, struct str text)
{
	struct cursor at = cursor_over(text);
	size_t count = 0;

	while (!cursor_at_end(&at)) {
		struct str line = cursor_until(&at, '\n');

		if (cursor_at_end(&at) && text.at[text.length - 1] != '\n')
			break;
		if (line.length > 0)
			in->last = line.at[line.length - 1];
		if (in->last != '\r')
			count++;
		in->last = '\n';
	}
	return count;
}

/* W= counts two octets for each line end that is not CRLF already. */
static void
count(struct message_intake *in, struct str text)
{
	struct message *message = in->message;

	if (text.length == 0)
		return;
	message->size_octets += text.length;
	message->crlf_octets += text.length;
	message->crlf_octets += in->keeps_cr ? line_ends_without_cr(in, text) :
					       str_count(text, '\n');
	in->last = text.at[text.length - 1];
	message->ends_line = in->last == '\n';
}

int
message_check_limits(const struct message *message,
    const struct message_limit *limits, size_t limit_count, struct status *why)
{
	for (size_t i = 0; i < limit_count; i++) {
		const struct message_limit *limit = &limits[i];

		if (message->size_octets > limit->octets)
			return status_fail(why, limit->id,
			    "the message is longer than %ju octets: %s",
			    (uintmax_t)limit->octets, limit->name);
	}
	return 0;
}

static int
check_limits(struct message_intake *in, struct status *why)
{
	return message_check_limits(
	    in->message, in->limits, in->limit_count, why);
}

/* The held CR goes in front of what is new; gives where that begins. */
static char *
room_for_more(struct message_intake *in, size_t *free)
{
	size_t end = in->length;

	if (in->held_cr)
		in->room[end++] = '\r';
	*free = MESSAGE_ROOM_OCTETS - end;
	return in->room + end;
}

/* got octets were put where room_for_more said. */
static void
take_in(struct message_intake *in, size_t got)
{
	size_t end = in->length + (in->held_cr ? 1 : 0) + got;
	struct str new = str_of(in->room + in->length, end - in->length);

	/* The usual message has none, and is looked through at full speed. */
	if (str_count(new, '\r') == 0) {
		in->length = end;
		return;
	}
	in->length = unfold_line_ends(in, in->length, end);
}

static ssize_t
read_source(struct message_intake *in, char *into, size_t size)
{
	ssize_t got;

	if (!in->from->by_offset)
		return sys_read_waiting(in->from->fd, into, size);
	got = sys_pread(in->from->fd, into, size, in->offset);
	if (got > 0)
		in->offset += got;
	return got;
}

/* Reads more, until the room is full or the input has ended. */
static int
read_more(struct message_intake *in, struct status *why)
{
	size_t free;
	char *into;
	ssize_t got;

	if (stop_reason() != STOP_NOT)
		return fail_of_deadline(in, why);
	into = room_for_more(in, &free);
	got = read_source(in, into, free);
	if (got < 0)
		return status_fail_read(why, in->from->name);
	in->at_end = got == 0;
	in->message->read_octets += (uint64_t)got;
	take_in(in, (size_t)got);
	return 0;
}

/* A message that is on its way into a file goes on as it comes, so that its
 * feeder fills the pipe while we write. */
static bool
room_is_full(const struct message_intake *in)
{
	return in->length > MESSAGE_MEMORY_OCTETS ||
	    (in->message->file >= 0 && in->length >= PIECE_OCTETS);
}

static struct str
keep(struct message_intake *in, struct str value)
{
	return header_unfold(in->arena, str_head(value, FACT_OCTETS));
}

/* Returns false for a field that Postfix does not put on top, or has put there
 * already: then the top has ended. */
static bool
note_top_field(struct message_intake *in, const struct header_field *field)
{
	struct message_facts *facts = &in->message->facts;
	struct {
		const char *name;
		struct str *fact;
		bool *has;
	} top[] = {
		{ "Return-Path", &facts->return_path, &facts->has_return_path },
		{ "X-Original-To", &facts->original_to,
		    &facts->has_original_to },
		{ "Delivered-To", &facts->delivered_to,
		    &facts->has_delivered_to },
	};

	for (size_t i = 0; i < COUNT(top); i++) {
		if (!str_is_nocase(field->name, top[i].name))
			continue;
		if (*top[i].has)
			return false;
		*top[i].has = true;
		*top[i].fact = keep(in, field->value);
		return true;
	}
	return false;
}

static void
note_delivered(struct message_intake *in, struct str value)
{
	struct message_facts *facts = &in->message->facts;

	if (facts->delivered == NULL)
		facts->delivered = arena_take(in->arena,
		    MESSAGE_DELIVERED_MOST * sizeof(*facts->delivered));
	if (facts->delivered_count < MESSAGE_DELIVERED_MOST)
		facts->delivered[facts->delivered_count++] = keep(in, value);
}

static void
note_field(struct message_intake *in, const struct header_field *field)
{
	struct message_facts *facts = &in->message->facts;
	struct {
		const char *name;
		struct str *fact;
	} wanted[] = {
		{ "Message-ID", &facts->message_id },
		{ "Subject", &facts->subject },
		{ "From", &facts->from },
	};

	for (size_t i = 0; i < COUNT(wanted); i++)
		if (wanted[i].fact->at == NULL &&
		    str_is_nocase(field->name, wanted[i].name))
			*wanted[i].fact = keep(in, field->value);
	if (str_is_nocase(field->name, "Received")) {
		facts->hops++;
		if (facts->queue_id.at == NULL)
			facts->queue_id = keep(in,
			    header_queue_id(
				str_head(field->value, FACT_OCTETS)));
	}
	if (facts->hops > 0 && str_is_nocase(field->name, "Delivered-To"))
		note_delivered(in, field->value);
}

static void
note_facts(struct message_intake *in, struct str head)
{
	struct cursor at = cursor_over(head);
	struct header_field field;
	bool top = true;

	for (int i = 0; i < FIELDS_LOOKED_AT && header_next(&at, &field); i++) {
		top = top && note_top_field(in, &field);
		if (!top)
			note_field(in, &field);
	}
}

/* What stands behind a Return-Path at the very top; ours takes its place. */
static struct str
without_return_path(struct message_intake *in, struct str head)
{
	struct cursor at = cursor_over(head);
	struct header_field field;

	if (!header_next(&at, &field) ||
	    !str_is_nocase(field.name, "Return-Path"))
		return head;
	in->message->facts.return_path = keep(in, field.value);
	in->message->facts.has_return_path = true;
	return at.rest;
}

/* Looks at the beginning, all of which is in memory; gives back what of it
 * is message. */
static struct str
see_head(struct message_intake *in)
{
	struct str head = str_of(in->room, in->length);
	struct message_facts *facts = &in->message->facts;

	if (in->from->strip_from_line && from_line_starts(head)) {
		size_t line = str_index(head, '\n');

		facts->has_from_line = true;
		facts->from_line =
		    keep(in, from_line_sender(str_head(head, line)));
		head = str_after(head, line + 1);
	}
	if (in->from->strip_return_path)
		head = without_return_path(in, head);
	note_facts(in, head);
	in->head_seen = true;
	return head;
}

/* The spool, which holds all of the message, the prefix too. */
static int
open_spool(struct message_intake *in, struct status *why)
{
	struct str prefix = in->message->prefix;

	in->message->file = in->spool->open(in->spool->context, why);
	if (in->message->file < 0)
		return -1;
	if (prefix.length > 0 && file_write_all(in->message->file, prefix) < 0)
		return status_fail_errno(why, "write to", in->spool->name);
	in->message->prefix = str_of(NULL, 0);
	return 0;
}

/* Counts, judges and writes away what is in the room. */
static int
flush(struct message_intake *in, struct status *why)
{
	struct str text = str_of(in->room, in->length);

	if (!in->head_seen)
		text = see_head(in);
	count(in, text);
	if (check_limits(in, why) < 0)
		return -1;
	if (in->message->file < 0 && open_spool(in, why) < 0)
		return -1;
	if (file_write_all(in->message->file, text) < 0)
		return status_fail_errno(why, "write to", in->spool->name);
	in->length = 0;
	return 0;
}

/* The whole message is in memory. */
static int
keep_in_memory(struct message_intake *in, struct status *why)
{
	in->message->memory = see_head(in);
	count(in, in->message->memory);
	return check_limits(in, why);
}

void
message_init(struct message *message)
{
	memset(message, 0, sizeof(*message));
	message->file = message->shared = -1;
}

void
message_put_before(struct message *message, struct str prefix)
{
	message->prefix = prefix;
	message->size_octets += prefix.length;
	message->crlf_octets += prefix.length;
	for (size_t i = 0; i < prefix.length; i++)
		if (prefix.at[i] == '\n')
			message->crlf_octets++;
}

void
message_begin(struct message_intake *in, struct message *message,
    const struct message_source *from, const struct message_limit *limits,
    size_t limit_count, const struct message_spool *spool, struct arena *arena)
{
	memset(in, 0, sizeof(*in));
	in->message = message;
	in->from = from;
	in->limits = limits;
	in->limit_count = limit_count;
	in->spool = spool;
	in->arena = arena;
	in->room = from->room != NULL ? from->room :
					arena_take(arena, MESSAGE_ROOM_OCTETS);
	message_init(message);
	message_put_before(message, from->prefix);
}

int
message_add(struct message_intake *in, struct str piece, struct status *why)
{
	while (piece.length > 0) {
		size_t free;
		char *into = room_for_more(in, &free);
		struct str part = str_head(piece, free);

		memcpy(into, part.at, part.length);
		take_in(in, part.length);
		piece = str_after(piece, part.length);
		if (room_is_full(in) && flush(in, why) < 0)
			return -1;
	}
	return 0;
}

int
message_end(struct message_intake *in, struct status *why)
{
	struct message *message = in->message;

	if (!in->at_end) {
		size_t free;

		/* A CR that was held back has no follower. */
		in->at_end = true;
		(void)room_for_more(in, &free);
		take_in(in, 0);
	}
	if (message->file < 0 ? keep_in_memory(in, why) < 0 :
				in->length > 0 && flush(in, why) < 0)
		return -1;
	if (message->size_octets == in->from->prefix.length &&
	    !in->from->may_be_empty)
		return status_fail(why, STATUS_TROUBLE,
		    "%s is empty: a broken caller", in->from->name);
	return 0;
}

int
message_receive(struct message *message, const struct message_source *from,
    const struct message_limit *limits, size_t limit_count,
    const struct message_spool *spool, struct arena *arena, struct status *why)
{
	struct message_intake in;

	message_begin(&in, message, from, limits, limit_count, spool, arena);
	while (!in.at_end) {
		if (read_more(&in, why) < 0)
			return -1;
		if (room_is_full(&in) && !in.at_end && flush(&in, why) < 0)
			return -1;
	}
	return message_end(&in, why);
}
