// SPDX-License-Identifier: GPL-2.0-or-later
/* See signals.h. */
#include "signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "error.h"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static sigset_t held;

/* No destructor runs: a terminal's mode is the watcher's to restore (terminal.h). */
static void end(int signal)
{
	_exit(STATUS_SIGNAL + signal);
}

void signals__init(void)
{
	sigemptyset(&held);
	sigaddset(&held, SIGCONT);
	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction action = { .sa_handler = end }, old;

		if (sigaction(ends[i], NULL, &old) < 0 || old.sa_handler == SIG_IGN)
			continue;
		sigaction(ends[i], &action, NULL);
		sigaddset(&held, ends[i]);
	}
	/* The parent may have had them blocked. */
	signals__release();
}

void signals__hold(void)
{
	pthread_sigmask(SIG_BLOCK, &held, NULL);
}

void signals__release(void)
{
	pthread_sigmask(SIG_UNBLOCK, &held, NULL);
}

int signals__open(void)
{
	return signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
}
