/*
 * deliver.c - one message to one recipient, from beginning to end.
 */
#include "deliver/deliver.h"

#include "base/require.h"
#include "base/stop.h"
#include "base/sys.h"
#include "deliver/confine.h"
#include "deliver/remote.h"
#include "deliver/report.h"
#include "deliver/resolve.h"
#include "mail/address.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

void
deliver_init(struct deliver_run *run, struct settings *settings,
    const struct deliver_request *request, struct log *log,
    const struct feeder *feeder, int64_t started_us, struct arena *arena)
{
	memset(run, 0, sizeof(*run));
	run->arena = arena;
	run->settings = settings;
	run->request = request;
	run->log = log;
	run->feeder = *feeder;
	run->started_us = started_us;
	message_init(&run->message);
	run->keeper = -1;
	status_init(&run->why);
	/* What the caller said, until the message says better. */
	envelope_join(&request->envelope, &run->message.facts, &run->envelope);
}

static struct store_owner
owner_of(const struct deliver_run *run)
{
	struct store_owner owner = { .name = run->user.name,
		.home = run->user.home,
		.is_system = run->user.is_system };

	return owner;
}

/* His name may be kept without its domain. */
static bool
is_name_of(const struct user *user, struct str address)
{
	return str_equal_nocase(address, user->name) ||
	    (!address_has_domain(user->name) &&
		str_equal_nocase(address_local(address), user->name));
}

/* The detail of the first address that has one; that of -d counts only where
 * the user was found without it. */
static struct str
detail_of(const struct deliver_run *run)
{
	const struct deliver_request *request = run->request;
	struct str delimiters =
	    str_from(run->settings->user.recipient_delimiter);
	struct str addresses[] = { request->user.text,
		request->envelope.original_flag.text };
	struct str user, detail;

	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct str address = address_bare(addresses[i]);

		if (!is_name_of(&run->user, address) &&
		    address_split_detail(
			address_local(address), delimiters, &user, &detail) &&
		    detail.length > 0)
			return detail;
	}
	return request->environment_detail.text;
}

/* -m, or the detail where the settings want that. */
static struct str
folder_wanted(struct deliver_run *run)
{
	int use = run->settings->deliver.detail_folder;

	/* A server that is told the whole address decides by itself. */
	if (run->request->folder.text.length > 0 || use == DELIVER_DETAIL_NO ||
	    run->mailbox.store->is_remote)
		return run->request->folder.text;
	run->folder_is_detail = true;
	run->make_folder = use == DELIVER_DETAIL_CREATE;
	return detail_of(run);
}

/* A name that cannot be a folder's is no reason to fail: INBOX. */
static void
choose_folder(struct deliver_run *run)
{
	struct status why;

	memset(&run->folder, 0, sizeof(run->folder));
	run->folder_wanted = folder_wanted(run);
	if (run->folder_wanted.length == 0 ||
	    folder_parse(run->folder_wanted, run->arena, &run->folder, &why) ==
		0)
		return;
	memset(&run->folder, 0, sizeof(run->folder));
	run->folder_trouble = arena_print(run->arena, "%s", why.cause);
}

/* Dovecot's default place for a user's active script. */
static bool
has_sieve_script(const struct deliver_run *run)
{
	struct stat facts;

	return run->user.home != NULL &&
	    sys_fstatat(AT_FDCWD,
		arena_path(run->arena, run->user.home, ".dovecot.sieve"),
		&facts, 0) == 0;
}

/* Who he is, his settings, his rights. */
static int
find_user(struct deliver_run *run)
{
	if (!run->has_user && remote_is_meant(run)) {
		run->has_user = remote_resolve(run) == 0;
		return run->has_user ? 0 : -1;
	}
	if (!run->has_user &&
	    resolve_recipient(run->request, run->settings, run->arena,
		&run->user, &run->why) < 0)
		return -1;
	run->has_user = true;
	if (resolve_settings(run->settings, &run->user, run->arena, &run->why) <
	    0)
		return -1;
	return resolve_privileges(
	    run->settings, &run->user, &run->keeper, run->arena, &run->why);
}

static int
prepare(struct deliver_run *run)
{
	struct store_owner owner;

	if (find_user(run) < 0)
		return -1;
	owner = owner_of(run);
	if (mailbox_resolve(&run->settings->store, &owner, run->arena,
		&run->mailbox, &run->why) < 0) {
		/* A user who was found is not unknown because his name does
		 * not suit mail_location. */
		if (run->user.is_listed && run->why.id == STATUS_USER_UNKNOWN)
			status_become(&run->why, STATUS_MISCONFIGURED);
		return -1;
	}
	/* It would be handed round and round. */
	if (run->request->by_lmtp && run->mailbox.store->is_remote)
		return status_fail(&run->why, STATUS_MISCONFIGURED,
		    "mail_location = %s: what came by LMTP is not handed on "
		    "by LMTP",
		    run->settings->store.mail_location);
	status_init(&run->why);
	return 0;
}

