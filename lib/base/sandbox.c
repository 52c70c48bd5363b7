/*
 * sandbox.c - what a process gives up.
 *
 * Source: landlock(7); linux/landlock.h for the numbers.
 */
#include "base/sandbox.h"

#include "base/sys.h"

#include <errno.h>

/* LANDLOCK_ACCESS_FS_...; the versions of the kernel's interface that brought
 * them.  Before REFER no file can be moved from one directory to another in a
 * sandbox, so that version 1 is of no use. */
#define WRITE_FILE ((uint64_t)1 << 1)
#define READ_FILE ((uint64_t)1 << 2)
#define READ_DIRECTORY ((uint64_t)1 << 3)
#define REMOVE_DIRECTORY ((uint64_t)1 << 4)
#define REMOVE_FILE ((uint64_t)1 << 5)
#define MAKE_DIRECTORY ((uint64_t)1 << 7)
#define MAKE_FILE ((uint64_t)1 << 8)
#define REFER ((uint64_t)1 << 13)        /* 2 */
#define TRUNCATE ((uint64_t)1 << 14)     /* 3 */
#define DEVICE_IOCTL ((uint64_t)1 << 15) /* 5 */
#define VERSION_2 (REFER | (REFER - 1))

/* From the strictest that is known here to the oldest of use. */
static const uint64_t versions[] = { VERSION_2 | TRUNCATE | DEVICE_IOCTL,
	VERSION_2 | TRUNCATE, VERSION_2 };

void
sandbox_begin(struct sandbox *sandbox, enum sandbox_files files)
{
	uint64_t spared =
	    files == SANDBOX_READ_ONLY ? READ_FILE | READ_DIRECTORY : 0;

	sandbox->rules = -1;
	if (files == SANDBOX_ALL_FILES)
		return;
	for (size_t i = 0; i < COUNT(versions) && sandbox->rules < 0; i++) {
		sandbox->place_rights = versions[i] &
		    (WRITE_FILE | READ_FILE | READ_DIRECTORY |
			REMOVE_DIRECTORY | REMOVE_FILE | MAKE_DIRECTORY |
			MAKE_FILE | REFER | TRUNCATE);
		sandbox->rules = sys_landlock_rules(versions[i] & ~spared);
		if (sandbox->rules < 0 && errno != EINVAL)
			return;
	}
}

bool
sandbox_allow(struct sandbox *sandbox, const char *directory)
{
	return sandbox->rules < 0 ||
	    sys_landlock_allow(
		sandbox->rules, directory, sandbox->place_rights) == 0;
}

void
sandbox_spare_files(struct sandbox *sandbox)
{
	if (sandbox->rules >= 0)
		(void)sys_close(sandbox->rules);
	sandbox->rules = -1;
}

/* Both need it, so that no set-ID program is fooled by what it cannot do. */
static bool
give_up_privileges(void)
{
	return sys_no_new_privileges() == 0;
}

void
sandbox_enter_files(struct sandbox *sandbox)
{
	if (sandbox->rules >= 0 && give_up_privileges() &&
	    sys_landlock_enter(sandbox->rules) < 0) {
		/* Then without. */
	}
	sandbox_spare_files(sandbox);
}

void
sandbox_enter(struct sandbox *sandbox, unsigned keeps)
{
	struct call_filter_step steps[CALL_FILTER_STEPS];
	size_t count = call_filter_make(steps, keeps, sys_getpid());

	sandbox_enter_files(sandbox);
	if (count > 0 && give_up_privileges() &&
	    sys_filter_calls(steps, count) < 0) {
		/* Then without. */
	}
}
