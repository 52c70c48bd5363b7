/*
 * lmtp_transaction.c - one message by LMTP, to all its recipients.
 *
 * Source: RFC 2033 section 4.2; Dovecot lmtp_hdr_delivery_address; Cyrus
 * lmtp_downcase_rcpt.
 */
#include "serve/lmtp_transaction.h"

#include "base/require.h"
#include "base/sys.h"
#include "deliver/report.h"
#include "deliver/verify.h"
#include "mail/address.h"
#include "mail/trace_fields.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Until a look-up at RCPT is given up. */
#define VERIFY_SECONDS 120

/* Return-Path, Delivered-To and Received with the longest addresses. */
#define PREFIX_OCTETS ((size_t)8 * 1024)

void
lmtp_transaction_begin(struct lmtp_transaction *at, struct job_office *office,
    struct str sender, bool utf8)
{
	memset(at, 0, sizeof(*at));
	at->office = office;
	at->sender = arena_copy(office->arena, sender);
	at->utf8 = utf8;
	spool_init(&at->spool, office);
	status_init(&at->why);
}

/* The user's part in small letters; the detail may name a folder. */
static struct str
downcase(struct lmtp_transaction *at, struct str mailbox)
{
	const struct settings *settings = at->office->settings;
	struct str delimiters = str_from(settings->user.recipient_delimiter);
	struct str user = address_local(mailbox), detail;
	char *copy = arena_string(at->office->arena, mailbox);

	if (!settings->lmtp.lmtp_downcase_rcpt)
		return str_of(copy, mailbox.length);
	if (!address_split_detail(user, delimiters, &user, &detail))
		user = address_local(mailbox);
	for (size_t i = 0; i < user.length; i++)
		copy[i] = str_lower_octet(copy[i]);
	return str_of(copy, mailbox.length);
}

static struct recipient *
find_same(const struct lmtp_transaction *at, struct str mailbox)
{
	for (struct recipient *one = at->first; one != NULL; one = one->next)
		if (one->same_as == NULL && str_equal(one->mailbox, mailbox))
			return one;
	return NULL;
}

static struct job
job_for(const struct lmtp_transaction *at, const struct recipient *recipient)
{
	struct job job = { .task = JOB_VERIFY,
		.seconds = VERIFY_SECONDS,
		.by_lmtp = true,
		.mailbox = recipient->mailbox,
		.path = recipient->path,
		.sender = at->sender,
		.original = recipient->original,
		.user = recipient->has_user ? &recipient->user : NULL,
		.spool = -1 };

	return job;
}

/* With our own rights, where there are no others to be had. */
static int
find_here(struct lmtp_transaction *at, struct recipient *recipient,
    struct status *why)
{
	struct arena *scratch = at->office->scratch;
	struct arena_mark mark = arena_mark(scratch);
	struct user user;

	recipient->has_user = verify_user(at->office->settings,
				  recipient->mailbox, scratch, &user, why) == 0;
	if (recipient->has_user)
		user_copy(&user, at->office->arena, &recipient->user);
	else
		report_refusal(
		    at->office->log, recipient->path, at->sender, why);
	arena_rewind(scratch, &mark);
	return recipient->has_user ? 0 : -1;
}

static int
verify(struct lmtp_transaction *at, struct recipient *recipient,
    struct status *why)
{
	bool room = at->office->settings->lmtp.lmtp_rcpt_check_quota;
	struct job job;

	if (at->office->monitor < 0 && find_here(at, recipient, why) < 0)
		return -1;
	if (at->office->monitor < 0 && !room)
		return 0;
	job = job_for(at, recipient);
	job.task = room ? JOB_ROOM : JOB_VERIFY;
	return job_do(at->office, &job, why);
}

int
lmtp_transaction_add(struct lmtp_transaction *at, struct str path,
    struct str mailbox, struct str original, struct status *why)
{
	struct arena *arena = at->office->arena;
	struct recipient *recipient = arena_take(arena, sizeof(*recipient));

	recipient->path = arena_copy(arena, path);
	recipient->original = arena_copy(arena, original);
	recipient->mailbox = downcase(at, mailbox);
	recipient->same_as = find_same(at, recipient->mailbox);
	worker_init(&recipient->worker);
	if (recipient->same_as == NULL && verify(at, recipient, why) < 0)
		return -1;
	if (at->last != NULL)
		at->last->next = recipient;
	else
		at->first = recipient;
	at->last = recipient;
	at->count++;
	return 0;
}

static enum lmtp_delivered_to
delivered_to_choice(const struct lmtp_transaction *at)
{
	return (enum lmtp_delivered_to)
	    at->office->settings->lmtp.lmtp_hdr_delivery_address;
}

