/*
 * check_message.c - what comes in is what is kept, however the reads fall.
 *
 * Each message is compared with a reference that looks at one octet after
 * the other: CRLF becomes LF, one leading From_ line goes, W= counts an LF
 * twice unless a CR is before it.
 */
#include "mail/message.h"

#include "../base/expect.h"
#include "base/stop.h"
#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY MESSAGE_MEMORY_OCTETS

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct message message;

/* A spool that is a file, and counts how often it was opened. */
struct spool {
	int opened;
	bool refuses;
	const char *path;
};

static struct spool spool;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	memset(&spool, 0, sizeof(spool));
	spool.path = scratch_path(&scratch, "spool");
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static int
open_spool(void *context, struct status *into)
{
	struct spool *at = context;

	at->opened++;
	if (at->refuses)
		return status_fail(into, STATUS_LOCKED, "the spool refuses");
	return open(at->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static int
receive_limited(
    int fd, bool strip, const struct message_limit *limits, size_t limit_count)
{
	struct message_source from = {
		.fd = fd, .name = "the test", .strip_from_line = strip
	};
	struct message_spool to = { open_spool, &spool, "the spool" };

	return message_receive(
	    &message, &from, limits, limit_count, &to, &arena, &why);
}

static int
receive(int fd, bool strip)
{
	return receive_limited(fd, strip, NULL, 0);
}

/* What was received, from wherever it is. */
static struct str
received(void)
{
	size_t size = (size_t)message.size_octets;
	char *text;

	if (message.file < 0)
		return message.memory;
	text = arena_take(&arena, size + 2);
	ck_assert_int_eq(pread(message.file, text, size + 1, 0), (ssize_t)size);
	return str_of(text, size);
}

/* The reference. */
static struct str
want_of(struct str given, bool strip)
{
	char *text = arena_take(&arena, given.length + 1);
	const char *end;
	size_t length = 0;

	for (size_t i = 0; i < given.length; i++)
		if (given.at[i] != '\r' || i + 1 == given.length ||
		    given.at[i + 1] != '\n')
			text[length++] = given.at[i];
	end = memchr(text, '\n', length);
	if (strip && length >= 5 && memcmp(text, "From ", 5) == 0 &&
	    end != NULL)
		return str_of(
		    end + 1, length - (size_t)(end + 1 - (const char *)text));
	return str_of(text, length);
}

static uint64_t
crlf_octets_of(struct str text)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < text.length; i++)
		octets +=
		    text.at[i] == '\n' && (i == 0 || text.at[i - 1] != '\r') ?
		    2 :
		    1;
	return octets;
}

static size_t
first_difference(struct str one, struct str other)
{
	size_t i = 0;

	while (i < one.length && i < other.length && one.at[i] == other.at[i])
		i++;
	return i;
}

static void
expect_received(const char *label, struct str want)
{
	struct str got = received();

	ck_assert_msg(expect_same(got, want),
	    "%s: %zu octets instead of %zu, different from octet %zu on", label,
	    got.length, want.length, first_difference(got, want));
	ck_assert_msg(message.size_octets == want.length, "%s: S=%ju, not %zu",
	    label, (uintmax_t)message.size_octets, want.length);
	ck_assert_msg(message.crlf_octets == crlf_octets_of(want),
	    "%s: W=%ju, not %ju", label, (uintmax_t)message.crlf_octets,
	    (uintmax_t)crlf_octets_of(want));
}

/* A descriptor from which each read(2) gives one piece. */
static int
pieces_of(struct str given, unsigned cuts)
{
	size_t begin = 0;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	for (size_t i = 1; i <= given.length; i++) {
		if (i < given.length && i <= 32 && (cuts & 1U << (i - 1)) == 0)
			continue;
		ck_assert_int_eq(send(ends[1], given.at + begin, i - begin, 0),
		    (ssize_t)(i - begin));
		begin = i;
	}
	ck_assert_int_eq(close(ends[1]), 0);
	return ends[0];
}

