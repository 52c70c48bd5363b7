/*
 * check_sandbox.c - which processes are in a sandbox, and which never are.
 *
 * What a sandbox refuses is tests/base/check_sandbox.c's; that nothing which
 * is needed is refused, the rows "boxed..." of tests/fault and all of these
 * tests together in tests/proof/part_sandbox.
 *
 * Source: lda.conf(5) sandbox.
 */
#define _GNU_SOURCE /* syscall(2) */
#include "support/lmtp_talk.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* landlock_create_ruleset(2) and its question for the version. */
#define LANDLOCK_RULESET 444
#define LANDLOCK_VERSION 1

/* Nobody of that uid is on the machine. */
#define SPEAKER 60009

/* What /proc says of a process. */
struct facts {
	bool no_new_privileges;
	bool filtered;
};

static struct world world;
static struct service service;
static struct facts seen;

static bool
files_can_be_held(void)
{
#if defined(PORTABLE) || defined(INSTRUMENTED)
	return false;
#else
	return syscall(LANDLOCK_RULESET, NULL, (size_t)0, LANDLOCK_VERSION) >=
	    2;
#endif
}

static bool
calls_can_be_held(void)
{
#if defined(PORTABLE) || defined(INSTRUMENTED) || !defined(__LP64__)
	return false;
#else
	return prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL) >= 0;
#endif
}

static struct facts
facts_of(pid_t pid)
{
	struct facts facts = {
		.no_new_privileges =
		    strcmp(process_fact(pid, "NoNewPrivs:\t"), "1\n") == 0,
		.filtered = strcmp(process_fact(pid, "Seccomp:\t"), "2\n") == 0
	};

	return facts;
}

static void
expect_facts(struct facts got, bool files, bool calls)
{
	bool want_files = files && files_can_be_held();
	bool want_calls = calls && calls_can_be_held();

	ck_assert_msg(got.filtered == want_calls, "Seccomp: %d%s", got.filtered,
	    world_tell(&world));
	ck_assert_msg(got.no_new_privileges == (want_files || want_calls),
	    "NoNewPrivs: %d%s", got.no_new_privileges, world_tell(&world));
}

static void
look(pid_t pid, void *context)
{
	(void)context;
	seen = facts_of(pid);
}

static void
set_up(void)
{
	world_open(&world);
	memset(&service, 0, sizeof(service));
	service.fd = -1;
}

static void
set_up_server(const char *program)
{
	world_close(&world);
	lmtp_world(&world);
	service_use(&world, program);
	service.world = &world;
}

static void
tear_down(void)
{
	service_close(&service);
	world_close(&world);
}

static const struct {
	const char *argument; /* of -o */
	const char *more;
	bool files, calls;
} deliveries[] = {
	{ "sandbox=no", NULL, false, false },
	{ "sandbox=servers", NULL, false, false },
	{ "sandbox=files", NULL, true, false },
	{ "sandbox=all", NULL, true, true },
	/* A command that may be set-ID is started later. */
	{ "sandbox=all", "quota_warning=90% exec:/bin/true", false, false },
};

/* While it waits for the rest of the message. */
START_TEST(a_delivery_gives_up_what_the_setting_says)
{
	world_arguments(
	    &world, "-d", "bob", "-o", deliveries[_i].argument, NULL);
	if (deliveries[_i].more != NULL) {
		world_argument(&world, "-o");
		world_argument(&world, deliveries[_i].more);
	}
	world.command.meanwhile = look;
	world.command.pause_after = 10;
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_facts(seen, deliveries[_i].files, deliveries[_i].calls);
}
END_TEST

