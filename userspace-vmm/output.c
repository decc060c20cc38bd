// SPDX-License-Identifier: GPL-2.0-or-later
/* See output.h. */
#include "output.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Terminals and pipes: opened once more, with O_NONBLOCK of its own. */
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* A terminal of another user (after su) cannot be opened: the flag of the one we have must do. */
static void make_shared_non_blocking(struct output *output, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_NONBLOCK || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return;
	output->shared = fd;
}

int output__open(struct output *output, int fd, struct error *err)
{
	struct stat st = { 0 };
	bool waits;

	fstat(fd, &st);
	waits = S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode);
	*output = (struct output){ .fd = -1, .shared = -1, .socket = S_ISSOCK(st.st_mode) };
	if (waits)
		output->fd = open_again(fd);
	if (output->fd >= 0)
		return 0;
	output->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (output->fd < 0)
		return error__errno(err, "cannot use standard output or error");
	if (waits)
		make_shared_non_blocking(output, fd);
	return 0;
}

void output__close(struct output *output)
{
	if (output->shared >= 0)
		fcntl(output->shared, F_SETFL, fcntl(output->shared, F_GETFL) & ~O_NONBLOCK);
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
}

ssize_t output__write(const struct output *output, const void *data, size_t len)
{
	if (output->socket)
		return send(output->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(output->fd, data, len);
}
