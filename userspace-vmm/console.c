// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Standard input and output as the guest's console; see console.h. Output passes through a ring
 * that vCPU threads fill (under the mutex) and the loop thread drains as fast as the reader takes
 * it, without blocking; input is read on the loop thread only while the client has room.
 */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "machine.h"
#include "terminal.h"

#define RING_SIZE	65536
#define INPUT_CHUNK	256
#define OUTPUT_CHUNK	4096	/* what a ready pipe takes without blocking */
#define LAST_WAIT_MS	1000	/* for a slow reader, when the machine ends */
#define ESCAPE		0x01	/* Ctrl-A */

static const char help[] =
	"\r\n"
	"Ctrl-A x  quit, the machine is switched off at once\r\n"
	"Ctrl-A p  press the power button\r\n"
	"Ctrl-A a  send Ctrl-A to the guest\r\n"
	"Ctrl-A h  this help\r\n";

struct console {
	struct terminal *terminal;	/* NULL: standard input is no terminal */
	struct machine *m;		/* NULL: not attached */
	struct console_client client;

	/* Loop thread's own. */
	bool escape;		/* the last byte was Ctrl-A */
	bool input_ended;
	bool input_watched;
	bool input_pollable;
	bool output_watched;

	pthread_mutex_t lock;	/* protects all below */
	uint8_t ring[RING_SIZE];
	size_t head, tail;	/* free-running; head - tail bytes are waiting */
	bool draining;		/* the loop thread knows that there is output */
	bool full;		/* the client waits for output_ready() */
	bool first_output;
};

int console__create(struct console **out, struct error *err)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console)
		return error__errno(err, "cannot allocate the console");
	pthread_mutex_init(&console->lock, NULL);
	if (isatty(STDIN_FILENO) && terminal__create(&console->terminal, STDIN_FILENO, err) < 0) {
		console__destroy(console);
		return -1;
	}
	*out = console;
	return 0;
}

void console__destroy(struct console *console)
{
	if (!console)
		return;
	terminal__destroy(console->terminal);
	pthread_mutex_destroy(&console->lock);
	free(console);
}

/* Copies up to @len waiting bytes; 0 ends the draining. */
static size_t peek(struct console *console, uint8_t *data, size_t len)
{
	size_t count;

	pthread_mutex_lock(&console->lock);
	count = console->head - console->tail;
	if (count > len)
		count = len;
	for (size_t i = 0; i < count; i++)
		data[i] = console->ring[(console->tail + i) % RING_SIZE];
	console->draining = count > 0;
	pthread_mutex_unlock(&console->lock);
	return count;
}

/* Removes @len bytes that were written. */
static void consume(struct console *console, size_t len)
{
	bool was_full;

	pthread_mutex_lock(&console->lock);
	console->tail += len;
	was_full = console->full;
	console->full = false;
	pthread_mutex_unlock(&console->lock);
	if (was_full && len)
		console->client.output_ready(console->client.ctx);
}

static bool output_ready(int timeout_ms)
{
	struct pollfd poll_fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&poll_fd, 1, timeout_ms) > 0;
}

/*
 * Writes until the ring is empty (true) or the reader has taken nothing for @timeout_ms. A reader
 * that has gone away ends the output, not the guest.
 */
static bool write_out(struct console *console, int timeout_ms)
{
	uint8_t data[OUTPUT_CHUNK];
	size_t len;

	while ((len = peek(console, data, sizeof(data)))) {
		ssize_t done;

		if (!output_ready(timeout_ms))
			return false;
		done = write(STDOUT_FILENO, data, len);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		consume(console, done < 0 ? len : (size_t)done);
	}
	return true;
}

static void watch_output(struct console *console, bool on);

static void drain(void *ctx)
{
	struct console *console = ctx;

	watch_output(console, !write_out(console, 0));
}

static void output_event(void *ctx, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	drain(ctx);
}

static void watch_output(struct console *console, bool on)
{
	if (on == console->output_watched)
		return;
	console->output_watched = on;
	if (on)
		loop__add(console->m->loop, STDOUT_FILENO, EPOLLOUT, output_event, console);
	else
		loop__remove(console->m->loop, STDOUT_FILENO);
}

