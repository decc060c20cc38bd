// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw mode and its watcher; see terminal.h. The watcher reads from a pipe what it would have to put
 * back, and does so when end-of-file tells that this process is gone.
 */
#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* What is to be done when this process is gone. Short enough for an atomic write to a pipe. */
struct will {
	bool raw;		/* the mode is ours: put back @saved */
	struct termios saved;
};

struct terminal {
	int fd;
	int pipe;
	pid_t watcher;
	struct will will;
};

static void close_all_but(int first, int second)
{
	for (int fd = 0; fd < 1024; fd++) {
		if (fd != first && fd != second)
			close(fd);
	}
}

/* In the child: never returns. */
static void watch(int fd, int pipe)
{
	struct will will = { 0 }, next;

	/* Out of reach of signals to the group; and a background process may then set modes. */
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close_all_but(fd, pipe);
	while (read(pipe, &next, sizeof(next)) == sizeof(next))
		will = next;
	if (will.raw)
		tcsetattr(fd, TCSANOW, &will.saved);
	_exit(0);
}

static int start_watcher(struct terminal *t, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error__errno(err, "cannot create the terminal watcher's pipe");
	t->watcher = fork();
	if (!t->watcher)
		watch(t->fd, ends[0]);
	close(ends[0]);
	t->pipe = ends[1];
	if (t->watcher < 0) {
		close(ends[1]);
		return error__errno(err, "cannot start the terminal watcher");
	}
	return 0;
}

static void set_raw(const struct terminal *t)
{
	struct termios raw = t->will.saved;

	/* Output processing stays on: our own messages end their lines with a plain newline. */
	raw.c_iflag &= ~(ICRNL | INLCR | IGNCR | IXON | IXOFF | ISTRIP);
	raw.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSANOW, &raw);
}

/* Without a watcher the mode comes back in the normal way only. */
static void tell_watcher(const struct terminal *t)
{
	const struct will will = t->will;

	if (write(t->pipe, &will, sizeof(will)) < 0)
		return;
}

bool terminal__is_ours(const struct terminal *t)
{
	pid_t foreground = tcgetpgrp(t->fd);

	return foreground < 0 || foreground == getpgrp();
}

bool terminal__resume(struct terminal *t)
{
	bool ours = terminal__is_ours(t);

	/* The mode to put back is that of the moment when the terminal becomes ours. */
	if (ours && !t->will.raw && tcgetattr(t->fd, &t->will.saved) < 0)
		return true;
	t->will.raw = ours;
	tell_watcher(t);
	if (ours)
		set_raw(t);
	return ours;
}

int terminal__create(struct terminal **out, int fd, struct error *err)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return error__errno(err, "cannot allocate the terminal");
	t->fd = fd;
	if (tcgetattr(fd, &t->will.saved) < 0) {
		error__errno(err, "cannot read the terminal's mode");
		free(t);
		return -1;
	}
	if (start_watcher(t, err) < 0) {
		free(t);
		return -1;
	}
	/* A job in the background would be stopped for trying. */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	terminal__resume(t);
	*out = t;
	return 0;
}

void terminal__destroy(struct terminal *t)
{
	if (!t)
		return;
	/* Not TCSADRAIN: output that nobody takes would never drain. */
	if (t->will.raw && terminal__is_ours(t))
		tcsetattr(t->fd, TCSANOW, &t->will.saved);
	t->will.raw = false;
	tell_watcher(t);
	close(t->pipe);
	waitpid(t->watcher, NULL, 0);
	free(t);
}
