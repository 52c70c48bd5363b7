/*
 * options.c - the command line of lda.
 *
 * Not getopt(3): it writes to stderr, where Postfix takes the first octets
 * for our answer, and glibc's goes on behind operands.
 *
 * Source: dovecot-lda(1), postfix local(8) (environment).
 */
#include "options.h"

#include <string.h>

const char options_usage[] =
    "usage: lda [-d user] [-f sender] [-a original-recipient]\n"
    "           [-r recipient] [-m folder] [-p file] [-c config]\n"
    "           [-o setting=value] [-ek] < message\n"
    "       lda -n [-c config] [-o setting=value]    settings in force\n"
    "       lda -t [-d user] ...                     what would happen, and\n"
    "                                what is wrong in Postfix's settings\n"
    "       lda -V                                   version\n";

/* One reading of a command line. */
struct reading {
	struct options *into;
	struct arena *arena;
	struct status *why;
};

static int
refuse(struct status *why, const char *cause, const char *word)
{
	(void)status_fail(why, STATUS_MISCONFIGURED, "%s%s", cause, word);
	status_reply(why, "local configuration error: bad usage of lda");
	return -1;
}

static void
claim(struct envelope_claim *into, const char *text)
{
	into->text = str_from(text);
	into->given = true;
}

static void
ignore(struct options *into, const char *flag)
{
	struct startup_chosen *chosen = &into->chosen;

	if (chosen->ignored_count < COUNT(chosen->ignored))
		chosen->ignored[chosen->ignored_count++] = flag;
}

/* A flag that takes an argument. */
static int
take_argument(struct reading *at, char flag, const char *text)
{
	struct options *into = at->into;
	struct deliver_request *request = &into->request;

	switch (flag) {
	case 'a':
		claim(&request->envelope.original_flag, text);
		break;
	case 'c':
		into->chosen.config_file = text;
		break;
	case 'd':
		claim(&request->user, text);
		break;
	case 'f':
		claim(&request->envelope.sender_flag, text);
		break;
	case 'i':
		ignore(into, "-i");
		break;
	case 'm':
		claim(&request->folder, text);
		break;
	case 'o':
		return startup_take_setting(&into->chosen, text) ?
		    0 :
		    refuse(at->why, "-o needs setting=value, not ", text);
	case 'p':
		request->message_path = text;
		break;
	case 'r':
		claim(&request->envelope.final_flag, text);
		break;
	default:
		break;
	}
	return 0;
}

static int
take_flag(struct reading *at, char flag)
{
	const char word[] = { '-', flag, '\0' };

	switch (flag) {
	case 'e': /* lda never mails a rejection: the reply does it */
	case 'k': /* nothing is run that could see an environment */
		return 0;
	case 'L':
		ignore(at->into, "-L");
		return 0;
	case 'O':
		ignore(at->into, "-O");
		return 0;
	case 'n':
		at->into->mode = OPTIONS_SHOW_SETTINGS;
		return 0;
	case 't':
		at->into->mode = OPTIONS_TRIAL;
		return 0;
	case 'V':
		at->into->mode = OPTIONS_VERSION;
		return 0;
	default:
		return refuse(at->why, "unknown flag ", word);
	}
}

/* One word of flags, "-ek" or "-dbob"; *used is set when the next word was
 * its argument. */
static int
take_word(struct reading *at, const char *word, const char *next, bool *used)
{
	static const char with_argument[] = "acdfimopr";

	*used = false;
	for (size_t i = 1; word[i] != '\0'; i++) {
		const char flag[] = { '-', word[i], '\0' };

		if (strchr(with_argument, word[i]) == NULL) {
			if (take_flag(at, word[i]) < 0)
				return -1;
			continue;
		}
		if (word[i + 1] != '\0')
			return take_argument(at, word[i], word + i + 1);
		if (next == NULL)
			return refuse(
			    at->why, "an argument is missing after ", flag);
		*used = true;
		return take_argument(at, word[i], next);
	}
	return 0;
}

static int
refuse_operand(struct status *why, const char *operand)
{
	(void)status_fail(why, STATUS_MISCONFIGURED,
	    "unexpected argument \"%.100s\": one run takes one recipient; "
	    "several come from a missing "
	    "\"<service>_destination_recipient_limit = 1\" in main.cf, for "
	    "example lda_destination_recipient_limit = 1",
	    operand);
	status_reply(why, "local configuration error: several recipients");
	return -1;
}

static int
read_flags(struct reading *at, int argc, char *const argv[])
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		bool used;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (take_word(at, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
			&used) < 0)
			return -1;
		i += used ? 2 : 1;
	}
	return i < argc ? refuse_operand(at->why, argv[i]) : 0;
}

static bool
begins(const char *text, const char *prefix)
{
	while (*prefix != '\0' && *text == *prefix) {
		text++;
		prefix++;
	}
	return *prefix == '\0';
}

/* The names that local(8) exports and lda uses; of several the first counts,
 * as with getenv(3). */
static void
read_environment(char *const environment[], struct deliver_request *request)
{
	struct {
		const char *prefix;
		struct envelope_claim *claim;
	} wanted[] = {
		{ "USER=", &request->environment_user },
		{ "HOME=", &request->environment_home },
		{ "EXTENSION=", &request->environment_detail },
		{ "SENDER=", &request->envelope.sender_environment },
		{ "ORIGINAL_RECIPIENT=",
		    &request->envelope.original_environment },
		{ "RECIPIENT=", &request->envelope.recipient_environment },
	};

	for (size_t i = 0; environment[i] != NULL; i++) {
		if (strncmp(environment[i], "MAIL_CONFIG=", 12) == 0)
			request->under_postfix = true;
		for (size_t k = 0; k < COUNT(wanted); k++)
			if (!wanted[k].claim->given &&
			    begins(environment[i], wanted[k].prefix))
				claim(wanted[k].claim,
				    environment[i] + strlen(wanted[k].prefix));
	}
}

int
options_read(int argc, char *const argv[], char *const environment[],
    struct arena *arena, struct options *into, struct status *why)
{
	struct reading at = { into, arena, why };

	memset(into, 0, sizeof(*into));
	into->chosen.settings = arena_take(
	    arena, ((size_t)argc + 1) * sizeof(*into->chosen.settings));
	read_environment(environment, &into->request);
	return read_flags(&at, argc, argv);
}
