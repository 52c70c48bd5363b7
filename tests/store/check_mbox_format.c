/*
 * check_mbox_format.c - a message as it stands in an mbox, in pieces of every
 * length, beside a reference that has all of it at once and cuts it in lines.
 *
 * Source: store/mbox_format.h; qmail mbox(5) (mboxrd); RFC 4155; Dovecot's
 * own fields.
 */
#include "store/mbox_format.h"

#include "base/expect.h"

#include <errno.h>
#include <stdint.h>
#include <strings.h>

/* More than a message of these tests becomes. */
#define ROOM ((size_t)64 * 1024)

/* What went into a sink. */
struct sunk {
	char room[ROOM];
	size_t length;
	size_t puts;
	size_t fail_at; /* the put that fails; 0: none */
};

static int
sink_put(void *context, struct str text)
{
	struct sunk *into = context;

	into->puts++;
	if (into->puts == into->fail_at) {
		errno = ENOSPC;
		return -1;
	}
	ck_assert_uint_le(into->length + text.length, ROOM);
	memcpy(into->room + into->length, text.at, text.length);
	into->length += text.length;
	return 0;
}

static struct str
sunk_text(const struct sunk *sunk)
{
	return str_of(sunk->room, sunk->length);
}

/* The message in pieces of step octets, the first one of first. */
static int
format(struct str message, size_t first, size_t step, struct sunk *into)
{
	struct mbox_sink sink = { sink_put, into };
	struct mbox_format state;

	into->length = into->puts = 0;
	mbox_format_init(&state, &sink);
	for (size_t next = first; message.length > 0; next = step) {
		struct str piece = str_head(message, next);

		if (mbox_format_add(&state, piece) < 0)
			return -1;
		message = str_after(message, piece.length);
	}
	return mbox_format_end(&state);
}

/* The reference. */

static const char *const owned[] = { "Status", "X-Status", "X-UID", "X-IMAP",
	"X-IMAPbase", "X-Keywords", "X-Delivery-ID", "Content-Length" };

/* The length of the field name that line begins with or consists of, blanks
 * behind it left out; -1 for no field. */
static int
name_length(struct str line)
{
	size_t end = 0, colon;

	while (end < line.length && line.at[end] > ' ' && line.at[end] <= '~' &&
	    line.at[end] != ':')
		end++;
	for (colon = end; colon < line.length; colon++)
		if (!str_has_octet(" \t\r", line.at[colon]))
			break;
	return colon == line.length || line.at[colon] == ':' ||
		line.at[colon] == '\n' ?
	    (int)end :
	    -1;
}

static bool
is_owned(struct str line, int length)
{
	for (size_t i = 0; i < COUNT(owned); i++)
		if (strlen(owned[i]) == (size_t)length &&
		    strncasecmp(owned[i], line.at, (size_t)length) == 0)
			return true;
	return false;
}

static bool
begins_like_from(struct str line)
{
	while (line.length > 0 && line.at[0] == '>')
		line = str_after(line, 1);
	return str_begins(line, "From ");
}

struct reference {
	struct sunk quoted; /* as it stands in the mbox */
	struct sunk bare;   /* the message without the fields left out */
};

static void
refer(struct str message, struct reference *want)
{
	bool header = true, dropping = false;

	want->quoted.length = want->bare.length = 0;
	while (message.length > 0) {
		size_t end = str_index(message, '\n');
		struct str line = str_head(
		    message, end == STR_NONE ? message.length : end + 1);
		int name;

		message = str_after(message, line.length);
		if (header && line.at[0] != ' ' && line.at[0] != '\t') {
			name = name_length(line);
			dropping = name >= 0 && is_owned(line, name);
			header = !str_is(line, "\n") && !str_is(line, "\r\n");
		} else if (!header)
			dropping = false;
		if (dropping)
			continue;
		if (begins_like_from(line))
			(void)sink_put(&want->quoted, STR(">"));
		(void)sink_put(&want->quoted, line);
		(void)sink_put(&want->bare, line);
	}
	if (want->quoted.length > 0 &&
	    want->quoted.room[want->quoted.length - 1] != '\n') {
		(void)sink_put(&want->quoted, STR("\n"));
		(void)sink_put(&want->bare, STR("\n"));
	}
	(void)sink_put(&want->quoted, STR("\n"));
}

/* What a reader of mboxrd gets: one ">" fewer, and no empty line at the
 * end. */
