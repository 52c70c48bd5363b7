/*
 * check_arguments_junk.c - whatever stands in -d, -f, -a, -r, -m or in
 * local(8)'s variables: delivered, 67 or 75, and nothing outside the mailbox.
 *
 * Source: DESIGN 1 (nobody gets in), 2.1, 2.3 (paths); reliability I10, I12.
 */
#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static const char *const junk[] = {
	"", " ", "\t", "\n", "\r\n", "x\ny", "x\r\nBcc: y",
	"\x01\x02\x1b[2J\x7f", "x\x07y@a.example", ".", "..", "...", "/", "//",
	"/etc/passwd", "../victim", "../../victim", "..\\victim", "./victim",
	"victim/..", "victim/../victim", "x/../../../victim",
	"../../../../../../../../tmp", "/../victim", "INBOX/../../victim",
	"INBOX.../victim", "Work/../../victim", "Work.../victim", "Work/./new",
	"cur", "new/", "tmp", "~", "~/victim", "~root", "~bob/victim", "victim",
	"-", "--", "-n", "-V", "-d", "-o", "-omail_path=/tmp", "%u", "%h", "%",
	"%%", "%n%d%u%h", "%{home}", "%s%s%s%n", "${HOME}", "$(touch victim/x)",
	"`touch victim/x`", "; touch victim/x", "| touch victim/x",
	"> victim/x", "x & touch victim/x &", "*", "?", "[a-z]", "'", "\"",
	"'\"'\"", "\\", "\\'", "a b c", "a\"b c\"@a.example",
	"\"a b\"@a.example", "@", "@@", "@a.example", "a@", "a@b@c",
	"a@../victim", "../victim@a.example", "a@/", "a@..", "<a@b", "a@b>",
	"<<a@b>>", "<@x:a@b>", "<>", "<", ">", "+", "++", "+x", "bob+", "bob+/",
	"bob+../victim", "bob+..", "bob:x", "bob:x:0:0::/:", "root",
	"root@localhost", "0", "-1", "4294967295",
	"b\303\266b@b\303\274cher.example", "\xf0\x9f\x93\xac", "\xff\xfe\xfd",
	"\xc0\xaf\xc0\xaf", "\xc0\xae\xc0\xae/victim", "\342\200\256evil",
	"\xed\xa0\x80", "a\xc3", "&", "&-", "&AOQ", "&&&&", "a,b;c|d", "a=b",
	"maildir:/tmp/victim", ":LAYOUT=fs", ",S=0,W=0", "a:2,S",
	"MAILER-DAEMON", "5.1.1 no such user", "\x31\x2e",
	"{LONG}",  /* 64 KB of one letter */
	"{DEEP}",  /* 32 K levels */
	"{DOTS}",  /* 21 K times "../" */
	"{BYTES}", /* every octet but NUL, again and again */
};

static char room[65536];

static const char *
fill(const char *pattern, size_t length)
{
	for (size_t i = 0; i < sizeof(room) - 1; i++)
		room[i] = pattern[i % length];
	room[sizeof(room) - 1] = '\0';
	return room;
}

static const char *
junk_of(size_t i)
{
	static char octets[255];

	if (strcmp(junk[i], "{LONG}") == 0)
		return fill("x", 1);
	if (strcmp(junk[i], "{DEEP}") == 0)
		return fill("a/", 2);
	if (strcmp(junk[i], "{DOTS}") == 0)
		return fill("../", 3);
	if (strcmp(junk[i], "{BYTES}") != 0)
		return junk[i];
	for (size_t octet = 0; octet < sizeof(octets); octet++)
		octets[octet] = (char)(octet + 1);
	return fill(octets, sizeof(octets));
}

/* Where junk is put, and what may come of it. */
enum outcome {
	DELIVERED,
	NOT_UNKNOWN,   /* delivered, or 75 */
	NOT_DELIVERED, /* 67 or 75 */
	ANY
};

#define JUNK "{}"

static const struct {
	const char *config;       /* "#" is the scratch directory */
	const char *arguments[8]; /* JUNK is replaced */
	const char *variables[7]; /* the junk goes behind */
	const char *mailbox;      /* all that may change */
	enum outcome want;
} places[] = {
	{ "", { "-d", "bob", "-f", JUNK }, { NULL }, "home/Maildir",
	    DELIVERED },
	{ "", { "-d", "bob", "-a", JUNK }, { NULL }, "home/Maildir",
	    DELIVERED },
	{ "", { "-d", "bob", "-r", JUNK }, { NULL }, "home/Maildir",
	    DELIVERED },
	{ "", { "-d", "bob", "-m", JUNK }, { NULL }, "home/Maildir",
	    DELIVERED },
	{ "lda_mailbox_autocreate = yes\n", { "-d", "bob", "-m", JUNK },
	    { NULL }, "home/Maildir", DELIVERED },
	{ "lda_mailbox_autocreate = yes\n"
	  "mail_location = maildir:~/Maildir:UTF-8\n",
	    { "-d", "bob", "-m", JUNK }, { NULL }, "home/Maildir", DELIVERED },
	{ "lda_mailbox_autocreate = yes\n"
	  "mail_location = maildir:~/Maildir:LAYOUT=fs:UTF-8\n",
	    { "-d", "bob", "-m", JUNK }, { NULL }, "home/Maildir", DELIVERED },
	{ "", { "-d", JUNK }, { NULL }, "home/Maildir", ANY },
	{ "userdb = static\nmail_home = #/home/Maildir/%d/%n\n", { "-d", JUNK },
	    { NULL }, "home/Maildir", ANY },
	{ "userdb = passwd-file:#/users\n", { "-d", JUNK }, { NULL },
	    "home/Maildir", NOT_DELIVERED },
	{ "userdb = passwd-file:#/home/%d/%n\n", { "-d", JUNK }, { NULL },
	    "home/Maildir", NOT_DELIVERED },
	{ "", { "-a", JUNK }, { NULL }, "home/Maildir", NOT_UNKNOWN },
	/* Without Postfix's filter: a person may export anything. */
	{ "", { NULL },
	    { "USER=bob", "SENDER=", "RECIPIENT=", "ORIGINAL_RECIPIENT=",
		"EXTENSION=", "DOMAIN=" },
	    "home/Maildir", DELIVERED },
	{ "", { NULL }, { "USER=" }, "home/Maildir", NOT_UNKNOWN },
	{ "", { NULL }, { "USER=bob", "HOME=" }, "home/Maildir", NOT_UNKNOWN },
};

