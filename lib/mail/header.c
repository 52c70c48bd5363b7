/*
 * header.c - the fields of a message's header.
 *
 * Source: RFC 5322 section 2.2, RFC 5321 section 4.4.
 */
#include "mail/header.h"

/* How many octets of a name there are at the start of line. */
static size_t
name_length(struct str line)
{
	size_t length = 0;

	while (length < line.length && line.at[length] > ' ' &&
	    line.at[length] <= '~' && line.at[length] != ':')
		length++;
	return length;
}

/* Where the colon behind a name is, blanks before it or none; line.length for
 * another octet.  A CR is no blank: who writes mail does not take it for one
 * either. */
static size_t
find_colon(struct str line, size_t at)
{
	while (at < line.length && (line.at[at] == ' ' || line.at[at] == '\t'))
		at++;
	return at < line.length && line.at[at] == ':' ? at : line.length;
}

bool
header_next(struct cursor *in, struct header_field *field)
{
	struct cursor line = *in;
	struct str first = cursor_until(&line, '\n');
	size_t name = name_length(first);
	size_t colon = find_colon(first, name);
	size_t length = first.length;

	/* A blank in front goes on with a field, and there is none. */
	if (name == 0 || colon == length)
		return false;
	field->name = str_head(first, name);
	while (cursor_peek(&line) == ' ' || cursor_peek(&line) == '\t')
		length += 1 + cursor_until(&line, '\n').length;
	field->value = str_after(str_head(in->rest, length), colon + 1);
	*in = line;
	return true;
}

struct str
header_unfold(struct arena *arena, struct str value)
{
	char *text = arena_take(arena, value.length + 1);
	size_t length = 0;

	for (size_t i = 0; i < value.length; i++)
		if (value.at[i] != '\n')
			text[length++] = value.at[i];
	return str_trim(str_of(text, length));
}

/* Past a comment, which may hold others (RFC 5322 section 3.2.2). */
static void
skip_comment(struct cursor *in)
{
	size_t depth = 0;

	do {
		char c = cursor_peek(in);

		if (c == '\\')
			(void)cursor_octets(in, 1);
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		(void)cursor_octets(in, 1);
	} while (depth > 0 && !cursor_at_end(in));
}

/* How long the path at the start of text is, up to a ">" that no quotes hide;
 * where they do not pair they hide nothing. */
static size_t
path_length(struct str text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.length; i++) {
		if (text.at[i] == '>' && !quoted)
			return i + 1;
		if (text.at[i] == '"')
			quoted = !quoted;
		else if (text.at[i] == '\\' && quoted)
			i++;
	}
	return str_index(text, '>') == STR_NONE ? text.length :
						  str_index(text, '>') + 1;
}

static bool
ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' ||
	    c == '(';
}

/* How long a word without quotes is at the start of text. */
static size_t
plain_length(struct str text)
{
	size_t length = 0;

	while (length < text.length && !ends_word(text.at[length]))
		length++;
	return length;
}

/* The next word outside of comments; empty at ";" and at the end.  A path is
 * one, with all that anybody may have put into its quotes. */
static struct str
next_word(struct cursor *in)
{
	for (;;) {
		(void)cursor_span(in, " \t\r\n");
		if (cursor_peek(in) == '<')
			return cursor_octets(in, path_length(in->rest));
		if (cursor_peek(in) != '(')
			return cursor_octets(in, plain_length(in->rest));
		skip_comment(in);
	}
}

struct str
header_queue_id(struct str received)
{
	struct cursor in = cursor_over(received);
	struct str word = next_word(&in), found = { NULL, 0 };

	/* The last one: before it a client may have called itself "id". */
	while (word.length > 0) {
		struct str next = next_word(&in);

		if (str_is_nocase(word, "id"))
			found = next;
		word = next;
	}
	return found;
}
