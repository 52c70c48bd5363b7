/*
 * log_sink.h - the receiving end of the log, so that a test can read it.
 */
#ifndef SUPPORT_LOG_SINK_H
#define SUPPORT_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_SINK_LINES 64
#define LOG_SINK_OCTETS 4096

struct log_sink {
	int fd;
	const char *path;
	size_t count; /* datagrams kept; more are only counted */
	size_t lost;
	char lines[LOG_SINK_LINES][LOG_SINK_OCTETS]; /* each one datagram */
	size_t lengths[LOG_SINK_LINES];
};

/* Binds a datagram socket at path, which anybody may send to and which must
 * live on. */
void log_sink_open(struct log_sink *sink, const char *path);
void log_sink_close(struct log_sink *sink);

/* Takes what has arrived; never waits. */
void log_sink_drain(struct log_sink *sink);

/* Drops what was taken. */
void log_sink_forget(struct log_sink *sink);

/* Waits for a line that holds text. */
bool log_sink_wait(struct log_sink *sink, const char *text, int milliseconds);

/* The first line that holds text, or NULL. */
const char *log_sink_find(const struct log_sink *sink, const char *text);

#endif
