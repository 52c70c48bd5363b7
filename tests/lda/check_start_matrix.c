/*
 * check_start_matrix.c - closed descriptors, odd inputs, limits, masks,
 * ignored, blocked and pending signals and a hostile environment, all with all,
 * for each way to start lda.
 *
 * Whatever of it comes together, mail is delivered whole or deferred with
 * nothing to be seen; and where nothing is in the way it is delivered.
 *
 * Source: DESIGN 2.2, 3 (Privileges); reliability A8, A9, A10.
 */
#define _GNU_SOURCE /* O_PATH, posix_openpt(3) */
#include "support/tally.h"
#include "support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Nobody's but the spool's. */
#define SPOOL_GID 60777

#define PATH_OCTETS 128

static struct world world;
static const char *message; /* a file with world_mail */

/* Programs with a group, and their spool; of no test alone. */
static char place[] = "/tmp/lda-start.XXXXXX";
static char spool[PATH_OCTETS], set_group_id[PATH_OCTETS], relay[PATH_OCTETS];

/* How lda is started. */
enum start {
	AS_RECIPIENT, /* needs no dynamic loader, if it is what is installed */
	SET_GROUP_ID,
	BY_RELAY,
	STARTS
};

static enum start start;

/* One odd start. */
static struct {
	unsigned closed;
	enum signals {
		AS_POSTFIX,
		IGNORED,
		BLOCKED,
		PENDING
	} signals;
	int pending;
	mode_t mask;
	bool is_hostile;
	int resource; /* -1: no limit */
	rlim_t most;
	const char *input; /* NULL: the pipe */
} odd;

static bool
can_start(void)
{
	if (MACHINE_IS_SANITIZED && start != AS_RECIPIENT)
		return false;
	return start == AS_RECIPIENT || getuid() == 0;
}

static void
copy_program(const char *from, const char *to)
{
	char command[3 * PATH_OCTETS];

	(void)snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(chown(to, 0, SPOOL_GID), 0);
	ck_assert_int_eq(chmod(to, 02755), 0);
}

static void
make_place(void)
{
	if (mkdtemp(place) == NULL || chmod(place, 0755) < 0)
		exit(EXIT_FAILURE);
	(void)snprintf(spool, sizeof(spool), "%s/spool", place);
	(void)snprintf(set_group_id, sizeof(set_group_id), "%s/lda", place);
	(void)snprintf(relay, sizeof(relay), "%s/lda-relay", place);
	if (mkdir(spool, 0755) < 0)
		exit(EXIT_FAILURE);
}

static void
remove_place(void)
{
	(void)unlink(set_group_id);
	(void)unlink(relay);
	(void)rmdir(spool);
	(void)rmdir(place);
}

static void
set_up(void)
{
	char config[512];

	start = AS_RECIPIENT;
	memset(&odd, 0, sizeof(odd));
	world_open(&world);
	scratch_mkdir(&world.scratch, "victim", 0700);
	scratch_write(&world.scratch, "message", world_mail);
	message = scratch_path(&world.scratch, "message");
	(void)snprintf(config, sizeof(config),
	    "mail_fsync = never\nmail_spool_directory = %s\n", spool);
	world_config(&world, config);
	if (getuid() != 0)
		return;
	ck_assert_int_eq(chown(spool, 0, SPOOL_GID), 0);
	ck_assert_int_eq(chmod(spool, 02775), 0);
	copy_program(machine_program(), set_group_id);
	copy_program(CHECK_DIR "/lda-relay", relay);
}

static void
tear_down(void)
{
	world_close(&world);
}

/* The product knows only the system's users. */
static void
use_start(void)
{
	world_arguments(&world, "-d", "bob", NULL);
	if (start == SET_GROUP_ID)
		world.command.argv[0] = set_group_id;
	else if (start == BY_RELAY)
		world.command.argv[0] = relay;
	else {
		scratch_write(&world.scratch, "lda.conf",
		    scratch_print(&world.scratch,
			"userdb = static\nmail_home = %s/home\n"
			"mail_location = maildir:~/Maildir\n"
			"mail_fsync = never\nsyslog_socket = %s\n",
			world.scratch.root, world.log.path));
		if (machine_product_is_static())
			world.command.argv[0] = machine_product();
		world_argument(&world, "-c");
		world_argument(
		    &world, scratch_path(&world.scratch, "lda.conf"));
	}
}

