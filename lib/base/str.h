/*
 * str.h - a borrowed slice of bytes: where it begins and how long it is.
 *
 * Mail holds every byte value, NUL included, so nothing that comes from
 * outside is kept as a C string.  A slice owns nothing and lives as long as
 * what it points into.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *at; /* may be NULL when length is 0 */
	size_t length;  /* octets */
};

/* str_index and str_last answer this when the octet is not there. */
#define STR_NONE ((size_t)-1)

/* The shortest ones are here for the compiler to see: they are called for
 * every octet of a header, and the length of a literal costs nothing. */

/* length octets at at. */
static inline struct str
str_of(const char *at, size_t length)
{
	struct str slice = { at, length };

	return slice;
}

/* The slice of a NUL-terminated string; NULL gives the empty slice. */
static inline struct str
str_from(const char *string)
{
	return str_of(string, string == NULL ? 0 : strlen(string));
}

/* The part from octet first on, or the first length octets; both are cut to
 * what is there. */
static inline struct str
str_after(struct str whole, size_t first)
{
	if (first >= whole.length)
		return str_of(NULL, 0);
	return str_of(whole.at + first, whole.length - first);
}

static inline struct str
str_head(struct str whole, size_t length)
{
	return str_of(whole.at, length < whole.length ? length : whole.length);
}

bool str_is_empty(struct str one);
bool str_equal(struct str one, struct str other);
bool str_is(struct str one, const char *word);

/* Equal but for the case of ASCII letters. */
bool str_equal_nocase(struct str one, struct str other);
bool str_is_nocase(struct str one, const char *word);

bool str_begins(struct str whole, const char *prefix);
bool str_begins_nocase(struct str whole, const char *prefix);
bool str_ends(struct str whole, const char *suffix);

/* Position of the first or last octet c, or STR_NONE. */
size_t str_index(struct str whole, char c);
size_t str_last(struct str whole, char c);

/* How many octets are c.  Made for whole messages. */
size_t str_count(struct str whole, char c);

/* Whether c is one of set; a NUL never is. */
static inline bool
str_has_octet(const char *set, char c)
{
	while (*set != '\0' && *set != c)
		set++;
	return *set != '\0';
}

/* Position of the first octet that is in set, or STR_NONE. */
size_t str_index_any(struct str whole, struct str set);

/* Without blanks, tabs and line ends at both ends. */
struct str str_trim(struct str whole);

/* Whether any octet is a control character (0-31 or 127). */
bool str_has_control(struct str whole);

/* ASCII only, whatever the locale: names of users and settings are ASCII. */
static inline char
str_lower_octet(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char str_upper_octet(char c);

#endif
