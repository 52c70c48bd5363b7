/*
 * stage.c - a small world for one delivery, and the delivery in it.
 *
 * Thousands of deliveries a minute: so the message is in the pipe before the
 * program starts, which makes its reads the same in every run, too.
 *
 * Source: postfix pipe_command.c and spawn_command.c (reference postfix 1.1).
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ, pipe2(2), setgroups(2) */
#include "stage.h"

#include "base/attribute.h"
#include "box.h"
#include "peer.h"
#include "sources.h"
#include "support/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LARGEST_MESSAGE ((size_t)1024 * 1024)
#define REPLY_PIPE_OCTETS 4096

/* Far beyond any delivery; only a hang comes here. */
#define PATIENCE_MS 15000

/* Each process counts its calls against this: a clean delivery makes some
 * hundred, a trickled one some thousand. */
#define CALL_LIMIT 20000

/* One delivery in 256 looks for debris, by its random: this one does not. */
#define RANDOM_OCTET 0x5a

/* Debris is reaped after 36 hours. */
#define OLD_SECONDS INT64_C(259200) /* three days */

static char base[STAGE_ROOT - 16];
static char program[STAGE_ROOT];
static bool short_of_memory;

/* The same, set-group-ID for the spool; and that spool, one for all stages
 * because only the machine's lda.conf may name it. */
static char program_setgid[STAGE_ROOT];
static char spool[STAGE_ROOT];

/* What stands in a mailbox already. */
#define OLD_MESSAGE                                                            \
	"From carol@example.org  Fri Nov 20 08:00:00 2026\n"                   \
	"Subject: old\n\nold mail\n>From the past\n\n"
#define HALF_MESSAGE                                                           \
	"From dave@example.org  Fri Nov 20 09:00:00 2026\n"                    \
	"Subject: ha"

/* Of an old message of a Maildir, and what its maildirsize says. */
#define OLD_OCTETS 1000
#define OLD_NAME "old.1,S=1000,W=1000:2,S"
#define SIZE_LINES "100000S\n1000 1\n"
#define SIZE_DAMAGED "100000S\n10"

/* How long the forks of a program may live on. */
#define FORKS_MS 2000

static char stale_lock[300];

static void
give_up(const char *what, const char *path)
{
	(void)fprintf(stderr, "fault sweep: cannot %s %s: %s\n", what, path,
	    strerror(errno));
	_exit(1);
}

/* Each stage has a user of its own, so that a uid names one, too. */
static uid_t
uid_of(unsigned number)
{
	return getuid() == 0 ? MACHINE_UID + number : getuid();
}

static void
act_as_recipient(const struct stage *stage)
{
	if (getuid() == 0 &&
	    (setegid(machine_gid()) < 0 || seteuid(stage->uid) < 0))
		give_up("become", "the recipient");
}

static void
act_as_oneself(void)
{
	if (getuid() == 0 && (seteuid(0) < 0 || setegid(0) < 0))
		give_up("become", "root");
}

static void
write_file(const char *path, const char *text, size_t size, mode_t mode)
{
	int fd;

	(void)unlink(path); /* it may be a running program's */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		give_up("create", path);
	if (write(fd, text, size) != (ssize_t)size || fchmod(fd, mode) < 0)
		give_up("write", path);
	(void)close(fd);
}

static void
make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		give_up("make", path);
}

/* The machine. */

/* bob0, bob1, ... live on the stages 0, 1, ... */
static void
write_passwd(void)
{
	char text[STAGES * 128];
	size_t used = 0;

	for (unsigned i = 0; i < STAGES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "bob%u:x:%ju:%ju::%s/%u/world/home:/bin/sh\n", i,
		    (uintmax_t)uid_of(i), (uintmax_t)machine_gid(), base, i);
	machine_write("etc/passwd", text, 0644);
}