static int
file_of(struct str given)
{
	int fd;

	scratch_write_octets(&scratch, "given", given.at, given.length);
	fd = open(scratch_path(&scratch, "given"), O_RDONLY);
	ck_assert_int_ge(fd, 0);
	scratch.note_count--; /* tests of many messages use one note */
	return fd;
}

static const struct str texts[] = {
	TEXT("a\r\nb\r\n"),
	TEXT("\r\n\r\n\r\n"),
	TEXT("a\r\r\nb\r\r\r\n"),
	TEXT("\r\r\r\r\r"),
	TEXT("\r"),
	TEXT("\n"),
	TEXT("\n\r"),
	TEXT("\n\r\n\r"),
	TEXT("a\rb\n\nc"),
	TEXT("\0\r\n\0\r\0\n"),
	TEXT("\xff\xfe\r\n\x80"),
	TEXT("From \n\r\na"),
	TEXT("From a\r\nb\r"),
	TEXT("From \rFrom\nc"),
	TEXT(">From a\nb"),
	TEXT("From a"),
	TEXT("a: b\n\nFrom x\n"),
	TEXT("x"),
};

START_TEST(every_chunking_gives_the_same_message)
{
	struct str given = texts[_i];
	struct str stripped = want_of(given, true);
	struct str kept = want_of(given, false);
	size_t most = given.length > 9 ? 9 : given.length;

	for (unsigned cuts = 0; cuts < 1U << (most - 1); cuts++) {
		int fd = pieces_of(given, cuts | ~0U << (most - 1));
		char label[64];
		int rc;

		arena_init(&arena, expect_memory);
		(void)snprintf(
		    label, sizeof(label), "text %d, cuts %#x", _i, cuts);
		rc = receive(fd, cuts % 2 == 0);
		ck_assert_msg(rc == 0, "%s: %s", label, why.cause);
		ck_assert_int_eq(message.file, -1);
		expect_received(label, cuts % 2 == 0 ? stripped : kept);
		(void)close(fd);
	}
}
END_TEST

/* Two texts that differ from each other only at the end of the memory. */
static const struct str tails[] = {
	TEXT("\r\n"),
	TEXT("\r"),
	TEXT("\r\r\n"),
	TEXT("\n"),
	TEXT("\n\n"),
	TEXT("\n\r\n"),
	TEXT("x"),
};

/* Around the end of the memory a CR may be read without its LF. */
START_TEST(end_of_memory_cuts_nothing)
{
	char *text = arena_take(&arena, MEMORY + 16);
	int spooled = 0;

	for (size_t at = MEMORY - 4; at <= MEMORY + 1; at++) {
		for (size_t more = 0; more < 2; more++) {
			struct str tail = tails[_i], given;
			char label[64];
			int fd;

			memset(text, 'a', MEMORY + 16);
			text[70] = '\n';
			memcpy(text + at, tail.at, tail.length);
			given = str_of(text, at + tail.length + more);
			(void)snprintf(label, sizeof(label),
			    "tail %d at %zu and %zu more", _i, at, more);
			fd = file_of(given);
			ck_assert_int_eq(receive(fd, true), 0);
			expect_received(label, want_of(given, true));
			spooled += message.file >= 0;
			if (message.file >= 0)
				(void)close(message.file);
			(void)close(fd);
			arena_init(&arena, expect_memory);
		}
	}
	/* Both sides of the end have been tried. */
	ck_assert_int_gt(spooled, 0);
	ck_assert_int_eq(spooled, spool.opened);
}
END_TEST

/* The header: up to MESSAGE_MEMORY_OCTETS stay in memory. */
static const struct {
	int difference;
	bool in_memory;
} sizes[] = {
	{ -2, true },
	{ -1, true },
	{ 0, true },
	{ 1, false },
	{ 2, false },
};

