/*
 * report.c - the one line that says what became of a message.
 *
 * Dovecot's wording first, so that the tools people have go on working, then
 * key=value.  All that comes from outside is made printable.
 *
 * Source: Dovecot deliver_log_format (the variables and their meaning).
 */
#include "deliver/report.h"

#include "base/cursor.h"
#include "base/sys.h"
#include "base/text.h"

#include <inttypes.h>

#define LINE_OCTETS 3800
#define TEXT_OCTETS 1200

/* What of one outside value goes into a line. */
#define VALUE_OCTETS 200

static void
add_folder(struct buf *out, const struct folder *folder)
{
	if (folder_is_inbox(folder))
		buf_add_string(out, "INBOX");
	for (size_t i = 0; i < folder->count; i++) {
		if (i > 0)
			buf_add_octet(out, '/');
		text_printable(out, folder->levels[i], VALUE_OCTETS);
	}
}

/* The folder; of a server, which one it is. */
static void
add_place(struct buf *out, const struct deliver_run *run)
{
	if (!run->mailbox.store->is_remote) {
		add_folder(out, &run->folder);
		return;
	}
	buf_print(out, "%s:", run->mailbox.store->word);
	text_printable(out, str_from(run->mailbox.root), VALUE_OCTETS);
}

static void
add_message_id(struct buf *out, const struct deliver_run *run)
{
	struct str id = run->message.facts.message_id;

	if (id.length == 0)
		buf_add_string(out, "unspecified");
	else
		text_word(out, id, VALUE_OCTETS, " ");
}

static void
add_number(struct buf *out, const char *before, uint64_t number)
{
	buf_add_string(out, before);
	buf_add_number(out, number);
}

static void
add_milliseconds(struct buf *out, const struct deliver_run *run)
{
	int64_t spent = sys_ticks_us() - run->started_us;

	/* A clock that cannot be read any more says 0. */
	if (spent < 0)
		spent = 0;
	buf_add_number(out, (uint64_t)spent / 1000);
	add_number(out, ".", (uint64_t)spent % 1000 / 100);
}

/* One variable of deliver_log_format. */
enum log_variable {
	LOG_MESSAGE,
	LOG_MESSAGE_ID,
	LOG_SUBJECT,
	LOG_FROM,
	LOG_SENDER,
	LOG_RECIPIENT,
	LOG_SIZE,
	LOG_CRLF_SIZE,
	LOG_TIME,
	LOG_STORAGE_ID
};

static const struct {
	char letter;
	char word[16];
	enum log_variable what;
} variables[] = {
	{ '$', "message", LOG_MESSAGE },
	{ 'm', "msgid", LOG_MESSAGE_ID },
	{ 's', "subject", LOG_SUBJECT },
	{ 'f', "from", LOG_FROM },
	{ 'e', "from_envelope", LOG_SENDER },
	{ 'p', "size", LOG_SIZE },
	{ 'w', "vsize", LOG_CRLF_SIZE },
	{ '\0', "to_envelope", LOG_RECIPIENT },
	{ '\0', "delivery_time", LOG_TIME },
	{ '\0', "storage_id", LOG_STORAGE_ID },
};

static void
add_variable(struct buf *out, const struct deliver_run *run,
    enum log_variable what, struct str text)
{
	const struct message_facts *facts = &run->message.facts;

	switch (what) {
	case LOG_MESSAGE:
		buf_add(out, text);
		break;
	case LOG_MESSAGE_ID:
		add_message_id(out, run);
		break;
	case LOG_SUBJECT:
		text_printable(out, facts->subject, 80);
		break;
	case LOG_FROM:
		text_printable(out, facts->from, VALUE_OCTETS);
		break;
	case LOG_SENDER:
		text_printable(out, run->envelope.sender, VALUE_OCTETS);
		break;
	case LOG_RECIPIENT:
		text_printable(
		    out, run->envelope.original_recipient, VALUE_OCTETS);
		break;
	case LOG_SIZE:
		buf_add_number(out, run->message.size_octets);
		break;
	case LOG_CRLF_SIZE:
		buf_add_number(out, run->message.crlf_octets);
		break;
	case LOG_TIME:
		add_milliseconds(out, run);
		break;
	case LOG_STORAGE_ID:
		if (run->delivery.storage_id != NULL)
			buf_add_string(out, run->delivery.storage_id);
		break;
	}
}

