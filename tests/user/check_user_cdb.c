/*
 * check_user_cdb.c - users in a constant database: found, not found, or doubt
 * about every damaged file, and never a crash.
 *
 * Source: D. J. Bernstein, "A structure for constant databases" (1996);
 * postmap(1) (keys and values with a NUL behind them).
 */
#include "user/user.h"

#include "../base/expect.h"
#include "support/machine.h"
#include "support/scratch.h"

#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOUND STATUS_DELIVERED
#define UNKNOWN STATUS_USER_UNKNOWN
#define DOUBT STATUS_LOOKUP_FAILED
#define WRONG STATUS_MISCONFIGURED

#define HEADER 2048
#define RECORDS_MOST 600
#define FILE_OCTETS (256 * 1024)

static struct arena arena;
static struct scratch scratch;
static struct status why;
static struct user_options options;
static struct user user;

/* A database being made. */
static struct {
	unsigned char octets[FILE_OCTETS];
	size_t length;
	struct {
		uint32_t hash, at;
	} records[RECORDS_MOST];
	size_t count;
} made;

static void
open_all(void)
{
	arena_init(&arena, expect_memory);
	scratch_open(&scratch, getuid(), getgid());
	status_init(&why);
	memset(&options, 0, sizeof(options));
	memset(&user, 0, sizeof(user));
	memset(&made, 0, sizeof(made));
	made.length = HEADER;
	machine_write("etc/passwd", "vmail:x:5000:5001::/srv:\n", 0644);
	machine_write("etc/group", "vmail:x:5002:\n", 0644);
	machine_write("etc/nsswitch.conf", "passwd: files\n", 0644);
}

static void
close_all(void)
{
	scratch_close(&scratch);
}

/* The writer, from the description of the format alone. */

static void
put(size_t at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		made.octets[at + (size_t)i] = (unsigned char)(number >> 8 * i);
}

static uint32_t
hash_of(struct str key)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < key.length; i++)
		hash = (hash * 33) ^ (unsigned char)key.at[i];
	return hash;
}

static void
add_record(struct str key, struct str value)
{
	ck_assert_uint_lt(made.count, RECORDS_MOST);
	ck_assert_uint_lt(
	    made.length + 8 + key.length + value.length, FILE_OCTETS / 2);
	made.records[made.count].hash = hash_of(key);
	made.records[made.count++].at = (uint32_t)made.length;
	put(made.length, (uint32_t)key.length);
	put(made.length + 4, (uint32_t)value.length);
	made.length += 8;
	memcpy(made.octets + made.length, key.at, key.length);
	made.length += key.length;
	memcpy(made.octets + made.length, value.at, value.length);
	made.length += value.length;
}

static void
add_table(uint32_t table)
{
	uint32_t slots = 0;
	size_t at = made.length;

	for (size_t i = 0; i < made.count; i++)
		if (made.records[i].hash % 256 == table)
			slots += 2;
	put(table * 8, (uint32_t)at);
	put(table * 8 + 4, slots);
	made.length += (size_t)slots * 8;
	ck_assert_uint_lt(made.length, FILE_OCTETS);
	for (size_t i = 0; i < made.count; i++) {
		uint32_t hash = made.records[i].hash, slot;

		if (hash % 256 != table)
			continue;
		slot = hash / 256 % slots;
		while (made.octets[at + slot * 8 + 4] != 0 ||
		    made.octets[at + slot * 8 + 5] != 0)
			slot = (slot + 1) % slots;
		put(at + slot * 8, hash);
		put(at + slot * 8 + 4, made.records[i].at);
	}
}

static void
add_tables(void)
{
	for (uint32_t table = 0; table < 256; table++)
		add_table(table);
}

static void
write_file(size_t length)
{
	scratch_write_octets(
	    &scratch, "users.cdb", (const char *)made.octets, length);
}

/* anna among others; with_nul as postmap(1) makes it. */
static void
make_usual(bool with_nul)
{
	static const char anna[] = "x:5000:5001::/srv/anna::userdb_a=b";
	char key[32], value[64];

	for (int i = 0; i < 60; i++) {
		int length = snprintf(key, sizeof(key), "u%d@a.example", i);
		int more = snprintf(
		    value, sizeof(value), "x:%d:5001::/srv/u%d", 6000 + i, i);

		if (i == 30)
			add_record(str_of("anna\0", with_nul ? 5 : 4),
			    str_of(anna, sizeof(anna) - (with_nul ? 0 : 1)));
		add_record(str_of(key, (size_t)length + with_nul),
		    str_of(value, (size_t)more + with_nul));
	}
	add_tables();
}

