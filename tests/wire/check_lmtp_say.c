/*
 * check_lmtp_say.c - replies: their words, and that no path and no reason can
 * break the line.
 *
 * Source: RFC 5321, 4.2 and 4.5.3.1.5; RFC 2034; mail/status.c.
 */
#include "wire/lmtp.h"

#include "../base/expect.h"

static const struct {
	enum status_id id;
	const char *reply; /* NULL: the row's own */
	struct str path;
	const char *want;
} rows[] = {
	{ STATUS_DELIVERED, NULL, TEXT("a@b"), "250 2.0.0 <a@b> delivered" },
	{ STATUS_MAILBOX_FULL, NULL, TEXT("bob@x"),
	    "452 4.2.2 <bob@x> mailbox is full" },
	{ STATUS_USER_UNKNOWN, NULL, TEXT("bob"),
	    "550 5.1.1 <bob> no such user here" },
	{ STATUS_TROUBLE, "not now", TEXT("a@b"), "451 4.3.0 <a@b> not now" },
	{ STATUS_REJECTED, "go\r\n250 2.0.0 away", TEXT("a@b"),
	    "550 5.7.1 <a@b> go__250 2.0.0 away" },
	{ STATUS_DELIVERED, NULL, TEXT(""), "250 2.0.0 <> delivered" },
	{ STATUS_DELIVERED, NULL, TEXT("\"a b\"@y"),
	    "250 2.0.0 <\"a b\"@y> delivered" },
	{ STATUS_DELIVERED, NULL, TEXT("a>\r\n550 <b@y"),
	    "250 2.0.0 <a\\x3e\\x0d\\x0a550 \\x3cb@y> delivered" },
	{ STATUS_DELIVERED, NULL, TEXT("\xc3\xa4\xff\0\x7f@y"),
	    "250 2.0.0 <\\xc3\\xa4\\xff\\x00\\x7f@y> delivered" },
	{ STATUS_DELIVERED, NULL, TEXT("a\\b"),
	    "250 2.0.0 <a\\\\b> delivered" },
};

static struct str
reply_to(struct buf *out, struct str path, const struct status *why)
{
	out->length = 0;
	lmtp_reply(out, path, why);
	ck_assert(!out->overflow);
	return buf_str(out);
}

START_TEST(reply_names_the_recipient)
{
	char room[LMTP_REPLY_OCTETS], wanted[200];
	struct status why;
	struct buf out;

	status_init(&why);
	why.id = rows[_i].id;
	if (rows[_i].reply != NULL)
		status_reply(&why, "%s", rows[_i].reply);
	buf_init(&out, room, sizeof(room));
	(void)snprintf(wanted, sizeof(wanted), "%s\r\n", rows[_i].want);
	expect_str(rows[_i].path, reply_to(&out, rows[_i].path, &why),
	    str_from(wanted));
}
END_TEST

/* Whatever the path is made of, and however long the reason: code and reason
 * stay, and the line has 512 octets at most. */
START_TEST(long_paths_are_cut)
{
	static const char *const fills[] = { "a", "\xc3\xa4", "<", "\\",
		"\xf0\x9f\x90\x8c", "a\xff" };
	char path[2000], room[LMTP_REPLY_OCTETS], reason[STATUS_REPLY_OCTETS];
	size_t longest = 0;
	struct status why;
	struct buf in, out;

	buf_init(&in, path, sizeof(path));
	buf_init(&out, room, sizeof(room));
	while (!in.overflow)
		buf_add_string(&in, fills[_i]);
	for (size_t words = 1; words < STATUS_REPLY_OCTETS - 16; words++) {
		char end[STATUS_REPLY_OCTETS + 8];

		memset(reason, 'r', words);
		reason[words] = '\0';
		(void)status_fail(&why, STATUS_TROUBLE, "test");
		status_reply(&why, "%s", reason);
		(void)snprintf(end, sizeof(end), "...> %s\r\n", reason);
		for (size_t length = 1990; length < 1997; length++) {
			struct str got =
			    reply_to(&out, str_of(path, length), &why);

			if (got.length > 512 ||
			    !str_begins(got, "451 4.3.0 <") ||
			    !str_ends(got, end))
				ck_abort_msg(
				    "%zu of \"%s\"", words, expect_show(got));
			if (got.length > longest)
				longest = got.length;
		}
	}
	/* Nor is it cut where that is not needed. */
	ck_assert_uint_ge(longest, 500);
}
END_TEST

START_TEST(path_of_common_length_is_whole)
{
	char path[300], room[LMTP_REPLY_OCTETS];
	struct status why;
	struct buf out;

	buf_init(&out, room, sizeof(room));
	memset(path, 'p', sizeof(path));
	for (size_t i = 0; i < COUNT(rows); i++) {
		(void)status_fail(&why, rows[i].id, "test");
		/* RFC 5321, 4.5.3.1.3: 256 octets with the brackets. */
		ck_assert_ptr_null(
		    strstr(reply_to(&out, str_of(path, 254), &why).at, "..."));
	}
}
END_TEST

/* RCPT's refusal names the recipient, MAIL's and DATA's need not. */
START_TEST(refusals_in_full)
{
	static struct lmtp_session session;
	const struct lmtp_limits limits = {
		.recipients = 9, .commands = 99, .bad_commands = 9
	};
	struct cursor in =
	    cursor_over(STR("LHLO x\nMAIL FROM:<a@x>\nMAIL FROM:<b@x>\n"
			    "RCPT TO:<\"c d\"@y>\nRCPT TO:<e@y>\nDATA\n"));
	char room[4 * LMTP_REPLY_OCTETS];
	struct status why;
	struct buf out;

	buf_init(&out, room, sizeof(room));
	lmtp_begin(&session, &limits, "mx", &out);
	(void)status_fail(&why, STATUS_DISK_FULL, "test");
	for (int i = 0; i < 5; i++) {
		ck_assert_int_ne(
		    (int)lmtp_next(&session, &in, &out), (int)LMTP_MORE);
		out.length = i == 0 ? 0 : out.length;
		if (i == 1 || i == 3)
			lmtp_accept(&session, &out);
		else
			lmtp_refuse(&session, &why, &out);
	}
	ck_assert_str_eq(out.at,
	    "452 4.3.1 mail system is full\r\n"
	    "250 2.1.0 sender ok\r\n"
	    "452 4.3.1 <\"c d\"@y> mail system is full\r\n"
	    "250 2.1.5 recipient ok\r\n"
	    "452 4.3.1 mail system is full\r\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_say");
	TCase *all = tcase_create("lmtp_say");

	tcase_add_loop_test(
	    all, reply_names_the_recipient, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, long_paths_are_cut, 0, 6);
	tcase_add_test(all, path_of_common_length_is_whole);
	tcase_add_test(all, refusals_in_full);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
