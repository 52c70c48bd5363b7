/*
 * log_sink.c - the receiving end of the log, so that a test can read it.
 */
#include "log_sink.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void
log_sink_open(struct log_sink *sink, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int flags;

	memset(sink, 0, sizeof(*sink));
	sink->path = path;
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	sink->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ck_assert_int_ge(sink->fd, 0);
	ck_assert_msg(bind(sink->fd, (const struct sockaddr *)&address,
			  sizeof(address)) == 0,
	    "cannot bind %s: %s", path, strerror(errno));
	ck_assert_int_eq(chmod(path, 0777), 0);
	flags = fcntl(sink->fd, F_GETFL);
	ck_assert_int_eq(fcntl(sink->fd, F_SETFL, flags | O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(sink->fd, F_SETFD, FD_CLOEXEC), 0);
}

void
log_sink_close(struct log_sink *sink)
{
	if (sink->fd >= 0)
		(void)close(sink->fd);
	sink->fd = -1;
	(void)unlink(sink->path);
}

void
log_sink_drain(struct log_sink *sink)
{
	char room[LOG_SINK_OCTETS];
	ssize_t got;

	while (sink->fd >= 0 &&
	    (got = recv(sink->fd, room, sizeof(room) - 1, 0)) >= 0) {
		if (sink->count == LOG_SINK_LINES) {
			sink->lost++;
			continue;
		}
		memcpy(sink->lines[sink->count], room, (size_t)got);
		sink->lines[sink->count][got] = '\0';
		sink->lengths[sink->count++] = (size_t)got;
	}
}

void
log_sink_forget(struct log_sink *sink)
{
	log_sink_drain(sink);
	sink->count = sink->lost = 0;
}

const char *
log_sink_find(const struct log_sink *sink, const char *text)
{
	for (size_t i = 0; i < sink->count; i++)
		if (strstr(sink->lines[i], text) != NULL)
			return sink->lines[i];
	return NULL;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
log_sink_wait(struct log_sink *sink, const char *text, int milliseconds)
{
	int64_t until = now_ms() + milliseconds;

	for (;;) {
		struct pollfd wanted = { .fd = sink->fd, .events = POLLIN };
		int64_t left = until - now_ms();

		log_sink_drain(sink);
		if (log_sink_find(sink, text) != NULL)
			return true;
		if (left <= 0)
			return false;
		(void)poll(&wanted, 1, (int)left);
	}
}
