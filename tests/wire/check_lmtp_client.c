/*
 * check_lmtp_client.c - one message to one recipient: what is said to a
 * server that announces this or that, and what each of its answers leads to.
 *
 * Source: RFC 2033, RFC 5321, RFC 2920, RFC 4954, RFC 6531.
 */
#include "wire/lmtp_client.h"

#include "../base/expect.h"

#define TURNS 12
#define ROOM 12000

#define HELLO "220 mx LMTP ready\r\n"
#define BARE "250 mx\r\n"
#define PIPE "250-mx\r\n250 PIPELINING\r\n"
#define ALL                                                                    \
	"250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"        \
	"250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"
#define OK "250 2.0.0 ok\r\n"
#define GO "354 go\r\n"

#define UMLAUT "\xc3\xa4"

/* What may be asked for, beside alice's mail to bob. */
enum wish {
	NOTHING = 0,
	AUTH = 1,   /* there are user and password */
	FOLDER = 2, /* bob+Work, else bob */
	UTF8_FOLDER = 4,
	UTF8_SENDER = 8,
	UTF8_RECIPIENT = 16,
	EIGHT_BIT = 32,
	ONLY_ASKS = 64,
	NULL_SENDER = 128,
	NO_SIZE = 256
};

#define LHLO "LHLO host\r\n"
#define MAIL "MAIL FROM:<alice@a>\r\n"
#define RCPT "RCPT TO:<bob@b>\r\n"
#define RCPT_WORK "RCPT TO:<bob+Work@b>\r\n"
#define DATA "DATA\r\n"

/* Where the message itself goes out, in what was put out. */
#define MESSAGE "[message]"
#define DOT ".\r\n"

