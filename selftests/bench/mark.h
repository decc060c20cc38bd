/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks between which tools/lab/run --instrument counts instructions; elsewhere
 * they do nothing. For root, and for the emulated host only: a real machine may
 * have something at the port.
 *
 * By /dev/port, since a thread that had the port itself (iopl, ioperm) would have
 * its task register loaded after each exit on Intel. What that costs is counted,
 * too: the way out of the one system call and into the other. mark(0); mark(N)
 * shows it.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#include <err.h>
#include <fcntl.h>
#include <unistd.h>

#define MARK_PORT	0x8901
#define MARK_START	0

/* MARK_START, or the label, up to 255, of what was counted since the start. */
static inline void mark(unsigned char label)
{
	static int port = -1;

	if (port < 0)
		port = open("/dev/port", O_WRONLY | O_CLOEXEC);
	if (pwrite(port, &label, 1, MARK_PORT) != 1)
		err(1, "/dev/port");
}

#endif