/* What Delivered-To says for this recipient. */
static struct str
delivered_to(
    const struct lmtp_transaction *at, const struct recipient *recipient)
{
	const struct message_facts *facts = &at->message.facts;

	if (delivered_to_choice(at) == LMTP_DELIVERED_TO_NONE)
		return str_of(NULL, 0);
	if (delivered_to_choice(at) == LMTP_DELIVERED_TO_FINAL)
		return recipient->path;
	if (recipient->original.length > 0)
		return recipient->original;
	return facts->original_to.length > 0 ?
	    address_bare(facts->original_to) :
	    recipient->path;
}

/* The header fields in front, for one recipient, or for all (NULL); they live
 * until the next call. */
static struct str
make_prefix(struct lmtp_transaction *at, const struct recipient *recipient)
{
	struct trace_fields_hop hop = { .client = at->client,
		.host = at->host,
		.protocol = at->utf8 ?
		    at->authenticated ? "UTF8LMTPA" : "UTF8LMTP" :
		    at->authenticated ? "LMTPA" :
					"LMTP",
		.id = at->id,
		.when = (time_t)(sys_now_us() / 1000000) };
	struct buf prefix;

	buf_init(&prefix, at->prefix_room, PREFIX_OCTETS);
	trace_fields_return_path(&prefix, at->sender);
	if (recipient != NULL && delivered_to(at, recipient).length > 0)
		trace_fields_delivered_to(&prefix, delivered_to(at, recipient));
	if (at->count == 1)
		hop.recipient = at->first->path;
	if (at->office->settings->lmtp.lmtp_add_received_header)
		trace_fields_received(&prefix, &hop);
	return buf_str(&prefix);
}

static void
make_id(struct lmtp_transaction *at)
{
	struct buf id;

	buf_init(&id, at->id, sizeof(at->id));
	buf_print(&id, "%016" PRIx64, sys_random());
}

/* What is judged while the message comes in; the recipients' own limits are
 * judged by their deliveries. */
static void
set_limit(struct lmtp_transaction *at)
{
	const struct settings *settings = at->office->settings;
	uint64_t octets = settings->deliver.message_size_limit;

	at->limit.octets = octets == 0 ? MESSAGE_NO_LIMIT : octets;
	at->limit.id = STATUS_MESSAGE_TOO_BIG;
	at->limit.name = at->limit_name;
}

void
lmtp_transaction_open(struct lmtp_transaction *at)
{
	enum lmtp_delivered_to choice = delivered_to_choice(at);

	make_id(at);
	set_limit(at);
	at->prefix_room = arena_take(at->office->arena, PREFIX_OCTETS);
	/* The monitor's children read the message anew, and must not take our
	 * fields for what it came with. */
	at->prefix_is_all = at->office->monitor < 0 &&
	    (choice == LMTP_DELIVERED_TO_NONE ||
		(at->count == 1 && choice == LMTP_DELIVERED_TO_FINAL));
	at->spool.recipients = at->first;
	at->spool.wants_link =
	    at->prefix_is_all && at->office->settings->lmtp.lmtp_share_message;
	at->where.open = spool_open;
	at->where.context = &at->spool;
	at->where.name = at->spool.name;
	at->source.fd = -1;
	at->source.name = "the message";
	at->source.strip_return_path = true;
	at->source.may_be_empty = true;
	at->source.room = at->room;
	if (at->prefix_is_all)
		at->source.prefix =
		    make_prefix(at, at->count == 1 ? at->first : NULL);
	message_begin(&at->intake, &at->message, &at->source, &at->limit, 1,
	    &at->where, at->office->arena);
	at->is_open = true;
}

void
lmtp_transaction_text(struct lmtp_transaction *at, struct str text)
{
	/* After a failure the rest is read and dropped. */
	if (at->why.id != STATUS_DELIVERED ||
	    message_add(&at->intake, text, &at->why) == 0)
		return;
	if (at->message.file >= 0)
		at->message.file = -1; /* the spool's */
}

/* Received whole and kept where several processes can read it. */
static int
settle(struct lmtp_transaction *at)
{
	bool several = at->spool.wants_link && at->count > 1;

	if (at->why.id != STATUS_DELIVERED ||
	    message_end(&at->intake, &at->why) < 0)
		return -1;
	return spool_settle(&at->spool, &at->message,
	    several || at->office->monitor >= 0, &at->why);
}