static void
read_back(struct str stored, struct sunk *into)
{
	into->length = 0;
	ck_assert_uint_gt(stored.length, 0);
	ck_assert_int_eq(stored.at[stored.length - 1], '\n');
	stored.length--;
	while (stored.length > 0) {
		size_t end = str_index(stored, '\n');
		struct str line =
		    str_head(stored, end == STR_NONE ? stored.length : end + 1);

		stored = str_after(stored, line.length);
		ck_assert_msg(!str_begins(line, "From "),
		    "a line of a body ends its message");
		if (begins_like_from(line))
			line = str_after(line, 1);
		(void)sink_put(into, line);
	}
}

/* All that must hold for one message and one way to cut it. */
static void
expect_formatted(struct str message, size_t first, size_t step)
{
	static struct reference want;
	static struct sunk got, again;

	refer(message, &want);
	ck_assert_int_eq(format(message, first, step, &got), 0);
	ck_assert_msg(expect_same(sunk_text(&got), sunk_text(&want.quoted)),
	    "given \"%s\" in pieces of %zu, %zu...: got \"%s\", want \"%s\"",
	    expect_show(message), first, step, expect_show(sunk_text(&got)),
	    expect_show(sunk_text(&want.quoted)));
	read_back(sunk_text(&got), &again);
	expect_str(message, sunk_text(&again), sunk_text(&want.bare));
}

static void
expect_formatted_anyhow(struct str message)
{
	for (size_t step = 1; step <= 40; step++)
		expect_formatted(message, step, step);
	for (size_t first = 1; first < message.length; first++)
		expect_formatted(message, first, message.length);
}

