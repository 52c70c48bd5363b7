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

/* What may stay in memory, one octet that tells that there is more, and one CR
 * that is held back. */
#define ROOM_OCTETS (MESSAGE_MEMORY_OCTETS + 2)

/* The state of one reception. */
struct intake {
	struct message *message;
	const struct message_source *from;
	const struct message_limit *limits;
	size_t limit_count;
	const struct message_spool *spool;
	struct arena *arena;
	char *room;    /* ROOM_OCTETS */
	size_t length; /* octets of room that are message */
	bool held_cr;  /* one CR read whose follower is not known */
	char last;     /* last octet of the message so far */
	bool at_end;
	bool head_seen;
};

static int
fail_of_deadline(struct intake *in, struct status *why)
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
unfold_line_ends(struct intake *in, size_t begin, size_t end)
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
		begin += crlf ? 2 : 1;
	}
	return to;
}

/* W= counts two octets for each line end that is not CRLF already. */
static void
count(struct intake *in, struct str text)
{
	struct message *message = in->message;
	struct cursor at = cursor_over(text);

	if (text.length == 0)
		return;
	message->size_octets += text.length;
	message->crlf_octets += text.length;
	while (!cursor_at_end(&at)) {
		struct str line = cursor_until(&at, '\n');

		if (cursor_at_end(&at) && text.at[text.length - 1] != '\n')
			break;
		if (line.length > 0)
			in->last = line.at[line.length - 1];
		if (in->last != '\r')
			message->crlf_octets++;
		in->last = '\n';
	}
	in->last = text.at[text.length - 1];
}

static int
check_limits(struct intake *in, struct status *why)
{
	for (size_t i = 0; i < in->limit_count; i++) {
		const struct message_limit *limit = &in->limits[i];

		if (in->message->size_octets > limit->octets)
			return status_fail(why, limit->id,
			    "the message is longer than %ju octets: %s",
			    (uintmax_t)limit->octets, limit->name);
	}
	return 0;
}

/*
 * Reads more, until the room is full or the input has ended.  The part
 * behind begin is what is new.
 */
static int
read_more(struct intake *in, struct status *why)
{
	size_t begin = in->length, end;
	ssize_t got;

	if (stop_reason() != STOP_NOT)
		return fail_of_deadline(in, why);
	end = begin;
	if (in->held_cr)
		in->room[end++] = '\r';
	got = sys_read_waiting(in->from->fd, in->room + end, ROOM_OCTETS - end);
	if (got < 0)
		return status_fail_read(why, in->from->name);
	in->at_end = got == 0;
	in->length = unfold_line_ends(in, begin, end + (size_t)got);
	return 0;
}

static bool
room_is_full(const struct intake *in)
{
	return in->length > MESSAGE_MEMORY_OCTETS;
}

static struct str
keep(struct intake *in, struct str value)
{
	return header_unfold(in->arena, str_head(value, FACT_OCTETS));
}

/* Returns false for a field that Postfix does not put on top, or has put there
 * already: then the top has ended. */
static bool
note_top_field(struct intake *in, const struct header_field *field)
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
note_field(struct intake *in, const struct header_field *field)
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
	if (facts->queue_id.at == NULL &&
	    str_is_nocase(field->name, "Received"))
		facts->queue_id = keep(
		    in, header_queue_id(str_head(field->value, FACT_OCTETS)));
}

static void
note_facts(struct intake *in, struct str head)
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

/* Looks at the beginning, all of which is in memory; gives back what of it
 * is message. */
static struct str
see_head(struct intake *in)
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
	note_facts(in, head);
	in->head_seen = true;
	return head;
}

/* Counts, judges and writes away what is in the room. */
static int
flush(struct intake *in, struct status *why)
{
	struct str text = str_of(in->room, in->length);

	if (!in->head_seen)
		text = see_head(in);
	count(in, text);
	if (check_limits(in, why) < 0)
		return -1;
	if (in->message->file < 0) {
		in->message->file = in->spool->open(in->spool->context, why);
		if (in->message->file < 0)
			return -1;
	}
	if (file_write_all(in->message->file, text) < 0)
		return status_fail_errno(why, "write to", in->spool->name);
	in->length = 0;
	return 0;
}

/* The whole message is in memory. */
static int
keep_in_memory(struct intake *in, struct status *why)
{
	in->message->memory = see_head(in);
	count(in, in->message->memory);
	return check_limits(in, why);
}

int
message_receive(struct message *message, const struct message_source *from,
    const struct message_limit *limits, size_t limit_count,
    const struct message_spool *spool, struct arena *arena, struct status *why)
{
	struct intake in = { .message = message,
		.from = from,
		.limits = limits,
		.limit_count = limit_count,
		.spool = spool,
		.arena = arena };

	memset(message, 0, sizeof(*message));
	message->file = -1;
	in.room = arena_take(arena, ROOM_OCTETS);
	while (!in.at_end) {
		if (read_more(&in, why) < 0)
			return -1;
		if (room_is_full(&in) && !in.at_end && flush(&in, why) < 0)
			return -1;
	}
	if (message->file < 0 ? keep_in_memory(&in, why) < 0 :
				in.length > 0 && flush(&in, why) < 0)
		return -1;
	if (message->size_octets == 0)
		return status_fail(why, STATUS_TROUBLE,
		    "%s is empty: a broken caller", from->name);
	return 0;
}
