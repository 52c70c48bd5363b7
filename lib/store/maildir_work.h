/*
 * maildir_work.h - the state of one Maildir delivery, and who does what with
 * it: for the maildir*.c files, nobody else.
 */
#ifndef STORE_MAILDIR_WORK_H
#define STORE_MAILDIR_WORK_H

#include "store/maildir_name.h"
#include "store/maildirsize.h"
#include "store/store.h"

/* The directories that count for quota, open from the judging to the
 * recording: all of the mail, the file's, and INBOX's. */
struct maildir_counted {
	bool open;
	int root;
	int control;
	int inbox;
};

/* The state of one delivery. */
struct maildir {
	const char *root_path;   /* the mail root, or INBOX's own */
	const char *below;       /* the folder below it; "" for INBOX */
	const char *folder_name; /* for quota rules */
	const char *path;        /* both together */
	const char *tmp_path;    /* the same with /tmp, /new: for causes */
	const char *new_path;
	int root, tmp, new; /* directories, -1: not open */
	int file;           /* being written, -1: none */
	mode_t mode;        /* of the folder's directory */
	gid_t gid;
	bool give_gid;  /* what is made there gets gid */
	bool in_tmp;    /* the file stands in tmp/ */
	bool in_new;    /* its name stands in new/ */
	bool reopened;  /* after ESTALE, once */
	unsigned names; /* made so far */
	bool folder_made;
	struct quota quota;
	struct maildirsize size;
	struct maildir_counted counted;
	uint64_t octets; /* of the message */
	struct maildir_name name;
};

/* What a Maildir consists of; tmp last, so that its presence tells readers
 * that the others are there. */
#define MAILDIR_PARTS 3
extern const char *const maildir_parts[MAILDIR_PARTS];

/* maildir_place.c: where it is, and the way there. */

/* Puts the paths of the folder's directories into at; no call is made. */
int maildir_choose_path(
    struct delivery *delivery, struct status *why) MUST_CHECK;

/* Whether what stands in the folder's place is none, and may not be made one;
 * before the root is open, by its path. */
bool maildir_is_container(const struct delivery *delivery);

/* The store's open: reaches the folder, making what is missing and may be
 * made. */
int maildir_open(struct delivery *delivery, struct status *why) MUST_CHECK;

/* Opens the directories once more, after ESTALE; takes no memory. */
int maildir_enter(struct delivery *delivery, struct status *why) MUST_CHECK;

/* Syncs an open directory, where mail_fsync wants that. */
int maildir_sync(struct delivery *delivery, int fd, const char *path,
    struct status *why) MUST_CHECK;

void maildir_close(struct maildir *at);

/* Gives a new file or directory what the folder's directory grants beyond
 * umask 077; base is 0 where there is nothing to give. */
int maildir_follow_mode(const struct maildir *at, int fd, mode_t base,
    const char *path, struct status *why) MUST_CHECK;
mode_t maildir_file_mode(const struct maildir *at);

/* maildir_quota.c: what a delivery has to do with the user's other mail. */

/* Before anything of the message stands in the mailbox.  What is used and
 * cannot be found out is no reason to refuse mail. */
int maildir_check_quota(
    struct delivery *delivery, uint64_t octets, struct status *why) MUST_CHECK;

/* Closes what the judging opened, where nothing is to be recorded. */
void maildir_close_counted(struct delivery *delivery);

/* After success; nothing that goes wrong matters any more. */
void maildir_record_usage(struct delivery *delivery);
void maildir_subscribe(struct delivery *delivery);

/* maildir_explain.c: lda -t. */
int maildir_probe(struct delivery *delivery, struct status *why) MUST_CHECK;
void maildir_explain(struct delivery *delivery, struct buf *out);

/* Fails where maildirsize says that nothing fits any more. */
int maildir_probe_quota(
    struct delivery *delivery, struct status *why) MUST_CHECK;

/* One line about each thing that quota has to say. */
void maildir_explain_quota(struct delivery *delivery, struct buf *out);

#endif
