/*
 * kernel_fault_socket.c - the seam of base/kernel.h, failing as planned:
 * sockets.
 */
#include "inject.h"
#include "real.h"

#include <errno.h>
#include <fcntl.h>

int
kernel_socketpair(int ends[2])
{
	struct fault_record *record = inject_begin(CALL_SOCKETPAIR, -1);

	if (inject_refused(record))
		return -1;
	if (inject_end(record, real_socketpair(ends)) < 0)
		return -1;
	inject_remember(ends[0], "(socketpair)", O_RDWR);
	inject_remember(ends[1], "(socketpair)", O_RDWR);
	return 0;
}

int
kernel_datagram(void)
{
	struct fault_record *record = inject_begin(CALL_DATAGRAM, -1);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = real_datagram();
	if (fd >= 0)
		inject_remember(fd, "(log)", O_WRONLY);
	record->fd = fd;
	return (int)inject_end(record, fd);
}

ssize_t
kernel_send(int fd, const void *from, size_t size)
{
	struct fault_record *record = inject_begin(CALL_SEND, fd);

	if (inject_refused(record))
		return -1;
	(void)inject_end(record, real_send(fd, from, size));
	inject_keep_octets(record, from);
	return (ssize_t)record->result;
}

ssize_t
kernel_send_to(int fd, const char *path, struct str head, struct str body)
{
	struct fault_record *record = inject_begin(CALL_SEND_TO, fd);

	if (inject_refused(record))
		return -1;
	return (ssize_t)inject_end(record, real_send_to(fd, path, head, body));
}

int
kernel_stream_unix(const char *path)
{
	struct fault_record *record =
	    inject_begin_name(CALL_STREAM_UNIX, AT_FDCWD, path);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_stream_unix(path));
	if (fd >= 0)
		inject_remember(fd, path, O_RDWR);
	return fd;
}

int
kernel_stream_inet(const char *host, uint16_t port)
{
	struct fault_record *record = inject_begin(CALL_STREAM_INET, -1);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_stream_inet(host, port));
	if (fd >= 0)
		inject_remember(fd, host, O_RDWR);
	return fd;
}

int
kernel_stream_error(int fd)
{
	struct fault_record *record = inject_begin(CALL_STREAM_ERROR, fd);

	if (inject_refused(record))
		return errno;
	return (int)inject_end(record, real_stream_error(fd));
}

ssize_t
kernel_send_descriptors(
    int fd, const void *from, size_t size, const int *fds, size_t count)
{
	struct fault_record *record = inject_begin(CALL_SEND_DESCRIPTORS, fd);

	if (inject_refused(record))
		return -1;
	return (ssize_t)inject_end(
	    record, real_send_descriptors(fd, from, size, fds, count));
}

ssize_t
kernel_receive_descriptors(
    int fd, void *into, size_t size, int *fds, size_t *count)
{
	struct fault_record *record =
	    inject_begin(CALL_RECEIVE_DESCRIPTORS, fd);
	ssize_t got;

	*count = 0;
	if (inject_refused(record))
		return -1;
	got = (ssize_t)inject_end(
	    record, real_receive_descriptors(fd, into, size, fds, count));
	for (size_t i = 0; i < *count; i++)
		inject_remember(fds[i], "(received)", O_RDWR);
	return got;
}

int
kernel_listen_unix(const char *path)
{
	struct fault_record *record =
	    inject_begin_name(CALL_LISTEN_UNIX, AT_FDCWD, path);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_listen_unix(path));
	if (fd >= 0)
		inject_remember(fd, "(socket)", O_RDWR);
	return fd;
}

int
kernel_listen_inet(const char *host, uint16_t port)
{
	struct fault_record *record = inject_begin(CALL_LISTEN_INET, -1);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_listen_inet(host, port));
	if (fd >= 0)
		inject_remember(fd, "(socket)", O_RDWR);
	return fd;
}

int
kernel_accept(int listener)
{
	struct fault_record *record = inject_begin(CALL_ACCEPT, -1);
	int fd;

	if (inject_refused(record))
		return -1;
	fd = (int)inject_end(record, real_accept(listener));
	if (fd >= 0)
		inject_remember(fd, "(socket)", O_RDWR);
	return fd;
}

bool
kernel_is_listening(int fd)
{
	return real_is_listening(fd);
}

void
kernel_peer(int fd, char *into, size_t size)
{
	real_peer(fd, into, size);
}
