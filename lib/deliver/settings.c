/*
 * settings.c - all settings: the rooms' tables listed.
 *
 * A new setting is a row in the table of the room that obeys it.
 */
#include "deliver/settings.h"

#include "base/log.h"
#include "base/place.h"
#include "config/expand.h"

#include <stddef.h>
#include <string.h>

#define FIELD(name) offsetof(struct deliver_options, name)

static const struct setting rows[] = {
	{ "message_size_limit", SETTING_SIZE, "0", FIELD(message_size_limit),
	    "" },
	{ "quota_full_tempfail", SETTING_BOOL, "yes",
	    FIELD(quota_full_tempfail), "" },
	{ "delivery_timeout", SETTING_DURATION, "300s", FIELD(delivery_timeout),
	    "" },
	{ "first_valid_uid", SETTING_NUMBER, "500", FIELD(first_valid_uid),
	    "" },
	{ "syslog_facility", SETTING_TEXT, "mail", FIELD(syslog_facility), "" },
	{ "syslog_socket", SETTING_TEXT, "/dev/log", FIELD(syslog_socket), "" },
	{ "detail_folder", SETTING_CHOICE, "no", FIELD(detail_folder),
	    "no existing create" },
	{ "sandbox", SETTING_CHOICE, "servers", FIELD(sandbox),
	    "no servers files all" },
	{ "deliver_log_format", SETTING_TEXT, "msgid=%m: %$",
	    FIELD(deliver_log_format), "" },
	{ "postfix_config_directory", SETTING_TEXT, "",
	    FIELD(postfix_config_directory), "" },
};

#undef FIELD

static const struct setting_table deliver_settings = { rows, COUNT(rows) };

#define FIELD(name) offsetof(struct lmtp_options, name)

static const struct setting lmtp_rows[] = {
	{ "lmtp_hdr_delivery_address", SETTING_CHOICE, "final",
	    FIELD(lmtp_hdr_delivery_address), "final original none" },
	{ "lmtp_add_received_header", SETTING_BOOL, "yes",
	    FIELD(lmtp_add_received_header), "" },
	{ "lmtp_rcpt_check_quota", SETTING_BOOL, "no",
	    FIELD(lmtp_rcpt_check_quota), "" },
	{ "lmtp_downcase_rcpt", SETTING_BOOL, "yes", FIELD(lmtp_downcase_rcpt),
	    "" },
	{ "lmtp_share_message", SETTING_BOOL, "yes", FIELD(lmtp_share_message),
	    "" },
	{ "lmtp_recipient_limit", SETTING_NUMBER, "1000",
	    FIELD(lmtp_recipient_limit), "" },
	{ "lmtp_user_concurrency_limit", SETTING_NUMBER, "10",
	    FIELD(lmtp_user_concurrency_limit), "" },
	{ "lmtp_sasl", SETTING_TEXT, "", FIELD(lmtp_sasl), "" },
	{ "mynetworks", SETTING_LIST, "127.0.0.0/8 [::1]/128",
	    FIELD(mynetworks), "" },
	{ "default_process_limit", SETTING_NUMBER, "100",
	    FIELD(default_process_limit), "" },
	{ "lmtp_user", SETTING_TEXT, "nobody", FIELD(lmtp_user), "" },
};

#undef FIELD

static const struct setting_table lmtp_settings = { lmtp_rows,
	COUNT(lmtp_rows) };

#define IGNORED(name)                                                          \
	{                                                                      \
		name, SETTING_IGNORED, "", 0, ""                               \
	}

/*
 * Dovecot's settings that change nothing about a delivery made here: its
 * daemons, logs, indexes, how readers see mail.  Accepted, so that a command
 * line or a file written for dovecot-lda goes on working; named in the log.
 */
