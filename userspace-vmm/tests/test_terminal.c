// SPDX-License-Identifier: GPL-2.0-or-later
/* The terminal is raw while in use and comes back however the program ends. */
#include "support/ktap.h"

#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "terminal.h"

static int master, slave;

enum ending { END_NORMAL, END_KILL, END_SEGV, END_TERM, END_EXIT };

/* A program that uses the terminal and ends in the given way. */
static void program(enum ending how, int ready)
{
	static const struct rlimit no_core;
	struct error err = { 0 };
	struct terminal *t;

	setrlimit(RLIMIT_CORE, &no_core);
	if (terminal__create(&t, slave, &err) < 0)
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	/* The parent looks at the raw mode, then lets us go on. */
	raise(SIGSTOP);
	switch (how) {
	case END_NORMAL:
		terminal__destroy(t);
		_exit(0);
	case END_KILL:
		raise(SIGKILL);
		break;
	case END_SEGV:
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		break;
	case END_TERM:
		raise(SIGTERM);
		break;
	case END_EXIT:
		_exit(0);
	}
}

static bool raw(void)
{
	struct termios mode;

	return !tcgetattr(slave, &mode) && !(mode.c_lflag & (ICANON | ECHO | ISIG));
}

/* The watcher needs a moment after the program's death. */
static bool comes_back(void)
{
	for (unsigned int i = 0; i < 500 && raw(); i++)
		usleep(10000);
	return !raw();
}

/* True if the mode was raw during the program and is back after it. */
static bool survives(enum ending how)
{
	bool was_raw = false;
	int ends[2], status;
	char byte;
	pid_t pid;

	if (openpty(&master, &slave, NULL, NULL, NULL) < 0 || pipe(ends) < 0 || raw())
		return false;
	pid = fork();
	if (!pid) {
		program(how, ends[1]);
		_exit(1);
	}
	if (read(ends[0], &byte, 1) == 1) {
		was_raw = raw();
		waitpid(pid, &status, WUNTRACED);
		kill(pid, SIGCONT);
	}
	waitpid(pid, &status, 0);
	was_raw = was_raw && comes_back();
	close(master);
	close(slave);
	close(ends[0]);
	close(ends[1]);
	return was_raw;
}

TEST(restored_at_the_normal_end)
{
	CHECK(survives(END_NORMAL));
}

TEST(restored_after_sigkill)
{
	CHECK(survives(END_KILL));
}

TEST(restored_after_a_crash)
{
	CHECK(survives(END_SEGV));
}

TEST(restored_after_sigterm)
{
	CHECK(survives(END_TERM));
}

TEST(restored_after_an_exit_without_cleaning_up)
{
	CHECK(survives(END_EXIT));
}

KTAP_MAIN()
