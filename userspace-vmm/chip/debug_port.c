// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Port 0x402: SeaBIOS writes its messages there if it reads back 0xe9. Present with --verbose only,
 * where the messages go to standard error line by line. The guest chooses the bytes, and standard error
 * may be a terminal: what is no printable ASCII becomes a dot. Lines that it has no room for are lost: a
 * vCPU that waited here could not be ended.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "device.h"
#include "machine.h"
#include "output.h"

#define PORT		0x402
#define READBACK	0xe9
#define LINE		160

struct debug_port {
	struct output output;
	pthread_mutex_t lock;	/* protects all below */
	char line[LINE + 1];
	size_t len;
};

static uint64_t debug_read(void *ctx, uint64_t offset, unsigned int size)
{
	(void)ctx;
	(void)offset;
	(void)size;
	return READBACK;
}

static char printable(uint8_t byte)
{
	return (byte >= ' ' && byte <= '~') || byte == '\t' ? byte : '.';
}

/* Lock held. */
static void print_line(struct debug_port *d)
{
	char text[sizeof("firmware: \n") + LINE];
	int len = snprintf(text, sizeof(text), "firmware: %.*s\n", (int)d->len, d->line);

	if (output__write(&d->output, text, len) < 0)
		return;
}

static void debug_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct debug_port *d = ctx;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&d->lock);
	if ((char)value != '\n')
		d->line[d->len++] = printable(value);
	if ((char)value == '\n' || d->len == LINE) {
		print_line(d);
		d->len = 0;
	}
	pthread_mutex_unlock(&d->lock);
}

static const struct bus_ops ops = { .read = debug_read, .write = debug_write };

static void debug_port_destroy(void *state)
{
	struct debug_port *d = state;

	output__close(&d->output);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int debug_port_create(struct machine *m, void **state, struct error *err)
{
	struct debug_port *d;

	if (!m->config->verbose)
		return 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return error__errno(err, "cannot allocate the debug port");
	pthread_mutex_init(&d->lock, NULL);
	if (output__open(&d->output, STDERR_FILENO, err) < 0 ||
	    bus__add(m->pio, PORT, 1, &ops, d) < 0) {
		error__errno(err, "port 0x402 is taken");
		debug_port_destroy(d);
		return -1;
	}
	*state = d;
	return 0;
}

static const struct device_type debug_port = {
	.name = "debug port",
	.order = DEVICE_PLATFORM,
	.create = debug_port_create,
	.destroy = debug_port_destroy,
};
DEVICE_REGISTER(debug_port);
