/*
 * examine.c - what several parts of the examination look at.
 */
#include "doctor/examine.h"
#include "base/number.h"

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

/* pipe(8), spawn(8) and local(8) need their rights to change user. */
const char *
examine_columns_of(const struct examination *at,
    const struct postconf_service *service, const char *process_limit)
{
	bool runs_programs = str_is(service->command, "pipe") ||
	    str_is(service->command, "spawn") ||
	    str_is(service->command, "local");

	return arena_print(at->arena, "%s %s - %s n - %s %s",
	    examine_text(at, service->name), examine_text(at, service->type),
	    runs_programs ? "n" : examine_text(at, service->unprivileged),
	    process_limit, examine_text(at, service->command));
}

/* Before Postfix 3.0 "-" meant y; the level 0 keeps that. */
bool
examine_is_chrooted(
    const struct examination *at, const struct postconf_service *service)
{
	struct cursor level =
	    cursor_over(postconf_setting(at->postconf, "compatibility_level"));
	uint64_t number;

	if (!str_is(service->chroot, "-"))
		return str_is(service->chroot, "y");
	return number_read(
		   cursor_span(&level, "0123456789"), UINT64_MAX, &number) &&
	    number == 0;
}
