/*
 * command.c - lda as mailbox_command of local(8).
 *
 * Source: postfix local(8), postconf(5): mailbox_command, local_command_shell,
 * mailbox_size_limit, prepend_delivered_header.
 */
#include "base/number.h"
#include "base/sys.h"
#include "doctor/examine.h"

#include <fcntl.h>
#include <inttypes.h>

/* What local(8) puts on top of a message, and then some. */
#define HEADER_OCTETS 16384

/* With only these in it, Postfix starts a command by itself. */
static const char no_shell[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    "!@%_=+:,./- \t";

static struct str
in_force(const struct examination *at, const struct way *way, const char *name)
{
	return postconf_value_of(at->postconf, &way->service, name);
}

/* What to write in its place; a path is always better. */
static const char *
bare_command(const struct examination *at, const struct way *way)
{
	const char *name = wiring_program(way->program);

	if (str_begins(way->program, "/"))
		return arena_print(at->arena, "mailbox_command = %s",
		    examine_text(at, way->program));
	return arena_print(
	    at->arena, "mailbox_command = /usr/local/sbin/%s", name);
}

static void
examine_start(const struct examination *at, const struct way *way)
{
	struct cursor in = cursor_over(way->words);
	struct str shell = in_force(at, way, "local_command_shell");

	(void)cursor_span(&in, no_shell);
	if (!cursor_at_end(&in) || shell.length > 0)
		finding_add(at->findings, FINDING_SHELL, bare_command(at, way),
		    "mailbox_command is %s, and %s%s",
		    examine_text(at, way->words),
		    shell.length > 0 ? "local_command_shell " :
				       "only a shell understands: ",
		    examine_text(
			at, shell.length > 0 ? shell : str_head(in.rest, 1)));
	else if (str_index(way->program, '/') == STR_NONE)
		finding_add(at->findings, FINDING_NO_PATH,
		    bare_command(at, way), "mailbox_command is %s",
		    examine_text(at, way->words));
}

/* Octets; false: none. */
static bool
read_limit(struct str value, uint64_t *octets)
{
	return number_read(value, UINT64_MAX, octets) && *octets > 0;
}

static void
examine_file_limit(const struct examination *at, const struct way *way)
{
	uint64_t own = at->settings->store.mailbox_size_limit, limit, message;

	if (!read_limit(in_force(at, way, "mailbox_size_limit"), &limit))
		return;
	if (examine_may_be_mbox(at->settings)) {
		/* lda says "full" itself, before it comes to that. */
		if (own > 0 && own <= limit)
			return;
	} else if (read_limit(
		       in_force(at, way, "message_size_limit"), &message) &&
	    size_fits(message, HEADER_OCTETS, limit))
		return;
	finding_add(at->findings, FINDING_FILE_LIMIT, "mailbox_size_limit = 0",
	    "Postfix's mailbox_size_limit is %" PRIu64 " octets%s", limit,
	    examine_may_be_mbox(at->settings) ?
		", and mail goes into mbox files" :
		", no more than message_size_limit and its header");
}

static void
examine_settings_file(const struct examination *at)
{
	struct stat facts;

	if (sys_fstatat(AT_FDCWD, at->config_file, &facts, 0) == 0 &&
	    (facts.st_mode & S_IROTH) == 0)
		finding_add(at->findings, FINDING_SETTINGS_HIDDEN,
		    arena_print(at->arena, "chmod 644 %s", at->config_file),
		    "%s has mode %04o", at->config_file,
		    (unsigned)(facts.st_mode & 07777));
}

static void
examine_delivered_to(const struct examination *at, const struct way *way)
{
	struct str list = in_force(at, way, "prepend_delivered_header");

	/* A setting that this Postfix does not have is its default. */
	if (list.length == 0 || postconf_list_has(list, str_from("command")))
		return;
	finding_add(at->findings, FINDING_DELIVERED_TO,
	    "prepend_delivered_header = command, file, forward",
	    "prepend_delivered_header is %s", examine_text(at, list));
}

void
examine_command(const struct examination *at, const struct way *way)
{
	struct str transport = in_force(at, way, "mailbox_transport");

	examine_start(at, way);
	examine_question(at, way->words);
	examine_time(at, "command_time_limit",
	    in_force(at, way, "command_time_limit"), FINDING_TIME_LIMIT);
	examine_file_limit(at, way);
	examine_delivered_to(at, way);
	examine_settings_file(at);
	if (transport.length > 0)
		finding_add(at->findings, FINDING_NOT_REACHED,
		    "mailbox_transport =", "mailbox_transport is %s",
		    examine_text(at, transport));
}
