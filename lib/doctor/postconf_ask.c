/*
 * postconf_ask.c - asking postconf(1) for Postfix's settings.
 *
 * It is run rather than main.cf read: the defaults of this Postfix, what its
 * other settings expand to, and the grammar of master.cf are its own.
 */
#include "doctor/postconf_ask.h"

#include "base/child.h"
#include "base/place.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define POSTCONF_MS 10000

/* All settings of a Postfix with few services are 30 KB, each service brings
 * half a KB. */
#define OUTPUT_OCTETS ((size_t)512 * 1024)

static const char *
find_program(void)
{
	for (size_t i = 0; place_postconf[i] != NULL; i++)
		if (sys_faccessat(AT_FDCWD, place_postconf[i], X_OK, 0) == 0)
			return place_postconf[i];
	return NULL;
}

/* postconf's own words go to /dev/null: it warns of much. */
static const char *
why_it_failed(
    const struct child_end *end, const char *directory, struct arena *arena)
{
	if (end->timed_out)
		return "postconf takes too long";
	return arena_print(arena,
	    "postconf fails (%s %d); look at the output of \"postconf%s%s\"",
	    end->signal_number != 0 ? "signal" : "exit status",
	    end->signal_number != 0 ? end->signal_number : end->exit_code,
	    directory[0] == '\0' ? "" : " -c ", directory);
}

static bool
ask(const char *program, const char *flag, const char *directory,
    struct arena *arena, struct str *output, const char **why_not)
{
	char *argv[5] = { arena_string(arena, str_from("postconf")) };
	struct child_end end;
	int count = 1;

	if (directory[0] != '\0') {
		argv[count++] = arena_string(arena, str_from("-c"));
		argv[count++] = arena_string(arena, str_from(directory));
	}
	argv[count] = arena_string(arena, str_from(flag));
	if (child_run(program, argv, POSTCONF_MS, OUTPUT_OCTETS, arena, &end,
		output) < 0) {
		*why_not = arena_print(
		    arena, "cannot run %s: %s", program, strerror(errno));
		return false;
	}
	*why_not = why_it_failed(&end, directory, arena);
	return end.exit_code == 0 && !end.timed_out;
}

bool
postconf_ask(const char *directory, struct arena *arena, struct postconf *into,
    const char **why_not)
{
	/* Of mailbox_command Postfix leaves the "$" for the command; -x would
	 * not. */
	const struct {
		const char *flag;
		struct str *answer;
	} questions[] = {
		{ "-x", &into->settings },
		{ "mailbox_command", &into->verbatim },
		{ "-M", &into->services },
		{ "-P", &into->overrides },
	};
	const char *program = find_program();

	*why_not = "there is no postconf where a Postfix has it";
	if (program == NULL)
		return false;
	for (size_t i = 0; i < COUNT(questions); i++)
		if (!ask(program, questions[i].flag, directory, arena,
			questions[i].answer, why_not))
			return false;
	return true;
}
