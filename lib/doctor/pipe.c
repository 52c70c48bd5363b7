/*
 * pipe.c - flags, null_sender and the words of lda in a pipe(8) service.
 *
 * Source: postfix pipe(8).
 */
#include "config/expand.h"
#include "doctor/examine.h"

static bool
is_remote(const struct examination *at)
{
	return store_is_remote(&at->settings->store, at->arena);
}

static void
examine_limit(const struct examination *at, const struct way *way)
{
	struct str limit = postconf_value(
	    at->postconf, way->service.name, "_destination_recipient_limit");
	const char *name = examine_text(at, way->service.name);

	if (str_is(limit, "1"))
		return;
	finding_add(at->findings, FINDING_RECIPIENT_LIMIT,
	    arena_print(at->arena, "%s_destination_recipient_limit = 1", name),
	    "%s_destination_recipient_limit is %s", name,
	    examine_text(at, limit));
}

/* Those of wanted that flags has, or that it has not. */
static const char *
letters(const struct examination *at, struct str flags, const char *wanted,
    bool present)
{
	char *found = arena_take(at->arena, strlen(wanted) + 1);
	size_t count = 0;

	for (size_t i = 0; wanted[i] != '\0'; i++)
		if ((str_index(flags, wanted[i]) != STR_NONE) == present)
			found[count++] = wanted[i];
	return found;
}

static void
blame_flags(const struct examination *at, const struct way *way,
    enum finding_id id, const char *trouble, const char *which)
{
	struct str flags = str_from("");

	if (which[0] == '\0')
		return;
	(void)wiring_attribute(&way->service, "flags", &flags);
	finding_add(at->findings, id,
	    is_remote(at) ? "flags=DOXhu" : "flags=DORXhu",
	    "service %s has flags=%s, %s %s",
	    examine_text(at, way->service.name), examine_text(at, flags),
	    trouble, which);
}

/* Whether two users may differ by the case of their names. */
static bool
case_counts(const struct examination *at)
{
	static const char mixed[] = "Aa@Bb", folded[] = "aa@bb";
	struct str upper, lower;
	struct status why;

	status_init(&why);
	return expand_username(
		   str_from(at->settings->user.auth_username_format),
		   str_from(mixed), at->arena, &upper, &why) == 0 &&
	    expand_username(str_from(at->settings->user.auth_username_format),
		str_from(folded), at->arena, &lower, &why) == 0 &&
	    !str_equal(upper, lower);
}

static void
examine_flags(const struct examination *at, const struct way *way)
{
	struct str flags = str_from("");

	(void)wiring_attribute(&way->service, "flags", &flags);
	blame_flags(at, way, FINDING_HEADER_MISSING, "without",
	    letters(at, flags, is_remote(at) ? "DO" : "DOR", false));
	blame_flags(at, way, FINDING_HEADER_TWICE, "with",
	    letters(at, flags, is_remote(at) ? "R" : "", true));
	blame_flags(at, way, FINDING_MESSAGE_CHANGED, "with",
	    letters(at, flags, "B.>q", true));
	if (!is_remote(at) && case_counts(at))
		blame_flags(at, way, FINDING_CASE_KEPT, "without",
		    letters(at, flags, "u", false));
}

/* lda knows MAILER-DAEMON, but pipe(8) writes it into Return-Path. */
static void
examine_null_sender(const struct examination *at, const struct way *way)
{
	struct str flags = str_from(""), sender = str_from("MAILER-DAEMON");

	(void)wiring_attribute(&way->service, "flags", &flags);
	(void)wiring_attribute(&way->service, "null_sender", &sender);
	if (sender.length == 0 ||
	    (str_is(sender, "MAILER-DAEMON") &&
		str_index(flags, 'R') == STR_NONE))
		return;
	finding_add(at->findings, FINDING_NULL_SENDER,
	    "null_sender=", "service %s: the null sender is \"%s\"",
	    examine_text(at, way->service.name), examine_text(at, sender));
}

/* Whether word has the macro, as $name, ${name...} or $(name...). */
static bool
has_macro(struct str word, const char *name)
{
	static const char letters_of_names[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	struct cursor in = cursor_over(word);

	while (!cursor_at_end(&in)) {
		char brace;

		(void)cursor_until(&in, '$');
		(void)cursor_take_any(&in, "{(", &brace);
		if (str_is(cursor_span(&in, letters_of_names), name))
			return true;
	}
	return false;
}

static void
examine_word(const struct examination *at, const char *service, struct str word)
{
	if (has_macro(word, "user"))
		finding_add(at->findings, FINDING_EMPTY_USER,
		    "-d ${recipient}, or -d ${mailbox} for names without a "
		    "domain",
		    "service %s has the word %s", service,
		    examine_text(at, word));
	if (str_begins(word, "-f") && has_macro(word, "sender"))
		finding_add(at->findings, FINDING_GLUED_SENDER,
		    "-f ${sender}, two words", "service %s has the word %s",
		    service, examine_text(at, word));
}

void
examine_pipe(const struct examination *at, const struct way *way)
{
	const char *service = examine_text(at, way->service.name);
	struct cursor in = cursor_over(way->words);
	bool has_recipient = false;
	struct str word;

	examine_limit(at, way);
	examine_flags(at, way);
	examine_null_sender(at, way);
	examine_question(at, way->words);
	while (postconf_next_word(&in, &word)) {
		examine_word(at, service, word);
		has_recipient = has_recipient || str_begins(word, "-d");
	}
	if (!has_recipient)
		finding_add(at->findings, FINDING_NO_RECIPIENT,
		    "-d ${recipient}", "service %s starts %s without -d",
		    service, examine_text(at, way->program));
}
