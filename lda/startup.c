/*
 * startup.c - what lda and the servers do before anything else.
 *
 * Source: lda(8), "Environment"; reference reliability A9, A10.
 */
#include "startup.h"

#include "base/cursor.h"
#include "base/place.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool
is_open(int fd, bool *is_device)
{
	struct stat facts;
	bool open = sys_fstat(fd, &facts) == 0;

	*is_device = open && S_ISCHR(facts.st_mode);
	return open;
}

int
startup_descriptors(struct startup_outputs *outputs, int kept)
{
	bool is_device;
	int fd;

	outputs->has_stdout =
	    is_open(STDOUT_FILENO, &outputs->stdout_is_device);
	outputs->has_stderr =
	    is_open(STDERR_FILENO, &outputs->stderr_is_device);
	sys_close_from(STDERR_FILENO + 1 + kept);
	if (outputs->has_stdout && outputs->has_stderr &&
	    is_open(STDIN_FILENO, &is_device))
		return 0;
	do
		fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	(void)sys_close(fd);
	return 0;
}

void
startup_limits(void)
{
	const struct rlimit none = { 0, 0 };

	(void)umask(077);
	if (sys_setrlimit(RLIMIT_CORE, &none) < 0) {
		/* Then there is one; no reason to defer mail. */
	}
}

bool
startup_take_setting(struct startup_chosen *chosen, const char *text)
{
	struct cursor in = cursor_over(str_from(text));
	struct startup_setting *one = &chosen->settings[chosen->setting_count];

	one->name = str_trim(cursor_until(&in, '='));
	one->value = str_trim(in.rest);
	if (strchr(text, '=') == NULL || one->name.length == 0)
		return false;
	chosen->setting_count++;
	return true;
}

/* -o is read before the file, so that its log goes where -o says, and wins
 * over it all the same. */
static int
apply_flags(struct settings *settings, const struct startup_chosen *chosen,
    struct status *why)
{
	for (size_t i = 0; i < chosen->setting_count; i++)
		if (config_set(&settings->config, chosen->settings[i].name,
			chosen->settings[i].value, CONFIG_FLAG, "-o", why) < 0)
			return -1;
	for (size_t i = 0; i < chosen->ignored_count; i++)
		if (settings->config.ignored_count < CONFIG_IGNORED_MOST)
			settings->config
			    .ignored[settings->config.ignored_count++] =
			    str_from(chosen->ignored[i]);
	return 0;
}

/* A link to a file that is not there (not mounted?) is configured. */
static bool
is_dangling(const char *path)
{
	struct stat facts;

	return sys_fstatat(AT_FDCWD, path, &facts, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
}

/* Only "there is none" of the usual file means the defaults. */
static int
read_file(struct settings *settings, const struct startup_chosen *chosen,
    struct status *why)
{
	bool missing;

	if (chosen->config_file != NULL)
		return config_read(
		    &settings->config, chosen->config_file, NULL, why);
	if (config_read(&settings->config, place_config_file, &missing, why) <
		0 &&
	    (!missing || is_dangling(place_config_file)))
		return -1;
	status_init(why);
	return 0;
}

int
startup_settings(struct settings *settings, const struct startup_chosen *chosen,
    struct log *log, struct arena *arena, struct status *why)
{
	if (settings_init(settings, arena, why) < 0 ||
	    apply_flags(settings, chosen, why) < 0)
		return -1;
	log->socket_path = settings->deliver.syslog_socket;
	if (read_file(settings, chosen, why) < 0)
		return -1;
	log->socket_path = settings->deliver.syslog_socket;
	if (settings_check(settings, why) < 0)
		return -1;
	log->facility =
	    log_facility(str_from(settings->deliver.syslog_facility));
	return 0;
}
