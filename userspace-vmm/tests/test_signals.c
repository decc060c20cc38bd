// SPDX-License-Identifier: GPL-2.0-or-later
/* What signals do, while a machine runs and at any other time. */
#include "support/ktap.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "signals.h"

/* How a child ended that ran @what; -1: not by an exit. */
static int outcome(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		what();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void signal_while_loading(void)
{
	signals__init();
	raise(SIGTERM);
}

TEST(signal_outside_a_run_ends_the_program_with_its_status)
{
	CHECK(outcome(signal_while_loading) == STATUS_SIGNAL + SIGTERM);
}

static void signal_while_running(void)
{
	struct signalfd_siginfo info;
	int fd;

	signals__init();
	signals__hold();
	fd = signals__open();
	raise(SIGTERM);
	if (read(fd, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != SIGTERM)
		_exit(1);
	signals__release();
	_exit(7);
}

TEST(signal_during_a_run_waits_for_its_reader)
{
	CHECK(outcome(signal_while_running) == 7);
}

static void signal_that_is_ignored(void)
{
	signal(SIGHUP, SIG_IGN);
	signals__init();
	raise(SIGHUP);
	signals__hold();
	raise(SIGHUP);
	signals__release();
	_exit(7);
}

TEST(ignored_signal_stays_ignored)
{
	CHECK(outcome(signal_that_is_ignored) == 7);
}

KTAP_MAIN()
