/*
 * check_lmtp_message.c - octets of a message that comes by LMTP: none is
 * changed, none is lost, and a message that is not whole is nobody's.
 *
 * Source: lda-lmtp(8), DESIGN 2.1, 3 "LMTP"; RFC 5321 section 4.5.2.
 */
#include "support/lmtp_talk.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FOR(address) "Return-Path: <a@b>\nDelivered-To: " address "\n"
#define KIB ((size_t)1024)

static struct world world;
static struct service service;

static void
set_up(void)
{
	lmtp_world(&world);
	service_init(&service, &world);
}

static void
tear_down(void)
{
	service_close(&service);
	world_close(&world);
}

static void
begin_message(const char *recipient)
{
	lmtp_open(&service, &world);
	lmtp_envelope(&service, recipient, NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
}

/* Octets of all values in lines: no dot at the beginning of one, and no LF but
 * behind a CR, so that they go over the wire as they are. */
static char *
make_wire(size_t length)
{
	char *wire = malloc(length + 1);
	uint32_t state = 7;

	ck_assert_ptr_nonnull(wire);
	for (size_t i = 0; i < length; i++) {
		state = state * 1664525U + 1013904223U;
		wire[i] = (char)(state >> 24);
		if (wire[i] == '\n' || wire[i] == '.')
			wire[i] = 'x';
		if (i % 61 == 59)
			wire[i] = '\r';
		if (i % 61 == 60)
			wire[i] = '\n';
	}
	memcpy(wire + length - 2, "\r\n", 2);
	wire[length - 3] = 'x';
	return wire;
}

/* What of it is kept: each CRLF is an LF.  Returns its length. */
static size_t
keep(const char *wire, size_t length, char *into)
{
	size_t kept = 0;

	for (size_t i = 0; i < length; i++)
		if (wire[i] != '\r' || i + 1 == length || wire[i + 1] != '\n')
			into[kept++] = wire[i];
	return kept;
}

/* A message of so many octets arrives in bob's Maildir, and in amy's. */
static void
expect_arrival(size_t length)
{
	static const char *const boxes[] = { "home/Maildir", "amy/Maildir" };
	static const char *const fields[] = { FOR("bob@b"), FOR("amy@b") };
	char *wire = make_wire(length), *want = malloc(length + 256);

	ck_assert_ptr_nonnull(want);
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	service_say_octets(&service, wire, length);
	service_say(&service, ".\r\n");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_quit(&service);
	for (size_t i = 0; i < COUNT(boxes); i++) {
		size_t fields_length = strlen(fields[i]);

		memcpy(want, fields[i], fields_length);
		maildir_expect(&world.scratch, boxes[i], want,
		    fields_length + keep(wire, length, want + fields_length));
	}
	free(wire);
	free(want);
}

static const size_t lengths[] = { 64, 127 * KIB, 128 * KIB - 60, 128 * KIB - 1,
	128 * KIB, 128 * KIB + 1, 129 * KIB, 133 * KIB, 5 * KIB *KIB };

START_TEST(octets_are_kept_whatever_they_are)
{
	expect_arrival(lengths[_i]);
}
END_TEST

START_TEST(long_message_with_one_file_for_all)
{
	size_t length = 300 * KIB;
	char *wire = make_wire(length), *want = malloc(length + 256);
	static const char fields[] = "Return-Path: <a@b>\n";

	ck_assert_ptr_nonnull(want);
	lmtp_config(&world, "lmtp_hdr_delivery_address = none\n");
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "bob@b", "amy@b", NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	service_say_octets(&service, wire, length);
	service_say(&service, ".\r\n");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_quit(&service);
	memcpy(want, fields, sizeof(fields) - 1);
	length =
	    sizeof(fields) - 1 + keep(wire, length, want + sizeof(fields) - 1);
	maildir_expect(&world.scratch, "home/Maildir", want, length);
	maildir_expect(&world.scratch, "amy/Maildir", want, length);
	free(wire);
	free(want);
}
END_TEST

static void
read_mbox(const char *name, struct mail *into)
{
	FILE *file = fopen(scratch_path(&world.scratch, name), "rb");

	ck_assert_ptr_nonnull(file);
	into->octets = malloc(1024 * KIB);
	ck_assert_ptr_nonnull(into->octets);
	into->length = fread(into->octets, 1, 1024 * KIB - 1, file);
	into->octets[into->length] = '\0';
	(void)fclose(file);
}

/* The file that is read by offset, for a Maildir and an mbox at once. */
START_TEST(long_message_into_an_mbox)
{
	static const char fields[] = "Return-Path: <a@b>\n";
	size_t length = 300 * KIB, kept;
	char *wire = make_wire(length), *want = malloc(length);
	const char *text;
	struct mail got;

	ck_assert_ptr_nonnull(want);
	kept = keep(wire, length, want);
	lmtp_config(&world, "lmtp_hdr_delivery_address = none\n");
	lmtp_users(&world,
	    lmtp_users_line(
		&world, "old", "old", "userdb_mail=mbox:~/mail:INBOX=~/inbox"));
	scratch_mkdir(&world.scratch, "old", 0700);
	lmtp_open(&service, &world);
	lmtp_envelope(&service, "old@b", "bob@b", "amy@b", NULL);
	service_say(&service, "DATA\r\n");
	service_hear(&service, "354 ");
	service_say_octets(&service, wire, length);
	service_say(&service, ".\r\n");
	service_hear(&service, "250 2.0.0 <old@b>");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_quit(&service);
	read_mbox("old/inbox", &got);
	ck_assert_int_eq(strncmp(got.octets, "From a@b ", 9), 0);
	text = strchr(got.octets, '\n') + 1;
	ck_assert_int_eq(strncmp(text, fields, sizeof(fields) - 1), 0);
	text += sizeof(fields) - 1;
	ck_assert_uint_eq(got.length - (size_t)(text - got.octets), kept + 1);
	ck_assert_int_eq(memcmp(text, want, kept), 0);
	ck_assert_int_eq(text[kept], '\n');
	free(got.octets);
	free(wire);
	free(want);
}
END_TEST

/* What stands between 354 and the dot, and what is kept of it. */
static const struct {
	const char *wire, *want;
	size_t length;
} texts[] = {
#define ROW(wire, want)                                                        \
	{                                                                      \
		wire, want, sizeof(wire) - 1                                   \
	}
	ROW("", ""),
	ROW("\r\n", "\n"),
	ROW("no header\r\n", "no header\n"),
	ROW("a: b\r\n\r\nlone\rCR\r\n", "a: b\n\nlone\rCR\n"),
	ROW("a: b\r\n\r\nlone\nLF\r\n", "a: b\n\nlone\nLF\n"),
	ROW("..\r\n..x\r\n...\r\n", ".\n.x\n..\n"),
	/* Ends of a message for others, not for us: nothing is smuggled. */
	ROW("a: b\r\n\r\nx\n.\nMAIL FROM:<e@b>\r\n",
	    "a: b\n\nx\n.\nMAIL FROM:<e@b>\n"),
	ROW("a: b\r\n\r\nx\n.\r\nRCPT TO:<amy@b>\r\n",
	    "a: b\n\nx\n.\nRCPT TO:<amy@b>\n"),
	ROW("a: b\r\n\r\nx\r.\rDATA\r\n", "a: b\n\nx\r.\rDATA\n"),
#undef ROW
};

START_TEST(message_ends_with_its_dot_and_nothing_else)
{
	begin_message("bob@b");
	service_say_octets(&service, texts[_i].wire, texts[_i].length);
	service_hear_nothing(&service);
	service_say(&service, ".\r\n");
	service_hear(&service, "250 2.0.0 <bob@b>");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), texts[_i].want);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, ""), 1);
}
END_TEST

