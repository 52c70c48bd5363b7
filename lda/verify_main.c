/*
 * verify_main.c - lda-verify: tells Postfix whether a recipient exists, by
 * the socketmap protocol.
 *
 * Source: lda-verify(8).
 */
#include "base/sys.h"
#include "deliver/confine.h"
#include "serve/verify_server.h"
#include "server.h"

#include <unistd.h>

#define ANSWER_OCTETS ((size_t)4096)

/* -t bob@example.com: what each map would answer. */
static int
try_address(struct server *server)
{
	static const char *const maps[] = { "rcpt", "quota" };
	struct job_office office = server_office(server);
	char room[ANSWER_OCTETS];
	struct buf out;

	buf_init(&out, room, sizeof(room));
	for (size_t i = 0; i < COUNT(maps); i++) {
		const char *request =
		    arena_print(office.arena, "%s %s", maps[i], server->trial);

		buf_print(&out, "%s: ", maps[i]);
		verify_server_answer(&office, str_from(request), &out);
		buf_add_octet(&out, '\n');
	}
	if (user_finds_everybody(&server->settings->user))
		buf_add_string(&out,
		    "note: userdb ends in \"static\", which finds everybody: "
		    "no recipient is ever refused\n");
	server_say(buf_str(&out));
	return 0;
}

static int
serve(struct server *server, const char *peer)
{
	struct verify_server verify = { .office = server_office(server),
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.limited_life = server->under_postfix,
		.started_us = server->started_us };

	(void)peer;
	confine_verifier(verify.office.settings, verify.office.arena);
	verify_server_run(&verify);
	return 0;
}

/* A client that gets an end without an answer asks once more, and then says
 * 451: nothing could be better. */
static struct server server = { .program = "lda-verify",
	.flags = "clontV",
	.last_words = "",
	.not_welcome = "",
	.serve = serve };

int
main(int argc, char *argv[])
{
	int exit_code;

	if (!server_start(&server, argc, argv, &exit_code))
		return exit_code;
	if (server.mode == SERVER_TRIAL)
		return try_address(&server);
	return server_run(&server);
}
