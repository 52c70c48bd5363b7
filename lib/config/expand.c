/*
 * expand.c - %u, %n, %d and %h in the values of settings.
 *
 * Source: Dovecot 2.3 "Config Variables" and 2.4 "Settings Variables", of
 * which the parts that delivery needs are known; every other one is an error
 * rather than a path that nobody meant.
 */
#include "config/expand.h"

#include "base/cursor.h"
#include "base/number.h"
#include "mail/address.h"

/* A longer component is refused by every file system (NAME_MAX). */
#define NAME_OCTETS 255

/* A value that grows beyond this is a mistake. */
#define VALUE_OCTETS 8192

enum what {
	WHAT_USER,
	WHAT_LOCAL,
	WHAT_DOMAIN,
	WHAT_HOME
};

static const struct {
	char letter;
	const char *word;
	enum what what;
} variables[] = {
	{ 'u', "user", WHAT_USER },
	{ 'n', "username", WHAT_LOCAL },
	{ 'd', "domain", WHAT_DOMAIN },
	{ 'h', "home", WHAT_HOME },
};

/* The state of one expansion. */
struct expansion {
	const struct expand_names *names;
	enum expand_use use;
	struct arena *arena;
	struct str value; /* the whole of it, for causes */
	struct buf out;
	struct status *why;
};

struct expand_names
expand_names_of(struct str user)
{
	struct expand_names names = { .user = user,
		.local = address_local(user),
		.domain = address_domain(user) };

	return names;
}

static int
fail(struct expansion *at, const char *reason)
{
	return status_fail(at->why, STATUS_MISCONFIGURED, "%.*s: %s",
	    (int)at->value.length, at->value.at, reason);
}

static int
value_of(struct expansion *at, enum what what, struct str *into)
{
	switch (what) {
	case WHAT_USER:
		*into = at->names->user;
		return 0;
	case WHAT_LOCAL:
		*into = at->names->local;
		return 0;
	case WHAT_DOMAIN:
		*into = at->names->domain;
		if (into->length == 0 && !address_has_domain(at->names->user))
			return fail(at, "the user's name has no domain for %d");
		return 0;
	case WHAT_HOME:
		*into = at->names->home;
		if (into->length == 0)
			return fail(at,
			    "the home directory is not known (set mail_home, "
			    "or give the user one)");
		return 0;
	}
	return fail(at, "unknown variable");
}

static struct str
change_case(struct expansion *at, struct str from, char (*change)(char))
{
	char *changed = arena_take(at->arena, from.length + 1);

	for (size_t i = 0; i < from.length; i++)
		changed[i] = change(from.at[i]);
	return str_of(changed, from.length);
}

/* A "/" in it would name another directory; a leading dot a hidden one, a
 * Maildir++ folder, or "..". */
static bool
is_safe_name(struct str name)
{
	return name.length > 0 && name.length <= NAME_OCTETS &&
	    name.at[0] != '.' && str_index(name, '/') == STR_NONE &&
	    !str_has_control(name);
}

/*
 * A part cut out of a name that is safe.  Hashed layouts (%1n/%1.1n/%n) give
 * "." for j.smith and nothing for j: no harm between two slashes.  Beside
 * anything else a dot could become "..", and nothing somebody else's mail.
 */
static bool
is_safe_part(const struct expansion *at, struct str part, char next)
{
	if (part.length > 0 && part.at[0] != '.')
		return true;
	return !str_is(part, "..") && next == '/' &&
	    str_ends(buf_str(&at->out), "/");
}

/* What is cut out of value; next follows it in the text. */
static int
put(struct expansion *at, enum what what, struct str value, struct str part,
    char next)
{
	bool is_name = at->use == EXPAND_PATH && what != WHAT_HOME;

	if (is_name && !is_safe_name(value))
		return status_fail(at->why, STATUS_USER_UNKNOWN,
		    "the recipient's name cannot be part of a path");
	if (is_name && !is_safe_part(at, part, next))
		return fail(at,
		    "what an offset or a width leaves of this recipient's name "
		    "cannot be part of a path");
	buf_add(&at->out, part);
	return 0;
}

/* offset.width of Dovecot 2.3; false when a number is out of range. */
static bool
read_range(struct cursor *in, size_t *offset, size_t *width)
{
	struct str first = cursor_span(in, "0123456789");
	uint64_t number = 0;

	*offset = 0;
	*width = VALUE_OCTETS;
	if (first.length == 0)
		return true;
	if (!number_read(first, VALUE_OCTETS, &number))
		return false;
	if (cursor_take(in, '.')) {
		*offset = (size_t)number;
		if (!number_read(
			cursor_span(in, "0123456789"), VALUE_OCTETS, &number))
			return false;
	}
	*width = (size_t)number;
	return *width > 0;
}