START_TEST(octet_by_octet_is_the_same)
{
	static const char wire[] =
	    "LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@b>\r\nDATA\r\n"
	    "Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n";
	static const char *const replies[] = { "220 ", "250-", "250 2.1.0",
		"250 2.1.5", "354 ", "250 2.0.0 <bob@b>", "221 " };

	service_start(&service, &world);
	for (size_t i = 0; i < sizeof(wire) - 1; i++)
		service_say_octets(&service, wire + i, 1);
	for (size_t i = 0; i < COUNT(replies); i++)
		service_hear(&service, replies[i]);
	service_hear_end(&service);
	expect_end(&service, 0);
	expect_copy(
	    &world, "home/Maildir", FOR("bob@b"), "Subject: x\n\n.dot\n");
}
END_TEST

/* Sizes. */

START_TEST(declared_size_is_believed_where_it_is_too_large)
{
	lmtp_config(&world, "message_size_limit = 1000\n");
	service_start(&service, &world);
	service_hear(&service, "220 ");
	service_say(&service, "LHLO c\r\n");
	ck_assert_ptr_nonnull(
	    strstr(service_hear(&service, "250-"), "250 SIZE 1000\r\n"));
	service_say(&service, "MAIL FROM:<a@b> SIZE=1001\r\n");
	service_hear(&service, "552 5.2.3");
	service_say(&service, "MAIL FROM:<a@b> SIZE=1000\r\n");
	service_hear(&service, "250 2.1.0");
	lmtp_quit(&service);
}
END_TEST

