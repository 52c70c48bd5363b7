/*
 * fuzz_config.c - lda.conf: any octets are read or refused with the line's
 * number; what is in force, printed and read again, is in force again.
 */
#include "deliver/settings.h"
#include "fuzz/fuzz.h"

/* The settings that differ from their defaults, as text. */
static struct str
print(const struct settings *settings)
{
	struct buf out = fuzz_room((size_t)64 * 1024);

	settings_print(settings, false, &out);
	REQUIRE(!out.overflow);
	return buf_str(&out);
}

static int
read_all(struct fuzz *fuzz, struct str text, struct settings *settings,
    struct status *why)
{
	REQUIRE(settings_init(settings, fuzz->arena, why) == 0);
	return config_parse(&settings->config, text, "lda.conf", why);
}

/* The line that it names is where the trouble begins: what stands before it can
 * be read. */
static void
check_cause(struct fuzz *fuzz, struct str text, const struct status *why)
{
	static struct settings settings;
	struct cursor in = cursor_over(str_from(why->cause));
	struct cursor lines = cursor_over(text);
	struct status other;
	unsigned long line;

	REQUIRE(why->id == STATUS_MISCONFIGURED);
	REQUIRE(cursor_take_word(&in, "lda.conf:"));
	line = strtoul(in.rest.at, NULL, 10);
	REQUIRE(line > 0);
	REQUIRE(cursor_span(&in, "0123456789").length > 0);
	REQUIRE(cursor_take(&in, ':'));
	while (--line > 0) {
		REQUIRE(!cursor_at_end(&lines));
		(void)cursor_until(&lines, '\n');
	}
	REQUIRE(!cursor_at_end(&lines));
	REQUIRE(str_trim(cursor_until(&(struct cursor){ lines.rest }, '\n'))
		    .length > 0);
	REQUIRE(read_all(fuzz, str_head(text, text.length - lines.rest.length),
		    &settings, &other) == 0);
}

static void
one(struct fuzz *fuzz)
{
	static struct settings settings, again;
	struct status why;
	struct str text = fuzz_rest(fuzz), printed, more;
	int rc = read_all(fuzz, text, &settings, &why);

	fuzz_enter_directory(); /* the check looks for users and groups */
	fuzz_check_status(rc, &why);
	if (rc < 0) {
		check_cause(fuzz, text, &why);
		return;
	}
	if (settings_check(&settings, &why) < 0) {
		fuzz_check_status(-1, &why);
		REQUIRE(why.id == STATUS_MISCONFIGURED);
	}
	printed = print(&settings);
	REQUIRE(read_all(fuzz, fuzz_copy(printed), &again, &why) == 0);
	more = print(&again);
	REQUIRE(fuzz_same(printed, more));
	(void)settings_settle(&settings);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