/* Each is compared with the reference and with want. */
static const struct {
	struct str given, want;
} messages[] = {
	{ TEXT(""), TEXT("\n") },
	{ TEXT("\n"), TEXT("\n\n") },
	{ TEXT("\n\n"), TEXT("\n\n\n") },
	{ TEXT("A: b\n\nbody\n"), TEXT("A: b\n\nbody\n\n") },
	{ TEXT("A: b\n\nbody"), TEXT("A: b\n\nbody\n\n") },
	{ TEXT("A: b\n\nbody\n\n\n"), TEXT("A: b\n\nbody\n\n\n\n") },
	/* Quoting. */
	{ TEXT("\nFrom x\n"), TEXT("\n>From x\n\n") },
	{ TEXT("\n>From x\n"), TEXT("\n>>From x\n\n") },
	{ TEXT("\n>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>From x\n"),
	    TEXT("\n>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>From x\n\n") },
	{ TEXT("\nFrom "), TEXT("\n>From \n\n") },
	{ TEXT("\nFrom"), TEXT("\nFrom\n\n") },
	{ TEXT("\nFrom\n"), TEXT("\nFrom\n\n") },
	{ TEXT("\nFrom\tx\n"), TEXT("\nFrom\tx\n\n") },
	{ TEXT("\nFrom: x\n"), TEXT("\nFrom: x\n\n") },
	{ TEXT("\nFromage\n"), TEXT("\nFromage\n\n") },
	{ TEXT("\nfrom x\n"), TEXT("\nfrom x\n\n") },
	{ TEXT("\n From x\n"), TEXT("\n From x\n\n") },
	{ TEXT("\n> From x\n"), TEXT("\n> From x\n\n") },
	{ TEXT("\nx From x\n"), TEXT("\nx From x\n\n") },
	{ TEXT("\nx\rFrom x\n"), TEXT("\nx\rFrom x\n\n") },
	{ TEXT("\n>"), TEXT("\n>\n\n") },
	{ TEXT("\n>\n>\n"), TEXT("\n>\n>\n\n") },
	{ TEXT("From x\nA: b\n"), TEXT(">From x\nA: b\n\n") },
	{ TEXT("A: b\nFrom x\nStatus: R\n"), TEXT("A: b\n>From x\n\n") },
	{ TEXT("A: b\n From x\n\nc\n"), TEXT("A: b\n From x\n\nc\n\n") },
	/* Fields of the store. */
	{ TEXT("Status: RO\n"), TEXT("\n") },
	{ TEXT("Status: RO"), TEXT("\n") },
	{ TEXT("A: b\nStatus: RO\nC: d\n\nx\n"), TEXT("A: b\nC: d\n\nx\n\n") },
	{ TEXT("A: b\nStatus: RO"), TEXT("A: b\n\n") },
	{ TEXT("sTATUS: RO\nx-uid: 1\nX-IMAPBASE: 1 2\nA: b\n\n"),
	    TEXT("A: b\n\n\n") },
	{ TEXT("X-Status: A\nX-UID: 1\nX-IMAP: 1\nX-IMAPbase: 1\n"
	       "X-Keywords: a\nX-Delivery-ID: 1\nContent-Length: 7\n\nbody\n"),
	    TEXT("\nbody\n\n") },
	{ TEXT("Status : RO\nX-UID\t: 1\nX-IMAP \t : 1\nA: b\n\n"),
	    TEXT("A: b\n\n\n") },
	{ TEXT("X-IMAPbase: 1\n 2\n\t3\nA: b\n c\n\n"),
	    TEXT("A: b\n c\n\n\n") },
	{ TEXT("Status:\n \n RO\nA: b\n"), TEXT("A: b\n\n") },
	{ TEXT("A: b\n 1\nStatus: R\n 2\nC: d\n 3\nX-UID: 4\n 5\n\nx\n"),
	    TEXT("A: b\n 1\nC: d\n 3\n\nx\n\n") },
	{ TEXT("Status:RO\nStatus:\n:\nA:\n"), TEXT(":\nA:\n\n") },
	/* Readers take a name alone for a field, and pass over what is none. */
	{ TEXT("Status\n RO\nX-UID \r\n\t: 1\nA: b\n\nX-UID\n"),
	    TEXT("A: b\n\nX-UID\n\n") },
	{ TEXT("A: b\nX-UID"), TEXT("A: b\n\n") },
	{ TEXT("no field\nStatus: RO\n"), TEXT("no field\n\n") },
	{ TEXT("A: b\nno field\nStatus: RO\n\nStatus: x\n"),
	    TEXT("A: b\nno field\n\nStatus: x\n\n") },
	{ TEXT("A: b\n-\n 1\nX-UID: 1\n"), TEXT("A: b\n-\n 1\n\n") },
	{ TEXT("A: b\n>From x\n>\nX-UID: 1\n"), TEXT("A: b\n>>From x\n>\n\n") },
	/* The header's end. */
	{ TEXT("A: b\n\r\nX-UID: 1\n"), TEXT("A: b\n\r\nX-UID: 1\n\n") },
	{ TEXT("A: b\n\r\r\nX-UID: 1\n"), TEXT("A: b\n\r\r\n\n") },
	/* Names that only look alike. */
	{ TEXT("Statu: x\nStatuss: x\nX-Status-2: x\nContent-Lengt: 1\n"),
	    TEXT("Statu: x\nStatuss: x\nX-Status-2: x\nContent-Lengt: 1\n\n") },
	/* A name may begin with ">", and the header goes on. */
	{ TEXT(">A: b\nStatus: R\nC: d\n"), TEXT(">A: b\nC: d\n\n") },
	{ TEXT(">>A : b\nX-UID: 1\n>: c\nX-IMAP: 1\n"),
	    TEXT(">>A : b\n>: c\n\n") },
	{ TEXT(">Status: R\nStatus: R\n"), TEXT(">Status: R\n\n") },
	{ TEXT(">From: b\nStatus: R\n"), TEXT(">From: b\n\n") },
	{ TEXT(">From b: c\nStatus: R\n"), TEXT(">>From b: c\n\n") },
	{ TEXT("From : b\nStatus: R\n"), TEXT(">From : b\n\n") },
	{ TEXT(">From \t:\nStatus: R\nA: b\n"), TEXT(">>From \t:\nA: b\n\n") },
	{ TEXT("From From : b\nStatus: R\n"), TEXT(">From From : b\n\n") },
	{ TEXT("> A: b\nStatus: R\n"), TEXT("> A: b\n\n") },
	{ TEXT("X-UID x: 1\nStatus: R\n"), TEXT("X-UID x: 1\n\n") },
	{ TEXT("Content-Length-of-a-name-that-is-longer-than-held: 1\n\n"),
	    TEXT("Content-Length-of-a-name-that-is-longer-than-held: 1\n"
		 "\n\n") },
	/* The body is nobody's business. */
	{ TEXT("A: b\n\nStatus: RO\nX-UID: 7\n Content-Length: 1\n"),
	    TEXT("A: b\n\nStatus: RO\nX-UID: 7\n Content-Length: 1\n\n") },
	/* Octets. */
	{ TEXT("A: \0b\0\n\n\0\0From x\n\0\n"),
	    TEXT("A: \0b\0\n\n\0\0From x\n\0\n\n") },
	{ TEXT("Sta\0tus: RO\nA: b\n"), TEXT("Sta\0tus: RO\nA: b\n\n") },
	{ TEXT("A: \xff\xfe\n\n\x80\xff From x\r\r\n"),
	    TEXT("A: \xff\xfe\n\n\x80\xff From x\r\r\n\n") },
	{ TEXT("St\xc3\xa4tus: x\nStatus: R\n"), TEXT("St\xc3\xa4tus: x\n\n") },
	{ TEXT("Status\r: R\nA: b\n"), TEXT("A: b\n\n") },
	{ TEXT("\rStatus: R\nA: b\n"), TEXT("\rStatus: R\nA: b\n\n") },
};

