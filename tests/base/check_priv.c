/*
 * check_priv.c - rights are taken on for good, or not at all.
 *
 * As root; nobody else has any to give up.
 */
#define _GNU_SOURCE /* setresuid(2) and its like */
#include "base/priv.h"

#include "../base/expect.h"
#include "base/attribute.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#define UID 4001
#define GID 4002

static const struct {
	uid_t uid;
	gid_t gid;
} nobodys[] = {
	{ 0, GID },
	{ UID, 0 },
	{ 0, 0 },
	{ (uid_t)-1, GID },
	{ UID, (gid_t)-1 },
};

/* And nothing is given up on the way there. */
START_TEST(id_of_root_or_of_nobody_is_refused)
{
	ck_assert_int_eq(priv_become(nobodys[_i].uid, nobodys[_i].gid), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(getuid(), 0);
	ck_assert_uint_eq(getgid(), 0);
}
END_TEST

START_TEST(all_ids_become_the_users)
{
	gid_t before[] = { 0, 4, 24 }, groups[8], real, effective, saved;
	uid_t uids[3];

	ck_assert_int_eq(setgroups(3, before), 0);
	ck_assert_int_eq(priv_become(UID, GID), 0);
	ck_assert_int_eq(getresuid(&uids[0], &uids[1], &uids[2]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(uids[i], UID);
	ck_assert_int_eq(getresgid(&real, &effective, &saved), 0);
	ck_assert_uint_eq(real, GID);
	ck_assert_uint_eq(effective, GID);
	ck_assert_uint_eq(saved, GID);
	ck_assert_int_eq(getgroups(8, groups), 1);
	ck_assert_uint_eq(groups[0], GID);
	ck_assert_int_eq(setuid(0), -1);
	ck_assert_int_eq(setgroups(3, before), -1);
}
END_TEST

START_TEST(group_of_the_file_is_dropped_for_good)
{
	gid_t real, effective, saved;

	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(GID, 60777, 60777), 0);
	ck_assert_int_eq(setresuid(UID, UID, UID), 0);
	ck_assert_int_eq(priv_drop_group(), 0);
	ck_assert_int_eq(getresgid(&real, &effective, &saved), 0);
	ck_assert_uint_eq(real, GID);
	ck_assert_uint_eq(effective, GID);
	ck_assert_uint_eq(saved, GID);
	ck_assert_int_eq(setegid(60777), -1);
	ck_assert_int_eq(priv_drop_group(), 0); /* there is none any more */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("priv");
	TCase *root = tcase_create("root");

	if (getuid() == 0 && expect_forks()) {
		tcase_add_loop_test(root, id_of_root_or_of_nobody_is_refused, 0,
		    (int)COUNT(nobodys));
		tcase_add_test(root, all_ids_become_the_users);
		tcase_add_test(root, group_of_the_file_is_dropped_for_good);
	}
	suite_add_tcase(suite, root);
	return expect_run(suite);
}
