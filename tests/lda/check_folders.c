/*
 * check_folders.c - -m, or the detail of the address, names a folder below the
 * mail root, or it is INBOX.
 *
 * Source: DESIGN 2.1 (-m), 2.3 (detail_folder); Maildir++; RFC 3501 5.1.3;
 * reference/reliability.md A6.
 */
#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static void
make_maildir(const char *name, mode_t mode)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < COUNT(parts); i++)
		scratch_mkdir(&world.scratch,
		    scratch_print(&world.scratch, "%s%s", name, parts[i]),
		    mode);
}

/* Folders.  The name, the folder that is there, where mail goes. */
static const struct {
	const char *name;
	const char *there;
	const char *want;
} folders[] = {
	{ "Work", ".Work", ".Work" },
	{ "Work/Sub", ".Work.Sub", ".Work.Sub" },
	{ "Work.Sub", ".Work.Sub", ".Work.Sub" },
	{ "INBOX/Work", ".Work", ".Work" },
	{ "INBOX.Work", ".Work", ".Work" },
	{ "INBOX", ".INBOX", "" },
	{ "inbox", ".inbox", "" },
	{ "INBOX/", ".Work", "" },
	{ "INBOX.", ".Work", "" },
	{ "b\xc3\xa4r", ".b&AOQ-r", ".b&AOQ-r" },
	{ "a&b", ".a&-b", ".a&-b" },
	{ "with blank", ".with blank", ".with blank" },
	{ "Work", ".Other", "" },
	{ "work", ".Work", "" },
	{ "Work/", ".Work", "" },
	{ "/Work", ".Work", "" },
	{ "Work//Sub", ".Work.Sub", "" },
	{ "../Work", ".Work", "" },
	{ "~/Work", ".Work", "" },
	{ "W\xff", ".W\xff", "" },
	{ "Work\n", ".Work", "" },
	{ "cur", ".Work", "" },
};

START_TEST(m_names_a_folder_or_falls_back_to_INBOX)
{
	make_maildir("home/Maildir", 0700);
	make_maildir(
	    scratch_print(&world.scratch, "home/Maildir/%s", folders[_i].there),
	    0700);
	world_argument(&world, "-m");
	world_argument(&world, folders[_i].name);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(&world.scratch, "home/Maildir/%s", folders[_i].want),
	    world_mail);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 1);
	expect_log(&world,
	    folders[_i].want[0] == '\0' ? "saved mail to INBOX" :
					  "saved mail to ");
}
END_TEST

START_TEST(a_fallback_is_one_line_in_the_log)
{
	world_argument(&world, "-m");
	world_argument(&world, "nosuch");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, "nosuch");
	expect_log(&world, "saved mail to INBOX");
	ck_assert_uint_le(world.log.count, 2);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir"), 3);
}
END_TEST

START_TEST(autocreate_makes_the_folder)
{
	world_argument(&world, "-m");
	world_argument(&world, "Work/b\xc3\xa4r");
	world_argument(&world, "-o");
	world_argument(&world, "lda_mailbox_autocreate=yes");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Maildir/.Work.b&AOQ-r", world_mail);
	ck_assert(scratch_has(
	    &world.scratch, "home/Maildir/.Work.b&AOQ-r/maildirfolder"));
	expect_log(&world, "saved mail to Work/b");
}
END_TEST

START_TEST(a_linked_folder_is_not_followed)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("victim", 0700);
	scratch_symlink(&world.scratch, "../../victim", "home/Maildir/.Work");
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "victim"), 0);
}
END_TEST

static const mode_t closed[] = { 0, 0600 };

START_TEST(a_folder_that_may_not_be_opened_falls_back)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/.Work", 0700);
	scratch_chmod(&world.scratch, "home/Maildir/.Work", closed[_i]);
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_log(&world, ".Work");
}
END_TEST

START_TEST(LAYOUT_fs_uses_directories)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/Work", 0700);
	world_argument(&world, "-m");
	world_argument(&world, "Work");
	world_argument(&world, "-o");
	world_argument(&world, "mail_location=maildir:~/Maildir:LAYOUT=fs");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Maildir/Work", world_mail);
}
END_TEST

START_TEST(INBOX_may_be_elsewhere)
{
	world_argument(&world, "-o");
	world_argument(&world, "mail_location=maildir:~/Maildir:INBOX=~/Inbox");
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Inbox", world_mail);
}
END_TEST

