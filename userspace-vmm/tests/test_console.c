// SPDX-License-Identifier: GPL-2.0-or-later
/* The console between a serial port and a user who does not read, or a guest that does not. */
#include "support/ktap.h"

#include <fcntl.h>
#include <malloc.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "support/board.h"

#define COM1		0x3f8
#define LSR_DATA	0x01
#define LSR_EMPTY	0x60

static int user, saved_in, saved_out;	/* the user's end of a terminal, or of both pipes */
static int to_guest, from_guest;
static struct console *console;

static bool begin(int in, int out)
{
	if (!board__create(16))
		return false;
	fflush(stdout);
	saved_in = dup(STDIN_FILENO);
	saved_out = dup(STDOUT_FILENO);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	close(in);
	if (out != in)
		close(out);
	if (console__create(&console, &board.err) < 0)
		return false;
	board.m.console = console;
	return board__add("serial");
}

static bool begin_on_terminal(void)
{
	int slave;

	if (openpty(&user, &slave, NULL, NULL, NULL) < 0)
		return false;
	to_guest = user;
	from_guest = user;
	fcntl(user, F_SETFL, O_NONBLOCK);
	return begin(slave, slave);
}

static bool begin_on_pipes(void)
{
	int in[2], out[2];

	if (pipe(in) < 0 || pipe(out) < 0)
		return false;
	user = -1;
	to_guest = in[1];
	from_guest = out[0];
	return begin(in[0], out[1]);
}

static void end(void)
{
	board__destroy();
	console__destroy(console);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO);
	close(saved_in);
	close(saved_out);
	close(to_guest);
	if (from_guest != to_guest)
		close(from_guest);
}

/* Takes what CHECK() must not print while standard output is the guest's. */
#define END_AND_CHECK(condition) do {						\
	bool passed = (condition);						\
	end();									\
	CHECK(passed && #condition);						\
} while (0)

static bool send(const char *text, size_t len)
{
	return write(to_guest, text, len) == (ssize_t)len;
}

static void fill_output(void)
{
	for (unsigned int i = 0; i < 1000000 && board__in(COM1 + 5) & LSR_EMPTY; i++) {
		board__out(COM1, 'o');
		if (!(i % 4096))
			board__run(2);
	}
	board__run(2);
}

/* A terminal takes a part of a write and then no more: Ctrl-S, or a window that hangs. */
TEST(terminal_that_stands_still_does_not_stop_the_loop)
{
	uint64_t before;
	bool ok = begin_on_terminal();

	fill_output();
	before = loop__now();
	for (unsigned int i = 0; i < 20; i++)
		board__run(2);
	ok = ok && loop__now() - before < 5000000000ULL && send("\1x", 2);
	board__run(50);
	END_AND_CHECK(ok && board.stopped && !board.status);
}

TEST(terminal_that_reads_again_gets_everything)
{
	char text[4096];
	size_t got = 0;
	ssize_t len;
	bool ok = begin_on_terminal();

	for (unsigned int i = 0; i < 60000; i++)
		board__out(COM1, 'o');
	for (unsigned int i = 0; i < 300 && got < 60000; i++) {
		board__run(2);
		while ((len = read(from_guest, text, sizeof(text))) > 0)
			got += len;
	}
	END_AND_CHECK(ok && got == 60000);
}

TEST(keys_work_with_a_guest_that_reads_nothing)
{
	char text[8192];
	bool ok = begin_on_terminal();

	memset(text, 'z', sizeof(text));
	for (unsigned int i = 0; i < 8; i++) {
		ok = ok && write(to_guest, text, 1000) > 0;
		board__run(20);
	}
	ok = ok && !board.stopped && send("\1x", 2);
	board__run(50);
	END_AND_CHECK(ok && board.stopped && !board.status);
}

TEST(what_was_typed_ahead_arrives_in_order)
{
	char text[200];
	unsigned int got = 0;
	bool ok = begin_on_terminal();

	for (unsigned int i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 26;
	ok = ok && send(text, sizeof(text));
	board__run(20);
	for (unsigned int i = 0; i < 1000 && got < sizeof(text); i++) {
		if (!(board__in(COM1 + 5) & LSR_DATA))
			board__run(1);
		else if (board__in(COM1) != (uint8_t)text[got++])
			ok = false;
	}
	END_AND_CHECK(ok && got == sizeof(text));
}

static uint64_t cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

TEST(closed_input_is_waited_for_without_spinning)
{
	uint64_t before;
	bool ok = begin_on_pipes() && send("0123456789012345678901234567890123456789", 40);

	board__run(50);
	close(to_guest);
	to_guest = dup(from_guest);
	before = cpu_ms();
	board__run(500);
	ok = ok && cpu_ms() - before < 200;
	/* What is still in the pipe comes when there is room. */
	for (unsigned int i = 0; i < 40 && ok; i++) {
		if (!(board__in(COM1 + 5) & LSR_DATA))
			board__run(20);
		ok = board__in(COM1) == (uint8_t)('0' + i % 10);
	}
	END_AND_CHECK(ok);
}

TEST(reads_of_the_empty_register_cost_no_memory)
{
	bool ok = begin_on_pipes();
	size_t before = mallinfo2().uordblks;

	for (unsigned int i = 0; i < 200000; i++)
		board__in(COM1);
	ok = ok && mallinfo2().uordblks < before + 65536;
	board__run(10);
	END_AND_CHECK(ok);
}

TEST(reader_that_goes_away_ends_the_machine)
{
	bool ok = begin_on_pipes();

	signal(SIGPIPE, SIG_IGN);
	board__run(10);
	ok = ok && !board.stopped;
	close(from_guest);
	from_guest = dup(to_guest);
	board__run(20);
	END_AND_CHECK(ok && board.stopped && board.status == STATUS_SIGNAL + SIGPIPE);
}

KTAP_MAIN()
