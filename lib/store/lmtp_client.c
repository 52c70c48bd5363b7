/*
 * lmtp_client.c - the mailboxes of another server, which LMTP hands mail to:
 * Cyrus, Dovecot.
 *
 * The message is there completely before anybody is connected to.  All but
 * the dot that ends it is the stage; as long as that has not gone out, closing
 * the connection undoes everything.  Behind the dot the server decides, and
 * giving up early would only make a second copy: so there is another, longer
 * deadline, and TERM is not obeyed.
 *
 * Source: RFC 2033, RFC 5321 section 4.5.3.2 (timeouts); postfix lmtp(8).
 */
#include "wire/lmtp_client.h"
#include "base/cursor.h"
#include "base/file.h"
#include "base/stop.h"
#include "base/stream.h"
#include "base/sys.h"
#include "base/text.h"
#include "mail/address.h"
#include "store/directory.h"
#include "store/store.h"
#include "store/temporary.h"
#include "wire/lmtp_body.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* For each answer before the dot; delivery_timeout usually ends it before. */
#define ANSWER_US ((int64_t)300 * 1000000)

/* For what is there already; whatever the clock says, nobody waits. */
#define LONG_AGO_US ((int64_t)0)

/* For a server whose queue of connections is full. */
#define CONNECT_US ((int64_t)30 * 1000000)
#define RETRY_MS 100

/* After lmtp_data_done_timeout the kernel ends us so much later. */
#define GRACE_SECONDS 30

/* One send; of what comes at most so much at a time. */
#define OUTPUT_OCTETS ((size_t)64 * 1024)
#define INPUT_OCTETS ((size_t)4096)

/* A file that holds a password and a line end. */
#define PASSWORD_FILE_OCTETS ((size_t)1024)

/* Of what a server says, in causes. */
#define SAID_OCTETS 300

struct handover {
	const char *where; /* "unix:/run/lmtp" */
	int fd;            /* -1: not connected */
	int spool;         /* a message too long for memory, -1: none */
	bool in_text;      /* a command would be taken for mail */
	bool says_dot;     /* whatever fails now, the server may have it */
	struct lmtp_client client;
	struct lmtp_body body;
	struct buf in;
	struct buf out;
	struct buf paths; /* what client.mail points into */
	struct buf said;  /* the last reply, for people */
	struct str password;
	char host[256];
	/* The message, looked through. */
	bool eight_bit;
	char last;
	bool reading; /* the spool, when something failed */
	/* lda -t: what the conversation has come to. */
	bool asked;
	struct status answer;
};

/* For LHLO; a name that is none would be refused. */
static void
find_host(struct handover *at)
{
	struct cursor in;

	sys_hostname(at->host, sizeof(at->host));
	in = cursor_over(str_from(at->host));
	(void)cursor_span(&in,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    ".-");
	if (!cursor_at_end(&in))
		memcpy(at->host, "localhost", sizeof("localhost"));
}

static struct buf
take_room(struct arena *arena, size_t size)
{
	struct buf room;

	buf_init(&room, arena_take(arena, size), size);
	return room;
}

static int
fail_of_password(const char *path, const char *reason, struct status *why)
{
	return status_fail(why, STATUS_MISCONFIGURED,
	    "lmtp_auth_password_file: %s %s", path, reason);
}

static int
read_password(struct delivery *delivery, struct status *why)
{
	struct handover *at = delivery->work;
	const char *path = delivery->options->lmtp_auth_password_file;
	struct cursor in;
	struct stat facts;
	struct str text;

	if (delivery->options->lmtp_auth_user[0] == '\0')
		return 0;
	if (file_read(path, PASSWORD_FILE_OCTETS, delivery->arena, &text,
		&facts) < 0) {
		(void)status_fail_read(why, path);
		status_context(why, "lmtp_auth_password_file");
		status_become(why, STATUS_MISCONFIGURED);
		return -1;
	}
	if ((facts.st_mode & S_IRWXO) != 0)
		return fail_of_password(
		    path, "may be read by others: chmod o= it", why);
	in = cursor_over(text);
	at->password = cursor_until(&in, '\n');
	if (str_ends(at->password, "\r"))
		at->password.length--;
	if (at->password.length == 0)
		return fail_of_password(path, "has an empty first line", why);
	if (at->password.length > LMTP_CLIENT_SECRET_OCTETS ||
	    str_index(at->password, '\0') != STR_NONE)
		return fail_of_password(
		    path, "has no password on its first line", why);
	return 0;
}

/* Everything that takes memory; nobody is connected to before the message is
 * whole. */
