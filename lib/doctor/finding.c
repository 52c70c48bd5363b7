/*
 * finding.c - what can be wrong between Postfix and lda.
 *
 * Each row is a way in which mail is lost, bounced, delayed or changed
 * although both programs do as they are told.  lda.8 has the same words.
 */
#include "doctor/finding.h"

#include "base/cursor.h"
#include "base/text.h"

#include <stdio.h>

/* Of what was seen, and of each line to write. */
#define TEXT_OCTETS 1000

struct finding {
	const char *word;
	const char *where; /* what is written goes there */
	const char *why;
};

/* Where to mend it. */
#define IN_MAIN "write in main.cf"
#define IN_MASTER "write in master.cf"
#define IN_LDA_CONF "write in lda.conf"
#define BY_COMMAND "as root"

static const struct finding table[FINDING_COUNT] = {
	[FINDING_RECIPIENT_LIMIT] = { "recipient-limit", IN_MAIN,
	    "one run of lda delivers to one recipient and has one exit "
	    "status; mail for several stays in the queue" },
	[FINDING_TIME_LIMIT] = { "time-limit", IN_MAIN,
	    "when Postfix's time is over it kills the program and bounces the "
	    "mail; lda must have given up long before, so that it is tried "
	    "again" },
	[FINDING_HEADER_MISSING] = { "header-missing", IN_MASTER,
	    "lda adds no fields to the header: without R there is no "
	    "Return-Path, without D no Delivered-To and mail loops are not "
	    "seen, without O the address before rewriting is lost" },
	[FINDING_HEADER_TWICE] = { "header-twice", IN_MASTER,
	    "the server that lda hands the mail to puts Return-Path on top "
	    "itself" },
	[FINDING_MESSAGE_CHANGED] = { "message-changed", IN_MASTER,
	    "B, . and > change the message, which lda stores as it comes; "
	    "with q a name in quotes is taken for an unknown user" },
	[FINDING_CASE_KEPT] = { "case-kept", IN_MASTER,
	    "auth_username_format does not lower the case, so mail to Bob is "
	    "not mail to bob" },
	[FINDING_NULL_SENDER] = { "null-sender", IN_MASTER,
	    "bounces arrive with a Return-Path that names a sender instead of "
	    "<>, and are answered" },
	[FINDING_GLUED_SENDER] = { "glued-sender", IN_MASTER,
	    "the null sender leaves nothing behind the flag, which then takes "
	    "the next word for its argument" },
	[FINDING_EMPTY_USER] = { "empty-user", IN_MASTER,
	    "Postfix before 3.12 drops a word with ${user} where the local "
	    "part is empty; -d then takes the next word for its recipient" },
	[FINDING_NO_RECIPIENT] = { "no-recipient", IN_MASTER,
	    "without -d the recipient is only guessed, and an unknown one is "
	    "tried again for days instead of refused" },
	[FINDING_QUESTION_LEFT] = { "question-left", IN_MASTER,
	    "-n, -t and -V deliver nothing: all mail stays in the queue" },
	[FINDING_CHROOT] = { "chroot", IN_MASTER,
	    "in a chroot there are no /etc/lda.conf, no users and no "
	    "mailboxes; pipe(8) and spawn(8) do not even start" },
	[FINDING_UNPRIVILEGED] = { "unprivileged", IN_MASTER,
	    "the service cannot become its user= and does not start" },
	[FINDING_SERVICE_USER] = { "service-user", IN_MASTER,
	    "Postfix refuses root and its own users for a command, and as any "
	    "other than the owner of the mail lda may write none" },
	[FINDING_PROCESS_LIMIT] = { "process-limit", IN_MASTER,
	    "each client keeps a process; who finds none waits until it times "
	    "out, and mail is deferred" },
	[FINDING_PROGRAM] = { "program", IN_MASTER,
	    "Postfix cannot start it, and all mail stays in the queue; behind "
	    "a shell it bounces" },
	[FINDING_SHELL] = { "shell", IN_MAIN,
	    "a shell makes an exit status of its own, which bounces mail, of "
	    "a program that is missing, crashes or is killed for lack of "
	    "memory" },
	[FINDING_NO_PATH] = { "no-path", IN_MAIN,
	    "Postfix looks in /usr/bin and /bin only, then starts a shell, "
	    "and all mail bounces" },
	[FINDING_FILE_LIMIT] = { "file-limit", IN_MAIN,
	    "local(8) sets it as a limit on each file that lda writes; what "
	    "is larger stays in the queue for days and bounces" },
	[FINDING_DELIVERED_TO] = { "delivered-to", IN_MAIN,
	    "without Delivered-To mail loops are not seen" },
	[FINDING_SETTINGS_HIDDEN] = { "settings-hidden", BY_COMMAND,
	    "mailbox_command runs lda as each recipient, who must be able to "
	    "read its settings; else all mail stays in the queue" },
	[FINDING_NOT_REACHED] = { "not-reached", IN_MAIN,
	    "Postfix asks mailbox_transport first, and never comes to "
	    "mailbox_command" },
	[FINDING_ANSWER_TIME] = { "answer-time", IN_MAIN,
	    "Postfix gives up while lda-lmtp still delivers, and sends again "
	    "what is delivered" },
	[FINDING_LINE_LENGTH] = { "line-length", IN_MAIN,
	    "Postfix breaks longer lines, which changes the message and "
	    "invalidates signatures; lda-lmtp takes lines of any length" },
	[FINDING_NO_SERVER] = { "no-server", IN_MASTER,
	    "nobody listens where Postfix wants to deliver: all mail stays in "
	    "the queue" },
	[FINDING_NO_SERVICE] = { "no-service", IN_MASTER,
	    "master.cf has no such service: all mail stays in the queue" },
	[FINDING_SOCKET_HIDDEN] = { "socket-hidden", IN_MASTER,
	    "a chrooted process has the queue directory for its root, and "
	    "finds no socket outside of it" },
	[FINDING_UNKNOWN_USERS] = { "unknown-users", IN_MAIN,
	    "mail for users that do not exist is accepted, and becomes a "
	    "bounce to a sender who may be forged" },
	[FINDING_EVERYBODY] = { "everybody", IN_LDA_CONF,
	    "lda-verify answers that everybody exists, as userdb ends in "
	    "static: nobody is refused" },
	[FINDING_UNVERIFIED_CODE] = { "unverified-code", IN_MAIN,
	    "unknown recipients are deferred only, and their mail stays in "
	    "other people's queues for days" },
	[FINDING_FALLBACK_REFUSED] = { "fallback-refused", IN_MAIN,
	    "smtpd refuses the very recipients that fallback_transport is "
	    "for" },
	[FINDING_DOMAINS_ASKED] = { "domains-asked", IN_MAIN,
	    "Postfix asks lda-verify for domains, of which it knows none: "
	    "mail is refused" },
	[FINDING_DOMAIN_TWICE] = { "domain-twice", IN_MAIN,
	    "mydestination wins: mail for the domain goes to the system's "
	    "users and never to the virtual ones" },
	[FINDING_DOMAIN_UNKNOWN] = { "domain-unknown", IN_LDA_CONF,
	    "Postfix takes the domain for one of this machine and lda.conf "
	    "does not: its users are not found" },
	[FINDING_DELIMITER] = { "delimiter", IN_LDA_CONF,
	    "Postfix takes user and detail apart there and lda does not: mail "
	    "for the detail has no user" },
	[FINDING_EXPORT] = { "export", IN_MAIN,
	    "without MAIL_CONFIG lda does not know that Postfix has started "
	    "it, and takes a cut message for a whole one when Postfix dies" },
	[FINDING_SETGID_LOST] = { "setgid-lost", BY_COMMAND,
	    "the spool directory belongs to a group that nobody has: mail for "
	    "system users without a ~/Maildir stays in the queue" },
	[FINDING_SETGID_GROUP] = { "setgid-group", BY_COMMAND,
	    "the program has another group than the spool directory, where it "
	    "can make neither mailbox nor lock" },
	[FINDING_SPOOL_DIRECTORY] = { "spool-directory", BY_COMMAND,
	    "the group that makes mailboxes and locks there may not write: "
	    "mail for system users without a ~/Maildir stays in the queue" },
	[FINDING_SETUID_OPEN] = { "setuid-open", BY_COMMAND,
	    "everybody could deliver anything to anybody, so lda refuses to "
	    "run, or runs as the wrong user" },
	[FINDING_LOG_SOCKET] = { "log-socket", IN_LDA_CONF,
	    "no delivery and no failure is ever seen in a log" },
};

