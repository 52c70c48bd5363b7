/*
 * doctor.h - looks at how Postfix is wired to lda, and names what is wrong
 * (lda -t).
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "deliver/settings.h"

/*
 * Reads Postfix's settings through postconf(1) and looks at files, with the
 * rights of this process, and writes what it found.  config_file is where
 * settings come from.  Where there is no Postfix it says so and looks at the
 * machine alone.  Changes nothing.  Returns how many findings there were.
 */
size_t doctor_examine(const struct settings *settings, const char *config_file,
    struct arena *arena, struct buf *out);

/* Says that it is not done, and why. */
void doctor_decline(struct buf *out, const char *why);

#endif
