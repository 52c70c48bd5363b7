/*
 * lmtp_main.c - lda-lmtp: takes mail by LMTP.
 *
 * As a user: delivers with that user's rights.  As root: for each connection
 * a monitor stays root, and the process that speaks with the client becomes
 * lmtp_user.
 *
 * Source: lda-lmtp(8).
 */
#include "base/priv.h"
#include "base/sys.h"
#include "deliver/confine.h"
#include "serve/lmtp_server.h"
#include "serve/monitor.h"
#include "server.h"

#include <string.h>
#include <unistd.h>

/* Set-user-ID and set-group-ID are lda's; a server has no use for them. */
static int
refuse_set_id(struct status *why)
{
	struct priv_ids ids;

	if (priv_ids(&ids) == 0 && ids.uid == ids.effective_uid &&
	    ids.gid == ids.effective_gid)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "a server must not be installed set-user-ID or set-group-ID: "
	    "chmod ug-s it");
}

/* It would be handed round and round; a user's own mail_location is judged
 * when he gets mail. */
static int
refuse_loop(struct server *server, struct status *why)
{
	if (!store_is_remote(&server->settings->store, &server->arena))
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%s: what comes by LMTP is not handed on by LMTP",
	    config_describe(&server->settings->config, "mail_location"));
}

static int
serve(struct server *server, const char *peer)
{
	struct lmtp_server lmtp = { .office = server_office(server),
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.peer = peer,
		.limited_life = server->under_postfix,
		.started_us = server->started_us };
	struct status why;

	status_init(&why);
	if (lmtp.office.concurrency == NULL)
		lmtp.office.concurrency = concurrency_make();
	if (sys_uid() == 0) {
		if (monitor_begin(&lmtp.office, &why) < 0)
			return server_turn_away(server, &why);
		confine_speaker(lmtp.office.settings);
	}
	lmtp_server_run(&lmtp);
	return 0;
}

/* RFC 5321 section 3.8: a 421 at any time says that the server is leaving. */
static struct server server = { .program = "lda-lmtp",
	.flags = "clonV",
	.last_words = "421 4.3.0 internal error, please try again\r\n",
	.not_welcome = "421 4.7.1 your address may not connect here\r\n",
	.serve = serve };

int
main(int argc, char *argv[])
{
	struct status why;
	int exit_code;

	status_init(&why);
	if (!server_start(&server, argc, argv, &exit_code))
		return exit_code;
	if (refuse_set_id(&why) < 0 || refuse_loop(&server, &why) < 0)
		return server_turn_away(&server, &why);
	return server_run(&server);
}