const char *
finding_word(enum finding_id id)
{
	return table[id].word;
}

static void
add_line(struct buf *out, const char *label, struct str line)
{
	buf_print(out, "        %s: ", label);
	text_printable(out, line, TEXT_OCTETS);
	buf_add_octet(out, '\n');
}

/* Two services with one program have one trouble with it. */
static bool
is_known(struct findings *findings, enum finding_id id, const char *seen)
{
	for (size_t i = 0; i < findings->count && i < FINDINGS_KNOWN; i++)
		if (findings->known[i].id == id &&
		    str_is(str_from(seen), findings->known[i].seen))
			return true;
	if (findings->count < FINDINGS_KNOWN) {
		findings->known[findings->count].id = id;
		findings->known[findings->count].seen = seen;
	}
	return false;
}

void
finding_add(struct findings *findings, enum finding_id id, const char *write,
    const char *seen, ...)
{
	char *text = arena_take(findings->arena, TEXT_OCTETS);
	struct cursor lines = cursor_over(str_from(write));
	va_list arguments;

	va_start(arguments, seen);
	(void)vsnprintf(text, TEXT_OCTETS, seen, arguments);
	va_end(arguments);
	if (is_known(findings, id, text))
		return;
	findings->count++;
	buf_print(findings->out, "    %s: ", table[id].word);
	text_printable(findings->out, str_from(text), TEXT_OCTETS);
	buf_add_octet(findings->out, '\n');
	add_line(findings->out, "why", str_from(table[id].why));
	while (!cursor_at_end(&lines))
		add_line(
		    findings->out, table[id].where, cursor_until(&lines, '\n'));
}
