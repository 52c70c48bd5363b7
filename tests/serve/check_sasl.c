/*
 * check_sasl.c - only a clear yes is one; what a server of passwords does that
 * is neither yes nor no is trouble.
 *
 * Source: lda.conf(5) lmtp_sasl; Dovecot's authentication protocol, saslauthd.
 */
#include "serve/sasl.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scratch scratch;
static struct status why;
static pid_t server;

static void
open_all(void)
{
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	server = 0;
}

static void
close_all(void)
{
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	scratch_close(&scratch);
}

/* What is asked, up to its end: a line for Dovecot, four counted strings for
 * saslauthd. */
static void
hear(int fd, bool is_dovecot)
{
	char octet;
	int lines = 0;

	while (is_dovecot && lines < 3 && read(fd, &octet, 1) == 1)
		lines += octet == '\n';
	for (int i = 0; i < 4 && !is_dovecot; i++) {
		unsigned char length[2];
		char room[256];

		if (recv(fd, length, 2, MSG_WAITALL) != 2 ||
		    (length[1] > 0 &&
			recv(fd, room, length[1], MSG_WAITALL) < 0))
			return;
	}
}

/* A server at "auth" that answers each question so, in pieces of so many
 * octets, and hangs up. */
static const char *
serve(const char *kind, struct str answer, size_t piece)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = scratch_path(&scratch, "auth");
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(
	    bind(listener, (const struct sockaddr *)&address, sizeof(address)),
	    0);
	ck_assert_int_eq(listen(listener, 5), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server > 0) {
		(void)close(listener);
		return scratch_print(&scratch, "%s:%s", kind, path);
	}
	(void)alarm(20);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		hear(fd, strcmp(kind, "dovecot") == 0);
		for (size_t at = 0; at < answer.length; at += piece) {
			struct str rest = str_after(answer, at);

			if (rest.length > piece)
				rest.length = piece;
			if (send(fd, rest.at, rest.length, MSG_NOSIGNAL) < 0)
				break;
			(void)poll(NULL, 0, piece < 10 ? 1 : 0);
		}
		(void)close(fd);
	}
	_exit(1);
}

#define HELLO                                                                  \
	"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t2\n"            \
	"COOKIE\tabc\nDONE\n"

static const struct {
	const char *kind;
	struct str answer;
	enum sasl_answer want;
} answers[] = {
	{ "dovecot", TEXT(HELLO "OK\t1\tuser=bob\n"), SASL_RIGHT },
	{ "dovecot", TEXT(HELLO "OK\t1\n"), SASL_RIGHT },
	{ "dovecot", TEXT(HELLO "FAIL\t1\tuser=bob\n"), SASL_WRONG },
	{ "dovecot", TEXT(HELLO "FAIL\t1\tuser=bob\ttemp\n"), SASL_TROUBLE },
	{ "dovecot", TEXT(HELLO "FAIL\t1\tcode=temp_fail\n"), SASL_TROUBLE },
	{ "dovecot", TEXT(HELLO "CONT\t1\t\n"), SASL_TROUBLE },
	{ "dovecot", TEXT(HELLO "OK\t2\n"), SASL_TROUBLE },
	{ "dovecot", TEXT(HELLO "OKAY\t1\n"), SASL_TROUBLE },
	{ "dovecot", TEXT(HELLO "OK\t1"), SASL_TROUBLE },
	{ "dovecot", TEXT(HELLO), SASL_TROUBLE },
	{ "dovecot", TEXT("VERSION\t2\t0\nOK\t1\n"), SASL_TROUBLE },
	{ "dovecot", TEXT(""), SASL_TROUBLE },
	{ "dovecot", TEXT("\0\2OK"), SASL_TROUBLE },
	{ "saslauthd", TEXT("\0\2OK"), SASL_RIGHT },
	{ "saslauthd", TEXT("\0\2NO"), SASL_WRONG },
	{ "saslauthd", TEXT("\0\21NO user not known"), SASL_WRONG },
	{ "saslauthd", TEXT("\0\2O"), SASL_TROUBLE },
	{ "saslauthd", TEXT("\0"), SASL_TROUBLE },
	{ "saslauthd", TEXT(""), SASL_TROUBLE },
	{ "saslauthd", TEXT("\0\2ok"), SASL_TROUBLE },
	{ "saslauthd", TEXT("\0\0"), SASL_TROUBLE },
	{ "saslauthd", TEXT(HELLO "OK\t1\n"), SASL_TROUBLE },
};

