/*
 * wiring.c - the ways in which Postfix starts lda, or speaks with it.
 *
 * Tables that Postfix looks up (transport_maps, mailbox_command_maps, .forward)
 * are not read: what they name is seen where master.cf has the service.
 */
#include "doctor/wiring.h"

#include "base/attribute.h"
#include "base/text.h"

static const char *const programs[] = { "lda", "lda-relay", "lda-lmtp",
	"lda-verify" };

const char *
wiring_program(struct str path)
{
	size_t slash = str_last(path, '/');
	struct str name = slash == STR_NONE ? path : str_after(path, slash + 1);

	for (size_t i = 0; i < COUNT(programs); i++)
		if (str_is(name, programs[i]))
			return programs[i];
	return NULL;
}

static bool
is_program(struct str path, const char *name)
{
	const char *found = wiring_program(path);

	return found != NULL && str_is(str_from(found), name);
}

bool
wiring_attribute(
    const struct postconf_service *service, const char *name, struct str *value)
{
	struct cursor in = cursor_over(service->arguments);
	struct str word;

	while (postconf_next_word(&in, &word)) {
		struct cursor at = cursor_over(word);

		if (str_is(str_trim(cursor_until(&at, '=')), name)) {
			*value = str_trim(at.rest);
			return true;
		}
		/* All behind it is the program's. */
		if (str_begins(word, "argv="))
			break;
	}
	return false;
}

static struct way *
add(struct wiring *into, enum way_kind kind,
    const struct postconf_service *service)
{
	struct way *way = &into->ways[into->count];

	if (into->count < WAYS_MOST - 1)
		into->count++;
	memset(way, 0, sizeof(*way));
	way->kind = kind;
	way->service = *service;
	return way;
}

/* What stands behind argv=; false: there is none. */
static bool
find_command(const struct postconf_service *service, struct str *program,
    struct str *words)
{
	struct cursor in = cursor_over(service->arguments);
	struct str word;

	while (postconf_next_word(&in, &word))
		if (str_begins(word, "argv=")) {
			*program = str_after(word, strlen("argv="));
			*words = str_trim(in.rest);
			return true;
		}
	return false;
}

/* A service that runs a program of ours. */
static void
take_service(const struct postconf_service *service, struct wiring *into)
{
	static const struct {
		const char *command, *program;
		enum way_kind kind;
	} kinds[] = {
		{ "pipe", "lda", WAY_PIPE },
		{ "pipe", "lda-relay", WAY_PIPE },
		{ "spawn", "lda-lmtp", WAY_SERVER },
		{ "spawn", "lda-verify", WAY_VERIFY },
	};
	struct str program, words;

	if (!find_command(service, &program, &words))
		return;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_is(service->command, kinds[i].command) &&
		    is_program(program, kinds[i].program)) {
			struct way *way = add(into, kinds[i].kind, service);

			way->program = program;
			way->words = words;
		}
}

/* The word of a command that runs lda: its first, or one with a path, as
 * behind a shell's "exec" or "ulimit -f 100;".  Empty: there is none. */
static struct str
program_of(struct str command)
{
	static const char between[] = " \t;|&'\"(){}";
	struct cursor in = cursor_over(command);
	bool is_first = true;
	struct str word;

	do {
		const char *found;

		(void)cursor_span(&in, between);
		word = cursor_span_not(&in, between);
		found = wiring_program(word);
		if (found != NULL && !str_is(word, "lda-lmtp") &&
		    (is_first || str_index(word, '/') != STR_NONE))
			return word;
		is_first = false;
	} while (word.length > 0);
	return word;
}

/* A local(8) whose mailbox_command is ours; which service local_transport
 * names is none of its business. */
static void
take_local(const struct postconf *postconf,
    const struct postconf_service *service, struct wiring *into)
{
	struct str command =
	    postconf_value_of(postconf, service, "mailbox_command");
	struct str program = program_of(command);
	struct way *way;

	if (!str_is(service->command, "local") || program.length == 0)
		return;
	way = add(into, WAY_COMMAND, service);
	way->program = program;
	way->words = command;
}

static void
take_services(const struct postconf *postconf, struct wiring *into)
{
	struct cursor in = cursor_over(postconf->services);
	struct postconf_service service;

	while (postconf_next_service(&in, &service)) {
		take_service(&service, into);
		take_local(postconf, &service, into);
	}
}

/* The settings that say where mail goes. */
static const struct transport {
	const char *setting;
	unsigned classes;
} transports[] = {
	{ "virtual_transport", WAY_VIRTUAL },
	{ "local_transport", WAY_LOCAL },
	{ "mailbox_transport", WAY_LOCAL },
	{ "fallback_transport", WAY_LOCAL | WAY_FALLBACK },
	{ "relay_transport", WAY_RELAY },
	{ "default_transport", 0 },
};

/* Whether a server behind next_hop is one of ours: a spawn(8) service, or a
 * socket of this name; where nothing tells, whoever asks lda-verify for his
 * users delivers by lda-lmtp. */
