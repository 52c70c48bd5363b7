/*
 * lmtp_stage.c - a small world for one LMTP session, and the session in it.
 *
 * Source: postfix spawn_command.c (reference postfix 4.5); RFC 2033.
 */
#define _GNU_SOURCE /* setgroups(2), memmem(3) */
#include "lmtp_stage.h"

#include "support/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 4000
#define CALL_LIMIT 50000
#define RANDOM_OCTET 0x5a
#define EARLY_OCTETS 1000
#define PATH 512

/* What tells one message from another and from half of itself. */
#define FIRST_LINE "Subject: sweep\r\n\r\nfirst line\r\n"
#define LAST_LINE "last line\r\n"

#define SMALL 2000
#define LARGE ((size_t)200 * 1024)

const struct lmtp_scenario lmtp_scenarios[] = {
	{ "three", SMALL, false, true, { 0 }, { NULL }, false, false },
	/* In a file beside the mailboxes that all three give a name. */
	{ "shared", LARGE, true, false, { 0 },
	    { "lmtp_hdr_delivery_address=none", NULL }, false, false },
	/* The same where there are no files without a name: copies. */
	{ "unshared", LARGE, false, false,
	    { ACT_FAIL_EVERY, CALL_UNNAMED_FILE, 0, 0, EOPNOTSUPP },
	    { "lmtp_hdr_delivery_address=none", NULL }, false, false },
	/* Or where none can be given. */
	{ "unlinked", LARGE, false, false,
	    { ACT_FAIL_EVERY, CALL_LINK_OPEN, 0, 0, EXDEV },
	    { "lmtp_hdr_delivery_address=none", NULL }, false, false },
	/* Many uids: who speaks has no rights. */
	{ "monitor", SMALL, false, true, { 0 }, { "lmtp_user=speaker", NULL },
	    true, false },
	/* By workers of which the first has delivered another message. */
	{ "second", SMALL, false, false, { 0 }, { NULL }, false, true },
};

const size_t lmtp_scenario_count =
    sizeof(lmtp_scenarios) / sizeof(lmtp_scenarios[0]);

bool
lmtp_can_play(const struct lmtp_scenario *scenario)
{
	/* There are files without a name on Linux alone. */
	if (MACHINE_IS_PORTABLE && scenario->shared)
		return false;
	return !scenario->as_root || getuid() == 0;
}

/* Root's first child speaks, then there is one for each RCPT. */
unsigned
lmtp_first_worker(const struct lmtp_scenario *scenario)
{
	if (scenario->as_root)
		return 2 + LMTP_BOXES + (scenario->has_unknown ? 1 : 0);
	for (size_t i = 0; scenario->settings[i] != NULL; i++)
		if (strstr(scenario->settings[i], "=none") != NULL)
			return 2;
	return 1;
}

static void
give_up(const char *what)
{
	(void)fprintf(
	    stderr, "LMTP sweep: cannot %s: %s\n", what, strerror(errno));
	_exit(1);
}

static const char *
path_of(const struct lmtp_stage *stage, const char *name)
{
	static char path[PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", stage->root, name);
	return path;
}

static const char *
box_path(const struct lmtp_stage *stage, int box, const char *part)
{
	static char path[PATH];

	(void)snprintf(
	    path, sizeof(path), "%s/mail/bob%d%s", stage->root, box, part);
	return path;
}

const char *
lmtp_stage_new(const struct lmtp_stage *stage, int box)
{
	return box_path(stage, box, "/Maildir/new");
}

static void
make_directory(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		give_up("make a directory");
	if (getuid() == 0 && chown(path, machine_uid(), machine_gid()) < 0)
		give_up("give a directory away");
}

static void
empty_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		(void)closedir(dir);
}

static void
write_users(const struct lmtp_stage *stage)
{
	FILE *file = fopen(path_of(stage, "users"), "w");
	char ids[64];

	if (file == NULL)
		give_up("write users");
	(void)snprintf(ids, sizeof(ids), "%ju:%ju", (uintmax_t)machine_uid(),
	    (uintmax_t)machine_gid());
	for (int box = 0; box < LMTP_BOXES; box++)
		(void)fprintf(file, "bob%d@x.test::%s::%s::\n", box,
		    stage->scenario->as_root ? ids : ":",
		    box_path(stage, box, ""));
	(void)fprintf(
	    file, "early@x.test:::::%s::\n", path_of(stage, "mail/early"));
	if (fclose(file) != 0 || chmod(path_of(stage, "users"), 0644) < 0)
		give_up("write users");
}

