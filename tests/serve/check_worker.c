/*
 * check_worker.c - a process of its own, and what it answers, or not.
 */
#include "serve/worker.h"

#include "../base/expect.h"
#include "base/stop.h"
#include "base/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a child that does what act does; what the parent makes of it. */
static struct status
outcome_of(void (*act)(int speaks))
{
	struct stop_words words = { .fd = STDOUT_FILENO, .words = "" };
	struct worker worker;
	struct status why;
	bool is_child = false;
	int speaks = -1;

	stop_prepare_signals(words);
	status_init(&why);
	ck_assert_int_eq(worker_open(&worker, false, &speaks, &why), 0);
	ck_assert_int_eq(worker_fork(&worker, speaks, 60, &is_child, &why), 0);
	if (is_child) {
		act(speaks);
		_exit(99);
	}
	for (;;) {
		struct pollfd wanted = { .fd = worker.answers,
			.events = POLLIN };

		ck_assert_int_eq(sys_poll(&wanted, 1, 20000), 1);
		if (worker_hear(&worker, &why))
			break;
	}
	ck_assert_int_eq(worker.answers, -1);
	return why;
}

static void
say(int speaks, const char *text)
{
	if (write(speaks, text, strlen(text)) < 0)
		_exit(98);
}

static void
deliver(int speaks)
{
	struct status why;

	status_init(&why);
	worker_answer(speaks, &why);
}

static void
find_it_full(int speaks)
{
	struct status why;

	(void)status_fail(&why, STATUS_MAILBOX_FULL, "of paths and uids");
	worker_answer(speaks, &why);
}

static void
answer_in_pieces(int speaks)
{
	int unread = 1;

	say(speaks, "4.2");
	/* Until the first of them has been heard. */
	while (ioctl(speaks, FIONREAD, &unread) == 0 && unread > 0)
		sys_sleep_ms(1);
	say(speaks, ".0 mailbox is locked\n");
}

static bool
are_same(int one, int other)
{
	struct stat facts[2];

	return fstat(one, &facts[0]) == 0 && fstat(other, &facts[1]) == 0 &&
	    facts[0].st_ino == facts[1].st_ino &&
	    facts[0].st_dev == facts[1].st_dev;
}

/* Who waits for the connection's end must not wait for a worker's. */
static void
tell_who_is_connected(int speaks)
{
	if (are_same(STDIN_FILENO, STDERR_FILENO) &&
	    are_same(STDOUT_FILENO, STDERR_FILENO))
		deliver(speaks);
	say(speaks, "4.5.0 still connected\n");
}

static void
say_nothing(int speaks)
{
	(void)speaks;
	_exit(0);
}

static void
say_half(int speaks)
{
	say(speaks, "2.0");
	_exit(0);
}

static void
say_nonsense(int speaks)
{
	say(speaks, "9.9.9 nonsense\n");
}

static void
say_too_much(int speaks)
{
	char room[STATUS_REPLY_OCTETS * 4];

	memset(room, 'x', sizeof(room) - 1);
	room[sizeof(room) - 1] = '\0';
	say(speaks, room);
}

static void
crash(int speaks)
{
	(void)speaks;
	abort();
}

static void
crash_after_commit(int speaks)
{
	(void)speaks;
	stop_committed();
	abort();
}

static void
be_killed(int speaks)
{
	(void)speaks;
	(void)raise(SIGKILL);
}

static const struct {
	const char *name;
	void (*act)(int speaks);
	enum status_id want;
} rows[] = {
	{ "delivered", deliver, STATUS_DELIVERED },
	{ "full", find_it_full, STATUS_MAILBOX_FULL },
	{ "in pieces", answer_in_pieces, STATUS_LOCKED },
	{ "nothing", say_nothing, STATUS_TROUBLE },
	{ "half", say_half, STATUS_TROUBLE },
	{ "nonsense", say_nonsense, STATUS_TROUBLE },
	{ "too much", say_too_much, STATUS_TROUBLE },
	{ "crash", crash, STATUS_TROUBLE },
	{ "crash after the commit", crash_after_commit, STATUS_DELIVERED },
	{ "killed", be_killed, STATUS_TROUBLE },
};

START_TEST(answer_is_what_was_said_and_silence_is_trouble)
{
	struct status got = outcome_of(rows[_i].act);

	ck_assert_msg(got.id == rows[_i].want, "%s: %d, %s", rows[_i].name,
	    (int)got.id, got.cause);
}
END_TEST

START_TEST(worker_has_left_the_connection)
{
	int connection[2];

	ck_assert_int_eq(pipe(connection), 0);
	ck_assert_int_ge(dup2(connection[0], STDIN_FILENO), 0);
	ck_assert_int_ge(dup2(open("/dev/null", O_RDWR), STDERR_FILENO), 0);
	ck_assert_int_eq(
	    (int)outcome_of(tell_who_is_connected).id, (int)STATUS_DELIVERED);
}
END_TEST

START_TEST(reply_is_passed_on_and_the_cause_is_not)
{
	struct status got = outcome_of(find_it_full);
	char room[STATUS_REPLY_OCTETS];
	struct buf reply;

	buf_init(&reply, room, sizeof(room));
	status_print_reply(&got, &reply);
	expect_str(STR("full"), buf_str(&reply), STR("4.2.2 mailbox is full"));
}
END_TEST

START_TEST(worker_beyond_its_time_is_given_up)
{
	struct worker worker;
	struct status why;
	bool is_child = false;
	int speaks = -1, ended;
	pid_t pid;

	status_init(&why);
	ck_assert_int_eq(worker_open(&worker, false, &speaks, &why), 0);
	ck_assert_int_eq(worker_fork(&worker, speaks, 60, &is_child, &why), 0);
	pid = worker.pid;
	if (is_child)
		for (;;)
			(void)pause();
	ck_assert(!worker_is_late(&worker, &why));
	worker.until_us = 0;
	ck_assert(worker_is_late(&worker, &why));
	ck_assert_int_eq(why.id, STATUS_TROUBLE);
	ck_assert_int_eq(worker.answers, -1);
	ck_assert_int_eq(waitpid(pid, &ended, 0), pid);
	ck_assert(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("worker");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 30);
	tcase_add_loop_test(all, answer_is_what_was_said_and_silence_is_trouble,
	    0, (int)COUNT(rows));
	if (expect_forks())
		tcase_add_test(all, worker_has_left_the_connection);
	tcase_add_test(all, reply_is_passed_on_and_the_cause_is_not);
	tcase_add_test(all, worker_beyond_its_time_is_given_up);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
