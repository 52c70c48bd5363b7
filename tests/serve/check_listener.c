/*
 * check_listener.c - a server's own sockets are made, taken over, and taken
 * away.
 *
 * Source: lda-lmtp(8) -l; unix(7).
 */
#include "serve/listener.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct listeners all;
static const struct user_options names;

static void
open_all(void)
{
	(void)umask(077);
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	all.count = 0;
	machine_write("etc/passwd", "bob:x:1001:1002::/home/bob:\n", 0644);
	machine_write("etc/group", "mail:x:1003:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0644);
}

static void
close_all(void)
{
	listeners_remove(&all);
	scratch_close(&scratch);
}

static int
add(const char *more)
{
	return listeners_add(&all,
	    scratch_print(&scratch, "unix:%s/s%s", scratch.root, more), &names,
	    &arena, &why);
}

/* Whether somebody listens. */
static bool
can_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/s", scratch.root);
	rc = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	(void)close(fd);
	return rc == 0;
}

static const struct {
	const char *more;
	mode_t want;
} modes[] = {
	{ "", 0600 },
	{ ",mode=660", 0660 },
	{ ",mode=0666", 0666 },
	{ ",mode=000", 0 },
	{ ",mode=600,mode=644", 0644 },
};

START_TEST(socket_has_the_mode_that_is_said)
{
	ck_assert_msg(add(modes[_i].more) == 0, "%s", why.cause);
	ck_assert(S_ISSOCK(scratch_mode(&scratch, "s")));
	ck_assert_uint_eq(scratch_mode(&scratch, "s") & 07777, modes[_i].want);
	ck_assert_uint_eq(all.count, 1);
	ck_assert_int_eq(fcntl(all.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	listeners_remove(&all);
	ck_assert(!scratch_has(&scratch, "s"));
}
END_TEST

START_TEST(socket_belongs_to_whom_it_is_said)
{
	struct stat facts;

	if (getuid() != 0)
		return;
	ck_assert_msg(add(",user=bob,group=mail") == 0, "%s", why.cause);
	ck_assert_int_eq(stat(scratch_path(&scratch, "s"), &facts), 0);
	ck_assert_uint_eq(facts.st_uid, 1001);
	ck_assert_uint_eq(facts.st_gid, 1003);
}
END_TEST

START_TEST(who_may_not_give_it_away_leaves_none)
{
	if (getuid() == 0) {
		scratch_chown(&scratch, "", machine_uid(), machine_gid());
		ck_assert_int_eq(setuid(machine_uid()), 0);
	}
	ck_assert_int_eq(add(",user=bob"), -1);
	expect_holds(why.cause, "give away");
	ck_assert(!scratch_has(&scratch, "s"));
	ck_assert_uint_eq(all.count, 0);
}
END_TEST

START_TEST(second_server_is_refused_and_the_first_goes_on)
{
	struct listeners other = { .count = 0 };

	ck_assert_int_eq(add(""), 0);
	ck_assert_int_eq(listeners_add(&other,
			     scratch_print(&scratch, "unix:%s/s", scratch.root),
			     &names, &arena, &why),
	    -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
	listeners_remove(&other);
	ck_assert(can_connect());
}
END_TEST

START_TEST(socket_left_behind_is_replaced)
{
	ck_assert_int_eq(add(""), 0);
	listeners_close(&all);
	ck_assert(scratch_has(&scratch, "s"));
	ck_assert(!can_connect());
	ck_assert_msg(add("") == 0, "%s", why.cause);
	ck_assert(can_connect());
}
END_TEST

START_TEST(what_is_no_socket_stays)
{
	if (_i == 0)
		scratch_write(&scratch, "s", "precious\n");
	else if (_i == 1)
		scratch_mkdir(&scratch, "s", 0700);
	else
		scratch_symlink(&scratch, "elsewhere", "s");
	ck_assert_int_eq(add(""), -1);
	ck_assert(scratch_has(&scratch, "s") || _i == 2);
	ck_assert(!scratch_has(&scratch, "elsewhere"));
}
END_TEST

static const char *const options[] = { ",mode=", ",mode=8", ",mode=1777",
	",mode=000600", ",mode=rw", ",,", ",user=", ",user=otto", ",group=otto",
	",owner=bob", ",mode=660,x", ",", ",mode=660,", ",user=bob," };

START_TEST(option_that_is_none_is_told_and_nothing_is_made)
{
	ck_assert_msg(add(options[_i]) == -1, "\"%s\" is taken", options[_i]);
	expect_holds(why.cause, "-l");
	ck_assert_int_eq(status_row(why.id)->exit_code, 75);
	ck_assert(!scratch_has(&scratch, "s"));
	ck_assert_uint_eq(all.count, 0);
}
END_TEST

static const char *const places[] = { "", "unix", "unix:", "unix:s",
	"unix:/nonexistent/s", "inet:", "inet:24", "inet:127.0.0.1",
	"inet:127.0.0.1:", "inet:127.0.0.1:0", "inet:127.0.0.1:65536",
	"inet:127.0.0.1:2 4", "inet:mx.example:24", "inet:[::1:24",
	"inet:[]:24", "tcp:127.0.0.1:24" };

START_TEST(place_that_is_none_is_told)
{
	ck_assert_msg(
	    listeners_add(&all, places[_i], &names, &arena, &why) == -1,
	    "\"%s\" is taken", places[_i]);
	expect_holds(why.cause, "-l");
	ck_assert_int_eq(status_row(why.id)->exit_code, 75);
	ck_assert_uint_eq(all.count, 0);
}
END_TEST

START_TEST(no_more_than_so_many)
{
	char room[256];

	for (int i = 0; i < LISTENERS_MOST; i++) {
		(void)snprintf(
		    room, sizeof(room), "unix:%s/s%d", scratch.root, i);
		ck_assert_int_eq(
		    listeners_add(&all, arena_print(&arena, "%s", room), &names,
			&arena, &why),
		    0);
	}
	ck_assert_int_eq(add("more"), -1);
	ck_assert(!scratch_has(&scratch, "smore"));
	listeners_remove(&all);
	for (int i = 0; i < LISTENERS_MOST; i++) {
		(void)snprintf(room, sizeof(room), "s%d", i);
		ck_assert(!scratch_has(&scratch, room));
	}
}
END_TEST

START_TEST(adopted_socket_is_not_taken_away)
{
	int fd;

	ck_assert_int_eq(add(""), 0);
	fd = fcntl(all.fds[0], F_DUPFD, 10);
	all.count = 0;
	ck_assert_int_eq(listeners_adopt(&all, fd, &why), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	listeners_remove(&all);
	ck_assert(scratch_has(&scratch, "s"));
	ck_assert_int_eq(listeners_adopt(&all, 999, &why), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listener");
	TCase *cases = tcase_create("all");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_add_checked_fixture(cases, open_all, close_all);
	tcase_add_loop_test(
	    cases, socket_has_the_mode_that_is_said, 0, (int)COUNT(modes));
	tcase_add_test(cases, socket_belongs_to_whom_it_is_said);
	if (expect_forks())
		tcase_add_test(cases, who_may_not_give_it_away_leaves_none);
	tcase_add_test(cases, second_server_is_refused_and_the_first_goes_on);
	tcase_add_test(cases, socket_left_behind_is_replaced);
	tcase_add_loop_test(cases, what_is_no_socket_stays, 0, 3);
	tcase_add_loop_test(cases,
	    option_that_is_none_is_told_and_nothing_is_made, 0,
	    (int)COUNT(options));
	tcase_add_loop_test(
	    cases, place_that_is_none_is_told, 0, (int)COUNT(places));
	tcase_add_test(cases, no_more_than_so_many);
	tcase_add_test(cases, adopted_socket_is_not_taken_away);
	suite_add_tcase(suite, cases);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
