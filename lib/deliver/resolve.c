/*
 * resolve.c - which user a delivery is for, and whether we may be him.
 *
 * Source: postfix local(8) (USER, HOME; root's mail runs as default_privs),
 * pipe(8) (no USER), dovecot-lda (-d, first_valid_uid).
 */
#include "deliver/resolve.h"

#include "base/priv.h"
#include "base/sys.h"
#include "deliver/keeper.h"
#include "mail/address.h"
#include "user/user_passwd.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int
misconfigured(struct status *why, const char *reply)
{
	status_reply(why, "local configuration error: %s", reply);
	return -1;
}

static bool
userdb_is_set(const struct settings *settings)
{
	return config_find(&settings->config, "userdb")->level !=
	    CONFIG_DEFAULT;
}

int
resolve_name(const struct settings *settings, struct str name,
    struct arena *arena, struct user *into, struct status *why)
{
	return user_find(
	    &settings->user, name, userdb_is_set(settings), arena, into, why);
}

/* "<bob@d>" is bob@d, but a blank is part of a name. */
static struct str
without_brackets(struct str name)
{
	if (str_begins(name, "<") && str_ends(name, ">"))
		return str_head(str_after(name, 1), name.length - 2);
	return name;
}

static int
by_flag(const struct deliver_request *request, const struct settings *settings,
    struct arena *arena, struct user *into, struct status *why)
{
	struct str name = without_brackets(request->user.text);

	if (name.length > 0)
		return resolve_name(settings, name, arena, into, why);
	(void)status_fail(why, STATUS_MISCONFIGURED,
	    "-d is empty: its macro in master.cf or main.cf expands to "
	    "nothing (use ${recipient})");
	return misconfigured(why, "-d is empty");
}

static int
fail_of_other_uid(
    struct str name, const struct user *user, uid_t uid, struct status *why)
{
	bool root = user->uid == 0;

	(void)status_fail(why, STATUS_MISCONFIGURED,
	    "USER is %.*s, who has uid %jd, but lda runs as uid %jd%s",
	    (int)name.length, name.at, (intmax_t)user->uid, (intmax_t)uid,
	    root ? ": local(8) runs root's mail as default_privs; alias root "
		   "to a person in /etc/aliases" :
		   "");
	return misconfigured(
	    why, root ? "alias root to a person" : "USER is somebody else");
}

/* local(8) exports USER and HOME of the recipient and runs us as him. */
static int
by_environment(const struct deliver_request *request,
    const struct settings *settings, uid_t uid, struct arena *arena,
    struct user *into, struct status *why)
{
	struct str name = request->environment_user.text;
	struct str home = request->environment_home.text;

	memset(into, 0, sizeof(*into));
	if (user_passwd_by_name(name, &settings->user, arena, into, why) < 0) {
		status_context(why, "USER in the environment");
		status_become(why, STATUS_LOOKUP_FAILED);
		return -1;
	}
	into->source = "passwd";
	if (into->uid != uid)
		return fail_of_other_uid(name, into, uid, why);
	if (request->environment_home.given && str_begins(home, "/"))
		into->home = arena_string(arena, home);
	return 0;
}

/* pipe(8) without -d: the address is a guess at the user, so "not found" is
 * no fact about the recipient. */
static int
by_address(const struct settings *settings, struct str address,
    struct arena *arena, struct user *into, struct status *why)
{
	if (resolve_name(settings, address_bare(address), arena, into, why) ==
	    0)
		return 0;
	if (why->id != STATUS_USER_UNKNOWN)
		return -1;
	status_context(why, "-d is missing, and the address is no user");
	status_become(why, STATUS_MISCONFIGURED);
	return misconfigured(why, "-d is missing");
}

static int
by_our_uid(const struct settings *settings, uid_t uid, struct arena *arena,
    struct user *into, struct status *why)
{
	memset(into, 0, sizeof(*into));
	if (user_passwd_by_uid(uid, &settings->user, arena, into, why) < 0) {
		status_context(why, "-d is missing, and our uid is no user");
		status_become(why, STATUS_MISCONFIGURED);
		return misconfigured(why, "-d is missing");
	}
	into->source = "passwd";
	return 0;
}

static int
fail_of_no_flag(const char *reason, struct status *why)
{
	(void)status_fail(
	    why, STATUS_MISCONFIGURED, "-d is missing: %s", reason);
	return misconfigured(why, "-d is missing");
}

int
resolve_recipient(const struct deliver_request *request,
    const struct settings *settings, struct arena *arena, struct user *into,
    struct status *why)
{
	const struct envelope_claims *claims = &request->envelope;
	uid_t uid = sys_uid();