START_TEST(real_size_is_measured_and_each_recipient_is_told)
{
	char *wire = make_wire(_i == 0 ? 2000 : 400 * KIB);
	size_t length = _i == 0 ? 2000 : 400 * KIB;

	/* Beyond the limit nothing is kept: the last one has no place where it
	 * could be. */
	lmtp_config(&world,
	    _i == 0     ? "message_size_limit = 1000\n" :
		_i == 1 ? "message_size_limit = 200000\n" :
			  "message_size_limit = 100000\n"
			  "mail_temp_dir = /no/such/place\n");
	lmtp_open(&service, &world);
	service_say(&service, "MAIL FROM:<a@b> SIZE=10\r\n");
	service_hear(&service, "250 ");
	service_say(&service, "RCPT TO:<bob@b>\r\nRCPT TO:<amy@b>\r\nDATA\r\n");
	service_hear(&service, "250 ");
	service_hear(&service, "250 ");
	service_hear(&service, "354 ");
	service_say_octets(&service, wire, length);
	service_say(&service, ".\r\n");
	service_hear(&service, "552 5.2.3 <bob@b>");
	service_hear(&service, "552 5.2.3 <amy@b>");
	expect_nothing(&world);
	/* The connection is as good as before. */
	lmtp_envelope(&service, "bob@b", NULL);
	lmtp_data(&service, "Subject: short\n\n");
	service_hear(&service, "250 2.0.0");
	lmtp_quit(&service);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), "Subject: short\n\n");
	free(wire);
}
END_TEST

/* The end of a connection. */

static const char session[] =
    "LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@b>\r\nDATA\r\n"
    "Subject: x\r\n\r\nx\r\n.\r\nNOOP\r\n";

/* How much of it is a message with its dot. */
#define DOT_OCTETS (sizeof(session) - 1 - strlen("NOOP\r\n"))

START_TEST(message_without_its_dot_is_nobodys)
{
	char room[4096];

	for (size_t length = 0; length < sizeof(session); length++) {
		size_t want = length < DOT_OCTETS ? 0 : 1;

		service_start(&service, &world);
		service_say_octets(&service, session, length);
		service_half_close(&service);
		(void)service_hear_octets(&service, room, sizeof(room));
		expect_end(&service, 0);
		ck_assert_msg(
		    maildir_count_below(&world.scratch, "home") == want,
		    "%zu octets of \"%s\": not %zu messages", length, session,
		    want);
		if (want > 0)
			scratch_remove(&world.scratch, "home/Maildir");
	}
	expect_log(&world, "in a message: nothing of it was delivered");
}
END_TEST

