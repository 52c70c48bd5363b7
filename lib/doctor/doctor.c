/*
 * doctor.c - looks at how Postfix is wired to lda, and names what is wrong.
 *
 * postconf says what is in force, wiring finds the ways in which lda is
 * started, and each way is examined for what is known to go wrong with it.
 */
#include "doctor/doctor.h"

#include "doctor/examine.h"
#include "doctor/postconf_ask.h"

#include <inttypes.h>

static void
examine_way(const struct examination *at, const struct way *way)
{
	if (way->kind == WAY_LMTP) {
		examine_lmtp(at, way);
		return;
	}
	examine_service(at, way);
	examine_program(at, way);
	if (way->kind == WAY_PIPE)
		examine_pipe(at, way);
	if (way->kind == WAY_COMMAND) {
		examine_command(at, way);
		examine_spool(at, way);
	}
}

void
examine_all(const struct examination *at)
{
	for (size_t i = 0; i < at->wiring->count; i++)
		examine_way(at, &at->wiring->ways[i]);
	examine_postfix(at);
	if (at->wiring->count > 0)
		examine_recipients(at);
}

/* Whether there is something to look at; says what. */
static bool
describe(const char *directory, struct examination *at,
    struct postconf *postconf, struct wiring *wiring, struct buf *out)
{
	const char *why_not;

	buf_add_string(out, "postfix\n");
	if (!postconf_ask(directory, at->arena, postconf, &why_not)) {
		buf_print(out, "    not looked at: %s\n", why_not);
		return false;
	}
	buf_print(out, "    settings: %s/main.cf and master.cf\n",
	    examine_text(at,
		directory[0] != '\0' ?
		    str_from(directory) :
		    postconf_setting(postconf, "config_directory")));
	wiring_find(postconf, wiring);
	wiring_print(wiring, out);
	return true;
}

size_t
doctor_examine(const struct settings *settings, const char *config_file,
    struct arena *arena, struct buf *out)
{
	struct postconf postconf = { .settings = { NULL, 0 } };
	struct wiring *wiring = arena_take(arena, sizeof(*wiring));
	struct findings findings = { .out = out, .arena = arena };
	struct examination at = { .settings = settings,
		.config_file = config_file,
		.postconf = &postconf,
		.wiring = wiring,
		.findings = &findings,
		.arena = arena };
	bool has_postfix = describe(settings->deliver.postfix_config_directory,
	    &at, &postconf, wiring, out);

	buf_add_string(out, "findings\n");
	if (has_postfix)
		examine_all(&at);
	examine_machine(&at);
	if (findings.count == 0)
		buf_add_string(out, "    none\n");
	return findings.count;
}

void
doctor_decline(struct buf *out, const char *why)
{
	buf_print(out, "postfix\n    not looked at: %s\n", why);
}
