/*
 * user.c - who a recipient is.
 *
 * ONE TABLE of sources; a new one is a new file and a new row.
 *
 * Source: Dovecot userdb, postconf(5) recipient_delimiter.
 */
#include "user/user.h"

#include "base/cursor.h"
#include "base/number.h"
#include "base/sys.h"
#include "config/expand.h"
#include "mail/address.h"
#include "user/user_passwd.h"

#include <stddef.h>
#include <string.h>

static const struct user_source *const sources[] = {
	&user_source_passwd,    /* passwd                    the system's */
	&user_source_static,    /* static                    everybody */
	&user_source_file,      /* passwd-file:PATH          Dovecot's format */
	&user_source_cdb,       /* cdb:PATH                  one seek */
	&user_source_socketmap, /* socketmap:unix:PATH:NAME  a server */
	&user_source_dovecot,   /* dovecot-auth:PATH         auth-userdb */
};

#define FIELD(name) offsetof(struct user_options, name)

static const struct setting rows[] = {
	{ "userdb", SETTING_LIST, "passwd", FIELD(userdb), "" },
	{ "auth_username_format", SETTING_TEXT, "%Lu",
	    FIELD(auth_username_format), "" },
	{ "mydestination", SETTING_LIST, "$hostname", FIELD(mydestination),
	    "" },
	{ "mail_home", SETTING_TEXT, "", FIELD(mail_home), "" },
	{ "mail_uid", SETTING_TEXT, "", FIELD(mail_uid), "" },
	{ "mail_gid", SETTING_TEXT, "", FIELD(mail_gid), "" },
	{ "nss_notfound", SETTING_CHOICE, "doubtful", FIELD(nss_notfound),
	    "doubtful unknown" },
	{ "recipient_delimiter", SETTING_TEXT, "+", FIELD(recipient_delimiter),
	    "" },
};

#undef FIELD

const struct setting_table user_settings = { rows, COUNT(rows) };

/* This machine's name, its first label, and localhost; no DNS. */
static bool
is_this_machine(struct str domain)
{
	char name[256];
	struct str whole;

	sys_hostname(name, sizeof(name));
	whole = str_from(name);
	return str_equal_nocase(domain, whole) ||
	    str_equal_nocase(domain, str_head(whole, str_index(whole, '.'))) ||
	    str_is_nocase(domain, "localhost");
}

bool
user_is_local_domain(const struct user_options *options, struct str domain)
{
	for (size_t i = 0; i < options->mydestination.count; i++) {
		struct str word = options->mydestination.words[i];

		if (str_is(word, "$hostname") ? is_this_machine(domain) :
						str_equal_nocase(domain, word))
			return true;
	}
	return false;
}

static bool
could_be_id(uint64_t number)
{
	return number != 0 && number < UINT32_MAX;
}

/* The longest name of a user or group that is looked up. */
#define NAME_OCTETS 256

int
user_read_uid(struct str text, const struct user_options *options,
    struct arena *arena, uid_t *uid, struct status *why)
{
	struct user found = { .home = NULL };
	uint64_t number;

	if (!number_read(text, UINT32_MAX, &number)) {
		if (user_passwd_by_name(str_head(text, NAME_OCTETS), options,
			arena, &found, why) < 0) {
			status_context(why, "uid");
			status_become(why, STATUS_LOOKUP_FAILED);
			return -1;
		}
		number = found.uid;
	}
	if (!could_be_id(number))
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "uid %.*s is not one that receives mail", (int)text.length,
		    text.at);
	*uid = (uid_t)number;
	return 0;
}

int
user_read_gid(struct str text, const struct user_options *options,
    struct arena *arena, gid_t *gid, struct status *why)
{
	uint64_t number;
	gid_t found;

	if (!number_read(text, UINT32_MAX, &number)) {
		if (user_passwd_group(str_head(text, NAME_OCTETS), options,
			arena, &found, why) < 0) {
			status_context(why, "gid");
			status_become(why, STATUS_LOOKUP_FAILED);
			return -1;
		}
		number = found;
	}
	if (!could_be_id(number))
		return status_fail(why, STATUS_LOOKUP_FAILED,
		    "gid %.*s is not one that receives mail", (int)text.length,
		    text.at);
	*gid = (gid_t)number;
	return 0;
}

/* One search through the userdb list. */
struct search {
	const struct user_options *options;
	struct arena *arena;
	struct user *into;
	struct status *why;
};

static const struct user_source *
source_of(struct str word)
{
	for (size_t i = 0; i < COUNT(sources); i++)
		if (str_is(word, sources[i]->word))
			return sources[i];
	return NULL;
}

/* The source that one word of userdb names, and what stands behind its name;
 * NULL with the reason where there is none such. */
