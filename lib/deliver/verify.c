/*
 * verify.c - whether there is such a recipient, and whether his mailbox is
 * full.
 *
 * Source: DESIGN "lda-verify"; postfix ADDRESS_VERIFICATION_README (what a
 * wrong "no" costs).
 */
#include "deliver/verify.h"

#include "deliver/resolve.h"

/* A name that no list has vouched for must do for a path; "auto" would look
 * at the disk for users of the system, but those are listed. */
static int
check_place(const struct settings *settings, const struct user *user,
    struct arena *arena, struct status *why)
{
	struct store_owner owner = { .name = user->name, .home = user->home };
	struct mailbox mailbox;

	if (user->is_listed)
		return 0;
	return mailbox_resolve(&settings->store, &owner, arena, &mailbox, why);
}

int
verify_user(const struct settings *settings, struct str name,
    struct arena *arena, struct user *into, struct status *why)
{
	if (resolve_name(settings, name, arena, into, why) < 0 ||
	    check_place(settings, into, arena, why) < 0)
		return -1;
	status_init(why);
	return 0;
}

int
verify_room(struct deliver_run *run)
{
	int rc = deliver_prepare(run);

	if (rc < 0 && !run->has_user)
		return -1;
	if (rc == 0)
		rc = run->mailbox.store->probe(&run->delivery, &run->why);
	if (rc < 0 &&
	    (run->why.id == STATUS_MAILBOX_FULL ||
		run->why.id == STATUS_MAILBOX_FULL_FOR_GOOD))
		return -1;
	status_init(&run->why);
	return 0;
}
