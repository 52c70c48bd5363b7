/*
 * check_lmtp_framing.c - only CRLF.CRLF ends a message, wherever it is split,
 * and nothing but the dots of transparency is changed.
 *
 * Source: RFC 5321, 4.5.2; DESIGN A12; CVE-2000-0319; CVE-2023-51764 to 51766.
 */
#include "wire/lmtp_framing.h"

#include "../base/expect.h"
#include "base/buf.h"

struct outcome {
	struct buf text;
	bool ended;
	size_t left; /* octets behind the end */
	unsigned pieces;
};

/* Up to count octets at a time, each time in memory of their own. */
static void
read_message(struct str given, size_t count, struct outcome *got)
{
	enum lmtp_framing framing = FRAMING_LINE;
	struct cursor all = cursor_over(given);

	got->pieces = 0;
	got->left = 0;
	while (!cursor_at_end(&all) && framing != FRAMING_END) {
		struct str some = cursor_octets(&all, count), text;
		char *copy = malloc(some.length);
		struct cursor in = cursor_over(str_of(copy, some.length));

		if (copy == NULL)
			ck_abort_msg("no memory");
		memcpy(copy, some.at, some.length);
		while (lmtp_framing_text(&framing, &in, &text)) {
			buf_add(&got->text, text);
			got->pieces++;
		}
		got->left = in.rest.length + all.rest.length;
		free(copy);
	}
	got->ended = framing == FRAMING_END;
}

static const struct {
	struct str given;
	struct str text;
	bool ends;
	size_t left;
} rows[] = {
	{ TEXT(".\r\n"), TEXT(""), true, 0 },
	{ TEXT("a\r\n.\r\n"), TEXT("a\r\n"), true, 0 },
	{ TEXT("a\r\n.\r\n.\r\n"), TEXT("a\r\n"), true, 3 },
	{ TEXT("a\r\n.\r\nMAIL FROM:<>\r\n"), TEXT("a\r\n"), true, 14 },
	{ TEXT("\r\n.\r\n"), TEXT("\r\n"), true, 0 },
	/* What other servers have taken for the end. */
	{ TEXT("a\n.\nMAIL"), TEXT("a\n.\nMAIL"), false, 0 },
	{ TEXT("a\n.\r\nMAIL"), TEXT("a\n.\r\nMAIL"), false, 0 },
	{ TEXT("a\r\n.\nMAIL"), TEXT("a\r\n\nMAIL"), false, 0 },
	{ TEXT("a\r.\rMAIL"), TEXT("a\r.\rMAIL"), false, 0 },
	{ TEXT("a\r\n.\rMAIL"), TEXT("a\r\n\rMAIL"), false, 0 },
	{ TEXT("a\r.\r\nMAIL"), TEXT("a\r.\r\nMAIL"), false, 0 },
	{ TEXT("a\r\n.\r\r\nMAIL"), TEXT("a\r\n\r\r\nMAIL"), false, 0 },
	{ TEXT("a\r\r\n.\r\r\nM"), TEXT("a\r\r\n\r\r\nM"), false, 0 },
	{ TEXT("a\r\n\0.\r\nM"), TEXT("a\r\n\0.\r\nM"), false, 0 },
	{ TEXT("a\r\n.\0\r\nM"), TEXT("a\r\n\0\r\nM"), false, 0 },
	{ TEXT("a\r\n. \r\nM"), TEXT("a\r\n \r\nM"), false, 0 },
	{ TEXT("a\r\n .\r\nM"), TEXT("a\r\n .\r\nM"), false, 0 },
	{ TEXT("a.\r\nM"), TEXT("a.\r\nM"), false, 0 },
	{ TEXT("\n.\n"), TEXT("\n.\n"), false, 0 },
	{ TEXT(".\n"), TEXT("\n"), false, 0 },
	{ TEXT("..\r\n"), TEXT(".\r\n"), false, 0 },
	{ TEXT("...\r\n.\r\n"), TEXT("..\r\n"), true, 0 },
	{ TEXT(".a\r\n..b\r\n.\r\n"), TEXT("a\r\n.b\r\n"), true, 0 },
	{ TEXT("\0\xff\r\n\0\r\n.\r\n"), TEXT("\0\xff\r\n\0\r\n"), true, 0 },
	/* Not all of it has come. */
	{ TEXT(""), TEXT(""), false, 0 },
	{ TEXT("."), TEXT(""), false, 0 },
	{ TEXT(".\r"), TEXT(""), false, 0 },
	{ TEXT("a\r\n.\r"), TEXT("a\r\n"), false, 0 },
};

START_TEST(message_ends_where_it_ends)
{
	char room[64];
	struct outcome got;

	for (size_t count = 1; count < 20; count++) {
		tally_add(TALLY_ATTACKS, 1);
		buf_init(&got.text, room, sizeof(room));
		read_message(rows[_i].given, count, &got);
		expect_str(rows[_i].given, buf_str(&got.text), rows[_i].text);
		expect_bool(rows[_i].given, got.ended, rows[_i].ends);
		ck_assert_uint_eq(got.left, rows[_i].left);
	}
}
END_TEST

static size_t
find(struct str text, const char *word, size_t from)
{
	for (size_t i = from; i < text.length; i++)
		if (str_begins(str_after(text, i), word))
			return i;
	return STR_NONE;
}

/* The rule as RFC 5321 words it, over the whole of it, with the line end of
 * DATA before it. */
