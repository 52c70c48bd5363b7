/*
 * check_stream.c - a conversation ends in its time, and what is sent is sent
 * whole.
 */
#include "base/stream.h"

#include "../base/expect.h"
#include "base/sys.h"
#include "support/scratch.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than any socket holds. */
#define LARGE ((size_t)4 * 1024 * 1024)

static struct scratch scratch;
static int ours, theirs;

static int64_t
in_ms(int64_t milliseconds)
{
	return sys_ticks_us() + milliseconds * 1000;
}

static void
open_all(void)
{
	char where[256];
	const char *path;
	int listener;

	scratch_open(&scratch, getuid(), getgid());
	path = scratch_path(&scratch, "s");
	listener = sys_listen_unix(path);
	ck_assert_int_ge(listener, 0);
	(void)snprintf(where, sizeof(where), "unix:%s", path);
	ours = stream_connect(str_from(where), in_ms(5000));
	ck_assert_int_ge(ours, 0);
	theirs = sys_accept(listener);
	ck_assert_int_ge(theirs, 0);
	(void)close(listener);
}

static void
close_all(void)
{
	(void)close(ours);
	(void)close(theirs);
	scratch_close(&scratch);
}

START_TEST(silence_ends_in_its_time)
{
	char room[100];
	struct buf into;
	int64_t begin = sys_ticks_us();

	buf_init(&into, room, sizeof(room));
	ck_assert_int_eq(stream_receive(ours, &into, in_ms(50)), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_ge(sys_ticks_us() - begin, 50000);
}
END_TEST

START_TEST(reader_who_does_not_read_is_left_in_time)
{
	static char text[LARGE];

	ck_assert_int_eq(
	    stream_send(ours, str_of(text, sizeof(text)), in_ms(50)), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
}
END_TEST

/* The socket takes a part of it at a time. */
START_TEST(long_text_arrives_whole)
{
	static char text[LARGE], got[LARGE];
	size_t length = 0;
	int status;
	pid_t child;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + i / 251);
	child = fork();
	if (child == 0)
		_exit(stream_send(
			  ours, str_of(text, sizeof(text)), in_ms(20000)) == 0 ?
			0 :
			1);
	(void)close(ours);
	for (;;) {
		ssize_t more = read(theirs, got + length, sizeof(got) - length);

		if (more <= 0)
			break;
		length += (size_t)more;
	}
	ck_assert_uint_eq(length, sizeof(text));
	ck_assert(memcmp(got, text, sizeof(text)) == 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(nobody_who_listens_is_told)
{
	static const char *const places[] = { "unix:/no/such/place",
		"unix:", "inet:127.0.0.1:0", "inet:nowhere", "/s", "" };
	static const int errors[] = { ENOENT, EINVAL, EINVAL, EINVAL, EINVAL,
		EINVAL };

	ck_assert_int_eq(stream_connect(str_from(places[_i]), in_ms(1000)), -1);
	ck_assert_int_eq(errno, errors[_i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream");
	TCase *all = tcase_create("all");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_test(all, silence_ends_in_its_time);
	tcase_add_test(all, reader_who_does_not_read_is_left_in_time);
	tcase_add_test(all, long_text_arrives_whole);
	tcase_add_loop_test(all, nobody_who_listens_is_told, 0, 6);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
