/*
 * feed.c - how long commands take that are fed one message, as an MTA does it.
 *
 *	feed [-e | -t] [-n rounds] [-w warm-ups] [-p piece] [-u uid:gid]
 *	    plan message
 *
 * The commands of the plan (feed.h) run by turns, A B C A B C, so that what
 * else the machine does meets all of them.  Each is started with
 * posix_spawn(3), no shell, in a session of its own, its stdout and stderr one
 * pipe that the feeder reads without blocking, and is fed from a pipe in
 * pieces of 4096 octets, Postfix's.  The time is that from before its start to
 * when it was waited for; the processor's is wait4(2)'s.
 *
 * For each command one line to stdout:
 *
 *	NAME runs failures median_us p99_us least_us cpu_us faults
 *
 * and with -t one delivery of each is watched instead:
 *
 *	NAME failures calls syncs written peak_kib processes
 *
 * or, with -e, only its end: no calls and no syncs are counted.
 *
 * Source: postfix pipe_command(3), vstream(3).
 */
#define _GNU_SOURCE
#include "feed.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* VSTREAM_BUFSIZE. */
#define PIECE_OCTETS 4096

struct options {
	bool trace;
	bool ends_only;
	size_t rounds;
	size_t warm_ups;
	size_t piece;
	uid_t uid;
	gid_t gid;
};

/* A delivery that runs. */
struct delivery {
	pid_t pid;
	int to;   /* its stdin; -1: all is written */
	int from; /* its stdout and stderr; -1: closed */
	size_t done;
};

static double
now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

bool
feed_message(int fd, const struct message *message)
{
	size_t done = 0;

	while (done < message->length) {
		size_t left = message->length - done;
		ssize_t written = write(fd, message->at + done,
		    left < message->piece ? left : message->piece);

		if (written < 0)
			break;
		done += (size_t)written;
	}
	(void)close(fd);
	return done == message->length;
}

static void
start(const struct subject *subject, struct delivery *run)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int in[2], out[2], error;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		err(1, "pipe");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
	(void)posix_spawn_file_actions_addchdir_np(
	    &actions, subject->directory);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	error = posix_spawn(&run->pid, subject->argv[0], &actions, &attributes,
	    (char **)(uintptr_t)subject->argv,
	    (char **)(uintptr_t)subject->envp);
	if (error != 0)
		errx(1, "%s: %s", subject->argv[0], strerror(error));
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	(void)close(in[0]);
	(void)close(out[1]);
	run->to = in[1];
	run->from = out[0];
}

static void
close_it(int *fd)
{
	(void)close(*fd);
	*fd = -1;
}

/* As much as goes in without waiting for the command. */
static void
feed_more(struct delivery *run, const struct message *message)
{
	size_t left = message->length - run->done;
	ssize_t written = write(run->to, message->at + run->done,
	    left < message->piece ? left : message->piece);

	if (written > 0)
		run->done += (size_t)written;
	/* It may end without reading; that is its business. */
	if ((written < 0 && errno != EAGAIN) || run->done == message->length)
		close_it(&run->to);
}

static void
hear_more(struct delivery *run)
{
	char room[1024];
	ssize_t got = read(run->from, room, sizeof(room));

	/* Some say the name of the file; it is heard, as Postfix would. */
	if (got == 0 || (got < 0 && errno != EAGAIN))
		close_it(&run->from);
}

/* Postfix writes first and listens then; only where the command does not keep
 * up does it wait for either. */
static void
converse(struct delivery *run, const struct message *message)
{
	while (run->to >= 0 || run->from >= 0) {
		struct pollfd both[2] = { { .fd = run->to, .events = POLLOUT },
			{ .fd = run->from, .events = POLLIN } };

		if (poll(both, 2, -1) < 0)
			err(1, "poll");
		if (both[0].revents != 0)
			feed_more(run, message);
		if (both[1].revents != 0)
			hear_more(run);
	}
}

