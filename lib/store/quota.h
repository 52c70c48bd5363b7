/*
 * quota.h - how much a user's mail may take, and whether one more fits.
 */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include "config/setting.h"
#include "mail/status.h"

#include <stdint.h>

/* quota_rule, quota_rule2 ... */
#define QUOTA_RULES 5

struct quota_options {
	const char *quota_rules[QUOTA_RULES];
	uint64_t quota_storage_size;  /* octets, 0: not set */
	uint64_t quota_message_count; /* 0: not set */
	const char *quota_grace;
	struct setting_list quota_exclude;
	const char *quota_warning;
};

/* "90% file:/etc/lda.quota-warning" or "90% exec:/usr/local/bin/warn". */
struct quota_warning {
	uint64_t percent; /* 0: none */
	bool is_command;
	struct str path;
};

int quota_warning_read(
    struct str text, struct quota_warning *into, struct status *why) MUST_CHECK;

/* What is in use, or what is allowed; in limits 0 is "no limit". */
struct quota_amount {
	uint64_t octets;
	uint64_t messages;
};

/* The rules that are in force for one delivery. */
struct quota {
	struct quota_amount limit;  /* of the whole: what maildirsize says */
	struct quota_amount folder; /* for mail into this folder */
	uint64_t grace_octets;
	bool is_set;          /* lda.conf or the userdb says so */
	bool ignored;         /* this folder is not counted */
	const char *mistaken; /* after a failure: the setting */
};

/*
 * Reads the rules for mail into folder ("INBOX", "a/b").  Rules are Dovecot
 * 2.3's: "*:storage=1G:messages=1000", "Trash:storage=+10%",
 * "Spam:ignore"; quota_storage_size and quota_message_count are 2.4's.
 */
int quota_read(const struct quota_options *options, const char *folder,
    struct quota *into, struct status *why) MUST_CHECK;

/* Whether mail in folder counts at all. */
bool quota_counts(const struct quota_options *options, const char *folder);

/*
 * Whether size_octets more fit.  The mail that crosses the limit may take the
 * grace; when the limit has been reached nothing fits.
 */
bool quota_fits(const struct quota *quota, const struct quota_amount *used,
    uint64_t size_octets);

/* The percentage of the nearer limit that is used; 0 without a limit. */
uint64_t quota_percent(
    const struct quota_amount *used, const struct quota_amount *limit);

#endif
