/*
 * lmtp_explain.c - what a server would say to mail for the recipient: lda -t.
 */
#include "base/text.h"
#include "store/directory.h"
#include "store/lmtp_work.h"

#include <string.h>

/* lda -t asks the server all that a delivery would, but for the message. */
static void
ask(struct delivery *delivery)
{
	const struct lmtp_client_mail facts = { .only_asks = true };
	struct handover *at;
	struct status why;

	status_init(&why);
	if (handover_open(delivery, &why) == 0 &&
	    handover_begin(delivery, &facts, &why) == 0 &&
	    handover_talk(delivery, LMTP_ANSWER_US, &why) == 0)
		status_init(&why);
	at = delivery->work;
	handover_note_reply(at);
	handover_say_goodbye(at, "RSET\r\nQUIT\r\n");
	at->asked = true;
	at->answer = why;
}

int
handover_probe(struct delivery *delivery, struct status *why)
{
	const struct handover *at = delivery->work;

	if (at == NULL || !at->asked)
		ask(delivery);
	at = delivery->work;
	*why = at->answer;
	return why->id == STATUS_DELIVERED ? 0 : -1;
}

static void
add_offers(struct buf *out, const struct lmtp_client_offers *offers)
{
	const struct {
		bool offered;
		const char *word;
	} words[] = {
		{ offers->pipelining, "PIPELINING" },
		{ offers->size, "SIZE" },
		{ offers->eight_bit, "8BITMIME" },
		{ offers->utf8, "SMTPUTF8" },
		{ offers->auth_plain, "AUTH PLAIN" },
		{ offers->auth_login, "AUTH LOGIN" },
	};

	buf_add_string(out, "    the server announces:");
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].offered)
			buf_print(out, " %s", words[i].word);
	buf_add_octet(out, '\n');
}

void
handover_explain(struct delivery *delivery, struct buf *out)
{
	const struct handover *at;

	ask(delivery);
	at = delivery->work;
	if (str_begins(str_from(at->where), "unix:"))
		directory_explain(out, at->where + strlen("unix:"));
	if (at->client.state > LMTP_CLIENT_LHLO)
		add_offers(out, &at->client.offers);
	if (at->client.mail.recipient.length > 0) {
		struct str recipient = at->client.fell_back ?
		    at->client.mail.fallback :
		    at->client.mail.recipient;

		buf_add_string(out, "    the server is told: RCPT TO:");
		text_printable(out, recipient, LMTP_CLIENT_PATH_OCTETS);
		buf_add_octet(out, '\n');
	}
	if (at->client.reply.code != 0) {
		buf_print(out,
		    "    it answers %s with: ", lmtp_client_said(&at->client));
		text_printable(out, buf_str(&at->said), LMTP_SAID_OCTETS);
		buf_add_octet(out, '\n');
	}
}
