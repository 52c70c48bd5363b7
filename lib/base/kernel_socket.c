/*
 * kernel_socket.c - the seam's sockets, as the real system answers them.
 *
 * Like kernel.c, and replaced together with it, it sees more than POSIX
 * (_GNU_SOURCE).
 */
#define _GNU_SOURCE
#include "base/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
kernel_socketpair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return -1;
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return 0;
}

static int
close_failed(int fd)
{
	int kept = errno;

	(void)close(fd);
	errno = kept;
	return -1;
}

/* Close-on-exec and non-blocking. */
static int
open_socket(int family, int type)
{
#if defined(__linux__) && !defined(PORTABLE)
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
	int fd = socket(family, type, 0);
	int flags;

	if (fd < 0)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return fd;
	return close_failed(fd);
#endif
}

/* A stream on its way to address. */
static int
connect_to(int family, const void *address, size_t size)
{
	int fd = open_socket(family, SOCK_STREAM);

	if (fd < 0)
		return -1;
	if (connect(fd, address, (socklen_t)size) == 0 || errno == EINPROGRESS)
		return fd;
	return close_failed(fd);
}

/* Its size, or 0 with errno. */
static socklen_t
address_of(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return 0;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	if (path[0] != '@')
		return sizeof(*address);
	/* Linux: a name that is in no file system (sd_notify(3)). */
	address->sun_path[0] = '\0';
	return (
	    socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

int
kernel_stream_unix(const char *path)
{
	struct sockaddr_un address;
	socklen_t size = address_of(path, &address);

	return size == 0 ? -1 : connect_to(AF_UNIX, &address, size);
}

/* What is small and waited for must not wait for the answer to what went
 * before. */
static int
without_delay(int fd)
{
	int yes = 1;

	if (fd >= 0)
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

int
kernel_stream_inet(const char *host, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_port = htons(port) };

	if (inet_pton(AF_INET, host, &four.sin_addr) == 1)
		return without_delay(connect_to(AF_INET, &four, sizeof(four)));
	if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
		return without_delay(connect_to(AF_INET6, &six, sizeof(six)));
	errno = EINVAL;
	return -1;
}

int
kernel_stream_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return errno;
	return error;
}

int
kernel_datagram(void)
{
	return open_socket(AF_UNIX, SOCK_DGRAM);
}

ssize_t
kernel_send_to(int fd, const char *path, struct str head, struct str body)
{
	struct iovec parts[2] = { { (char *)(uintptr_t)head.at, head.length },
		{ (char *)(uintptr_t)body.at, body.length } };
	struct sockaddr_un address;
	socklen_t length = address_of(path, &address);
	struct msghdr datagram;

	if (length == 0)
		return -1;
	memset(&datagram, 0, sizeof(datagram));
	datagram.msg_name = &address;
	datagram.msg_namelen = length;
	datagram.msg_iov = parts;
	datagram.msg_iovlen = 2;
	return sendmsg(fd, &datagram, MSG_NOSIGNAL);
}

ssize_t
kernel_send(int fd, const void *from, size_t size)
{
	return send(fd, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Close-on-exec, non-blocking, bound to address and listening. */
static int
listen_at(int family, const void *address, size_t size)
{
	const int on = 1;
	int fd = socket(family, SOCK_STREAM, 0);
	int flags, kept;

	if (fd < 0)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
	    (family == AF_UNIX ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ==
		    0) &&
	    bind(fd, address, (socklen_t)size) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	kept = errno;
	(void)close(fd);
	errno = kept;
	return -1;
}

int
kernel_listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	return listen_at(AF_UNIX, &address, sizeof(address));
}

int
kernel_listen_inet(const char *host, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_port = htons(port) };

	if (inet_pton(AF_INET, host, &four.sin_addr) == 1)
		return listen_at(AF_INET, &four, sizeof(four));
	if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
		return listen_at(AF_INET6, &six, sizeof(six));
	errno = EINVAL;
	return -1;
}

int
kernel_accept(int fd)
{
	int connection = accept(fd, NULL, NULL);
	int flags;

	if (connection < 0)
		return -1;
	/* Some systems hand the listener's flags on. */
	flags = fcntl(connection, F_GETFL);
	if (flags >= 0)
		(void)fcntl(connection, F_SETFL, flags & ~O_NONBLOCK);
	(void)fcntl(connection, F_SETFD, FD_CLOEXEC);
	return connection;
}

bool
kernel_is_listening(int fd)
{
	int on = 0;
	socklen_t size = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 &&
	    on != 0;
}

void
kernel_peer(int fd, char *into, size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} peer;
	socklen_t length = sizeof(peer);

	into[0] = '\0';
	memset(&peer, 0, sizeof(peer));
	if (getpeername(fd, &peer.any, &length) < 0)
		return;
	if (peer.any.sa_family == AF_INET)
		(void)inet_ntop(
		    AF_INET, &peer.four.sin_addr, into, (socklen_t)size);
	else if (peer.any.sa_family == AF_INET6)
		(void)inet_ntop(
		    AF_INET6, &peer.six.sin6_addr, into, (socklen_t)size);
}

/* Room for the descriptors beside one message, aligned as the kernel wants. */
union passed {
	struct cmsghdr header;
	char room[CMSG_SPACE(KERNEL_DESCRIPTORS * sizeof(int))];
};

ssize_t
kernel_send_descriptors(
    int fd, const void *from, size_t size, const int *fds, size_t count)
{
	union passed passed;
	struct iovec text = { .iov_len = size };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };
	struct cmsghdr *header = &passed.header; /* CMSG_FIRSTHDR */

	memcpy(&text.iov_base, &from, sizeof(from)); /* it is only read */
	if (count > KERNEL_DESCRIPTORS) {
		errno = EINVAL;
		return -1;
	}
	memset(&passed, 0, sizeof(passed));
	if (count > 0) {
		message.msg_control = passed.room;
		message.msg_controllen =
		    (socklen_t)CMSG_SPACE(count * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Takes what came beside a message, in one header; what does not fit the
 * kernel closes. */
static size_t
take_descriptors(struct msghdr *message, int *fds)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t count;

	if (header == NULL || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		(void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	return count;
}

ssize_t
kernel_receive_descriptors(
    int fd, void *into, size_t size, int *fds, size_t *count)
{
	union passed passed;
	struct iovec text = { .iov_base = into, .iov_len = size };
	struct msghdr message = { .msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = passed.room,
		.msg_controllen = sizeof(passed.room) };
	ssize_t got;

	*count = 0;
	got = recvmsg(fd, &message, 0);
	if (got >= 0)
		*count = take_descriptors(&message, fds);
	return got;
}
