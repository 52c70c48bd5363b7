/*
 * server.c - the command line and the beginning of the two servers.
 *
 * Under spawn(8) and inetd descriptors 0, 1 and 2 are all the client's socket:
 * nothing but the protocol may be written there, so stderr goes nowhere.
 */
#include "server.h"

#include "base/place.h"
#include "base/stop.h"
#include "base/sys.h"
#include "deliver/report.h"
#include "version.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define TEMPFAIL 75

/* -n and -t write about a page; more is cut. */
#define PAGE_OCTETS ((size_t)64 * 1024)

static const char usage[] =
    " [-c config] [-o setting=value]    serve the connection on stdin\n"
    "       ... -n                     settings in force\n"
    "       ... -t address             what would be answered\n"
    "       ... -V                     version\n";

void
server_say(struct str text)
{
	struct stat facts;

	if (sys_fstat(STDOUT_FILENO, &facts) == 0 && S_ISSOCK(facts.st_mode))
		return;
	if (sys_write(STDOUT_FILENO, text.at, text.length) < 0) {
		/* Nobody reads it. */
	}
}

int
server_fail(struct server *server, const struct status *why)
{
	char room[STATUS_CAUSE_OCTETS + 64];
	struct buf text;

	report_early(&server->log, why);
	buf_init(&text, room, sizeof(room));
	buf_print(&text, "%s: %s\n", server->program, why->cause);
	server_say(buf_str(&text));
	return status_row(why->id)->exit_code;
}

static int
refuse(struct server *server, const char *cause, const char *word,
    struct status *why)
{
	char room[512];
	struct buf text;

	buf_init(&text, room, sizeof(room));
	buf_print(&text, "usage: %s%s", server->program, usage);
	server_say(buf_str(&text));
	return status_fail(why, STATUS_MISCONFIGURED, "%s%.100s", cause, word);
}

/* One flag; *argument is what stands behind it, NULL for none. */
static int
take_flag(
    struct server *server, char flag, const char *argument, struct status *why)
{
	const char word[] = { '-', flag, '\0' };

	if (strchr("cot", flag) != NULL && argument == NULL)
		return refuse(
		    server, "an argument is missing after ", word, why);
	switch (flag) {
	case 'c':
		server->chosen.config_file = argument;
		return 0;
	case 'o':
		return startup_take_setting(&server->chosen, argument) ?
		    0 :
		    refuse(
			server, "-o needs setting=value, not ", argument, why);
	case 't':
		server->mode = SERVER_TRIAL;
		server->trial = argument;
		return 0;
	case 'n':
		server->mode = SERVER_SHOW_SETTINGS;
		return 0;
	case 'V':
		server->mode = SERVER_VERSION;
		return 0;
	default:
		return refuse(server, "unknown flag ", word, why);
	}
}

static int
read_flags(struct server *server, int argc, char *argv[], struct status *why)
{
	for (int i = 1; i < argc; i++) {
		const char *argument = i + 1 < argc ? argv[i + 1] : NULL;
		char flag = argv[i][0] == '-' ? argv[i][1] : '\0';
		bool glued = flag != '\0' && argv[i][2] != '\0';

		if (flag == '\0')
			return refuse(
			    server, "unexpected argument ", argv[i], why);
		if (glued && strchr("cot", flag) == NULL)
			return refuse(server, "unknown flag ", argv[i], why);
		if (glued)
			argument = argv[i] + 2;
		if (take_flag(server, flag, argument, why) < 0)
			return -1;
		if (strchr("cot", flag) != NULL && !glued)
			i++;
	}
	return 0;
}

static bool
is_under_postfix(void)
{
	for (size_t i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], "MAIL_CONFIG=", 12) == 0)
			return true;
	return false;
}

/* stderr may be the client's socket. */
static int
silence_stderr(void)
{
	int null = sys_openat(AT_FDCWD, "/dev/null", O_WRONLY, 0);

	if (null < 0 || sys_dup2(null, STDERR_FILENO) < 0)
		return -1;
	(void)sys_close(null);
	return 0;
}

static int
show_settings(struct server *server)
{
	struct buf out;

	buf_init(&out, arena_take(&server->arena, PAGE_OCTETS), PAGE_OCTETS);
	settings_print(&server->settings, false, &out);
	server_say(buf_str(&out));
	return 0;
}

static int
show_version(struct server *server)
{
	char room[64];
	struct buf text;

	buf_init(&text, room, sizeof(room));
	buf_print(&text, "%s " VERSION "\n", server->program);
	server_say(buf_str(&text));
	return 0;
}

bool
server_start(struct server *server, int argc, char *argv[], int *exit_code)
{
	struct stop_words words = { .fd = STDOUT_FILENO,
		.words = server->last_words,
		.exit_code = TEMPFAIL };
	struct startup_outputs outputs;
	struct status why;

	*exit_code = TEMPFAIL;
	server->started_us = sys_ticks_us();
	if (startup_descriptors(&outputs) < 0 || silence_stderr() < 0)
		return false;
	stop_prepare_signals(words);
	startup_limits();
	arena_init(&server->arena, stop_now);
	arena_init(&server->scratch, stop_now);
	log_init(&server->log, server->program, place_log_socket);
	status_init(&why);
	server->under_postfix = is_under_postfix();
	server->chosen.settings = arena_take(&server->arena,
	    ((size_t)argc + 1) * sizeof(*server->chosen.settings));
	if (read_flags(server, argc, argv, &why) < 0) {
		*exit_code = server_fail(server, &why);
		return false;
	}
	if (server->mode == SERVER_VERSION) {
		*exit_code = show_version(server);
		return false;
	}
	if (startup_settings(&server->settings, &server->chosen, &server->log,
		&server->arena, &why) < 0) {
		*exit_code = server_fail(server, &why);
		return false;
	}
	if (server->mode == SERVER_SHOW_SETTINGS) {
		*exit_code = show_settings(server);
		return false;
	}
	return true;
}

struct job_office
server_office(struct server *server)
{
	struct job_office office = { .settings = &server->settings,
		.log = &server->log,
		.arena = &server->arena,
		.scratch = &server->scratch,
		.monitor = -1 };

	return office;
}
