/*
 * floor.c - the least that a durable delivery can be: what the rest is
 * measured against.
 *
 *	floor maildir DIRECTORY < message
 *	floor mbox FILE < message
 *
 * Creates, writes, syncs, publishes, syncs.  No settings, no user, no quota,
 * no log, no look at what is in its way, nothing undone: it is no delivery
 * agent, only the price of one that would do nothing but its duty.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEMPFAIL 75

/* What one read(2) takes: as lda does, so that the copy costs the same. */
static char room[128 * 1024];

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

static bool
copy(int fd)
{
	ssize_t got;

	while ((got = read(STDIN_FILENO, room, sizeof(room))) > 0)
		if (!write_all(fd, room, (size_t)got))
			return false;
	return got == 0;
}

static bool
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

static bool
deliver_maildir(const char *directory)
{
	char temporary[512], published[512], new[512];
	struct timespec now;
	int fd;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(temporary, sizeof(temporary),
	    "%s/tmp/%jd.M%ldP%jd.floor", directory, (intmax_t)now.tv_sec,
	    now.tv_nsec, (intmax_t)getpid());
	(void)snprintf(published, sizeof(published), "%s/new/%s", directory,
	    strrchr(temporary, '/') + 1);
	(void)snprintf(new, sizeof(new), "%s/new", directory);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 && copy(fd) && fsync(fd) == 0 && close(fd) == 0 &&
	    rename(temporary, published) == 0 && sync_directory(new);
}

static bool
deliver_mbox(const char *file)
{
	static const char begin[] =
	    "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n";
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return fd >= 0 && fcntl(fd, F_SETLKW, &whole) == 0 &&
	    write_all(fd, begin, sizeof(begin) - 1) && copy(fd) &&
	    write_all(fd, "\n", 1) && fsync(fd) == 0 && close(fd) == 0;
}

int
main(int argc, char *argv[])
{
	bool fine = false;

	if (argc == 3 && strcmp(argv[1], "maildir") == 0)
		fine = deliver_maildir(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "mbox") == 0)
		fine = deliver_mbox(argv[2]);
	return fine ? 0 : TEMPFAIL;
}
