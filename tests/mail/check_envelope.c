/*
 * check_envelope.c - who is believed about sender and original recipient.
 */
#include "mail/envelope.h"

#include "../base/expect.h"

static const struct {
	struct str claim, truth;
	bool want;
} copies[] = {
	{ TEXT("a@b"), TEXT("a@b"), true },
	{ TEXT("o_neil_x@d"), TEXT("o'neil#x@d"), true },
	{ TEXT("a__b@c"),
	    TEXT("a\xc3\xa4"
		 "b@c"),
	    true },
	{ TEXT("_a b_@c"), TEXT("\"a b\"@c"), true },
	{ TEXT("_a_b_@c"), TEXT("\"a b\"@c"), true },
	{ TEXT("a_b@c"), TEXT("a_b@c"), true },
	{ TEXT("0aZ!@%-_=+:,./"), TEXT("0aZ!@%-_=+:,./"), true },
	/* pipe(8) flags h and u. */
	{ TEXT("bob@example.org"), TEXT("Bob@Example.ORG"), true },
	{ TEXT("o_neil@d"), TEXT("O'Neil@D"), true },
	{ TEXT(""), TEXT(""), true },
	{ TEXT("a@b"), TEXT("a@c"), false },
	{ TEXT("a@b"), TEXT("a@bc"), false },
	{ TEXT("a@bc"), TEXT("a@b"), false },
	{ TEXT("a_b@c"), TEXT("a.b@c"), false },
	{ TEXT("____"), TEXT("a@bc"), false },
	{ TEXT(""), TEXT("a"), false },
	{ TEXT("a'b"), TEXT("a_b"), false },
};

START_TEST(mangled_copy_is_recognised)
{
	ck_assert_msg(envelope_is_mangled(copies[_i].claim, copies[_i].truth) ==
		copies[_i].want,
	    "claim \"%s\" of \"%s\"", expect_show(copies[_i].claim),
	    expect_show(copies[_i].truth));
}
END_TEST

/* NULL is "nobody said so". */
static const struct {
	const char *label, *flag, *environment, *from_line, *return_path;
	bool has_sender;
	const char *want;
} senders[] = {
	{ "nobody", NULL, NULL, NULL, NULL, false, "" },
	{ "-f alone", "a@b", NULL, NULL, NULL, true, "a@b" },
	{ "-f in brackets", "<a@b>", NULL, NULL, NULL, true, "a@b" },
	{ "-f ''", "", NULL, NULL, NULL, true, "" },
	{ "-f <>", "<>", NULL, NULL, NULL, true, "" },
	{ "-f MAILER-DAEMON", "MAILER-DAEMON", NULL, NULL, NULL, true, "" },
	{ "-f junk", "x y@@", NULL, NULL, NULL, true, "x y@@" },
	{ "SENDER alone", NULL, "a@b", NULL, NULL, true, "a@b" },
	{ "empty SENDER", NULL, "", NULL, NULL, true, "" },
	{ "From_ alone", NULL, NULL, "a@b", NULL, true, "a@b" },
	{ "Return-Path alone", NULL, NULL, NULL, "<a@b>", true, "a@b" },
	{ "null Return-Path", NULL, NULL, NULL, "<>", true, "" },
	{ "null From_", NULL, NULL, "MAILER-DAEMON", NULL, true, "" },
	{ "Return-Path before From_", NULL, NULL, "a@b", "<c@d>", true, "c@d" },
	{ "-f before SENDER", "a@b", "c@d", NULL, NULL, true, "a@b" },
	{ "-f before From_", "a@b", NULL, "c@d", NULL, true, "a@b" },
	{ "-f before Return-Path", "a@b", NULL, NULL, "<c@d>", true, "a@b" },
	{ "Return-Path before SENDER", NULL, "a_b@c", NULL, "<a'b@c>", true,
	    "a'b@c" },
	{ "From_ before SENDER", NULL, "a_b@c", "a'b@c", NULL, true, "a'b@c" },
	{ "truth of a mangled -f", "a_b@c", NULL, "a'b@c", "<a'b@c>", true,
	    "a'b@c" },
	{ "UTF-8 of a mangled -f", "a__@c", NULL, NULL, "<a\xc3\xa4@c>", true,
	    "a\xc3\xa4@c" },
	{ "-f null, and a Return-Path", "<>", NULL, NULL, "<>", true, "" },
};

