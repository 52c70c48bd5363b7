/*
 * check_lmtp_body.c - a message goes out whole, and none can end itself.
 *
 * Source: RFC 5321 sections 2.3.8 and 4.5.2.
 */
#include "wire/lmtp_body.h"

#include "../base/expect.h"

/* With its end, but without the dot. */
static const struct {
	struct str given, want;
} bodies[] = {
	{ TEXT(""), TEXT("") },
	{ TEXT("a\n"), TEXT("a\r\n") },
	{ TEXT("a"), TEXT("a\r\n") },
	{ TEXT("\n"), TEXT("\r\n") },
	{ TEXT("\n\n"), TEXT("\r\n\r\n") },
	{ TEXT("."), TEXT("..\r\n") },
	{ TEXT(".\n"), TEXT("..\r\n") },
	{ TEXT("..\n"), TEXT("...\r\n") },
	{ TEXT("a\n.\nb\n"), TEXT("a\r\n..\r\nb\r\n") },
	{ TEXT("a\n.b\n"), TEXT("a\r\n..b\r\n") },
	{ TEXT("a.\n"), TEXT("a.\r\n") },
	{ TEXT("a\0b\n"), TEXT("a\0b\r\n") },
	{ TEXT("\0.\n"), TEXT("\0.\r\n") },
	{ TEXT("\xff\xfe\n"), TEXT("\xff\xfe\r\n") },
	/* A CR that stands alone. */
	{ TEXT("a\rb\n"), TEXT("a\rb\r\n") },
	{ TEXT("a\r"), TEXT("a\r\r\n") },
	{ TEXT("\r"), TEXT("\r\r\n") },
	{ TEXT("a\r\r"), TEXT("a\r\r\r\n") },
	{ TEXT("a\r\n"), TEXT("a\r\r\n") },
	{ TEXT("\r\n"), TEXT("\r\r\n") },
	/* What a server might take for the end, if it is lenient. */
	{ TEXT("a\r\n.\r\nMAIL\n"), TEXT("a\r\r\n..\r\r\nMAIL\r\n") },
	{ TEXT("a\r.\rMAIL\n"), TEXT("a .\rMAIL\r\n") },
	{ TEXT("a\r.\nMAIL\n"), TEXT("a .\r\nMAIL\r\n") },
	{ TEXT("a\n.\rMAIL\n"), TEXT("a\r\n..\rMAIL\r\n") },
	{ TEXT("\r."), TEXT(" .\r\n") },
	{ TEXT("\r\r.\n"), TEXT("\r .\r\n") },
	{ TEXT("\n.\r"), TEXT("\r\n..\r\r\n") },
};

/* The message in pieces of piece octets, through an output of room octets. */
static struct str
send(struct str given, size_t piece, size_t room)
{
	static char all[1000], small[1000];
	struct lmtp_body body = { false, false };
	struct buf whole, out;

	buf_init(&whole, all, sizeof(all));
	while (given.length > 0) {
		struct str part = str_head(given, piece);
		struct cursor in = cursor_over(part);

		while (!cursor_at_end(&in)) {
			size_t before = in.rest.length;

			buf_init(&out, small, room + 1);
			lmtp_body_add(&body, &in, &out);
			ck_assert_msg(
			    in.rest.length < before, "it stands still");
			ck_assert(!out.overflow);
			buf_add(&whole, buf_str(&out));
		}
		given = str_after(given, part.length);
	}
	buf_init(&out, small, LMTP_BODY_GROWTH + 1);
	lmtp_body_end(&body, &out);
	ck_assert(!out.overflow);
	buf_add(&whole, buf_str(&out));
	return buf_str(&whole);
}

START_TEST(body_goes_out_whatever_the_pieces)
{
	struct str given = bodies[_i].given;

	for (size_t piece = 1; piece <= given.length + 1; piece++)
		for (size_t room = LMTP_BODY_GROWTH; room < 20; room++)
			expect_str(
			    given, send(given, piece, room), bodies[_i].want);
}
END_TEST

/* Undone as RFC 5321 says: lines end with CRLF, one dot at their beginning is
 * taken off. */
static struct str
receive(struct str wire)
{
	static char room[1000];
	struct buf got;
	bool begins = true;

	buf_init(&got, room, sizeof(room));
	for (size_t i = 0; i < wire.length; i++) {
		if (begins && wire.at[i] == '.') {
			begins = false;
			continue;
		}
		begins = i > 0 && wire.at[i] == '\n' && wire.at[i - 1] == '\r';
		if (begins)
			got.length--; /* the CR */
		buf_add_octet(&got, wire.at[i]);
	}
	return buf_str(&got);
}

/* Everything that these four can spell, up to seven octets. */
START_TEST(no_message_ends_itself_and_none_is_changed)
{
	static const char letters[] = { '\r', '\n', '.', 'x' };
	char given[7];
	struct str wire;
	size_t length = (size_t)_i;

	for (unsigned number = 0; number < 1U << (2 * length); number++) {
		bool cr_before_dot = false;

		for (size_t i = 0; i < length; i++) {
			given[i] = letters[number >> (2 * i) & 3];
			cr_before_dot = cr_before_dot ||
			    (i > 0 && given[i] == '.' && given[i - 1] == '\r');
		}
		wire = send(str_of(given, length), 3, 5);
		for (size_t i = 0; i < wire.length; i++) {
			if (wire.at[i] == '\n')
				ck_assert(i > 0 && wire.at[i - 1] == '\r');
			if (wire.at[i] == '.' && i > 0)
				ck_assert(wire.at[i - 1] != '\r');
			if (wire.at[i] == '.' &&
			    (i == 0 || wire.at[i - 1] == '\n'))
				ck_assert(i + 1 < wire.length &&
				    wire.at[i + 1] == '.');
		}
		if (cr_before_dot)
			continue;
		if (length > 0 && given[length - 1] != '\n') {
			ck_assert(str_ends(wire, "\r\n"));
			expect_str(wire,
			    receive(str_head(wire, wire.length - 2)),
			    str_of(given, length));
		} else
			expect_str(wire, receive(wire), str_of(given, length));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_body");
	TCase *all = tcase_create("transparency");

	tcase_set_timeout(all, 30);
	tcase_add_loop_test(
	    all, body_goes_out_whatever_the_pieces, 0, (int)COUNT(bodies));
	tcase_add_loop_test(
	    all, no_message_ends_itself_and_none_is_changed, 0, 8);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