/* The ways in which a stranger's words become a folder's name. */
enum way {
	BY_FLAG,      /* -m NAME */
	BY_FLAG_FS,   /* the same with LAYOUT=fs */
	BY_FLAG_MBOX, /* the same with mbox files */
	BY_USER,      /* -d bob+NAME */
	BY_ADDRESS,   /* -a bob+NAME@example.com */
	BY_EXTENSION, /* EXTENSION of local(8) */
	WAYS
};

#define AUTOCREATE                                                             \
	"lda_mailbox_autocreate = yes\nlda_mailbox_autosubscribe = yes\n"

static void
configure(const char *more)
{
	world_config(&world,
	    scratch_print(
		&world.scratch, "mail_location = maildir:~/Maildir\n%s", more));
}

/* The command's arguments for a folder called name; false where the name
 * cannot come this way. */
static bool
ask_for(enum way way, const char *name)
{
	static char text[70000];

	switch (way) {
	case BY_FLAG:
	case BY_FLAG_FS:
	case BY_FLAG_MBOX:
		world_arguments(&world, "-d", "bob", "-m", name, NULL);
		return true;
	case BY_USER:
		(void)snprintf(text, sizeof(text), "bob+%s", name);
		world_arguments(&world, "-d", text, NULL);
		return true;
	case BY_ADDRESS:
		(void)snprintf(text, sizeof(text), "bob+%s@example.com", name);
		world_arguments(&world, "-d", "bob", "-a", text, NULL);
		return true;
	case BY_EXTENSION:
		if (strlen(name) > 1000)
			return false; /* no address is as long */
		world_local(&world);
		world.command.recipient.extension = name;
		world_arguments(&world, NULL);
		return true;
	case WAYS:
		break;
	}
	return false;
}

static const char *const ways_settings[] = {
	[BY_FLAG] = AUTOCREATE,
	[BY_FLAG_FS] =
	    AUTOCREATE "mail_location = maildir:~/Maildir:LAYOUT=fs\n",
	[BY_FLAG_MBOX] =
	    AUTOCREATE "mail_location = mbox:~/Maildir:INBOX=~/Maildir/INBOX\n",
	[BY_USER] = AUTOCREATE "detail_folder = create\n",
	[BY_ADDRESS] = AUTOCREATE "detail_folder = create\n",
	[BY_EXTENSION] = AUTOCREATE "detail_folder = create\n",
};

/* A6: '#' stands for the scratch directory. */
static const char *const hostile[] = {
	"../../x",
	"../victim",
	"..",
	".",
	"...",
	"./x",
	"x/..",
	"x/../../victim",
	"x/./y",
	"a/../../../../../../tmp/x",
	"..\\..\\x",
	"#/victim",
	"/etc",
	"/",
	"//",
	"///x",
	"a//b",
	"a///b",
	"a/",
	"/a",
	".a",
	"a.",
	"a..b",
	"..a",
	"~",
	"~/x",
	"~bob",
	"~root/x",
	"INBOX/../x",
	"INBOX..x",
	"INBOX//x",
	"INBOX/~x",
	"INBOX/../../victim",
	"INBOX.INBOX.INBOX",
	"inbox/x",
	" ",
	"  a  ",
	"a b",
	"a\tb",
	"a\nb",
	"a\rb",
	"\033[31m",
	"\x7f",
	"\x80",
	"\xff\xfe",
	"\xc0\xae\xc0\xae\xc0\xafvictim",        /* overlong "../" */
	"\xe2\x80\xae",                          /* right-to-left override */
	"\xef\xbc\x8e\xef\xbc\x8e\xef\xbc\x8fx", /* wide "../" */
	"\xed\xa0\x80",                          /* half a surrogate pair */
	"&Jjo-",
	"&AC4ALgAv-x", /* "../" in modified UTF-7 */
	"&",
	"a&b",
	"$(touch x)",
	"`touch x`",
	"${run{/bin/touch x}}",
	"$HOME",
	"x;touch y",
	"x|y",
	"x>y",
	"*",
	"?",
	"'",
	"\"",
	"<x>",
	"(x)",
	"{x}",
	"\\",
	"%n%n%n%s",
	"%%",
	"-rf",
	"--",
	"-o userdb=static",
	":",
	"a:b",
	"a:2,S",
	",",
	"a,b=c",
	"cur",
	"new",
	"tmp",
	"cur/x",
	"x/cur",
	"x/new/y",
	"tmp/x",
	"new/../../victim",
	"maildirfolder",
	"maildirsize",
	"subscriptions",
	"subscriptions.lock",
	"dovecot-uidlist",
	"dovecot.index",
	"quotawarn",
	"INBOX.lock",
	"x.lock",
	"con",
	"\xc3\xa4",
	"\xf0\x9f\x93\xa7",
	"1/2/3/4/5/6/7/8/9/10/11/12",
	"linked",
	"linked/x",
};

