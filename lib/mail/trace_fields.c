/*
 * trace_fields.c - the header fields that tell how a message came here.
 *
 * Source: RFC 5321 section 4.4; Delivered-To as Postfix and qmail write it.
 */
#include "mail/trace_fields.h"

#include "mail/date.h"

#include <string.h>

/* A line may have 998 octets (RFC 5322 section 2.1.1). */
#define VALUE_OCTETS 900

/* A name that is one: letters, digits, and what address literals have. */
static const char name_octets[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789.-_:[]";

static void
add_value(struct buf *into, struct str value)
{
	value = str_head(value, VALUE_OCTETS);
	for (size_t i = 0; i < value.length; i++) {
		unsigned char c = (unsigned char)value.at[i];

		buf_add_octet(into, c < ' ' || c == 127 ? '?' : value.at[i]);
	}
}

void
trace_fields_return_path(struct buf *into, struct str sender)
{
	buf_add_string(into, "Return-Path: <");
	add_value(into, sender);
	buf_add_string(into, ">\n");
}

void
trace_fields_delivered_to(struct buf *into, struct str address)
{
	buf_add_string(into, "Delivered-To: ");
	add_value(into, address);
	buf_add_octet(into, '\n');
}

static bool
is_name(struct str text)
{
	for (size_t i = 0; i < text.length; i++)
		if (str_index(str_from(name_octets), text.at[i]) == STR_NONE)
			return false;
	return text.length > 0 && text.length <= 255;
}

void
trace_fields_received(struct buf *into, const struct trace_fields_hop *hop)
{
	buf_add_string(into, "Received: from ");
	if (is_name(hop->client))
		buf_add(into, hop->client);
	else
		buf_add_string(into, "unknown");
	buf_print(into, "\n\tby %s (lda) with %s\n\tid %s", hop->host,
	    hop->protocol, hop->id);
	if (hop->recipient.length > 0) {
		buf_add_string(into, "\n\tfor <");
		add_value(into, hop->recipient);
		buf_add_octet(into, '>');
	}
	buf_add_string(into, "; ");
	date_add(into, hop->when);
	buf_add_octet(into, '\n');
}