START_TEST(a_home_behind_links_is_reached)
{
	scratch_mkdir(&world.scratch, "disk", 0711);
	scratch_mkdir(&world.scratch, "disk/bob", 0700);
	scratch_chown(
	    &world.scratch, "disk/bob", world.scratch.uid, world.scratch.gid);
	ck_assert_int_eq(symlink(scratch_path(&world.scratch, "disk/bob"),
			     scratch_path(&world.scratch, "home/Maildir")),
	    0);
	world_arguments(&world, "-d", "bob", "-o", "sandbox=all", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	maildir_expect(
	    &world.scratch, "disk/bob", world_mail, strlen(world_mail));
}
END_TEST

static pid_t
speaker(void)
{
	pid_t children[8];
	size_t count = process_children(service.pid, children, COUNT(children));

	for (size_t i = 0; i < count; i++)
		if (strtol(process_fact(children[i], "Uid:"), NULL, 10) ==
		    SPEAKER)
			return children[i];
	ck_abort_msg("nobody speaks%s", world_tell(&world));
	return 0;
}

static const struct {
	const char *config;
	bool held;
} servers[] = {
	{ "", true },
	{ "sandbox = no\n", false },
	{ "sandbox = servers\n", true },
	{ "sandbox = all\n", true },
};

/* It still takes a message that is too long for memory. */
START_TEST(who_speaks_for_root_is_in_a_sandbox)
{
	static char text[200000];

	if (getuid() != 0)
		return;
	set_up_server("lda-lmtp");
	world.command.uid = world.command.gid = 0;
	world_passwd(&world, "speaker:x:60009:60009::/:/bin/false\n");
	lmtp_config(&world,
	    scratch_print(
		&world.scratch, "lmtp_user = speaker\n%s", servers[_i].config));
	lmtp_open(&service, &world);
	expect_facts(facts_of(speaker()), servers[_i].held, servers[_i].held);
	expect_facts(facts_of(service.pid), false, false);
	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 70; i < sizeof(text) - 1; i += 71)
		text[i] = '\n';
	memcpy(text, "A: b\n\n", 6);
	text[sizeof(text) - 2] = '\n';
	lmtp_envelope(&service, "bob@b", NULL);
	lmtp_data(&service, text);
	service_hear(&service, "250 2.0.0 <bob@b>");
	lmtp_quit(&service);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home"), 1);
}
END_TEST

/* The processes that it forks deliver, each for a user of his own. */
START_TEST(who_delivers_by_itself_is_free)
{
	set_up_server("lda-lmtp");
	lmtp_config(&world, servers[_i].config);
	lmtp_open(&service, &world);
	expect_facts(facts_of(service.pid), false, false);
	lmtp_envelope(&service, "bob@b", "amy@b", NULL);
	lmtp_data(&service, "Subject: hello\n\nHello.\n");
	service_hear(&service, "250 2.0.0 <bob@b>");
	service_hear(&service, "250 2.0.0 <amy@b>");
	/* Whoever delivered before, the next one may be somebody else's. */
	lmtp_envelope(&service, "joe@b", NULL);
	lmtp_data(&service, "Subject: hello\n\nHello.\n");
	service_hear(&service, "250 2.0.0 <joe@b>");
	lmtp_envelope(&service, "amy@b", NULL);
	lmtp_data(&service, "Subject: hello\n\nHello.\n");
	service_hear(&service, "250 2.0.0 <amy@b>");
	lmtp_quit(&service);
}
END_TEST

static const struct {
	const char *config;
	const char *nsswitch;
	bool held;
} verifiers[] = {
	{ "", "passwd: files\ngroup: files\n", true },
	{ "sandbox = no\n", "passwd: files\ngroup: files\n", false },
	/* The helper may be asked, and what modules it loads is unknown. */
	{ "", "passwd: files systemd\ngroup: files\n", false },
	{ "", "passwd: files\ngroup: files ldap\n", false },
	{ "", NULL, false },
};

START_TEST(lda_verify_is_in_a_sandbox_unless_it_may_need_a_helper)
{
	set_up_server("lda-verify");
	lmtp_config(&world, verifiers[_i].config);
	machine_remove("etc/nsswitch.conf");
	if (verifiers[_i].nsswitch != NULL)
		machine_write(
		    "etc/nsswitch.conf", verifiers[_i].nsswitch, 0644);
	service_start(&service, &world);
	service_say(&service, "10:rcpt bob@b,");
	(void)service_hear_octets(&service, world.got.output, 11);
	world.got.output[11] = '\0';
	ck_assert_str_eq(world.got.output, "8:OK bob@b,");
	expect_facts(
	    facts_of(service.pid), verifiers[_i].held, verifiers[_i].held);
	service_say(&service, "11:quota bob@b,");
	(void)service_hear_octets(&service, world.got.output, 12);
	world.got.output[12] = '\0';
	ck_assert_str_eq(world.got.output, "9:NOTFOUND ,");
	expect_end(&service, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tests = tcase_create("sandbox");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_delivery_gives_up_what_the_setting_says, 0,
	    (int)COUNT(deliveries));
	tcase_add_test(tests, a_home_behind_links_is_reached);
	tcase_add_loop_test(
	    tests, who_speaks_for_root_is_in_a_sandbox, 0, (int)COUNT(servers));
	tcase_add_loop_test(
	    tests, who_delivers_by_itself_is_free, 0, (int)COUNT(servers));
	tcase_add_loop_test(tests,
	    lda_verify_is_in_a_sandbox_unless_it_may_need_a_helper, 0,
	    (int)COUNT(verifiers));
	suite_add_tcase(suite, tests);
	return world_main(suite);
}