static bool
is_ours(const struct wiring *wiring, struct str next_hop)
{
	size_t slash = str_last(next_hop, '/'), colon = str_last(next_hop, ':');
	bool is_unix = str_begins(next_hop, "unix:");
	bool has_verify = false;

	for (size_t i = 0; i < wiring->count; i++) {
		const struct way *way = &wiring->ways[i];

		if (way->kind == WAY_SERVER && is_unix && slash != STR_NONE &&
		    str_equal(
			way->service.name, str_after(next_hop, slash + 1)))
			return true;
		has_verify = has_verify || way->kind == WAY_VERIFY;
	}
	if (is_unix && slash != STR_NONE)
		return str_begins(str_after(next_hop, slash + 1), "lda-lmtp");
	return has_verify && colon != STR_NONE;
}

static void
add_missing(struct wiring *into, const char *setting, struct str service)
{
	if (into->missing_count == COUNT(into->missing))
		return;
	into->missing[into->missing_count].setting = setting;
	into->missing[into->missing_count++].service = service;
}

static void
take_lmtp(const struct transport *transport,
    const struct postconf_service *service, struct str next_hop,
    struct wiring *into)
{
	struct way *way;

	if (!str_is(service->command, "lmtp") || !is_ours(into, next_hop))
		return;
	way = add(into, WAY_LMTP, service);
	way->next_hop = next_hop;
	way->setting = str_from(transport->setting);
	way->classes = transport->classes;
	way->is_mailbox_transport = str_is(way->setting, "mailbox_transport");
}

/* Tells the ways of this service whose mail they get. */
static bool
take_classes(
    const struct transport *transport, struct str name, struct wiring *into)
{
	bool found = false;

	for (size_t i = 0; i < into->count; i++) {
		struct way *way = &into->ways[i];

		if ((way->kind != WAY_PIPE && way->kind != WAY_COMMAND) ||
		    !str_equal(way->service.name, name))
			continue;
		way->classes |= transport->classes;
		way->is_mailbox_transport = way->is_mailbox_transport ||
		    str_is(str_from(transport->setting), "mailbox_transport");
		found = true;
	}
	return found;
}

static void
take_transport(const struct postconf *postconf,
    const struct transport *transport, struct wiring *into)
{
	struct cursor in =
	    cursor_over(postconf_setting(postconf, transport->setting));
	struct str name = cursor_until(&in, ':');
	struct postconf_service service;

	if (name.length == 0 || take_classes(transport, name, into))
		return;
	if (postconf_find_service(postconf, name, "unix", &service))
		take_lmtp(transport, &service, in.rest, into);
	else if ((transport->classes & (WAY_VIRTUAL | WAY_LOCAL)) != 0)
		add_missing(into, transport->setting, name);
}

/* local(8) alone has mailbox_transport and fallback_transport: where
 * local_transport goes elsewhere they mean nothing. */
static void
forget_unreached(const struct postconf *postconf, struct wiring *into)
{
	struct cursor in =
	    cursor_over(postconf_setting(postconf, "local_transport"));
	struct postconf_service service;

	if (postconf_find_service(
		postconf, cursor_until(&in, ':'), "unix", &service) &&
	    str_is(service.command, "local"))
		return;
	for (size_t i = 0; i < into->count; i++)
		if (into->ways[i].is_mailbox_transport ||
		    (into->ways[i].classes & WAY_FALLBACK) != 0)
			into->ways[i].classes &=
			    ~(unsigned)(WAY_LOCAL | WAY_FALLBACK);
}

void
wiring_find(const struct postconf *postconf, struct wiring *into)
{
	memset(into, 0, sizeof(*into));
	take_services(postconf, into);
	for (size_t i = 0; i < COUNT(transports); i++)
		take_transport(postconf, &transports[i], into);
	forget_unreached(postconf, into);
}

static void
add_text(struct buf *out, struct str text)
{
	text_printable(out, text, 300);
}

static const struct {
	const char *before, *behind;
} sentences[] = {
	[WAY_PIPE] = { "pipe(8) service ", " runs " },
	[WAY_COMMAND] = { "local(8) service ", " has mailbox_command " },
	[WAY_SERVER] = { "spawn(8) service ", " runs " },
	[WAY_VERIFY] = { "spawn(8) service ", " runs " },
	[WAY_LMTP] = { "lmtp(8) service ", " speaks with " },
};

void
wiring_print(const struct wiring *wiring, struct buf *out)
{
	for (size_t i = 0; i < wiring->count; i++) {
		const struct way *way = &wiring->ways[i];

		buf_print(out, "    %s", sentences[way->kind].before);
		add_text(out, way->service.name);
		buf_add_string(out, sentences[way->kind].behind);
		add_text(out,
		    way->kind == WAY_LMTP        ? way->next_hop :
			way->kind == WAY_COMMAND ? way->words :
						   way->program);
		if (way->setting.length > 0) {
			buf_add_string(out, " (");
			add_text(out, way->setting);
			buf_add_octet(out, ')');
		}
		buf_add_octet(out, '\n');
	}
	if (wiring->count == 0)
		buf_add_string(out,
		    "    no service of master.cf, mailbox_command or "
		    "transport names lda; what tables and .forward name is "
		    "not seen\n");
}