static const char *
hostile_name(int row)
{
	const char *name = hostile[row];

	if (name[0] != '#')
		return name;
	return scratch_print(
	    &world.scratch, "%s%s", world.scratch.root, name + 1);
}

/* What a Maildir++ root may hold: folders begin with a dot and have no folders
 * of their own, nothing begins with more than one. */
static void
expect_flat(void)
{
	char *listing = scratch_list(&world.scratch, "home/Maildir", NULL);
	char *line = listing, *next;
	size_t root = strlen(world.scratch.root) + strlen("/home/Maildir");

	for (; *line != '\0'; line = next) {
		char *name = line + root, *slash;

		next = strchr(line, '\n') + 1;
		next[-1] = '\0';
		if (name[0] != '/')
			continue;
		slash = strchr(++name, '/');
		ck_assert_msg(name[0] != '.' || name[1] != '.',
		    "\"%s\" in the mail root:%s", name, world_tell(&world));
		if (slash == NULL || name[0] != '.')
			continue;
		ck_assert_msg(strncmp(slash, "/cur", 4) == 0 ||
			strncmp(slash, "/new", 4) == 0 ||
			strncmp(slash, "/tmp", 4) == 0 ||
			strncmp(slash, "/maildirfolder", 14) == 0,
		    "\"%s\" in a folder:%s", name, world_tell(&world));
	}
	free(listing);
}

static void
make_world_for(enum way way)
{
	make_maildir("victim", 0700);
	if (way == BY_FLAG_MBOX) {
		scratch_mkdir(&world.scratch, "home/Maildir", 0700);
		scratch_symlink(
		    &world.scratch, "../../victim", "home/Maildir/linked");
	} else {
		make_maildir("home/Maildir", 0700);
		scratch_symlink(
		    &world.scratch, "../../victim", "home/Maildir/.linked");
		scratch_symlink(
		    &world.scratch, "../../victim", "home/Maildir/linked");
	}
	configure(ways_settings[way]);
}

static void
expect_contained(enum way way, const char *name)
{
	char *before, *after;

	make_world_for(way);
	if (!ask_for(way, name))
		return;
	before = scratch_list(&world.scratch, "", "home/Maildir");
	world_deliver(&world, world_mail);
	after = scratch_list(&world.scratch, "", "home/Maildir");
	ck_assert_msg(strcmp(before, after) == 0,
	    "something outside the mail root has changed:%s\n%s\n%s",
	    world_tell(&world), before, after);
	free(before);
	free(after);
	expect_printable_log(&world);
	/* A name is no reason to lose or defer mail; a user, asked for with
	 * odd octets, may be somebody else. */
	if (way != BY_USER)
		expect_sent(&world);
	else
		expect_contract(&world);
	if (way == BY_FLAG_MBOX)
		return;
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home/Maildir"),
	    host_exit_status(&world.got) == 0 ? 1 : 0);
	if (way != BY_FLAG_FS)
		expect_flat();
}

START_TEST(hostile_name_stays_inside_the_mail_root)
{
	expect_contained((enum way)(_i % WAYS), hostile_name(_i / WAYS));
}
END_TEST

START_TEST(long_name_stays_inside_the_mail_root)
{
	static const size_t lengths[] = { 200, 253, 254, 255, 256, 1000, 1020,
		1021, 4096, 65000 };
	static const char *const patterns[] = { "x", "x/", "\xc3\xa4", "../",
		"&" };
	size_t length = lengths[(size_t)_i / 5 % 10];
	const char *pattern = patterns[_i % 5];
	enum way way = (enum way)(_i / 50);
	static char name[65001];

	for (size_t i = 0; i < length; i++)
		name[i] = pattern[i % strlen(pattern)];
	name[length] = '\0';
	expect_contained(way, name);
}
END_TEST

/* detail_folder.  Setting, what is there, how it is asked for, where the mail
 * goes. */
