/*
 * expand.h - %u, %n, %d and %h in the values of settings.
 *
 * They stand for what a recipient is called, and recipients are hostile:
 * a name that would leave its directory is no user's.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "base/arena.h"
#include "mail/status.h"

struct expand_names {
	struct str user;   /* %u: name@domain, or name */
	struct str local;  /* %n */
	struct str domain; /* %d; empty: there is none */
	struct str home;   /* %h; empty: not known (yet) */
};

/* The names of a user; home is empty. */
struct expand_names expand_names_of(struct str user);

enum expand_use {
	EXPAND_TEXT, /* any name will do */
	EXPAND_PATH  /* what a name gives must be safe in a path */
};

/*
 * Expands value: %u %n %d %h and %%, Dovecot 2.3's modifiers L, U and
 * [offset.]width ("%2.1n"), its long names (%{user} %{username} %{domain}
 * %{home}), and 2.4's %{user | username | lower}.  A leading "~/" is "%h/".
 * The result is a string in the arena.
 *
 * Fails with "no such user" where EXPAND_PATH meets a name that is empty, has
 * a leading ".", a "/", a control character or more than 255 octets; with
 * "misconfigured" for an unknown variable or modifier, for %d without a domain
 * and for %h without a home.
 */
int expand(struct str value, const struct expand_names *names,
    enum expand_use use, struct arena *arena, const char **into,
    struct status *why) MUST_CHECK;

/* The same for one name with a chain such as "%Ln": what userdb's
 * auth_username_format does; the result may be anything but empty. */
int expand_username(struct str format, struct str name, struct arena *arena,
    struct str *into, struct status *why) MUST_CHECK;

#endif
