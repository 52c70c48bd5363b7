/*
 * keeper.c - starting the spool keeper.
 *
 * Source: DESIGN "Privileges"; store/spool_keeper.h.
 */
#include "deliver/keeper.h"

#include "base/file.h"
#include "base/place.h"
#include "base/priv.h"
#include "base/stop.h"
#include "base/sys.h"
#include "store/spool_keeper.h"
#include "user/user_passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_OCTETS ((size_t)1024 * 1024)

/*
 * Whoever reads our stdout waits for its last holder, so the keeper has none;
 * and it outlives every signal but KILL, because it has to unlock when the
 * process that delivers has ended.
 */
static int
detach(int *socket)
{
	int null;

	stop_keep_on();
	if (sys_dup2(*socket, STDERR_FILENO + 1) < 0)
		return -1;
	*socket = STDERR_FILENO + 1;
	sys_close_from(STDERR_FILENO + 2);
	null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
	if (null < 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (sys_dup2(null, fd) < 0)
			return -1;
	(void)sys_close(null);
	return 0;
}

/* What root wrote, or the defaults where root wrote nothing. */
static int
read_configuration(
    struct settings *settings, struct arena *arena, struct status *why)
{
	struct stat facts;
	struct str text;

	if (settings_init(settings, arena, why) < 0)
		return -1;
	if (sys_fstatat(AT_FDCWD, place_config_file, &facts, 0) < 0 &&
	    errno == ENOENT)
		return 0;
	if (file_read(place_config_file, FILE_OCTETS, arena, &text, &facts) <
	    0) {
		(void)status_fail_read(why, place_config_file);
		status_become(why, STATUS_MISCONFIGURED);
		return -1;
	}
	if (facts.st_uid != 0 || (facts.st_mode & 022) != 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s must belong to root and be writable by root alone, "
		    "before lda may run set-group-ID",
		    place_config_file);
	return config_parse(&settings->config, text, place_config_file, why);
}

static int
find_mailbox(struct spool_keeper *keeper, struct settings *settings,
    struct arena *arena, struct status *why)
{
	struct priv_ids ids;
	struct user user = { .home = NULL };

	if (priv_ids(&ids) < 0)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot tell who we are: %s", strerror(errno));
	if (read_configuration(settings, arena, why) < 0 ||
	    user_passwd_by_uid(ids.uid, &settings->user, arena, &user, why) < 0)
		return -1;
	keeper->directory = settings->store.mail_spool_directory;
	keeper->name = arena_string(arena, user.name);
	return 0;
}

static NORETURN void
keep_for_caller(int socket)
{
	struct arena arena;
	struct settings settings;
	struct spool_keeper keeper;
	struct status why;

	arena_init(&arena, stop_now);
	status_init(&why);
	if (detach(&socket) < 0)
		_exit(1);
	if (find_mailbox(&keeper, &settings, &arena, &why) < 0)
		spool_keeper_serve(socket, NULL, &why);
	else
		spool_keeper_serve(socket, &keeper, &why);
	_exit(0);
}

/* Forks; in the child *socket is its end, and *is_keeper is true. */
static int
fork_keeper(int *socket, bool *is_keeper, struct status *why)
{
	int ends[2];
	pid_t pid;

	if (sys_socketpair(ends) < 0)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot start the spool keeper: %s", strerror(errno));
	pid = sys_fork();
	if (pid < 0) {
		(void)status_fail(why, STATUS_TROUBLE,
		    "cannot start the spool keeper: %s", strerror(errno));
		(void)sys_close(ends[0]);
		(void)sys_close(ends[1]);
		return -1;
	}
	*is_keeper = pid == 0;
	(void)sys_close(ends[*is_keeper ? 0 : 1]);
	*socket = ends[*is_keeper ? 1 : 0];
	return 0;
}

int
keeper_for_caller(int *keeper, struct status *why)
{
	bool is_keeper = false;

	if (fork_keeper(keeper, &is_keeper, why) < 0)
		return -1;
	if (is_keeper)
		keep_for_caller(*keeper);
	if (priv_drop_group() == 0)
		return 0;
	return status_fail(why, STATUS_TROUBLE,
	    "cannot give up the set-group-ID group: %s", strerror(errno));
}

/* Only a system user's mail is ever in the spool. */
static bool
may_be_in_spool(const struct settings *settings, const struct user *user)
{
	return user->is_system && settings->store.mail_driver[0] == '\0' &&
	    !str_begins(str_from(settings->store.mail_location), "maildir:");
}

int
keeper_for_user(const struct settings *settings, const struct user *user,
    int *keeper, struct arena *arena, struct status *why)
{
	struct spool_keeper keeps = { .directory =
					  settings->store.mail_spool_directory,
		.name = arena_string(arena, user->name) };
	struct stat spool;
	bool is_keeper = false;
	int socket = -1;

	/* Without the directory, or with root's group on it, there is nothing
	 * to give; the delivery says what is missing. */
	if (!may_be_in_spool(settings, user) ||
	    sys_fstatat(AT_FDCWD, keeps.directory, &spool, 0) < 0 ||
	    spool.st_gid == 0)
		return 0;
	if (fork_keeper(&socket, &is_keeper, why) < 0)
		return -1;
	if (!is_keeper) {
		*keeper = socket;
		return 0;
	}
	if (detach(&socket) < 0 || priv_become(user->uid, spool.st_gid) < 0)
		_exit(1);
	spool_keeper_serve(socket, &keeps, why);
	_exit(0);
}
