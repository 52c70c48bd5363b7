/*
 * scratch.h - a directory for one test, gone when the test is.
 *
 * It belongs to the account that the commands under test run as, and so does
 * what the test puts there, unless it says otherwise.
 */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCRATCH_ROOT 64 /* octets of a scratch directory's path */
#define SCRATCH_NOTES 48
#define SCRATCH_NOTE 512

struct scratch {
	char root[SCRATCH_ROOT];
	uid_t uid;
	gid_t gid;
	size_t note_count;
	char notes[SCRATCH_NOTES][SCRATCH_NOTE];
};

/*
 * Once for a test program, before its tests fork: the directory that holds
 * the tests' own, below $TMPDIR or /tmp; scratch_end removes it with all that
 * is left of tests that failed.
 */
void scratch_begin(void);
void scratch_end(void);

void scratch_open(struct scratch *scratch, uid_t uid, gid_t gid);
void scratch_close(struct scratch *scratch);

/* A string that lives as long as the scratch directory. */
const char *scratch_print(struct scratch *scratch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The absolute path of a name in it. */
const char *scratch_path(struct scratch *scratch, const char *name);

/* Each fails the test if it cannot.  Modes are what they say, whatever the
 * umask.  A directory's parents must be there. */
void scratch_mkdir(struct scratch *scratch, const char *name, mode_t mode);
void scratch_write(struct scratch *scratch, const char *name, const char *text);
void scratch_write_octets(struct scratch *scratch, const char *name,
    const char *octets, size_t length);
void scratch_symlink(
    struct scratch *scratch, const char *target, const char *name);
void scratch_chmod(struct scratch *scratch, const char *name, mode_t mode);
void scratch_chown(
    struct scratch *scratch, const char *name, uid_t uid, gid_t gid);

/* A tree is gone. */
void scratch_remove(struct scratch *scratch, const char *name);

bool scratch_has(struct scratch *scratch, const char *name);

/* Type and permission bits (st_mode); fails the test if it is not there. */
mode_t scratch_mode(struct scratch *scratch, const char *name);

/* Everything below name as text, for comparing before with after: a line with
 * path, mode, owner, size and time of change for each entry, sorted.  Below
 * the directory called leave_out (NULL: none) nothing is told.  The caller
 * frees it. */
char *scratch_list(
    struct scratch *scratch, const char *name, const char *leave_out);

#endif