	if (request->user.given)
		return by_flag(request, settings, arena, into, why);
	if (uid == 0)
		return fail_of_no_flag("lda was started as root", why);
	if (request->environment_user.text.length > 0)
		return by_environment(request, settings, uid, arena, into, why);
	if (claims->final_flag.text.length > 0)
		return by_address(
		    settings, claims->final_flag.text, arena, into, why);
	if (claims->original_flag.text.length > 0)
		return by_address(
		    settings, claims->original_flag.text, arena, into, why);
	if (request->under_postfix)
		return fail_of_no_flag(
		    "under Postfix, without USER, nothing else tells the "
		    "recipient (pipe(8): -d ${recipient})",
		    why);
	return by_our_uid(settings, uid, arena, into, why);
}

int
resolve_settings(struct settings *settings, const struct user *user,
    struct arena *arena, struct status *why)
{
	const char *origin;

	/* Without any they have been judged when they were read. */
	if (user->field_count == 0)
		return 0;
	origin = arena_print(arena, "userdb %s, user %.*s", user->source,
	    (int)user->name.length, user->name.at);
	for (size_t i = 0; i < user->field_count; i++) {
		bool known;

		if (config_set_known(&settings->config, user->fields[i].name,
			user->fields[i].value, CONFIG_USER, origin, &known,
			why) < 0) {
			status_become(why, STATUS_LOOKUP_FAILED);
			return -1;
		}
	}
	/* The usual user has none, and the others were checked when they were
	 * read. */
	if (!settings_settle(settings) && user->field_count == 0)
		return 0;
	return settings_check(settings, why);
}

static int
check_uid(const struct settings *settings, const struct user *user,
    struct status *why)
{
	struct str name = user->name;

	if (!user->has_uid)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "no uid for %.*s: neither %s nor mail_uid gives one, and "
		    "lda never delivers as root",
		    (int)name.length, name.at, user->source);
	if (user->uid == 0) {
		(void)status_fail(why, STATUS_MISCONFIGURED,
		    "%.*s has uid 0, and lda never delivers as root: alias "
		    "root to a person",
		    (int)name.length, name.at);
		return misconfigured(why, "alias root to a person");
	}
	if (user->uid < settings->deliver.first_valid_uid)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%.*s has uid %jd, below %s", (int)name.length, name.at,
		    (intmax_t)user->uid,
		    config_describe(&settings->config, "first_valid_uid"));
	return 0;
}

/* The user's group; that of his uid where only the uid was told. */
static int
find_gid(const struct settings *settings, const struct user *user,
    struct arena *arena, gid_t *gid, struct status *why)
{
	struct user system = { .home = NULL };

	*gid = user->gid;
	if (user->has_gid)
		return 0;
	if (user_passwd_by_uid(
		user->uid, &settings->user, arena, &system, why) < 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "no gid for %.*s: neither %s nor mail_gid gives one, and "
		    "uid %jd is no system user's",
		    (int)user->name.length, user->name.at, user->source,
		    (intmax_t)user->uid);
	*gid = system.gid;
	return 0;
}

static int
become(const struct settings *settings, const struct user *user, int *keeper,
    struct arena *arena, struct status *why)
{
	gid_t gid;

	if (check_uid(settings, user, why) < 0 ||
	    find_gid(settings, user, arena, &gid, why) < 0)
		return -1;
	if (gid == 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%.*s has gid 0, and lda never delivers with root's group",
		    (int)user->name.length, user->name.at);
	if (keeper_for_user(settings, user, keeper, arena, why) < 0)
		return -1;
	if (priv_become(user->uid, gid) == 0)
		return 0;
	return status_fail(why, STATUS_TROUBLE,
	    "cannot become uid %jd, gid %jd: %s", (intmax_t)user->uid,
	    (intmax_t)gid, strerror(errno));
}

int
resolve_privileges(const struct settings *settings, const struct user *user,
    int *keeper, struct arena *arena, struct status *why)
{
	uid_t uid = sys_uid();

	/* Whoever cannot be told may be root. */
	if (uid == (uid_t)-1)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot tell who we are: %s", strerror(errno));
	if (uid == 0)
		return become(settings, user, keeper, arena, why);
	if (!user->has_uid || user->uid == uid)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "%.*s has uid %jd, lda runs as uid %jd and is not root: set user= "
	    "in master.cf, or start lda as that user",
	    (int)user->name.length, user->name.at, (intmax_t)user->uid,
	    (intmax_t)uid);
}
