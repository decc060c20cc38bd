/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine without a kernel behind it, for tests of chips: buses, loop, interrupts and memory are
 * the real ones over fake_kernel.h, machine__request_*() are recorded. Takes machine.o's place.
 */
#ifndef MINIVMM_TESTS_BOARD_H
#define MINIVMM_TESTS_BOARD_H

#include <stdbool.h>

#include "host.h"
#include "machine.h"
#include "support/fake_kernel.h"

struct board {
	struct machine m;
	struct config config;
	struct host host;		/* what outlives a reset */
	struct error err;
	bool reset, stopped, failed;	/* what was requested */
	int status;
	char phase[256];		/* the last one that was reached */
};

extern struct board board;

/* A board with @mib MiB of memory and no chips. False: see board.err. */
bool board__create(unsigned int mib);
void board__destroy(void);
/* A board without chips again, as after the machine's reset. */
bool board__reset(void);

/* Creates the registered device @name; NULL with board.err. The board destroys it. */
void *board__add(const char *name);

/* Creates all devices that are registered, as a machine does. */
bool board__add_all(void);

/* Runs the loop's callbacks for @ms. */
void board__run(unsigned int ms);

/* Port accesses of one byte. */
uint8_t board__in(uint16_t port);
void board__out(uint16_t port, uint8_t value);

#endif
