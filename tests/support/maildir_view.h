/*
 * maildir_view.h - a Maildir as a reader sees it.
 */
#ifndef SUPPORT_MAILDIR_VIEW_H
#define SUPPORT_MAILDIR_VIEW_H

#include "scratch.h"

struct mail {
	char name[256];
	char *octets;		/* the caller frees it */
	size_t length;
	mode_t mode;
};

/* The entries of a directory of the scratch directory, without "." and "..";
 * 0 if it is not there. */
size_t maildir_count(struct scratch *scratch, const char *directory);

/* The messages in the new/, cur/ and tmp/ of every Maildir below name: what a
 * failed delivery must not leave. */
size_t maildir_count_below(struct scratch *scratch, const char *name);

/*
 * The only message in maildir's new/.  Fails the test if there is none or
 * another, if anything is in tmp/, if the name is not
 * seconds.MmicroPpidQnRrandom.host,S=octets,W=octets, or if S= and W= are not
 * those of the content.
 */
void maildir_read_one(struct scratch *scratch, const char *maildir,
    struct mail *mail);

/* The same, and it must hold these octets. */
void maildir_expect(struct scratch *scratch, const char *maildir,
    const char *octets, size_t length);

#endif
