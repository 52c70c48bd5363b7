/*
 * check_fuzz.c - every fuzz target over its corpus, and then over inputs made
 * from it, a fixed number by a fixed seed: nothing crashes, and what the
 * targets require holds (replay.c).
 *
 * FUZZ_RUNS and FUZZ_SEED in the environment are other numbers.
 */
#include "../base/expect.h"

#include <glob.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Enough to find what is easily found, in about a third of a second each. */
#define RUNS 4000UL

/* Those that work on files, or on long inputs. */
static const struct {
	const char *name;
	unsigned long runs;
} slow[] = {
	{ "message", 300 },
	{ "mbox_format", 2500 },
	{ "lmtp", 2500 },
};

static glob_t targets;

/* What all of them, each in a process of its own, have come to. */
static struct counts {
	unsigned long inputs;
	unsigned failed;
} * counts;

static unsigned long
number_of(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static unsigned long
runs_of(const char *name)
{
	for (size_t i = 0; i < COUNT(slow); i++)
		if (strcmp(slow[i].name, name) == 0)
			return slow[i].runs;
	return RUNS;
}

/* "cdb" of ".../fuzz_cdb.c". */
static void
name_of(const char *path, char *name, size_t size)
{
	const char *begin = strrchr(path, '/') + strlen("/fuzz_");

	snprintf(
	    name, size, "%.*s", (int)(strlen(begin) - strlen(".c")), begin);
}

START_TEST(nothing_breaks_it)
{
	static char command[4096], output[64 * 1024];
	char name[64];
	unsigned long inputs = 0;
	size_t length;
	char *last;
	FILE *pipe;
	int status;

	name_of(targets.gl_pathv[_i], name, sizeof(name));
	snprintf(command, sizeof(command),
	    "cd " CHECK_DIR "/fuzz && ./fuzz_%s -n %lu -s %lu -k found-%s "
	    "-x " SOURCE_DIR "/tests/fuzz/%s.dict " SOURCE_DIR
	    "/tests/fuzz/corpus/%s 2>&1",
	    name, number_of("FUZZ_RUNS", runs_of(name)),
	    number_of("FUZZ_SEED", 1), name, name, name);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = '\0';
	while (fread(command, 1, sizeof(command), pipe) > 0)
		continue;
	status = pclose(pipe);
	if (status != 0)
		counts->failed++;
	ck_assert_msg(status == 0, "%s:\n%s", name, output);
	last = strrchr(output, '\n');
	ck_assert_ptr_nonnull(last);
	*last = '\0';
	last = strrchr(output, '\n');
	ck_assert_msg(last != NULL && sscanf(last, "%lu inputs", &inputs) == 1,
	    "%s: %s", name, output);
	ck_assert_uint_gt(inputs, number_of("FUZZ_RUNS", runs_of(name)));
	counts->inputs += inputs;
}
END_TEST

/* Made by targets that were killed, too. */
static void
clear_scratch(void)
{
	int rc = system("rm -rf " CHECK_DIR "/fuzz/scratch && mkdir -p " //
	    CHECK_DIR "/fuzz/scratch");

	if (rc != 0)
		exit(EXIT_FAILURE);
}

static void
share_counts(void)
{
	FILE *file = tmpfile();

	if (file == NULL || ftruncate(fileno(file), sizeof(*counts)) < 0)
		exit(EXIT_FAILURE);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fileno(file), 0);
	if (counts == MAP_FAILED)
		exit(EXIT_FAILURE);
}

int
main(void)
{
	Suite *suite = suite_create("fuzz");
	TCase *all = tcase_create("targets");
	int status;

	if (glob(SOURCE_DIR "/tests/fuzz/fuzz_*.c", 0, NULL, &targets) != 0)
		return EXIT_FAILURE;
	share_counts();
	clear_scratch();
	tcase_set_timeout(all, 600);
	tcase_add_loop_test(all, nothing_breaks_it, 0, (int)targets.gl_pathc);
	suite_add_tcase(suite, all);
	status = expect_run(suite);
	clear_scratch();
	printf("summary: %zu targets, %lu inputs, %u crashes\n",
	    targets.gl_pathc, counts->inputs, counts->failed);
	return status;
}
