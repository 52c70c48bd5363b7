/*
 * fuzz_setting.c - the value of one setting of each type; and the kinds of
 * value that are taken apart later: networks, servers of passwords, sources of
 * users, quota warnings.
 */
#include "base/number.h"
#include "config/setting.h"
#include "fuzz/fuzz.h"
#include "serve/sasl.h"
#include "user/user.h"

#include <stddef.h>

#define MOST ((uint64_t)1 << 62)

struct values {
	const char *text;
	uint64_t size, duration, number;
	struct setting_list list;
	int choice;
	bool flag;
};

static const struct setting rows[] = {
	{ "text", SETTING_TEXT, "", offsetof(struct values, text), "" },
	{ "size", SETTING_SIZE, "0", offsetof(struct values, size), "" },
	{ "duration", SETTING_DURATION, "0", offsetof(struct values, duration),
	    "" },
	{ "number", SETTING_NUMBER, "0", offsetof(struct values, number), "" },
	{ "list", SETTING_LIST, "", offsetof(struct values, list), "" },
	{ "choice", SETTING_CHOICE, "no", offsetof(struct values, choice),
	    "no existing create" },
	{ "flag", SETTING_BOOL, "no", offsetof(struct values, flag), "" },
};

static void
check_list(const struct setting_list *list, struct str value)
{
	size_t octets = 0;

	for (size_t i = 0; i < list->count; i++) {
		REQUIRE(list->words[i].length > 0);
		REQUIRE(str_index_any(list->words[i], str_from(" \t\r\n,")) ==
		    STR_NONE);
		octets += list->words[i].length;
	}
	for (size_t i = 0; i < value.length; i++)
		octets += str_has_octet(" \t\r\n,", value.at[i]);
	REQUIRE(octets == value.length);
}

/* A number without a unit is that number. */
static void
check_plain(uint64_t number)
{
	struct buf text = fuzz_room(30);
	uint64_t read = 1;

	buf_add_number(&text, number);
	REQUIRE(number_read(buf_str(&text), MOST, &read) && read == number);
	REQUIRE(setting_read_size(buf_str(&text), &read) && read == number);
	REQUIRE(setting_read_duration(buf_str(&text), &read) && read == number);
}

static void
one(struct fuzz *fuzz)
{
	struct str value = fuzz_rest(fuzz);
	struct values values, before;
	struct user_options users = { .auth_username_format = "%Lu",
		.recipient_delimiter = "+" };
	struct status why;

	memset(&values, 0, sizeof(values));
	for (size_t i = 0; i < COUNT(rows); i++) {
		int rc;

		before = values;
		rc = setting_parse(&rows[i], value, &values, fuzz->arena, &why);
		fuzz_check_status(rc, &why);
		if (rc < 0)
			REQUIRE(memcmp(&before, &values, sizeof(values)) == 0);
	}
	REQUIRE(values.size <= MOST && values.duration <= MOST);
	REQUIRE(values.number <= MOST && values.choice < 3);
	check_list(&values.list, value);
	check_plain(values.size);
	check_plain(values.number);
	fuzz_check_status(sasl_check(fuzz_string(value), &why), &why);
	users.userdb = values.list;
	fuzz_check_status(user_check_sources(&users, fuzz->arena, &why), &why);
	users.auth_username_format = fuzz_string(value);
	fuzz_check_status(user_check_format(&users, fuzz->arena, &why), &why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