START_TEST(long_message_goes_to_the_spool)
{
	size_t length = (size_t)((long)MEMORY + sizes[_i].difference);
	char *text = arena_take(&arena, length);
	int fd;

	memset(text, 'a', length);
	fd = file_of(str_of(text, length));
	ck_assert_int_eq(receive(fd, true), 0);
	expect_received("size", str_of(text, length));
	ck_assert_msg((message.file < 0) == sizes[_i].in_memory,
	    "a message of MESSAGE_MEMORY_OCTETS %+d is %s",
	    sizes[_i].difference,
	    message.file < 0 ? "in memory" : "in the spool");
	ck_assert_int_eq(spool.opened, sizes[_i].in_memory ? 0 : 1);
}
END_TEST

static void
feed(int fd, struct str given, size_t piece)
{
	while (given.length > 0) {
		struct str part = str_head(given, piece);
		ssize_t written = write(fd, part.at, part.length);

		if (written < 0)
			_exit(1);
		given = str_after(given, (size_t)written);
	}
	_exit(0);
}

/* A pipe that a child fills. */
static int
fed_pipe(struct str given, size_t piece, pid_t *child)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	*child = fork();
	ck_assert_int_ge(*child, 0);
	if (*child == 0) {
		(void)close(ends[0]);
		feed(ends[1], given, piece);
	}
	(void)close(ends[1]);
	return ends[0];
}

static const size_t piece_sizes[] = { 1000003, 65537, 4096, 4095, 511 };

/* Octets that a line end is often among, the same in each run. */
static struct str
mixture(size_t length)
{
	static const char octets[] = "\r\n\r\n\n\r\0a\xff:From ";
	char *text = arena_take(&arena, length);
	uint32_t state = 1;

	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		text[i] = octets[(state >> 16) % (sizeof(octets) - 1)];
	}
	return str_of(text, length);
}

