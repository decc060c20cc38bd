// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Standard input and output as the guest's console; see console.h. Output passes through a ring
 * that vCPU threads fill (under the mutex) and the loop thread drains as fast as the reader takes
 * it, without blocking. Input is read on the loop thread: from a terminal always, for Ctrl-A's sake,
 * else only while the client has room.
 */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "machine.h"
#include "output.h"
#include "terminal.h"

#define RING_SIZE	65536
#define INPUT_CHUNK	256
#define TYPED_SIZE	4096	/* typed ahead of the guest; more is lost */
#define OUTPUT_CHUNK	4096
#define LAST_WAIT_MS	1000	/* for a slow reader, when the machine ends */
#define LAST_STEP_MS	100
#define ESCAPE		0x01	/* Ctrl-A */

static const char help[] =
	"\r\n"
	"Ctrl-A x  quit, the machine is switched off at once\r\n"
	"Ctrl-A p  press the power button\r\n"
	"Ctrl-A a  send Ctrl-A to the guest\r\n"
	"Ctrl-A h  this help\r\n";

struct console {
	struct terminal *terminal;	/* NULL: standard input is no terminal */
	struct output output;
	struct machine *m;		/* NULL: not attached */
	struct console_client client;

	/* Loop thread's own. */
	bool escape;		/* the last byte was Ctrl-A */
	bool input_ended;
	bool input_watched;
	bool input_pollable;
	bool output_pollable;
	uint8_t typed[TYPED_SIZE];	/* on a terminal: what the client has no room for yet */
	size_t typed_head, typed_tail;	/* free-running */

	pthread_mutex_t lock;	/* protects all below */
	uint8_t ring[RING_SIZE];
	size_t head, tail;	/* free-running; head - tail bytes are waiting */
	bool draining;		/* the loop thread knows that there is output */
	bool full;		/* the client waits for output_ready() */
	bool resuming;		/* the loop thread knows that there is room for input */
	bool first_output;
};

