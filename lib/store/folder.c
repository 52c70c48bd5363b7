/*
 * folder.c - names of folders, judged before they touch the file system.
 *
 * Source: RFC 3501 section 5.1.3 (modified UTF-7), Maildir++, Dovecot's
 * mailbox names.
 */
#include "store/folder.h"

#include "base/cursor.h"
#include "base/text.h"

#include <string.h>

/* NAME_MAX of every file system that matters. */
#define COMPONENT_OCTETS ((size_t)255)

static int
refuse(struct status *why, const char *reason)
{
	return status_fail(why, STATUS_UNREACHABLE, "%s", reason);
}

static struct str
without_inbox(struct str name)
{
	if (str_is_nocase(name, "INBOX"))
		return str_of(NULL, 0);
	if (str_begins_nocase(name, "INBOX/") ||
	    str_begins_nocase(name, "INBOX."))
		return str_after(name, str_from("INBOX/").length);
	return name;
}

int
folder_parse(struct str name, struct arena *arena, struct folder *into,
    struct status *why)
{
	struct cursor in;

	memset(into, 0, sizeof(*into));
	if (!text_is_utf8(name))
		return refuse(why, "the folder's name is not UTF-8");
	if (str_has_control(name))
		return refuse(
		    why, "the folder's name holds a control character");
	if (name.length > 4 * COMPONENT_OCTETS)
		return refuse(why, "the folder's name is too long");
	name = arena_copy(arena, without_inbox(name));
	/* INBOX/INBOX is INBOX: readers would show two of them. */
	if (name.length == 0 || str_is_nocase(name, "INBOX"))
		return 0;
	if (name.at[0] == '~')
		return refuse(why, "the folder's name begins with ~");
	into->text = name;
	in = cursor_over(name);
	for (;;) {
		struct str level = cursor_span_not(&in, "/.");

		if (level.length == 0)
			return refuse(
			    why, "the folder's name has an empty level");
		if (into->count == FOLDER_LEVELS_MOST)
			return refuse(why, "the folder's name is too deep");
		into->levels[into->count++] = level;
		if (cursor_at_end(&in))
			return 0;
		(void)cursor_octets(&in, 1);
	}
}

bool
folder_is_inbox(const struct folder *folder)
{
	return folder->count == 0;
}

const char *
folder_name(const struct folder *folder, struct arena *arena)
{
	struct buf name;
	size_t size = sizeof("INBOX");

	for (size_t i = 0; i < folder->count; i++)
		size += folder->levels[i].length + 1;
	buf_init(&name, arena_take(arena, size), size);
	if (folder_is_inbox(folder))
		buf_add_string(&name, "INBOX");
	for (size_t i = 0; i < folder->count; i++) {
		if (i > 0)
			buf_add_octet(&name, '/');
		buf_add(&name, folder->levels[i]);
	}
	return name.at;
}