static void
bind_log(struct lmtp_stage *stage)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int size = 4 * 1024 * 1024;

	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/log", stage->root);
	stage->log_fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stage->log_fd < 0 ||
	    bind(stage->log_fd, (const struct sockaddr *)&address,
		sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0666) < 0)
		give_up("bind the log");
	(void)setsockopt(
	    stage->log_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void
map_plan(struct lmtp_stage *stage)
{
	int fd =
	    open(path_of(stage, "plan"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || fchmod(fd, 0666) < 0 ||
	    ftruncate(fd, sizeof(*stage->plan)) < 0)
		give_up("make the plan");
	stage->plan = mmap(NULL, sizeof(*stage->plan), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (stage->plan == MAP_FAILED)
		give_up("map the plan");
	(void)close(fd);
}

void
lmtp_stages_begin(void)
{
	machine_begin();
	machine_write(
	    "etc/passwd", "speaker:x:60009:60009::/:/bin/false\n", 0644);
}

void
lmtp_stages_end(void)
{
	machine_remove("etc/passwd");
	machine_end();
}

void
lmtp_stage_set_up(
    struct lmtp_stage *stage, const struct lmtp_scenario *scenario)
{
	memset(stage, 0, sizeof(*stage));
	stage->scenario = scenario;
	stage->program = LMTP_PROGRAM_FAULT;
	(void)snprintf(stage->root, sizeof(stage->root), "/tmp/lmtp.XXXXXX");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0)
		give_up("become a subreaper");
	if (mkdtemp(stage->root) == NULL || chmod(stage->root, 0755) < 0)
		give_up("make a scratch directory");
	make_directory(path_of(stage, "mail"));
	make_directory(path_of(stage, "temp"));
	if (scenario->as_root && chmod(path_of(stage, "temp"), 01777) < 0)
		give_up("open a directory");
	write_users(stage);
	bind_log(stage);
	map_plan(stage);
}

void
lmtp_stage_tear_down(struct lmtp_stage *stage)
{
	char command[PATH];

	(void)close(stage->log_fd);
	(void)munmap(stage->plan, sizeof(*stage->plan));
	(void)snprintf(command, sizeof(command), "rm -rf %s", stage->root);
	if (system(command) != 0)
		give_up("remove the scratch directory");
}

void
lmtp_stage_reset(struct lmtp_stage *stage)
{
	static const char *const parts[] = { "", "/Maildir", "/Maildir/cur",
		"/Maildir/new", "/Maildir/tmp" };

	for (int box = 0; box < LMTP_BOXES; box++)
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			make_directory(box_path(stage, box, parts[i]));
			if (i >= 2)
				empty_directory(box_path(stage, box, parts[i]));
		}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char early[PATH];

		(void)snprintf(early, sizeof(early), "%s/mail/early%s",
		    stage->root, parts[i]);
		make_directory(early);
		if (i >= 2)
			empty_directory(early);
	}
	empty_directory(path_of(stage, "temp"));
	lmtp_stage_forget(stage);
}

void
lmtp_stage_forget(struct lmtp_stage *stage)
{
	char line[4096];

	while (recv(stage->log_fd, line, sizeof(line), 0) >= 0)
		;
	memset(&stage->plan->rule, 0, sizeof(stage->plan->rule));
	memset(stage->plan->interrupts, 0, sizeof(stage->plan->interrupts));
	stage->plan->weather = stage->scenario->weather;
	stage->plan->no_sync = true;
	stage->plan->no_sleep = true;
	stage->plan->slept_ms = 0;
	/* With a 0 tmp/ is looked through, which chance would bring about in
	 * one session of 256: the next one's calls would no longer be its own.
	 * What a killed one has left behind has another name. */
	stage->plan->fixed_random = true;
	stage->plan->random_octet =
	    (unsigned char)(stage->plan->random_octet % UCHAR_MAX + 1);
	stage->plan->keeps_octets = false;
	stage->plan->octets_used = 0;
	stage->plan->call_limit = CALL_LIMIT;
	stage->plan->ran_away = false;
	stage->plan->processes = 0;
	stage->plan->records = 0;
}

static void
become_recipient(void)
{
	gid_t gid = machine_gid();

	if (getuid() == 0 &&
	    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
		setuid(machine_uid()) < 0))
		_exit(99);
}

