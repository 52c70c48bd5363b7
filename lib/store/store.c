/*
 * store.c - kinds of mailbox, and where a user's is.
 *
 * Source: Dovecot mail_location (2.3) and mail_driver, mail_path,
 * mail_inbox_path (2.4); DESIGN "auto".
 */
#include "store/store.h"

#include "base/sys.h"
#include "config/expand.h"
#include "store/location.h"
#include "store/lock.h"
#include "wire/lmtp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const struct store *const stores[] = {
	&store_maildir, /* maildir:PATH            one file per message */
	&store_mbox,    /* mbox:PATH:INBOX=PATH    mboxrd, locked */
	&store_lmtp,    /* lmtp:unix:PATH          another server's mailboxes */
};

#define FIELD(name) offsetof(struct store_options, name)

static const struct setting rows[] = {
	{ "mail_location", SETTING_TEXT, "auto", FIELD(mail_location), "" },
	{ "mail_driver", SETTING_TEXT, "", FIELD(mail_driver), "" },
	{ "mail_path", SETTING_TEXT, "", FIELD(mail_path), "" },
	{ "mail_inbox_path", SETTING_TEXT, "", FIELD(mail_inbox_path), "" },
	{ "mail_spool_directory", SETTING_TEXT, "/var/mail",
	    FIELD(mail_spool_directory), "" },
	{ "mail_temp_dir", SETTING_TEXT, "/tmp", FIELD(mail_temp_dir), "" },
	{ "mail_fsync", SETTING_CHOICE, "always", FIELD(mail_fsync),
	    "always optimized never" },
	{ "mbox_write_locks", SETTING_LIST, "fcntl dotlock",
	    FIELD(mbox_write_locks), "" },
	{ "mbox_lock_timeout", SETTING_DURATION, "60s",
	    FIELD(mbox_lock_timeout), "" },
	{ "mailbox_size_limit", SETTING_SIZE, "0", FIELD(mailbox_size_limit),
	    "" },
	{ "lda_mailbox_autocreate", SETTING_BOOL, "no",
	    FIELD(lda_mailbox_autocreate), "" },
	{ "lda_mailbox_autosubscribe", SETTING_BOOL, "no",
	    FIELD(lda_mailbox_autosubscribe), "" },
	{ "quota_rule", SETTING_TEXT, "", FIELD(quota.quota_rules[0]), "" },
	{ "quota_rule2", SETTING_TEXT, "", FIELD(quota.quota_rules[1]), "" },
	{ "quota_rule3", SETTING_TEXT, "", FIELD(quota.quota_rules[2]), "" },
	{ "quota_rule4", SETTING_TEXT, "", FIELD(quota.quota_rules[3]), "" },
	{ "quota_rule5", SETTING_TEXT, "", FIELD(quota.quota_rules[4]), "" },
	{ "quota_storage_size", SETTING_SIZE, "0",
	    FIELD(quota.quota_storage_size), "unlimited" },
	{ "quota_message_count", SETTING_NUMBER, "0",
	    FIELD(quota.quota_message_count), "unlimited" },
	{ "quota_grace", SETTING_TEXT, "10%", FIELD(quota.quota_grace), "" },
	{ "quota_exclude", SETTING_LIST, "", FIELD(quota.quota_exclude), "" },
	{ "quota_warning", SETTING_TEXT, "", FIELD(quota.quota_warning), "" },
	{ "lmtp_auth_user", SETTING_TEXT, "", FIELD(lmtp_auth_user), "" },
	{ "lmtp_auth_password_file", SETTING_TEXT, "",
	    FIELD(lmtp_auth_password_file), "" },
	{ "lmtp_data_done_timeout", SETTING_DURATION, "600s",
	    FIELD(lmtp_data_done_timeout), "" },
};

#undef FIELD

const struct setting_table store_settings = { rows, COUNT(rows) };

static const struct store *
store_of(struct str driver)
{
	for (size_t i = 0; i < COUNT(stores); i++)
		if (str_is(driver, stores[i]->word))
			return stores[i];
	return NULL;
}

/* 2.4 names the parts one by one; together they are a mail_location. */
static int
read_location(const struct store_options *options, struct arena *arena,
    struct location *into, struct status *why)
{
	if (options->mail_driver[0] == '\0' && options->mail_path[0] == '\0')
		return location_parse(
		    str_from(options->mail_location), arena, into, why);
	memset(into, 0, sizeof(*into));
	into->driver = str_from(options->mail_driver);
	if (into->driver.length == 0)
		into->driver = str_from("maildir");
	into->path = str_from(options->mail_path);
	into->inbox = str_from(options->mail_inbox_path);
	return 0;
}

/* 0 and whether path is a directory, or -1: what cannot be looked at is not
 * "not there", or mail would go to another mailbox than yesterday's. */