static int
lmtp_open(struct delivery *delivery, struct status *why)
{
	struct arena *arena = delivery->arena;
	struct handover *at = arena_take(arena, sizeof(*at));

	at->fd = at->spool = -1;
	at->where = delivery->mailbox->root;
	delivery->work = at;
	delivery->spool_name = delivery->options->mail_temp_dir;
	at->in = take_room(arena, INPUT_OCTETS);
	at->out = take_room(arena, OUTPUT_OCTETS);
	at->paths = take_room(arena, 3 * (LMTP_CLIENT_PATH_OCTETS + 1));
	at->said = take_room(arena, SAID_OCTETS);
	find_host(at);
	return read_password(delivery, why);
}

static int
lmtp_spool(struct delivery *delivery, struct status *why)
{
	struct handover *at = delivery->work;

	at->spool = temporary_open(
	    delivery->options->mail_temp_dir, delivery->arena, why);
	return at->spool;
}

/* What was sent or is to be undone. */

static void
hang_up(struct handover *at)
{
	if (at->fd >= 0)
		(void)sys_close(at->fd);
	at->fd = -1;
}

/* Not waited for, and nobody's loss if it fails. */
static void
say_goodbye(struct handover *at, const char *words)
{
	if (at->fd >= 0 && !at->in_text &&
	    sys_send(at->fd, words, strlen(words)) < 0) {
		/* It has gone already. */
	}
	hang_up(at);
}

/* Failures. */

static int
doubt(struct handover *at, struct status *why)
{
	if (at->says_dot)
		status_add(why,
		    "; the message's end was sent, so it may be delivered "
		    "twice");
	return -1;
}

/* id: what it comes to if the time is over. */
static int
fail_of_stop(struct handover *at, const char *verb, enum status_id id,
    struct status *why)
{
	bool time_is_over = stop_reason() == STOP_TIME;

	return status_fail(why, time_is_over ? id : STATUS_TROUBLE,
	    "cannot %s %s: %s", verb, at->where,
	    time_is_over ? "delivery_timeout has passed" : "ended by a signal");
}

/* After a call on the connection: errno says why. */
static int
fail_of_call(struct handover *at, const char *verb, struct status *why)
{
	int number = errno;

	if (!at->says_dot && stop_reason() != STOP_NOT)
		(void)fail_of_stop(at, verb, STATUS_SERVER_LOST, why);
	else
		(void)status_fail(why, STATUS_SERVER_LOST, "cannot %s %s: %s",
		    verb, at->where,
		    number == ETIMEDOUT && at->says_dot ?
			"lmtp_data_done_timeout has passed" :
			strerror(number));
	if (!at->in_text || at->says_dot)
		status_add(why, "; it has not answered %s",
		    lmtp_client_said(&at->client));
	return doubt(at, why);
}

static int
fail_of_end(struct handover *at, struct status *why)
{
	(void)status_fail(why, STATUS_SERVER_LOST,
	    "%s has closed the connection instead of an answer to %s",
	    at->where, lmtp_client_said(&at->client));
	return doubt(at, why);
}

/* "550 5.1.1 no such user" */
static void
note_reply(struct handover *at)
{
	const struct lmtp_reply *reply = &at->client.reply;

	buf_init(&at->said, at->said.at, at->said.size);
	buf_print(&at->said, "%d ", reply->code);
	if (reply->enhanced[0] != '\0')
		buf_print(&at->said, "%s ", reply->enhanced);
	buf_add_string(&at->said, reply->text);
}

/* The reply in the words and with the code of the server; only what it says
 * of the mail, and of a recipient who was told, is final. */
static int
fail_of_reply(
    const struct delivery *delivery, struct handover *at, struct status *why)
{
	const struct lmtp_reply *reply = &at->client.reply;
	bool is_guess = delivery->recipient_is_guess &&
	    at->client.state == LMTP_CLIENT_RCPT;
	bool for_good = lmtp_client_is_for_good(&at->client) && !is_guess;
	char code[STATUS_CODE_OCTETS];
	struct buf into;

	at->in_text = false;
	note_reply(at);
	(void)status_fail(why, STATUS_SERVER_DEFERS, "%s answers %s with %s",
	    at->where, lmtp_client_said(&at->client), at->said.at);
	if (is_guess && reply->code / 100 == 5)
		status_add(why, "; -d is missing, and the address is a guess");
	else if (!for_good && reply->code / 100 == 5)
		status_add(why, "; that is no fact about this mail");
	buf_init(&into, code, sizeof(code));
	buf_add_string(
	    &into, reply->enhanced[0] != '\0' ? reply->enhanced : "4.0.0");
	code[0] = for_good ? '5' : '4';
	status_relay(why, code, reply->text);
	return -1;
}

