// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Standard input and output as the guest's console; see console.h. Output passes through a ring
 * that vCPU threads fill (under the mutex) and the loop thread drains; input is read on the loop
 * thread only while the client has room.
 */
#include "console.h"

#include <errno.h>
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

	pthread_mutex_t lock;	/* protects all below */
	uint8_t ring[RING_SIZE];
	size_t head, tail;	/* free-running; head - tail bytes are waiting */
	bool drain_called;
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

/* Takes up to @len waiting bytes out of the ring. */
static size_t take(struct console *console, uint8_t *data, size_t len)
{
	size_t count = 0;

	pthread_mutex_lock(&console->lock);
	while (count < len && console->tail != console->head)
		data[count++] = console->ring[console->tail++ % RING_SIZE];
	if (!count)
		console->drain_called = false;
	pthread_mutex_unlock(&console->lock);
	return count;
}

/* A reader that has gone away ends the output, not the guest. */
static void write_all(const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t done = write(STDOUT_FILENO, data, len);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (done > 0) {
			data += done;
			len -= done;
		}
	}
}

static void drain(void *ctx)
{
	struct console *console = ctx;
	uint8_t data[4096];
	size_t len;

	while ((len = take(console, data, sizeof(data))))
		write_all(data, len);
}

bool console__put(struct console *console, uint8_t byte)
{
	bool call, first, taken;

	pthread_mutex_lock(&console->lock);
	taken = console->head - console->tail < RING_SIZE;
	if (taken)
		console->ring[console->head++ % RING_SIZE] = byte;
	call = !console->drain_called;
	console->drain_called = true;
	first = !console->first_output;
	console->first_output = true;
	pthread_mutex_unlock(&console->lock);

	if (first)
		machine__phase(console->m, "first byte on the console");
	if (call)
		loop__call(console->m->loop, drain, console);
	return taken;
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
	drain(console);
	if (!console->input_ended && console->input_pollable)
		loop__remove(console->m->loop, STDIN_FILENO);
	console->m = NULL;
}
