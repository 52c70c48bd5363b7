/*
 * check_user_nss.c - when "not found" can be believed (nsswitch.conf(5)), and
 * what becomes of each end of the helper.
 */
#include "user/user_nss.h"

#include "../base/expect.h"
#include "support/machine.h"

#include <unistd.h>

static struct arena arena;
static struct status why;
static struct user_options options;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	status_init(&why);
	memset(&options, 0, sizeof(options));
	options.nss_notfound = USER_NSS_DOUBTFUL;
	machine_remove("etc/nsswitch.conf");
	machine_remove("libexec/lda-getpw");
}

static const struct {
	struct str given;
	bool beyond_files, doubtful;
} switches[] = {
	{ TEXT(""), false, false },
	{ TEXT("passwd: files\n"), false, false },
	{ TEXT("passwd:files\n"), false, false },
	{ TEXT("passwd:\tfiles\n"), false, false },
	{ TEXT("passwd: files"), false, false },
	{ TEXT("passwd:\n"), false, false },
	{ TEXT("passwd: compat\n"), true, false },
	{ TEXT("passwd: files systemd\n"), true, false },
	{ TEXT("passwd: files ldap\n"), true, true },
	{ TEXT("passwd: files sss\n"), true, true },
	{ TEXT("passwd: ldap files\n"), true, true },
	{ TEXT("passwd: files nis\n"), true, true },
	{ TEXT("passwd: files [NOTFOUND=return] ldap\n"), true, true },
	{ TEXT("passwd: files [!UNAVAIL=return]\n"), false, false },
	{ TEXT("passwd: files [ NOTFOUND=return ] systemd\n"), true, false },
	{ TEXT("passwd: files[NOTFOUND=return]ldap\n"), true, true },
	{ TEXT("passwd: ldap[NOTFOUND=return] files\n"), true, true },
	{ TEXT("passwd: files # ldap\n"), false, false },
	{ TEXT("# passwd: ldap\npasswd: files\n"), false, false },
	{ TEXT("group: ldap\npasswd: files\nshadow: ldap\n"), false, false },
	{ TEXT("hosts: dns\n\n\tpasswd:\tfiles ldap\n"), true, true },
	{ TEXT("passwd_compat: ldap\npasswd: files\n"), false, false },
	{ TEXT("passwd: files\r\n"), false, false },
	{ TEXT("passwd: filesx\n"), true, true },
	{ TEXT("passwd: [\n"), false, false },
};

START_TEST(sources_beyond_the_files_are_seen)
{
	struct str given = switches[_i].given;
	struct user_nss_sources got = user_nss_sources(given, "passwd");

	expect_bool(given, got.beyond_files, switches[_i].beyond_files);
	expect_bool(given, got.doubtful, switches[_i].doubtful);
}
END_TEST

START_TEST(group_has_its_own_line)
{
	struct str given = STR("passwd: files\ngroup: files ldap\n");

	ck_assert(user_nss_sources(given, "group").doubtful);
	ck_assert(!user_nss_sources(given, "passwd").doubtful);
}
END_TEST

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED

/* NULL: no such file. */
static const struct {
	const char *nsswitch, *helper;
	int notfound;
	enum status_id outcome;
	const char *want;
} answers[] = {
	/* No nsswitch.conf: the libc knows whom it asks. */
	{ NULL, "exit 67", USER_NSS_DOUBTFUL, UNKNOWN, NULL },
	{ NULL, "echo bob:x:7:8::/h:", USER_NSS_DOUBTFUL, FOUND,
	    "bob:x:7:8::/h:" },
	{ NULL, NULL, USER_NSS_DOUBTFUL, DOUBT, NULL },
	{ "passwd: files\n", "exit 70", USER_NSS_DOUBTFUL, UNKNOWN, NULL },
	{ "passwd: files systemd\n", "exit 67", USER_NSS_DOUBTFUL, UNKNOWN,
	    NULL },
	{ "passwd: files ldap\n", "exit 67", USER_NSS_DOUBTFUL, DOUBT, NULL },
	{ "passwd: files ldap\n", "exit 67", USER_NSS_UNKNOWN, UNKNOWN, NULL },
	{ "passwd: ldap\n", "echo bob:x:7:8::/home/bob:/bin/sh",
	    USER_NSS_DOUBTFUL, FOUND, "bob:x:7:8::/home/bob:/bin/sh" },
	/* Every other end is "could not ask", also where nothing doubts. */
	{ "passwd: ldap\n", NULL, USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "exit 75", USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "exit 1", USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "exit 127", USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "kill -SEGV $$", USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "kill -KILL $$", USER_NSS_UNKNOWN, DOUBT, NULL },
	/* Half an answer is none. */
	{ "passwd: systemd\n", "exit 0", USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "printf bob:x:7:8::/home/b", USER_NSS_UNKNOWN,
	    DOUBT, NULL },
	{ "passwd: systemd\n", "printf 'bob:\\000x\\n'", USER_NSS_UNKNOWN,
	    DOUBT, NULL },
	{ "passwd: systemd\n", "echo bob:x:7:8::/h:; kill -SEGV $$",
	    USER_NSS_UNKNOWN, DOUBT, NULL },
	{ "passwd: systemd\n", "echo bob:x:7:8::/h:; exit 75", USER_NSS_UNKNOWN,
	    DOUBT, NULL },
	/* What is asked. */
	{ "passwd: systemd\n", "echo \"$#:$1:$2:\"", USER_NSS_DOUBTFUL, FOUND,
	    "2:user:b'o b$x:" },
};

START_TEST(end_of_the_helper_decides)
{
	struct str line = { NULL, 0 };
	enum status_id got;
	char script[200];

	if (answers[_i].nsswitch != NULL)
		machine_write("etc/nsswitch.conf", answers[_i].nsswitch, 0644);
	if (answers[_i].helper != NULL) {
		(void)snprintf(script, sizeof(script), "#!/bin/sh\n%s\n",
		    answers[_i].helper);
		machine_write("libexec/lda-getpw", script, 0755);
	}
	options.nss_notfound = answers[_i].notfound;
	got = user_nss_find(
		  "user", STR("b'o b$x"), &options, &arena, &line, &why) == 0 ?
	    STATUS_DELIVERED :
	    why.id;
	ck_assert_msg(got == answers[_i].outcome, "%s: outcome %d, not %d (%s)",
	    answers[_i].helper != NULL ? answers[_i].helper : "no helper",
	    (int)got, (int)answers[_i].outcome, why.cause);
	if (answers[_i].want != NULL)
		expect_str(STR("line"), line, str_from(answers[_i].want));
}
END_TEST

START_TEST(nsswitch_that_cannot_be_read_is_doubt)
{
	struct str line;

	ck_assert_int_eq(
	    symlink("nsswitch.conf", machine_path("etc/nsswitch.conf")), 0);
	ck_assert_int_eq(
	    user_nss_find("user", STR("bob"), &options, &arena, &line, &why),
	    -1);
	ck_assert_int_eq((int)why.id, (int)STATUS_LOOKUP_FAILED);
	machine_remove("etc/nsswitch.conf");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_nss");
	TCase *all = tcase_create("answers");
	int failed;

	machine_begin();
	tcase_add_checked_fixture(all, open_all, NULL);
	tcase_add_loop_test(
	    all, sources_beyond_the_files_are_seen, 0, (int)COUNT(switches));
	tcase_add_test(all, group_has_its_own_line);
	tcase_add_loop_test(
	    all, end_of_the_helper_decides, 0, (int)COUNT(answers));
	tcase_add_test(all, nsswitch_that_cannot_be_read_is_doubt);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	machine_end();
	return failed;
}
