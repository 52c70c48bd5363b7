/*
 * host.c - a command run as Postfix runs it, and what Postfix makes of it.
 */
#define _GNU_SOURCE /* setgroups(2), FIONREAD */
#include "host.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Descriptors that libcheck and the tests may have open. */
#define DESCRIPTORS 256

#define SHELL "/bin/sh"
#define EXIT_TEMPFAIL 75

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
ms_left(const struct host_run *run)
{
	int64_t left = run->started_ms + run->command->patience_ms - now_ms();

	return left > 0 ? (int)left : 0;
}

static void
nap(void)
{
	const struct timespec moment = { 0, 500000 };

	(void)nanosleep(&moment, NULL);
}

static void
drain_log(const struct host_run *run)
{
	if (run->command->log != NULL)
		log_sink_drain(run->command->log);
}

void
host_command_init(struct host_command *command)
{
	memset(command, 0, sizeof(*command));
	command->agent = HOST_PIPE;
	command->uid = getuid();
	command->gid = getgid();
	command->directory = "/";
	command->descriptor = -1;
	command->patience_ms = 10000;
}

/* The environment. */

struct environment {
	char *variables[HOST_VARIABLES * 2];
	size_t count;
	char room[16384];
	size_t used;
};

static void
set_variable(struct environment *env, const char *name, const char *value)
{
	int length = snprintf(env->room + env->used,
	    sizeof(env->room) - env->used, "%s=%s", name, value);

	if (length < 0 || (size_t)length >= sizeof(env->room) - env->used)
		_exit(EXIT_TEMPFAIL);
	env->variables[env->count++] = env->room + env->used;
	env->used += (size_t)length + 1;
}

void
host_filter(const char *text, char *room, size_t size)
{
	static const char harmless[] =
	    "1234567890!@%-_=+:,./"
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t i;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++)
		room[i] = strchr(harmless, text[i]) != NULL ? text[i] : '_';
	room[i] = '\0';
}

static void
set_filtered(struct environment *env, const char *name, const char *value)
{
	char room[2048];

	if (value == NULL)
		return;
	host_filter(value, room, sizeof(room));
	set_variable(env, name, room);
}

static void
set_recipient(struct environment *env, const struct host_recipient *recipient)
{
	char address[1024];
	bool detail = recipient->extension != NULL &&
	    strchr(recipient->extension, '/') == NULL;

	(void)snprintf(address, sizeof(address), "%s%s%s@%s", recipient->user,
	    detail ? "+" : "", detail ? recipient->extension : "",
	    recipient->domain != NULL ? recipient->domain : "localhost");
	set_filtered(env, "HOME", recipient->home);
	set_filtered(env, "SHELL", "/bin/sh");
	set_filtered(env, "LOGNAME", recipient->user);
	set_filtered(env, "USER", recipient->user);
	set_filtered(env, "RECIPIENT", address);
	set_filtered(env, "ORIGINAL_RECIPIENT", recipient->original);
	set_filtered(env, "SENDER", recipient->sender);
	set_filtered(env, "DOMAIN",
	    recipient->domain != NULL ? recipient->domain : "localhost");
	if (detail)
		set_filtered(env, "EXTENSION", recipient->extension);
	*strchr(address, '@') = '\0';
	set_filtered(env, "LOCAL", address);
}

/* What a sanitizer is told must reach the program that it is built into. */
static void
pass_on(struct environment *env, const char *name)
{
	if (getenv(name) != NULL)
		set_variable(env, name, getenv(name));
}

static char **
make_environment(const struct host_command *command, struct environment *env)
{
	env->count = env->used = 0;
	set_variable(env, "PATH", "/usr/bin:/bin");
	set_variable(env, "LANG", "C");
	set_variable(env, "TZ", "UTC");
	if (command->agent != HOST_PERSON)
		set_variable(env, "MAIL_CONFIG", "/etc/postfix");
	if (command->agent == HOST_LOCAL)
		set_recipient(env, &command->recipient);
	pass_on(env, "ASAN_OPTIONS");
	pass_on(env, "UBSAN_OPTIONS");
	for (size_t i = 0; command->variables[i] != NULL; i++)
		env->variables[env->count++] =
		    (char *)(uintptr_t)command->variables[i];
	env->variables[env->count] = NULL;
	return env->variables;
}

/* The child, in the order of master(8), pipe(8) and pipe_command(). */

static void
drop_rights(const struct host_command *command)
{
	if (getuid() != 0)
		return;
	if (setgroups(1, &command->gid) < 0 || setgid(command->gid) < 0 ||
	    setuid(command->uid) < 0)
		_exit(EXIT_TEMPFAIL);
}

static void
set_limits(const struct host_command *command)
{
	for (size_t i = 0; i < command->limit_count; i++) {
		const struct rlimit limit = { command->limits[i].most,
			command->limits[i].most };

		(void)setrlimit((unsigned)command->limits[i].resource, &limit);
	}
}