/* An NSS that knows xbob0, xbob1, ... who share their homes with the above. */
static void
write_helper(void)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
	    "#!/bin/sh\n"
	    "case $2 in\n"
	    "xbob*) echo \"$2:x:$((%ju + %d * ${2#xbob})):%ju::"
	    "%s/${2#xbob}/world/home:/bin/sh\" ;;\n"
	    "*) exit 67 ;;\n"
	    "esac\n",
	    (uintmax_t)machine_uid(), getuid() == 0 ? 1 : 0,
	    (uintmax_t)machine_gid(), base);
	machine_write("libexec/lda-getpw", text, 0755);
}

/* To where anybody may start it, and where it finds no other programs of
 * ours beside it. */
static void
copy_program(const char *from, const char *to, gid_t gid, mode_t mode)
{
	char room[65536];
	ssize_t got;
	int in, out;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		give_up("open", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out < 0)
		give_up("create", to);
	while ((got = read(in, room, sizeof(room))) > 0)
		if (write(out, room, (size_t)got) != got)
			give_up("write", to);
	if (fchown(out, (uid_t)-1, gid) < 0 || fchmod(out, mode) < 0)
		give_up("give away", to);
	(void)close(in);
	(void)close(out);
}

/* What the set-group-ID start needs: a program, and a spool as Debian's. */
static void
prepare_setgid(const char *from)
{
	(void)snprintf(
	    program_setgid, sizeof(program_setgid), "%s/lda-mail", base);
	copy_program(from, program_setgid, SPOOL_GID, 02755);
	(void)snprintf(spool, sizeof(spool), "%s/spool", base);
	make_directory(spool);
	if (chown(spool, 0, SPOOL_GID) < 0 || chmod(spool, 02775) < 0)
		give_up("give away", spool);
}

/* The dotlock of a process of this host that is no more. */
static void
write_stale_lock(void)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		give_up("tell", "the machine's name");
	(void)snprintf(
	    stale_lock, sizeof(stale_lock), "%d:%s", MACHINE_NO_PID, host);
}

void
stages_prepare(const struct scenario *scenario)
{
	char text[128];

	machine_remove("etc/lda.conf");
	if ((scenario->flags & START_SETGID) == 0)
		return;
	(void)snprintf(
	    text, sizeof(text), "mail_spool_directory = %s\n", spool);
	machine_write("etc/lda.conf", text, 0644);
}

/* In memory where that can be: a hundred worlds come and go in a second, and
 * what a power cut would do to them is the ledger's to say. */
static const char *
scratch_place(void)
{
	const char *wanted = getenv("TMPDIR");
	struct statvfs facts;

	if (wanted != NULL && strlen(wanted) < STAGE_ROOT / 2)
		return wanted;
	if (access("/dev/shm", W_OK | X_OK) == 0 &&
	    statvfs("/dev/shm", &facts) == 0 && (facts.f_flag & ST_NOEXEC) == 0)
		return "/dev/shm";
	return "/tmp";
}

bool
stages_are_short_of_memory(void)
{
	return short_of_memory;
}

void
stages_begin(const char *name)
{
	char from[PATH_MAX];

	machine_begin();
	short_of_memory = strcmp(name, STAGE_MEMORY) == 0;
	(void)snprintf(from, sizeof(from), "%s/%s", CHECK_DIR, name);
	(void)snprintf(
	    base, sizeof(base), "%s/lda-sweep.XXXXXX", scratch_place());
	if (mkdtemp(base) == NULL || chmod(base, 0755) < 0)
		give_up("make", base);
	(void)snprintf(program, sizeof(program), "%s/lda", base);
	copy_program(from, program, (gid_t)-1, 0755);
	if (getuid() == 0)
		prepare_setgid(from);
	write_stale_lock();
	write_passwd();
	write_helper();
	machine_remove("etc/lda.conf");
	machine_write("etc/group", "bobs:x:60001:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files systemd\n", 0644);
}

void
stages_end(void)
{
	machine_end();
	tree_remove(base);
}

