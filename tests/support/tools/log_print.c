/*
 * log_print.c - runs a command and keeps what it says to the log.
 *
 *	log_print SOCKET FILE COMMAND [ARGUMENT ...]
 *
 * Binds a datagram socket at SOCKET, as /dev/log is one, runs COMMAND, and
 * when that has ended writes the datagrams to FILE, one a line.  They wait in
 * the socket meanwhile, so nothing is lost and nothing runs in the background.
 * Ends with COMMAND's exit status; 125 for trouble of its own.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TROUBLE 125

/* Longer than any line that lda writes. */
#define LINE_OCTETS 4096

static int
complain(const char *what)
{
	(void)fprintf(stderr, "log_print: %s: %s\n", what, strerror(errno));
	return TROUBLE;
}

/* Anybody may send, as to the system's own. */
static int
bind_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd < 0)
		return -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0666) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	return fd;
}

static int
run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return complain("fork");
	if (pid == 0) {
		(void)execv(argv[0], argv);
		_exit(complain(argv[0]));
	}
	if (waitpid(pid, &status, 0) < 0)
		return complain("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : TROUBLE;
}

static int
write_lines(int fd, const char *path)
{
	char line[LINE_OCTETS];
	ssize_t got;
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return complain(path);
	while ((got = recv(fd, line, sizeof(line), 0)) > 0)
		(void)fprintf(file, "%.*s\n", (int)got, line);
	return fclose(file) == 0 ? 0 : complain(path);
}

int
main(int argc, char *argv[])
{
	int fd, status;

	if (argc < 4) {
		(void)fprintf(
		    stderr, "usage: log_print socket file command ...\n");
		return TROUBLE;
	}
	fd = bind_socket(argv[1]);
	if (fd < 0)
		return complain(argv[1]);
	status = run(argv + 3);
	if (write_lines(fd, argv[2]) != 0)
		return TROUBLE;
	return status;
}
