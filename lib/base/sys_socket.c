/*
 * sys_socket.c - the seam's sockets with our policy on interruptions.
 */
#include "base/sys.h"

#include "base/kernel.h"
#include "base/sys_again.h"

int
sys_socketpair(int ends[2])
{
	return kernel_socketpair(ends);
}

int
sys_stream_unix(const char *path)
{
	return kernel_stream_unix(path);
}

int
sys_stream_inet(const char *host, uint16_t port)
{
	return kernel_stream_inet(host, port);
}

int
sys_stream_error(int fd)
{
	return kernel_stream_error(fd);
}

int
sys_datagram(void)
{
	return kernel_datagram();
}

ssize_t
sys_send_to(int fd, const char *path, struct str head, struct str body)
{
	ssize_t result;

	do
		result = kernel_send_to(fd, path, head, body);
	while (result < 0 && again());
	return result;
}

ssize_t
sys_send(int fd, const void *from, size_t size)
{
	ssize_t result;

	do
		result = kernel_send(fd, from, size);
	while (result < 0 && again());
	return result;
}

_Static_assert(SYS_DESCRIPTORS == KERNEL_DESCRIPTORS, "the same");

ssize_t
sys_send_descriptors(
    int fd, const void *from, size_t size, const int *fds, size_t count)
{
	ssize_t result;

	do
		result = kernel_send_descriptors(fd, from, size, fds, count);
	while (result < 0 && again());
	return result;
}

ssize_t
sys_receive_descriptors(
    int fd, void *into, size_t size, int *fds, size_t *count)
{
	ssize_t result;

	do
		result = kernel_receive_descriptors(fd, into, size, fds, count);
	while (result < 0 && again());
	return result;
}

int
sys_listen_unix(const char *path)
{
	int result;

	do
		result = kernel_listen_unix(path);
	while (result < 0 && again());
	return result;
}

int
sys_listen_inet(const char *host, uint16_t port)
{
	int result;

	do
		result = kernel_listen_inet(host, port);
	while (result < 0 && again());
	return result;
}

int
sys_accept(int fd)
{
	int result;

	do
		result = kernel_accept(fd);
	while (result < 0 && again());
	return result;
}

bool
sys_is_listening(int fd)
{
	return kernel_is_listening(fd);
}

void
sys_peer(int fd, char *into, size_t size)
{
	kernel_peer(fd, into, size);
}