static int
look_for_directory(const char *path, bool *found, struct status *why)
{
	struct stat facts;

	*found = false;
	if (sys_fstatat(AT_FDCWD, path, &facts, 0) == 0) {
		*found = S_ISDIR(facts.st_mode);
		return 0;
	}
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return status_fail_access(why, "look for", path, X_OK);
}

/*
 * auto: ~/Maildir where it exists, or for everybody but the system's users;
 * theirs is the mbox in the spool.
 */
static int
resolve_auto(const struct store_options *options,
    const struct store_owner *owner, struct arena *arena,
    struct location *location, struct status *why)
{
	bool has_maildir = false;

	if (owner->home == NULL && !owner->is_system)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "mail_location = auto: %.*s has no home directory (set "
		    "mail_home or mail_location)",
		    (int)owner->name.length, owner->name.at);
	if (owner->is_system && owner->home != NULL &&
	    look_for_directory(arena_path(arena, owner->home, "Maildir"),
		&has_maildir, why) < 0)
		return -1;
	if (!owner->is_system || has_maildir) {
		location->driver = str_from("maildir");
		location->path = str_from("~/Maildir");
		return 0;
	}
	location->driver = str_from("mbox");
	location->path =
	    owner->home != NULL ? str_from("~/mail") : str_of(NULL, 0);
	location->inbox = str_from(
	    arena_print(arena, "%s/%%n", options->mail_spool_directory));
	return 0;
}

static int
fail_of_driver(struct str driver, struct status *why)
{
	return status_fail(why, STATUS_MISCONFIGURED,
	    "\"%.*s\" is not a format that lda delivers into (auto, "
	    "maildir:PATH, mbox:PATH, lmtp:unix:PATH, lmtp:inet:HOST:PORT)",
	    (int)driver.length, driver.at);
}

static int
fail_of_server(struct str path, struct status *why)
{
	return status_fail(why, STATUS_MISCONFIGURED,
	    "mail_location: \"%.*s\" names no LMTP server: unix:PATH with an "
	    "absolute path, or inet:HOST:PORT with a numeric address or "
	    "localhost for HOST",
	    (int)path.length, path.at);
}

static int
fail_of_relative(const char *path, struct status *why)
{
	return status_fail(why, STATUS_MISCONFIGURED,
	    "mail_location: %s is not an absolute path", path);
}

/* With a made-up user, whose name says nothing about others': only where the
 * path begins.  What is not given is fine, and so is 2.4's ".". */
static int
check_path(struct str path, struct arena *arena, struct status *why)
{
	struct expand_names names = expand_names_of(str_from("user@example"));
	const char *text;

	names.home = str_from("/home");
	if (path.length == 0 || str_is(path, ".") || str_is(path, "~") ||
	    str_begins(path, "~/"))
		return 0;
	if (expand(path, &names, EXPAND_TEXT, arena, &text, why) < 0)
		return -1;
	return text[0] == '/' ? 0 : fail_of_relative(text, why);
}

int
store_check_location(const struct store_options *options, struct arena *arena,
    struct status *why)
{
	const struct store *store;
	struct location location;

	if (read_location(options, arena, &location, why) < 0)
		return -1;
	if (str_is(location.driver, "auto"))
		return 0;
	store = store_of(location.driver);
	if (store == NULL)
		return fail_of_driver(location.driver, why);
	if (store->is_remote)
		return location_is_server(location.path) ?
		    0 :
		    fail_of_server(location.path, why);
	if (check_path(location.path, arena, why) < 0 ||
	    check_path(location.inbox, arena, why) < 0)
		return -1;
	return check_path(location.control, arena, why);
}

bool
store_is_remote(const struct store_options *options, struct arena *arena)
{
	const struct store *store;
	struct location location;
	struct status why;

	if (read_location(options, arena, &location, &why) < 0)
		return false;
	store = store_of(location.driver);
	return store != NULL && store->is_remote;
}

int
store_check_locks(const struct store_options *options, struct status *why)
{
	struct lock_set set;

	return lock_set_read(&set, &options->mbox_write_locks, why);
}

int
store_check_quota(const struct store_options *options, const char **mistaken,
    struct status *why)
{
	struct quota_warning warning;
	struct quota quota;

	if (quota_read(&options->quota, "INBOX", &quota, why) < 0) {
		*mistaken = quota.mistaken;
		return -1;
	}
	*mistaken = "quota_warning";
	return quota_warning_read(
	    str_from(options->quota.quota_warning), &warning, why);
}

/* What is of use only together is not judged where nobody uses it. */
int
store_check_lmtp(const struct store_options *options, struct arena *arena,
    struct status *why)
{
	struct str user = str_from(options->lmtp_auth_user);
	struct str file = str_from(options->lmtp_auth_password_file);

