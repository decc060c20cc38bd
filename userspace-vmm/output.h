/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A descriptor for writing without ever waiting: a terminal that takes a part of a write and then no
 * more would hold up the thread for good. Other programs that share the descriptor see no change, but
 * for the few kinds of file that cannot be opened a second time.
 */
#ifndef MINIVMM_OUTPUT_H
#define MINIVMM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

struct output {
	int fd;			/* our own, for polling */
	int shared;		/* whose O_NONBLOCK we have set; -1: nobody's */
	bool socket;
};

/* @fd stays the caller's, open until output__close(). 0, or -1 with @err. */
int output__open(struct output *output, int fd, struct error *err);
void output__close(struct output *output);
/* As write(2); EAGAIN instead of waiting. */
ssize_t output__write(const struct output *output, const void *data, size_t len);

#endif
