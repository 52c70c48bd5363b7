/*
 * priv.c - taking on the recipient's rights, for good.
 *
 * A plain setgid(2) in a set-group-ID program that is not root leaves the
 * saved id privileged; a setuid(2) may fail with EAGAIN at a process limit.
 * So all three ids are set, read back, and regaining root is tried.
 *
 * Source: setresuid(2); Chen, Wagner, Dean: "Setuid Demystified" (2002).
 */
#include "base/priv.h"

#include "base/sys.h"

#include <errno.h>

int
priv_ids(struct priv_ids *into)
{
	uid_t saved_uid;
	gid_t saved_gid;

	if (sys_getuids(&into->uid, &into->effective_uid, &saved_uid) < 0)
		return -1;
	return sys_getgids(&into->gid, &into->effective_gid, &saved_gid);
}

static int
verify_gid(gid_t gid)
{
	gid_t real, effective, saved;

	if (sys_getgids(&real, &effective, &saved) < 0)
		return -1;
	if (real == gid && effective == gid && saved == gid)
		return 0;
	errno = EPERM;
	return -1;
}

static int
verify_uid(uid_t uid)
{
	uid_t real, effective, saved;

	if (sys_getuids(&real, &effective, &saved) < 0)
		return -1;
	if (real == uid && effective == uid && saved == uid &&
	    sys_seteuid(0) < 0)
		return 0;
	errno = EPERM;
	return -1;
}

int
priv_become(uid_t uid, gid_t gid)
{
	if (uid == 0 || gid == 0 || uid == (uid_t)-1 || gid == (gid_t)-1) {
		errno = EINVAL;
		return -1;
	}
	if (sys_setgroups(1, &gid) < 0 || sys_setgid_for_good(gid) < 0 ||
	    sys_setuid_for_good(uid) < 0)
		return -1;
	if (verify_gid(gid) < 0)
		return -1;
	return verify_uid(uid);
}

int
priv_drop_group(void)
{
	gid_t real, effective, saved;

	if (sys_getgids(&real, &effective, &saved) < 0)
		return -1;
	if (real == effective && real == saved)
		return 0;
	if (sys_setgid_for_good(real) < 0)
		return -1;
	return verify_gid(real);
}
