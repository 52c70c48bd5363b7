/*
 * machine.h - the machine that the programs under test believe to be on.
 *
 * build/check/lda has its system files below build/check/root: lda.conf,
 * passwd, group, nsswitch.conf, the helper lda-getpw and the log socket.  A
 * test says what stands in them.
 */
#ifndef SUPPORT_MACHINE_H
#define SUPPORT_MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Once for a test program, before its tests fork; ends the program if the
 * tests cannot run here.  machine_end leaves the machine as it was found.
 */
void machine_begin(void);
void machine_end(void);

/* Whom the commands under test run as: the caller himself, or, when he is
 * root, MACHINE_UID. */
#define MACHINE_UID 60001
uid_t machine_uid(void);
gid_t machine_gid(void);

/* Whether AddressSanitizer is in the programs: then all takes its time, and
 * memory, and its leak checker cannot look into a set-group-ID process. */
#ifdef __SANITIZE_ADDRESS__
#define MACHINE_IS_SANITIZED true
#else
#define MACHINE_IS_SANITIZED false
#endif

/* Whether the programs do without the calls that only Linux has. */
#ifdef PORTABLE
#define MACHINE_IS_PORTABLE true
#else
#define MACHINE_IS_PORTABLE false
#endif

/* A pid that no process has, nor will: Linux has none above 4194304.  One that
 * has ended is soon another's where pid_max is small. */
#define MACHINE_NO_PID 4999999

/* The absolute paths of build/check/lda, and of build/lda, which knows only
 * the system's own places. */
const char *machine_program(void);
const char *machine_product(void);

/* Whether build/lda is there and needs no dynamic loader. */
bool machine_product_is_static(void);

/* A file of the machine: "etc/passwd", "libexec/lda-getpw". */
void machine_write(const char *name, const char *text, mode_t mode);
void machine_remove(const char *name);

/* The default log socket becomes a link to path. */
void machine_log_to(const char *path);

/* The absolute path of a file of the machine, for comparing with log lines;
 * lives until the next call. */
const char *machine_path(const char *name);

#endif
