/*
 * check_doctor.c - what is judged from Postfix's settings alone.
 *
 * Each finding is planted in a real Postfix by tests/system/test_doctor.py;
 * here are the borders, without root, and with the sanitizers.
 */
#include "doctor/examine.h"

#include "../base/expect.h"

/* A good configuration; a row comes before it, and the first line counts. */
#define GOOD                                                                   \
	"virtual_transport = lda\n"                                            \
	"virtual_mailbox_domains = example.com\n"                              \
	"virtual_mailbox_maps = hash:/etc/vmailbox\n"                          \
	"lda_destination_recipient_limit = 1\n"                                \
	"lda_time_limit = 600s\n"                                              \
	"export_environment = TZ MAIL_CONFIG LANG\n"                           \
	"compatibility_level = 3.6\n"                                          \
	"mail_owner = postfix\n"                                               \
	"default_process_limit = 100\n"                                        \
	"recipient_delimiter = +\n"                                            \
	"smtpd_reject_unlisted_recipient = yes\n"

#define SERVICE "lda unix - n n - 20 pipe "
#define ATTRIBUTES "flags=DORXhu user=nobody null_sender= "
/* Somebody's program, so that no file of ours is missing. */
#define COMMAND "argv=" BUILD_DIR "/lda -f ${sender} -d ${recipient}\n"

static struct arena arena;

static const struct {
	const char *settings, *services, *want;
} rows[] = {
	{ "", SERVICE ATTRIBUTES COMMAND, "" },
	{ "lda_destination_recipient_limit = 50\n", SERVICE ATTRIBUTES COMMAND,
	    "recipient-limit" },
	/* delivery_timeout and a minute. */
	{ "lda_time_limit = 360s\n", SERVICE ATTRIBUTES COMMAND, "" },
	{ "lda_time_limit = 6m\n", SERVICE ATTRIBUTES COMMAND, "" },
	{ "lda_time_limit = 359s\n", SERVICE ATTRIBUTES COMMAND, "time-limit" },
	/* What cannot be read is not judged. */
	{ "lda_time_limit = ${x?1}\n", SERVICE ATTRIBUTES COMMAND, "" },
	{ "compatibility_level = 0\n", SERVICE ATTRIBUTES COMMAND, "" },
	{ "compatibility_level = 2\n",
	    "lda unix - n - - 20 pipe " ATTRIBUTES COMMAND, "" },
	{ "compatibility_level = 0\n",
	    "lda unix - n - - 20 pipe " ATTRIBUTES COMMAND, "chroot" },
	{ "", "lda unix - y y - 20 pipe " ATTRIBUTES COMMAND,
	    "chroot unprivileged" },
	{ "", SERVICE "user=nobody null_sender= " COMMAND, "header-missing" },
	{ "", SERVICE "user=nobody flags=DOR " COMMAND, "null-sender" },
	/* Without R nobody sees it. */
	{ "", SERVICE "user=nobody flags=DO " COMMAND, "header-missing" },
	{ "", SERVICE "flags=DOR null_sender= " COMMAND, "service-user" },
	{ "", SERVICE "flags=DOR user=no-such-user null_sender= " COMMAND, "" },
	{ "", SERVICE ATTRIBUTES "argv=" BUILD_DIR "/lda -d ${user}\n",
	    "empty-user" },
	{ "", SERVICE ATTRIBUTES "argv=" BUILD_DIR "/lda -d $(user)@x\n",
	    "empty-user" },
	{ "", SERVICE ATTRIBUTES "argv=" BUILD_DIR "/lda -d $user@x -f$sender",
	    "empty-user glued-sender" },
	{ "",
	    SERVICE ATTRIBUTES "argv=" BUILD_DIR
			       "/lda -d ${recipient} -m $username",
	    "" },
	{ "", SERVICE ATTRIBUTES "argv=" BUILD_DIR "/lda -a ${recipient}\n",
	    "no-recipient" },
	{ "export_environment = MAIL_CONFIG=/etc/postfix\n",
	    SERVICE ATTRIBUTES COMMAND, "" },
	{ "export_environment =\n", SERVICE ATTRIBUTES COMMAND, "export" },
	{ "virtual_mailbox_maps = hash:/x, static:all\n",
	    SERVICE ATTRIBUTES COMMAND, "unknown-users" },
	/* pipe(8) says yes to each probe. */
	{ "virtual_mailbox_maps =\n"
	  "smtpd_recipient_restrictions = reject_unverified_recipient\n",
	    SERVICE ATTRIBUTES COMMAND, "unknown-users" },
	{ "smtpd_reject_unlisted_recipient = no\n"
	  "smtpd_recipient_restrictions = reject_unlisted_recipient\n",
	    SERVICE ATTRIBUTES COMMAND, "" },
	{ "virtual_mailbox_domains =\nvirtual_mailbox_maps =\n",
	    SERVICE ATTRIBUTES COMMAND, "" },
	{ "mydestination = a, EXAMPLE.com\n", SERVICE ATTRIBUTES COMMAND,
	    "domain-twice" },
	{ "recipient_delimiter = -\n", SERVICE ATTRIBUTES COMMAND,
	    "delimiter" },
	{ "recipient_delimiter =\n", SERVICE ATTRIBUTES COMMAND, "" },
	{ "virtual_transport = nowhere\n", SERVICE ATTRIBUTES COMMAND,
	    "no-service" },
};