	if (user.length > LMTP_CLIENT_SECRET_OCTETS || str_has_control(user))
		return status_fail(why, STATUS_MISCONFIGURED,
		    "lmtp_auth_user is too long, or has a control character");
	if (file.length > 0 && file.at[0] != '/')
		return status_fail(why, STATUS_MISCONFIGURED,
		    "lmtp_auth_password_file: %s is not an absolute path",
		    file.at);
	if (options->lmtp_data_done_timeout == 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "lmtp_data_done_timeout must be at least 1s");
	if ((user.length > 0) != (file.length > 0) &&
	    store_is_remote(options, arena))
		return status_fail(why, STATUS_MISCONFIGURED,
		    "of lmtp_auth_user and lmtp_auth_password_file one is not "
		    "set");
	return 0;
}

static int
expand_path(struct str value, const struct expand_names *names,
    struct arena *arena, const char **into, struct status *why)
{
	if (expand(value, names, EXPAND_PATH, arena, into, why) < 0) {
		status_context(why, "mail_location");
		return -1;
	}
	if ((*into)[0] == '/')
		return 0;
	/* Relative to what?  Postfix's queue directory is never meant. */
	return fail_of_relative(*into, why);
}

/* A server has no directories. */
static int
resolve_server(const struct location *location,
    const struct expand_names *names, struct arena *arena, struct mailbox *into,
    struct status *why)
{
	if (expand(location->path, names, EXPAND_PATH, arena, &into->root,
		why) < 0) {
		status_context(why, "mail_location");
		return -1;
	}
	if (!location_is_server(str_from(into->root)))
		return fail_of_server(str_from(into->root), why);
	into->inbox = into->control = into->root;
	return 0;
}

int
mailbox_resolve(const struct store_options *options,
    const struct store_owner *owner, struct arena *arena, struct mailbox *into,
    struct status *why)
{
	struct expand_names names = expand_names_of(owner->name);
	struct location location;

	names.home = str_from(owner->home);
	if (read_location(options, arena, &location, why) < 0)
		return -1;
	if (str_is(location.driver, "auto") &&
	    resolve_auto(options, owner, arena, &location, why) < 0)
		return -1;
	memset(into, 0, sizeof(*into));
	into->store = store_of(location.driver);
	if (into->store == NULL)
		return fail_of_driver(location.driver, why);
	if (into->store->is_remote)
		return resolve_server(&location, &names, arena, into, why);
	/* Without a home there is still the INBOX in the spool. */
	if (location.path.length == 0 &&
	    (owner->home != NULL || location.inbox.length == 0))
		location.path = str_from(into->store->usual_path);
	if (location.path.length > 0 &&
	    expand_path(location.path, &names, arena, &into->root, why) < 0)
		return -1;
	into->inbox = into->root;
	if (into->root != NULL && into->store->inbox[0] != '\0')
		into->inbox = arena_path(arena, into->root, into->store->inbox);
	if (str_is(location.inbox, ".") && into->root != NULL)
		into->inbox = into->root; /* 2.4's default for Maildir */
	else if (location.inbox.length > 0 &&
	    expand_path(location.inbox, &names, arena, &into->inbox, why) < 0)
		return -1;
	into->control = into->root;
	if (location.control.length > 0 &&
	    expand_path(location.control, &names, arena, &into->control, why) <
		0)
		return -1;
	into->subscriptions = location.subscriptions.length > 0 ?
	    arena_string(arena, location.subscriptions) :
	    "subscriptions";
	if (into->inbox == NULL)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "mail_location names no place for INBOX");
	into->in_spool = owner->is_system &&
	    strcmp(into->inbox,
		arena_print(arena, "%s/%.*s", options->mail_spool_directory,
		    (int)names.local.length, names.local.at)) == 0;
	into->layout_fs = location.layout_fs;
	into->utf8 = location.utf8;
	into->never_made = owner->is_system ? owner->home : NULL;
	return 0;
}

void
delivery_init(struct delivery *delivery, const struct mailbox *mailbox,
    const struct store_options *options, const struct folder *folder,
    struct arena *arena)
{
	memset(delivery, 0, sizeof(*delivery));
	delivery->mailbox = mailbox;
	delivery->options = options;
	delivery->folder = *folder;
	delivery->arena = arena;
	delivery->state = DELIVERY_PLANNED;
	delivery->keeper = -1;
	delivery->full = STATUS_MAILBOX_FULL;
	delivery->quota_percent = -1;
}

bool
delivery_syncs(const struct delivery *delivery)
{
	return delivery->options->mail_fsync != STORE_FSYNC_NEVER;
}

bool
delivery_may_make(const struct delivery *delivery)
{
	return folder_is_inbox(&delivery->folder) || delivery->make_folder ||
	    delivery->options->lda_mailbox_autocreate;
}

int
delivery_check_limits(const struct delivery *delivery, const char *path,
    uint64_t octets, struct status *why)
{
	for (size_t i = 0; i < delivery->limit_count; i++) {
		const struct message_limit *limit = &delivery->limits[i];

		if (limit->of_file && octets > limit->octets)
			return status_fail(why, limit->id,
			    "%s would have %ju octets, more than %ju: %s", path,
			    (uintmax_t)octets, (uintmax_t)limit->octets,
			    limit->name);
	}
	return 0;
}
