/*
 * machine.c - the files of our programs, and what they need of this machine.
 */
#include "base/sys.h"
#include "doctor/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Why a path is no program; NULL where it is one, or nobody may tell. */
static const char *
why_no_program(struct str path, const char *name)
{
	struct stat facts;

	if (!str_begins(path, "/"))
		return "it is no path, and Postfix looks in /usr/bin and /bin "
		       "only";
	if (sys_fstatat(AT_FDCWD, name, &facts, 0) < 0)
		return errno == ENOENT || errno == ENOTDIR ? strerror(errno) :
							     NULL;
	if (!S_ISREG(facts.st_mode))
		return "it is no file";
	return (facts.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0 ?
	    "it is not executable" :
	    NULL;
}

static void
examine_set_user_id(const struct examination *at, const char *path)
{
	struct stat facts;

	if (sys_fstatat(AT_FDCWD, path, &facts, 0) < 0 ||
	    (facts.st_mode & S_ISUID) == 0 ||
	    (facts.st_uid == 0 && (facts.st_mode & S_IXOTH) == 0))
		return;
	finding_add(at->findings, FINDING_SETUID_OPEN,
	    facts.st_uid == 0 ? arena_print(at->arena, "chmod 4750 %s", path) :
				arena_print(at->arena, "chmod u-s %s", path),
	    "%s is set-user-ID with mode %04o, owner %jd", path,
	    (unsigned)(facts.st_mode & 07777), (intmax_t)facts.st_uid);
}

void
examine_program(const struct examination *at, const struct way *way)
{
	const char *path = examine_text(at, way->program);
	const char *why;

	/* mailbox_command without a path is another finding. */
	if (way->kind == WAY_COMMAND && !str_begins(way->program, "/"))
		return;
	why = why_no_program(way->program, path);
	if (why != NULL)
		finding_add(at->findings, FINDING_PROGRAM,
		    "the path where it is", "%s: %s", path, why);
	else
		examine_set_user_id(at, path);
}

static bool
starts_lda(const struct wiring *wiring)
{
	for (size_t i = 0; i < wiring->count; i++)
		if (wiring->ways[i].kind == WAY_PIPE ||
		    wiring->ways[i].kind == WAY_COMMAND)
			return true;
	return false;
}

static bool
exports_mail_config(struct str list)
{
	struct cursor in = cursor_over(list);

	while (!cursor_at_end(&in)) {
		struct str word;

		(void)cursor_span(&in, ", \t{}");
		word = cursor_span_not(&in, ", \t{}");
		if (str_is(word, "MAIL_CONFIG") ||
		    str_begins(word, "MAIL_CONFIG="))
			return true;
	}
	return false;
}

void
examine_postfix(const struct examination *at)
{
	struct str list = postconf_setting(at->postconf, "export_environment");

	for (size_t i = 0; i < at->wiring->missing_count; i++)
		finding_add(at->findings, FINDING_NO_SERVICE,
		    "the service, as in lda(8), or another name",
		    "%s names the service %s", at->wiring->missing[i].setting,
		    examine_text(at, at->wiring->missing[i].service));
	if (starts_lda(at->wiring) && !exports_mail_config(list))
		finding_add(at->findings, FINDING_EXPORT,
		    "export_environment = TZ MAIL_CONFIG LANG",
		    "export_environment is %s", examine_text(at, list));
}

void
examine_machine(const struct examination *at)
{
	const char *path = at->settings->deliver.syslog_socket;
	struct stat facts;
	const char *why = NULL;

	if (sys_fstatat(AT_FDCWD, path, &facts, 0) < 0)
		why = strerror(errno);
	else if (!S_ISSOCK(facts.st_mode))
		why = "it is no socket";
	if (why != NULL)
		finding_add(at->findings, FINDING_LOG_SOCKET,
		    "syslog_socket = /run/systemd/journal/dev-log, or another "
		    "that is there",
		    "%s: %s", path, why);
}