static struct envelope_claim
claim(const char *text)
{
	struct envelope_claim made = { str_from(text), text != NULL };

	return made;
}

START_TEST(sender_is_the_best_claim)
{
	struct envelope_claims claims = {
		.sender_flag = claim(senders[_i].flag),
		.sender_environment = claim(senders[_i].environment),
	};
	struct message_facts facts = {
		.from_line = str_from(senders[_i].from_line),
		.has_from_line = senders[_i].from_line != NULL,
		.return_path = str_from(senders[_i].return_path),
		.has_return_path = senders[_i].return_path != NULL,
	};
	struct envelope got;

	envelope_join(&claims, &facts, &got);
	ck_assert_msg(got.has_sender == senders[_i].has_sender,
	    "%s: has_sender", senders[_i].label);
	expect_str(str_from(senders[_i].label), got.sender,
	    str_from(senders[_i].want));
}
END_TEST

static const struct {
	const char *label, *flag, *environment, *final, *recipient;
	const char *original_to, *delivered_to;
	const char *want;
} originals[] = {
	{ "nobody", NULL, NULL, NULL, NULL, "", "", "" },
	{ "-a alone", "<b@d>", NULL, NULL, NULL, "", "", "b@d" },
	{ "ORIGINAL_RECIPIENT alone", NULL, "b@d", NULL, NULL, "", "", "b@d" },
	{ "-a before ORIGINAL_RECIPIENT", "a@d", "b@d", NULL, NULL, "", "",
	    "a@d" },
	{ "-r at last", NULL, NULL, "r@d", "R@d", "", "", "r@d" },
	{ "RECIPIENT at last", NULL, NULL, NULL, "R@d", "", "", "R@d" },
	{ "empty -a is not known", "", NULL, "r@d", NULL, "", "", "r@d" },
	{ "X-Original-To alone", NULL, NULL, NULL, NULL, "o@d", "", "o@d" },
	{ "X-Original-To before Delivered-To", NULL, NULL, NULL, NULL, "o@d",
	    "t@d", "o@d" },
	{ "-a before X-Original-To", "a@d", NULL, NULL, NULL, "o@d", "",
	    "a@d" },
	{ "X-Original-To of a mangled -a", "o_n@d", NULL, NULL, NULL, "o'n@d",
	    "", "o'n@d" },
	{ "X-Original-To of ORIGINAL_RECIPIENT", NULL, "o_n@d", NULL, NULL,
	    "o'n@d", "", "o'n@d" },
	{ "Delivered-To of a mangled -a", "o_n@d", NULL, NULL, NULL, "",
	    "o'n@d", "o'n@d" },
	/* The alias, not whom it stands for. */
	{ "-a before Delivered-To", "list@d", NULL, NULL, NULL, "", "bob@d",
	    "list@d" },
	{ "ORIGINAL_RECIPIENT before Delivered-To", NULL, "list@d", NULL, NULL,
	    "", "bob@d", "list@d" },
};

START_TEST(original_recipient_is_the_best_claim)
{
	struct envelope_claims claims = {
		.original_flag = claim(originals[_i].flag),
		.original_environment = claim(originals[_i].environment),
		.final_flag = claim(originals[_i].final),
		.recipient_environment = claim(originals[_i].recipient),
	};
	struct message_facts facts = {
		.original_to = str_from(originals[_i].original_to),
		.delivered_to = str_from(originals[_i].delivered_to),
	};
	struct envelope got;

	envelope_join(&claims, &facts, &got);
	expect_str(str_from(originals[_i].label), got.original_recipient,
	    str_from(originals[_i].want));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("envelope");
	TCase *join = tcase_create("join");

	tcase_add_loop_test(
	    join, mangled_copy_is_recognised, 0, (int)COUNT(copies));
	tcase_add_loop_test(
	    join, sender_is_the_best_claim, 0, (int)COUNT(senders));
	tcase_add_loop_test(join, original_recipient_is_the_best_claim, 0,
	    (int)COUNT(originals));
	suite_add_tcase(suite, join);
	return expect_run(suite);
}
