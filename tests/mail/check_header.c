/*
 * check_header.c - fields are read as RFC 5322 section 2.2 says, to the end
 * of the header and no octet further.
 */
#include "mail/header.h"

#include "../base/expect.h"
#include "base/buf.h"

static struct arena arena;

static void
open_arena(void)
{
	arena_init(&arena, expect_memory);
}

/* All fields as "name=value;", and what is left. */
static const struct {
	struct str given, want, rest;
} headers[] = {
	{ TEXT("A: b\nC:d\n\nbody: x\n"), TEXT("A= b;C=d;"),
	    TEXT("\nbody: x\n") },
	{ TEXT("A: b\n"), TEXT("A= b;"), TEXT("") },
	{ TEXT("A: b"), TEXT("A= b;"), TEXT("") },
	{ TEXT("A:\n"), TEXT("A=;"), TEXT("") },
	{ TEXT("A:"), TEXT("A=;"), TEXT("") },
	{ TEXT("A : b\n"), TEXT("A= b;"), TEXT("") },
	{ TEXT("A\t: b\n"), TEXT("A= b;"), TEXT("") },
	{ TEXT("A: b: c\n"), TEXT("A= b: c;"), TEXT("") },
	{ TEXT("A: b\n c\n\td\nE: f\n"), TEXT("A= b\n c\n\td;E= f;"),
	    TEXT("") },
	{ TEXT("A: b\n c"), TEXT("A= b\n c;"), TEXT("") },
	{ TEXT("A: b\n \nE: f\n"), TEXT("A= b\n ;E= f;"), TEXT("") },
	{ TEXT("A:\n b\n"), TEXT("A=\n b;"), TEXT("") },
	{ TEXT("A: \0\xff\r\n"), TEXT("A= \0\xff\r;"), TEXT("") },
	{ TEXT(""), TEXT(""), TEXT("") },
	{ TEXT("\nA: b\n"), TEXT(""), TEXT("\nA: b\n") },
	/* No fields. */
	{ TEXT("no field\nA: b\n"), TEXT(""), TEXT("no field\nA: b\n") },
	{ TEXT("A: b\nno field\nC: d\n"), TEXT("A= b;"),
	    TEXT("no field\nC: d\n") },
	{ TEXT(": b\n"), TEXT(""), TEXT(": b\n") },
	{ TEXT(" : b\n"), TEXT(""), TEXT(" : b\n") },
	{ TEXT("A B: c\n"), TEXT(""), TEXT("A B: c\n") },
	{ TEXT("\xc3\xa4: c\n"), TEXT(""), TEXT("\xc3\xa4: c\n") },
	{ TEXT("A\0: c\n"), TEXT(""), TEXT("A\0: c\n") },
	{ TEXT("A\x7f: c\n"), TEXT(""), TEXT("A\x7f: c\n") },
	{ TEXT("A\r: c\n"), TEXT(""), TEXT("A\r: c\n") },
	{ TEXT("\rA: c\n"), TEXT(""), TEXT("\rA: c\n") },
	{ TEXT(">From x:\n"), TEXT(""), TEXT(">From x:\n") },
	{ TEXT("A\n: b\n"), TEXT(""), TEXT("A\n: b\n") },
	/* A fold with nothing before it. */
	{ TEXT(" A: b\n"), TEXT(""), TEXT(" A: b\n") },
	{ TEXT("\tA: b\n"), TEXT(""), TEXT("\tA: b\n") },
};

START_TEST(fields_follow_one_another)
{
	struct cursor in = cursor_over(headers[_i].given);
	struct header_field field;
	char room[256];
	struct buf got;

	buf_init(&got, room, sizeof(room));
	while (header_next(&in, &field)) {
		buf_add(&got, field.name);
		buf_add_octet(&got, '=');
		buf_add(&got, field.value);
		buf_add_octet(&got, ';');
	}
	expect_str(headers[_i].given, buf_str(&got), headers[_i].want);
	expect_str(headers[_i].given, in.rest, headers[_i].rest);
}
END_TEST