/* The message: numbered lines, so that no part of it looks like another. */
const char *
stage_message(size_t size)
{
	static char text[LARGEST_MESSAGE + 1];
	static size_t made;
	size_t used;
	unsigned line = 0;

	if (made == size)
		return text;
	used = (size_t)snprintf(text, sizeof(text),
	    "Received: by mail.example.org (Postfix, from userid 0)\n"
	    "\tid 4jWcB; Sat, 21 Nov 2026 04:00:00 +0000 (UTC)\n"
	    "From: Alice <alice@example.org>\n"
	    "To: bob@example.org\n"
	    "Subject: a fault\n"
	    "Message-ID: <1@example.org>\n"
	    "\n"
	    "From now on it is a body,\n"
	    ">From which mboxrd has to be undone.\n");
	while (used < size)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "line %u of a message whose every line is another\n",
		    ++line);
	text[size - 1] = '\n';
	made = size;
	return text;
}

/* A stage. */

static void
below(const struct stage *stage, const char *path, char *into, size_t size)
{
	(void)snprintf(into, size, "%s/%s", stage->root, path);
}

/* '#' is the stage's root, '@' that of all, '&' its user. */
static void
print_pattern(
    const struct stage *stage, const char *pattern, char *into, size_t size)
{
	size_t used = 0;

	for (; *pattern != '\0' && used < size - STAGE_ROOT; pattern++)
		if (*pattern == '#' || *pattern == '@' || *pattern == '&')
			used += (size_t)snprintf(into + used, size - used, "%s",
			    *pattern == '#'     ? stage->root :
				*pattern == '@' ? base :
						  stage->user);
		else
			into[used++] = *pattern;
	into[used] = '\0';
}

const char *
stage_folder(const struct stage *stage)
{
	static char path[PATH_MAX];
	char name[STAGE_ROOT * 4];

	print_pattern(stage, stage->scenario->folder, name, sizeof(name));
	if (name[0] == '/')
		(void)snprintf(path, sizeof(path), "%s", name);
	else
		below(stage, name, path, sizeof(path));
	return path;
}

static void
make_below(const struct stage *stage, const char *path)
{
	char name[PATH_MAX];

	below(stage, path, name, sizeof(name));
	make_directory(name);
}

static void
make_plan(struct stage *stage)
{
	char path[PATH_MAX];
	int fd;

	below(stage, "plan", path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || fchmod(fd, 0666) < 0 ||
	    ftruncate(fd, (off_t)sizeof(*stage->plan)) < 0)
		give_up("create", path);
	stage->plan = mmap(NULL, sizeof(*stage->plan), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (stage->plan == MAP_FAILED)
		give_up("map", path);
	(void)close(fd);
}

static void
make_log(struct stage *stage)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/log", stage->root);
	(void)unlink(address.sun_path); /* of a test that died */
	stage->log_fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (stage->log_fd < 0 ||
	    bind(stage->log_fd, (const struct sockaddr *)&address,
		sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0666) < 0)
		give_up("bind", address.sun_path);
}

/* What stays the same for all deliveries on this stage. */
static void
write_settings(const struct stage *stage)
{
	char path[PATH_MAX], text[1024];
	const char *message = stage_message(stage->scenario->message_octets);

	make_below(stage, "etc");
	below(stage, "etc/users", path, sizeof(path));
	(void)snprintf(text, sizeof(text),
	    "# the users of this stage\n"
	    "other:::%ju:%ju::%s/world/homes/other::\n"
	    "%s::%ju:%ju::%s/world/homes/bob::\n",
	    (uintmax_t)stage->uid, (uintmax_t)machine_gid(), stage->root,
	    stage->user, (uintmax_t)stage->uid, (uintmax_t)machine_gid(),
	    stage->root);
	write_file(path, text, strlen(text), 0644);
	below(stage, "etc/lda.conf", path, sizeof(path));
	(void)snprintf(text, sizeof(text),
	    "# the settings of this stage\n"
	    "mail_location = maildir:~/Maildir\n"
	    "userdb = passwd-file:%s/etc/users,\n"
	    "    static\n"
	    "mail_home = %s/world/home\n"
	    "syslog_socket = %s/log\n",
	    stage->root, stage->root, stage->root);
	write_file(path, text, strlen(text), 0644);
	below(stage, "etc/warning", path, sizeof(path));
	write_file(path, "Subject: nearly full\n\nno room\n", 30, 0644);
	below(stage, "message", path, sizeof(path));
	write_file(path, message, stage->scenario->message_octets, 0644);
}