static const struct {
	const char *label;
	unsigned wishes;
	const char *says[TURNS]; /* the server, turn by turn */
	const char *want;        /* all that is put out */
	enum lmtp_client_event event;
	enum lmtp_client_state state;
	bool for_good;
} sessions[] = {
	{ "nothing announced", NOTHING, { HELLO, BARE, OK, OK, GO, OK },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN, LMTP_CLIENT_END,
	    false },
	{ "pipelining, one answer at a time", NOTHING,
	    { HELLO, PIPE, OK, OK, GO, OK }, LHLO MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "pipelining, all answers at once", NOTHING,
	    { HELLO, PIPE, OK OK GO, OK }, LHLO MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "everything announced", EIGHT_BIT, { HELLO, ALL, OK OK GO, OK },
	    LHLO "MAIL FROM:<alice@a> SIZE=321 BODY=8BITMIME\r\n" RCPT DATA
		MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "in small letters", EIGHT_BIT,
	    { HELLO, "250-mx\r\n250-size\r\n250-8bitmime\r\n250 pipelining\r\n",
		OK OK GO, OK },
	    LHLO "MAIL FROM:<alice@a> SIZE=321 BODY=8BITMIME\r\n" RCPT DATA
		MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "eight bits, not announced", EIGHT_BIT, { HELLO, PIPE, OK OK GO, OK },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN, LMTP_CLIENT_END,
	    false },
	{ "size unknown", NO_SIZE, { HELLO, ALL, OK OK GO, OK },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN, LMTP_CLIENT_END,
	    false },
	{ "words that only begin like an extension", EIGHT_BIT,
	    { HELLO,
		"250-mx PIPELINING SIZE\r\n250-PIPELININGS\r\n250-XSIZE 1\r\n"
		"250-8BITMIM\r\n250 SIZE=3\r\n",
		OK, OK, GO, OK },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN, LMTP_CLIENT_END,
	    false },
	{ "the name of the server is no extension", NOTHING,
	    { HELLO, "250 PIPELINING\r\n", OK, OK, GO, OK },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN, LMTP_CLIENT_END,
	    false },
	{ "the null sender", NULL_SENDER, { HELLO, PIPE, OK OK GO, OK },
	    LHLO "MAIL FROM:<>\r\n" RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN,
	    LMTP_CLIENT_END, false },

	/* SMTPUTF8. */
	{ "UTF-8 sender", UTF8_SENDER | NO_SIZE, { HELLO, ALL, OK OK GO, OK },
	    LHLO "MAIL FROM:<" UMLAUT "@a> SMTPUTF8\r\n" RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "UTF-8 recipient", UTF8_RECIPIENT | NO_SIZE,
	    { HELLO, ALL, OK OK GO, OK },
	    LHLO "MAIL FROM:<alice@a> SMTPUTF8\r\nRCPT TO:<" UMLAUT
		 "@b>\r\n" DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "UTF-8 sender, not announced", UTF8_SENDER, { HELLO, PIPE }, LHLO,
	    LMTP_CLIENT_UNABLE, LMTP_CLIENT_LHLO, false },
	{ "UTF-8 recipient, not announced", UTF8_RECIPIENT, { HELLO, BARE },
	    LHLO, LMTP_CLIENT_UNABLE, LMTP_CLIENT_LHLO, false },
	{ "UTF-8 folder", UTF8_FOLDER | NO_SIZE, { HELLO, ALL, OK, OK, GO, OK },
	    LHLO "MAIL FROM:<alice@a> SMTPUTF8\r\nRCPT TO:<bob+" UMLAUT
		 "@b>\r\n" DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "UTF-8 folder, not announced: without it", UTF8_FOLDER,
	    { HELLO, PIPE, OK OK GO, OK }, LHLO MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "UTF-8 folder, nothing announced: without it", UTF8_FOLDER,
	    { HELLO, BARE, OK, OK, GO, OK }, LHLO MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "UTF-8 folder and sender, not announced", UTF8_FOLDER | UTF8_SENDER,
	    { HELLO, PIPE }, LHLO, LMTP_CLIENT_UNABLE, LMTP_CLIENT_LHLO,
	    false },

	/* A folder. */
	{ "folder", FOLDER, { HELLO, BARE, OK, OK, GO, OK },
	    LHLO MAIL RCPT_WORK DATA MESSAGE DOT, LMTP_CLIENT_TAKEN,
	    LMTP_CLIENT_END, false },
	{ "folder, pipelining", FOLDER, { HELLO, PIPE, OK OK, GO, OK },
	    LHLO MAIL RCPT_WORK DATA MESSAGE DOT, LMTP_CLIENT_TAKEN,
	    LMTP_CLIENT_END, false },
	{ "folder that is refused", FOLDER,
	    { HELLO, BARE, OK, "550 5.1.1 no\r\n", OK, GO, OK },
	    LHLO MAIL RCPT_WORK RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN,
	    LMTP_CLIENT_END, false },
	{ "folder that is refused, pipelining", FOLDER,
	    { HELLO, PIPE, OK "550 5.1.1 no\r\n", OK, GO, OK },
	    LHLO MAIL RCPT_WORK RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN,
	    LMTP_CLIENT_END, false },
	{ "folder and user that are refused", FOLDER,
	    { HELLO, BARE, OK, "550 5.7.1 no\r\n", "550 5.1.1 no\r\n" },
	    LHLO MAIL RCPT_WORK RCPT, LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT,
	    true },
	{ "folder, and trouble that passes", FOLDER,
	    { HELLO, BARE, OK, "450 4.2.1 later\r\n" }, LHLO MAIL RCPT_WORK,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, false },
	{ "folder, and a lost dialogue", FOLDER,
	    { HELLO, BARE, OK, "503 5.5.1 what\r\n" }, LHLO MAIL RCPT_WORK,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, false },

	/* Only asked. */
	{ "asks", ONLY_ASKS, { HELLO, BARE, OK, OK }, LHLO MAIL RCPT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_RCPT, false },
	{ "asks, pipelining", ONLY_ASKS, { HELLO, PIPE, OK OK }, LHLO MAIL RCPT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_RCPT, false },
	{ "asks for a folder", ONLY_ASKS | FOLDER,
	    { HELLO, PIPE, OK "550 no\r\n", OK }, LHLO MAIL RCPT_WORK RCPT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_RCPT, false },
	{ "asks in vain", ONLY_ASKS, { HELLO, PIPE, OK "550 no\r\n" },
	    LHLO MAIL RCPT, LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, true },

	/* AUTH: bob NUL, secret. */
	{ "AUTH PLAIN", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH PLAIN LOGIN\r\n", "235 2.7.0 ok\r\n",
		OK, OK, GO, OK },
	    LHLO "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n" MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "AUTH LOGIN", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH CRAM-MD5 login\r\n",
		"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n",
		"235 2.7.0 ok\r\n", OK, OK, GO, OK },
	    LHLO
	    "AUTH LOGIN\r\nYm9i\r\nc2VjcmV0\r\n" MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "AUTH and pipelining", AUTH,
	    { HELLO, "250-mx\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n",
		"235 ok\r\n", OK OK GO, OK },
	    LHLO "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n" MAIL RCPT DATA MESSAGE DOT,
	    LMTP_CLIENT_TAKEN, LMTP_CLIENT_END, false },
	{ "AUTH that is announced and not wanted", NOTHING,
	    { HELLO, "250-mx\r\n250 AUTH PLAIN\r\n", OK, OK, GO, OK },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_TAKEN, LMTP_CLIENT_END,
	    false },
	{ "AUTH that is not announced", AUTH, { HELLO, ALL }, LHLO,
	    LMTP_CLIENT_UNABLE, LMTP_CLIENT_LHLO, false },
	{ "AUTH by what we do not know", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH CRAM-MD5 XPLAIN PLAINX\r\n" }, LHLO,
	    LMTP_CLIENT_UNABLE, LMTP_CLIENT_LHLO, false },
	{ "AUTH that is refused", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH PLAIN\r\n", "535 5.7.8 no\r\n" },
	    LHLO "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n", LMTP_CLIENT_REFUSED,
	    LMTP_CLIENT_AUTH, false },
	{ "AUTH LOGIN that is refused at once", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH LOGIN\r\n", "504 5.5.4 no\r\n" },
	    LHLO "AUTH LOGIN\r\n", LMTP_CLIENT_REFUSED, LMTP_CLIENT_AUTH_LOGIN,
	    false },
	{ "AUTH PLAIN that asks back", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH PLAIN\r\n", "334 \r\n" },
	    LHLO "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n", LMTP_CLIENT_BROKEN,
	    LMTP_CLIENT_AUTH, false },
	{ "AUTH LOGIN that asks for no password", AUTH,
	    { HELLO, "250-mx\r\n250 AUTH LOGIN\r\n", "334 \r\n", "235 ok\r\n" },
	    LHLO "AUTH LOGIN\r\nYm9i\r\n", LMTP_CLIENT_BROKEN,
	    LMTP_CLIENT_AUTH_USER, false },

	/* Refusals, each where it may come. */
	{ "no service", NOTHING, { "421 4.3.2 down\r\n" }, "",
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_GREETING, false },
	{ "no service for good is not for good", NOTHING,
	    { "554 5.3.2 down\r\n" }, "", LMTP_CLIENT_REFUSED,
	    LMTP_CLIENT_GREETING, false },
	{ "an SMTP server", NOTHING, { HELLO, "500 5.5.1 LHLO?\r\n" }, LHLO,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_LHLO, false },
	{ "refused LHLO", NOTHING, { HELLO, "550 5.7.1 you\r\n" }, LHLO,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_LHLO, false },
	{ "refused sender", NOTHING, { HELLO, BARE, "550 5.1.8 bad\r\n" },
	    LHLO MAIL, LMTP_CLIENT_REFUSED, LMTP_CLIENT_MAIL, true },
	{ "refused size", NOTHING, { HELLO, ALL, "552 5.3.4 big\r\n" },
	    LHLO "MAIL FROM:<alice@a> SIZE=321\r\n" RCPT DATA,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_MAIL, true },
	{ "AUTH is missing", NOTHING, { HELLO, BARE, "530 5.7.0 auth\r\n" },
	    LHLO MAIL, LMTP_CLIENT_REFUSED, LMTP_CLIENT_MAIL, false },
	{ "AUTH is missing for now", NOTHING,
	    { HELLO, BARE, "430 4.7.0 auth\r\n" }, LHLO MAIL,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_MAIL, false },
	{ "a parameter that is not known", NOTHING,
	    { HELLO, ALL, "555 5.5.4 SIZE?\r\n" },
	    LHLO "MAIL FROM:<alice@a> SIZE=321\r\n" RCPT DATA,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_MAIL, false },
	{ "unknown user", NOTHING, { HELLO, BARE, OK, "550 5.1.1 who\r\n" },
	    LHLO MAIL RCPT, LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, true },
	{ "unknown user, pipelining", NOTHING,
	    { HELLO, PIPE,
		OK "550 5.1.1 who\r\n503 5.5.1 no valid recipients\r\n" },
	    LHLO MAIL RCPT DATA, LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, true },
	{ "unknown user, and yet 354", NOTHING,
	    { HELLO, PIPE, OK "550 5.1.1 who\r\n" GO }, LHLO MAIL RCPT DATA,
	    LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, true },
	{ "user who is busy", NOTHING, { HELLO, BARE, OK, "451 4.3.0 x\r\n" },
	    LHLO MAIL RCPT, LMTP_CLIENT_REFUSED, LMTP_CLIENT_RCPT, false },
	{ "refused DATA", NOTHING, { HELLO, BARE, OK, OK, "554 5.6.0 x\r\n" },
	    LHLO MAIL RCPT DATA, LMTP_CLIENT_REFUSED, LMTP_CLIENT_DATA, true },
	{ "refused message", NOTHING,
	    { HELLO, PIPE, OK OK GO, "552 5.2.2 full\r\n" },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_REFUSED,
	    LMTP_CLIENT_END, true },
	{ "deferred message", NOTHING,
	    { HELLO, PIPE, OK OK GO, "452 4.2.2 full\r\n" },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_REFUSED,
	    LMTP_CLIENT_END, false },
	{ "message that is a command", NOTHING,
	    { HELLO, PIPE, OK OK GO, "500 5.5.2 what\r\n" },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_REFUSED,
	    LMTP_CLIENT_END, false },

	/* No LMTP. */
	{ "another greeting", NOTHING, { "* OK IMAP4rev1\r\n" }, "",
	    LMTP_CLIENT_BROKEN, LMTP_CLIENT_GREETING, false },
	{ "354 as a greeting", NOTHING, { GO }, "", LMTP_CLIENT_BROKEN,
	    LMTP_CLIENT_GREETING, false },
	{ "250 for DATA", NOTHING, { HELLO, BARE, OK, OK, OK },
	    LHLO MAIL RCPT DATA, LMTP_CLIENT_BROKEN, LMTP_CLIENT_DATA, false },
	{ "354 for RCPT", NOTHING, { HELLO, BARE, OK, GO }, LHLO MAIL RCPT,
	    LMTP_CLIENT_BROKEN, LMTP_CLIENT_RCPT, false },
	{ "354 for the message", NOTHING, { HELLO, PIPE, OK OK GO, GO },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_BROKEN,
	    LMTP_CLIENT_END, false },
	{ "garbage for the message", NOTHING,
	    { HELLO, PIPE, OK OK GO, "saved\r\n" },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_BROKEN,
	    LMTP_CLIENT_END, false },
	{ "nothing yet", NOTHING, { HELLO, "250-mx\r\n250-SIZE\r\n" }, LHLO,
	    LMTP_CLIENT_MORE, LMTP_CLIENT_LHLO, false },
	{ "half an answer to the message", NOTHING,
	    { HELLO, PIPE, OK OK GO, "250 2.0.0 o" },
	    LHLO MAIL RCPT DATA MESSAGE DOT, LMTP_CLIENT_MORE, LMTP_CLIENT_END,
	    false },
};

