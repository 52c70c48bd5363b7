/*
 * place.c - the paths that are compiled in.
 */
#include "base/place.h"

#include <stddef.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/lda"
#endif
/* Where the system itself keeps its files, whatever our prefix is. */
#ifndef SYSTEMDIR
#define SYSTEMDIR ""
#endif

const char place_config_file[] = SYSCONFDIR "/lda.conf";
const char place_passwd_file[] = SYSTEMDIR "/etc/passwd";
const char place_group_file[] = SYSTEMDIR "/etc/group";
const char place_nsswitch_file[] = SYSTEMDIR "/etc/nsswitch.conf";
const char place_getpw[] = LIBEXECDIR "/lda-getpw";
const char place_log_socket[] = SYSTEMDIR "/dev/log";
const char *const place_postconf[] = {
	SYSTEMDIR "/usr/sbin/postconf",
	SYSTEMDIR "/usr/local/sbin/postconf",
	SYSTEMDIR "/opt/postfix/sbin/postconf",
	NULL,
};
