/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is a file fuzz_NAME.c whose LLVMFuzzerTestOneInput hands any octets
 * to one parser of lib/ and requires what must hold whatever they are: what
 * was written is read back, two ways to the same thing agree, nothing leaves
 * its bounds, no control character gets out.  The same file is driven by
 * replay.c ("make check"), by libFuzzer ("make fuzz") and by both with other
 * sanitizers ("make proof").
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/arena.h"
#include "base/attribute.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/text.h"
#include "mail/status.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The entry that libFuzzer and replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

/* One input on its way through a target. */
struct fuzz {
	struct cursor in;    /* what of it has not been taken yet */
	struct arena *arena; /* empty at the beginning of each input */
};

/* Calls target with the input; what LLVMFuzzerTestOneInput returns. */
int fuzz_run(
    const uint8_t *octets, size_t length, void (*target)(struct fuzz *fuzz));

/* Ends the program, as a crash does, where what must hold does not. */
#define REQUIRE(holds) fuzz_require((holds), #holds, __FILE__, __LINE__)
void fuzz_require(bool holds, const char *what, const char *file, int line);

/* An octet of the input that chooses one of count things; 0 at the end. */
size_t fuzz_choose(struct fuzz *fuzz, size_t count);

/* The rest of the line, or of the input, in memory that ends with it: reading
 * beyond is seen.  Lives until the end of the input. */
struct str fuzz_line(struct fuzz *fuzz);
struct str fuzz_rest(struct fuzz *fuzz);
struct str fuzz_copy(struct str text);

/* The same as a C string, cut at a NUL. */
const char *fuzz_string(struct str text);

/* Room for a buf, of exactly that size, until the end of the input. */
struct buf fuzz_room(size_t size);

/* Whether inner points into outer, or is empty. */
bool fuzz_is_within(struct str inner, struct str outer);

/* Whether a and b are one text. */
bool fuzz_same(struct str a, struct str b);

/* Whether a cause or a reply is fit for what it is for: a reply is printable
 * ASCII on one line of bounded length with a code in front that is one of
 * status.c's rows; a failure is not "delivered". */
void fuzz_check_status(int rc, const struct status *why);

/*
 * For parsers of files: from now on the working directory is one that belongs
 * to this process alone.  The system's files (place.h) are looked for there:
 * passwd, group, nsswitch.conf, lda.conf.
 */
void fuzz_enter_directory(void);
void fuzz_write(const char *name, struct str text);
struct str fuzz_read(const char *name);

#endif