int console__create(struct console **out, struct error *err)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console)
		return error__errno(err, "cannot allocate the console");
	pthread_mutex_init(&console->lock, NULL);
	if (output__open(&console->output, STDOUT_FILENO, err) < 0 ||
	    (isatty(STDIN_FILENO) &&
	     terminal__create(&console->terminal, STDIN_FILENO, err) < 0)) {
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
	output__close(&console->output);
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

/* Nobody reads any more: the machine ends as other programs do whose output is closed. */
static void reader_is_gone(struct console *console)
{
	machine__request_stop(console->m, STATUS_SIGNAL + SIGPIPE);
}

static bool would_block(void)
{
	return errno == EINTR || errno == EAGAIN;
}

/* Writes until the ring is empty (true) or the reader takes no more. A full file loses the rest. */
static bool write_out(struct console *console)
{
	uint8_t data[OUTPUT_CHUNK];
	size_t len;

	while ((len = peek(console, data, sizeof(data)))) {
		ssize_t done = output__write(&console->output, data, len);

		if (done < 0 && would_block())
			return false;
		if (done < 0 && (errno == EPIPE || errno == EIO))
			reader_is_gone(console);
		consume(console, done < 0 ? len : (size_t)done);
	}
	return true;
}

/* The same, but waits for a slow reader, @ms at most. */
static void write_out_patiently(struct console *console, unsigned int ms)
{
	struct pollfd poll_fd = { .fd = console->output.fd, .events = POLLOUT };
	uint64_t end = loop__now() + ms * 1000000ULL;

	while (!write_out(console) && loop__now() < end) {
		poll(&poll_fd, 1, LAST_STEP_MS);
		/* Ready, and yet it may have no room for a newline, which is two bytes. */
		usleep(1000);
	}
}

static void watch_output(struct console *console, bool on);

static void drain(void *ctx)
{
	struct console *console = ctx;

	watch_output(console, !write_out(console));
}

static void output_event(void *ctx, int fd, uint32_t events)
{
	struct console *console = ctx;

	if (events & (EPOLLERR | EPOLLHUP)) {
		loop__remove(console->m->loop, fd);
		console->output_pollable = false;
		reader_is_gone(console);
		return;
	}
	drain(console);
}

/* For room; that the reader goes away is always watched for. */
static void watch_output(struct console *console, bool on)
{
	if (console->output_pollable)
		loop__modify(console->m->loop, console->output.fd, on ? EPOLLOUT : 0);
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

static void input_event(void *ctx, int fd, uint32_t events);

/* Not by an empty set of events: a closed pipe is ready whatever is asked for. */
static void watch_input(struct console *console, bool on)
{
	if (!console->input_pollable || console->input_watched == on)
		return;
	console->input_watched = on;
	if (on)
		loop__add(console->m->loop, STDIN_FILENO, EPOLLIN, input_event, console);
	else
		loop__remove(console->m->loop, STDIN_FILENO);
}

static void end_input(struct console *console)
{
	console->input_ended = true;
	watch_input(console, false);
}

static size_t typed(const struct console *console)
{
	return console->typed_head - console->typed_tail;
}

/* Gives the client of what was typed as much as it takes. */
static void deliver_typed(struct console *console)
{
	size_t room = console->client.room(console->client.ctx), len = 0;
	uint8_t data[INPUT_CHUNK];

	while (len < room && len < sizeof(data) && typed(console))
		data[len++] = console->typed[console->typed_tail++ % TYPED_SIZE];
	if (len)
		console->client.input(console->client.ctx, data, len);
}

static void take_typed(struct console *console, uint8_t *data, size_t len)
{
	len = filter(console, data, len);
	for (size_t i = 0; i < len && typed(console) < TYPED_SIZE; i++)
		console->typed[console->typed_head++ % TYPED_SIZE] = data[i];
	deliver_typed(console);
}

/* Reads once. Only a terminal is read although the client has no room. */
static void read_input(struct console *console)
{
	size_t room = INPUT_CHUNK;
	uint8_t data[INPUT_CHUNK];
	ssize_t len;

	if (!console->terminal)
		room = console->client.room(console->client.ctx);
	watch_input(console, room > 0);
	if (!room)
		return;
	len = read(STDIN_FILENO, data, room < sizeof(data) ? room : sizeof(data));
	if (len < 0 && would_block())
		return;
	if (len < 0 && console->terminal && !terminal__is_ours(console->terminal))
		watch_input(console, false);	/* until console__continued() */
	else if (len <= 0)
		end_input(console);
	else if (console->terminal)
		take_typed(console, data, len);
	else
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

	pthread_mutex_lock(&console->lock);
	console->resuming = false;
	pthread_mutex_unlock(&console->lock);
	if (console->terminal)
		deliver_typed(console);
	else if (console->input_pollable && !console->input_ended)
		watch_input(console, true);
	else if (!console->input_ended)
		read_input(console);
}

/* A guest may ask for input faster than the loop turns: one call is enough. */
void console__input_ready(struct console *console)
{
	bool call;

	pthread_mutex_lock(&console->lock);
	call = !console->resuming;
	console->resuming = true;
	pthread_mutex_unlock(&console->lock);
	if (call)
		loop__call(console->m->loop, resume_input, console);
}

void console__continued(struct console *console)
{
	if (console->terminal && terminal__resume(console->terminal) && console->m &&
	    !console->input_ended)
		watch_input(console, true);
}

static int watch_new_input(struct console *console, struct error *err)
{
	if (console->input_ended)
		return 0;
	console->input_watched = true;
	console->input_pollable = true;
	if (!loop__add(console->m->loop, STDIN_FILENO, EPOLLIN, input_event, console))
		return 0;
	console->input_watched = false;
	console->input_pollable = false;
	if (errno != EPERM && errno != EBADF)
		return error__errno(err, "cannot watch standard input");
	console->input_ended = errno == EBADF;
	return 0;
}

int console__attach(struct console *console, struct machine *m, const struct console_client *client,
		    struct error *err)
{
	console->m = m;
	console->client = *client;
	/* What the machine before left undone is nobody's now. */
	console->draining = false;
	console->full = false;
	console->resuming = false;
	console->output_pollable = !loop__add(m->loop, console->output.fd, 0, output_event, console);
	if (console->terminal)
		terminal__resume(console->terminal);
	if (watch_new_input(console, err) < 0)
		return -1;
	/* A plain file is not watched, and something may have been typed ahead. */
	console__input_ready(console);
	return 0;
}

void console__detach(struct console *console)
{
	write_out_patiently(console, LAST_WAIT_MS);
	if (console->output_pollable)
		loop__remove(console->m->loop, console->output.fd);
	watch_input(console, false);
	console->m = NULL;
}
