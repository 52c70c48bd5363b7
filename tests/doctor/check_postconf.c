/*
 * check_postconf.c - the outputs of postconf(1) are taken apart.
 *
 * The lines are what Postfix 3.7 prints.
 */
#include "doctor/postconf.h"

#include "../base/expect.h"

#define expect_slice(got, want) expect_str(str_from(""), (got), str_from(want))

static const struct postconf given = {
	.settings = TEXT("command_time_limit = 1000s\n"
			 "lda_destination_recipient_limit = 50\n"
			 "lda-lmtp_time_limit = 900s\n"
			 "mailbox_command = /usr/local/sbin/lda -f \"\"\n"
			 "mailbox_transport =\n"
			 "mydestination = mx.invalid, localhost\n"
			 "smtputf8_enable = a = b\n"),
	.verbatim = TEXT("mailbox_command = /usr/local/sbin/lda -f $SENDER\n"),
	.services =
	    TEXT("smtp       inet  n       -       y       -       -       "
		 "smtpd\n"
		 "half a line\n"
		 "lda        unix  -       n       n       -       20      "
		 "pipe flags=DORXhu user=vmail null_sender= "
		 "argv=/usr/local/sbin/lda -f ${sender} -m {a b}\n"
		 "lda        inet  -       n       n       -       1       "
		 "spawn"),
	.overrides =
	    TEXT("smtp/inet/command_time_limit = 1s\n"
		 "local/unix/mailbox_command = /usr/local/sbin/lda -n\n"
		 "local/unix/mailbox_transport =\n"),
};

static const struct {
	const char *first, *rest, *want;
} values[] = {
	{ "command_time_limit", "", "1000s" },
	{ "lda", "_destination_recipient_limit", "50" },
	{ "lda-lmtp", "_time_limit", "900s" },
	{ "lda", "-lmtp_time_limit", "900s" },
	{ "mailbox_transport", "", "" },
	/* What postconf -x would expand. */
	{ "mailbox_command", "", "/usr/local/sbin/lda -f $SENDER" },
	{ "smtputf8_enable", "", "a = b" },
	{ "lda", "", "" },
	{ "ommand_time_limit", "", "" },
	{ "lda", "_destination_recipient_limi", "" },
	{ "", "", "" },
};

START_TEST(value_is_found)
{
	expect_slice(
	    postconf_value(&given, str_from(values[_i].first), values[_i].rest),
	    values[_i].want);
}
END_TEST

static const struct {
	const char *service, *type, *name, *want;
} in_force[] = {
	{ "smtp", "inet", "command_time_limit", "1s" },
	{ "smtp", "unix", "command_time_limit", "1000s" },
	{ "smt", "inet", "command_time_limit", "1000s" },
	{ "local", "unix", "mailbox_command", "/usr/local/sbin/lda -n" },
	{ "local", "unix", "mailbox_transport", "" },
	{ "other", "unix", "mailbox_command",
	    "/usr/local/sbin/lda -f $SENDER" },
};

START_TEST(own_option_of_a_service_wins)
{
	struct postconf_service service = {
		.name = str_from(in_force[_i].service),
		.type = str_from(in_force[_i].type),
	};

	expect_slice(postconf_value_of(&given, &service, in_force[_i].name),
	    in_force[_i].want);
}
END_TEST

START_TEST(service_has_its_columns)
{
	struct postconf_service got;

	ck_assert(postconf_find_service(&given, str_from("lda"), "unix", &got));
	expect_slice(got.unprivileged, "n");
	expect_slice(got.chroot, "n");
	expect_slice(got.process_limit, "20");
	expect_slice(got.command, "pipe");
	ck_assert(str_begins(got.arguments, "flags=DORXhu user="));
	ck_assert(str_ends(got.arguments, " {a b}"));
	ck_assert(postconf_find_service(&given, str_from("lda"), "inet", &got));
	expect_slice(got.command, "spawn");
	expect_slice(got.arguments, "");
	ck_assert(!postconf_find_service(&given, str_from("half"), "a", &got));
}
END_TEST