static void
make_maildir(const struct stage *stage, const char *path)
{
	static const char *const parts[] = { "", "/cur", "/new", "/tmp" };
	char name[PATH_MAX];

	for (size_t i = 0; i < COUNT(parts); i++) {
		(void)snprintf(
		    name, sizeof(name), "%s/%s%s", stage->root, path, parts[i]);
		if (mkdir(name, 0700) < 0)
			give_up("make", name);
	}
}

static void
set_mtime(const char *path, long seconds_from_now)
{
	struct timespec times[2];

	(void)clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec += seconds_from_now;
	times[1] = times[0];
	if (utimensat(AT_FDCWD, path, times, 0) < 0)
		give_up("set the time of", path);
}

/* Debris of crashed deliveries.  It grows old by the calendar of the plan:
 * no call sets a file's ctime.  What is young by one of its times is a slow
 * writer's. */
static void
make_old_tmp(const struct stage *stage)
{
	char name[PATH_MAX];

	bool touched = (stage->scenario->flags & WORLD_TOUCHED_TMP) != 0;

	for (int i = 0; i < 3 && !touched; i++) {
		(void)snprintf(name, sizeof(name),
		    "%s/world/home/Maildir/tmp/old.%d", stage->root, i);
		write_file(name, "half a mess", 11, 0600);
	}
	(void)snprintf(name, sizeof(name), "%s/world/home/Maildir/tmp/young.0",
	    stage->root);
	write_file(name, "half a mess", 11, 0600);
	set_mtime(name, touched ? -(long)OLD_SECONDS : (long)OLD_SECONDS);
}

/* A directory that has just been changed may be changed again before its
 * mtime tells: no count of it is kept.  So it is made old. */
static void
make_old(const char *path)
{
	set_mtime(path, -3600);
}

static void
make_quota_world(const struct stage *stage)
{
	static const char zeros[OLD_OCTETS];
	char path[PATH_MAX];

	below(stage, "world/home/Maildir/cur/" OLD_NAME, path, sizeof(path));
	write_file(path, zeros, sizeof(zeros), 0600);
	below(stage, "world/home/Maildir/cur", path, sizeof(path));
	make_old(path);
	below(stage, "world/home/Maildir/new", path, sizeof(path));
	make_old(path);
	below(stage, "world/home/Maildir/maildirsize", path, sizeof(path));
	if ((stage->scenario->flags & WORLD_SIZE) != 0)
		write_file(path, SIZE_LINES, sizeof(SIZE_LINES) - 1, 0600);
	if ((stage->scenario->flags & WORLD_SIZE_DAMAGED) != 0)
		write_file(path, SIZE_DAMAGED, sizeof(SIZE_DAMAGED) - 1, 0600);
}

/* What the mbox holds before. */
static struct box_before
box_before(const struct stage *stage)
{
	static const char old[] = OLD_MESSAGE;
	static const char half[] = OLD_MESSAGE HALF_MESSAGE;
	struct box_before before = { NULL, 0 };

	if ((stage->scenario->flags & WORLD_HALF_MAIL) != 0) {
		before.octets = half;
		before.length = sizeof(half) - 1;
	} else if ((stage->scenario->flags & WORLD_OLD_MAIL) != 0) {
		before.octets = old;
		before.length = sizeof(old) - 1;
	}
	return before;
}

