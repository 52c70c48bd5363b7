/*
 * settings.h - all settings: the rooms' tables listed, their values side by
 * side.
 */
#ifndef DELIVER_SETTINGS_H
#define DELIVER_SETTINGS_H

#include "config/config.h"
#include "store/store.h"
#include "user/user.h"

/* What the detail of a recipient's address does where there is no -m. */
enum deliver_detail {
	DELIVER_DETAIL_NO,
	DELIVER_DETAIL_EXISTING, /* names a folder, if there is one */
	DELIVER_DETAIL_CREATE    /* names a folder, made if need be */
};

/* Which processes give up what they do not need (base/sandbox.h). */
enum deliver_sandbox {
	DELIVER_SANDBOX_NO,
	DELIVER_SANDBOX_SERVERS, /* those that speak with a client */
	DELIVER_SANDBOX_FILES,   /* and the files of each delivery */
	DELIVER_SANDBOX_ALL      /* and its system calls */
};

/* What concerns the delivery as a whole. */
struct deliver_options {
	uint64_t message_size_limit;
	bool quota_full_tempfail;
	uint64_t delivery_timeout; /* seconds */
	uint64_t first_valid_uid;
	const char *syslog_facility;
	const char *syslog_socket;
	const char *deliver_log_format;
	/* For lda -t alone; "": the one that postconf knows. */
	const char *postfix_config_directory;
	int detail_folder; /* enum deliver_detail */
	int sandbox;       /* enum deliver_sandbox */
};

/* Which address lda-lmtp's Delivered-To names. */
enum lmtp_delivered_to {
	LMTP_DELIVERED_TO_FINAL,    /* the recipient's */
	LMTP_DELIVERED_TO_ORIGINAL, /* what he was before rewriting, if told */
	LMTP_DELIVERED_TO_NONE      /* no field, and no look for loops */
};

/* Recipients of one message that anybody may configure: their records must
 * fit into memory. */
#define LMTP_RECIPIENTS_MOST 10000

/* Connections at a time: a process each. */
#define PROCESSES_MOST 10000

/* What concerns the servers alone. */
struct lmtp_options {
	int lmtp_hdr_delivery_address; /* enum lmtp_delivered_to */
	bool lmtp_add_received_header;
	bool lmtp_rcpt_check_quota;
	bool lmtp_downcase_rcpt;
	bool lmtp_share_message;
	uint64_t lmtp_recipient_limit;
	uint64_t lmtp_user_concurrency_limit; /* 0: none */
	const char *lmtp_user;
	const char *lmtp_sasl; /* "": no AUTH */
	/* lda-verify's, too. */
	struct setting_list mynetworks;
	uint64_t default_process_limit;
};

struct settings {
	struct user_options user;
	struct store_options store;
	struct deliver_options deliver;
	struct lmtp_options lmtp;
	struct config config;
};

/* The defaults. */
int settings_init(struct settings *settings, struct arena *arena,
    struct status *why) MUST_CHECK;

/*
 * What no single value shows, called when all sources have been read: limits
 * that exclude each other, and variables (%u) that do not exist, tried with a
 * made-up user.  The cause names the setting and where it came from.
 */
int settings_check(
    const struct settings *settings, struct status *why) MUST_CHECK;

/* Called after the user's own settings: a mail_location from a stronger source
 * than mail_driver and mail_path (2.4's spelling of it) replaces them.  Whether
 * anything has changed. */
bool settings_settle(struct settings *settings);

/* Adds "name = value" for each setting that differs from its default, as
 * postconf -n does; with origins, also where it came from. */
void settings_print(
    const struct settings *settings, bool origins, struct buf *out);

#endif