static const struct {
	const char *setting;
	const char *there;
	const char *user, *address, *folder;
	const char *want;
} details[] = {
	/* no: the detail is nobody's business. */
	{ "no", ".work", "bob+work", NULL, NULL, "" },
	{ "no", ".work", "bob", "bob+work@example.com", NULL, "" },
	{ "no", ".work", "bob+work", NULL, "work", ".work" },
	/* existing. */
	{ "existing", ".work", "bob+work", NULL, NULL, ".work" },
	{ "existing", ".work", "bob", "bob+work@example.com", NULL, ".work" },
	{ "existing", ".work", "bob", "bob+work", NULL, ".work" },
	{ "existing", ".work", "bob", "<bob+work@example.com>", NULL, ".work" },
	{ "existing", ".work", "bob+work@localhost", NULL, NULL, ".work" },
	{ "existing", ".work.x", "bob+work.x", NULL, NULL, ".work.x" },
	{ "existing", ".work.x", "bob+work/x", NULL, NULL, ".work.x" },
	{ "existing", ".work+x", "bob+work+x", NULL, NULL, ".work+x" },
	{ "existing", ".other", "bob+work", NULL, NULL, "" },
	{ "existing", ".work", "bob", "bob@example.com", NULL, "" },
	{ "existing", ".work", "bob", "bob+@example.com", NULL, "" },
	{ "existing", ".work", "bob+", NULL, NULL, "" },
	{ "existing", ".work", "bob+inbox", NULL, NULL, "" },
	{ "existing", ".work", "bob+..", NULL, NULL, "" },
	{ "existing", ".b&AOQ-r", "bob", "bob+b\xc3\xa4r@example.com", NULL,
	    ".b&AOQ-r" },
	/* -m goes before. */
	{ "existing", ".work", "bob+work", NULL, "INBOX", "" },
	{ "existing", ".work", "bob+work", NULL, "nosuch", "" },
	{ "existing", ".work", "bob+work", NULL, "", ".work" },
	/* create. */
	{ "create", ".other", "bob+work", NULL, NULL, ".work" },
	{ "create", ".other", "bob", "bob+work/x@example.com", NULL,
	    ".work.x" },
	{ "create", ".other", "bob+../x", NULL, NULL, "" },
	{ "create", ".other", "bob", NULL, NULL, "" },
	/* Only the detail is made, not what -m says. */
	{ "create", ".other", "bob+work", NULL, "nosuch", "" },
};

START_TEST(detail_names_a_folder)
{
	make_maildir("home/Maildir", 0700);
	make_maildir(
	    scratch_print(&world.scratch, "home/Maildir/%s", details[_i].there),
	    0700);
	configure(scratch_print(
	    &world.scratch, "detail_folder = %s\n", details[_i].setting));
	world_arguments(&world, "-d", details[_i].user, NULL);
	if (details[_i].address != NULL) {
		world_argument(&world, "-a");
		world_argument(&world, details[_i].address);
	}
	if (details[_i].folder != NULL) {
		world_argument(&world, "-m");
		world_argument(&world, details[_i].folder);
	}
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(&world.scratch, "home/Maildir/%s", details[_i].want),
	    world_mail);
	ck_assert_uint_eq(maildir_count_below(&world.scratch, "home"), 1);
	/* A detail that is no folder is no news; a -m that is none is. */
	if (details[_i].folder == NULL)
		ck_assert_msg(world.log.count == 1, "%zu log lines:%s",
		    world.log.count, world_tell(&world));
}
END_TEST

/* He was found with it: then it is a part of his name. */
START_TEST(name_with_a_delimiter_has_no_detail)
{
	scratch_mkdir(&world.scratch, "bobwork", 0700);
	scratch_write(&world.scratch, "users",
	    scratch_print(&world.scratch,
		"bob:::::%s/home\nbob+work:::::%s/bobwork\n",
		world.scratch.root, world.scratch.root));
	configure(scratch_print(&world.scratch,
	    "userdb = passwd-file:%s/users\nauth_username_format = %%Ln\n"
	    "mail_location = maildir:~/Maildir\ndetail_folder = create\n",
	    world.scratch.root));
	world_arguments(&world, "-d", "Bob+work@example.com", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "bobwork/Maildir", world_mail);
}
END_TEST

