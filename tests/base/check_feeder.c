/*
 * check_feeder.c - whether the process that feeds us is still there, or is on
 * its way out.
 *
 * Between closing a dying process's files and giving its children another
 * parent the kernel takes its time.  What these tests hold open for as long as
 * they need: a process whose first thread has ended, and another has not.
 *
 * Source: linux/sched.h (PF_EXITING); proc(5).
 */
#define _GNU_SOURCE /* syscall(2) */
#include "base/feeder.h"

#include "../base/expect.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child that was fed has seen. */
enum seen {
	THERE = 10,
	GONE = 11,
	OTHER_PARENT = 12,
	NO_WORD = 13
};

/* The ends of the feeder's pipe, of the child's "I have noted", and of its
 * answer. */
static int feed[2], noted[2], answer[2];
static pid_t feeder_pid;

static void
tell(int fd, char what)
{
	if (write(fd, &what, 1) != 1)
		_exit(NO_WORD);
}

static char
hear(int fd)
{
	char what = 0;

	return read(fd, &what, 1) == 1 ? what : 0;
}

/* The one that is fed: notes, reads to the end of the pipe, looks. */
static void
be_fed(bool as_session_leader)
{
	struct feeder feeder;
	pid_t parent = getppid();

	(void)close(feed[1]);
	if (as_session_leader && setsid() < 0)
		_exit(NO_WORD);
	feeder_note(&feeder, parent);
	if (!feeder_is_there(&feeder))
		tell(answer[1], NO_WORD);
	tell(noted[1], 'n');
	while (hear(feed[0]) != 0)
		;
	if (feeder_is_there(&feeder))
		tell(answer[1], THERE);
	else
		tell(answer[1], getppid() == parent ? GONE : OTHER_PARENT);
	_exit(0);
}

/* Whether the first thread of this process has ended. */
static bool
first_has_ended(void)
{
	char path[64], text[512];
	const char *state;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat",
	    (int)feeder_pid, (int)feeder_pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (got <= 0)
		return true;
	text[got] = '\0';
	state = strrchr(text, ')');
	return state != NULL && state[2] == 'Z';
}

/* The second thread: the pipe's last end closes while the process is ending,
 * and still its child's parent. */
static void *
close_pipe_late(void *unused)
{
	while (!first_has_ended())
		(void)sched_yield();
	tell(feed[1], 'x');
	(void)close(feed[1]);
	/* Until the child has looked. */
	(void)hear(noted[0]);
	return unused;
}

static void
feed_and_linger(bool as_session_leader)
{
	pthread_t second;
	pid_t pid;

	feeder_pid = getpid();
	pid = fork();
	if (pid < 0)
		_exit(NO_WORD);
	if (pid == 0)
		be_fed(as_session_leader);
	(void)close(feed[0]);
	(void)close(noted[1]);
	if (hear(noted[0]) != 'n' ||
	    pthread_create(&second, NULL, close_pipe_late, NULL) != 0)
		_exit(NO_WORD);
	(void)syscall(SYS_exit, 0); /* this thread alone */
}

static void
feed_and_stay(bool as_session_leader)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(NO_WORD);
	if (pid == 0)
		be_fed(as_session_leader);
	(void)close(feed[0]);
	(void)close(noted[1]);
	(void)hear(noted[0]);
	(void)close(feed[1]);
	(void)hear(noted[0]); /* until the child has ended */
	_exit(0);
}

static void
feed_and_die(bool as_session_leader)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(NO_WORD);
	if (pid == 0)
		be_fed(as_session_leader);
	(void)close(noted[1]);
	(void)hear(noted[0]);
	(void)raise(SIGKILL);
}

static const struct {
	void (*feed)(bool as_session_leader);
	bool as_session_leader; /* as pipe(8) starts us; else within one */
	char want, or_want;
} feeders[] = {
	{ feed_and_stay, true, THERE, THERE },
	{ feed_and_stay, false, THERE, THERE },
	/* Both ways to notice. */
	{ feed_and_die, true, OTHER_PARENT, GONE },
	{ feed_and_die, false, OTHER_PARENT, GONE },
	{ feed_and_linger, true, GONE, GONE },
	{ feed_and_linger, false, GONE, GONE },
};

START_TEST(feeder_that_ends_is_noticed)
{
	char got;
	pid_t pid;

	if (access("/proc/self/stat", R_OK) < 0)
		return;
	ck_assert_int_eq(pipe(feed), 0);
	ck_assert_int_eq(pipe(noted), 0);
	ck_assert_int_eq(pipe(answer), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(answer[0]);
		feeders[_i].feed(feeders[_i].as_session_leader);
		_exit(0);
	}
	(void)close(feed[0]);
	(void)close(feed[1]);
	(void)close(noted[0]);
	(void)close(noted[1]);
	(void)close(answer[1]);
	got = hear(answer[0]);
	ck_assert_msg(got == feeders[_i].want || got == feeders[_i].or_want,
	    "row %d: %d instead of %d", _i, got, feeders[_i].want);
	(void)waitpid(pid, NULL, 0);
	(void)close(answer[0]);
}
END_TEST

START_TEST(who_was_not_noted_is_there)
{
	const struct feeder feeder = { .noted = false };

	ck_assert(feeder_is_there(&feeder));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("feeder");
	TCase *tests = tcase_create("feeder");

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(
	    tests, feeder_that_ends_is_noticed, 0, (int)COUNT(feeders));
	tcase_add_test(tests, who_was_not_noted_is_there);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