/* Takes "%x" or "%{word}"; false, and nothing taken, for any other. */
static bool
take_variable(struct cursor *in, enum log_variable *what)
{
	for (size_t i = 0; i < COUNT(variables); i++) {
		struct cursor ahead = *in;

		if (variables[i].letter != '\0' &&
		    cursor_take(&ahead, variables[i].letter)) {
			*in = ahead;
			*what = variables[i].what;
			return true;
		}
		if (cursor_take(&ahead, '{') &&
		    cursor_take_word(&ahead, variables[i].word) &&
		    cursor_take(&ahead, '}')) {
			*in = ahead;
			*what = variables[i].what;
			return true;
		}
	}
	return false;
}

/* A variable that is not known stays as it stands: a log format is no reason
 * to fail a delivery. */
static void
add_formatted(struct buf *out, const struct deliver_run *run, struct str text)
{
	struct cursor in =
	    cursor_over(str_from(run->settings->deliver.deliver_log_format));

	while (!cursor_at_end(&in)) {
		enum log_variable what;

		buf_add(out, cursor_span_not(&in, "%"));
		if (!cursor_take(&in, '%'))
			break;
		if (!cursor_take(&in, '%') && take_variable(&in, &what))
			add_variable(out, run, what, text);
		else
			buf_add_octet(out, '%');
	}
}

static void
add_key(struct buf *out, const char *key, struct str value)
{
	buf_add_octet(out, ' ');
	buf_add_string(out, key);
	buf_add_octet(out, '=');
	text_word(out, value, VALUE_OCTETS, " ");
}

static void
add_address(struct buf *out, const char *key, struct str value)
{
	buf_add_octet(out, ' ');
	buf_add_string(out, key);
	buf_add_string(out, "=<");
	text_word(out, value, VALUE_OCTETS, " <>");
	buf_add_octet(out, '>');
}

/* Whom a server was told, and what it has said to the message: its log has the
 * same. */
static void
add_remote(struct buf *out, const struct deliver_run *run)
{
	const struct delivery *delivery = &run->delivery;

	add_address(out, "to",
	    delivery->folder_trouble != NULL ? delivery->fallback :
					       delivery->recipient);
	if (delivery->storage_id == NULL)
		return;
	buf_add_string(out, " said=\"");
	text_word(out, str_from(delivery->storage_id), VALUE_OCTETS, "\"");
	buf_add_octet(out, '"');
}

static void
add_ignored(struct buf *out, const struct config *config)
{
	for (size_t i = 0; i < config->ignored_count; i++) {
		buf_add_string(out, i == 0 ? " ignored_settings=" : ",");
		text_word(out, config->ignored[i], 40, " ,");
	}
}

static void
add_keys(struct buf *out, const struct deliver_run *run)
{
	const struct message_facts *facts = &run->message.facts;

	if (run->envelope.has_sender)
		add_address(out, "from", run->envelope.sender);
	if (run->envelope.original_recipient.length > 0)
		add_address(out, "orig_to", run->envelope.original_recipient);
	if (run->mailbox.store != NULL && run->mailbox.store->is_remote)
		add_remote(out, run);
	if (facts->queue_id.length > 0)
		add_key(out, "queue_id", facts->queue_id);
	if (run->has_message)
		add_number(out, " size=", run->message.size_octets);
	if (run->delivery.quota_percent >= 0 && run->has_message) {
		add_number(
		    out, " quota=", (uint64_t)run->delivery.quota_percent);
		buf_add_octet(out, '%');
	}
	if (run->has_sieve)
		buf_add_string(out, " sieve=not-run");
	add_ignored(out, &run->settings->config);
	buf_add_string(out, " ms=");
	add_milliseconds(out, run);
}

