/*
 * lmtp_main.c - lda-lmtp: takes mail by LMTP on standard input and output.
 *
 * As a user: delivers with that user's rights.  As root: a monitor stays root,
 * the process that speaks with the client becomes lmtp_user.
 *
 * Source: lda-lmtp(8).
 */
#include "base/priv.h"
#include "base/sys.h"
#include "serve/lmtp_server.h"
#include "serve/monitor.h"
#include "server.h"

#include <unistd.h>

/* RFC 5321 section 3.8: a 421 at any time says that the server is leaving. */
static const char last_words[] =
    "421 4.3.0 internal error, please try again\r\n";

static struct server server = { .program = "lda-lmtp",
	.last_words = last_words };

/* Set-user-ID and set-group-ID are lda's; a server has no use for them. */
static int
refuse_set_id(struct status *why)
{
	struct priv_ids ids;

	if (priv_ids(&ids) < 0 || ids.uid != ids.effective_uid ||
	    ids.gid != ids.effective_gid)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "a server must not be installed set-user-ID or "
		    "set-group-ID: chmod ug-s it");
	return 0;
}

/* A 421, so that the client tries again and does not wait. */
static int
turn_away(const struct status *why)
{
	static const struct str words = { last_words, sizeof(last_words) - 1 };
	int exit_code = server_fail(&server, why);

	if (server.mode == SERVER_SERVE &&
	    sys_write(STDOUT_FILENO, words.at, words.length) < 0) {
		/* Nobody listens. */
	}
	return exit_code;
}

int
main(int argc, char *argv[])
{
	struct lmtp_server lmtp = { .in = STDIN_FILENO, .out = STDOUT_FILENO };
	struct status why;
	int exit_code;

	status_init(&why);
	if (!server_start(&server, argc, argv, &exit_code))
		return exit_code;
	lmtp.office = server_office(&server);
	lmtp.limited_life = server.under_postfix;
	lmtp.started_us = server.started_us;
	if (refuse_set_id(&why) < 0)
		return turn_away(&why);
	if (sys_uid() == 0 &&
	    monitor_begin(&server.settings, &server.log, &server.arena,
		&lmtp.office.monitor, &why) < 0)
		return turn_away(&why);
	lmtp_server_run(&lmtp);
	return 0;
}