static int
find_in(const char *path, struct str name)
{
	struct user_query query = { .name = name,
		.argument = str_from(path),
		.options = &options,
		.arena = &arena };

	memset(&user, 0, sizeof(user));
	status_init(&why);
	return user_source_cdb.find(&query, &user, &why);
}

static enum status_id
look_for(struct str name)
{
	static char path[128];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/users.cdb", scratch.root);
	rc = find_in(path, name);
	return rc == 0 ? STATUS_DELIVERED : why.id;
}

#define expect_outcome(given, got, want)                                       \
	ck_assert_msg((got) == (want),                                         \
	    "given \"%s\": outcome %d, not %d (%s)", expect_show(given),       \
	    (int)(got), (int)(want), why.cause)

static void
expect_anna(void)
{
	expect_str(STR("anna"), user.name, STR("anna"));
	ck_assert(user.has_uid && user.has_gid);
	ck_assert_uint_eq(user.uid, 5000);
	ck_assert_uint_eq(user.gid, 5001);
	ck_assert_str_eq(user.home, "/srv/anna");
	ck_assert_uint_eq(user.field_count, 1);
	expect_str(STR("field"), user.fields[0].name, STR("a"));
	expect_str(STR("field"), user.fields[0].value, STR("b"));
	ck_assert(!user.is_system);
}

START_TEST(user_is_found_with_and_without_NUL)
{
	make_usual(_i != 0);
	write_file(made.length);
	expect_outcome(STR("anna"), look_for(STR("anna")), FOUND);
	expect_anna();
	for (int i = 0; i < 60; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "u%d@a.example", i);
		expect_outcome(str_from(name), look_for(str_from(name)), FOUND);
		ck_assert_uint_eq(user.uid, 6000 + (unsigned)i);
	}
}
END_TEST

static const struct str strangers[] = { TEXT("ann"), TEXT("annaa"),
	TEXT("Anna"), TEXT("u0"), TEXT("u60@a.example"), TEXT("@"), TEXT(""),
	TEXT("anna\0"), TEXT("anna:x"), TEXT("a\nb"), TEXT("\xff"),
	TEXT("anna ") };

START_TEST(stranger_is_not_found)
{
	make_usual(_i % 2 != 0);
	write_file(made.length);
	expect_outcome(strangers[_i / 2], look_for(strangers[_i / 2]), UNKNOWN);
}
END_TEST

START_TEST(name_of_any_length_has_an_answer)
{
	static const size_t lengths[] = { 64, 255, 510, 511, 512, 513, 1000,
		5000 };
	char name[5000];
	enum status_id got;

	make_usual(false);
	write_file(made.length);
	memset(name, 'n', sizeof(name));
	got = look_for(str_of(name, lengths[_i]));
	expect_outcome(STR("long"), got, UNKNOWN);
}
END_TEST

/* A database of nobody is whole, too. */
START_TEST(database_of_nobody_is_not_found)
{
	add_tables();
	write_file(made.length);
	ck_assert_uint_eq(made.length, HEADER);
	expect_outcome(STR("nobody"), look_for(STR("anna")), UNKNOWN);
}
END_TEST

/* Values: what a line of a users file may say. */
static const struct {
	struct str value;
	enum status_id want;
} values[] = {
	{ TEXT("x:5000:5001::/srv/anna::"), FOUND },
	{ TEXT("x:vmail:vmail::/srv/anna"), FOUND },
	{ TEXT(":::::"), FOUND },
	{ TEXT(""), FOUND },
	{ TEXT("\0"), FOUND },
	{ TEXT("x:5000:5001::/srv/anna::\0"), FOUND },
	{ TEXT("x:5000:5001::/srv/anna\0x::"), DOUBT },
	{ TEXT("x:5000:5001::/srv/anna::\0\0"), DOUBT },
	{ TEXT("\0x:5000:5001::/srv/anna::"), DOUBT },
	{ TEXT("x:0:5001::/srv/anna::"), DOUBT },
	{ TEXT("x:5000:0::/srv/anna::"), DOUBT },
	{ TEXT("x:nobodyhere:5001::/srv/anna::"), DOUBT },
	{ TEXT("x:-1:5001::/srv/anna::"), DOUBT },
	{ TEXT("x:5000:5001::/srv/anna::userdb_uid=0"), DOUBT },
	/* Two lines are not one: what the second says is not known. */
	{ TEXT("x:5000:5001::/srv/anna::\nroot:x:0:0::/root::"), DOUBT },
};

