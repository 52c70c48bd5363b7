/*
 * place.h - the paths that are compiled in.
 *
 * The Makefile sets SYSCONFDIR and LIBEXECDIR; the tests' programs are built
 * with places of their own.
 */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

extern const char place_config_file[];   /* /etc/lda.conf */
extern const char place_passwd_file[];   /* /etc/passwd */
extern const char place_group_file[];    /* /etc/group */
extern const char place_nsswitch_file[]; /* /etc/nsswitch.conf */
extern const char place_getpw[];         /* the helper that asks NSS */
extern const char place_log_socket[];    /* /dev/log */
/* Where postconf may be, the usual place first; NULL-terminated. */
extern const char *const place_postconf[];

#endif
