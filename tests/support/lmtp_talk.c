/*
 * lmtp_talk.c - conversations with lda-lmtp, and a world for them.
 */
#include "lmtp_talk.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
lmtp_users_line(
    struct world *world, const char *name, const char *home, const char *more)
{
	return scratch_print(&world->scratch, "%s@b:x:%ju:%ju::%s/%s::%s\n",
	    name, (uintmax_t)world->scratch.uid, (uintmax_t)world->scratch.gid,
	    world->scratch.root, home, more);
}

void
lmtp_users(struct world *world, const char *more)
{
	scratch_write(&world->scratch, "users",
	    scratch_print(&world->scratch, "%s%s%s%s",
		lmtp_users_line(world, "bob", "home", ""),
		lmtp_users_line(world, "amy", "amy", ""),
		lmtp_users_line(world, "joe", "joe", ""), more));
}

void
lmtp_config(struct world *world, const char *more)
{
	/* A test's file may hold what the world's says: the last one wins. */
	world_config(world,
	    scratch_print(&world->scratch,
		"mail_location = maildir:~/Maildir\n"
		"userdb = passwd-file:%s/users\n"
		"lmtp_add_received_header = no\n"
		"%s",
		world->scratch.root, more));
}

void
lmtp_world(struct world *world)
{
	world_open(world);
	service_use(world, "lda-lmtp");
	lmtp_config(world, "");
	lmtp_users(world, "");
}

void
lmtp_greet(struct service *service)
{
	service_hear(service, "220 ");
	service_say(service, "LHLO client.example\r\n");
	service_hear(service, "250");
}

void
lmtp_open(struct service *service, struct world *world)
{
	service_start(service, world);
	lmtp_greet(service);
}

void
lmtp_envelope(struct service *service, ...)
{
	const char *recipient;
	va_list recipients;

	service_say(service, "MAIL FROM:<a@b>\r\n");
	service_hear(service, "250 2.1.0");
	va_start(recipients, service);
	while ((recipient = va_arg(recipients, const char *)) != NULL) {
		service_say(service, "RCPT TO:<");
		service_say(service, recipient);
		service_say(service, ">\r\n");
		service_hear(service, "250 2.1.5");
	}
	va_end(recipients);
}

void
lmtp_data(struct service *service, const char *text)
{
	const char *line = text, *end;

	service_say(service, "DATA\r\n");
	service_hear(service, "354 ");
	while ((end = strchr(line, '\n')) != NULL) {
		service_say_octets(service, line, (size_t)(end - line));
		service_say(service, "\r\n");
		line = end + 1;
	}
	ck_assert_msg(line[0] == '\0', "a line without end: %s", line);
	service_say(service, ".\r\n");
}

void
lmtp_quit(struct service *service)
{
	service_say(service, "QUIT\r\n");
	service_hear(service, "221 2.0.0");
	service_hear_end(service);
	expect_end(service, 0);
}

void
expect_copy(struct world *world, const char *maildir, const char *fields,
    const char *text)
{
	size_t fields_length = strlen(fields), length = strlen(text);
	char *want = malloc(fields_length + length + 1);

	ck_assert_ptr_nonnull(want);
	memcpy(want, fields, fields_length);
	memcpy(want + fields_length, text, length + 1);
	maildir_expect(&world->scratch, maildir, want, fields_length + length);
	free(want);
}

void
expect_nothing(struct world *world)
{
	size_t count = maildir_count_below(&world->scratch, "");

	ck_assert_msg(
	    count == 0, "%zu messages are left%s", count, world_tell(world));
}

const char *
process_fact(pid_t pid, const char *name)
{
	static char line[512];
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%jd/status", (intmax_t)pid);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "no process %jd", (intmax_t)pid);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0) {
			(void)fclose(file);
			return line + strlen(name);
		}
	(void)fclose(file);
	ck_abort_msg("%s has no %s", path, name);
	return "";
}

size_t
process_children(pid_t pid, pid_t *children, size_t most)
{
	char path[64];
	size_t count = 0;
	intmax_t child;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%jd/task/%jd/children",
	    (intmax_t)pid, (intmax_t)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (count < most && fscanf(file, "%jd", &child) == 1)
		children[count++] = (pid_t)child;
	(void)fclose(file);
	return count;
}
