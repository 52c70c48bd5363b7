/*
 * service.c - a pipe(8) or spawn(8) service that runs one of our programs.
 *
 * Source: postfix master(5), pipe(8), spawn(8).
 */
#include "base/number.h"
#include "base/sys.h"
#include "doctor/examine.h"

#include <fcntl.h>
#include <inttypes.h>

static void
examine_columns(
    const struct examination *at, const struct postconf_service *service)
{
	const char *limit = examine_text(at, service->process_limit);

	if (examine_is_chrooted(at, service))
		finding_add(at->findings, FINDING_CHROOT,
		    examine_columns_of(at, service, limit),
		    "service %s: the fifth column, chroot, is %s",
		    examine_text(at, service->name),
		    examine_text(at, service->chroot));
	if (!str_is(service->unprivileged, "n"))
		finding_add(at->findings, FINDING_UNPRIVILEGED,
		    examine_columns_of(at, service, limit),
		    "service %s: the fourth column, unpriv, is %s",
		    examine_text(at, service->name),
		    examine_text(at, service->unprivileged));
}

static void
blame_user(const struct examination *at, const struct way *way,
    const char *user, const char *why)
{
	finding_add(at->findings, FINDING_SERVICE_USER,
	    "user=vmail, for example", "service %s has user=%s, %s",
	    examine_text(at, way->service.name), user, why);
}

/* The owner of the mail, where one is set that lda cannot become. */
static void
compare_owner(const struct examination *at, const struct way *way,
    const char *user, uid_t uid)
{
	const struct user_options *options = &at->settings->user;
	struct status why;
	struct stat facts;
	uid_t owner;

	if (options->mail_uid[0] == '\0' || way->kind == WAY_VERIFY ||
	    store_is_remote(&at->settings->store, at->arena) ||
	    user_read_uid(str_from(options->mail_uid), options, at->arena,
		&owner, &why) < 0 ||
	    owner == uid)
		return;
	if (sys_fstatat(AT_FDCWD, examine_text(at, way->program), &facts, 0) ==
		0 &&
	    (facts.st_mode & S_ISUID) != 0)
		return;
	blame_user(at, way, user,
	    arena_print(at->arena, "and mail_uid in lda.conf is %s",
		options->mail_uid));
}

static void
examine_user(const struct examination *at, const struct way *way)
{
	const struct user_options *options = &at->settings->user;
	struct cursor in;
	struct str value, name;
	struct status why;
	uid_t uid, postfix;

	if (!wiring_attribute(&way->service, "user", &value)) {
		blame_user(at, way, "", "which must name somebody");
		return;
	}
	in = cursor_over(value);
	name = cursor_until(&in, ':');
	/* One whom only NSS knows is left alone. */
	status_init(&why);
	if (user_read_uid(name, options, at->arena, &uid, &why) < 0) {
		if (str_is(name, "root") || str_is(name, "0"))
			blame_user(at, way, "root", "which Postfix refuses");
		return;
	}
	if (user_read_uid(postconf_setting(at->postconf, "mail_owner"), options,
		at->arena, &postfix, &why) == 0 &&
	    postfix == uid) {
		blame_user(at, way, examine_text(at, name),
		    "the mail system's own, which Postfix refuses");
		return;
	}
	compare_owner(at, way, examine_text(at, name), uid);
}

/* "-" is default_process_limit, 0 none. */
static uint64_t
limit_of(const struct examination *at, struct str column)
{
	uint64_t limit;

	if (str_is(column, "-"))
		column =
		    postconf_setting(at->postconf, "default_process_limit");
	if (!number_read(column, UINT64_MAX, &limit) || limit == 0)
		return UINT64_MAX;
	return limit;
}

/* How many processes of this command there may be at a time. */
static uint64_t
most_of(const struct examination *at, const char *command)
{
	struct cursor in = cursor_over(at->postconf->services);
	struct postconf_service service;
	uint64_t most = 0;

	while (postconf_next_service(&in, &service)) {
		uint64_t limit = limit_of(at, service.process_limit);

		if (str_is(service.command, command) && limit > most)
			most = limit;
	}
	return most;
}

/* How many connections lmtp(8) opens to this server at a time. */
static uint64_t
most_clients(const struct examination *at, struct str server)
{
	uint64_t most = 0, limit;

	for (size_t i = 0; i < at->wiring->count; i++) {
		const struct way *way = &at->wiring->ways[i];

		if (way->kind == WAY_LMTP &&
		    str_ends(way->next_hop,
			arena_print(
			    at->arena, "/%s", examine_text(at, server))) &&
		    number_read(postconf_value(at->postconf, way->service.name,
				    "_destination_concurrency_limit"),
			UINT64_MAX, &limit) &&
		    limit > most)
			most = limit;
	}
	return most;
}

static void
examine_process_limit(const struct examination *at, const struct way *way)
{
	bool is_server = way->kind == WAY_SERVER;
	uint64_t limit = limit_of(at, way->service.process_limit);
	uint64_t wanted = is_server ? most_clients(at, way->service.name) :
				      most_of(at, "smtpd");

	if (limit >= wanted)
		return;
	finding_add(at->findings, FINDING_PROCESS_LIMIT,
	    examine_columns_of(at, &way->service,
		is_server ? arena_print(at->arena, "%" PRIu64, wanted) : "0"),
	    "service %s: at most %" PRIu64 " processes, and %s",
	    examine_text(at, way->service.name), limit,
	    is_server ? "lmtp(8) opens more connections" :
			"there may be more of smtpd");
}

void
examine_service(const struct examination *at, const struct way *way)
{
	const struct postconf_service *service = &way->service;
	const char *name = arena_print(
	    at->arena, "%s_time_limit", examine_text(at, service->name));

	examine_columns(at, service);
	if (way->kind == WAY_COMMAND)
		return;
	examine_user(at, way);
	if (way->kind != WAY_VERIFY)
		examine_time(at, name,
		    postconf_value_of(at->postconf, service, name),
		    FINDING_TIME_LIMIT);
	if (way->kind != WAY_PIPE)
		examine_process_limit(at, way);
}
