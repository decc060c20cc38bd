/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signals that ask the program to end, and SIGCONT. While a machine runs they are held and arrive
 * at its loop; at any other time, as while a kernel is loaded, they end the program at once, with the
 * status of a signal. One that was ignored when the program started (nohup) stays ignored.
 */
#ifndef MINIVMM_SIGNALS_H
#define MINIVMM_SIGNALS_H

/* Once, before there are threads. */
void signals__init(void);

/* From here to signals__release() in this thread, and in threads that it starts. */
void signals__hold(void);
void signals__release(void);

/* A signalfd, non-blocking, for signals that are held. -1 with errno. */
int signals__open(void);

#endif