/* The UTF-8 character at the start of text, as its number. */
static unsigned long
code_point(struct str text, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned long number = (unsigned char)text.at[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		number = number << 6 | ((unsigned char)text.at[i] & 0x3f);
	return number;
}

/* Bits that wait to become a base64 digit. */
struct base64 {
	unsigned long bits;
	unsigned count;
};

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void
add_digits(struct buf *out, struct base64 *waiting)
{
	while (waiting->count >= 6) {
		waiting->count -= 6;
		buf_add_octet(
		    out, digits[waiting->bits >> waiting->count & 0x3f]);
	}
}

static void
add_unit(struct buf *out, struct base64 *waiting, unsigned long unit)
{
	waiting->bits = (waiting->bits << 16 | unit) & 0xffffffffUL;
	waiting->count += 16;
	add_digits(out, waiting);
}

static void
end_base64(struct buf *out, struct base64 *waiting)
{
	if (waiting->count > 0) {
		waiting->bits <<= 6 - waiting->count;
		waiting->count = 6;
		add_digits(out, waiting);
	}
	buf_add_octet(out, '-');
}

/* A run of characters outside ASCII, as "&" base64 of UTF-16 "-". */
static struct str
add_run(struct buf *out, struct str text)
{
	struct base64 waiting = { 0, 0 };

	buf_add_octet(out, '&');
	while (text.length > 0 && (unsigned char)text.at[0] >= 0x80) {
		size_t length = text_utf8_length(text);
		unsigned long number = code_point(text, length);

		if (number >= 0x10000) {
			number -= 0x10000;
			add_unit(out, &waiting, 0xd800 + (number >> 10));
			number = 0xdc00 + (number & 0x3ff);
		}
		add_unit(out, &waiting, number);
		text = str_after(text, length);
	}
	end_base64(out, &waiting);
	return text;
}

static void
add_utf7(struct buf *out, struct str text)
{
	while (text.length > 0) {
		if ((unsigned char)text.at[0] >= 0x80) {
			text = add_run(out, text);
			continue;
		}
		buf_add_octet(out, text.at[0]);
		if (text.at[0] == '&')
			buf_add_octet(out, '-');
		text = str_after(text, 1);
	}
}

static void
add_utf8(struct buf *out, unsigned long number)
{
	if (number < 0x80)
		buf_add_octet(out, (char)number);
	else if (number < 0x800) {
		buf_add_octet(out, (char)(0xc0 | number >> 6));
		buf_add_octet(out, (char)(0x80 | (number & 0x3f)));
	} else if (number < 0x10000) {
		buf_add_octet(out, (char)(0xe0 | number >> 12));
		buf_add_octet(out, (char)(0x80 | (number >> 6 & 0x3f)));
		buf_add_octet(out, (char)(0x80 | (number & 0x3f)));
	} else {
		buf_add_octet(out, (char)(0xf0 | number >> 18));
		buf_add_octet(out, (char)(0x80 | (number >> 12 & 0x3f)));
		buf_add_octet(out, (char)(0x80 | (number >> 6 & 0x3f)));
		buf_add_octet(out, (char)(0x80 | (number & 0x3f)));
	}
}

/* One unit of UTF-16; a first half waits in *high for the second.  False for
 * halves that do not pair, and for ASCII, which is written as it is. */
static bool
add_decoded_unit(struct buf *out, unsigned long unit, unsigned long *high)
{
	bool is_second = unit >= 0xdc00 && unit < 0xe000;

	if (is_second != (*high != 0) || unit < 0x80)
		return false;
	if (is_second)
		add_utf8(
		    out, 0x10000 + ((*high & 0x3ff) << 10) + (unit & 0x3ff));
	*high = unit >= 0xd800 && unit < 0xdc00 ? unit : 0;
	if (!is_second && *high == 0)
		add_utf8(out, unit);
	return true;
}

/* What stands between "&" and "-". */
static bool
add_decoded_run(struct buf *out, struct str run)
{
	unsigned long bits = 0, high = 0;
	unsigned count = 0;

	for (size_t i = 0; i < run.length; i++) {
		size_t digit = str_index(str_from(digits), run.at[i]);

		if (digit == STR_NONE)
			return false;
		bits = (bits << 6 | digit) & 0xffffffffUL;
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		if (!add_decoded_unit(out, bits >> count & 0xffff, &high))
			return false;
	}
	return high == 0 && count < 6 && (bits & ((1UL << count) - 1)) == 0;
}

static bool
is_printable_ascii(struct str text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] < ' ' || text.at[i] > '~')
			return false;
	return true;
}

/* False where name is not what add_utf7 makes, of which there is one spelling
 * for each name. */
static bool
add_decoded(struct buf *into, struct str name)
{
	struct cursor in = cursor_over(name);
	bool behind_run = false;

	while (!cursor_at_end(&in)) {
		struct str plain = cursor_span_not(&in, "&"), run;

		if (!is_printable_ascii(plain))
			return false;
		buf_add(into, plain);
		if (!cursor_take(&in, '&'))
			return true;
		if (str_index(in.rest, '-') == STR_NONE)
			return false;
		run = cursor_until(&in, '-');
		behind_run = behind_run && plain.length == 0;
		if (run.length == 0)
			buf_add_octet(into, '&');
		else if (behind_run || !add_decoded_run(into, run))
			return false;
		behind_run = run.length > 0;
	}
	return true;
}

void
folder_add_decoded(struct buf *into, struct str name)
{
	struct buf before = *into;

	if (add_decoded(into, name))
		return;
	*into = before;
	buf_add(into, name);
}

void
folder_add_level(struct buf *into, struct str level, bool utf8)
{
	if (utf8)
		buf_add(into, level);
	else
		add_utf7(into, level);
}

/* Where folders are plain directories, names that stores and readers use for
 * files of theirs. */
static bool
is_reserved(struct str level)
{
	static const char *const names[] = { "cur", "new", "tmp", "maildirsize",
		"maildirfolder", "subscriptions", "quotawarn" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_is_nocase(level, names[i]))
			return true;
	return str_begins_nocase(level, "dovecot") ||
	    str_begins_nocase(level, "courier");
}

int
folder_path(const struct folder *folder, bool layout_fs, bool utf8,
    struct arena *arena, const char **into, struct status *why)
{
	char room[2 * COMPONENT_OCTETS];
	struct buf path;

	buf_init(&path, room, sizeof(room));
	for (size_t i = 0; i < folder->count; i++) {
		if (layout_fs && is_reserved(folder->levels[i]))
			return refuse(why, "the folder's name is reserved");
		if (!layout_fs)
			buf_add_octet(&path, '.');
		else if (i > 0)
			buf_add_octet(&path, '/');
		folder_add_level(&path, folder->levels[i], utf8);
	}
	/* With LAYOUT=fs the whole path is held to what one component may
	 * have: names that long serve nobody. */
	if (path.overflow || path.length > COMPONENT_OCTETS)
		return refuse(why, "the folder's name is too long");
	*into = arena_string(arena, buf_str(&path));
	return 0;
}
