/*
 * fuzz_options.c - any command line and environment: nothing that comes from
 * the mail is an error, and what is one is Postfix's to try again.
 */
#include "options.h"

#include "fuzz/fuzz.h"

#define WORDS_MOST 64

static bool
is_word(const char *text, char *const *argv)
{
	for (size_t i = 0; argv[i] != NULL; i++)
		if (text >= argv[i] && text <= argv[i] + strlen(argv[i]))
			return true;
	return false;
}

static void
check_claim(const struct envelope_claim *claim, char *const *argv)
{
	REQUIRE(claim->given || claim->text.length == 0);
	REQUIRE(!claim->given || is_word(claim->text.at, argv));
}

/* What a mail system puts behind its own flags is taken, whatever it is. */
static void
check_mail(struct fuzz *fuzz, char *word)
{
	char *const argv[] = { (char[]){ "lda" }, (char[]){ "-f" }, word,
		(char[]){ "-a" }, word, (char[]){ "-d" }, word,
		(char[]){ "-m" }, word, NULL };
	char *const nothing[] = { NULL };
	struct options options;
	struct status why;

	REQUIRE(
	    options_read(9, argv, nothing, fuzz->arena, &options, &why) == 0);
	REQUIRE(options.request.envelope.sender_flag.text.at == word);
	REQUIRE(options.request.folder.text.length == strlen(word));
	REQUIRE(options.request.user.given);
	REQUIRE(options.mode == OPTIONS_DELIVER);
}

static void
one(struct fuzz *fuzz)
{
	char *argv[WORDS_MOST + 2], *environment[WORDS_MOST + 1];
	size_t argc = 1, variables = 0;
	struct options options;
	struct status why;
	int rc;

	argv[0] = arena_print(fuzz->arena, "lda");
	while (!cursor_at_end(&fuzz->in) && argc < WORDS_MOST) {
		struct str word = cursor_until(&fuzz->in, '\0');

		if (str_is(word, "\n"))
			break;
		argv[argc++] = arena_string(fuzz->arena, word);
	}
	argv[argc] = NULL;
	while (!cursor_at_end(&fuzz->in) && variables < WORDS_MOST)
		environment[variables++] =
		    arena_string(fuzz->arena, cursor_until(&fuzz->in, '\0'));
	environment[variables] = NULL;
	rc = options_read(
	    (int)argc, argv, environment, fuzz->arena, &options, &why);
	fuzz_check_status(rc, &why);
	check_mail(fuzz, argv[argc - 1]);
	if (rc < 0) {
		REQUIRE(why.id == STATUS_MISCONFIGURED);
		return;
	}
	check_claim(&options.request.user, argv);
	check_claim(&options.request.folder, argv);
	check_claim(&options.request.envelope.sender_flag, argv);
	check_claim(&options.request.envelope.original_flag, argv);
	check_claim(&options.request.environment_user, environment);
	check_claim(&options.request.envelope.sender_environment, environment);
	REQUIRE(options.chosen.setting_count < argc);
	for (size_t i = 0; i < options.chosen.setting_count; i++)
		REQUIRE(options.chosen.settings[i].name.length > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
