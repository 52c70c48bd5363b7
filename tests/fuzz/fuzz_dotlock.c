/*
 * fuzz_dotlock.c - a lock file that somebody else wrote: its pid is read as it
 * stands there, and a fresh lock without one that is dead is never broken.
 */
#include "base/number.h"
#include "fuzz/fuzz.h"
#include "store/dotlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
check_pid(struct str text, const char *host)
{
	pid_t pid = dotlock_read_pid(text, host);
	struct buf again = fuzz_room(strlen(host) + 40);
	struct cursor in = cursor_over(str_trim(text));
	uint64_t number;

	REQUIRE(pid >= 0);
	if (pid == 0)
		return;
	REQUIRE(
	    number_read(cursor_span(&in, "0123456789"), INT32_MAX, &number));
	REQUIRE(number == (uint64_t)pid);
	REQUIRE(cursor_at_end(&in) ||
	    (cursor_take(&in, ':') && str_is(str_trim(in.rest), host)));
	buf_print(&again, "%jd:%s\n", (intmax_t)pid, host);
	if (fuzz_same(str_trim(str_from(host)), str_from(host)))
		REQUIRE(dotlock_read_pid(buf_str(&again), host) == pid);
}

/* Whose text we are: alive, so that it is never stale. */
static void
check_lock(struct str text)
{
	struct dotlock lock;
	struct status why;
	bool stale = false;
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	char host[256];

	REQUIRE(dir >= 0 && gethostname(host, sizeof(host)) == 0);
	host[sizeof(host) - 1] = '\0';
	/* A pid might be that of a process which is just ending. */
	if (dotlock_read_pid(text, host) != 0) {
		REQUIRE(close(dir) == 0);
		return;
	}
	fuzz_write("box.lock", text);
	REQUIRE(dotlock_init(&lock, dir, ".", "box", &why) == 0);
	REQUIRE(dotlock_try(&lock, true, &stale, &why) < 0);
	REQUIRE(why.id == STATUS_LOCKED && !stale);
	fuzz_check_status(-1, &why);
	REQUIRE(fuzz_same(fuzz_read("box.lock"), text));
	REQUIRE(unlink("box.lock") == 0);
	REQUIRE(dotlock_try(&lock, true, &stale, &why) == 0);
	REQUIRE(dotlock_read_pid(fuzz_read("box.lock"), host) == getpid());
	dotlock_release(&lock);
	REQUIRE(access("box.lock", F_OK) < 0);
	REQUIRE(close(dir) == 0);
}

static void
one(struct fuzz *fuzz)
{
	const char *host = fuzz_string(fuzz_line(fuzz));
	struct str text = fuzz_rest(fuzz);

	fuzz_enter_directory();
	check_pid(text, host);
	check_lock(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
