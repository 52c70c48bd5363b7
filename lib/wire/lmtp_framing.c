/*
 * lmtp_framing.c - where a message ends that comes behind DATA.
 *
 * Servers that also took LF.LF, or CR.CR, or a dot at the end of their
 * buffer, for the end have let one message smuggle in a second one, with a
 * sender of its choice.  Here one sequence ends a message, wherever the input
 * is split.
 *
 * Source: RFC 5321, 4.1.1.4 and 4.5.2; RFC 2033, 4.2; CVE-2023-51764 to
 * 51766; CVE-2000-0319.
 */
#include "wire/lmtp_framing.h"

/* How much of the input is text, up to a dot that begins a line. */
static size_t
text_length(enum lmtp_framing *framing, struct str in)
{
	size_t at = 0, cr;

	while (at < in.length) {
		switch (*framing) {
		case FRAMING_LINE:
			if (in.at[at] == '.')
				return at;
			*framing = FRAMING_MIDDLE;
			break;
		case FRAMING_CR:
			*framing =
			    in.at[at] == '\n' ? FRAMING_LINE : FRAMING_MIDDLE;
			if (*framing == FRAMING_LINE)
				at++;
			break;
		default:
			cr = str_index(str_after(in, at), '\r');
			if (cr == STR_NONE)
				return in.length;
			*framing = FRAMING_CR;
			at += cr + 1;
			break;
		}
	}
	return at;
}

bool
lmtp_framing_text(
    enum lmtp_framing *framing, struct cursor *in, struct str *text)
{
	while (!cursor_at_end(in) && *framing != FRAMING_END) {
		switch (*framing) {
		case FRAMING_DOT:
			*framing = cursor_take(in, '\r') ? FRAMING_DOT_CR :
							   FRAMING_MIDDLE;
			break;
		case FRAMING_DOT_CR:
			if (cursor_take(in, '\n')) {
				*framing = FRAMING_END;
				break;
			}
			*framing = FRAMING_CR;
			*text = str_from("\r");
			return true;
		default:
			*text =
			    cursor_octets(in, text_length(framing, in->rest));
			if (!str_is_empty(*text))
				return true;
			(void)cursor_take(in, '.');
			*framing = FRAMING_DOT;
			break;
		}
	}
	return false;
}
