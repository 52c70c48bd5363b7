/*
 * address.c - envelope addresses: their parts, and the null sender.
 *
 * Source: RFC 5321 section 4.1.2, postfix split_addr(3), pipe(8).
 */
#include "mail/address.h"

#include "base/buf.h"

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

/* Mailing lists had these names before anyone had details. */
static bool
is_list_name(struct str local, char delimiter)
{
	return delimiter == '-' &&
	    (str_begins_nocase(local, "owner-") ||
		(local.length >= 8 &&
		    str_is_nocase(
			str_after(local, local.length - 8), "-request")));
}

bool
address_split_detail(struct str local, struct str delimiters, struct str *user,
    struct str *detail)
{
	size_t at = str_index_any(local, delimiters);

	if (at == STR_NONE || at == 0 || is_list_name(local, local.at[at]))
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