static void
exec_server(const struct lmtp_stage *stage, int socket)
{
	char plan[PATH], users[PATH], temp[PATH], log[PATH];
	char config[] = "MAIL_CONFIG=/etc/postfix",
	     place[] = "PATH=/usr/bin:/bin";
	char *environment[] = { plan, config, place, NULL };
	char name[] = "lda-lmtp", flag[] = "-o";
	char store[] = "mail_location=maildir:~/Maildir";
	char program[PATH];
	char *argv[40] = { name };
	size_t used = 1;

	(void)snprintf(
	    plan, sizeof(plan), "%s=%s/plan", FAULT_PLAN_VARIABLE, stage->root);
	(void)snprintf(
	    users, sizeof(users), "userdb=passwd-file:%s/users", stage->root);
	(void)snprintf(
	    temp, sizeof(temp), "mail_temp_dir=%s/temp", stage->root);
	(void)snprintf(log, sizeof(log), "syslog_socket=%s/log", stage->root);
	for (char **one = (char *[]){ users, temp, log, store, NULL };
	     *one != NULL; one++) {
		argv[used++] = flag;
		argv[used++] = *one;
	}
	for (size_t i = 0; stage->scenario->settings[i] != NULL; i++) {
		argv[used++] = flag;
		argv[used++] = strdup(stage->scenario->settings[i]);
	}
	if (stage->setting != NULL) {
		argv[used++] = flag;
		argv[used++] = strdup(stage->setting);
	}
	argv[used] = NULL;
	(void)snprintf(
	    program, sizeof(program), "%s/%s", CHECK_DIR, stage->program);
	if (!stage->scenario->as_root)
		become_recipient();
	if (dup2(socket, 0) < 0 || dup2(socket, 1) < 0 || dup2(socket, 2) < 0)
		_exit(99);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	(void)execve(program, argv, environment);
	_exit(99);
}

/* The client's half. */
struct client {
	int fd;
	struct lmtp_outcome *outcome;
	size_t begin, used; /* of outcome->said */
	bool ended;
};

/* The code of the next whole reply; 0 at the connection's end. */
static int
next_reply(struct client *at)
{
	struct lmtp_outcome *outcome = at->outcome;

	for (;;) {
		char *line = outcome->said + at->begin;
		char *end = memchr(line, '\n', at->used - at->begin);
		struct pollfd wanted = { .fd = at->fd, .events = POLLIN };
		ssize_t got;

		if (end != NULL) {
			at->begin += (size_t)(end - line) + 1;
			if (end - line < 5 || end[-1] != '\r' ||
			    line[0] < '2' || line[0] > '5') {
				outcome->bad_reply = true;
				return 0;
			}
			if (line[3] == ' ')
				return atoi(line);
			continue;
		}
		if (at->ended || at->used == sizeof(outcome->said) - 1)
			return 0;
		if (poll(&wanted, 1, PATIENCE_MS) <= 0) {
			outcome->timed_out = true;
			return 0;
		}
		got = recv(at->fd, outcome->said + at->used,
		    sizeof(outcome->said) - 1 - at->used, 0);
		if (got <= 0)
			at->ended = true;
		else
			at->used += (size_t)got;
	}
}

/* What cannot be said any more shows in what is heard. */
static void
say(struct client *at, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t sent = send(at->fd, text, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		length -= (size_t)sent;
	}
}

static int
ask(struct client *at, const char *text)
{
	say(at, text);
	return next_reply(at);
}

/* In few pieces: each is some calls of the speaker, and a ledger has an end. */
static void
send_message(struct client *at, size_t octets)
{
	static const char line[] = "a line of the message in the middle\r\n";
	static char room[512 * 1024];
	size_t used, left;

	memcpy(room, FIRST_LINE, strlen(FIRST_LINE));
	used = strlen(FIRST_LINE);
	left = octets > used + 16 ? octets - used - 16 : 0;
	for (; left >= sizeof(line); left -= sizeof(line) - 1) {
		memcpy(room + used, line, sizeof(line) - 1);
		used += sizeof(line) - 1;
	}
	memcpy(room + used, LAST_LINE ".\r\n", sizeof(LAST_LINE ".\r\n"));
	say(at, room);
}

static void
ask_for_recipients(struct client *at, const struct lmtp_scenario *scenario)
{
	char command[80];

	for (int box = 0; box < LMTP_BOXES; box++) {
		(void)snprintf(command, sizeof(command),
		    "RCPT TO:<bob%d@x.test>\r\n", box);
		at->outcome->rcpt[box] = ask(at, command);
		if (at->outcome->rcpt[box] == 250)
			at->outcome->accepted++;
		if (box == 0 && scenario->has_unknown)
			at->outcome->unknown =
			    ask(at, "RCPT TO:<nobody@x.test>\r\n");
	}
}

