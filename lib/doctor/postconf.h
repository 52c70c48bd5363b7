/*
 * postconf.h - what postconf(1) prints, taken apart.
 *
 * Parsers only: postconf_ask.h runs it.  All slices point into the outputs.
 */
#ifndef DOCTOR_POSTCONF_H
#define DOCTOR_POSTCONF_H

#include "base/cursor.h"

#include <stdint.h>

/* The outputs of postconf(1), each one setting or service a line. */
struct postconf {
	struct str settings;  /* -x: main.cf and the defaults, expanded */
	struct str verbatim;  /* the few that Postfix does not expand */
	struct str services;  /* -M: master.cf */
	struct str overrides; /* -P: "-o name=value" of master.cf */
};

/* One line of -M. */
struct postconf_service {
	struct str name;
	struct str type;          /* "unix", "inet" */
	struct str unprivileged;  /* "y", "n", or "-": the default */
	struct str chroot;        /* the same */
	struct str process_limit; /* a number, or "-" */
	struct str command;       /* "pipe" */
	struct str arguments;     /* the rest of the line */
};

/*
 * The value of the setting whose name is first followed by rest, as in
 * ("lda", "_time_limit"); empty where it is empty or not there.
 */
struct str postconf_value(
    const struct postconf *from, struct str first, const char *rest);

/* The same for a name that is one word. */
struct str postconf_setting(const struct postconf *from, const char *name);

/* The value in force for a process of service: its own -o, else main.cf's. */
struct str postconf_value_of(const struct postconf *from,
    const struct postconf_service *service, const char *name);

/* The next service, skipping lines that are none; false at the end. */
bool postconf_next_service(
    struct cursor *services, struct postconf_service *into);

/* The service of this name and type; false if there is none. */
bool postconf_find_service(const struct postconf *from, struct str name,
    const char *type, struct postconf_service *into);

/* The next word of a service's arguments or a list: what stands between
 * blanks or in braces, which are taken off.  False at the end. */
bool postconf_next_word(struct cursor *in, struct str *word);

/* Whether one of the words of a list, split at blanks and commas, is word. */
bool postconf_list_has(struct str list, struct str word);

/* A time such as 600s, 10m, 1d; without unit, seconds. */
bool postconf_seconds(struct str value, uint64_t *seconds);

#endif
