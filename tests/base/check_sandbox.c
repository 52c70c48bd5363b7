/*
 * check_sandbox.c - what a process in a sandbox can still do, and what it
 * cannot.
 *
 * Each attempt is made by a child that has entered: its exit status is the
 * errno that it met.  Where the kernel lacks Landlock or seccomp, and in
 * builds without them, nothing may be refused.
 */
#define _GNU_SOURCE /* unshare(2), syscall(2), O_TMPFILE */
#include "base/sandbox.h"

#include "../base/expect.h"
#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* landlock_create_ruleset(2) and its question for the version. */
#define LANDLOCK_RULESET 444
#define LANDLOCK_VERSION 1

static struct scratch scratch;
static pid_t parent;

/* The child's working directory is the scratch one. */
static void
open_all(void)
{
	scratch_open(&scratch, getuid(), getgid());
	scratch_mkdir(&scratch, "in", 0700);
	scratch_mkdir(&scratch, "in/tmp", 0700);
	scratch_mkdir(&scratch, "in/new", 0700);
	scratch_mkdir(&scratch, "also", 0700);
	scratch_mkdir(&scratch, "out", 0700);
	scratch_write(&scratch, "in/tmp/mail", "mail\n");
	scratch_write(&scratch, "out/secret", "secret\n");
	ck_assert_int_eq(chdir(scratch.root), 0);
	parent = getpid();
}

static void
close_all(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	scratch_close(&scratch);
}

static bool
files_are_held(void)
{
#if defined(PORTABLE) || defined(INSTRUMENTED)
	return false;
#else
	return syscall(LANDLOCK_RULESET, NULL, (size_t)0, LANDLOCK_VERSION) >=
	    2;
#endif
}

static bool
calls_are_held(void)
{
#if defined(PORTABLE) || defined(INSTRUMENTED) || !defined(__LP64__)
	return false;
#else
	return prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL) >= 0;
#endif
}

/* Attempts: 0 or an errno. */

static int
said(long result)
{
	return result < 0 ? errno : 0;
}

static int
try_open(const char *path, int flags)
{
	return said(open(path, flags | O_CLOEXEC, 0600));
}

static int
try_link(const char *from, const char *to)
{
	return said(linkat(AT_FDCWD, from, AT_FDCWD, to, 0));
}

static int
read_outside(void)
{
	return try_open("out/secret", O_RDONLY);
}

static int
list_outside(void)
{
	return try_open("out", O_RDONLY | O_DIRECTORY);
}

static int
write_outside(void)
{
	return try_open("out/secret", O_WRONLY);
}

static int
make_outside(void)
{
	return try_open("out/more", O_WRONLY | O_CREAT | O_EXCL);
}

static int
remove_outside(void)
{
	return said(unlink("out/secret"));
}

static int
make_directory_outside(void)
{
	return said(mkdir("out/more", 0700));
}

static int
link_inwards(void)
{
	return try_link("out/secret", "in/new/secret");
}

static int
link_outwards(void)
{
	return try_link("in/tmp/mail", "out/mail");
}

static int
rename_outwards(void)
{
	return said(rename("in/tmp/mail", "out/mail"));
}

static int
symlink_inside(void)
{
	return said(symlink("../out/secret", "in/new/symlink"));
}

static int
read_by_symlink(void)
{
	return try_open("in/link", O_RDONLY);
}

static int
read_inside(void)
{
	return try_open("in/tmp/mail", O_RDONLY);
}

static int
list_inside(void)
{
	return try_open("in/tmp", O_RDONLY | O_DIRECTORY);
}

static int
make_inside(void)
{
	return try_open("in/tmp/more", O_WRONLY | O_CREAT | O_EXCL);
}

static int
cut_inside(void)
{
	int fd = open("in/tmp/mail", O_RDWR | O_CLOEXEC);

	return fd < 0 ? errno : said(ftruncate(fd, 1));
}

static int
remove_inside(void)
{
	return said(unlink("in/tmp/mail"));
}

static int
make_directory_inside(void)
{
	return said(mkdir("in/.Work", 0700));
}

static int
publish_by_rename(void)
{
	return said(rename("in/tmp/mail", "in/new/mail"));
}

static int
publish_by_link(void)
{
	return try_link("in/tmp/mail", "in/new/mail");
}

static int
link_between_places(void)
{
	return try_link("in/tmp/mail", "also/mail");
}

static int
share_unnamed_file(void)
{
	char path[64];
	int fd = open("in", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EOPNOTSUPP ? 0 : errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return said(linkat(
	    AT_FDCWD, path, AT_FDCWD, "in/new/shared", AT_SYMLINK_FOLLOW));
}

static int
start_program(void)
{
	char name[] = "true";
	char *argv[] = { name, NULL };
	pid_t pid;
	int status;

	/* Where it is allowed, in a child of its own, so that we can tell. */
	pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0) {
		(void)execv("/bin/true", argv);
		_exit(errno);
	}
	return waitpid(pid, &status, 0) < 0 ? errno : WEXITSTATUS(status);
}