/* %[offset.width][L|U...]letter */
static int
expand_letter(struct expansion *at, struct cursor *in)
{
	size_t offset, width;
	struct str value;
	char taken;
	char (*change)(char) = NULL;

	if (!read_range(in, &offset, &width))
		return fail(at, "bad offset or width");
	while (cursor_take_any(in, "LU", &taken))
		change = taken == 'L' ? str_lower_octet : str_upper_octet;
	for (size_t i = 0; i < COUNT(variables); i++) {
		if (!cursor_take(in, variables[i].letter))
			continue;
		if (value_of(at, variables[i].what, &value) < 0)
			return -1;
		if (change != NULL)
			value = change_case(at, value, change);
		return put(at, variables[i].what, value,
		    str_head(str_after(value, offset), width), cursor_peek(in));
	}
	return fail(at, "unknown variable or modifier after %");
}

static int
apply_filter(
    struct expansion *at, struct str filter, enum what *what, struct str *value)
{
	if (str_is(filter, "lower"))
		*value = change_case(at, *value, str_lower_octet);
	else if (str_is(filter, "upper"))
		*value = change_case(at, *value, str_upper_octet);
	else if (str_is(filter, "username"))
		*value = address_local(*value);
	else if (str_is(filter, "domain")) {
		if (!address_has_domain(*value))
			return fail(at, "the name has no domain");
		*value = address_domain(*value);
	} else
		return fail(at, "unknown filter in %{...}");
	if (*what == WHAT_HOME)
		*what = WHAT_USER; /* no longer a path of the administrator's */
	return 0;
}

/* %{word | filter | ...} */
static int
expand_braces(struct expansion *at, struct cursor *in)
{
	size_t end = str_index(in->rest, '}');
	struct cursor inner;
	struct str word, value;

	if (end == STR_NONE)
		return fail(at, "%{ without }");
	inner = cursor_over(cursor_octets(in, end));
	(void)cursor_take(in, '}');
	word = str_trim(cursor_until(&inner, '|'));
	for (size_t i = 0; i < COUNT(variables); i++) {
		enum what what = variables[i].what;

		if (!str_is(word, variables[i].word))
			continue;
		if (value_of(at, what, &value) < 0)
			return -1;
		while (!cursor_at_end(&inner))
			if (apply_filter(at,
				str_trim(cursor_until(&inner, '|')), &what,
				&value) < 0)
				return -1;
		return put(at, what, value, value, cursor_peek(in));
	}
	return fail(at, "unknown variable in %{...}");
}

static int
expand_all(struct expansion *at)
{
	struct cursor in = cursor_over(at->value);

	if (at->use == EXPAND_PATH &&
	    (str_is(at->value, "~") || str_begins(at->value, "~/"))) {
		struct str home;

		(void)cursor_take(&in, '~');
		if (value_of(at, WHAT_HOME, &home) < 0)
			return -1;
		buf_add(&at->out, home);
	}
	while (!cursor_at_end(&in)) {
		buf_add(&at->out, cursor_span_not(&in, "%"));
		if (!cursor_take(&in, '%'))
			break;
		if (cursor_take(&in, '%'))
			buf_add_octet(&at->out, '%');
		else if (cursor_take(&in, '{')) {
			if (expand_braces(at, &in) < 0)
				return -1;
		} else if (expand_letter(at, &in) < 0)
			return -1;
	}
	if (at->out.overflow)
		return fail(at, "too long when expanded");
	return 0;
}

/* Each variable stands for no more than the longest name that there is. */
static size_t
size_most(const struct expansion *at)
{
	size_t longest = at->names->user.length, size = at->value.length + 1;

	if (longest < at->names->home.length)
		longest = at->names->home.length;
	for (size_t i = 0; i < at->value.length && size < VALUE_OCTETS; i++)
		if (at->value.at[i] == '%' || at->value.at[i] == '~')
			size += longest;
	return size < VALUE_OCTETS ? size : VALUE_OCTETS;
}

static int
run(struct str value, const struct expand_names *names, enum expand_use use,
    struct arena *arena, struct str *into, struct status *why)
{
	struct expansion at = { .names = names,
		.use = use,
		.arena = arena,
		.value = value,
		.why = why };
	size_t size = size_most(&at);

	buf_init(&at.out, arena_take(arena, size), size);
	if (expand_all(&at) < 0)
		return -1;
	*into = buf_str(&at.out);
	return 0;
}

int
expand(struct str value, const struct expand_names *names, enum expand_use use,
    struct arena *arena, const char **into, struct status *why)
{
	struct str expanded;

	if (run(value, names, use, arena, &expanded, why) < 0)
		return -1;
	*into = expanded.at; /* a buf ends with a NUL */
	return 0;
}

int
expand_username(struct str format, struct str name, struct arena *arena,
    struct str *into, struct status *why)
{
	struct expand_names names = expand_names_of(name);

	return run(format, &names, EXPAND_TEXT, arena, into, why);
}
