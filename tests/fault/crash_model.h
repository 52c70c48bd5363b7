/*
 * crash_model.h - the changes that a delivery makes to a disk, as crash.c and
 * crash_replay.c share them; for nobody else.
 */
#ifndef FAULT_CRASH_MODEL_H
#define FAULT_CRASH_MODEL_H

#include "crash.h"

#define FILES 256
#define CHANGES 512
#define CONTENT_MOST ((size_t)1024 * 1024)

/* Contents of one file that are remembered at one moment. */
#define REMEMBERED_BITS 12

#define NOTHING (-1)

enum kind {
	SET,
	CLEAR,
	LENGTHEN,
	PUT,
	CUT_OFF
};

struct change {
	enum kind kind;
	bool saved;
	int path;      /* SET, CLEAR */
	int directory; /* where that is */
	int file;      /* SET, and what is done to octets */
	size_t offset; /* of CUT_OFF the length */
	size_t length;
	const char *octets;
	size_t record;
};

struct file {
	uint64_t inode;
	bool is_directory;
	bool was_there;
	char *before;
	size_t before_length;
	char *after;
	size_t after_length;
	/* At one moment: which doubts are its own, and what is known. */
	uint64_t doubts;
	unsigned char known[1 << REMEMBERED_BITS]; /* content + 1; 0: not */
};

struct path {
	char name[LEDGER_PATH];
	int parent; /* NOTHING: the model ends here */
	int before; /* file, or NOTHING */
	int at;     /* while calls are replayed, or in a state */
	bool watched;
};

struct crash {
	struct path paths[CRASH_PATHS];
	size_t path_count;
	struct file files[FILES];
	size_t file_count;
	size_t looked_at; /* so many of them were there before */
	struct change changes[CHANGES];
	size_t change_count;
	/* The record before which something is saved, and which changes that
	 * saves are those with this file, or in this directory. */
	struct saving {
		size_t record;
		size_t changes; /* that were made before */
		int file;
	} savings[CHANGES];
	size_t saving_count;
	size_t records;
	/* One moment. */
	size_t now;
	unsigned char doubt_of[CHANGES];
	unsigned doubt_count;
	const struct crash_judge *judge;
	char room[CONTENT_MOST];
	const char *note;
};

/*
 * Builds in room the octets that the file of that number has when those of the
 * first changes have come to the disk that are saved or whose doubt is in the
 * subset; with all, whatever those are.  Returns how many.
 */
size_t crash_build(
    struct crash *crash, int number, size_t changes, bool all, uint64_t subset);

#endif
