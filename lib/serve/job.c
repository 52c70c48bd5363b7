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
	request.by_lmtp = job->without_detail;
	request.delivered_to = job->delivered_to;
	request.message = job->message;
	return request;
}

static int
verify(const struct job *job, struct deliver_run *run)
{
	if (job->task == JOB_ROOM)
		return verify_room(run);
	return verify_user(run->settings, job->mailbox, job->without_detail,
	    run->arena, &run->user, &run->why);
}

/* Until one of a user's deliveries is over, before another may begin. */
#define TURN_MS 10000

static int
wait_for_turn(
    const struct job *job, struct job_office *office, struct status *why)
{
	const struct settings *settings = office->settings;
	struct str user = address_without_detail(job->mailbox,
	    str_from(settings->user.recipient_delimiter), office->arena);

	return concurrency_enter(office->concurrency, user,
	    settings->lmtp.lmtp_user_concurrency_limit, TURN_MS, why);
}

void
job_run(const struct job *job, struct job_office *office, int speaks)
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
	    sys_ticks_us(), office->arena);
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
	worker_answer(speaks, &run.why);
}

int
job_start(struct job_office *office, const struct job *job,
    struct worker *worker, struct status *why)
{
	bool is_child = false;
	int speaks = -1;

	if (worker_open(worker, &speaks, why) < 0)
		return -1;
	if (office->monitor >= 0)
		return monitor_ask(office->monitor, job, worker, speaks, why);
	if (worker_fork(worker, speaks, job->seconds, &is_child, why) < 0)
		return -1;
	if (is_child)
		job_run(job, office, speaks);
	return 0;
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
