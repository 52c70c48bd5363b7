/*
 * fuzz_report.c - the log line of a delivery of any message to anybody: one
 * line of UTF-8 without control characters, in which no value can pretend to
 * be another key.
 */
#include "deliver/report.h"

#include "base/sys.h"
#include "fuzz/fuzz.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_OCTETS 4096

/* The socket that log_line sends to, in our directory. */
static int
listener(void)
{
	static int fd = -1;
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "log" };

	if (fd >= 0)
		return fd;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	REQUIRE(fd >= 0);
	REQUIRE(bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0);
	return fd;
}

/* What was logged, without "<22>lda[1]: ". */
static struct str
hear(void)
{
	static char line[LINE_OCTETS + 1];
	ssize_t got = recv(listener(), line, LINE_OCTETS, MSG_DONTWAIT);
	struct cursor in;

	REQUIRE(got > 0);
	REQUIRE(recv(listener(), line + LINE_OCTETS, 1, MSG_DONTWAIT) < 0);
	in = cursor_over(fuzz_copy(str_of(line, (size_t)got)));
	REQUIRE(cursor_take(&in, '<'));
	REQUIRE(cursor_span(&in, "0123456789").length > 0);
	REQUIRE(cursor_take_word(&in, ">lda["));
	REQUIRE(cursor_span(&in, "0123456789").length > 0);
	REQUIRE(cursor_take_word(&in, "]: "));
	return in.rest;
}

static size_t
count_keys(struct str line, const char *key)
{
	struct cursor in = cursor_over(line);
	size_t count = 0;

	while (!cursor_at_end(&in))
		count += str_begins(cursor_until(&in, ' '), key);
	return count;
}

/* C0, DEL, and C1 in UTF-8. */
static bool
has_control(struct str text)
{
	for (size_t i = 0; i + 1 < text.length; i++)
		if ((unsigned char)text.at[i] == 0xc2 &&
		    (unsigned char)text.at[i + 1] < 0xa0)
			return true;
	return str_has_control(text);
}

static void
check_line(struct str line)
{
	REQUIRE(!has_control(line));
	/* A long one may be cut in the middle of a character. */
	if (line.length < 3700)
		REQUIRE(text_is_utf8(line));
}

static void
check_keys(struct str line, const struct deliver_run *run)
{
	REQUIRE(str_begins(line, "lda"));
	REQUIRE(count_keys(line, "msgid=") == 1);
	REQUIRE(count_keys(line, "from=<") == 1);
	REQUIRE(count_keys(line, "orig_to=<") ==
	    (run->envelope.original_recipient.length > 0));
	REQUIRE(count_keys(line, "queue_id=") ==
	    (run->message.facts.queue_id.length > 0));
	REQUIRE(count_keys(line, "size=") == 1);
	REQUIRE(count_keys(line, "ms=") == 1);
	REQUIRE(count_keys(line, "quota=") == 0);
}

static void
receive(struct fuzz *fuzz, struct deliver_run *run, struct str text)
{
	const struct message_source source = { .fd = -1,
		.name = "input",
		.strip_from_line = true,
		.may_be_empty = true };
	struct message_intake intake;
	struct status why;

	message_begin(
	    &intake, &run->message, &source, NULL, 0, NULL, fuzz->arena);
	REQUIRE(message_add(&intake, text, &why) == 0);
	REQUIRE(message_end(&intake, &why) == 0);
	run->has_message = true;
}

static void
one(struct fuzz *fuzz)
{
	static struct settings settings;
	const struct feeder nobody = { .noted = false };
	struct deliver_request request;
	struct deliver_run run;
	struct str cause, format, line;
	struct log log;
	struct status why;

	fuzz_enter_directory();
	(void)listener();
	memset(&request, 0, sizeof(request));
	log_init(&log, "lda", "log");
	REQUIRE(settings_init(&settings, fuzz->arena, &why) == 0);
	deliver_init(&run, &settings, &request, &log, &nobody, sys_ticks_us(),
	    fuzz->arena);
	run.user.name = fuzz_line(fuzz);
	run.has_user = true;
	request.envelope.sender_flag.text = fuzz_line(fuzz);
	request.envelope.sender_flag.given = true;
	request.envelope.original_flag.text = fuzz_line(fuzz);
	request.envelope.original_flag.given = true;
	cause = fuzz_line(fuzz);
	format = fuzz_line(fuzz);
	receive(fuzz, &run, str_head(fuzz_rest(fuzz), 60000));
	envelope_join(&request.envelope, &run.message.facts, &run.envelope);
	run.mailbox.store = &store_maildir;
	run.delivery.quota_percent = -1;
	status_init(&run.why);
	report_outcome(&run);
	line = hear();
	check_line(line);
	check_keys(line, &run);
	/* A failure; and another format, which is the administrator's. */
	(void)status_fail(
	    &run.why, STATUS_LOOKUP_FAILED, "%s", fuzz_string(cause));
	report_outcome(&run);
	check_line(hear());
	report_refusal(&log, run.user.name, run.envelope.sender, &run.why);
	check_line(hear());
	run.folder_wanted = cause;
	run.folder_trouble = fuzz_string(cause);
	report_folder(&run);
	check_line(hear());
	if (!has_control(format) && text_is_utf8(format)) {
		settings.deliver.deliver_log_format = fuzz_string(format);
		report_outcome(&run);
		check_line(hear());
	}
	if (log.fd >= 0)
		REQUIRE(close(log.fd) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
