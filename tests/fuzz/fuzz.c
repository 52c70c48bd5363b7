/*
 * fuzz.c - what the fuzz targets share.
 */
#include "fuzz/fuzz.h"

#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Places of the system, in the target's own directory (place.h). */
const char place_config_file[] = "lda.conf";
const char place_passwd_file[] = "passwd";
const char place_group_file[] = "group";
const char place_nsswitch_file[] = "nsswitch.conf";
const char place_getpw[] = "./lda-getpw";
const char place_log_socket[] = "log";

/* Memory that one input has taken. */
#define COPIES_MOST 4096
static void *copies[COPIES_MOST];
static size_t copy_count;

static void
out_of_memory(void)
{
	fuzz_require(false, "the arena's bound is enough", __FILE__, __LINE__);
}

void
fuzz_require(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

int
fuzz_run(
    const uint8_t *octets, size_t length, void (*target)(struct fuzz *fuzz))
{
	static struct arena arena;
	static bool has_arena;
	struct fuzz fuzz = { .arena = &arena };
	struct arena_mark mark;

	if (!has_arena) {
		arena_init(&arena, out_of_memory);
		/* The block that serves all of them stays. */
		(void)arena_take(&arena, 1);
		has_arena = true;
	}
	mark = arena_mark(&arena);
	fuzz.in = cursor_over(str_of((const char *)octets, length));
	target(&fuzz);
	arena_rewind(&arena, &mark);
	while (copy_count > 0)
		free(copies[--copy_count]);
	return 0;
}

size_t
fuzz_choose(struct fuzz *fuzz, size_t count)
{
	struct str one = cursor_octets(&fuzz->in, 1);

	return one.length == 0 ? 0 : (unsigned char)one.at[0] % count;
}

static char *
room_of(size_t size)
{
	char *room = malloc(size == 0 ? 1 : size);

	REQUIRE(room != NULL && copy_count < COPIES_MOST);
	copies[copy_count++] = room;
	return room;
}

struct str
fuzz_copy(struct str text)
{
	char *room = room_of(text.length);

	if (text.length > 0)
		memcpy(room, text.at, text.length);
	return str_of(room, text.length);
}

const char *
fuzz_string(struct str text)
{
	char *room;

	text = str_head(text, str_index(text, '\0'));
	room = room_of(text.length + 1);
	if (text.length > 0)
		memcpy(room, text.at, text.length);
	room[text.length] = '\0';
	return room;
}

struct str
fuzz_line(struct fuzz *fuzz)
{
	return fuzz_copy(cursor_until(&fuzz->in, '\n'));
}

struct str
fuzz_rest(struct fuzz *fuzz)
{
	return fuzz_copy(cursor_octets(&fuzz->in, fuzz->in.rest.length));
}

struct buf
fuzz_room(size_t size)
{
	struct buf room;

	buf_init(&room, room_of(size), size);
	return room;
}

bool
fuzz_is_within(struct str inner, struct str outer)
{
	return inner.length == 0 ||
	    (inner.at >= outer.at &&
		inner.at + inner.length <= outer.at + outer.length);
}

bool
fuzz_same(struct str a, struct str b)
{
	return a.length == b.length &&
	    (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

void
fuzz_check_status(int rc, const struct status *why)
{
	struct buf reply = fuzz_room(STATUS_REPLY_OCTETS + 1);
	int code;

	if (rc == 0)
		return;
	REQUIRE(rc == -1);
	REQUIRE(why->id != STATUS_DELIVERED);
	REQUIRE(memchr(why->cause, '\0', sizeof(why->cause)) != NULL);
	status_print_reply(why, &reply);
	REQUIRE(!reply.overflow && !str_has_control(buf_str(&reply)));
	REQUIRE(reply.length > 6 && (reply.at[0] == '4' || reply.at[0] == '5'));
	code = status_exit_code(why);
	REQUIRE(code != 0 && (reply.at[0] == '4') == (code == 75));
}

/* FUZZ_SCRATCH names the directory for all of them. */
void
fuzz_enter_directory(void)
{
	static bool is_there;
	const char *above = getenv("FUZZ_SCRATCH");
	char path[1024];

	if (is_there)
		return;
	is_there = true;
	snprintf(path, sizeof(path), "%s/%ld",
	    above != NULL ? above : FUZZ_DIR "/scratch", (long)getpid());
	if ((above == NULL && mkdir(FUZZ_DIR "/scratch", 0700) < 0 &&
		errno != EEXIST) ||
	    mkdir(path, 0700) < 0 || chdir(path) < 0) {
		perror(path);
		abort();
	}
	/* No helper is started that would ask NSS. */
	fuzz_write("nsswitch.conf", str_from("passwd: files\ngroup: files\n"));
	fuzz_write("passwd", str_from("vmail:x:5000:5001::/srv/vmail:\n"));
	fuzz_write("group", str_from("vmail:x:5002:\n"));
}

void
fuzz_write(const char *name, struct str text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0);
	while (text.length > 0) {
		ssize_t put = write(fd, text.at, text.length);

		REQUIRE(put > 0);
		text = str_after(text, (size_t)put);
	}
	REQUIRE(close(fd) == 0);
}

struct str
fuzz_read(const char *name)
{
	int fd = open(name, O_RDONLY);
	struct stat facts;
	char *room;
	ssize_t got;

	REQUIRE(fd >= 0 && fstat(fd, &facts) == 0);
	room = room_of((size_t)facts.st_size);
	got = read(fd, room, (size_t)facts.st_size);
	REQUIRE(got == facts.st_size && close(fd) == 0);
	return str_of(room, (size_t)got);
}
