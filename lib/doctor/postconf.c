/*
 * postconf.c - what postconf(1) prints, taken apart.
 *
 * Source: postconf(1); master(5): blanks separate words, "{ }" holds one that
 * has blanks, and postconf -M writes "{}" around whatever needs it.
 */
#include "doctor/postconf.h"

#include "base/number.h"

/* No value of Postfix's is deeper than this; more is taken as text. */
#define BRACES_MOST 20

/* A year; what is longer is as good as for ever. */
#define SECONDS_MOST ((uint64_t)366 * 24 * 3600)

/* Whether line is "FIRST REST = ..." without the blank; value is what follows.
 */
static bool
line_has(struct str line, struct str first, const char *rest, struct str *value)
{
	struct cursor in = cursor_over(line);
	struct str name = str_trim(cursor_until(&in, '='));

	if (name.length != first.length + strlen(rest) ||
	    !str_equal(str_head(name, first.length), first) ||
	    !str_is(str_after(name, first.length), rest))
		return false;
	*value = str_trim(in.rest);
	return true;
}

static bool
find_line(
    struct str text, struct str first, const char *rest, struct str *value)
{
	struct cursor in = cursor_over(text);

	while (!cursor_at_end(&in))
		if (line_has(cursor_until(&in, '\n'), first, rest, value))
			return true;
	return false;
}

struct str
postconf_value(const struct postconf *from, struct str first, const char *rest)
{
	struct str value = str_from("");

	if (!find_line(from->verbatim, first, rest, &value))
		(void)find_line(from->settings, first, rest, &value);
	return value;
}

struct str
postconf_setting(const struct postconf *from, const char *name)
{
	return postconf_value(from, str_from(name), "");
}

/* Lines of -P begin with "service/type/". */
static bool
is_for(struct cursor *line, const struct postconf_service *service)
{
	return str_equal(cursor_until(line, '/'), service->name) &&
	    str_equal(cursor_until(line, '/'), service->type);
}

struct str
postconf_value_of(const struct postconf *from,
    const struct postconf_service *service, const char *name)
{
	struct cursor in = cursor_over(from->overrides);
	struct str value;

	while (!cursor_at_end(&in)) {
		struct cursor line = cursor_over(cursor_until(&in, '\n'));

		if (is_for(&line, service) &&
		    line_has(line.rest, str_from(name), "", &value))
			return value;
	}
	return postconf_setting(from, name);
}

/* What is left of in, if it begins with "{", up to the "}" that closes it. */
static bool
take_braces(struct cursor *in, struct str *word)
{
	struct cursor inside = *in;
	size_t depth = 0, length = 0;
	char c;

	do {
		(void)cursor_span_not(&inside, "{}");
		if (!cursor_take_any(&inside, "{}", &c))
			return false;
		if (c == '{' && ++depth > BRACES_MOST)
			return false;
		if (c == '}')
			depth--;
		length = in->rest.length - inside.rest.length;
	} while (depth > 0);
	*word = str_trim(
	    str_head(str_after(in->rest, 1), length < 2 ? 0 : length - 2));
	*in = inside;
	return true;
}

bool
postconf_next_word(struct cursor *in, struct str *word)
{
	cursor_skip_blanks(in);
	if (cursor_at_end(in))
		return false;
	if (cursor_peek(in) == '{' && take_braces(in, word))
		return true;
	*word = cursor_span_not(in, " \t");
	return true;
}

bool
postconf_next_service(struct cursor *services, struct postconf_service *into)
{
	while (!cursor_at_end(services)) {
		struct cursor line = cursor_over(cursor_until(services, '\n'));
		struct str unused;

		if (postconf_next_word(&line, &into->name) &&
		    postconf_next_word(&line, &into->type) &&
		    postconf_next_word(&line, &unused) &&
		    postconf_next_word(&line, &into->unprivileged) &&
		    postconf_next_word(&line, &into->chroot) &&
		    postconf_next_word(&line, &unused) &&
		    postconf_next_word(&line, &into->process_limit) &&
		    postconf_next_word(&line, &into->command)) {
			into->arguments = str_trim(line.rest);
			return true;
		}
	}
	return false;
}

bool
postconf_find_service(const struct postconf *from, struct str name,
    const char *type, struct postconf_service *into)
{
	struct cursor in = cursor_over(from->services);

	while (postconf_next_service(&in, into))
		if (str_equal(into->name, name) && str_is(into->type, type))
			return true;
	return false;
}

bool
postconf_list_has(struct str list, struct str word)
{
	struct cursor in = cursor_over(list);

	while (!cursor_at_end(&in)) {
		(void)cursor_span(&in, ", \t");
		if (str_equal_nocase(cursor_span_not(&in, ", \t"), word))
			return word.length > 0;
	}
	return false;
}

bool
postconf_seconds(struct str value, uint64_t *seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {
		{ 's', 1 },
		{ 'm', 60 },
		{ 'h', 3600 },
		{ 'd', (uint64_t)24 * 3600 },
		{ 'w', (uint64_t)7 * 24 * 3600 },
	};
	struct cursor in = cursor_over(str_trim(value));
	struct str digits = cursor_span(&in, "0123456789");
	uint64_t number;

	if (!number_read(digits, SECONDS_MOST, &number) || in.rest.length > 1)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (in.rest.length == 0 ||
		    str_lower_octet(in.rest.at[0]) == units[i].unit) {
			*seconds = number * units[i].seconds;
			return true;
		}
	return false;
}