static char all[ROOM];
static struct buf said;
static struct lmtp_client client;

static struct lmtp_client_mail
mail_of(unsigned wishes)
{
	struct lmtp_client_mail mail = { .host = "host",
		.sender = STR("<alice@a>"),
		.recipient = STR("<bob@b>"),
		.octets = 321 };

	if ((wishes & AUTH) != 0) {
		mail.user = STR("bob");
		mail.password = STR("secret");
	}
	if ((wishes & (FOLDER | UTF8_FOLDER)) != 0)
		mail.fallback = mail.recipient;
	if ((wishes & FOLDER) != 0)
		mail.recipient = STR("<bob+Work@b>");
	if ((wishes & UTF8_FOLDER) != 0)
		mail.recipient = STR("<bob+" UMLAUT "@b>");
	if ((wishes & UTF8_SENDER) != 0)
		mail.sender = STR("<" UMLAUT "@a>");
	if ((wishes & UTF8_RECIPIENT) != 0)
		mail.recipient = STR("<" UMLAUT "@b>");
	if ((wishes & NULL_SENDER) != 0)
		mail.sender = STR("<>");
	if ((wishes & NO_SIZE) != 0)
		mail.octets = 0;
	mail.eight_bit = (wishes & EIGHT_BIT) != 0;
	mail.only_asks = (wishes & ONLY_ASKS) != 0;
	return mail;
}

