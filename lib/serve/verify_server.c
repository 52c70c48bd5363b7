/*
 * verify_server.c - one socketmap connection: Postfix asks whether a recipient
 * exists.
 *
 * Map rcpt: OK and the user's name, or NOTFOUND.  Map quota: an action for
 * access(5) where the mailbox is full, else NOTFOUND, which is "no opinion".
 * What cannot be found out is TEMP, so that smtpd says 451 and the mail comes
 * again; what is wrong in the request is PERM.
 *
 * Source: postfix socketmap_table(5), access(5) (reference postfix 4.3).
 */
#include "serve/verify_server.h"

#include "base/stop.h"
#include "base/sys.h"
#include "deliver/report.h"
#include "deliver/verify.h"
#include "mail/address.h"
#include "serve/connection.h"
#include "wire/netstring.h"

/* Postfix itself takes no longer query; an address has at most 320 octets. */
#define REQUEST_OCTETS ((size_t)10000)

/* Postfix closes after 10 s of silence, if it gets to it. */
#define IDLE_SECONDS 300
#define LIFE_SECONDS 900

/* Until a look at a mailbox is given up; Postfix waits 100 s. */
#define QUOTA_SECONDS 30

#define ANSWER_OCTETS 2048

/* RFC 5321 section 4.5.3.1: no address is longer by far; nor is a line of a
 * users file. */
#define KEY_OCTETS 1000

static void
answer_trouble(const struct status *why, struct buf *answer)
{
	buf_add_string(answer, "TEMP ");
	status_print_reply(why, answer);
}

/* Never empty: Postfix takes an OK without data for a broken table. */
static void
answer_found(const struct user *user, struct buf *answer)
{
	buf_add_string(answer, "OK ");
	if (user->name.length > 0)
		buf_add(answer, user->name);
	else
		buf_add_string(answer, "yes");
}

static void
ask_rcpt(struct job_office *office, struct str key, struct buf *answer)
{
	struct user user;
	struct status why;

	if (verify_user(office->settings, key, office->arena, &user, &why) ==
	    0) {
		answer_found(&user, answer);
		return;
	}
	if (why.id == STATUS_USER_UNKNOWN) {
		buf_add_string(answer, "NOTFOUND ");
		return;
	}
	report_refusal(office->log, key, str_of(NULL, 0), &why);
	answer_trouble(&why, answer);
}

/* access(5): "452 4.2.2 mailbox is full". */
static void
answer_full(const struct status *why, struct buf *answer)
{
	buf_print(answer, "OK %d ", status_row(why->id)->lmtp);
	status_print_reply(why, answer);
}

static void
ask_quota(struct job_office *office, struct str key, struct buf *answer)
{
	struct job job = { .task = JOB_ROOM,
		.seconds = QUOTA_SECONDS,
		.mailbox = key,
		.path = key,
		.spool = -1 };
	struct status why;

	/* access(5) also asks for a domain, and for "bob@". */
	if (address_local(key).length == 0 || address_domain(key).length == 0) {
		buf_add_string(answer, "NOTFOUND ");
		return;
	}
	if (job_do(office, &job, &why) == 0 || why.id == STATUS_USER_UNKNOWN)
		buf_add_string(answer, "NOTFOUND ");
	else if (why.id == STATUS_MAILBOX_FULL ||
	    why.id == STATUS_MAILBOX_FULL_FOR_GOOD)
		answer_full(&why, answer);
	else
		answer_trouble(&why, answer);
}

static const struct {
	const char *name;
	void (*ask)(
	    struct job_office *office, struct str key, struct buf *answer);
} maps[] = {
	{ "rcpt", ask_rcpt },   /* virtual_mailbox_maps and its like */
	{ "quota", ask_quota }, /* check_recipient_access */
};

void
verify_server_answer(
    struct job_office *office, struct str request, struct buf *answer)
{
	struct cursor in = cursor_over(request);
	struct str name = cursor_until(&in, ' ');

	for (size_t i = 0; i < COUNT(maps); i++) {
		if (!str_is(name, maps[i].name))
			continue;
		/* No user has such a name, and no log line should. */
		if (in.rest.length == 0 || in.rest.length > KEY_OCTETS ||
		    str_has_control(in.rest))
			buf_add_string(answer, "NOTFOUND ");
		else
			maps[i].ask(office, in.rest, answer);
		return;
	}
	buf_add_string(answer,
	    "PERM lda-verify has no such map (rcpt and quota): write "
	    "socketmap:unix:PATH:rcpt");
}

/* Answers all whole requests; false for what is no netstring. */
static bool
answer_all(struct verify_server *server, struct connection *connection)
{
	struct arena *arena = server->office.arena;

	for (;;) {
		struct cursor in = connection_input(connection);
		struct arena_mark mark = arena_mark(arena);
		char room[ANSWER_OCTETS];
		struct buf answer;
		struct str request;
		size_t used;

		switch (
		    netstring_read(in.rest, REQUEST_OCTETS, &request, &used)) {
		case NETSTRING_BROKEN:
			return false;
		case NETSTRING_UNFINISHED:
			return true;
		case NETSTRING_WHOLE:
			break;
		}
		buf_init(&answer, room, sizeof(room));
		verify_server_answer(&server->office, request, &answer);
		arena_rewind(arena, &mark);
		connection_reserve(connection, ANSWER_OCTETS + 16);
		netstring_add(&connection->output, buf_str(&answer));
		(void)cursor_octets(&in, used);
		connection_use(connection, &in);
	}
}

static int
wait_ms(const struct verify_server *server)
{
	int64_t seconds = IDLE_SECONDS;
	int64_t left =
	    LIFE_SECONDS - (sys_ticks_us() - server->started_us) / 1000000;

	if (server->limited_life && left < seconds)
		seconds = left;
	return seconds < 0 ? 0 : (int)(seconds * 1000);
}

/* Postfix connects again by itself, so silence, age and a signal are simply
 * the end (dict_sockmap.c). */
void
verify_server_run(struct verify_server *server)
{
	struct connection *connection =
	    arena_take(server->office.arena, sizeof(*connection));

	connection_init(connection, server->in, server->out);
	while (connection_more(connection, wait_ms(server), true) ==
		CONNECTION_READ &&
	    answer_all(server, connection))
		;
	connection_flush(connection);
}
