/*
 * mbox_format.c - a message as it stands in an mbox (mboxrd).
 *
 * Works on pieces of any length in constant memory: all it ever holds back
 * is the beginning of one line.
 *
 * Source: RFC 4155; qmail mbox(5) (mboxrd); Dovecot (which fields are its
 * own); postfix mail_copy(3) (the From_ line).
 */
#include "store/mbox_format.h"

#include <string.h>

/* Fields that readers of an mbox write into it and believe. */
static const char *const own_fields[] = { "Status", "X-Status", "X-UID",
	"X-IMAP", "X-IMAPbase", "X-Keywords", "X-Delivery-ID",
	"Content-Length" };

/* A sender that is longer is no address (RFC 5321 section 4.5.3.1.3). */
#define SENDER_OCTETS 320

static const char from[] = "From ";

void
mbox_format_init(struct mbox_format *format, const struct mbox_sink *sink)
{
	memset(format, 0, sizeof(*format));
	format->sink = sink;
	format->in_header = true;
	format->at_line_start = true;
	format->ended_line = true;
}

static int
put(struct mbox_format *format, struct str text)
{
	if (text.length == 0)
		return 0;
	format->ended_line = text.at[text.length - 1] == '\n';
	return format->sink->put(format->sink->context, text);
}

static int
put_held(struct mbox_format *format)
{
	struct str held = str_of(format->held, format->held_length);

	format->held_length = 0;
	return put(format, held);
}

static void
begin_line(struct mbox_format *format)
{
	format->at_line_start = true;
	format->held_length = 0;
	format->quoted = false;
	format->name_ended = false;
	format->too_long = false;
}

static bool
is_own_field(struct str name)
{
	for (size_t i = 0; i < sizeof(own_fields) / sizeof(own_fields[0]); i++)
		if (str_is_nocase(str_trim(name), own_fields[i]))
			return true;
	return false;
}

static bool
could_be_from(struct str held)
{
	return held.length < sizeof(from) &&
	    memcmp(held.at, from, held.length) == 0;
}

/* Whether c may stand before the ":" of a field: a blank there ends the name
 * (RFC 5322 section 4.5, "Subject : x").  A name may begin with ">".  A CR may
 * be all that its line is. */
static bool
goes_on(struct mbox_format *format, char c)
{
	if (!format->in_header)
		return false;
	if (c == ' ' || c == '\t' || c == '\r') {
		format->name_ended = true;
		return true;
	}
	return c > ' ' && c <= '~' && !format->name_ended;
}

/* The line is none to leave out; what was held goes on as it is. */
static int
let_go(struct mbox_format *format)
{
	format->at_line_start = false;
	format->dropping = false;
	return put_held(format);
}

static void
leave_out(struct mbox_format *format)
{
	format->held_length = 0;
	format->at_line_start = false;
	format->dropping = true;
}

/* Whether the first octets held are the name of a field to leave out. */
static bool
holds_own_field(const struct mbox_format *format, size_t octets)
{
	return format->in_header && !format->too_long && !format->quoted &&
	    is_own_field(str_of(format->held, octets));
}

static bool
is_empty_line(const struct mbox_format *format)
{
	return !format->too_long && !format->quoted &&
	    (format->held_length == 0 ||
		(format->held_length == 1 && format->held[0] == '\r'));
}

/*
 * The "\n" of a line that was not decided before it.  Only an empty one ends
 * the header: readers (Dovecot, c-client) pass over a line that is no field and
 * believe what follows, and take a name without its ":" for a field whose value
 * is folded.
 */
static int
end_line(struct mbox_format *format)
{
	if (holds_own_field(format, format->held_length)) {
		leave_out(format);
	} else {
		if (is_empty_line(format))
			format->in_header = false;
		if (let_go(format) < 0 || put(format, str_of("\n", 1)) < 0)
			return -1;
	}
	begin_line(format);
	return 0;
}

static int
end_name(struct mbox_format *format)
{
	if (!holds_own_field(format, format->held_length - 1))
		return let_go(format);
	leave_out(format);
	return 0;
}

/* Holds one more octet; what cannot be an own field's name is let go. */
static int
hold(struct mbox_format *format, char c)
{
	if (format->held_length == MBOX_HELD_OCTETS) {
		/* Blanks without end behind one of our names hide a field. */
		if (format->name_ended &&
		    holds_own_field(format, format->held_length)) {
			leave_out(format);
			return 0;
		}
		format->too_long = true;
		if (put_held(format) < 0)
			return -1;
	}
	format->held[format->held_length++] = c;
	return 0;
}

/* One octet at the beginning of a line. */
static int
take_first(struct mbox_format *format, char c)
{
	bool first = format->held_length == 0 && !format->too_long;

	if (first && c == '>') {
		format->quoted = true;
		return put(format, str_of(&c, 1));
	}
	if (first && format->in_header && !format->quoted &&
	    (c == ' ' || c == '\t')) {
		/* The field before goes on, or goes on being left out. */
		format->at_line_start = false;
		return format->dropping ? 0 : put(format, str_of(&c, 1));
	}
	if (c == '\n')
		return end_line(format);
	if (hold(format, c) < 0)
		return -1;
	if (!format->too_long &&
	    could_be_from(str_of(format->held, format->held_length))) {
		if (format->held_length < sizeof(from) - 1)
			return 0;
		return put(format, str_of(">", 1)) < 0 ? -1 : let_go(format);
	}
	if (c == ':' && format->in_header)
		return end_name(format);
	return goes_on(format, c) ? 0 : let_go(format);
}

int
mbox_format_add(struct mbox_format *format, struct str text)
{
	while (text.length > 0) {
		size_t end;
		struct str line;

		if (format->at_line_start) {
			if (take_first(format, text.at[0]) < 0)
				return -1;
			text = str_after(text, 1);
			continue;
		}
		end = str_index(text, '\n');
		line = end == STR_NONE ? text : str_head(text, end + 1);
		if (!format->dropping && put(format, line) < 0)
			return -1;
		if (end != STR_NONE)
			begin_line(format);
		text = str_after(text, line.length);
	}
	return 0;
}

int
mbox_format_end(struct mbox_format *format)
{
	if (holds_own_field(format, format->held_length))
		leave_out(format);
	if (put_held(format) < 0)
		return -1;
	if (!format->ended_line && put(format, str_of("\n", 1)) < 0)
		return -1;
	return put(format, str_of("\n", 1));
}

void
mbox_format_from_line(struct buf *into, struct str sender, time_t seconds)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm when;

	buf_add_string(into, from);
	sender = str_head(sender, SENDER_OCTETS);
	for (size_t i = 0; i < sender.length; i++)
		buf_add_octet(into,
		    str_has_control(str_of(&sender.at[i], 1)) ? '?' :
								sender.at[i]);
	if (sender.length == 0)
		buf_add_string(into, "MAILER-DAEMON");
	/* Never the locale's names: strftime(3) would ask for them. */
	if (localtime_r(&seconds, &when) == NULL)
		memset(&when, 0, sizeof(when));
	buf_print(into, "  %s %s %2d %02d:%02d:%02d %d\n", days[when.tm_wday],
	    months[when.tm_mon], when.tm_mday, when.tm_hour, when.tm_min,
	    when.tm_sec, when.tm_year + 1900);
}