START_TEST(value_is_the_rest_of_a_line)
{
	add_record(STR("anna"), values[_i].value);
	add_tables();
	write_file(made.length);
	expect_outcome(
	    values[_i].value, look_for(STR("anna")), values[_i].want);
}
END_TEST

START_TEST(value_of_any_length_is_no_harm)
{
	static const size_t lengths[] = { 16000, 16384, 16385, 17000, 100000 };
	char *value = malloc(lengths[_i]);
	enum status_id got;

	ck_assert_ptr_nonnull(value);
	memset(value, 'v', lengths[_i]);
	memcpy(value, "x:5000:5001::/h::", 17);
	add_record(STR("anna"), str_of(value, lengths[_i]));
	add_tables();
	write_file(made.length);
	got = look_for(STR("anna"));
	expect_outcome(
	    STR("long value"), got, lengths[_i] <= 16384 ? FOUND : DOUBT);
	free(value);
}
END_TEST

/* A key that is there twice: the first, as cdb's own tools have it. */
START_TEST(first_of_two_wins)
{
	add_record(STR("anna"), STR("x:1001:1001::/first"));
	add_record(STR("anna"), STR("x:1002:1002::/second"));
	add_tables();
	write_file(made.length);
	expect_outcome(STR("twice"), look_for(STR("anna")), FOUND);
	ck_assert_uint_eq(user.uid, 1001);
}
END_TEST

/*
 * Cut off anywhere: anna, who is in it, is found as she is or in doubt.  In
 * doubt for sure where her record or her table is gone.
 */
START_TEST(cut_file_never_makes_her_unknown)
{
	bool with_nul = _i % 2 != 0;
	size_t length, step;

	make_usual(with_nul);
	length = made.length;
	step = _i < 2 ? 1 : 7;
	for (size_t i = _i < 2 ? 0 : 300; i < length;
	     i += i < 2100 || i + 64 > length ? step : 13) {
		enum status_id got;

		if (_i < 2 && i > 2100)
			break;
		write_file(i);
		got = look_for(STR("anna"));
		if (got == FOUND)
			expect_anna();
		else
			ck_assert_msg(got == DOUBT, "cut at %zu: %d (%s)", i,
			    (int)got, why.cause);
		if (i < HEADER)
			ck_assert_msg(got == DOUBT, "cut at %zu", i);
	}
}
END_TEST

/* The end of the file lost and full of zeros, as a crash leaves it, or the
 * header not written yet, as a writer in place leaves it. */
START_TEST(zeros_where_data_was_never_make_her_somebody_else)
{
	make_usual(false);
	if (_i == 0)
		memset(made.octets, 0, HEADER);
	else
		memset(made.octets, 0, made.length);
	write_file(made.length);
	expect_outcome(STR("zeros"), look_for(STR("anna")), DOUBT);
}
END_TEST

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Any octets anywhere: an answer of the three, in time, and no crash. */
START_TEST(damaged_file_has_an_answer)
{
	uint64_t state = (uint64_t)_i + 1;
	size_t length;

	make_usual(_i % 2 != 0);
	length = made.length;
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 20; i++) {
			size_t at = next_random(&state) % length;

			/* The header is where it hurts. */
			if (i % 2 == 0)
				at %= HEADER;
			made.octets[at] = (unsigned char)(round % 3 == 0 ?
				0xff :
				next_random(&state));
		}
		write_file(length);
		(void)look_for(STR("anna"));
		(void)look_for(STR("u7@a.example"));
		(void)look_for(STR("nobody"));
	}
}
END_TEST

/* A crash leaves zeros where blocks were not written: whoever was in the file
 * is found or in doubt, and never unknown. */