/* The spool is not the recipient's to write. */
static void
give_file(const struct stage *stage, const char *path, const char *text,
    size_t size, mode_t mode)
{
	write_file(path, text, size, mode);
	if (chown(path, stage->uid, machine_gid()) < 0)
		give_up("give away", path);
}

static void
make_mbox(const struct stage *stage)
{
	struct box_before before = box_before(stage);
	const char *path = stage_folder(stage);
	char lock[PATH_MAX + 8];

	if (before.octets != NULL)
		give_file(stage, path, before.octets, before.length, 0600);
	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	if ((stage->scenario->flags & WORLD_STALE_LOCK) != 0)
		give_file(stage, lock, stale_lock, strlen(stale_lock), 0644);
}

/* The shared spool as it was before this stage's user had mail in it. */
static void
clear_spool(const struct stage *stage)
{
	size_t length = strlen(stage->user);
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(spool);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name + (entry->d_name[0] == '.');

		if (strncmp(name, stage->user, length) != 0 ||
		    (name[length] != '\0' && name[length] != '.'))
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/%s", spool, entry->d_name);
		(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
drain_log(struct stage *stage, struct ending *ending)
{
	char line[2048];
	ssize_t got;

	while ((got = recv(stage->log_fd, line, sizeof(line) - 1, 0)) > 0) {
		if (ending == NULL)
			continue;
		ending->log_lines++;
		memcpy(ending->log, line, (size_t)got);
		ending->log[got] = '\0';
	}
}

void
stage_forget_plan(struct stage *stage)
{
	memset(stage->plan, 0, offsetof(struct fault_plan, ledger));
	stage->plan->weather = stage->scenario->weather;
	stage->plan->no_sync = true;
	/* Who waits for a child waits in earnest. */
	stage->plan->no_sleep =
	    (stage->scenario->flags &
		(STORE_MBOX | WORLD_SUBSCRIBED | SERVE_LMTP)) != 0;
	stage->plan->call_limit = CALL_LIMIT;
	stage->plan->fixed_random = true;
	stage->plan->random_octet = RANDOM_OCTET;
	if ((stage->scenario->flags & (WORLD_OLD_TMP | WORLD_TOUCHED_TMP)) != 0)
		stage->plan->random_octet = 0;
	if ((stage->scenario->flags & WORLD_OLD_TMP) != 0)
		stage->plan->ahead_seconds = OLD_SECONDS;
	drain_log(stage, NULL);
}

/* What the server was told last is delivered, or will never be. */
static void
wait_for_peer(const struct stage *stage)
{
	char path[PATH_MAX];

	if ((stage->scenario->flags & SERVE_LMTP) == 0)
		return;
	below(stage, "lmtp", path, sizeof(path));
	peer_wait(path);
}

void
stage_reset(struct stage *stage)
{
	char path[PATH_MAX];

	wait_for_peer(stage);
	below(stage, "world", path, sizeof(path));
	tree_remove(path);
	if ((stage->scenario->flags & START_SETGID) != 0)
		clear_spool(stage);
	act_as_recipient(stage);
	make_directory(path);
	make_below(stage, "world/homes");
	make_below(stage, "world/spool");
	make_below(stage, "world/temp");
	if ((stage->scenario->flags & (WORLD_HOME | WORLD_MAILDIR)) != 0)
		make_below(stage, "world/home");
	if ((stage->scenario->flags & WORLD_MAILDIR) != 0)
		make_maildir(stage, "world/home/Maildir");
	if ((stage->scenario->flags & WORLD_WORK) != 0)
		make_maildir(stage, "world/home/Maildir/.Work");
	if ((stage->scenario->flags & (WORLD_OLD_TMP | WORLD_TOUCHED_TMP)) != 0)
		make_old_tmp(stage);
	if ((stage->scenario->flags & HAS_QUOTA) != 0)
		make_quota_world(stage);
	if ((stage->scenario->flags & WORLD_SUBSCRIBED) != 0) {
		below(stage, "world/home/Maildir/subscriptions", path,
		    sizeof(path));
		write_file(path, "V\t2\n\nOld\n", 9, 0600);
	}
	act_as_oneself();
	if ((stage->scenario->flags & STORE_MBOX) != 0)
		make_mbox(stage);
	if ((stage->scenario->flags & START_AS_ROOT) != 0) {
		below(stage, "world/spool", path, sizeof(path));
		if (chown(path, 0, SPOOL_GID) < 0 || chmod(path, 02775) < 0)
			give_up("give away", path);
	}
	stage_forget_plan(stage);
}

/* The server, and the password that it may be told. */
static void
start_peer(struct stage *stage)
{
	char path[PATH_MAX];
	struct peer peer = { stage_folder(stage), stage->uid, machine_gid() };

	below(stage, "etc/password", path, sizeof(path));
	give_file(stage, path, "secret\n", 7, 0600);
	below(stage, "lmtp", path, sizeof(path));
	stage->server = peer_serve(path, &peer);
	if (stage->server < 0)
		give_up("serve", path);
}

/* The users that this scenario's source has to be asked for. */
static void
start_sources(struct stage *stage)
{
	char home[PATH_MAX], path[PATH_MAX];
	struct source_user user = { stage->user, stage->uid, machine_gid(),
		home };

	below(stage, "world/home", home, sizeof(home));
	below(stage, "etc/users.cdb", path, sizeof(path));
	if (source_write_cdb(path, &user) < 0)
		give_up("write", path);
	below(stage, "users", path, sizeof(path));
	if ((stage->scenario->flags & SERVE_SOCKETMAP) != 0)
		stage->server = source_serve(path, SOURCE_SOCKETMAP, &user);
	if ((stage->scenario->flags & SERVE_AUTH) != 0)
		stage->server = source_serve(path, SOURCE_DOVECOT_AUTH, &user);
	if (stage->server < 0)
		give_up("serve", path);
	if ((stage->scenario->flags & SERVE_LMTP) != 0)
		start_peer(stage);
}

void
stage_set_up(
    struct stage *stage, const struct scenario *scenario, unsigned number)
{
	memset(stage, 0, sizeof(*stage));
	stage->scenario = scenario;
	(void)snprintf(stage->root, sizeof(stage->root), "%s/%u", base, number);
	(void)snprintf(stage->user, sizeof(stage->user), "bob%u", number);
	stage->uid = uid_of(number);
	/* Forks of the program that outlive it are ours to wait for. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_directory(stage->root);
	if (chown(stage->root, stage->uid, machine_gid()) < 0)
		give_up("give away", stage->root);
	make_plan(stage);
	make_log(stage);
	write_settings(stage);
	start_sources(stage);
	stage_reset(stage);
}

void
stage_tear_down(struct stage *stage)
{
	if (stage->server > 0) {
		(void)kill(stage->server, SIGKILL);
		(void)waitpid(stage->server, NULL, 0);
	}
	(void)munmap(stage->plan, sizeof(*stage->plan));
	(void)close(stage->log_fd);
	tree_remove(stage->root);
}

/* Files in the directory for messages too long for memory. */
static unsigned
count_temporary(const struct stage *stage)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	below(stage, "world/temp", path, sizeof(path));
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	if (dir != NULL)
		(void)closedir(dir);
	return count;
}

/* The mbox that is meant, and INBOX if that is another one. */
static void
count_mboxes(const struct stage *stage, struct tree_count *into)
{
	const struct box_before none = { NULL, 0 };
	struct box_before before = box_before(stage);
	size_t size = stage->scenario->message_octets;
	const char *known = NULL;
	struct tree_count inbox;
	char path[PATH_MAX];

	memset(into, 0, sizeof(*into));
	memset(&inbox, 0, sizeof(inbox));
	if ((stage->scenario->flags & WORLD_STALE_LOCK) != 0)
		known = stale_lock;
	box_count(stage_folder(stage), &before, stage_message(size), size,
	    stage->uid, into);
	box_count_locks(stage_folder(stage), known, into);
	into->in_tmp = count_temporary(stage);
	below(stage, "world/home/mbox", path, sizeof(path));
	if (strcmp(path, stage_folder(stage)) == 0)
		return;
	box_count(path, &none, stage_message(size), size, stage->uid, &inbox);
	box_count_locks(path, NULL, into);
	into->elsewhere += inbox.whole;
	into->torn += inbox.torn + inbox.cut;
}

void
stage_count(const struct stage *stage, struct tree_count *into)
{
	char top[PATH_MAX], folder[PATH_MAX];

	if ((stage->scenario->flags & STORE_MBOX) != 0) {
		count_mboxes(stage, into);
		return;
	}
	wait_for_peer(stage);
	below(stage, "world", top, sizeof(top));
	(void)snprintf(folder, sizeof(folder), "%s", stage_folder(stage));
	tree_count(top, folder, stage_message(stage->scenario->message_octets),
	    stage->scenario->message_octets, stage->uid, into);
}

/* The delivery. */

/* A pattern filled in; lives until the exec. */
static char *
fill_in(const struct stage *stage, const char *pattern)
{
	char text[1024];

	print_pattern(stage, pattern, text, sizeof(text));
	return strdup(text);
}

static void
become_program(
    const struct stage *stage, const char *extra, int feed, int reply)
{
	char *argv[SCENARIO_ARGUMENTS + 8], *envp[4];
	char plan[PATH_MAX], path[] = "PATH=/usr/bin:/bin";
	char mail_config[] = "MAIL_CONFIG=/etc/postfix";
	char *started = program;
	struct rlimit limit = { stage->file_limit, stage->file_limit };
	gid_t gid = machine_gid();
	size_t argc = 0, envc = 0;

	if ((stage->scenario->flags & START_SETGID) != 0)
		started = program_setgid;
	argv[argc++] = started;
	argv[argc++] = fill_in(stage, "-o");
	argv[argc++] = fill_in(stage, "syslog_socket=#/log");
	for (size_t i = 0; stage->scenario->arguments[i] != NULL; i++)
		argv[argc++] = fill_in(stage, stage->scenario->arguments[i]);
	if (extra != NULL) {
		argv[argc++] = fill_in(stage, "-o");
		argv[argc++] = fill_in(stage, extra);
	}
	argv[argc] = NULL;
	(void)snprintf(
	    plan, sizeof(plan), FAULT_PLAN_VARIABLE "=%s/plan", stage->root);
	envp[envc++] = path;
	envp[envc++] = plan;
	if ((stage->scenario->flags & START_UNDER_POSTFIX) != 0)
		envp[envc++] = mail_config;
	envp[envc] = NULL;
	(void)setsid();
	/* What it does about them is its own. */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	(void)umask(077);
	if (chdir("/") < 0 || dup2(feed, 0) < 0 || dup2(reply, 1) < 0 ||
	    dup2(reply, 2) < 0)
		_exit(126);
	if (getuid() == 0 && (stage->scenario->flags & START_AS_ROOT) == 0 &&
	    (setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
		setuid(stage->uid) < 0))
		_exit(126);
	if (stage->limits_files && setrlimit(RLIMIT_FSIZE, &limit) < 0)
		_exit(126);
	(void)execve(started, argv, envp);
	_exit(127);
}

/* As much as the pipe takes without waiting; at the end, closes it. */
static void
feed(struct stage *stage)
{
	size_t size = stage->scenario->message_octets;
	ssize_t put;

	if ((stage->scenario->flags & START_FROM_FILE) != 0)
		stage->fed = size;
	while (stage->fed < size) {
		put = write(stage->feed_fd, stage_message(size) + stage->fed,
		    size - stage->fed);
		if (put < 0 && errno == EAGAIN)
			return;
		if (put < 0)
			break; /* EPIPE: it reads no more, as it may */
		stage->fed += (size_t)put;
	}
	(void)close(stage->feed_fd);
	stage->feed_fd = -1;
}

void
stage_start(struct stage *stage, const char *extra)
{
	int in[2], out[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		give_up("make", "a pipe");
	(void)fcntl(in[1], F_SETPIPE_SZ, (int)stage->scenario->message_octets);
	(void)fcntl(out[1], F_SETPIPE_SZ, REPLY_PIPE_OCTETS);
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(out[1], F_SETFL, O_NONBLOCK);
	stage->feed_fd = in[1];
	stage->reply_fd = out[0];
	stage->fed = 0;
	feed(stage);
	stage->pid = fork();
	if (stage->pid < 0)
		give_up("fork", program);
	if (stage->pid == 0)
		become_program(stage, extra, in[0], out[1]);
	(void)close(in[0]);
	(void)close(out[1]);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes what the program says; false at the end of its output. */
static bool
hear(struct stage *stage, struct ending *ending)
{
	char room[512];
	ssize_t got = read(stage->reply_fd, room, sizeof(room));
	size_t fits = sizeof(ending->reply) - 1 - ending->reply_length;

	if (got <= 0)
		return got < 0 && errno == EINTR;
	if ((size_t)got < fits)
		fits = (size_t)got;
	memcpy(ending->reply + ending->reply_length, room, fits);
	ending->reply_length += fits;
	ending->reply[ending->reply_length] = '\0';
	return true;
}

/* What the program has forked, the spool's keeper, ends soon after it; one
 * that was made to hang does not. */
static void
end_forks(const struct stage *stage)
{
	const struct timespec moment = { .tv_nsec = 100000 };
	bool hangs = stage->plan->rule.process != 0 &&
	    (stage->plan->rule.action == ACT_HANG ||
		stage->plan->rule.action == ACT_HANG_TERM);
	int64_t end_ms = now_ms() + (hangs ? 0 : FORKS_MS);

	for (;;) {
		pid_t pid = waitpid(-stage->pid, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return;
		if (pid != 0)
			continue;
		if (now_ms() >= end_ms)
			(void)kill(-stage->pid, SIGKILL);
		(void)nanosleep(&moment, NULL);
	}
}

static void
reap(struct stage *stage, struct ending *ending)
{
	while (
	    waitpid(stage->pid, &ending->wait_status, 0) < 0 && errno == EINTR)
		;
	end_forks(stage);
	if (stage->feed_fd >= 0)
		(void)close(stage->feed_fd);
	(void)close(stage->reply_fd);
	stage->feed_fd = -1;
	drain_log(stage, ending);
}

bool
stage_wait(struct stage *stage, int milliseconds, struct ending *ending)
{
	int64_t end_ms = now_ms() + milliseconds;
	struct pollfd wanted[2];

	for (;;) {
		int64_t left = end_ms - now_ms();

		wanted[0].fd = stage->reply_fd;
		wanted[0].events = POLLIN;
		wanted[1].fd = stage->feed_fd;
		wanted[1].events = POLLOUT;
		if (poll(wanted, 2, left > 0 ? (int)left : 0) == 0 && left <= 0)
			return false;
		if (stage->feed_fd >= 0 && wanted[1].revents != 0)
			feed(stage);
		if (wanted[0].revents != 0 && !hear(stage, ending))
			break;
	}
	reap(stage, ending);
	return true;
}

void
stage_run(struct stage *stage, struct ending *ending)
{
	memset(ending, 0, sizeof(*ending));
	stage_start(stage, NULL);
	if (stage_wait(stage, PATIENCE_MS, ending))
		return;
	ending->timed_out = true;
	if (kill(-stage->pid, SIGKILL) < 0)
		(void)kill(stage->pid, SIGKILL);
	(void)stage_wait(stage, PATIENCE_MS, ending);
}
