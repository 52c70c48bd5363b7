/*
 * replay.c - drives one fuzz target where there is no libFuzzer: all inputs of
 * its corpus, then inputs made from them at random.
 *
 * usage: fuzz_NAME [-n runs] [-s seed] [-x dictionary] [-k where] input...
 *
 * An input is a file, or a directory of them.  Runs and seed decide which
 * inputs are made, so that what was found is found again.  The target works in
 * a child; what it was given lies in memory that we share, and whatever kills
 * the child leaves that as the file "where" and on stdout.  Ends with the line
 * "N inputs".  Exit status 0: all went well, 1: one did not, 2: usage.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_OCTETS ((size_t)64 * 1024)

/* A made input is no longer, unless a long one of the corpus is its base. */
#define MADE_OCTETS ((size_t)4096)

#define INPUTS_MOST 4096
#define WORDS_MOST 512

/* Of processor time for one input: it hangs, or costs too much. */
#define INPUT_SECONDS 20

static struct str inputs[INPUTS_MOST];
static size_t input_count;
static struct str words[WORDS_MOST];
static size_t word_count;

/* Both processes see it. */
static struct shared {
	uint8_t octets[INPUT_OCTETS];
	size_t length;
	unsigned long done;
} * shared;

static void
give_up(const char *what)
{
	perror(what);
	exit(2);
}

/* splitmix64: the same on every machine. */
static uint64_t
random_below(uint64_t *state, uint64_t count)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % count;
}

static struct str
read_file(const char *path)
{
	static char room[INPUT_OCTETS];
	FILE *file = fopen(path, "r");
	size_t length;
	char *copy;

	if (file == NULL)
		give_up(path);
	length = fread(room, 1, sizeof(room), file);
	fclose(file);
	copy = malloc(length + 1);
	if (copy == NULL)
		give_up(path);
	memcpy(copy, room, length);
	return str_of(copy, length);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their names, or a seed would mean different inputs on
 * different file systems. */
static void
read_directory(const char *path, DIR *dir)
{
	static char *paths[INPUTS_MOST];
	size_t count = 0;
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL && count < INPUTS_MOST) {
		size_t size = strlen(path) + strlen(entry->d_name) + 2;

		if (entry->d_name[0] == '.')
			continue;
		paths[count] = malloc(size);
		if (paths[count] == NULL)
			give_up(path);
		snprintf(paths[count++], size, "%s/%s", path, entry->d_name);
	}
	closedir(dir);
	qsort(paths, count, sizeof(*paths), compare);
	for (size_t i = 0; i < count; i++) {
		if (input_count < INPUTS_MOST)
			inputs[input_count++] = read_file(paths[i]);
		free(paths[i]);
	}
}

static void
read_inputs(const char *path)
{
	DIR *dir = opendir(path);

	if (dir != NULL)
		read_directory(path, dir);
	else if (input_count < INPUTS_MOST)
		inputs[input_count++] = read_file(path);
}

/* What stands between the quotes of one line of a dictionary, as libFuzzer
 * reads it: \\, \" and \xAB. */
static void
read_word(struct str line)
{
	size_t begin = str_index(line, '"'), end = str_last(line, '"');
	char room[256], hex[3] = { 0 };
	size_t length = 0;
	char *copy;

	if (str_begins(line, "#") || begin == end || word_count == WORDS_MOST)
		return;
	for (size_t i = begin + 1; i < end && length < sizeof(room); i++) {
		if (line.at[i] == '\\' && line.at[i + 1] == 'x' &&
		    i + 3 < end) {
			memcpy(hex, line.at + i + 2, 2);
			room[length++] = (char)strtol(hex, NULL, 16);
			i += 3;
			continue;
		}
		if (line.at[i] == '\\')
			i++;
		room[length++] = line.at[i];
	}
	copy = malloc(length + 1);
	if (copy == NULL)
		give_up("dictionary");
	memcpy(copy, room, length);
	words[word_count++] = str_of(copy, length);
}

static void
read_dictionary(const char *path)
{
	struct str text = read_file(path);
	struct cursor in = cursor_over(text);

	while (!cursor_at_end(&in))
		read_word(cursor_until(&in, '\n'));
	free((void *)(uintptr_t)text.at);
}

/* A new input that is being made. */
struct making {
	uint64_t random;
	size_t most;
};

static size_t
below(struct making *at, size_t count)
{
	return (size_t)random_below(&at->random, count);
}

/* Puts what in the place of gone octets at begin. */
static void
replace(struct making *at, size_t begin, size_t gone, struct str what)
{
	size_t rest = shared->length - begin - gone;

	if (begin + what.length + rest > at->most)
		return;
	memmove(shared->octets + begin + what.length,
	    shared->octets + begin + gone, rest);
	if (what.length > 0)
		memcpy(shared->octets + begin, what.at, what.length);
	shared->length = begin + what.length + rest;
}

/* Octets that mean something to some parser. */
static const char special[] = "\0\n\r\t .,:;=\"\\'%&+-<>()[]{}|*~/@#!\x01\x7f"
			      "\x80\xc3\xa9\xff"
			      "0123456789aAzZ";