/* At once, and octet by octet. */
START_TEST(only_yes_is_yes)
{
	static const size_t pieces[] = { 1000, 1 };

	for (size_t i = 0; i < COUNT(pieces); i++) {
		const char *where =
		    serve(answers[_i].kind, answers[_i].answer, pieces[i]);
		enum sasl_answer got =
		    sasl_ask(where, STR("bob"), STR("secret"), &why);

		ck_assert_msg(got == answers[_i].want, "%s says \"%s\": %d, %s",
		    answers[_i].kind, expect_show(answers[_i].answer), (int)got,
		    why.cause);
		if (got == SASL_TROUBLE) {
			ck_assert_int_eq(
			    (int)why.id, (int)STATUS_LOOKUP_FAILED);
			ck_assert_ptr_null(strstr(why.cause, "secret"));
		}
		close_all();
		open_all();
	}
}
END_TEST

START_TEST(endless_answer_is_trouble)
{
	static char flood[20000];

	memset(flood, 'x', sizeof(flood));
	ck_assert_int_eq((int)sasl_ask(serve(_i == 0 ? "dovecot" : "saslauthd",
					   str_of(flood, sizeof(flood)), 1000),
			     STR("bob"), STR("secret"), &why),
	    (int)SASL_TROUBLE);
}
END_TEST

/* Nobody is asked about these. */
START_TEST(name_that_nobody_has_is_wrong)
{
	static char longest[5000];
	const struct str names[] = { STR(""), STR("a\nb"), STR("a\0b"),
		STR("a\tb"), str_of(longest, sizeof(longest)) };

	memset(longest, 'x', sizeof(longest));
	ck_assert_int_eq((int)sasl_ask("dovecot:/nonexistent/auth", names[_i],
			     STR("secret"), &why),
	    (int)SASL_WRONG);
}
END_TEST

START_TEST(server_that_is_not_there_is_trouble)
{
	static const char *const places[] = { "dovecot:/nonexistent/auth",
		"saslauthd:/nonexistent/mux", "dovecot:/dev/null", "what:/ever",
		"" };

	ck_assert_int_eq(
	    (int)sasl_ask(places[_i], STR("bob"), STR("secret"), &why),
	    (int)SASL_TROUBLE);
	expect_holds(why.cause, "lmtp_sasl");
}
END_TEST

static const struct {
	struct str given;
	bool fine;
} places[] = {
	{ TEXT("dovecot:/run/dovecot/auth-client"), true },
	{ TEXT("saslauthd:/run/saslauthd/mux"), true },
	{ TEXT("dovecot:auth-client"), false },
	{ TEXT("dovecot:"), false },
	{ TEXT("dovecot"), false },
	{ TEXT("Dovecot:/x"), false },
	{ TEXT("/run/dovecot/auth-client"), false },
	{ TEXT(""), false },
};

START_TEST(place_is_checked)
{
	expect_bool(places[_i].given,
	    sasl_check(places[_i].given.at, &why) == 0, places[_i].fine);
	if (!places[_i].fine)
		ck_assert_int_eq((int)why.id, (int)STATUS_MISCONFIGURED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sasl");
	TCase *all = tcase_create("all");
	int failed;

	scratch_begin();
	tcase_set_timeout(all, 30);
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(all, only_yes_is_yes, 0, (int)COUNT(answers));
	tcase_add_loop_test(all, endless_answer_is_trouble, 0, 2);
	tcase_add_loop_test(all, name_that_nobody_has_is_wrong, 0, 5);
	tcase_add_loop_test(all, server_that_is_not_there_is_trouble, 0, 5);
	tcase_add_loop_test(all, place_is_checked, 0, (int)COUNT(places));
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
