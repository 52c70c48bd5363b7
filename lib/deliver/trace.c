/*
 * trace.c - what a delivery would do and why, without doing it.
 */
#include "deliver/trace.h"

#include "base/sys.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define VALUE_OCTETS 400

static void
add_value(struct buf *out, const char *label, struct str value)
{
	buf_print(out, "    %s: ", label);
	text_printable(out, value, VALUE_OCTETS);
	buf_add_octet(out, '\n');
}

void
trace_settings(const struct deliver_run *run, struct buf *out)
{
	buf_add_string(out, "settings (those that differ from the default)\n");
	settings_print(run->settings, true, out);
	for (size_t i = 0; i < run->settings->config.ignored_count; i++)
		add_value(out, "ignored, without meaning here",
		    run->settings->config.ignored[i]);
}

static void
add_id(struct buf *out, const char *label, bool known, intmax_t id)
{
	if (known)
		buf_print(out, "    %s: %jd\n", label, id);
	else
		buf_print(out, "    %s: not given\n", label);
}

static void
add_user(struct buf *out, const struct deliver_run *run)
{
	const struct user *user = &run->user;

	buf_add_string(out, "user\n");
	add_value(out, "name", user->name);
	add_value(out, "found by", str_from(user->source));
	add_id(out, "uid", user->has_uid, (intmax_t)user->uid);
	add_id(out, "gid", user->has_gid, (intmax_t)user->gid);
	add_value(out, "home",
	    user->home != NULL ? str_from(user->home) : str_from("not given"));
	for (size_t i = 0; i < user->field_count; i++)
		add_value(out, "own setting", user->fields[i].name);
	/* What was refused before root became him says so itself. */
	if (sys_uid() != 0)
		buf_print(out, "    delivers as: uid %jd, gid %jd\n",
		    (intmax_t)sys_uid(), (intmax_t)sys_gid());
}

static void
add_catch_all(struct buf *out, const struct deliver_run *run)
{
	/* Of a server's users nobody is asked. */
	if (user_finds_everybody(&run->settings->user) &&
	    (run->mailbox.store == NULL || !run->mailbox.store->is_remote))
		buf_add_string(out,
		    "    note: userdb ends in \"static\", which finds "
		    "everybody: no recipient is ever unknown, neither here nor "
		    "to lda-lmtp and lda-verify\n");
}

static void
add_folder(struct buf *out, const struct deliver_run *run)
{
	if (run->folder_wanted.length > 0)
		add_value(out, run->folder_is_detail ? "detail_folder" : "-m",
		    run->folder_wanted);
	if (run->folder_trouble != NULL)
		add_value(out, "goes to INBOX, because",
		    str_from(run->folder_trouble));
	else
		add_value(out, "folder",
		    str_from(folder_name(&run->folder, run->arena)));
}

static void
add_mailbox(struct buf *out, struct deliver_run *run)
{
	buf_add_string(out, "mailbox\n");
	add_value(
	    out, "mail_location", str_from(run->settings->store.mail_location));
	add_value(out, "format", str_from(run->mailbox.store->word));
	add_value(out, run->mailbox.store->is_remote ? "server" : "mail root",
	    str_from(run->mailbox.root));
	add_folder(out, run);
	run->mailbox.store->explain(&run->delivery, out);
}

static void
add_limits(struct buf *out, const struct deliver_run *run)
{
	buf_add_string(out, "limits\n");
	for (size_t i = 0; i < run->limit_count; i++) {
		const struct message_limit *limit = &run->limits[i];

		if (limit->octets == MESSAGE_NO_LIMIT)
			buf_print(out, "    no limit: %s\n",
			    config_describe(
				&run->settings->config, limit->name));
		else
			buf_print(out, "    %" PRIu64 " octets: %s\n",
			    limit->octets, limit->name);
	}
	if (run->limit_count < COUNT(run->limits))
		buf_add_string(out, "    no limit: RLIMIT_FSIZE\n");
	buf_print(out, "    %" PRIu64 " s: delivery_timeout\n",
	    run->settings->deliver.delivery_timeout);
}

static void
add_sieve(struct buf *out, const struct deliver_run *run)
{
	buf_print(out, "sieve\n    %s\n",
	    run->has_sieve ?
		"the user has ~/.dovecot.sieve, but this version runs no "
		"Sieve script: mail goes to the folder above" :
		"the user has no ~/.dovecot.sieve");
}

static void
add_answer(struct buf *out, const struct status *why)
{
	char room[STATUS_REPLY_OCTETS];
	struct buf reply;

	buf_add_string(out, "answer to Postfix\n");
	if (why->id == STATUS_DELIVERED) {
		buf_add_string(out, "    nothing, exit status 0\n");
		return;
	}
	buf_init(&reply, room, sizeof(room));
	status_print_reply(why, &reply);
	buf_print(out, "    %s\n    exit status %d\n", reply.at,
	    status_exit_code(why));
	add_value(out, "cause", str_from(why->cause));
}

/* Whether the mailbox can be opened as a delivery does it, but without making
 * anything; where the folder is refused INBOX is looked at as well. */
static int
probe(struct deliver_run *run, struct buf *out)
{
	const struct store *store = run->mailbox.store;

	if (store->probe(&run->delivery, &run->why) < 0)
		return -1;
	if (!run->delivery.folder_refused)
		return 0;
	buf_add_string(out, "INBOX, where the mail goes instead\n");
	deliver_plan_inbox(run);
	store->explain(&run->delivery, out);
	return store->probe(&run->delivery, &run->why);
}

int
trace(struct deliver_run *run, struct buf *out)
{
	int rc = deliver_prepare(run);

	trace_settings(run, out);
	if (run->has_user) {
		add_user(out, run);
		add_catch_all(out, run);
	}
	if (rc == 0) {
		add_mailbox(out, run);
		rc = probe(run, out);
		add_limits(out, run);
		if (!run->mailbox.store->is_remote)
			add_sieve(out, run);
	}
	add_answer(out, &run->why);
	return rc;
}
