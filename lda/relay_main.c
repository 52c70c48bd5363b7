/*
 * relay_main.c - lda-relay: starts lda with the mail spool's group.
 *
 * The one program that is installed set-group-ID, so that lda itself need not
 * be: it runs one fixed program with a known environment and does nothing
 * else.  lda gives the group to its spool keeper and drops it before it looks
 * at an argument.
 *
 * Source: lda-relay(8).
 */
#include <string.h>
#include <unistd.h>

#ifndef LDA_PROGRAM
#define LDA_PROGRAM "/usr/local/sbin/lda"
#endif

#define TEMPFAIL 75 /* EX_TEMPFAIL: Postfix defers */

extern char **environ;

/* What postfix local(8) exports and lda reads; nothing else gets through. */
static const char *const kept[] = { "USER=", "LOGNAME=", "HOME=", "LOCAL=",
	"DOMAIN=", "EXTENSION=", "SENDER=", "RECIPIENT=", "ORIGINAL_RECIPIENT=",
	"MAIL_CONFIG=", "TZ=" };

#define KEPT (sizeof(kept) / sizeof(kept[0]))

int
main(int argc, char *argv[])
{
	static const char reply[] = "4.3.5 local configuration error: "
				    "lda-relay cannot run lda";
	char program[] = LDA_PROGRAM, *no_arguments[] = { program, NULL };
	char *environment[KEPT + 1] = { NULL };
	size_t count = 0;

	for (size_t i = 0; i < KEPT; i++)
		for (char **one = environ; *one != NULL; one++)
			if (strncmp(*one, kept[i], strlen(kept[i])) == 0) {
				environment[count++] = *one;
				break;
			}
	if (argc > 0)
		argv[0] = program;
	(void)execve(program, argc > 0 ? argv : no_arguments, environment);
	if (write(STDOUT_FILENO, reply, sizeof(reply) - 1) < 0) {
		/* Nobody listens; the exit status says the same. */
	}
	return TEMPFAIL;
}
