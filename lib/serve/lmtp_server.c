/*
 * lmtp_server.c - one LMTP connection from greeting to end.
 *
 * wire/lmtp.c says what the client wants; here it is done: the connection's
 * times, the transaction's beginning and end.  What becomes of a message is
 * lmtp_transaction.c's.
 *
 * Source: RFC 2033; postfix lmtp(8), spawn(8) (reference postfix 4.5, 5).
 */
#include "serve/lmtp_server.h"

#include "base/stop.h"
#include "base/sys.h"
#include "base/text.h"
#include "deliver/report.h"
#include "serve/connection.h"
#include "serve/lmtp_transaction.h"
#include "serve/sasl.h"
#include "wire/lmtp.h"

#include <errno.h>
#include <string.h>

/* RFC 5321 section 4.5.3.2.7: at least five minutes. */
#define IDLE_SECONDS 300

/*
 * Postfix's spawn(8) kills after 1000 s, in the middle of anything.  From here
 * on no message is begun, and one that has been is given so much that all is
 * over in time.
 */
#define LAST_MAIL_SECONDS 600
#define LAST_WAIT_SECONDS 840
#define LAST_WORK_SECONDS 930
#define WORK_SECONDS_LEAST 10

/* Of a connection; far more than a client that works sends. */
#define COMMANDS_MOST 1000
#define BAD_COMMANDS_MOST 20

/* One connection. */
struct serving {
	struct lmtp_server *server;
	struct connection connection;
	struct lmtp_session session;
	struct lmtp_transaction transaction;
	struct arena_mark mark; /* of what outlives a transaction */
	char host[256];
	char *room; /* of each message in turn */
	/* Taken once: the settings' memory is not given back. */
	const char *limit_name;
};

/* The connection, a message that stays in memory, its recipients. */
#define SHARED_OCTETS                                                          \
	(sizeof(struct serving) + MESSAGE_ROOM_OCTETS + (size_t)128 * 1024)

static int64_t
age_seconds(const struct serving *at)
{
	return (sys_ticks_us() - at->server->started_us) / 1000000;
}

static bool
is_too_old(const struct serving *at, int64_t seconds)
{
	return at->server->limited_life && age_seconds(at) >= seconds;
}

static void
forget_transaction(struct serving *at)
{
	lmtp_transaction_end(&at->transaction);
	arena_rewind(at->server->office.arena, &at->mark);
}

static void
note_end(struct serving *at, const char *how)
{
	struct log *log = at->server->office.log;
	char room[1024];
	struct buf line;

	if (at->session.state != LMTP_STATE_MAIL &&
	    at->session.state != LMTP_STATE_TEXT)
		return;
	buf_init(&line, room, sizeof(room));
	buf_print(&line, "%s: %s %s: nothing of it was delivered from=<",
	    log->tag, how,
	    at->session.state == LMTP_STATE_TEXT ? "in a message" :
						   "before the message");
	text_word(&line, at->transaction.sender, 200, " <>");
	buf_print(&line, "> recipients=%u", at->transaction.count);
	log_line(log, LOG_SEVERITY_NOTICE, buf_str(&line));
}

static void
on_mail(struct serving *at)
{
	if (is_too_old(at, LAST_MAIL_SECONDS)) {
		lmtp_give_up(&at->session, "4.3.2",
		    "connection is too old, please connect again",
		    &at->connection.output);
		return;
	}
	lmtp_transaction_begin(&at->transaction, &at->server->office,
	    at->session.sender, at->session.utf8);
	lmtp_accept(&at->session, &at->connection.output);
}

static void
on_recipient(struct serving *at)
{
	struct status why;

	if (lmtp_transaction_add(&at->transaction, at->session.recipient,
		at->session.mailbox, at->session.original, &why) == 0)
		lmtp_accept(&at->session, &at->connection.output);
	else
		lmtp_refuse(&at->session, &why, &at->connection.output);
}

static void
on_data(struct serving *at)
{
	at->transaction.client = str_from(at->session.client);
	at->transaction.host = at->host;
	at->transaction.room = at->room;
	at->transaction.limit_name = at->limit_name;
	at->transaction.authenticated = at->session.authenticated;
	lmtp_transaction_open(&at->transaction);
	lmtp_accept(&at->session, &at->connection.output);
}

static void
on_auth(struct serving *at)
{
	struct log *log = at->server->office.log;
	struct status why;

	switch (sasl_ask(at->server->office.settings->lmtp.lmtp_sasl,
	    at->session.identity, at->session.password, &why)) {
	case SASL_RIGHT:
		lmtp_accept(&at->session, &at->connection.output);
		return;
	case SASL_WRONG:
		(void)status_fail(&why, STATUS_REJECTED,
		    "wrong user or password from %s", at->server->peer);
		report_refusal(
		    log, at->session.identity, str_of(NULL, 0), &why);
		lmtp_deny(&at->session, &at->connection.output);
		return;
	case SASL_TROUBLE:
		report_refusal(
		    log, at->session.identity, str_of(NULL, 0), &why);
		lmtp_refuse(&at->session, &why, &at->connection.output);
		return;
	}
}