static uint64_t
or_no_limit(uint64_t octets)
{
	return octets == 0 ? MESSAGE_NO_LIMIT : octets;
}

/* Where a limit came from; for one that is none its name is enough. */
static const char *
describe(const struct deliver_run *run, uint64_t octets, const char *name)
{
	return octets == 0 ? name :
			     config_describe(&run->settings->config, name);
}

static void
add_limit(struct deliver_run *run, uint64_t octets, enum status_id id,
    bool of_file, const char *name)
{
	struct message_limit *limit = &run->limits[run->limit_count++];

	require(run->limit_count <= COUNT(run->limits));
	limit->octets = octets;
	limit->id = id;
	limit->of_file = of_file;
	limit->name = name;
}

/* All that can make a message or its file too long, known before a byte. */
static void
find_limits(struct deliver_run *run)
{
	const struct settings *settings = run->settings;
	uint64_t message = settings->deliver.message_size_limit;
	uint64_t mailbox = settings->store.mailbox_size_limit;
	struct rlimit file_size;

	add_limit(run, or_no_limit(message), STATUS_MESSAGE_TOO_BIG, false,
	    describe(run, message, "message_size_limit"));
	if (!run->mailbox.store->is_remote)
		add_limit(run, or_no_limit(mailbox),
		    settings->deliver.quota_full_tempfail ?
			STATUS_MAILBOX_FULL :
			STATUS_MAILBOX_FULL_FOR_GOOD,
		    true, describe(run, mailbox, "mailbox_size_limit"));
	if (sys_getrlimit(RLIMIT_FSIZE, &file_size) == 0 &&
	    file_size.rlim_cur != RLIM_INFINITY)
		add_limit(run, (uint64_t)file_size.rlim_cur, STATUS_FILE_LIMIT,
		    true,
		    "RLIMIT_FSIZE (Postfix's mailbox_size_limit, which "
		    "local(8) sets for its commands, or ulimit -f): raise it");
}

static void
plan(struct deliver_run *run)
{
	delivery_init(&run->delivery, &run->mailbox, &run->settings->store,
	    &run->folder, run->arena);
	run->delivery.limits = run->limits;
	run->delivery.limit_count = run->limit_count;
	run->delivery.keeper = run->keeper;
	run->delivery.make_folder = run->make_folder;
	if (!run->settings->deliver.quota_full_tempfail)
		run->delivery.full = STATUS_MAILBOX_FULL_FOR_GOOD;
	if (run->mailbox.store->is_remote)
		remote_plan(run);
}

int
deliver_prepare(struct deliver_run *run)
{
	if (prepare(run) < 0)
		return -1;
	choose_folder(run);
	run->has_sieve = has_sieve_script(run);
	find_limits(run);
	plan(run);
	return 0;
}

void
deliver_plan_inbox(struct deliver_run *run)
{
	memset(&run->folder, 0, sizeof(run->folder));
	plan(run);
}

/* The folder; INBOX where that is refused for good. */
static int
open_mailbox(struct deliver_run *run)
{
	const struct store *store = run->mailbox.store;

	if (store->open(&run->delivery, &run->why) == 0)
		return 0;
	if (!run->delivery.folder_refused)
		return -1;
	run->folder_trouble = arena_print(run->arena, "%s", run->why.cause);
	status_init(&run->why);
	deliver_plan_inbox(run);
	return store->open(&run->delivery, &run->why);
}

static int
spool(void *context, struct status *why)
{
	struct delivery *delivery = context;

	return delivery->mailbox->store->spool(delivery, why);
}

static void
note_message(struct deliver_run *run)
{
	run->has_message = true;
	envelope_join(
	    &run->request->envelope, &run->message.facts, &run->envelope);
	run->delivery.sender = run->envelope.sender;
	if (run->mailbox.store->is_remote)
		remote_plan(run);
}

static int
receive_from(struct deliver_run *run, const struct message_source *source)
{
	struct message_spool where = { spool, &run->delivery,
		run->delivery.spool_name };
	int rc = message_receive(&run->message, source, run->limits,
	    run->limit_count, &where, run->arena, &run->why);

	note_message(run);
	return rc;
}

/* What lda-lmtp has received for all recipients. */
static int
take_message(struct deliver_run *run)
{
	run->message = *run->request->message;
	note_message(run);
	return message_check_limits(
	    &run->message, run->limits, run->limit_count, &run->why);
}

/* -p: opened with the recipient's rights; a From_ line in it stays, as with
 * dovecot-lda. */
