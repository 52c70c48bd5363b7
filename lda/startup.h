/*
 * startup.h - what lda and the servers do before anything else, whoever
 * starts them.
 */
#ifndef LDA_STARTUP_H
#define LDA_STARTUP_H

#include "base/log.h"
#include "deliver/settings.h"

/* What was open when the program began. */
struct startup_outputs {
	bool has_stdout;
	bool has_stderr;
	/* Only a device may be a terminal; isatty(3) need not be asked. */
	bool stdout_is_device;
	bool stderr_is_device;
};

/*
 * Descriptors 0 to 2 always name something, or the mailbox would become one
 * of them; the kept ones behind them stay, what else the caller left open is
 * none of our business.  -1 with errno where /dev/null cannot be had.
 */
int startup_descriptors(struct startup_outputs *outputs, int kept) MUST_CHECK;

/* umask 077, and no core file: it would hold somebody's mail. */
void startup_limits(void);

/* One "-o name=value". */
struct startup_setting {
	struct str name;
	struct str value;
};

/* What the command line says about settings. */
struct startup_chosen {
	const char *config_file;          /* -c, or NULL */
	struct startup_setting *settings; /* in their order */
	size_t setting_count;
	const char *ignored[4]; /* dovecot-lda's flags without meaning here */
	size_t ignored_count;
};

/* Takes one "name=value" of -o; false where it is none. */
bool startup_take_setting(struct startup_chosen *chosen, const char *text);

/*
 * Reads all settings, and points log where they say.  Only "there is none" of
 * the usual file means the defaults.
 */
int startup_settings(struct settings *settings,
    const struct startup_chosen *chosen, struct log *log, struct arena *arena,
    struct status *why) MUST_CHECK;

#endif
