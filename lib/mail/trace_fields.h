/*
 * trace_fields.h - the header fields that tell how a message came here.
 *
 * Each ends with "\n".  What comes from outside cannot end a line: control
 * characters become "?".
 */
#ifndef MAIL_TRACE_FIELDS_H
#define MAIL_TRACE_FIELDS_H

#include "base/buf.h"

#include <time.h>

/* Return-Path: <sender> (RFC 5321 section 4.4); the null sender is <>. */
void trace_fields_return_path(struct buf *into, struct str sender);

/* Delivered-To: address. */
void trace_fields_delivered_to(struct buf *into, struct str address);

/* What a Received field says (RFC 5321 section 4.4). */
struct trace_fields_hop {
	struct str client;    /* what it called itself; empty: unknown */
	const char *host;     /* ours */
	const char *protocol; /* LMTP, LMTPA, UTF8LMTP: RFC 3848, 6531 */
	const char *id;
	struct str recipient; /* empty: several */
	time_t when;
};

void trace_fields_received(
    struct buf *into, const struct trace_fields_hop *hop);

#endif
