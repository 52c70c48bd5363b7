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
 * Source: RFC 2033; postfix lmtp(8).
 */
#include "base/cursor.h"
#include "base/file.h"
#include "base/stop.h"
#include "base/sys.h"
#include "mail/address.h"
#include "store/lmtp_work.h"
#include "store/temporary.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* After lmtp_data_done_timeout the kernel ends us so much later. */
#define GRACE_SECONDS 30

/* A file that holds a password and a line end. */
#define PASSWORD_FILE_OCTETS ((size_t)1024)

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
int
handover_open(struct delivery *delivery, struct status *why)
{
	struct arena *arena = delivery->arena;
	struct handover *at = arena_take(arena, sizeof(*at));

	at->fd = at->spool = -1;
	at->where = delivery->mailbox->root;
	delivery->work = at;
	delivery->spool_name = delivery->options->mail_temp_dir;
	at->in = take_room(arena, LMTP_INPUT_OCTETS);
	at->out = take_room(arena, LMTP_OUTPUT_OCTETS);
	at->paths = take_room(arena, 3 * (LMTP_CLIENT_PATH_OCTETS + 1));
	at->said = take_room(arena, LMTP_SAID_OCTETS);
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

int
handover_begin(struct delivery *delivery, const struct lmtp_client_mail *facts,
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
	return handover_connect(at, why);
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
		if (handover_send_out(at) < 0)
			return -1;
	}
}

static int
send_message(
    struct handover *at, const struct message *message, struct status *why)
{
	at->in_text = true;
	if (each_piece(at, message, send_piece) < 0)
		return handover_fail_of_body(at, why);
	lmtp_body_end(&at->body, &at->out);
	if (handover_send_out(at) < 0)
		return handover_fail_of_body(at, why);
	return handover_check_silence(at, why);
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
	if (handover_begin(delivery, &facts, why) < 0 ||
	    handover_talk(delivery, LMTP_ANSWER_US, why) < 0)
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
		return handover_fail_of_stop(
		    at, "end the message to", STATUS_SERVER_LOST, why);
	at->says_dot = true;
	lmtp_client_end(&at->client, &at->out);
	if (handover_talk(delivery, (int64_t)seconds * 1000000, why) < 0)
		return -1;
	at->in_text = false;
	handover_note_reply(at);
	delivery->storage_id = at->said.at;
	delivery->state = DELIVERY_COMMITTED;
	return 0;
}

static void
lmtp_abort(struct delivery *delivery, struct status *why)
{
	struct handover *at = delivery->work;

	(void)why;
	delivery->state = DELIVERY_ABORTED;
	if (at == NULL)
		return;
	handover_say_goodbye(at, "QUIT\r\n");
	file_close(&at->spool);
}

static void
lmtp_finish(struct delivery *delivery)
{
	struct handover *at = delivery->work;

	handover_say_goodbye(at, "QUIT\r\n");
	file_close(&at->spool);
}

const struct store store_lmtp = { .word = "lmtp",
	.usual_path = "",
	.inbox = "",
	.is_remote = true,
	.open = handover_open,
	.spool = lmtp_spool,
	.stage = lmtp_stage,
	.commit = lmtp_commit,
	.abort = lmtp_abort,
	.finish = lmtp_finish,
	.probe = handover_probe,
	.explain = handover_explain };
