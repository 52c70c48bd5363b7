/*
 * sources.c - a stage's user as databases and servers know him.
 *
 * Source: D. J. Bernstein, "A structure for constant databases" (1996);
 * postfix socketmap_table(5); Dovecot "Authentication Protocol".
 */
#define _GNU_SOURCE /* accept4(2), close_range(2) */
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_OCTETS 512

#define CDB_HEADER 2048

static void
put_number(unsigned char *at, size_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(number >> (8 * i));
}

static uint32_t
cdb_hash(const char *key)
{
	uint32_t hash = 5381;

	for (; *key != '\0'; key++)
		hash = ((hash << 5) + hash) ^ (unsigned char)*key;
	return hash;
}

/* The rest of his line in a passwd-file. */
static void
print_rest(const struct source_user *user, char *into)
{
	(void)snprintf(into, TEXT_OCTETS,
	    "x:%ju:%ju::%s::", (uintmax_t)user->uid, (uintmax_t)user->gid,
	    user->home);
}

/* One record, and a table of two slots for it; all other tables are empty. */
int
source_write_cdb(const char *path, const struct source_user *user)
{
	unsigned char room[CDB_HEADER + 3 * TEXT_OCTETS];
	char value[TEXT_OCTETS];
	size_t key_length = strlen(user->name), value_length, tables;
	uint32_t hash = cdb_hash(user->name);
	int fd, rc = -1;

	print_rest(user, value);
	value_length = strlen(value);
	tables = CDB_HEADER + 8 + key_length + value_length;
	memset(room, 0, sizeof(room));
	for (size_t i = 0; i < 256; i++)
		put_number(room + 8 * i, tables);
	put_number(room + 8 * (hash & 255) + 4, 2);
	put_number(room + CDB_HEADER, key_length);
	put_number(room + CDB_HEADER + 4, value_length);
	memcpy(room + CDB_HEADER + 8, user->name, key_length);
	memcpy(room + CDB_HEADER + 8 + key_length, value, value_length);
	put_number(room + tables + 8 * ((hash >> 8) % 2), hash);
	put_number(room + tables + 8 * ((hash >> 8) % 2) + 4, CDB_HEADER);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (write(fd, room, tables + 16) == (ssize_t)(tables + 16) &&
	    fchmod(fd, 0644) == 0)
		rc = 0;
	(void)close(fd);
	return rc;
}

/* A socketmap's question ends with ",", the other's with its second line. */
static int
is_whole(enum source_protocol protocol, const char *said, size_t length)
{
	int lines = 0;

	if (protocol == SOURCE_SOCKETMAP)
		return length > 0 && said[length - 1] == ',';
	for (size_t i = 0; i < length; i++)
		lines += said[i] == '\n';
	return lines >= 2;
}

static size_t
print_answer(enum source_protocol protocol, const struct source_user *user,
    char *into, size_t size)
{
	char rest[TEXT_OCTETS];

	print_rest(user, rest);
	if (protocol == SOURCE_SOCKETMAP)
		return (size_t)snprintf(
		    into, size, "%zu:OK %s,", strlen(rest) + 3, rest);
	return (size_t)snprintf(into, size,
	    "VERSION\t1\t2\nSPID\t99\n"
	    "USER\t1\t%s\tuid=%ju\tgid=%ju\thome=%s\n",
	    user->name, (uintmax_t)user->uid, (uintmax_t)user->gid, user->home);
}

static void
answer_one(
    int fd, enum source_protocol protocol, const struct source_user *user)
{
	char said[2 * TEXT_OCTETS], answer[2 * TEXT_OCTETS];
	size_t length = 0, size;
	ssize_t got;

	while (!is_whole(protocol, said, length)) {
		got = read(fd, said + length, sizeof(said) - length);
		if (got <= 0)
			return;
		length += (size_t)got;
	}
	size = print_answer(protocol, user, answer, sizeof(answer));
	if (send(fd, answer, size, MSG_NOSIGNAL) < 0)
		return;
	/* Closed first by the other, as by a server that stays. */
	got = read(fd, said, sizeof(said));
}

static void
serve(
    int listener, enum source_protocol protocol, const struct source_user *user)
{
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (dup2(listener, 3) < 0)
		_exit(1);
	/* Not a pipe's end that somebody waits for. */
	(void)close_range(4, ~0U, 0);
	for (;;) {
		fd = accept4(3, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			_exit(1);
		if (fd < 0)
			continue;
		answer_one(fd, protocol, user);
		(void)close(fd);
	}
}

pid_t
source_serve(const char *path, enum source_protocol protocol,
    const struct source_user *user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, sizeof(address)) <
		0 ||
	    chmod(path, 0666) < 0 || listen(listener, 16) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		serve(listener, protocol, user);
	(void)close(listener);
	return pid;
}
