/*
 * check_maildir_name.c - names have the form that readers know, and differ.
 */
#include "store/maildir_name.h"

#include "../base/expect.h"

#include <regex.h>
#include <stdint.h>
#include <unistd.h>

static void
expect_form(const char *name, const char *form)
{
	regex_t pattern;

	ck_assert_int_eq(regcomp(&pattern, form, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&pattern, name, 0, NULL, 0) == 0,
	    "%s is not of the form %s", name, form);
	regfree(&pattern);
}

START_TEST(name_has_time_pid_number_random_and_host)
{
	struct maildir_name name;
	char form[200];

	maildir_name_make(&name, 7);
	(void)snprintf(form, sizeof(form),
	    "^[0-9]{9,}\\.M[0-9]{6}P%jdQ7R[0-9a-f]+\\.[!-~]+$",
	    (intmax_t)getpid());
	expect_form(name.in_tmp, form);
	ck_assert(strpbrk(name.in_tmp, "/:,") == NULL);
	ck_assert_uint_lt(strlen(name.in_tmp), MAILDIR_NAME_OCTETS - 1);
}
END_TEST

START_TEST(published_name_has_both_sizes)
{
	struct maildir_name name;
	char want[600];

	maildir_name_make(&name, 0);
	maildir_name_publish(&name, 4016, 4100);
	(void)snprintf(want, sizeof(want), "%s,S=4016,W=4100", name.in_tmp);
	ck_assert_str_eq(name.in_new, want);
}
END_TEST

START_TEST(largest_numbers_fit)
{
	struct maildir_name name;

	maildir_name_make(&name, UINT32_MAX);
	maildir_name_publish(&name, UINT64_MAX, UINT64_MAX);
	ck_assert_uint_le(strlen(name.in_new), 255);
	expect_form(
	    name.in_new, ",S=18446744073709551615,W=18446744073709551615$");
}
END_TEST

START_TEST(no_two_names_are_the_same)
{
	static struct maildir_name names[200];

	for (size_t i = 0; i < COUNT(names); i++)
		maildir_name_make(&names[i], 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		for (size_t k = 0; k < i; k++) {
			ck_assert_str_ne(names[i].in_tmp, names[k].in_tmp);
			ck_assert(names[i].random != names[k].random);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maildir_name");
	TCase *all = tcase_create("names");

	tcase_add_test(all, name_has_time_pid_number_random_and_host);
	tcase_add_test(all, published_name_has_both_sizes);
	tcase_add_test(all, largest_numbers_fit);
	tcase_add_test(all, no_two_names_are_the_same);
	suite_add_tcase(suite, all);
	return expect_run(suite);
}