START_TEST(detail_of_local_is_in_EXTENSION)
{
	static const char *const settings[] = { "no", "existing", "create" };
	static const char *const want[] = { "", "", ".work" };

	make_maildir("home/Maildir", 0700);
	if (_i >= 3)
		make_maildir("home/Maildir/.work", 0700);
	configure(scratch_print(
	    &world.scratch, "detail_folder = %s\n", settings[_i % 3]));
	world_local(&world);
	world.command.recipient.extension = "work";
	world_arguments(&world, NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world,
	    scratch_print(&world.scratch, "home/Maildir/%s",
		_i >= 4 ? ".work" : want[_i % 3]),
	    world_mail);
	ck_assert_uint_eq(world.log.count, 1);
}
END_TEST

/* With another set of delimiters. */
START_TEST(recipient_delimiter_ends_the_name)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/.work", 0700);
	configure("detail_folder = existing\nrecipient_delimiter = -=\n");
	world_arguments(&world, "-d", _i == 0 ? "bob-work" : "bob=work", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Maildir/.work", world_mail);
}
END_TEST

static size_t
count_log(const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < world.log.count; i++)
		count += strstr(world.log.lines[i], text) != NULL;
	return count;
}

/* Why -m is refused is said in one line, whatever the reason. */
static const struct {
	const char *folder;
	const char *word; /* in the line */
} refused[] = {
	{ "nosuch", "nosuch" },
	{ "../x", "../x" },
	{ "a//b", "a//b" },
	{ "~x", "~x" },
	{ "W\xff", "UTF-8" },
	{ "a\nb", "control" },
	{ "1/2/3/4/5/6/7/8/9", "deep" },
	{ "closed", "closed" },
	{ "linked", "linked" },
	{ "file", "file" },
};

START_TEST(refused_folder_is_one_line_that_says_why)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/.closed", 0700);
	scratch_chmod(&world.scratch, "home/Maildir/.closed", 0);
	make_maildir("victim", 0700);
	scratch_symlink(&world.scratch, "../../victim", "home/Maildir/.linked");
	scratch_write(&world.scratch, "home/Maildir/.file", "");
	world_arguments(&world, "-d", "bob", "-m", refused[_i].folder, NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	expect_printable_log(&world);
	ck_assert_msg(world.log.count == 2 &&
		count_log("save failed to open mailbox") == 1 &&
		count_log("saved mail to INBOX") == 1,
	    "not one line of each:%s", world_tell(&world));
	ck_assert_msg(strstr(log_sink_find(&world.log, "save failed"),
			  refused[_i].word) != NULL,
	    "\"%s\" is not said:%s", refused[_i].word, world_tell(&world));
}
END_TEST

/* A folder that is in trouble that passes is waited for: mail that was meant
 * for it does not go astray. */
START_TEST(folder_on_a_full_or_broken_place_is_deferred)
{
	make_maildir("home/Maildir", 0700);
	make_maildir("home/Maildir/.Work", 0700);
	scratch_remove(&world.scratch, "home/Maildir/.Work/tmp");
	scratch_write(&world.scratch, "home/Maildir/.Work/tmp", "");
	world_arguments(&world, "-d", "bob", "-m", "Work", NULL);
	world_deliver(&world, world_mail);
	/* Its tmp is a file, which is what is_lasting() is about: INBOX. */
	expect_sent(&world);
	expect_inbox(&world, world_mail);
}
END_TEST

START_TEST(parents_are_made_as_readers_expect)
{
	bool fs = _i != 0;

	configure(fs ? AUTOCREATE
		"mail_location = maildir:~/Maildir:LAYOUT=fs\n" :
		       AUTOCREATE);
	world_arguments(&world, "-d", "bob", "-m", "a/b/c", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world,
	    fs ? "home/Maildir/a/b/c" : "home/Maildir/.a.b.c", world_mail);
	ck_assert(fs ||
	    scratch_has(&world.scratch, "home/Maildir/.a.b.c/maildirfolder"));
	/* Courier takes the root for a folder if it says so. */
	ck_assert(!scratch_has(&world.scratch, "home/Maildir/maildirfolder"));
	ck_assert(!scratch_has(&world.scratch, "home/Maildir/.a.b"));
}
END_TEST

static void
expect_file(const char *name, const char *want)
{
	char text[4096] = "";
	FILE *file = fopen(scratch_path(&world.scratch, name), "r");
	size_t got = 0;

	if (file != NULL) {
		got = fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
	}
	text[got] = '\0';
	ck_assert_msg(strcmp(text, want) == 0,
	    "%s holds \"%s\" instead of \"%s\":%s", name, text, want,
	    world_tell(&world));
}