/* The environment of an enemy; "#" is where he waits. */
static const char *const hostile[] = { "HOME=#", "LDA_CONF=#/lda.conf",
	"TMPDIR=#", "TZ=:#/zone", "LD_LIBRARY_PATH=#", "LD_AUDIT=#/audit.so",
	"MALLOC_TRACE=#/trace", "MALLOC_TOP_PAD_=1", "MALLOC_PERTURB_=1",
	"GLIBC_TUNABLES=glibc.malloc.mxfast=1:glibc.malloc.check=3", "IFS=/",
	"PATH=#", "LOCPATH=#", "NLSPATH=#/%N", "LANG=#", "LC_ALL=../..#",
	"RES_OPTIONS=debug", "HOSTALIASES=#/hosts", "GCONV_PATH=#",
	"GETCONF_DIR=#", "PATH=#/again", "TZ=", "=", "BASH_ENV=#/rc",
	"ENV=#/rc", "SHELLOPTS=xtrace", "PS4=x" };

static void
be_hostile(void)
{
	static char room[COUNT(hostile)][2 * PATH_OCTETS];

	world.command.variables[0] = NULL;
	for (size_t i = 0; odd.is_hostile && i < COUNT(hostile); i++) {
		const char *hash = strchr(hostile[i], '#');

		/* The test's own lda is dynamic: the loader would tell. */
		if (strncmp(hostile[i], "LD_AUDIT", 8) == 0 &&
		    start == AS_RECIPIENT && !machine_product_is_static())
			continue;
		(void)snprintf(room[i], sizeof(room[i]), "%.*s%s%s%s",
		    hash == NULL ? (int)strlen(hostile[i]) :
				   (int)(hash - hostile[i]),
		    hostile[i], hash == NULL ? "" : world.scratch.root,
		    hash == NULL ? "" : "/victim",
		    hash == NULL ? "" : hash + 1);
		world_variable(&world, room[i]);
	}
}

static void
be_odd(void *context)
{
	sigset_t all;

	(void)context;
	(void)umask(odd.mask);
	for (int number = 1; odd.signals == IGNORED && number < 32; number++)
		(void)signal(number, SIG_IGN);
	(void)sigfillset(&all);
	if (odd.signals >= BLOCKED)
		(void)sigprocmask(SIG_BLOCK, &all, NULL);
	if (odd.signals == PENDING)
		(void)raise(odd.pending);
}

static void
describe(char *into, size_t size)
{
	(void)snprintf(into, size,
	    "start %d, closed %u, signals %d (%d), umask %03o, hostile %d, "
	    "limit %d of %d, input %s",
	    (int)start, odd.closed, (int)odd.signals, odd.pending,
	    (unsigned)odd.mask, odd.is_hostile, (int)odd.most, odd.resource,
	    odd.input == NULL ? "pipe" : odd.input);
}

/* What the spool has for bob, and that it has nothing else. */
static size_t
count_in_spool(bool *is_whole)
{
	char path[2 * PATH_OCTETS], text[4096];
	size_t length = strlen(world_mail);
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/bob", spool);
	fd = open(path, O_RDONLY);
	got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	(void)unlink(path);
	text[got < 0 ? 0 : got] = '\0';
	*is_whole = strncmp(text, "From ", 5) == 0 &&
	    (size_t)got > length + 1 &&
	    memcmp(text + got - 1 - length, world_mail, length) == 0;
	return got > 0 ? 1 : 0;
}

static size_t
count_mails(bool *is_whole)
{
	size_t count;
	struct mail mail;

	if (start != AS_RECIPIENT)
		return count_in_spool(is_whole);
	count = maildir_count_below(&world.scratch, "home");
	*is_whole = false;
	if (count == 1) {
		maildir_read_one(&world.scratch, "home/Maildir", &mail);
		*is_whole = mail.length == strlen(world_mail) &&
		    memcmp(mail.octets, world_mail, mail.length) == 0 &&
		    mail.mode == 0600;
		free(mail.octets);
	}
	if (scratch_has(&world.scratch, "home/Maildir"))
		scratch_remove(&world.scratch, "home/Maildir");
	return count;
}

/* Nothing of it keeps a delivery from being made. */
static bool
is_harmless(void)
{
	return (odd.closed & 1) == 0 && odd.signals != PENDING &&
	    odd.resource < 0 && odd.input == NULL;
}