static char
some_octet(struct making *at)
{
	if (below(at, 3) == 0)
		return (char)below(at, 256);
	return special[below(at, sizeof(special) - 1)];
}

/* A few octets of what there is, of an input of the corpus, or a word. */
static struct str
some_piece(struct making *at)
{
	static char room[MADE_OCTETS];
	struct str from = str_of((const char *)shared->octets, shared->length);
	size_t begin;

	if (word_count > 0 && below(at, 2) == 0)
		return words[below(at, word_count)];
	if (below(at, 2) == 0)
		from = inputs[below(at, input_count)];
	if (from.length == 0)
		return from;
	begin = below(at, from.length);
	from = str_head(str_after(from, begin), 1 + below(at, 64));
	memcpy(room, from.at, from.length);
	return str_of(room, from.length);
}

static void
change_once(struct making *at)
{
	size_t begin = below(at, shared->length + 1);
	size_t left = shared->length - begin;
	size_t some = left == 0 ? 0 : 1 + below(at, left < 32 ? left : 32);
	struct str piece;
	char c = some_octet(at);

	switch (below(at, 9)) {
	case 0:
		if (left > 0)
			shared->octets[begin] ^= (uint8_t)(1U << below(at, 8));
		break;
	case 1:
		replace(at, begin, left > 0, str_of(&c, 1));
		break;
	case 2:
		replace(at, begin, 0, str_of(&c, 1));
		break;
	case 3:
		replace(at, begin, some, str_of(NULL, 0));
		break;
	case 4:
		shared->length = begin;
		break;
	case 5: /* many of one: bounds are seldom near */
		piece = some_piece(at);
		for (size_t i = below(at, 300); i > 0 && piece.length > 0; i--)
			replace(at, begin, 0, piece);
		break;
	case 6:
		replace(at, begin, some, some_piece(at));
		break;
	default:
		replace(at, begin, 0, some_piece(at));
		break;
	}
}

static void
make_input(uint64_t seed, unsigned long number)
{
	struct making at = { .random = seed * 1000003 + number };
	struct str base;

	(void)random_below(&at.random, 1);
	base = inputs[below(&at, input_count)];
	at.most = base.length > MADE_OCTETS ? base.length : MADE_OCTETS;
	memcpy(shared->octets, base.at, base.length);
	shared->length = base.length;
	for (size_t i = 1 + below(&at, 6); i > 0; i--)
		change_once(&at);
}

/* In memory of its own, so that reading beyond it is seen. */
static void
run_input(void)
{
	const struct itimerval most = { .it_value = { INPUT_SECONDS, 0 } };
	uint8_t *copy = malloc(shared->length == 0 ? 1 : shared->length);

	if (copy == NULL)
		give_up("malloc");
	memcpy(copy, shared->octets, shared->length);
	setitimer(ITIMER_VIRTUAL, &most, NULL);
	(void)LLVMFuzzerTestOneInput(copy, shared->length);
	free(copy);
	shared->done++;
}

static void
run_all(uint64_t seed, unsigned long runs)
{
	for (size_t i = 0; i < input_count; i++) {
		memcpy(shared->octets, inputs[i].at, inputs[i].length);
		shared->length = inputs[i].length;
		run_input();
	}
	for (unsigned long i = 0; i < runs; i++) {
		make_input(seed, i);
		run_input();
	}
}

/* The input that killed the child. */
static void
keep(const char *where, int status)
{
	struct buf text;
	static char room[4 * 400 + 16];
	FILE *file = fopen(where, "w");

	if (file == NULL)
		give_up(where);
	fwrite(shared->octets, 1, shared->length, file);
	fclose(file);
	buf_init(&text, room, sizeof(room));
	text_printable(
	    &text, str_of((const char *)shared->octets, shared->length), 400);
	printf("input %lu (%s %d), kept as %s:\n%s\n", shared->done,
	    WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), where,
	    room);
}

static void
share(void)
{
	FILE *file = tmpfile();

	if (file == NULL || ftruncate(fileno(file), sizeof(*shared)) < 0)
		give_up("tmpfile");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fileno(file), 0);
	if (shared == MAP_FAILED)
		give_up("mmap");
}

int
main(int argc, char *argv[])
{
	const char *where = "fuzz-input";
	unsigned long runs = 0;
	uint64_t seed = 1;
	int flag, status;
	pid_t pid;

	while ((flag = getopt(argc, argv, "k:n:s:x:")) != -1) {
		switch (flag) {
		case 'k':
			where = optarg;
			break;
		case 'n':
			runs = strtoul(optarg, NULL, 10);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'x':
			read_dictionary(optarg);
			break;
		default:
			return 2;
		}
	}
	for (int i = optind; i < argc; i++)
		read_inputs(argv[i]);
	if (input_count == 0) {
		fprintf(stderr, "replay: there are no inputs\n");
		return 2;
	}
	share();
	printf("seed %ju, %lu runs\n", (uintmax_t)seed, runs);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid == 0) {
		run_all(seed, runs);
		exit(0);
	}
	if (waitpid(pid, &status, 0) < 0)
		give_up("waitpid");
	if (status != 0)
		keep(where, status);
	printf("%lu inputs\n", shared->done);
	return status == 0 ? 0 : 1;
}