static int
receive_file(struct deliver_run *run)
{
	const char *path = run->request->message_path;
	struct message_source source = { .name = path };
	int rc;

	source.fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (source.fd < 0) {
		/* Whoever calls us names it, not the recipient. */
		(void)status_fail_read(&run->why, path);
		status_become(&run->why, STATUS_MISCONFIGURED);
		status_context(&run->why, "-p");
		return -1;
	}
	rc = receive_from(run, &source);
	(void)sys_close(source.fd);
	return rc;
}

static int
receive(struct deliver_run *run)
{
	const struct message_source input = { .fd = STDIN_FILENO,
		.name = "standard input",
		.strip_from_line = true };

	if (run->request->message != NULL)
		return take_message(run);
	if (run->request->source != NULL)
		return receive_from(run, run->request->source);
	if (run->request->message_path != NULL)
		return receive_file(run);
	return receive_from(run, &input);
}

/* More stops than any honest mail makes. */
#define HOPS_MOST 50

/*
 * Whether the message has been here before.  Only for LMTP: behind pipe(8) and
 * local(8) Postfix looks, and has just put the very same Delivered-To on top.
 * One above all Received fields was written by whoever handed us the message.
 */
static int
check_loop(struct deliver_run *run)
{
	const struct message_facts *facts = &run->message.facts;
	struct str ours = run->request->delivered_to;

	if (!run->request->by_lmtp)
		return 0;
	if (facts->hops >= HOPS_MOST)
		return status_fail(&run->why, STATUS_LOOP,
		    "mail loop: the message has %u Received fields",
		    facts->hops);
	for (size_t i = 0; ours.length > 0 && i < facts->delivered_count; i++)
		if (str_equal_nocase(facts->delivered[i], ours))
			return status_fail(&run->why, STATUS_LOOP,
			    "mail loop: the message was delivered to %.*s "
			    "before (Delivered-To)",
			    (int)ours.length, ours.at);
	return 0;
}

/* What a pipe of Linux holds. */
#define PIPE_OCTETS ((uint64_t)64 * 1024)

/* The first process may feed us in earnest.  But Postfix ends each line, and
 * who waited for us to begin has left a full pipe. */
static bool
was_fed_by_nobody(const struct deliver_run *run)
{
	return run->feeder.has_heir &&
	    (!run->message.ends_line ||
		run->message.read_octets == PIPE_OCTETS);
}

/* See base/feeder.h: its pipe would have ended like a whole message. */
static int
check_feeder(struct deliver_run *run)
{
	if (feeder_is_there(&run->feeder) && !was_fed_by_nobody(run))
		return 0;
	return status_fail(&run->why, STATUS_TROUBLE,
	    "the process that fed us (parent pid %jd) has gone, so the "
	    "message may be cut short",
	    (intmax_t)run->feeder.parent);
}

static int
check_stop(struct deliver_run *run)
{
	if (stop_reason() == STOP_NOT)
		return 0;
	return status_fail(&run->why, STATUS_TROUBLE,
	    stop_reason() == STOP_TIME ? "delivery_timeout has passed" :
					 "ended by a signal");
}

static int
commit(struct deliver_run *run)
{
	const struct store *store = run->mailbox.store;

	/* Both looks belong as close to the commit as can be. */
	if (check_stop(run) < 0 || check_feeder(run) < 0 ||
	    store->commit(&run->delivery, &run->why) < 0)
		return -1;
	stop_committed();
	status_init(&run->why);
	return 0;
}

/* A server may know only at the last moment that there is no such folder. */
static void
note_folder(struct deliver_run *run)
{
	if (run->delivery.folder_trouble == NULL)
		return;
	run->folder_trouble = run->delivery.folder_trouble;
	report_folder(run);
}

static int
transact(struct deliver_run *run)
{
	const struct store *store = run->mailbox.store;

	if (open_mailbox(run) < 0)
		return -1;
	/* A detail that is no folder is what most details are. */
	if (run->folder_trouble != NULL && !run->folder_is_detail)
		report_folder(run);
	if (receive(run) < 0 || check_loop(run) < 0)
		return -1;
	arena_seal(run->arena);
	if (store->stage(&run->delivery, &run->message, &run->why) < 0)
		return -1;
	note_folder(run);
	return commit(run);
}

int
deliver(struct deliver_run *run)
{
	if (deliver_prepare(run) < 0) {
		report_outcome(run);
		return -1;
	}
	confine_delivery(run);
	if (transact(run) < 0) {
		run->mailbox.store->abort(&run->delivery, &run->why);
		report_outcome(run);
		return -1;
	}
	report_outcome(run);
	run->mailbox.store->finish(&run->delivery);
	return 0;
}