/* One part of what the server says, in memory of its own. */
static enum lmtp_client_event
hear(struct str part)
{
	static char room[LMTP_CLIENT_OUTPUT_OCTETS];
	char *copy = malloc(part.length == 0 ? 1 : part.length);
	enum lmtp_client_event event;
	struct cursor in;
	struct buf out;

	ck_assert_ptr_nonnull(copy);
	if (part.length > 0)
		memcpy(copy, part.at, part.length);
	in = cursor_over(str_of(copy, part.length));
	buf_init(&out, room, sizeof(room));
	event = lmtp_client_next(&client, &in, &out);
	ck_assert(!out.overflow);
	if (event == LMTP_CLIENT_MORE)
		ck_assert(cursor_at_end(&in));
	buf_add(&said, buf_str(&out));
	if (event == LMTP_CLIENT_TEXT) {
		buf_add_string(&said, MESSAGE);
		lmtp_client_end(&client, &said);
		event = LMTP_CLIENT_MORE;
	}
	free(copy);
	return event;
}

/* The whole session; the turn called split is heard in two pieces, or, with a
 * cut beyond its end, octet by octet.  No turn: -1. */
static enum lmtp_client_event
play(int row, int split, size_t cut)
{
	enum lmtp_client_event event;
	struct lmtp_client_mail mail = mail_of(sessions[row].wishes);

	buf_init(&said, all, sizeof(all));
	lmtp_client_begin(&client, &mail);
	event = hear(STR(""));
	for (int i = 0; i < TURNS && sessions[row].says[i] != NULL; i++) {
		struct str text = str_from(sessions[row].says[i]);

		ck_assert_msg(event == LMTP_CLIENT_MORE,
		    "%s: ends before \"%s\"", sessions[row].label,
		    expect_show(text));
		if (i != split)
			event = hear(text);
		else if (cut < text.length) {
			event = hear(str_head(text, cut));
			if (event == LMTP_CLIENT_MORE)
				event = hear(str_after(text, cut));
		} else
			for (size_t k = 0;
			     k < text.length && event == LMTP_CLIENT_MORE; k++)
				event = hear(str_of(text.at + k, 1));
	}
	return event;
}

