/*
 * fuzz_monitor.c - the record that a process without rights hands to root's
 * part of the server: hostile octets are refused or are one job, and a job
 * that is written is read as it was.
 */
#include "fuzz/fuzz.h"
#include "serve/monitor.h"

static void
check_same(const struct job *a, const struct job *b)
{
	REQUIRE(a->task == b->task && a->seconds == b->seconds);
	REQUIRE(a->by_lmtp == b->by_lmtp);
	REQUIRE(fuzz_same(a->mailbox, b->mailbox));
	REQUIRE(fuzz_same(a->path, b->path));
	REQUIRE(fuzz_same(a->sender, b->sender));
	REQUIRE(fuzz_same(a->original, b->original));
	REQUIRE(fuzz_same(a->delivered_to, b->delivered_to));
	REQUIRE(fuzz_same(a->prefix, b->prefix));
}

static void
check_round(const struct job *job)
{
	struct buf record = fuzz_room(MONITOR_RECORD_OCTETS);
	struct job again;

	if (!monitor_write(job, &record))
		return;
	REQUIRE(monitor_read(buf_str(&record), &again));
	REQUIRE(again.spool == -1 && again.message == NULL);
	check_same(job, &again);
	/* Half a record is none, nor is one and an octet. */
	REQUIRE(!monitor_read(
	    str_head(buf_str(&record), record.length - 1), &again));
	buf_add_octet(&record, 'x');
	REQUIRE(record.overflow || !monitor_read(buf_str(&record), &again));
}

static void
one(struct fuzz *fuzz)
{
	static const enum job_task tasks[] = { JOB_VERIFY, JOB_ROOM,
		JOB_DELIVER };
	struct str record = fuzz_copy(fuzz->in.rest);
	struct job job;
	size_t choice;

	if (monitor_read(record, &job)) {
		REQUIRE(job.seconds > 0 && job.seconds <= 3600);
		REQUIRE(fuzz_is_within(job.mailbox, record));
		REQUIRE(fuzz_is_within(job.prefix, record));
		REQUIRE(job.spool == -1 && job.user == NULL);
		check_round(&job);
	}
	memset(&job, 0, sizeof(job));
	choice = fuzz_choose(fuzz, 256);
	job.task = tasks[choice % COUNT(tasks)];
	job.by_lmtp = choice >= 128;
	job.seconds = 1 + (unsigned)choice * 14;
	job.sender = fuzz_line(fuzz);
	job.mailbox = fuzz_line(fuzz);
	job.path = fuzz_line(fuzz);
	job.original = fuzz_line(fuzz);
	job.prefix = fuzz_rest(fuzz);
	check_round(&job);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
