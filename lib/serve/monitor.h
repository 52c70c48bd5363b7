/*
 * monitor.h - root's part of a server for many uids.
 *
 * Started as root, the server is two processes.  The one that speaks with the
 * client has no rights at all and can ask for one thing: a job (job.h), in
 * one bounded record with at most two descriptors.  The monitor reads nothing
 * but such records, and forks for each a child that finds the user, becomes
 * him for good, and only then looks at the message.  The child's answer goes
 * to the speaker directly.
 */
#ifndef SERVE_MONITOR_H
#define SERVE_MONITOR_H

#include "serve/job.h"

/* The longest record: two addresses and the header fields. */
#define MONITOR_RECORD_OCTETS ((size_t)32 * 1024)

/*
 * As root: forks the speaker, which becomes lmtp_user and returns with the
 * socket to ask through in the office.  The monitor itself does not return: it
 * ends when the speaker has.  -1 with why where the speaker could not be
 * started.
 */
int monitor_begin(struct job_office *office, struct status *why) MUST_CHECK;

/* In the speaker: hands a job over, and the worker's end of its pipe. */
int monitor_ask(int socket, const struct job *job, struct worker *worker,
    int speaks, struct status *why) MUST_CHECK;

/* A record, and back: for monitor.c and its test.  Slices point into record;
 * false for anything but what monitor_write makes. */
bool monitor_write(const struct job *job, struct buf *record) MUST_CHECK;
bool monitor_read(struct str record, struct job *into) MUST_CHECK;

#endif