static void
expect_session(int row, enum lmtp_client_event event)
{
	ck_assert_msg(event == sessions[row].event, "%s: event %d, %s",
	    sessions[row].label, (int)event, expect_show(buf_str(&said)));
	expect_str(str_from(sessions[row].label), buf_str(&said),
	    str_from(sessions[row].want));
	ck_assert_msg(client.state == sessions[row].state, "%s: state %d",
	    sessions[row].label, (int)client.state);
	if (event == LMTP_CLIENT_REFUSED)
		ck_assert_msg(
		    lmtp_client_is_for_good(&client) == sessions[row].for_good,
		    "%s: for good or not", sessions[row].label);
	if (event == LMTP_CLIENT_BROKEN || event == LMTP_CLIENT_UNABLE)
		ck_assert_ptr_nonnull(client.trouble);
	ck_assert_ptr_nonnull(lmtp_client_said(&client));
}

START_TEST(session_goes_as_the_server_says)
{
	expect_session(_i, play(_i, -1, 0));
}
END_TEST

START_TEST(session_is_the_same_split_anywhere)
{
	for (int turn = 0; turn < TURNS && sessions[_i].says[turn] != NULL;
	     turn++) {
		size_t length = strlen(sessions[_i].says[turn]);

		for (size_t cut = 0; cut <= length; cut++)
			expect_session(_i, play(_i, turn, cut));
	}
}
END_TEST

