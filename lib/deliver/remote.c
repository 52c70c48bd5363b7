/*
 * remote.c - mail for a server that has users of its own.
 *
 * Source: postfix local(8) (RECIPIENT), pipe(8) (-d ${recipient}); Cyrus and
 * Dovecot LMTP (user+folder@domain).
 */
#include "deliver/remote.h"

#include "base/sys.h"
#include "deliver/resolve.h"
#include "mail/address.h"

bool
remote_is_meant(const struct deliver_run *run)
{
	return store_is_remote(&run->settings->store, run->arena);
}

/* What local(8) has mangled stands whole at the top of the message. */
static struct str
environment_recipient(const struct deliver_run *run)
{
	struct str told =
	    address_bare(run->request->envelope.recipient_environment.text);
	struct str witness = address_bare(run->message.facts.delivered_to);

	return envelope_is_mangled(told, witness) ? witness : told;
}

/* The address of the first who tells one; empty where nobody does. */
static struct str
find_address(const struct deliver_run *run, bool *is_guess)
{
	const struct deliver_request *request = run->request;
	struct str told[] = { address_bare(request->user.text),
		environment_recipient(run),
		address_bare(request->envelope.final_flag.text),
		address_bare(request->envelope.original_flag.text) };

	for (size_t i = 0; i < COUNT(told); i++) {
		*is_guess = i >= 2; /* -r and -a may be somebody before him */
		if (told[i].length > 0)
			return address_unquoted(told[i], run->arena);
	}
	*is_guess = false;
	return str_of(NULL, 0);
}

static int
fail_of_recipient(const struct deliver_run *run, struct status *why)
{
	bool is_empty = run->request->user.given;

	(void)status_fail(why, STATUS_MISCONFIGURED,
	    is_empty ? "-d is empty: its macro in master.cf or main.cf expands "
		       "to nothing (use ${recipient})" :
		       "-d is missing: mail_location = lmtp: asks nobody who "
		       "the user is, and neither RECIPIENT in the environment, "
		       "-r nor -a names the recipient");
	status_reply(why, "local configuration error: %s",
	    is_empty ? "-d is empty" : "-d is missing");
	return -1;
}

/* Root reads no mail; and nobody but mail_uid is there to become. */
static int
find_rights(struct deliver_run *run)
{
	const struct user_options *options = &run->settings->user;
	struct user *user = &run->user;
	struct status *why = &run->why;

	if (sys_uid() != 0)
		return 0;
	if (options->mail_uid[0] == '\0')
		return status_fail(why, STATUS_MISCONFIGURED,
		    "lda was started as root, and mail_location = lmtp: names "
		    "no user to become: set mail_uid (and mail_gid)");
	if (user_read_uid(str_from(options->mail_uid), options, run->arena,
		&user->uid, why) < 0)
		goto misconfigured;
	user->has_uid = true;
	if (options->mail_gid[0] == '\0')
		return 0;
	if (user_read_gid(str_from(options->mail_gid), options, run->arena,
		&user->gid, why) < 0)
		goto misconfigured;
	user->has_gid = true;
	return 0;
misconfigured:
	status_context(why, "mail_uid, mail_gid");
	status_become(why, STATUS_MISCONFIGURED);
	return -1;
}

int
remote_resolve(struct deliver_run *run)
{
	struct user *user = &run->user;
	bool is_guess;
	struct str address = find_address(run, &is_guess);

	if (address.length == 0 ||
	    (run->request->user.given && run->request->user.text.length == 0))
		return fail_of_recipient(run, &run->why);
	user->name = address_without_detail(address,
	    str_from(run->settings->user.recipient_delimiter), run->arena);
	user->source = "nobody: the server is to know him";
	if (find_rights(run) < 0)
		return -1;
	return resolve_privileges(
	    run->settings, user, &run->keeper, run->arena, &run->why);
}

void
remote_plan(struct deliver_run *run)
{
	struct delivery *delivery = &run->delivery;
	struct str delimiters =
	    str_from(run->settings->user.recipient_delimiter);
	struct str address = find_address(run, &delivery->recipient_is_guess);

	/* A user's own mail_location: he was found by another name. */
	if (address.length == 0)
		address = run->user.name;
	delivery->sender = address_unquoted(run->envelope.sender, run->arena);
	delivery->recipient = address;
	delivery->fallback = str_of(NULL, 0);
	if (run->folder_wanted.length == 0)
		return;
	delivery->recipient =
	    address_without_detail(address, delimiters, run->arena);
	if (folder_is_inbox(&run->folder))
		return;
	if (delimiters.length == 0) {
		run->folder_trouble =
		    "recipient_delimiter is empty, so no folder can be told";
		return;
	}
	delivery->fallback = delivery->recipient;
	delivery->recipient = address_with_detail(
	    address, delimiters, run->folder.text, run->arena);
}
