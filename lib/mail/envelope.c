/*
 * envelope.c - who sent a message to whom.
 *
 * Source: postfix local(8) (environment, command_expansion_filter), pipe(8)
 * (flags F R O D h u, null_sender), dovecot-lda (-a -f -r).
 */
#include "mail/envelope.h"

#include "mail/address.h"

/* postconf(5) command_expansion_filter, the default. */
static const char harmless[] = "0123456789abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@%-_=+:,./";

bool
envelope_is_mangled(struct str claim, struct str truth)
{
	if (claim.length != truth.length)
		return false;
	for (size_t i = 0; i < claim.length; i++) {
		char want = truth.at[i];

		if (claim.at[i] == want)
			continue;
		if (!str_has_octet(harmless, want))
			want = '_';
		if (str_lower_octet(claim.at[i]) != str_lower_octet(want))
			return false;
	}
	return true;
}

/* The best of a claim and a witness at the top of the message. */
static struct str
believe(const struct envelope_claim *flag,
    const struct envelope_claim *environment, struct str witness,
    bool has_witness)
{
	struct str told =
	    address_bare(flag->given ? flag->text : environment->text);

	if (!has_witness)
		return told;
	witness = address_bare(witness);
	if (flag->given && !envelope_is_mangled(told, witness))
		return told;
	return witness;
}

static void
join_sender(const struct envelope_claims *claims,
    const struct message_facts *facts, struct envelope *into)
{
	bool has_witness = facts->has_return_path || facts->has_from_line;
	struct str witness =
	    facts->has_return_path ? facts->return_path : facts->from_line;
	struct str sender = believe(&claims->sender_flag,
	    &claims->sender_environment, witness, has_witness);

	into->has_sender = has_witness || claims->sender_flag.given ||
	    claims->sender_environment.given;
	into->sender = address_is_null(sender) ? str_of(NULL, 0) : sender;
}

/* Delivered-To names the recipient after rewriting: it tells the original one
 * only where a claim is its mangled copy. */
static struct str
unmangle(struct str told, struct str delivered_to)
{
	delivered_to = address_bare(delivered_to);
	return envelope_is_mangled(told, delivered_to) ? delivered_to : told;
}

static void
join_original(const struct envelope_claims *claims,
    const struct message_facts *facts, struct envelope *into)
{
	const struct envelope_claim *last[] = { &claims->final_flag,
		&claims->recipient_environment };
	struct str original =
	    believe(&claims->original_flag, &claims->original_environment,
		facts->original_to, facts->original_to.length > 0);

	for (size_t i = 0; i < COUNT(last); i++)
		if (original.length == 0 && last[i]->given)
			original = address_bare(last[i]->text);
	if (original.length == 0)
		original = address_bare(facts->delivered_to);
	into->original_recipient = unmangle(original, facts->delivered_to);
}

void
envelope_join(const struct envelope_claims *claims,
    const struct message_facts *facts, struct envelope *into)
{
	join_sender(claims, facts, into);
	join_original(claims, facts, into);
}
