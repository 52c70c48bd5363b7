/*
 * temporary.c - a file without a name, for a message too long for memory.
 */
#include "store/temporary.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

int
temporary_open(const char *directory, struct arena *arena, struct status *why)
{
	const char *path = arena_print(
	    arena, "%s/lda.%016jx", directory, (uintmax_t)sys_random());
	int fd = sys_openat(
	    AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd < 0) {
		/* Nothing that the mailbox is to blame for. */
		bool is_setting =
		    errno == ENOENT || errno == ENOTDIR || errno == EACCES;

		(void)status_fail_access(why, "create", path, W_OK | X_OK);
		if (is_setting)
			status_become(why, STATUS_MISCONFIGURED);
		status_context(why, "mail_temp_dir");
		return -1;
	}
	if (sys_unlinkat(AT_FDCWD, path, 0) == 0)
		return fd;
	(void)status_fail_errno(why, "unlink", path);
	(void)sys_close(fd);
	return -1;
}