START_TEST(every_cut_gives_the_same)
{
	static struct sunk got;

	ck_assert_int_eq(format(messages[_i].given, ROOM, ROOM, &got), 0);
	expect_str(messages[_i].given, sunk_text(&got), messages[_i].want);
	expect_formatted_anyhow(messages[_i].given);
}
END_TEST

/* Whoever wants to be believed may write more blanks than we hold. */
/* The next length worth a look: all that are short, and those around what is
 * held of a line. */
static size_t
next_length(size_t length)
{
	bool close =
	    length + 20 > MBOX_HELD_OCTETS && length < MBOX_HELD_OCTETS + 20;

	return length + (length < 100 || close ? 1 : 19);
}

START_TEST(no_number_of_blanks_hides_a_field)
{
	char room[3 * MBOX_HELD_OCTETS];

	for (size_t blanks = 0; blanks < 2 * MBOX_HELD_OCTETS;
	     blanks = next_length(blanks)) {
		int length = snprintf(room, sizeof(room),
		    "A: b\nX-UID%*s: 7\nC: d\n\n", (int)blanks, "");
		struct str given = str_of(room, (size_t)length);

		expect_formatted(given, given.length, given.length);
		expect_formatted(given, 1, 1);
	}
}
END_TEST

START_TEST(names_of_every_length_are_kept)
{
	char room[3 * MBOX_HELD_OCTETS];

	for (size_t length = 1; length < 2 * MBOX_HELD_OCTETS;
	     length = next_length(length)) {
		struct str given = str_of(room, length + 5);

		memset(room, 'x', length);
		memcpy(room + length, ": a\n\n", 5);
		expect_formatted(given, given.length, given.length);
		expect_formatted(given, 1, 1);
		expect_formatted(given, 24, 24);
	}
}
END_TEST

/* A generator of our own, so that a failure comes again. */
static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static const struct str words[] = { TEXT("\n"), TEXT("\n"), TEXT("\n"),
	TEXT("\n\n"), TEXT(" "), TEXT("\t"), TEXT(":"), TEXT(": "), TEXT(">"),
	TEXT(">>"), TEXT("From "), TEXT("From"), TEXT("\nFrom "), TEXT("Fro"),
	TEXT("m "), TEXT("Status"), TEXT("status:"), TEXT("X-UID: 1\n"),
	TEXT("X-IMAPbase"), TEXT("Content-Length: 5"), TEXT("Subject: x\n"),
	TEXT("X-"), TEXT("\0"), TEXT("\r"), TEXT("\xff"), TEXT("a"),
	TEXT("a-name-of-more-than-24-octets"), TEXT("\n "), TEXT("\n\t") };

START_TEST(messages_of_chance_are_as_the_reference_says)
{
	uint32_t state = (uint32_t)_i + 1;

	for (int round = 0; round < 400; round++) {
		char room[1024];
		size_t length = 0, count = next_random(&state) % 30;

		for (size_t i = 0; i < count; i++) {
			const struct str *word =
			    &words[next_random(&state) % COUNT(words)];

			memcpy(room + length, word->at, word->length);
			length += word->length;
		}
		for (size_t step = 1; step < 9; step++)
			expect_formatted(str_of(room, length),
			    next_random(&state) % 12 + 1, step);
		expect_formatted(str_of(room, length), length + 1, 1);
	}
}
END_TEST

START_TEST(a_sink_that_fails_is_not_asked_again)
{
	static struct sunk got;
	struct str given = STR("A: b\nStatus: x\nC: d\n\nFrom x\n>From y\nz");
	size_t puts;

	ck_assert_int_eq(format(given, 3, 3, &got), 0);
	puts = got.puts;
	ck_assert_uint_gt(puts, 5);
	for (size_t i = 1; i <= puts; i++) {
		got.fail_at = i;
		errno = 0;
		ck_assert_int_eq(format(given, 3, 3, &got), -1);
		ck_assert_int_eq(errno, ENOSPC);
		ck_assert_uint_eq(got.puts, i);
	}
}
END_TEST