static const struct setting ignored_rows[] = {
	IGNORED("plugin/"),
	IGNORED("protocol/"),
	IGNORED("mail_plugins"),
	IGNORED("mail_plugin_dir"),
	IGNORED("mail_debug"),
	IGNORED("mail_log_prefix"),
	IGNORED("log_path"),
	IGNORED("info_log_path"),
	IGNORED("debug_log_path"),
	IGNORED("log_timestamp"),
	IGNORED("log_debug"),
	IGNORED("auth_socket_path"),
	IGNORED("auth_debug"),
	IGNORED("auth_verbose"),
	IGNORED("base_dir"),
	IGNORED("state_dir"),
	IGNORED("instance_name"),
	IGNORED("import_environment"),
	IGNORED("stats_writer_socket_path"),
	IGNORED("verbose_proctitle"),
	IGNORED("hostname"),
	IGNORED("postmaster_address"),
	IGNORED("sendmail_path"),
	IGNORED("submission_host"),
	IGNORED("submission_timeout"),
	IGNORED("rejection_subject"),
	IGNORED("rejection_reason"),
	IGNORED("lock_method"),
	IGNORED("mmap_disable"),
	IGNORED("dotlock_use_excl"),
	IGNORED("mail_nfs_storage"),
	IGNORED("mail_nfs_index"),
	IGNORED("mail_max_lock_timeout"),
	IGNORED("mail_temp_scan_interval"),
	IGNORED("mail_index_path"),
	IGNORED("mail_cache_path"),
	IGNORED("mail_control_path"),
	IGNORED("mail_volatile_path"),
	IGNORED("mail_cache_fields"),
	IGNORED("mail_always_cache_fields"),
	IGNORED("mail_privileged_group"),
	IGNORED("mail_access_groups"),
	IGNORED("maildir_copy_with_hardlinks"),
	IGNORED("maildir_very_dirty_syncs"),
	IGNORED("maildir_broken_filename_sizes"),
	IGNORED("maildir_stat_dirs"),
	IGNORED("maildir_empty_new"),
	IGNORED("mbox_read_locks"),
	IGNORED("mbox_dirty_syncs"),
	IGNORED("mbox_very_dirty_syncs"),
	IGNORED("mbox_lazy_writes"),
	IGNORED("mbox_md5"),
	IGNORED("mbox_min_index_size"),
	IGNORED("dovecot_config_version"),
	IGNORED("dovecot_storage_version"),
};

static const struct setting_table ignored_settings = { ignored_rows,
	COUNT(ignored_rows) };

int
settings_init(
    struct settings *settings, struct arena *arena, struct status *why)
{
	const struct config_room rooms[] = {
		{ &user_settings, &settings->user },
		{ &store_settings, &settings->store },
		{ &deliver_settings, &settings->deliver },
		{ &lmtp_settings, &settings->lmtp },
		{ &ignored_settings, NULL },
	};

	if (config_init(&settings->config, rooms, COUNT(rooms), arena, why) < 0)
		return -1;
	/* A test's machine has its log elsewhere than the row says. */
	settings->deliver.syslog_socket = place_log_socket;
	return 0;
}

/* Settings that name a user's places; each is tried with a made-up user, so
 * that a mistake is told with its file and line, and not once a mail. */
static const char expanded[][24] = { "mail_location", "mail_path",
	"mail_inbox_path", "mail_home", "auth_username_format" };

/* And those that are paths without variables; but a log that cannot be reached
 * is no reason to defer mail. */
static const char plain_paths[][24] = { "mail_temp_dir",
	"mail_spool_directory" };

static int
blame(const struct config *config, const char *name, struct status *why)
{
	status_context(why, "%s", config_describe(config, name));
	return -1;
}

static bool
is_one_of(const char (*names)[24], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Where a path ends, other programs begin a comment; here it would be part of
 * it, and mail would go where nobody looks. */
static int
check_comment(struct str value, struct status *why)
{
	for (size_t i = 1; i < value.length; i++)
		if (value.at[i] == '#' &&
		    (value.at[i - 1] == ' ' || value.at[i - 1] == '\t'))
			return status_fail(why, STATUS_MISCONFIGURED,
			    "a comment must stand on a line of its own");
	return 0;
}

static int
check_expansion(const struct config *config, const struct config_value *value,
    struct status *why)
{
	struct expand_names names = expand_names_of(str_from("user@example"));
	const char *result;

	names.home = str_from("/home");
	if (value->text.length == 0)
		return 0;
	if (check_comment(value->text, why) < 0 ||
	    expand(value->text, &names, EXPAND_TEXT, config->arena, &result,
		why) < 0)
		return blame(config, value->row->name, why);
	/* Relative to what?  Postfix's queue directory is never meant. */
	if (strcmp(value->row->name, "mail_home") == 0 && result[0] != '/') {
		(void)status_fail(
		    why, STATUS_MISCONFIGURED, "no absolute path");
		return blame(config, value->row->name, why);
	}
	return 0;
}

static int
check_plain_path(const struct config *config, const struct config_value *value,
    struct status *why)
{
	if (check_comment(value->text, why) < 0)
		return blame(config, value->row->name, why);
	if (str_begins(value->text, "/"))
		return 0;
	(void)status_fail(why, STATUS_MISCONFIGURED, "no absolute path");
	return blame(config, value->row->name, why);
}

/* Each delivery comes by here; the defaults are right. */
static int
check_expansions(const struct config *config, struct status *why)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct config_value *value = &config->values[i];

		if (value->level == CONFIG_DEFAULT)
			continue;
		if (is_one_of(expanded, COUNT(expanded), value->row->name) &&
		    check_expansion(config, value, why) < 0)
			return -1;
		if (is_one_of(
			plain_paths, COUNT(plain_paths), value->row->name) &&
		    check_plain_path(config, value, why) < 0)
			return -1;
	}
	return 0;
}