bool console__put(struct console *console, uint8_t byte)
{
	bool call, first, room;

	pthread_mutex_lock(&console->lock);
	if (console->head - console->tail < RING_SIZE)
		console->ring[console->head++ % RING_SIZE] = byte;
	room = console->head - console->tail < RING_SIZE;
	console->full = !room;
	call = !console->draining;
	console->draining = true;
	first = !console->first_output;
	console->first_output = true;
	pthread_mutex_unlock(&console->lock);

	if (first)
		machine__phase(console->m, "first byte on the console");
	if (call)
		loop__call(console->m->loop, drain, console);
	return room;
}

static void print_help(struct console *console)
{
	for (const char *p = help; *p; p++)
		console__put(console, *p);
}

/* Acts on the byte after Ctrl-A; true if it is input for the guest. */
static bool escaped(struct console *console, uint8_t byte)
{
	switch (byte) {
	case 'x':
		machine__request_stop(console->m, STATUS_OK);
		return false;
	case 'p':
		console->m->power_button(console->m->power_button_ctx);
		return false;
	case 'h':
	case '?':
		print_help(console);
		return false;
	default:
		return byte == 'a' || byte == ESCAPE;
	}
}

/* Filters @data in place: takes the escapes out, gives the guest's length. */
static size_t filter(struct console *console, uint8_t *data, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (console->escape) {
			console->escape = false;
			if (escaped(console, data[i]))
				data[kept++] = ESCAPE;
		} else if (data[i] == ESCAPE) {
			console->escape = true;
		} else {
			data[kept++] = data[i];
		}
	}
	return kept;
}

static void watch_input(struct console *console, bool on)
{
	if (!console->input_pollable || console->input_watched == on)
		return;
	console->input_watched = on;
	loop__modify(console->m->loop, STDIN_FILENO, on ? EPOLLIN : 0);
}

static void end_input(struct console *console)
{
	console->input_ended = true;
	if (console->input_pollable)
		loop__remove(console->m->loop, STDIN_FILENO);
}

/* Reads once, as much as the client takes. */
static void read_input(struct console *console)
{
	size_t room = console->client.room(console->client.ctx);
	uint8_t data[INPUT_CHUNK];
	ssize_t len;

	watch_input(console, room > 0);
	if (!room)
		return;
	len = read(STDIN_FILENO, data, room < sizeof(data) ? room : sizeof(data));
	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (len <= 0) {
		end_input(console);
		return;
	}
	if (console->terminal)
		len = filter(console, data, len);
	if (len)
		console->client.input(console->client.ctx, data, len);
}

static void input_event(void *ctx, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	read_input(ctx);
}

/* The client has room again: watch, or read at once what cannot be watched (a plain file). */
static void resume_input(void *ctx)
{
	struct console *console = ctx;

	if (console->input_ended)
		return;
	if (console->input_pollable)
		watch_input(console, true);
	else
		read_input(console);
}

void console__input_ready(struct console *console)
{
	loop__call(console->m->loop, resume_input, console);
}

int console__attach(struct console *console, struct machine *m, const struct console_client *client,
		    struct error *err)
{
	console->m = m;
	console->client = *client;
	/* What the machine before left undone is nobody's now. */
	console->draining = false;
	console->full = false;
	if (console->input_ended)
		return 0;

	console->input_watched = true;
	console->input_pollable = true;
	if (!loop__add(m->loop, STDIN_FILENO, EPOLLIN, input_event, console))
		return 0;
	console->input_pollable = false;
	if (errno != EPERM && errno != EBADF)
		return error__errno(err, "cannot watch standard input");
	if (errno == EBADF)
		console->input_ended = true;
	else
		console__input_ready(console);
	return 0;
}

void console__detach(struct console *console)
{
	write_out(console, LAST_WAIT_MS);
	watch_output(console, false);
	if (!console->input_ended && console->input_pollable)
		loop__remove(console->m->loop, STDIN_FILENO);
	console->m = NULL;
}
