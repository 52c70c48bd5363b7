/*
 * stop.c - deadlines, signals that end us, and the last words of a crash.
 *
 * Handlers use only what POSIX calls async-signal-safe: write, _exit, alarm.
 *
 * Source: Postfix pipe_command (status mapping), sigaction(2), timer_create(2).
 */
#define _XOPEN_SOURCE 700 /* sigaltstack(2) */
#include "base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t reason;
static volatile sig_atomic_t committed;
static volatile sig_atomic_t asked, reload;
static timer_t killer;
static bool has_killer;
static struct stop_words last_words = { STDOUT_FILENO, "", 75, NULL };

/* Enough for a handler that writes a constant, on any architecture. */
static char crash_stack[16384];

static const int ending[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGXCPU };
static const int crashing[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
/* A signal may have come just before a call that waits: the next alarm
 * interrupts that one too. */
static void
stop_for(enum stop_reason why)
{
	int kept = errno;

	if (reason == STOP_NOT)
		reason = (sig_atomic_t)why;
	(void)alarm(1);
	errno = kept;
}

static void
on_deadline(int signal_number)
{
	(void)signal_number;
	stop_for(STOP_TIME);
}

static void
on_ending(int signal_number)
{
	(void)signal_number;
	stop_for(STOP_SIGNAL);
}

static void
speak(const char *words)
{
	if (words != NULL && write(last_words.fd, words, strlen(words)) < 0) {
		/* Nobody listens; the exit status says the same. */
	}
}

void
stop_now(void)
{
	speak(committed ? last_words.done : last_words.words);
	_exit(committed ? 0 : last_words.exit_code);
}

void
stop_set_words(struct stop_words words)
{
	last_words = words;
	committed = 0;
}

static void
on_crash(int signal_number)
{
	(void)signal_number;
	stop_now();
}

static void
set_action(int signal_number, void (*action)(int), int flags)
{
	struct sigaction how;

	memset(&how, 0, sizeof(how));
	how.sa_handler = action;
	how.sa_flags = flags;
	(void)sigemptyset(&how.sa_mask);
	(void)sigaction(signal_number, &how, NULL);
}

static void
set_actions(const int *signals, size_t count, void (*action)(int), int flags)
{
	for (size_t i = 0; i < count; i++)
		set_action(signals[i], action, flags);
}

static void
unblock_all(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Timers survive exec(2): the caller's would choose the moment of our end.
 * The third kind, ITIMER_REAL, becomes our own alarm. */
static void
stop_inherited_timers(void)
{
	static const int timers[] = { ITIMER_VIRTUAL, ITIMER_PROF };
	const struct itimerval never = { .it_value = { .tv_sec = 0 } };

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		(void)setitimer(timers[i], &never, NULL);
}

void
stop_prepare_signals(struct stop_words words)
{
	stack_t stack = { .ss_sp = crash_stack,
		.ss_size = sizeof(crash_stack) };

	last_words = words;
	(void)sigaltstack(&stack, NULL);
	stop_inherited_timers();
	set_action(SIGALRM, on_deadline, 0);
	/* exec(2) leaves a signal at its default or ignored; ignored, this one
	 * would take away waitpid(2). */
	set_action(SIGCHLD, SIG_DFL, 0);
	set_action(SIGPIPE, SIG_IGN, 0);
	set_action(SIGXFSZ, SIG_IGN, 0);
	set_actions(ending, sizeof(ending) / sizeof(ending[0]), on_ending, 0);
	/* RESETHAND: a crash inside the handler ends us by that signal. */
	set_actions(crashing, sizeof(crashing) / sizeof(crashing[0]), on_crash,
	    SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER);
	unblock_all();
}

/* Where there is no timer to be had (a limit) the soft deadline is all. */
static void
set_killer(unsigned seconds)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)seconds } };
	struct sigevent event;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGKILL;
	if (!has_killer)
		has_killer =
		    timer_create(CLOCK_MONOTONIC, &event, &killer) == 0;
	if (has_killer)
		(void)timer_settime(killer, 0, &when, NULL);
}

void
stop_deadline(unsigned soft_seconds, unsigned hard_seconds)
{
	(void)alarm(soft_seconds);
	set_killer(soft_seconds + hard_seconds);
}

enum stop_reason
stop_reason(void)
{
	return (enum stop_reason)reason;
}

void
stop_committed(void)
{
	committed = 1;
}

static void
on_asking(int signal_number)
{
	if (signal_number == SIGHUP)
		reload = 1;
	else if (signal_number != SIGCHLD)
		asked = 1;
}

void
stop_when_asked(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP,
		SIGCHLD };

	set_actions(
	    signals, sizeof(signals) / sizeof(signals[0]), on_asking, 0);
}

bool
stop_is_asked(void)
{
	return asked != 0;
}

bool
stop_take_reload(void)
{
	bool wanted = reload != 0;

	reload = 0;
	return wanted;
}

bool
stop_has_news(void)
{
	return asked != 0 || reload != 0;
}

void
stop_hold(void)
{
	sigset_t held;

	(void)sigemptyset(&held);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)sigaddset(&held, ending[i]);
	(void)sigaddset(&held, SIGALRM);
	(void)sigaddset(&held, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &held, NULL);
}

void
stop_let_in(void)
{
	unblock_all();
}

void
stop_ignore_endings(void)
{
	set_actions(ending, sizeof(ending) / sizeof(ending[0]), SIG_IGN, 0);
}

void
stop_keep_on(void)
{
	static const int others[] = { SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM,
		SIGPROF, SIGTSTP, SIGTTIN, SIGTTOU };

	reason = STOP_NOT;
	stop_ignore_endings();
	set_actions(others, sizeof(others) / sizeof(others[0]), SIG_IGN, 0);
}

void
stop_restore_signals(void)
{
	set_action(SIGALRM, SIG_DFL, 0);
	set_actions(ending, sizeof(ending) / sizeof(ending[0]), SIG_DFL, 0);
	set_actions(
	    crashing, sizeof(crashing) / sizeof(crashing[0]), SIG_DFL, 0);
	set_action(SIGPIPE, SIG_DFL, 0);
	set_action(SIGXFSZ, SIG_DFL, 0);
}