/* Seconds that a delivery may take. */
static unsigned
work_seconds(const struct serving *at)
{
	uint64_t most = at->server->office.settings->deliver.delivery_timeout;
	int64_t left = LAST_WORK_SECONDS - age_seconds(at);

	if (most > 1000000)
		most = 1000000;
	if (!at->server->limited_life || (int64_t)most <= left)
		return (unsigned)most;
	return left < WORK_SECONDS_LEAST ? WORK_SECONDS_LEAST : (unsigned)left;
}

/* A reply is put out as soon as it and all before it are known: a client may
 * wait for each by itself. */
static void
on_end(struct serving *at)
{
	const struct recipient *next;

	lmtp_transaction_close(&at->transaction, work_seconds(at));
	while ((next = lmtp_transaction_next(&at->transaction)) != NULL) {
		connection_reserve(&at->connection, LMTP_REPLY_OCTETS);
		lmtp_reply(&at->connection.output, next->path, &next->why);
		if (!lmtp_transaction_has_next(&at->transaction))
			connection_flush(&at->connection);
	}
	lmtp_done(&at->session);
	forget_transaction(at);
}

/* What the client wants done; false at the connection's end. */
static bool
serve_event(struct serving *at, enum lmtp_event event)
{
	switch (event) {
	case LMTP_MORE:
		break;
	case LMTP_FLUSH:
		connection_flush(&at->connection);
		break;
	case LMTP_MAIL:
		on_mail(at);
		break;
	case LMTP_RECIPIENT:
		on_recipient(at);
		break;
	case LMTP_DATA:
		on_data(at);
		break;
	case LMTP_TEXT:
		lmtp_transaction_text(&at->transaction, at->session.text);
		break;
	case LMTP_END:
		on_end(at);
		break;
	case LMTP_RESET:
		forget_transaction(at);
		break;
	case LMTP_AUTH:
		on_auth(at);
		break;
	case LMTP_CLOSE:
		return false;
	}
	return at->session.state != LMTP_STATE_CLOSED && !at->connection.broken;
}

static int
wait_ms(const struct serving *at)
{
	int64_t seconds = IDLE_SECONDS;
	int64_t left = LAST_WAIT_SECONDS - age_seconds(at);

	if (at->server->limited_life && left < seconds)
		seconds = left < 1 ? 1 : left;
	return (int)(seconds * 1000);
}

/* Waits for more; false at the connection's end. */
static bool
get_more(struct serving *at)
{
	bool is_idle = at->session.state == LMTP_STATE_START ||
	    at->session.state == LMTP_STATE_IDLE;

	switch (connection_more(&at->connection, wait_ms(at), is_idle)) {
	case CONNECTION_READ:
		return true;
	case CONNECTION_ENDED:
		note_end(at, "the client has gone");
		return false;
	case CONNECTION_TIME_OUT:
		note_end(at, "the client is silent");
		lmtp_give_up(&at->session, "4.4.2",
		    "nothing heard for too long, closing",
		    &at->connection.output);
		return false;
	case CONNECTION_STOPPED:
		note_end(at, "ended by a signal");
		lmtp_give_up(&at->session, "4.3.2", "server is ending",
		    &at->connection.output);
		return false;
	}
	return false;
}

static void
serve(struct serving *at)
{
	for (;;) {
		struct cursor in = connection_input(&at->connection);
		enum lmtp_event event;

		event = lmtp_next(&at->session, &in, &at->connection.output);
		connection_use(&at->connection, &in);
		if (event == LMTP_MORE ? !get_more(at) :
					 !serve_event(at, event))
			break;
	}
	connection_flush(&at->connection);
}

void
lmtp_server_run(struct lmtp_server *server)
{
	const struct settings *settings = server->office.settings;
	/* A UNIX socket is trusted by its permissions. */
	bool asks_for_password =
	    settings->lmtp.lmtp_sasl[0] != '\0' && server->peer[0] != '\0';
	const struct lmtp_limits limits = {
		.message_octets = settings->deliver.message_size_limit,
		.recipients = (unsigned)settings->lmtp.lmtp_recipient_limit,
		.commands = COMMANDS_MOST,
		.bad_commands = BAD_COMMANDS_MOST,
		.offers_auth = asks_for_password,
		.needs_auth = asks_for_password
	};
	struct serving *at;

	/* Workers that stay see what is in it; else each is forked. */
	if (!arena_share(server->office.arena, SHARED_OCTETS))
		(void)arena_take(server->office.arena, 1);
	at = arena_take(server->office.arena, sizeof(*at));
	at->server = server;
	sys_hostname(at->host, sizeof(at->host));
	connection_init(&at->connection, server->in, server->out);
	log_open(server->office.log);
	/* The first block stays, and is not mapped anew each time. */
	(void)arena_take(server->office.scratch, 1);
	at->room = arena_take(server->office.arena, MESSAGE_ROOM_OCTETS);
	at->limit_name =
	    config_describe(&settings->config, "message_size_limit");
	at->mark = arena_mark(server->office.arena);
	lmtp_begin(&at->session, &limits, at->host, &at->connection.output);
	serve(at);
	forget_transaction(at);
}
