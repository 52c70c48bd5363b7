/*
 * check_limits.c - resource limits of the caller never bounce mail.
 *
 * Source: DESIGN 2.2 (a dynamic loader that fails exits 127; RLIMIT_FSIZE);
 * reliability A10.
 */
#include "support/world.h"

#include <string.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void
set_up(void)
{
	world_open(&world);
	world_arguments(&world, "-d", "bob", NULL);
}

static void
tear_down(void)
{
	world_close(&world);
}

/* Resource limits.  Only the static program needs no loader, which would exit
 * 127 by itself; it knows only the system's users, so it gets a file. */

static void
use_product(void)
{
	scratch_write(&world.scratch, "lda.conf",
	    scratch_print(&world.scratch,
		"userdb = static\nmail_home = %s/home\n"
		"mail_location = maildir:~/Maildir\nsyslog_socket = %s\n",
		world.scratch.root, world.log.path));
	world.command.argv[0] = machine_product();
	world_arguments(&world, "-d", "bob", "-c",
	    scratch_path(&world.scratch, "lda.conf"), NULL);
}

static void
set_limit(int resource, rlim_t most)
{
	world.command.limits[0].resource = resource;
	world.command.limits[0].most = most;
	world.command.limit_count = 1;
}

static void
expect_sent_deferred_or_killed(void)
{
	const struct host_outcome *got = &world.got;
	int status = host_exit_status(got);

	ck_assert_msg(
	    status == 0 || status == 75 || WIFSIGNALED(got->wait_status),
	    "exit status %d:%s", status, world_tell(&world));
	ck_assert_msg(got->action != HOST_BOUNCED, "%s", world_tell(&world));
	if (status == 0)
		expect_inbox(&world, world_mail);
	else
		ck_assert_uint_eq(
		    maildir_count(&world.scratch, "home/Maildir/new"), 0);
}

START_TEST(few_descriptors_are_no_bounce)
{
	use_product();
	set_limit(RLIMIT_NOFILE, (rlim_t)_i);
	world_deliver(&world, world_mail);
	expect_sent_deferred_or_killed();
	if (_i < 3)
		ck_assert_int_ne(host_exit_status(&world.got), 0);
	if (_i >= 16)
		expect_sent(&world);
}
END_TEST

static const rlim_t address_spaces[] = { 4096, 16384, 65536, 131072, 200000,
	262144, 300000, 400000, 524288, 700000, 1048576, 2097152, 4194304,
	8388608, 16777216, 268435456 };

START_TEST(little_address_space_is_no_bounce)
{
	use_product();
	set_limit(RLIMIT_AS, address_spaces[_i]);
	world_deliver(&world, world_mail);
	expect_sent_deferred_or_killed();
	if (address_spaces[_i] >= 268435456)
		expect_sent(&world);
}
END_TEST

static const struct {
	int resource;
	rlim_t most;
} other_limits[] = {
	{ RLIMIT_STACK, 4096 },
	{ RLIMIT_STACK, 65536 },
	{ RLIMIT_DATA, 0 },
	{ RLIMIT_DATA, 65536 },
	{ RLIMIT_CORE, 0 },
	{ RLIMIT_CPU, 1 },
};

START_TEST(other_limits_are_no_bounce)
{
	use_product();
	set_limit(other_limits[_i].resource, other_limits[_i].most);
	world_deliver(&world, world_mail);
	expect_sent_deferred_or_killed();
}
END_TEST

/* RLIMIT_FSIZE for a mail of that size. */

enum {
	MAIL = 300000
};

static const rlim_t file_sizes[] = { 0, 1, 4096, 65536, MAIL / 2, MAIL - 1,
	MAIL, MAIL + 1, RLIM_INFINITY };

START_TEST(a_file_size_limit_is_4_2_2_and_named)
{
	static char given[MAIL];

	memset(given, 'x', sizeof(given));
	set_limit(RLIMIT_FSIZE, file_sizes[_i]);
	world_deliver_octets(&world, given, sizeof(given));
	if (file_sizes[_i] >= MAIL) {
		expect_sent(&world);
		maildir_expect(
		    &world.scratch, "home/Maildir", given, sizeof(given));
		return;
	}
	expect_deferred(&world, "4.2.2");
	expect_log(&world, "RLIMIT_FSIZE");
	expect_log(&world, "mailbox_size_limit");
}
END_TEST

START_TEST(a_file_size_limit_meets_a_small_mail_too)
{
	set_limit(RLIMIT_FSIZE, strlen(world_mail) - 1 + (rlim_t)_i);
	world_deliver(&world, world_mail);
	if (_i > 0)
		expect_sent(&world);
	else
		expect_deferred(&world, "4.2.2");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("limits");
	TCase *product = tcase_create("the static program");
	TCase *limits = tcase_create("RLIMIT_FSIZE");

	tcase_set_timeout(product, 30);
	tcase_set_timeout(limits, 30);
	tcase_add_checked_fixture(product, set_up, tear_down);
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_add_loop_test(product, few_descriptors_are_no_bounce, 0, 17);
	tcase_add_loop_test(product, little_address_space_is_no_bounce, 0,
	    COUNT(address_spaces));
	tcase_add_loop_test(
	    product, other_limits_are_no_bounce, 0, COUNT(other_limits));
	tcase_add_loop_test(
	    limits, a_file_size_limit_is_4_2_2_and_named, 0, COUNT(file_sizes));
	tcase_add_loop_test(
	    limits, a_file_size_limit_meets_a_small_mail_too, 0, 3);
	if (machine_product_is_static())
		suite_add_tcase(suite, product);
	suite_add_tcase(suite, limits);
	return world_main(suite);
}
