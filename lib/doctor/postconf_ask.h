/*
 * postconf_ask.h - asking postconf(1) for Postfix's settings.
 */
#ifndef DOCTOR_POSTCONF_ASK_H
#define DOCTOR_POSTCONF_ASK_H

#include "base/arena.h"
#include "doctor/postconf.h"

/*
 * Runs postconf(1), by an absolute path and with an environment of its own,
 * for the configuration directory; empty: the one that is compiled into it.
 * The outputs live in the arena.  False with why_not where there is no
 * postconf, or it fails or takes too long.
 */
bool postconf_ask(const char *directory, struct arena *arena,
    struct postconf *into, const char **why_not);

#endif
