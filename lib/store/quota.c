/*
 * quota.c - how much a user's mail may take, and whether one more fits.
 *
 * Source: Dovecot 2.3 "Quota" (quota_rule, quota_grace), 2.4
 * (quota_storage_size, quota_message_count).
 */
#include "store/quota.h"

#include "base/cursor.h"
#include "base/number.h"

#include <string.h>

/* One "what=value" of a rule. */
enum part {
	PART_STORAGE,
	PART_BYTES,
	PART_MESSAGES
};

static int
fail_of_rule(struct str rule, const char *reason, struct status *why)
{
	return status_fail(why, STATUS_MISCONFIGURED, "%.*s: %s",
	    (int)rule.length, rule.at, reason);
}

/* "*" stands for anything.  Goes back to the last star only, so that a mask of
 * many stars takes no longer than one of few. */
static bool
glob_matches(struct str mask, struct str name)
{
	size_t at = 0, in = 0, star = STR_NONE, resume = 0;

	while (in < name.length) {
		if (at < mask.length && mask.at[at] == '*') {
			star = at++;
			resume = in;
		} else if (at < mask.length && mask.at[at] == name.at[in]) {
			at++;
			in++;
		} else if (star != STR_NONE) {
			at = star + 1;
			in = ++resume;
		} else
			return false;
	}
	while (at < mask.length && mask.at[at] == '*')
		at++;
	return at == mask.length;
}

/* Names compare as IMAP's: INBOX in any case. */
static bool
mask_matches(struct str mask, struct str name)
{
	return glob_matches(mask, name) ||
	    (str_is_nocase(mask, "INBOX") && str_is_nocase(name, "INBOX"));
}

/* As settings have it: beyond what any file can be, and sums stay far from
 * overflow. */
#define MOST ((uint64_t)1 << 62)

static uint64_t
at_most(uint64_t amount)
{
	return amount < MOST ? amount : MOST;
}

static uint64_t
percentage(uint64_t whole, uint64_t percent)
{
	if (percent > 0 && whole / 100 >= MOST / percent)
		return MOST;
	return at_most(whole / 100 * percent + whole % 100 * percent / 100);
}

/* A number with "%" of whole behind it ("%%" where Dovecot would expand it), or
 * a size; in kilobytes where Dovecot counts so without a unit. */
static bool
read_amount(struct str text, enum part part, uint64_t whole, uint64_t *into)
{
	uint64_t number;

	text = str_trim(text);
	if (str_ends(text, "%")) {
		text = str_head(
		    text, text.length - (str_ends(text, "%%") ? 2 : 1));
		if (!number_read(text, 10000, &number))
			return false;
		*into = percentage(whole, number);
		return true;
	}
	if (part == PART_STORAGE &&
	    number_read(text, (uint64_t)1 << 50, &number)) {
		*into = number * 1024;
		return true;
	}
	if (part == PART_MESSAGES)
		return number_read(text, (uint64_t)1 << 50, into);
	return setting_read_size(text, into);
}

/* Relative values ("+10%", "-5M") change what is there already. */
static bool
apply_value(struct str value, enum part part, uint64_t whole, uint64_t *limit)
{
	struct cursor in = cursor_over(value);
	bool more = cursor_take(&in, '+');
	bool less = !more && cursor_take(&in, '-');
	uint64_t amount;

	if (!read_amount(in.rest, part, whole, &amount))
		return false;
	if (more)
		*limit = *limit == 0 ? 0 : at_most(*limit + amount);
	else if (less)
		*limit = *limit > amount ? *limit - amount : 1;
	else
		*limit = amount;
	return true;
}

static bool
apply_part(
    struct str text, const struct quota_amount *whole, struct quota_amount *to)
{
	struct cursor in = cursor_over(text);

	if (cursor_take_word(&in, "storage="))
		return apply_value(
		    in.rest, PART_STORAGE, whole->octets, &to->octets);
	if (cursor_take_word(&in, "bytes="))
		return apply_value(
		    in.rest, PART_BYTES, whole->octets, &to->octets);
	if (cursor_take_word(&in, "messages="))
		return apply_value(
		    in.rest, PART_MESSAGES, whole->messages, &to->messages);
	return false;
}

static bool
is_relative(struct str part)
{
	struct str value = str_after(part, str_index(part, '=') + 1);

	return str_index(part, '=') != STR_NONE &&
	    (str_begins(value, "+") || str_begins(value, "-"));
}

static int
apply_rule(struct str rule, struct str folder, bool general, struct quota *into,
    struct status *why)
{
	struct cursor in = cursor_over(rule);
	struct str mask = cursor_until(&in, ':');
	struct quota elsewhere = *into;
	bool is_general = str_is(mask, "*") || str_is(mask, "?");