static double
microseconds(struct timeval time)
{
	return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

static void
deliver(struct subject *subject, const struct message *message, bool counts)
{
	struct delivery run = { .done = 0 };
	double started_us = now_us(), ended_us;
	struct rusage usage;
	int status;

	start(subject, &run);
	converse(&run, message);
	if (wait4(run.pid, &status, 0, &usage) < 0)
		err(1, "wait");
	ended_us = now_us();
	if (status != 0)
		subject->failures++;
	if (counts) {
		subject->wall_us[subject->runs] = ended_us - started_us;
		subject->cpu_us[subject->runs] =
		    microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
		subject->faults[subject->runs] = (double)usage.ru_minflt;
		subject->runs++;
	}
	plan_tidy(subject);
}

static int
compare(const void *one, const void *other)
{
	double first = *(const double *)one, second = *(const double *)other;

	return first < second ? -1 : first > second;
}

/* The value that this part of all are not above; they are sorted. */
static double
quantile(const double *values, size_t count, double part)
{
	return values[(size_t)((double)(count - 1) * part + 0.5)];
}

static double *
take_room(size_t count)
{
	double *room = calloc(count, sizeof(*room));

	if (room == NULL)
		err(1, "memory");
	return room;
}

static void
print(struct subject *one)
{
	double *kinds[] = { one->wall_us, one->cpu_us, one->faults };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		qsort(kinds[i], one->runs, sizeof(double), compare);
	(void)printf("%s %zu %zu %.1f %.1f %.1f %.1f %.0f\n", one->name,
	    one->runs, one->failures, quantile(one->wall_us, one->runs, 0.5),
	    quantile(one->wall_us, one->runs, 0.99), one->wall_us[0],
	    quantile(one->cpu_us, one->runs, 0.5),
	    quantile(one->faults, one->runs, 0.5));
}

static void
measure(struct subject *subjects, size_t count, const struct message *message,
    const struct options *options)
{
	for (size_t i = 0; i < count; i++) {
		subjects[i].wall_us = take_room(options->rounds);
		subjects[i].cpu_us = take_room(options->rounds);
		subjects[i].faults = take_room(options->rounds);
	}
	for (size_t k = 0; k < options->warm_ups + options->rounds; k++)
		for (size_t i = 0; i < count; i++)
			deliver(&subjects[i], message, k >= options->warm_ups);
	for (size_t i = 0; i < count; i++)
		print(&subjects[i]);
}

static void
watch(struct subject *subjects, size_t count, const struct message *message,
    const struct options *options)
{
	for (size_t i = 0; i < count; i++) {
		struct cost cost;
		bool fine = trace_delivery(&subjects[i], message, options->uid,
		    options->gid, !options->ends_only, &cost);

		(void)printf("%s %d %ld %ld %lld %ld %d\n", subjects[i].name,
		    fine ? 0 : 1, cost.calls, cost.syncs, cost.written,
		    cost.peak_kib, cost.processes);
		plan_tidy(&subjects[i]);
	}
}

static void
take_message(const char *path, struct message *message)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat facts;

	if (fd < 0 || fstat(fd, &facts) < 0 || facts.st_size == 0)
		err(1, "%s", path);
	message->length = (size_t)facts.st_size;
	message->at = mmap(NULL, message->length, PROT_READ,
	    MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (message->at == MAP_FAILED)
		err(1, "%s", path);
	(void)close(fd);
}

static size_t
number(const char *text)
{
	return (size_t)strtoul(text, NULL, 10);
}

static void
read_options(int argc, char *argv[], struct options *options)
{
	int flag;

	while ((flag = getopt(argc, argv, "etn:w:p:u:")) != -1) {
		switch (flag) {
		case 'e':
			options->trace = options->ends_only = true;
			break;
		case 't':
			options->trace = true;
			break;
		case 'n':
			options->rounds = number(optarg);
			break;
		case 'w':
			options->warm_ups = number(optarg);
			break;
		case 'p':
			options->piece = number(optarg);
			break;
		case 'u':
			options->uid = (uid_t)number(optarg);
			options->gid =
			    (gid_t)number(optarg + strcspn(optarg, ":") + 1);
			break;
		default:
			exit(2);
		}
	}
}

/* A delivery is started by who may not do anything for it. */
static void
drop_rights(const struct options *options)
{
	if (getuid() == 0 && options->uid != 0 &&
	    (setgroups(1, &options->gid) < 0 || setgid(options->gid) < 0 ||
		setuid(options->uid) < 0))
		err(1, "setuid");
}

int
main(int argc, char *argv[])
{
	struct options options = {
		.rounds = 100, .warm_ups = 3, .piece = PIECE_OCTETS
	};
	struct subject *subjects;
	struct message message;
	size_t count;

	read_options(argc, argv, &options);
	if (argc - optind != 2)
		errx(2,
		    "usage: feed [-e | -t] [-n rounds] [-w warm-ups] "
		    "[-p piece] [-u uid:gid] plan message");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	count = plan_read(argv[optind], &subjects);
	take_message(argv[optind + 1], &message);
	message.piece = options.piece;
	if (options.trace)
		watch(subjects, count, &message, &options);
	else {
		drop_rights(&options);
		measure(subjects, count, &message, &options);
	}
	return 0;
}
