/*
 * user.h - who a recipient is: home, uid, gid, settings of his own.
 *
 * One table of sources.  "Not found" (STATUS_USER_UNKNOWN) and "could not
 * ask" (STATUS_LOOKUP_FAILED) are never confused, and what is doubtful is the
 * second: a bounce cannot be taken back, a deferred mail is tried again.
 */
#ifndef USER_USER_H
#define USER_USER_H

#include "base/arena.h"
#include "config/setting.h"
#include "mail/status.h"

#include <sys/types.h>

/* What lda.conf says about users. */
struct user_options {
	struct setting_list userdb;
	const char *auth_username_format;
	struct setting_list mydestination;
	const char *mail_home;
	const char *mail_uid;
	const char *mail_gid;
	int nss_notfound; /* enum user_nss_notfound */
	const char *recipient_delimiter;
};

/* What NSS's "not found" means where it cannot be told from an outage. */
enum user_nss_notfound {
	USER_NSS_DOUBTFUL,
	USER_NSS_UNKNOWN
};

extern const struct setting_table user_settings;

/* Whether each word of userdb names a source, and a path where it needs
 * one. */
int user_check_sources(const struct user_options *options, struct arena *arena,
    struct status *why) MUST_CHECK;

/* Whether each word of mydestination can be a domain. */
int user_check_destinations(
    const struct user_options *options, struct status *why) MUST_CHECK;

/* Whether mail_uid and mail_gid are not root's.  Names are looked up when there
 * is mail. */
int user_check_ids(
    const struct user_options *options, struct status *why) MUST_CHECK;

/* Whether auth_username_format tells one user from another. */
int user_check_format(const struct user_options *options, struct arena *arena,
    struct status *why) MUST_CHECK;

/* A setting for this user only, from an extra field of the source. */
struct user_field {
	struct str name;
	struct str value;
};

struct user {
	struct str name;  /* as the source calls him; no detail */
	const char *home; /* NULL: nobody said */
	bool has_uid, has_gid;
	uid_t uid;
	gid_t gid;
	bool is_system;     /* from passwd: his home is never made */
	bool is_listed;     /* by a source that does not find everybody */
	const char *source; /* the word of userdb that answered */
	struct user_field *fields;
	size_t field_count;
};

/* A question to one source. */
struct user_query {
	struct str name;     /* formatted, as this source wants it */
	struct str argument; /* what stands behind "word:" */
	const struct user_options *options;
	struct arena *arena;
};

/*
 * A kind of source.  find returns 0 and the user, or -1 with
 * STATUS_USER_UNKNOWN or STATUS_LOOKUP_FAILED (or STATUS_MISCONFIGURED).
 */
struct user_source {
	const char *word;
	bool lists_users; /* false: it finds everybody */
	bool takes_path;  /* the argument is a path, else a format */
	int (*find)(const struct user_query *query, struct user *into,
	    struct status *why);
	/* What argument is to be, where it is more than a path and is not; NULL
	 * where it is fine.  May be NULL. */
	const char *(*lacks)(struct str argument);
};

extern const struct user_source user_source_passwd;
extern const struct user_source user_source_static;
extern const struct user_source user_source_file;
extern const struct user_source user_source_cdb;
extern const struct user_source user_source_socketmap;
extern const struct user_source user_source_dovecot;

/*
 * Finds the user called name.  Sources that list users are asked in order
 * for the name as given; if all say "not found", all sources are asked for it
 * without its detail.
 * Missing uid, gid and home come from mail_uid, mail_gid and mail_home.
 * userdb_is_set tells whether the administrator chose the sources: if not, a
 * name with a domain that is not found is doubtful.
 */
int user_find(const struct user_options *options, struct str name,
    bool userdb_is_set, struct arena *arena, struct user *into,
    struct status *why) MUST_CHECK;

/* A copy of all that is known of him, in the arena. */
void user_copy(const struct user *user, struct arena *arena, struct user *into);

/* Whether the last of the sources finds everybody: then nobody is unknown. */
bool user_finds_everybody(const struct user_options *options);

/* A number, or the name of a user or group that passwd or group knows. */
int user_read_uid(struct str text, const struct user_options *options,
    struct arena *arena, uid_t *uid, struct status *why) MUST_CHECK;
int user_read_gid(struct str text, const struct user_options *options,
    struct arena *arena, gid_t *gid, struct status *why) MUST_CHECK;

/* Whether domain is one of mydestination. */
bool user_is_local_domain(
    const struct user_options *options, struct str domain);

#endif