static bool
is_set(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->values[i].level != CONFIG_DEFAULT &&
		    strcmp(config->values[i].row->name, name) == 0)
			return true;
	return false;
}

/* Values that other rooms take apart. */
static int
check_places(const struct settings *settings, struct status *why)
{
	const struct config *config = &settings->config;
	const char *mistaken;

	if (user_check_sources(&settings->user, config->arena, why) < 0)
		return blame(config, "userdb", why);
	if (user_check_destinations(&settings->user, why) < 0)
		return blame(config, "mydestination", why);
	if (user_check_ids(&settings->user, why) < 0)
		return blame(config,
		    str_is(str_from(settings->user.mail_uid), "0") ?
			"mail_uid" :
			"mail_gid",
		    why);
	if (is_set(config, "auth_username_format") &&
	    user_check_format(&settings->user, config->arena, why) < 0)
		return blame(config, "auth_username_format", why);
	if (store_check_location(&settings->store, config->arena, why) < 0)
		return blame(config,
		    settings->store.mail_driver[0] != '\0' ? "mail_driver" :
							     "mail_location",
		    why);
	if (is_set(config, "mbox_write_locks") &&
	    store_check_locks(&settings->store, why) < 0)
		return blame(config, "mbox_write_locks", why);
	if (store_check_quota(&settings->store, &mistaken, why) < 0)
		return blame(config, mistaken, why);
	if (store_check_lmtp(&settings->store, config->arena, why) < 0)
		return blame(config, "lmtp_auth_user", why);
	return 0;
}

int
settings_check(const struct settings *settings, struct status *why)
{
	const struct config *config = &settings->config;

	if (settings->deliver.delivery_timeout == 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: it must be at least 1s",
		    config_describe(config, "delivery_timeout"));
	if (settings->lmtp.lmtp_recipient_limit == 0 ||
	    settings->lmtp.lmtp_recipient_limit > LMTP_RECIPIENTS_MOST)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: it must be between 1 and %d",
		    config_describe(config, "lmtp_recipient_limit"),
		    LMTP_RECIPIENTS_MOST);
	if (settings->lmtp.default_process_limit == 0 ||
	    settings->lmtp.default_process_limit > PROCESSES_MOST)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: it must be between 1 and %d",
		    config_describe(config, "default_process_limit"),
		    PROCESSES_MOST);
	if (log_facility(str_from(settings->deliver.syslog_facility)) < 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: it must be mail, user, daemon or local0 to local7",
		    config_describe(config, "syslog_facility"));
	if (check_expansions(config, why) < 0)
		return -1;
	return check_places(settings, why);
}

bool
settings_settle(struct settings *settings)
{
	enum config_level level =
	    config_find(&settings->config, "mail_location")->level;

	if (level <= config_find(&settings->config, "mail_driver")->level ||
	    level <= config_find(&settings->config, "mail_path")->level ||
	    (settings->store.mail_driver[0] == '\0' &&
		settings->store.mail_path[0] == '\0'))
		return false;
	settings->store.mail_driver = "";
	settings->store.mail_path = "";
	return true;
}

void
settings_print(const struct settings *settings, bool origins, struct buf *out)
{
	for (size_t i = 0; i < settings->config.count; i++) {
		const struct config_value *value = &settings->config.values[i];

		if (value->level == CONFIG_DEFAULT ||
		    str_is(value->text, value->row->fallback))
			continue;
		buf_print(out, "%s%s = %.*s", origins ? "    " : "",
		    value->row->name, (int)value->text.length, value->text.at);
		if (origins)
			buf_print(out, "    (%s)", value->origin);
		buf_add_octet(out, '\n');
	}
}
