/*
 * maildir_name.h - names of messages in a Maildir that no two share.
 */
#ifndef STORE_MAILDIR_NAME_H
#define STORE_MAILDIR_NAME_H

#include "base/buf.h"

#include <stdint.h>

/* Far more than a name needs, and NAME_MAX. */
#define MAILDIR_NAME_OCTETS 256

struct maildir_name {
	char in_tmp[MAILDIR_NAME_OCTETS];
	char in_new[MAILDIR_NAME_OCTETS];
	uint64_t random;
};

/*
 * A new name for tmp/: "sec.M<usec>P<pid>Q<number>R<random>.host".  Pid and
 * time repeat in containers and after clock changes; 64 random bits do not.
 * "/", ":" and "," of the host's name are written \057, \072 and \054, as
 * are blanks, controls and what is not ASCII.
 */
void maildir_name_make(struct maildir_name *into, unsigned number);

/* The same name as it is published: ",S=" octets ",W=" octets behind it. */
void maildir_name_publish(
    struct maildir_name *name, uint64_t size_octets, uint64_t crlf_octets);

#endif
