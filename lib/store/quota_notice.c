/*
 * quota_notice.c - telling a user that his mailbox is nearly full.
 *
 * The stamp of the last notice is the mtime of "quotawarn" in the mail root,
 * the file that Courier uses for it.
 *
 * Source: Courier deliverquota(8); Dovecot quota_warning.
 */
#include "store/quota_notice.h"

#include "base/child.h"
#include "base/file.h"
#include "base/sys.h"
#include "store/maildir_name.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char stamp_name[] = "quotawarn";

#define DAY_SECONDS ((int64_t)24 * 3600)

/* A template is a page, not a book. */
#define TEMPLATE_OCTETS ((size_t)32 * 1024)

#define COMMAND_TIMEOUT_MS 10000

/* Touches the stamp; false when it is younger than a day, or cannot be. */
static bool
take_turn(int root)
{
	int64_t now = sys_now_us() / 1000000;
	struct timespec times[2] = { { .tv_sec = (time_t)now },
		{ .tv_sec = (time_t)now } };
	struct stat facts;
	bool mine;
	int fd;

	if (sys_fstatat(root, stamp_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
	    facts.st_mtime > now - DAY_SECONDS && facts.st_mtime <= now)
		return false;
	fd = sys_openat(root, stamp_name,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return false;
	mine = file_is_ours_alone(fd) && sys_futimens(fd, times) == 0;
	(void)sys_close(fd);
	return mine;
}

/* RFC 5322 section 3.6.1 and 3.6.4: what a template cannot hold itself. */
static void
add_header(struct buf *out, const struct maildir_name *name)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = (time_t)(sys_now_us() / 1000000);
	struct tm when;

	if (gmtime_r(&now, &when) == NULL)
		memset(&when, 0, sizeof(when));
	buf_print(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\n",
	    days[when.tm_wday], when.tm_mday, months[when.tm_mon],
	    when.tm_year + 1900, when.tm_hour, when.tm_min, when.tm_sec);
	buf_print(out, "Message-ID: <%s@quota-warning>\n", name->in_tmp);
}

static int
write_notice(int fd, struct str header, struct str body)
{
	if (file_write_all(fd, header) < 0 || file_write_all(fd, body) < 0 ||
	    sys_fsync(fd) < 0)
		return -1;
	return 0;
}

/* With every LF as CRLF: Maildir's W=. */
static uint64_t
crlf_octets(struct str text)
{
	uint64_t octets = text.length;

	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] == '\n' && (i == 0 || text.at[i - 1] != '\r'))
			octets++;
	return octets;
}

/* The directories of a Maildir, opened so that no link is followed. */
struct places {
	int tmp, new;
};

/* link(2) whose answer was lost (NFS) has succeeded all the same. */
static int
publish(const struct places *at, const struct maildir_name *name)
{
	struct stat ours, named;

	if (sys_linkat(at->tmp, name->in_tmp, at->new, name->in_new) == 0)
		return 0;
	return sys_fstatat(at->tmp, name->in_tmp, &ours, AT_SYMLINK_NOFOLLOW) ==
		    0 &&
		sys_fstatat(
		    at->new, name->in_new, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		ours.st_ino == named.st_ino && ours.st_dev == named.st_dev ?
	    0 :
	    -1;
}

/* As any message: written in tmp/, synced, published. */
static uint64_t
deliver_into(const struct places *at, struct str body)
{
	char room[512];
	struct maildir_name name;
	struct buf header;
	int fd, rc;

	maildir_name_make(&name, 0);
	buf_init(&header, room, sizeof(room));
	add_header(&header, &name);
	maildir_name_publish(&name, header.length + body.length,
	    crlf_octets(buf_str(&header)) + crlf_octets(body));
	fd = sys_openat(at->tmp, name.in_tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return 0;
	rc = write_notice(fd, buf_str(&header), body);
	/* Where one of these fails the user hears of it tomorrow. */
	if (sys_close(fd) < 0 || rc < 0 || publish(at, &name) < 0)
		rc = -1;
	(void)sys_unlinkat(at->tmp, name.in_tmp, 0);
	return rc < 0 ? 0 : header.length + body.length;
}

static int
open_place(int root, const char *name)
{
	return sys_openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static uint64_t
deliver_notice(int root, struct str body)
{
	struct places at = { .tmp = open_place(root, "tmp"),
		.new = open_place(root, "new") };
	uint64_t octets = 0;

	if (at.tmp >= 0 && at.new >= 0)
		octets = deliver_into(&at, body);
	if (at.tmp >= 0)
		(void)sys_close(at.tmp);
	if (at.new >= 0)
		(void)sys_close(at.new);
	return octets;
}

static uint64_t
send_file(const char *path, int root)
{
	char room[TEMPLATE_OCTETS];
	struct stat facts;
	size_t length = 0;
	ssize_t got = 0;
	int fd = file_open(path, &facts);

	if (fd < 0)
		return 0;
	while (length < sizeof(room) &&
	    (got = sys_read(fd, room + length, sizeof(room) - length)) > 0)
		length += (size_t)got;
	(void)sys_close(fd);
	if (got != 0 || length == 0)
		return 0;
	return deliver_notice(root, str_of(room, length));
}

static void
run_command(char *path, uint64_t percent)
{
	char name[] = "quota-warning", argument[32], room[1];
	char *argv[] = { name, argument, NULL };
	struct buf number;
	struct child_end end;
	struct str output;

	buf_init(&number, argument, sizeof(argument));
	buf_print(&number, "%" PRIu64, percent);
	if (child_run_in(path, argv, COMMAND_TIMEOUT_MS, room, sizeof(room),
		&end, &output) < 0) {
		/* It is the administrator's to watch. */
	}
}

uint64_t
quota_notice(const char *setting, int root, const struct quota_amount *limit,
    const struct quota_amount *used, uint64_t octets)
{
	struct quota_amount after = *used;
	struct quota_warning warning;
	struct status why;
	char path[PATH_MAX];
	struct buf copy;

	after.octets += octets;
	after.messages++;
	if (quota_warning_read(str_from(setting), &warning, &why) < 0 ||
	    warning.percent == 0 ||
	    quota_percent(used, limit) >= warning.percent ||
	    quota_percent(&after, limit) < warning.percent || !take_turn(root))
		return 0;
	buf_init(&copy, path, sizeof(path));
	buf_add(&copy, warning.path);
	if (!warning.is_command)
		return send_file(path, root);
	run_command(path, quota_percent(&after, limit));
	return 0;
}