START_TEST(client_that_goes_without_a_word_leaves_nothing)
{
	lmtp_config(&world, "mail_temp_dir = /nonexistent\n");
	begin_message("bob@b");
	service_say(&service, "Subject: x\r\n\r\nhalf of\r\n.");
	expect_end(&service, 0);
	expect_nothing(&world);
	expect_log(&world, "the client has gone in a message");
	expect_log(&world, "from=<a@b> recipients=1");
}
END_TEST

START_TEST(replies_come_after_a_half_close)
{
	begin_message("bob@b");
	service_say(&service, "Subject: x\r\n\r\n.\r\n");
	service_half_close(&service);
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear_end(&service);
	expect_end(&service, 0);
	expect_copy(&world, "home/Maildir", FOR("bob@b"), "Subject: x\n\n");
}
END_TEST

/* Memory. */

/* Without the pages of programs and libraries. */
static long
own_memory_kib(void)
{
	return strtol(process_fact(service.pid, "RssAnon:"), NULL, 10);
}

START_TEST(memory_does_not_grow_with_the_transactions)
{
	long early = 0;

	lmtp_config(&world, "mail_fsync = never\n");
	lmtp_open(&service, &world);
	for (int i = 0; i < 2000; i++) {
		lmtp_envelope(&service, "bob@b", NULL);
		service_say(&service, "RCPT TO:<nobody-such@b>\r\n");
		service_hear(&service, "550 ");
		service_say(&service, "DATA\r\n");
		service_hear(&service, "354 ");
		service_say(&service, "Subject: x\r\n\r\nx\r\n.\r\n");
		service_hear(&service, "250 2.0.0");
		if (i == 100)
			early = own_memory_kib();
	}
	if (!MACHINE_IS_SANITIZED)
		ck_assert_int_le(own_memory_kib(), early + 32);
	lmtp_quit(&service);
	ck_assert_uint_eq(
	    maildir_count(&world.scratch, "home/Maildir/new"), 2000);
}
END_TEST

START_TEST(memory_does_not_grow_with_the_message)
{
	char *wire = make_wire(100 * KIB);
	long early;

	begin_message("bob@b");
	for (int i = 0; i < 2; i++)
		service_say_octets(&service, wire, 100 * KIB);
	early = own_memory_kib();
	for (int i = 0; i < 100; i++)
		service_say_octets(&service, wire, 100 * KIB);
	service_say(&service, ".\r\n");
	service_hear(&service, "250 2.0.0");
	if (!MACHINE_IS_SANITIZED)
		ck_assert_int_le(own_memory_kib(), early + 256);
	lmtp_quit(&service);
	free(wire);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("LMTP message");
	TCase *octets = tcase_create("octets");
	TCase *sizes = tcase_create("sizes");
	TCase *ends = tcase_create("ends");
	TCase *memory = tcase_create("memory");
	TCase *all[] = { octets, sizes, ends, memory };

	for (size_t i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		tcase_set_timeout(all[i], 60);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_loop_test(
	    octets, octets_are_kept_whatever_they_are, 0, COUNT(lengths));
	tcase_add_test(octets, long_message_with_one_file_for_all);
	tcase_add_test(octets, long_message_into_an_mbox);
	tcase_add_loop_test(octets, message_ends_with_its_dot_and_nothing_else,
	    0, COUNT(texts));
	tcase_add_test(octets, octet_by_octet_is_the_same);
	tcase_add_test(sizes, declared_size_is_believed_where_it_is_too_large);
	tcase_add_loop_test(
	    sizes, real_size_is_measured_and_each_recipient_is_told, 0, 3);
	tcase_add_test(ends, message_without_its_dot_is_nobodys);
	tcase_add_test(ends, client_that_goes_without_a_word_leaves_nothing);
	tcase_add_test(ends, replies_come_after_a_half_close);
	tcase_add_test(memory, memory_does_not_grow_with_the_transactions);
	tcase_add_test(memory, memory_does_not_grow_with_the_message);
	return world_main(suite);
}