/* Taken for the answer to what is said next, it would be a lie; taken for the
 * answer to the dot, a loss. */
static const struct {
	const char *says[TURNS];
} early[] = {
	{ { HELLO BARE } },
	{ { HELLO, BARE OK } },
	{ { HELLO, PIPE OK OK GO } },
	{ { HELLO, BARE, OK OK } },
	{ { HELLO, BARE, OK, OK GO } },
	{ { HELLO, BARE, OK, OK, GO OK } },
	{ { HELLO, PIPE, OK OK GO OK } },
	{ { HELLO, PIPE, OK OK GO "250" } },
};

START_TEST(what_comes_out_of_turn_is_broken)
{
	struct lmtp_client_mail mail = mail_of(NOTHING);
	enum lmtp_client_event event;

	buf_init(&said, all, sizeof(all));
	lmtp_client_begin(&client, &mail);
	event = hear(STR(""));
	for (int i = 0; early[_i].says[i] != NULL; i++) {
		ck_assert_int_eq((int)event, (int)LMTP_CLIENT_MORE);
		event = hear(str_from(early[_i].says[i]));
	}
	ck_assert_int_eq((int)event, (int)LMTP_CLIENT_BROKEN);
	ck_assert(strstr(said.at, DOT) == NULL);
}
END_TEST

START_TEST(longest_paths_and_secrets_fit)
{
	static char path[LMTP_CLIENT_PATH_OCTETS], secret[256];
	struct lmtp_client_mail mail = mail_of(AUTH | EIGHT_BIT);

	memset(path, 'x', sizeof(path));
	memset(secret, 'y', LMTP_CLIENT_SECRET_OCTETS);
	mail.sender = mail.recipient = str_of(path, sizeof(path));
	mail.user = mail.password = str_of(secret, LMTP_CLIENT_SECRET_OCTETS);
	mail.octets = UINT64_MAX;
	buf_init(&said, all, sizeof(all));
	lmtp_client_begin(&client, &mail);
	(void)hear(STR(HELLO));
	(void)hear(STR("250-mx\r\n250-AUTH PLAIN\r\n250-PIPELINING\r\n"
		       "250-SIZE\r\n250 8BITMIME\r\n"));
	ck_assert_int_eq((int)hear(STR("235 ok\r\n")), (int)LMTP_CLIENT_MORE);
	ck_assert_int_eq((int)hear(STR(OK OK GO)), (int)LMTP_CLIENT_MORE);
	ck_assert_int_eq((int)hear(STR(OK)), (int)LMTP_CLIENT_TAKEN);
}
END_TEST

START_TEST(reply_of_a_refusal_is_at_hand)
{
	struct lmtp_client_mail mail = mail_of(NOTHING);

	buf_init(&said, all, sizeof(all));
	lmtp_client_begin(&client, &mail);
	(void)hear(STR(HELLO));
	(void)hear(STR(BARE));
	(void)hear(STR(OK));
	(void)hear(STR("550-5.1.1 <bob@b>:\r\n550 5.1.1 who?\r\n"));
	ck_assert_int_eq(client.reply.code, 550);
	ck_assert_str_eq(client.reply.enhanced, "5.1.1");
	ck_assert_str_eq(client.reply.text, "<bob@b>: who?");
	ck_assert_str_eq(lmtp_client_said(&client), "RCPT");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lmtp_client");
	TCase *whole = tcase_create("sessions");

	tcase_set_timeout(whole, 60);
	tcase_add_loop_test(
	    whole, session_goes_as_the_server_says, 0, (int)COUNT(sessions));
	tcase_add_loop_test(
	    whole, session_is_the_same_split_anywhere, 0, (int)COUNT(sessions));
	tcase_add_loop_test(
	    whole, what_comes_out_of_turn_is_broken, 0, (int)COUNT(early));
	tcase_add_test(whole, longest_paths_and_secrets_fit);
	tcase_add_test(whole, reply_of_a_refusal_is_at_hand);
	suite_add_tcase(suite, whole);
	return expect_run(suite);
}