static void
judge(void)
{
	const struct host_outcome *got = &world.got;
	int status = host_exit_status(got);
	bool may_die = odd.signals == PENDING || odd.resource >= 0;
	bool is_whole;
	size_t count = count_mails(&is_whole);
	char which[256];

	describe(which, sizeof(which));
	ck_assert_msg(got->action != HOST_BOUNCED && !got->timed_out,
	    "%s: bounced%s", which, world_tell(&world));
	ck_assert_msg(status == 0 || status == 75 ||
		(may_die && WIFSIGNALED(got->wait_status)),
	    "%s: exit %d%s", which, status, world_tell(&world));
	ck_assert_msg(!is_harmless() || status == 0, "%s: not delivered%s",
	    which, world_tell(&world));
	ck_assert_msg((odd.closed & 1) == 0 || status != 0,
	    "%s: delivered without an input", which);
	ck_assert_msg(count == (status == 0 ? 1 : 0),
	    "%s: exit %d, %zu mails%s", which, status, count,
	    world_tell(&world));
	ck_assert_msg(status != 0 || is_whole, "%s: it is not whole", which);
	ck_assert_msg(maildir_count(&world.scratch, "victim") == 0,
	    "%s: led astray", which);
}

static void
set_limit(void)
{
	world.command.limit_count = odd.resource < 0 ? 0 : 1;
	world.command.limits[0].resource = odd.resource;
	world.command.limits[0].most = odd.most;
}

static void
play(void)
{
	char path[2 * PATH_OCTETS];

	world.command.closed = odd.closed;
	world.command.before_exec = be_odd;
	be_hostile();
	set_limit();
	world_deliver(&world, world_mail);
	tally_add(TALLY_STARTS, 1);
	judge();
	(void)snprintf(path, sizeof(path), "%s/bob.lock", spool);
	ck_assert_int_ne(access(path, F_OK), 0);
	log_sink_forget(&world.log);
}

static void
begin(int number)
{
	start = (enum start)number;
	odd.resource = -1;
	odd.mask = 077;
	if (can_start())
		use_start();
}

static const mode_t masks[] = { 0, 022, 077, 0777 };
static const int pending[] = { SIGTERM, SIGALRM, SIGHUP, SIGINT, SIGQUIT,
	SIGCHLD, SIGPIPE, SIGXFSZ, SIGXCPU, SIGUSR1, SIGVTALRM, SIGTSTP };

START_TEST(descriptors_masks_signals_and_variables)
{
	begin(_i);
	if (!can_start())
		return;
	for (odd.closed = 0; odd.closed < 8; odd.closed++)
		for (size_t i = 0; i < COUNT(masks); i++)
			for (int k = 0; k < 6; k++) {
				odd.mask = masks[i];
				odd.signals = (enum signals)(k / 2);
				odd.is_hostile = k % 2 == 1;
				play();
			}
}
END_TEST

START_TEST(pending_signals)
{
	begin(_i);
	if (!can_start())
		return;
	odd.signals = PENDING;
	for (odd.closed = 0; odd.closed < 8; odd.closed++)
		for (size_t i = 0; i < COUNT(pending); i++) {
			odd.pending = pending[i];
			play();
		}
}
END_TEST

/* The programs of the test need a loader, which the installed one does not:
 * those that starve it are for the latter. */
static const struct {
	int resource;
	rlim_t most;
	bool starves;
} limits[] = {
	{ RLIMIT_FSIZE, 0, false },
	{ RLIMIT_FSIZE, 10, false },
	{ RLIMIT_FSIZE, 1000000, false },
	{ RLIMIT_NPROC, 0, false },
	{ RLIMIT_CORE, 0, false },
	{ RLIMIT_CPU, 1, false },
	{ RLIMIT_NOFILE, 16, false },
	{ RLIMIT_NOFILE, 0, true },
	{ RLIMIT_NOFILE, 1, true },
	{ RLIMIT_NOFILE, 2, true },
	{ RLIMIT_NOFILE, 3, true },
	{ RLIMIT_NOFILE, 4, true },
	{ RLIMIT_NOFILE, 5, true },
	{ RLIMIT_NOFILE, 6, true },
	{ RLIMIT_NOFILE, 7, true },
	{ RLIMIT_NOFILE, 8, true },
	{ RLIMIT_AS, 65536, true },
	{ RLIMIT_AS, 400000, true },
	{ RLIMIT_AS, 1048576, true },
	{ RLIMIT_AS, 4194304, true },
	{ RLIMIT_DATA, 0, true },
	{ RLIMIT_DATA, 65536, true },
	{ RLIMIT_DATA, 1048576, true },
	{ RLIMIT_STACK, 4096, true },
	{ RLIMIT_STACK, 65536, true },
	{ RLIMIT_MEMLOCK, 0, false },
};

START_TEST(limits_with_all_else)
{
	begin(_i);
	if (!can_start())
		return;
	for (size_t i = 0; i < COUNT(limits); i++) {
		if (limits[i].starves &&
		    (start != AS_RECIPIENT || !machine_product_is_static()))
			continue;
		odd.resource = limits[i].resource;
		odd.most = limits[i].most;
		for (int k = 0; k < 6; k++) {
			odd.signals = (enum signals)(k / 2);
			odd.is_hostile = k % 2 == 1;
			for (odd.closed = 0; odd.closed < 8; odd.closed += 2)
				play();
		}
	}
}
END_TEST

