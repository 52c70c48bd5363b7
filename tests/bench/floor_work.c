/*
 * floor_work.c - the floor with the work that a site expects: what lda itself
 * is measured against.
 *
 *	floor-work CONF USER < message
 *
 * Reads the settings (the same lda.conf), finds the user in the same file of
 * users, judges his quota by maildirsize, delivers as floor.c does into his
 * ~/Maildir, adds the quota line and sends one datagram to the log.  It trusts
 * everybody, looks at nothing twice and gives up without a word: what lda
 * costs beyond it is the price of being careful.
 *
 * It knows of the settings userdb = passwd-file:PATH, quota_rule, detail and
 * syslog_socket, each on a line of its own.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TEMPFAIL 75
#define SETTINGS_OCTETS 16384
#define PATH_OCTETS 512

/* What one read(2) takes of the message and of the users: as lda does. */
static char room[128 * 1024];
static char settings[SETTINGS_OCTETS];

/* All that is known of one delivery. */
struct work {
	char users[PATH_OCTETS];
	char log[PATH_OCTETS];
	char home[PATH_OCTETS];
	char name[128];
	char quota[PATH_OCTETS]; /* the file; empty: no quota is set */
	uint64_t used;
	uint64_t octets;
};

static bool
write_all(int fd, const char *at, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, at, length);

		if (written <= 0)
			return false;
		at += written;
		length -= (size_t)written;
	}
	return true;
}

/* A whole small file, as a string. */
static bool
read_file(const char *path, char *into, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got = 1;

	while (fd >= 0 && length < size - 1 &&
	    (got = read(fd, into + length, size - 1 - length)) > 0)
		length += (size_t)got;
	into[length] = '\0';
	return fd >= 0 && close(fd) == 0 && got == 0;
}

/* The value of a setting, up to the end of its line. */
static bool
setting(const char *name, char *into, size_t size)
{
	const char *line = strstr(settings, name);
	size_t length;

	if (line == NULL)
		return false;
	line += strlen(name);
	length = strcspn(line, "\n");
	if (length >= size)
		return false;
	memcpy(into, line, length);
	into[length] = '\0';
	return true;
}

/* Field 5 of the user's line in text; false where that is not here. */
static bool
take_home(struct work *work, const char *text, const char *user)
{
	size_t length = strlen(user);

	while (text != NULL && *text != '\0') {
		if (strncmp(text, user, length) == 0 && text[length] == ':') {
			for (int i = 0; i < 5; i++)
				text += strcspn(text, ":\n") + 1;
			length = strcspn(text, ":\n");
			if (length >= sizeof(work->home))
				return false;
			memcpy(work->home, text, length);
			work->home[length] = '\0';
			return true;
		}
		text = strchr(text, '\n');
		text = text == NULL ? NULL : text + 1;
	}
	return false;
}

/* Reads on until the line is there; whole lines stand in room. */
static bool
find_user(struct work *work, const char *user)
{
	int fd = open(work->users, O_RDONLY | O_CLOEXEC);
	size_t kept = 0;
	ssize_t got;
	bool found = false;

	while (fd >= 0 && !found &&
	    (got = read(fd, room + kept, 16384 - kept)) > 0) {
		char *end;

		room[kept + (size_t)got] = '\0';
		found = take_home(work, room, user);
		end = strrchr(room, '\n');
		end = end == NULL ? room : end + 1;
		kept = strlen(end);
		memmove(room, end, kept);
	}
	return fd >= 0 && close(fd) == 0 && found;
}

/* The sum of maildirsize; the limit is far away, as it usually is. */
static void
sum_quota(struct work *work)
{
	char text[6144], *at = text;

	if (!read_file(work->quota, text, sizeof(text)))
		return;
	while ((at = strchr(at, '\n')) != NULL)
		work->used += strtoull(++at, NULL, 10);
}

static bool
start(struct work *work, const char *conf, const char *user)
{
	char rule[64];

	if (!read_file(conf, settings, sizeof(settings)) ||
	    !setting(
		"userdb = passwd-file:", work->users, sizeof(work->users)) ||
	    !setting("syslog_socket = ", work->log, sizeof(work->log)) ||
	    !find_user(work, user))
		return false;
	if (setting("quota_rule = ", rule, sizeof(rule)))
		(void)snprintf(work->quota, sizeof(work->quota),
		    "%.400s/Maildir/maildirsize", work->home);
	return true;
}

static bool
copy(struct work *work, int fd)
{
	ssize_t got;

	while ((got = read(STDIN_FILENO, room, sizeof(room))) > 0) {
		work->octets += (uint64_t)got;
		if (!write_all(fd, room, (size_t)got))
			return false;
	}
	return got == 0;
}

static bool
deliver(struct work *work)
{
	char temporary[PATH_OCTETS], published[PATH_OCTETS], new[PATH_OCTETS];
	struct timespec now;
	int fd, dir;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(work->name, sizeof(work->name), "%jd.M%ldP%jd.floor",
	    (intmax_t)now.tv_sec, now.tv_nsec, (intmax_t)getpid());
	(void)snprintf(temporary, sizeof(temporary), "%.300s/Maildir/tmp/%s",
	    work->home, work->name);
	(void)snprintf(new, sizeof(new), "%.300s/Maildir/new", work->home);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || !copy(work, fd))
		return false;
	if (work->quota[0] != '\0')
		sum_quota(work);
	(void)snprintf(published, sizeof(published), "%.300s/%s,S=%ju", new,
	    work->name, (uintmax_t)work->octets);
	if (fsync(fd) < 0 || close(fd) < 0 || rename(temporary, published) < 0)
		return false;
	dir = open(new, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && fsync(dir) == 0;
}

static void
add_quota(const struct work *work)
{
	char line[64];
	int fd = open(work->quota, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)snprintf(line, sizeof(line), "%ju 1\n", (uintmax_t)work->octets);
	(void)write_all(fd, line, strlen(line));
	(void)close(fd);
}

static void
send_log(const struct work *work, const char *user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char line[512];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)snprintf(line, sizeof(line),
	    "<22>floor-work[%jd]: %s: saved mail to %s size=%ju used=%ju",
	    (intmax_t)getpid(), user, work->name, (uintmax_t)work->octets,
	    (uintmax_t)work->used);
	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%.100s", work->log);
	(void)sendto(fd, line, strlen(line), MSG_DONTWAIT,
	    (struct sockaddr *)&address, sizeof(address));
}

int
main(int argc, char *argv[])
{
	static struct work work;

	if (argc != 3 || !start(&work, argv[1], argv[2]) || !deliver(&work))
		return TEMPFAIL;
	if (work.quota[0] != '\0')
		add_quota(&work);
	send_log(&work, argv[2]);
	return 0;
}