START_TEST(services_are_counted)
{
	struct cursor in = cursor_over(given.services);
	struct postconf_service got;
	size_t count = 0;

	while (postconf_next_service(&in, &got))
		count++;
	ck_assert_uint_eq(count, 3);
}
END_TEST

/* A NULL ends the words. */
static const struct {
	const char *given;
	const char *want[5];
} lines[] = {
	{ "", { NULL } },
	{ "  \t ", { NULL } },
	{ "a  b\tc", { "a", "b", "c", NULL } },
	{ "argv=lda -m {a b} c", { "argv=lda", "-m", "a b", "c", NULL } },
	{ "-o { x = y { z } } d", { "-o", "x = y { z }", "d", NULL } },
	{ "{}{ }", { "", "", NULL } },
	/* A brace inside of a word is the word's. */
	{ "-f ${sender} ${a}b", { "-f", "${sender}", "${a}b", NULL } },
	/* One that nobody closes is text. */
	{ "{a b", { "{a", "b", NULL } },
	/* So is what is deeper than anybody writes. */
	{ "{{{{{{{{{{{{{{{{{{{{{x}}}}}}}}}}}}}}}}}}}}} y",
	    { "{{{{{{{{{{{{{{{{{{{{{x}}}}}}}}}}}}}}}}}}}}}", "y", NULL } },
	{ "{{{{{{{{{{{{{{{{{{{{{{{ x",
	    { "{{{{{{{{{{{{{{{{{{{{{{{", "x", NULL } },
};

START_TEST(words_are_taken_one_by_one)
{
	struct cursor in = cursor_over(str_from(lines[_i].given));
	struct str got;
	size_t i = 0;

	while (postconf_next_word(&in, &got)) {
		ck_assert_msg(lines[_i].want[i] != NULL, "\"%s\": too many",
		    lines[_i].given);
		expect_slice(got, lines[_i].want[i++]);
	}
	ck_assert_msg(
	    lines[_i].want[i] == NULL, "\"%s\": too few", lines[_i].given);
}
END_TEST

static const struct {
	const char *list, *word;
	bool want;
} lists[] = {
	{ "mx.invalid, localhost", "localhost", true },
	{ "mx.invalid,localhost", "MX.invalid", true },
	{ "mx.invalid", "x.invalid", false },
	{ "mx.invalid", "mx.invali", false },
	{ "a b", "", false },
	{ "a, ", "", false },
	{ "", "a", false },
};

START_TEST(list_has_a_word)
{
	ck_assert_msg(postconf_list_has(str_from(lists[_i].list),
			  str_from(lists[_i].word)) == lists[_i].want,
	    "\"%s\" and \"%s\"", lists[_i].list, lists[_i].word);
}
END_TEST

static const struct {
	const char *given;
	uint64_t want; /* 0: no time */
} times[] = {
	{ "600s", 600 },
	{ "600", 600 },
	{ "10m", 600 },
	{ "2H", 7200 },
	{ "1d", 86400 },
	{ "1w", 604800 },
	{ "", 0 },
	{ "s", 0 },
	{ "10 m", 0 },
	{ "10ms", 0 },
	{ "10y", 0 },
	{ "$command_time_limit", 0 },
	{ "99999999999999999999s", 0 },
	{ "99999999999999w", 0 },
};

START_TEST(time_is_read)
{
	uint64_t got = 0;
	bool fine = postconf_seconds(str_from(times[_i].given), &got);

	ck_assert_msg(fine == (times[_i].want > 0) && got == times[_i].want,
	    "\"%s\" gives %d and %ju", times[_i].given, fine, (uintmax_t)got);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("postconf");
	TCase *all = tcase_create("outputs");

	tcase_add_loop_test(all, value_is_found, 0, (int)COUNT(values));
	tcase_add_loop_test(
	    all, own_option_of_a_service_wins, 0, (int)COUNT(in_force));
	tcase_add_test(all, service_has_its_columns);
	tcase_add_test(all, services_are_counted);
	tcase_add_loop_test(
	    all, words_are_taken_one_by_one, 0, (int)COUNT(lines));
	tcase_add_loop_test(all, list_has_a_word, 0, (int)COUNT(lists));
	tcase_add_loop_test(all, time_is_read, 0, (int)COUNT(times));
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
