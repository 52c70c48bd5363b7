/*
 * sandbox.h - a process gives up what it will not need any more, before it
 * reads what others have written.
 *
 * On Linux with Landlock (files) and seccomp (system calls); elsewhere, and
 * where the kernel lacks one of them, it is as if nothing had been asked.
 * Nothing here ever fails: a sandbox is a second wall behind the rights of
 * the user, and no reason to lose or defer a mail.
 *
 * For good, and for all children.  Set-ID programs that a process in a sandbox
 * starts stay without their ids, so it must start none.
 *
 * Source: landlock(7), seccomp(2), PR_SET_NO_NEW_PRIVS(2const).
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include "base/attribute.h"
#include "base/call_filter.h"

#include <stdbool.h>
#include <stdint.h>

enum sandbox_files {
	SANDBOX_ALL_FILES, /* what the user may */
	SANDBOX_READ_ONLY, /* no file is made, changed or removed */
	SANDBOX_PLACES     /* only below the places that are allowed */
};

struct sandbox {
	int rules; /* -1: none */
	uint64_t place_rights;
};

void sandbox_begin(struct sandbox *sandbox, enum sandbox_files files);

/* Everything that a delivery does is allowed below a directory; renames and
 * links between two such places, too.  False with errno where it cannot be
 * reached: then another, or sandbox_spare_files. */
bool sandbox_allow(struct sandbox *sandbox, const char *directory) MUST_CHECK;

/* After all: no rules for files. */
void sandbox_spare_files(struct sandbox *sandbox);

/* From here on it holds: for files; and for system calls, of which keeps are
 * call_filter_keeps. */
void sandbox_enter_files(struct sandbox *sandbox);
void sandbox_enter(struct sandbox *sandbox, unsigned keeps);

#endif