START_TEST(pipe_is_read_to_its_end)
{
	struct str given = mixture(3 * MEMORY + 77);
	pid_t child;
	int fd = fed_pipe(given, piece_sizes[_i], &child);

	ck_assert_int_eq(receive(fd, true), 0);
	expect_received("mixture", want_of(given, true));
	ck_assert_int_eq(spool.opened, 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

START_TEST(reader_that_may_not_wait_waits)
{
	struct str given = mixture(100000);
	pid_t child;
	int fd = fed_pipe(given, 777, &child);

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(receive(fd, false), 0);
	expect_received("mixture", want_of(given, false));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* A feeder that always has more keeps no call waiting. */
START_TEST(reading_ends_with_the_time)
{
	struct stop_words words = { .fd = -1, .words = "", .exit_code = 75 };
	int signals[] = { SIGALRM, SIGTERM };
	int fd = open("/dev/zero", O_RDONLY);

	stop_prepare_signals(words);
	ck_assert_int_eq(raise(signals[_i]), 0);
	ck_assert_int_eq(receive(fd, false), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_TROUBLE);
	ck_assert_int_eq(spool.opened, 0);
	expect_holds(why.cause, _i == 0 ? "delivery_timeout" : "signal");
	(void)close(fd);
}
END_TEST

START_TEST(from_line_before_a_long_message_goes)
{
	char *text = arena_take(&arena, 2 * MEMORY);
	struct str given = str_of(text, 2 * MEMORY);
	int fd;

	memset(text, 'a', 2 * MEMORY);
	memcpy(text, "From a@b  x\r\n", 13);
	fd = file_of(given);
	ck_assert_int_eq(receive(fd, true), 0);
	expect_received("long", str_after(given, 13));
	ck_assert(message.facts.has_from_line);
	expect_str(STR("From_"), message.facts.from_line, STR("a@b"));
}
END_TEST

static const struct {
	struct str given;
	bool strip;
} empty[] = {
	{ TEXT(""), true },
	{ TEXT(""), false },
	{ TEXT("From a@b  Wed Jan  1 00:00:00 2025\n"), true },
};

START_TEST(empty_message_is_a_broken_caller)
{
	int fd = pieces_of(empty[_i].given, 0);

	ck_assert_int_eq(receive(fd, empty[_i].strip), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_TROUBLE);
	expect_holds(why.cause, "the test");
}
END_TEST

START_TEST(source_that_cannot_be_read_is_trouble)
{
	int directory = open(scratch.root, O_RDONLY);

	ck_assert_int_eq(receive(-1, true), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_TROUBLE);
	expect_holds(why.cause, "the test");
	status_init(&why);
	ck_assert_int_eq(receive(directory, true), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_TROUBLE);
}
END_TEST

static const struct {
	size_t length, limit;
	bool fine;
} limited[] = {
	{ 10, 10, true },
	{ 11, 10, false },
	{ 1, 0, false },
	{ MEMORY, MEMORY, true },
	{ MEMORY + 1, MEMORY, false },
	{ 3 * MEMORY, 3 * MEMORY, true },
	{ 3 * MEMORY + 1, 3 * MEMORY, false },
	{ 3 * MEMORY, 10, false },
};

START_TEST(limit_is_exact)
{
	struct message_limit limits[] = {
		{ .octets = MESSAGE_NO_LIMIT,
		    .id = STATUS_TROUBLE,
		    .name = "none" },
		{ .octets = limited[_i].limit,
		    .id = STATUS_MESSAGE_TOO_BIG,
		    .name = "limit (file:7)" },
	};
	size_t length = limited[_i].length;
	char *text = arena_take(&arena, length);
	int fd, rc;

	memset(text, 'a', length);
	fd = file_of(str_of(text, length));
	rc = receive_limited(fd, true, limits, COUNT(limits));
	ck_assert_int_eq(rc, limited[_i].fine ? 0 : -1);
	if (limited[_i].fine)
		return;
	ck_assert_int_eq((int)why.id, (int)STATUS_MESSAGE_TOO_BIG);
	expect_holds(why.cause, "limit (file:7)");
}
END_TEST

/* The From_ line is none of the message's octets, nor is a CR that goes. */
START_TEST(limit_is_of_what_is_kept)
{
	struct message_limit limit = {
		.octets = 4, .id = STATUS_MESSAGE_TOO_BIG, .name = "limit"
	};

	ck_assert_int_eq(
	    receive_limited(
		pieces_of(STR("From a\nb\r\nc\r\n"), 0), true, &limit, 1),
	    0);
	ck_assert_uint_eq(message.size_octets, 4);
}
END_TEST

static int
long_file(void)
{
	char *text = arena_take(&arena, 2 * MEMORY);

	return file_of(str_of(text, 2 * MEMORY));
}

START_TEST(spool_that_refuses_is_answered)
{
	spool.refuses = true;
	ck_assert_int_eq(receive(long_file(), true), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_LOCKED);
	ck_assert_str_eq(why.cause, "the spool refuses");
}
END_TEST

START_TEST(full_disk_below_the_spool_is_answered)
{
	spool.path = "/dev/full";
	if (access(spool.path, W_OK) < 0)
		return; /* only Linux has it */
	ck_assert_int_eq(receive(long_file(), true), -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_DISK_FULL);
	expect_holds(why.cause, "the spool");
}
END_TEST

/* Facts; NULL is "not there". */
static const struct {
	struct str given;
	const char *from_line, *return_path, *original_to, *delivered_to;
	const char *message_id, *queue_id;
} heads[] = {
	{ TEXT("From a@b  Wed Jan  1 00:00:00 2025\nReturn-Path: <c@d>\n"
	       "X-Original-To: e@f\nDelivered-To: g@h\nReceived: by x\n\tid "
	       "4jW; date\nMessage-ID: <i@j>\n\nx"),
	    "a@b", "<c@d>", "e@f", "g@h", "<i@j>", "4jW" },
	{ TEXT("return-PATH: <>\nmessage-id: <i@j>\n\nx"), NULL, "<>", NULL,
	    NULL, "<i@j>", NULL },
	{ TEXT("Return-Path:\n\nx"), NULL, "", NULL, NULL, NULL, NULL },
	{ TEXT("Message-ID:\n <i@\n j>\n\nx"), NULL, NULL, NULL, NULL, "<i@ j>",
	    NULL },
	{ TEXT("x"), NULL, NULL, NULL, NULL, NULL, NULL },
	{ TEXT("\nReturn-Path: <c@d>\n"), NULL, NULL, NULL, NULL, NULL, NULL },
	/* Further down anybody may have written it. */
	{ TEXT("Received: by x id 4jW\nReturn-Path: <c@d>\nX-Original-To: "
	       "e@f\nDelivered-To: g@h\n\nx"),
	    NULL, NULL, NULL, NULL, NULL, "4jW" },
	{ TEXT("Subject: x\nReturn-Path: <c@d>\n\nx"), NULL, NULL, NULL, NULL,
	    NULL, NULL },
	{ TEXT("Return-Path: <c@d>\nX-Original-To: e@f\nDelivered-To: g@h\n"
	       "Return-Path: <evil@d>\nX-Original-To: evil@f\nDelivered-To: "
	       "evil@h\n\nx"),
	    NULL, "<c@d>", "e@f", "g@h", NULL, NULL },
	/* The topmost Received, the first Message-ID. */
	{ TEXT("Received: by x id 1\nReceived: by y id 2\nMessage-ID: <1>\n"
	       "Message-ID: <2>\n\nx"),
	    NULL, NULL, NULL, NULL, "<1>", "1" },
	{ TEXT("Received: by x\nReceived: by y id 2\n\nx"), NULL, NULL, NULL,
	    NULL, NULL, "" },
	/* The body is no header. */
	{ TEXT("A: b\n\nMessage-ID: <i@j>\n"), NULL, NULL, NULL, NULL, NULL,
	    NULL },
	{ TEXT("A: b\nno field\nMessage-ID: <i@j>\n"), NULL, NULL, NULL, NULL,
	    NULL, NULL },
	/* Only the first line is a From_ line. */
	{ TEXT("A: b\nFrom a@b\n\n"), NULL, NULL, NULL, NULL, NULL, NULL },
	{ TEXT("From a@b\nFrom c@d\n\n"), "a@b", NULL, NULL, NULL, NULL, NULL },
};

static void
expect_fact(
    struct str given, const char *name, struct str got, const char *want)
{
	ck_assert_msg(expect_same(got, str_from(want)),
	    "given \"%s\": %s is \"%s\", not \"%s\"", expect_show(given), name,
	    expect_show(got), want == NULL ? "(none)" : want);
}

START_TEST(facts_stand_at_the_top)
{
	struct str given = heads[_i].given;
	const struct message_facts *facts = &message.facts;

	ck_assert_int_eq(receive(pieces_of(given, 0), true), 0);
	expect_bool(given, facts->has_from_line, heads[_i].from_line != NULL);
	expect_bool(
	    given, facts->has_return_path, heads[_i].return_path != NULL);
	expect_fact(given, "From_", facts->from_line, heads[_i].from_line);
	expect_fact(
	    given, "Return-Path", facts->return_path, heads[_i].return_path);
	expect_fact(
	    given, "X-Original-To", facts->original_to, heads[_i].original_to);
	expect_fact(
	    given, "Delivered-To", facts->delivered_to, heads[_i].delivered_to);
	expect_fact(
	    given, "Message-ID", facts->message_id, heads[_i].message_id);
	expect_fact(given, "queue id", facts->queue_id, heads[_i].queue_id);
}
END_TEST

START_TEST(from_line_is_kept_where_it_is_not_ours)
{
	struct str given = STR("From a@b\nReturn-Path: <c@d>\n\nx");

	ck_assert_int_eq(receive(pieces_of(given, 0), false), 0);
	expect_received("-p", given);
	ck_assert(!message.facts.has_from_line);
}
END_TEST

START_TEST(flood_of_fields_passes_unchanged)
{
	static const char field[] = "X: y\r\n";
	size_t count = 40000, length = sizeof(field) - 1;
	char *text = arena_take(&arena, count * length);
	struct str given = str_of(text, count * length);

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * length, field, length);
	ck_assert_int_eq(receive(file_of(given), true), 0);
	expect_received("flood", want_of(given, true));
}
END_TEST

START_TEST(endless_field_is_kept_short)
{
	size_t length = MEMORY / 2;
	char *text = arena_take(&arena, length);

	memset(text, 'a', length);
	memcpy(text, "Message-ID: ", 12);
	ck_assert_int_eq(receive(file_of(str_of(text, length)), true), 0);
	expect_received("field", str_of(text, length));
	ck_assert_uint_gt(message.facts.message_id.length, 100);
	ck_assert_uint_lt(message.facts.message_id.length, 10000);
}
END_TEST

/* In pieces, as the LMTP server is given it. */

#define PIECES                                                                 \
	"Return-Path: <old@x>\r\nReceived: by a\r\nDelivered-To: bob@x\r\n"    \
	"Received: by b\r\nSubject: hi\r\n\r\nlone\rcr\nlf\r\n\r"
#define PIECES_STORED                                                          \
	"Received: by a\nDelivered-To: bob@x\nReceived: by b\nSubject: hi\n\n" \
	"lone\rcr\nlf\n\r"

static struct message_source
pieces_source(struct str prefix)
{
	struct message_source from = { .fd = -1,
		.name = "the pieces",
		.strip_return_path = true,
		.may_be_empty = true,
		.prefix = prefix };

	return from;
}

/* The prefix, and what stands behind it. */
static struct str
all_received(void)
{
	struct str body = received();
	char *text;

	if (message.file >= 0)
		return body;
	text = arena_take(&arena, message.prefix.length + body.length + 1);
	memcpy(text, message.prefix.at, message.prefix.length);
	memcpy(text + message.prefix.length, body.at, body.length);
	return str_of(text, message.prefix.length + body.length);
}

START_TEST(pieces_make_the_whole_at_any_split)
{
	const struct str given = STR(PIECES), prefix = STR("A: 1\nB: 2\n");
	struct message_spool to = { open_spool, &spool, "the spool" };

	for (size_t split = 0; split <= given.length; split++) {
		struct message_source from = pieces_source(prefix);
		struct message_intake intake;

		message_begin(&intake, &message, &from, NULL, 0, &to, &arena);
		ck_assert_int_eq(
		    message_add(&intake, str_head(given, split), &why), 0);
		ck_assert_int_eq(
		    message_add(&intake, str_after(given, split), &why), 0);
		ck_assert_int_eq(message_end(&intake, &why), 0);
		expect_str(
		    given, all_received(), STR("A: 1\nB: 2\n" PIECES_STORED));
		ck_assert_uint_eq(
		    message.size_octets, strlen("A: 1\nB: 2\n" PIECES_STORED));
		ck_assert_uint_eq(message.crlf_octets,
		    strlen("A: 1\r\nB: 2\r\nReceived: by a\r\nDelivered-To: "
			   "bob@x\r\nReceived: by b\r\nSubject: hi\r\n\r\n"
			   "lone\rcr\r\nlf\r\n\r"));
		ck_assert_uint_eq(message.facts.hops, 2);
		ck_assert_uint_eq(message.facts.delivered_count, 1);
		expect_str(given, message.facts.delivered[0], STR("bob@x"));
	}
}
END_TEST

START_TEST(long_pieces_go_on_into_the_spool_behind_the_prefix)
{
	struct message_source from = pieces_source(STR("A: 1\n"));
	struct message_spool to = { open_spool, &spool, "the spool" };
	struct message_intake intake;
	const struct str line = STR("a line of the message\r\n");
	struct str got;

	message_begin(&intake, &message, &from, NULL, 0, &to, &arena);
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(message_add(&intake, line, &why), 0);
	ck_assert_int_eq(message_end(&intake, &why), 0);
	ck_assert_int_ge(message.file, 0);
	ck_assert_uint_eq(message.prefix.length, 0);
	got = all_received();
	ck_assert_uint_eq(got.length, 5 + 10000 * (line.length - 1));
	ck_assert(str_begins(got, "A: 1\na line of the message\na line"));
	ck_assert_uint_eq(message.crlf_octets, 6 + 10000 * line.length);
}
END_TEST

START_TEST(delivered_to_counts_only_below_received)
{
	struct message_source from = pieces_source(STR(""));
	struct message_spool to = { open_spool, &spool, "the spool" };
	struct message_intake intake;

	message_begin(&intake, &message, &from, NULL, 0, &to, &arena);
	ck_assert_int_eq(message_add(&intake,
			     STR("Delivered-To: a@x\nX: y\nDelivered-To: b@x\n"
				 "Received: z\nDelivered-To: c@x\n\n"
				 "Delivered-To: d@x\n"),
			     &why),
	    0);
	ck_assert_int_eq(message_end(&intake, &why), 0);
	ck_assert_uint_eq(message.facts.hops, 1);
	ck_assert_uint_eq(message.facts.delivered_count, 1);
	expect_str(STR("c"), message.facts.delivered[0], STR("c@x"));
}
END_TEST

START_TEST(empty_message_is_one_where_it_may_be)
{
	struct message_source from = pieces_source(STR("A: 1\n"));
	struct message_spool to = { open_spool, &spool, "the spool" };
	struct message_intake intake;

	message_begin(&intake, &message, &from, NULL, 0, &to, &arena);
	ck_assert_int_eq(message_end(&intake, &why), 0);
	ck_assert_uint_eq(message.size_octets, 5);
	from.may_be_empty = false;
	message_begin(&intake, &message, &from, NULL, 0, &to, &arena);
	ck_assert_int_eq(message_end(&intake, &why), -1);
	ck_assert_int_eq(why.id, STATUS_TROUBLE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("message");
	TCase *octets = tcase_create("octets");
	TCase *refusals = tcase_create("refusals");
	TCase *facts = tcase_create("facts");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(octets, open_all, close_all);
	tcase_add_loop_test(octets, every_chunking_gives_the_same_message, 0,
	    (int)COUNT(texts));
	tcase_add_loop_test(
	    octets, end_of_memory_cuts_nothing, 0, (int)COUNT(tails));
	tcase_add_loop_test(
	    octets, long_message_goes_to_the_spool, 0, (int)COUNT(sizes));
	tcase_add_loop_test(
	    octets, pipe_is_read_to_its_end, 0, (int)COUNT(piece_sizes));
	tcase_add_test(octets, reader_that_may_not_wait_waits);
	if (expect_forks())
		tcase_add_loop_test(octets, reading_ends_with_the_time, 0, 2);
	tcase_add_test(octets, from_line_before_a_long_message_goes);
	suite_add_tcase(suite, octets);
	tcase_add_checked_fixture(refusals, open_all, close_all);
	tcase_add_loop_test(
	    refusals, empty_message_is_a_broken_caller, 0, (int)COUNT(empty));
	tcase_add_test(refusals, source_that_cannot_be_read_is_trouble);
	tcase_add_loop_test(refusals, limit_is_exact, 0, (int)COUNT(limited));
	tcase_add_test(refusals, limit_is_of_what_is_kept);
	tcase_add_test(refusals, spool_that_refuses_is_answered);
	tcase_add_test(refusals, full_disk_below_the_spool_is_answered);
	suite_add_tcase(suite, refusals);
	tcase_add_checked_fixture(facts, open_all, close_all);
	tcase_add_loop_test(
	    facts, facts_stand_at_the_top, 0, (int)COUNT(heads));
	tcase_add_test(facts, from_line_is_kept_where_it_is_not_ours);
	tcase_add_test(facts, flood_of_fields_passes_unchanged);
	tcase_add_test(facts, endless_field_is_kept_short);
	tcase_add_test(facts, pieces_make_the_whole_at_any_split);
	tcase_add_test(
	    facts, long_pieces_go_on_into_the_spool_behind_the_prefix);
	tcase_add_test(facts, delivered_to_counts_only_below_received);
	tcase_add_test(facts, empty_message_is_one_where_it_may_be);
	suite_add_tcase(suite, facts);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