static void
add_user(struct buf *out, const struct deliver_run *run)
{
	struct str user =
	    run->has_user ? run->user.name : run->request->user.text;

	buf_add_string(out, run->log->tag);
	if (user.length > 0) {
		buf_add_octet(out, '(');
		text_word(out, user, VALUE_OCTETS, " ()");
		buf_add_octet(out, ')');
	}
	buf_add_string(out, ": ");
}

static void
add_failure(struct buf *out, const struct status *why)
{
	char room[STATUS_REPLY_OCTETS];
	struct buf reply;

	buf_init(&reply, room, sizeof(room));
	status_print_reply(why, &reply);
	buf_print(
	    out, " reply=\"%s\" exit=%d", reply.at, status_exit_code(why));
}

static enum log_severity
severity(const struct status *why)
{
	switch (why->id) {
	case STATUS_DELIVERED:
		return LOG_SEVERITY_INFO;
	case STATUS_USER_UNKNOWN:
	case STATUS_MESSAGE_TOO_BIG:
	case STATUS_MAILBOX_FULL:
	case STATUS_MAILBOX_FULL_FOR_GOOD:
	case STATUS_LOOP:
	case STATUS_REJECTED:
	case STATUS_SERVER_REFUSES:
		return LOG_SEVERITY_NOTICE;
	default:
		return LOG_SEVERITY_ERROR;
	}
}

void
report_folder(struct deliver_run *run)
{
	char room[LINE_OCTETS], text_room[TEXT_OCTETS];
	struct buf line, text;

	buf_init(&text, text_room, sizeof(text_room));
	buf_add_string(&text, "save failed to open mailbox ");
	text_printable(&text, run->folder_wanted, VALUE_OCTETS);
	buf_add_string(&text, ": ");
	text_printable(&text, str_from(run->folder_trouble), TEXT_OCTETS / 2);
	buf_init(&line, room, sizeof(room));
	add_user(&line, run);
	buf_add(&line, buf_str(&text));
	buf_add_string(&line, "; the mail goes to INBOX");
	log_line(run->log, LOG_SEVERITY_NOTICE, buf_str(&line));
}

void
report_outcome(struct deliver_run *run)
{
	char room[LINE_OCTETS], text_room[TEXT_OCTETS];
	bool failed = run->why.id != STATUS_DELIVERED;
	struct buf line, text;

	/* A user's own; a bad one is what failed, and no facility. */
	if (log_facility(str_from(run->settings->deliver.syslog_facility)) >= 0)
		run->log->facility = log_facility(
		    str_from(run->settings->deliver.syslog_facility));
	buf_init(&text, text_room, sizeof(text_room));
	if (run->mailbox.store != NULL) {
		buf_add_string(
		    &text, failed ? "save failed to " : "saved mail to ");
		add_place(&text, run);
		if (failed)
			buf_add_string(&text, ": ");
	}
	text_printable(&text, str_from(run->why.cause), STATUS_CAUSE_OCTETS);
	buf_init(&line, room, sizeof(room));
	add_user(&line, run);
	if (run->has_message)
		add_formatted(&line, run, buf_str(&text));
	else
		buf_add(&line, buf_str(&text));
	add_keys(&line, run);
	if (failed)
		add_failure(&line, &run->why);
	log_line(run->log, severity(&run->why), buf_str(&line));
}

void
report_refusal(struct log *log, struct str address, struct str sender,
    const struct status *why)
{
	char room[LINE_OCTETS];
	struct buf line;

	buf_init(&line, room, sizeof(room));
	buf_print(&line, "%s: refused ", log->tag);
	text_word(&line, address, VALUE_OCTETS, " ");
	buf_add_string(&line, ": ");
	text_printable(&line, str_from(why->cause), STATUS_CAUSE_OCTETS);
	add_address(&line, "from", sender);
	add_failure(&line, why);
	log_line(log, severity(why), buf_str(&line));
}

void
report_early(struct log *log, const struct status *why)
{
	char room[LINE_OCTETS];
	struct buf line;

	buf_init(&line, room, sizeof(room));
	buf_print(&line, "%s: ", log->tag);
	text_printable(&line, str_from(why->cause), STATUS_CAUSE_OCTETS);
	add_failure(&line, why);
	log_line(log, severity(why), buf_str(&line));
}
