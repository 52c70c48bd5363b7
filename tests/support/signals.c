/*
 * signals.c - a test program begins with no signal ignored or blocked.
 *
 * nohup(1) ignores HUP, some supervisors more, and what is ignored is inherited
 * by what the tests start.  What lda is to inherit, the test says.
 */
#include <signal.h>
#include <stddef.h>

__attribute__((constructor)) static void
receive_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
		SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGXCPU, SIGXFSZ };
	sigset_t none;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)signal(numbers[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}
