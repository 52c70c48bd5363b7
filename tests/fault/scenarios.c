/*
 * scenarios.c - the deliveries that are swept.
 *
 * Together they reach every kind of source, both ways a message is kept
 * while it comes in, every way a Maildir comes to be, and every call that
 * any of them makes.  A new store, source or setting that makes calls of its
 * own gets a row.
 */
#include "scenarios.h"

#include <errno.h>

#define SMALL 4096   /* stays in memory */
#define LARGE 300000 /* goes on into tmp/ as it comes */

const struct scenario scenarios[] = {
	{ "existing", WORLD_MAILDIR | SWEEP_ALL, SMALL, 0, "world/home/Maildir",
	    { 0 },
	    { "-d", "&", "-o", "userdb=static", "-o", "mail_home=#/world/home",
		"-o", "mail_location=maildir:~/Maildir" } },
	{ "fresh", START_UNDER_POSTFIX | SWEEP_ALL, SMALL, 0,
	    "world/homes/bob/Maildir", { 0 },
	    { "-d", "&", "-o", "userdb=passwd-file:#/etc/users", "-o",
		"mail_location=maildir:~/Maildir" } },
	{ "large", WORLD_MAILDIR | SWEEP_ALL, LARGE, 0, "world/home/Maildir",
	    { 0 },
	    { "-d", "&", "-o", "userdb=static", "-o", "mail_home=#/world/home",
		"-o", "mail_location=maildir:~/Maildir" } },
	/* A file system without renameat2(2): link and unlink. */
	{ "link", WORLD_MAILDIR | SWEEP_ALL, SMALL, 0, "world/home/Maildir",
	    { ACT_FAIL_EVERY, CALL_RENAMEAT_NEW, 0, 0, EINVAL },
	    { "-d", "&", "-o", "userdb=static", "-o", "mail_home=#/world/home",
		"-o", "mail_location=maildir:~/Maildir" } },
	/* Nothing can be removed: whatever must be undone stays. */
	{ "stuck", WORLD_MAILDIR, SMALL, 0, "world/home/Maildir",
	    { ACT_FAIL_EVERY, CALL_UNLINKAT, 0, 0, EIO },
	    { "-d", "&", "-o", "userdb=static", "-o", "mail_home=#/world/home",
		"-o", "mail_location=maildir:~/Maildir" } },
	{ "file", WORLD_MAILDIR | START_FROM_FILE, SMALL, 0,
	    "world/home/Maildir", { 0 },
	    { "-p", "#/message", "-d", "&", "-o", "userdb=static", "-o",
		"mail_home=#/world/home", "-o",
		"mail_location=maildir:~/Maildir" } },
	{ "folder", WORLD_MAILDIR | WORLD_WORK, SMALL, 0,
	    "world/home/Maildir/.Work", { 0 },
	    { "-m", "Work", "-d", "&", "-o", "userdb=static", "-o",
		"mail_home=#/world/home", "-o",
		"mail_location=maildir:~/Maildir" } },
	{ "newfolder", WORLD_MAILDIR, LARGE, 0, "world/home/Maildir/.Work",
	    { 0 },
	    { "-m", "Work", "-o", "lda_mailbox_autocreate=yes", "-d", "&", "-o",
		"userdb=static", "-o", "mail_home=#/world/home", "-o",
		"mail_location=maildir:~/Maildir" } },
	{ "passwd", WORLD_MAILDIR | START_UNDER_POSTFIX, SMALL, 0,
	    "world/home/Maildir", { 0 },
	    { "-d", "&", "-f", "alice@example.org", "-a", "bob@example.org",
		"-o", "mail_spool_directory=#/world/spool" } },
	{ "helper", WORLD_MAILDIR, SMALL, 0, "world/home/Maildir", { 0 },
	    { "-d", "x&", "-o", "userdb=passwd", "-o",
		"mail_spool_directory=#/world/spool" } },
	{ "config", WORLD_MAILDIR, SMALL, 0, "world/homes/bob/Maildir", { 0 },
	    { "-c", "#/etc/lda.conf", "-d", "&" } },
	{ "reap", WORLD_MAILDIR | WORLD_OLD_TMP, SMALL, 0, "world/home/Maildir",
	    { 0 },
	    { "-d", "&", "-o", "userdb=static", "-o", "mail_home=#/world/home",
		"-o", "mail_location=maildir:~/Maildir" } },
	{ "unknown", 0, SMALL, 67, "world/home/Maildir", { 0 },
	    { "-d", "nobody-here", "-o", "userdb=passwd-file:#/etc/users", "-o",
		"mail_location=maildir:~/Maildir" } },
	{ "toobig", WORLD_MAILDIR, LARGE, 65, "world/home/Maildir", { 0 },
	    { "-d", "&", "-o", "userdb=static", "-o", "mail_home=#/world/home",
		"-o", "mail_location=maildir:~/Maildir", "-o",
		"message_size_limit=200000" } },
	{ "root", START_AS_ROOT | START_UNDER_POSTFIX | SWEEP_ALL, SMALL, 0,
	    "world/homes/bob/Maildir", { 0 },
	    { "-d", "&", "-o", "userdb=passwd-file:#/etc/users", "-o",
		"mail_location=maildir:~/Maildir" } },
};

const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
