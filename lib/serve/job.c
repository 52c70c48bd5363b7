/*
 * job.c - what a worker is asked to do.
 */
#include "serve/job.h"

#include "base/stop.h"
#include "base/sys.h"
#include "deliver/report.h"
#include "deliver/verify.h"
#include "mail/address.h"
#include "serve/monitor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct envelope_claim
claim(struct str text)
{
	struct envelope_claim said = { .text = text, .given = true };

	return said;
}

static struct deliver_request
request_of(const struct job *job)
{
	struct deliver_request request;

	memset(&request, 0, sizeof(request));
	request.user = claim(job->mailbox);
	request.envelope.sender_flag = claim(job->sender);
	request.envelope.final_flag = claim(job->path);
	if (job->original.length > 0)
		request.envelope.original_flag = claim(job->original);
	request.by_lmtp = job->by_lmtp;
	request.delivered_to = job->delivered_to;
	request.message = job->message;
	return request;
}

static int
verify(const struct job *job, struct deliver_run *run)
{
	if (job->task == JOB_ROOM)
		return verify_room(run);
	return verify_user(
	    run->settings, job->mailbox, run->arena, &run->user, &run->why);
}

static struct str
whose_turn(const struct job *job, struct job_office *office)
{
	return address_without_detail(job->mailbox,
	    str_from(office->settings->user.recipient_delimiter),
	    office->scratch);
}

/* Until one of a user's deliveries is over, before another may begin. */
#define TURN_MS 10000

static int
wait_for_turn(
    const struct job *job, struct job_office *office, struct status *why)
{
	return concurrency_enter(office->concurrency, whose_turn(job, office),
	    office->settings->lmtp.lmtp_user_concurrency_limit, TURN_MS, why);
}

static void
leave_turn(const struct job *job, struct job_office *office)
{
	concurrency_leave(office->concurrency, whose_turn(job, office));
}

static void
perform(const struct job *job, struct job_office *office, struct status *why)
{
	const struct feeder nobody = { .noted = false };
	struct message_source spooled = { .fd = job->spool,
		.name = "the spooled message",
		.by_offset = true,
		.may_be_empty = true,
		.prefix = job->prefix };
	struct deliver_request request = request_of(job);
	struct deliver_run run;

	if (job->task == JOB_DELIVER && job->message == NULL)
		request.source = &spooled;
	deliver_init(&run, office->settings, &request, office->log, &nobody,
	    sys_ticks_us(), office->scratch);
	if (job->user != NULL) {
		run.user = *job->user;
		run.has_user = true;
	}
	if (job->task != JOB_DELIVER) {
		if (verify(job, &run) < 0)
			report_refusal(
			    office->log, job->path, job->sender, &run.why);
	} else if (wait_for_turn(job, office, &run.why) < 0) {
		report_refusal(office->log, job->path, job->sender, &run.why);
	} else if (deliver(&run) < 0) {
		/* It has been reported. */
	}
	*why = run.why;
}

void
job_run(const struct job *job, struct job_office *office, int speaks)
{
	struct status why;

	perform(job, office, &why);
	worker_answer(speaks, &why);
}

/* What a delivery leaves behind that its process's end would clear up. */
static void
clear_up(const struct job *job, struct job_office *office,
    const struct arena_mark *mark)
{
	int status;

	arena_rewind(office->scratch, mark);
	leave_turn(job, office);
	while (sys_waitpid_now((pid_t)-1, &status) > 0)
		; /* a quota_warning's command that was too slow */
}

/* One delivery after the other; the first that does not end well is the
 * last. */
static NORETURN void
stay(const struct job *job, struct job_office *office, int speaks)
{
	struct arena_mark mark;
	struct status why;

	if (arena_freeze(office->arena) < 0)
		stop_now();
	(void)arena_take(office->scratch, 1); /* the first block stays */
	mark = arena_mark(office->scratch);
	for (;;) {
		perform(job, office, &why);
		if (why.id != STATUS_DELIVERED || stop_reason() != STOP_NOT)
			worker_answer(speaks, &why);
		clear_up(job, office, &mark);
		job = worker_wait(speaks);
		if (job == NULL || stop_reason() != STOP_NOT)
			_exit(0);
		worker_resume(job->seconds);
	}
}

/*
 * A worker that stays sees what was in memory when it was forked, and what is
 * in the arena; no file that was opened since.  A user's own settings change
 * those of the process, and one that is confined to a mailbox is so for good.
 */
static bool
may_stay(const struct job_office *office, const struct job *job)
{
	return job->task == JOB_DELIVER && office->monitor < 0 &&
	    arena_is_shared(office->arena) && job->message != NULL &&
	    job->message->file < 0 && job->message->shared < 0 &&
	    job->user != NULL && job->user->field_count == 0 &&
	    office->settings->deliver.sandbox < DELIVER_SANDBOX_FILES;
}

/* One that is idle takes it; false: there is none. */
static bool
hand_over(
    struct job_office *office, const struct job *job, struct worker *worker)
{
	while (office->idle_count > 0) {
		*worker = office->idle[--office->idle_count];
		if (worker_hand(worker, job, job->seconds))
			return true;
	}
	return false;
}

void
job_keep(struct job_office *office, struct worker *worker)
{
	if (worker->answers < 0)
		return;
	if (office->idle_count == JOB_IDLE_MOST) {
		worker_leave(worker);
		return;
	}
	office->idle[office->idle_count++] = *worker;
	worker_init(worker);
}

int
job_start(struct job_office *office, const struct job *job,
    struct worker *worker, struct status *why)
{
	bool stays = may_stay(office, job), is_child = false;
	int speaks = -1;

	if (stays && hand_over(office, job, worker))
		return 0;
	if (worker_open(worker, stays, &speaks, why) < 0)
		return -1;
	if (office->monitor >= 0)
		return monitor_ask(office->monitor, job, worker, speaks, why);
	if (worker_fork(worker, speaks, job->seconds, &is_child, why) < 0)
		return -1;
	if (!is_child)
		return 0;
	if (stays)
		stay(job, office, speaks);
	job_run(job, office, speaks);
}

int
job_do(struct job_office *office, const struct job *job, struct status *why)
{
	struct worker worker;

	if (job_start(office, job, &worker, why) < 0)
		return -1;
	for (;;) {
		struct pollfd wanted = { .fd = worker.answers,
			.events = POLLIN };
		int ready = sys_poll(&wanted, 1, 1000);

		if (ready > 0 ? worker_hear(&worker, why) :
				worker_is_late(&worker, why))
			break;
		if (ready >= 0)
			continue;
		(void)status_fail(why, STATUS_TROUBLE,
		    "cannot wait for a process: %s", strerror(errno));
		worker_drop(&worker);
		return -1;
	}
	return why->id == STATUS_DELIVERED ? 0 : -1;
}
