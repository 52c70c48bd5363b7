/*
 * concurrency.c - how many deliveries one user has at a time.
 *
 * A table of places in memory that all processes share.  To enter is to write
 * one's pid into a free place and then to count: two who enter at the same
 * time may both step back, never both go in.
 *
 * Source: Dovecot lmtp_user_concurrency_limit.
 */
#include "serve/concurrency.h"

#include "base/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* A user's places are all in one bucket, so that only that is looked at; where
 * others have filled it there is no limit. */
#define BUCKETS 64
#define PLACES 64

/* Between two looks, in turn a little longer for each process. */
#define LOOK_MS 20

struct place {
	atomic_int pid; /* 0: free */
	atomic_uint_fast64_t user;
};

struct bucket {
	struct place places[PLACES];
};

struct concurrency {
	struct bucket buckets[BUCKETS];
};

struct concurrency *
concurrency_make(void)
{
	return sys_map_shared(sizeof(struct concurrency));
}

/* FNV-1a; the same name in other letters is the same user. */
static uint64_t
hash(struct str user)
{
	uint64_t sum = 14695981039346656037U;

	for (size_t i = 0; i < user.length; i++)
		sum = (sum ^ (unsigned char)str_lower_octet(user.at[i])) *
		    1099511628211U;
	return sum;
}

static bool
is_alive(int pid)
{
	return sys_kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

static struct place *
take_place(struct bucket *bucket, uint64_t user)
{
	int ours = (int)sys_getpid();

	for (size_t i = 0; i < PLACES; i++) {
		struct place *place = &bucket->places[i];
		int nobody = 0;

		if (!atomic_compare_exchange_strong(&place->pid, &nobody, ours))
			continue;
		atomic_store(&place->user, user);
		return place;
	}
	return NULL;
}

static void
leave(struct place *place)
{
	atomic_store(&place->user, 0);
	atomic_store(&place->pid, 0);
}

/* Those of user who live, the asker too. */
static uint64_t
count(struct bucket *bucket, uint64_t user)
{
	uint64_t found = 0;

	for (size_t i = 0; i < PLACES; i++) {
		struct place *place = &bucket->places[i];
		int pid = atomic_load(&place->pid);

		if (pid == 0 || atomic_load(&place->user) != user)
			continue;
		if (is_alive(pid))
			found++;
		else if (atomic_compare_exchange_strong(&place->pid, &pid, 0))
			continue; /* it died without leaving */
	}
	return found;
}

void
concurrency_leave(struct concurrency *table, struct str user)
{
	int ours = (int)sys_getpid();
	uint64_t who = hash(user);
	struct bucket *bucket;

	if (table == NULL)
		return;
	bucket = &table->buckets[who % BUCKETS];
	for (size_t i = 0; i < PLACES; i++) {
		struct place *place = &bucket->places[i];

		if (atomic_load(&place->pid) == ours &&
		    atomic_load(&place->user) == who) {
			leave(place);
			return;
		}
	}
}

int
concurrency_enter(struct concurrency *table, struct str user, uint64_t most,
    int wait_ms, struct status *why)
{
	uint64_t who = hash(user);
	int64_t then_us = sys_ticks_us() + (int64_t)wait_ms * 1000;
	struct bucket *bucket;

	if (table == NULL || most == 0)
		return 0;
	bucket = &table->buckets[who % BUCKETS];
	for (;;) {
		struct place *place = take_place(bucket, who);

		if (place == NULL || count(bucket, who) <= most)
			return 0;
		leave(place);
		if (sys_ticks_us() >= then_us)
			break;
		sys_sleep_ms(LOOK_MS + (int)(sys_random() % LOOK_MS));
	}
	(void)status_fail(why, STATUS_LOCKED,
	    "%ju deliveries to %.*s are under way "
	    "(lmtp_user_concurrency_limit)",
	    (uintmax_t)most, (int)user.length, user.at);
	status_reply(why, "too many deliveries to this mailbox at a time");
	return -1;
}