/* The message that comes before, whatever becomes of it; false: the connection
 * does not go on. */
static bool
send_early_message(struct client *at)
{
	if (ask(at, "MAIL FROM:<a@sender.test>\r\n") == 250 &&
	    ask(at, "RCPT TO:<early@x.test>\r\n") == 250 &&
	    ask(at, "DATA\r\n") == 354) {
		send_message(at, EARLY_OCTETS);
		if (next_reply(at) == 0)
			return false;
	}
	return !at->ended && ask(at, "RSET\r\n") == 250;
}

static void
talk(struct client *at, const struct lmtp_scenario *scenario)
{
	struct lmtp_outcome *outcome = at->outcome;
	int bye;

	if (next_reply(at) != 220 || ask(at, "LHLO sweep\r\n") != 250 ||
	    (scenario->is_second && !send_early_message(at)) ||
	    ask(at, "MAIL FROM:<a@sender.test>\r\n") != 250)
		return;
	ask_for_recipients(at, scenario);
	outcome->told_354 = ask(at, "DATA\r\n") == 354;
	if (!outcome->told_354)
		return;
	send_message(at, scenario->octets);
	for (int box = 0; box < LMTP_BOXES; box++)
		if (outcome->rcpt[box] == 250)
			outcome->answer[box] = next_reply(at);
	bye = at->ended ? 0 : ask(at, "QUIT\r\n");
	if (bye != 0 && bye != 221 && bye != 421)
		outcome->bad_reply = true;
}

bool
lmtp_is_whole(const char *text, size_t length, size_t octets)
{
	static const char begin[] = "Subject: sweep\n\nfirst line\n";
	static const char end[] = "last line\n";
	const char *first = memmem(text, length, begin, sizeof(begin) - 1);
	size_t size = first == NULL ? 0 : (size_t)(text + length - first);

	return size > sizeof(end) && size + 64 > octets * 9 / 10 &&
	    memcmp(text + length - (sizeof(end) - 1), end, sizeof(end) - 1) ==
	    0 &&
	    memchr(text, '\0', length) == NULL;
}

static bool
is_whole(int dir, const char *name, size_t octets)
{
	static char room[512 * 1024];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, room, sizeof(room));

	if (fd >= 0)
		(void)close(fd);
	return got >= 0 && lmtp_is_whole(room, (size_t)got, octets);
}

static void
count_box(const struct lmtp_stage *stage, int box, struct lmtp_outcome *outcome)
{
	DIR *dir = opendir(box_path(stage, box, "/Maildir/new"));
	struct dirent *entry;
	struct stat facts;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (is_whole(
			dirfd(dir), entry->d_name, stage->scenario->octets))
			outcome->copies[box]++;
		else
			outcome->torn[box]++;
		if (box == 0 &&
		    fstatat(dirfd(dir), entry->d_name, &facts, 0) == 0)
			outcome->shared_links = (int)facts.st_nlink;
	}
	if (dir != NULL)
		(void)closedir(dir);
	dir = opendir(box_path(stage, box, "/Maildir/tmp"));
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			outcome->debris[box]++;
	if (dir != NULL)
		(void)closedir(dir);
}

/* Workers may outlive the speaker; then they are ours (a subreaper's). */
static void
wait_for_group(pid_t group)
{
	for (int i = 0; i < 2000; i++) {
		if (waitpid(-group, NULL, WNOHANG) < 0)
			return;
		(void)poll(NULL, 0, 1);
	}
	(void)kill(-group, SIGKILL);
	while (waitpid(-group, NULL, 0) > 0)
		;
}

void
lmtp_stage_run(struct lmtp_stage *stage, struct lmtp_outcome *outcome)
{
	struct client client = { .outcome = outcome };
	char line[4096];
	int ends[2];
	pid_t pid;

	memset(outcome, 0, sizeof(*outcome));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		give_up("make a socket");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid == 0) {
		(void)setsid();
		exec_server(stage, ends[1]);
	}
	(void)close(ends[1]);
	client.fd = ends[0];
	talk(&client, stage->scenario);
	(void)close(ends[0]);
	if (outcome->timed_out)
		(void)kill(-pid, SIGKILL);
	if (waitpid(pid, &outcome->wait_status, 0) < 0)
		give_up("wait");
	wait_for_group(pid);
	for (int box = 0; box < LMTP_BOXES; box++)
		count_box(stage, box, outcome);
	while (recv(stage->log_fd, line, sizeof(line), 0) >= 0)
		outcome->log_lines++;
}