/* The From_ line. */

static struct str
from_line(struct str sender, time_t when)
{
	static char room[1024];
	struct buf into;

	buf_init(&into, room, sizeof(room));
	mbox_format_from_line(&into, sender, when);
	ck_assert(!into.overflow);
	return buf_str(&into);
}

static const struct {
	struct str sender, want;
	time_t when;
} lines[] = {
	{ TEXT("a@b.example"),
	    TEXT("From a@b.example  Sun Nov  9 01:46:40 "
		 "2008\n"),
	    1226195200 },
	{ TEXT(""), TEXT("From MAILER-DAEMON  Thu Jan  1 00:00:00 1970\n"), 0 },
	{ TEXT("x"), TEXT("From x  Sat Dec 31 23:59:59 2016\n"), 1483228799 },
	{ TEXT("x"), TEXT("From x  Thu Feb 29 12:00:00 2024\n"), 1709208000 },
	{ TEXT("x"), TEXT("From x  Mon Feb  1 00:00:00 2106\n"), 4294425600 },
	{ TEXT("a\nFrom b@c\r\0\x1b\x7f"),
	    TEXT("From a?From b@c????  Thu Jan  1 00:00:00 1970\n"), 0 },
	{ TEXT("\"a b\"@c"), TEXT("From \"a b\"@c  Thu Jan  1 00:00:00 1970\n"),
	    0 },
	{ TEXT("j\xc3\xbcrgen@b"),
	    TEXT("From j\xc3\xbcrgen@b  Thu Jan  1 00:00:00 1970\n"), 0 },
};

static void
in_utc(void)
{
	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	tzset();
}

START_TEST(the_From_line_is_as_Postfix_writes_it)
{
	in_utc();
	expect_str(lines[_i].sender,
	    from_line(lines[_i].sender, lines[_i].when), lines[_i].want);
}
END_TEST

START_TEST(the_date_of_the_From_line_is_local)
{
	ck_assert_int_eq(setenv("TZ", "TST-5:30", 1), 0);
	tzset();
	expect_str(STR("x"), from_line(STR("x"), 0),
	    STR("From x  Thu Jan  1 05:30:00 1970\n"));
}
END_TEST

START_TEST(a_sender_of_any_length_leaves_one_line)
{
	char room[2000];

	in_utc();
	memset(room, 'x', sizeof(room));
	for (size_t length = 1; length < sizeof(room); length += 7) {
		struct str got = from_line(str_of(room, length), 0);

		ck_assert_uint_eq(str_index(got, '\n'), got.length - 1);
		ck_assert(str_begins(got, "From x"));
		ck_assert(str_ends(got, "x  Thu Jan  1 00:00:00 1970\n"));
	}
}
END_TEST

/* Of every octet in a sender, one line comes out that a reader takes for a
 * From_ line: "From ", no control, "  ", a date as asctime(3) writes it. */
START_TEST(no_octet_of_a_sender_breaks_the_line)
{
	in_utc();
	for (int c = 0; c < 256; c++) {
		char sender[] = { 'a', (char)c, 'b' };
		struct str got = from_line(str_of(sender, 3), 0);

		ck_assert(str_begins(got, "From a"));
		ck_assert(str_ends(got, "b  Thu Jan  1 00:00:00 1970\n"));
		got.length--;
		ck_assert_msg(!str_has_control(got), "octet %d", c);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mbox format");
	TCase *body = tcase_create("message");
	TCase *line = tcase_create("From_ line");

	tcase_add_loop_test(body, every_cut_gives_the_same, 0, COUNT(messages));
	tcase_add_test(body, no_number_of_blanks_hides_a_field);
	tcase_add_test(body, names_of_every_length_are_kept);
	tcase_add_loop_test(
	    body, messages_of_chance_are_as_the_reference_says, 0, 10);
	tcase_add_test(body, a_sink_that_fails_is_not_asked_again);
	tcase_add_loop_test(
	    line, the_From_line_is_as_Postfix_writes_it, 0, COUNT(lines));
	tcase_add_test(line, the_date_of_the_From_line_is_local);
	tcase_add_test(line, a_sender_of_any_length_leaves_one_line);
	tcase_add_test(line, no_octet_of_a_sender_breaks_the_line);
	suite_add_tcase(suite, body);
	suite_add_tcase(suite, line);
	return expect_run(suite);
}