	if (mask.length == 0 || cursor_at_end(&in))
		return fail_of_rule(
		    rule, "expected a mailbox, a colon and a limit", why);
	/* A rule for another folder is read all the same, once: a mistake in it
	 * should not wait for mail to that folder. */
	if (general != is_general ||
	    (!is_general && !mask_matches(mask, folder))) {
		if (!general)
			return 0;
		into = &elsewhere;
	}
	while (!cursor_at_end(&in)) {
		struct str part = cursor_until(&in, ':');

		if (str_is(part, "ignore"))
			into->ignored = true;
		else if (is_general && is_relative(part))
			return fail_of_rule(rule,
			    "a limit for all mail cannot be relative (+, -)",
			    why);
		else if (!apply_part(part, &into->limit,
			     general ? &into->limit : &into->folder))
			return fail_of_rule(rule,
			    "expected storage=, bytes=, messages= or ignore",
			    why);
		into->is_set = true;
	}
	return 0;
}

static int
apply_rules(const struct quota_options *options, struct str folder,
    bool general, struct quota *into, struct status *why)
{
	static const char names[QUOTA_RULES][12] = { "quota_rule",
		"quota_rule2", "quota_rule3", "quota_rule4", "quota_rule5" };

	for (size_t i = 0; i < QUOTA_RULES; i++) {
		struct str rule = str_from(options->quota_rules[i]);

		if (rule.length > 0 &&
		    apply_rule(rule, folder, general, into, why) < 0) {
			into->mistaken = names[i];
			return -1;
		}
	}
	return 0;
}

static bool
is_excluded(const struct quota_options *options, struct str folder)
{
	for (size_t i = 0; i < options->quota_exclude.count; i++)
		if (mask_matches(options->quota_exclude.words[i], folder))
			return true;
	return false;
}

int
quota_read(const struct quota_options *options, const char *folder,
    struct quota *into, struct status *why)
{
	struct str name = str_from(folder);

	memset(into, 0, sizeof(*into));
	into->limit.octets = options->quota_storage_size;
	into->limit.messages = options->quota_message_count;
	into->is_set = into->limit.octets != 0 || into->limit.messages != 0;
	if (apply_rules(options, name, true, into, why) < 0)
		return -1;
	into->folder = into->limit;
	if (apply_rules(options, name, false, into, why) < 0)
		return -1;
	into->ignored = into->ignored || is_excluded(options, name);
	if (!read_amount(str_from(options->quota_grace), PART_BYTES,
		into->limit.octets, &into->grace_octets)) {
		into->mistaken = "quota_grace";
		return status_fail(why, STATUS_MISCONFIGURED,
		    "%s: expected a size or a percentage",
		    options->quota_grace);
	}
	return 0;
}

bool
quota_counts(const struct quota_options *options, const char *folder)
{
	struct quota quota;
	struct status why;

	return quota_read(options, folder, &quota, &why) < 0 || !quota.ignored;
}

bool
quota_fits(const struct quota *quota, const struct quota_amount *used,
    uint64_t size_octets)
{
	const struct quota_amount *limit = &quota->folder;

	if (limit->messages != 0 && used->messages >= limit->messages)
		return false;
	if (limit->octets == 0)
		return true;
	if (size_fits(used->octets, size_octets, limit->octets))
		return true;
	return used->octets < limit->octets &&
	    size_fits(
		used->octets, size_octets, limit->octets + quota->grace_octets);
}

static uint64_t
percent_of(uint64_t used, uint64_t limit)
{
	if (limit == 0)
		return 0;
	return used > UINT64_MAX / 100 ? used / (limit / 100 + 1) :
					 used * 100 / limit;
}

uint64_t
quota_percent(const struct quota_amount *used, const struct quota_amount *limit)
{
	uint64_t octets = percent_of(used->octets, limit->octets);
	uint64_t messages = percent_of(used->messages, limit->messages);

	return octets > messages ? octets : messages;
}

int
quota_warning_read(
    struct str text, struct quota_warning *into, struct status *why)
{
	struct cursor in = cursor_over(str_trim(text));
	struct str digits = cursor_span(&in, "0123456789");

	memset(into, 0, sizeof(*into));
	if (digits.length == 0 && cursor_at_end(&in))
		return 0;
	if (number_read(digits, 100, &into->percent) && into->percent > 0 &&
	    cursor_take(&in, '%')) {
		cursor_skip_blanks(&in);
		into->is_command = cursor_take_word(&in, "exec:");
		if (into->is_command || cursor_take_word(&in, "file:")) {
			into->path = in.rest;
			if (str_begins(into->path, "/"))
				return 0;
		}
	}
	return status_fail(why, STATUS_MISCONFIGURED,
	    "expected \"90%% file:/path\" or \"90%% exec:/path\"");
}
