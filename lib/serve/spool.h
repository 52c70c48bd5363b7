/*
 * spool.h - where a message is kept that comes by LMTP and is too long for
 * memory, or for several recipients.
 *
 * Best is a file without a name on the file system of the mailboxes: each
 * recipient's Maildir can give it a name, and its octets are written once.
 * Else it is one in mail_temp_dir, and each recipient gets a copy.
 */
#ifndef SERVE_SPOOL_H
#define SERVE_SPOOL_H

#include "serve/job.h"
#include "serve/recipient.h"

struct spool {
	struct job_office *office;
	const struct recipient *recipients; /* whose mailboxes to look at */
	bool wants_link;
	bool can_link;    /* it is on a mailbox's file system */
	int fd;           /* -1: none */
	const char *name; /* for causes */
};

void spool_init(struct spool *spool, struct job_office *office);

/* A struct message_spool's open: context is the spool.  A file that it had
 * before is closed. */
int spool_open(void *context, struct status *why) MUST_CHECK;

void spool_close(struct spool *spool);

/*
 * Turns a message that was received into one that several deliveries read:
 * in the spool (one that is in memory is written there where to_file asks),
 * synced where it may be linked.
 */
int spool_settle(struct spool *spool, struct message *message, bool to_file,
    struct status *why) MUST_CHECK;

#endif
