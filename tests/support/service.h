/*
 * service.h - a conversation with lda-lmtp or lda-verify.
 *
 *	service_start(&service, &world);
 *	service_hear(&service, "220 ");
 *	service_say(&service, "LHLO client\r\n");
 *	service_hear(&service, "250");
 *	expect_end(&service, 0);
 *
 * The world's command is what is started, as spawn(8) does it: one socket for
 * stdin, stdout and stderr.  Whatever is awaited is awaited for 10 s, and the
 * log is drained meanwhile.
 */
#ifndef SUPPORT_SERVICE_H
#define SUPPORT_SERVICE_H

#include "world.h"

#define SERVICE_HEARD ((size_t)64 * 1024)

struct service {
	struct world *world;
	pid_t pid; /* of the server; 0: it is none of ours, or has ended */
	int fd;    /* -1: closed */
	size_t begin, end; /* heard, and not asked for yet */
	char heard[SERVICE_HEARD];
	char said[8192]; /* what service_hear has returned */
};

/* The world's programs for these tests: build/check/lda-lmtp and lda-verify;
 * the rest of the world's command stays. */
void service_use(struct world *world, const char *program);

/* No conversation yet. */
void service_init(struct service *service, struct world *world);

void service_start(struct service *service, struct world *world);

/* A connection to one that listens. */
void service_connect(
    struct service *service, struct world *world, const char *unix_path);
void service_take(struct service *service, struct world *world, int fd);

/* A server that is gone is no failure yet: what is heard next tells whether it
 * had to stay. */
void service_say(struct service *service, const char *text);
void service_say_octets(
    struct service *service, const char *octets, size_t length);

/* The next reply with all its lines; fails the test if it does not begin with
 * want.  It lives until the next call. */
const char *service_hear(struct service *service, const char *want);

/* So many octets, whatever they are, or fewer up to the end. */
size_t service_hear_octets(struct service *service, char *room, size_t most);

/* Nothing more is said, and the connection is closed. */
void service_hear_end(struct service *service);

/* Nothing has been said that was not asked for. */
void service_hear_nothing(struct service *service);

/* No more will be said; replies are still heard. */
void service_half_close(struct service *service);

/* Goes without a word. */
void service_hang_up(struct service *service);

/* Hangs up, waits for the server's end and returns what waitpid(2) says. */
int service_wait(struct service *service);

/* service_wait, and the exit status is this one. */
void expect_end(struct service *service, int exit_status);

/* For a fixture: kills what still runs. */
void service_close(struct service *service);

/* Waits for a log line with text. */
void service_await_log(struct service *service, const char *text);

/* Waits until question is true. */
void service_await(struct service *service, bool (*question)(void *context),
    void *context, const char *what);

#endif
