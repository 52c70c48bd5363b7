/*
 * main.c - lda: delivers one message from standard input to one recipient.
 *
 * Order matters here.  Before an argument is looked at, descriptors, signals,
 * limits, umask and environment are put in order, and a set-group-ID group is
 * given up: whoever starts us is not trusted.
 *
 * Source: lda(8).
 */
#include "base/feeder.h"
#include "base/log.h"
#include "base/place.h"
#include "base/priv.h"
#include "base/stop.h"
#include "base/sys.h"
#include "deliver/deliver.h"
#include "deliver/keeper.h"
#include "deliver/report.h"
#include "deliver/trace.h"
#include "doctor/doctor.h"
#include "options.h"
#include "startup.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* The soft deadline before lda.conf could say another one, and how long after
 * it the kernel ends us. */
#define FIRST_DEADLINE_SECONDS 300
#define GRACE_SECONDS 30

/* -t writes a page or two; more is cut. */
#define TRACE_OCTETS ((size_t)64 * 1024)

#define TEMPFAIL 75

/* All that a usual delivery takes, a message of the size that stays in memory
 * included: to map it would be two calls.  It begins in the page of the other
 * variables, which is there anyway. */
static _Alignas(long double) char memory[MESSAGE_MEMORY_OCTETS + 128 * 1024];

/* Where the answer goes: stdout, or stderr where that was closed. */
struct answer {
	int fd;
	bool to_terminal; /* a person reads it */
	bool cause_too;   /* stderr is a terminal */
};

static void
find_answer(struct answer *answer, const struct startup_outputs *outputs)
{
	answer->fd = outputs->has_stdout || !outputs->has_stderr ?
	    STDOUT_FILENO :
	    STDERR_FILENO;
	answer->to_terminal =
	    (answer->fd == STDOUT_FILENO ? outputs->stdout_is_device :
					   outputs->stderr_is_device) &&
	    sys_isatty(answer->fd);
	answer->cause_too =
	    outputs->stderr_is_device && sys_isatty(STDERR_FILENO);
}

static const char last_words[] =
    "4.3.0 internal error, delivery is tried again";

/* A set-user-ID lda that everybody may run would deliver to anybody for
 * anybody; its file's mode says who may. */
static int
check_set_user_id(const struct priv_ids *ids, struct status *why)
{
	struct stat facts;

	if (ids->effective_uid != 0)
		return status_fail(why, STATUS_MISCONFIGURED,
		    "lda is installed set-user-ID for uid %jd; only root "
		    "makes sense: chmod u-s it",
		    (intmax_t)ids->effective_uid);
	if (sys_fstatat(AT_FDCWD, "/proc/self/exe", &facts, 0) == 0 &&
	    (facts.st_mode & S_IXOTH) == 0)
		return 0;
	return status_fail(why, STATUS_MISCONFIGURED,
	    "lda is set-user-ID root and executable by everybody (or /proc "
	    "is not there to tell): chgrp it to a group of those who may "
	    "deliver to anybody, and chmod 4750");
}

/* How lda was started. */
struct start {
	int64_t at_us;
	int keeper;      /* of the spool; -1: none */
	bool restricted; /* set-user-ID: the caller may not choose settings */
	bool set_group;  /* set-group-ID, given up */
};

/* Before an argument is looked at. */
static int
prepare_rights(struct start *start, struct status *why)
{
	struct priv_ids ids;

	if (priv_ids(&ids) < 0)
		return status_fail(why, STATUS_TROUBLE,
		    "cannot tell who we are: %s", strerror(errno));
	start->restricted = ids.uid != ids.effective_uid;
	if (start->restricted && check_set_user_id(&ids, why) < 0)
		return -1;
	if (ids.gid == ids.effective_gid)
		return 0;
	/* Root has no use for a group of less; it starts its own keeper. */
	if (ids.effective_uid == 0)
		return 0;
	start->set_group = true;
	return keeper_for_caller(&start->keeper, why);
}

/* One write, so that Postfix gets all of it or nothing. */
static void
say(const struct answer *answer, struct str text)
{
	if (sys_write(answer->fd, text.at, text.length) < 0) {
		/* Nobody listens; the exit status says the same. */
	}
}

static void
say_cause(const struct answer *answer, const struct status *why)
{
	char room[STATUS_CAUSE_OCTETS + 16];
	struct buf text;

	if (!answer->cause_too)
		return;
	buf_init(&text, room, sizeof(room));
	buf_print(&text, "lda: %s\n", why->cause);
	if (sys_write(STDERR_FILENO, text.at, text.length) < 0) {
		/* The log has it. */
	}
}

/* Says how it ended, and gives the exit status for it. */
static int
answer_with(const struct answer *answer, const struct status *why)
{
	char room[STATUS_REPLY_OCTETS];
	struct buf reply;

	if (why->id == STATUS_DELIVERED)
		return 0;
	buf_init(&reply, room, sizeof(room) - 1);
	status_print_reply(why, &reply);
	if (answer->to_terminal)
		buf_add_octet(&reply, '\n');
	say(answer, buf_str(&reply));
	say_cause(answer, why);
	return status_exit_code(why);
}

/* Left in a delivery command by mistake, these would make Postfix log "sent"
 * for mail that went nowhere. */
static int
refuse_under_postfix(const struct options *options, struct status *why)
{
	if (options->mode == OPTIONS_DELIVER || !options->request.under_postfix)
		return 0;
	(void)status_fail(why, STATUS_MISCONFIGURED,
	    "-n, -t or -V in a delivery command: MAIL_CONFIG is in the "
	    "environment, so Postfix started it, and no mail would be "
	    "delivered");
	status_reply(why, "local configuration error: bad usage of lda");
	return -1;
}