/* The words of the findings, in their order, with one blank between. */
static const char *
words_of(const struct buf *out)
{
	struct cursor in = cursor_over(buf_str(out));
	char *words = arena_take(&arena, 1000);
	struct buf got;

	buf_init(&got, words, 1000);
	while (!cursor_at_end(&in)) {
		struct str line = cursor_until(&in, '\n');
		struct cursor word = cursor_over(str_after(line, 4));

		if (str_begins(line, "     "))
			continue;
		if (got.length > 0)
			buf_add_octet(&got, ' ');
		buf_add(&got, cursor_until(&word, ':'));
	}
	return words;
}

START_TEST(settings_are_judged)
{
	char room[20000];
	struct buf out;
	struct settings settings;
	struct status why;
	struct postconf postconf = { .services = str_from(rows[_i].services) };
	struct findings findings = { .out = &out, .arena = &arena };
	struct examination at = { .settings = &settings,
		.config_file = "/no/file",
		.postconf = &postconf,
		.findings = &findings,
		.arena = &arena };
	struct wiring *wiring;

	arena_init(&arena, expect_memory);
	status_init(&why);
	ck_assert_int_eq(settings_init(&settings, &arena, &why), 0);
	postconf.settings =
	    str_from(arena_print(&arena, "%s" GOOD, rows[_i].settings));
	buf_init(&out, room, sizeof(room));
	wiring = arena_take(&arena, sizeof(*wiring));
	wiring_find(&postconf, wiring);
	at.wiring = wiring;
	examine_all(&at);
	ck_assert_msg(strcmp(words_of(&out), rows[_i].want) == 0,
	    "row %d: want \"%s\", got\n%s", _i, rows[_i].want, room);
	ck_assert_uint_eq(findings.count == 0, rows[_i].want[0] == '\0');
}
END_TEST

START_TEST(each_finding_has_a_word_of_its_own)
{
	const char *word = finding_word((enum finding_id)_i);

	ck_assert_ptr_nonnull(word);
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(word, finding_word((enum finding_id)i));
}
END_TEST

START_TEST(the_same_finding_is_told_once)
{
	char room[4000];
	struct buf out;
	struct findings findings = { .out = &out, .arena = &arena };

	arena_init(&arena, expect_memory);
	buf_init(&out, room, sizeof(room));
	finding_add(&findings, FINDING_CHROOT, "one\ntwo", "%s", "a\x1b");
	finding_add(&findings, FINDING_CHROOT, "one\ntwo", "%s", "a\x1b");
	finding_add(&findings, FINDING_PROGRAM, "one", "%s", "a\x1b");
	ck_assert_uint_eq(findings.count, 2);
	ck_assert_str_eq(words_of(&out), "chroot program");
	/* What comes from a configuration stays on its line. */
	ck_assert_ptr_nonnull(strstr(room, "chroot: a\\x1b\n"));
	ck_assert_ptr_nonnull(strstr(room, ": one\n"));
	ck_assert_ptr_nonnull(strstr(room, ": two\n"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *all = tcase_create("findings");

	tcase_add_loop_test(all, settings_are_judged, 0, (int)COUNT(rows));
	tcase_add_loop_test(
	    all, each_finding_has_a_word_of_its_own, 0, FINDING_COUNT);
	tcase_add_test(all, the_same_finding_is_told_once);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
