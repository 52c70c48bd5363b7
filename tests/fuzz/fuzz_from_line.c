/*
 * fuzz_from_line.c - the line that begins a mail in an mbox: what is written
 * is read back, and nothing else gets out of it.
 */
#include "fuzz/fuzz.h"
#include "mail/from_line.h"
#include "store/mbox_format.h"

/* Of a sender that mbox_format.c writes whole. */
#define SENDER_OCTETS 320

static void
check_written(struct str sender, time_t when)
{
	struct buf line = fuzz_room(sender.length + 100);
	struct str read;

	mbox_format_from_line(&line, sender, when);
	REQUIRE(!line.overflow && str_begins(buf_str(&line), "From "));
	REQUIRE(str_index(buf_str(&line), '\n') == line.length - 1);
	REQUIRE(from_line_starts(buf_str(&line)));
	read = from_line_sender(str_head(buf_str(&line), line.length - 1));
	REQUIRE(!str_has_control(read));
	/* Four digits for the year, and no blanks at the ends of the sender:
	 * then it is the same. */
	if (when < 0 || when > INT64_C(253402300799) ||
	    str_has_control(sender) || sender.length > SENDER_OCTETS ||
	    !fuzz_same(str_trim(sender), sender))
		return;
	if (sender.length == 0)
		REQUIRE(str_is(read, "MAILER-DAEMON"));
	else
		REQUIRE(fuzz_same(read, sender));
}

static void
one(struct fuzz *fuzz)
{
	uint64_t seconds = 0;
	struct str sender, whole;

	for (int i = 0; i < 8; i++)
		seconds = seconds << 8 | fuzz_choose(fuzz, 256);
	whole = fuzz_rest(fuzz);
	sender = from_line_sender(str_head(whole, str_index(whole, '\n')));
	REQUIRE(fuzz_is_within(sender, whole));
	REQUIRE(sender.length == 0 ||
	    (!str_has_octet(" \t", sender.at[0]) &&
		!str_has_octet(" \t", sender.at[sender.length - 1])));
	check_written(whole, (time_t)seconds);
	check_written(whole, 1234567890);
	check_written(sender, (time_t)(seconds >> 24));
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
