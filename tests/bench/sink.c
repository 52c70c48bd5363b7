/*
 * sink.c - the receiving end of a log that is measured: reads datagrams and
 * forgets them.
 *
 *	sink SOCKET
 *
 * A receiver that costs next to nothing: what a delivery waits for when it
 * sends its line is the kernel, not a syslogd.
 */
#define _DEFAULT_SOURCE /* err(3) */
#include <err.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char line[8192];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		errx(2, "usage: sink socket");
	memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
	(void)umask(0);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", argv[1]);
	while (recv(fd, line, sizeof(line), 0) >= 0) {
		/* Nobody reads it. */
	}
	err(1, "recv");
}
