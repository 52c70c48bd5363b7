/*
 * address.c - envelope addresses: their parts, and the null sender.
 *
 * Source: RFC 5321 section 4.1.2, RFC 6531 section 3.3, postfix split_addr(3),
 * pipe(8).
 */
#include "mail/address.h"

#include "base/cursor.h"
#include "base/text.h"

struct str
address_bare(struct str text)
{
	text = str_trim(text);
	if (text.length >= 2 && text.at[0] == '<' &&
	    text.at[text.length - 1] == '>')
		return str_head(str_after(text, 1), text.length - 2);
	return text;
}

bool
address_is_null(struct str text)
{
	text = address_bare(text);
	return text.length == 0 || str_is_nocase(text, "MAILER-DAEMON");
}

struct str
address_local(struct str address)
{
	return str_head(address, str_last(address, '@'));
}

struct str
address_domain(struct str address)
{
	size_t at = str_last(address, '@');

	return at == STR_NONE ? str_of(NULL, 0) : str_after(address, at + 1);
}

bool
address_has_domain(struct str address)
{
	return str_last(address, '@') != STR_NONE;
}

/* Mail systems and mailing lists had these names before anyone had details. */
static bool
is_whole_name(struct str local, struct str delimiters)
{
	if (str_is_nocase(local, "postmaster") ||
	    str_is_nocase(local, "mailer-daemon") ||
	    str_is_nocase(local, "double-bounce"))
		return true;
	return str_index(delimiters, '-') != STR_NONE &&
	    (str_begins_nocase(local, "owner-") ||
		(local.length > 8 &&
		    str_is_nocase(
			str_after(local, local.length - 8), "-request")));
}

bool
address_split_detail(struct str local, struct str delimiters, struct str *user,
    struct str *detail)
{
	size_t at = str_index_any(local, delimiters);

	if (at == STR_NONE || at == 0 || is_whole_name(local, delimiters))
		return false;
	*detail = str_after(local, at + 1);
	*user = str_head(local, at);
	return true;
}

struct str
address_without_detail(
    struct str address, struct str delimiters, struct arena *arena)
{
	struct str user, detail, domain = address_domain(address);
	struct buf whole;

	if (!address_split_detail(
		address_local(address), delimiters, &user, &detail))
		return address;
	if (!address_has_domain(address))
		return user;
	buf_init(
	    &whole, arena_take(arena, address.length + 1), address.length + 1);
	buf_add(&whole, user);
	buf_add_octet(&whole, '@');
	buf_add(&whole, domain);
	return buf_str(&whole);
}

struct str
address_with_detail(struct str address, struct str delimiters,
    struct str detail, struct arena *arena)
{
	struct str bare = address_without_detail(address, delimiters, arena);
	size_t size = bare.length + detail.length + 3;
	struct buf whole;

	if (delimiters.length == 0 || detail.length == 0)
		return bare;
	buf_init(&whole, arena_take(arena, size), size);
	buf_add(&whole, address_local(bare));
	buf_add_octet(&whole, delimiters.at[0]);
	buf_add(&whole, detail);
	if (address_has_domain(bare)) {
		buf_add_octet(&whole, '@');
		buf_add(&whole, address_domain(bare));
	}
	return buf_str(&whole);
}

/* Adds what a quoted string means; false for anything else. */
static bool
unquote(struct buf *out, struct str text)
{
	struct cursor in = cursor_over(text);

	if (!cursor_take(&in, '"'))
		return false;
	for (;;) {
		buf_add(out, cursor_span_not(&in, "\"\\"));
		if (cursor_take(&in, '"'))
			return cursor_at_end(&in);
		if (!cursor_take(&in, '\\') || cursor_at_end(&in))
			return false;
		buf_add(out, cursor_octets(&in, 1));
	}
}

struct str
address_unquoted(struct str address, struct arena *arena)
{
	struct buf whole;

	buf_init(
	    &whole, arena_take(arena, address.length + 1), address.length + 1);
	if (!unquote(&whole, address_local(address)))
		return address;
	if (address_has_domain(address)) {
		buf_add_octet(&whole, '@');
		buf_add(&whole, address_domain(address));
	}
	return buf_str(&whole);
}

/* What an atom is made of, and, as RFC 6531 has it, anything beyond ASCII. */
static bool
is_atom_octet(char c)
{
	static const char others[] = "!#$%&'*+-/=?^_`{|}~";
	char lower = str_lower_octet(c);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	    (unsigned char)c >= 0x80 ||
	    (c != '\0' && str_index(str_from(others), c) != STR_NONE);
}

/* Atoms with single dots between them. */
static bool
is_dot_string(struct str local)
{
	char last = '.';

	for (size_t i = 0; i < local.length; i++) {
		char c = local.at[i];

		if (c == '.' ? last == '.' : !is_atom_octet(c))
			return false;
		last = c;
	}
	return last != '.';
}

/* Names and address literals; what else might end the path stays out. */
static bool
is_domain(struct str domain)
{
	for (size_t i = 0; i < domain.length; i++) {
		char c = domain.at[i];

		if (!is_atom_octet(c) &&
		    str_index(str_from(".[]:"), c) == STR_NONE)
			return false;
	}
	return domain.length > 0;
}

static void
add_quoted(struct buf *out, struct str local)
{
	buf_add_octet(out, '"');
	for (size_t i = 0; i < local.length; i++) {
		if (local.at[i] == '"' || local.at[i] == '\\')
			buf_add_octet(out, '\\');
		buf_add_octet(out, local.at[i]);
	}
	buf_add_octet(out, '"');
}

bool
address_add_path(struct buf *out, struct str address)
{
	struct str local = address_local(address);
	bool has_domain = address_has_domain(address);

	if (address.length > 0 &&
	    (local.length == 0 || str_has_control(address) ||
		!text_is_utf8(address) ||
		(has_domain && !is_domain(address_domain(address)))))
		return false;
	buf_add_octet(out, '<');
	if (is_dot_string(local) || local.length == 0)
		buf_add(out, local);
	else
		add_quoted(out, local);
	if (has_domain) {
		buf_add_octet(out, '@');
		buf_add(out, address_domain(address));
	}
	buf_add_octet(out, '>');
	return true;
}
