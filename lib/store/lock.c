/*
 * lock.c - the locks under which an mbox is changed.
 *
 * Source: postconf(5) mailbox_delivery_lock, Dovecot mbox_write_locks,
 * Debian policy 11.6.
 */
#include "store/lock.h"

#include "base/sys.h"

#include <errno.h>
#include <string.h>

static int
fail_of_kernel_lock(
    const struct lock_target *target, const char *method, struct status *why)
{
	if (errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK)
		return status_fail(why, STATUS_LOCKED,
		    "%s: another program holds the %s lock", target->path,
		    method);
	return status_fail_errno(why, "lock", target->path);
}

static int
take_fcntl(struct lock_target *target, bool kernel_held, struct status *why)
{
	(void)kernel_held;
	if (sys_lock_fcntl(target->fd, true) == 0)
		return 0;
	return fail_of_kernel_lock(target, "fcntl", why);
}

static void
release_fcntl(struct lock_target *target)
{
	if (sys_lock_fcntl(target->fd, false) < 0) {
		/* Closing the file does it. */
	}
}

static int
take_flock(struct lock_target *target, bool kernel_held, struct status *why)
{
	(void)kernel_held;
	if (sys_lock_flock(target->fd, true) == 0)
		return 0;
	return fail_of_kernel_lock(target, "flock", why);
}

static void
release_flock(struct lock_target *target)
{
	if (sys_lock_flock(target->fd, false) < 0) {
		/* Closing the file does it. */
	}
}

/* A stale dotlock whose mailbox somebody holds by a kernel lock is not
 * stale. */
static bool
somebody_holds_it(struct lock_target *target)
{
	if (sys_lock_fcntl(target->fd, true) < 0)
		return true;
	release_fcntl(target);
	return false;
}

static int
try_dotlock(
    struct lock_target *target, bool may_break, bool *stale, struct status *why)
{
	if (target->keeper >= 0)
		return spool_keeper_lock(target->keeper, may_break, stale, why);
	return dotlock_try(target->dotlock, may_break, stale, why);
}

static int
take_dotlock(struct lock_target *target, bool kernel_held, struct status *why)
{
	bool stale;

	if (try_dotlock(target, kernel_held, &stale, why) == 0)
		return 0;
	if (!stale || kernel_held || somebody_holds_it(target))
		return -1;
	return try_dotlock(target, true, &stale, why);
}

/* Where the directory may not be written there is no dotlock to be had, and
 * the other methods have to do. */
static int
take_dotlock_try(
    struct lock_target *target, bool kernel_held, struct status *why)
{
	if (take_dotlock(target, kernel_held, why) == 0)
		return 0;
	return why->id == STATUS_UNREACHABLE ? 0 : -1;
}

static void
release_dotlock(struct lock_target *target)
{
	if (target->keeper >= 0)
		spool_keeper_unlock(target->keeper);
	else
		dotlock_release(target->dotlock);
}

static const struct lock_method methods[] = {
	{ "fcntl", take_fcntl, release_fcntl, true },
	{ "lockf", take_fcntl, release_fcntl, true },
	{ "flock", take_flock, release_flock, true },
	{ "dotlock", take_dotlock, release_dotlock, false },
	{ "dotlock_try", take_dotlock_try, release_dotlock, false },
};

static const struct lock_method *
method_of(struct str word)
{
	for (size_t i = 0; i < COUNT(methods); i++)
		if (str_is(word, methods[i].word))
			return &methods[i];
	return NULL;
}

/* The same lock under another name would wait for itself, or be released by
 * the other's release. */
static bool
is_there(const struct lock_set *set, const struct lock_method *method)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->methods[i]->release == method->release)
			return true;
	return false;
}

int
lock_set_read(
    struct lock_set *set, const struct setting_list *words, struct status *why)
{
	memset(set, 0, sizeof(*set));
	for (size_t i = 0; i < words->count; i++) {
		struct str word = words->words[i];
		const struct lock_method *method = method_of(word);

		if (method == NULL)
			return status_fail(why, STATUS_MISCONFIGURED,
			    "mbox_write_locks: there is no method \"%.*s\" "
			    "(fcntl, lockf, flock, dotlock, dotlock_try)",
			    (int)word.length, word.at);
		if (is_there(set, method))
			return status_fail(why, STATUS_MISCONFIGURED,
			    "mbox_write_locks: \"%.*s\" is the same lock as "
			    "one before it",
			    (int)word.length, word.at);
		set->methods[set->count++] = method;
	}
	if (set->count > 0)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "mbox_write_locks is empty: without a lock mail is lost");
}

bool
lock_set_needs_dotlock(const struct lock_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->methods[i]->take == take_dotlock)
			return true;
	return false;
}

int
lock_set_take(
    struct lock_set *set, struct lock_target *target, struct status *why)
{
	bool kernel_held = false;

	for (set->taken = 0; set->taken < set->count; set->taken++) {
		const struct lock_method *method = set->methods[set->taken];

		if (method->take(target, kernel_held, why) < 0) {
			lock_set_release(set, target);
			return -1;
		}
		kernel_held = kernel_held || method->is_kernel;
	}
	return 0;
}

void
lock_set_release(struct lock_set *set, struct lock_target *target)
{
	while (set->taken > 0)
		set->methods[--set->taken]->release(target);
}
