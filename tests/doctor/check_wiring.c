/*
 * check_wiring.c - the ways in which Postfix starts lda are found.
 */
#include "doctor/wiring.h"

#include "../base/expect.h"

static struct arena arena;

/* One configuration, and the ways in it as wiring_print tells them. */
static const struct {
	struct postconf given;
	const char *want;
} rows[] = {
	{ { .settings = TEXT("virtual_transport = virtual\n"),
	      .services = TEXT("virtual unix - n n - - virtual\n"
			       "maildrop unix - n n - - pipe flags=R user=x "
			       "argv=/usr/bin/maildrop -d ${recipient}\n"
			       "x unix - n n - - pipe user=x "
			       "argv=/usr/bin/lda.sh /usr/sbin/lda\n") },
	    "    no service of master.cf, mailbox_command or transport names "
	    "lda; what tables and .forward name is not seen\n" },
	{ { .settings = TEXT("virtual_transport = lda:x\n"),
	      .services = TEXT("lda unix - n n - - pipe user=x "
			       "argv=/opt/lda -d ${recipient}\n") },
	    "    pipe(8) service lda runs /opt/lda\n" },
	{ { .settings = TEXT("mailbox_command = exec /opt/lda-relay -f x\n"),
	      .services = TEXT("local unix - n n - - local\n"
			       "l2 unix - n n - - local\n"),
	      .overrides =
		  TEXT("l2/unix/mailbox_command = procmail -a lda\n") },
	    "    local(8) service local has mailbox_command exec "
	    "/opt/lda-relay -f x\n" },
	{ { .settings = TEXT("mailbox_command = lda\n"),
	      .services = TEXT("local unix - n n - - local\n") },
	    "    local(8) service local has mailbox_command lda\n" },
	/* A server of master.cf, by its name. */
	{ { .settings = TEXT("virtual_transport = lmtp:unix:private/box\n"
			     "mailbox_transport = lmtp:unix:private/dovecot\n"),
	      .services = TEXT("box unix - n n - - spawn user=x "
			       "argv=/opt/lda-lmtp\n"
			       "lmtp unix - - n - - lmtp\n") },
	    "    spawn(8) service box runs /opt/lda-lmtp\n"
	    "    lmtp(8) service lmtp speaks with unix:private/box "
	    "(virtual_transport)\n" },
	/* One that listens itself, by the socket's. */
	{ { .settings = TEXT("mailbox_transport = lmtp:unix:/run/lda-lmtp/s\n"
			     "fallback_transport = lmtp:unix:/run/lda-lmtp\n"),
	      .services = TEXT("lmtp unix - - n - - lmtp\n") },
	    "    lmtp(8) service lmtp speaks with unix:/run/lda-lmtp "
	    "(fallback_transport)\n" },
	/* By TCP nothing tells but who is asked for the users. */
	{ { .settings = TEXT("relay_transport = lmtp:inet:127.0.0.1:24\n"),
	      .services = TEXT("lmtp unix - - n - - lmtp\n") },
	    "    no service of master.cf, mailbox_command or transport names "
	    "lda; what tables and .forward name is not seen\n" },
	{ { .settings = TEXT("relay_transport = lmtp:inet:127.0.0.1:24\n"),
	      .services = TEXT("lmtp unix - - n - - lmtp\n"
			       "v unix - n n - 0 spawn user=x "
			       "argv=/opt/lda-verify\n") },
	    "    spawn(8) service v runs /opt/lda-verify\n"
	    "    lmtp(8) service lmtp speaks with inet:127.0.0.1:24 "
	    "(relay_transport)\n" },
};

START_TEST(ways_are_found)
{
	struct wiring *wiring;
	char room[2000];
	struct buf got;

	arena_init(&arena, expect_memory);
	wiring = arena_take(&arena, sizeof(*wiring));
	buf_init(&got, room, sizeof(room));
	wiring_find(&rows[_i].given, wiring);
	wiring_print(wiring, &got);
	ck_assert_str_eq(room, rows[_i].want);
}
END_TEST

/* Whose mail goes a way, as bits of enum way_class. */
static const struct {
	struct str settings;
	unsigned want;
} classes[] = {
	{ TEXT("virtual_transport = lda"), WAY_VIRTUAL },
	{ TEXT("relay_transport = lda:host"), WAY_RELAY },
	{ TEXT("local_transport = lda"), WAY_LOCAL },
	{ TEXT("local_transport = local:x\nmailbox_transport = lda"),
	    WAY_LOCAL },
	{ TEXT("local_transport = local\nfallback_transport = lda"),
	    WAY_LOCAL | WAY_FALLBACK },
	{ TEXT("local_transport = local\nfallback_transport = lda\n"
	       "virtual_transport = lda"),
	    WAY_LOCAL | WAY_FALLBACK | WAY_VIRTUAL },
	/* local(8) never sees it. */
	{ TEXT("local_transport = other\nmailbox_transport = lda\n"
	       "virtual_transport = lda"),
	    WAY_VIRTUAL },
	{ TEXT("virtual_transport = lda2"), 0 },
};

START_TEST(whose_mail_goes_a_way)
{
	struct postconf given = { .settings = classes[_i].settings,
		.services = STR("lda unix - n n - - pipe argv=/opt/lda\n"
				"local unix - n n - - local\n"
				"other unix - n n - - virtual\n") };
	struct wiring *wiring;

	arena_init(&arena, expect_memory);
	wiring = arena_take(&arena, sizeof(*wiring));
	wiring_find(&given, wiring);
	ck_assert_uint_eq(wiring->count, 1);
	ck_assert_uint_eq(wiring->ways[0].classes, classes[_i].want);
	ck_assert_uint_eq(wiring->missing_count, classes[_i].want == 0);
}
END_TEST

START_TEST(more_ways_than_anybody_has_are_cut)
{
	static const char line[] = "lda unix - n n - - pipe argv=/opt/lda\n";
	struct postconf given = { .settings = { NULL, 0 } };
	struct wiring *wiring;
	struct buf text;

	arena_init(&arena, expect_memory);
	buf_init(
	    &text, arena_take(&arena, 100 * sizeof(line)), 100 * sizeof(line));
	for (int i = 0; i < 100; i++)
		buf_add_string(&text, line);
	given.services = buf_str(&text);
	wiring = arena_take(&arena, sizeof(*wiring));
	wiring_find(&given, wiring);
	ck_assert_uint_eq(wiring->count, WAYS_MOST - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wiring");
	TCase *all = tcase_create("ways");

	tcase_add_loop_test(all, ways_are_found, 0, (int)COUNT(rows));
	tcase_add_loop_test(all, whose_mail_goes_a_way, 0, (int)COUNT(classes));
	tcase_add_test(all, more_ways_than_anybody_has_are_cut);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
