/*
 * fuzz_envelope.c - what the caller said and what stands on top of the message
 * joined: one of the two, never a mixture.
 */
#include "fuzz/fuzz.h"
#include "mail/address.h"
#include "mail/envelope.h"

static struct envelope_claim
claim(struct fuzz *fuzz)
{
	struct envelope_claim said = { .given = fuzz_choose(fuzz, 2) == 1 };
	struct str text = fuzz_line(fuzz);

	if (said.given)
		said.text = text;
	return said;
}

static void
fact(struct fuzz *fuzz, struct str *text, bool *has)
{
	struct envelope_claim said = claim(fuzz);

	*text = said.text;
	*has = said.given;
}

static bool
is_one_of(struct str answer, const struct str *said, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fuzz_same(answer, address_bare(said[i])))
			return true;
	return answer.length == 0;
}

static void
check_mangling(struct str text)
{
	struct buf mangled = fuzz_room(text.length + 1);

	/* What local(8) makes of a text is a mangled copy of it. */
	for (size_t i = 0; i < text.length; i++) {
		char c = text.at[i], lower = str_lower_octet(c);

		buf_add_octet(&mangled,
		    (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
			    str_has_octet("!@%-_=+:,./", c) ?
			c :
			'_');
	}
	REQUIRE(envelope_is_mangled(buf_str(&mangled), text));
	REQUIRE(envelope_is_mangled(text, text));
	buf_add_octet(&mangled, '_');
	REQUIRE(text.length + 1 != mangled.length ||
	    !envelope_is_mangled(buf_str(&mangled), text));
}

static void
one(struct fuzz *fuzz)
{
	struct envelope_claims claims;
	struct message_facts facts;
	struct envelope envelope;

	memset(&claims, 0, sizeof(claims));
	memset(&facts, 0, sizeof(facts));
	claims.sender_flag = claim(fuzz);
	claims.sender_environment = claim(fuzz);
	claims.original_flag = claim(fuzz);
	claims.original_environment = claim(fuzz);
	claims.final_flag = claim(fuzz);
	claims.recipient_environment = claim(fuzz);
	fact(fuzz, &facts.from_line, &facts.has_from_line);
	fact(fuzz, &facts.return_path, &facts.has_return_path);
	fact(fuzz, &facts.original_to, &facts.has_original_to);
	fact(fuzz, &facts.delivered_to, &facts.has_delivered_to);
	envelope_join(&claims, &facts, &envelope);

	const struct str senders[] = { claims.sender_flag.text,
		claims.sender_environment.text, facts.from_line,
		facts.return_path };
	const struct str originals[] = { claims.original_flag.text,
		claims.original_environment.text, claims.final_flag.text,
		claims.recipient_environment.text, facts.original_to,
		facts.delivered_to };

	REQUIRE(is_one_of(envelope.sender, senders, COUNT(senders)));
	REQUIRE(
	    envelope.sender.length == 0 || !address_is_null(envelope.sender));
	REQUIRE(envelope.has_sender ==
	    (claims.sender_flag.given || claims.sender_environment.given ||
		facts.has_from_line || facts.has_return_path));
	REQUIRE(is_one_of(
	    envelope.original_recipient, originals, COUNT(originals)));
	check_mangling(facts.return_path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
