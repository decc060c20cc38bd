// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw mode and its watcher; see terminal.h. The watcher holds the reading end of a pipe: a byte
 * means that the mode was restored in the normal way, end-of-file that this process is gone.
 */
#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct terminal {
	int fd;
	int pipe;
	pid_t watcher;
	struct termios saved;
};

static void close_all_but(int first, int second)
{
	for (int fd = 0; fd < 1024; fd++) {
		if (fd != first && fd != second)
			close(fd);
	}
}

/* In the child: never returns. */
static void watch(int fd, int pipe, const struct termios *saved)
{
	char byte;

	/* Out of reach of signals to the group; and a background process may then set modes. */
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close_all_but(fd, pipe);
	if (read(pipe, &byte, 1) == 0)
		tcsetattr(fd, TCSANOW, saved);
	_exit(0);
}

static int start_watcher(struct terminal *t, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error__errno(err, "cannot create the terminal watcher's pipe");
	t->watcher = fork();
	if (!t->watcher)
		watch(t->fd, ends[0], &t->saved);
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
	struct termios raw = t->saved;

	/* Output processing stays on: our own messages end their lines with a plain newline. */
	raw.c_iflag &= ~(ICRNL | INLCR | IGNCR | IXON | IXOFF | ISTRIP);
	raw.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSANOW, &raw);
}

int terminal__create(struct terminal **out, int fd, struct error *err)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return error__errno(err, "cannot allocate the terminal");
	t->fd = fd;
	if (tcgetattr(fd, &t->saved) < 0) {
		error__errno(err, "cannot read the terminal's mode");
		free(t);
		return -1;
	}
	if (start_watcher(t, err) < 0) {
		free(t);
		return -1;
	}
	set_raw(t);
	*out = t;
	return 0;
}

void terminal__destroy(struct terminal *t)
{
	if (!t)
		return;
	tcsetattr(t->fd, TCSADRAIN, &t->saved);
	/* If the byte does not get through, the watcher restores the same mode once more. */
	if (write(t->pipe, "", 1) == 1)
		waitpid(t->watcher, NULL, 0);
	close(t->pipe);
	free(t);
}
