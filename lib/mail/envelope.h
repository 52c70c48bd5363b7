/*
 * envelope.h - who sent a message to whom, put together from what the caller
 * said and what stands at the top of the message.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "mail/message.h"

/* What somebody said; given is false when nobody did, which is not the same
 * as an empty string. */
struct envelope_claim {
	struct str text;
	bool given;
};

struct envelope {
	struct str sender;             /* empty: the null sender, or unknown */
	bool has_sender;               /* false: nobody told */
	struct str original_recipient; /* empty: unknown */
};

/* The claims, strongest first; the environment's are local(8)'s. */
struct envelope_claims {
	struct envelope_claim sender_flag;           /* -f */
	struct envelope_claim sender_environment;    /* SENDER */
	struct envelope_claim original_flag;         /* -a */
	struct envelope_claim original_environment;  /* ORIGINAL_RECIPIENT */
	struct envelope_claim final_flag;            /* -r */
	struct envelope_claim recipient_environment; /* RECIPIENT */
};

/*
 * Joins both.  local(8) writes "_" for each octet in its variables that is
 * not harmless, also when a shell hands them on as -f "$SENDER": where the
 * line at the top of the message is what the claim was made from, it wins.
 */
void envelope_join(const struct envelope_claims *claims,
    const struct message_facts *facts, struct envelope *into);

/* Whether claim is what local(8)'s command_expansion_filter makes of truth
 * (letter case aside, which pipe(8) flags h and u fold). */
bool envelope_is_mangled(struct str claim, struct str truth);

#endif
