/*
 * maildir_view.h - a Maildir as a reader sees it.
 */
#ifndef SUPPORT_MAILDIR_VIEW_H
#define SUPPORT_MAILDIR_VIEW_H

#include "scratch.h"

struct mail {
	char name[256];
	char *octets; /* the caller frees it */
	size_t length;
	mode_t mode;
};

/* The entries of a directory of the scratch directory, without "." and "..";
 * 0 if it is not there. */
size_t maildir_count(struct scratch *scratch, const char *directory);

/* The messages in the new/, cur/ and tmp/ of every Maildir below name: what a
 * failed delivery must not leave. */
size_t maildir_count_below(struct scratch *scratch, const char *name);

/* What is wrong with a message's name: not of the form
 * seconds.MmicroPpidQnRrandom.host,S=octets,W=octets, or not the S= and W= of
 * the content; NULL if nothing is. */
const char *maildir_complaint(const struct mail *mail);

/* The only message in maildir's new/.  Fails the test if there is none or
 * another, if anything is in tmp/, or if there is a complaint. */
void maildir_read_one(
    struct scratch *scratch, const char *maildir, struct mail *mail);

/* The same, and it must hold these octets. */
void maildir_expect(struct scratch *scratch, const char *maildir,
    const char *octets, size_t length);

#endif