static const struct {
	struct str given, want;
} folds[] = {
	{ TEXT(" b"), TEXT("b") },
	{ TEXT(" b\n c\n\td "), TEXT("b c\td") },
	{ TEXT("\n b"), TEXT("b") },
	{ TEXT(" b \n "), TEXT("b") },
	{ TEXT(" \n "), TEXT("") },
	{ TEXT(""), TEXT("") },
	{ { NULL, 0 }, TEXT("") },
	{ TEXT(" a\0b"), TEXT("a\0b") },
};

START_TEST(folds_are_undone)
{
	expect_str(folds[_i].given, header_unfold(&arena, folds[_i].given),
	    folds[_i].want);
}
END_TEST

static const struct {
	struct str given, want;
} received[] = {
	{ TEXT(" from mx.example.net (mx.example.net [192.0.2.1])\n"
	       "\tby mail.example.org (Postfix) with ESMTPS id 4jWcB12z\n"
	       "\tfor <bob@example.org>; Wed, 1 Jan 2025 00:00:00 +0000"),
	    TEXT("4jWcB12z") },
	{ TEXT(" by mail.example.org (Postfix, from userid 1000)\n"
	       "\tid 4jWcB; Wed, 1 Jan 2025 00:00:00 +0000 (UTC)"),
	    TEXT("4jWcB") },
	{ TEXT(" by mx id 4jWcB"), TEXT("4jWcB") },
	{ TEXT(" by mx ID\n 4jWcB;"), TEXT("4jWcB") },
	{ TEXT(" by mx with SMTP; Wed, 1 Jan 2025 00:00:00 +0000"), TEXT("") },
	{ TEXT(" by mx; id 4jWcB"), TEXT("") },
	{ TEXT(" by mx identity 4jWcB"), TEXT("") },
	{ TEXT(" by mx id"), TEXT("") },
	{ TEXT(" by mx id ;"), TEXT("") },
	{ TEXT(""), TEXT("") },
	{ { NULL, 0 }, TEXT("") },
	/* The client says what it likes in its HELO. */
	{ TEXT(" from id (unknown [192.0.2.1])\n"
	       "\tby mx (Postfix) with SMTP id 4jWcB\n\tfor <b@d>; Wed"),
	    TEXT("4jWcB") },
	/* Nor is it for the recipient to say. */
	{ TEXT(" from x by mx with LMTP id 4jWcB\n"
	       "\tfor <\"a id FAKE id\"@d>; Wed"),
	    TEXT("4jWcB") },
	{ TEXT(" by mx id 4jWcB for <\"a\\\"> id FAKE;\"@d>; Wed"),
	    TEXT("4jWcB") },
	{ TEXT(" by mx id 4jWcB for <a id FAKE>; Wed"), TEXT("4jWcB") },
	{ TEXT(" by mx id 4jWcB for <a\"b> id 5; Wed"), TEXT("5") },
	{ TEXT(" by mx id 4jWcB for <a id FAKE"), TEXT("4jWcB") },
	{ TEXT(" by mx id <4jWcB>; Wed"), TEXT("<4jWcB>") },
	{ TEXT(" from x (helo id FAKE [192.0.2.1])\n"
	       "\tby mx (Postfix) with SMTP id 4jWcB; Wed"),
	    TEXT("4jWcB") },
};

START_TEST(queue_id_stands_behind_id)
{
	expect_str(received[_i].given, header_queue_id(received[_i].given),
	    received[_i].want);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("header");
	TCase *fields = tcase_create("fields");

	tcase_add_checked_fixture(fields, open_arena, NULL);
	tcase_add_loop_test(
	    fields, fields_follow_one_another, 0, (int)COUNT(headers));
	tcase_add_loop_test(fields, folds_are_undone, 0, (int)COUNT(folds));
	tcase_add_loop_test(
	    fields, queue_id_stands_behind_id, 0, (int)COUNT(received));
	suite_add_tcase(suite, fields);
	return expect_run(suite);
}
