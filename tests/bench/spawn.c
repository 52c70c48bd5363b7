/*
 * spawn.c - starts a command for each connection, as Postfix spawn(8) does.
 *
 *	spawn SOCKET COMMAND [ARGUMENT ...]
 *
 * Listens on the UNIX socket, or on 127.0.0.1 where SOCKET is a port, forks
 * for each connection and executes the command with the connection as stdin,
 * stdout and stderr.
 *
 * Source: postfix spawn(8), spawn_command(3).
 */
#define _DEFAULT_SOURCE /* err(3) */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int
listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)umask(0);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		err(1, "%s", path);
	(void)umask(077);
	return fd;
}

static int
listen_inet(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	address.sin_port = htons((unsigned short)strtoul(port, NULL, 10));
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		err(1, "%s", port);
	return fd;
}

static void
serve(int connection, char *argv[])
{
	(void)signal(SIGCHLD, SIG_DFL);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(connection, fd) < 0)
			_exit(1);
	(void)close(connection);
	(void)execv(argv[0], argv);
	_exit(127);
}

int
main(int argc, char *argv[])
{
	int listener;

	if (argc < 3)
		errx(2, "usage: spawn socket command ...");
	listener = strchr(argv[1], '/') != NULL ? listen_unix(argv[1]) :
						  listen_inet(argv[1]);
	(void)signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		pid_t pid;

		if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (connection < 0)
			err(1, "accept");
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid == 0) {
			(void)close(listener);
			serve(connection, argv + 2);
		}
		(void)close(connection);
	}
}