/* What failed for the whole message is told to each recipient. */
static void
fail_all(struct lmtp_transaction *at)
{
	for (struct recipient *one = at->first; one != NULL; one = one->next) {
		one->why = at->why;
		one->state = RECIPIENT_FINISHED;
	}
	report_refusal(
	    at->office->log, str_from("message"), at->sender, &at->why);
	at->to_start = NULL;
}

/* What a worker has to know.  All of it is taken before the first one starts:
 * from then on there is mail that somebody has. */
static struct job *
prepare(struct lmtp_transaction *at, const struct recipient *recipient)
{
	struct arena *arena = at->office->arena;
	struct message *message = arena_take(arena, sizeof(*message));
	struct job *job = arena_take(arena, sizeof(*job));

	*message = at->message;
	*job = job_for(at, recipient);
	job->task = JOB_DELIVER;
	job->seconds = at->seconds;
	job->delivered_to = delivered_to(at, recipient);
	if (!at->prefix_is_all) {
		job->prefix = arena_copy(arena, make_prefix(at, recipient));
		message_put_before(message, job->prefix);
	}
	if (at->office->monitor >= 0)
		job->spool = message->shared;
	else
		job->message = message;
	return job;
}

static void
prepare_all(struct lmtp_transaction *at)
{
	for (struct recipient *one = at->first; one != NULL; one = one->next)
		if (one->same_as == NULL)
			one->job = prepare(at, one);
}

void
lmtp_transaction_close(struct lmtp_transaction *at, unsigned seconds)
{
	at->seconds = seconds;
	at->to_start = at->to_answer = at->first;
	if (settle(at) < 0)
		fail_all(at);
	else
		prepare_all(at);
	at->is_open = false;
}

/* A failure to begin is his alone. */
static void
start(struct lmtp_transaction *at, struct recipient *recipient)
{
	if (job_start(at->office, recipient->job, &recipient->worker,
		&recipient->why) < 0) {
		report_refusal(at->office->log, recipient->path, at->sender,
		    &recipient->why);
		recipient->state = RECIPIENT_FINISHED;
		return;
	}
	recipient->state = RECIPIENT_RUNNING;
	at->running++;
}

static void
start_some(struct lmtp_transaction *at)
{
	while (at->to_start != NULL && at->running < LMTP_WORKERS_MOST) {
		struct recipient *one = at->to_start;

		at->to_start = one->next;
		if (one->same_as == NULL)
			start(at, one);
	}
}

/* Sleeps until one of those that run has something to say, and hears it. */
static void
wait_for_any(struct lmtp_transaction *at)
{
	struct pollfd wanted[LMTP_WORKERS_MOST];
	struct recipient *running[LMTP_WORKERS_MOST];
	nfds_t count = 0;
	int ready;

	for (struct recipient *one = at->to_answer; one != at->to_start;
	     one = one->next)
		if (one->state == RECIPIENT_RUNNING) {
			wanted[count].fd = one->worker.answers;
			wanted[count].events = POLLIN;
			wanted[count].revents = 0;
			running[count++] = one;
		}
	ready = sys_poll(wanted, count, 1000);
	if (ready < 0) {
		/* Then one after the other: each has its deadline. */
		ready = 1;
		wanted[0].revents = POLLIN;
	}
	for (nfds_t i = 0; i < count; i++) {
		struct recipient *one = running[i];

		if (ready > 0 && wanted[i].revents != 0 ?
			!worker_hear(&one->worker, &one->why) :
			!worker_is_late(&one->worker, &one->why))
			continue;
		one->state = RECIPIENT_FINISHED;
		at->running--;
		job_keep(at->office, &one->worker);
	}
}

bool
lmtp_transaction_has_next(const struct lmtp_transaction *at)
{
	const struct recipient *next = at->to_answer;

	if (next == NULL)
		return false;
	if (next->same_as != NULL)
		next = next->same_as;
	return next->state == RECIPIENT_FINISHED;
}

const struct recipient *
lmtp_transaction_next(struct lmtp_transaction *at)
{
	struct recipient *next = at->to_answer;

	if (next == NULL)
		return NULL;
	for (;;) {
		start_some(at);
		if (lmtp_transaction_has_next(at))
			break;
		wait_for_any(at);
	}
	if (next->same_as != NULL)
		next->why = next->same_as->why;
	at->to_answer = next->next;
	return next;
}

void
lmtp_transaction_end(struct lmtp_transaction *at)
{
	if (at->office == NULL)
		return;
	for (struct recipient *one = at->first; one != NULL; one = one->next)
		if (one->state == RECIPIENT_RUNNING)
			worker_drop(&one->worker);
	spool_close(&at->spool);
	memset(at, 0, sizeof(*at));
}
