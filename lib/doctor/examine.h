/*
 * examine.h - the parts of the examination, for doctor.c.
 */
#ifndef DOCTOR_EXAMINE_H
#define DOCTOR_EXAMINE_H

#include "deliver/settings.h"
#include "doctor/finding.h"
#include "doctor/wiring.h"

struct examination {
	const struct settings *settings;
	const char *config_file; /* where they come from */
	const struct postconf *postconf;
	const struct wiring *wiring;
	struct findings *findings;
	struct arena *arena;
};

/* What lies between a program's own end and the moment when Postfix ends it:
 * the grace of lda's second deadline, and as much again. */
#define EXAMINE_SPARE_SECONDS 60

/* Each way, and what they have in common. */
void examine_all(const struct examination *at);

/* Services of pipe(8) and spawn(8): columns, attributes, times. */
void examine_service(const struct examination *at, const struct way *way);

/* The command line of lda in a pipe(8) service. */
void examine_pipe(const struct examination *at, const struct way *way);

/* mailbox_command, and local(8) around it. */
void examine_command(const struct examination *at, const struct way *way);

/* Whether the program of a mailbox_command can make mailboxes in the spool. */
void examine_spool(const struct examination *at, const struct way *way);

/* lmtp(8), as the client of lda-lmtp. */
void examine_lmtp(const struct examination *at, const struct way *way);

/* The programs' files. */
void examine_program(const struct examination *at, const struct way *way);

/* Who exists, as smtpd is told. */
void examine_recipients(const struct examination *at);

/* What does not depend on a way. */
void examine_postfix(const struct examination *at);
void examine_machine(const struct examination *at);

/* A time limit of Postfix's, for a program that needs delivery_timeout; name
 * is the setting to write. */
void examine_time(const struct examination *at, const char *name,
    struct str value, enum finding_id id);

/* -n, -t or -V among the words of a command. */
void examine_question(const struct examination *at, struct str words);

/* Whether mail of somebody may go into an mbox. */
bool examine_may_be_mbox(const struct settings *settings);

/* Whether a service runs in a chroot. */
bool examine_is_chrooted(
    const struct examination *at, const struct postconf_service *service);

/* The line of master.cf for a service, "n" for its chroot. */
const char *examine_columns_of(const struct examination *at,
    const struct postconf_service *service, const char *process_limit);

/* As a C string, for printf. */
const char *examine_text(const struct examination *at, struct str text);

#endif
