/*
 * service.c - a conversation with lda-lmtp or lda-verify.
 */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* Between two looks at the log. */
#define LOOK_MS 20

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
service_use(struct world *world, const char *program)
{
	world->command.argv[0] =
	    scratch_print(&world->scratch, "%s/%s", CHECK_DIR, program);
}

void
service_take(struct service *service, struct world *world, int fd)
{
	memset(service, 0, sizeof(*service));
	service->world = world;
	service->fd = fd;
	ck_assert_int_eq(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
}

void
service_init(struct service *service, struct world *world)
{
	memset(service, 0, sizeof(*service));
	service->fd = -1;
	service->world = world;
}

void
service_start(struct service *service, struct world *world)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	service_take(service, world, ends[0]);
	service->pid = host_spawn(&world->command, ends[1]);
	(void)close(ends[1]);
}

void
service_connect(
    struct service *service, struct world *world, const char *unix_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(unix_path), sizeof(address.sun_path));
	memcpy(address.sun_path, unix_path, strlen(unix_path) + 1);
	ck_assert_msg(connect(fd, (const struct sockaddr *)&address,
			  sizeof(address)) == 0,
	    "cannot connect to %s: %s", unix_path, strerror(errno));
	service_take(service, world, fd);
}

/* Waits until the socket is ready; false when patience is at its end. */
static bool
is_ready(struct service *service, short events)
{
	int64_t until = now_ms() + PATIENCE_MS;

	for (;;) {
		struct pollfd wanted = { .fd = service->fd, .events = events };

		log_sink_drain(&service->world->log);
		if (poll(&wanted, 1, LOOK_MS) > 0)
			return true;
		if (now_ms() >= until)
			return false;
	}
}

void
service_say_octets(struct service *service, const char *octets, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(
		    service->fd, octets, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			octets += sent;
			length -= (size_t)sent;
			continue;
		}
		/* It is gone: whether it may be, the next thing heard tells. */
		if (errno == EPIPE || errno == ECONNRESET)
			return;
		ck_assert_msg(errno == EAGAIN && is_ready(service, POLLOUT),
		    "nobody takes what is said: %s%s", strerror(errno),
		    world_tell(service->world));
	}
}

void
service_say(struct service *service, const char *text)
{
	service_say_octets(service, text, strlen(text));
}

/* More in heard; false at the end. */
static bool
hear_more(struct service *service)
{
	ssize_t got;

	if (service->begin > 0)
		memmove(service->heard, service->heard + service->begin,
		    service->end - service->begin);
	service->end -= service->begin;
	service->begin = 0;
	ck_assert_uint_lt(service->end, sizeof(service->heard));
	ck_assert_msg(is_ready(service, POLLIN),
	    "the server says nothing, after \"%.*s\"%s", (int)service->end,
	    service->heard, world_tell(service->world));
	got = recv(service->fd, service->heard + service->end,
	    sizeof(service->heard) - service->end, 0);
	if (got <= 0)
		return false;
	service->end += (size_t)got;
	return true;
}

/* The length of the next line, "\n" included. */
static size_t
next_line(struct service *service)
{
	for (;;) {
		const char *at = service->heard + service->begin;
		const char *end =
		    memchr(at, '\n', service->end - service->begin);

		if (end != NULL)
			return (size_t)(end - at) + 1;
		if (!hear_more(service))
			ck_abort_msg("the server has gone after \"%.*s\"%s",
			    (int)(service->end - service->begin),
			    service->heard + service->begin,
			    world_tell(service->world));
	}
}

const char *
service_hear(struct service *service, const char *want)
{
	size_t length = 0, line;
	bool more;

	do {
		line = next_line(service);
		ck_assert_uint_lt(length + line, sizeof(service->said));
		more = line > 4 && service->heard[service->begin + 3] == '-';
		memcpy(service->said + length, service->heard + service->begin,
		    line);
		length += line;
		service->begin += line;
	} while (more);
	service->said[length] = '\0';
	ck_assert_msg(strncmp(service->said, want, strlen(want)) == 0,
	    "\"%s\" instead of \"%s\"%s", service->said, want,
	    world_tell(service->world));
	ck_assert_msg(length >= 2 && service->said[length - 2] == '\r',
	    "\"%s\" does not end with CRLF", service->said);
	return service->said;
}

size_t
service_hear_octets(struct service *service, char *room, size_t most)
{
	size_t length;

	while (service->end - service->begin < most && hear_more(service))
		;
	length = service->end - service->begin;
	if (length > most)
		length = most;
	memcpy(room, service->heard + service->begin, length);
	service->begin += length;
	return length;
}

void
service_hear_end(struct service *service)
{
	char room[1024];
	size_t length = service_hear_octets(service, room, sizeof(room));

	ck_assert_msg(length == 0, "more is said: \"%.*s\"%s", (int)length,
	    room, world_tell(service->world));
}

void
service_hear_nothing(struct service *service)
{
	struct pollfd wanted = { .fd = service->fd, .events = POLLIN };

	ck_assert_uint_eq(service->end, service->begin);
	ck_assert_msg(
	    poll(&wanted, 1, 0) == 0, "%s", world_tell(service->world));
}

void
service_half_close(struct service *service)
{
	ck_assert_int_eq(shutdown(service->fd, SHUT_WR), 0);
}

void
service_hang_up(struct service *service)
{
	if (service->fd >= 0)
		(void)close(service->fd);
	service->fd = -1;
}

struct ended {
	pid_t pid;
	int status;
};

static bool
has_ended(void *context)
{
	struct ended *ended = context;

	return waitpid(ended->pid, &ended->status, WNOHANG) == ended->pid;
}

int
service_wait(struct service *service)
{
	struct ended ended = { .pid = service->pid };

	service_hang_up(service);
	service_await(service, has_ended, &ended, "the server's end");
	service->pid = 0;
	log_sink_drain(&service->world->log);
	return ended.status;
}

void
expect_end(struct service *service, int exit_status)
{
	int status = service_wait(service);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == exit_status,
	    "wait status %#x instead of exit status %d%s", (unsigned)status,
	    exit_status, world_tell(service->world));
}

void
service_close(struct service *service)
{
	service_hang_up(service);
	if (service->pid > 0) {
		/* The session of the server's children, too. */
		(void)kill(-service->pid, SIGKILL);
		(void)kill(service->pid, SIGKILL);
		(void)waitpid(service->pid, NULL, 0);
	}
	service->pid = 0;
}

void
service_await_log(struct service *service, const char *text)
{
	ck_assert_msg(log_sink_wait(&service->world->log, text, PATIENCE_MS),
	    "no log line holds \"%s\"%s", text, world_tell(service->world));
}

void
service_await(struct service *service, bool (*question)(void *context),
    void *context, const char *what)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (!question(context)) {
		log_sink_drain(&service->world->log);
		ck_assert_msg(now_ms() < until, "%s is awaited in vain%s", what,
		    world_tell(service->world));
		(void)poll(NULL, 0, 1);
	}
}
