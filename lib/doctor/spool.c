/*
 * spool.c - whether a mailbox_command may make and lock mailboxes in
 * /var/mail.
 *
 * Only where mail of system users may go there: lda needs a dotlock in the
 * directory, and the mailbox itself the first time.
 */
#include "base/sys.h"
#include "doctor/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool
may_be_in_spool(const struct settings *settings)
{
	const struct store_options *store = &settings->store;
	struct str location = str_from(store->mail_location);
	size_t length = strlen(store->mail_spool_directory);

	if (store->mail_driver[0] != '\0' || store->mail_path[0] != '\0')
		return false;
	if (str_is(location, "auto"))
		return true;
	/* mbox:~/mail:INBOX=/var/mail/%n */
	for (size_t i = 0; i + length < location.length; i++)
		if (str_begins(
			str_after(location, i), store->mail_spool_directory) &&
		    location.at[i + length] == '/')
			return str_begins(location, "mbox:");
	return false;
}

/* Whether locks are taken that need a name in the directory. */
static bool
needs_names(const struct settings *settings)
{
	const struct setting_list *locks = &settings->store.mbox_write_locks;

	for (size_t i = 0; i < locks->count; i++)
		if (str_is(locks->words[i], "dotlock"))
			return true;
	return false;
}

static void
examine_program_group(const struct examination *at, const struct way *way,
    const struct stat *spool)
{
	const char *path = examine_text(at, way->program);
	const char *directory = at->settings->store.mail_spool_directory;
	const char *mend = arena_print(at->arena, "chgrp %jd %s\nchmod 2755 %s",
	    (intmax_t)spool->st_gid, path, path);
	struct stat facts;

	if (sys_fstatat(AT_FDCWD, path, &facts, 0) < 0)
		return;
	if ((facts.st_mode & S_ISGID) == 0)
		finding_add(at->findings, FINDING_SETGID_LOST, mend,
		    "%s has mode %04o, without the set-group-ID bit, and "
		    "only group %jd may write %s",
		    path, (unsigned)(facts.st_mode & 07777),
		    (intmax_t)spool->st_gid, directory);
	else if (facts.st_gid != spool->st_gid)
		finding_add(at->findings, FINDING_SETGID_GROUP, mend,
		    "%s has group %jd, and %s group %jd", path,
		    (intmax_t)facts.st_gid, directory, (intmax_t)spool->st_gid);
}

void
examine_spool(const struct examination *at, const struct way *way)
{
	const char *directory = at->settings->store.mail_spool_directory;
	struct stat spool;

	if (!may_be_in_spool(at->settings) || !needs_names(at->settings))
		return;
	if (sys_fstatat(AT_FDCWD, directory, &spool, 0) < 0) {
		finding_add(at->findings, FINDING_SPOOL_DIRECTORY,
		    arena_print(
			at->arena, "install -d -g mail -m 2775 %s", directory),
		    "%s: %s", directory, strerror(errno));
		return;
	}
	if ((spool.st_mode & S_IWOTH) != 0)
		return;
	if (spool.st_gid == 0 ||
	    (spool.st_mode & (S_IWGRP | S_IXGRP)) != (S_IWGRP | S_IXGRP))
		finding_add(at->findings, FINDING_SPOOL_DIRECTORY,
		    arena_print(at->arena, "chgrp mail %s\nchmod 2775 %s",
			directory, directory),
		    "%s has mode %04o and group %jd", directory,
		    (unsigned)(spool.st_mode & 07777), (intmax_t)spool.st_gid);
	else
		examine_program_group(at, way, &spool);
}