static void
use_config(const char *text)
{
	char config[1024] = "userdb = passwd\n"
			    "mail_location = maildir:~/Maildir\n"
			    "mail_fsync = never\n"; /* there are many */
	size_t used = strlen(config);

	for (; *text != '\0'; text++)
		if (*text == '#')
			used += (size_t)snprintf(config + used,
			    sizeof(config) - used, "%s", world.scratch.root);
		else
			config[used++] = *text;
	config[used] = '\0';
	world_config(&world, config);
}

static void
set_up(void)
{
	world_open(&world);
	scratch_mkdir(&world.scratch, "home/victim", 0777);
	scratch_mkdir(&world.scratch, "victim", 0777);
	scratch_write(&world.scratch, "users", "anna:x\n");
	scratch_mkdir(&world.scratch, "home/Maildir", 0700);
}

static void
tear_down(void)
{
	world_close(&world);
}

static void
start_over(void)
{
	scratch_remove(&world.scratch, "home/Maildir");
	scratch_mkdir(&world.scratch, "home/Maildir", 0700);
	log_sink_forget(&world.log);
}

static void
put(size_t place, const char *text)
{
	static char variables[COUNT(places[0].variables)][sizeof(room) + 32];

	world.command.argv[1] = NULL;
	for (size_t i = 0; i < COUNT(places[place].arguments) &&
	     places[place].arguments[i] != NULL;
	     i++)
		world_argument(&world,
		    strcmp(places[place].arguments[i], JUNK) == 0 ?
			text :
			places[place].arguments[i]);
	world.command.variables[0] = NULL;
	for (size_t i = 0; i < COUNT(places[place].variables) &&
	     places[place].variables[i] != NULL;
	     i++) {
		const char *name = places[place].variables[i];
		bool whole = name[strlen(name) - 1] != '=';

		(void)snprintf(variables[i], sizeof(variables[i]), "%s%s", name,
		    whole ? "" : text);
		world_variable(&world, variables[i]);
	}
}

static void
expect_outcome(size_t place, const char *text)
{
	enum outcome want = places[place].want;
	int status = host_exit_status(&world.got);

	expect_contract(&world);
	if (want == DELIVERED)
		expect_sent(&world);
	ck_assert_msg(want != NOT_UNKNOWN || status != 67, "\"%.100s\":%s",
	    text, world_tell(&world));
	ck_assert_msg(want != NOT_DELIVERED || status != 0, "\"%.100s\":%s",
	    text, world_tell(&world));
	ck_assert_uint_eq(
	    maildir_count_below(&world.scratch, places[place].mailbox),
	    status == 0 ? 1 : 0);
	expect_printable_log(&world);
}

START_TEST(junk_is_delivered_or_answered_and_leads_nowhere)
{
	size_t place = (size_t)_i;

	use_config(places[place].config);
	for (size_t i = 0; i < COUNT(junk); i++) {
		const char *text = junk_of(i);
		char *before, *after;

		tally_add(TALLY_ATTACKS, 1);
		put(place, text);
		before =
		    scratch_list(&world.scratch, "", places[place].mailbox);
		world_deliver(&world, world_mail);
		after = scratch_list(&world.scratch, "", places[place].mailbox);
		ck_assert_msg(strcmp(before, after) == 0,
		    "\"%.100s\" has led to\n%s\ninstead of\n%s%s", text, after,
		    before, world_tell(&world));
		free(before);
		free(after);
		expect_outcome(place, text);
		start_over();
	}
}
END_TEST

/* The same in the message itself, where the log takes values from. */
START_TEST(junk_in_headers_is_one_printable_line)
{
	static char given[4 * sizeof(room)];

	use_config("");
	world_arguments(&world, "-d", "bob", NULL);
	for (size_t i = 0; i < COUNT(junk); i++) {
		const char *text = junk_of(i);
		int length = snprintf(given, sizeof(given),
		    "Return-Path: <%s>\nX-Original-To: %s\n"
		    "Delivered-To: %s\nReceived: from x by y id %.2000s; z\n"
		    "Message-ID: <%.2000s>\nSubject: %.2000s\n\nbody\n",
		    text, text, text, text, text, text);

		tally_add(TALLY_ATTACKS, 1);
		world_deliver_octets(&world, given, (size_t)length);
		expect_sent(&world);
		ck_assert_uint_eq(world.log.count, 1);
		expect_printable_log(&world);
		start_over();
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("junk in arguments");
	TCase *tests = tcase_create("junk");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests,
	    junk_is_delivered_or_answered_and_leads_nowhere, 0, COUNT(places));
	tcase_add_test(tests, junk_in_headers_is_one_printable_line);
	suite_add_tcase(suite, tests);
	return world_main_tally(suite, TALLY_ATTACKS);
}