/* Settings, what is there, what is asked for, the list then. */
static const struct {
	const char *settings;
	const char *there;
	const char *folder;
	const char *want;
} subscribed[] = {
	{ AUTOCREATE, ".other", "work", "V\t2\n\nwork\n" },
	{ AUTOCREATE, ".other", "INBOX/w/b\xc3\xa4r", "V\t2\n\nw\tb&AOQ-r\n" },
	{ AUTOCREATE, ".work", "work", "" },
	{ AUTOCREATE, ".other", "INBOX", "" },
	{ AUTOCREATE, ".other", "../x", "" },
	{ "lda_mailbox_autocreate = yes\n", ".other", "work", "" },
	{ "lda_mailbox_autosubscribe = yes\n", ".other", "work", "" },
	{ "lda_mailbox_autosubscribe = yes\n", ".work", "work", "" },
	{ AUTOCREATE "mail_location = maildir:~/Maildir:LAYOUT=fs\n", "other",
	    "work/x", "V\t2\n\nwork\tx\n" },
};

START_TEST(folder_that_was_made_is_subscribed)
{
	make_maildir("home/Maildir", 0700);
	make_maildir(scratch_print(&world.scratch, "home/Maildir/%s",
			 subscribed[_i].there),
	    0700);
	configure(subscribed[_i].settings);
	world_arguments(&world, "-d", "bob", "-m", subscribed[_i].folder, NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_file("home/Maildir/subscriptions", subscribed[_i].want);
	ck_assert(
	    !scratch_has(&world.scratch, "home/Maildir/subscriptions.lock"));
}
END_TEST

START_TEST(detail_that_was_made_a_folder_is_subscribed)
{
	make_maildir("home/Maildir", 0700);
	configure("detail_folder = create\nlda_mailbox_autosubscribe = yes\n");
	world_arguments(&world, "-d", "bob+work", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, "home/Maildir/.work", world_mail);
	expect_file("home/Maildir/subscriptions", "V\t2\n\nwork\n");
}
END_TEST

/* Dovecot keeps its lists where CONTROL says: one that it does not read is no
 * use. */
START_TEST(subscriptions_of_another_place_are_not_made_in_the_root)
{
	make_maildir("home/Maildir", 0700);
	scratch_mkdir(&world.scratch, "home/control", 0700);
	configure(
	    AUTOCREATE "mail_location = maildir:~/Maildir:CONTROL=~/control\n");
	world_arguments(&world, "-d", "bob", "-m", "work", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_file("home/control/subscriptions", "V\t2\n\nwork\n");
}
END_TEST

/* Whoever may write to user+anything must not fill the disk with folders. */
START_TEST(number_of_folders_is_limited)
{
	bool fs = _i == 1;

	make_maildir("home/Maildir", 0700);
	for (int i = 0; i < 1000; i++) {
		char name[64];

		(void)snprintf(
		    name, sizeof(name), "home/Maildir/%sf%d", fs ? "" : ".", i);
		scratch_mkdir(&world.scratch, name, 0700);
	}
	configure(fs ? "mail_location = maildir:~/Maildir:LAYOUT=fs\n"
		       "detail_folder = create\n" AUTOCREATE :
		       "detail_folder = create\n" AUTOCREATE);
	world_arguments(&world, "-d", "bob+onemore", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_inbox(&world, world_mail);
	ck_assert(!scratch_has(&world.scratch, "home/Maildir/.onemore"));
	ck_assert(!scratch_has(&world.scratch, "home/Maildir/onemore"));
	/* Those that are there are used. */
	scratch_remove(&world.scratch, "home/Maildir/new");
	world_arguments(&world, "-d", "bob+f7", NULL);
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(
	    &world, fs ? "home/Maildir/f7" : "home/Maildir/.f7", world_mail);
}
END_TEST

/* Whoever may write to user+detail must not make one of what only holds
 * folders. */
START_TEST(directory_of_folders_is_no_folder)
{
	static const char *const settings[] = { "",
		"detail_folder = existing\n", AUTOCREATE };
	const char *want = _i < 2 ? "home/Maildir" : "home/Maildir/a";

	make_maildir("home/Maildir", 0700);
	scratch_mkdir(&world.scratch, "home/Maildir/a", 0700);
	make_maildir("home/Maildir/a/b", 0700);
	configure(scratch_print(&world.scratch,
	    "%smail_location = maildir:~/Maildir:LAYOUT=fs\n", settings[_i]));
	world_arguments(&world, "-d", _i == 1 ? "bob+a" : "bob", NULL);
	if (_i != 1) {
		world_argument(&world, "-m");
		world_argument(&world, "a");
	}
	world_deliver(&world, world_mail);
	expect_sent(&world);
	expect_maildir(&world, want, world_mail);
	ck_assert(
	    scratch_has(&world.scratch, "home/Maildir/a/new") == (_i == 2));
	if (_i == 0)
		expect_log(&world, "holds folders, and is none");
	world.command.agent = HOST_PERSON;
	world_argument(&world, "-t");
	world_deliver(&world, "");
	ck_assert_msg(
	    (strstr(world.got.output, "holds folders") != NULL) == (_i < 2),
	    "%s", world.got.output);
}
END_TEST

START_TEST(trial_tells_the_folder_and_makes_nothing)
{
	make_maildir("home/Maildir", 0700);
	world.command.agent = HOST_PERSON;
	configure(AUTOCREATE);
	world_arguments(&world, "-t", "-d", "bob", "-m", "Work/x", NULL);
	world_deliver(&world, "");
	ck_assert_int_eq(host_exit_status(&world.got), 0);
	ck_assert_msg(strstr(world.got.output, ".Work.x") != NULL, "%s",
	    world.got.output);
	ck_assert_uint_eq(maildir_count(&world.scratch, "home/Maildir"), 3);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("folders");
	TCase *hostile_names = tcase_create("hostile names");
	TCase *detail = tcase_create("detail");
	TCase *making = tcase_create("making");
	TCase *names = tcase_create("folders");

	tcase_add_checked_fixture(names, set_up, tear_down);
	tcase_add_loop_test(
	    names, m_names_a_folder_or_falls_back_to_INBOX, 0, COUNT(folders));
	tcase_add_test(names, a_fallback_is_one_line_in_the_log);
	tcase_add_test(names, autocreate_makes_the_folder);
	tcase_add_test(names, a_linked_folder_is_not_followed);
	tcase_add_loop_test(names, a_folder_that_may_not_be_opened_falls_back,
	    0, COUNT(closed));
	tcase_add_test(names, LAYOUT_fs_uses_directories);
	tcase_add_loop_test(names, directory_of_folders_is_no_folder, 0, 3);
	tcase_add_test(names, INBOX_may_be_elsewhere);
	suite_add_tcase(suite, names);
	tcase_add_checked_fixture(hostile_names, set_up, tear_down);
	tcase_add_loop_test(hostile_names,
	    hostile_name_stays_inside_the_mail_root, 0,
	    (int)COUNT(hostile) * WAYS);
	tcase_add_loop_test(hostile_names, long_name_stays_inside_the_mail_root,
	    0, 10 * 5 * WAYS);
	suite_add_tcase(suite, hostile_names);
	tcase_add_checked_fixture(detail, set_up, tear_down);
	tcase_add_loop_test(detail, detail_names_a_folder, 0, COUNT(details));
	tcase_add_loop_test(detail, detail_of_local_is_in_EXTENSION, 0, 6);
	tcase_add_test(detail, name_with_a_delimiter_has_no_detail);
	tcase_add_loop_test(detail, recipient_delimiter_ends_the_name, 0, 2);
	suite_add_tcase(suite, detail);
	tcase_add_checked_fixture(making, set_up, tear_down);
	tcase_add_loop_test(making, refused_folder_is_one_line_that_says_why, 0,
	    COUNT(refused));
	tcase_add_test(making, folder_on_a_full_or_broken_place_is_deferred);
	tcase_add_loop_test(making, parents_are_made_as_readers_expect, 0, 2);
	tcase_add_loop_test(
	    making, folder_that_was_made_is_subscribed, 0, COUNT(subscribed));
	tcase_add_test(making, detail_that_was_made_a_folder_is_subscribed);
	tcase_add_test(
	    making, subscriptions_of_another_place_are_not_made_in_the_root);
	tcase_add_loop_test(making, number_of_folders_is_limited, 0, 2);
	tcase_add_test(making, trial_tells_the_folder_and_makes_nothing);
	suite_add_tcase(suite, making);
	return world_main(suite);
}
