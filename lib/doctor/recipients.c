/*
 * recipients.c - who exists, as smtpd is told.
 *
 * Source: postfix postconf(5): local_recipient_maps, virtual_mailbox_maps,
 * relay_recipient_maps, reject_unverified_recipient.
 */
#include "doctor/examine.h"

/* The classes of addresses, and who lists their recipients. */
static const struct address_class {
	unsigned class;
	const char *domains, *maps;
} classes[] = {
	{ WAY_VIRTUAL, "virtual_mailbox_domains", "virtual_mailbox_maps" },
	{ WAY_LOCAL, "mydestination", "local_recipient_maps" },
	{ WAY_RELAY, "relay_domains", "relay_recipient_maps" },
};

static struct str
setting(const struct examination *at, const char *name)
{
	return postconf_setting(at->postconf, name);
}

/* Whether its mail comes to us; probed: by a way that answers probes.
 * pipe(8) says to each that the recipient exists. */
static bool
is_served(const struct examination *at, unsigned class, bool *probed)
{
	bool served = false;

	*probed = true;
	for (size_t i = 0; i < at->wiring->count; i++) {
		const struct way *way = &at->wiring->ways[i];

		if ((way->classes & class) == 0)
			continue;
		served = true;
		*probed = *probed && way->kind != WAY_PIPE;
	}
	return served;
}

static bool
is_restriction(const struct examination *at, const char *word)
{
	static const char *const places[] = { "smtpd_recipient_restrictions",
		"smtpd_relay_restrictions", "smtpd_client_restrictions",
		"smtpd_helo_restrictions", "smtpd_sender_restrictions",
		"smtpd_data_restrictions" };

	for (size_t i = 0; i < COUNT(places); i++)
		if (postconf_list_has(setting(at, places[i]), str_from(word)))
			return true;
	return false;
}

/* The first word of a list for which is() holds; empty: none. */
static struct str
find_word(struct str list, bool (*is)(struct str word, const void *more),
    const void *more)
{
	struct cursor in = cursor_over(list);
	struct str word;

	do {
		(void)cursor_span(&in, ", \t");
		word = cursor_span_not(&in, ", \t");
	} while (word.length > 0 && !is(word, more));
	return word;
}

static bool
begins(struct str word, const void *more)
{
	return str_begins(word, more);
}

/* What to write where nobody is asked. */
static const char *
better_maps(const struct examination *at, const struct address_class *row)
{
	for (size_t i = 0; i < at->wiring->count; i++)
		if (at->wiring->ways[i].kind == WAY_COMMAND &&
		    row->class == WAY_LOCAL)
			return "local_recipient_maps = "
			       "proxy:unix:passwd.byname $alias_maps";
	return arena_print(at->arena,
	    "%s = socketmap:unix:private/lda-verify:rcpt", row->maps);
}

static void
examine_maps(
    const struct examination *at, const struct address_class *row, bool probed)
{
	struct str maps = setting(at, row->maps);
	struct str everybody = find_word(maps, begins, "static:");
	bool asks = probed && is_restriction(at, "reject_unverified_recipient");

	if (asks)
		return;
	if (maps.length == 0)
		finding_add(at->findings, FINDING_UNKNOWN_USERS,
		    better_maps(at, row), "%s is empty", row->maps);
	else if (everybody.length > 0)
		finding_add(at->findings, FINDING_UNKNOWN_USERS,
		    better_maps(at, row), "%s has %s", row->maps,
		    examine_text(at, everybody));
	else if (str_is(setting(at, "smtpd_reject_unlisted_recipient"), "no") &&
	    !is_restriction(at, "reject_unlisted_recipient"))
		finding_add(at->findings, FINDING_UNKNOWN_USERS,
		    "smtpd_reject_unlisted_recipient = yes",
		    "smtpd_reject_unlisted_recipient is no, and %s is not "
		    "asked",
		    row->maps);
}

/* Whether a table is asked of an lda-verify service. */
static bool
is_verify(struct str word, const void *more)
{
	const struct wiring *wiring = more;
	struct cursor in = cursor_over(word);
	size_t slash;

	if (!cursor_take_word(&in, "socketmap:unix:"))
		return false;
	word = cursor_until(&in, ':');
	slash = str_last(word, '/');
	for (size_t i = 0; i < wiring->count && slash != STR_NONE; i++)
		if (wiring->ways[i].kind == WAY_VERIFY &&
		    str_equal(wiring->ways[i].service.name,
			str_after(word, slash + 1)))
			return true;
	return false;
}

static void
examine_verify(const struct examination *at, const struct address_class *row)
{
	struct str table =
	    find_word(setting(at, row->maps), is_verify, at->wiring);

	if (table.length == 0)
		return;
	if (user_finds_everybody(&at->settings->user))
		finding_add(at->findings, FINDING_EVERYBODY,
		    "userdb with a source that lists users",
		    "%s has %s, and userdb ends in static", row->maps,
		    examine_text(at, table));
	if (row->class == WAY_VIRTUAL &&
	    str_equal(setting(at, row->domains), setting(at, row->maps)))
		finding_add(at->findings, FINDING_DOMAINS_ASKED,
		    "virtual_mailbox_domains = example.com",
		    "virtual_mailbox_domains is not set, and is by default "
		    "virtual_mailbox_maps");
}

