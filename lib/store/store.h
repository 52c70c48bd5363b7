/*
 * store.h - kinds of mailbox, and the steps of delivering into one.
 *
 * ONE TABLE of formats.  A delivery is opened (the mailbox reached, what is
 * missing made), staged (the message durable where no reader sees it) and
 * committed (published); abort undoes whatever had been done.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "config/setting.h"
#include "mail/message.h"
#include "store/folder.h"
#include "store/quota.h"

#include <stdint.h>
#include <sys/types.h>

enum store_fsync {
	STORE_FSYNC_ALWAYS,
	STORE_FSYNC_OPTIMIZED,
	STORE_FSYNC_NEVER
};

struct store_options {
	const char *mail_location;
	const char *mail_driver;
	const char *mail_path;
	const char *mail_inbox_path;
	const char *mail_spool_directory;
	const char *mail_temp_dir;
	int mail_fsync; /* enum store_fsync */
	struct setting_list mbox_write_locks;
	uint64_t mbox_lock_timeout; /* seconds */
	uint64_t mailbox_size_limit;
	bool lda_mailbox_autocreate;
	bool lda_mailbox_autosubscribe;
	struct quota_options quota;
	const char *lmtp_auth_user;
	const char *lmtp_auth_password_file;
	uint64_t lmtp_data_done_timeout; /* seconds */
};

extern const struct setting_table store_settings;

/* Whether mail_location (or mail_driver and its like), and mbox_write_locks,
 * can be understood; what they name is not looked at. */
int store_check_location(const struct store_options *options,
    struct arena *arena, struct status *why) MUST_CHECK;
int store_check_locks(
    const struct store_options *options, struct status *why) MUST_CHECK;
/* The setting that is wrong lands in mistaken. */
int store_check_quota(const struct store_options *options,
    const char **mistaken, struct status *why) MUST_CHECK;
int store_check_lmtp(const struct store_options *options, struct arena *arena,
    struct status *why) MUST_CHECK;

/* Whether mail_location names a server that takes the mail: then nobody here
 * need know who its users are.  A location that cannot be understood is none.
 */
bool store_is_remote(const struct store_options *options, struct arena *arena);

struct store;

/* Where one user's mail goes: everything expanded, nothing opened. */
struct mailbox {
	const struct store *store;
	/* Absolute path; NULL: there are no folders.  Of a remote store what
	 * stream_connect takes: "unix:/run/lmtp". */
	const char *root;
	const char *inbox;   /* absolute path of INBOX; often root */
	bool in_spool;       /* INBOX is the owner's in mail_spool_directory */
	const char *control; /* where maildirsize and subscriptions are */
	const char *subscriptions; /* the name of that file */
	bool layout_fs;
	bool utf8;
	/* A directory that is never made, nor those above it: a system
	 * user's home, which may not be mounted.  NULL: none. */
	const char *never_made;
};

/* How far a delivery has come. */
enum delivery_state {
	DELIVERY_PLANNED,
	DELIVERY_STAGED,
	DELIVERY_COMMITTED,
	DELIVERY_ABORTED
};

struct delivery {
	const struct mailbox *mailbox;
	const struct store_options *options;
	struct folder folder;
	struct str sender; /* for a From_ line; empty: the null sender */
	const struct message_limit *limits; /* of which of_file concern us */
	size_t limit_count;
	enum status_id full; /* what "over quota" comes to */
	bool make_folder;    /* it may be made, whatever the settings say */
	int quota_percent;   /* used after this mail; -1: no quota */
	int keeper;          /* of the spool, -1: none */
	struct arena *arena;
	enum delivery_state state;
	void *work;             /* the store's own */
	const char *spool_name; /* where a long message goes: for causes */
	const char *storage_id; /* what the store calls the message, or NULL */
	/* open failed for a reason that will still hold tomorrow: the folder
	 * is missing, forbidden or no folder. */
	bool folder_refused;
	/* Of a remote store: whom it is told (an address, unquoted), who he is
	 * without the folder (empty: the same), and whether he was only guessed
	 * at, so that "unknown" says nothing. */
	struct str recipient;
	struct str fallback;
	bool recipient_is_guess;
	/* After stage: why the message goes to INBOX after all, or NULL. */
	const char *folder_trouble;
};

/* What a store is asked for.  Each returns 0 or -1 with why. */
struct store {
	const char *word;       /* as in mail_location */
	const char *usual_path; /* where mail_location names none */
	const char *inbox;      /* INBOX below the root; "" is the root */
	bool is_remote;         /* another server's, with users of its own */
	int (*open)(struct delivery *delivery, struct status *why);
	/* A descriptor for a message too long for memory. */
	int (*spool)(struct delivery *delivery, struct status *why);
	int (*stage)(struct delivery *delivery, const struct message *message,
	    struct status *why);
	int (*commit)(struct delivery *delivery, struct status *why);
	/* Undoes; what cannot be undone is added to why. */
	void (*abort)(struct delivery *delivery, struct status *why);
	/* After success, when nothing matters any more: housekeeping. */
	void (*finish)(struct delivery *delivery);
	/* For lda -t: would open succeed?  Makes nothing.  0 with
	 * folder_refused set: the mail would go to INBOX. */
	int (*probe)(struct delivery *delivery, struct status *why);
	/* For lda -t: what exists, what would be made, what is forbidden. */
	void (*explain)(struct delivery *delivery, struct buf *out);
};

extern const struct store store_maildir;
extern const struct store store_mbox;
extern const struct store store_lmtp;

/* The user a mailbox is resolved for. */
struct store_owner {
	struct str name;
	const char *home; /* NULL: not known */
	bool is_system;
};

/*
 * Resolves mail_location (or mail_driver, mail_path and mail_inbox_path) for
 * owner; "auto" looks at the file system, as the user whose rights the
 * process has.  Fails with STATUS_MISCONFIGURED, or with STATUS_USER_UNKNOWN
 * where the owner's name cannot be part of a path.
 */
int mailbox_resolve(const struct store_options *options,
    const struct store_owner *owner, struct arena *arena, struct mailbox *into,
    struct status *why) MUST_CHECK;

/* Whether mail_fsync asks for syncs.  A delivery has none that could be
 * spared, so "optimized" is "always". */
bool delivery_syncs(const struct delivery *delivery);

/* The folder may be made where it is missing: INBOX always. */
bool delivery_may_make(const struct delivery *delivery);

/* Folders beside each other beyond which none is made. */
#define DELIVERY_FOLDERS_MOST 1000

/* No limit of the file as a whole is below octets; or -1. */
int delivery_check_limits(const struct delivery *delivery, const char *path,
    uint64_t octets, struct status *why) MUST_CHECK;

void delivery_init(struct delivery *delivery, const struct mailbox *mailbox,
    const struct store_options *options, const struct folder *folder,
    struct arena *arena);

#endif