static int
fail_of_babble(struct handover *at, struct status *why)
{
	(void)status_fail(why, STATUS_SERVER_BABBLES,
	    "%s breaks the protocol after %s: %s: %.*s", at->where,
	    lmtp_client_said(&at->client), at->client.trouble, SAID_OCTETS,
	    at->client.reply.text);
	return doubt(at, why);
}

static int
fail_of_lack(struct handover *at, struct status *why)
{
	return status_fail(
	    why, STATUS_MISCONFIGURED, "%s: %s", at->where, at->client.trouble);
}

/* The conversation. */

/* A server with a full queue of connections (EAGAIN) is there all the same. */
static int
connect_once(struct handover *at)
{
	int64_t then_us = sys_ticks_us() + CONNECT_US;

	for (;;) {
		at->fd = stream_connect(str_from(at->where), then_us);
		if (at->fd >= 0)
			return 0;
		if (errno != EAGAIN || sys_ticks_us() >= then_us ||
		    stop_reason() != STOP_NOT)
			return -1;
		sys_sleep_ms(RETRY_MS);
		errno = EAGAIN;
	}
}

static int
open_connection(struct handover *at, struct status *why)
{
	struct str where = str_from(at->where);
	bool refused;

	if (connect_once(at) == 0)
		return 0;
	if (stop_reason() != STOP_NOT)
		return fail_of_stop(at, "connect to", STATUS_SERVER_AWAY, why);
	refused = errno == ECONNREFUSED;
	/* The path alone, so that the missing permission is found. */
	(void)status_fail_access(why, "connect to",
	    str_begins(where, "unix:") ? at->where + strlen("unix:") :
					 at->where,
	    W_OK);
	if (refused)
		status_add(why, ": nobody listens there");
	status_become(why, STATUS_SERVER_AWAY);
	return -1;
}

static int
send_out(struct handover *at)
{
	int rc = at->out.length == 0 ?
	    0 :
	    stream_send(at->fd, buf_str(&at->out), sys_ticks_us() + ANSWER_US);

	if (rc == 0)
		buf_init(&at->out, at->out.at, at->out.size);
	return rc;
}

/* Hands over what has come; the state machine takes all of it, or what is left
 * interests nobody. */
static enum lmtp_client_event
go_on(struct handover *at)
{
	struct cursor in = cursor_over(buf_str(&at->in));
	enum lmtp_client_event event =
	    lmtp_client_next(&at->client, &in, &at->out);

	buf_init(&at->in, at->in.at, at->in.size);
	return event;
}

/* Goes on until something is decided; each answer within wait_us. */
static int
talk(struct delivery *delivery, int64_t wait_us, struct status *why)
{
	struct handover *at = delivery->work;

	for (;;) {
		enum lmtp_client_event event = go_on(at);
		int got;

		switch (event) {
		case LMTP_CLIENT_MORE:
			break;
		case LMTP_CLIENT_TEXT:
		case LMTP_CLIENT_TAKEN:
			return 0;
		case LMTP_CLIENT_REFUSED:
			return fail_of_reply(delivery, at, why);
		case LMTP_CLIENT_UNABLE:
			return fail_of_lack(at, why);
		case LMTP_CLIENT_BROKEN:
			return fail_of_babble(at, why);
		}
		if (send_out(at) < 0)
			return fail_of_call(at, "send to", why);
		got = stream_receive(at->fd, &at->in, sys_ticks_us() + wait_us);
		if (got < 0)
			return fail_of_call(at, "hear", why);
		if (got == 0)
			return fail_of_end(at, why);
	}
}

/* Whom and what it is about. */

/* Adds the path of an address; empty where there is none. */
static struct str
add_path(struct buf *paths, struct str address)
{
	size_t begin = paths->length;

	if (!address_add_path(paths, address) ||
	    paths->length - begin > LMTP_CLIENT_PATH_OCTETS)
		paths->length = begin;
	return str_of(paths->at + begin, paths->length - begin);
}

static int
begin(struct delivery *delivery, const struct lmtp_client_mail *facts,
    struct status *why)
{
	struct handover *at = delivery->work;
	struct lmtp_client_mail mail = *facts;