static int
become_program(void)
{
	char name[] = "true";
	char *argv[] = { name, NULL };

	(void)execv("/bin/true", argv);
	return errno;
}

static int
fork_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? errno : 0;
}

static int
open_unix_socket(void)
{
	return said(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int
open_network_socket(void)
{
	return said(socket(AF_INET, SOCK_STREAM, 0));
}

static int
open_kernel_socket(void)
{
	return said(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
ask_for_process(void)
{
	return said(kill(parent, 0));
}

static int
signal_process(void)
{
	return said(kill(parent, SIGCONT));
}

static int
trace_process(void)
{
	return said(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
leave_name_space(void)
{
	return said(unshare(CLONE_FS));
}

static int
map_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int
make_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ?
	    errno :
	    said(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int
change_directory(void)
{
	return said(chdir("/"));
}

/* Whoever is left is without the ids of set-ID programs. */
static int
keep_privileges(void)
{
	char text[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return errno;
	return strstr(text, "\nNoNewPrivs:\t1\n") != NULL ? EPERM : 0;
}

/* FILES and CALLS: refused where the kernel has Landlock, seccomp. */
enum by {
	NOBODY,
	FILES,
	CALLS
};

static const struct attempt {
	const char *name;
	int (*try)(void);
	enum sandbox_files files;
	unsigned keeps;
	enum by refused_by;
	int want; /* errno; 0: any */
} attempts[] = {
	{ "read outside", read_outside, SANDBOX_PLACES, 0, FILES, EACCES },
	{ "list outside", list_outside, SANDBOX_PLACES, 0, FILES, EACCES },
	{ "write outside", write_outside, SANDBOX_PLACES, 0, FILES, EACCES },
	{ "make outside", make_outside, SANDBOX_PLACES, 0, FILES, EACCES },
	{ "remove outside", remove_outside, SANDBOX_PLACES, 0, FILES, EACCES },
	{ "make a directory outside", make_directory_outside, SANDBOX_PLACES, 0,
	    FILES, EACCES },
	{ "link inwards", link_inwards, SANDBOX_PLACES, 0, FILES, 0 },
	{ "link outwards", link_outwards, SANDBOX_PLACES, 0, FILES, 0 },
	{ "rename outwards", rename_outwards, SANDBOX_PLACES, 0, FILES, 0 },
	{ "make a symlink", symlink_inside, SANDBOX_PLACES, 0, FILES, 0 },
	{ "read by symlink", read_by_symlink, SANDBOX_PLACES, 0, FILES,
	    EACCES },
	{ "read inside", read_inside, SANDBOX_PLACES, 0, NOBODY, 0 },
	{ "list inside", list_inside, SANDBOX_PLACES, 0, NOBODY, 0 },
	{ "make inside", make_inside, SANDBOX_PLACES, 0, NOBODY, 0 },
	{ "cut inside", cut_inside, SANDBOX_PLACES, 0, NOBODY, 0 },
	{ "remove inside", remove_inside, SANDBOX_PLACES, 0, NOBODY, 0 },
	{ "make a directory inside", make_directory_inside, SANDBOX_PLACES, 0,
	    NOBODY, 0 },
	{ "publish by rename", publish_by_rename, SANDBOX_PLACES, 0, NOBODY,
	    0 },
	{ "publish by link", publish_by_link, SANDBOX_PLACES, 0, NOBODY, 0 },
	{ "link between places", link_between_places, SANDBOX_PLACES, 0, NOBODY,
	    0 },
	{ "share an unnamed file", share_unnamed_file, SANDBOX_PLACES, 0,
	    NOBODY, 0 },
	{ "read anything", read_outside, SANDBOX_READ_ONLY, 0, NOBODY, 0 },
	{ "list anything", list_outside, SANDBOX_READ_ONLY, 0, NOBODY, 0 },
	{ "write anything", write_outside, SANDBOX_READ_ONLY, 0, FILES,
	    EACCES },
	{ "make anything", make_inside, SANDBOX_READ_ONLY, 0, FILES, EACCES },
	{ "remove anything", remove_inside, SANDBOX_READ_ONLY, 0, FILES,
	    EACCES },
	{ "all files: read", read_outside, SANDBOX_ALL_FILES, 0, NOBODY, 0 },
	{ "all files: make", make_outside, SANDBOX_ALL_FILES, 0, NOBODY, 0 },
	{ "become a program", become_program, SANDBOX_ALL_FILES,
	    CALL_FILTER_NETWORK | CALL_FILTER_CHILDREN, CALLS, ENOSYS },
	{ "start a program", start_program, SANDBOX_ALL_FILES,
	    CALL_FILTER_NETWORK | CALL_FILTER_CHILDREN, CALLS, ENOSYS },
	{ "fork", fork_child, SANDBOX_ALL_FILES, 0, CALLS, ENOSYS },
	{ "fork a child", fork_child, SANDBOX_ALL_FILES, CALL_FILTER_CHILDREN,
	    NOBODY, 0 },
	{ "open a local socket", open_unix_socket, SANDBOX_ALL_FILES, 0, NOBODY,
	    0 },
	{ "open a network socket", open_network_socket, SANDBOX_ALL_FILES, 0,
	    CALLS, EACCES },
	{ "open a kernel socket", open_kernel_socket, SANDBOX_ALL_FILES, 0,
	    CALLS, EACCES },
	{ "keep the network", open_network_socket, SANDBOX_ALL_FILES,
	    CALL_FILTER_NETWORK, NOBODY, 0 },
	{ "ask for a process", ask_for_process, SANDBOX_ALL_FILES, 0, NOBODY,
	    0 },
	{ "signal a process", signal_process, SANDBOX_ALL_FILES, 0, CALLS,
	    EPERM },
	{ "be traced", trace_process, SANDBOX_ALL_FILES, 0, CALLS, ENOSYS },
	{ "leave a name space", leave_name_space, SANDBOX_ALL_FILES, 0, CALLS,
	    ENOSYS },
	{ "map code", map_code, SANDBOX_ALL_FILES, 0, CALLS, EPERM },
	{ "make code", make_code, SANDBOX_ALL_FILES, 0, CALLS, EPERM },
	{ "change directory", change_directory, SANDBOX_ALL_FILES, 0, CALLS,
	    ENOSYS },
	{ "keep privileges", keep_privileges, SANDBOX_ALL_FILES, 0, CALLS,
	    EPERM },
};

static void
enter(const struct attempt *attempt)
{
	struct sandbox sandbox;

	sandbox_begin(&sandbox, attempt->files);
	if (attempt->files == SANDBOX_PLACES &&
	    (!sandbox_allow(&sandbox, "in") ||
		!sandbox_allow(&sandbox, "also")))
		_exit(255);
	sandbox_enter(&sandbox, attempt->keeps);
}

/* The errno that a child in a sandbox meets; without one where that is asked
 * for. */
static int
meets(const struct attempt *attempt, bool in_sandbox)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (in_sandbox)
			enter(attempt);
		_exit(attempt->try());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "%s: wait status %#x", attempt->name,
	    (unsigned)status);
	return WEXITSTATUS(status);
}

START_TEST(only_what_is_needed_is_kept)
{
	const struct attempt *attempt = &attempts[_i];
	bool is_held = attempt->refused_by == FILES ? files_are_held() :
	    attempt->refused_by == CALLS            ? calls_are_held() :
						      false;
	int got;

	ck_assert_int_eq(symlink("../out/secret", "in/link"), 0);
	got = meets(attempt, true);
	if (!is_held)
		ck_assert_msg(got == 0, "%s: %s", attempt->name, strerror(got));
	else if (attempt->want == 0)
		ck_assert_msg(got != 0, "%s: not refused", attempt->name);
	else
		ck_assert_msg(got == attempt->want, "%s: %s instead of %s",
		    attempt->name, strerror(got), strerror(attempt->want));
}
END_TEST

/* Else the table above would prove nothing. */
START_TEST(without_a_sandbox_all_is_possible)
{
	int got;

	ck_assert_int_eq(symlink("../out/secret", "in/link"), 0);
	got = meets(&attempts[_i], false);
	ck_assert_msg(got == 0, "%s: %s", attempts[_i].name, strerror(got));
}
END_TEST

START_TEST(a_crash_is_still_a_crash)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		enter(&attempts[0]);
		abort();
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
	    "wait status %#x", (unsigned)status);
}
END_TEST

/* A place that cannot be reached is said, and restricts nothing. */
START_TEST(files_may_be_spared)
{
	struct sandbox sandbox;
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		sandbox_begin(&sandbox, SANDBOX_PLACES);
		errno = 0;
		if (sandbox_allow(&sandbox, "nowhere") == files_are_held() ||
		    (files_are_held() && errno != ENOENT))
			_exit(254);
		sandbox_spare_files(&sandbox);
		sandbox_enter_files(&sandbox);
		_exit(make_outside());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %#x", (unsigned)status);
}
END_TEST

/* Inside of another one, as in a container. */
START_TEST(a_sandbox_in_a_sandbox_holds)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		for (int i = 0; i < 20; i++)
			enter(&attempts[0]);
		_exit(publish_by_rename());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %#x", (unsigned)status);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tests = tcase_create("sandbox");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(tests, open_all, close_all);
	tcase_add_loop_test(
	    tests, only_what_is_needed_is_kept, 0, (int)COUNT(attempts));
	tcase_add_loop_test(
	    tests, without_a_sandbox_all_is_possible, 0, (int)COUNT(attempts));
	tcase_add_test(tests, a_crash_is_still_a_crash);
	tcase_add_test(tests, files_may_be_spared);
	tcase_add_test(tests, a_sandbox_in_a_sandbox_holds);
	suite_add_tcase(suite, tests);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