START_TEST(zeros_at_the_end_are_doubt)
{
	size_t length;

	make_usual(_i != 0);
	length = made.length;
	for (size_t from = length; from > 61; from -= 61) {
		enum status_id got;

		memset(made.octets + from - 61, 0, 61);
		write_file(length);
		got = look_for(STR("anna"));
		ck_assert_msg(
		    got != UNKNOWN, "zeros from octet %zu", from - 61);
	}
}
END_TEST

/* The same where one block is missing in the middle. */
START_TEST(a_hole_is_doubt)
{
	const size_t block = 64;

	make_usual(_i != 0);
	for (size_t at = 0; at < made.length; at += block) {
		char kept[64];
		size_t count =
		    made.length - at < block ? made.length - at : block;
		enum status_id got;

		memcpy(kept, made.octets + at, count);
		memset(made.octets + at, 0, count);
		write_file(made.length);
		got = look_for(STR("anna"));
		ck_assert_msg(got != UNKNOWN, "zeros at octet %zu", at);
		memcpy(made.octets + at, kept, count);
	}
}
END_TEST

/* Two names may well have one hash: then one of them is not the other. */
START_TEST(name_of_the_same_hash_is_another)
{
	char one[3] = "b", other[3] = "c";

	for (one[1] = ' '; one[1] <= '~'; one[1]++)
		for (other[1] = ' '; other[1] <= '~'; other[1]++)
			if (hash_of(str_from(one)) == hash_of(str_from(other)))
				goto found;
	ck_abort_msg("no such names");
found:
	add_record(str_from(one), STR("x:5000:5001::/srv/one"));
	add_tables();
	write_file(made.length);
	expect_outcome(str_from(one), look_for(str_from(one)), FOUND);
	expect_outcome(str_from(other), look_for(str_from(other)), UNKNOWN);
}
END_TEST

/* anna's own table says these; the place in it is her first slot. */
static const struct {
	uint32_t table, slots, slot_record;
	bool touch_table, touch_record;
} lies[] = {
	{ 0, 1, 0, true, false },
	{ 0xffffffff, 1, 0, true, false },
	{ 0xffffffff, 0xffffffff, 0, true, false },
	{ 2048, 0xffffffff, 0, true, false },
	{ 2048, 0x20000000, 0, true, false },
	{ 2040, 1, 0, true, false },
	{ 0, 0, 0xffffffff, false, true },
	{ 0, 0, 0xfffffff8, false, true },
	{ 0, 0, 1, false, true },
};

START_TEST(table_that_lies_is_doubt)
{
	uint32_t hash = hash_of(STR("anna"));
	size_t header = hash % 256 * 8, at;

	add_record(STR("anna"), STR("x:5000:5001::/srv/anna"));
	add_tables();
	at = (size_t)made.octets[header] |
	    (size_t)made.octets[header + 1] << 8 |
	    (size_t)made.octets[header + 2] << 16;
	if (lies[_i].touch_table) {
		put(header, lies[_i].table);
		put(header + 4, lies[_i].slots);
	}
	if (lies[_i].touch_record) {
		put(at + hash / 256 % 2 * 8 + 4, lies[_i].slot_record);
	}
	write_file(made.length);
	expect_outcome(STR("lie"), look_for(STR("anna")), DOUBT);
}
END_TEST

/* Her table is said to have no places at all: the file does not add up. */
START_TEST(table_that_is_left_out_is_doubt)
{
	size_t header = hash_of(STR("anna")) % 256 * 8;

	add_record(STR("anna"), STR("x:5000:5001::/srv/anna"));
	add_tables();
	put(header + 4, 0);
	write_file(made.length);
	expect_outcome(STR("left out"), look_for(STR("anna")), DOUBT);
}
END_TEST

/* The lengths in front of anna's record. */
START_TEST(record_that_lies_is_doubt)
{
	static const struct {
		uint32_t key, value;
		enum status_id want;
	} lengths[] = {
		{ 4, 0xffffffff, DOUBT },
		{ 4, 0x7fffffff, DOUBT },
		{ 4, 16384, DOUBT },
		{ 4, 5000, DOUBT },
		{ 0xffffffff, 5, DOUBT },
		{ 0, 5, DOUBT },
		{ 600, 5, DOUBT },
	};

	add_record(STR("anna"), STR("x:5000:5001::/srv/anna"));
	add_tables();
	put(HEADER, lengths[_i].key);
	put(HEADER + 4, lengths[_i].value);
	write_file(made.length);
	expect_outcome(STR("record"), look_for(STR("anna")), lengths[_i].want);
}
END_TEST