/* smtpd asks the table itself, chrooted as Debian has it. */
static void
examine_socket(const struct examination *at, const struct address_class *row)
{
	struct cursor in = cursor_over(at->postconf->services);
	struct str table =
	    find_word(setting(at, row->maps), begins, "socketmap:unix:/");
	struct postconf_service service;

	while (table.length > 0 && postconf_next_service(&in, &service))
		if (str_is(service.command, "smtpd") &&
		    examine_is_chrooted(at, &service))
			finding_add(at->findings, FINDING_SOCKET_HIDDEN,
			    examine_columns_of(at, &service,
				examine_text(at, service.process_limit)),
			    "%s has %s, and the smtpd of service %s is "
			    "chrooted",
			    row->maps, examine_text(at, table),
			    examine_text(at, service.name));
}

/* Only what Postfix compares itself. */
static bool
is_domain(struct str word)
{
	return str_index(word, ':') == STR_NONE &&
	    str_index(word, '/') == STR_NONE && !str_begins(word, "!");
}

static bool
is_destination(struct str word, const void *more)
{
	const struct examination *at = more;

	return is_domain(word) &&
	    postconf_list_has(setting(at, "mydestination"), word);
}

static void
examine_virtual_domains(const struct examination *at)
{
	struct str twice = find_word(
	    setting(at, "virtual_mailbox_domains"), is_destination, at);

	if (twice.length > 0)
		finding_add(at->findings, FINDING_DOMAIN_TWICE,
		    "mydestination without it",
		    "%s stands in virtual_mailbox_domains and in "
		    "mydestination",
		    examine_text(at, twice));
}

/* A domain that lda.conf does not know; that of localhost by another name
 * comes from Postfix's default and is nobody's address. */
static bool
is_strange(struct str word, const void *more)
{
	const struct examination *at = more;

	return is_domain(word) && !str_begins_nocase(word, "localhost.") &&
	    !user_is_local_domain(&at->settings->user, word);
}

static bool
asks_passwd(const struct user_options *options)
{
	for (size_t i = 0; i < options->userdb.count; i++)
		if (str_is(options->userdb.words[i], "passwd"))
			return true;
	return false;
}

/* Only where the recipient is told with his domain: mailbox_command is not. */
static void
examine_local_domains(const struct examination *at)
{
	bool told = false;
	struct str strange;

	for (size_t i = 0; i < at->wiring->count; i++)
		told = told ||
		    (at->wiring->ways[i].kind == WAY_LMTP &&
			(at->wiring->ways[i].classes & WAY_LOCAL) != 0);
	strange = find_word(setting(at, "mydestination"), is_strange, at);
	if (told && asks_passwd(&at->settings->user) && strange.length > 0)
		finding_add(at->findings, FINDING_DOMAIN_UNKNOWN,
		    arena_print(at->arena, "mydestination = $hostname %s",
			examine_text(at, strange)),
		    "Postfix's mydestination has %s, that of lda.conf has not",
		    examine_text(at, strange));
}

static bool
is_not_of_system(struct str word, const void *more)
{
	const struct examination *at = more;

	return !str_ends(word, "unix:passwd.byname") &&
	    !postconf_list_has(setting(at, "alias_maps"), word);
}

static void
examine_fallback(const struct examination *at)
{
	struct str maps = setting(at, "local_recipient_maps");
	bool probed;

	if (!is_served(at, WAY_FALLBACK, &probed) || maps.length == 0 ||
	    find_word(maps, is_not_of_system, at).length > 0)
		return;
	finding_add(at->findings, FINDING_FALLBACK_REFUSED,
	    "local_recipient_maps = proxy:unix:passwd.byname $alias_maps "
	    "socketmap:unix:private/lda-verify:rcpt",
	    "local_recipient_maps is %s", examine_text(at, maps));
}

static void
examine_unverified_code(const struct examination *at)
{
	struct str code = setting(at, "unverified_recipient_reject_code");

	if (is_restriction(at, "reject_unverified_recipient") &&
	    str_begins(code, "4"))
		finding_add(at->findings, FINDING_UNVERIFIED_CODE,
		    "unverified_recipient_reject_code = 550",
		    "unverified_recipient_reject_code is %s",
		    examine_text(at, code));
}

/* What Postfix takes apart and lda does not. */
static void
examine_delimiter(const struct examination *at)
{
	const char *ours = at->settings->user.recipient_delimiter;
	struct str theirs = setting(at, "recipient_delimiter");

	for (size_t i = 0; i < theirs.length; i++)
		if (!str_has_octet(ours, theirs.at[i])) {
			finding_add(at->findings, FINDING_DELIMITER,
			    arena_print(at->arena, "recipient_delimiter = %s",
				examine_text(at, theirs)),
			    "recipient_delimiter is %s, that of lda.conf %s",
			    examine_text(at, theirs), ours);
			return;
		}
}

void
examine_recipients(const struct examination *at)
{
	for (size_t i = 0; i < COUNT(classes); i++) {
		const struct address_class *row = &classes[i];
		bool probed;

		if (!is_served(at, row->class, &probed) ||
		    setting(at, row->domains).length == 0)
			continue;
		examine_maps(at, row, probed);
		examine_verify(at, row);
		examine_socket(at, row);
		if (row->class == WAY_VIRTUAL)
			examine_virtual_domains(at);
	}
	examine_local_domains(at);
	examine_fallback(at);
	examine_unverified_code(at);
	if (!store_is_remote(&at->settings->store, at->arena))
		examine_delimiter(at);
}