/* What standard input is instead of a pipe. */

static int
open_socket(int type)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type, 0, ends), 0);
	ck_assert_int_eq(send(ends[1], world_mail, strlen(world_mail), 0),
	    (ssize_t)strlen(world_mail));
	(void)close(ends[1]);
	return ends[0];
}

static int
open_stream(void)
{
	return open_socket(SOCK_STREAM);
}

static int
open_message(void)
{
	return open_socket(SOCK_SEQPACKET);
}

static int
open_unconnected(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
open_file(void)
{
	return open(message, O_RDWR);
}

static int
open_path(void)
{
	return open(message, O_PATH);
}

static int
open_for_writing(void)
{
	return open(message, O_WRONLY);
}

static int
open_directory(void)
{
	return open("/", O_RDONLY);
}

static int
open_null(void)
{
	return open("/dev/null", O_RDONLY);
}

static int
open_write_end(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	(void)close(ends[0]);
	return ends[1];
}

/* A terminal that has gone. */
static int
open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return open_null();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	(void)close(master);
	return slave < 0 ? open_null() : slave;
}

static const struct {
	const char *name;
	int (*open)(void);
	bool is_mail;
} inputs[] = {
	{ "file", open_file, true },
	{ "stream socket", open_stream, true },
	{ "message socket", open_message, true },
	{ "unconnected socket", open_unconnected, false },
	{ "O_PATH", open_path, false },
	{ "for writing", open_for_writing, false },
	{ "directory", open_directory, false },
	{ "/dev/null", open_null, false },
	{ "a pipe's other end", open_write_end, false },
	{ "terminal", open_terminal, false },
};

static void
play_input(size_t number)
{
	int fd = inputs[number].open();

	ck_assert_int_ge(fd, 0);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	odd.input = inputs[number].name;
	world.command.input_kind = HOST_DESCRIPTOR;
	world.command.descriptor = fd;
	play();
	(void)close(fd);
	ck_assert_msg(
	    (host_exit_status(&world.got) == 0) == inputs[number].is_mail,
	    "%s: exit %d%s", odd.input, host_exit_status(&world.got),
	    world_tell(&world));
}

START_TEST(inputs_with_all_else)
{
	begin(_i);
	if (!can_start())
		return;
	for (size_t i = 0; i < COUNT(inputs); i++)
		for (int k = 0; k < 6; k++) {
			odd.signals = (enum signals)(k / 2);
			odd.is_hostile = k % 2 == 1;
			for (odd.closed = 0; odd.closed < 8; odd.closed += 2)
				play_input(i);
		}
}
END_TEST

/* Arguments as long as the system takes them, and as many. */
START_TEST(arguments_of_any_size)
{
	static char room[HOST_ARGUMENTS][100000];
	static const size_t sizes[] = { 1000, 65000, sizeof(room[0]) };

	begin(_i);
	if (!can_start())
		return;
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (int more = 0; more < 2; more++) {
			use_start();
			memset(room[0], 'x', sizes[i]);
			room[0][sizes[i] - 1] = '\0';
			world_argument(&world, "-f");
			world_argument(&world, room[0]);
			world_argument(&world, "-a");
			world_argument(&world, room[0]);
			play();
			/* Then there is more than one recipient. */
			for (int k = 0; more == 1 && k < 10; k++)
				world_argument(&world, room[0]);
			odd.input = "operands";
			play();
			ck_assert_int_eq(
			    host_exit_status(&world.got), more == 1 ? 75 : 0);
			odd.input = NULL;
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("start matrix");
	TCase *matrix = tcase_create("matrix");
	int status;

	make_place();
	tcase_set_timeout(matrix, 120);
	tcase_add_checked_fixture(matrix, set_up, tear_down);
	tcase_add_loop_test(
	    matrix, descriptors_masks_signals_and_variables, 0, STARTS);
	tcase_add_loop_test(matrix, pending_signals, 0, STARTS);
	tcase_add_loop_test(matrix, limits_with_all_else, 0, STARTS);
	tcase_add_loop_test(matrix, inputs_with_all_else, 0, STARTS);
	tcase_add_loop_test(matrix, arguments_of_any_size, 0, STARTS);
	suite_add_tcase(suite, matrix);
	status = world_main_tally(suite, TALLY_STARTS);
	remove_place();
	return status;
}