START_TEST(file_that_cannot_be_used_is_doubt)
{
	expect_outcome(STR("missing"), look_for(STR("anna")), DOUBT);
	expect_holds(why.cause, "users.cdb");
	scratch_write(&scratch, "users.cdb", "");
	expect_outcome(STR("empty"), look_for(STR("anna")), DOUBT);
	scratch_write(&scratch, "users.cdb", "anna:x:5000:5001::/srv/anna::\n");
	expect_outcome(STR("text"), look_for(STR("anna")), DOUBT);
	expect_holds(why.cause, "users.cdb");
	scratch_remove(&scratch, "users.cdb");
	scratch_mkdir(&scratch, "users.cdb", 0755);
	expect_outcome(STR("directory"), look_for(STR("anna")), DOUBT);
	scratch_remove(&scratch, "users.cdb");
	ck_assert_int_eq(mkfifo(scratch_path(&scratch, "users.cdb"), 0600), 0);
	expect_outcome(STR("pipe"), look_for(STR("anna")), DOUBT);
}
END_TEST

START_TEST(path_may_hold_the_domain)
{
	const char *path = scratch_path(&scratch, "%d.cdb");

	add_record(STR("anna@a.example"), STR("x:5000:5001::/srv/anna"));
	add_tables();
	scratch_write_octets(
	    &scratch, "a.example.cdb", (const char *)made.octets, made.length);
	ck_assert_int_eq(find_in(path, STR("anna@a.example")), 0);
	ck_assert_int_eq(find_in(path, STR("anna@b.example")), -1);
	ck_assert_int_eq((int)why.id, (int)DOUBT);
	ck_assert_int_eq(find_in(path, STR("anna@..")), -1);
	ck_assert_int_eq((int)why.id, (int)UNKNOWN);
	ck_assert_int_eq(find_in(path, STR("anna")), -1);
	ck_assert_int_eq((int)why.id, (int)WRONG);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_cdb");
	TCase *all = tcase_create("cdb");
	int failed;

	machine_begin();
	scratch_begin();
	tcase_set_timeout(all, 20);
	tcase_add_checked_fixture(all, open_all, close_all);
	tcase_add_loop_test(all, user_is_found_with_and_without_NUL, 0, 2);
	tcase_add_loop_test(
	    all, stranger_is_not_found, 0, 2 * (int)COUNT(strangers));
	tcase_add_loop_test(all, name_of_any_length_has_an_answer, 0, 8);
	tcase_add_test(all, database_of_nobody_is_not_found);
	tcase_add_loop_test(
	    all, value_is_the_rest_of_a_line, 0, (int)COUNT(values));
	tcase_add_loop_test(all, value_of_any_length_is_no_harm, 0, 5);
	tcase_add_test(all, first_of_two_wins);
	tcase_add_loop_test(all, cut_file_never_makes_her_unknown, 0, 4);
	tcase_add_loop_test(
	    all, zeros_where_data_was_never_make_her_somebody_else, 0, 2);
	tcase_add_loop_test(all, zeros_at_the_end_are_doubt, 0, 2);
	tcase_add_loop_test(all, a_hole_is_doubt, 0, 2);
	tcase_add_test(all, name_of_the_same_hash_is_another);
	tcase_add_loop_test(all, damaged_file_has_an_answer, 0, 6);
	tcase_add_loop_test(all, table_that_lies_is_doubt, 0, (int)COUNT(lies));
	tcase_add_test(all, table_that_is_left_out_is_doubt);
	tcase_add_loop_test(all, record_that_lies_is_doubt, 0, 7);
	tcase_add_test(all, file_that_cannot_be_used_is_doubt);
	tcase_add_test(all, path_may_hold_the_domain);
	suite_add_tcase(suite, all);
	failed = expect_run(suite);
	scratch_end();
	machine_end();
	return failed;
}
