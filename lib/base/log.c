/*
 * log.c - one line to the system's log, which never fails or blocks.
 *
 * Not syslog(3): that waits when the receiver is slow, and with some libc
 * writes to a terminal or a console when nobody listens.
 *
 * Source: RFC 3164 (what /dev/log understands), RFC 5424 section 6.2.1.
 */
#include "base/log.h"

#include "base/attribute.h"
#include "base/buf.h"
#include "base/sys.h"

#define NOT_OPEN (-1)
#define NOT_TO_BE_HAD (-2)

/* Longer lines are cut: syslogd implementations keep 1024 to 8192. */
#define LINE_OCTETS 4000

/* Of what stands before it. */
#define HEAD_OCTETS 64

static const struct {
	char name[8];
	int number;
} facilities[] = {
	{ "user", 1 },
	{ "mail", LOG_FACILITY_MAIL },
	{ "daemon", 3 },
	{ "local0", 16 },
	{ "local1", 17 },
	{ "local2", 18 },
	{ "local3", 19 },
	{ "local4", 20 },
	{ "local5", 21 },
	{ "local6", 22 },
	{ "local7", 23 },
};

int
log_facility(struct str name)
{
	for (size_t i = 0; i < COUNT(facilities); i++)
		if (str_is_nocase(name, facilities[i].name))
			return facilities[i].number;
	return -1;
}

void
log_init(struct log *log, const char *tag, const char *socket_path)
{
	log->tag = tag;
	log->socket_path = socket_path;
	log->facility = LOG_FACILITY_MAIL;
	log->fd = NOT_OPEN;
}

static void
open_socket(struct log *log)
{
	log->fd = sys_datagram();
	if (log->fd < 0)
		log->fd = NOT_TO_BE_HAD;
}

void
log_open(struct log *log)
{
	if (log->fd != NOT_OPEN)
		return;
	open_socket(log);
	if (log->fd == NOT_TO_BE_HAD)
		log->fd = NOT_OPEN; /* it may come */
}

void
log_line(struct log *log, enum log_severity severity, struct str line)
{
	char room[HEAD_OCTETS];
	struct buf head;

	if (log->fd == NOT_OPEN)
		open_socket(log);
	if (log->fd == NOT_TO_BE_HAD)
		return;
	buf_init(&head, room, sizeof(room));
	buf_add_octet(&head, '<');
	buf_add_number(&head, (uint64_t)log->facility * 8 + (uint64_t)severity);
	buf_add_octet(&head, '>');
	buf_add_string(&head, log->tag);
	buf_add_octet(&head, '[');
	buf_add_number(&head, (uint64_t)sys_getpid());
	buf_add_string(&head, "]: ");
	(void)sys_send_to(log->fd, log->socket_path, buf_str(&head),
	    str_head(line, LINE_OCTETS));
}
