/*
 * check_verify_server.c - the answer to one question of Postfix's.
 *
 * Source: lda-verify(8); postfix socketmap_table(5), access(5).
 */
#include "serve/verify_server.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <stdint.h>
#include <unistd.h>

static struct arena arena, scratch_arena;
static struct scratch scratch;
static struct settings settings;
static struct log quiet;
static struct job_office office;

static void
set(const char *name, const char *value)
{
	struct status why;

	ck_assert_msg(config_set(&settings.config, str_from(name),
			  str_from(value), CONFIG_FLAG, "test", &why) == 0,
	    "%s", why.cause);
}

static void
open_all(void)
{
	struct status why;

	arena_init(&arena, expect_memory);
	arena_init(&scratch_arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
	log_init(&quiet, "test", scratch_path(&scratch, "nowhere"));
	scratch_write(&scratch, "users",
	    scratch_print(&scratch,
		"bob@d:x:%ju:%ju::%s/bob::\nbad@d:x:what:1::/x::\n",
		(uintmax_t)machine_uid(), (uintmax_t)machine_gid(),
		scratch.root));
	set("userdb",
	    scratch_print(&scratch, "passwd-file:%s/users", scratch.root));
	memset(&office, 0, sizeof(office));
	office.settings = &settings;
	office.log = &quiet;
	office.arena = &arena;
	office.scratch = &scratch_arena;
	office.monitor = -1;
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static const struct {
	struct str request;
	const char *want; /* how the answer begins */
} rows[] = {
	{ TEXT("rcpt bob@d"), "OK bob@d" },
	{ TEXT("rcpt Bob+x@d"), "OK bob@d" },
	{ TEXT("rcpt otto@d"), "NOTFOUND " },
	{ TEXT("rcpt "), "NOTFOUND " },
	{ TEXT("rcpt"), "NOTFOUND " },
	{ TEXT("rcpt bob@d\0"), "NOTFOUND " },
	{ TEXT("rcpt bob@d\n"), "NOTFOUND " },
	{ TEXT("rcpt bob\x7f@d"), "NOTFOUND " },
	/* A line that cannot be used is no "there is none". */
	{ TEXT("rcpt bad@d"), "TEMP 4.4.3 user lookup failed" },
	{ TEXT("quota bob@d"), "NOTFOUND " },
	{ TEXT("quota d"), "NOTFOUND " },
	{ TEXT("quota bob@"), "NOTFOUND " },
	{ TEXT("quota @d"), "NOTFOUND " },
	{ TEXT("rcpts bob@d"), "PERM " },
	{ TEXT("RCPT bob@d"), "PERM " },
	{ TEXT(""), "PERM " },
	{ TEXT(" rcpt bob@d"), "PERM " },
};

START_TEST(request_has_its_answer)
{
	char room[2048];
	struct buf answer;

	buf_init(&answer, room, sizeof(room));
	verify_server_answer(&office, rows[_i].request, &answer);
	ck_assert_msg(str_begins(buf_str(&answer), rows[_i].want),
	    "\"%s\" is answered \"%s\"", expect_show(rows[_i].request),
	    expect_show(buf_str(&answer)));
	/* No path and no number of ours. */
	ck_assert_ptr_null(strstr(answer.at, scratch.root));
}
END_TEST

/* Longer than any address: nobody, and nothing is asked. */
START_TEST(endless_key_is_nobody)
{
	static char request[9000];
	char room[2048];
	struct buf answer;

	memset(request, 'x', sizeof(request));
	memcpy(request, "rcpt ", 5);
	scratch_remove(&scratch, "users");
	buf_init(&answer, room, sizeof(room));
	verify_server_answer(
	    &office, str_of(request, _i == 0 ? 1006 : 9000), &answer);
	expect_str(STR("long"), buf_str(&answer), STR("NOTFOUND "));
	/* The longest that is asked about. */
	buf_init(&answer, room, sizeof(room));
	verify_server_answer(&office, str_of(request, 1005), &answer);
	ck_assert(str_begins(buf_str(&answer), "TEMP "));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verify server");
	TCase *all = tcase_create("all");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(all, request_has_its_answer, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, endless_key_is_nobody, 0, 2);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
