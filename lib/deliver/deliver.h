/*
 * deliver.h - READ IT FIRST: one message to one recipient, from beginning to
 * end.
 *
 *   resolve    who is the recipient (resolve.h)
 *   settings   his own are put in force
 *   privileges his are taken on, before a byte of mail is read
 *   mailbox    where his mail is; the folder's name is judged
 *   open       the mailbox is reached, what is missing is made
 *   receive    the whole message, in constant memory
 *   stage      durable where no reader sees it
 *   commit     published, and the directory synced
 *   report     one line to the log (report.h); the reply is the caller's
 *
 * Until the commit everything is undone on failure; after it nothing turns
 * into a failure.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "base/feeder.h"
#include "base/log.h"
#include "deliver/request.h"
#include "deliver/settings.h"
#include "store/store.h"
#include "user/user.h"

/* One delivery and all that is known about it so far; the report and the
 * trace read it.  Set up by deliver_init. */
struct deliver_run {
	struct arena *arena;
	struct settings *settings;
	const struct deliver_request *request;
	struct log *log;
	int64_t started_us;   /* sys_ticks_us() */
	struct feeder feeder; /* looked for again before the commit */
	struct user user;
	bool has_user;
	int keeper; /* of the spool, -1: none */
	struct message_limit limits[3];
	size_t limit_count;
	struct mailbox mailbox;
	struct folder folder;     /* where the message goes */
	struct str folder_wanted; /* what -m or the detail said */
	bool folder_is_detail;
	bool make_folder;
	const char *folder_trouble; /* why it is not the folder of -m */
	struct message message;
	bool has_message;
	struct envelope envelope;
	struct delivery delivery;
	bool has_sieve; /* the user has a script, which nothing runs */
	struct status why;
};

void deliver_init(struct deliver_run *run, struct settings *settings,
    const struct deliver_request *request, struct log *log,
    const struct feeder *feeder, int64_t started_us, struct arena *arena);

/* Everything up to and without opening the mailbox; what lda -t does too. */
int deliver_prepare(struct deliver_run *run) MUST_CHECK;

/* Forgets the folder: the message goes to INBOX. */
void deliver_plan_inbox(struct deliver_run *run);

/* The whole delivery, logged.  0 or -1, with run->why either way. */
int deliver(struct deliver_run *run) MUST_CHECK;

#endif
