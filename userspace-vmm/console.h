/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user's side of the guest's serial console: standard input and output. Created once per
 * program, before any thread; survives machine resets. A reader of standard output that goes away ends
 * the machine. A terminal is put in raw mode and put back
 * by console__destroy(), or by a watcher process if the program dies in any other way.
 */
#ifndef MINIVMM_CONSOLE_H
#define MINIVMM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct console;
struct machine;

struct console_client {
	/* How many bytes of input the guest's chip can take now. Loop thread. */
	size_t (*room)(void *ctx);
	/* Input for the guest, at most room() bytes. Loop thread. */
	void (*input)(void *ctx, const uint8_t *data, size_t len);
	/* Output has room again after console__put() said that it was full. Loop thread. */
	void (*output_ready)(void *ctx);
	void *ctx;
};

int console__create(struct console **console, struct error *err);
void console__destroy(struct console *console);

/* Connects a chip of machine @m, until detached; its loop then carries the console. */
int console__attach(struct console *console, struct machine *m, const struct console_client *client,
		    struct error *err);
/* Writes out what is left and lets go of the loop. Loop thread. */
void console__detach(struct console *console);

/*
 * Takes a byte for output; false if the buffer is full now: the next byte would be lost, and
 * output_ready() tells when it would no longer be. Any thread.
 */
bool console__put(struct console *console, uint8_t byte);
/*
 * The process was continued after a stop: a terminal is made raw again if this is the foreground job
 * now. Loop thread.
 */
void console__continued(struct console *console);
/* The client can take input again. Any thread. */
void console__input_ready(struct console *console);

#endif