static int
refuse_restricted(const struct options *options, struct status *why)
{
	if (options->chosen.config_file == NULL &&
	    options->chosen.setting_count == 0 &&
	    options->request.message_path == NULL &&
	    (options->mode == OPTIONS_DELIVER ||
		options->mode == OPTIONS_VERSION))
		return 0;
	(void)status_fail(why, STATUS_MISCONFIGURED,
	    "-c, -o, -p, -n and -t are refused where lda runs set-user-ID");
	status_reply(why, "local configuration error: bad usage of lda");
	return -1;
}

/* As root with nobody named there is nobody's mail to try. */
static bool
names_nobody(const struct deliver_request *request)
{
	return sys_uid() == 0 && !request->user.given &&
	    !request->envelope.original_flag.given &&
	    !request->envelope.final_flag.given;
}

/* Looked at with the rights that we have, before trace takes on others'; a
 * program that is started set-group-ID starts no other program for its caller.
 * How much there is to mend. */
static size_t
examine(struct deliver_run *run, const struct options *options,
    const struct start *start, struct buf *out)
{
	buf_init(out, arena_take(run->arena, TRACE_OCTETS), TRACE_OCTETS);
	if (!start->set_group)
		return doctor_examine(run->settings,
		    options->chosen.config_file != NULL ?
			options->chosen.config_file :
			place_config_file,
		    run->arena, out);
	doctor_decline(out, "lda is set-group-ID here; root can ask");
	return 0;
}

static int
show_trial(struct deliver_run *run, const struct options *options,
    const struct start *start, struct buf *out)
{
	struct buf examined;
	size_t findings = examine(run, options, start, &examined);
	int rc = 0;

	if (names_nobody(&options->request))
		trace_settings(run, out);
	else if (trace(run, out) < 0)
		rc = status_exit_code(&run->why);
	buf_add(out, buf_str(&examined));
	return rc == 0 && findings > 0 ? TEMPFAIL : rc;
}

static int
show(struct deliver_run *run, const struct options *options,
    const struct start *start, const struct answer *answer)
{
	struct buf out;
	int rc = 0;

	buf_init(
	    &out, arena_take(run->arena, 2 * TRACE_OCTETS), 2 * TRACE_OCTETS);
	if (options->mode == OPTIONS_SHOW_SETTINGS)
		settings_print(run->settings, false, &out);
	else
		rc = show_trial(run, options, start, &out);
	say(answer, buf_str(&out));
	return rc;
}

static unsigned
seconds(uint64_t from_settings)
{
	return from_settings > 1000000 ? 1000000 : (unsigned)from_settings;
}

/* From the settings on: a delivery, or what a person asked for. */
static int
run_with(struct settings *settings, const struct options *options,
    const struct answer *answer, struct log *log, const struct feeder *feeder,
    const struct start *start, struct arena *arena)
{
	struct deliver_run run;
	unsigned timeout = seconds(settings->deliver.delivery_timeout);

	/* The default is in force, since a fraction of a millisecond. */
	if (timeout != FIRST_DEADLINE_SECONDS)
		stop_deadline(timeout, GRACE_SECONDS);
	deliver_init(&run, settings, &options->request, log, feeder,
	    start->at_us, arena);
	run.keeper = start->keeper;
	if (options->mode != OPTIONS_DELIVER)
		return show(&run, options, start, answer);
	if (deliver(&run) < 0)
		return answer_with(answer, &run.why);
	return 0;
}

static int
run_options(int argc, char *argv[], struct answer *answer, pid_t parent,
    int64_t started_us, struct arena *arena)
{
	struct start start = { .at_us = started_us, .keeper = -1 };
	struct log log;
	struct options options;
	struct settings settings;
	struct feeder feeder = { .noted = false };
	struct status why;

	status_init(&why);
	log_init(&log, "lda", place_log_socket);
	if (prepare_rights(&start, &why) < 0)
		goto failed;
	/* Causes speak of files that the caller may not see. */
	if (start.restricted)
		answer->cause_too = false;
	if (options_read(argc, argv, environ, arena, &options, &why) < 0 ||
	    refuse_under_postfix(&options, &why) < 0 ||
	    (start.restricted && refuse_restricted(&options, &why) < 0))
		goto failed;
	if (options.request.under_postfix)
		feeder_note(&feeder, parent);
	if (options.mode == OPTIONS_VERSION) {
		say(answer, str_from("lda " VERSION "\n"));
		return 0;
	}
	if (startup_settings(&settings, &options.chosen, &log, arena, &why) < 0)
		goto failed;
	return run_with(
	    &settings, &options, answer, &log, &feeder, &start, arena);
failed:
	report_early(&log, &why);
	if (answer->to_terminal && why.id == STATUS_MISCONFIGURED && argc > 1)
		say(answer, str_from(options_usage));
	return answer_with(answer, &why);
}

int
main(int argc, char *argv[])
{
	pid_t parent = sys_getppid();
	int64_t started_us = sys_ticks_us();
	struct stop_words words = { .words = last_words,
		.exit_code = TEMPFAIL };
	struct startup_outputs outputs;
	struct answer answer;
	struct arena arena;

	if (startup_descriptors(&outputs, 0) < 0)
		return TEMPFAIL;
	find_answer(&answer, &outputs);
	words.fd = answer.fd;
	stop_prepare_signals(words);
	stop_deadline(FIRST_DEADLINE_SECONDS, GRACE_SECONDS);
	startup_limits();
	arena_init(&arena, stop_now);
	arena_lend(&arena, memory, sizeof(memory));
	/* Nothing waits for exit(3): no streams, no handlers. */
	_exit(run_options(argc, argv, &answer, parent, started_us, &arena));
}
