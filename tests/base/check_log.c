/*
 * check_log.c - one line, one datagram, and nobody waits.
 */
#include "base/log.h"

#include "../base/expect.h"
#include "support/log_sink.h"
#include "support/scratch.h"

#include <unistd.h>

static struct scratch scratch;
static struct log_sink sink;
static struct log given_log;

static void
open_all(void)
{
	scratch_open(&scratch, getuid(), getgid());
	log_init(&given_log, "lda", scratch_path(&scratch, "log"));
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

static void
listen_here(void)
{
	log_sink_open(&sink, scratch_path(&scratch, "log"));
}

static const struct {
	enum log_severity severity;
	int facility;
	const char *want;
} priorities[] = {
	{ LOG_SEVERITY_INFO, LOG_FACILITY_MAIL, "<22>" },
	{ LOG_SEVERITY_NOTICE, LOG_FACILITY_MAIL, "<21>" },
	{ LOG_SEVERITY_WARNING, LOG_FACILITY_MAIL, "<20>" },
	{ LOG_SEVERITY_ERROR, LOG_FACILITY_MAIL, "<19>" },
	{ LOG_SEVERITY_INFO, 23, "<190>" },
	{ LOG_SEVERITY_INFO, 1, "<14>" },
};

START_TEST(line_has_priority_tag_and_pid)
{
	listen_here();
	given_log.facility = priorities[_i].facility;
	log_line(&given_log, priorities[_i].severity, STR("lda(bob): saved"));
	log_sink_drain(&sink);
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_str_eq(sink.lines[0],
	    scratch_print(&scratch, "%slda[%jd]: lda(bob): saved",
		priorities[_i].want, (intmax_t)getpid()));
	log_sink_close(&sink);
}
END_TEST

START_TEST(facility_is_mail_at_first)
{
	ck_assert_int_eq(given_log.facility, LOG_FACILITY_MAIL);
}
END_TEST

START_TEST(each_line_is_a_datagram)
{
	listen_here();
	log_line(&given_log, LOG_SEVERITY_INFO, STR("one"));
	log_line(&given_log, LOG_SEVERITY_INFO, STR("two"));
	log_sink_drain(&sink);
	ck_assert_uint_eq(sink.count, 2);
	expect_holds(sink.lines[1], "]: two");
	log_sink_close(&sink);
}
END_TEST

START_TEST(endless_line_is_cut)
{
	static char text[100000];

	memset(text, 'a', sizeof(text));
	listen_here();
	log_line(&given_log, LOG_SEVERITY_INFO, str_of(text, sizeof(text)));
	log_sink_drain(&sink);
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_uint_ge(sink.lengths[0], 1024);
	ck_assert_uint_le(sink.lengths[0], 8192);
	log_sink_close(&sink);
}
END_TEST

START_TEST(nobody_listens)
{
	log_line(&given_log, LOG_SEVERITY_INFO, STR("lost"));
	log_line(&given_log, LOG_SEVERITY_INFO, STR("lost too"));
}
END_TEST

START_TEST(socket_path_may_be_anything)
{
	char endless[4096];

	memset(endless, 'a', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	log_init(&given_log, "lda", endless);
	log_line(&given_log, LOG_SEVERITY_INFO, STR("lost"));
	log_init(&given_log, "lda", "");
	log_line(&given_log, LOG_SEVERITY_INFO, STR("lost"));
	scratch_write(&scratch, "file", "");
	log_init(&given_log, "lda", scratch_path(&scratch, "file"));
	log_line(&given_log, LOG_SEVERITY_INFO, STR("lost"));
}
END_TEST

/* Somebody listens and never reads: libcheck's time limit tells. */
START_TEST(full_queue_holds_nobody_up)
{
	listen_here();
	for (int i = 0; i < 2000; i++)
		log_line(&given_log, LOG_SEVERITY_INFO, STR("flood"));
	log_sink_close(&sink);
}
END_TEST

START_TEST(receiver_that_went_away_is_no_harm)
{
	listen_here();
	log_line(&given_log, LOG_SEVERITY_INFO, STR("one"));
	log_sink_close(&sink);
	log_line(&given_log, LOG_SEVERITY_INFO, STR("lost"));
}
END_TEST

static const struct {
	struct str given;
	int want;
} facilities[] = {
	{ TEXT("mail"), 2 },
	{ TEXT("MAIL"), 2 },
	{ TEXT("user"), 1 },
	{ TEXT("daemon"), 3 },
	{ TEXT("local0"), 16 },
	{ TEXT("local7"), 23 },
	{ TEXT("local8"), -1 },
	{ TEXT("mailx"), -1 },
	{ TEXT("mai"), -1 },
	{ TEXT("mail\0"), -1 },
	{ TEXT(""), -1 },
};

START_TEST(facility_has_its_number)
{
	ck_assert_msg(log_facility(facilities[_i].given) == facilities[_i].want,
	    "given \"%s\": got %d", expect_show(facilities[_i].given),
	    log_facility(facilities[_i].given));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *lines = tcase_create("lines");
	int failed;

	scratch_begin();
	tcase_add_checked_fixture(lines, open_all, close_all);
	tcase_add_loop_test(
	    lines, line_has_priority_tag_and_pid, 0, (int)COUNT(priorities));
	tcase_add_test(lines, facility_is_mail_at_first);
	tcase_add_test(lines, each_line_is_a_datagram);
	tcase_add_test(lines, endless_line_is_cut);
	tcase_add_test(lines, nobody_listens);
	tcase_add_test(lines, socket_path_may_be_anything);
	tcase_add_test(lines, full_queue_holds_nobody_up);
	tcase_add_test(lines, receiver_that_went_away_is_no_harm);
	tcase_add_loop_test(
	    lines, facility_has_its_number, 0, (int)COUNT(facilities));
	suite_add_tcase(suite, lines);
	failed = expect_run(suite);
	scratch_end();
	return failed;
}
