/*
 * server.c - the command line and the beginning of the two servers.
 *
 * Under spawn(8) and inetd descriptors 0, 1 and 2 are all the client's socket:
 * nothing but the protocol may be written there, so stderr goes nowhere.
 *
 * Source: postfix spawn(8), sd_listen_fds(3), sd_notify(3).
 */
#include "server.h"

#include "base/number.h"
#include "base/place.h"
#include "base/stop.h"
#include "base/sys.h"
#include "deliver/report.h"
#include "serve/listener.h"
#include "serve/master.h"
#include "serve/networks.h"
#include "serve/sasl.h"
#include "version.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define TEMPFAIL 75

/* systemd's first descriptor (SD_LISTEN_FDS_START). */
#define FIRST_HANDED_OVER 3

/* -n writes about a page; more is cut. */
#define PAGE_OCTETS ((size_t)64 * 1024)

static const char usage[] =
    " [-c config] [-o setting=value]    serve the connection on stdin\n"
    "       ... -l unix:PATH[,mode=MODE][,user=USER][,group=GROUP]\n"
    "       ... -l inet:HOST:PORT      listen, and serve\n"
    "       ... -n                     settings in force\n"
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

static void
tell_client(const char *words)
{
	if (words[0] != '\0' &&
	    sys_write(STDOUT_FILENO, words, strlen(words)) < 0) {
		/* Nobody listens. */
	}
}

int
server_turn_away(struct server *server, const struct status *why)
{
	int exit_code = server_fail(server, why);

	/* So that the client tries again and does not wait. */
	if (server->mode == SERVER_SERVE && server->listen_count == 0 &&
	    server->handed_over == 0)
		tell_client(server->last_words);
	return exit_code;
}

static int
refuse(struct server *server, const char *cause, const char *word,
    struct status *why)
{
	char room[1024];
	struct buf text;

	buf_init(&text, room, sizeof(room));
	buf_print(&text, "usage: %s%s", server->program, usage);
	server_say(buf_str(&text));
	return status_fail(why, STATUS_MISCONFIGURED, "%s%.100s", cause, word);
}

static const char with_argument[] = "clot";

/* One flag; argument is what stands behind it, NULL for none. */
static int
take_flag(
    struct server *server, char flag, const char *argument, struct status *why)
{
	const char word[] = { '-', flag, '\0' };

	if (strchr(server->flags, flag) == NULL)
		return refuse(server, "unknown flag ", word, why);
	if (strchr(with_argument, flag) != NULL && argument == NULL)
		return refuse(
		    server, "an argument is missing after ", word, why);
	switch (flag) {
	case 'c':
		server->chosen.config_file = argument;
		return 0;
	case 'l':
		server->listen_specs[server->listen_count++] = argument;
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
	default: /* 'V' */
		server->mode = SERVER_VERSION;
		return 0;
	}
}

static int
read_flags(struct server *server, int argc, char *argv[], struct status *why)
{
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		char flag = argv[i][0] == '-' ? argv[i][1] : '\0';
		bool takes =
		    flag != '\0' && strchr(with_argument, flag) != NULL;
		bool glued = flag != '\0' && argv[i][2] != '\0';

		if (flag == '\0' || (glued && !takes))
			return refuse(
			    server, "unexpected argument ", argv[i], why);
		if (take_flag(server, flag, glued ? argv[i] + 2 : next, why) <
		    0)
			return -1;
		if (takes && !glued)
			i++;
	}
	return 0;
}

/* The value of a variable; NULL: not set. */
static const char *
variable(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], name, length) == 0 &&
		    environ[i][length] == '=')
			return environ[i] + length + 1;
	return NULL;
}

/* How many descriptors systemd hands over. */
static int
count_handed_over(void)
{
	uint64_t pid, count;

	if (number_read(str_from(variable("LISTEN_PID")), INT32_MAX, &pid) &&
	    (pid_t)pid == sys_getpid() &&
	    number_read(
		str_from(variable("LISTEN_FDS")), LISTENERS_MOST, &count))
		return (int)count;
	return 0;
}

/* stderr may be the client's socket. */
static int
silence_stderr(void)
{
	int null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);

	if (null < 0 || sys_dup2(null, STDERR_FILENO) < 0)
		return -1;
	(void)sys_close(null);
	return 0;
}

/* In order, before an argument is looked at. */
static int
prepare(struct server *server)
{
	struct stop_words words = { .fd = STDOUT_FILENO,
		.words = server->last_words,
		.exit_code = TEMPFAIL };
	struct startup_outputs outputs;

	server->started_us = sys_ticks_us();
	server->handed_over = count_handed_over();
	if (startup_descriptors(&outputs, server->handed_over) < 0 ||
	    silence_stderr() < 0)
		return -1;
	stop_prepare_signals(words);
	startup_limits();
	arena_init(&server->arena, stop_now);
	arena_init(&server->scratch, stop_now);
	for (size_t i = 0; i < COUNT(server->settings_arenas); i++)
		arena_init(&server->settings_arenas[i], stop_now);
	log_init(&server->log, server->program, place_log_socket);
	server->under_postfix = variable("MAIL_CONFIG") != NULL;
	return 0;
}

/* What only serve/ understands. */
static int
check_settings(const struct settings *settings, struct status *why)
{
	const struct config *config = &settings->config;
	const char *name = "mynetworks";

	if (networks_check(&settings->lmtp.mynetworks, why) == 0) {
		name = "lmtp_sasl";
		if (settings->lmtp.lmtp_sasl[0] == '\0' ||
		    sasl_check(settings->lmtp.lmtp_sasl, why) == 0)
			return 0;
	}
	status_context(why, "%s", config_describe(config, name));
	return -1;
}