	buf_init(&at->paths, at->paths.at, at->paths.size);
	mail.host = at->host;
	mail.user = str_from(delivery->options->lmtp_auth_user);
	mail.password = at->password;
	/* Junk is no reason to fail; nobody could send a bounce there. */
	mail.sender = add_path(&at->paths, delivery->sender);
	if (mail.sender.length == 0)
		mail.sender = str_from("<>");
	mail.recipient = add_path(&at->paths, delivery->recipient);
	if (delivery->fallback.length > 0)
		mail.fallback = add_path(&at->paths, delivery->fallback);
	if (mail.recipient.length <= strlen("<>"))
		return status_fail(why,
		    delivery->recipient_is_guess ? STATUS_MISCONFIGURED :
						   STATUS_USER_UNKNOWN,
		    "\"%.*s\" is no address that LMTP could name",
		    (int)delivery->recipient.length, delivery->recipient.at);
	lmtp_client_begin(&at->client, &mail);
	return open_connection(at, why);
}

/* The message, piece by piece. */

typedef int message_sink(struct handover *at, struct str piece);

static int
each_spooled(struct handover *at, int spool, message_sink *sink)
{
	char piece[16 * 1024];
	off_t offset = 0;

	for (;;) {
		ssize_t got = sys_pread(spool, piece, sizeof(piece), offset);

		at->reading = got < 0;
		if (got <= 0)
			return (int)got;
		offset += got;
		if (stop_reason() != STOP_NOT) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (sink(at, str_of(piece, (size_t)got)) < 0)
			return -1;
	}
}

static int
each_piece(
    struct handover *at, const struct message *message, message_sink *sink)
{
	int spool = message->file >= 0 ? message->file : message->shared;

	at->reading = false;
	if (sink(at, message->prefix) < 0 || sink(at, message->memory) < 0)
		return -1;
	return spool < 0 ? 0 : each_spooled(at, spool, sink);
}

static int
look_at(struct handover *at, struct str piece)
{
	if (piece.length > 0)
		at->last = piece.at[piece.length - 1];
	for (size_t i = 0; i < piece.length && !at->eight_bit; i++)
		at->eight_bit = (unsigned char)piece.at[i] >= 0x80;
	return 0;
}

static int
send_piece(struct handover *at, struct str piece)
{
	struct cursor in = cursor_over(piece);

	for (;;) {
		lmtp_body_add(&at->body, &in, &at->out);
		if (cursor_at_end(&in))
			return 0;
		if (send_out(at) < 0)
			return -1;
	}
}

/* A server that speaks now, or has gone, has not taken the message; what it
 * says must not be taken for the answer to the dot. */
static int
check_silence(struct handover *at, struct status *why)
{
	int got = stream_receive(at->fd, &at->in, LONG_AGO_US);

	if (got < 0 && errno == ETIMEDOUT && stop_reason() == STOP_NOT)
		return 0;
	if (got < 0)
		return fail_of_call(at, "hear", why);
	if (got == 0)
		return status_fail(why, STATUS_SERVER_LOST,
		    "%s has closed the connection before the message's end",
		    at->where);
	return status_fail(why, STATUS_SERVER_LOST,
	    "%s breaks off before the message's end: %.*s", at->where,
	    SAID_OCTETS, at->in.at);
}

/* The server may have said why it takes no more. */
static int
fail_of_body(struct handover *at, struct status *why)
{
	if (at->reading)
		return status_fail_read(why, "the spooled message");
	(void)fail_of_call(at, "send the message to", why);
	if (why->id == STATUS_SERVER_LOST &&
	    stream_receive(at->fd, &at->in, LONG_AGO_US) > 0)
		status_add(why, "; it says: %.*s", SAID_OCTETS, at->in.at);
	return -1;
}

static int
send_message(
    struct handover *at, const struct message *message, struct status *why)
{
	at->in_text = true;
	if (each_piece(at, message, send_piece) < 0)
		return fail_of_body(at, why);
	lmtp_body_end(&at->body, &at->out);
	if (stream_send(at->fd, buf_str(&at->out), sys_ticks_us() + ANSWER_US) <
	    0)
		return fail_of_body(at, why);
	buf_init(&at->out, at->out.at, at->out.size);
	return check_silence(at, why);
}

static int
lmtp_stage(struct delivery *delivery, const struct message *message,
    struct status *why)
{
	struct handover *at = delivery->work;
	struct lmtp_client_mail facts = { .octets = message->crlf_octets };

	if (each_piece(at, message, look_at) < 0)
		return status_fail_read(why, "the spooled message");
	facts.eight_bit = at->eight_bit;
	if (at->last != '\n')
		facts.octets += strlen("\r\n");
	if (begin(delivery, &facts, why) < 0 ||
	    talk(delivery, ANSWER_US, why) < 0)
		return -1;
	if (at->client.fell_back)
		delivery->folder_trouble =
		    "the server takes no mail for that folder";
	if (send_message(at, message, why) < 0)
		return -1;
	delivery->state = DELIVERY_STAGED;
	return 0;
}