static const struct user_source *
parse_word(struct str word, struct str *argument, struct status *why)
{
	struct cursor in = cursor_over(word);
	const struct user_source *source = source_of(cursor_until(&in, ':'));

	*argument = in.rest;
	if (source == NULL)
		(void)status_fail(why, STATUS_MISCONFIGURED,
		    "userdb: there is no source \"%.*s\"", (int)word.length,
		    word.at);
	else if (source->takes_path && argument->length == 0)
		(void)status_fail(why, STATUS_MISCONFIGURED,
		    "userdb: %s needs a path (%s:/etc/lda.users)", source->word,
		    source->word);
	/* Relative to what?  Postfix's queue directory is never meant. */
	else if (source->takes_path && !str_begins(*argument, "/") &&
	    !str_begins(*argument, "unix:/") && !str_begins(*argument, "inet:"))
		(void)status_fail(why, STATUS_MISCONFIGURED,
		    "userdb: %.*s has no absolute path", (int)word.length,
		    word.at);
	else if (source->lacks != NULL && source->lacks(*argument) != NULL)
		(void)status_fail(why, STATUS_MISCONFIGURED,
		    "userdb: %.*s is not %s", (int)word.length, word.at,
		    source->lacks(*argument));
	else
		return source;
	return NULL;
}

/* Without a local part it is nobody's name; any other that vanishes is the
 * format's fault, and no reason to bounce. */
static int
fail_of_format(struct str format, struct str name, struct status *why)
{
	if (address_local(name).length == 0)
		return status_fail(why, STATUS_USER_UNKNOWN,
		    "an address without a local part");
	return status_fail(why, STATUS_MISCONFIGURED,
	    "auth_username_format \"%.*s\" leaves nothing of the name",
	    (int)format.length, format.at);
}

/* A format that makes the same of two users, or quotes of its own, would make
 * everybody unknown. */
static int
check_format(struct str format, struct arena *arena, struct status *why)
{
	struct str one, other;

	if (expand_username(format, str_from("bob@example"), arena, &one, why) <
		0 ||
	    expand_username(
		format, str_from("ann@example"), arena, &other, why) < 0)
		return -1;
	if (!str_equal(one, other) && str_index(format, '"') == STR_NONE &&
	    str_index(format, '\'') == STR_NONE)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "\"%.*s\" is no format of a user name (%%Lu, %%Ln; no quotes)",
	    (int)format.length, format.at);
}

int
user_check_format(
    const struct user_options *options, struct arena *arena, struct status *why)
{
	return check_format(
	    str_from(options->auth_username_format), arena, why);
}

int
user_check_sources(
    const struct user_options *options, struct arena *arena, struct status *why)
{
	const struct user_source *source;
	struct str argument;

	if (options->userdb.count == 0)
		return status_fail(
		    why, STATUS_MISCONFIGURED, "no source of users");
	for (size_t i = 0; i < options->userdb.count; i++) {
		source = parse_word(options->userdb.words[i], &argument, why);
		if (source == NULL ||
		    (!source->takes_path && argument.length > 0 &&
			check_format(argument, arena, why) < 0))
			return -1;
	}
	return 0;
}

/* An address literal has brackets and colons; other tables and variables of
 * Postfix's would be domains that nobody has, and everybody unknown. */
static bool
is_domain(struct str word)
{
	struct cursor in = cursor_over(word);

	while (!cursor_at_end(&in)) {
		char c = str_lower_octet(cursor_peek(&in));

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    (unsigned char)c < 0x80 && !str_has_octet("-._[]:", c))
			return false;
		(void)cursor_octets(&in, 1);
	}
	return !str_begins(word, ".") &&
	    (str_index(word, ':') == STR_NONE || str_begins(word, "["));
}

int
user_check_destinations(const struct user_options *options, struct status *why)
{
	for (size_t i = 0; i < options->mydestination.count; i++) {
		struct str word = options->mydestination.words[i];

		if (!str_is(word, "$hostname") && !is_domain(word))
			return status_fail(why, STATUS_MISCONFIGURED,
			    "\"%.*s\": only $hostname and domains; no other "
			    "$name, no table, no pattern",
			    (int)word.length, word.at);
	}
	return 0;
}

int
user_check_ids(const struct user_options *options, struct status *why)
{
	uint64_t number;

	if ((number_read(str_from(options->mail_uid), UINT64_MAX, &number) &&
		number == 0) ||
	    (number_read(str_from(options->mail_gid), UINT64_MAX, &number) &&
		number == 0))
		return status_fail(why, STATUS_MISCONFIGURED,
		    "uid 0 and gid 0 are root's, who gets no mail: give it to "
		    "a user of its own");
	return 0;
}