static void
execute(const struct host_command *command, char **environment)
{
	char shell[] = SHELL, dash_c[] = "-c", *line[4] = { shell, dash_c };
	char **argv = (char **)(uintptr_t)command->argv;

	if (command->shell_line != NULL) {
		line[2] = (char *)(uintptr_t)command->shell_line;
		argv = line;
	}
	/* A test may give an empty argv with the program as its first
	 * "argument" behind the end: argc 0. */
	(void)execve(argv[0] != NULL ? argv[0] : argv[1], argv, environment);
	/* Postfix's own child would say so and be deferred. */
	(void)dprintf(STDOUT_FILENO,
	    "pipe: fatal: pipe_command: execvp %s: %s\n",
	    argv[0] != NULL ? argv[0] : argv[1], strerror(errno));
	_exit(EXIT_TEMPFAIL);
}

static _Noreturn void
be_the_command(const struct host_command *command, int input, int output)
{
	static struct environment room;
	char **environment = make_environment(command, &room);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(077);
	(void)setsid();
	if (chdir(command->directory) < 0)
		_exit(EXIT_TEMPFAIL);
	if (input < 3)
		input = fcntl(input, F_DUPFD, 3);
	if (output < 3)
		output = fcntl(output, F_DUPFD, 3);
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(EXIT_TEMPFAIL);
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		(void)close(fd);
	drop_rights(command);
	for (int fd = 0; fd < 3; fd++)
		if (command->closed & (1U << fd))
			(void)close(fd);
	if (command->before_exec != NULL)
		command->before_exec(command->context);
	set_limits(command);
	execute(command, environment);
	_exit(EXIT_TEMPFAIL);
}

static void
make_pipe(int ends[2])
{
	ck_assert_int_eq(pipe(ends), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fcntl(ends[i], F_SETFD, FD_CLOEXEC), 0);
}

static void
make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

void
host_start(const struct host_command *command, struct host_run *run)
{
	int input[2], output[2];

	memset(run, 0, sizeof(*run));
	run->command = command;
	run->started_ms = now_ms();
	make_pipe(input);
	make_pipe(output);
	make_nonblocking(output[1]);
	/* Only ours: the reading end is another file description. */
	make_nonblocking(input[1]);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fflush(NULL);
	run->pid = fork();
	ck_assert_int_ge(run->pid, 0);
	if (run->pid == 0)
		be_the_command(command,
		    command->input_kind == HOST_DESCRIPTOR ?
			command->descriptor :
			input[0],
		    output[1]);
	(void)close(input[0]);
	(void)close(output[1]);
	run->feed_fd = input[1];
	run->output_fd = output[0];
}

pid_t
host_spawn(const struct host_command *command, int socket)
{
	pid_t pid;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		be_the_command(command, socket, socket);
	return pid;
}

void
host_feed(struct host_run *run, const char *octets, size_t length)
{
	while (length > 0 && run->feed_error == 0 && !run->timed_out) {
		struct pollfd wanted = { .fd = run->feed_fd,
			.events = POLLOUT };
		ssize_t put = write(run->feed_fd, octets, length);

		if (put > 0) {
			octets += put;
			length -= (size_t)put;
		} else if (errno != EAGAIN) {
			run->feed_error = errno;
		} else if (poll(&wanted, 1, ms_left(run)) == 0) {
			run->timed_out = true;
		}
		drain_log(run);
	}
}

