/*
 * fault_rule.c - writes a plan of tests/fault/plan.h, and shows its ledger,
 * for the proofs that are no C programs.
 *
 * usage: fault_rule PLAN set [kill|tear PROCESS ORDINAL]
 *        fault_rule PLAN show
 *
 * set begins a plan anew, for any user's program; show prints a line for each
 * call: process, ordinal, "!" if it is the one that was disturbed or "-",
 * name, path.
 */
#define _POSIX_C_SOURCE 200809L
#include "fault/calls.h"
#include "fault/plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
usage(void)
{
	(void)fprintf(stderr,
	    "usage: fault_rule PLAN set [kill|tear PROCESS ORDINAL]\n"
	    "       fault_rule PLAN show\n");
	return 2;
}

static int
set(struct fault_plan *plan, char **words, int count)
{
	if (count == 0)
		return 0;
	if (count != 3)
		return usage();
	if (strcmp(words[0], "kill") == 0)
		plan->rule.action = ACT_KILL;
	else if (strcmp(words[0], "tear") == 0)
		plan->rule.action = ACT_TEAR;
	else
		return usage();
	plan->rule.process = (unsigned)strtoul(words[1], NULL, 10);
	plan->rule.ordinal = (unsigned)strtoul(words[2], NULL, 10);
	return 0;
}

static int
show(struct fault_plan *plan)
{
	unsigned records = plan->records;

	if (records > LEDGER_RECORDS)
		records = LEDGER_RECORDS;
	for (unsigned i = 0; i < records; i++) {
		const struct fault_record *record = &plan->ledger[i];

		if (record->call == CALL_NONE)
			continue; /* killed while it wrote this */
		(void)printf("%u %u %s %s %s\n", record->process,
		    record->ordinal, record->injected ? "!" : "-",
		    call_row(record->call)->name, record->path);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	bool sets = argc >= 3 && strcmp(argv[2], "set") == 0;
	struct fault_plan *plan;
	int fd;

	if (argc < 3 || (!sets && strcmp(argv[2], "show") != 0))
		return usage();
	fd = open(
	    argv[1], O_RDWR | O_CLOEXEC | (sets ? O_CREAT | O_TRUNC : 0), 0666);
	if (fd < 0 ||
	    (sets &&
		(fchmod(fd, 0666) < 0 ||
		    ftruncate(fd, (off_t)sizeof(*plan)) < 0))) {
		perror(argv[1]);
		return 1;
	}
	plan = mmap(
	    NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (plan == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	return sets ? set(plan, argv + 3, argc - 3) : show(plan);
}
