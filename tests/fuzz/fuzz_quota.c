/*
 * fuzz_quota.c - quota rules: limits that are read are judged without
 * overflow, more used never fits better, and a rule for another folder changes
 * nothing here.
 */
#include "fuzz/fuzz.h"
#include "store/quota.h"

#define MOST ((uint64_t)1 << 62)

static void
check_fit(const struct quota *quota, uint64_t used_octets, uint64_t messages,
    uint64_t size)
{
	struct quota_amount used = { used_octets, messages };
	struct quota_amount more = { used_octets + 1, messages };

	if (quota->folder.octets == 0 && quota->folder.messages == 0)
		REQUIRE(quota_fits(quota, &used, size));
	if (used_octets < UINT64_MAX && quota_fits(quota, &more, size))
		REQUIRE(quota_fits(quota, &used, size));
	/* Without overflow, as one would reckon it. */
	if (quota->folder.octets != 0 && used_octets < quota->folder.octets &&
	    size / 2 + used_octets / 2 + 1 <=
		quota->folder.octets / 2 + quota->grace_octets / 2 &&
	    (quota->folder.messages == 0 || messages < quota->folder.messages))
		REQUIRE(quota_fits(quota, &used, size));
	if (quota_fits(quota, &used, size)) {
		REQUIRE(size == 0 || quota_fits(quota, &used, size - 1));
		REQUIRE(quota->folder.messages == 0 ||
		    messages < quota->folder.messages);
	}
	/* Within the limit is within it, whatever the grace. */
	if (quota->folder.octets != 0 && used_octets <= quota->folder.octets &&
	    size <= quota->folder.octets - used_octets &&
	    (quota->folder.messages == 0 || messages < quota->folder.messages))
		REQUIRE(quota_fits(quota, &used, size));
	(void)quota_percent(&used, &quota->folder);
}

static void
check_warning(struct str text)
{
	struct quota_warning warning;
	struct status why;
	int rc = quota_warning_read(text, &warning, &why);

	fuzz_check_status(rc, &why);
	if (rc < 0)
		return;
	REQUIRE(warning.percent <= 100);
	REQUIRE((warning.percent == 0) == (warning.path.length == 0));
	REQUIRE(fuzz_is_within(warning.path, text));
}

static void
one(struct fuzz *fuzz)
{
	static const uint64_t amounts[] = { 0, 1, 1000, (uint64_t)1 << 30,
		(uint64_t)1 << 62, UINT64_MAX };
	struct quota_options options;
	struct quota quota, again;
	struct status why;
	const char *folder;
	int rc;

	memset(&options, 0, sizeof(options));
	folder = fuzz_string(fuzz_line(fuzz));
	options.quota_grace = fuzz_string(fuzz_line(fuzz));
	check_warning(str_from(folder));
	for (size_t i = 0; i + 1 < QUOTA_RULES; i++)
		options.quota_rules[i] = fuzz_string(fuzz_line(fuzz));
	rc = quota_read(&options, folder, &quota, &why);
	fuzz_check_status(rc, &why);
	if (rc < 0) {
		REQUIRE(why.id == STATUS_MISCONFIGURED);
		REQUIRE(quota_counts(&options, folder));
		return;
	}
	REQUIRE(quota_counts(&options, folder) == !quota.ignored);
	/* As settings have it: far from where sums overflow. */
	REQUIRE(quota.limit.octets <= MOST && quota.folder.octets <= MOST);
	REQUIRE(quota.limit.messages <= MOST && quota.folder.messages <= MOST);
	REQUIRE(quota.grace_octets <= MOST);
	for (size_t i = 0; i < COUNT(amounts); i++)
		for (size_t k = 0; k < COUNT(amounts); k++)
			check_fit(&quota, amounts[i], amounts[k], amounts[k]);
	check_fit(&quota, quota.folder.octets, 0, quota.grace_octets);
	check_fit(&quota, quota.folder.octets - 1, 0, quota.grace_octets);
	if (quota.folder.octets > 0)
		REQUIRE(!quota_fits(&quota, &quota.folder, 1));
	/* A folder that no mask of these names has no rule of its own. */
	options.quota_rules[QUOTA_RULES - 1] = "\x02:storage=1";
	if (strchr(folder, 2) == NULL) {
		REQUIRE(quota_read(&options, folder, &again, &why) == 0);
		REQUIRE(memcmp(&again.folder, &quota.folder,
			    sizeof(quota.folder)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