void
user_copy(const struct user *user, struct arena *arena, struct user *into)
{
	size_t count = user->field_count;

	*into = *user;
	into->name = arena_copy(arena, user->name);
	if (user->home != NULL)
		into->home = arena_string(arena, str_from(user->home));
	into->source = arena_string(arena, str_from(user->source));
	into->fields = arena_take(arena, count * sizeof(*into->fields));
	for (size_t i = 0; i < count; i++) {
		into->fields[i].name = arena_copy(arena, user->fields[i].name);
		into->fields[i].value =
		    arena_copy(arena, user->fields[i].value);
	}
}

bool
user_finds_everybody(const struct user_options *options)
{
	const struct user_source *source;

	if (options->userdb.count == 0)
		return false;
	source = source_of(str_head(
	    options->userdb.words[options->userdb.count - 1],
	    str_index(options->userdb.words[options->userdb.count - 1], ':')));
	return source != NULL && !source->lists_users;
}

/* Asks the source that one word of the list names. */
static int
ask(struct search *at, struct str word, const struct user_source *source,
    struct str argument, struct str name)
{
	struct user_query query = {
		.argument = argument, .options = at->options, .arena = at->arena
	};
	struct str format = str_from(at->options->auth_username_format);

	if (!source->takes_path && argument.length > 0)
		format = argument;
	memset(at->into, 0, sizeof(*at->into));
	if (expand_username(format, name, at->arena, &query.name, at->why) < 0)
		return -1;
	if (query.name.length == 0)
		return fail_of_format(format, name, at->why);
	if (source->find(&query, at->into, at->why) < 0)
		return -1;
	at->into->source = arena_string(at->arena, word);
	at->into->is_listed = source->lists_users;
	return 0;
}

/* Asks all sources in order that wanted says; "not found" goes on.  Each says
 * why: the list is only sure together. */
static int
ask_all(struct search *at, struct str name, bool only_listing)
{
	const struct setting_list *list = &at->options->userdb;
	const char *others = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct user_source *source;
		struct str argument;

		source = parse_word(list->words[i], &argument, at->why);
		if (source == NULL)
			return -1;
		if (only_listing && !source->lists_users)
			continue;
		if (ask(at, list->words[i], source, argument, name) == 0)
			return 0;
		if (at->why->id != STATUS_USER_UNKNOWN)
			return -1;
		if (others != NULL)
			status_add(at->why, "; %s", others);
		others = arena_string(at->arena, str_from(at->why->cause));
	}
	return -1;
}

/* uid, gid and home for a source that did not say. */
static int
complete(struct search *at)
{
	const struct user_options *options = at->options;
	struct user *user = at->into;
	struct str uid = str_from(options->mail_uid);
	struct str gid = str_from(options->mail_gid);
	struct expand_names names = expand_names_of(user->name);

	if (!user->has_uid && uid.length > 0) {
		if (user_read_uid(
			uid, options, at->arena, &user->uid, at->why) < 0)
			goto misconfigured;
		user->has_uid = true;
	}
	if (!user->has_gid && gid.length > 0) {
		if (user_read_gid(
			gid, options, at->arena, &user->gid, at->why) < 0)
			goto misconfigured;
		user->has_gid = true;
	}
	if (user->home == NULL && options->mail_home[0] != '\0') {
		if (expand(str_from(options->mail_home), &names, EXPAND_PATH,
			at->arena, &user->home, at->why) < 0) {
			status_context(at->why, "mail_home");
			if (user->is_listed)
				status_become(at->why, STATUS_MISCONFIGURED);
			return -1;
		}
	}
	status_init(at->why); /* other sources may have said "not found" */
	return 0;
misconfigured:
	status_context(at->why, "mail_uid, mail_gid");
	status_become(at->why, STATUS_MISCONFIGURED);
	return -1;
}

int
user_find(const struct user_options *options, struct str name,
    bool userdb_is_set, struct arena *arena, struct user *into,
    struct status *why)
{
	struct search at = { options, arena, into, why };
	struct str bare = address_without_detail(
	    name, str_from(options->recipient_delimiter), arena);

	if (options->userdb.count == 0)
		return status_fail(
		    why, STATUS_MISCONFIGURED, "userdb is empty");
	/* What it comes to when no source lists users. */
	status_become(why, STATUS_USER_UNKNOWN);
	if (!str_equal(bare, name)) {
		if (ask_all(&at, name, true) == 0)
			return complete(&at);
		if (why->id != STATUS_USER_UNKNOWN)
			return -1;
	}
	if (ask_all(&at, bare, false) == 0)
		return complete(&at);
	if (why->id == STATUS_USER_UNKNOWN && !userdb_is_set &&
	    address_has_domain(name)) {
		status_context(why,
		    "userdb was never set, so a name with a domain that is "
		    "not found is not taken for unknown");
		status_become(why, STATUS_LOOKUP_FAILED);
	}
	return -1;
}