/* Into the one of the two that is not in force, which then is. */
static int
read_settings(struct server *server, struct status *why)
{
	size_t turn = server->settings == &server->both_settings[0] ? 1 : 0;
	struct settings *into = &server->both_settings[turn];

	if (startup_settings(into, &server->chosen, &server->log,
		&server->settings_arenas[turn], why) < 0 ||
	    check_settings(into, why) < 0)
		return -1;
	server->settings = into;
	return 0;
}

/* Flags and settings. */
static int
read_all(struct server *server, int argc, char *argv[], struct status *why)
{
	size_t most = (size_t)argc + 1;

	server->chosen.settings =
	    arena_take(&server->arena, most * sizeof(*server->chosen.settings));
	server->listen_specs =
	    arena_take(&server->arena, most * sizeof(*server->listen_specs));
	if (read_flags(server, argc, argv, why) < 0)
		return -1;
	if (server->mode == SERVER_VERSION)
		return 0;
	return read_settings(server, why);
}

static int
show_settings(struct server *server)
{
	struct buf out;

	buf_init(&out, arena_take(&server->arena, PAGE_OCTETS), PAGE_OCTETS);
	settings_print(server->settings, false, &out);
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
	struct status why;

	*exit_code = TEMPFAIL;
	status_init(&why);
	if (prepare(server) < 0)
		return false;
	if (read_all(server, argc, argv, &why) < 0)
		*exit_code = server_turn_away(server, &why);
	else if (server->mode == SERVER_VERSION)
		*exit_code = show_version(server);
	else if (server->mode == SERVER_SHOW_SETTINGS)
		*exit_code = show_settings(server);
	else
		return true;
	return false;
}

struct job_office
server_office(struct server *server)
{
	struct job_office office = { .settings = server->settings,
		.log = &server->log,
		.arena = &server->arena,
		.scratch = &server->scratch,
		.concurrency = server->concurrency,
		.monitor = -1 };

	return office;
}

/* Whether the client may speak to us; who can reach a UNIX socket may. */
static bool
may_connect(struct server *server, const char *peer)
{
	struct status why;

	if (peer[0] == '\0' ||
	    networks_contain(
		&server->settings->lmtp.mynetworks, str_from(peer)))
		return true;
	(void)status_fail(
	    &why, STATUS_REJECTED, "the client's address is not in mynetworks");
	report_refusal(&server->log, str_from(peer), str_of(NULL, 0), &why);
	return false;
}

static int
serve_connection(struct server *server)
{
	char peer[64];

	stop_when_asked();
	sys_peer(STDIN_FILENO, peer, sizeof(peer));
	if (may_connect(server, peer))
		return server->serve(server, peer);
	tell_client(server->not_welcome);
	return 0;
}

static void
serve_for_master(void *context)
{
	struct server *server = context;

	server->started_us = sys_ticks_us();
	_exit(serve_connection(server));
}

/* HUP: the new settings where they can be read, else the old ones. */
static void
reload(void *context)
{
	const struct arena_mark nothing = { .newest = NULL };
	struct server *server = context;
	size_t turn = server->settings == &server->both_settings[0] ? 1 : 0;
	struct status why;

	status_init(&why);
	arena_rewind(&server->settings_arenas[turn], &nothing);
	if (read_settings(server, &why) == 0)
		return;
	status_context(&why, "reload: the old settings stay in force");
	/* Reading the new ones has changed it. */
	server->log.socket_path = server->settings->deliver.syslog_socket;
	report_early(&server->log, &why);
}

/* One connection that systemd has accepted for us. */
static int
serve_handed_over(struct server *server)
{
	if (sys_dup2(FIRST_HANDED_OVER, STDIN_FILENO) < 0 ||
	    sys_dup2(FIRST_HANDED_OVER, STDOUT_FILENO) < 0)
		return TEMPFAIL;
	(void)sys_close(FIRST_HANDED_OVER);
	server->handed_over = 0;
	return serve_connection(server);
}

static int
open_listeners(struct server *server, struct listeners *all, struct status *why)
{
	for (int i = 0; i < server->handed_over; i++)
		if (listeners_adopt(all, FIRST_HANDED_OVER + i, why) < 0)
			return -1;
	for (size_t i = 0; i < server->listen_count; i++)
		if (listeners_add(all, server->listen_specs[i],
			&server->settings->user, &server->arena, why) < 0)
			return -1;
	return 0;
}

static int
listen_and_serve(struct server *server)
{
	struct listeners listeners = { .count = 0 };
	struct master master = { .listeners = &listeners,
		.log = &server->log,
		.processes_most =
		    (unsigned)server->settings->lmtp.default_process_limit,
		.notify = variable("NOTIFY_SOCKET"),
		.arena = &server->arena,
		.serve = serve_for_master,
		.reload = reload,
		.context = server };
	struct status why;

	status_init(&why);
	if (open_listeners(server, &listeners, &why) < 0) {
		listeners_remove(&listeners);
		return server_fail(server, &why);
	}
	server->concurrency = concurrency_make();
	server->under_postfix = false; /* nobody ends us after a time */
	master_run(&master);
	return 0;
}

int
server_run(struct server *server)
{
	if (server->handed_over == 1 && !sys_is_listening(FIRST_HANDED_OVER))
		return serve_handed_over(server);
	if (server->handed_over > 0 || server->listen_count > 0)
		return listen_and_serve(server);
	return serve_connection(server);
}