static int
lmtp_commit(struct delivery *delivery, struct status *why)
{
	struct handover *at = delivery->work;
	uint64_t seconds = delivery->options->lmtp_data_done_timeout;

	if (seconds > UINT16_MAX)
		seconds = UINT16_MAX;
	stop_ignore_endings();
	stop_deadline((unsigned)seconds, GRACE_SECONDS);
	if (stop_reason() != STOP_NOT)
		return fail_of_stop(
		    at, "end the message to", STATUS_SERVER_LOST, why);
	at->says_dot = true;
	lmtp_client_end(&at->client, &at->out);
	if (talk(delivery, (int64_t)seconds * 1000000, why) < 0)
		return -1;
	at->in_text = false;
	note_reply(at);
	delivery->storage_id = at->said.at;
	delivery->state = DELIVERY_COMMITTED;
	return 0;
}

static void
close_spool(struct handover *at)
{
	if (at->spool >= 0)
		(void)sys_close(at->spool);
	at->spool = -1;
}

static void
lmtp_abort(struct delivery *delivery, struct status *why)
{
	struct handover *at = delivery->work;

	(void)why;
	delivery->state = DELIVERY_ABORTED;
	if (at == NULL)
		return;
	say_goodbye(at, "QUIT\r\n");
	close_spool(at);
}

static void
lmtp_finish(struct delivery *delivery)
{
	struct handover *at = delivery->work;

	say_goodbye(at, "QUIT\r\n");
	close_spool(at);
}

/* lda -t asks the server all that a delivery would, but for the message. */
static void
ask(struct delivery *delivery)
{
	const struct lmtp_client_mail facts = { .only_asks = true };
	struct handover *at;
	struct status why;

	status_init(&why);
	if (lmtp_open(delivery, &why) == 0 &&
	    begin(delivery, &facts, &why) == 0 &&
	    talk(delivery, ANSWER_US, &why) == 0)
		status_init(&why);
	at = delivery->work;
	note_reply(at);
	say_goodbye(at, "RSET\r\nQUIT\r\n");
	at->asked = true;
	at->answer = why;
}

static int
lmtp_probe(struct delivery *delivery, struct status *why)
{
	const struct handover *at = delivery->work;

	if (at == NULL || !at->asked)
		ask(delivery);
	at = delivery->work;
	*why = at->answer;
	return why->id == STATUS_DELIVERED ? 0 : -1;
}

static void
add_offers(struct buf *out, const struct lmtp_client_offers *offers)
{
	const struct {
		bool offered;
		const char *word;
	} words[] = {
		{ offers->pipelining, "PIPELINING" },
		{ offers->size, "SIZE" },
		{ offers->eight_bit, "8BITMIME" },
		{ offers->utf8, "SMTPUTF8" },
		{ offers->auth_plain, "AUTH PLAIN" },
		{ offers->auth_login, "AUTH LOGIN" },
	};

	buf_add_string(out, "    the server announces:");
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].offered)
			buf_print(out, " %s", words[i].word);
	buf_add_octet(out, '\n');
}

static void
lmtp_explain(struct delivery *delivery, struct buf *out)
{
	const struct handover *at;

	ask(delivery);
	at = delivery->work;
	if (str_begins(str_from(at->where), "unix:"))
		directory_explain(out, at->where + strlen("unix:"));
	if (at->client.state > LMTP_CLIENT_LHLO)
		add_offers(out, &at->client.offers);
	if (at->client.mail.recipient.length > 0) {
		struct str recipient = at->client.fell_back ?
		    at->client.mail.fallback :
		    at->client.mail.recipient;

		buf_add_string(out, "    the server is told: RCPT TO:");
		text_printable(out, recipient, LMTP_CLIENT_PATH_OCTETS);
		buf_add_octet(out, '\n');
	}
	if (at->client.reply.code != 0) {
		buf_print(out,
		    "    it answers %s with: ", lmtp_client_said(&at->client));
		text_printable(out, buf_str(&at->said), SAID_OCTETS);
		buf_add_octet(out, '\n');
	}
}

const struct store store_lmtp = { .word = "lmtp",
	.usual_path = "",
	.inbox = "",
	.is_remote = true,
	.open = lmtp_open,
	.spool = lmtp_spool,
	.stage = lmtp_stage,
	.commit = lmtp_commit,
	.abort = lmtp_abort,
	.finish = lmtp_finish,
	.probe = lmtp_probe,
	.explain = lmtp_explain };