static void
model(struct str given, struct outcome *want)
{
	char room[32];
	struct buf all;
	struct str text;
	size_t end;

	buf_init(&all, room, sizeof(room));
	buf_add_string(&all, "\r\n");
	buf_add(&all, given);
	text = buf_str(&all);
	end = find(text, "\r\n.\r\n", 0);
	want->ended = end != STR_NONE;
	want->left = want->ended ? text.length - end - 5 : 0;
	if (want->ended)
		text.length = end + 2;
	for (size_t i = 2; i < text.length; i++)
		if (text.at[i] != '.' || find(text, "\r\n.", i - 2) != i - 2)
			buf_add_octet(&want->text, text.at[i]);
	/* What may become the end is held back. */
	if (!want->ended && str_ends(text, "\r\n.\r"))
		want->text.length--;
}

/* All texts of eight octets that matter, and all shorter ones. */
START_TEST(all_short_messages_are_as_the_rfc_says)
{
	static const char octets[] = "\r\n.x";
	const size_t length = (size_t)_i;
	unsigned ends = 0;

	for (unsigned n = 0; n < 1U << (2 * length); n++) {
		char text[8], room[3][16];
		struct outcome want, got;
		struct str given = str_of(text, length);

		for (size_t i = 0; i < length; i++)
			text[i] = octets[n >> (2 * i) & 3];
		buf_init(&want.text, room[0], sizeof(room[0]));
		model(given, &want);
		ends += want.ended;
		for (size_t count = 1; count < 9; count += count == 3 ? 5 : 1) {
			tally_add(TALLY_ATTACKS, 1);
			buf_init(&got.text, room[1], sizeof(room[1]));
			read_message(given, count, &got);
			if (got.ended != want.ended ||
			    !expect_same(
				buf_str(&got.text), buf_str(&want.text)) ||
			    (want.ended && got.left != want.left))
				ck_abort_msg("\"%s\" by %zu: got \"%s\"",
				    expect_show(given), count,
				    expect_show(buf_str(&got.text)));
		}
	}
	ck_assert(length < 3 || ends > 0);
}
END_TEST

/* Lines about as long as somebody's buffer: all of their octets are text,
 * and a dot at the end of one is no end. */
START_TEST(lines_of_any_length_pass)
{
	static const size_t tails[] = { 0, 1, 2 };
	const size_t around = (size_t)1 << _i;
	const size_t most = around + 64;
	char *line = malloc(most), *room = malloc(most);

	ck_assert_ptr_nonnull(line);
	ck_assert_ptr_nonnull(room);
	for (size_t length = around - 1; length <= around + 1; length++)
		for (size_t i = 0; i < COUNT(tails); i++) {
			tally_add(TALLY_ATTACKS, 1);
			struct buf given;
			struct outcome got;

			buf_init(&given, line, most);
			while (given.length < length)
				buf_add_octet(&given, 'x');
			line[length - 1] = '.';
			if (tails[i] > 0)
				buf_add_string(
				    &given, tails[i] == 1 ? "\n" : "\r\n");
			buf_init(&got.text, room, most);
			read_message(buf_str(&given), 4096, &got);
			expect_bool(STR("."), got.ended, false);
			ck_assert(
			    expect_same(buf_str(&got.text), buf_str(&given)));
			/* In as few pieces as it came. */
			ck_assert_uint_le(got.pieces, given.length / 4096 + 1);
			buf_add_string(
			    &given, tails[i] == 2 ? ".\r\n" : "\r\n.\r\n");
			buf_init(&got.text, room, most);
			read_message(buf_str(&given), 4096, &got);
			expect_bool(STR("."), got.ended, true);
			ck_assert_uint_eq(got.text.length, given.length - 3);
		}
	free(line);
	free(room);
}
END_TEST

/* The dot lies at each place around the end of what came. */
START_TEST(dots_at_the_edge_of_the_input)
{
	const struct str tail = STR("\r\n..\r\n.x\r\n.\n.\r\n\r\n.\r\nLHLO");
	const struct str want = STR("\r\n.\r\nx\r\n\n.\r\n\r\n");
	char room[4200], text[4200];

	for (size_t before = 4096 - tail.length; before < 4097; before++) {
		struct buf given;
		struct outcome got;

		buf_init(&given, room, sizeof(room));
		while (given.length < before)
			buf_add_octet(&given, 'x');
		buf_add(&given, tail);
		buf_init(&got.text, text, sizeof(text));
		read_message(buf_str(&given), 4096, &got);
		ck_assert_msg(got.ended && got.left == 4, "%zu", before);
		expect_str(tail, str_after(buf_str(&got.text), before), want);
	}
}
END_TEST

/* One call takes what came, but for what lies behind a dot. */
START_TEST(pieces_are_large_and_not_copied)
{
	const struct str given = STR("a\r\nb\nc\r\r\nd.\r\n.e\r\nf");
	enum lmtp_framing framing = FRAMING_LINE;
	struct cursor in = cursor_over(given);
	struct str text;

	ck_assert(lmtp_framing_text(&framing, &in, &text));
	ck_assert_ptr_eq(text.at, given.at);
	expect_str(given, text, STR("a\r\nb\nc\r\r\nd.\r\n"));
	ck_assert(lmtp_framing_text(&framing, &in, &text));
	expect_str(given, text, STR("e\r\nf"));
	ck_assert_ptr_eq(text.at, given.at + given.length - 4);
	ck_assert(!lmtp_framing_text(&framing, &in, &text));
	ck_assert(cursor_at_end(&in));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_framing");
	TCase *all = tcase_create("lmtp_framing");

	tcase_set_timeout(all, 60);
	tcase_add_loop_test(
	    all, message_ends_where_it_ends, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, all_short_messages_are_as_the_rfc_says, 0, 9);
	tcase_add_loop_test(all, lines_of_any_length_pass, 2, 18);
	tcase_add_test(all, dots_at_the_edge_of_the_input);
	tcase_add_test(all, pieces_are_large_and_not_copied);
	suite_add_tcase(suite, all);
	return expect_run_tally(suite, TALLY_ATTACKS);
}
