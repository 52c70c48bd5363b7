/*
 * log.h - one line to the system's log, which never fails or blocks.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

/* RFC 5424 section 6.2.1, the numbers that syslog(3) uses. */
enum log_severity {
	LOG_SEVERITY_ERROR = 3,
	LOG_SEVERITY_WARNING = 4,
	LOG_SEVERITY_NOTICE = 5,
	LOG_SEVERITY_INFO = 6
};

#define LOG_FACILITY_MAIL 2

struct log {
	const char *tag;         /* the program's name */
	const char *socket_path; /* usually /dev/log */
	int facility;            /* 0 to 23 */
	int fd;                  /* -1: not open yet, -2: cannot be had */
};

void log_init(struct log *log, const char *tag, const char *socket_path);

/* Opens the socket now where that can be done: what is forked later has it. */
void log_open(struct log *log);

/*
 * Sends line as "<PRI>tag[pid]: line" in one datagram.  The receiver adds
 * time and host (RFC 3164 section 4.3).  The caller has made outside bytes
 * printable.  A line that cannot be sent is lost, and nobody waits.
 */
void log_line(struct log *log, enum log_severity severity, struct str line);

/* The number of a facility's name ("mail", "local0"), or -1. */
int log_facility(struct str name);

#endif
