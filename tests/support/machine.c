/*
 * machine.c - the machine that the programs under test believe to be on.
 *
 * The helper is the only file that somebody else may have put there, so only
 * that one is kept aside and put back.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The Makefile says where it builds. */
#define PROGRAM CHECK_DIR "/lda"
#define ROOT CHECK_DIR "/root"
#define HELPER "libexec/lda-getpw"
#define PATH_OCTETS 4096

static const char *const directories[] = {
	ROOT,
	ROOT "/etc",
	ROOT "/libexec",
	ROOT "/dev",
};

static const char *const files[] = {
	"etc/lda.conf",
	"etc/passwd",
	"etc/group",
	"etc/nsswitch.conf",
	HELPER,
	"dev/log",
};

static void
give_up(const char *what, const char *path)
{
	(void)fprintf(stderr, "test machine: cannot %s %s: %s\n", what, path,
	    strerror(errno));
	exit(1);
}

uid_t
machine_uid(void)
{
	return getuid() == 0 ? MACHINE_UID : getuid();
}

gid_t
machine_gid(void)
{
	return getuid() == 0 ? MACHINE_UID : getgid();
}

const char *
machine_program(void)
{
	return PROGRAM;
}

const char *
machine_product(void)
{
	return BUILD_DIR "/lda";
}

const char *
machine_path(const char *name)
{
	static char path[PATH_OCTETS];

	(void)snprintf(path, sizeof(path), ROOT "/%s", name);
	return path;
}

bool
machine_product_is_static(void)
{
	/* The name of a loader stands among the first headers. */
	static const char *const loaders[] = { "/ld-linux", "/ld-musl",
		"/ld.so" };
	char head[4096 + 1];
	size_t length;
	FILE *file = fopen(machine_product(), "rb");

	if (file == NULL)
		return false;
	length = fread(head, 1, sizeof(head) - 1, file);
	(void)fclose(file);
	for (size_t i = 0; i < length; i++)
		if (head[i] == '\0')
			head[i] = ' ';
	head[length] = '\0';
	for (size_t i = 0; i < COUNT(loaders); i++)
		if (strstr(head, loaders[i]) != NULL)
			return false;
	return length > 0;
}

/* A plain uid meets every directory from / down to the programs. */
static void
check_that_uid_gets_there(void)
{
	char path[PATH_OCTETS];
	struct stat facts;

	if (getuid() != 0)
		return;
	(void)snprintf(path, sizeof(path), "%s", ROOT);
	for (;;) {
		char *slash = strrchr(path, '/');

		if (stat(path, &facts) < 0)
			give_up("examine", path);
		if ((facts.st_mode & S_IXOTH) == 0) {
			(void)fprintf(stderr,
			    "test machine: as root the tests run the programs "
			    "as uid %d, which cannot pass %s; put the "
			    "checkout elsewhere, such as /usr/src\n",
			    MACHINE_UID, path);
			exit(1);
		}
		if (slash == path)
			break;
		*slash = '\0';
	}
}

void
machine_begin(void)
{
	char kept[PATH_OCTETS];

	if (access(PROGRAM, X_OK) < 0)
		give_up("run", PROGRAM);
	for (size_t i = 0; i < COUNT(directories); i++)
		if ((mkdir(directories[i], 0755) < 0 && errno != EEXIST) ||
		    chmod(directories[i], 0755) < 0)
			give_up("make", directories[i]);
	check_that_uid_gets_there();
	(void)snprintf(kept, sizeof(kept), "%s.kept", machine_path(HELPER));
	(void)rename(machine_path(HELPER), kept);
}

void
machine_end(void)
{
	char kept[PATH_OCTETS];

	for (size_t i = 0; i < COUNT(files); i++)
		machine_remove(files[i]);
	(void)snprintf(kept, sizeof(kept), "%s.kept", machine_path(HELPER));
	(void)rename(kept, machine_path(HELPER));
}

void
machine_write(const char *name, const char *text, mode_t mode)
{
	const char *path = machine_path(name);
	size_t length = strlen(text);
	int fd;

	(void)unlink(path); /* it may be a program that still runs */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	if (fd < 0)
		give_up("create", path);
	if (write(fd, text, length) != (ssize_t)length ||
	    fchmod(fd, mode) < 0 || close(fd) < 0)
		give_up("write", path);
}

void
machine_remove(const char *name)
{
	if (unlink(machine_path(name)) < 0 && errno != ENOENT)
		give_up("remove", machine_path(name));
}

void
machine_log_to(const char *path)
{
	machine_remove("dev/log");
	if (symlink(path, machine_path("dev/log")) < 0)
		give_up("link", machine_path("dev/log"));
}