/* Whether the command has ended, which is not waited for yet. */
static bool
has_ended(const struct host_run *run)
{
	siginfo_t facts;

	facts.si_pid = 0;
	return waitid(P_PID, (id_t)run->pid, &facts,
		   WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    facts.si_pid == run->pid;
}

void
host_wait_until_read(struct host_run *run)
{
	int unread = 1;

	while (!has_ended(run) && ms_left(run) > 0) {
		drain_log(run);
		if (ioctl(run->feed_fd, FIONREAD, &unread) < 0 || unread == 0)
			return;
		nap();
	}
}

/* Up to the limit, or the end of what the command and all that it has left
 * behind could still write. */
static void
read_output(struct host_run *run, struct host_outcome *got)
{
	while (!run->timed_out && got->output_length < HOST_OUTPUT) {
		struct pollfd wanted = { .fd = run->output_fd,
			.events = POLLIN };
		ssize_t octets;
		/* Wakes up often enough to take the log away. */
		int left = ms_left(run), wait = left < 50 ? left : 50;

		drain_log(run);
		if (poll(&wanted, 1, wait) == 0) {
			run->timed_out = left == 0;
			continue;
		}
		octets = read(run->output_fd, got->output + got->output_length,
		    HOST_OUTPUT - got->output_length);
		if (octets <= 0)
			break;
		got->output_length += (size_t)octets;
	}
	got->output[got->output_length] = '\0';
}

void
host_finish(struct host_run *run, struct host_outcome *got)
{
	memset(got, 0, sizeof(*got));
	if (run->command->input_kind != HOST_HELD_OPEN) {
		(void)close(run->feed_fd);
		run->feed_fd = -1;
	}
	read_output(run, got);
	(void)close(run->output_fd);
	while (!has_ended(run) && ms_left(run) > 0) {
		drain_log(run);
		nap();
	}
	if (!has_ended(run))
		run->timed_out = true;
	/* Before it is reaped, so that the number is still ours. */
	(void)kill(-run->pid, SIGKILL);
	ck_assert_int_eq(waitpid(run->pid, &got->wait_status, 0), run->pid);
	if (run->feed_fd >= 0)
		(void)close(run->feed_fd);
	drain_log(run);
	got->timed_out = run->timed_out;
	got->feed_error = run->feed_error;
	got->elapsed_ms = now_ms() - run->started_ms;
	host_judge(got);
}

void
host_run(const struct host_command *command, struct host_outcome *got)
{
	struct host_run run;
	size_t first = command->meanwhile != NULL ? command->pause_after :
						    command->input_length;

	host_start(command, &run);
	host_feed(&run, command->input, first);
	if (command->meanwhile != NULL) {
		host_wait_until_read(&run);
		command->meanwhile(run.pid, command->context);
		host_feed(&run, command->input + first,
		    command->input_length - first);
	}
	host_finish(&run, got);
}

/* What Postfix makes of it. */

/* sys_exits.c: only these are known by name, and only two are temporary. */
static const struct {
	int status;
	const char *dsn;
} sys_exits[] = {
	{ 64, "5.3.0" },
	{ 65, "5.6.0" },
	{ 66, "5.3.0" },
	{ 67, "5.1.1" },
	{ 68, "5.1.2" },
	{ 69, "5.3.0" },
	{ 70, "5.3.0" },
	{ 71, "4.3.0" },
	{ 72, "5.3.0" },
	{ 73, "5.2.0" },
	{ 74, "5.3.0" },
	{ 75, "4.3.0" },
	{ 76, "5.5.0" },
	{ 77, "5.7.0" },
	{ 78, "5.3.5" },
};

static size_t
count_digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* dsn_valid(): the length of the code that text begins with, or 0. */
static size_t
dsn_length(const char *text)
{
	size_t subject, detail;

	if (strchr("245", text[0]) == NULL || text[0] == '\0' || text[1] != '.')
		return 0;
	subject = count_digits(text + 2);
	if (subject < 1 || subject > 3 || text[2 + subject] != '.')
		return 0;
	detail = count_digits(text + 3 + subject);
	if (detail < 1 || detail > 3)
		return 0;
	if (strchr(" \t\r\n\v\f", text[3 + subject + detail]) == NULL)
		return 0; /* '\0', the end, is "in" the set */
	return 3 + subject + detail;
}

static void
decide(struct host_outcome *got, enum host_action action, const char *dsn,
    size_t length)
{
	got->action = action;
	(void)snprintf(got->dsn, sizeof(got->dsn), "%.*s", (int)length, dsn);
}

static void
judge_status(struct host_outcome *got, int status)
{
	size_t length = dsn_length(got->output);

	if (length > 0) {
		if (got->output[0] == '2')
			decide(got, HOST_BOUNCED, "5.0.0", 5);
		else
			decide(got,
			    got->output[0] == '4' ? HOST_DEFERRED :
						    HOST_BOUNCED,
			    got->output, length);
		return;
	}
	for (size_t i = 0; i < COUNT(sys_exits); i++)
		if (sys_exits[i].status == status) {
			decide(got,
			    sys_exits[i].dsn[0] == '4' ? HOST_DEFERRED :
							 HOST_BOUNCED,
			    sys_exits[i].dsn, 5);
			return;
		}
	decide(got, HOST_BOUNCED, "5.3.0", 5);
}

void
host_judge(struct host_outcome *got)
{
	if (got->timed_out)
		decide(got, HOST_BOUNCED, "5.3.0", 5);
	else if (!WIFEXITED(got->wait_status))
		decide(got, HOST_DEFERRED, "4.3.0", 5);
	else if (WEXITSTATUS(got->wait_status) != 0)
		judge_status(got, WEXITSTATUS(got->wait_status));
	else if (got->feed_error != 0 && got->feed_error != EPIPE)
		decide(got, HOST_BOUNCED, "5.3.0", 5);
	else
		decide(got, HOST_SENT, "2.0.0", 5);
}

const char *
host_action_name(enum host_action action)
{
	switch (action) {
	case HOST_SENT:
		return "sent";
	case HOST_DEFERRED:
		return "deferred";
	default:
		return "bounced";
	}
}

int
host_exit_status(const struct host_outcome *got)
{
	return !got->timed_out && WIFEXITED(got->wait_status) ?
	    WEXITSTATUS(got->wait_status) :
	    -1;
}
