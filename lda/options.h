/*
 * options.h - the command line of lda.
 */
#ifndef LDA_OPTIONS_H
#define LDA_OPTIONS_H

#include "deliver/request.h"
#include "startup.h"

/* What lda is asked to do. */
enum options_mode {
	OPTIONS_DELIVER,
	OPTIONS_SHOW_SETTINGS, /* -n */
	OPTIONS_TRIAL,         /* -t */
	OPTIONS_VERSION        /* -V */
};

struct options {
	enum options_mode mode;
	struct startup_chosen chosen;
	struct deliver_request request;
};

/*
 * Reads argv and the environment (the names in lda.8, and no others).  Words
 * that come from the mail are never an error; an unknown flag, a missing
 * argument or an operand is STATUS_MISCONFIGURED.
 */
int options_read(int argc, char *const argv[], char *const environment[],
    struct arena *arena, struct options *into, struct status *why) MUST_CHECK;

/* For a person at a terminal. */
extern const char options_usage[];

#endif
