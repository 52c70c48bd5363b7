/*
 * examine.c - what several parts of the examination look at.
 */
#include "doctor/examine.h"

#include <inttypes.h>

const char *
examine_text(const struct examination *at, struct str text)
{
	return arena_string(at->arena, text);
}

void
examine_time(const struct examination *at, const char *name, struct str value,
    enum finding_id id)
{
	const struct settings *settings = at->settings;
	uint64_t seconds, needed = settings->deliver.delivery_timeout;

	/* Postfix's timer runs while we wait for the other server. */
	if (id == FINDING_TIME_LIMIT &&
	    store_is_remote(&settings->store, at->arena))
		needed += settings->store.lmtp_data_done_timeout;
	needed += EXAMINE_SPARE_SECONDS;
	if (!postconf_seconds(value, &seconds) || seconds >= needed)
		return;
	finding_add(at->findings, id,
	    arena_print(at->arena, "%s = %" PRIu64 "s", name, needed),
	    "%s is %s, and a delivery may take %" PRIu64 " s "
	    "(delivery_timeout) and needs %" PRIu64 " s",
	    name, examine_text(at, value), settings->deliver.delivery_timeout,
	    needed);
}

void
examine_question(const struct examination *at, struct str words)
{
	struct cursor in = cursor_over(words);
	struct str word;

	while (postconf_next_word(&in, &word))
		if (str_is(word, "-n") || str_is(word, "-t") ||
		    str_is(word, "-V"))
			finding_add(at->findings, FINDING_QUESTION_LEFT,
			    "the same command without it",
			    "%s stands in a delivery command: %s",
			    examine_text(at, word), examine_text(at, words));
}

bool
examine_may_be_mbox(const struct settings *settings)
{
	const struct store_options *store = &settings->store;

	if (store->mail_driver[0] != '\0')
		return !str_is_nocase(str_from(store->mail_driver), "maildir");
	return store->mail_path[0] == '\0' &&
	    !str_begins(str_from(store->mail_location), "maildir:") &&
	    !str_begins(str_from(store->mail_location), "lmtp:");
}
